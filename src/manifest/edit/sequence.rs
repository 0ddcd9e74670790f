//! Items that come and go: of block and flow lists, and entries of mappings.
//!
//! A new item stands behind the last one that stays, in its style. One that goes takes its comments along: those on its
//! lines, those below it that are further to the right, and those directly above it, unless they are a heading: the
//! only comment between the items, above the first of them.

use super::layout::{BlockItem, Layout, Unusual, unusual};
use super::splice::Splice;
use crate::manifest::tree::{MapEntry, Node, Shape};
use crate::manifest::write::yaml::{quoted, scalar};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// What becomes of a list.
#[derive(Clone, Default, Debug)]
pub(super) struct ListEdit {
    /// Items that go, by index.
    pub remove: BTreeSet<usize>,
    /// Items that come.
    pub insert: Vec<ListItem>,
}

/// An item that comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ListItem {
    /// A text by itself.
    Text(String),
    /// Fields in their order.
    Fields(Vec<(&'static str, String)>),
}

/// How a scalar is quoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Quotes {
    Plain,
    Single,
    Double,
}

impl Quotes {
    /// As the scalar at that byte is.
    pub(super) fn at(layout: Layout<'_>, at: usize) -> Self {
        match layout.text.as_bytes().get(at) {
            Some(b'"') => Self::Double,
            Some(b'\'') => Self::Single,
            _ => Self::Plain,
        }
    }

    /// The text in this style, where it can be written so.
    pub(super) fn write(self, text: &str) -> Cow<'_, str> {
        let plain = scalar(text);
        let is_simple =
            !text.is_empty() && text.chars().all(|c| !c.is_control()) && quoted(text).len() == text.len() + 2;
        match self {
            Self::Double => Cow::Owned(quoted(text)),
            Self::Single if is_simple => Cow::Owned(format!("'{}'", text.replace('\'', "''"))),
            Self::Plain | Self::Single => plain,
        }
    }
}

impl ListItem {
    /// As part of a flow list.
    fn flow(&self, quotes: Quotes, is_padded: bool) -> String {
        match self {
            Self::Text(text) => quotes.write(text).into_owned(),
            Self::Fields(fields) => {
                let fields: Vec<String> = fields.iter().map(|field| one_line(field, quotes)).collect();
                let pad = if is_padded { " " } else { "" };
                format!("{{{pad}{}{pad}}}", fields.join(", "))
            }
        }
    }

    /// As lines of a block list.
    fn block(&self, style: &ItemStyle, newline: &str) -> String {
        let ItemStyle { column, gap, is_flow, is_padded, quotes } = *style;
        let (indent, gap) = (" ".repeat(column), " ".repeat(gap));
        match self {
            Self::Fields(fields) if !is_flow => {
                let separator = format!("{newline}{indent} {gap}");
                let fields: Vec<String> = fields.iter().map(|field| one_line(field, quotes)).collect();
                format!("{indent}-{gap}{}", fields.join(&separator))
            }
            item => format!("{indent}-{gap}{}", item.flow(quotes, is_padded)),
        }
    }
}

