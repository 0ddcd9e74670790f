//! What one set of facts has and another has not: two reads, two states of the manifests, or one of each.

use super::model::{Risk, names_of};
use super::risk;
use crate::facts::{BotId, BotName, BuilderAccess, Family, Key, KeyRecord, Source, Value};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// One of the two sides.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// What it is called: a file, a folder or a revision.
    pub label: String,
    /// Whether it was seen, and not declared.
    pub is_observed: bool,
    /// Sorted by fact, each fact once.
    pub facts: Vec<(Key, SideFact)>,
    /// Names of the bots in it.
    pub bots: BTreeMap<BotId, BotName>,
    /// What it could not see.
    pub gaps: Vec<String>,
}

/// A fact of a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideFact {
    /// What it says.
    pub value: Value,
    /// The lines that declare it.
    pub sources: Vec<Source>,
    /// When it ends.
    pub until: Option<Timestamp>,
}

/// What became of a fact on the way from the first side to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Turn {
    /// It is only in the second.
    Gained,
    /// It is in both, with another value or another end.
    Changed,
    /// It is only in the first.
    Lost,
}

impl Turn {
    /// `+`, `~` or `-`.
    pub fn sign(self) -> char {
        match self {
            Self::Gained => '+',
            Self::Changed => '~',
            Self::Lost => '-',
        }
    }
}

/// All that two sides differ in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FactDifference {
    /// Version of this format: `koreconcile.dev/difference/v1`.
    pub format: String,
    /// The first side.
    pub from: String,
    /// The second side.
    pub to: String,
    /// The facts that differ, sorted.
    pub facts: Vec<FactTurn>,
    /// What a side could not see: a fact may be missing there although it holds.
    pub gaps: Vec<String>,
    /// Names of the bots that facts refer to, by id.
    #[schemars(with = "BTreeMap<String, String>")]
    pub bots: BTreeMap<BotId, BotName>,
}

/// One fact that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FactTurn {
    /// What became of it.
    pub turn: Turn,
    /// The fact.
    #[schemars(with = "KeyRecord")]
    pub subject: Key,
    /// Its value in the first.
    pub before: Option<Value>,
    /// Its value in the second.
    pub after: Option<Value>,
    /// When it ended in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until_before: Option<Timestamp>,
    /// When it ends in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until_after: Option<Timestamp>,
    /// The lines that declare it: in the second, or in the first where it is lost.
    pub sources: Vec<Source>,
    /// How much harm its holder could do.
    pub risk: Risk,
}

impl FactDifference {
    /// The version of this format.
    pub const FORMAT: &'static str = "koreconcile.dev/difference/v1";
}

/// Compares two sides. What only one kind of side can tell (profiles, data tables, roles that manifests leave alone) is
/// compared only where both can.
pub fn difference(from: &Side, to: &Side) -> FactDifference {
    let mut facts = Vec::new();
    let (mut left, mut right) = (from.facts.iter().peekable(), to.facts.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((left, _)), Some((right, _))) => left.cmp(right),
        };
        let before = if order.is_le() { left.next() } else { None };
        let after = if order.is_ge() { right.next() } else { None };
        facts.extend(turn(from, to, before, after));
    }
    let keys = facts.iter().map(|fact: &FactTurn| &fact.subject);
    let bots = names_of(keys, |bot| to.bots.get(bot).or_else(|| from.bots.get(bot)).cloned());
    let gaps = [from, to].into_iter();
    let gaps = gaps.flat_map(|side| side.gaps.iter().map(|gap| format!("{}: {gap}", side.label))).collect();
    FactDifference {
        format: FactDifference::FORMAT.to_owned(),
        from: from.label.clone(),
        to: to.label.clone(),
        facts,
        gaps,
        bots,
    }
}

type Known<'a> = Option<&'a (Key, SideFact)>;

fn turn(from: &Side, to: &Side, before: Known<'_>, after: Known<'_>) -> Option<FactTurn> {
    let (key, _) = after.or(before)?;
    let is_mixed = from.is_observed != to.is_observed;
    let is_declared = |side: &Side, known: Known<'_>| !side.is_observed && known.is_some();
    let is_in_manifests = is_declared(from, before) || is_declared(to, after);
    if !is_compared(key, is_mixed, is_in_manifests) {
        return None;
    }
    let told = |known: Known<'_>| known.map(|(_, fact)| fact).filter(|fact| is_told(&fact.value)).cloned();
    let (before, after) = (told(before), told(after));
    let turn = match (&before, &after) {
        (None, None) => return None,
        (None, Some(_)) => Turn::Gained,
        (Some(_), None) => Turn::Lost,
        (Some(left), Some(right)) if is_same(from, to, left, right) => return None,
        (Some(_), Some(_)) => Turn::Changed,
    };
    let risk = risk::of_holding(key, after.as_ref().or(before.as_ref()).map(|fact| &fact.value));
    let sources = after.as_ref().or(before.as_ref()).map(|fact| fact.sources.clone()).unwrap_or_default();
    Some(FactTurn {
        turn,
        subject: key.clone(),
        until_before: before.as_ref().and_then(|fact| fact.until),
        until_after: after.as_ref().and_then(|fact| fact.until),
        before: before.map(|fact| fact.value),
        after: after.map(|fact| fact.value),
        sources,
        risk,
    })
}

/// What no read shows is compared among manifests only, and what manifests leave out says nothing of names and roles.
fn is_compared(key: &Key, is_mixed: bool, is_in_manifests: bool) -> bool {
    match key.family() {
        Family::Profile | Family::DataTables => !is_mixed,
        Family::RoleDefinitions | Family::Names => !is_mixed || is_in_manifests,
        Family::Membership
        | Family::Access
        | Family::Groups
        | Family::AdminRoles
        | Family::BotRoles
        | Family::Assignments => true,
    }
}

/// No builder access is nothing.
fn is_told(value: &Value) -> bool {
    *value != Value::Access(BuilderAccess::None)
}

fn is_same(from: &Side, to: &Side, left: &SideFact, right: &SideFact) -> bool {
    match (from.is_observed, to.is_observed) {
        (true, true) => left.value == right.value,
        (false, false) => left.value == right.value && left.until == right.until,
        (true, false) => left.value.satisfies(&right.value),
        (false, true) => right.value.satisfies(&left.value),
    }
}
