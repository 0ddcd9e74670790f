//! Fields of a mapping: a value is replaced, a field comes behind the last one, a field goes with its comments.

use super::layout::{Layout, Unusual, unusual};
use super::sequence::{ListEdit, Quotes, edit_flow, edit_list, new_flow_list, new_list};
use super::splice::Splice;
use crate::manifest::tree::{MapEntry, Node, Shape};
use crate::manifest::write::yaml::scalar;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What becomes of the fields of one mapping.
#[derive(Clone, Default, Debug)]
pub(super) struct MapEdit {
    /// Scalars: their text, or nothing where the field goes.
    pub scalars: BTreeMap<String, Option<String>>,
    /// Lists.
    pub lists: BTreeMap<&'static str, ListEdit>,
}

/// The splices that edit a mapping. `outer` is the column of the key that it is the value of.
pub(super) fn edit_map(
    layout: Layout<'_>,
    map: &Node<'_>,
    outer: usize,
    edit: &MapEdit,
) -> Result<Vec<Splice>, Unusual> {
    let Shape::Map(entries) = &map.shape else { return unusual(map.span.start as usize, "no mapping") };
    let find = |key: &str| entries.iter().position(|entry| entry.key.text == key);
    let mut splices = Vec::new();
    let mut remove = BTreeSet::new();
    let mut new_scalars = Vec::new();
    for (key, value) in &edit.scalars {
        match (find(key), value) {
            (Some(index), Some(value)) => splices.push(replace(layout, &entries[index], value)?),
            (Some(index), None) => drop(remove.insert(index)),
            (None, Some(value)) => new_scalars.push((key.as_str(), value.as_str())),
            (None, None) => {}
        }
    }
    let mut new_lists = Vec::new();
    for (field, list) in &edit.lists {
        match find(field) {
            Some(index) => splices.extend(edit_list(layout, &entries[index], list)?),
            None if list.insert.is_empty() => {}
            None => new_lists.push((*field, list)),
        }
    }
    if layout.is_flow(map) {
        let scalars = new_scalars.iter().map(|(key, value)| format!("{}: {}", scalar(key), scalar(value)));
        let lists = new_lists.iter().map(|(field, list)| new_flow_list(field, &list.insert));
        let insert: Vec<String> = scalars.chain(lists).collect();
        if !insert.is_empty() || !remove.is_empty() {
            let mut parts = Vec::with_capacity(entries.len());
            for entry in entries {
                parts.push(entry.key.span.start as usize..layout.entry_end(entry)?);
            }
            splices.extend(edit_flow(layout, map, &parts, &remove, &insert)?);
        }
        return Ok(splices);
    }
    for index in &remove {
        splices.push(Splice::delete(lines_of(layout, &entries[*index])?));
    }
    if new_scalars.is_empty() && new_lists.is_empty() {
        return Ok(splices);
    }
    splices.push(insert_lines(layout, map, entries, outer, &new_scalars, &new_lists)?);
    Ok(splices)
}

/// New fields behind the last one of a block mapping.
fn insert_lines(
    layout: Layout<'_>,
    map: &Node<'_>,
    entries: &[MapEntry<'_>],
    outer: usize,
    new_scalars: &[(&str, &str)],
    new_lists: &[(&'static str, &ListEdit)],
) -> Result<Splice, Unusual> {
    let Some(last) = entries.last() else { return unusual(map.span.start as usize, "an empty mapping") };
    let start = last.key.span.start as usize;
    let column = layout.column(entries[0].key.span.start as usize);
    let unit = column.saturating_sub(outer).max(1);
    let newline = layout.newline(start);
    let indent = " ".repeat(column);
    let scalars =
        new_scalars.iter().map(|(key, value)| format!("{indent}{}: {}", scalar(key), scalar(value)));
    let lists =
        new_lists.iter().flat_map(|(field, list)| new_list(field, column, unit, &list.insert, newline));
    let lines: Vec<String> = scalars.chain(lists).collect();
    let at = lines_of(layout, last)?.end;
    let is_open = at == layout.text.len() && !layout.text.ends_with('\n');
    let lines = lines.join(newline);
    Ok(Splice::insert(at, if is_open { format!("{newline}{lines}") } else { format!("{lines}{newline}") }))
}

/// Another value in the quotes of the earlier one.
fn replace(layout: Layout<'_>, entry: &MapEntry<'_>, value: &str) -> Result<Splice, Unusual> {
    if !matches!(entry.value.shape, Shape::Scalar { .. }) {
        return unusual(entry.value.span.start as usize, "no scalar");
    }
    let start = layout.value_start(entry);
    let end = layout.end(&entry.value)?;
    Ok(Splice { range: start..end, text: Quotes::at(layout, start).write(value).into_owned() })
}

/// The lines of a field in a block mapping, with its comments.
fn lines_of(layout: Layout<'_>, entry: &MapEntry<'_>) -> Result<Range<usize>, Unusual> {
    let start = entry.key.span.start as usize;
    if !layout.begins_its_line(start) {
        return unusual(start, "a field that does not begin its line");
    }
    let (line, column) = (layout.line_start(start), layout.column(start));
    let end = layout.comments_below(layout.line_end(layout.entry_end(entry)? - 1), column);
    Ok(layout.comments_above(line, column)..end)
}
