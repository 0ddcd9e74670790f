//! A document with positions: every scalar, key, list and map knows where it stands.
//!
//! One piece of text goes in (what stands between two `---` lines), the documents in it come out, each with what is
//! wrong with it: whether that counts is for those to say who know whose document it is. A syntax error costs the
//! document it is in, not the file. Anchors, aliases and tags are findings and are never
//! expanded, so that no input grows; duplicate keys are found here, because a map would hide them.

use super::finding::{Code, Finding, Span, Spot, shown};
use serde_saphyr::granit_parser::{self as granit, Event, Parser, ScalarStyle};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Deeper nesting than this is a finding; manifests need about eight levels.
const DEEPEST: usize = 64;
/// More values than this in one document are a finding: room for a `List` of 100,000 objects.
const MOST_NODES: usize = 4_000_000;

const TEMPLATE: &str = "this looks like a template: give the rendered files, or a folder without templates";

/// A line that was meant as `---`: indented, with another number of dashes, or with longer ones.
fn is_separator(line: &str) -> bool {
    let dashes = line.trim();
    (2..=5).contains(&dashes.chars().count())
        && dashes.chars().all(|sign| matches!(sign, '-' | '\u{2013}' | '\u{2014}'))
}

/// A value with its place.
#[derive(Debug)]
pub struct Node<'a> {
    /// Where: the text of a scalar, the first sign of a list or map.
    pub span: Span,
    /// Scalar, list or map.
    pub shape: Shape<'a>,
}

/// What a value is.
#[derive(Debug)]
pub enum Shape<'a> {
    /// A scalar. `is_plain`: written without quotes, so that its looks decide its type.
    Scalar {
        /// Its text, unescaped.
        text: Cow<'a, str>,
        /// Written without quotes.
        is_plain: bool,
    },
    /// A list.
    List(Vec<Node<'a>>),
    /// A map in the order it was written.
    Map(Vec<MapEntry<'a>>),
    /// Something that was refused with a finding; nothing more is said about it.
    Refused,
}

/// A whole document.
#[derive(Debug)]
pub struct Document<'a> {
    /// Its value.
    pub root: Node<'a>,
    /// What manifests may not have: anchors, aliases, tags, a key twice. With any, the rest is worth checking, not
    /// using.
    pub findings: Vec<Finding>,
}

/// A key and its value.
#[derive(Debug)]
pub struct MapEntry<'a> {
    /// The key.
    pub key: Key<'a>,
    /// The value.
    pub value: Node<'a>,
}

/// A key with its place.
#[derive(Debug)]
pub struct Key<'a> {
    /// The place in the file.
    pub span: Span,
    /// Its text.
    pub text: Cow<'a, str>,
    /// Written without quotes.
    pub is_plain: bool,
}

impl<'a> Node<'a> {
    /// The value of a key, if this is a map and has it.
    pub fn get(&self, key: &str) -> Option<&MapEntry<'a>> {
        match &self.shape {
            Shape::Map(entries) => entries.iter().find(|entry| entry.key.text == key),
            _ => None,
        }
    }

    /// The text, if this is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// A piece of a file between two document markers.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The text.
    pub text: &'a str,
    /// Bytes before it in the file.
    pub offset: usize,
    /// Lines before it in the file.
    pub lines: usize,
}

/// Cuts a file where a line begins with `---`. YAML allows no such line inside a value, so the cut is safe, and each
/// piece is read by itself: an error stays in its piece, and pieces can be read at the same time.
pub fn chunks(text: &str) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let (mut start, mut start_line, mut line) = (0, 0, 0);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_marker = bytes[at..].starts_with(b"---")
            && bytes.get(at + 3).is_none_or(|next| matches!(next, b' ' | b'\t' | b'\r' | b'\n'));
        if is_marker && at > start {
            chunks.push(Chunk { text: &text[start..at], offset: start, lines: start_line });
            (start, start_line) = (at, line);
        }
        match bytes[at..].iter().position(|byte| *byte == b'\n') {
            Some(end) => at += end + 1,
            None => at = bytes.len(),
        }
        line += 1;
    }
    if start < bytes.len() {
        chunks.push(Chunk { text: &text[start..], offset: start, lines: start_line });
    }
    chunks
}

/// What one piece of a file holds.
#[derive(Debug, Default)]
pub struct Parsed<'a> {
    /// Its documents.
    pub documents: Vec<Document<'a>>,
    /// What is wrong with documents that could not be read to their end, and so are lost.
    pub broken: Vec<Finding>,
}

