//! The truth of one account as a value: what tests compare before and after. Everything by name, sorted, so that
//! two equal accounts are equal values.

use crate::sandbox::error::SandboxError;
use crate::sandbox::mail;
use crate::sandbox::store::accounts::{self, Account};
use crate::sandbox::store::bots::{self, BotStatus};
use crate::sandbox::store::groups::{self, GroupSource};
use crate::sandbox::store::roles::{self, RoleKind};
use crate::sandbox::store::users::{self, UserState};
use crate::sandbox::store::{bindings, mails};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The truth of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The account's id.
    pub account: String,
    /// Whether the console asks for a second factor.
    pub two_factor: bool,
    /// By e-mail as stored.
    pub users: BTreeMap<String, UserTruth>,
    /// By name; the system group is left out.
    pub groups: BTreeMap<String, GroupTruth>,
    /// By kind and name, as `admin/admin`, `bot/Bot Owner`.
    pub roles: BTreeMap<String, RoleTruth>,
    /// By id.
    pub bots: BTreeMap<String, BotTruth>,
    /// Invitation mails by address, also of people who are gone.
    pub invitations: BTreeMap<String, usize>,
}

/// The truth about one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserTruth {
    /// `u-...`.
    pub id: String,
    /// Where they stand.
    pub state: UserState,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// The organisation's id.
    pub org_user_id: Option<String>,
    /// Profile fields.
    pub profile: Map<String, Value>,
    /// May enter the builder.
    pub is_developer: bool,
    /// May create bots.
    pub can_create_bot: bool,
    /// May create data tables; `None`: never set.
    pub data_tables: Option<bool>,
    /// Admin roles held directly.
    pub admin_roles: Vec<String>,
    /// Bot roles held directly, as (role, bot name).
    pub bot_roles: Vec<(String, String)>,
    /// Roles held through groups, as (role, bot name if any, group).
    pub inherited: Vec<(String, Option<String>, String)>,
    /// Groups, without the system group.
    pub groups: Vec<String>,
    /// Assigned bots by name; `None`: all dialogs, else their ids.
    pub assignments: BTreeMap<String, Option<Vec<String>>>,
}

/// The truth about one group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupTruth {
    /// `e-...`.
    pub id: String,
    /// Where it comes from.
    pub source: GroupSource,
    /// Child groups.
    pub groups: Vec<String>,
    /// Roles it holds, as (role, bot name if any).
    pub roles: Vec<(String, Option<String>)>,
}

/// The truth about one role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleTruth {
    /// 24 hex digits.
    pub id: String,
    /// Stable across environments.
    pub ref_id: String,
    /// Whether the role comes with the account.
    pub is_system: bool,
    /// Description of the role; may be empty.
    pub description: String,
    /// Permission to level, as plain strings.
    pub permissions: Map<String, Value>,
}

/// The truth about one bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BotTruth {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: BotStatus,
    /// For the enterprise's people.
    pub is_enterprise: bool,
    /// Dialogs by id.
    pub dialogs: BTreeMap<String, String>,
}

pub(crate) fn take(conn: &Connection, account: &Account) -> Result<Snapshot, SandboxError> {
    Ok(Snapshot {
        account: account.id.clone(),
        // The rest of `account` does not change; this does.
        two_factor: accounts::by_seq(conn, account.seq)?.two_factor,
        users: people(conn, account.seq)?,
        groups: all_groups(conn, account.seq)?,
        roles: all_roles(conn, account.seq)?,
        bots: all_bots(conn, account.seq)?,
        invitations: mails::counts(conn, account.seq, mail::INVITATION)?.into_iter().collect(),
    })
}

