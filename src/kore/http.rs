//! The transport over real HTTP.

use super::Method;
use super::dates::{DatedAnswer, Dates};
use super::transport::{Body, Stage, Transport, TransportError, WireRequest, WireResponse};
use crate::facts::{ClockCheck, LockAnyway as _};
use async_trait::async_trait;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AGE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response, Url};
use secrecy::ExposeSecret;
use std::error::Error as _;
use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Where a platform answers: `https`, or `http` on this machine only, because every request carries a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BaseUrl(Url);

/// Why a text is no usable base URL.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("\"{text}\" cannot be the platform's address: {why}")]
pub struct BaseUrlError {
    /// What was given.
    pub text: String,
    /// Which rule it breaks.
    pub why: String,
}

impl BaseUrl {
    /// Reads `https://platform.kore.ai`, with or without the scheme (the vendor writes both), with or without a slash at
    /// the end, and with a path prefix where an installation has one.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let fail = |why: &str| BaseUrlError { text: super::redact::url(text), why: why.to_owned() };
        let trimmed = text.trim();
        let full = if trimmed.contains("://") { trimmed.to_owned() } else { format!("https://{trimmed}") };
        let mut url = Url::parse(&full).map_err(|error| fail(&error.to_string()))?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let is_loopback = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if is_loopback => {}
            "http" => return Err(fail("http would show the token to the network; use https")),
            _ => return Err(fail("only https is possible")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError { text: host, why: "credentials do not belong in it".to_owned() });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(fail("it must end with the host or a path"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The host, for messages and state folders.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    fn is_loopback(&self) -> bool {
        is_loopback(self.host().trim_matches(['[', ']']))
    }

    fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Bounds on one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HttpLimits {
    /// For name look-up, connection and TLS.
    pub connect: Duration,
    /// For the whole call.
    pub total: Duration,
    /// Largest answer, in bytes.
    pub body: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), total: Duration::from_secs(60), body: 256 << 20 }
    }
}

/// Real HTTP: rustls, proxies by the usual variables, no redirects (they would carry the token elsewhere), no retries
/// of its own.
#[derive(Debug)]
pub struct HttpTransport {
    client: Client,
    base: BaseUrl,
    limits: HttpLimits,
    /// What the last answers said about the time.
    dates: Mutex<Dates>,
}

