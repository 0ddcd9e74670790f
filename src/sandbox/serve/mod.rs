//! HTTP: the way of a request from the socket to its endpoint and back.
//!
//! In comes a request, out goes a response; in between the order that the vendor shows: method, token, budget,
//! scope, endpoint. Faults stand before and behind all of it. No endpoint knows that HTTP exists. Paths of the
//! console are routed there; everything else is the API's.

mod connections;
mod controls;

use super::api::{self, Access, Answer, ApiError, ApiRoute, Call, Counted, RouteMatch};
use super::desks::Visitor;
use super::faults::{Effect, PlannedFaults};
use super::rate::{Budget, Exceeded};
use super::requests::Recorded;
use super::store::accounts;
use super::store::apps::RegisteredApp;
use super::{Inner, Sandbox, auth, console};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Query, Request, State};
use axum::http::header::{AGE, DATE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::middleware::Next;
use axum::routing::any;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

/// Marks, as a response extension, an answer that must not reach the client: whoever calls the router in
/// process turns it into a transport error. (Its body fails when read, so nobody can miss it.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped;

/// Between two looks at whom to remind.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Larger than any file the vendor takes (50 MB for a ZIP).
const FILE_MAX: usize = 64 * 1024 * 1024;
/// The largest body that is no file.
const JSON_MAX: usize = 1024 * 1024;
/// The largest body of a caller without a valid token, who is refused in any case.
const STRANGER_MAX: usize = 64 * 1024;

impl Sandbox {
    /// The sandbox as a service, for a server or for calls in process.
    pub fn router(&self) -> Router {
        let inner = Arc::clone(&self.0);
        let mut router = Router::new();
        if inner.options.test_controls {
            let controls = controls::router(self).layer(axum::middleware::from_fn(only_here));
            router = router.nest("/__test", controls);
        }
        router.merge(console::router()).fallback(any(handle)).with_state(inner)
    }

    /// Serves until `stop` resolves and the requests in flight are answered, which is waited for 5 seconds at most. Mail left over from an earlier
    /// run is delivered, too. Meanwhile people are reminded of their invitations, and mail is tried again.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let left_over = tokio::spawn(deliver_left_over(Arc::clone(&self.0)));
        let mut beside = JoinSet::new();
        beside.spawn(tend(self.clone()));
        connections::serve(listener, self.router(), stop).await;
        // What has been begun may end; a server of mail that does not answer is not waited for.
        let _ = tokio::time::timeout(connections::GRACE, left_over).await;
        Ok(())
    }
}

/// Whether a `Host` names this machine, with or without a port.
pub(super) fn is_loopback_name(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| {
        host.strip_prefix(name).is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
        })
    })
}

/// Another name that leads here is a web site that wants to control the sandbox (DNS rebinding). Calls in process have none.
async fn only_here(request: Request, next: Next) -> Response<Body> {
    let is_foreign = |host: &HeaderValue| !host.to_str().is_ok_and(is_loopback_name);
    if request.headers().get_all(header::HOST).iter().any(is_foreign) {
        let why = "/__test answers to 127.0.0.1 and localhost only\n";
        return with_type(421, why.as_bytes().to_vec(), "text/plain; charset=utf-8");
    }
    next.run(request).await
}

/// Reminds people of their invitations and tries mail again when it is time. The clock may be moved, so it is looked at all
/// the time.
async fn tend(sandbox: Sandbox) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let worker = sandbox.clone();
        match tokio::task::spawn_blocking(move || worker.remind_invited()).await {
            Ok(Ok(_)) => deliver(&sandbox.0).await,
            Ok(Err(e)) => tracing::warn!("people could not be reminded of their invitations: {e}"),
            Err(e) => tracing::error!("reminding ended: {e}"),
        }
    }
}

/// Whether a person opens a path in a browser that is neither a page nor of the API.
fn is_lost_browser(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let path = request.uri().path();
    request.method() == axum::http::Method::GET
        && accept.is_some_and(|accept| accept.contains("text/html"))
        && !path.starts_with("/api/")
        && !path.starts_with("/__test")
}

/// A request taken apart.
struct ParsedRequest {
    method: String,
    path: String,
    query: HashMap<String, String>,
    raw_query: String,
    token: Option<String>,
    agent: String,
    body: Bytes,
    is_upload: bool,
}

