//! The two cookies of the console: the session's, and the one by which a browser is known.
//!
//! Browsers send a cookie to every port of a host, so its name holds the port: two sandboxes on one machine do not sign
//! each other out. Under TLS the prefix `__Host-` makes browsers refuse one that another host or a plain connection has set.

use super::failures::BROWSER_LIFE;
use axum::http::HeaderValue;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Session,
    Browser,
}

fn name(kind: Kind, is_behind_tls: bool, host: &str) -> String {
    let what = match kind {
        Kind::Session => "koreconcile",
        Kind::Browser => "koreconcile-browser",
    };
    if is_behind_tls {
        return format!("__Host-{what}");
    }
    let port = host.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    port.map_or_else(|| what.to_owned(), |port| format!("{what}-{port}"))
}

/// Its value in a `Cookie` header, if it is one of ours.
pub(super) fn value(sent: &str, kind: Kind, is_behind_tls: bool, host: &str) -> Option<String> {
    let name = name(kind, is_behind_tls, host);
    let is_ours = |value: &&str| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    Cookie::split_parse(sent)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .and_then(|cookie| Some(cookie.value()).filter(is_ours).map(str::to_owned))
}

/// The header that gives it to a browser.
pub(super) fn set(kind: Kind, value: &str, is_behind_tls: bool, host: &str) -> Option<HeaderValue> {
    let cookie = Cookie::build((name(kind, is_behind_tls, host), value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_behind_tls);
    let cookie = match kind {
        Kind::Session => cookie,
        Kind::Browser => {
            cookie.same_site(SameSite::Strict).max_age(Duration::seconds(BROWSER_LIFE.as_secs()))
        }
    };
    HeaderValue::from_str(&cookie.build().to_string()).ok()
}
