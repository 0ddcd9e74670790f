//! Where each line of a document belongs.

use crate::manifest::edit::layout::{Layout, Unusual, unusual};
use crate::manifest::edit::splice::Splice;
use crate::manifest::tree::{Chunk, MapEntry, Node, Shape};
use std::ops::Range;

/// Blanks of one level.
const UNIT: usize = 2;

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    /// It begins with a key, a dash or a value, or says nothing: its new column.
    Content(usize),
    /// It goes on with what an earlier line began, and moves along with that line.
    Inside { first: usize, is_scalar: bool },
    /// Text of a block scalar: the old column of its text, and the new one.
    Literal { old: usize, new: usize },
    /// `---`, a comment, a blank line: not visited.
    Other,
}

/// The lines of one document.
pub(super) struct Lines<'t> {
    layout: Layout<'t>,
    end: usize,
    starts: Vec<usize>,
    kinds: Vec<Line>,
    gaps: Vec<Splice>,
}

type Laid = Result<(), Unusual>;

impl<'t> Lines<'t> {
    pub(super) fn new(layout: Layout<'t>, chunk: Chunk<'t>) -> Self {
        let end = chunk.offset + chunk.text.len();
        let mut starts = Vec::new();
        let mut at = chunk.offset;
        while at < end {
            starts.push(at);
            at = layout.line_end(at);
        }
        let kinds = vec![Line::Other; starts.len()];
        Self { layout, end, starts, kinds, gaps: Vec::new() }
    }

    fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).saturating_sub(1)
    }

    fn line_range(&self, line: usize) -> Range<usize> {
        self.starts[line]..self.starts.get(line + 1).copied().unwrap_or(self.end)
    }

    /// What begins at a byte belongs into that column, if it begins its line.
    fn begin(&mut self, at: usize, column: usize) {
        if self.layout.begins_its_line(at) {
            let line = self.line_of(at);
            self.kinds[line] = Line::Content(column);
        }
    }

    /// One blank, where there are only blanks.
    fn gap(&mut self, range: Range<usize>, text: &str) {
        let between = self.layout.text.get(range.clone()).unwrap_or("x");
        if between != text && between.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
            self.gaps.push(Splice { range, text: text.to_owned() });
        }
    }

    /// A block mapping whose keys belong into that column.
    pub(super) fn map(&mut self, node: &Node<'_>, column: usize) -> Laid {
        let Shape::Map(entries) = &node.shape else { return unusual(node.span.start as usize, "no mapping") };
        for entry in entries {
            let key = entry.key.span.start as usize;
            self.begin(key, column);
            self.gap_before_colon(entry);
            let behind = self.layout.behind_key(entry);
            self.value(&entry.value, behind, self.layout.value_start(entry), column)?;
        }
        Ok(())
    }

    fn gap_before_colon(&mut self, entry: &MapEntry<'_>) {
        let (key, behind) = (entry.key.span.end as usize, self.layout.behind_key(entry));
        if behind > key + 1 {
            self.gap(key..behind - 1, "");
        }
    }

    /// A value behind a colon or a dash; `column` is that of the key, or of the dash.
    fn value(&mut self, node: &Node<'_>, behind: usize, start: usize, column: usize) -> Laid {
        if start > behind {
            self.gap(behind..start, " ");
        }
        let is_flow = self.layout.is_flow(node);
        match &node.shape {
            Shape::Map(_) if !is_flow => self.map(node, column + UNIT),
            Shape::List(items) if !is_flow => self.list(behind, items, column + UNIT),
            Shape::Refused => unusual(start, "an anchor, an alias or a tag"),
            Shape::Map(_) | Shape::List(_) => {
                self.begin(start, column + UNIT);
                let end = self.layout.end(node)?;
                if self.layout.text[start..end].contains('\n') {
                    self.inside(start, end, false);
                    Ok(())
                } else {
                    self.flow(node)
                }
            }
            Shape::Scalar { .. } => self.scalar(node, start, column),
        }
    }

    fn scalar(&mut self, node: &Node<'_>, start: usize, column: usize) -> Laid {
        let text = node.span.start as usize;
        let end = self.layout.end(node)?;
        if start == end {
            return Ok(());
        }
        if start < text {
            return self.literal(start, end, column);
        }
        self.begin(start, column + UNIT);
        self.inside(start, end, true);
        Ok(())
    }

    /// A block scalar: its text moves as one.
    fn literal(&mut self, header: usize, end: usize, column: usize) -> Laid {
        let line = self.line_of(header);
        let head = &self.layout.text[header..self.line_range(line).end];
        let marks = head.split(['#', ' ', '\r', '\n']).next().unwrap_or_default();
        if marks.bytes().any(|byte| byte.is_ascii_digit())
            || !self.layout.text[header..].starts_with(['|', '>'])
        {
            return unusual(header, "a block scalar with an indentation of its own");
        }
        let last = self.line_of(end.saturating_sub(1));
        let indent = |line: usize| {
            let text = &self.layout.text[self.line_range(line)];
            (!text.trim().is_empty()).then(|| text.len() - text.trim_start_matches(' ').len())
        };
        let Some(old) = (line + 1..=last).find_map(indent) else { return Ok(()) };
        for line in line + 1..=last {
            self.kinds[line] = Line::Literal { old, new: column + UNIT };
        }
        Ok(())
    }

    /// The lines behind the first one of a value move along with it.
    fn inside(&mut self, start: usize, end: usize, is_scalar: bool) {
        let (first, last) = (self.line_of(start), self.line_of(end - 1));
        for line in first + 1..=last {
            self.kinds[line] = Line::Inside { first, is_scalar };
        }
    }

    fn list(&mut self, behind: usize, items: &[Node<'_>], column: usize) -> Laid {
        let places = self.layout.block_items(behind, items)?;
        for (item, place) in items.iter().zip(places) {
            self.begin(place.dash, column);
            let start = self.layout.text[place.dash + 1..place.start.max(place.dash + 1)].find(['|', '>']);
            let start = start.map_or(place.start, |at| place.dash + 1 + at);
            self.value(item, place.dash + 1, start, column)?;
        }
        Ok(())
    }

    /// A list or mapping between brackets on one line: `[a, b]`, `{ a: 1, b: 2 }`.
    fn flow(&mut self, node: &Node<'_>) -> Laid {
        let open = node.span.start as usize;
        let close = self.layout.end(node)? - 1;
        let (parts, pad): (Vec<Range<usize>>, &str) = match &node.shape {
            Shape::List(items) => {
                let mut parts = Vec::with_capacity(items.len());
                for item in items {
                    if matches!(item.shape, Shape::List(_) | Shape::Map(_)) && self.layout.is_flow(item) {
                        self.flow(item)?;
                    }
                    parts.push(item.span.start as usize..self.layout.end(item)?);
                }
                (parts, "")
            }
            Shape::Map(entries) => {
                let mut parts = Vec::with_capacity(entries.len());
                for entry in entries {
                    self.gap_before_colon(entry);
                    let (behind, start) = (self.layout.behind_key(entry), entry.value.span.start as usize);
                    if start > behind {
                        self.gap(behind..start, " ");
                    }
                    if self.layout.is_flow(&entry.value) {
                        self.flow(&entry.value)?;
                    }
                    parts.push(entry.key.span.start as usize..self.layout.entry_end(entry)?);
                }
                (parts, " ")
            }
            _ => return Ok(()),
        };
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            self.gap(open + 1..close, "");
            return Ok(());
        };
        self.gap(open + 1..first.start, pad);
        self.gap(last.end..close, pad);
        for pair in parts.windows(2) {
            let between = &self.layout.text[pair[0].end..pair[1].start];
            if let Some(comma) = between.find(',') {
                let comma = pair[0].end + comma;
                self.gap(pair[0].end..comma, "");
                self.gap(comma + 1..pair[1].start, " ");
            }
        }
        Ok(())
    }

    /// Everything that differs from the layout.
    pub(super) fn splices(mut self, is_last: bool) -> Vec<Splice> {
        let mut splices = std::mem::take(&mut self.gaps);
        let text = self.layout.text;
        let mut blank = 0;
        for line in 0..self.starts.len() {
            let range = self.line_range(line);
            let whole = &text[range.clone()];
            let body = whole.trim_end_matches(['\r', '\n']);
            let is_open_text =
                matches!(self.kinds[line], Line::Literal { .. } | Line::Inside { is_scalar: true, .. });
            if body.trim().is_empty() && !is_open_text {
                blank += 1;
                let is_end = is_last
                    && self.starts[line + 1..]
                        .iter()
                        .all(|start| text[*start..self.layout.line_end(*start)].trim().is_empty());
                if blank > 1 || is_end {
                    splices.push(Splice::delete(range));
                } else if !body.is_empty() {
                    splices.push(Splice::delete(range.start..range.start + body.len()));
                }
                continue;
            }
            blank = 0;
            let old = body.len() - body.trim_start_matches(' ').len();
            let new = self.column(line, old, body);
            if new != old {
                splices.push(Splice { range: range.start..range.start + old, text: " ".repeat(new) });
            }
            let trimmed = body.trim_end_matches([' ', '\t']);
            if !is_open_text && trimmed.len() < body.len() {
                splices.push(Splice::delete(range.start + trimmed.len()..range.start + body.len()));
            }
            if is_last && whole.len() == body.len() {
                splices.push(Splice::insert(range.end, self.layout.newline(0)));
            }
        }
        splices
    }

    /// The new column of a line.
    fn column(&self, line: usize, old: usize, body: &str) -> usize {
        let moved = |from: usize, to: usize| (old + to).saturating_sub(from);
        match self.kinds[line] {
            Line::Content(column) => column,
            Line::Inside { first, .. } => {
                let (from, to) = self.move_of(first);
                moved(from, to)
            }
            // Blanks alone are text only beyond the others.
            Line::Literal { old: from, .. } if body.trim().is_empty() && old <= from => old,
            Line::Literal { old: from, new } => moved(from, new),
            Line::Other if body.trim_start().starts_with('#') && old > 0 => self.comment(line, old),
            Line::Other => old,
        }
    }

    fn old_column(&self, line: usize) -> usize {
        let text = &self.layout.text[self.line_range(line)];
        text.len() - text.trim_start_matches(' ').len()
    }

    /// From which column to which a line moves.
    fn move_of(&self, line: usize) -> (usize, usize) {
        let old = self.old_column(line);
        match self.kinds[line] {
            Line::Content(column) => (old, column),
            _ => (old, old),
        }
    }

    /// A comment goes with the line below it in its column, else with the nearest one above that is; else it keeps its
    /// distance to the line above.
    fn comment(&self, line: usize, old: usize) -> usize {
        let is_content = |line: &usize| matches!(self.kinds[*line], Line::Content(_));
        let below = (line + 1..self.starts.len()).find(is_content).map(|line| self.move_of(line));
        if let Some((_, new)) = below.filter(|(from, _)| *from == old) {
            return new;
        }
        let above = || (0..line).rev().filter(is_content);
        if let Some((_, new)) = above()
            .map(|line| self.move_of(line))
            .find(|(from, _)| *from <= old)
            .filter(|(from, _)| *from == old)
        {
            return new;
        }
        let (from, to) = above().next().map_or((old, old), |line| self.move_of(line));
        (old + to).saturating_sub(from)
    }
}
