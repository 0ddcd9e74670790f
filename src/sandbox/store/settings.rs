//! Pages of settings: of an account, and of one bot. Each is a JSON document; what was never saved has its default.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The settings of a page of the account.
pub(crate) fn of_account<T: DeserializeOwned + Default>(
    conn: &Connection,
    account: i64,
    page: &str,
) -> rusqlite::Result<T> {
    let document: Option<String> = conn
        .prepare_cached("SELECT document FROM settings WHERE account_seq = ?1 AND page = ?2")?
        .query_row(params![account, page], |row| row.get(0))
        .optional()?;
    read(document)
}

/// Saves a page of the account.
pub(crate) fn save_of_account<T: Serialize>(
    conn: &Connection,
    account: i64,
    page: &str,
    settings: &T,
) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO settings (account_seq, page, document) VALUES (?1, ?2, ?3)
         ON CONFLICT (account_seq, page) DO UPDATE SET document = excluded.document",
        params![account, page, written(settings)?],
    )
    .map(drop)
}

/// The settings of a bot.
pub(crate) fn of_bot<T: DeserializeOwned + Default>(conn: &Connection, bot: i64) -> rusqlite::Result<T> {
    let document: Option<String> = conn
        .prepare_cached("SELECT document FROM bot_settings WHERE bot_seq = ?1")?
        .query_row([bot], |row| row.get(0))
        .optional()?;
    read(document)
}

/// Saves the settings of a bot.
pub(crate) fn save_of_bot<T: Serialize>(conn: &Connection, bot: i64, settings: &T) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO bot_settings (bot_seq, document) VALUES (?1, ?2)
         ON CONFLICT (bot_seq) DO UPDATE SET document = excluded.document",
        params![bot, written(settings)?],
    )
    .map(drop)
}

fn read<T: DeserializeOwned + Default>(document: Option<String>) -> rusqlite::Result<T> {
    let Some(document) = document else { return Ok(T::default()) };
    serde_json::from_str(&document)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e)))
}

fn written<T: Serialize>(settings: &T) -> rusqlite::Result<String> {
    serde_json::to_string(settings).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}
