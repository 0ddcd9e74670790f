//! The page that says why there is no page: what happened, the rule, and one way on.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::{Assets, Frame};
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::Needs;
use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};

/// A page without a frame: it must not fail itself, and needs neither session nor database.
#[derive(Debug, Template)]
#[template(path = "problem.html")]
pub(in crate::sandbox::console) struct Problem {
    status: StatusCode,
    title: &'static str,
    text: String,
    /// Path and label of the way on.
    way_on: (&'static str, &'static str),
    retry_after: Option<i64>,
    assets: Assets,
}

/// The same for whoever is in an account.
#[derive(Template)]
#[template(path = "problem_within.html")]
struct ProblemWithin<'a> {
    frame: Frame,
    status: StatusCode,
    text: &'a str,
}

const HOME: (&str, &str) = ("/", "Go to the front page");

impl Problem {
    fn new(
        status: StatusCode,
        title: &'static str,
        text: String,
        way_on: (&'static str, &'static str),
    ) -> Self {
        Self { status, title, text, way_on, retry_after: None, assets: Assets::new() }
    }

    pub(in crate::sandbox::console) fn not_found() -> Self {
        let text = "There is no such page, or nothing of that name in this account.".to_owned();
        Self::new(StatusCode::NOT_FOUND, "Not found", text, ("/Admin", "Go to the Admin Console"))
    }

    pub(in crate::sandbox::console) fn denied(needs: Needs) -> Self {
        let text =
            format!("This needs {}. The Primary Admin of the account can give it to you.", needs.words());
        Self::new(StatusCode::FORBIDDEN, "Not permitted", text, HOME)
    }

    pub(in crate::sandbox::console) fn wrong_address(address: &str) -> Self {
        let text = format!(
            "The account does not admit the address {address}. Sign in from one that its IP restriction names, or ask \
             an administrator to add this one under Security & Control > Settings."
        );
        Self::new(StatusCode::FORBIDDEN, "Not from this address", text, HOME)
    }

    pub(in crate::sandbox::console) fn stale_form() -> Self {
        let text =
            "This form is not from this session: it is too old, or was sent from another place. Nothing was \
             changed. Open the page again and send it from there."
                .to_owned();
        Self::new(StatusCode::FORBIDDEN, "Form refused", text, ("/Admin", "Open the console again"))
    }

    pub(in crate::sandbox::console) fn wrong_host(host: &str) -> Self {
        let text = format!(
            "The console does not answer to the host {host:?}. Passwords and sessions would travel in the clear, or \
             another name may have been made to lead here. Open it on the sandbox's own machine at 127.0.0.1, or \
             serve it behind a proxy that speaks TLS with: sandbox serve --allow-remote --public-url https://HOST"
        );
        Self::new(StatusCode::MISDIRECTED_REQUEST, "Not at this address", text, HOME)
    }

    pub(in crate::sandbox::console) fn too_many(seconds: i64) -> Self {
        let minutes = (seconds + 59) / 60;
        let text = format!("Too many attempts from here or for this address. Try again in {minutes} min.");
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts", text, HOME);
        Self { retry_after: Some(seconds), ..problem }
    }

    pub(in crate::sandbox::console) fn too_large(limit: usize) -> Self {
        let text = format!("What was sent is larger than the {} KiB that are taken here.", limit / 1024);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Too large", text, ("/Admin", "Go to the Admin Console"))
    }

    pub(in crate::sandbox::console) fn broken() -> Self {
        let text = "This page failed and nothing was changed. What happened is in the log of the sandbox."
            .to_owned();
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong", text, HOME)
    }

    /// As an answer within the console, with navigation and person.
    pub(in crate::sandbox::console) fn reply_within(&self, admin: &AdminContext<'_>) -> Outcome {
        let frame = Frame::new(admin, self.title, &[])?;
        let page = Reply::page(&ProblemWithin { frame, status: self.status, text: &self.text })?;
        let mut reply = page.with_status(self.status);
        if let Some(seconds) = self.retry_after {
            reply.response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        Ok(reply)
    }

    /// As an answer.
    pub(in crate::sandbox::console) fn reply(&self) -> Reply {
        let text = self.render().unwrap_or_else(|_| self.title.to_owned());
        let mut reply = Reply::bytes("text/html; charset=utf-8", text).with_status(self.status);
        if let Some(seconds) = self.retry_after {
            reply.response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        reply
    }
}
