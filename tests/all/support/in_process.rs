//! The sandbox's router as a transport: everything from the gateway up is real, only the socket is missing.

use async_trait::async_trait;
use axum::Router;
use axum::body::Body as HttpBody;
use axum::http::{Request, header};
use koreconcile::kore::{Body, Stage, Transport, TransportError, WireRequest, WireResponse};
use koreconcile::sandbox::{self, Sandbox};
use koreconcile::{kore, sandbox::Dropped};
use secrecy::ExposeSecret;
use std::sync::Arc;
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

/// Sends requests to a sandbox without a network.
pub struct InProcess(Router);

impl InProcess {
    pub fn new(sandbox: &Sandbox) -> Self {
        Self(sandbox.router())
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: &WireRequest) -> Result<WireResponse, TransportError> {
        let response = self.0.clone().oneshot(as_http(request)).await.unwrap();
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
        request.path.to_owned()
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
