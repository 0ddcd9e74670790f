//! YAML as a person writes it: plain where every reader agrees, quoted where not, with comments.
//!
//! Names come from the account and may hold anything, so that nothing reaches a page but through here: a scalar is
//! quoted and escaped, a comment is kept on its line.

use crate::manifest::kinds::{API_VERSION, Kind};
use crate::manifest::scalar::taken_for;
use std::borrow::Cow;
use std::fmt::Write as _;

/// A longer text is quoted, so that its end is seen.
const LONGEST_PLAIN: usize = 100;
/// Comments are broken at this width.
const WIDTH: usize = 110;

/// A text as a YAML 1.1 and a YAML 1.2 reader both take it for this very text.
pub(in crate::manifest) fn scalar(text: &str) -> Cow<'_, str> {
    if is_plain(text) { Cow::Borrowed(text) } else { Cow::Owned(quoted(text)) }
}

/// Narrower than YAML: begins with a letter (so it is no number, date or sign), holds nothing that means something in
/// a block or a flow, and is no word of YAML.
fn is_plain(text: &str) -> bool {
    text.chars().next().is_some_and(char::is_alphabetic)
        && text.chars().all(|c| c.is_alphanumeric() || " _-./@+()&'".contains(c))
        && text.chars().count() <= LONGEST_PLAIN
        && !text.ends_with(' ')
        && !text.contains("  ")
        && taken_for(text).is_none()
}

pub(in crate::manifest) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if is_invisible(c) => escape(&mut out, c),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// What YAML does not allow as it is, and what a reviewer would not see: controls, other spaces, marks of direction.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}')
        || u32::from(c) & 0xfffe == 0xfffe
}

fn escape(out: &mut String, c: char) {
    let code = u32::from(c);
    let _ = match c {
        '\n' => write!(out, "\\n"),
        '\t' => write!(out, "\\t"),
        '\r' => write!(out, "\\r"),
        _ if code <= 0xff => write!(out, "\\x{code:02X}"),
        _ if code <= 0xffff => write!(out, "\\u{code:04X}"),
        _ => write!(out, "\\U{code:08X}"),
    };
}

/// A name inside a comment: on one line, whatever is in it.
pub(in crate::manifest) fn named(text: &str) -> Cow<'_, str> {
    let is_clear = !text.is_empty() && text.trim() == text && !text.chars().any(is_invisible);
    if is_clear { Cow::Borrowed(text) } else { Cow::Owned(quoted(text)) }
}

/// A file in the making.
#[derive(Debug, Default)]
pub(in crate::manifest) struct Page {
    text: String,
    documents: usize,
}

impl Page {
    /// The text, and how many documents are in it.
    pub(in crate::manifest) fn finish(self) -> (String, usize) {
        (self.text, self.documents)
    }

