//! What a plan says about single facts. Every status of an explanation comes from here: the rule itself is in
//! `plan/diff` and is not repeated.

use super::answer::{FactStatus, Obstacle, ObstacleDetail};
use super::collect::FactEvidence;
use crate::facts::{Email, Key, Listing, Source, Value, Verdict, Want, World};
use crate::plan::diff::NOT_DECLARED;
use crate::plan::{Action, Change, Entry, Plan, Reason};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A plan, by fact.
pub(super) struct PlannedFacts<'p> {
    changes: HashMap<&'p Key, &'p Change>,
    /// People whose membership is to be removed: everything about them goes along.
    leaving: HashSet<&'p Email>,
    unmanaged: HashMap<&'p Key, &'p str>,
    entries: Vec<(Obstacle, &'p Entry)>,
    of_fact: HashMap<&'p Key, Vec<usize>>,
    /// Entries about a name: they have no facts, only lines.
    about_names: Vec<(Obstacle, &'p Entry)>,
    world: &'p World,
    /// Everyone was listed: what counts over the account means something.
    is_account_wide: bool,
}

/// A status, and in words what no line of a manifest says about it.
pub(super) struct Derived {
    pub(super) status: FactStatus,
    pub(super) why: Option<String>,
}

impl From<FactStatus> for Derived {
    fn from(status: FactStatus) -> Self {
        Self { status, why: None }
    }
}

impl<'p> PlannedFacts<'p> {
    pub(super) fn new(plan: &'p Plan, world: &'p World) -> Self {
        let sections = [
            (Obstacle::Blocked, &plan.blocked),
            (Obstacle::Waiting, &plan.waiting),
            (Obstacle::Manual, &plan.manual),
            (Obstacle::Refused, &plan.refused),
        ];
        let entries: Vec<(Obstacle, &Entry)> = sections
            .into_iter()
            .flat_map(|(obstacle, entries)| entries.iter().map(move |entry| (obstacle, entry)))
            .collect();
        let mut of_fact: HashMap<&Key, Vec<usize>> = HashMap::new();
        for (at, (_, entry)) in entries.iter().enumerate() {
            for key in &entry.subjects {
                let places = of_fact.entry(key).or_default();
                if places.last() != Some(&at) {
                    places.push(at);
                }
            }
        }
        let removed =
            plan.changes.iter().filter(|change| change.action.is_removal()).map(|change| &change.key);
        // Observed members whose removal is held back: what they hold goes when they can go.
        let held_back = entries.iter().filter(|(_, entry)| {
            matches!(entry.reason, Reason::NotProved | Reason::OwnsBots | Reason::ScopeNotProved)
        });
        let held_back =
            held_back.flat_map(|(_, entry)| &entry.subjects).filter(|key| world.get(key).is_some());
        let leaving = removed.chain(held_back).filter_map(|key| match key {
            Key::Member(email) => Some(email),
            _ => None,
        });
        let leaving = leaving.collect();
        let about_names = entries.iter().filter(|(_, entry)| entry.subjects.is_empty()).copied().collect();
        Self {
            about_names,
            changes: plan.changes.iter().map(|change| (&change.key, change)).collect(),
            leaving,
            unmanaged: plan.unmanaged.iter().map(|fact| (&fact.subject, fact.why.as_str())).collect(),
            entries,
            of_fact,
            world,
            is_account_wide: world.coverage.listings.contains_key(&Listing::Users),
        }
    }

    /// Where a fact is between what is declared and what is observed, as the plan has it.
    pub(super) fn status(&self, key: &Key, evidence: &FactEvidence<'_>) -> Derived {
        let FactEvidence { wants, seen, through } = evidence;
        if let Some(change) = self.changes.get(key) {
            return status_of_change(change);
        }
        if seen.is_some() && self.goes_with_person(key) {
            let why = "removed together with the person, who is to leave the account".to_owned();
            return Derived { status: FactStatus::ToBeRemoved, why: Some(why) };
        }
        if let Some(Value::Inherited(groups)) = seen {
            let untold = groups.iter().filter(|group| through.iter().all(|known| known.group != **group));
            let names: Vec<String> = untold.map(ToString::to_string).collect();
            let why = (!names.is_empty()).then(|| format!("held through group {}", names.join(", ")));
            return Derived { status: FactStatus::Inherited, why };
        }
        let is_given_by_group = through.iter().any(super::collect::Through::is_declared);
        match (declared(wants), seen) {
            (Some(Verdict::Present(value)), Some(seen)) if seen.satisfies(value) => FactStatus::Held.into(),
            (Some(Verdict::Present(_)), Some(_)) => FactStatus::Differs.into(),
            (Some(Verdict::Present(_)), None) if key.family().is_write_only() => {
                let why = "the platform accepts it and never shows it".to_owned();
                Derived { status: FactStatus::Declared, why: Some(why) }
            }
            (Some(Verdict::Present(_)), None) => self.not_observed(key),
            (Some(Verdict::Absent), Some(_)) => self.declared_absent(key),
            (None, None) if is_given_by_group => self.not_observed(key),
            (Some(Verdict::Absent), None) => FactStatus::Absent.into(),
            (None, Some(_)) => self.undeclared(key),
            (None, None) => FactStatus::NotHeld.into(),
        }
    }

    fn goes_with_person(&self, key: &Key) -> bool {
        key.email().is_some_and(|email| self.leaving.contains(email))
    }

    /// Declared and not observed, and no change adds it: whether it is missing at all may not be proved.
    fn not_observed(&self, key: &Key) -> Derived {
        match self.world.proves_absent(key) {
            Ok(()) => FactStatus::Missing.into(),
            Err(why) => Derived { status: FactStatus::Unknown, why: Some(why) },
        }
    }

    /// Declared absent and observed, and no change removes it: an entry says why, or it is not ours to take.
    fn declared_absent(&self, key: &Key) -> Derived {
        if self.entries_of(key).next().is_some() { FactStatus::ToBeRemoved.into() } else { unmanaged(key) }
    }

    /// Observed and not declared, and no change prunes it.
    fn undeclared(&self, key: &Key) -> Derived {
        let reasons = || self.entries_of(key).map(|(_, entry)| entry.reason);
        if reasons().any(|reason| reason == Reason::ScopeNotProved) {
            let why = (!self.is_account_wide)
                .then(|| "pruned by a plan for which every listing was read completely".to_owned());
            return Derived { status: FactStatus::ToBeRemoved, why };
        }
        if reasons().next().is_some() {
            return FactStatus::ToBeRemoved.into();
        }
        match self.unmanaged.get(key) {
            Some(why) => Derived {
                status: FactStatus::Unmanaged,
                why: (*why != NOT_DECLARED).then(|| (*why).to_owned()),
            },
            None => unmanaged(key),
        }
    }

    fn entries_of(&self, key: &Key) -> impl Iterator<Item = &(Obstacle, &'p Entry)> {
        self.of_fact.get(key).into_iter().flatten().filter_map(|at| self.entries.get(*at))
    }

    /// What the plan says is in the way of this fact; `key` is absent where a name in it means nothing.
    pub(super) fn obstacles(&self, key: Option<&Key>, evidence: &FactEvidence<'_>) -> Vec<ObstacleDetail> {
        let named = key.into_iter().flat_map(|key| self.entries_of(key)).filter(|(_, entry)| {
            // These count over the whole account, which was not read.
            let is_account_wide =
                matches!(entry.reason, Reason::RemovalCeiling | Reason::AdminFloor | Reason::ScopeNotProved);
            self.is_account_wide || !is_account_wide
        });
        let bindings = evidence.through.iter().filter_map(|through| through.binding);
        let sources: BTreeSet<&Source> =
            evidence.wants.iter().copied().chain(bindings).flat_map(|want: &Want| &want.sources).collect();
        let email = key.and_then(Key::email);
        // An entry without subjects is about a name, and so about everything that its lines ask for.
        let by_name = self.about_names.iter().filter(|(_, entry)| match entry.reason {
            Reason::AddressAmbiguous => email.is_some_and(|email| self.has_twins(email)),
            _ => entry.sources.iter().any(|source| sources.contains(source)),
        });
        named
            .chain(by_name)
            .map(|(obstacle, entry)| ObstacleDetail {
                obstacle: *obstacle,
                reason: entry.reason,
                message: entry.message.clone(),
                next_step: entry.next_step.clone(),
            })
            .collect()
    }

    fn has_twins(&self, email: &Email) -> bool {
        self.world.directory.users.get(email).is_some_and(|user| user.spellings.len() > 1)
    }
}

fn status_of_change(change: &Change) -> Derived {
    match change.action {
        Action::Add => FactStatus::Missing.into(),
        Action::Change if change.is_rewrite() => FactStatus::Declared.into(),
        Action::Change => FactStatus::Differs.into(),
        Action::Remove => FactStatus::ToBeRemoved.into(),
        Action::Retire => {
            let was = change.sources.first().map(|source| format!(", was {source}")).unwrap_or_default();
            let why = format!("no longer declared{was}");
            Derived { status: FactStatus::ToBeRemoved, why: Some(why) }
        }
        Action::Prune => {
            let why = change.sources.is_empty().then(|| ownership_rule(&change.key));
            Derived { status: FactStatus::ToBeRemoved, why: why.flatten() }
        }
    }
}

/// What manifests declare about a fact. Absent wins, as it does in the plan.
fn declared<'w>(wants: &[&'w Want]) -> Option<&'w Verdict> {
    let absent = wants.iter().find(|want| want.verdict == Verdict::Absent);
    absent.or(wants.first()).map(|want| &want.verdict)
}

fn unmanaged(key: &Key) -> Derived {
    let is_bot_owner = key.role().is_some_and(|(_, role)| role.is_bot_owner());
    let why = is_bot_owner
        .then(|| "given when the bot was created; koreconcile neither grants nor removes it".to_owned());
    Derived { status: FactStatus::Unmanaged, why }
}

/// Which ownership prunes a fact that is in no list.
fn ownership_rule(key: &Key) -> Option<String> {
    let field = match key {
        Key::Member(_) => "users",
        Key::AdminRole(..) | Key::BotRole(..) => "roleBindings",
        Key::Assigned(..) => "botAssignments",
        Key::RoleDefinition(..)
        | Key::Names(_)
        | Key::Access(_)
        | Key::Profile(_)
        | Key::DataTables(_)
        | Key::InGroup(..) => return None,
    };
    Some(format!("not declared, and spec.ownership.{field} is Remove"))
}
