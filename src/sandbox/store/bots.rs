//! Bots, their dialog tasks and their publish jobs.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// Where a bot stands between the builder and its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BotStatus {
    /// In development.
    Configured,
    /// Publishing was asked for, no admin has approved it.
    AwaitingApproval,
    /// Deployed: it can be assigned.
    #[default]
    Published,
    /// Deployed, then suspended by an admin.
    Suspended,
}

impl BotStatus {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::AwaitingApproval => "awaitingApproval",
            Self::Published => "published",
            Self::Suspended => "suspended",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "awaitingApproval" => Self::AwaitingApproval,
            "published" => Self::Published,
            "suspended" => Self::Suspended,
            _ => Self::Configured,
        }
    }
}

/// One row of `bots`.
#[derive(Debug, Clone)]
pub(crate) struct Bot {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) status: BotStatus,
    pub(crate) is_enterprise: bool,
    pub(crate) language: String,
    pub(crate) icon: String,
    pub(crate) created_at: String,
    pub(crate) created_by: String,
    /// What it was called when it was last published, if that was another name.
    pub(crate) former_name: Option<String>,
}

impl Bot {
    /// Whether an admin has let it out, even if it is suspended now.
    pub(crate) fn is_deployed(&self) -> bool {
        matches!(self.status, BotStatus::Published | BotStatus::Suspended)
    }

    /// Whether people can be assigned to it: deployed, and to the enterprise.
    pub(crate) fn is_assignable(&self) -> bool {
        self.is_enterprise && self.status == BotStatus::Published
    }
}

const COLUMNS: &str =
    "seq, id, name, description, status, is_enterprise, language, icon, created_at, created_by, former_name";

/// How many columns [`bot`] reads: what a query adds comes behind them.
pub(crate) const COLUMN_COUNT: usize = 11;

/// The columns of [`bot`], where the table is called `alias`.
pub(crate) fn columns_of(alias: &str) -> String {
    COLUMNS.split(", ").map(|column| format!("{alias}.{column}")).collect::<Vec<_>>().join(", ")
}

pub(crate) fn bot(row: &Row<'_>) -> rusqlite::Result<Bot> {
    Ok(Bot {
        seq: row.get(0)?,
        id: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        status: BotStatus::from_word(row.get_ref(4)?.as_str()?),
        is_enterprise: row.get(5)?,
        language: row.get(6)?,
        icon: row.get(7)?,
        created_at: row.get(8)?,
        created_by: row.get(9)?,
        former_name: row.get(10)?,
    })
}

pub(crate) fn count(conn: &Connection, account: i64) -> rusqlite::Result<usize> {
    conn.prepare_cached("SELECT count(*) FROM bots WHERE account_seq = ?1")?
        .query_row([account], |row| row.get(0))
}

pub(crate) fn page(conn: &Connection, account: i64, skip: usize, take: usize) -> rusqlite::Result<Vec<Bot>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM bots WHERE account_seq = ?1 ORDER BY seq LIMIT ?2 OFFSET ?3"
    ))?
    .query_map(params![account, take, skip], bot)?
    .collect()
}

pub(crate) fn by_id(conn: &Connection, account: i64, id: &str) -> rusqlite::Result<Option<Bot>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM bots WHERE account_seq = ?1 AND id = ?2"))?
        .query_row(params![account, id], bot)
        .optional()
}

pub(crate) fn by_name(conn: &Connection, account: i64, name: &str) -> rusqlite::Result<Option<Bot>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM bots WHERE account_seq = ?1 AND name = ?2 ORDER BY seq LIMIT 1"
    ))?
    .query_row(params![account, name], bot)
    .optional()
}

/// What a new bot is made of.
#[derive(Debug)]
pub(crate) struct NewBotRow<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) status: BotStatus,
    pub(crate) is_enterprise: bool,
    pub(crate) created_by: &'a str,
}

pub(crate) fn insert(
    conn: &Connection,
    account: i64,
    row: &NewBotRow<'_>,
    now: &str,
) -> rusqlite::Result<i64> {
    let NewBotRow { id, name, description, status, is_enterprise, created_by } = row;
    conn.prepare_cached(
        "INSERT INTO bots (account_seq, id, name, description, status, is_enterprise, icon, created_at, created_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        account,
        id,
        name,
        description,
        status.word(),
        is_enterprise,
        super::hex_of(&[id, "icon"]),
        now,
        created_by
    ])?;
    Ok(conn.last_insert_rowid())
}

pub(crate) fn set_status(conn: &Connection, bot: i64, status: BotStatus) -> rusqlite::Result<()> {
    conn.execute("UPDATE bots SET status = ?2 WHERE seq = ?1", params![bot, status.word()])?;
    if status == BotStatus::Published {
        conn.execute("UPDATE bots SET former_name = NULL WHERE seq = ?1", [bot])?;
    }
    Ok(())
}

pub(crate) fn rename(conn: &Connection, bot: i64, name: &str) -> rusqlite::Result<()> {
    conn.execute(
        "UPDATE bots SET former_name = coalesce(former_name, name), name = ?2 WHERE seq = ?1",
        params![bot, name],
    )
    .map(drop)
}

/// Removes a bot with everything bound to it.
pub(crate) fn delete(conn: &Connection, bot: i64) -> rusqlite::Result<()> {
    // Bindings hold 0 for "no bot", so they cannot reference the row and go by hand.
    conn.execute("DELETE FROM user_roles WHERE bot_seq = ?1", [bot])?;
    conn.execute("DELETE FROM group_roles WHERE bot_seq = ?1", [bot])?;
    conn.execute("DELETE FROM bots WHERE seq = ?1", [bot]).map(drop)
}

pub(crate) fn add_dialog(conn: &Connection, bot: i64, id: &str, name: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT INTO dialogs (bot_seq, id, name) VALUES (?1, ?2, ?3)")?
        .execute(params![bot, id, name])
        .map(drop)
}

/// Pairs (id, name) of a bot's dialogs.
pub(crate) fn dialogs(conn: &Connection, bot: i64) -> rusqlite::Result<Vec<(String, String)>> {
    conn.prepare_cached("SELECT id, name FROM dialogs WHERE bot_seq = ?1 ORDER BY seq")?
        .query_map([bot], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

pub(crate) fn set_job(conn: &Connection, bot: i64, document: &str) -> rusqlite::Result<()> {
    conn.execute(
        "INSERT INTO publish_jobs (bot_seq, document) VALUES (?1, ?2)
         ON CONFLICT (bot_seq) DO UPDATE SET document = excluded.document",
        params![bot, document],
    )
    .map(drop)
}

/// Writes the last publish job over as approved, if there is one.
pub(crate) fn approve_job(conn: &Connection, bot: i64) -> rusqlite::Result<()> {
    conn.execute(
        "UPDATE publish_jobs SET document = replace(document, '\"awaitingApproval\"', '\"published\"') WHERE bot_seq = ?1",
        [bot],
    )
    .map(drop)
}

pub(crate) fn job(conn: &Connection, bot: i64) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("SELECT document FROM publish_jobs WHERE bot_seq = ?1")?
        .query_row([bot], |row| row.get(0))
        .optional()
}
