//! How often a password may be tried: by the address that is typed and by the address it comes from, so that neither
//! one person nor one machine can be used to guess. Kept in memory; a restart forgets it.

use crate::sandbox::clock;
use crate::sandbox::lock::lock;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Mutex;

/// In how long a time attempts are counted.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// How many are taken for one e-mail address, known or not. The lock comes first, at 5 in a row.
const PER_ADDRESS: usize = 20;
/// How many are taken from one machine.
const PER_MACHINE: usize = 100;
/// With more than this many keys the ones without recent attempts are dropped.
const KEYS: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Address(String),
    Machine(IpAddr),
}

/// The attempts of the last minutes.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<Key, VecDeque<Timestamp>>>);

impl Attempts {
    /// Counts an attempt. `Err`: it is one too many, and the next may come after so many seconds.
    pub(super) fn count(&self, email: &str, ip: IpAddr, now: Timestamp) -> Result<(), i64> {
        let mut attempts = lock(&self.0);
        let since = now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
        if attempts.len() > KEYS {
            attempts.retain(|_, times| times.back().is_some_and(|last| *last > since));
        }
        let email: String = email.chars().take(254).collect();
        let keys = [(Key::Address(email), PER_ADDRESS), (Key::Machine(ip), PER_MACHINE)];
        for (key, most) in &keys {
            let times = attempts.entry(key.clone()).or_default();
            while times.front().is_some_and(|first| *first <= since) {
                times.pop_front();
            }
            if let Some(first) = times.front().filter(|_| times.len() >= *most) {
                let free_at = clock::after(*first, WINDOW);
                return Err(free_at.duration_since(now).as_secs().max(1));
            }
        }
        for (key, _) in keys {
            attempts.entry(key).or_default().push_back(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn one_address_and_one_machine_are_each_limited_for_a_quarter_of_an_hour() {
        let attempts = Attempts::default();
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..PER_ADDRESS {
            attempts.count("a@example.com", HERE, now).unwrap();
        }
        assert_eq!(attempts.count("a@example.com", HERE, now), Err(900));
        for number in PER_ADDRESS..PER_MACHINE {
            attempts.count(&format!("{number}@example.com"), HERE, now).unwrap();
        }
        assert_eq!(attempts.count("b@example.com", HERE, now), Err(900));
        let later = now.checked_add(WINDOW).unwrap();
        attempts.count("a@example.com", HERE, later).unwrap();
    }
}
