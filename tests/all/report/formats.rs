//! Each kind of report in each format, as somebody gets it.

use super::fixture::{Gathered, account, desired, email, gathered, time};
use koreconcile::facts::{Extent, Listing};
use koreconcile::plan::RiskLevel;
use koreconcile::render;
use koreconcile::report::{self, Dormancy, Moment, Report};

fn dormancy() -> Dormancy {
    Dormancy { days: 90, least_risk: RiskLevel::Medium }
}

/// With a gap, and with every kind of row.
fn partial() -> Gathered {
    let mut seen = account();
    seen.coverage.listings.insert(Listing::Groups, Extent::Partial("a page <is> missing".to_owned()));
    Gathered::of(seen, &desired())
}

fn changes(gathered: &Gathered) -> Report {
    let mut before = super::fixture::world(&["jane.doe", "kim", "gone"], Vec::new());
    before.last_sign_ins.insert(email("kim"), time("2025-12-01T08:00:00Z"));
    report::changes(Moment { world: &before, read_at: time("2026-05-01T00:00:00Z") }, gathered.evidence())
}

#[test]
fn markdown_of_every_kind() {
    let gathered = gathered();
    insta::assert_snapshot!("markdown_access", render::markdown(&report::access(gathered.evidence())));
    insta::assert_snapshot!(
        "markdown_violations",
        render::markdown(&report::violations(gathered.evidence()))
    );
    insta::assert_snapshot!(
        "markdown_dormant",
        render::markdown(&report::dormant(gathered.evidence(), dormancy()))
    );
    insta::assert_snapshot!("markdown_changes", render::markdown(&changes(&gathered)));
}

#[test]
fn csv_of_a_report_with_a_gap_says_so_in_each_row() {
    let csv = render::csv(&report::access(partial().evidence()));
    insta::assert_snapshot!("csv_access", csv);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let complete = reader.headers().unwrap().iter().position(|name| name == "complete").unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert!(rows.len() > 5 && rows.iter().all(|row| row[complete].starts_with("Not complete: ")));
}

#[test]
fn csv_without_rows_still_says_that_it_saw_nothing() {
    let mut seen = super::fixture::world(&[], Vec::new());
    seen.coverage.listings.clear();
    let gathered = Gathered::of(seen, &koreconcile::facts::Desired::default());
    let csv = render::csv(&report::access(gathered.evidence()));
    assert_eq!(csv.lines().count(), 2, "{csv}");
    assert!(csv.contains("Not complete: the list of users was not read"), "{csv}");
}

#[test]
fn json_is_as_the_schema_has_it() {
    let json = render::json(&report::violations(partial().evidence())).unwrap();
    insta::assert_snapshot!("json_violations", json);
    let schema = serde_json::to_value(Report::schema()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    for name in value.as_object().unwrap().keys() {
        assert!(schema["properties"].get(name).is_some(), "{name} is not in the schema");
    }
    for name in value["rows"][0].as_object().unwrap().keys() {
        assert!(schema["$defs"]["Row"]["properties"].get(name).is_some(), "{name} is not in the schema");
    }
}

#[test]
fn html_is_one_file_without_scripts_and_escapes_what_others_wrote() {
    let gathered = partial();
    for report in [
        report::access(gathered.evidence()),
        report::violations(gathered.evidence()),
        report::dormant(gathered.evidence(), dormancy()),
        changes(&gathered),
    ] {
        let html = render::html(&report).unwrap();
        for bad in
            ["<script", "javascript:", " onclick", "src=", "@import", "url(", "http://", "<b>Assistant"]
        {
            assert!(!html.contains(bad), "{bad} in {:?}", report.kind);
        }
        assert!(html.contains(&report.digest));
        let thead = html.split("<thead>").nth(1).unwrap().split("</thead>").next().unwrap();
        assert!(
            thead.contains("Not complete: the list of groups is not complete: a page &#60;is&#62; missing"),
            "the head of the table is repeated on each page: {thead}"
        );
    }
    let html = render::html(&report::access(gathered.evidence())).unwrap();
    let body = html.split("<body>").nth(1).unwrap();
    insta::assert_snapshot!("html_access", body);
}

#[test]
fn an_empty_report_says_that_there_is_nothing() {
    let gathered =
        Gathered::of(super::fixture::world(&[], Vec::new()), &koreconcile::facts::Desired::default());
    let html = render::html(&report::violations(gathered.evidence())).unwrap();
    assert!(html.contains("Nothing is wrong.") && !html.contains("<table"));
    let markdown = render::markdown(&report::access(gathered.evidence()));
    assert!(
        markdown.contains("\n\n0 users, 0 grants.\n\nSHA-256") && !markdown.contains("|---"),
        "{markdown}"
    );
}
