//! The groups of an account as a list, and what a page about one of them shows.

use super::groups::{self, Group};
use super::users::{self, User};
use rusqlite::{Connection, params};

/// One row of the list.
#[derive(Debug)]
pub(crate) struct ListedGroup {
    pub(crate) group: Group,
    /// Direct members.
    pub(crate) users: usize,
    /// Child groups.
    pub(crate) groups: usize,
}

const MATCHING: &str = "account_seq = ?1 AND NOT EXISTS (
     SELECT 1 FROM json_each(?2) term WHERE instr(lower(name || ' ' || description), term.value) = 0)";

/// A page of groups by name, and how many the terms (in lower case) find.
pub(crate) fn page(
    conn: &Connection,
    account: i64,
    terms: &[String],
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<ListedGroup>, usize)> {
    let terms = super::set_of(terms)?;
    let total = conn
        .prepare_cached(&format!("SELECT count(*) FROM groups WHERE {MATCHING}"))?
        .query_row(params![account, terms], |row| row.get(0))?;
    let columns = groups::COLUMNS;
    let found = conn
        .prepare_cached(&format!(
            "SELECT {columns}, (SELECT count(*) FROM group_users m WHERE m.group_seq = seq),
                    (SELECT count(*) FROM group_children c WHERE c.parent_seq = seq)
             FROM groups WHERE {MATCHING} ORDER BY lower(name), seq LIMIT ?3 OFFSET ?4"
        ))?
        .query_map(params![account, terms, take, skip], |row| {
            Ok(ListedGroup { group: groups::group(row)?, users: row.get(5)?, groups: row.get(6)? })
        })?
        .collect::<Result<_, _>>()?;
    Ok((found, total))
}

/// The first groups by name in whose name all terms (in lower case) occur.
pub(crate) fn called(
    conn: &Connection,
    account: i64,
    terms: &[String],
    take: usize,
) -> rusqlite::Result<Vec<Group>> {
    let columns = groups::COLUMNS;
    conn.prepare_cached(&format!(
        "SELECT {columns} FROM groups WHERE account_seq = ?1 AND NOT EXISTS (
             SELECT 1 FROM json_each(?2) term WHERE instr(lower(name), term.value) = 0)
         ORDER BY lower(name), seq LIMIT ?3"
    ))?
    .query_map(params![account, super::set_of(terms)?, take], groups::group)?
    .collect()
}

/// A page of the direct members of a group by name, and how many there are.
pub(crate) fn members(
    conn: &Connection,
    group: i64,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<User>, usize)> {
    let total = conn
        .prepare_cached("SELECT count(*) FROM group_users WHERE group_seq = ?1")?
        .query_row([group], |row| row.get(0))?;
    let columns = users::COLUMNS;
    let people = conn
        .prepare_cached(&format!(
            "SELECT {columns} FROM group_users m JOIN users u ON u.seq = m.user_seq WHERE m.group_seq = ?1
             ORDER BY lower(u.first_name), lower(u.last_name), u.email_lower, u.seq LIMIT ?2 OFFSET ?3"
        ))?
        .query_map(params![group, take, skip], users::user)?
        .collect::<Result<_, _>>()?;
    Ok((people, total))
}

/// The groups that may become a child of `group`, by name: local ones that are neither it, nor above it, nor its
/// children already. `take` at most.
pub(crate) fn possible_children(
    conn: &Connection,
    group: &Group,
    take: usize,
) -> rusqlite::Result<Vec<Group>> {
    let columns = groups::COLUMNS;
    conn.prepare_cached(&format!(
        "WITH RECURSIVE above(group_seq) AS (
             SELECT ?1 UNION SELECT c.parent_seq FROM above a JOIN group_children c ON c.child_seq = a.group_seq
         )
         SELECT {columns} FROM groups WHERE account_seq = (SELECT account_seq FROM groups WHERE seq = ?1)
         AND source <> 'system' AND seq NOT IN (SELECT group_seq FROM above)
         AND seq NOT IN (SELECT child_seq FROM group_children WHERE parent_seq = ?1)
         ORDER BY lower(name), seq LIMIT ?2"
    ))?
    .query_map(params![group.seq, take], groups::group)?
    .collect()
}

/// Whether `group` is `other`, or lies above it.
pub(crate) fn is_above(conn: &Connection, group: i64, other: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "WITH RECURSIVE above(group_seq) AS (
             SELECT ?2 UNION SELECT c.parent_seq FROM above a JOIN group_children c ON c.child_seq = a.group_seq
         ) SELECT 1 FROM above WHERE group_seq = ?1",
    )?
    .exists(params![group, other])
}

/// A role that a group holds.
#[derive(Debug)]
pub(crate) struct GroupRole {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The bot's name; `None` for an admin role.
    pub(crate) bot: Option<String>,
}

/// The roles that a group holds itself.
pub(crate) fn roles(conn: &Connection, group: i64) -> rusqlite::Result<Vec<GroupRole>> {
    conn.prepare_cached(
        "SELECT r.id, r.name, b.name FROM group_roles h JOIN roles r ON r.seq = h.role_seq
         LEFT JOIN bots b ON b.seq = h.bot_seq WHERE h.group_seq = ?1 ORDER BY h.role_seq, h.bot_seq",
    )?
    .query_map([group], |row| Ok(GroupRole { id: row.get(0)?, name: row.get(1)?, bot: row.get(2)? }))?
    .collect()
}
