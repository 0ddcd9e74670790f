//! Polls the audit log, one call each: an event that is not ours starts a pass. A quiet log proves nothing, so the
//! account is read at its interval all the same.

use crate::kore::{AuditPage, KoreError, Reader};
use std::collections::BTreeSet;

/// Where the last poll ended.
#[derive(Clone, Debug, Default)]
pub(super) struct AuditPoll {
    /// The events that were read, and how many there are in all. The order of the log is undocumented: the first page
    /// may be the oldest, and then only the number tells.
    seen: Option<(BTreeSet<String>, Option<u64>)>,
    /// The log cannot be read. It is not polled again on this connection.
    is_unavailable: bool,
}

/// The result of a poll.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Polled {
    /// No new events, or no answer.
    Nothing,
    /// New events.
    NewEvents,
    /// The log cannot be read.
    Unavailable,
}

impl AuditPoll {
    /// Whether polling makes sense.
    pub(super) fn is_possible(&self) -> bool {
        !self.is_unavailable
    }

    /// One call.
    pub(super) async fn poll(&mut self, reader: &Reader) -> Polled {
        match reader.audit_log(None).await {
            Ok(page) => self.take(page),
            Err(KoreError::Scope { .. } | KoreError::Refused { .. } | KoreError::Protocol { .. }) => {
                self.is_unavailable = true;
                Polled::Unavailable
            }
            // The next pass reports it.
            Err(
                KoreError::Credentials { .. }
                | KoreError::Unreachable { .. }
                | KoreError::RateLimited { .. }
                | KoreError::DeadlinePassed { .. }
                | KoreError::Encrypted { .. },
            ) => Polled::Nothing,
        }
    }

    /// The first page is only remembered.
    fn take(&mut self, page: AuditPage) -> Polled {
        let ids: BTreeSet<String> = page.events.into_iter().map(|event| event.id).collect();
        let is_new =
            self.seen.as_ref().is_some_and(|(seen, total)| !ids.is_subset(seen) || page.total > *total);
        self.seen = Some((ids, page.total));
        if is_new { Polled::NewEvents } else { Polled::Nothing }
    }
}
