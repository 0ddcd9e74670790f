//! A plan as a comment on a pull request: riskiest first, and never longer than such a comment may be.
//!
//! Everything that comes from manifests or the platform is in code, where neither Markdown nor HTML, mentions or
//! references mean anything ([`mod@code`]). What does not fit is cut from the harmless end, and counted: changes in
//! [`changes`], everything else in [`lists`]. The first line is a marker by which a bot finds its comment again.
//!
//! # Guarantees
//!
//! At most [`LONGEST_COMMENT`] characters. The time is linear in the number of changes and entries, sorting aside.

mod changes;
mod code;
mod lists;

use super::{areas, words};
use crate::facts::Family;
use crate::plan::{Action, Entry, Plan, RiskLevel, Unmanaged, Violation, ViolationState};
use changes::Changes;
use code::{code, html, length, slug};
use lists::{list, notes};
use std::collections::BTreeMap;

/// The longest comment GitHub takes, in characters. GitLab takes more.
pub const LONGEST_COMMENT: usize = 65_536;

/// Kept for what is written when the rest is settled: the numbers of what was cut.
const SPARE: usize = 1_000;

/// The plan as a comment, ending in a line break.
pub fn markdown(plan: &Plan) -> String {
    let marker = format!("<!-- koreconcile:plan account={} -->\n", slug(&plan.account.name));
    if is_empty(plan) {
        return format!("{marker}{}\n", nothing(plan));
    }
    let top = marker + &top(plan);
    let bottom = bottom(plan);
    let mut room =
        LONGEST_COMMENT.saturating_sub(length(&top)).saturating_sub(length(&bottom)).saturating_sub(SPARE);

    let changes = Changes::new(plan);
    // Lists get what changes leave of the room, but at least a share of it.
    let spare = room.saturating_sub(changes.length());
    let mut part = |title: &str, entries: &[Entry], share: usize, is_open: bool| {
        let most = (room * share / 100).max(spare * share / 60);
        let text = list(plan, title, entries, most.min(room), is_open);
        room = room.saturating_sub(length(&text));
        text
    };
    let refused = part("Refused by a guard", &plan.refused, 18, true);
    let blocked = part("Blocked", &plan.blocked, 15, true);
    let manual = part("Manual steps", &plan.manual, 10, true);
    let waiting = part("Waiting", &plan.waiting, 6, false);
    let endings = plan.expiring.iter().map(|ending| {
        let places = words::places(&ending.sources).unwrap_or_default();
        format!("{}  {places}", words::ending(plan, ending))
    });
    let endings = notes(&ends_title(plan), endings, (room / 12).max(spare / 30), false);
    room = room.saturating_sub(length(&endings));
    let declared = declared(plan, (room / 8).max(spare / 20));
    room = room.saturating_sub(length(&declared));
    let lines = areas::lines(plan).into_iter();
    let title = format!("<b>Approvals by area</b>: {}", words::thousands(plan.areas.len()));
    let asked = notes(&title, lines, (room / 8).max(spare / 20), true);
    room = room.saturating_sub(length(&asked));
    let warnings =
        notes(&warnings_title(plan), plan.warnings.iter().cloned(), (room / 12).max(spare / 30), false);
    room = room.saturating_sub(length(&warnings));
    let violations = plan.violations.iter().map(|violation| {
        format!("{}  {}", words::violation(violation), words::places(&violation.sources).unwrap_or_default())
    });
    let is_new = |violation: &Violation| violation.state == ViolationState::Introduced;
    let is_open = plan.violations.iter().any(is_new);
    let violations = notes(&violations_title(plan), violations, (room / 6).max(spare / 15), is_open);
    room = room.saturating_sub(length(&violations));
    let [risky, unmanaged] = unmanaged(plan, (room / 12).max(spare / 30));
    room = room.saturating_sub(length(&risky));
    room = room.saturating_sub(length(&unmanaged));
    let (changes, cut) = changes.write(room);
    top + &cut
        + &risky
        + &refused
        + &blocked
        + &declared
        + &asked
        + &violations
        + &changes
        + &manual
        + &endings
        + &waiting
        + &warnings
        + &unmanaged
        + &bottom
}

fn is_empty(plan: &Plan) -> bool {
    plan.is_clean()
        && plan.waiting.is_empty()
        && plan.warnings.is_empty()
        && plan.expiring.is_empty()
        && plan.declared.is_empty()
        && plan.areas.is_empty()
        && plan.violations.is_empty()
        && plan.open_unmanaged().all(|fact| fact.risk.level < RiskLevel::High)
}

/// An empty plan in one line.
fn nothing(plan: &Plan) -> String {
    let unmanaged = match plan.open_unmanaged().count() {
        0 => String::new(),
        _ => format!("; unmanaged (not declared): {}", words::unmanaged(plan.open_unmanaged())),
    };
    let calls = words::counted(plan.observed.calls as usize, "call");
    let name = code(&plan.account.name);
    match words::observed(plan) {
        Some(observed) => format!(
            "✅ {name}: nothing to change in what was looked at (read with {calls}{unmanaged}). Observed: {}.",
            html(&observed)
        ),
        None => format!("✅ {name} matches its manifests: nothing to change (read with {calls}{unmanaged})."),
    }
}