/// Reads one piece. Documents with a syntax error are left out.
pub fn parse<'a>(chunk: Chunk<'a>, file: &Arc<str>) -> Parsed<'a> {
    let options = granit::options! {
        emit_comments: false,
        disallow_directives: true,
        emit_unresolved_aliases: true,
        block_nesting_limit: DEEPEST,
        flow_nesting_limit: DEEPEST,
    };
    let mut parser = Parser::new_from_str_with_options(chunk.text, options);
    let mut builder =
        Builder { chunk, file, findings: Vec::new(), stack: Vec::new(), parsed: Parsed::default(), nodes: 0 };
    loop {
        match parser.next_event() {
            None => break,
            Some(Ok((event, span))) => {
                if !builder.take(event, span) {
                    break;
                }
            }
            Some(Err(error)) => {
                builder.syntax_error(&error);
                if !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    let Builder { mut parsed, findings, .. } = builder;
    parsed.broken.extend(findings);
    parsed
}

struct Builder<'a, 'f> {
    chunk: Chunk<'a>,
    file: &'f Arc<str>,
    /// About the document that has not ended yet.
    findings: Vec<Finding>,
    stack: Vec<OpenNode<'a>>,
    parsed: Parsed<'a>,
    nodes: usize,
}

/// A list or map that has not ended yet.
enum OpenNode<'a> {
    List(Span, Vec<Node<'a>>),
    Map(Span, Vec<MapEntry<'a>>, Option<Key<'a>>),
}

impl<'a> Builder<'a, '_> {
    /// Takes one event; `false` means that reading on is pointless.
    fn take(&mut self, event: Event<'a>, at: granit::Span) -> bool {
        let span = self.span(at);
        match event {
            Event::DocumentStart(..) => {
                self.stack.clear();
                self.nodes = 0;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_decoration(span, anchor, tag.as_deref());
                let is_plain = style == ScalarStyle::Plain;
                self.scalar(text, is_plain, span);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_decoration(span, anchor, tag.as_deref());
                self.stack.push(OpenNode::List(span, Vec::new()));
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_decoration(span, anchor, tag.as_deref());
                self.stack.push(OpenNode::Map(span, Vec::new(), None));
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(OpenNode::List(span, items)) => self.place(Node { span, shape: Shape::List(items) }),
                Some(OpenNode::Map(span, entries, _)) => {
                    self.refuse_duplicates(&entries);
                    self.place(Node { span, shape: Shape::Map(entries) });
                }
                None => {}
            },
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.refuse(span, "an alias");
                self.place(Node { span, shape: Shape::Refused });
            }
            _ => {}
        }
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            let message = format!("a document with more than {MOST_NODES} values");
            self.finding(Code::TooLarge, span, message, "split it into several documents");
            return false;
        }
        true
    }

    fn scalar(&mut self, text: Cow<'a, str>, is_plain: bool, span: Span) {
        // The parser says ~ where nothing is written.
        let text = if is_plain && span.start == span.end { Cow::Borrowed("") } else { text };
        if let Some(OpenNode::Map(_, _, pending @ None)) = self.stack.last_mut() {
            let is_empty = is_plain && text.is_empty();
            *pending = Some(Key { span, text, is_plain });
            if is_empty {
                self.refuse_key(span, "a value without a key");
            }
        } else {
            self.place(Node { span, shape: Shape::Scalar { text, is_plain } });
        }
    }

    fn place(&mut self, node: Node<'a>) {
        match self.stack.last_mut() {
            None => {
                let findings = std::mem::take(&mut self.findings);
                self.parsed.documents.push(Document { root: node, findings });
            }
            Some(OpenNode::List(_, items)) => items.push(node),
            Some(OpenNode::Map(_, entries, pending)) => match pending.take() {
                // The value of a key that was refused goes with it.
                Some(key) if key.is_plain && key.text.is_empty() => {}
                Some(key) => entries.push(MapEntry { key, value: node }),
                None => {
                    *pending = Some(Key { span: node.span, text: Cow::Borrowed(""), is_plain: true });
                    self.refuse_key(node.span, "a list or map as a key");
                }
            },
        }
    }

    fn refuse_key(&mut self, span: Span, what: &str) {
        let start = (span.start as usize).saturating_sub(self.chunk.offset);
        let hint = if self.line_at(start).contains("{{") { TEMPLATE } else { "keys are texts" };
        self.finding(Code::Syntax, span, what.to_owned(), hint);
    }

    fn refuse_decoration(&mut self, span: Span, anchor: usize, tag: Option<&granit::Tag>) {
        if anchor != 0 {
            self.refuse(span, "an anchor");
        }
        if let Some(tag) = tag {
            self.refuse(span, &format!("the tag {}", shown(&tag.original())));
        }
    }

    fn refuse(&mut self, span: Span, what: &str) {
        let hint =
            "write the value out where it is used; in a KoreTeam, people are listed once and used often";
        self.finding(
            Code::Anchor,
            span,
            format!("{what}: manifests take no anchors, aliases and tags"),
            hint,
        );
    }

    fn refuse_duplicates(&mut self, entries: &[MapEntry<'a>]) {
        const SMALL: usize = 16;
        let mut found: Vec<(usize, usize)> = Vec::new();
        if entries.len() <= SMALL {
            for (index, entry) in entries.iter().enumerate() {
                if let Some(first) =
                    entries[..index].iter().position(|other| other.key.text == entry.key.text)
                {
                    found.push((first, index));
                }
            }
        } else {
            let mut seen: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
            for (index, entry) in entries.iter().enumerate() {
                match seen.get(entry.key.text.as_ref()) {
                    Some(first) => found.push((*first, index)),
                    None => {
                        seen.insert(&entry.key.text, index);
                    }
                }
            }
        }
        for (first, second) in found {
            let (first, second) = (&entries[first].key, &entries[second].key);
            let spot = self.spot(second.span);
            let finding = Finding::new(
                Code::DuplicateKey,
                spot,
                format!("the key {} occurs twice", shown(&second.text)),
            )
            .hint("keep one of them: readers of YAML disagree which one counts")
            .related(self.spot(first.span), "first written here");
            self.findings.push(finding);
        }
    }

    fn syntax_error(&mut self, error: &granit::ScanError) {
        let marker = error.marker();
        let start = marker.byte_offset().unwrap_or(0).min(self.chunk.text.len());
        let span = self.at(start, start, marker.line(), marker.col());
        let line = self.line_at(start);
        let hint = if line.contains("{{") {
            TEMPLATE
        } else if line.split_once("apiVersion:").is_some_and(|(before, _)| before.ends_with(is_of_value)) {
            "a document begins here: end the line before apiVersion, and write --- between the two"
        } else if is_separator(line) {
            "if a document begins behind this line, write --- here: three dashes, without a blank before them"
        } else if line.contains('\t') {
            "there is a tab on this line: YAML is indented with spaces"
        } else {
            "check the indentation and the quotes here and on the line above"
        };
        self.finding(Code::Syntax, span, format!("not valid YAML: {}", error.info()), hint);
        self.parsed.broken.append(&mut self.findings);
        self.stack.clear();
    }

    /// The line of the piece that a byte is on.
    fn line_at(&self, at: usize) -> &'a str {
        let text = self.chunk.text;
        let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        text[start..].lines().next().unwrap_or_default()
    }

    fn finding(&mut self, code: Code, span: Span, message: String, hint: &str) {
        let finding = Finding::new(code, self.spot(span), message).hint(hint);
        self.findings.push(finding);
    }

    fn spot(&self, span: Span) -> Spot {
        Spot { file: Arc::clone(self.file), span }
    }

    fn span(&self, span: granit::Span) -> Span {
        let start = span.start.byte_offset().unwrap_or(0);
        let end = span.end.byte_offset().unwrap_or(start).max(start);
        self.at(start, end, span.start.line(), span.start.col())
    }

    fn at(&self, start: usize, end: usize, line: usize, column: usize) -> Span {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Span {
            line: number(self.chunk.lines + line.max(1)),
            column: number(column + 1),
            start: number(self.chunk.offset + start),
            end: number(self.chunk.offset + end),
        }
    }
}

