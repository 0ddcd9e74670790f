//! What a page answers, and the ways in which it doesn't.

use super::pages::problem::Problem;
use super::rights::Needs;
use crate::sandbox::error::SandboxError;
use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

pub(super) type Outcome = Result<Reply, PageError>;

/// What the next page says, once.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Notice {
    pub(super) is_error: bool,
    pub(super) text: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) response: Response<Body>,
    /// The token that the browser's cookie holds from now on.
    pub(super) token: Option<String>,
    /// The value of the cookie by which the browser is known from now on.
    pub(super) browser: Option<String>,
    /// The page to go on with after sign-in; empty: none any more.
    pub(super) next: Option<String>,
    pub(super) notice: Option<Notice>,
}

impl Reply {
    /// A page.
    pub(super) fn page(template: &impl Template) -> Outcome {
        let text = template.render().map_err(|e| PageError::broken(&e))?;
        Ok(Self::bytes("text/html; charset=utf-8", text))
    }

    /// A page that shows a form again, and why; nothing has changed.
    pub(super) fn invalid(template: &impl Template) -> Outcome {
        let page = Self::page(template)?;
        Err(PageError::Invalid(Box::new(page.with_status(StatusCode::UNPROCESSABLE_ENTITY))))
    }

    /// Content of another type.
    pub(super) fn bytes(content_type: &'static str, body: impl Into<Body>) -> Self {
        let mut response = Response::new(body.into());
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { response, token: None, browser: None, next: None, notice: None }
    }

    /// After a change: look there. `to` is a path of ours.
    pub(super) fn see(to: &str) -> Self {
        let mut reply = Self::bytes("text/plain; charset=utf-8", "");
        *reply.response.status_mut() = StatusCode::SEE_OTHER;
        let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
        reply.response.headers_mut().insert(header::LOCATION, to);
        reply
    }

    /// What the next page shall say.
    pub(super) fn saying(self, text: impl Into<String>) -> Self {
        Self { notice: Some(Notice { is_error: false, text: text.into() }), ..self }
    }

    /// What the next page shall say, as something that went wrong.
    pub(super) fn warning(self, text: impl Into<String>) -> Self {
        Self { notice: Some(Notice { is_error: true, text: text.into() }), ..self }
    }

    /// The browser has another token from now on.
    pub(super) fn with_token(self, token: String) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The browser is known by this from now on.
    pub(super) fn with_browser(self, browser: String) -> Self {
        Self { browser: Some(browser), ..self }
    }

    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        *self.response.status_mut() = status;
        self
    }
}

/// Why there is no answer. Whatever the page had changed is undone.
#[derive(Debug)]
pub(super) enum PageError {
    /// The form again, with what is wrong with it.
    Invalid(Box<Reply>),
    /// A rule refuses it; said on the page it came from.
    Refused(String),
    /// Nothing there, or nothing of this account.
    NotFound,
    /// Not signed in; whether a session has just ended of old age.
    SignIn { was_idle: bool },
    /// To be seen elsewhere first.
    Elsewhere(&'static str),
    /// Lacks what the route needs.
    Denied(Needs),
    /// Not a form of ours, or an old one.
    StaleForm,
    /// From an address that the account does not admit.
    WrongAddress(String),
    /// Another host, or not under TLS.
    WrongHost(String),
    /// Too many attempts; seconds until another one.
    TooMany(i64),
    /// Larger than is taken; bytes that are.
    TooLarge(usize),
    /// Our own mistake, or the machine's.
    Broken(String),
}

impl PageError {
    pub(super) fn broken(problem: &dyn std::fmt::Display) -> Self {
        Self::Broken(problem.to_string())
    }

    /// Refused, and said on that page: for pages that cannot be shown, whose own address would be no way back.
    pub(super) fn refused_at(path: &str, text: String) -> Self {
        Self::Invalid(Box::new(Reply::see(path).warning(text)))
    }

    /// As an answer.
    pub(super) fn reply(self, back: &str) -> Reply {
        let problem = match self {
            Self::Invalid(reply) => return *reply,
            Self::Refused(text) => return Reply::see(back).warning(text),
            Self::SignIn { was_idle } => {
                return Reply::see(if was_idle { "/sign-in?idle=1" } else { "/sign-in" });
            }
            Self::Elsewhere(path) => return Reply::see(path),
            Self::WrongAddress(address) => Problem::wrong_address(&address),
            Self::WrongHost(host) => Problem::wrong_host(&host),
            Self::Broken(cause) => {
                tracing::error!("a page of the console failed: {cause}");
                Problem::broken()
            }
            Self::NotFound | Self::Denied(_) | Self::StaleForm | Self::TooMany(_) | Self::TooLarge(_) => {
                self.within().unwrap_or_else(Problem::broken)
            }
        };
        problem.reply()
    }

    /// What can be said within the console, to whoever is in an account.
    pub(super) fn within(&self) -> Option<Problem> {
        match self {
            Self::NotFound => Some(Problem::not_found()),
            Self::Denied(needs) => Some(Problem::denied(*needs)),
            Self::StaleForm => Some(Problem::stale_form()),
            Self::TooMany(seconds) => Some(Problem::too_many(*seconds)),
            Self::TooLarge(limit) => Some(Problem::too_large(*limit)),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for PageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::broken(&error)
    }
}

impl From<SandboxError> for PageError {
    fn from(error: SandboxError) -> Self {
        match error {
            SandboxError::Unknown { .. } => Self::NotFound,
            // The rest of the message is for the command line.
            SandboxError::Exists { .. }
            | SandboxError::BadEmail(_)
            | SandboxError::BadAccountName(_)
            | SandboxError::AlreadyJoined { .. }
            | SandboxError::UnknownScope { .. }
            | SandboxError::WeakPassword(_) => {
                Self::Refused(error.to_string().lines().next().unwrap_or_default().to_owned())
            }
            other => Self::broken(&other),
        }
    }
}
