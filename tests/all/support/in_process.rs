//! The sandbox's router as a transport: everything from the gateway up is real, only the socket is missing.

use async_trait::async_trait;
use axum::Router;
use axum::body::Body as HttpBody;
use axum::http::{Request, header};
use koreconcile::facts::ClockCheck;
use koreconcile::kore::{Body, Stage, Transport, TransportError, WireRequest, WireResponse};
use koreconcile::sandbox::{self, Sandbox};
use koreconcile::{kore, sandbox::Dropped};
use secrecy::ExposeSecret;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tower::ServiceExt;

/// One clock for both sides.
#[derive(Clone)]
pub struct SharedClock(pub Arc<kore::VirtualClock>);

impl std::fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedClock")
    }
}

impl sandbox::Clock for SharedClock {
    fn now(&self) -> jiff::Timestamp {
        kore::Clock::now(&*self.0)
    }
}

/// Where a process dies: right before it sends a call.
#[derive(Default)]
pub struct KillPoint {
    sent: AtomicUsize,
    /// The number of the call that is never sent; 0: none.
    at: AtomicUsize,
    reached: Notify,
}

impl KillPoint {
    /// Runs something that dies right before it sends its call of that number, the first being 1. `None`: it died.
    pub async fn before<T>(&self, call: usize, run: impl Future<Output = T>) -> Option<T> {
        self.at.store(self.sent() + call, Ordering::Relaxed);
        let ended = tokio::select! {
            biased;
            () = self.reached.notified() => None,
            done = run => Some(done),
        };
        self.at.store(0, Ordering::Relaxed);
        ended
    }

    /// Calls sent so far.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    async fn passes(&self) {
        if self.sent() + 1 == self.at.load(Ordering::Relaxed) {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends requests to a sandbox without a network.
pub struct InProcess {
    router: Router,
    pub kill_point: Arc<KillPoint>,
    /// How the two clocks compare, where a test says that they differ.
    pub clock_check: Arc<Mutex<ClockCheck>>,
}

impl InProcess {
    pub fn new(sandbox: &Sandbox) -> Self {
        Self { router: sandbox.router(), kill_point: Arc::default(), clock_check: Arc::default() }
    }
}

#[async_trait]
impl Transport for InProcess {
    fn clock_check(&self) -> ClockCheck {
        *self.clock_check.lock().unwrap()
    }

    async fn send(&self, request: &WireRequest) -> Result<WireResponse, TransportError> {
        self.kill_point.passes().await;
        let response = self.router.clone().oneshot(as_http(request)).await.unwrap();
        let lost =
            |message: &str| TransportError { stage: Stage::MaybeReceived, message: message.to_owned() };
        if response.extensions().get::<Dropped>().is_some() {
            return Err(lost("connection closed before the answer"));
        }
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|error| lost(&error.to_string()))?;
        let retry_after = parts.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        Ok(WireResponse {
            status: parts.status.as_u16(),
            retry_after: retry_after.map(str::to_owned),
            body: body.to_vec(),
        })
    }
}

fn as_http(request: &WireRequest) -> Request<HttpBody> {
    let query: Vec<String> =
        request.query.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "%20"))).collect();
    let uri = if query.is_empty() {
        request.path.clone().into_owned()
    } else {
        format!("{}?{}", request.path, query.join("&"))
    };
    let builder = Request::builder()
        .method(request.method.as_str())
        .uri(uri)
        .header(header::HOST, "127.0.0.1")
        .header("auth", request.auth.expose_secret());
    match &request.body {
        Body::Empty => builder.body(HttpBody::empty()),
        Body::Json(json) => {
            builder.header(header::CONTENT_TYPE, "application/json").body(HttpBody::from(json.clone()))
        }
        Body::File { name, content, fields } => {
            let mut body = Vec::new();
            for (field, value) in fields {
                let part =
                    format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
                body.extend(part.into_bytes());
            }
            let head = format!(
                "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
                 Content-Type: application/json\r\n\r\n"
            );
            body.extend(head.into_bytes());
            body.extend(content);
            body.extend(b"\r\n--b--\r\n");
            builder.header(header::CONTENT_TYPE, "multipart/form-data; boundary=b").body(HttpBody::from(body))
        }
    }
    .unwrap()
}
