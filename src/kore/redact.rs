//! What of an answer may be shown: short, and without secrets.

use secrecy::{ExposeSecret, SecretString};

/// Longest text kept of a body, in characters.
const SHORT: usize = 300;
const MASK: &str = "***";
/// A key whose name holds one of these has its value masked.
const SENSITIVE: [&str; 7] = ["secret", "token", "jwt", "password", "authorization", "bearer", "apikey"];

/// The start of a text with its secrets masked: values of keys that sound secret, anything shaped like a token, and
/// the texts given. E-mail addresses stay.
pub(super) fn redact(text: &str, known: &[&SecretString]) -> String {
    let mut text = text.to_owned();
    for secret in known.iter().map(|secret| secret.expose_secret()) {
        if !secret.is_empty() {
            text = text.replace(secret, MASK);
            // The same text inside a JSON string.
            text = text.replace(&secret.replace('/', "\\/"), MASK);
        }
    }
    shorten(&mask_tokens(&mask_values(&text)))
}

/// A URL as messages show it, whatever was meant as one: without a user, a password and a query.
pub(crate) fn url(text: &str) -> String {
    let (kept, is_cut) = match text.find(['?', '#']) {
        Some(end) => (&text[..end], true),
        None => (text, false),
    };
    let (scheme, rest) = kept.split_once("://").map_or(("", kept), |(scheme, rest)| (scheme, rest));
    let lead = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    let host = rest.rsplit_once('@').map_or_else(|| rest.to_owned(), |(_, host)| format!("…@{host}"));
    format!("{lead}{host}{}", if is_cut { "?…" } else { "" })
}

fn shorten(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(SHORT) {
        Some((end, _)) => format!("{}…", &flat[..end]),
        None => flat,
    }
}

/// Masks what follows a secret-sounding word: `"clientSecret":"…"`, `token=…`, `Bearer …`.
fn mask_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(word);
        rest = after;
        let folded: String = word.chars().filter(|c| *c != '_' && *c != '-').collect();
        let folded = folded.to_ascii_lowercase();
        if SENSITIVE.iter().any(|sensitive| folded.contains(sensitive)) {
            rest = mask_one(rest, &mut out);
        }
    }
    out.push_str(rest);
    out
}

/// Masks the value at the start of the text, if a separator leads to one; returns what is behind it.
fn mask_one<'a>(text: &'a str, out: &mut String) -> &'a str {
    let lead = text.find(|c: char| !matches!(c, '"' | '\'' | '\\' | ':' | '=' | ' ')).unwrap_or(text.len());
    let (separator, value) = text.split_at(lead);
    let is_value = separator.contains([':', '=']) || separator.starts_with(' ');
    if !is_value || value.is_empty() {
        return text;
    }
    out.push_str(separator);
    let end = if separator.ends_with(['"', '\'']) {
        value.find(['"', '\'']).unwrap_or(value.len())
    } else {
        let scheme = ["bearer ", "basic "]
            .into_iter()
            .find(|scheme| value.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
        let lead = scheme.map_or(0, str::len);
        let end = value[lead..].find([' ', ',', ';', '&', '}', ']', '"', '<']);
        end.map_or(value.len(), |end| lead + end)
    };
    if end > 0 && !value.starts_with(['{', '[']) {
        out.push_str(MASK);
        &value[end..]
    } else {
        value
    }
}

/// Masks anything that starts like a JSON Web Token, wherever it stands.
fn mask_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("eyJ") {
        out.push_str(&rest[..start]);
        out.push_str(MASK);
        rest = &rest[start..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.=".contains(c)));
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    out.push_str(rest);
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        for (text, shown) in [
            ("https://platform.kore.ai", "https://platform.kore.ai"),
            ("https://u:CANARY@host:p", "https://…@host:p"),
            ("u:CANARY@host", "…@host"),
            ("ftp://u:CAN@ARY@", "ftp://…@"),
            ("https://host/path?token=CANARY", "https://host/path?…"),
            ("http://127.0.0.1:1/?k=CANARY#CANARY", "http://127.0.0.1:1/?…"),
        ] {
            assert_eq!(url(text), shown);
        }
    }

    #[test]
    fn secrets_are_masked_in_every_shape_they_come_in() {
        for text in [
            r#"{"jwtApps":[{"clientId":"cs-1","clientSecret":"CANARY/a+b="}]}"#,
            r#"{\"clientSecret\":\"CANARY\"}"#,
            "client_secret=CANARY&x=1",
            "authorization: Bearer CANARY",
            "Bearer CANARY",
            r#"{"accessToken" : "CANARY"#,
            "auth eyJCANARY.eyJDQU5BUlk.CANARY is wrong",
        ] {
            let shown = redact(text, &[]);
            assert!(!shown.contains("CANARY"), "{shown}");
        }
        let known = SecretString::from("plain-CANARY");
        assert!(!redact("you sent plain-CANARY", &[&known]).contains("CANARY"));
    }

    #[test]
    fn the_rest_stays_readable() {
        let text = r#"{"errors":[{"msg":"Emails << jane@example.com >> not associated","code":400}]}"#;
        assert_eq!(redact(text, &[]), text);
        assert_eq!(redact("Invalid JWT token", &[]), "Invalid JWT ***");
        assert_eq!(redact(&"ä".repeat(400), &[]).chars().count(), SHORT + 1);
    }
}
