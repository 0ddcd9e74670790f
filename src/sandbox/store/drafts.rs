//! What a user has chosen in the assignment pages and not applied yet, one for each session and bot.

use rusqlite::{Connection, OptionalExtension, params};

pub(crate) fn load(conn: &Connection, session: &str, bot: i64) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT document FROM assignment_drafts WHERE session_id = ?1 AND bot_seq = ?2")?
        .query_row(params![session, bot], |row| row.get(0))
        .optional()
}

pub(crate) fn put(conn: &Connection, session: &str, bot: i64, document: &str) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO assignment_drafts (session_id, bot_seq, document) VALUES (?1, ?2, ?3)
         ON CONFLICT (session_id, bot_seq) DO UPDATE SET document = excluded.document",
        params![session, bot, document],
    )
    .map(drop)
}

pub(crate) fn forget(conn: &Connection, session: &str, bot: i64) -> rusqlite::Result<()> {
    conn.execute(
        "DELETE FROM assignment_drafts WHERE session_id = ?1 AND bot_seq = ?2",
        params![session, bot],
    )
    .map(drop)
}
