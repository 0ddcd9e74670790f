//! What the account has made of the manifests: facts that may be written down as they are, or reverted.
//!
//! In: a plan, the world it was made of, and what earlier runs remember. Out: each fact that the account changed by
//! itself. A line that was added or deleted in the manifests is no drift; where nothing proves which side moved, the
//! fact is listed as undecided, and only a choice by name takes it.

use super::model::{Action, Change, Origin, Plan, Reason, Risk};
use super::{Memory, risk};
use crate::facts::{self, Email, Family, Key, Source, Value, World};
use std::collections::{BTreeMap, BTreeSet};

/// A fact in which account and manifests differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// Which one.
    pub key: Key,
    /// How they differ.
    pub difference: Difference,
    /// What was observed; nothing, where it is gone.
    pub seen: Option<Value>,
    /// What is declared; nothing, where it is not.
    pub declared: Option<Value>,
    /// How much harm its holder could do.
    pub risk: Risk,
    /// The lines that declare it.
    pub sources: Vec<Source>,
    /// The account moved: a base revision or the memory proves it.
    pub is_proved: bool,
    /// An apply would revert it.
    pub is_reverted: bool,
    /// Facts about a user who is gone, which go with them.
    pub follows: usize,
}

/// How account and manifests differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Difference {
    /// Observed, not declared.
    New,
    /// Observed with another value than declared.
    Changed,
    /// Declared, not observed any more.
    Gone,
    /// Declared absent, and observed.
    Back,
}

impl Difference {
    /// `+`, `~` or `-`: what adopting does to the manifests.
    pub fn sign(self) -> char {
        match self {
            Self::New | Self::Back => '+',
            Self::Changed => '~',
            Self::Gone => '-',
        }
    }

    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::New => "not declared",
            Self::Changed => "declared otherwise",
            Self::Gone => "declared, and not in the account any more",
            Self::Back => "declared absent, and in the account",
        }
    }
}

/// Every fact that account and manifests disagree about and that a manifest can say, the highest risk first.
pub fn drift(plan: &Plan, world: &World, memory: &Memory) -> Vec<Drift> {
    let gone = people_gone(plan, world);
    let mut found: Vec<Drift> = Vec::new();
    found.extend(plan.unmanaged.iter().filter_map(|fact| {
        let is_shown = fact.tolerated.is_none() && facts_of_others(&fact.subject, world);
        is_shown.then(|| new(&fact.subject, world, memory))
    }));
    for change in &plan.changes {
        let belongs_to_gone = change.key.email().is_some_and(|email| gone.contains_key(email));
        if !belongs_to_gone && change.origin != Origin::Edited {
            found.extend(of_change(plan, change, memory));
        }
    }
    found.extend(gone.into_iter().map(|(email, person)| person.into_drift(email, memory)));
    found
        .sort_by(|left, right| right.risk.level.cmp(&left.risk.level).then_with(|| left.key.cmp(&right.key)));
    found
}

/// Whether a fact that others gave can be declared at all.
fn facts_of_others(key: &Key, world: &World) -> bool {
    let is_listed = key.bot().is_none_or(|bot| !world.lacks_bot(bot));
    let is_direct = !matches!(world.get(key), None | Some(Value::Inherited(_)));
    let is_kind = matches!(
        key,
        Key::Member(_) | Key::InGroup(..) | Key::AdminRole(..) | Key::BotRole(..) | Key::Assigned(..)
    );
    is_kind && is_listed && is_direct
}

fn new(key: &Key, world: &World, memory: &Memory) -> Drift {
    Drift {
        key: key.clone(),
        difference: Difference::New,
        seen: world.get(key).cloned(),
        declared: None,
        risk: risk::of_holding(key, world.get(key)),
        sources: Vec::new(),
        // What is remembered was declared once: the manifests have moved.
        is_proved: facts::find(&memory.facts, key).is_none(),
        is_reverted: false,
        follows: 0,
    }
}

