//! The gateway: every request passes it, and gets its turn in the budget, its token, its tries and its log line.

use super::deadline::Deadlines;
use super::error::{KoreError, Vendor};
use super::ledger::{Admission, Ledger};
use super::observer::Observer;
use super::redact::redact;
use super::reply::{self, ReplyKind};
use super::token::Credentials;
use super::transport::{Body, Stage, Transport, TransportError, WireRequest, WireResponse};
use super::{Clock, Endpoint};
use crate::facts::{BotId, ClockCheck, RateLimit};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Requests in flight at once.
pub(super) const IN_FLIGHT: usize = 8;
/// Requests made for one read before giving up.
pub(super) const TRIES: u32 = 4;
/// First pause between tries; it doubles, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: SignedDuration = SignedDuration::from_millis(500);
/// How often the budget is asked again when single calls fit but not enough of them.
const STEP: SignedDuration = SignedDuration::from_millis(200);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(8);

/// What a gateway is made of. One account has one ledger, shared by all of its gateways.
#[derive(Clone)]
pub struct Parts {
    /// How requests travel.
    pub transport: Arc<dyn Transport>,
    /// Who we are; this selects the account.
    pub credentials: Credentials,
    /// The call budget.
    pub ledger: Arc<Ledger>,
    /// The clock that paces calls and dates tokens.
    pub clock: Arc<dyn Clock>,
    /// Who is told of progress.
    pub observer: Arc<dyn Observer>,
    /// The most one call waits for its turn and for rate limits, in all.
    pub max_wait: SignedDuration,
}

/// The one way to the account. Clones share everything.
///
/// Guarantees: no call without a turn in the budget; no write is sent twice unless the platform cannot have executed
/// the first (it was rate-limited, or no connection was made); tokens, secrets and bodies are never logged.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    parts: Parts,
    in_flight: Semaphore,
    calls: Mutex<BTreeMap<Endpoint, u32>>,
    /// So many calls of each hour are left to what must not be late.
    left_to_urgent: AtomicUsize,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

/// One call as a reader or writer words it.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) endpoint: Endpoint,
    /// Which bot, where the path has one.
    pub(super) bot: Option<BotId>,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Body,
    /// Requests at most, for a read.
    pub(super) tries: u32,
    /// Nothing is sent later than these.
    pub(super) deadlines: Deadlines,
}

impl Call {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let deadlines = Deadlines::default();
        Self { endpoint, bot: None, query: Vec::new(), body: Body::Empty, tries: TRIES, deadlines }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(super) fn json(mut self, json: &serde_json::Value) -> Self {
        self.body = Body::Json(json.to_string().into_bytes());
        self
    }

    /// Whether the platform sees the same.
    pub(super) fn asks_the_same(&self, other: &Self) -> bool {
        let Self { endpoint, bot, query, body, tries: _, deadlines: _ } = self;
        *endpoint == other.endpoint && *bot == other.bot && *query == other.query && *body == other.body
    }
}

/// How a write ended.
pub(super) enum Written {
    /// 2xx: what is inside decides.
    Answered(Vec<u8>),
    /// 4xx: refused as a whole, as far as is known.
    Refused(Vendor),
    /// No answer, or one that says nothing about what was done.
    Unknown(Vendor),
}

/// Calls made for one purpose.
#[derive(Debug, Default)]
pub(super) struct Tally(AtomicU32);

