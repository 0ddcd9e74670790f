//! The people of an account as a list: searched, filtered, a page at a time.

use super::users::{self, User, UserState};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// One row of the list.
#[derive(Debug)]
pub(crate) struct ListedUser {
    pub(crate) user: User,
    pub(crate) invited_at: Option<String>,
    /// Whether they hold an admin role themselves.
    pub(crate) is_administrator: bool,
}

/// Which people are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserFilter {
    /// In lower case; each has to occur in the name or in the address.
    pub(crate) terms: Vec<String>,
    pub(crate) state: Option<UserState>,
}

/// For account, state and the terms of a [`UserFilter`].
pub(super) const MATCHING: &str = "u.account_seq = ?1 AND (?2 IS NULL OR u.state = ?2) AND NOT EXISTS (
     SELECT 1 FROM json_each(?3) term WHERE instr(u.email_lower, term.value) = 0
     AND instr(lower(u.first_name || ' ' || u.last_name), term.value) = 0)";

const IS_ADMINISTRATOR: &str =
    "EXISTS (SELECT 1 FROM user_roles b WHERE b.user_seq = u.seq AND b.bot_seq = 0)";

fn listed(row: &Row<'_>) -> rusqlite::Result<ListedUser> {
    Ok(ListedUser { user: users::user(row)?, invited_at: row.get(10)?, is_administrator: row.get(11)? })
}

/// A page of people by name, and how many the filter finds.
pub(crate) fn page(
    conn: &Connection,
    account: i64,
    filter: &UserFilter,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<ListedUser>, usize)> {
    let state = filter.state.map(UserState::word);
    let terms = super::set_of(&filter.terms)?;
    let total = conn
        .prepare_cached(&format!("SELECT count(*) FROM users u WHERE {MATCHING}"))?
        .query_row(params![account, state, terms], |row| row.get(0))?;
    let columns = users::COLUMNS;
    let people = conn
        .prepare_cached(&format!(
            "SELECT {columns}, u.invited_at, {IS_ADMINISTRATOR} FROM users u WHERE {MATCHING}
             ORDER BY lower(u.first_name), lower(u.last_name), u.email_lower, u.seq LIMIT ?4 OFFSET ?5"
        ))?
        .query_map(params![account, state, terms, take, skip], listed)?
        .collect::<Result<_, _>>()?;
    Ok((people, total))
}

/// A user by `u-...` id.
pub(crate) fn by_id(conn: &Connection, account: i64, id: &str) -> rusqlite::Result<Option<ListedUser>> {
    let columns = users::COLUMNS;
    conn.prepare_cached(&format!(
        "SELECT {columns}, u.invited_at, {IS_ADMINISTRATOR} FROM users u WHERE u.account_seq = ?1 AND u.id = ?2"
    ))?
    .query_row(params![account, id], listed)
    .optional()
}
