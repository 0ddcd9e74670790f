//! Faults for tests: what goes wrong with which call, set in process (`Sandbox::faults`) or over HTTP under
//! `/__test/faults` when test controls are on.

use super::Admin;
use super::lock::lock;
use serde::{Deserialize, Serialize};
use std::sync::Mutex;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only this call, counted over all calls of the sandbox, the first being 1. With `times`, and the next ones.
    #[serde(default)]
    pub call: Option<u64>,
    /// Only calls of this endpoint, written like `POST /api/public/users`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The first matching call that is hit, counted from when the fault was set; the first is 1.
    #[serde(default = "one_call")]
    pub nth: u64,
    /// How many matching calls in a row are hit.
    #[serde(default = "one_time")]
    pub times: u32,
    /// What happens to them.
    pub effect: Effect,
}

fn one_call() -> u64 {
    1
}

fn one_time() -> u32 {
    1
}

/// What happens to a call that is hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Answered with this status and message; nothing is done.
    Status {
        /// The HTTP status.
        status: u16,
        /// The vendor-style message.
        message: String,
    },
    /// Answered with a page of HTML, as a proxy in between would; nothing is done.
    Html {
        /// The HTTP status.
        status: u16,
    },
    /// Refused as over the rate limit.
    RateLimited {
        /// Seconds of `Retry-After`; none: no such header.
        retry_after: Option<u64>,
    },
    /// The connection breaks before anything is done.
    DropBefore,
    /// The connection breaks after everything was done.
    DropAfter,
    /// Served with another `Date`: the clock of the platform, or of something in between, is off.
    Date {
        /// By how many seconds it is ahead; none: no such header.
        seconds_ahead: Option<i64>,
        /// `Age` in seconds, as from a cache; none: no such header.
        #[serde(default)]
        age: Option<u64>,
    },
    /// Served late.
    Delay {
        /// By how much.
        millis: u64,
    },
    /// Only the first entries of the batch are done.
    PartialBatch {
        /// How many.
        applied: usize,
        /// The answer's status; none: the answer of the applied part.
        status: Option<u16>,
    },
    /// `total` of a listing is off.
    WrongTotal {
        /// By how much.
        by: i64,
    },
    /// From this call on, so many reads answer from the present state, whatever is written meanwhile.
    StaleReads {
        /// How many.
        reads: u32,
    },
}

impl Fault {
    /// Hits the call of that number.
    pub fn at_call(call: u64, effect: Effect) -> Self {
        Self { call: Some(call), endpoint: None, nth: 1, times: 1, effect }
    }

    /// Hits the next call of `endpoint` (`POST /api/public/users`).
    pub fn on(endpoint: &str, effect: Effect) -> Self {
        Self { call: None, endpoint: Some(endpoint.to_owned()), nth: 1, times: 1, effect }
    }

    /// Hits the next call, whatever it is.
    pub fn next(effect: Effect) -> Self {
        Self { call: None, endpoint: None, nth: 1, times: 1, effect }
    }

    /// Lets the first `nth - 1` matching calls pass.
    #[must_use]
    pub fn from_nth(mut self, nth: u64) -> Self {
        self.nth = nth;
        self
    }

    /// Hits so many calls in a row.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    fn hits(&self, call: u64, matched: u64) -> bool {
        let (position, first) = match self.call {
            Some(first) => (call, first),
            None => (matched, self.nth),
        };
        position >= first && position - first < u64::from(self.times)
    }
}

type Hook = Box<dyn FnOnce(&Admin) + Send>;

/// The plan of faults of one sandbox.
#[derive(Default)]
pub struct Faults(Mutex<FaultQueue>);

#[derive(Default)]
struct FaultQueue {
    calls: u64,
    /// Each fault with the number of calls it has matched so far.
    faults: Vec<(Fault, u64)>,
    hooks: Vec<(u64, Hook)>,
}

/// What a call has to go through.
#[derive(Default)]
pub(crate) struct PlannedFaults {
    pub(crate) effects: Vec<Effect>,
    pub(crate) hooks: Vec<Hook>,
}

impl Faults {
    /// Adds a fault.
    pub fn add(&self, fault: Fault) {
        lock(&self.0).faults.push((fault, 0));
    }

    /// Forgets every fault and hook.
    pub fn clear(&self) {
        let mut plan = lock(&self.0);
        plan.faults.clear();
        plan.hooks.clear();
    }

    /// Runs `hook` right before call number `call` (the first is 1): an edit in the console meanwhile, for example.
    pub fn before_call(&self, call: u64, hook: impl FnOnce(&Admin) + Send + 'static) {
        lock(&self.0).hooks.push((call, Box::new(hook)));
    }

    /// How many calls have come so far.
    pub fn calls(&self) -> u64 {
        lock(&self.0).calls
    }

    /// Counts a call of `endpoint` and says what awaits it.
    pub(crate) fn faults_for_call(&self, endpoint: &str) -> (u64, PlannedFaults) {
        let mut plan = lock(&self.0);
        plan.calls += 1;
        let call = plan.calls;
        let mut planned = PlannedFaults::default();
        for (fault, matched) in &mut plan.faults {
            if fault.endpoint.as_deref().is_some_and(|wanted| wanted != endpoint) {
                continue;
            }
            *matched += 1;
            if fault.hits(call, *matched) {
                planned.effects.push(fault.effect.clone());
            }
        }
        let (due, later) = std::mem::take(&mut plan.hooks).into_iter().partition(|(at, _)| *at == call);
        plan.hooks = later;
        planned.hooks = due.into_iter().map(|(_, hook): (u64, Hook)| hook).collect();
        (call, planned)
    }
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plan = lock(&self.0);
        f.debug_struct("Faults")
            .field("calls", &plan.calls)
            .field("faults", &plan.faults)
            .finish_non_exhaustive()
    }
}
