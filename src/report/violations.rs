//! What is wrong: what policies refuse, and what koreconcile itself knows not to be as it is declared.

use super::Evidence;
use super::model::{Finding, FindingCode, Kind, Report, Row, Verdict};
use super::rows::{self, Index};
use crate::facts::{BotId, Directory, Key};
use crate::plan::explain::{Attribution, FactLine, SourceEffect};
use crate::plan::{Action, Change, Entry, Plan, Risk, RiskLevel, risk_of_holding};
use std::collections::HashMap;

/// Every finding, the worst first.
pub fn violations(evidence: Evidence<'_>) -> Report {
    let place = Places::new(evidence);
    let mut rows = of_policies(&place);
    rows.extend(evidence.plan.unmanaged.iter().map(|fact| {
        let finding = Finding {
            severity: fact.risk.level,
            message: match fact.why.as_str() {
                why if why.starts_with("not declared") => format!("held, {why}"),
                why => format!("held, not declared ({why})"),
            },
            next_step: "declare it in a manifest, or remove it in the Admin Console".to_owned(),
            ..finding(FindingCode::Unmanaged)
        };
        place.row(&fact.subject, finding)
    }));
    rows.extend(evidence.plan.changes.iter().map(|change| of_change(&place, change)));
    let Plan { blocked, manual, refused, .. } = evidence.plan;
    for (code, entries) in
        [(FindingCode::Blocked, blocked), (FindingCode::Manual, manual), (FindingCode::Refused, refused)]
    {
        rows.extend(entries.iter().map(|entry| of_entry(&place, code, entry)));
    }
    let severity =
        |row: &Row| row.finding.as_ref().map(|finding| (finding.severity, std::cmp::Reverse(finding.code)));
    rows.sort_by(|left, right| {
        severity(right).cmp(&severity(left)).then_with(|| rows::order(left).cmp(&rows::order(right)))
    });
    Report::new(Kind::Violations, evidence, rows)
}

/// Where verdicts come in: one finding a verdict and subject. What an exception covers is listed, as nothing to correct.
fn of_policies(place: &Places<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for verdict in place.evidence.verdicts {
        let Verdict { policy, severity, message, subjects, excepted_by, excepted_until } = verdict;
        let until = excepted_until.map(|until| format!(" until {until}")).unwrap_or_default();
        let finding = Finding {
            severity: if excepted_by.is_some() { RiskLevel::Low } else { *severity },
            message: match excepted_by {
                Some(exception) => {
                    format!("{message} (policy {policy}; exception {exception} covers it{until})")
                }
                None => format!("{message} (policy {policy})"),
            },
            next_step: match excepted_by {
                Some(_) => "nothing to do until the exception ends".to_owned(),
                None => "change what it refuses, or write a KorePolicyException".to_owned(),
            },
            policy: Some(policy.clone()),
            exception: excepted_by.clone(),
            ..finding(FindingCode::Policy)
        };
        match subjects.as_slice() {
            [] => rows.push(nameless(finding)),
            subjects => rows.extend(subjects.iter().map(|key| place.row(key, finding.clone()))),
        }
    }
    rows
}

fn of_change(place: &Places<'_>, change: &Change) -> Row {
    let held = risk_of_holding(&change.key, change.before.as_ref()).level;
    let apply = "look at the plan, then run koreconcile apply".to_owned();
    let not_taken_back = |message: String| Finding {
        severity: held.max(RiskLevel::Medium),
        message,
        next_step: apply.clone(),
        ..finding(FindingCode::NotTakenBack)
    };
    let finding = match change.action {
        Action::Remove if change.has_ended() => Finding {
            severity: held.max(RiskLevel::High),
            message: "its end has passed, and it is still held".to_owned(),
            next_step: "end it with koreconcile apply --ended".to_owned(),
            ..finding(FindingCode::Overdue)
        },
        Action::Remove => not_taken_back("declared absent, and still held".to_owned()),
        Action::Retire => not_taken_back("no longer declared, and still held".to_owned()),
        Action::Prune => not_taken_back("not declared in an authoritative list, and still held".to_owned()),
        Action::Add | Action::Change => Finding {
            severity: RiskLevel::Low,
            message: match (&change.before, &change.after) {
                (Some(before), Some(after)) => format!("declared as {after}, and the account has {before}"),
                _ => "declared, and not in the account".to_owned(),
            },
            next_step: apply,
            ..finding(FindingCode::NotInPlace)
        },
    };
    place.row(&change.key, finding)
}

fn of_entry(place: &Places<'_>, code: FindingCode, entry: &Entry) -> Row {
    let subject = entry.subjects.first();
    let held = subject.and_then(|key| Some(risk_of_holding(key, Some(place.evidence.world.get(key)?)).level));
    // Where no fact can name what it is about, the text does.
    let about = if subject.is_none() && !entry.subject.is_empty() && !entry.message.contains(&entry.subject) {
        format!("{}: ", entry.subject)
    } else {
        String::new()
    };
    let finding = Finding {
        severity: held.unwrap_or(RiskLevel::Low).max(RiskLevel::Medium),
        message: about + &entry.message,
        next_step: entry.next_step.clone(),
        plan_reason: Some(entry.reason),
        ..finding(code)
    };
    if let Some(key) = subject {
        return place.row(key, finding);
    }
    let lines = entry.sources.iter();
    let declared = lines.map(|source| Attribution::new(SourceEffect::Grants, source)).collect();
    Row { declared, ..nameless(finding) }
}

fn finding(code: FindingCode) -> Finding {
    Finding {
        code,
        severity: RiskLevel::Low,
        message: String::new(),
        next_step: String::new(),
        plan_reason: None,
        policy: None,
        exception: None,
    }
}

/// Finds the line of a fact.
struct Places<'a> {
    evidence: Evidence<'a>,
    index: Index<'a>,
    lines: HashMap<Key, &'a FactLine>,
}

impl<'a> Places<'a> {
    fn new(evidence: Evidence<'a>) -> Self {
        let lines = evidence.explanation.lines.iter();
        let lines = lines.filter_map(|line| Some((line.fact.key()?, line))).collect();
        Self { evidence, index: Index::new(evidence), lines }
    }

    /// A finding about a fact.
    fn row(&self, key: &Key, finding: Finding) -> Row {
        let known = self.lines.get(key).and_then(|line| self.index.row(line, None));
        let row = known.unwrap_or_else(|| of_key(key, &self.evidence.world.directory));
        Row { finding: Some(finding), ..row }
    }
}

/// A finding about a name or about the account.
fn nameless(finding: Finding) -> Row {
    let risk = Risk { level: finding.severity, why: String::new() };
    Row { finding: Some(finding), ..Row::new(risk) }
}

/// A row of a fact of which no line tells.
pub(super) fn of_key(key: &Key, directory: &Directory) -> Row {
    let name = |bot: &BotId| directory.bot_label(bot).to_owned();
    Row {
        user: key.email().cloned(),
        family: Some(key.family()),
        role: key.role().map(|(_, role)| role.clone()),
        bot: key.bot().map(name),
        bot_id: key.bot().cloned(),
        group: key.group().cloned(),
        ..Row::new(risk_of_holding(key, None))
    }
}
