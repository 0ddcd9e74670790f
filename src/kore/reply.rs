//! What a reply means, before its data is read.

use super::endpoint::{Endpoint, PlainAnswer};
use super::transport::WireResponse;
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// The wait when the platform states none, by what its message says of the window (kore-api 2.0). An hour's window
/// frees up as it rolls, so it is asked again every few minutes rather than after an hour.
const MINUTE_WAIT: SignedDuration = SignedDuration::from_secs(60);
const HOUR_WAIT: SignedDuration = SignedDuration::from_secs(300);
/// Never less, whatever `Retry-After` says: no hot loop.
const LEAST_WAIT: SignedDuration = SignedDuration::from_secs(1);

/// What a reply means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ReplyKind {
    /// 2xx with JSON in it.
    Done,
    /// 401: the token.
    Credentials,
    /// 401: the app's scopes.
    Scope,
    /// Any other 4xx.
    Refused,
    /// 5xx, and 408.
    ServerFailed,
    /// A web page, a redirect or nothing where JSON belongs.
    NotTheApi(&'static str),
}

/// Judges by status first, then by the vendor's message (kore-api 1.5).
pub(super) fn classify(response: &WireResponse) -> ReplyKind {
    let WireResponse { status, retry_after: _, body } = response;
    match status {
        200..=299 | 404 | 405 if is_page(body) => ReplyKind::NotTheApi("a web page where JSON was due"),
        200..=299 => ReplyKind::Done,
        300..=399 => ReplyKind::NotTheApi("a redirect, which is not followed because requests carry a token"),
        401 if message(body).0.to_ascii_lowercase().contains("scope") => ReplyKind::Scope,
        401 => ReplyKind::Credentials,
        // The server gave up on the request; like 5xx it says nothing of what was done.
        408 => ReplyKind::ServerFailed,
        400..=499 => ReplyKind::Refused,
        _ => ReplyKind::ServerFailed,
    }
}

/// How long the platform wants us to wait: on 429, or on any error whose message speaks of a rate limit.
pub(super) fn rate_limit(response: &WireResponse, now: Timestamp) -> Option<SignedDuration> {
    let WireResponse { status, retry_after, body } = response;
    if *status < 400 {
        return None;
    }
    let message = message(body).0.to_ascii_lowercase();
    if *status != 429 && !message.contains("rate limit") {
        return None;
    }
    let stated = retry_after.as_deref().and_then(|text| parse_retry_after(text, now));
    let unstated = if message.contains("hour") { HOUR_WAIT } else { MINUTE_WAIT };
    Some(stated.unwrap_or(unstated).max(LEAST_WAIT))
}

fn parse_retry_after(text: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(seconds) => Some(SignedDuration::from_secs(seconds.max(0))),
        Err(_) => Some(rfc2822::parse(text).ok()?.timestamp().duration_since(now)),
    }
}

/// The vendor's message and code: `{"errors":[{"msg","code"}]}`, or a looser form, or the start of the body.
pub(super) fn message(body: &[u8]) -> (String, Option<i64>) {
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
        return (if is_page(body) { title(&text) } else { text.into_owned() }, None);
    };
    match reason(&json) {
        Some(found) => found,
        None => (json.to_string().chars().take(4096).collect(), None),
    }
}

