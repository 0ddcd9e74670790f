//! Replacements of byte ranges, and how they are applied.

use crate::manifest::check::BYTE_ORDER_MARK;
use std::ops::Range;

/// The text in a range is replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::manifest) struct Splice {
    /// Bytes of the old text; empty to insert.
    pub range: Range<usize>,
    /// What comes there.
    pub text: String,
}

impl Splice {
    /// Adds text before a byte.
    pub(in crate::manifest) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { range: at..at, text: text.into() }
    }

    /// Takes a range away.
    pub(in crate::manifest) fn delete(range: Range<usize>) -> Self {
        Self { range, text: String::new() }
    }
}

/// The splices in order; `None` where two of them overlap.
pub(in crate::manifest) fn in_order(mut splices: Vec<Splice>) -> Option<Vec<Splice>> {
    // Of several at one byte, insertions come first, as they were made.
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    splices.dedup_by(|later, earlier| {
        later.range == earlier.range && later.text.is_empty() && earlier.text.is_empty()
    });
    let is_apart = |pair: &[Splice]| pair[0].range.end <= pair[1].range.start;
    splices.windows(2).all(is_apart).then_some(splices)
}

/// The new text.
pub(in crate::manifest) fn apply(text: &str, splices: &[Splice]) -> String {
    let mut out =
        String::with_capacity(text.len() + splices.iter().map(|splice| splice.text.len()).sum::<usize>());
    let mut at = 0;
    for Splice { range, text: new } in splices {
        out.push_str(&text[at..range.start]);
        out.push_str(new);
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Whether every line that no splice touches is in the new text as it was, in the same order. Looks at the two texts
/// and at the lines of the old one alone, not at how the new one was made.
pub(in crate::manifest) fn is_same_outside(old: &str, new: &str, splices: &[Splice]) -> bool {
    // A byte order mark is no part of the first line.
    let skip = if old.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    if new.starts_with(BYTE_ORDER_MARK) != (skip > 0) {
        return false;
    }
    let (old, new) = (&old[skip..], &new[skip..]);
    let touched = |start: usize, end: usize| {
        splices.iter().any(|splice| {
            let (from, to) = (splice.range.start.saturating_sub(skip), splice.range.end.saturating_sub(skip));
            // An insertion between two lines touches none of them.
            if from == to { from > start && from < end } else { from < end && to > start }
        })
    };
    let mut rest = new;
    let mut at = 0;
    for line in old.split_inclusive('\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        if touched(start, end) {
            continue;
        }
        match find_line(rest, line) {
            Some(behind) => rest = &rest[behind..],
            None => return false,
        }
    }
    true
}

/// The byte behind the first line that is this one. A last line without an end may get one, when something follows it.
fn find_line(text: &str, line: &str) -> Option<usize> {
    let mut at = 0;
    for candidate in text.split_inclusive('\n') {
        if candidate == line || (!line.ends_with('\n') && candidate.trim_end_matches(['\r', '\n']) == line) {
            return Some(at + candidate.len());
        }
        at += candidate.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_are_applied_in_order_and_never_overlap() {
        let text = "a\nb\nc\n";
        let splices = vec![Splice::delete(4..6), Splice::insert(2, "x\n"), Splice::delete(2..4)];
        let splices = in_order(splices).unwrap();
        assert_eq!(apply(text, &splices), "a\nx\n");
        assert_eq!(in_order(vec![Splice::delete(0..3), Splice::delete(2..4)]), None);
    }

    #[test]
    fn a_line_that_changed_beside_the_edit_is_noticed() {
        let old = "a\nb\nc\n";
        let splices = [Splice::insert(2, "x\n")];
        assert!(is_same_outside(old, "a\nx\nb\nc\n", &splices));
        for new in ["a\nx\nB\nc\n", "a\nx\nc\nb\n", "a\nx\nb\n", "a \nx\nb\nc\n"] {
            assert!(!is_same_outside(old, new, &splices), "{new:?}");
        }
        let open = "a\nb";
        assert!(is_same_outside(open, "a\nb\nc", &[Splice::insert(3, "\nc")]));
    }
}
