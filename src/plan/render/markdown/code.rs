//! Texts of others where they can do no harm: in code, without control characters, and without what shows text in
//! another order than it has.

use crate::plan::render::words;

/// One line of code is not longer; the rest of it is cut.
const LONGEST_LINE: usize = 300;
/// Where the messages of entries are wrapped: what a comment shows without scrolling.
const WIDTH: usize = 100;

/// A section that can be folded, with code in it. No line of code begins like the end of it: each has a sign, or is
/// indented by four.
pub(super) fn fold(title: &str, is_open: bool, language: &str, lines: &str, cut: usize) -> String {
    let open = if is_open { " open" } else { "" };
    let code = if lines.is_empty() { String::new() } else { format!("```{language}\n{lines}```\n\n") };
    let cut = match cut {
        0 => String::new(),
        cut => format!("and {} more, not shown here\n\n", words::thousands(cut)),
    };
    format!("<details{open}><summary>{title}</summary>\n\n{code}{cut}</details>\n\n")
}

/// Lines of at most [`WIDTH`] characters, where words allow it, all but the first indented by four. The tail stays
/// in one piece.
pub(super) fn wrapped(first: &str, text: &str, tail: &str) -> String {
    const INDENT: &str = "    ";
    let (text, tail) = (plain_of(text, 10 * LONGEST_LINE), plain(tail));
    let mut out = first.to_owned();
    let mut at = length(first);
    let mut is_first = true;
    let words = text.split(' ').filter(|word| !word.is_empty()).map(|word| (" ", word));
    let tail = Some(("  ", tail.as_str())).filter(|(_, tail)| !tail.is_empty());
    for (before, word) in words.chain(tail) {
        if !is_first && at + length(before) + length(word) > WIDTH {
            out.push('\n');
            out.push_str(INDENT);
            at = length(INDENT);
        } else if !is_first {
            out.push_str(before);
            at += length(before);
        }
        out.push_str(word);
        at += length(word);
        is_first = false;
    }
    out + "\n"
}

/// Text in a code span, on one line.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", plain(text).replace('`', "'"))
}

/// Our own words around names of ours, in case a plan was edited by hand.
pub(super) fn html(text: &str) -> String {
    text.chars().filter(|c| !"<>&`@#*_[]|\\".contains(*c) && !c.is_control()).collect()
}

/// What a marker may hold, so that it ends where it should.
pub(super) fn slug(name: &str) -> String {
    name.chars().take(100).map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

/// One line without control characters, and without those that show text in another order than it has.
pub(super) fn plain(text: &str) -> String {
    plain_of(text, LONGEST_LINE)
}

/// A message without its end, where it is too long for a comment.
pub(super) fn short(text: &str) -> String {
    plain_of(text, 2 * LONGEST_LINE)
}

fn plain_of(text: &str, most: usize) -> String {
    let clean = |c: char| match c {
        '\t' | '\n' | '\r' => ' ',
        '\u{2028}'
        | '\u{2029}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{061c}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    let mut out: String = text.chars().take(most).map(clean).collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

pub(super) fn length(text: &str) -> usize {
    text.chars().count()
}
