//! Polls the audit log, one call each: an event that is not ours starts a pass, about the people whom it names. A quiet
//! log proves nothing, so the account is read at its interval all the same.

use crate::facts::Email;
use crate::kore::{AuditEvent, AuditPage, KoreError, Reader};
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
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Polled {
    /// No new events, or no answer.
    Nothing,
    /// New events, all of which name people: these.
    People(BTreeSet<Email>),
    /// New events, some of which name nobody.
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
            Ok(page) => self.take(&page),
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
    fn take(&mut self, page: &AuditPage) -> Polled {
        let ids: BTreeSet<String> = page.events.iter().map(|event| event.id.clone()).collect();
        let polled = self.seen.as_ref().map_or(Polled::Nothing, |(seen, total)| {
            let new: Vec<&AuditEvent> =
                page.events.iter().filter(|event| !seen.contains(&event.id)).collect();
            let people: Vec<BTreeSet<Email>> = new.iter().map(|event| event.people()).collect();
            match (new.is_empty(), page.total > *total) {
                (true, false) => Polled::Nothing,
                // Of what is on another page nothing is known.
                (true, true) => Polled::NewEvents,
                (false, _) if people.iter().any(BTreeSet::is_empty) => Polled::NewEvents,
                (false, _) => Polled::People(people.into_iter().flatten().collect()),
            }
        });
        self.seen = Some((ids, page.total));
        polled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(events: &[(&str, &str)], total: u64) -> AuditPage {
        let event = |(id, description): &(&str, &str)| AuditEvent {
            id: (*id).to_owned(),
            at: None,
            name: String::new(),
            category: String::new(),
            description: (*description).to_owned(),
        };
        AuditPage { events: events.iter().map(event).collect(), has_more: false, total: Some(total) }
    }

    #[test]
    fn an_event_is_about_whom_it_names_and_about_everybody_where_it_names_nobody() {
        let first = ("1", "user jane@example.com created");
        let (kim, role) =
            (("2", "role Auditor assigned to kim@example.com"), ("3", "admin role Auditor updated"));
        let mut poll = AuditPoll::default();
        assert_eq!(poll.take(&page(&[first], 1)), Polled::Nothing);
        assert_eq!(poll.take(&page(&[first], 1)), Polled::Nothing);
        let people = BTreeSet::from([Email::observed("kim@example.com")]);
        assert_eq!(poll.take(&page(&[first, kim], 2)), Polled::People(people));
        assert_eq!(poll.take(&page(&[first, kim, role], 3)), Polled::NewEvents);
        assert_eq!(
            poll.take(&page(&[first, kim, role], 4)),
            Polled::NewEvents,
            "on a page that was not read"
        );
    }
}
