//! Who is told what the gateway does: a progress bar, a countdown, metrics.

use super::Endpoint;
use jiff::Timestamp;

/// Hears of calls. Methods are called from many tasks and must return at once.
pub trait Observer: Send + Sync {
    /// A request is about to be sent.
    fn sent(&self, endpoint: Endpoint) {
        let _ = endpoint;
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
