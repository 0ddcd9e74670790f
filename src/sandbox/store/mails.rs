//! The outbox, and the invitations its mails carry.

use rusqlite::{Connection, params};

/// A mail waiting to be sent.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) seq: i64,
    pub(crate) recipient: String,
    pub(crate) message: Vec<u8>,
}

pub(crate) fn insert(
    conn: &Connection,
    account: i64,
    kind: &str,
    recipient: &str,
    message: &[u8],
) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT INTO mails (account_seq, kind, recipient, message) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![account, kind, recipient, message])
        .map(drop)
}

/// The oldest `take` mails not yet sent.
pub(crate) fn waiting(conn: &Connection, take: usize) -> rusqlite::Result<Vec<Waiting>> {
    conn.prepare_cached("SELECT seq, recipient, message FROM mails WHERE sent = 0 ORDER BY seq LIMIT ?1")?
        .query_map([take], |row| {
            Ok(Waiting { seq: row.get(0)?, recipient: row.get(1)?, message: row.get(2)? })
        })?
        .collect()
}

pub(crate) fn mark_sent(conn: &Connection, mails: &[i64]) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE mails SET sent = 1 WHERE seq IN (SELECT value FROM json_each(?1))")?
        .execute([super::set_of(mails)?])
        .map(drop)
}

/// All mails of `kind` to `recipient`, oldest first.
pub(crate) fn to(
    conn: &Connection,
    account: i64,
    kind: &str,
    recipient: &str,
) -> rusqlite::Result<Vec<Vec<u8>>> {
    conn.prepare_cached(
        "SELECT message FROM mails WHERE account_seq = ?1 AND kind = ?2 AND recipient = ?3 ORDER BY seq",
    )?
    .query_map(params![account, kind, recipient], |row| row.get(0))?
    .collect()
}

/// Pairs (recipient, mails of `kind`).
pub(crate) fn counts(conn: &Connection, account: i64, kind: &str) -> rusqlite::Result<Vec<(String, usize)>> {
    conn.prepare_cached(
        "SELECT recipient, count(*) FROM mails WHERE account_seq = ?1 AND kind = ?2
         GROUP BY recipient ORDER BY recipient",
    )?
    .query_map(params![account, kind], |row| Ok((row.get(0)?, row.get(1)?)))?
    .collect()
}

/// An open invitation.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) token: String,
    pub(crate) code: String,
    pub(crate) expires_at: String,
}

/// Makes `invitation` the one open invitation of `user`: an earlier link stops working.
pub(crate) fn invite(conn: &Connection, user: i64, invitation: &Invitation) -> rusqlite::Result<()> {
    let Invitation { token, code, expires_at } = invitation;
    conn.prepare_cached(
        "INSERT INTO invitations (token, user_seq, code, expires_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (user_seq) DO UPDATE SET token = excluded.token, code = excluded.code,
                                              expires_at = excluded.expires_at",
    )?
    .execute(params![token, user, code, expires_at])
    .map(drop)
}

pub(crate) fn close(conn: &Connection, user: i64) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM invitations WHERE user_seq = ?1", [user]).map(drop)
}
