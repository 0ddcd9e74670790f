//! The outbox: every mail, sent or waiting.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A mail waiting to be sent.
#[derive(Debug)]
pub(crate) struct UnsentMail {
    pub(crate) seq: i64,
    pub(crate) recipient: String,
    pub(crate) message: Vec<u8>,
}

/// A mail to be kept and sent.
#[derive(Debug)]
pub(crate) struct NewMail<'a> {
    pub(crate) kind: &'a str,
    pub(crate) recipient: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) text: &'a str,
    /// The complete mail, as RFC 5322.
    pub(crate) message: &'a [u8],
}

pub(crate) fn insert(
    conn: &Connection,
    account: i64,
    row: &NewMail<'_>,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let NewMail { kind, recipient, subject, text, message } = row;
    conn.prepare_cached(
        "INSERT INTO mails (account_seq, kind, recipient, subject, text, message, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![account, kind, recipient, subject, text, message, at.as_millisecond()])
    .map(drop)
}

/// A mail as the mailbox page shows it.
#[derive(Debug)]
pub(crate) struct StoredMail {
    pub(crate) seq: i64,
    pub(crate) kind: String,
    pub(crate) recipient: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) at_ms: i64,
}

fn stored_mail(row: &Row<'_>) -> rusqlite::Result<StoredMail> {
    Ok(StoredMail {
        seq: row.get(0)?,
        kind: row.get(1)?,
        recipient: row.get(2)?,
        subject: row.get(3)?,
        text: row.get(4)?,
        at_ms: row.get(5)?,
    })
}

/// The newest mails whose recipient contains `to`, and how many there are.
pub(crate) fn newest(
    conn: &Connection,
    to: &str,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<StoredMail>, usize)> {
    let total = conn
        .prepare_cached("SELECT count(*) FROM mails WHERE instr(lower(recipient), lower(?1)) > 0")?
        .query_row([to], |row| row.get(0))?;
    let mails = conn
        .prepare_cached(
            "SELECT seq, kind, recipient, subject, text, at_ms FROM mails
             WHERE instr(lower(recipient), lower(?1)) > 0 ORDER BY seq DESC LIMIT ?2 OFFSET ?3",
        )?
        .query_map(params![to, take, skip], stored_mail)?
        .collect::<Result<_, _>>()?;
    Ok((mails, total))
}

pub(crate) fn by_seq(conn: &Connection, seq: i64) -> rusqlite::Result<Option<StoredMail>> {
    conn.prepare_cached("SELECT seq, kind, recipient, subject, text, at_ms FROM mails WHERE seq = ?1")?
        .query_row([seq], stored_mail)
        .optional()
}

/// The oldest `take` mails not yet sent.
pub(crate) fn waiting(conn: &Connection, take: usize) -> rusqlite::Result<Vec<UnsentMail>> {
    conn.prepare_cached("SELECT seq, recipient, message FROM mails WHERE sent = 0 ORDER BY seq LIMIT ?1")?
        .query_map([take], |row| {
            Ok(UnsentMail { seq: row.get(0)?, recipient: row.get(1)?, message: row.get(2)? })
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

/// The texts of all mails to `recipient`, oldest first.
pub(crate) fn texts_to(conn: &Connection, recipient: &str) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached("SELECT text FROM mails WHERE recipient = ?1 ORDER BY seq")?
        .query_map([recipient], |row| row.get(0))?
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
