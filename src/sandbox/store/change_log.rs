//! The change log of each bot (2.18b): renames, and edits of people and roles made inside an app.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

/// One entry.
#[derive(Debug)]
pub(crate) struct LogEntry {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    /// The e-mail of whoever did it.
    pub(crate) actor: String,
    pub(crate) message: String,
}

/// Writes an entry of what `actor`, by e-mail, did to a bot.
pub(crate) fn log(
    conn: &Connection,
    account: i64,
    bot_id: &str,
    at: Timestamp,
    actor: &str,
    message: &str,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO change_log (account_seq, id, bot_id, at_ms, actor, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![account, format!("btl-{}", Uuid::new_v4()), bot_id, at.as_millisecond(), actor, message])
    .map(drop)
}

/// Which entries are asked for.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    pub(crate) bot_id: &'a str,
    /// Milliseconds, both ends included.
    pub(crate) between: (i64, i64),
    pub(crate) newest_first: bool,
    pub(crate) skip: usize,
    pub(crate) take: usize,
}

/// A page of a bot's entries.
pub(crate) fn page(conn: &Connection, account: i64, query: &Query<'_>) -> rusqlite::Result<Vec<LogEntry>> {
    let Query { bot_id, between: (from, to), newest_first, skip, take } = query;
    let order = if *newest_first { "DESC" } else { "ASC" };
    conn.prepare_cached(&format!(
        "SELECT id, at_ms, actor, message FROM change_log WHERE account_seq = ?1 AND bot_id = ?2
         AND at_ms BETWEEN ?3 AND ?4 ORDER BY seq {order} LIMIT ?5 OFFSET ?6"
    ))?
    .query_map(params![account, bot_id, from, to, take, skip], |row| {
        Ok(LogEntry { id: row.get(0)?, at_ms: row.get(1)?, actor: row.get(2)?, message: row.get(3)? })
    })?
    .collect()
}