async fn handle(State(inner): State<Arc<Inner>>, request: Request) -> Response<Body> {
    if is_lost_browser(&request) {
        return console::not_found(inner, request).await;
    }
    let (incoming, found) = match take_apart(&inner, request).await {
        Ok(taken) => taken,
        Err(error) => return respond(&Err(error)),
    };
    let endpoint = match &found {
        RouteMatch::Route(route, _) => format!("{} {}", route.method, route.path),
        _ => format!("{} {}", incoming.method, incoming.path),
    };
    let (call, planned) = inner.faults.faults_for_call(&endpoint);
    let recorded = Recorded {
        call,
        endpoint,
        query: incoming.raw_query.clone(),
        status: 0,
        body: if incoming.is_upload {
            String::new()
        } else {
            String::from_utf8_lossy(&incoming.body).into_owned()
        },
        agent: incoming.agent.clone(),
    };
    let matched = match_faults(&inner, planned).await;
    // From here on the call is done and recorded, though its sender may be gone by then.
    let finished = tokio::spawn(async move {
        let response = match matched {
            FaultMatch::Ended(response) => response,
            FaultMatch::GoesOn(effects) => carry_out(&inner, incoming, found, effects).await,
        };
        if inner.options.record_requests {
            let status = response.as_ref().map_or(0, |response| response.status().as_u16());
            inner.requests.push(Recorded { status, ..recorded });
        }
        response.unwrap_or_else(dropped)
    });
    finished.await.unwrap_or_else(|e| respond(&Err(ApiError::internal(&e))))
}

async fn take_apart(inner: &Arc<Inner>, request: Request) -> Result<(ParsedRequest, RouteMatch), ApiError> {
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().to_owned();
    let raw_query = request.uri().query().unwrap_or_default().to_owned();
    let query = Query::<HashMap<String, String>>::try_from_uri(request.uri())
        .map(|query| query.0)
        .unwrap_or_default();
    // A header that is no text cannot be a token, which is what the sign stands for.
    let token = request.headers().get("auth").map(|value| value.to_str().unwrap_or("?").to_owned());
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let agent = agent.unwrap_or_default().to_owned();
    let found = api::find(&method, &path, &inner.options.dialect);
    let is_upload = matches!(&found, RouteMatch::Route(route, _) if route.path.ends_with("uploadfile"));
    // The token first: strangers cannot fill the memory.
    let worker = Arc::clone(inner);
    let shown = token.clone();
    let seat = inner.desks.seat(Visitor::Api).await;
    let is_known = tokio::task::spawn_blocking(move || {
        auth::is_known(&worker.store, shown.as_deref(), worker.options.clock.now())
    })
    .await
    .unwrap_or(false);
    drop(seat);
    let body = match (is_known, is_upload) {
        (true, true) => file_part(request).await?,
        (true, false) => whole_body(request, JSON_MAX).await?,
        // Too much of it is as good as nothing: the answer is about the token.
        (false, false) => whole_body(request, STRANGER_MAX).await.unwrap_or_default(),
        (false, true) => Bytes::new(),
    };
    Ok((ParsedRequest { method, path, query, raw_query, token, agent, body, is_upload }, found))
}

async fn whole_body(request: Request, most: usize) -> Result<Bytes, ApiError> {
    to_bytes(request.into_body(), most).await.map_err(|_| ApiError::invalid_arguments())
}

/// The content of the `file` part; empty when there is none, which the endpoint's caller is told after the
/// token has been looked at.
async fn file_part(request: Request) -> Result<Bytes, ApiError> {
    let mut request = request;
    DefaultBodyLimit::max(FILE_MAX).apply(&mut request);
    let Ok(mut form) = Multipart::from_request(request, &()).await else { return Ok(Bytes::new()) };
    while let Ok(Some(field)) = form.next_field().await {
        if field.name() == Some("file") {
            return field.bytes().await.map_err(|_| ApiError::invalid_arguments());
        }
    }
    Ok(Bytes::new())
}

/// What the endpoint is told of the faults that hit it, and what becomes of its answer.
#[derive(Default)]
struct FaultEffects {
    batch_limit: Option<usize>,
    total_off_by: i64,
    status_instead: Option<u16>,
    drop_reply: bool,
    date: Option<OtherDate>,
}

/// The date that an answer bears instead of the time.
#[derive(Clone, Copy)]
struct OtherDate {
    seconds_ahead: Option<i64>,
    age: Option<u64>,
}

impl OtherDate {
    fn write(self, headers: &mut HeaderMap) {
        // What the server would add by itself is there already; an empty one is no date.
        let date = self.seconds_ahead.and_then(|seconds| {
            let at = Timestamp::now().saturating_add(jiff::SignedDuration::from_secs(seconds)).ok()?;
            rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
        });
        let date = HeaderValue::from_str(&date.unwrap_or_default()).ok();
        headers.extend(date.map(|date| (DATE, date)));
        headers.extend(self.age.map(|age| (AGE, HeaderValue::from(age))));
    }
}

/// A call after the faults that awaited it.
enum FaultMatch {
    /// It got no further; `None`: its reply is dropped.
    Ended(Option<Response<Body>>),
    /// It reaches its endpoint.
    GoesOn(FaultEffects),
}

