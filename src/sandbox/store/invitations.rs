//! Open invitations: one at most for each pending user, with a link's token and a code.

use crate::sandbox::clock;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// What a mail carries.
#[derive(Debug)]
pub(crate) struct NewInvitation {
    pub(crate) token: String,
    pub(crate) code: String,
    pub(crate) expires_at: String,
}

/// Makes `invitation` the one open invitation of `user`: an earlier link stops working.
pub(crate) fn put(
    conn: &Connection,
    user: i64,
    invitation: &NewInvitation,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let NewInvitation { token, code, expires_at } = invitation;
    conn.prepare_cached(
        "INSERT INTO invitations (token, user_seq, code, expires_at, mailed_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (user_seq) DO UPDATE SET token = excluded.token, code = excluded.code,
                                              expires_at = excluded.expires_at, failures = 0,
                                              mailed_at_ms = excluded.mailed_at_ms, reminders = 0",
    )?
    .execute(params![token, user, code, expires_at, now.as_millisecond()])?;
    conn.prepare_cached("UPDATE users SET invited_at = ?2 WHERE seq = ?1")?
        .execute(params![user, clock::wire(now)])
        .map(drop)
}

/// Open invitations that were last mailed at `before_ms` or earlier, and reminded of less than `most` times.
pub(crate) fn due(
    conn: &Connection,
    before_ms: i64,
    most: u32,
    take: usize,
) -> rusqlite::Result<Vec<OpenInvitation>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM invitations i JOIN users u ON u.seq = i.user_seq
         WHERE i.mailed_at_ms <= ?1 AND i.reminders < ?2 AND u.state = 'not active'
         ORDER BY i.mailed_at_ms, i.user_seq LIMIT ?3"
    ))?
    .query_map(params![before_ms, most, take], open)?
    .collect()
}

/// Notes that a user was reminded of their invitation, which is `invitation` from now on.
pub(crate) fn reminded(
    conn: &Connection,
    user: i64,
    invitation: &NewInvitation,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let NewInvitation { token, code, expires_at } = invitation;
    conn.prepare_cached(
        "UPDATE invitations SET failures = CASE token WHEN ?2 THEN failures ELSE 0 END, token = ?2, code = ?3,
                                expires_at = ?4, mailed_at_ms = ?5, reminders = reminders + 1
         WHERE user_seq = ?1",
    )?
    .execute(params![user, token, code, expires_at, now.as_millisecond()])
    .map(drop)
}

pub(crate) fn close(conn: &Connection, user: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM invitations WHERE user_seq = ?1", [user]).map(drop)
}

/// An open invitation and whom it is for.
#[derive(Debug)]
pub(crate) struct OpenInvitation {
    pub(crate) token: String,
    pub(crate) code: String,
    pub(crate) expires_at: String,
    /// Wrong codes so far.
    pub(crate) failures: u32,
    pub(crate) user: i64,
    pub(crate) email: String,
    pub(crate) account: i64,
}

impl OpenInvitation {
    /// Whether its link and its code still work by their age.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.parse::<Timestamp>().is_ok_and(|expires| expires > now)
    }
}

const COLUMNS: &str = "i.token, i.code, i.expires_at, i.failures, u.seq, u.email, u.account_seq";

fn open(row: &Row<'_>) -> rusqlite::Result<OpenInvitation> {
    Ok(OpenInvitation {
        token: row.get(0)?,
        code: row.get(1)?,
        expires_at: row.get(2)?,
        failures: row.get(3)?,
        user: row.get(4)?,
        email: row.get(5)?,
        account: row.get(6)?,
    })
}

pub(crate) fn by_token(conn: &Connection, token: &str) -> rusqlite::Result<Option<OpenInvitation>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM invitations i JOIN users u ON u.seq = i.user_seq WHERE i.token = ?1"
    ))?
    .query_row([token], open)
    .optional()
}

/// The open invitations of a user, by lower-case e-mail, in every account.
pub(crate) fn of_person(conn: &Connection, email: &str) -> rusqlite::Result<Vec<OpenInvitation>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM invitations i JOIN users u ON u.seq = i.user_seq
         WHERE u.email_lower = ?1 AND u.state = 'not active' ORDER BY u.seq"
    ))?
    .query_map([email], open)?
    .collect()
}

/// Notes a wrong code.
pub(crate) fn failed(conn: &Connection, user: i64) -> rusqlite::Result<()> {
    conn.execute("UPDATE invitations SET failures = failures + 1 WHERE user_seq = ?1", [user]).map(drop)
}
