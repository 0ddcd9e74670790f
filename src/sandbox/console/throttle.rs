//! How often something secret may be tried, or mail be asked for, by people who have not signed in.
//!
//! Four counts stand side by side. The first two are in memory, last 15 minutes and end with the process; the others are
//! in the database and end when the factor was right, or with the lock.
//!
//! | count | of | at most | what happens then |
//! |---|---|---|---|
//! | [`Key::Address`] | tries for one address, known or not, from browsers that it does not know | 20 | refused (429) |
//! | [`Key::Machine`] | tries from one machine, in browsers unknown to the address | 100 | refused (429) |
//! | `people.failures` | wrong passwords of a person in a row | 5 | sign-in is locked for 30 minutes |
//! | `people.code_failures` | wrong codes of a person in a row, over all codes and sessions | 5 | the same |
//!
//! What is tried ([`Act`]) is counted apart, so that nobody loses one way in because another is being tried out.
//!
//! A lock refuses new sign-ins, and a code from a session that still waits for it. It ends no session: otherwise anybody
//! who knows an address could throw its owner out. It is over after its time, when an administrator unlocks, when
//! `koreconcile sandbox password` sets a password, and when the person proves the mailbox by a link to a new password.
//!
//! A browser that a person has signed in from, second factor included, holds a cookie. There the person is counted by the
//! browser instead ([`Key::Browser`], 20), and a lock does not refuse: it is for strangers. Five failures there in a row
//! make it a stranger, too.
//!
//! A link that cannot be guessed (to a new password) is counted by whom it is for; wrong links by the machine alone.

use crate::sandbox::clock;
use crate::sandbox::lock::lock;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Mutex;

/// In how long a time tries are counted.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// How many are taken for one address or browser. The lock comes first, at 5 in a row.
const PER_ADDRESS: usize = 20;
/// How many are taken from one machine.
const PER_MACHINE: usize = 100;
/// With more than this many keys the ones without recent tries are dropped.
const KEYS: usize = 10_000;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Act {
    /// A password, at sign-in or before it is changed.
    Password,
    /// To be sent a code of the second factor.
    SendCode,
    /// To be sent a link to a new password.
    SendLink,
    /// To use such a link.
    Reset,
    /// To join: codes of invitations, new invitations, requests.
    Join,
}

/// By what tries are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// An e-mail address, as typed or as known.
    Address(Act, String),
    /// A browser that the person has signed in from, by its digest.
    Browser(Act, String),
    /// Where it comes from.
    Machine(Act, IpAddr),
}

impl Key {
    /// For an address, in lower case. Longer than any there is, it is cut.
    pub(super) fn address(act: Act, email: &str) -> Self {
        Self::Address(act, email.chars().take(254).collect())
    }

    fn most(&self) -> usize {
        match self {
            Self::Address(..) | Self::Browser(..) => PER_ADDRESS,
            Self::Machine(..) => PER_MACHINE,
        }
    }
}

/// The tries of the last minutes.
#[derive(Debug, Default)]
pub(crate) struct Throttle(Mutex<HashMap<Key, VecDeque<Timestamp>>>);

impl Throttle {
    /// Counts a try under each key, or under none. `Err`: it is one too many, and the next may come after so many seconds.
    pub(super) fn count(&self, keys: &[Key], now: Timestamp) -> Result<(), i64> {
        let mut tries = lock(&self.0);
        let since = now.checked_sub(WINDOW).unwrap_or(Timestamp::MIN);
        // A clock that was set back makes later tries void, so that nobody waits longer than the window.
        let counts = |at: &Timestamp| *at > since && *at <= now;
        if tries.len() > KEYS {
            tries.retain(|_, times| times.back().is_some_and(counts));
        }
        for key in keys {
            let times = tries.entry(key.clone()).or_default();
            times.retain(counts);
            if let Some(first) = times.front().filter(|_| times.len() >= key.most()) {
                let free_at = clock::after(*first, WINDOW);
                return Err(free_at.duration_since(now).as_secs().max(1));
            }
        }
        for key in keys {
            tries.entry(key.clone()).or_default().push_back(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn keys(act: Act, email: &str) -> [Key; 2] {
        [Key::address(act, email), Key::Machine(act, HERE)]
    }

    #[test]
    fn one_address_and_one_machine_are_each_limited_for_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..PER_ADDRESS {
            throttle.count(&keys(Act::Password, "a@example.com"), now).unwrap();
        }
        assert_eq!(throttle.count(&keys(Act::Password, "a@example.com"), now), Err(900));
        for number in PER_ADDRESS..PER_MACHINE {
            throttle.count(&keys(Act::Password, &format!("{number}@example.com")), now).unwrap();
        }
        assert_eq!(throttle.count(&keys(Act::Password, "b@example.com"), now), Err(900));
        throttle.count(&keys(Act::SendLink, "a@example.com"), now).unwrap();
        let later = now.checked_add(WINDOW).unwrap();
        throttle.count(&keys(Act::Password, "a@example.com"), later).unwrap();
    }

    #[test]
    fn clock_that_is_set_back_makes_nobody_wait_longer() {
        let throttle = Throttle::default();
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..PER_ADDRESS {
            throttle.count(&keys(Act::Password, "a@example.com"), now).unwrap();
        }
        let yesterday = now.checked_sub(SignedDuration::from_hours(24)).unwrap();
        throttle.count(&keys(Act::Password, "a@example.com"), yesterday).unwrap();
    }
}