/// Lets a call go through the faults that await it.
async fn match_faults(inner: &Arc<Inner>, planned: PlannedFaults) -> FaultMatch {
    for hook in planned.hooks {
        let sandbox = Sandbox(Arc::clone(inner));
        // Hooks use the store, which waits.
        let ran = tokio::task::spawn_blocking(move || sandbox.admin().map(|admin| hook(&admin))).await;
        if !matches!(ran, Ok(Ok(()))) {
            tracing::error!("a hook before a call failed");
        }
    }
    let ended = |error: ApiError| FaultMatch::Ended(Some(respond(&Err(error))));
    let mut effects = FaultEffects::default();
    for effect in planned.effects {
        match effect {
            Effect::Delay { millis } => tokio::time::sleep(Duration::from_millis(millis)).await,
            Effect::DropBefore => return FaultMatch::Ended(None),
            Effect::Status { status, message } => return ended(ApiError::new(status, status, message)),
            Effect::Html { status } => return FaultMatch::Ended(Some(html(status))),
            Effect::RateLimited { retry_after } => {
                return ended(ApiError {
                    retry_after: retry_after.and_then(|seconds| i64::try_from(seconds).ok()),
                    ..ApiError::new(429, 429, PER_MINUTE)
                });
            }
            Effect::DropAfter => effects.drop_reply = true,
            Effect::PartialBatch { applied, status } => {
                effects.batch_limit = Some(applied);
                effects.status_instead = status;
            }
            Effect::Date { seconds_ahead, age } => effects.date = Some(OtherDate { seconds_ahead, age }),
            Effect::WrongTotal { by } => effects.total_off_by = by,
            Effect::StaleReads { reads } => {
                if let Err(e) = inner.store.keep_past(reads) {
                    return ended(e.into());
                }
            }
        }
    }
    FaultMatch::GoesOn(effects)
}

/// Runs the endpoint; `None`: its reply is dropped.
async fn carry_out(
    inner: &Arc<Inner>,
    incoming: ParsedRequest,
    found: RouteMatch,
    effects: FaultEffects,
) -> Option<Response<Body>> {
    let FaultEffects { status_instead, drop_reply, date, .. } = effects;
    let mut outcome = served(inner, incoming, found, effects).await;
    if let (Some(status), Ok(_)) = (status_instead, &outcome) {
        outcome = Err(ApiError::new(status, status, "Internal Server Error"));
    }
    (!drop_reply).then(|| {
        let mut response = respond(&outcome);
        if let Some(date) = date {
            date.write(response.headers_mut());
        }
        response
    })
}

/// Runs a call on a thread that may wait for the database.
async fn served(
    inner: &Arc<Inner>,
    incoming: ParsedRequest,
    found: RouteMatch,
    effects: FaultEffects,
) -> Result<Answer, ApiError> {
    let (route, bot) = match found {
        RouteMatch::Route(route, bot) => (route, bot),
        RouteMatch::WrongMethod => return Err(ApiError::method()),
        RouteMatch::Nothing => return Err(ApiError::no_such_path()),
    };
    let worker = Arc::clone(inner);
    let seat = inner.desks.seat(Visitor::Api).await;
    let outcome =
        tokio::task::spawn_blocking(move || answer(&worker, route, bot.as_deref(), &incoming, &effects))
            .await;
    drop(seat);
    if route.access == Access::Write {
        if inner.post.is_slow() {
            let inner = Arc::clone(inner);
            tokio::spawn(async move { deliver(&inner).await });
        } else {
            deliver(inner).await;
        }
    }
    outcome.unwrap_or_else(|e| Err(ApiError::internal(&e)))
}

/// Does what was asked for by people who have their answer, and sends what is due in the outbox.
pub(super) async fn deliver(inner: &Arc<Inner>) {
    let worker = Arc::clone(inner);
    let delivery = tokio::task::spawn_blocking(move || {
        console::do_what_was_asked(&worker)?;
        worker.post.deliver(&worker.store, worker.options.clock.now())
    });
    if let Ok(Err(e)) = delivery.await {
        tracing::warn!("mail stays in the outbox: {e}");
    }
}

/// Sends what an earlier run has left.
async fn deliver_left_over(inner: Arc<Inner>) {
    let delivery = tokio::task::spawn_blocking(move || {
        console::do_what_was_asked(&inner)?;
        inner.post.deliver_all(&inner.store, inner.options.clock.now())
    });
    if let Ok(Err(e)) = delivery.await {
        tracing::warn!("mail stays in the outbox: {e}");
    }
}

