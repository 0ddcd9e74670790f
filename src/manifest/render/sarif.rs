//! Findings as SARIF 2.1.0, which code scanning and editors read.

use super::{plain_path, said};
use crate::manifest::finding::{Code, Finding, Severity, Spot};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One run with every finding, and the rules that the findings are about.
pub fn sarif(findings: &[Finding]) -> Value {
    let used: BTreeSet<Code> = findings.iter().map(|finding| finding.code).collect();
    let used: Vec<Code> = used.into_iter().collect();
    let rules: Vec<Value> = used.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|finding| result(finding, used.binary_search(&finding.code).unwrap_or_default()))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": env!("CARGO_PKG_NAME"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: Code) -> Value {
    json!({
        "id": code.name(),
        "shortDescription": { "text": code.doc() },
        "defaultConfiguration": { "level": level(code.severity()) },
    })
}

fn result(finding: &Finding, rule: usize) -> Value {
    let Finding { code, severity, spot, message: _, hint: _, related } = finding;
    let mut result = json!({
        "ruleId": code.name(),
        "ruleIndex": rule,
        "level": level(*severity),
        "message": { "text": said(finding) },
        "locations": [{ "physicalLocation": place(spot) }],
    });
    if !related.is_empty() {
        let related: Vec<Value> = related
            .iter()
            .enumerate()
            .map(|(id, other)| {
                json!({
                    "id": id + 1,
                    "physicalLocation": place(&other.spot),
                    "message": { "text": other.message },
                })
            })
            .collect();
        result["relatedLocations"] = Value::from(related);
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A file, and where the finding is about a piece of it the piece: lines and columns from 1, bytes from 0.
fn place(spot: &Spot) -> Value {
    let Spot { file, span } = spot;
    let mut place = json!({ "artifactLocation": { "uri": uri(plain_path(file)) } });
    if span.line > 0 {
        place["region"] = json!({ "startLine": span.line, "startColumn": span.column.max(1) });
        if span.end > span.start {
            place["region"]["byteOffset"] = span.start.into();
            place["region"]["byteLength"] = (span.end - span.start).into();
        }
    }
    place
}

/// A path as a URI reference: relative as it was given, or `file:///…`.
fn uri(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let escaped: String = path
        .bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    if path.starts_with('/') { format!("file://{escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_uris() {
        assert_eq!(uri("teams/é 1.yaml"), "teams/%C3%A9%201.yaml");
        assert_eq!(uri("/srv/a:b.yaml"), "file:///srv/a%3Ab.yaml");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }
}
