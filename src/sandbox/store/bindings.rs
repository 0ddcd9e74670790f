//! Who holds which role on what, directly or through groups, and which bots are assigned to whom.

use super::roles::RoleKind;
use rusqlite::{Connection, OptionalExtension, params};

/// Who holds a role.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HolderSeq {
    User(i64),
    Group(i64),
}

/// The `bot_seq` of an admin role.
pub(crate) const NO_BOT: i64 = 0;

/// Returns whether the binding is new.
pub(crate) fn bind(conn: &Connection, holder: HolderSeq, role: i64, bot: i64) -> rusqlite::Result<bool> {
    let (sql, seq) = match holder {
        HolderSeq::User(seq) => {
            ("INSERT OR IGNORE INTO user_roles (user_seq, role_seq, bot_seq) VALUES (?1, ?2, ?3)", seq)
        }
        HolderSeq::Group(seq) => {
            ("INSERT OR IGNORE INTO group_roles (group_seq, role_seq, bot_seq) VALUES (?1, ?2, ?3)", seq)
        }
    };
    conn.prepare_cached(sql)?.execute(params![seq, role, bot]).map(|rows| rows > 0)
}

/// Returns whether there was a binding.
pub(crate) fn unbind(conn: &Connection, holder: HolderSeq, role: i64, bot: i64) -> rusqlite::Result<bool> {
    let (sql, seq) = match holder {
        HolderSeq::User(seq) => {
            ("DELETE FROM user_roles WHERE user_seq = ?1 AND role_seq = ?2 AND bot_seq = ?3", seq)
        }
        HolderSeq::Group(seq) => {
            ("DELETE FROM group_roles WHERE group_seq = ?1 AND role_seq = ?2 AND bot_seq = ?3", seq)
        }
    };
    conn.prepare_cached(sql)?.execute(params![seq, role, bot]).map(|rows| rows > 0)
}

/// Marks a role of a group as given inside an app.
pub(crate) fn mark_from_app(
    conn: &Connection,
    holder: HolderSeq,
    role: i64,
    bot: i64,
) -> rusqlite::Result<()> {
    let HolderSeq::Group(group) = holder else { return Ok(()) };
    conn.execute(
        "UPDATE group_roles SET from_app = 1 WHERE group_seq = ?1 AND role_seq = ?2 AND bot_seq = ?3",
        params![group, role, bot],
    )
    .map(drop)
}

/// Takes every role on a bot and every assignment of it away.
pub(crate) fn forget_bot(conn: &Connection, bot: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM user_roles WHERE bot_seq = ?1", [bot])?;
    conn.execute("DELETE FROM group_roles WHERE bot_seq = ?1", [bot])?;
    conn.execute("DELETE FROM assignments WHERE bot_seq = ?1", [bot]).map(drop)
}

/// Takes all admin roles away that a user holds directly.
pub(crate) fn unbind_admin_roles(conn: &Connection, user: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM user_roles WHERE user_seq = ?1 AND bot_seq = 0", [user]).map(drop)
}

/// The e-mail of another user who has joined and holds the admin role directly: whoever has been there longest.
pub(crate) fn another_holder(conn: &Connection, role: i64, user: i64) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached(
        "SELECT u.email FROM user_roles b JOIN users u ON u.seq = b.user_seq
         WHERE b.role_seq = ?1 AND b.bot_seq = 0 AND u.seq <> ?2 AND u.state = 'active' ORDER BY u.seq LIMIT 1",
    )?
    .query_row([role, user], |row| row.get(0))
    .optional()
}

/// One role a user holds in one way: directly, or through one group.
#[derive(Debug, Clone)]
pub(crate) struct Holding {
    pub(crate) user: i64,
    pub(crate) kind: RoleKind,
    pub(crate) role_id: String,
    pub(crate) role_name: String,
    pub(crate) is_system: bool,
    pub(crate) bot: Option<(String, String)>,
    /// What the bot was called before.
    pub(crate) former_bot_name: Option<String>,
    /// The group, unless held directly.
    pub(crate) group: Option<String>,
    /// Whether the group was given it inside an app.
    pub(crate) is_from_app: bool,
}

/// Roles on bots that are not there: user or group, role, id and name of the bot.
#[derive(Debug, Default)]
pub(crate) struct OtherRoles {
    pub(crate) users: Vec<(i64, i64, String, String)>,
    pub(crate) groups: Vec<(i64, i64, String, String)>,
}

/// Every way in which the `users` hold roles, in two statements for all of them. Sorted by user, role and bot,
/// the direct way first. Members of a child group hold what the parent group holds.
pub(crate) fn holdings(conn: &Connection, users: &[i64]) -> rusqlite::Result<Vec<Holding>> {
    holdings_with(conn, users, &OtherRoles::default())
}

