//! Worlds to start from: the built-in roles of every account, the demo account, and generated ones of any size.

mod builtin;
mod demo;
mod generated;

pub use generated::Seed;

use super::dialect::Dialect;
use super::error::SandboxError;
use super::store::accounts::{self, Account};
use super::{DEFAULT_ACCOUNT, Options, Starter, clock};
use jiff::Timestamp;
use rusqlite::Connection;

/// The Primary Admin of every new account.
pub(crate) const OWNER: &str = "owner@example.com";

/// Makes the account that `options` name, unless it is there.
pub(crate) fn account_if_missing(
    conn: &Connection,
    options: &Options,
    now: Timestamp,
) -> Result<(), SandboxError> {
    let id = match &options.account_id {
        Some(id) => id.as_str(),
        None if accounts::all(conn)?.is_empty() => DEFAULT_ACCOUNT,
        None => return Ok(()),
    };
    if accounts::by_id(conn, id)?.is_some() {
        return Ok(());
    }
    // People tell accounts apart by their names.
    let name = match accounts::all(conn)?.len() {
        0 => "Example".to_owned(),
        others => format!("Example {}", others + 1),
    };
    account(conn, id, &name, options.starter, &options.dialect, now)
}

/// Makes an account.
pub(crate) fn account(
    conn: &Connection,
    id: &str,
    name: &str,
    starter: Starter,
    dialect: &Dialect,
    now: Timestamp,
) -> Result<(), SandboxError> {
    let account = accounts::insert(conn, id, name, OWNER, &clock::wire(now))?;
    let world = World { conn, account: &account, dialect, now: clock::wire(now) };
    builtin::fill(&world)?;
    if starter == Starter::Demo {
        demo::fill(&world)?;
    }
    Ok(())
}

/// An account being filled, in one transaction.
pub(crate) struct World<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) account: &'a Account,
    pub(crate) dialect: &'a Dialect,
    pub(crate) now: String,
}
