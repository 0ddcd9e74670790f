//! Where the lines of a checked document stand, kept after its tree is gone.

use super::finding::Span;

/// Places of the fields and list items of one document.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Marks {
    /// `metadata.name`, or the first line.
    pub name: Span,
    fields: Vec<(&'static str, Span)>,
    items: Vec<(&'static str, Vec<Span>)>,
}

impl Marks {
    /// The first place of all.
    pub fn first(&self) -> Span {
        let fields = self.fields.iter().map(|(_, span)| *span);
        let items = self.items.iter().flat_map(|(_, spans)| spans.iter().copied());
        let places = fields.chain(items).chain([self.name]).filter(|span| span.line > 0);
        places.min_by_key(|span| (span.line, span.column)).unwrap_or(self.name)
    }

    /// Notes a field by its path below `spec`.
    pub fn field(&mut self, path: &'static str, span: Span) {
        self.fields.push((path, span));
    }

    /// Notes the items of a list by its path below `spec`.
    pub fn list(&mut self, path: &'static str, items: Vec<Span>) {
        self.items.push((path, items));
    }

    /// Where a field was written; where the name is, if it was left out.
    pub fn span_of(&self, path: &str) -> Span {
        self.written(path).unwrap_or(self.name)
    }

    /// Where a field was written, if it was.
    pub fn written(&self, path: &str) -> Option<Span> {
        self.fields.iter().find(|(candidate, _)| *candidate == path).map(|(_, span)| *span)
    }

    /// Every field that was written.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, Span)> + '_ {
        self.fields.iter().copied()
    }

    /// Where a list item was written.
    pub fn item(&self, path: &str, index: usize) -> Span {
        self.items
            .iter()
            .find(|(candidate, _)| *candidate == path)
            .and_then(|(_, spans)| spans.get(index).copied())
            .unwrap_or_else(|| self.span_of(path))
    }
}