/// A sign that ends a value, not one that stands before a key.
fn is_of_value(c: char) -> bool {
    !c.is_whitespace() && !"{,\"'-?".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Vec<String>) {
        let file: Arc<str> = Arc::from("f.yaml");
        let mut findings = Vec::new();
        let mut documents = Vec::new();
        for chunk in chunks(text) {
            let Parsed { documents: parsed, broken } = parse(chunk, &file);
            findings.extend(broken);
            for document in parsed {
                findings.extend(document.findings);
                let a = document.root.get("a").expect("each test document has a key a");
                let span = a.value.span;
                documents.push(format!(
                    "{} at {}:{}",
                    &text[span.start as usize..span.end as usize],
                    span.line,
                    span.column
                ));
            }
        }
        (documents, findings.iter().map(|finding| format!("{} {}", finding.spot, finding.code)).collect())
    }

    #[test]
    fn positions_count_from_the_start_of_the_file() {
        let (documents, findings) =
            read("# comment\na: 1\n---\na: 2\n--- # x\n\na:   \"ü3\"\n...\n---\na: ü\n");
        assert_eq!(documents, ["1 at 2:4", "2 at 4:4", "\"ü3\" at 7:6", "ü at 10:4"]);
        assert_eq!(findings, Vec::<String>::new());
    }

    #[test]
    fn a_syntax_error_costs_only_its_document() {
        let (documents, findings) = read("a: 1\n---\na: [1,\nb: 2\n---\na: 3\n");
        assert_eq!(documents, ["1 at 1:4", "3 at 6:4"]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].ends_with("syntax"), "{findings:?}");
    }

    #[test]
    fn windows_line_ends_do_not_move_positions() {
        assert_eq!(read("a: 1\r\n---\r\na: 2\r\n").0, ["1 at 1:4", "2 at 3:4"]);
    }

    #[test]
    fn what_yaml_could_multiply_is_refused() {
        let (_, findings) = read("a: &x [1]\nb: *x\nc: !!str 1\nd: {<<: *y}\na: 2\n");
        assert_eq!(
            findings,
            [
                "f.yaml:1:7 anchor",
                "f.yaml:2:4 anchor",
                "f.yaml:3:10 anchor",
                "f.yaml:4:9 anchor",
                "f.yaml:5:1 duplicate-key"
            ]
        );
    }
}