impl Tally {
    pub(super) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gateway {
    /// Puts it together; sends nothing.
    pub fn new(parts: Parts) -> Self {
        let (in_flight, calls) = (Semaphore::new(IN_FLIGHT), Mutex::default());
        Self(Arc::new(Inner { parts, in_flight, calls, left_to_urgent: AtomicUsize::new(0) }))
    }

    /// From now on, calls leave so many of each hour to what must not be late; 0: they are that themselves.
    pub fn leave_to_urgent(&self, calls: usize) {
        self.0.left_to_urgent.store(calls, Ordering::Relaxed);
    }

    fn left_to_urgent(&self) -> usize {
        self.0.left_to_urgent.load(Ordering::Relaxed)
    }

    /// The limits that it keeps.
    pub fn limit(&self) -> RateLimit {
        self.0.parts.ledger.limit()
    }

    /// Requests made so far, by endpoint, tries and refusals included: each may have cost the account a call.
    pub fn calls(&self) -> BTreeMap<Endpoint, u32> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls could be sent from now within that time.
    pub fn room_within(&self, duration: SignedDuration) -> usize {
        self.0.parts.ledger.room_within(self.now(), duration, self.left_to_urgent())
    }

    /// How many calls the minute and the hour that end now have left.
    pub fn calls_left(&self) -> [usize; 2] {
        self.0.parts.ledger.left(self.now())
    }

    /// Requests made so far, all endpoints together.
    pub fn total_calls(&self) -> u32 {
        self.calls().values().sum()
    }

    /// Waits until so many calls could be sent within that time, and no longer than one call may wait.
    ///
    /// # Errors
    /// [`KoreError::RateLimited`] when the wait would be longer; nothing was waited for then.
    pub async fn wait_for_room(&self, calls: usize, within: SignedDuration) -> Result<(), KoreError> {
        let endpoint = Endpoint::UsersInfo;
        let Parts { ledger, clock, observer, max_wait, transport: _, credentials: _ } = &self.0.parts;
        let from = clock.now();
        while self.room_within(within) < calls {
            let now = clock.now();
            let (waited, slot) = (now.duration_since(from), ledger.next_slot(now, self.left_to_urgent()));
            let slot = if slot > now { slot } else { now.saturating_add(STEP).unwrap_or(Timestamp::MAX) };
            let wait = slot.duration_since(now);
            if waited.saturating_add(wait) > *max_wait {
                return Err(KoreError::RateLimited { endpoint, wait, max_wait: *max_wait });
            }
            observer.waiting(endpoint, slot);
            clock.sleep_until(slot).await;
        }
        Ok(())
    }

    /// Sleeps by the gateway's clock.
    pub async fn sleep_until(&self, at: Timestamp) {
        self.0.parts.clock.sleep_until(at).await;
    }

    /// The time, by the gateway's clock.
    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// How this machine's clock compares with the platform's, as its answers tell.
    pub fn clock_check(&self) -> ClockCheck {
        self.0.parts.transport.clock_check()
    }

    /// A read: the body of a 2xx answer. Repeats on 5xx, time-outs and broken connections, with growing jittered pauses.
    pub(super) async fn read(&self, call: &Call, tally: &Tally) -> Result<Vec<u8>, KoreError> {
        let mut spent = WaitSpent::default();
        let mut tries = 0;
        loop {
            tries += 1;
            let answer = self.attempt(call, tally, &mut spent).await?;
            let (vendor, is_connected) = match answer {
                Ok(response) => match reply::classify(&response) {
                    ReplyKind::Done if reply::is_encrypted(call.endpoint, &response.body) => {
                        return Err(KoreError::Encrypted { endpoint: call.endpoint });
                    }
                    ReplyKind::Done => return Ok(response.body),
                    ReplyKind::ServerFailed => (self.vendor(&response), true),
                    kind => return Err(self.error(call.endpoint, kind, &response)),
                },
                Err(TransportError { stage: Stage::TooLarge, message }) => {
                    let (endpoint, vendor) = (call.endpoint, Vendor::default());
                    return Err(KoreError::Protocol { endpoint, why: message, vendor });
                }
                Err(lost) => (self.lost(&lost), lost.stage != Stage::NotConnected),
            };
            if tries >= call.tries {
                return Err(KoreError::Unreachable { endpoint: call.endpoint, vendor, tries, is_connected });
            }
            self.pause(call.endpoint, tries, &vendor.to_string()).await;
        }
    }

    /// A write: sent once. Repeated only where the platform cannot have executed it.
    pub(super) async fn write(&self, call: &Call, tally: &Tally) -> Result<Written, KoreError> {
        let mut spent = WaitSpent::default();
        let mut tries = 0;
        loop {
            tries += 1;
            match self.attempt(call, tally, &mut spent).await? {
                Ok(response) => {
                    return match reply::classify(&response) {
                        // It may have been executed: what became of it is read back, if that can be read.
                        ReplyKind::Done if reply::is_encrypted(call.endpoint, &response.body) => {
                            let message = "the app encrypts its answers".to_owned();
                            let status = Some(response.status);
                            Ok(Written::Unknown(Vendor { status, code: None, message }))
                        }
                        ReplyKind::Done => Ok(Written::Answered(response.body)),
                        ReplyKind::Refused => Ok(Written::Refused(self.vendor(&response))),
                        ReplyKind::ServerFailed => Ok(Written::Unknown(self.vendor(&response))),
                        // A proxy's page in place of the answer: the platform may have executed it.
                        ReplyKind::NotTheApi(_) if response.status < 300 => {
                            Ok(Written::Unknown(self.vendor(&response)))
                        }
                        kind => Err(self.error(call.endpoint, kind, &response)),
                    };
                }
                Err(lost) if lost.stage == Stage::NotConnected => {
                    let vendor = self.lost(&lost);
                    if tries >= call.tries {
                        let (endpoint, is_connected) = (call.endpoint, false);
                        return Err(KoreError::Unreachable { endpoint, vendor, tries, is_connected });
                    }
                    self.pause(call.endpoint, tries, &vendor.to_string()).await;
                }
                Err(lost) => return Ok(Written::Unknown(self.lost(&lost))),
            }
        }
    }

    /// One request that was not rate-limited: waits for its turn, sends, and starts over when the platform says that
    /// the limit is reached, because then nothing was executed.
    async fn attempt(
        &self,
        call: &Call,
        tally: &Tally,
        spent: &mut WaitSpent,
    ) -> Result<Result<WireResponse, TransportError>, KoreError> {
        loop {
            // Before the turn is taken, so that nothing delays a call that the budget has already counted.
            let _permit = self.0.in_flight.acquire().await;
            self.wait_for_turn(call, spent).await?;
            let answer = self.send(call, tally).await?;
            match &answer {
                Ok(response) => match reply::rate_limit(response, self.now()) {
                    Some(wait) => {
                        let now = self.now();
                        self.0.parts.ledger.drain(now, now.saturating_add(wait).unwrap_or(Timestamp::MAX));
                    }
                    None => return Ok(answer),
                },
                Err(_) => return Ok(answer),
            }
        }
    }

    /// Takes a turn in the budget.
    ///
    /// # Errors
    /// [`KoreError::DeadlinePassed`] when the call would be sent too late; [`KoreError::RateLimited`] when it would wait
    /// longer than one call may.
    async fn wait_for_turn(&self, call: &Call, spent: &mut WaitSpent) -> Result<(), KoreError> {
        let Parts { ledger, clock, observer, max_wait, transport: _, credentials: _ } = &self.0.parts;
        let Call { endpoint, bot: _, deadlines, query: _, body: _, tries: _ } = call;
        let endpoint = *endpoint;
        let passed = |which| KoreError::DeadlinePassed { endpoint, which };
        let mut announced = None;
        loop {
            let now = clock.now();
            if let Some(which) = deadlines.missed_at(now) {
                return Err(passed(which));
            }
            let Admission::At(slot) = ledger.take_leaving(now, self.left_to_urgent()) else { return Ok(()) };
            let (wait, max_wait) = (slot.duration_since(now), max_wait.saturating_sub(spent.total));
            if wait > max_wait {
                return Err(KoreError::RateLimited { endpoint, wait, max_wait });
            }
            if let Some(which) = deadlines.certainly_missed_at(slot) {
                return Err(passed(which));
            }
            if announced.replace(slot) != Some(slot) {
                observer.waiting(endpoint, slot);
            }
            let until = deadlines.check_again_at(slot);
            clock.sleep_until(until).await;
            spent.total = spent.total.saturating_add(until.duration_since(now).max(SignedDuration::ZERO));
        }
    }

    async fn send(
        &self,
        call: &Call,
        tally: &Tally,
    ) -> Result<Result<WireResponse, TransportError>, KoreError> {
        let Inner { parts, in_flight: _, calls, left_to_urgent: _ } = &*self.0;
        let Call { endpoint, bot, query, body, tries: _, deadlines: _ } = call;
        let auth = parts.credentials.token(parts.clock.now()).map_err(|error| KoreError::Credentials {
            endpoint: *endpoint,
            vendor: Vendor { message: format!("no token could be signed: {error}"), ..Vendor::default() },
        })?;
        tally.0.fetch_add(1, Ordering::Relaxed);
        *calls.lock().unwrap_or_else(PoisonError::into_inner).entry(*endpoint).or_default() += 1;
        parts.observer.sent(*endpoint);
        let request = WireRequest {
            method: endpoint.method(),
            path: match bot {
                Some(bot) => endpoint.path().replace("{bot}", bot.as_str()).into(),
                None => endpoint.path().into(),
            },
            query: query.clone(),
            auth,
            body: body.clone(),
        };
        let started = parts.clock.now();
        let answer = parts.transport.send(&request).await;
        let took = parts.clock.now().duration_since(started);
        parts.observer.answered(*endpoint, answer.as_ref().ok().map(|response| response.status), took);
        let ms = took.as_millis();
        let (method, path) = (request.method.as_str(), &*request.path);
        match &answer {
            Ok(response) => tracing::debug!(method, path, status = response.status, ms, "call"),
            Err(error) => {
                tracing::debug!(method, path, ms, error = %self.shown(&error.message), "call failed");
            }
        }
        Ok(answer)
    }

    /// Waits before the next try: half of a doubling pause, and up to the other half by chance.
    async fn pause(&self, endpoint: Endpoint, tries: u32, why: &str) {
        let Parts { clock, observer, .. } = &self.0.parts;
        let full = FIRST_PAUSE.saturating_mul(1 << (tries - 1).min(8)).min(LONGEST_PAUSE);
        let half = full / 2;
        let jitter = i64::from(uuid::Uuid::new_v4().as_bytes()[0]);
        let pause =
            half + SignedDuration::from_millis(i64::try_from(half.as_millis()).unwrap_or(0) * jitter / 255);
        observer.retrying(endpoint, tries, why);
        clock.sleep_until(clock.now().saturating_add(pause).unwrap_or(Timestamp::MAX)).await;
    }

    /// An answer that is 2xx but cannot be read.
    pub(super) fn misread(&self, endpoint: Endpoint, why: String, body: &[u8]) -> KoreError {
        let message = self.shown(&String::from_utf8_lossy(&body[..body.len().min(4096)]));
        KoreError::Protocol { endpoint, why, vendor: Vendor { status: Some(200), code: None, message } }
    }

    fn error(&self, endpoint: Endpoint, kind: ReplyKind, response: &WireResponse) -> KoreError {
        let vendor = self.vendor(response);
        match kind {
            ReplyKind::Credentials => KoreError::Credentials { endpoint, vendor },
            ReplyKind::Scope => KoreError::Scope { endpoint, vendor },
            ReplyKind::NotTheApi(why) => KoreError::Protocol { endpoint, why: why.to_owned(), vendor },
            ReplyKind::Done | ReplyKind::Refused | ReplyKind::ServerFailed => {
                KoreError::Refused { endpoint, vendor }
            }
        }
    }

    pub(super) fn vendor(&self, response: &WireResponse) -> Vendor {
        let (message, code) = reply::message(&response.body);
        Vendor { status: Some(response.status), code, message: self.shown(&message) }
    }

    fn lost(&self, error: &TransportError) -> Vendor {
        Vendor { status: None, code: None, message: self.shown(&error.message) }
    }

    /// Text of the outside as it may be shown.
    pub(super) fn shown(&self, text: &str) -> String {
        let secret: &SecretString = &self.0.parts.credentials.client_secret;
        redact(text, &[secret])
    }
}

/// What one call has waited so far.
#[derive(Default)]
struct WaitSpent {
    total: SignedDuration,
}
