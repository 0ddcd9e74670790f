//! People of the platform: one password each, whatever accounts they are in. Addresses here are lower-case.

use super::browsers;
use rusqlite::{Connection, OptionalExtension, params};

/// One row of `people`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Person {
    pub(crate) email: String,
    /// A hash in PHC form; `None`: no password was ever set.
    pub(crate) password: Option<String>,
    pub(crate) password_changed_at: Option<String>,
    /// The account to open after sign-in.
    pub(crate) default_account: Option<i64>,
}

/// The person of that address. Who is in an account and never had a password has no row, and is answered all the same.
pub(crate) fn by_email(conn: &Connection, email: &str) -> rusqlite::Result<Option<Person>> {
    let row = conn
        .prepare_cached(
            "SELECT email, password, password_changed_at, default_account_seq FROM people WHERE email = ?1",
        )?
        .query_row([email], |row| {
            Ok(Person {
                email: row.get(0)?,
                password: row.get(1)?,
                password_changed_at: row.get(2)?,
                default_account: row.get(3)?,
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
    )?;
    browsers::forget(conn, email)
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

/// What is counted per person until it is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Factor {
    /// Passwords.
    Password,
    /// Codes of the second factor.
    Code,
}

impl Factor {
    fn column(self) -> &'static str {
        match self {
            Self::Password => "failures",
            Self::Code => "code_failures",
        }
    }
}

/// Counts a failure; returns how many there have been in a row. Counted in the database, so that none is lost when
/// several fail at once.
pub(crate) fn count_failure(conn: &Connection, email: &str, factor: Factor) -> rusqlite::Result<u32> {
    ensure(conn, email)?;
    let column = factor.column();
    conn.prepare_cached(&format!(
        "UPDATE people SET {column} = {column} + 1 WHERE email = ?1 RETURNING {column}"
    ))?
    .query_row([email], |row| row.get(0))
}

/// The factor was right: the count begins anew.
pub(crate) fn forget_failures(conn: &Connection, email: &str, factor: Factor) -> rusqlite::Result<()> {
    let column = factor.column();
    conn.prepare_cached(&format!("UPDATE people SET {column} = 0 WHERE email = ?1 AND {column} > 0"))?
        .execute([email])
        .map(drop)
}

/// Until when sign-in is locked, as the store writes it; `None`: it is not.
pub(crate) fn locked_until(conn: &Connection, email: &str) -> rusqlite::Result<Option<String>> {
    let until: Option<Option<String>> = conn
        .prepare_cached("SELECT locked_until FROM people WHERE email = ?1")?
        .query_row([email], |row| row.get(0))
        .optional()?;
    Ok(until.flatten())
}

/// Locks a user in every account, until a time.
pub(crate) fn lock(conn: &Connection, email: &str, until: &str) -> rusqlite::Result<()> {
    ensure(conn, email)?;
    conn.execute(
        "UPDATE people SET locked_until = ?2, failures = 0, code_failures = 0 WHERE email = ?1",
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
    conn.execute(
        "UPDATE people SET locked_until = NULL, failures = 0, code_failures = 0 WHERE email = ?1",
        [email],
    )
    .map(drop)
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
