//! Security settings of an account: retention, context, and from where the console may be used.

use super::settings;
use regex::Regex;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// Security & Control > Settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Security {
    /// How long data is kept.
    pub(crate) retention_months: u32,
    pub(crate) keeps_context: bool,
    /// Regular expressions; an address of a browser has to match one as a whole. None: every address may.
    pub(crate) addresses: Vec<String>,
}

impl Default for Security {
    fn default() -> Self {
        Self { retention_months: 84, keeps_context: true, addresses: Vec::new() }
    }
}

const PAGE: &str = "security";

impl Security {
    pub(crate) fn load(conn: &Connection, account: i64) -> rusqlite::Result<Self> {
        settings::of_account(conn, account, PAGE)
    }

    pub(crate) fn save(&self, conn: &Connection, account: i64) -> rusqlite::Result<()> {
        settings::save_of_account(conn, account, PAGE, self)
    }

    /// Whether a browser at that address may use the console.
    pub(crate) fn admits(&self, address: &str) -> bool {
        self.addresses.is_empty()
            || self
                .addresses
                .iter()
                .any(|pattern| whole(pattern).is_some_and(|pattern| pattern.is_match(address)))
    }
}

/// The expression of a whole address; `None` if it is none.
pub(crate) fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

/// Makes every link that was mailed and not used yet worthless: of invitations, and of password resets of the
/// account's people. Returns how many there were.
pub(crate) fn revoke_links(conn: &Connection, account: i64) -> rusqlite::Result<usize> {
    let invitations = conn.execute(
        "DELETE FROM invitations WHERE user_seq IN (SELECT seq FROM users WHERE account_seq = ?1)",
        [account],
    )?;
    let resets = conn.execute(
        "DELETE FROM one_time WHERE purpose = 'password-reset'
         AND subject IN (SELECT email_lower FROM users WHERE account_seq = ?1)",
        [account],
    )?;
    Ok(invitations + resets)
}
