//! One file: its documents are found, edited, taken out and added.

use super::layout::{Layout, Unusual, unusual};
use super::mapping::{MapEdit, edit_map};
use super::sequence::{ListEdit, edit_list};
use super::splice::Splice;
use crate::manifest::check::BYTE_ORDER_MARK;
use crate::manifest::tree::{self, Chunk, Document, MapEntry, Node, Shape};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What becomes of one document.
#[derive(Clone, Default, Debug)]
pub(super) struct DocumentEdit {
    /// It goes.
    pub is_removed: bool,
    /// Fields below `spec`.
    pub spec: MapEdit,
    /// Fields below `spec.permissions`.
    pub permissions: MapEdit,
}

/// A file, parsed again with its positions.
pub(super) struct ParsedFile<'t> {
    layout: Layout<'t>,
    pieces: Vec<(Chunk<'t>, Vec<Document<'t>>)>,
}

/// Where a document is: a piece of its own between `---`, or an item of a `List`.
struct Found<'f, 't> {
    piece: usize,
    node: &'f Node<'t>,
    list: Option<(&'f MapEntry<'t>, usize)>,
}

impl<'t> ParsedFile<'t> {
    pub(super) fn new(file: &Arc<str>, text: &'t str) -> Self {
        let skip = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let chunks = tree::chunks(&text[skip..]).into_iter();
        let pieces = chunks.map(|chunk| {
            let chunk = Chunk { offset: chunk.offset + skip, ..chunk };
            (chunk, tree::parse(chunk, file).documents)
        });
        Self { layout: Layout { text }, pieces: pieces.collect() }
    }

    /// The document whose name is written at that byte.
    fn find(&self, name: u32) -> Option<Found<'_, 't>> {
        let is_it = |node: &Node<'_>| {
            let metadata = node.get("metadata").and_then(|entry| entry.value.get("name"));
            metadata.is_some_and(|entry| entry.value.span.start == name)
        };
        for (piece, (_, documents)) in self.pieces.iter().enumerate() {
            for document in documents {
                if is_it(&document.root) {
                    return Some(Found { piece, node: &document.root, list: None });
                }
                let items = document.root.get("items");
                if let Some((entry, Shape::List(items))) = items.map(|entry| (entry, &entry.value.shape))
                    && let Some(index) = items.iter().position(is_it)
                {
                    return Some(Found { piece, node: &items[index], list: Some((entry, index)) });
                }
            }
        }
        None
    }

    /// The splices of one document.
    pub(super) fn edit(&self, name: u32, edit: &DocumentEdit) -> Result<Vec<Splice>, Unusual> {
        let at = name as usize;
        let Some(found) = self.find(name) else {
            return unusual(at, "a document that cannot be found again");
        };
        let Some(spec) = found.node.get("spec") else { return unusual(at, "a document without spec") };
        let outer = self.layout.column(spec.key.span.start as usize);
        let mut splices = edit_map(self.layout, &spec.value, outer, &edit.spec)?;
        if !edit.permissions.scalars.is_empty() {
            splices.extend(self.permissions(spec, &edit.permissions)?);
        }
        Ok(splices)
    }

    /// Permissions of a role; with the last one the field goes.
    fn permissions(&self, spec: &MapEntry<'_>, edit: &MapEdit) -> Result<Vec<Splice>, Unusual> {
        let Some(entry) = spec.value.get("permissions") else {
            return unusual(spec.key.span.start as usize, "a role without permissions");
        };
        let Shape::Map(entries) = &entry.value.shape else {
            return unusual(entry.key.span.start as usize, "permissions that are no mapping");
        };
        let goes = |entry: &MapEntry<'_>| edit.scalars.get(&*entry.key.text) == Some(&None);
        let is_empty = entries.iter().all(goes) && edit.scalars.values().all(Option::is_none);
        if is_empty {
            let scalars = BTreeMap::from([("permissions".to_owned(), None)]);
            let outer = self.layout.column(spec.key.span.start as usize);
            return edit_map(self.layout, &spec.value, outer, &MapEdit { scalars, ..MapEdit::default() });
        }
        let outer = self.layout.column(entry.key.span.start as usize);
        edit_map(self.layout, &entry.value, outer, edit)
    }

    /// The splices that take documents out; nothing where no manifest or document of another tool is left.
    pub(super) fn remove(&self, names: &[u32]) -> Result<Option<Vec<Splice>>, Unusual> {
        let mut splices = Vec::new();
        let mut pieces = Vec::new();
        let mut lists: BTreeMap<usize, (&MapEntry<'_>, ListEdit)> = BTreeMap::new();
        for name in names {
            let at = *name as usize;
            let Some(found) = self.find(*name) else {
                return unusual(at, "a document that cannot be found again");
            };
            match found.list {
                Some((entry, index)) => {
                    lists.entry(found.piece).or_insert((entry, ListEdit::default())).1.remove.insert(index);
                }
                None if self.pieces[found.piece].1.len() > 1 => {
                    return unusual(at, "several documents between two lines ---");
                }
                None => pieces.push(found.piece),
            }
        }
        let is_left = |(index, (_, documents)): (usize, &(Chunk<'_>, Vec<Document<'_>>))| {
            let has_value = documents.iter().any(|document| matches!(document.root.shape, Shape::Map(_)));
            has_value && !pieces.contains(&index)
        };
        if !self.pieces.iter().enumerate().any(is_left) {
            return Ok(None);
        }
        for piece in pieces {
            splices.push(Splice::delete(self.piece_range(piece)?));
        }
        for (entry, edit) in lists.into_values() {
            splices.extend(edit_list(self.layout, entry, &edit)?);
        }
        Ok(Some(splices))
    }

    /// A piece with its `---`, without comments behind its last value, which may be about what follows.
    fn piece_range(&self, piece: usize) -> Result<Range<usize>, Unusual> {
        let (chunk, documents) = &self.pieces[piece];
        let Some(document) = documents.first() else {
            return unusual(chunk.offset, "a piece without a document");
        };
        let root = document.root.span.start as usize;
        let end = self.layout.end(&document.root)?;
        let start = if chunk.text.starts_with("---") {
            chunk.offset
        } else {
            // The head of the file stays; what is directly above the first key is about this document.
            self.layout.comments_above(self.layout.line_start(root), self.layout.column(root))
        };
        Ok(start..self.behind_blank_lines(self.layout.line_end(end - 1), chunk.offset + chunk.text.len()))
    }

    fn behind_blank_lines(&self, mut at: usize, end: usize) -> usize {
        while at < end {
            let next = self.layout.line_end(at);
            if !self.layout.text[at..next].trim().is_empty() {
                break;
            }
            at = next;
        }
        at
    }

    /// The splice that adds documents at the end. They begin with `---` and end with a line end.
    pub(super) fn append(&self, documents: &str) -> Splice {
        let text = self.layout.text;
        let newline = self.layout.newline(0);
        let documents = documents.replace('\n', newline);
        let is_open = !text.is_empty() && !text.ends_with('\n');
        Splice::insert(text.len(), if is_open { format!("{newline}{documents}") } else { documents })
    }

    /// Line of a byte, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        let before = &self.layout.text[..at.min(self.layout.text.len())];
        1 + before.matches('\n').count()
    }
}
