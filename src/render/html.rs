//! A report as one HTML file: no script, nothing loaded from elsewhere, for a screen, a phone and paper.

use super::words;
use crate::facts::visible;
use crate::plan::RiskLevel;
use crate::plan::explain::FactStatus;
use crate::report::{Kind, Report, Row};
use askama::Template;

/// The report as HTML.
///
/// # Errors
///
/// None in practice: the template writes to memory.
pub fn html(report: &Report) -> Result<String, askama::Error> {
    Page::new(report).render()
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    account: String,
    head: Vec<(&'static str, String)>,
    gaps: Vec<String>,
    gap_line: String,
    notes: Vec<String>,
    tiles: Vec<Tile>,
    columns: Vec<&'static str>,
    groups: Vec<Group>,
    is_empty: bool,
    empty: &'static str,
    digest: String,
}

/// A number that the head shows large.
struct Tile {
    label: String,
    number: usize,
    class: &'static str,
}

/// The rows of one person, or of what is no person's.
struct Group {
    title: String,
    details: Vec<String>,
    rows: Vec<TableRow>,
}

/// The cells of one row, by the column they belong to.
struct TableRow {
    mark: Option<(&'static str, &'static str)>,
    what: String,
    risk: &'static str,
    risk_why: String,
    cells: Vec<Cell>,
}

/// One cell: lines of text, each with a second, fainter part.
struct Cell {
    label: &'static str,
    lines: Vec<(String, String)>,
}

impl Page {
    fn new(report: &Report) -> Self {
        let show = |text: &str| visible(text).into_owned();
        let (columns, empty): (&[&'static str], _) = match report.kind {
            Kind::Violations => (&["Finding", "Declared", "Next step"], "Nothing is wrong."),
            Kind::Changes => {
                (&["Before", "Declared", "Until", "Reason, policies"], "Nothing was gained or lost.")
            }
            Kind::Access => (&COLUMNS, "Nobody holds anything."),
            Kind::Dormant => (&COLUMNS, "Nobody is dormant."),
        };
        let mut notes: Vec<String> = report.head.notes.iter().map(|note| show(note)).collect();
        if report.head.redacted {
            notes.push(words::REDACTED.to_owned());
        }
        let head = words::head(report).into_iter().map(|(name, text)| (name, show(&text)));
        Self {
            title: report.kind.title().to_owned(),
            account: show(&report.head.account.name),
            head: head.collect(),
            gaps: report.head.gaps.iter().map(|gap| show(gap)).collect(),
            gap_line: words::gaps(report).map(|gaps| show(&gaps)).unwrap_or_default(),
            notes,
            tiles: tiles(report),
            columns: columns.to_vec(),
            groups: groups(report),
            is_empty: report.rows.is_empty(),
            empty,
            digest: report.digest.clone(),
        }
    }

    /// Columns of the table: what is held, its risk, and the rest.
    fn width(&self) -> usize {
        self.columns.len() + 2
    }
}

const COLUMNS: [&str; 6] = ["Through", "State", "Declared", "Since", "Until", "Reason, policies"];

fn tiles(report: &Report) -> Vec<Tile> {
    let counts = &report.head.counts;
    let rows = match report.kind {
        Kind::Violations => "findings",
        Kind::Changes => "changes",
        Kind::Access | Kind::Dormant => "grants",
    };
    let number = match report.kind {
        Kind::Violations | Kind::Changes => report.rows.len(),
        Kind::Access | Kind::Dormant => counts.grants,
    };
    let tile = |label: &str, number, class| Tile { label: label.to_owned(), number, class };
    let mut tiles = vec![tile("people", counts.people, ""), tile(rows, number, "")];
    for risk in [RiskLevel::Critical, RiskLevel::High, RiskLevel::Medium] {
        let number = counts.by_risk.get(&risk).copied().unwrap_or_default();
        tiles.push(tile(&format!("{} risk", risk.label()), number, risk.label()));
    }
    tiles.push(tile("unmanaged", counts.unmanaged, ""));
    tiles
}

/// Neighbouring rows of one holder stand together.
fn groups(report: &Report) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut last: Option<String> = None;
    for row in &report.rows {
        let holder = words::holder(row);
        if last.as_ref() != Some(&holder) {
            groups.push(group(report, row, &holder));
            last = Some(holder);
        }
        if let Some(group) = groups.last_mut() {
            group.rows.push(of_row(report.kind, row));
        }
    }
    groups
}

fn group(report: &Report, row: &Row, holder: &str) -> Group {
    let mut details = Vec::new();
    if let Some(person) = row.user.as_ref().and_then(|user| report.person(user)) {
        details.extend(person.name.as_deref().map(|name| visible(name).into_owned()));
        details.extend(person.org_user_id.as_deref().map(|id| format!("id {}", visible(id))));
        details.push(person.status.label().to_owned());
        details.push(format!("last sign-in {}", words::last_sign_in(person)));
    }
    Group { title: visible(holder).into_owned(), details, rows: Vec::new() }
}

fn of_row(kind: Kind, row: &Row) -> TableRow {
    let declared: Vec<(String, String)> = row
        .declared
        .iter()
        .map(|place| (words::place(place), words::commit(place).unwrap_or_default()))
        .collect();
    let declared = declared.into_iter().map(|(text, more)| (shown(&text), shown(&more))).collect();
    let declared = Cell { label: "Declared", lines: declared };
    let one = |label, text: String| {
        let lines = if text.is_empty() { Vec::new() } else { vec![(shown(&text), String::new())] };
        Cell { label, lines }
    };
    let until = one("Until", row.until.map(words::date).unwrap_or_default());
    let policies = row
        .verdicts
        .iter()
        .map(|verdict| (shown(&format!("policy {}", words::policy(verdict))), shown(&verdict.message)));
    let reasons = row.reason.iter().map(|text| (shown(text), String::new())).chain(policies).collect();
    let reason = Cell { label: "Reason, policies", lines: reasons };
    let state = one("State", row.status.map(|status| status.label().to_owned()).unwrap_or_default());
    let (mark, cells) = match kind {
        Kind::Violations => {
            let finding = row.finding.as_ref();
            let found = finding.map(|finding| (shown(&finding.message), finding.code.label().to_owned()));
            let next = finding.map(|finding| finding.next_step.clone()).unwrap_or_default();
            let found = Cell { label: "Finding", lines: found.into_iter().collect() };
            (None, vec![found, declared, one("Next step", next)])
        }
        Kind::Changes => {
            let mark = row.turn.map(|turn| {
                let word = words::turn(turn);
                (word, word)
            });
            let before = one("Before", row.before.clone().unwrap_or_default());
            (mark, vec![before, declared, until, reason])
        }
        Kind::Access | Kind::Dormant => {
            let mark = match row.status {
                Some(FactStatus::Unmanaged) => Some(("unmanaged", "unmanaged")),
                Some(FactStatus::ToBeRemoved) => Some(("to go", "lost")),
                _ => None,
            };
            let since = one("Since", words::since(row.since.as_ref()));
            (mark, vec![one("Through", words::through(row)), state, declared, since, until, reason])
        }
    };
    let level = row.finding.as_ref().map_or(row.risk.level, |finding| finding.severity);
    TableRow {
        mark,
        what: shown(&words::what(row)),
        risk: level.label(),
        risk_why: if row.finding.is_none() { shown(&row.risk.why) } else { String::new() },
        cells,
    }
}

fn shown(text: &str) -> String {
    visible(text).into_owned()
}