fn one_line((key, value): &(&'static str, String), quotes: Quotes) -> String {
    // Times and reasons have their own looks; only what siblings have is written as they write it.
    let quotes = if matches!(*key, "user" | "group" | "team") { quotes } else { Quotes::Plain };
    let value = if *key == "expiresAt" { Cow::Borrowed(value.as_str()) } else { quotes.write(value) };
    format!("{key}: {value}")
}

/// How the items of a block list are written.
#[derive(Clone, Copy, Debug)]
struct ItemStyle {
    column: usize,
    gap: usize,
    is_flow: bool,
    is_padded: bool,
    quotes: Quotes,
}

impl ItemStyle {
    fn as_sibling(layout: Layout<'_>, item: BlockItem, node: &Node<'_>) -> Self {
        let between = &layout.text[item.dash + 1..item.start.max(item.dash + 1)];
        let gap =
            if between.is_empty() || !between.bytes().all(|byte| byte == b' ') { 1 } else { between.len() };
        let is_flow = layout.is_flow(node);
        Self {
            column: layout.column(item.dash),
            gap,
            is_flow,
            is_padded: !is_flow || layout.text[item.start + 1..].starts_with(' '),
            quotes: quotes_of(layout, node),
        }
    }
}

/// How a sibling quotes its first value.
fn quotes_of(layout: Layout<'_>, node: &Node<'_>) -> Quotes {
    match &node.shape {
        Shape::Map(entries) => {
            entries.first().map_or(Quotes::Plain, |entry| Quotes::at(layout, entry.value.span.start as usize))
        }
        _ => Quotes::at(layout, node.span.start as usize),
    }
}

/// The splices that edit the list of a field.
pub(super) fn edit_list(
    layout: Layout<'_>,
    entry: &MapEntry<'_>,
    edit: &ListEdit,
) -> Result<Vec<Splice>, Unusual> {
    let Shape::List(nodes) = &entry.value.shape else {
        return unusual(entry.value.span.start as usize, "no list");
    };
    if layout.is_flow(&entry.value) {
        return edit_flow_list(layout, &entry.value, nodes, edit);
    }
    let items = layout.block_items(layout.behind_key(entry), nodes)?;
    let stays = |index: &usize| !edit.remove.contains(index);
    let last = (0..items.len()).rev().find(stays);
    let mut splices = Vec::new();
    for index in &edit.remove {
        splices.push(Splice::delete(lines_of(layout, &items, *index, last.is_none())?));
    }
    if edit.insert.is_empty() {
        if last.is_none() {
            splices.push(Splice::insert(layout.behind_key(entry), " []"));
        }
        return Ok(splices);
    }
    // Where nothing stays, the lines of the last one show the style and the place.
    let model = last.unwrap_or(items.len() - 1);
    let style = ItemStyle::as_sibling(layout, items[model], &nodes[model]);
    let at = lines_of(layout, &items, model, false)?.end;
    splices.push(lines_at(layout, at, items[model].dash, |newline| {
        edit.insert.iter().map(|item| item.block(&style, newline)).collect()
    }));
    Ok(splices)
}

/// New lines at the beginning of a line or at the end of the text, with the line ends of the lines around.
fn lines_at(layout: Layout<'_>, at: usize, near: usize, lines: impl Fn(&str) -> Vec<String>) -> Splice {
    let newline = layout.newline(near);
    let lines = lines(newline).join(newline);
    let is_open = at == layout.text.len() && !layout.text.ends_with('\n');
    Splice::insert(at, if is_open { format!("{newline}{lines}") } else { format!("{lines}{newline}") })
}

/// The lines of one item of a block list, with the comments that are its own.
fn lines_of(
    layout: Layout<'_>,
    items: &[BlockItem],
    index: usize,
    is_everything: bool,
) -> Result<Range<usize>, Unusual> {
    let BlockItem { dash, end, .. } = items[index];
    if !layout.begins_its_line(dash) {
        return unusual(dash, "an item that does not begin its line");
    }
    let column = layout.column(dash);
    let start = |item: BlockItem| layout.line_start(item.dash);
    let has_own = |item: &BlockItem| layout.comments_above(start(*item), column) < start(*item);
    let is_heading = index == 0 && !is_everything && items.len() > 1 && !items[1..].iter().any(has_own);
    let first = start(items[index]);
    let first = if is_heading { first } else { layout.comments_above(first, column) };
    Ok(first..layout.comments_below(layout.line_end(end - 1), column))
}

fn edit_flow_list(
    layout: Layout<'_>,
    sequence: &Node<'_>,
    nodes: &[Node<'_>],
    edit: &ListEdit,
) -> Result<Vec<Splice>, Unusual> {
    let mut parts = Vec::with_capacity(nodes.len());
    for node in nodes {
        parts.push(node.span.start as usize..layout.end(node)?);
    }
    let last =
        (0..nodes.len()).rev().find(|index| !edit.remove.contains(index)).or(nodes.len().checked_sub(1));
    let model = last.map(|index| &nodes[index]);
    let is_padded = model.is_none_or(|model| {
        !layout.is_flow(model) || { layout.text[model.span.start as usize + 1..].starts_with(' ') }
    });
    let quotes = model.map_or(Quotes::Plain, |model| quotes_of(layout, model));
    let insert: Vec<String> = edit.insert.iter().map(|item| item.flow(quotes, is_padded)).collect();
    edit_flow(layout, sequence, &parts, &edit.remove, &insert)
}

/// Parts between brackets: items of a list, or keys with their values.
pub(super) fn edit_flow(
    layout: Layout<'_>,
    collection: &Node<'_>,
    parts: &[Range<usize>],
    remove: &BTreeSet<usize>,
    insert: &[String],
) -> Result<Vec<Splice>, Unusual> {
    let open = collection.span.start as usize;
    let close = layout.end(collection)? - 1;
    let Some(last) = (0..parts.len()).rev().find(|index| !remove.contains(index)) else {
        return refill(layout, open, close, parts, insert);
    };
    let mut splices = Vec::new();
    let mut indexes = remove.iter().copied().peekable();
    while let Some(first) = indexes.next() {
        let mut end = first;
        while indexes.next_if_eq(&(end + 1)).is_some() {
            end += 1;
        }
        splices.extend(remove_run(layout, parts, first, end, close)?);
    }
    if !insert.is_empty() {
        splices.extend(insert_flow(layout, open, close, &parts[last], insert));
    }
    Ok(splices)
}

/// Everything between the brackets is replaced.
fn refill(
    layout: Layout<'_>,
    open: usize,
    close: usize,
    parts: &[Range<usize>],
    insert: &[String],
) -> Result<Vec<Splice>, Unusual> {
    let is_many = layout.text[open..close].contains('\n');
    if is_many && !parts.is_empty() {
        return unusual(open, "a list over several lines that would be empty");
    }
    if layout.has_comment(open + 1..close) && parts.is_empty() {
        return unusual(open, "a comment between brackets");
    }
    let is_padded = !parts.is_empty() && layout.text[open + 1..].starts_with(' ') && !insert.is_empty();
    let pad = if is_padded { " " } else { "" };
    Ok(vec![Splice { range: open + 1..close, text: format!("{pad}{}{pad}", insert.join(", ")) }])
}

/// Parts next to each other that go.
fn remove_run(
    layout: Layout<'_>,
    parts: &[Range<usize>],
    first: usize,
    end: usize,
    close: usize,
) -> Result<Vec<Splice>, Unusual> {
    let owns_lines = |part: &Range<usize>| {
        layout.begins_its_line(part.start)
            && layout.ends_its_line(part.end)
            && layout.line_end(part.end) <= close
    };
    if parts[first..=end].iter().all(owns_lines) {
        let has_own = |part: &Range<usize>| {
            let start = layout.line_start(part.start);
            layout.comments_above(start, layout.column(part.start)) < start
        };
        let is_heading = first == 0 && !parts[1..].iter().any(has_own);
        let mut splices = Vec::new();
        for (index, part) in parts[first..=end].iter().enumerate() {
            let start = layout.line_start(part.start);
            let above = layout.comments_above(start, layout.column(part.start));
            let start = if is_heading && index == 0 { start } else { above };
            splices.push(Splice::delete(start..layout.line_end(part.end)));
        }
        return Ok(splices);
    }
    let range = match (parts.get(end + 1), first.checked_sub(1)) {
        (Some(next), _) => parts[first].start..next.start,
        (None, Some(before)) => parts[before].end..parts[end].end,
        (None, None) => return unusual(parts[first].start, "the only item"),
    };
    if layout.text[range.clone()].contains('\n') || layout.has_comment(range.clone()) {
        return unusual(parts[first].start, "an item that shares its lines with others");
    }
    Ok(vec![Splice::delete(range)])
}

/// New parts behind the last one that stays: on lines of their own where it has its own, else on its line.
fn insert_flow(
    layout: Layout<'_>,
    open: usize,
    close: usize,
    last: &Range<usize>,
    insert: &[String],
) -> Vec<Splice> {
    let has_own_line = layout.begins_its_line(last.start) && layout.line_start(last.start) > open;
    if !has_own_line {
        return vec![Splice::insert(last.end, format!(", {}", insert.join(", ")))];
    }
    let newline = layout.newline(last.start);
    let indent = " ".repeat(layout.column(last.start));
    let line_end = layout.line_end(last.end);
    if line_end > close || !layout.ends_its_line(last.end) {
        let text: String = insert.iter().map(|item| format!(",{newline}{indent}{item}")).collect();
        return vec![Splice::insert(last.end, text)];
    }
    let has_comma = layout.text[last.end..line_end].trim_start().starts_with(',');
    let lines: Vec<String> = insert.iter().map(|item| format!("{indent}{item}")).collect();
    if has_comma {
        let text: String = lines.iter().map(|line| format!("{line},{newline}")).collect();
        return vec![Splice::insert(line_end, text)];
    }
    let text = lines.join(&format!(",{newline}")) + newline;
    vec![Splice::insert(last.end, ","), Splice::insert(line_end, text)]
}

/// Lines for a field that is not there yet: `subjects:` and its items.
pub(super) fn new_list(
    field: &str,
    column: usize,
    unit: usize,
    items: &[ListItem],
    newline: &str,
) -> Vec<String> {
    let style =
        ItemStyle { column: column + unit, gap: 1, is_flow: false, is_padded: true, quotes: Quotes::Plain };
    let head = format!("{}{field}:", " ".repeat(column));
    std::iter::once(head).chain(items.iter().map(|item| item.block(&style, newline))).collect()
}

/// The same between brackets.
pub(super) fn new_flow_list(field: &str, items: &[ListItem]) -> String {
    let items: Vec<String> = items.iter().map(|item| item.flow(Quotes::Plain, true)).collect();
    format!("{field}: [{}]", items.join(", "))
}
