//! The one door to the network, as a trait: HTTP in earnest, a router in process or a script in tests.

use super::Method;
use crate::facts::ClockCheck;
use async_trait::async_trait;
use secrecy::SecretString;
use std::borrow::Cow;

/// Sends one request and returns its answer. No retries, no redirects, no budget: the gateway has those.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends it once.
    ///
    /// # Errors
    /// Only when no whole answer came; an HTTP error status is an answer.
    async fn send(&self, request: &WireRequest) -> Result<WireResponse, TransportError>;

    /// How this machine's clock compares with the platform's, as its answers tell.
    fn clock_check(&self) -> ClockCheck {
        ClockCheck::NotCompared
    }
}

/// One request. Debug shows neither token nor body.
#[derive(Clone)]
pub struct WireRequest {
    /// HTTP method.
    pub method: Method,
    /// Path below the base URL, beginning with a slash.
    pub path: Cow<'static, str>,
    /// Query pairs, not yet encoded.
    pub query: Vec<(&'static str, String)>,
    /// Value of the `auth` header (kore-api 1.1).
    pub auth: SecretString,
    /// What is sent.
    pub body: Body,
}

impl std::fmt::Debug for WireRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { method, path, query, auth: _, body: _ } = self;
        f.debug_struct("WireRequest")
            .field("method", method)
            .field("path", path)
            .field("query", query)
            .finish_non_exhaustive()
    }
}

/// What a request carries.
#[derive(Clone, PartialEq, Eq)]
pub enum Body {
    /// No body.
    Empty,
    /// JSON text, sent with DELETE too (kore-api 2.0).
    Json(Vec<u8>),
    /// `multipart/form-data`: the part `file`, and text parts beside it (kore-api 2.9).
    File {
        /// File name of the part `file`.
        name: &'static str,
        /// Its content.
        content: Vec<u8>,
        /// Text parts: name and value.
        fields: Vec<(&'static str, &'static str)>,
    },
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Json(json) => write!(f, "Json({} bytes)", json.len()),
            Self::File { name, content, fields: _ } => write!(f, "File({name}, {} bytes)", content.len()),
        }
    }
}

/// One answer. Debug shows the size of the body only.
#[derive(Clone)]
pub struct WireResponse {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After` as it came: seconds or a date.
    pub retry_after: Option<String>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for WireResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, retry_after, body } = self;
        write!(f, "WireResponse {{ status: {status}, retry_after: {retry_after:?}, {} bytes }}", body.len())
    }
}

/// Why no whole answer came.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// Where it ended.
    pub stage: Stage,
    /// What happened, without secrets.
    pub message: String,
}

/// How far a request came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// No connection: the platform has certainly not seen the request.
    NotConnected,
    /// Connected, then lost: the platform may have executed it.
    MaybeReceived,
    /// An answer came, larger than the limit: the platform has executed it.
    TooLarge,
}
