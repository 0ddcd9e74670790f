//! Role definitions, built-in and custom.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a role is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleKind {
    /// The account.
    Admin,
    /// One bot.
    Bot,
}

impl RoleKind {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Bot => "bot",
        }
    }

    /// The kind of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "admin" => Some(Self::Admin),
            "bot" => Some(Self::Bot),
            _ => None,
        }
    }
}

/// The API's name of Master Admin.
pub(crate) const MASTER_ADMIN: &str = "admin";
/// The role that comes with a bot.
pub(crate) const BOT_OWNER: &str = "Bot Owner";

/// One row of `roles`. Permissions are plain strings here; the wire decides on strings or arrays.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) kind: RoleKind,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) permissions: Map<String, Value>,
    pub(crate) ref_id: String,
    pub(crate) is_system: bool,
    pub(crate) created_at: String,
    pub(crate) modified_at: String,
}

impl Role {
    pub(crate) fn is_bot_owner(&self) -> bool {
        self.is_system && self.kind == RoleKind::Bot && self.name == BOT_OWNER
    }

    /// Whether nobody can change what it permits: every built-in role but Bot Developer and Bot Tester (3.5).
    pub(crate) fn is_fixed(&self) -> bool {
        self.is_system && !["Bot Developer", "Bot Tester"].contains(&self.name.as_str())
    }

    pub(crate) fn is_master_admin(&self) -> bool {
        self.is_system && self.kind == RoleKind::Admin && self.name == MASTER_ADMIN
    }
}

const COLUMNS: &str =
    "seq, id, kind, name, description, permissions, ref_id, is_system, created_at, modified_at";

fn role(row: &Row<'_>) -> rusqlite::Result<Role> {
    Ok(Role {
        seq: row.get(0)?,
        id: row.get(1)?,
        kind: RoleKind::from_word(row.get_ref(2)?.as_str()?).unwrap_or(RoleKind::Bot),
        name: row.get(3)?,
        description: row.get(4)?,
        permissions: serde_json::from_str(row.get_ref(5)?.as_str()?).unwrap_or_default(),
        ref_id: row.get(6)?,
        is_system: row.get(7)?,
        created_at: row.get(8)?,
        modified_at: row.get(9)?,
    })
}

pub(crate) fn all(conn: &Connection, account: i64, kind: RoleKind) -> rusqlite::Result<Vec<Role>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM roles WHERE account_seq = ?1 AND kind = ?2 ORDER BY seq"
    ))?
    .query_map(params![account, kind.word()], role)?
    .collect()
}

pub(crate) fn by_id(conn: &Connection, account: i64, id: &str) -> rusqlite::Result<Option<Role>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM roles WHERE account_seq = ?1 AND id = ?2"))?
        .query_row(params![account, id], role)
        .optional()
}

pub(crate) fn by_name(
    conn: &Connection,
    account: i64,
    kind: RoleKind,
    name: &str,
) -> rusqlite::Result<Option<Role>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM roles WHERE account_seq = ?1 AND kind = ?2 AND name = ?3 ORDER BY seq LIMIT 1"
    ))?
    .query_row(params![account, kind.word(), name], role)
    .optional()
}

pub(crate) fn by_ref(
    conn: &Connection,
    account: i64,
    kind: RoleKind,
    ref_id: &str,
) -> rusqlite::Result<Option<Role>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM roles WHERE account_seq = ?1 AND kind = ?2 AND ref_id = ?3 ORDER BY seq LIMIT 1"
    ))?
    .query_row(params![account, kind.word(), ref_id], role)
    .optional()
}

/// What a new role is made of.
#[derive(Debug)]
pub(crate) struct NewRoleRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) kind: RoleKind,
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) permissions: &'a Map<String, Value>,
    pub(crate) ref_id: &'a str,
    pub(crate) is_system: bool,
}

pub(crate) fn insert(
    conn: &Connection,
    account: i64,
    row: &NewRoleRow<'_>,
    now: &str,
) -> rusqlite::Result<i64> {
    let NewRoleRow { id, kind, name, description, permissions, ref_id, is_system } = row;
    conn.prepare_cached(
        "INSERT INTO roles (account_seq, id, kind, name, description, permissions, ref_id, is_system, created_at,
                            modified_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
    )?
    .execute(params![
        account,
        id,
        kind.word(),
        name,
        description,
        serde_json::to_value(permissions).unwrap_or_default().to_string(),
        ref_id,
        is_system,
        now
    ])?;
    Ok(conn.last_insert_rowid())
}

/// Writes a role over; its row, and so its holders, stay.
pub(crate) fn update(conn: &Connection, role: &Role, now: &str) -> rusqlite::Result<()> {
    let Role {
        seq,
        id,
        kind: _,
        name,
        description,
        permissions,
        ref_id,
        is_system: _,
        created_at: _,
        modified_at: _,
    } = role;
    conn.execute(
        "UPDATE roles SET id = ?2, name = ?3, description = ?4, permissions = ?5, ref_id = ?6, modified_at = ?7
         WHERE seq = ?1",
        params![
            seq,
            id,
            name,
            description,
            serde_json::to_value(permissions).unwrap_or_default().to_string(),
            ref_id,
            now
        ],
    )
    .map(drop)
}

pub(crate) fn delete(conn: &Connection, role: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM roles WHERE seq = ?1", [role]).map(drop)
}

pub(crate) fn is_bound(conn: &Connection, role: i64) -> rusqlite::Result<bool> {
    conn.query_row(
        "SELECT EXISTS (SELECT 1 FROM user_roles WHERE role_seq = ?1)
             OR EXISTS (SELECT 1 FROM group_roles WHERE role_seq = ?1)",
        [role],
        |row| row.get(0),
    )
}

/// The roles of either kind that members of a group hold through it: its own, and those of the groups above it.
pub(crate) fn of_group_and_above(conn: &Connection, group: i64) -> rusqlite::Result<Vec<Role>> {
    conn.prepare_cached(&format!(
        "WITH RECURSIVE above(group_seq) AS (
             SELECT ?1
             UNION SELECT c.parent_seq FROM above a JOIN group_children c ON c.child_seq = a.group_seq
         )
         SELECT {COLUMNS} FROM roles WHERE seq IN (
             SELECT b.role_seq FROM above a JOIN group_roles b ON b.group_seq = a.group_seq
         ) ORDER BY seq"
    ))?
    .query_map([group], role)?
    .collect()
}

/// The admin roles that a user holds, directly or through groups, nested ones included.
pub(crate) fn admin_roles_of(conn: &Connection, user: i64) -> rusqlite::Result<Vec<Role>> {
    conn.prepare_cached(&format!(
        "WITH RECURSIVE within(group_seq) AS (
             SELECT group_seq FROM group_users WHERE user_seq = ?1
             UNION SELECT c.parent_seq FROM within w JOIN group_children c ON c.child_seq = w.group_seq
         )
         SELECT {COLUMNS} FROM roles WHERE kind = 'admin' AND seq IN (
             SELECT role_seq FROM user_roles WHERE user_seq = ?1
             UNION SELECT b.role_seq FROM within w JOIN group_roles b ON b.group_seq = w.group_seq
         ) ORDER BY seq"
    ))?
    .query_map([user], role)?
    .collect()
}
