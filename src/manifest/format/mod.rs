//! The one layout of manifests: what `fmt` does to files.
//!
//! Blocks are indented by two blanks, lists further than their key, and between signs there is one blank; blank lines
//! come one at a time, and a file ends with one line end. Comments, quotes, the order of keys and line ends stay as they
//! are. Only blanks change: a document whose other bytes would, or that would mean something else, is left as it is. So
//! are documents of other tools, those between brackets, and those with findings.

mod lines;

use super::check::BYTE_ORDER_MARK;
use super::edit::layout::Layout;
use super::edit::splice::{Splice, apply, in_order};
use super::kinds::GROUP;
use super::tree::{self, Chunk, Document, Node, Shape};
use lines::Lines;
use std::sync::Arc;

/// What formatting a file comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Formatted {
    /// The new text, if it differs.
    pub text: Option<String>,
    /// Lines of documents that are left as they are although they are manifests.
    pub left: Vec<usize>,
}

/// Formats the text of one file.
pub fn format(file: &Arc<str>, text: &str) -> Formatted {
    let skip = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let mut formatted = Formatted::default();
    let mut splices = Vec::new();
    let chunks = tree::chunks(&text[skip..]);
    let count = chunks.len();
    for (index, chunk) in chunks.into_iter().enumerate() {
        let chunk = Chunk { offset: chunk.offset + skip, ..chunk };
        match one(file, text, chunk, index + 1 == count) {
            Outcome::Foreign => {}
            Outcome::Left => formatted.left.push(chunk.lines + 1),
            Outcome::Splices(more) => splices.extend(more),
        }
    }
    if let Some(splices) = in_order(splices).filter(|splices| !splices.is_empty()) {
        formatted.text = Some(apply(text, &splices));
    }
    formatted
}

enum Outcome {
    /// No manifest.
    Foreign,
    /// A manifest in a layout of its own.
    Left,
    Splices(Vec<Splice>),
}

fn one(file: &Arc<str>, text: &str, chunk: Chunk<'_>, is_last: bool) -> Outcome {
    let parsed = tree::parse(chunk, file);
    let [document] = parsed.documents.as_slice() else { return Outcome::Foreign };
    if !parsed.broken.is_empty() || !is_ours(&document.root) {
        return Outcome::Foreign;
    }
    let layout = Layout { text };
    if !document.findings.is_empty() || layout.is_flow(&document.root) {
        return Outcome::Left;
    }
    let Some(splices) = splices(layout, chunk, document, is_last) else { return Outcome::Left };
    if splices.is_empty() {
        return Outcome::Splices(splices);
    }
    // Proved on the piece alone: the same values, and the same signs.
    let moved: Vec<Splice> = splices
        .iter()
        .map(|splice| Splice {
            range: splice.range.start - chunk.offset..splice.range.end - chunk.offset,
            text: splice.text.clone(),
        })
        .collect();
    let after = apply(chunk.text, &moved);
    let again = tree::parse(Chunk { text: &after, offset: 0, lines: 0 }, file);
    let is_same = match again.documents.as_slice() {
        [again] => is_same_value(&document.root, &again.root) && signs(chunk.text).eq(signs(&after)),
        _ => false,
    };
    if is_same { Outcome::Splices(splices) } else { Outcome::Left }
}

fn is_ours(root: &Node<'_>) -> bool {
    let version = root.get("apiVersion").and_then(|entry| entry.value.text());
    version.and_then(|version| version.split_once('/')).is_some_and(|(group, _)| group == GROUP)
}

fn signs(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| !c.is_whitespace())
}

fn is_same_value(left: &Node<'_>, right: &Node<'_>) -> bool {
    match (&left.shape, &right.shape) {
        (
            Shape::Scalar { text: left, is_plain: is_left },
            Shape::Scalar { text: right, is_plain: is_right },
        ) => left == right && is_left == is_right,
        (Shape::List(left), Shape::List(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| is_same_value(left, right))
        }
        (Shape::Map(left), Shape::Map(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| {
                    left.key.text == right.key.text && is_same_value(&left.value, &right.value)
                })
        }
        _ => false,
    }
}

fn splices(
    layout: Layout<'_>,
    chunk: Chunk<'_>,
    document: &Document<'_>,
    is_last: bool,
) -> Option<Vec<Splice>> {
    let mut lines = Lines::new(layout, chunk);
    lines.map(&document.root, 0).ok()?;
    in_order(lines.splices(is_last))
}