fn top(plan: &Plan) -> String {
    let counts = words::counts(&plan.changes);
    let counts = if counts.is_empty() { "no changes".to_owned() } else { counts };
    let mut top = format!("### Plan for {}: {counts}\n\n", code(&plan.account.name));
    let risks = |level: RiskLevel| plan.changes.iter().filter(|change| change.risk.level == level).count();
    let danger =
        words::said(&[(risks(RiskLevel::Critical), "critical"), (risks(RiskLevel::High), "high risk")], ", ");
    let danger = if danger.is_empty() { danger } else { format!("**{danger}**") };
    let facts: Vec<String> =
        [danger, words::rest(plan, " · ")].into_iter().filter(|part| !part.is_empty()).collect();
    if !facts.is_empty() {
        top += &facts.join(" · ");
        top += "\n\n";
    }
    top + &table(plan)
}

/// How much of what, for plans that are too large to be counted by eye.
fn table(plan: &Plan) -> String {
    let mut rows: BTreeMap<Family, [usize; 3]> = BTreeMap::new();
    for change in &plan.changes {
        let at = match change.action {
            Action::Add => 0,
            Action::Change => 1,
            Action::Remove | Action::Retire | Action::Prune => 2,
        };
        rows.entry(change.key.family()).or_default()[at] += 1;
    }
    if rows.len() < 2 {
        return String::new();
    }
    let cell = |count: usize| if count == 0 { String::new() } else { words::thousands(count) };
    let rows: String = rows
        .into_iter()
        .map(|(family, [add, change, remove])| {
            format!("| {} | {} | {} | {} |\n", family.label(), cell(add), cell(change), cell(remove))
        })
        .collect();
    format!("| | add | change | remove |\n|:--|--:|--:|--:|\n{rows}\n")
}

fn bottom(plan: &Plan) -> String {
    let id = plan.account.id.as_ref().map_or("id unknown", |id| id.as_str());
    let mut lines = Vec::new();
    if plan.changes.is_empty() {
        let calls = words::counted(plan.observed.calls as usize, "call");
        lines.push(format!("**Cost:** nothing to send. Reading took {calls}."));
    } else {
        lines.push(format!("**Cost:** {}", html(&words::cost(plan))));
        lines.push(format!("**Digest:** {}", code(plan.digest.as_str())));
    }
    lines.extend(words::observed(plan).map(|observed| format!("**Observed:** {}", html(&observed))));
    lines.push(format!("**Account:** {} at {}", code(id), code(&plan.account.host)));
    if !plan.write_only.is_empty() {
        lines.push(format!(
            "**Not compared:** {} (profiles, data tables); the platform accepts them and never returns them",
            words::counted(plan.write_only.len(), "write-only value")
        ));
    }
    if plan.redacted {
        lines.push(words::REDACTED.to_owned());
    }
    if !plan.changes.is_empty() {
        lines.push("`+` add · `!` change · `-` remove · `#` source line".to_owned());
    }
    format!("---\n{}\n", lines.join("<br>\n"))
}

/// What is declared and changes nothing at the platform; open where a risk is high.
fn declared(plan: &Plan, most: usize) -> String {
    let is_open = plan.declared.iter().any(|effect| effect.risk.level >= RiskLevel::High);
    let lines = plan.declared.iter().map(|effect| {
        let risk = match effect.risk.level {
            RiskLevel::Low | RiskLevel::Medium => String::new(),
            level => format!("  [{}: {}]", level.label(), effect.risk.why),
        };
        let places = words::places(&effect.sources).unwrap_or_default();
        format!("{}{risk}  {places}", words::effect(plan, effect))
    });
    let title = format!("<b>Declared, and nothing is sent</b>: {}", words::thousands(plan.declared.len()));
    notes(&title, lines, most, is_open)
}

fn ends_title(plan: &Plan) -> String {
    format!("<b>Ends soon</b>: {}", words::thousands(plan.expiring.len()))
}

fn warnings_title(plan: &Plan) -> String {
    format!("<b>Warnings</b>: {}", words::thousands(plan.warnings.len()))
}

fn violations_title(plan: &Plan) -> String {
    format!("<b>Policies</b>: {}", words::violations(&plan.violations))
}

/// What no manifest asks for: high and critical risks open and on top, the rest folded.
fn unmanaged(plan: &Plan, most: usize) -> [String; 2] {
    let (risky, rest): (Vec<&Unmanaged>, Vec<&Unmanaged>) =
        plan.open_unmanaged().partition(|fact| fact.risk.level >= RiskLevel::High);
    let name = |fact: &Unmanaged| words::named(&plan.bots, &fact.subject);
    let risky_lines = risky.iter().map(|fact| {
        format!("{}  [{}: {}]  ({})", name(fact), fact.risk.level.label(), fact.risk.why, fact.why)
    });
    let rest_lines = rest.iter().map(|fact| format!("{}  ({})", name(fact), fact.why));
    let risky_title = format!(
        "<b>Held, and no manifest asks for it</b>: {} of high or critical risk",
        words::thousands(risky.len())
    );
    let title = format!("<b>Unmanaged (not declared)</b>: {}", words::unmanaged(rest.iter().copied()));
    // Nothing risky is folded away: its room is taken from everything else.
    [notes(&risky_title, risky_lines, most * 6, true), notes(&title, rest_lines, most, false)]
}