/// The message of an error or of a `reason`, in any of the vendor's forms: a string, an object with `errors`, or one
/// with `message` or `msg` (kore-api 2.0).
pub(super) fn reason(json: &Value) -> Option<(String, Option<i64>)> {
    match json {
        Value::String(text) => Some((text.clone(), None)),
        Value::Array(errors) => errors.iter().find_map(reason),
        Value::Object(map) => {
            if let Some(found) = map.get("errors").and_then(reason) {
                return Some(found);
            }
            let text = ["msg", "message", "error"].iter().find_map(|key| map.get(*key)?.as_str())?;
            let code = ["code", "customCode", "statusCode"].iter().find_map(|key| map.get(*key)?.as_i64());
            Some((text.to_owned(), code))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Whether an answer of an endpoint that payload encryption covers is ciphertext: JSON without any key that belongs there,
/// or a bare text (kore-api 1.3). Its form is not documented.
pub(super) fn is_encrypted(endpoint: Endpoint, body: &[u8]) -> bool {
    let Some(plain) = endpoint.plain_answer() else { return false };
    match (serde_json::from_slice::<Value>(body), plain) {
        (Ok(Value::String(text)), _) => !text.is_empty(),
        (Ok(Value::Object(map)), PlainAnswer::Object(keys)) => is_opaque(&map, keys),
        (Ok(Value::Object(map)), PlainAnswer::List) => is_opaque(&map, &[]),
        _ => false,
    }
}

fn is_opaque(map: &serde_json::Map<String, Value>, keys: &[&str]) -> bool {
    let is_known = |key: &&str| map.contains_key(*key);
    let has_text = map.values().any(|value| value.as_str().is_some_and(|text| !text.is_empty()));
    has_text && !keys.iter().chain(&["errors", "message", "msg", "error"]).any(is_known)
}

/// Whether this is markup rather than JSON.
fn is_page(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

fn title(page: &str) -> String {
    let title = page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or_else(
        || "a web page".to_owned(),
        |(title, _)| format!("a web page titled \"{}\"", title.trim()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> WireResponse {
        WireResponse { status, retry_after: None, body: body.as_bytes().to_vec() }
    }

    fn error(msg: &str) -> String {
        format!(r#"{{"errors":[{{"msg":"{msg}","code":4002}}]}}"#)
    }

    #[test]
    fn kore_client_1_5_each_authentication_failure_has_its_meaning() {
        for (status, msg, kind) in [
            (401, "Invalid SDK credentials", ReplyKind::Credentials),
            (401, "Invalid JWT token", ReplyKind::Credentials),
            (401, "error verifying the jwt: possibly a replay", ReplyKind::Credentials),
            (401, "Permission denied. Scope is incorrect!", ReplyKind::Scope),
            (400, "Invalid StreamId", ReplyKind::Refused),
            (405, "Method Not Allowed", ReplyKind::Refused),
            (403, "Invalid values in the body", ReplyKind::Refused),
        ] {
            assert_eq!(classify(&response(status, &error(msg))), kind, "{msg}");
        }
    }

    #[test]
    fn a_rate_limit_is_known_by_status_or_by_message() {
        let now = Timestamp::from_second(784_887_000).unwrap();
        let limited = |status, msg: &str, retry_after: Option<&str>| {
            let response =
                WireResponse { retry_after: retry_after.map(str::to_owned), ..response(status, &error(msg)) };
            rate_limit(&response, now).map(|wait| wait.as_secs())
        };
        assert_eq!(limited(429, "slow down", None), Some(60));
        assert_eq!(limited(400, "You've exceeded the per-minute rate limit. Please wait.", None), Some(60));
        assert_eq!(limited(503, "You've exceeded the hourly Rate Limit.", None), Some(300));
        let newest = "You've exceeded the hourly rate limit. Please wait for some time before retrying.";
        assert_eq!(limited(403, newest, None), Some(300));
        assert_eq!(limited(500, "RATE LIMIT for this API has been reached", Some("7")), Some(7));
        assert_eq!(limited(429, "", Some("0")), Some(1));
        assert_eq!(limited(429, "", Some("Tue, 15 Nov 1994 08:12:31 GMT")), Some(151));
        assert_eq!(limited(429, "", Some("soon")), Some(60));
        assert_eq!(limited(400, "Invalid file id", None), None);
        assert_eq!(limited(200, "rate limit", None), None);
    }

    #[test]
    fn ciphertext_is_known_by_what_is_not_in_it() {
        let opaque = br#"{"payload":"q83v","key":"EjRW","meta":{}}"#;
        for endpoint in
            [Endpoint::UsersInfo, Endpoint::AllUserRoles, Endpoint::UpdateUsers, Endpoint::UserAccess]
        {
            assert!(is_encrypted(endpoint, opaque) && is_encrypted(endpoint, br#""q83v""#), "{endpoint}");
            assert!(!is_encrypted(endpoint, br#"{"errors":[{"msg":"no"}]}"#), "{endpoint}");
        }
        assert!(!is_encrypted(Endpoint::Groups, opaque), "not covered");
        assert!(!is_encrypted(Endpoint::UsersInfo, b"[]") && !is_encrypted(Endpoint::AllUserRoles, b"{}"));
        assert!(!is_encrypted(Endpoint::AllUserRoles, br#"{"total":0,"availableMore":false}"#));
        assert!(
            !is_encrypted(Endpoint::AllUserRoles, br#"{"items":[]}"#),
            "another shape holds no ciphertext"
        );
        assert!(!is_encrypted(Endpoint::CreateUsers, br#"{"msg":"Users are created Successfully"}"#));
    }

    #[test]
    fn a_page_is_not_an_answer() {
        let page = "\n <!doctype html><title> Sign in </title>";
        assert!(matches!(classify(&response(200, page)), ReplyKind::NotTheApi(_)));
        assert!(matches!(classify(&response(302, "")), ReplyKind::NotTheApi(_)));
        assert_eq!(message(page.as_bytes()).0, "a web page titled \"Sign in\"");
    }

    #[test]
    fn a_reason_is_a_string_or_an_object() {
        let long =
            serde_json::json!({ "statusCode": 400, "errors": [{ "msg": "INVALID_EMAIL", "code": 400 }] });
        assert_eq!(reason(&long), Some(("INVALID_EMAIL".into(), Some(400))));
        assert_eq!(reason(&"Invalid emailId".into()), Some(("Invalid emailId".into(), None)));
        assert_eq!(reason(&serde_json::json!({ "message": "x" })), Some(("x".into(), None)));
    }
}
