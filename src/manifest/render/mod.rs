//! Findings for people (like a compiler's) and for machines: JSON, SARIF for code scanning, and annotations for
//! pull requests. Each form takes findings and gives text; none of them prints.

mod github;
mod sarif;

pub use github::github;
pub use sarif::sarif;

use super::finding::{Finding, Severity, Spot};
use super::model::Texts;
use crate::facts::{self, is_format, visible};
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// A longer line is named, not shown.
const LONGEST_LINE: usize = 400;

/// All findings as text, an empty line between them, and a count at the end; empty if there are none.
pub fn text(findings: &[Finding], texts: &Texts, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    let texts = showable(texts, findings);
    let mut lines = Lines { texts: &texts, starts: HashMap::new() };
    let findings: Vec<Finding> = findings.iter().map(shown).collect();
    for finding in &findings {
        out.push_str(&one(finding, &mut lines, &renderer));
        out.push_str("\n\n");
    }
    if !findings.is_empty() {
        out.push_str(&count(&findings));
        out.push('\n');
    }
    out
}

/// A finding whose texts can be shown; those of the file the renderer makes visible.
fn shown(finding: &Finding) -> Finding {
    let text = |text: &str| visible(text).into_owned();
    let mut finding = finding.clone();
    finding.message = text(&finding.message);
    finding.hint = finding.hint.as_deref().map(text);
    finding.spot.file = text(&finding.spot.file).into();
    for related in &mut finding.related {
        related.message = text(&related.message);
        related.spot.file = text(&related.spot.file).into();
    }
    finding
}

/// The texts that findings are in, under names that can be shown. What shows nothing is replaced by something of the
/// same length, so that places stay; the renderer does that for the control characters of ASCII.
fn showable(texts: &Texts, findings: &[Finding]) -> Texts {
    let spots = findings.iter().flat_map(|finding| {
        std::iter::once(&finding.spot).chain(finding.related.iter().map(|other| &other.spot))
    });
    let mut showable = Texts::default();
    for spot in spots {
        let Some(text) = texts.0.get(&spot.file) else { continue };
        let name = visible(&spot.file).into_owned().into();
        showable.0.entry(name).or_insert_with(|| {
            let is_bad = |c: char| (c.is_control() && !c.is_ascii()) || is_format(c);
            if !text.contains(is_bad) {
                return Arc::clone(text);
            }
            let replace = |c: char| match (is_bad(c), c.len_utf8()) {
                (false, _) => c,
                (true, 1) => '?',
                (true, 2) => '\u{bf}',
                (true, 3) => '\u{fffd}',
                (true, _) => '\u{1f533}',
            };
            text.chars().map(replace).collect::<String>().into()
        });
    }
    showable
}

/// `3 errors, 1 warning`
pub fn count(findings: &[Finding]) -> String {
    let parts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(severity, word)| {
            let count = findings.iter().filter(|finding| finding.severity == severity).count();
            (count > 0).then(|| facts::count(count, word))
        })
        .collect();
    if parts.is_empty() { "no findings".to_owned() } else { parts.join(", ") }
}

/// All findings as JSON: a list of objects with `code`, `severity`, `file`, `line`, `column`, `start`, `end`,
/// `message`, and where there are any `hint` and `related`. Line 0 means the file as a whole.
pub fn json(findings: &[Finding]) -> Value {
    json!(findings)
}

/// A path as tools know it that look at a repository: without `./` before it.
fn plain_path(path: &str) -> &str {
    let mut path = path;
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    path
}

/// What was found, and the next step.
fn said(finding: &Finding) -> String {
    match &finding.hint {
        Some(hint) => format!("{}\nhelp: {hint}", finding.message),
        None => finding.message.clone(),
    }
}

fn one<'t>(finding: &'t Finding, lines: &mut Lines<'t>, renderer: &Renderer) -> String {
    let Finding { code, severity, spot, message, hint, related } = finding;
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(message.as_str()).id(code.name()));
    group = group.element(place(spot, lines, AnnotationKind::Primary, None));
    for other in related {
        group = group.element(place(&other.spot, lines, AnnotationKind::Context, Some(&other.message)));
    }
    if let Some(hint) = hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// The line with a mark below it; only the place, if the line cannot be shown.
fn place<'t>(
    spot: &'t Spot,
    lines: &mut Lines<'t>,
    kind: AnnotationKind,
    label: Option<&'t str>,
) -> Element<'t> {
    let line_number = spot.span.line as usize;
    let Some((line, from, to)) = lines.marked(spot) else {
        let origin = Origin::path(&*spot.file);
        if line_number == 0 {
            return origin.into();
        }
        return origin.line(line_number).char_column(spot.span.column as usize).into();
    };
    let annotation = kind.span(from..to);
    let annotation = match label {
        Some(label) => annotation.label(label),
        None => annotation,
    };
    Snippet::source(line).line_start(line_number).path(&*spot.file).annotation(annotation).into()
}

/// The texts, and where the lines of those begin that were asked for by number.
struct Lines<'t> {
    texts: &'t Texts,
    starts: HashMap<&'t str, Vec<usize>>,
}

impl<'t> Lines<'t> {
    /// The line a spot is on, and the bytes of it to mark.
    fn marked(&mut self, spot: &'t Spot) -> Option<(&'t str, usize, usize)> {
        let text = self.texts.get(&spot.file).filter(|_| spot.span.line > 0)?;
        let is_line_only = spot.span.end == 0;
        let line_start = if is_line_only {
            self.start_of(text, &spot.file, spot.span.line as usize)?
        } else {
            text.get(..spot.span.start as usize)?.rfind('\n').map_or(0, |at| at + 1)
        };
        let line = text[line_start..].split('\n').next().unwrap_or_default();
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.len() > LONGEST_LINE {
            return None;
        }
        let (from, to) = if is_line_only {
            let column = spot.span.column.saturating_sub(1) as usize;
            let from = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
            (from, from)
        } else {
            let from = (spot.span.start as usize - line_start).min(line.len());
            (from, (spot.span.end as usize).saturating_sub(line_start).clamp(from, line.len()))
        };
        let to = if to == from { from + word(line.get(from..)?) } else { to };
        line.get(from..to).map(|_| (line, from, to))
    }

    fn start_of(&mut self, text: &str, file: &'t str, line: usize) -> Option<usize> {
        let starts = self.starts.entry(file).or_insert_with(|| {
            let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
        });
        starts.get(line - 1).copied()
    }
}

/// Length of the word a text begins with, at least one sign of it.
fn word(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || ",:{}[]".contains(c)).unwrap_or(text.len());
    if end == 0 { text.chars().next().map_or(0, char::len_utf8) } else { end }
}
