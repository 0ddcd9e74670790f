//! Bots that were deleted, kept so that they can be brought back: their tasks, settings, roles and assignments. What
//! belonged to people or groups that are gone by then stays gone; their web apps, with their secrets, too.

use super::bindings::{Assignment, OtherRoles};
use super::bots::{self, Bot};
use super::tasks::{self, TaskState};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// One row of `deleted_bots`.
#[derive(Debug)]
pub(crate) struct Deleted {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) requested_by: String,
    pub(crate) created_at: String,
    /// When it was deleted.
    pub(crate) at: String,
    pub(crate) backup: BotBackup,
}

/// What is needed to bring a bot back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BotBackup {
    description: String,
    status: bots::BotStatus,
    is_enterprise: bool,
    created_by: String,
    /// Id, name, state.
    tasks: Vec<(String, String, TaskState)>,
    settings: Option<String>,
    /// User, role.
    user_roles: Vec<(i64, i64)>,
    /// Group, role.
    group_roles: Vec<(i64, i64)>,
    /// User, dialogs, other tasks.
    assignments: Vec<(i64, Option<String>, Option<String>)>,
    /// Id of the task, group.
    task_groups: Vec<(String, i64)>,
}

impl Deleted {
    /// Whether it can be restored: it was in use, and is not gone for longer than it is kept.
    pub(crate) fn is_restorable(&self, now: Timestamp) -> bool {
        let is_recent = self.at.parse::<Timestamp>().is_ok_and(|at| now.duration_since(at) <= KEPT);
        is_recent && self.backup.is_restorable()
    }

    /// As it was listed. There is no row for it.
    pub(crate) fn bot(&self) -> Bot {
        let BotBackup { description, status, is_enterprise, created_by, .. } = &self.backup;
        Bot {
            seq: 0,
            id: self.id.clone(),
            name: self.name.clone(),
            description: description.clone(),
            status: *status,
            is_enterprise: *is_enterprise,
            language: "en".to_owned(),
            icon: super::hex_of(&[&self.id, "icon"]),
            created_at: self.created_at.clone(),
            created_by: created_by.clone(),
            former_name: None,
        }
    }

    /// What of it is assigned to these users.
    pub(crate) fn assignments(&self, users: &[i64]) -> impl Iterator<Item = Assignment> {
        let all: Vec<String> = self.backup.tasks.iter().map(|(id, _, _)| id.clone()).collect();
        let of_users = self.backup.assignments.iter().filter(|(user, _, _)| users.contains(user));
        of_users.map(move |(user, dialogs, other_tasks)| Assignment {
            user: *user,
            bot_id: self.id.clone(),
            bot_name: self.name.clone(),
            all_dialogs: dialogs.is_none(),
            dialogs: match dialogs {
                Some(dialogs) => serde_json::from_str(dialogs).unwrap_or_default(),
                None => all.clone(),
            },
            other_tasks: other_tasks
                .as_deref()
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_default(),
        })
    }
}

/// The roles on these bots.
pub(crate) fn roles_on(deleted: &[Deleted]) -> OtherRoles {
    let mut others = OtherRoles::default();
    for Deleted { id, name, backup, .. } in deleted {
        let on = |(holder, role): &(i64, i64)| (*holder, *role, id.clone(), name.clone());
        others.users.extend(backup.user_roles.iter().map(on));
        others.groups.extend(backup.group_roles.iter().map(on));
    }
    others
}

/// The account's bots that can be restored, by id.
pub(crate) fn restorable(conn: &Connection, account: i64, now: Timestamp) -> rusqlite::Result<Vec<Deleted>> {
    let mut found: Vec<Deleted> = conn
        .prepare_cached(
            "SELECT id, name, requested_by, created_at, deleted_at, document FROM deleted_bots
             WHERE account_seq = ?1 ORDER BY id",
        )?
        .query_map([account], deleted)?
        .collect::<Result<_, _>>()?;
    found.retain(|bot| bot.is_restorable(now));
    Ok(found)
}

/// For so long a deleted bot can be restored (3.6).
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl BotBackup {
    /// Whether the bot was deployed, and at least one of its tasks active: no other can be restored (3.6).
    pub(crate) fn is_restorable(&self) -> bool {
        self.status == bots::BotStatus::Published
            && self.tasks.iter().any(|(_, _, state)| *state == TaskState::Active)
    }
}

fn rows<T>(
    conn: &Connection,
    sql: &str,
    bot: i64,
    row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    conn.prepare_cached(sql)?.query_map([bot], row)?.collect()
}

