//! Accounts: one row each.

use super::super::error::SandboxError;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// One account of the sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) org_id: String,
    pub(crate) name: String,
    /// The e-mail of the Primary Admin.
    pub(crate) primary_admin: String,
    /// Deployment requests are approved by themselves.
    pub(crate) auto_approve: bool,
    /// The console asks for a code by e-mail after the password.
    pub(crate) two_factor: bool,
}

const COLUMNS: &str = "seq, id, org_id, primary_admin, auto_approve, name, two_factor";

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        seq: row.get(0)?,
        id: row.get(1)?,
        org_id: row.get(2)?,
        primary_admin: row.get(3)?,
        auto_approve: row.get(4)?,
        name: row.get(5)?,
        two_factor: row.get(6)?,
    })
}

pub(crate) fn all(conn: &Connection) -> rusqlite::Result<Vec<Account>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts ORDER BY seq"))?
        .query_map([], account)?
        .collect()
}

pub(crate) fn by_seq(conn: &Connection, seq: i64) -> rusqlite::Result<Account> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts WHERE seq = ?1"))?.query_row([seq], account)
}

pub(crate) fn by_id(conn: &Connection, id: &str) -> rusqlite::Result<Option<Account>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts WHERE id = ?1"))?
        .query_row([id], account)
        .optional()
}

/// The account called `id`, or the only one there is.
pub(crate) fn chosen(conn: &Connection, id: Option<&str>) -> Result<Account, SandboxError> {
    let mut accounts = all(conn)?;
    let ids = |accounts: &[Account]| accounts.iter().map(|account| account.id.clone()).collect::<Vec<_>>();
    match id {
        Some(wanted) => {
            accounts.iter().find(|account| account.id == wanted).cloned().ok_or_else(|| {
                SandboxError::UnknownAccount { wanted: wanted.to_owned(), known: ids(&accounts) }
            })
        }
        None if accounts.len() == 1 => Ok(accounts.remove(0)),
        None => Err(SandboxError::AmbiguousAccount(ids(&accounts))),
    }
}

pub(crate) fn insert(
    conn: &Connection,
    id: &str,
    name: &str,
    primary_admin: &str,
    now: &str,
) -> rusqlite::Result<Account> {
    let org_id = super::uuid_of("o-", &[id]);
    conn.execute(
        "INSERT INTO accounts (id, org_id, name, primary_admin, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, org_id, name, primary_admin, now],
    )?;
    by_seq(conn, conn.last_insert_rowid())
}

pub(crate) fn set_name(conn: &Connection, account: i64, name: &str) -> rusqlite::Result<()> {
    conn.execute("UPDATE accounts SET name = ?2 WHERE seq = ?1", params![account, name]).map(drop)
}

pub(crate) fn set_auto_approve(conn: &Connection, account: i64, auto: bool) -> rusqlite::Result<()> {
    conn.execute("UPDATE accounts SET auto_approve = ?2 WHERE seq = ?1", params![account, auto]).map(drop)
}

pub(crate) fn set_two_factor(conn: &Connection, account: i64, on: bool) -> rusqlite::Result<()> {
    conn.execute("UPDATE accounts SET two_factor = ?2 WHERE seq = ?1", params![account, on]).map(drop)
}

pub(crate) fn set_primary_admin(conn: &Connection, account: i64, email: &str) -> rusqlite::Result<()> {
    conn.execute("UPDATE accounts SET primary_admin = ?2 WHERE seq = ?1", params![account, email]).map(drop)
}

/// The accounts in which the person, by lower-case e-mail, may work: joined, neither suspended nor locked.
pub(crate) fn open_to(conn: &Connection, email: &str) -> rusqlite::Result<Vec<Account>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM accounts WHERE seq IN (SELECT account_seq FROM users WHERE email_lower = ?1
         AND state = 'active') ORDER BY name, seq"
    ))?
    .query_map([email], account)?
    .collect()
}

/// The accounts that the person, by lower-case e-mail, has joined and is not suspended from; a lock does not count.
pub(crate) fn joined_by(conn: &Connection, email: &str) -> rusqlite::Result<Vec<Account>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM accounts WHERE seq IN (SELECT account_seq FROM users WHERE email_lower = ?1
         AND state IN ('active', 'locked')) ORDER BY name, seq"
    ))?
    .query_map([email], account)?
    .collect()
}