impl HttpTransport {
    /// Prepares a connection pool; connects on the first request.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(base: BaseUrl, limits: HttpLimits) -> Result<Self, TransportError> {
        Self::named(base, limits, "")
    }

    /// The same, saying in every request which of several processes sends it.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine, or the name cannot be a header.
    pub fn named(base: BaseUrl, limits: HttpLimits, name: &str) -> Result<Self, TransportError> {
        let agent = concat!("koreconcile/", env!("CARGO_PKG_VERSION"));
        let agent = if name.is_empty() { agent.to_owned() } else { format!("{agent} ({name})") };
        let mut builder = Client::builder();
        if base.is_loopback() {
            // A proxy would take the request, and the token, off this machine.
            builder = builder.no_proxy();
        }
        let client = builder
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .user_agent(agent)
            .build()
            .map_err(|error| classify(&error))?;
        Ok(Self { client, base, limits, dates: Mutex::default() })
    }

    /// By how much the platform's clock is ahead of this machine's, by the `Date` of its last answer: good to about a
    /// second, and the time the answer took. `None` before the first answer, and where there is no such header.
    pub fn skew(&self) -> Option<SignedDuration> {
        self.dates.lock_anyway().latest()
    }

    fn note_date(&self, method: Method, headers: &HeaderMap, took: Duration) {
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        if let Some(date) = date.and_then(|date| rfc2822::parse(date).ok()) {
            let is_fresh = method == Method::Post && !headers.contains_key(AGE);
            let (date, received) = (date.timestamp(), Timestamp::now());
            self.dates.lock_anyway().note(&DatedAnswer { date, is_fresh, received, took });
        }
    }

    async fn body_of(&self, mut response: Response) -> Result<Vec<u8>, TransportError> {
        let too_large = || TransportError {
            stage: Stage::TooLarge,
            message: format!("the answer is larger than {} bytes", self.limits.body),
        };
        let expected = usize::try_from(response.content_length().unwrap_or(0)).unwrap_or(usize::MAX);
        if expected > self.limits.body {
            return Err(too_large());
        }
        let mut body = Vec::with_capacity(expected);
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if body.len() + chunk.len() > self.limits.body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

#[async_trait]
impl Transport for HttpTransport {
    /// By its last answers that nothing in between has kept.
    fn clock_check(&self) -> ClockCheck {
        self.dates.lock_anyway().check()
    }

    async fn send(&self, request: &WireRequest) -> Result<WireResponse, TransportError> {
        let WireRequest { method: asked, path, query, auth, body } = request;
        let method = match asked {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut token = HeaderValue::from_str(auth.expose_secret()).map_err(|_| TransportError {
            stage: Stage::NotConnected,
            message: "the token cannot be a header".to_owned(),
        })?;
        token.set_sensitive(true);
        let mut builder =
            self.client.request(method, self.base.join(path)).query(query).header("auth", token);
        builder = match body {
            Body::Empty => builder,
            Body::Json(json) => builder.header("content-type", "application/json").body(json.clone()),
            Body::File { name, content, fields } => {
                let part = Part::bytes(content.clone()).file_name(*name);
                let part = part.mime_str("application/json").map_err(|error| classify(&error))?;
                let form = Form::new().part("file", part);
                builder.multipart(fields.iter().fold(form, |form, (name, value)| form.text(*name, *value)))
            }
        };
        let begun = Instant::now();
        let response = builder.send().await.map_err(|error| classify(&error))?;
        let status = response.status().as_u16();
        self.note_date(*asked, response.headers(), begun.elapsed());
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        Ok(WireResponse { status, retry_after, body: self.body_of(response).await? })
    }
}

/// Whether the request can have arrived, and why it failed, down to the innermost cause.
fn classify(error: &reqwest::Error) -> TransportError {
    let stage =
        if error.is_connect() || error.is_builder() { Stage::NotConnected } else { Stage::MaybeReceived };
    let mut cause = error.source();
    let mut message = String::new();
    while let Some(inner) = cause {
        message = inner.to_string();
        cause = inner.source();
    }
    // What rustls says when the other side answers in clear.
    if message.contains("InvalidContentType") {
        "the host does not speak TLS on this port".clone_into(&mut message);
    }
    let prefix = match (stage, error.is_timeout()) {
        (Stage::NotConnected, true) => "no connection in time",
        (Stage::NotConnected, false) => "no connection",
        (_, true) => "no answer in time",
        (_, false) => "the connection broke",
    };
    let message = if message.is_empty() { prefix.to_owned() } else { format!("{prefix}: {message}") };
    TransportError { stage, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_host_is_one_address() {
        for text in ["platform.kore.ai", "https://platform.kore.ai/", " https://PLATFORM.kore.ai "] {
            let base = BaseUrl::parse(text).unwrap();
            assert_eq!(base.join("/api/public/bots"), "https://platform.kore.ai/api/public/bots", "{text}");
        }
        let prefixed = BaseUrl::parse("https://intranet.example.com/kore/").unwrap();
        assert_eq!(prefixed.join("/api"), "https://intranet.example.com/kore/api");
        assert_eq!(prefixed.to_string(), "https://intranet.example.com/kore");
    }

    #[test]
    fn a_token_never_travels_in_clear_beyond_this_machine() {
        for text in ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:8080"] {
            assert!(BaseUrl::parse(text).is_ok(), "{text}");
        }
        for text in [
            "http://platform.kore.ai",
            "http://localhost.example.com",
            "ftp://platform.kore.ai",
            "https://user:pass@platform.kore.ai",
            "https://platform.kore.ai/?x=1",
            "",
        ] {
            let error = BaseUrl::parse(text).unwrap_err().to_string();
            assert!(!error.contains("pass@"), "{error}");
        }
    }
}
