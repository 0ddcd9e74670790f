//! Where things end in a text, and what is between them: the positioned tree says where values begin.
//!
//! A flow collection ends behind its bracket, a block collection with its last value, a block scalar with its last
//! line. Comments and blank lines belong to nobody here; [`super::sequence`] decides whose they are.

use crate::manifest::tree::{MapEntry, Node, Shape};
use std::ops::Range;

/// A layout in which an edit is left to a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::manifest) struct Unusual {
    /// The byte where it is.
    pub at: usize,
    /// What is unusual.
    pub why: &'static str,
}

pub(in crate::manifest) fn unusual<T>(at: usize, why: &'static str) -> Result<T, Unusual> {
    Err(Unusual { at, why })
}

/// One item of a block list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::manifest) struct BlockItem {
    /// The byte of its dash.
    pub dash: usize,
    /// Where its value begins.
    pub start: usize,
    /// The byte behind its value.
    pub end: usize,
}

/// The text of one file.
#[derive(Clone, Copy)]
pub(in crate::manifest) struct Layout<'t> {
    /// With everything that is in it, a byte order mark included.
    pub text: &'t str,
}

impl Layout<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Whether a list or map is written with brackets. A block list in the column of its key begins, for the parser,
    /// where its first item does.
    pub(in crate::manifest) fn is_flow(&self, node: &Node<'_>) -> bool {
        let first = self.byte(node.span.start as usize);
        match &node.shape {
            Shape::List(items) => {
                first == Some(b'[') && items.first().is_none_or(|item| item.span.start > node.span.start)
            }
            Shape::Map(_) => first == Some(b'{'),
            Shape::Scalar { .. } | Shape::Refused => false,
        }
    }

    /// The byte behind a value: behind its last sign, before comments and blank lines.
    pub(in crate::manifest) fn end(&self, node: &Node<'_>) -> Result<usize, Unusual> {
        let (start, end) = (node.span.start as usize, node.span.end as usize);
        let is_flow = self.is_flow(node);
        match &node.shape {
            Shape::Scalar { .. } => {
                Ok(start + self.text.get(start..end).unwrap_or_default().trim_end().len())
            }
            Shape::Refused => unusual(start, "an anchor, an alias or a tag"),
            Shape::List(items) => {
                let last = items.last().map_or(Ok(start + 1), |item| self.end(item))?;
                if is_flow { self.closing(last.max(start + 1), b']').map(|at| at + 1) } else { Ok(last) }
            }
            Shape::Map(entries) => {
                let last = entries.last().map_or(Ok(start + 1), |entry| self.entry_end(entry))?;
                if is_flow { self.closing(last.max(start + 1), b'}').map(|at| at + 1) } else { Ok(last) }
            }
        }
    }

    /// The byte behind a key and its value.
    pub(in crate::manifest) fn entry_end(&self, entry: &MapEntry<'_>) -> Result<usize, Unusual> {
        Ok(self.behind_key(entry).max(self.end(&entry.value)?))
    }

    /// The byte behind the colon of a key; behind the key, where it has none.
    pub(in crate::manifest) fn behind_key(&self, entry: &MapEntry<'_>) -> usize {
        let end = entry.key.span.end as usize;
        let colon = self.skip_spaces(end);
        if self.byte(colon) == Some(b':') { colon + 1 } else { end }
    }

    /// Where the value of a key is written: for a block scalar its `|` or `>`.
    pub(in crate::manifest) fn value_start(&self, entry: &MapEntry<'_>) -> usize {
        let start = entry.value.span.start as usize;
        let written = self.skip_trivia(self.behind_key(entry));
        let is_block_scalar = written < start && matches!(self.byte(written), Some(b'|' | b'>'));
        if is_block_scalar { written } else { start }
    }

    /// The bracket that closes a flow collection whose last value ends at `at`.
    pub(in crate::manifest) fn closing(&self, mut at: usize, bracket: u8) -> Result<usize, Unusual> {
        loop {
            at = self.skip_trivia(at);
            match self.byte(at) {
                Some(b',') => at += 1,
                Some(byte) if byte == bracket => return Ok(at),
                _ => return unusual(at.min(self.text.len()), "a list or mapping whose end cannot be told"),
            }
        }
    }

    /// The items of a block list, with their dashes; `at` is behind the key of the list.
    pub(in crate::manifest) fn block_items(
        &self,
        mut at: usize,
        items: &[Node<'_>],
    ) -> Result<Vec<BlockItem>, Unusual> {
        let mut found = Vec::with_capacity(items.len());
        for item in items {
            let dash = self.skip_trivia(at);
            if self.byte(dash) != Some(b'-') {
                return unusual(dash.min(self.text.len()), "a list whose dashes cannot be told");
            }
            at = self.end(item)?.max(dash + 1);
            found.push(BlockItem { dash, start: item.span.start as usize, end: at });
        }
        Ok(found)
    }

    fn skip_spaces(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        at
    }

    /// Over blanks, line ends and comments.
    pub(in crate::manifest) fn skip_trivia(&self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b'#') => at = self.line_end(at),
                _ => return at,
            }
        }
    }

    /// The first byte of the line, behind a byte order mark.
    pub(in crate::manifest) fn line_start(&self, at: usize) -> usize {
        let start = self.text.as_bytes()[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if start == 0 && self.text.starts_with('\u{feff}') { '\u{feff}'.len_utf8().min(at) } else { start }
    }

    /// The byte behind the line's end.
    pub(in crate::manifest) fn line_end(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        rest.iter().position(|byte| *byte == b'\n').map_or(self.text.len(), |end| at + end + 1)
    }

    /// Blanks before it on its line.
    pub(in crate::manifest) fn column(&self, at: usize) -> usize {
        at - self.line_start(at)
    }

    /// Whether only blanks are before it on its line.
    pub(in crate::manifest) fn begins_its_line(&self, at: usize) -> bool {
        self.text[self.line_start(at)..at].bytes().all(|byte| byte == b' ')
    }

    /// Whether only blanks, a comma and a comment are behind it on its line.
    pub(in crate::manifest) fn ends_its_line(&self, at: usize) -> bool {
        let rest = self.text[at..self.line_end(at)].trim_start_matches([' ', '\t']);
        let rest = rest.strip_prefix(',').unwrap_or(rest).trim();
        rest.is_empty() || rest.starts_with('#')
    }

    /// Whether there is a comment in a range between values.
    pub(in crate::manifest) fn has_comment(&self, range: Range<usize>) -> bool {
        self.text[range].contains('#')
    }

    /// How lines end here: as the line of `at` does, else as the first one does.
    pub(in crate::manifest) fn newline(&self, at: usize) -> &'static str {
        let line = &self.text[self.line_start(at)..self.line_end(at)];
        let sample =
            if line.ends_with('\n') { line } else { self.text.split_inclusive('\n').next().unwrap_or("") };
        if sample.ends_with("\r\n") { "\r\n" } else { "\n" }
    }

    /// The column of a line's comment, if the line is nothing but one.
    fn comment_column(&self, line_start: usize) -> Option<usize> {
        let line = &self.text[line_start..self.line_end(line_start)];
        let bare = line.trim_start_matches(' ');
        bare.starts_with('#').then_some(line.len() - bare.len())
    }

    /// The first of the comment lines that are directly above this line, in this column.
    pub(in crate::manifest) fn comments_above(&self, line_start: usize, column: usize) -> usize {
        let mut start = line_start;
        while start > 0 {
            let above = self.line_start(start - 1);
            if above >= start || self.comment_column(above) != Some(column) {
                break;
            }
            start = above;
        }
        start
    }

    /// Behind the comment lines that follow and are further to the right than this column: they are about what is
    /// above them.
    pub(in crate::manifest) fn comments_below(&self, line_end: usize, column: usize) -> usize {
        let mut end = line_end;
        while end < self.text.len() && self.comment_column(end).is_some_and(|found| found > column) {
            end = self.line_end(end);
        }
        end
    }
}
