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

/// Labels of our own, without characters that mean something in HTML or Markdown: a plan may have been edited by hand.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_wrapped_at_a_hundred_characters_and_its_tail_stays_in_one_piece() {
        let word = |length: usize| "w".repeat(length);
        assert_eq!(wrapped("! ", "one two", ""), "! one two\n");
        assert_eq!(wrapped("! ", "one", "# a.yaml:7 (team t)"), "! one  # a.yaml:7 (team t)\n");
        assert_eq!(wrapped("! ", "", "# a.yaml:7"), "! # a.yaml:7\n");
        assert_eq!(wrapped("! ", "  one   two ", ""), "! one two\n");
        let full = format!("! {} {}\n", word(50), word(47));
        assert_eq!((wrapped("! ", &format!("{} {}", word(50), word(47)), ""), full.len()), (full, 101));
        let over = format!("! {}\n    {} end\n", word(50), word(48));
        assert_eq!(wrapped("! ", &format!("{} {} end", word(50), word(48)), ""), over);
        let next = format!("! {}\n    {}\n    {}\n", word(90), word(90), word(6));
        assert_eq!(wrapped("! ", &format!("{} {} {}", word(90), word(90), word(6)), ""), next);
        let fits = format!("! {}\n    {} {}\n", word(90), word(90), word(5));
        assert_eq!(wrapped("! ", &format!("{} {} {}", word(90), word(90), word(5)), ""), fits);
        let tail = format!("{} {}", word(30), word(30));
        assert_eq!(wrapped("! ", &word(50), &tail), format!("! {}\n    {tail}\n", word(50)));
        assert_eq!(
            wrapped("! ", &word(120), ""),
            format!("! {}\n", word(120)),
            "the first word stays where it is"
        );
        let longest = wrapped("", &word(4_000), "");
        assert_eq!(length(&longest), 10 * LONGEST_LINE + length("…\n"));
    }

    #[test]
    fn one_line_shows_no_control_characters_and_ends_somewhere() {
        assert_eq!(plain("a\tb\r\nc"), "a b  c");
        assert_eq!(
            plain("a\u{1b}[31m\u{7}\u{202e}\u{2066}\u{200f}\u{61c}\u{2028}b"),
            "a\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}b"
        );
        assert_eq!(plain(&"é".repeat(LONGEST_LINE)), "é".repeat(LONGEST_LINE));
        assert_eq!(plain(&"é".repeat(LONGEST_LINE + 1)), "é".repeat(LONGEST_LINE) + "…");
        assert_eq!(length(&short(&"é".repeat(2 * LONGEST_LINE + 9))), 2 * LONGEST_LINE + 1);
        assert_eq!(code("a `b`\n"), "`a 'b' `");
    }

    #[test]
    fn markers_and_our_own_words_hold_nothing_that_ends_them() {
        assert_eq!(slug("acme.eu-1 --> <b>é"), "acme.eu-1------b--");
        assert_eq!(slug(&"a".repeat(200)).len(), 100);
        assert_eq!(
            html("1,234 calls (a_b *c* <d> & `e` @f #g [h] |i\\\n)"),
            "1,234 calls (ab c d  e f g h i)"
        );
    }

    #[test]
    fn a_section_says_how_many_are_left_out() {
        let open = "<details open><summary>t</summary>\n\n```diff\n+ a\n```\n\n</details>\n\n";
        assert_eq!(fold("t", true, "diff", "+ a\n", 0), open);
        let cut = "<details><summary>t</summary>\n\nand 1,200 more, not shown here\n\n</details>\n\n";
        assert_eq!(fold("t", false, "diff", "", 1_200), cut);
    }
}
