//! Browsers that a person has signed in from, found by the digest of a cookie that outlives the session.

use rusqlite::{Connection, params};

/// So many are kept for one person.
const MOST: usize = 20;

/// Whether the person has signed in from that browser, and fewer than `failures_max` sign-ins there have failed since.
pub(crate) fn is_known(
    conn: &Connection,
    digest: &str,
    email: &str,
    failures_max: u32,
    since_ms: i64,
) -> rusqlite::Result<bool> {
    conn.prepare_cached(
        "SELECT 1 FROM browsers WHERE digest = ?1 AND email = ?2 AND failures < ?3 AND used_at_ms >= ?4",
    )?
    .exists(params![digest, email, failures_max, since_ms])
}

/// Notes a failed sign-in.
pub(crate) fn failed(conn: &Connection, digest: &str, email: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE browsers SET failures = failures + 1 WHERE digest = ?1 AND email = ?2")?
        .execute([digest, email])
        .map(drop)
}

/// Notes a sign-in: the browser is `digest` from now on, for whoever it was known to as `before`.
pub(crate) fn put(
    conn: &Connection,
    before: Option<&str>,
    digest: &str,
    email: &str,
    at_ms: i64,
) -> rusqlite::Result<()> {
    conn.execute("UPDATE browsers SET digest = ?2 WHERE digest = ?1", params![before, digest])?;
    conn.execute(
        "INSERT INTO browsers (digest, email, used_at_ms) VALUES (?1, ?2, ?3)
         ON CONFLICT (digest, email) DO UPDATE SET failures = 0, used_at_ms = excluded.used_at_ms",
        params![digest, email, at_ms],
    )?;
    conn.execute(
        "DELETE FROM browsers WHERE email = ?1 AND digest NOT IN
         (SELECT digest FROM browsers WHERE email = ?1 ORDER BY used_at_ms DESC LIMIT ?2)",
        params![email, MOST],
    )
    .map(drop)
}

/// Forgets every browser of a person: whoever knew the password before may be another person.
pub(crate) fn forget(conn: &Connection, email: &str) -> rusqlite::Result<()> {
    conn.execute("DELETE FROM browsers WHERE email = ?1", [email]).map(drop)
}