/// Token, budget, scope, endpoint: in this order.
fn answer(
    inner: &Inner,
    route: &'static ApiRoute,
    bot: Option<&str>,
    incoming: &ParsedRequest,
    effects: &FaultEffects,
) -> Result<Answer, ApiError> {
    let now = inner.options.clock.now();
    let app = auth::identify(&inner.store, incoming.token.as_deref(), now)?;
    let account = inner.store.read::<_, ApiError>(|conn| Ok(accounts::by_seq(conn, app.account)?))?;
    spend(inner, route, bot, &account.id)?;
    may_call(&app, route)?;
    if incoming.is_upload && incoming.body.is_empty() {
        return Err(ApiError::invalid_arguments());
    }
    let encrypts = route.encrypts && app.encrypts_payload;
    if encrypts && route.access == Access::Write && inner.options.dialect.encrypted_refuses_plain {
        return Err(ApiError::bad_request("Invalid encrypted payload"));
    }
    let run = |conn: &rusqlite::Connection| {
        let answer = (route.handle)(&Call {
            conn,
            account: &account,
            app: &app,
            dialect: &inner.options.dialect,
            invites: &inner.invites,
            now,
            query: &incoming.query,
            body: &incoming.body,
            bot,
            batch_limit: effects.batch_limit.unwrap_or(usize::MAX),
            total_off_by: effects.total_off_by,
        })?;
        Ok(if encrypts { answer.encrypted(inner.options.dialect.encrypted_answer) } else { answer })
    };
    match route.access {
        Access::Read => inner.store.read_lagging(run),
        Access::Write => {
            if inner.options.dialect.read_lag > 0 {
                inner.store.keep_past(inner.options.dialect.read_lag)?;
            }
            inner.store.write(|transaction| run(transaction))
        }
    }
}

fn may_call(app: &RegisteredApp, route: &ApiRoute) -> Result<(), ApiError> {
    let bot_app_is_fine = app.bot.is_none() || route.bot_apps;
    let scope_is_there = route.scope.is_none_or(|scope| {
        // The API list files the publish status under the publish scope.
        let also = if scope == "bot_publish:publish_status" { "bot_publish:publish_request" } else { scope };
        app.scopes.iter().any(|held| held == scope || held == also)
    });
    if bot_app_is_fine && scope_is_there { Ok(()) } else { Err(ApiError::scope()) }
}

const PER_MINUTE: &str =
    "You've exceeded the per-minute rate limit. Please wait for sometime before retrying.";
const HOURLY: &str = "You've exceeded the hourly rate limit. Please wait for sometime before retrying.";
const OLDER: &str = "Rate limit for this API has been reached. Please try again after some time.";

fn spend(inner: &Inner, route: &'static ApiRoute, bot: Option<&str>, account: &str) -> Result<(), ApiError> {
    use super::dialect::BudgetScope;
    let dialect = &inner.options.dialect;
    let budget = match (route.counted, bot) {
        (Counted::Bot, Some(bot)) => Budget::Bot(bot.to_owned()),
        (Counted::Job, Some(bot)) => Budget::Job(bot.to_owned()),
        // Uploads of an account's app belong to no bot.
        (Counted::Bot, None) => Budget::Bot(account.to_owned()),
        (Counted::Account, _) | (Counted::Job, None) => Budget::Account {
            account: account.to_owned(),
            endpoint: (dialect.budget_scope == BudgetScope::PerEndpoint).then_some(route.path),
        },
    };
    let now = inner.options.clock.now();
    let admitted = inner.windows.admit(budget, inner.options.rate, now, dialect.refused_calls_count);
    admitted.map_err(|Exceeded { hourly, retry_after }| {
        let msg = match (dialect.older_rate_limit_text, hourly) {
            (true, _) => OLDER,
            (false, true) => HOURLY,
            (false, false) => PER_MINUTE,
        };
        let msg =
            if dialect.rate_limit_some_time { msg.replace("sometime", "some time") } else { msg.to_owned() };
        let status = dialect.rate_limit_status;
        ApiError {
            retry_after: dialect.retry_after.then_some(retry_after),
            ..ApiError::new(status, status, msg)
        }
    })
}

fn respond(outcome: &Result<Answer, ApiError>) -> Response<Body> {
    let (status, body, retry_after) = match outcome {
        Ok(Answer { status, body }) => (*status, body.clone(), None),
        Err(error) => (error.status, error.body(), error.retry_after),
    };
    let mut response = with_type(status, body, "application/json; charset=utf-8");
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn html(status: u16) -> Response<Body> {
    let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
    with_type(status, page.into_bytes(), "text/html")
}

fn with_type(status: u16, body: Vec<u8>, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A reply that never arrives. Its body fails at the first look, before the head is flushed, so the server closes
/// the connection without a word; in process the mark and the body say the same.
fn dropped() -> Response<Body> {
    let broken = futures::stream::once(async {
        Err::<Bytes, _>(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the reply was dropped"))
    });
    let mut response = Response::new(Body::from_stream(broken));
    response.extensions_mut().insert(Dropped);
    response
}