    /// A comment, broken into lines.
    pub(in crate::manifest) fn comment(&mut self, indent: usize, text: &str) {
        let mut line = String::new();
        for word in text.split(' ') {
            if !line.is_empty() && indent * 2 + line.chars().count() + word.chars().count() + 3 > WIDTH {
                self.comment_line(indent, &line);
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.comment_line(indent, &line);
    }

    fn comment_line(&mut self, indent: usize, line: &str) {
        self.indent(indent);
        self.text.push_str("# ");
        for c in line.chars() {
            if is_invisible(c) {
                escape(&mut self.text, c);
            } else {
                self.text.push(c);
            }
        }
        while self.text.ends_with(' ') {
            self.text.pop();
        }
        self.text.push('\n');
    }

    /// Starts a document, up to `spec:`.
    pub(in crate::manifest) fn document(
        &mut self,
        kind: Kind,
        name: &str,
        account: Option<&str>,
        notes: &[String],
    ) {
        self.documents += 1;
        self.text.push_str("---\n");
        for note in notes {
            self.comment(0, note);
        }
        let _ = writeln!(self.text, "apiVersion: {API_VERSION}\nkind: {kind}\nmetadata:");
        self.field(1, "name", name);
        self.line(0, "spec:");
        if let Some(account) = account {
            self.field(1, "account", account);
        }
    }

    /// `key: value`
    pub(in crate::manifest) fn field(&mut self, indent: usize, key: &str, value: &str) {
        self.indent(indent);
        let _ = writeln!(self.text, "{}: {}", scalar(key), scalar(value));
    }

    /// `- key: value`, with a comment behind it
    pub(in crate::manifest) fn item(&mut self, indent: usize, key: &str, value: &str, note: Option<&str>) {
        self.indent(indent);
        let _ = write!(self.text, "- {key}: {}", scalar(value));
        match note {
            Some(note) => {
                self.text.push(' ');
                self.comment_line(0, note);
            }
            None => self.text.push('\n'),
        }
    }

    /// `- value`
    pub(in crate::manifest) fn value(&mut self, indent: usize, value: &str) {
        self.indent(indent);
        let _ = writeln!(self.text, "- {}", scalar(value));
    }

    /// A line that holds nothing from outside.
    pub(in crate::manifest) fn line(&mut self, indent: usize, text: &str) {
        self.indent(indent);
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn indent(&mut self, levels: usize) {
        self.text.extend(std::iter::repeat_n("  ", levels));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_any_reader_could_misread_is_quoted() {
        for (text, written) in [
            ("Jane", "Jane"),
            ("jane.doe@example.com", "jane.doe@example.com"),
            ("Müller-Lüdenscheidt", "Müller-Lüdenscheidt"),
            ("Integrations & Extensions", "Integrations & Extensions"),
            ("O'Brien", "O'Brien"),
            ("No", "\"No\""),
            ("YES", "\"YES\""),
            ("null", "\"null\""),
            ("", "\"\""),
            ("0123", "\"0123\""),
            ("1e3", "\"1e3\""),
            ("12:30", "\"12:30\""),
            ("2026-12-31", "\"2026-12-31\""),
            ("~", "\"~\""),
            ("- a", "\"- a\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("*a", "\"*a\""),
            ("{a}", "\"{a}\""),
            ("a, b", "\"a, b\""),
            ("Support ", "\"Support \""),
            (" Support", "\" Support\""),
            ("two  spaces", "\"two  spaces\""),
            ("Bot 🤖", "\"Bot 🤖\""),
            ("say \"hi\" \\ bye", "\"say \\\"hi\\\" \\\\ bye\""),
            ("a\nb\t\u{0}", "\"a\\nb\\t\\x00\""),
            ("a\u{202e}b\u{feff}", "\"a\\u202Eb\\uFEFF\""),
        ] {
            assert_eq!(scalar(text), written, "{text:?}");
        }
        let long = "x".repeat(200);
        assert_eq!(scalar(&long), format!("\"{long}\""));
    }

    #[test]
    fn a_scalar_reads_back_as_it_was() {
        for text in [
            "No",
            "0123",
            "Support ",
            "Bot 🤖",
            "a\nb\t\u{1}\u{7f}\u{85}",
            "\u{2028}\u{fffe}\u{1fffe}",
            "'",
            "\\x",
        ] {
            let yaml = format!("key: {}\nflow: {{ a: {0}, b: [{0}] }}\n", scalar(text));
            let read: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
            assert_eq!(read["key"], text, "{yaml}");
            assert_eq!(read["flow"]["b"][0], text, "{yaml}");
        }
    }

    #[test]
    fn a_comment_stays_a_comment() {
        let mut page = Page::default();
        page.comment(1, "bot evil\n---\nkind: KoreUser\u{2028}\u{85}x");
        page.item(1, "user", "a@example.com", Some("through\rit"));
        let (text, documents) = page.finish();
        assert_eq!(documents, 0);
        assert_eq!(
            text,
            "  # bot evil\\n---\\nkind: KoreUser\\u2028\\x85x\n  - user: a@example.com # through\\rit\n"
        );
    }
}
