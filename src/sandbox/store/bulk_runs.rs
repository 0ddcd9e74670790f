//! Runs of the two ways to enroll people by file, with their reports.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// Which page a run belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BulkRunKind {
    BulkInvite,
    Import,
}

impl BulkRunKind {
    fn word(self) -> &'static str {
        match self {
            Self::BulkInvite => "bulk-invite",
            Self::Import => "import",
        }
    }
}

/// What became of one line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: usize,
    pub(crate) subject: String,
    pub(crate) result: String,
    pub(crate) is_done: bool,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) file: String,
    pub(crate) actor: String,
    pub(crate) at_ms: i64,
    pub(crate) lines: Vec<Line>,
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: row.get(0)?,
        file: row.get(1)?,
        actor: row.get(2)?,
        at_ms: row.get(3)?,
        lines: serde_json::from_str(row.get_ref(4)?.as_str()?).unwrap_or_default(),
    })
}

const COLUMNS: &str = "id, file, actor, at_ms, lines";

/// Keeps a run; returns its id.
pub(crate) fn insert(
    conn: &Connection,
    account: i64,
    kind: BulkRunKind,
    file: &str,
    actor: &str,
    at: Timestamp,
    lines: &[Line],
) -> rusqlite::Result<String> {
    let id = super::fresh_hex();
    conn.execute(
        "INSERT INTO bulk_runs (account_seq, kind, id, file, actor, at_ms, lines)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![account, kind.word(), id, file, actor, at.as_millisecond(), super::set_of(lines)?],
    )?;
    Ok(id)
}

/// The newest runs.
pub(crate) fn newest(
    conn: &Connection,
    account: i64,
    kind: BulkRunKind,
    take: usize,
) -> rusqlite::Result<Vec<Run>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM bulk_runs WHERE account_seq = ?1 AND kind = ?2 ORDER BY seq DESC LIMIT ?3"
    ))?
    .query_map(params![account, kind.word(), take], run)?
    .collect()
}

pub(crate) fn by_id(
    conn: &Connection,
    account: i64,
    kind: BulkRunKind,
    id: &str,
) -> rusqlite::Result<Option<Run>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM bulk_runs WHERE account_seq = ?1 AND kind = ?2 AND id = ?3"
    ))?
    .query_row(params![account, kind.word(), id], run)
    .optional()
}
