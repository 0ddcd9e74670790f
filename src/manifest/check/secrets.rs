//! What is below `credentials` is never shown, whatever the mistake: a secret that was written into a manifest would
//! otherwise be in the log of every run and in the comments of a pull request.

use crate::facts::nearest;
use crate::manifest::finding::{Code, Finding};
use crate::manifest::kinds::Kind;
use crate::manifest::tree::{Chunk, Node, Shape};
use std::ops::Range;

/// Words of names that secrets have, in lower case and without signs.
const WORDS: [&str; 6] = ["credential", "clientid", "secret", "password", "token", "apikey"];
const NEXT: &str =
    "write { env: NAME } or { file: PATH } there; if this is a secret, revoke it: it is in the file";

/// The bytes of a document that are not shown.
pub(super) fn hidden(root: &Node<'_>) -> Vec<Range<u32>> {
    let mut ranges = Vec::new();
    collect(root, &mut ranges);
    ranges
}

fn collect(node: &Node<'_>, ranges: &mut Vec<Range<u32>>) {
    match &node.shape {
        Shape::Map(entries) => {
            let kind = node.get("kind").and_then(|entry| entry.value.text()).and_then(Kind::named);
            if kind.is_some_and(|kind| kind != Kind::Account) {
                return;
            }
            for entry in entries {
                if is_of_secret(&entry.key.text) {
                    // `clientSecret=…` is the name and the value.
                    if !entry.key.text.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-') {
                        ranges.push(entry.key.span.start..entry.key.span.end);
                    }
                    // An anchor or a tag stands before the value.
                    let start = entry.value.span.start.min(entry.key.span.end + 1);
                    ranges.push(start..end(&entry.value));
                } else {
                    collect(&entry.value, ranges);
                }
            }
        }
        Shape::List(items) => items.iter().for_each(|item| collect(item, ranges)),
        Shape::Scalar { text, .. } if has_word(text) || has_password(text) => {
            ranges.push(node.span.start..node.span.end);
        }
        Shape::Scalar { .. } | Shape::Refused => {}
    }
}

/// The last byte of a value.
fn end(node: &Node<'_>) -> u32 {
    let inner = match &node.shape {
        Shape::Map(entries) => {
            entries.iter().map(|entry| end(&entry.value).max(entry.key.span.end)).max().unwrap_or(0)
        }
        Shape::List(items) => items.iter().map(end).max().unwrap_or(0),
        Shape::Scalar { .. } | Shape::Refused => 0,
    };
    inner.max(node.span.end)
}

fn has_word(text: &str) -> bool {
    let plain: String =
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    WORDS.iter().any(|word| plain.contains(word))
}

/// `https://user:password@host`, the same without a scheme, and a URL with a query.
fn has_password(text: &str) -> bool {
    let (is_url, rest) = match text.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, text),
    };
    rest.split_once('@').is_some_and(|(before, _)| is_url || before.contains(':'))
        || is_url && rest.contains('?')
}

fn is_of_secret(key: &str) -> bool {
    has_word(key) || nearest(key, ["credentials", "clientSecret", "clientId"]).is_some()
}

/// In a piece that cannot be read to its end: everything from the first such name on.
pub(super) fn hidden_in_broken(chunk: &Chunk<'_>) -> Option<Range<u32>> {
    let mut at = 0;
    for line in chunk.text.split_inclusive('\n') {
        let name = line.split([':', '=']).next().unwrap_or_default();
        let is_here = has_word(line) || is_of_secret(name.trim().trim_matches(['"', '\'', '-', ' ']));
        if is_here {
            let lower = line.to_ascii_lowercase();
            let first = WORDS.iter().filter_map(|word| lower.find(word)).min().unwrap_or(0);
            let number = |at: usize| u32::try_from(chunk.offset + at).unwrap_or(u32::MAX);
            return Some(number(at + first)..number(chunk.text.len()));
        }
        at += line.len();
    }
    None
}

/// Takes the values out of what is said about these bytes.
pub(super) fn redact(findings: &mut [Finding], hidden: &[Range<u32>]) {
    let is_hidden = |start: u32, end: u32| {
        hidden.iter().any(|range| start < range.end && range.start < end.max(start + 1))
    };
    for finding in
        findings.iter_mut().filter(|finding| is_hidden(finding.spot.span.start, finding.spot.span.end))
    {
        match finding.code {
            // These name fields of the schema and no values.
            Code::MissingField | Code::ExactlyOne | Code::Credentials => continue,
            Code::UnknownField => {
                let near = finding.hint.take().filter(|hint| hint.starts_with("did you mean "));
                "below credentials is a field that is not known; it is not shown, because it may be a secret"
                    .clone_into(&mut finding.message);
                finding.hint =
                    Some(near.map_or_else(|| NEXT.to_owned(), |near| format!("{near} Otherwise {NEXT}")));
            }
            Code::WrongType => {
                let rule = finding.message.split(", not ").next().unwrap_or_default().to_owned();
                finding.message =
                    format!("{rule}; what is there is not shown: a secret does not belong in git");
                finding.hint = Some(NEXT.to_owned());
            }
            _ => {
                "this is not shown, because it may hold a secret: a secret does not belong in git"
                    .clone_into(&mut finding.message);
                finding.hint = Some(NEXT.to_owned());
            }
        }
        for related in &mut finding.related {
            "and here".clone_into(&mut related.message);
        }
    }
}

/// The text with these bytes covered, and what follows them on their line: it may be a comment about them. Every place
/// in the text stays where it is.
pub(super) fn covered(text: &str, hidden: &[Range<u32>]) -> String {
    let is_hidden = |at: usize| {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        hidden.iter().any(|range| range.contains(&at))
    };
    let mut out = String::with_capacity(text.len());
    let mut is_behind = false;
    for (at, c) in text.char_indices() {
        is_behind = c != '\n' && (is_behind || is_hidden(at));
        if !c.is_whitespace() && (is_behind || is_hidden(at)) {
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}
