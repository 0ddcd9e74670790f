//! What is sent by mail and works once. For each purpose and subject there is one at most: a new one replaces the one before.

use rusqlite::{Connection, OptionalExtension, params};

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The second factor; the subject is a session's digest.
    SecondFactor,
    /// A new password; the subject is an address.
    PasswordReset,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::SecondFactor => "second-factor",
            Self::PasswordReset => "password-reset",
        }
    }
}

/// A secret that has been sent and not been used.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) subject: String,
    pub(crate) digest: String,
    pub(crate) expires_at_ms: i64,
}

fn sent(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sent> {
    Ok(Sent { subject: row.get(0)?, digest: row.get(1)?, expires_at_ms: row.get(2)? })
}

pub(crate) fn put(
    conn: &Connection,
    purpose: Purpose,
    subject: &str,
    digest: &str,
    expires_at_ms: i64,
) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO one_time (purpose, subject, digest, expires_at_ms) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (purpose, subject) DO UPDATE
         SET digest = excluded.digest, expires_at_ms = excluded.expires_at_ms",
        params![purpose.word(), subject, digest, expires_at_ms],
    )
    .map(drop)
}

pub(crate) fn of_subject(
    conn: &Connection,
    purpose: Purpose,
    subject: &str,
) -> rusqlite::Result<Option<Sent>> {
    conn.query_row(
        "SELECT subject, digest, expires_at_ms FROM one_time WHERE purpose = ?1 AND subject = ?2",
        params![purpose.word(), subject],
        sent,
    )
    .optional()
}

pub(crate) fn by_digest(conn: &Connection, purpose: Purpose, digest: &str) -> rusqlite::Result<Option<Sent>> {
    conn.query_row(
        "SELECT subject, digest, expires_at_ms FROM one_time WHERE purpose = ?1 AND digest = ?2",
        params![purpose.word(), digest],
        sent,
    )
    .optional()
}

pub(crate) fn forget(conn: &Connection, purpose: Purpose, subject: &str) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM one_time WHERE purpose = ?1 AND subject = ?2", params![purpose.word(), subject])
        .map(drop)
}

/// Forgets what has expired.
pub(crate) fn forget_expired(conn: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM one_time WHERE expires_at_ms < ?1", [now_ms]).map(drop)
}
