//! User Management > Users > one person: admin roles, and bots with the roles on them.

use super::user::{path_of, person};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::role_rules::{self, HolderRef, shown_name};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::bindings::{self, Holding};
use crate::sandbox::store::bots::{self, Bot};
use crate::sandbox::store::roles::{self, Role, RoleKind};
use crate::sandbox::store::users::User;
use rusqlite::Connection;

// Which role it is about decides further: `role_rules::may_give`.
const ADMIN: Needs = Needs::Any(&[Permission::CustomAdminRoles, Permission::ManageUsers]);
const BOT: Needs = Needs::Any(&[Permission::BotRoles, Permission::ManageUsers]);
const ADD_ADMIN: &str = "/Admin/users/{id}/admin-roles/add";
const ADD_BOT: &str = "/Admin/users/{id}/bot-roles/add";

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::action(ADD_ADMIN, ADMIN, add_admin),
    Route::action("/Admin/users/{id}/admin-roles/remove", ADMIN, remove_admin),
    Route::action(ADD_BOT, BOT, add_bot),
    Route::action("/Admin/users/{id}/bot-roles/change", BOT, change_bot),
    Route::action("/Admin/users/{id}/bot-roles/delete", BOT, delete_bot),
];

/// So many bots can be chosen from a list.
const CHOICES: usize = 500;

/// What the page of a person shows of it.
pub(super) struct UserRolesSection {
    pub(super) admin: Vec<Held>,
    pub(super) on_bots: Vec<Held>,
    /// Admin roles that can be added, with their ids.
    pub(super) admin_choices: Vec<(String, String)>,
    pub(super) bot_choices: Vec<Bot>,
    /// Bot roles that can be given, with their ids.
    pub(super) bot_roles: Vec<(String, String)>,
}

/// One role in one way.
pub(super) struct Held {
    pub(super) role_id: String,
    pub(super) role: String,
    /// Id and name.
    pub(super) bot: Option<(String, String)>,
    pub(super) group: Option<String>,
    /// Whether whoever looks may take it away.
    pub(super) may_change: bool,
}

impl UserRolesSection {
    pub(super) fn new(admin: &AdminContext<'_>, conn: &Connection, user: &User) -> Result<Self, PageError> {
        let admin_roles = roles::all(conn, admin.account.seq, RoleKind::Admin)?;
        let bot_roles = roles::all(conn, admin.account.seq, RoleKind::Bot)?;
        let held = bindings::holdings(conn, &[user.seq])?;
        let is_primary = admin.account.primary_admin.eq_ignore_ascii_case(&user.email);
        let shown = |held: Holding| {
            let role = admin_roles.iter().chain(&bot_roles).find(|role| role.id == held.role_id);
            let may_give = |role: &Role| {
                role_rules::may_give(&admin.rights, role)
                    && !role.is_bot_owner()
                    && !(role.is_master_admin() && is_primary)
            };
            Held {
                may_change: held.group.is_none() && role.is_some_and(may_give),
                role: role.map_or(held.role_name, |role| shown_name(role).to_owned()),
                role_id: held.role_id,
                bot: held.bot,
                group: held.group,
            }
        };
        let has = |role: &Role| held.iter().any(|held| held.group.is_none() && held.role_id == role.id);
        let choice = |role: &Role| (role.id.clone(), shown_name(role).to_owned());
        let may_give = |role: &&Role| role_rules::may_give(&admin.rights, role);
        let admin_choices =
            admin_roles.iter().filter(may_give).filter(|role| !has(role)).map(choice).collect();
        let given =
            bot_roles.iter().filter(|role| !role.is_bot_owner()).filter(may_give).map(choice).collect();
        let bot_choices =
            if admin.may(ADD_BOT) { bots::page(conn, admin.account.seq, 0, CHOICES)? } else { Vec::new() };
        let (admin, on_bots) = held.into_iter().map(shown).partition(|held: &Held| held.bot.is_none());
        Ok(Self { admin, on_bots, admin_choices, bot_choices, bot_roles: given })
    }
}

/// The role of that id, which is of that kind.
fn role(admin: &AdminContext<'_>, conn: &Connection, kind: RoleKind, id: &str) -> Result<Role, PageError> {
    roles::by_id(conn, admin.account.seq, id)?.filter(|role| role.kind == kind).ok_or(PageError::NotFound)
}

fn bot(admin: &AdminContext<'_>, conn: &Connection) -> Result<Bot, PageError> {
    bots::by_id(conn, admin.account.seq, admin.field("bot"))?.ok_or(PageError::NotFound)
}

fn add_admin(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    let given = admin.change(|change| {
        let role = role(admin, change.conn(), RoleKind::Admin, admin.field("role"))?;
        role_rules::give(admin, change, &role, HolderRef::User(&user), None)?;
        Ok(shown_name(&role).to_owned())
    })?;
    Ok(Reply::see(&path_of(&user)).saying(format!("{given} assigned.")))
}

fn remove_admin(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    let taken = admin.change(|change| {
        let role = role(admin, change.conn(), RoleKind::Admin, admin.field("role"))?;
        role_rules::take(admin, change, &role, HolderRef::User(&user), None)?;
        Ok(shown_name(&role).to_owned())
    })?;
    Ok(Reply::see(&path_of(&user)).saying(format!("{taken} removed.")))
}

fn add_bot(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    admin.change(|change| {
        let role = role(admin, change.conn(), RoleKind::Bot, admin.field("role"))?;
        let bot = bot(admin, change.conn())?;
        role_rules::give(admin, change, &role, HolderRef::User(&user), Some(&bot))
    })?;
    Ok(Reply::see(&path_of(&user)).saying("The role is assigned."))
}

/// Another role on the same bot, in place of the one there.
fn change_bot(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    admin.change(|change| {
        let conn = change.conn();
        let before = role(admin, conn, RoleKind::Bot, admin.field("before"))?;
        let after = role(admin, conn, RoleKind::Bot, admin.field("role"))?;
        if before.seq == after.seq {
            return Err(PageError::Refused("Choose another role first.".to_owned()));
        }
        let bot = bot(admin, conn)?;
        role_rules::take(admin, change, &before, HolderRef::User(&user), Some(&bot))?;
        role_rules::give(admin, change, &after, HolderRef::User(&user), Some(&bot))
    })?;
    Ok(Reply::see(&path_of(&user)).saying("The role is changed."))
}

fn delete_bot(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    admin.change(|change| {
        let role = role(admin, change.conn(), RoleKind::Bot, admin.field("role"))?;
        let bot = bot(admin, change.conn())?;
        role_rules::take(admin, change, &role, HolderRef::User(&user), Some(&bot))
    })?;
    Ok(Reply::see(&path_of(&user)).saying("The role is deleted."))
}
