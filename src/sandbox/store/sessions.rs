//! Sessions: platform-wide, one for each sign-in, found by the digest of their token.

use rusqlite::{Connection, OptionalExtension, Row, params};

/// One row of `sessions`.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) digest: String,
    /// The id that people are shown.
    pub(crate) id: String,
    /// Whose it is, in lower case.
    pub(crate) email: String,
    /// The account that is open.
    pub(crate) account: Option<i64>,
    /// The account that opens once the second factor is given.
    pub(crate) wanted_account: Option<i64>,
    pub(crate) has_second_factor: bool,
    pub(crate) must_change_password: bool,
    /// The browser, as it calls itself.
    pub(crate) device: String,
    pub(crate) created_at_ms: i64,
    /// The last activity.
    pub(crate) seen_at_ms: i64,
    /// What the next page says, once.
    pub(crate) notice: Option<String>,
}

const COLUMNS: &str = "digest, id, email, account_seq, wanted_account_seq, has_second_factor, \
     must_change_password, device, created_at_ms, seen_at_ms, notice";

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        digest: row.get(0)?,
        id: row.get(1)?,
        email: row.get(2)?,
        account: row.get(3)?,
        wanted_account: row.get(4)?,
        has_second_factor: row.get(5)?,
        must_change_password: row.get(6)?,
        device: row.get(7)?,
        created_at_ms: row.get(8)?,
        seen_at_ms: row.get(9)?,
        notice: row.get(10)?,
    })
}

pub(crate) fn by_digest(conn: &Connection, digest: &str) -> rusqlite::Result<Option<Session>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions WHERE digest = ?1"))?
        .query_row([digest], session)
        .optional()
}

/// The sessions of a user with activity at or after `since_ms`, the latest first.
pub(crate) fn of_person(conn: &Connection, email: &str, since_ms: i64) -> rusqlite::Result<Vec<Session>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions WHERE email = ?1 AND seen_at_ms >= ?2 ORDER BY seen_at_ms DESC, id"
    ))?
    .query_map(params![email, since_ms], session)?
    .collect()
}

pub(crate) fn insert(conn: &Connection, row: &Session) -> rusqlite::Result<()> {
    let Session {
        digest,
        id,
        email,
        account,
        wanted_account,
        has_second_factor,
        must_change_password,
        device,
        created_at_ms,
        seen_at_ms,
        notice,
    } = row;
    conn.prepare_cached(&format!(
        "INSERT INTO sessions ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
    ))?
    .execute(params![
        digest,
        id,
        email,
        account,
        wanted_account,
        has_second_factor,
        must_change_password,
        device,
        created_at_ms,
        seen_at_ms,
        notice
    ])
    .map(drop)
}

/// Notes activity.
pub(crate) fn touch(conn: &Connection, digest: &str, at_ms: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE sessions SET seen_at_ms = ?2 WHERE digest = ?1")?
        .execute(params![digest, at_ms])
        .map(drop)
}

pub(crate) fn set_notice(conn: &Connection, digest: &str, notice: Option<&str>) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE sessions SET notice = ?2 WHERE digest = ?1")?
        .execute(params![digest, notice])
        .map(drop)
}

/// Remembers which account opens once the second factor is given.
pub(crate) fn want_account(conn: &Connection, digest: &str, account: i64) -> rusqlite::Result<()> {
    conn.execute("UPDATE sessions SET wanted_account_seq = ?2 WHERE digest = ?1", params![digest, account])
        .map(drop)
}

pub(crate) fn end(conn: &Connection, digest: &str) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM sessions WHERE digest = ?1", [digest]).map(drop)
}

/// Ends the session of that id if it is `email`'s; returns whether there was one.
pub(crate) fn kill(conn: &Connection, email: &str, id: &str) -> rusqlite::Result<bool> {
    conn.execute("DELETE FROM sessions WHERE id = ?2 AND email = ?1", params![email, id]).map(|rows| rows > 0)
}

/// Ends every session of a user, but the one of that digest.
pub(crate) fn end_all(conn: &Connection, email: &str, but: Option<&str>) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM sessions WHERE email = ?1 AND digest IS NOT ?2", params![email, but]).map(drop)
}

/// Forgets the sessions without activity since `before_ms`.
pub(crate) fn forget_idle(conn: &Connection, before_ms: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM sessions WHERE seen_at_ms < ?1", [before_ms]).map(drop)
}
