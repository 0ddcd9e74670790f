//! Roles as usersInfo and alluserroles show them: one entry per role and bot, with the groups it comes through.

use super::{ApiError, Call, wire};
use crate::sandbox::dialect::{
    BuilderGroups, DeletedBotBindings, HeldBothWays, UsersInfoRoleGroups, WhilePending,
};
use crate::sandbox::store::bindings::{self, Holding, OtherRoles};
use crate::sandbox::store::deleted_bots;
use crate::sandbox::store::roles::RoleKind;
use crate::sandbox::store::users::User;
use serde::Serialize;
use std::collections::HashMap;

/// A role a user holds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeldRole {
    role_id: String,
    role_name: String,
    /// Names of the groups it comes through; empty: held directly.
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bot_name: Option<String>,
}

/// All roles of one person.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeldRoles {
    pub(crate) bt_roles: Vec<HeldRole>,
    pub(crate) admin_roles: Vec<HeldRole>,
}

impl HeldRoles {
    /// Leaves `groups` out of entries, as shortened answers do.
    pub(crate) fn shorten(&mut self, rule: UsersInfoRoleGroups) {
        for held in self.bt_roles.iter_mut().chain(&mut self.admin_roles) {
            let is_direct = held.groups.as_ref().is_none_or(Vec::is_empty);
            match rule {
                UsersInfoRoleGroups::WhenHeld if is_direct => held.groups = None,
                UsersInfoRoleGroups::Never => held.groups = None,
                UsersInfoRoleGroups::Always | UsersInfoRoleGroups::WhenHeld => {}
            }
        }
    }
}

/// The roles of all `users`, by `seq`.
pub(crate) fn roles_of(call: &Call<'_>, users: &[User]) -> Result<HashMap<i64, HeldRoles>, ApiError> {
    let seqs: Vec<i64> = users.iter().map(|user| user.seq).collect();
    let hide_direct = call.dialect.pending_roles == WhilePending::HiddenUntilJoined;
    let pending: Vec<i64> =
        users.iter().filter(|user| hide_direct && !user.state.has_joined()).map(|user| user.seq).collect();
    let others = match call.dialect.deleted_bot_bindings {
        DeletedBotBindings::Shown => {
            deleted_bots::roles_on(&deleted_bots::restorable(call.conn, call.account.seq, call.now)?)
        }
        DeletedBotBindings::Hidden | DeletedBotBindings::Dropped => OtherRoles::default(),
    };
    let mut holdings = bindings::holdings_with(call.conn, &seqs, &others)?;
    if call.dialect.builder_groups == BuilderGroups::AsMembers {
        for way in holdings.iter_mut().filter(|way| way.is_from_app) {
            way.group = None;
        }
    }
    let mut held: HashMap<i64, HeldRoles> = HashMap::with_capacity(users.len());
    // Sorted by user, role and bot: the ways of one binding stand together, the direct one first.
    let same = |one: &Holding, other: &Holding| {
        one.user == other.user && one.role_id == other.role_id && one.bot == other.bot
    };
    for ways in holdings.chunk_by(same) {
        let first = &ways[0];
        let direct = ways.iter().any(|way| way.group.is_none()) && !pending.contains(&first.user);
        let shown_name =
            |name: &String| wire::bot_name_in_roles(call.dialect, name, first.former_bot_name.as_ref());
        let groups: Vec<String> = ways.iter().filter_map(|way| way.group.clone()).collect();
        let roles = held.entry(first.user).or_default();
        let list = match first.kind {
            RoleKind::Admin => &mut roles.admin_roles,
            RoleKind::Bot => &mut roles.bt_roles,
        };
        let entry = |groups: Vec<String>| HeldRole {
            role_id: first.role_id.clone(),
            role_name: wire::role_name(call.dialect, first.kind, first.is_system, &first.role_name),
            groups: Some(groups),
            bot_id: first.bot.as_ref().map(|(id, _)| id.clone()),
            bot_name: first.bot.as_ref().map(|(_, name)| shown_name(name)),
        };
        match (direct, groups.is_empty(), call.dialect.held_both_ways) {
            (false, true, _) => {}
            (true, false, HeldBothWays::Twice) => list.extend([entry(Vec::new()), entry(groups)]),
            (true, false, HeldBothWays::OnceAsDirect) => list.push(entry(Vec::new())),
            _ => list.push(entry(groups)),
        }
    }
    Ok(held)
}