fn of_change(plan: &Plan, change: &Change, memory: &Memory) -> Option<Drift> {
    let Change { key, action, before, after, sources, .. } = change;
    let known = facts::find(&memory.facts, key).filter(|fact| fact.read_back.is_some());
    let is_writable = !key.family().is_write_only() && !change.is_rewrite();
    let (difference, is_remembered) = match action {
        Action::Add if matches!(key, Key::Names(_) | Key::Access(_)) => return None,
        Action::Add => (Difference::Gone, known.is_some()),
        Action::Change => {
            (Difference::Changed, known.is_some_and(|fact| Some(&fact.value) == after.as_ref()))
        }
        Action::Remove if plan.ended.contains(&change.id) => return None,
        Action::Remove => (Difference::Back, false),
        // Of what is not in an authoritative list, somebody else has given it.
        Action::Prune => (Difference::New, true),
        // A line was deleted.
        Action::Retire => return None,
    };
    let is_direct = !matches!(before, Some(Value::Inherited(_)));
    (is_writable && is_direct).then(|| Drift {
        key: key.clone(),
        difference,
        seen: before.clone(),
        declared: after.clone(),
        risk: match difference {
            Difference::New | Difference::Back | Difference::Changed => {
                risk::of_holding(key, before.as_ref())
            }
            Difference::Gone => change.risk.clone(),
        },
        sources: sources.clone(),
        is_proved: change.origin == Origin::Drift || is_remembered,
        is_reverted: true,
        follows: 0,
    })
}

/// A user who is gone, with what is declared of them.
struct Gone {
    keys: BTreeSet<Key>,
    sources: Vec<Source>,
    is_drift: bool,
}

impl Gone {
    fn into_drift(self, email: Email, memory: &Memory) -> Drift {
        let is_remembered =
            |key: &Key| facts::find(&memory.facts, key).is_some_and(|fact| fact.read_back.is_some());
        let is_proved = self.is_drift || self.keys.iter().any(is_remembered);
        let key = Key::Member(email);
        let follows = self.keys.iter().filter(|other| **other != key).count();
        Drift {
            risk: risk::assess(&key, Action::Remove, None),
            key,
            difference: Difference::Gone,
            seen: None,
            declared: None,
            sources: self.sources,
            is_proved,
            is_reverted: true,
            follows,
        }
    }
}

/// Users of whom something is declared and whom the account does not have: invited anew by the plan, or blocked
/// because nothing declares them.
fn people_gone(plan: &Plan, world: &World) -> BTreeMap<Email, Gone> {
    let mut gone: BTreeMap<Email, Gone> = BTreeMap::new();
    let invited: BTreeSet<&Email> = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Add && change.origin != Origin::Edited)
        .filter_map(|change| match &change.key {
            Key::Member(email) => Some(email),
            _ => None,
        })
        .collect();
    for change in &plan.changes {
        let Some(email) = change.key.email().filter(|email| invited.contains(*email)) else { continue };
        let entry = gone.entry(email.clone()).or_insert_with(|| Gone {
            keys: BTreeSet::new(),
            sources: Vec::new(),
            is_drift: false,
        });
        entry.keys.insert(change.key.clone());
        if let Key::Member(_) = change.key {
            entry.sources.clone_from(&change.sources);
            entry.is_drift = change.origin == Origin::Drift;
        }
    }
    let unknown = plan.blocked.iter().filter(|entry| entry.reason == Reason::SubjectUnknown);
    for entry in unknown {
        let email = entry.subjects.first().and_then(Key::email);
        let Some(email) = email.filter(|email| world.coverage.not_found.contains(*email)) else { continue };
        let gone = gone.entry(email.clone()).or_insert_with(|| Gone {
            keys: BTreeSet::new(),
            sources: entry.sources.clone(),
            is_drift: false,
        });
        gone.keys.extend(entry.subjects.iter().filter(|key| key.email() == Some(email)).cloned());
    }
    gone
}

impl Drift {
    /// Whether it is an access that a manifest can let end.
    pub fn is_grant(&self) -> bool {
        let is_given = matches!(self.difference, Difference::New | Difference::Back);
        let families = [Family::Groups, Family::AdminRoles, Family::BotRoles, Family::Assignments];
        is_given && families.contains(&self.key.family())
    }
}
