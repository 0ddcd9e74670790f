//! Findings for people (like a compiler's) and for machines.

use super::finding::{Finding, Severity, Spot};
use super::model::Texts;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};

/// A longer line is named, not shown.
const LONGEST_LINE: usize = 400;

/// All findings as text, an empty line between them, and a count at the end; empty if there are none.
pub fn text(findings: &[Finding], texts: &Texts, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for finding in findings {
        out.push_str(&one(finding, texts, &renderer));
        out.push_str("\n\n");
    }
    if !findings.is_empty() {
        out.push_str(&count(findings));
        out.push('\n');
    }
    out
}

/// `3 errors, 1 warning`
pub fn count(findings: &[Finding]) -> String {
    let parts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(severity, word)| {
            let count = findings.iter().filter(|finding| finding.severity == severity).count();
            (count > 0).then(|| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        })
        .collect();
    if parts.is_empty() { "no findings".to_owned() } else { parts.join(", ") }
}

/// All findings as JSON: a list of objects with `code`, `severity`, `file`, `line`, `column`, `start`, `end`,
/// `message`, and where there are any `hint` and `related`. Line 0 means the file as a whole.
pub fn json(findings: &[Finding]) -> Value {
    json!(findings)
}

fn one(finding: &Finding, texts: &Texts, renderer: &Renderer) -> String {
    let Finding { code, severity, spot, message, hint, related } = finding;
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(message.as_str()).id(code.name()));
    group = group.element(place(spot, texts, AnnotationKind::Primary, None));
    for other in related {
        group = group.element(place(&other.spot, texts, AnnotationKind::Context, Some(&other.message)));
    }
    if let Some(hint) = hint {
        group = group.element(Level::HELP.message(hint.as_str()));
    }
    renderer.render(&[group])
}

/// The line with a mark below it; only the place, if the line cannot be shown.
fn place<'t>(spot: &'t Spot, texts: &'t Texts, kind: AnnotationKind, label: Option<&'t str>) -> Element<'t> {
    let line_number = spot.span.line as usize;
    let Some((line, from, to)) = texts.get(&spot.file).and_then(|text| marked_line(text, spot)) else {
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

/// The line a spot is on, and the bytes of it to mark.
fn marked_line<'t>(text: &'t str, spot: &Spot) -> Option<(&'t str, usize, usize)> {
    if spot.span.line == 0 {
        return None;
    }
    let mut start = spot.span.start as usize;
    let mut end = spot.span.end as usize;
    let line_start = if spot.span.end == 0 {
        // Only line and column are known.
        let line_start = nth_line(text, spot.span.line as usize)?;
        let line = text[line_start..].lines().next().unwrap_or_default();
        let column = spot.span.column.saturating_sub(1) as usize;
        start = line_start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        end = start;
        line_start
    } else {
        text.get(..start)?.rfind('\n').map_or(0, |at| at + 1)
    };
    let line = text[line_start..].split('\n').next().unwrap_or_default();
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.len() > LONGEST_LINE {
        return None;
    }
    let from = (start - line_start).min(line.len());
    let to = end.saturating_sub(line_start).clamp(from, line.len());
    let to = if to == from { from + word(line.get(from..)?) } else { to };
    (line.is_char_boundary(from) && line.is_char_boundary(to)).then_some((line, from, to))
}

/// Length of the word a text begins with, at least one sign of it.
fn word(text: &str) -> usize {
    let end = text.find(|c: char| c.is_whitespace() || ",:{}[]".contains(c)).unwrap_or(text.len());
    if end == 0 { text.chars().next().map_or(0, char::len_utf8) } else { end }
}

fn nth_line(text: &str, line: usize) -> Option<usize> {
    if line == 1 {
        return Some(0);
    }
    text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').nth(line - 2).map(|(at, _)| at + 1)
}
