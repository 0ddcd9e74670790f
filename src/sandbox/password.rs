//! Passwords: the platform's rules (3.9), hashes, and generated ones.

use super::error::SandboxError;
use super::lock::lock;
use super::store::people;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, PasswordHash};
use jiff::SignedDuration;
use rusqlite::Connection;
use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use uuid::Uuid;

/// A password is to be changed when it is older.
pub(crate) const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// So many of the last passwords may not be used again, the present one included.
pub(crate) const HISTORY: usize = 5;
/// Failed sign-ins in a row that lock a user.
pub(crate) const FAILURES: u32 = 5;
/// For how long they do.
pub(crate) const LOCK: SignedDuration = SignedDuration::from_mins(30);
/// How long the link of a reset mail works.
pub(crate) const RESET_LIFE: SignedDuration = SignedDuration::from_mins(15);

/// Longer ones are refused before they cost anything.
const LENGTH_MAX: usize = 256;

/// A rule, and whether a password breaks it.
type Rule = (&'static str, fn(&str) -> bool);

const RULES: [Rule; 7] = [
    ("at least 8 characters", |password| password.chars().count() < 8),
    ("at most 256 bytes", |password| password.len() > LENGTH_MAX),
    ("an upper-case letter", |password| !password.chars().any(char::is_uppercase)),
    ("a lower-case letter", |password| !password.chars().any(char::is_lowercase)),
    ("a digit", |password| !password.chars().any(char::is_numeric)),
    ("a special character", |password| password.chars().all(char::is_alphanumeric)),
    ("no spaces", |password| password.chars().any(char::is_whitespace)),
];

/// The rules that `password` breaks.
pub(crate) fn broken_rules(password: &str) -> Vec<&'static str> {
    RULES.iter().filter(|(_, breaks)| breaks(password)).map(|(rule, _)| *rule).collect()
}

/// Argon2id with the crate's parameters (19 MiB, two passes), which are OWASP's.
pub(crate) fn hash(password: &str) -> Result<String, SandboxError> {
    let _seat = SEATS.take();
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|e| SandboxError::Password(e.to_string()))?;
    Ok(hash.to_string())
}

/// So many hash at a time, each with 19 MiB; the others wait.
static SEATS: Seats = Seats { free: Mutex::new(2), left: Condvar::new() };

struct Seats {
    free: Mutex<usize>,
    left: Condvar,
}

struct Seat(&'static Seats);

impl Seats {
    fn take(&'static self) -> Seat {
        let mut free = lock(&self.free);
        while *free == 0 {
            free = self.left.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Seat(self)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.left.notify_one();
    }
}

/// A hash that no password has, to be compared with when there is none: nobody shall learn from the time it takes
/// whether an address is known.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash(&Uuid::new_v4().to_string()).ok());

/// Whether the password is the one of that hash. `None` costs as much, and is never right.
pub(crate) fn is_right(password: &str, hash: Option<&str>) -> bool {
    if password.len() > LENGTH_MAX {
        return false;
    }
    let Some(compared) = hash.or(NOBODY.as_deref()) else { return false };
    let _seat = SEATS.take();
    Argon2::default().verify_password(password.as_bytes(), compared).is_ok() && hash.is_some()
}

/// A password that keeps the rules, with more than 70 random bits.
pub(crate) fn generated() -> String {
    // No letter or digit that looks like another one.
    const SIGNS: &[u8] = b"abcdefghjkmnpqrstuvwxyzACDEFGHJKLMNPQRTUVWXY34679";
    loop {
        let random = Uuid::new_v4().into_bytes().into_iter().chain(Uuid::new_v4().into_bytes());
        let word: String = random
            .filter(|byte| usize::from(*byte) < SIGNS.len() * 5)
            .map(|byte| char::from(SIGNS[usize::from(byte) % SIGNS.len()]))
            .take(16)
            .collect();
        if word.len() == 16 {
            let password = format!("{}-{}", &word[..8], &word[8..]);
            if broken_rules(&password).is_empty() {
                return password;
            }
        }
    }
}

/// Why a new password is refused, if it is: a broken rule, or one of the last ones again.
pub(crate) fn objections(
    conn: &Connection,
    email: &str,
    password: &str,
) -> Result<Vec<&'static str>, SandboxError> {
    let mut objections = broken_rules(password);
    let mut last = people::past_passwords(conn, email, HISTORY - 1)?;
    last.extend(people::by_email(conn, email)?.and_then(|person| person.password));
    if last.iter().any(|hash| is_right(password, Some(hash))) {
        objections.push("none of the last 5 passwords");
    }
    Ok(objections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_broken_by_something() {
        for (password, broken) in [
            ("Aa1-aa", "at least 8 characters"),
            ("aaaaaa1-", "an upper-case letter"),
            ("AAAAAA1-", "a lower-case letter"),
            ("Aaaaaaa-", "a digit"),
            ("Aaaaaaa1", "a special character"),
            ("Aa1- aaaa", "no spaces"),
        ] {
            assert_eq!(broken_rules(password), [broken], "{password}");
        }
        assert_eq!(broken_rules(&"Aa1-".repeat(65)), ["at most 256 bytes"]);
        assert!(broken_rules("Aaaaaa1-").is_empty());
    }

    #[test]
    fn generated_passwords_keep_the_rules_and_differ() {
        let (one, other) = (generated(), generated());
        assert!(broken_rules(&one).is_empty(), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn nobody_has_no_right_password() {
        let hash = hash("Right-pass1").unwrap();
        assert!(is_right("Right-pass1", Some(&hash)));
        assert!(!is_right("Right-pass2", Some(&hash)) && !is_right("Right-pass1", None));
    }
}
