//! The outbox: every mail, with what became of it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailState {
    /// Not sent yet, or to be tried again.
    Queued,
    Sent,
    /// Refused for good.
    Failed,
}

impl MailState {
    /// As the store and people write it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

impl rusqlite::types::FromSql for MailState {
    fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        let word = value.as_str()?;
        let found = [Self::Queued, Self::Sent, Self::Failed].into_iter().find(|state| state.word() == word);
        found.ok_or(rusqlite::types::FromSqlError::InvalidType)
    }
}

/// A mail that is to be sent now.
#[derive(Debug)]
pub(crate) struct UnsentMail {
    pub(crate) seq: i64,
    pub(crate) kind: String,
    pub(crate) recipient: String,
    pub(crate) at_ms: i64,
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
    pub(crate) state: MailState,
    /// What the server said last, if it has not taken it.
    pub(crate) problem: String,
}

const COLUMNS: &str = "seq, kind, recipient, subject, text, at_ms, state, problem";

fn stored_mail(row: &Row<'_>) -> rusqlite::Result<StoredMail> {
    Ok(StoredMail {
        seq: row.get(0)?,
        kind: row.get(1)?,
        recipient: row.get(2)?,
        subject: row.get(3)?,
        text: row.get(4)?,
        at_ms: row.get(5)?,
        state: row.get(6)?,
        problem: row.get(7)?,
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
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM mails
             WHERE instr(lower(recipient), lower(?1)) > 0 ORDER BY seq DESC LIMIT ?2 OFFSET ?3"
        ))?
        .query_map(params![to, take, skip], stored_mail)?
        .collect::<Result<_, _>>()?;
    Ok((mails, total))
}

pub(crate) fn by_seq(conn: &Connection, seq: i64) -> rusqlite::Result<Option<StoredMail>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM mails WHERE seq = ?1"))?
        .query_row([seq], stored_mail)
        .optional()
}

/// The newest mail of an account to `recipient`.
pub(crate) fn newest_to(
    conn: &Connection,
    account: i64,
    recipient: &str,
) -> rusqlite::Result<Option<StoredMail>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM mails WHERE account_seq = ?1 AND recipient = ?2 ORDER BY seq DESC LIMIT 1"
    ))?
    .query_row(params![account, recipient], stored_mail)
    .optional()
}

/// The newest `take` mails of an account that have not been delivered: tried in vain, or refused.
pub(crate) fn undelivered(conn: &Connection, account: i64, take: usize) -> rusqlite::Result<Vec<StoredMail>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM mails WHERE account_seq = ?1 AND state <> 'sent' AND problem <> ''
         ORDER BY seq DESC LIMIT ?2"
    ))?
    .query_map(params![account, take], stored_mail)?
    .collect()
}

/// The first `take` mails that are due: those of `urgent` kinds before the others, then the oldest.
pub(crate) fn due(
    conn: &Connection,
    urgent: &[&str],
    now_ms: i64,
    take: usize,
) -> rusqlite::Result<Vec<UnsentMail>> {
    conn.prepare_cached(
        "SELECT seq, kind, recipient, at_ms, message FROM mails WHERE state = 'queued' AND next_try_at_ms <= ?2
         ORDER BY kind NOT IN (SELECT value FROM json_each(?1)), seq LIMIT ?3",
    )?
    .query_map(params![super::set_of(urgent)?, now_ms, take], |row| {
        Ok(UnsentMail {
            seq: row.get(0)?,
            kind: row.get(1)?,
            recipient: row.get(2)?,
            at_ms: row.get(3)?,
            message: row.get(4)?,
        })
    })?
    .collect()
}

pub(crate) fn mark_sent(conn: &Connection, mails: &[i64]) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "UPDATE mails SET state = 'sent', problem = '' WHERE seq IN (SELECT value FROM json_each(?1))",
    )?
    .execute([super::set_of(mails)?])
    .map(drop)
}

/// Gives a mail up.
pub(crate) fn mark_failed(conn: &Connection, mail: i64, problem: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE mails SET state = 'failed', tries = tries + 1, problem = ?2 WHERE seq = ?1")?
        .execute(params![mail, problem])
        .map(drop)
}

/// The pause before the next try doubles with every try, from `first_ms` up to `longest_ms`.
const DEFER: &str = "UPDATE mails SET tries = tries + 1, problem = ?2,
     next_try_at_ms = ?3 + min(?5, ?4 << min(tries, 20))";

/// Tries a mail again later.
pub(crate) fn defer(
    conn: &Connection,
    mail: i64,
    problem: &str,
    now_ms: i64,
    (first_ms, longest_ms): (i64, i64),
) -> rusqlite::Result<()> {
    conn.prepare_cached(&format!("{DEFER} WHERE seq = ?1"))?
        .execute(params![mail, problem, now_ms, first_ms, longest_ms])
        .map(drop)
}

/// Tries everything that is due again later; mails older than `since_ms` are given up.
pub(crate) fn defer_due(
    conn: &Connection,
    problem: &str,
    now_ms: i64,
    (first_ms, longest_ms): (i64, i64),
    since_ms: i64,
) -> rusqlite::Result<()> {
    conn.execute(
        "UPDATE mails SET state = 'failed', problem = ?1 WHERE state = 'queued' AND at_ms < ?2",
        params![problem, since_ms],
    )?;
    conn.prepare_cached(&format!("{DEFER} WHERE state = 'queued' AND next_try_at_ms <= ?1"))?
        .execute(params![now_ms, problem, now_ms, first_ms, longest_ms])
        .map(drop)
}

/// Tries everything at once that waits for its next try.
pub(crate) fn hurry(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute("UPDATE mails SET next_try_at_ms = 0 WHERE state = 'queued' AND next_try_at_ms > 0", [])
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
