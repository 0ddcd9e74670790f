//! A report as CSV (RFC 4180): a row a grant, each with its person and with what makes the report whole.

use super::words;
use crate::facts::visible;
use crate::plan::explain::FactStatus;
use crate::report::{Finding, FindingCode, PersonStatus, Report, Row};

/// The columns, the same for every kind of report.
const COLUMNS: [&str; 31] = [
    "account",
    "read_at",
    "complete",
    "change",
    "severity",
    "finding",
    "message",
    "next_step",
    "user",
    "name",
    "organisation_id",
    "status",
    "last_sign_in",
    "kind",
    "role",
    "bot",
    "bot_id",
    "group",
    "through",
    "value",
    "before",
    "risk",
    "state",
    "declared",
    "commit",
    "since",
    "since_is_exact",
    "until",
    "reason",
    "policies",
    "report_digest",
];

/// The report as CSV. A cell that a spreadsheet would take for a formula begins with an apostrophe.
pub fn csv(report: &Report) -> String {
    let mut out = csv_writer();
    let account = report.head.account.id.as_ref().map_or(report.head.account.name.as_str(), |id| id.as_str());
    let read_at = words::time(report.head.read_at);
    let complete = words::gaps(report).unwrap_or_else(|| "yes".to_owned());
    // Writing to memory cannot fail.
    let _ = out.write_record(COLUMNS);
    let common = [account.to_owned(), read_at, complete];
    for row in &report.rows {
        let cells = common.iter().cloned().chain(cells(report, row)).chain([report.digest.clone()]);
        let _ = out.write_record(cells.map(|cell| neutral(&cell)));
    }
    if report.rows.is_empty() && !report.head.gaps.is_empty() {
        // Nothing to list is not the same as nothing seen.
        let empty = std::iter::repeat_n(String::new(), COLUMNS.len() - common.len() - 1);
        let cells = common.iter().cloned().chain(empty).chain([report.digest.clone()]);
        let _ = out.write_record(cells.map(|cell| neutral(&cell)));
    }
    let bytes = out.into_inner().unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn csv_writer() -> ::csv::Writer<Vec<u8>> {
    ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new())
}

/// Between what is common to all rows and the digest.
fn cells(report: &Report, row: &Row) -> Vec<String> {
    let person = row.user.as_ref().and_then(|user| report.person(user));
    let finding = row.finding.as_ref();
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let of = |part: fn(&Finding) -> &str| text(finding.map(part));
    let places: Vec<String> = row.declared.iter().map(words::place).collect();
    let mut commits: Vec<String> = row.declared.iter().filter_map(words::commit).collect();
    commits.dedup();
    let policies: Vec<String> = row.verdicts.iter().map(words::policy).collect();
    vec![
        text(row.turn.map(words::turn)),
        of(|finding| finding.severity.label()),
        text(finding.map(|finding| FindingCode::label(finding.code))),
        of(|finding| &finding.message),
        of(|finding| &finding.next_step),
        if row.user.is_some() { words::holder(row) } else { String::new() },
        text(person.and_then(|person| person.name.as_deref())),
        text(person.and_then(|person| person.org_user_id.as_deref())),
        text(person.map(|person| PersonStatus::label(person.status))),
        person.and_then(|person| person.last_sign_in).map(words::time).unwrap_or_default(),
        text(row.family.map(crate::facts::Family::label)),
        text(row.role.as_ref().map(crate::facts::RoleName::as_str)),
        text(row.bot.as_deref()),
        text(row.bot_id.as_ref().map(crate::facts::BotId::as_str)),
        text(row.group.as_ref().map(crate::facts::GroupName::as_str)),
        words::through(row),
        text(row.value.as_deref()),
        text(row.before.as_deref()),
        row.risk.level.label().to_owned(),
        text(row.status.map(FactStatus::label)),
        places.join("; "),
        commits.join("; "),
        row.since.as_ref().map(|since| words::time(since.at)).unwrap_or_default(),
        row.since.as_ref().map(|since| is_exact(since).to_owned()).unwrap_or_default(),
        row.until.map(words::time).unwrap_or_default(),
        text(row.reason.as_deref()),
        policies.join("; "),
    ]
}

fn is_exact(since: &crate::report::HeldSince) -> &'static str {
    match since.known {
        crate::report::Since::Applied => "yes",
        crate::report::Since::Declared => "no, declared since",
    }
}

/// A cell that no spreadsheet takes for a formula: signs that begin one, in both widths, and what some skip before one.
fn neutral(cell: &str) -> String {
    let shown = visible(cell);
    let is_formula = shown
        .trim_start()
        .starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}', '|', '%']);
    if is_formula { format!("'{shown}") } else { shown.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_never_begins_a_formula() {
        for cell in [
            "=1+1",
            "+49 30",
            "-2",
            "@SUM(A1)",
            " =1",
            "\u{a0}=1",
            "\u{ff1d}1",
            "\u{ff0b}1",
            "|calc",
            "%0A=1",
        ] {
            assert!(neutral(cell).starts_with('\''), "{cell:?}");
        }
        assert_eq!(neutral("\t=1"), "\\t=1", "a tab shows, and begins no formula");
        assert_eq!(neutral("\r\n=1"), "\\r\\n=1");
        for cell in ["Bot Developer", "jane+x@example.com", "a=b", "", "O'Neil", "1-2"] {
            assert_eq!(neutral(cell), cell);
        }
    }
}
