//! A bad day drawn at random: what happens to which write or read on its way to the sandbox, in virtual time, and
//! when the process dies.

use super::console_edit::ConsoleEdit;
use super::engine::Engine;
use super::in_process::InProcess;
use super::invariant_checker::InvariantChecker;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use koreconcile::facts::{ClockCheck, RateLimit};
use koreconcile::kore::{
    Clock, Credentials, Gateway, Ledger, Method, Parts, ReadRequest, Reader, Silent, Stage, Transport,
    TransportError, VirtualClock, WireRequest, WireResponse, Writer,
};
use koreconcile::sandbox::{Effect, Fault, Sandbox};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What a client waits for an answer (`kore::HttpLimits`).
const TIME_OUT: SignedDuration = SignedDuration::from_secs(60);
/// More than any run on these accounts makes, even on a bad day.
const CALLS: u64 = 800;

/// One thing that goes wrong, with which call.
#[derive(Clone, Debug)]
pub struct InjectedFault {
    pub kind: CallKind,
    /// Counted from 0 over the calls of that way, all runs together.
    pub nth: u64,
    pub what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallKind {
    Write,
    Read,
}

#[derive(Clone, Debug)]
pub enum What {
    Status(u16),
    Html(u16),
    RateLimited(Option<u64>),
    NoConnection,
    LostBefore,
    LostAfter,
    /// Answered, but late by so many seconds.
    Slow(i64),
    /// No answer within the time-out; executed this many calls later, or never.
    TimeOut(Option<u64>),
    Partial(usize, Option<u16>),
    WrongTotal(i64),
    Stale(u32),
    /// Somebody edits in the console right before.
    Edit(ConsoleEdit),
    /// The process dies: before the call is executed, or after, with the answer unread.
    Kill(bool),
    /// Somebody stops the run right before: what is in flight is finished, and nothing more is sent.
    Cancel,
}

pub fn injected_fault() -> impl Strategy<Value = InjectedFault> {
    let write = prop_oneof![
        1 => prop_oneof![Just(500u16), Just(503), Just(400), Just(401)].prop_map(What::Status),
        1 => prop_oneof![Just(200u16), Just(502)].prop_map(What::Html),
        1 => prop::option::of(1u64..90).prop_map(What::RateLimited),
        1 => Just(What::NoConnection),
        2 => Just(What::LostBefore),
        2 => Just(What::LostAfter),
        1 => (1i64..59).prop_map(What::Slow),
        2 => prop::option::of(0u64..3).prop_map(What::TimeOut),
        2 => (0usize..6, prop::option::of(Just(500u16))).prop_map(|(applied, status)| What::Partial(applied, status)),
        1 => (1u32..6).prop_map(What::Stale),
        3 => ConsoleEdit::any().prop_map(What::Edit),
        4 => any::<bool>().prop_map(What::Kill),
    ];
    let read = prop_oneof![
        1 => prop_oneof![Just(500u16), Just(503), Just(400), Just(401)].prop_map(What::Status),
        1 => prop_oneof![Just(200u16), Just(502)].prop_map(What::Html),
        1 => prop::option::of(1u64..90).prop_map(What::RateLimited),
        1 => Just(What::NoConnection),
        1 => Just(What::LostBefore),
        1 => (1i64..59).prop_map(What::Slow),
        2 => prop_oneof![Just(-1i64), Just(1), Just(-5), Just(40)].prop_map(What::WrongTotal),
        1 => (1u32..6).prop_map(What::Stale),
        3 => ConsoleEdit::any().prop_map(What::Edit),
        1 => any::<bool>().prop_map(What::Kill),
    ];
    prop_oneof![
        2 => (0u64..10, write).prop_map(|(nth, what)| InjectedFault { kind: CallKind::Write, nth, what }),
        1 => (0u64..40, read).prop_map(|(nth, what)| InjectedFault { kind: CallKind::Read, nth, what }),
    ]
}

/// The way to the sandbox on such a day. Every write is watched.
pub struct ChaosTransport {
    inner: InProcess,
    sandbox: Sandbox,
    clock: Arc<VirtualClock>,
    pub watch: Mutex<InvariantChecker>,
    state: Mutex<State>,
    died: Notify,
}

/// The clock of one process, which may be off.
struct OffClock {
    inner: Arc<VirtualClock>,
    clock_offset: SignedDuration,
}

#[async_trait]
impl Clock for OffClock {
    fn now(&self) -> Timestamp {
        self.inner.now() + self.clock_offset
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.inner.sleep_until(at - self.clock_offset).await;
    }
}

#[derive(Default)]
struct State {
    injected_faults: Vec<InjectedFault>,
    calls: BTreeMap<CallKind, u64>,
    /// Calls of this run, of all ways.
    of_this_run: u64,
    /// Requests that nobody waits for any more, and the call before which they arrive.
    late: Vec<(u64, WireRequest)>,
    /// Stops the run.
    cancellation: CancellationToken,
    /// By how much the clock of the process is ahead of the platform's.
    clock_offset: SignedDuration,
    /// What did go wrong, in words without numbers.
    pub met: BTreeMap<&'static str, u64>,
}

impl ChaosTransport {
    pub fn new(engine: &Engine, injected_faults: Vec<InjectedFault>, watch: InvariantChecker) -> Arc<Self> {
        Arc::new(Self {
            inner: InProcess::new(&engine.sandbox),
            sandbox: engine.sandbox.clone(),
            clock: Arc::clone(&engine.clock),
            watch: Mutex::new(watch),
            state: Mutex::new(State { injected_faults, ..State::default() }),
            died: Notify::new(),
        })
    }

