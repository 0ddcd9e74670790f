//! What was gained and lost between two reads of one account.

use super::model::{Kind, Report, Row};
use super::{Evidence, gaps, rows, violations};
use crate::facts::{BuilderAccess, Email, Family, Key, Value, World};
use crate::plan::explain::FactLine;
use crate::plan::{Turn, risk_of_holding};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The first of the two reads.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// What was seen.
    pub world: &'a World,
    /// When.
    pub read_at: Timestamp,
}

/// What became of every grant between an earlier read and the one of the evidence.
///
/// What only a look-up shows is compared for people who were looked up both times; of everybody else the head has a gap.
pub fn changes(before: Moment<'_>, evidence: Evidence<'_>) -> Report {
    let after = evidence.world;
    let mut rows: Vec<Row> = Vec::new();
    let known: BTreeMap<Key, Row> = current(evidence);
    let unseen = unseen(before.world, after);
    let is_compared = |key: &Key| {
        is_grant(key)
            && !(key.family() == Family::Assignments
                && key.email().is_some_and(|email| unseen.contains(email)))
    };
    for (key, seen) in after.facts().iter().filter(|(key, value)| is_compared(key) && is_held(value)) {
        let earlier = before.world.get(key).filter(|value| is_held(value));
        let turn = match earlier {
            None => Turn::Gained,
            Some(earlier) if is_other(earlier, seen) => Turn::Changed,
            Some(_) => continue,
        };
        let row = known.get(key).cloned().unwrap_or_else(|| violations::of_key(key, &after.directory));
        let before = earlier.map(ToString::to_string);
        rows.push(Row { turn: Some(turn), value: Some(seen.to_string()), before, ..row });
    }
    for (key, seen) in before.world.facts().iter().filter(|(key, value)| is_compared(key) && is_held(value)) {
        if after.get(key).is_some_and(is_held) {
            continue;
        }
        let row = violations::of_key(key, &before.world.directory);
        let risk = risk_of_holding(key, Some(seen));
        rows.push(Row { turn: Some(Turn::Lost), before: Some(seen.to_string()), risk, ..row });
    }
    rows.sort_by(|left, right| rows::order(left).cmp(&rows::order(right)).then(left.turn.cmp(&right.turn)));
    let mut report = Report::new(Kind::Changes, evidence, rows);
    let earlier = gaps::gaps_of(before.world).into_iter();
    report.head.gaps.extend(earlier.map(|gap| format!("at {}: {gap}", before.read_at)));
    report.head.compared_with = Some(before.read_at);
    report.sealed()
}

/// The rows of what is held now, by fact.
fn current(evidence: Evidence<'_>) -> BTreeMap<Key, Row> {
    let index = rows::Index::new(evidence);
    let lines = evidence.explanation.lines.iter();
    // What is held through several groups is one fact: the first of them stands for it.
    let first = |line: &FactLine| index.grants(line).into_iter().next().or_else(|| index.row(line, None));
    lines.filter_map(|line| Some((line.fact.key()?, first(line)?))).collect()
}

/// People who were in the account both times and looked up once at most.
fn unseen<'a>(before: &'a World, after: &'a World) -> BTreeSet<&'a Email> {
    gaps::not_looked_up(before).chain(gaps::not_looked_up(after)).collect()
}

fn is_grant(key: &Key) -> bool {
    match key.family() {
        Family::Membership
        | Family::Access
        | Family::Groups
        | Family::AdminRoles
        | Family::BotRoles
        | Family::Assignments => true,
        Family::RoleDefinitions | Family::Names | Family::Profile | Family::DataTables => false,
    }
}

fn is_held(value: &Value) -> bool {
    *value != Value::Access(BuilderAccess::None)
}

/// Whether a value changed. Whoever accepts an invitation gains nothing that was not given before.
fn is_other(before: &Value, after: &Value) -> bool {
    !matches!((before, after), (Value::Member(_), Value::Member(_))) && before != after
}
