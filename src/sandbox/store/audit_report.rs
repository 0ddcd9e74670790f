//! The audit log as the console reports it: filtered, a page at a time, the newest first.

use rusqlite::{Connection, params};

/// One row of the report.
#[derive(Debug)]
pub(crate) struct AuditRow {
    pub(crate) at_ms: i64,
    /// The e-mail of whoever did it; empty for the API.
    pub(crate) actor: String,
    /// Their name, if they are still there.
    pub(crate) name: String,
    /// The client id of the app that did it; empty for people.
    pub(crate) app: String,
    /// Its name, if it is still there.
    pub(crate) app_name: String,
    pub(crate) event: String,
    pub(crate) category: String,
    pub(crate) description: String,
}

/// What is asked for; empty texts match everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuditFilter {
    /// Milliseconds, both ends included.
    pub(crate) between: (i64, i64),
    /// A part of the address of a user, or of the name or client id of an app, in whatever case.
    pub(crate) actor: String,
    pub(crate) category: String,
    pub(crate) event: String,
    /// A part of the description, in exactly this case.
    pub(crate) text: String,
}

const MATCHING: &str = "a.account_seq = ?1 AND a.at_ms BETWEEN ?2 AND ?3 AND (?4 = '' OR a.category = ?4)
     AND (?5 = '' OR a.name = ?5) AND (?6 = '' OR instr(lower(a.actor), ?6) > 0 OR instr(lower(a.app), ?6) > 0
          OR EXISTS (SELECT 1 FROM apps p WHERE p.client_id = a.app AND instr(lower(p.name), ?6) > 0))
     AND (?7 = '' OR instr(a.description, ?7) > 0)";

/// A page of the report, and how many entries it has.
pub(crate) fn page(
    conn: &Connection,
    account: i64,
    filter: &AuditFilter,
    skip: usize,
    take: usize,
) -> rusqlite::Result<(Vec<AuditRow>, usize)> {
    let AuditFilter { between: (from, to), actor, category, event, text } = filter;
    let actor = actor.to_lowercase();
    let total = conn
        .prepare_cached(&format!("SELECT count(*) FROM audit a WHERE {MATCHING}"))?
        .query_row(params![account, from, to, category, event, actor, text], |row| row.get(0))?;
    let rows = conn
        .prepare_cached(&format!(
            "SELECT a.at_ms, a.actor, coalesce(trim(u.first_name || ' ' || u.last_name), ''), a.name, a.category,
                    a.description, a.app, coalesce(p.name, '')
             FROM audit a LEFT JOIN users u ON u.account_seq = a.account_seq AND u.email = a.actor
                  LEFT JOIN apps p ON p.client_id = a.app
             WHERE {MATCHING} ORDER BY a.at_ms DESC, a.seq DESC LIMIT ?8 OFFSET ?9"
        ))?
        .query_map(params![account, from, to, category, event, actor, text, take, skip], |row| {
            Ok(AuditRow {
                at_ms: row.get(0)?,
                actor: row.get(1)?,
                name: row.get(2)?,
                event: row.get(3)?,
                category: row.get(4)?,
                description: row.get(5)?,
                app: row.get(6)?,
                app_name: row.get(7)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok((rows, total))
}