    /// A new process: nothing is remembered but the ledger and the state folder.
    pub fn start(self: &Arc<Self>, engine: &mut Engine, ledger: &Arc<Ledger>) {
        self.start_off(engine, ledger, SignedDuration::ZERO);
    }

    /// The same, with a clock that is ahead of the platform's by so much.
    pub fn start_off(
        self: &Arc<Self>,
        engine: &mut Engine,
        ledger: &Arc<Ledger>,
        clock_offset: SignedDuration,
    ) {
        let app = engine
            .admin
            .app_called("campaign")
            .or_else(|_| engine.admin.create_app("campaign", &["all"], true));
        let app = app.unwrap();
        {
            let mut state = self.state.lock().unwrap();
            state.of_this_run = 0;
            state.clock_offset = clock_offset;
            state.cancellation = CancellationToken::new();
        }
        self.watch.lock().unwrap().a_run_begins();
        engine.gateway = Gateway::new(Parts {
            transport: Arc::clone(self) as Arc<dyn Transport>,
            credentials: Credentials { client_id: app.client_id, client_secret: app.client_secret.into() },
            ledger: Arc::clone(ledger),
            clock: Arc::new(OffClock { inner: Arc::clone(&engine.clock), clock_offset }),
            observer: Arc::new(Silent),
            max_wait: SignedDuration::from_hours(48),
        });
        engine.reader = Reader::new(engine.gateway.clone());
        engine.writer = Writer::new(engine.gateway.clone());
    }

    /// Runs `work` until it ends or the process dies; `None`: it died.
    pub async fn survive<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let outcome = tokio::select! {
            outcome = work => Some(outcome),
            () = self.died.notified() => None,
        };
        // What is on its way arrives before the next process has started.
        self.arrive(u64::MAX).await;
        outcome
    }

    /// The sky clears: nothing goes wrong any more, and no read is behind.
    pub async fn clear(&self, reader: &Reader) {
        self.state.lock().unwrap().injected_faults.clear();
        let _ = reader.read(&ReadRequest::full(BTreeSet::new())).await;
        self.watch.lock().unwrap().a_run_begins();
    }

    /// Stops the run that was started last.
    pub fn cancellation(&self) -> CancellationToken {
        self.state.lock().unwrap().cancellation.clone()
    }

    /// What went wrong, and how often.
    pub fn met(&self) -> BTreeMap<&'static str, u64> {
        self.state.lock().unwrap().met.clone()
    }

    /// Executes what is due by this call.
    async fn arrive(&self, call: u64) {
        let due: Vec<WireRequest> = {
            let mut state = self.state.lock().unwrap();
            let (due, later) = std::mem::take(&mut state.late).into_iter().partition(|(at, _)| *at <= call);
            state.late = later;
            let due: Vec<(u64, WireRequest)> = due;
            due.into_iter().map(|(_, request)| request).collect()
        };
        for request in due {
            let _ = self.execute(&request).await;
        }
    }

    /// Hands the request to the sandbox, and looks at what it changed.
    async fn execute(&self, request: &WireRequest) -> Result<WireResponse, TransportError> {
        let answer = self.inner.send(request).await;
        if kind(request) == CallKind::Write {
            let truth = self.sandbox.admin().unwrap().snapshot().unwrap();
            let what = format!("{} {}", request.method.as_str(), request.path);
            self.watch.lock().unwrap().written(&what, &truth);
        }
        answer
    }

    fn edit(&self, edit: &ConsoleEdit) {
        let admin = self.sandbox.admin().unwrap();
        edit.make(&admin);
        self.watch.lock().unwrap().edited(&admin.snapshot().unwrap());
    }

    async fn die(&self) -> ! {
        self.died.notify_one();
        std::future::pending().await
    }
}

