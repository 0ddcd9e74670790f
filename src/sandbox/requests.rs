//! The request log: what was called, in order, and how it was answered. Tests count calls with it.

use super::lock::lock;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// One request as it came in and as it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// Its number, the first being 1. Requests are listed as they were answered, which may be another order.
    pub call: u64,
    /// `POST /api/public/users`: the endpoint in its documented form, or method and path when it is none.
    pub endpoint: String,
    /// The query, without the question mark.
    pub query: String,
    /// The HTTP status; 0 when the reply was dropped.
    pub status: u16,
    /// The body as text, of a long one the first 256 KiB; empty for uploads.
    pub body: String,
    /// Who asked: the `user-agent`.
    pub agent: String,
}

/// Bytes of a body that are kept.
const BODY_MAX: usize = 256 * 1024;

/// The requests of one sandbox.
#[derive(Debug, Default)]
pub struct Requests(Mutex<Vec<Recorded>>);

impl Requests {
    /// Every request so far.
    pub fn all(&self) -> Vec<Recorded> {
        lock(&self.0).clone()
    }

    /// How often each endpoint was called.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for request in lock(&self.0).iter() {
            *counts.entry(request.endpoint.clone()).or_default() += 1;
        }
        counts
    }

    /// Every request so far, forgetting them.
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut *lock(&self.0))
    }

    pub(crate) fn push(&self, mut request: Recorded) {
        if request.body.len() > BODY_MAX {
            // At the end of a character.
            let end = (0..=BODY_MAX).rev().find(|end| request.body.is_char_boundary(*end)).unwrap_or(0);
            request.body.truncate(end);
            request.body.shrink_to_fit();
        }
        lock(&self.0).push(request);
    }
}
