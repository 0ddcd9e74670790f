//! The cookies of the console: the session's, the one by which a browser is known, and the page to go on with after sign-in.
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
    /// A path of the console, percent-encoded.
    Next,
}

fn name(kind: Kind, is_behind_tls: bool, host: &str) -> String {
    let what = match kind {
        Kind::Session => "koreconcile",
        Kind::Browser => "koreconcile-browser",
        Kind::Next => "koreconcile-next",
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
    let is_secret = |value: &str| value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let value = Cookie::split_parse(sent)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())?;
    match kind {
        Kind::Session | Kind::Browser => Some(value).filter(|value| is_secret(value)),
        Kind::Next => path(&value),
    }
}

/// The path of a page of the console in a cookie, and nothing that leads elsewhere: any page of this host may have set it.
fn path(value: &str) -> Option<String> {
    let (path, _) = form_urlencoded::parse(value.as_bytes()).next()?;
    let is_ours =
        path.starts_with("/Admin/") && path.bytes().all(|byte| (33..127).contains(&byte) && byte != b'\\');
    (is_ours && !path.contains("//")).then(|| path.into_owned())
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
        Kind::Next => cookie.max_age(Duration::minutes(if value.is_empty() { 0 } else { 30 })),
        Kind::Browser => {
            cookie.same_site(SameSite::Strict).max_age(Duration::seconds(BROWSER_LIFE.as_secs()))
        }
    };
    HeaderValue::from_str(&cookie.build().to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_to_go_on_with_is_one_of_the_console() {
        let read = |value: &str| {
            let encoded: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            super::value(&format!("koreconcile-next-80={encoded}"), Kind::Next, false, "localhost:80")
        };
        assert_eq!(
            read("/Admin/users?search=a%20b&page=2").as_deref(),
            Some("/Admin/users?search=a%20b&page=2")
        );
        for elsewhere in [
            "",
            "/",
            "//evil.example.com",
            "https://evil.example.com",
            "/Admin//evil",
            "/Admin/\\evil",
            "/Admin/\r\nx",
            "/sign-out",
        ] {
            assert_eq!(read(elsewhere), None, "{elsewhere}");
        }
    }
}