fn kind(request: &WireRequest) -> CallKind {
    let only_reads = request.method == Method::Get
        || request.path.ends_with("/usersInfo")
        || request.path.ends_with("/uploadfile");
    if only_reads { CallKind::Read } else { CallKind::Write }
}

fn lost(stage: Stage) -> TransportError {
    TransportError { stage, message: "a bad day".to_owned() }
}

#[async_trait]
impl Transport for ChaosTransport {
    fn clock_check(&self) -> ClockCheck {
        ClockCheck::Ahead(-self.state.lock().unwrap().clock_offset)
    }

    async fn send(&self, request: &WireRequest) -> Result<WireResponse, TransportError> {
        let kind = kind(request);
        let (call, injected_faults) = {
            let mut state = self.state.lock().unwrap();
            let nth = state.calls.entry(kind).or_default();
            let now = *nth;
            *nth += 1;
            state.of_this_run += 1;
            let injected_faults: Vec<What> = state
                .injected_faults
                .iter()
                .filter(|injected_fault| injected_fault.kind == kind && injected_fault.nth == now)
                .map(|injected_fault| injected_fault.what.clone())
                .collect();
            for what in &injected_faults {
                *state.met.entry(what.label()).or_default() += 1;
            }
            (state.of_this_run, injected_faults)
        };
        if call > CALLS {
            self.watch.lock().unwrap().complain(format!("more than {CALLS} calls in one run"));
            self.die().await;
        }
        self.arrive(call).await;
        let fault = |effect| self.sandbox.faults().add(Fault::next(effect));
        let mut dies_after = false;
        for what in injected_faults {
            match what {
                What::Status(status) => {
                    fault(Effect::Status { status, message: "Internal Server Error".into() });
                }
                What::Html(status) => fault(Effect::Html { status }),
                What::RateLimited(retry_after) => fault(Effect::RateLimited { retry_after }),
                What::LostBefore => fault(Effect::DropBefore),
                What::LostAfter => fault(Effect::DropAfter),
                What::Partial(applied, status) => fault(Effect::PartialBatch { applied, status }),
                What::WrongTotal(by) => fault(Effect::WrongTotal { by }),
                What::Stale(reads) => fault(Effect::StaleReads { reads }),
                What::NoConnection => return Err(lost(Stage::NotConnected)),
                What::Slow(seconds) => self.clock.advance(SignedDuration::from_secs(seconds)),
                What::TimeOut(arrives) => {
                    self.clock.advance(TIME_OUT);
                    if let Some(calls) = arrives {
                        self.state.lock().unwrap().late.push((call + calls, request.clone()));
                    }
                    return Err(lost(Stage::MaybeReceived));
                }
                What::Edit(edit) => self.edit(&edit),
                What::Cancel => self.cancellation().cancel(),
                What::Kill(false) => self.die().await,
                What::Kill(true) => dies_after = true,
            }
        }
        let answer = self.execute(request).await;
        if dies_after {
            self.die().await;
        }
        answer
    }
}

impl What {
    fn label(&self) -> &'static str {
        match self {
            Self::Status(_) | Self::Html(_) => "wrong status",
            Self::RateLimited(_) => "rate limit",
            Self::NoConnection => "no connection",
            Self::LostBefore => "lost before",
            Self::LostAfter => "lost after",
            Self::Slow(_) => "slow",
            Self::TimeOut(_) => "time-out",
            Self::Partial(..) => "partial batch",
            Self::WrongTotal(_) => "wrong total",
            Self::Stale(_) => "stale reads",
            Self::Edit(_) => "console edit",
            Self::Kill(_) => "kill",
            Self::Cancel => "cancel",
        }
    }
}

/// The vendor's windows, as every process of an account shares them.
pub fn ledger() -> Arc<Ledger> {
    Arc::new(Ledger::in_memory(RateLimit::default()))
}
