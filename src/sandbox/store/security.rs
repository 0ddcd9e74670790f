//! Security settings of an account: retention, context, and from where the console may be used.

use super::settings;
use crate::sandbox::lock::lock;
use regex::{Regex, RegexBuilder};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

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

/// Expressions as they are written, and compiled.
type Compiled = (Vec<String>, Arc<[Regex]>);

impl Security {
    pub(crate) fn load(conn: &Connection, account: i64) -> rusqlite::Result<Self> {
        settings::of_account(conn, account, PAGE)
    }

    pub(crate) fn save(&self, conn: &Connection, account: i64) -> rusqlite::Result<()> {
        settings::save_of_account(conn, account, PAGE, self)
    }

    /// Whether a browser at that address may use the console.
    pub(crate) fn admits(&self, address: &str) -> bool {
        self.addresses.is_empty() || self.expressions().iter().any(|pattern| pattern.is_match(address))
    }

    /// The expressions, compiled once for as long as they stay the same: that costs more than a page.
    fn expressions(&self) -> Arc<[Regex]> {
        static LATEST: Mutex<VecDeque<Compiled>> = Mutex::new(VecDeque::new());
        const MOST: usize = 16;
        let mut latest = lock(&LATEST);
        if let Some((_, compiled)) = latest.iter().find(|(addresses, _)| *addresses == self.addresses) {
            return Arc::clone(compiled);
        }
        let compiled: Arc<[Regex]> = self.addresses.iter().filter_map(|pattern| whole(pattern)).collect();
        latest.truncate(MOST - 1);
        latest.push_front((self.addresses.clone(), Arc::clone(&compiled)));
        compiled
    }
}

/// The expression of a whole address; `None` if it is none, or one that would take a lot of memory.
pub(crate) fn whole(pattern: &str) -> Option<Regex> {
    const MEMORY: usize = 256 * 1024;
    RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(MEMORY).dfa_size_limit(MEMORY).build().ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_of_whole_addresses_and_small() {
        let security = |addresses: &[&str]| Security {
            addresses: addresses.iter().map(|one| (*one).to_owned()).collect(),
            ..Security::default()
        };
        let both = security(&[r"192\.0\.2\.\d+", "::1"]);
        for _ in 0..2 {
            assert!(both.admits("192.0.2.7") && both.admits("::1"));
            assert!(!both.admits("192.0.2.7.example") && !both.admits("1192.0.2.7"));
        }
        assert!(!security(&["::2"]).admits("::1"));
        assert!(whole(r"(?:\w{22}){5}").is_none());
    }
}