/// Deletes a bot, and keeps what is needed to bring it back.
pub(crate) fn delete(
    conn: &Connection,
    account: i64,
    bot: &Bot,
    requested_by: &str,
    now: &str,
) -> rusqlite::Result<()> {
    let pair = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let backup = BotBackup {
        description: bot.description.clone(),
        status: bot.status,
        is_enterprise: bot.is_enterprise,
        created_by: bot.created_by.clone(),
        tasks: tasks::of_bot(conn, bot.seq)?
            .into_iter()
            .map(|task| (task.id, task.name, task.state))
            .collect(),
        settings: conn
            .query_row("SELECT document FROM bot_settings WHERE bot_seq = ?1", [bot.seq], |row| row.get(0))
            .optional()?,
        user_roles: rows(
            conn,
            "SELECT user_seq, role_seq FROM user_roles WHERE bot_seq = ?1",
            bot.seq,
            pair,
        )?,
        group_roles: rows(
            conn,
            "SELECT group_seq, role_seq FROM group_roles WHERE bot_seq = ?1",
            bot.seq,
            pair,
        )?,
        assignments: rows(
            conn,
            "SELECT user_seq, dialogs, other_tasks FROM assignments WHERE bot_seq = ?1",
            bot.seq,
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?,
        task_groups: rows(
            conn,
            "SELECT d.id, t.group_seq FROM dialogs d JOIN task_groups t ON t.dialog_seq = d.seq WHERE d.bot_seq = ?1",
            bot.seq,
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?,
    };
    let document =
        serde_json::to_string(&backup).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    conn.execute(
        "INSERT OR REPLACE INTO deleted_bots (account_seq, id, name, requested_by, created_at, deleted_at, document)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![account, bot.id, bot.name, requested_by, bot.created_at, now, document],
    )?;
    bots::delete(conn, bot.seq)
}

/// A page of deleted bots, the latest first, and how many there are.
pub(crate) fn page(
    conn: &Connection,
    account: i64,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<Deleted>, usize)> {
    let total = conn
        .prepare_cached("SELECT count(*) FROM deleted_bots WHERE account_seq = ?1")?
        .query_row([account], |row| row.get(0))?;
    let found = conn
        .prepare_cached(
            "SELECT id, name, requested_by, created_at, deleted_at, document FROM deleted_bots WHERE account_seq = ?1
             ORDER BY deleted_at DESC, id LIMIT ?2 OFFSET ?3",
        )?
        .query_map(params![account, take, skip], deleted)?
        .collect::<Result<_, _>>()?;
    Ok((found, total))
}

pub(crate) fn by_id(conn: &Connection, account: i64, id: &str) -> rusqlite::Result<Option<Deleted>> {
    conn.prepare_cached(
        "SELECT id, name, requested_by, created_at, deleted_at, document FROM deleted_bots
         WHERE account_seq = ?1 AND id = ?2",
    )?
    .query_row(params![account, id], deleted)
    .optional()
}

fn deleted(row: &rusqlite::Row<'_>) -> rusqlite::Result<Deleted> {
    let backup = serde_json::from_str(row.get_ref(5)?.as_str()?).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, Box::new(e))
    })?;
    Ok(Deleted {
        id: row.get(0)?,
        name: row.get(1)?,
        requested_by: row.get(2)?,
        created_at: row.get(3)?,
        at: row.get(4)?,
        backup,
    })
}

/// Brings a bot back as it was.
pub(crate) fn restore(conn: &Connection, account: i64, deleted: &Deleted) -> rusqlite::Result<()> {
    let Deleted { id, name, created_at, backup, .. } = deleted;
    let row = bots::NewBotRow {
        id,
        name,
        description: &backup.description,
        status: backup.status,
        is_enterprise: backup.is_enterprise,
        created_by: &backup.created_by,
    };
    let bot = bots::insert(conn, account, &row, created_at)?;
    for (id, name, state) in &backup.tasks {
        bots::add_dialog(conn, bot, id, name)?;
        tasks::set_state(conn, conn.last_insert_rowid(), *state)?;
    }
    if let Some(settings) = &backup.settings {
        conn.execute("INSERT INTO bot_settings (bot_seq, document) VALUES (?1, ?2)", params![bot, settings])?;
    }
    for (user, role) in &backup.user_roles {
        conn.execute(
            "INSERT INTO user_roles (user_seq, role_seq, bot_seq) SELECT u.seq, r.seq, ?3 FROM users u, roles r
             WHERE u.seq = ?1 AND r.seq = ?2",
            params![user, role, bot],
        )?;
    }
    for (group, role) in &backup.group_roles {
        conn.execute(
            "INSERT INTO group_roles (group_seq, role_seq, bot_seq) SELECT g.seq, r.seq, ?3 FROM groups g, roles r
             WHERE g.seq = ?1 AND r.seq = ?2",
            params![group, role, bot],
        )?;
    }
    for (user, dialogs, other_tasks) in &backup.assignments {
        conn.execute(
            "INSERT INTO assignments (user_seq, bot_seq, dialogs, other_tasks) SELECT seq, ?2, ?3, ?4 FROM users
             WHERE seq = ?1",
            params![user, bot, dialogs, other_tasks],
        )?;
    }
    for (task, group) in &backup.task_groups {
        conn.execute(
            "INSERT INTO task_groups (dialog_seq, group_seq) SELECT d.seq, g.seq FROM dialogs d, groups g
             WHERE d.bot_seq = ?1 AND d.id = ?2 AND g.seq = ?3",
            params![bot, task, group],
        )?;
    }
    conn.execute("DELETE FROM deleted_bots WHERE account_seq = ?1 AND id = ?2", params![account, id])
        .map(drop)
}
