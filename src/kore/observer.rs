//! Who is told what the gateway does: a progress bar, a countdown, metrics.

use super::Endpoint;
use jiff::{SignedDuration, Timestamp};

/// Hears of calls. Methods are called from many tasks and must return at once.
pub trait Observer: Send + Sync {
    /// A request is about to be sent.
    fn sent(&self, endpoint: Endpoint) {
        let _ = endpoint;
    }

    /// A request was answered with that HTTP status, or not at all, after that time.
    fn answered(&self, endpoint: Endpoint, status: Option<u16>, took: SignedDuration) {
        let _ = (endpoint, status, took);
    }

    /// Nothing can be sent before that time. Said once by each waiting call, and again when the time moves.
    fn waiting(&self, endpoint: Endpoint, until: Timestamp) {
        let _ = (endpoint, until);
    }

    /// A try failed and another follows. `tries` have been made; `why` is safe to show.
    fn retrying(&self, endpoint: Endpoint, tries: u32, why: &str) {
        let _ = (endpoint, tries, why);
    }
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {}
