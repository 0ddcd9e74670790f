//! HTTP: the way of a request from the socket to its endpoint and back.
//!
//! In comes a request, out goes a response; in between the order that the vendor shows: method, token, budget,
//! scope, endpoint. Faults stand before and behind all of it. No endpoint knows that HTTP exists. Paths of the
//! console are routed there; everything else is the API's.

mod controls;

use super::api::{self, Access, Answer, ApiError, ApiRoute, Call, Counted, RouteMatch};
use super::faults::{Effect, PlannedFaults};
use super::rate::{Budget, Exceeded};
use super::requests::Recorded;
use super::store::accounts;
use super::store::apps::RegisteredApp;
use super::{Inner, Sandbox, auth, console};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Multipart, Query, Request, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::any;
use axum::serve::ListenerExt;
use std::collections::HashMap;
use std::net::SocketAddr;
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
/// Larger than any body the vendor takes (50 MB for a ZIP).
const BODY_MAX: usize = 64 * 1024 * 1024;

impl Sandbox {
    /// The sandbox as a service, for a server or for calls in process.
    pub fn router(&self) -> Router {
        let inner = Arc::clone(&self.0);
        let mut router = Router::new();
        if inner.options.test_controls {
            router = router.nest("/__test", controls::router(self));
        }
        router.merge(console::router()).fallback(any(handle)).with_state(inner)
    }

    /// Serves until `stop` resolves and the requests in flight are answered. Mail left over from an earlier
    /// run is delivered first. Meanwhile people are reminded of their invitations.
    pub async fn serve(
        &self,
        listener: tokio::net::TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        deliver(&self.0).await;
        // Answers are small and written at once: waiting for more would only add latency.
        let listener = listener.tap_io(|stream| {
            if let Err(e) = stream.set_nodelay(true) {
                tracing::debug!("no TCP_NODELAY: {e}");
            }
        });
        // The console counts sign-ins by address of the caller.
        let service = self.router().into_make_service_with_connect_info::<SocketAddr>();
        let mut beside = JoinSet::new();
        beside.spawn(remind(self.clone()));
        let inner = Arc::clone(&self.0);
        let stop = async move {
            stop.await;
            inner.stopping.send_replace(true);
        };
        axum::serve(listener, service).with_graceful_shutdown(stop).await
    }
}

/// Reminds people of their invitations when it is time. The clock may be moved, so it is looked at all the time.
async fn remind(sandbox: Sandbox) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let worker = sandbox.clone();
        match tokio::task::spawn_blocking(move || worker.remind_invited()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(_)) => deliver(&sandbox.0).await,
            Ok(Err(e)) => tracing::warn!("people could not be reminded of their invitations: {e}"),
            Err(e) => tracing::error!("reminding ended: {e}"),
        }
    }
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

async fn take_apart(inner: &Inner, request: Request) -> Result<(ParsedRequest, RouteMatch), ApiError> {
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
    let body = if is_upload { file_part(request).await? } else { whole_body(request).await? };
    Ok((ParsedRequest { method, path, query, raw_query, token, agent, body, is_upload }, found))
}

async fn whole_body(request: Request) -> Result<Bytes, ApiError> {
    to_bytes(request.into_body(), BODY_MAX).await.map_err(|_| ApiError::invalid_arguments())
}

/// The content of the `file` part; empty when there is none, which the endpoint's caller is told after the
/// token has been looked at.
async fn file_part(request: Request) -> Result<Bytes, ApiError> {
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
    let (status_instead, drop_reply) = (effects.status_instead, effects.drop_reply);
    let mut outcome = served(inner, incoming, found, effects).await;
    if let (Some(status), Ok(_)) = (status_instead, &outcome) {
        outcome = Err(ApiError::new(status, status, "Internal Server Error"));
    }
    (!drop_reply).then(|| respond(&outcome))
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
    let outcome =
        tokio::task::spawn_blocking(move || answer(&worker, route, bot.as_deref(), &incoming, &effects))
            .await;
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

/// Sends what is in the outbox; what cannot be sent waits there.
pub(super) async fn deliver(inner: &Arc<Inner>) {
    let worker = Arc::clone(inner);
    let delivery = tokio::task::spawn_blocking(move || worker.post.deliver(&worker.store)).await;
    if let Ok(Err(e)) = delivery {
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