/// The same, with roles on bots that are not there.
pub(crate) fn holdings_with(
    conn: &Connection,
    users: &[i64],
    others: &OtherRoles,
) -> rusqlite::Result<Vec<Holding>> {
    let set = super::set_of(users)?;
    let mut statement = conn.prepare_cached(
        "WITH RECURSIVE within(user_seq, group_seq) AS (
             SELECT m.user_seq, m.group_seq FROM json_each(?1) j JOIN group_users m ON m.user_seq = j.value
             UNION
             SELECT w.user_seq, c.parent_seq FROM within w JOIN group_children c ON c.child_seq = w.group_seq
          ), held(user_seq, role_seq, bot_seq, group_seq, from_app, bot_id, bot_name) AS (
             SELECT b.user_seq, b.role_seq, b.bot_seq, 0, 0, NULL, NULL
             FROM json_each(?1) j JOIN user_roles b ON b.user_seq = j.value
             UNION ALL
             SELECT w.user_seq, b.role_seq, b.bot_seq, w.group_seq, b.from_app, NULL, NULL
             FROM within w JOIN group_roles b ON b.group_seq = w.group_seq
             UNION ALL
             SELECT j.value, o.value ->> 1, -1, 0, 0, o.value ->> 2, o.value ->> 3
             FROM json_each(?1) j JOIN json_each(?2) o ON o.value ->> 0 = j.value
             UNION ALL
             SELECT w.user_seq, o.value ->> 1, -1, w.group_seq, 0, o.value ->> 2, o.value ->> 3
             FROM within w JOIN json_each(?3) o ON o.value ->> 0 = w.group_seq
         )
         SELECT h.user_seq, r.kind, r.id, r.name, r.is_system, coalesce(b.id, h.bot_id),
                coalesce(b.name, h.bot_name), g.name, b.former_name, h.from_app
         FROM held h JOIN roles r ON r.seq = h.role_seq LEFT JOIN bots b ON b.seq = h.bot_seq
         LEFT JOIN groups g ON g.seq = h.group_seq
         ORDER BY h.user_seq, h.role_seq, h.bot_seq, h.bot_id, h.group_seq",
    )?;
    statement
        .query_map(params![set, super::set_of(&others.users)?, super::set_of(&others.groups)?], |row| {
            let bot_id: Option<String> = row.get(5)?;
            let bot_name: Option<String> = row.get(6)?;
            Ok(Holding {
                user: row.get(0)?,
                kind: RoleKind::from_word(row.get_ref(1)?.as_str()?).unwrap_or(RoleKind::Bot),
                role_id: row.get(2)?,
                role_name: row.get(3)?,
                is_system: row.get(4)?,
                bot: bot_id.zip(bot_name),
                group: row.get(7)?,
                former_bot_name: row.get(8)?,
                is_from_app: row.get(9)?,
            })
        })?
        .collect()
}

/// Assigns a bot to a user, over what was assigned of it. `dialogs`: these, or `None` for all of the bot's.
pub(crate) fn assign(
    conn: &Connection,
    user: i64,
    bot: i64,
    dialogs: Option<&[String]>,
) -> rusqlite::Result<()> {
    let dialogs = dialogs.map(super::set_of).transpose()?;
    conn.prepare_cached(
        "INSERT INTO assignments (user_seq, bot_seq, dialogs) VALUES (?1, ?2, ?3)
         ON CONFLICT (user_seq, bot_seq) DO UPDATE SET dialogs = excluded.dialogs",
    )?
    .execute(params![user, bot, dialogs])
    .map(drop)
}

/// Other task kinds of an assignment: only the console can set them.
pub(crate) fn set_other_tasks(conn: &Connection, user: i64, bot: i64, tasks: &str) -> rusqlite::Result<()> {
    conn.execute(
        "UPDATE assignments SET other_tasks = ?3 WHERE user_seq = ?1 AND bot_seq = ?2",
        params![user, bot, tasks],
    )
    .map(drop)
}

pub(crate) fn unassign(conn: &Connection, user: i64, bot: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM assignments WHERE user_seq = ?1 AND bot_seq = ?2", params![user, bot]).map(drop)
}

pub(crate) fn unassign_all(conn: &Connection, user: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM assignments WHERE user_seq = ?1")?.execute([user]).map(drop)
}

/// A bot assigned to a user.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) user: i64,
    pub(crate) bot_id: String,
    pub(crate) bot_name: String,
    /// Whether every dialog is meant; `dialogs` then lists what the bot has now.
    pub(crate) all_dialogs: bool,
    pub(crate) dialogs: Vec<String>,
    /// `{"actions": [...], "alerts": [...], "knowledgeTask": [...]}`, all optional.
    pub(crate) other_tasks: serde_json::Map<String, serde_json::Value>,
}

/// What is assigned to the `users`, in one statement for all of them.
pub(crate) fn assignments(conn: &Connection, users: &[i64]) -> rusqlite::Result<Vec<Assignment>> {
    conn.prepare_cached(
        "SELECT a.user_seq, b.id, b.name, a.dialogs IS NULL,
                coalesce(a.dialogs, (SELECT json_group_array(d.id) FROM dialogs d WHERE d.bot_seq = a.bot_seq)),
                coalesce(a.other_tasks, '{}')
         FROM json_each(?1) j JOIN assignments a ON a.user_seq = j.value JOIN bots b ON b.seq = a.bot_seq
         ORDER BY a.user_seq, a.bot_seq",
    )?
    .query_map([super::set_of(users)?], |row| {
        Ok(Assignment {
            user: row.get(0)?,
            bot_id: row.get(1)?,
            bot_name: row.get(2)?,
            all_dialogs: row.get(3)?,
            dialogs: serde_json::from_str(row.get_ref(4)?.as_str()?).unwrap_or_default(),
            other_tasks: serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default(),
        })
    })?
    .collect()
}
