//! Text of others as it can be shown: what would move the cursor, hide or reorder text becomes an escape that shows.

use std::borrow::Cow;
use std::fmt::Write as _;

/// On one line: control and direction characters, line ends among them, as `\u{1b}` or `\n`.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c.is_control() || is_invisible(c))
}

/// The same for text of several lines, which keeps its line ends and tabs.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| (c.is_control() && c != '\n' && c != '\t') || is_invisible(c))
}

/// The same inside JSON, where these characters occur in texts only: the value stays as it is.
pub fn visible_json(json: &str) -> Cow<'_, str> {
    let is_bad = |c: char| (c.is_control() && !matches!(c, '\n' | '\t' | '\r')) || is_invisible(c);
    if !json.contains(is_bad) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_bad(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool + Copy) -> Cow<'_, str> {
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_bad(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Whether a character shows nothing itself, or changes the order of those around it. The two joiners that scripts and
/// emoji need inside words are not among them.
fn is_invisible(c: char) -> bool {
    is_format(c) && !matches!(c, '\u{200c}' | '\u{200d}')
}

/// Whether a character has no form of its own: soft hyphens, joiners, marks of direction, tags, fillers, selectors.
pub fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
        | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_move_hide_or_reorder_is_shown() {
        for (text, shown) in [
            ("Release\u{1b}[2K\rManager", "Release\\u{1b}[2K\\rManager"),
            ("x\u{1b}]0;owned\u{7}", "x\\u{1b}]0;owned\\u{7}"),
            ("a\u{9b}31mb\u{7f}", "a\\u{9b}31mb\\u{7f}"),
            ("a\u{202e}b\u{2066}c\u{200f}\u{61c}", "a\\u{202e}b\\u{2066}c\\u{200f}\\u{61c}"),
            ("one\ntwo\t3\u{2028}4", "one\\ntwo\\t3\\u{2028}4"),
            ("ja\u{200b}ne\u{feff}\u{ad}\u{e0041}", "ja\\u{200b}ne\\u{feff}\\u{ad}\\u{e0041}"),
            (
                "Jörg, 花子, می\u{200c}خواهم, 👩\u{200d}💻, \\u{1b}",
                "Jörg, 花子, می\u{200c}خواهم, 👩\u{200d}💻, \\u{1b}",
            ),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(&visible(text)), shown, "once is enough");
        }
        assert_eq!(visible_lines("one\n\ttwo\r\u{1b}"), "one\n\ttwo\\r\\u{1b}");
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({ "a\u{7f}": "x\u{9b}\u{202e}\u{e0041}\u{1b}\n" });
        let json = serde_json::to_string_pretty(&value).unwrap();
        let shown = visible_json(&json);
        assert!(shown.chars().all(|c| c == '\n' || !(c.is_control() || is_format(c))), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
