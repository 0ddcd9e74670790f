//! People who ask to join an account by themselves. Addresses here are lower-case.

use crate::sandbox::clock;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// One row of `join_requests`.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) account: i64,
    pub(crate) email: String,
    pub(crate) id: String,
    /// Until when the link of the mail works.
    pub(crate) expires_at_ms: i64,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    /// The hash of the password they chose; `None`: they have one on the platform.
    pub(crate) password: Option<String>,
    pub(crate) asked_at: String,
}

const COLUMNS: &str = "account_seq, email, id, expires_at_ms, first_name, last_name, password, asked_at";

fn request(row: &Row<'_>) -> rusqlite::Result<JoinRequest> {
    Ok(JoinRequest {
        account: row.get(0)?,
        email: row.get(1)?,
        id: row.get(2)?,
        expires_at_ms: row.get(3)?,
        first_name: row.get(4)?,
        last_name: row.get(5)?,
        password: row.get(6)?,
        asked_at: row.get(7)?,
    })
}

/// Notes that a user asks; a link mailed before stops working. Answers whether there is anything to mail: who waits
/// already goes on waiting.
pub(crate) fn put(
    conn: &Connection,
    account: i64,
    email: &str,
    digest: &str,
    expires: Timestamp,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let noted = conn.execute(
        "INSERT INTO join_requests (account_seq, email, id, digest, expires_at_ms, asked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account_seq, email) DO UPDATE SET digest = excluded.digest,
             expires_at_ms = excluded.expires_at_ms, asked_at = excluded.asked_at
         WHERE join_requests.digest IS NOT NULL",
        params![account, email, super::fresh_hex(), digest, expires.as_millisecond(), clock::wire(now)],
    )?;
    Ok(noted > 0)
}

/// The request whose link has that token.
pub(crate) fn by_digest(conn: &Connection, digest: &str) -> rusqlite::Result<Option<JoinRequest>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM join_requests WHERE digest = ?1"))?
        .query_row([digest], request)
        .optional()
}

/// The link was followed: from now on the request waits for an admin.
pub(crate) fn wait(conn: &Connection, request: &JoinRequest) -> rusqlite::Result<()> {
    let JoinRequest { account, email, first_name, last_name, password, .. } = request;
    conn.execute(
        "UPDATE join_requests SET digest = NULL, first_name = ?3, last_name = ?4, password = ?5
         WHERE account_seq = ?1 AND email = ?2",
        params![account, email, first_name, last_name, password],
    )
    .map(drop)
}

/// A page of the requests that wait, the oldest first, and how many there are.
pub(crate) fn waiting(
    conn: &Connection,
    account: i64,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<JoinRequest>, usize)> {
    let total = conn
        .prepare_cached("SELECT count(*) FROM join_requests WHERE account_seq = ?1 AND digest IS NULL")?
        .query_row([account], |row| row.get(0))?;
    let found = conn
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM join_requests WHERE account_seq = ?1 AND digest IS NULL
             ORDER BY asked_at, email LIMIT ?2 OFFSET ?3"
        ))?
        .query_map(params![account, take, skip], request)?
        .collect::<Result<_, _>>()?;
    Ok((found, total))
}

/// A request that waits.
pub(crate) fn by_id(conn: &Connection, account: i64, id: &str) -> rusqlite::Result<Option<JoinRequest>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM join_requests WHERE account_seq = ?1 AND id = ?2 AND digest IS NULL"
    ))?
    .query_row(params![account, id], request)
    .optional()
}

/// The request is settled, whichever way.
pub(crate) fn settle(conn: &Connection, request: &JoinRequest) -> rusqlite::Result<()> {
    conn.execute(
        "DELETE FROM join_requests WHERE account_seq = ?1 AND email = ?2",
        params![request.account, request.email],
    )
    .map(drop)
}
