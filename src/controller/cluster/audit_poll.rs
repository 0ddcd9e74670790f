//! The audit log as a hint that something happened, one call a poll: an event that is not ours asks for a full read.
//! No hint proves that nothing happened; the full read at its interval stays the proof.

use crate::kore::{AuditPage, KoreError, Reader};
use std::collections::BTreeSet;

/// Where the last poll ended.
#[derive(Clone, Debug, Default)]
pub(super) struct AuditPoll {
    /// The entries that were seen, and how many there are in all. The order of the log is undocumented: the first page
    /// may be the oldest, and then only the number tells.
    seen: Option<(BTreeSet<String>, Option<u64>)>,
    /// The app may not read the log: it is not asked again until the connection is made anew.
    is_refused: bool,
}

/// What a poll came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Polled {
    /// Nothing new.
    UnchangedPass,
    /// Something happened.
    Something,
    /// The log cannot be read.
    Refused,
}

impl AuditPoll {
    /// Whether polling makes sense.
    pub(super) fn is_possible(&self) -> bool {
        !self.is_refused
    }

    /// One call.
    pub(super) async fn poll(&mut self, reader: &Reader) -> Polled {
        match reader.audit_log(None).await {
            Ok(page) => self.take(page),
            Err(KoreError::Scope { .. } | KoreError::Refused { .. } | KoreError::Protocol { .. }) => {
                self.is_refused = true;
                Polled::Refused
            }
            // The pass at the interval tells what is wrong.
            Err(_) => Polled::UnchangedPass,
        }
    }

    /// The first page only says where we stand.
    fn take(&mut self, page: AuditPage) -> Polled {
        let ids: BTreeSet<String> = page.events.into_iter().map(|event| event.id).collect();
        let is_new =
            self.seen.as_ref().is_some_and(|(seen, total)| !ids.is_subset(seen) || page.total > *total);
        self.seen = Some((ids, page.total));
        if is_new { Polled::Something } else { Polled::UnchangedPass }
    }
}