fn people(conn: &Connection, account: i64) -> Result<BTreeMap<String, UserTruth>, SandboxError> {
    let (rows, _) = users::page(conn, account, true, 0, usize::try_from(i64::MAX).unwrap_or(usize::MAX))?;
    let seqs: Vec<i64> = rows.iter().map(|user| user.seq).collect();
    let mut write_only: BTreeMap<i64, (Map<String, Value>, Option<bool>)> = conn
        .prepare("SELECT seq, profile, data_tables FROM users WHERE account_seq = ?1")?
        .query_map([account], |row| {
            let profile = serde_json::from_str(row.get_ref(1)?.as_str()?).unwrap_or_default();
            Ok((row.get(0)?, (profile, row.get(2)?)))
        })?
        .collect::<Result<_, _>>()?;
    let mut truths: BTreeMap<i64, (String, UserTruth)> = rows
        .into_iter()
        .map(|user| {
            let (profile, data_tables) = write_only.remove(&user.seq).unwrap_or_default();
            let truth = UserTruth {
                id: user.id,
                state: user.state,
                first_name: user.first_name,
                last_name: user.last_name,
                org_user_id: user.org_user_id,
                profile,
                is_developer: user.is_developer,
                can_create_bot: user.can_create_bot,
                data_tables,
                admin_roles: Vec::new(),
                bot_roles: Vec::new(),
                inherited: Vec::new(),
                groups: Vec::new(),
                assignments: BTreeMap::new(),
            };
            (user.seq, (user.email, truth))
        })
        .collect();
    for holding in bindings::holdings(conn, &seqs)? {
        let Some((_, truth)) = truths.get_mut(&holding.user) else { continue };
        let bot = holding.bot.map(|(_, name)| name);
        match (holding.group, bot) {
            (Some(group), bot) => truth.inherited.push((holding.role_name, bot, group)),
            (None, Some(bot)) => truth.bot_roles.push((holding.role_name, bot)),
            (None, None) => truth.admin_roles.push(holding.role_name),
        }
    }
    for (user, _, name) in groups::of_users(conn, &seqs, false)? {
        if let Some((_, truth)) = truths.get_mut(&user) {
            truth.groups.push(name);
        }
    }
    for assignment in bindings::assignments(conn, &seqs)? {
        if let Some((_, truth)) = truths.get_mut(&assignment.user) {
            let dialogs = (!assignment.all_dialogs).then_some(assignment.dialogs);
            truth.assignments.insert(assignment.bot_name, dialogs);
        }
    }
    Ok(truths.into_values().map(sorted).collect())
}

fn sorted((email, mut truth): (String, UserTruth)) -> (String, UserTruth) {
    truth.admin_roles.sort();
    truth.bot_roles.sort();
    truth.inherited.sort();
    truth.groups.sort();
    (email, truth)
}

fn all_groups(conn: &Connection, account: i64) -> Result<BTreeMap<String, GroupTruth>, SandboxError> {
    let rows = groups::all(conn, account, false)?;
    let seqs: Vec<i64> = rows.iter().map(|group| group.seq).collect();
    let children = groups::children(conn, &seqs)?;
    let mut held = conn.prepare(
        "SELECT r.name, b.name FROM group_roles h JOIN roles r ON r.seq = h.role_seq
         LEFT JOIN bots b ON b.seq = h.bot_seq WHERE h.group_seq = ?1 ORDER BY 1, 2",
    )?;
    rows.into_iter()
        .map(|group| {
            let child =
                |(parent, child): &(i64, groups::Group)| (*parent == group.seq).then(|| child.name.clone());
            let roles = held
                .query_map([group.seq], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let truth = GroupTruth {
                id: group.id.clone(),
                source: group.source,
                groups: children.iter().filter_map(child).collect(),
                roles,
            };
            Ok((group.name, truth))
        })
        .collect()
}

fn all_roles(conn: &Connection, account: i64) -> Result<BTreeMap<String, RoleTruth>, SandboxError> {
    let mut truths = BTreeMap::new();
    for kind in [RoleKind::Admin, RoleKind::Bot] {
        for role in roles::all(conn, account, kind)? {
            let truth = RoleTruth {
                id: role.id,
                ref_id: role.ref_id,
                is_system: role.is_system,
                description: role.description,
                permissions: role.permissions,
            };
            truths.insert(format!("{}/{}", kind.word(), role.name), truth);
        }
    }
    Ok(truths)
}

fn all_bots(conn: &Connection, account: i64) -> Result<BTreeMap<String, BotTruth>, SandboxError> {
    let count = bots::count(conn, account)?;
    bots::page(conn, account, 0, count)?
        .into_iter()
        .map(|bot| {
            let truth = BotTruth {
                name: bot.name,
                status: bot.status,
                is_enterprise: bot.is_enterprise,
                dialogs: bots::dialogs(conn, bot.seq)?.into_iter().collect(),
            };
            Ok((bot.id, truth))
        })
        .collect()
}
