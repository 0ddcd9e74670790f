//! People of the platform: one password each, whatever accounts they are in. Addresses here are lower-case.

use rusqlite::{Connection, OptionalExtension, params};

/// One row of `people`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    pub(crate) email: String,
    /// A hash in PHC form; `None`: no password was ever set.
    pub(crate) password: Option<String>,
    pub(crate) password_changed_at: Option<String>,
    /// Failed sign-ins since the last good one.
    pub(crate) failures: u32,
    /// The account to open after sign-in.
    pub(crate) default_account: Option<i64>,
}

/// The person of that address. Who is in an account and never had a password has no row, and is answered all the same.
pub(crate) fn by_email(conn: &Connection, email: &str) -> rusqlite::Result<Option<Person>> {
    let row = conn
        .prepare_cached(
            "SELECT email, password, password_changed_at, failures, default_account_seq FROM people WHERE email = ?1",
        )?
        .query_row([email], |row| {
            Ok(Person {
                email: row.get(0)?,
                password: row.get(1)?,
                password_changed_at: row.get(2)?,
                failures: row.get(3)?,
                default_account: row.get(4)?,
            })
        })
        .optional()?;
    if row.is_some() {
        return Ok(row);
    }
    let is_user = conn
        .prepare_cached("SELECT 1 FROM users WHERE email_lower = ?1 AND state <> 'not active' LIMIT 1")?
        .exists([email])?;
    Ok(is_user.then(|| Person { email: email.to_owned(), ..Person::default() }))
}

fn ensure(conn: &Connection, email: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR IGNORE INTO people (email) VALUES (?1)")?.execute([email]).map(drop)
}

/// Writes a new password, keeping the one before among the past ones.
pub(crate) fn set_password(conn: &Connection, email: &str, hash: &str, now: &str) -> rusqlite::Result<()> {
    ensure(conn, email)?;
    conn.execute(
        "INSERT INTO past_passwords (email, password)
         SELECT email, password FROM people WHERE email = ?1 AND password IS NOT NULL",
        [email],
    )?;
    conn.execute(
        "UPDATE people SET password = ?2, password_changed_at = ?3, failures = 0 WHERE email = ?1",
        params![email, hash, now],
    )
    .map(drop)
}

/// The newest `take` hashes before the present one.
pub(crate) fn past_passwords(conn: &Connection, email: &str, take: usize) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached("SELECT password FROM past_passwords WHERE email = ?1 ORDER BY seq DESC LIMIT ?2")?
        .query_map(params![email, take], |row| row.get(0))?
        .collect()
}

/// Everybody who has joined an account and has no password yet.
pub(crate) fn without_password(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached(
        "SELECT DISTINCT email_lower FROM users WHERE state <> 'not active'
         AND email_lower NOT IN (SELECT email FROM people WHERE password IS NOT NULL) ORDER BY 1",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

/// Whether anybody ever had a password.
pub(crate) fn any_password(conn: &Connection) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM people WHERE password IS NOT NULL LIMIT 1")?.exists([])
}

pub(crate) fn set_failures(conn: &Connection, email: &str, failures: u32) -> rusqlite::Result<()> {
    ensure(conn, email)?;
    conn.prepare_cached("UPDATE people SET failures = ?2 WHERE email = ?1")?
        .execute(params![email, failures])
        .map(drop)
}

/// Locks a user in every account, until a time.
pub(crate) fn lock(conn: &Connection, email: &str, until: &str) -> rusqlite::Result<()> {
    ensure(conn, email)?;
    conn.execute(
        "UPDATE people SET locked_until = ?2, failures = 0 WHERE email = ?1",
        params![email, until],
    )?;
    conn.execute("UPDATE users SET state = 'locked' WHERE email_lower = ?1 AND state = 'active'", [email])
        .map(drop)
}

/// Unlocks a user in every account.
pub(crate) fn unlock(conn: &Connection, email: &str) -> rusqlite::Result<()> {
    forget_lock(conn, email)?;
    conn.execute("UPDATE users SET state = 'active' WHERE email_lower = ?1 AND state = 'locked'", [email])
        .map(drop)
}

/// Forgets a lock and the failures before it: an admin has let them in again.
pub(crate) fn forget_lock(conn: &Connection, email: &str) -> rusqlite::Result<()> {
    conn.execute("UPDATE people SET locked_until = NULL, failures = 0 WHERE email = ?1", [email]).map(drop)
}

/// Who is locked and need not be any more.
pub(crate) fn lock_is_over(conn: &Connection, now: &str) -> rusqlite::Result<Vec<String>> {
    conn.prepare_cached("SELECT email FROM people WHERE locked_until IS NOT NULL AND locked_until <= ?1")?
        .query_map([now], |row| row.get(0))?
        .collect()
}

pub(crate) fn set_default_account(
    conn: &Connection,
    email: &str,
    account: Option<i64>,
) -> rusqlite::Result<()> {
    ensure(conn, email)?;
    conn.execute("UPDATE people SET default_account_seq = ?2 WHERE email = ?1", params![email, account])
        .map(drop)
}
