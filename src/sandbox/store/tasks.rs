//! The dialog tasks of a bot, and where each stands.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// Where a task stands once its bot was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TaskState {
    /// Deployed: it can be assigned.
    Active,
    /// Deployed, then suspended by an admin.
    Suspended,
    /// Back with the developers: its deployment was rejected.
    Configured,
}

impl TaskState {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Configured => "configured",
        }
    }

    fn from_word(word: &str) -> Self {
        match word {
            "suspended" => Self::Suspended,
            "configured" => Self::Configured,
            _ => Self::Active,
        }
    }
}

/// One row of `dialogs`.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) state: TaskState,
}

/// Every task of a bot.
pub(crate) fn of_bot(conn: &Connection, bot: i64) -> rusqlite::Result<Vec<Task>> {
    conn.prepare_cached("SELECT seq, id, name, state FROM dialogs WHERE bot_seq = ?1 ORDER BY seq")?
        .query_map([bot], |row| {
            Ok(Task {
                seq: row.get(0)?,
                id: row.get(1)?,
                name: row.get(2)?,
                state: TaskState::from_word(row.get_ref(3)?.as_str()?),
            })
        })?
        .collect()
}

/// The tasks that can be assigned: those an admin has approved.
pub(crate) fn approved(conn: &Connection, bot: i64) -> rusqlite::Result<Vec<Task>> {
    let mut tasks = of_bot(conn, bot)?;
    tasks.retain(|task| task.state != TaskState::Configured);
    Ok(tasks)
}

pub(crate) fn set_state(conn: &Connection, task: i64, state: TaskState) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE dialogs SET state = ?2 WHERE seq = ?1")?
        .execute(params![task, state.word()])
        .map(drop)
}

/// Sends every task of a bot that was rejected before to the admins again.
pub(crate) fn ask_again(conn: &Connection, bot: i64) -> rusqlite::Result<()> {
    conn.execute("UPDATE dialogs SET state = 'active' WHERE bot_seq = ?1 AND state = 'configured'", [bot])
        .map(drop)
}
