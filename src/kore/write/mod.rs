//! Writes to the account, one method per endpoint. Each sends its request once and reports what is known: accepted,
//! refused, or unknown. Nothing is believed beyond that; the caller reads back.
//!
//! A [`Writer`] is made apart from a reader, so that whoever only plans never has one.

mod roles;
mod users;

pub use roles::{BotRoleEdit, ImportedRole, RoleEdit};
pub use users::{Assignments, BotAssignment, Grant, NewUser, SetEdit, UserUpdate};

use super::error::Vendor;
use super::gateway::{Call, Gateway, Tally, Written};
use super::reply;
use super::{Endpoint, KoreError};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Writes to one account. Whoever holds one can change it.
#[derive(Clone, Debug)]
pub struct Writer {
    gateway: Gateway,
    deadline: Option<Timestamp>,
    lease_term: Option<LeaseTerm>,
}

/// Until when its holder may write. It moves on as a lease is renewed, for every writer that shares it.
#[derive(Clone, Debug)]
pub struct LeaseTerm(Arc<AtomicI64>);

impl LeaseTerm {
    /// Until then.
    pub fn until(end: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(end.as_millisecond())))
    }

    /// Moves the end.
    pub fn extend(&self, end: Timestamp) {
        self.0.store(end.as_millisecond(), Ordering::Release);
    }

    /// Ends it at once.
    pub fn end(&self) {
        self.extend(Timestamp::MIN);
    }

    /// Until when.
    pub fn ends_at(&self) -> Timestamp {
        let end = self.0.load(Ordering::Acquire);
        // The last moment of all has no millisecond of its own.
        let beyond = if end > 0 { Timestamp::MAX } else { Timestamp::MIN };
        Timestamp::from_millisecond(end).unwrap_or(beyond)
    }
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
        Self { gateway, deadline: None, lease_term: None }
    }

    /// A writer that sends nothing later than that: what would have to wait past it ends as
    /// [`KoreError::RateLimited`] instead.
    #[must_use]
    pub fn until(&self, deadline: Timestamp) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// A writer that sends nothing after the tenure has ended, wherever that is when a call is sent. For whoever may
    /// write only while holding a lease.
    #[must_use]
    pub fn within(&self, lease_term: &LeaseTerm) -> Self {
        Self { lease_term: Some(lease_term.clone()), ..self.clone() }
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
        let ends = self.lease_term.iter().map(LeaseTerm::ends_at).chain(self.deadline);
        call.deadline = ends.min();
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
