//! Writes to the account, one method per endpoint. Each sends its request once and reports what is known: accepted,
//! refused, or unknown. Nothing is believed beyond that; the caller reads back.
//!
//! A [`Writer`] is made apart from a reader, so that whoever only plans never has one.

mod roles;
mod users;

pub use roles::{BotRoleEdit, ImportedRole, RoleEdit};
pub use users::{Assignments, BotAssignment, Grant, NewUser, SetEdit, UserUpdate};

use super::deadline::{Deadlines, LeaseTerm};
use super::error::Vendor;
use super::gateway::{Call, Gateway, Tally, Written};
use super::reply;
use super::{Endpoint, KoreError};
use jiff::Timestamp;
use serde_json::Value;

/// Writes to one account. Whoever holds one can change it.
#[derive(Clone, Debug)]
pub struct Writer {
    gateway: Gateway,
    deadlines: Deadlines,
}

/// What is known after a write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteReply<T = Vec<Failure>> {
    /// The platform took the request; for users and roles, who in it failed. An empty list is no proof: read back.
    Accepted(T),
    /// The platform refused the request as a whole. Nothing or an unknown part was applied; a smaller batch
    /// may find the entry at fault.
    Refused(Vendor),
    /// The reply was lost, or says nothing: it may have been applied. Look before repeating.
    Unknown(Vendor),
}

/// One entry of a write that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// Its position in the request.
    pub index: usize,
    /// What the vendor says, cut short and without secrets.
    pub message: String,
}

impl Writer {
    /// Sends nothing yet.
    pub fn new(gateway: Gateway) -> Self {
        Self { gateway, deadlines: Deadlines::default() }
    }

    /// A writer that sends nothing later than that, because what its calls were checked against is too old then. What
    /// would have to wait past it ends as [`KoreError::DeadlinePassed`] at once.
    #[must_use]
    pub fn until(&self, freshness: Timestamp) -> Self {
        let deadlines = Deadlines { freshness: Some(freshness), ..self.deadlines.clone() };
        Self { deadlines, ..self.clone() }
    }

    /// A writer that sends nothing after the lease term has ended, wherever that is when a call is sent. What is still
    /// waiting then ends as [`KoreError::DeadlinePassed`]. For whoever may write only while holding a lease.
    #[must_use]
    pub fn within(&self, lease_term: &LeaseTerm) -> Self {
        let deadlines = Deadlines { lease_term: Some(lease_term.clone()), ..self.deadlines.clone() };
        Self { deadlines, ..self.clone() }
    }

    /// The gateway, for its budget and its count of calls.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    async fn send<T>(
        &self,
        mut call: Call,
        read: impl FnOnce(&[u8]) -> Result<T, Misread>,
    ) -> Result<WriteReply<T>, KoreError> {
        call.deadlines = self.deadlines.clone();
        let body = match self.gateway.write(&call, &Tally::default()).await? {
            Written::Answered(body) => body,
            Written::Refused(vendor) => return Ok(WriteReply::Refused(vendor)),
            Written::Unknown(vendor) => return Ok(WriteReply::Unknown(vendor)),
        };
        Ok(match read(&body) {
            Ok(answer) => WriteReply::Accepted(answer),
            Err(Misread::Refused) => {
                let (message, code) = reply::message(&body);
                WriteReply::Refused(Vendor { status: Some(200), code, message: self.gateway.shown(&message) })
            }
            Err(Misread::Unclear(why)) => {
                let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
                let message = self.gateway.shown(&format!("{why}: {text}"));
                WriteReply::Unknown(Vendor { status: Some(200), code: None, message })
            }
        })
    }

    fn json(endpoint: Endpoint, body: &Value) -> Call {
        Call::new(endpoint).json(body)
    }

    fn failures(&self, failures: impl IntoIterator<Item = (usize, String)>) -> Vec<Failure> {
        let failure =
            |(index, message): (usize, String)| Failure { index, message: self.gateway.shown(&message) };
        failures.into_iter().map(failure).collect()
    }
}

/// Why a 2xx answer is no acceptance.
enum Misread {
    /// It carries an error for the whole request.
    Refused,
    /// It cannot be understood.
    Unclear(String),
}

impl From<String> for Misread {
    fn from(why: String) -> Self {
        Self::Unclear(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Email, RateLimit};
    use crate::kore::{
        Clock, Credentials, Deadline, Ledger, Parts, Silent, Transport, TransportError, VirtualClock,
        WireRequest, WireResponse,
    };
    use async_trait::async_trait;
    use jiff::SignedDuration;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Accepts every call, and counts them.
    #[derive(Default)]
    struct Accepting(AtomicUsize);

    #[async_trait]
    impl Transport for Accepting {
        async fn send(&self, _: &WireRequest) -> Result<WireResponse, TransportError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let body = br#"{ "msg": "Users are removed Successfully" }"#.to_vec();
            Ok(WireResponse { status: 200, retry_after: None, body })
        }
    }

