//! Findings as SARIF and as annotations.

use crate::manifest::check::all_cases;
use koreconcile::manifest::{Code, Finding, Severity, Span, Spot, render};
use serde_json::Value;

fn findings() -> Vec<Finding> {
    all_cases()
}

/// What SARIF 2.1.0 asks of the objects that are used here, and nothing besides.
fn is_sarif(log: &Value) {
    has_only(log, &["$schema", "version", "runs"]);
    assert_eq!(log["version"], "2.1.0");
    for run in log["runs"].as_array().unwrap() {
        has_only(run, &["tool", "columnKind", "results"]);
        assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap()));
        has_only(&run["tool"], &["driver"]);
        let driver = &run["tool"]["driver"];
        has_only(driver, &["name", "semanticVersion", "rules"]);
        assert!(driver["name"].is_string() && driver["semanticVersion"].is_string());
        let rules = driver["rules"].as_array().unwrap();
        let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
        let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "rules are unique");
        for rule in rules {
            has_only(rule, &["id", "shortDescription", "defaultConfiguration"]);
            is_message(&rule["shortDescription"]);
            is_level(&rule["defaultConfiguration"]["level"]);
        }
        for result in run["results"].as_array().unwrap() {
            has_only(result, &["ruleId", "ruleIndex", "level", "message", "locations", "relatedLocations"]);
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(result["ruleId"], ids[index]);
            is_level(&result["level"]);
            is_message(&result["message"]);
            for location in result["locations"].as_array().unwrap() {
                has_only(location, &["physicalLocation"]);
                is_place(&location["physicalLocation"]);
            }
            for (at, location) in result["relatedLocations"].as_array().into_iter().flatten().enumerate() {
                has_only(location, &["id", "physicalLocation", "message"]);
                assert_eq!(location["id"], at + 1);
                is_place(&location["physicalLocation"]);
                is_message(&location["message"]);
            }
        }
    }
}

fn has_only(object: &Value, allowed: &[&str]) {
    for key in object.as_object().unwrap().keys() {
        assert!(allowed.contains(&key.as_str()), "{key} in {object}");
    }
}

fn is_message(message: &Value) {
    has_only(message, &["text"]);
    assert!(message["text"].as_str().is_some_and(|text| !text.is_empty()));
}

fn is_level(level: &Value) {
    assert!(["none", "note", "warning", "error"].contains(&level.as_str().unwrap()));
}

fn is_place(place: &Value) {
    has_only(place, &["artifactLocation", "region"]);
    let uri = place["artifactLocation"]["uri"].as_str().unwrap();
    assert!(uri.is_ascii() && !uri.contains([' ', '<', '>', '"', '\\']), "{uri}");
    if let Some(region) = place.get("region") {
        has_only(region, &["startLine", "startColumn", "byteOffset", "byteLength"]);
        assert!(region["startLine"].as_u64().unwrap() >= 1 && region["startColumn"].as_u64().unwrap() >= 1);
    }
}

#[test]
fn sarif_has_the_published_shape_for_every_finding() {
    let findings = findings();
    let log = render::sarif(&findings);
    is_sarif(&log);
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), findings.len());
    is_sarif(&render::sarif(&[]));
}

#[test]
fn sarif_of_one_finding() {
    let span = Span { line: 3, column: 5, start: 20, end: 27 };
    let spot = Spot { file: "./teams/a b.yaml".into(), span };
    let whole = Spot { file: "b.yaml".into(), span: Span::default() };
    let finding = Finding::new(Code::DuplicateObject, spot, "KoreTeam a is declared twice")
        .hint("rename one")
        .related(whole, "the other one");
    insta::assert_snapshot!(serde_json::to_string_pretty(&render::sarif(&[finding])).unwrap());
}

#[test]
fn annotations_are_one_line_a_finding() {
    let findings = findings();
    let text = render::github(&findings);
    assert_eq!(text.lines().count(), findings.len());
    for (line, finding) in text.lines().zip(&findings) {
        let command = match finding.severity {
            Severity::Error => "::error file=",
            Severity::Warning => "::warning file=",
            Severity::Note => "::notice file=",
        };
        assert!(line.starts_with(command), "{line}");
        assert!(line.contains(&format!("title={}::", finding.code.name())), "{line}");
    }
    assert_eq!(render::github(&[]), "");
}
