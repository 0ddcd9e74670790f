//! Groups, their members and their child groups.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// Where a group comes from. The API does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupSource {
    /// Made by hand.
    #[default]
    Local,
    /// Synchronised from a directory.
    Ad,
    /// The platform's own.
    System,
}

impl GroupSource {
    /// The console's word.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::Ad => "AD",
            Self::System => "System",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Ad => "ad",
            Self::System => "system",
        }
    }
}

/// The system group.
pub(crate) const EVERYONE: &str = "everyone";

/// One row of `groups`.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) source: GroupSource,
}

pub(super) const COLUMNS: &str = "seq, id, name, description, source";

pub(super) fn group(row: &Row<'_>) -> rusqlite::Result<Group> {
    Ok(Group {
        seq: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        source: match row.get_ref(4)?.as_str()? {
            "ad" => GroupSource::Ad,
            "system" => GroupSource::System,
            _ => GroupSource::Local,
        },
    })
}

/// Every group, or every one but the system's.
pub(crate) fn all(conn: &Connection, account: i64, with_system: bool) -> rusqlite::Result<Vec<Group>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM groups WHERE account_seq = ?1 AND (?2 OR source <> 'system') ORDER BY seq"
    ))?
    .query_map(params![account, with_system], group)?
    .collect()
}

pub(crate) fn by_id(conn: &Connection, account: i64, id: &str) -> rusqlite::Result<Option<Group>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM groups WHERE account_seq = ?1 AND id = ?2"))?
        .query_row(params![account, id], group)
        .optional()
}

pub(crate) fn by_name(conn: &Connection, account: i64, name: &str) -> rusqlite::Result<Option<Group>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM groups WHERE account_seq = ?1 AND name = ?2"))?
        .query_row(params![account, name], group)
        .optional()
}

pub(crate) fn insert(
    conn: &Connection,
    account: i64,
    id: &str,
    name: &str,
    description: &str,
    source: GroupSource,
) -> rusqlite::Result<i64> {
    conn.execute(
        "INSERT INTO groups (account_seq, id, name, description, source) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![account, id, name, description, source.word()],
    )?;
    Ok(conn.last_insert_rowid())
}

/// Gives a group another name and description.
pub(crate) fn describe(conn: &Connection, group: i64, name: &str, description: &str) -> rusqlite::Result<()> {
    conn.execute(
        "UPDATE groups SET name = ?2, description = ?3 WHERE seq = ?1",
        params![group, name, description],
    )
    .map(drop)
}

pub(crate) fn delete(conn: &Connection, group: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM groups WHERE seq = ?1", [group]).map(drop)
}

/// Returns whether the membership is new.
pub(crate) fn join(conn: &Connection, group: i64, user: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached("INSERT OR IGNORE INTO group_users (group_seq, user_seq) VALUES (?1, ?2)")?
        .execute(params![group, user])
        .map(|rows| rows > 0)
}

/// Returns whether there was a membership.
pub(crate) fn leave(conn: &Connection, group: i64, user: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached("DELETE FROM group_users WHERE group_seq = ?1 AND user_seq = ?2")?
        .execute(params![group, user])
        .map(|rows| rows > 0)
}

pub(crate) fn nest(conn: &Connection, parent: i64, child: i64) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT OR IGNORE INTO group_children (parent_seq, child_seq) VALUES (?1, ?2)",
        params![parent, child],
    )
    .map(drop)
}

/// Returns whether the child was one.
pub(crate) fn unnest(conn: &Connection, parent: i64, child: i64) -> rusqlite::Result<bool> {
    conn.execute(
        "DELETE FROM group_children WHERE parent_seq = ?1 AND child_seq = ?2",
        params![parent, child],
    )
    .map(|rows| rows > 0)
}

/// A member as the groups endpoint shows one.
#[derive(Debug)]
pub(crate) struct GroupMember {
    pub(crate) group: i64,
    pub(crate) user: super::users::User,
}

/// The direct members of all `groups`, in one statement.
pub(crate) fn members(
    conn: &Connection,
    groups: &[i64],
    with_pending: bool,
) -> rusqlite::Result<Vec<GroupMember>> {
    let columns = super::users::COLUMNS;
    conn.prepare_cached(&format!(
        "SELECT {columns}, m.group_seq FROM json_each(?1) j JOIN group_users m ON m.group_seq = j.value
         JOIN users u ON u.seq = m.user_seq WHERE ?2 OR u.state <> 'not active' ORDER BY m.group_seq, u.seq"
    ))?
    .query_map(params![super::set_of(groups)?, with_pending], |row| {
        Ok(GroupMember { group: row.get(10)?, user: super::users::user(row)? })
    })?
    .collect()
}

/// Pairs (parent, child) of all `groups`.
pub(crate) fn children(conn: &Connection, groups: &[i64]) -> rusqlite::Result<Vec<(i64, Group)>> {
    conn.prepare_cached(
        "SELECT g.seq, g.id, g.name, g.description, g.source, c.parent_seq FROM json_each(?1) j
         JOIN group_children c ON c.parent_seq = j.value JOIN groups g ON g.seq = c.child_seq
         ORDER BY c.parent_seq, g.seq",
    )?
    .query_map([super::set_of(groups)?], |row| Ok((row.get(5)?, group(row)?)))?
    .collect()
}

/// Triples (user, group id, group name) of the direct memberships of all `users`.
pub(crate) fn of_users(
    conn: &Connection,
    users: &[i64],
    with_system: bool,
) -> rusqlite::Result<Vec<(i64, String, String)>> {
    conn.prepare_cached(
        "SELECT m.user_seq, g.id, g.name FROM json_each(?1) j JOIN group_users m ON m.user_seq = j.value
         JOIN groups g ON g.seq = m.group_seq WHERE ?2 OR g.source <> 'system' ORDER BY g.seq",
    )?
    .query_map(params![super::set_of(users)?, with_system], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })?
    .collect()
}
