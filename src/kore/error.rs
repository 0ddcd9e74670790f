//! Why the account could not be read or written. Few variants: each is an exit code and a condition.

use super::{Deadline, Endpoint};
use jiff::SignedDuration;
use std::fmt;

/// What the vendor said, cut short and without secrets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Vendor {
    /// HTTP status; `None` when no answer came.
    pub status: Option<u16>,
    /// The vendor's own code, which is not the HTTP status (kore-api 1.5).
    pub code: Option<i64>,
    /// The vendor's message, or the start of the body.
    pub message: String,
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, message } = self;
        match status {
            Some(status) => write!(f, "HTTP {status}")?,
            None => f.write_str("no answer")?,
        }
        if let Some(code) = code.filter(|code| Some(*code) != status.map(i64::from)) {
            write!(f, ", code {code}")?;
        }
        if message.is_empty() { Ok(()) } else { write!(f, ": {message}") }
    }
}

/// Why the account could not be read or written.
///
/// No variant carries a token, a client secret or a whole body.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KoreError {
    /// The token was not accepted (401, kore-api 1.5).
    #[error(
        "the platform does not accept the credentials\n  {endpoint} answered {vendor}\n  \
         the client id and the secret's text must be those of an app under Security & Control > API Scopes, on this host, \
         with payload encryption and JWE off, and this machine's clock must be right"
    )]
    Credentials {
        /// What was called.
        endpoint: Endpoint,
        /// What came back.
        vendor: Vendor,
    },
    /// The app lacks the scope (401 too, kore-api 1.5).
    #[error(
        "the app may not do this: it needs the scope {}\n  {endpoint} answered {vendor}\n  \
         an admin grants it in the Admin Console under Security & Control > API Scopes", endpoint.scope()
    )]
    Scope {
        /// What was called; it knows the scope it needs.
        endpoint: Endpoint,
        /// What came back.
        vendor: Vendor,
    },
    /// No usable answer: name look-up, connection, TLS, time-out, or 5xx after every try.
    #[error(
        "the platform cannot be reached\n  {endpoint}, tries: {tries}, at last {vendor}\n  check the host and the network, then run again"
    )]
    Unreachable {
        /// What was called.
        endpoint: Endpoint,
        /// The last answer, or why there was none.
        vendor: Vendor,
        /// Requests made.
        tries: u32,
        /// Whether the platform was reached at all, so that a smaller question may do better.
        is_connected: bool,
    },
    /// The call would have to wait longer than allowed.
    #[error(
        "the account's call budget is used up: the next call fits in {} s, {} s is the most to wait\n  {endpoint}\n  \
         run again later, or allow a longer wait", wait.as_secs(), max_wait.as_secs()
    )]
    RateLimited {
        /// What was to be called.
        endpoint: Endpoint,
        /// How long until the next call fits.
        wait: SignedDuration,
        /// The most this run may wait for one call.
        max_wait: SignedDuration,
    },
    /// The call would have been sent after the writer's deadline; nothing was sent.
    #[error("{which}\n  {endpoint}: nothing was sent\n  {}", which.next_step())]
    DeadlinePassed {
        /// What was to be called.
        endpoint: Endpoint,
        /// Which deadline.
        which: Deadline,
    },
    /// An answer this client cannot use: a web page, the wrong shape, too large, a redirect.
    #[error(
        "the answer is not the Admin API's: {why}\n  {endpoint} answered {vendor}\n  check that the host is a Kore.ai platform, not a sign-in page or proxy"
    )]
    Protocol {
        /// What was called.
        endpoint: Endpoint,
        /// What is wrong with it.
        why: String,
        /// What came back.
        vendor: Vendor,
    },
    /// The app has payload encryption switched on, whose form is not documented (kore-api 1.3).
    #[error(
        "the app encrypts its answers, and nothing here can read them\n  {endpoint} answered with ciphertext\n  \
         an admin switches off \"Enforce Request and Response Payload Encryption\" of the app under Security & Control > \
         API Scopes"
    )]
    Encrypted {
        /// What was called.
        endpoint: Endpoint,
    },
    /// The platform understood and said no.
    #[error(
        "the platform refused\n  {endpoint} answered {vendor}\n  `koreconcile doctor` tests what this app may do"
    )]
    Refused {
        /// What was called.
        endpoint: Endpoint,
        /// What came back.
        vendor: Vendor,
    },
}

impl KoreError {
    /// What was called.
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::Credentials { endpoint, .. }
            | Self::Scope { endpoint, .. }
            | Self::Unreachable { endpoint, .. }
            | Self::RateLimited { endpoint, .. }
            | Self::DeadlinePassed { endpoint, .. }
            | Self::Protocol { endpoint, .. }
            | Self::Encrypted { endpoint }
            | Self::Refused { endpoint, .. } => *endpoint,
        }
    }

    /// Whether a smaller batch may succeed where this call failed: it was refused, or the connection broke.
    pub fn may_succeed_with_smaller_batch(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unreachable { is_connected: true, .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_lease_says_who_goes_on_and_nothing_of_the_budget() {
        let error = KoreError::DeadlinePassed { endpoint: Endpoint::UpdateUsers, which: Deadline::Lease };
        let text = error.to_string();
        let first = text.lines().next().unwrap();
        assert_eq!(first, "the lease has ended, and another process may write now");
        assert!(text.contains("nothing was sent"), "{text}");
        assert!(text.ends_with("whoever has it now continues"), "{text}");
        assert!(!text.contains("rateLimit") && !text.contains("budget") && !text.contains("wait"), "{text}");
        assert_eq!(error.endpoint(), Endpoint::UpdateUsers);
    }

    #[test]
    fn an_old_observation_says_that_the_changes_are_checked_again() {
        let error = KoreError::DeadlinePassed { endpoint: Endpoint::UpdateUsers, which: Deadline::Freshness };
        let text = error.to_string();
        assert!(text.contains("older than 60 s") && text.contains("nothing was sent"), "{text}");
        assert!(text.ends_with("checked against another observation first"), "{text}");
    }
}