    /// Whoever sleeps by it finds the lease renewed for fifteen seconds.
    struct RenewingClock {
        clock: VirtualClock,
        term: LeaseTerm,
    }

    #[async_trait]
    impl Clock for RenewingClock {
        fn now(&self) -> Timestamp {
            self.clock.now()
        }

        async fn sleep_until(&self, at: Timestamp) {
            self.clock.sleep_until(at).await;
            self.term.extend(at + SignedDuration::from_secs(15));
        }
    }

    /// A budget of one call a minute, of which one is sent already, and a writer that waits that long.
    async fn waiting(clock: Arc<dyn Clock>, max_wait: i64) -> (Writer, Arc<Accepting>) {
        let transport = Arc::new(Accepting::default());
        let limit = RateLimit { per_minute: 1, per_hour: 100, reserve: 0, ..RateLimit::default() };
        let writer = Writer::new(Gateway::new(Parts {
            transport: Arc::clone(&transport) as Arc<dyn Transport>,
            credentials: Credentials { client_id: "cs-1".into(), client_secret: "secret".into() },
            ledger: Arc::new(Ledger::in_memory(limit)),
            clock,
            observer: Arc::new(Silent),
            max_wait: SignedDuration::from_secs(max_wait),
        }));
        remove(&writer).await.unwrap();
        (writer, transport)
    }

    async fn remove(writer: &Writer) -> Result<WriteReply, KoreError> {
        writer.remove_users(&[Email::observed("jane@example.com")]).await
    }

    fn missed(answer: &Result<WriteReply, KoreError>) -> Option<Deadline> {
        match answer {
            Err(KoreError::DeadlinePassed { which, endpoint: _ }) => Some(*which),
            _ => None,
        }
    }

    #[tokio::test]
    async fn a_call_that_would_come_after_its_observation_is_not_waited_for() {
        let clock = Arc::new(VirtualClock::default());
        let (writer, transport) = waiting(clock.clone(), 1_200).await;
        let (start, second) = (clock.now(), SignedDuration::from_secs(1));
        let answer = remove(&writer.until(start + second * 59)).await;
        assert_eq!((missed(&answer), clock.now()), (Some(Deadline::Freshness), start));
        assert_eq!(missed(&remove(&writer.until(start - second)).await), Some(Deadline::Freshness));
        assert_eq!(transport.0.load(Ordering::Relaxed), 1, "nothing more was sent");
        assert!(remove(&writer.until(start + second * 60)).await.is_ok(), "just in time");
    }

    #[tokio::test]
    async fn a_lost_lease_is_told_as_such_and_sends_nothing() {
        let clock = Arc::new(VirtualClock::default());
        let (writer, transport) = waiting(clock.clone(), 1_200).await;
        let term = LeaseTerm::until(clock.now() + SignedDuration::from_secs(20));
        let writer = writer.within(&term).until(clock.now() + SignedDuration::from_secs(300));
        let start = clock.now();
        assert_eq!(missed(&remove(&writer).await), Some(Deadline::Lease), "its end comes before the turn");
        assert_eq!(clock.now().duration_since(start).as_secs(), 20, "nobody waits longer than that");
        term.end();
        assert_eq!(missed(&remove(&writer).await), Some(Deadline::Lease), "at once");
        assert_eq!(transport.0.load(Ordering::Relaxed), 1, "nothing more was sent");
    }

    #[tokio::test]
    async fn a_lease_that_is_renewed_meanwhile_lets_the_call_go() {
        let clock = VirtualClock::default();
        let term = LeaseTerm::until(clock.now() + SignedDuration::from_secs(15));
        let (writer, transport) = waiting(Arc::new(RenewingClock { clock, term: term.clone() }), 1_200).await;
        assert!(remove(&writer.within(&term)).await.is_ok());
        assert_eq!(transport.0.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn only_a_wait_longer_than_allowed_is_the_budget() {
        let clock = Arc::new(VirtualClock::default());
        let (writer, transport) = waiting(clock.clone(), 30).await;
        let writer = writer.until(clock.now() + SignedDuration::from_secs(10));
        let error = remove(&writer).await.unwrap_err();
        let KoreError::RateLimited { wait, max_wait, .. } = error else { panic!("{error}") };
        assert_eq!((wait.as_secs(), max_wait.as_secs()), (60, 30));
        assert_eq!(transport.0.load(Ordering::Relaxed), 1, "nothing more was sent");
    }
}
