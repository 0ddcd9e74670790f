//! What an account violates as it stands, with the exceptions that cover it: for readers, not for a plan.

use super::judge::{Breach, judge};
use super::known::Known;
use super::picture::Picture;
use super::{Policies, exception};
use crate::facts::{Key, RuleException, World};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// One violation, covered or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundBreach {
    /// What was found.
    pub breach: Breach,
    /// What people hold that is part of it: a role that is held through a group counts as its holder's own. A membership
    /// means its person with everything they hold.
    pub subjects: Vec<Key>,
    /// The exception that covers it.
    pub exception: Option<RuleException>,
}

/// Everything that an account violates, and the exceptions that cover nothing of it.
pub fn found_breaches(
    policies: &Policies,
    known: &Known,
    world: &World,
    now: Timestamp,
) -> (Vec<FoundBreach>, Vec<RuleException>) {
    let facts: Vec<_> = world.facts().iter().map(|(key, value)| (key, value)).collect();
    let picture = Picture::new(&facts, &BTreeSet::new(), known);
    let breaches = judge(policies, &picture, known, None, now);
    let (matched, unused) = exception::matched(policies, &picture, breaches, now);
    let found = matched.into_iter().map(|(breach, exception)| FoundBreach {
        subjects: subjects(&breach, &picture),
        exception: exception.cloned(),
        breach,
    });
    (found.collect(), unused)
}

fn subjects(breach: &Breach, picture: &Picture) -> Vec<Key> {
    let people = || breach.people.iter().map(|person| Key::Member(picture.people[*person].email.clone()));
    if !breach.is_exact && !breach.people.is_empty() {
        return people().collect();
    }
    let grants = breach.grants.iter();
    let held: BTreeSet<Key> = grants.clone().map(|(person, grant)| picture.key_of(*person, *grant)).collect();
    let causes: BTreeSet<Key> = grants.flat_map(|(person, grant)| picture.causes(*person, *grant)).collect();
    let is_left = |key: &&Key| !causes.contains(*key) && !matches!(key, Key::RoleDefinition(..));
    let mut subjects: Vec<Key> =
        held.into_iter().chain(breach.facts.iter().filter(is_left).cloned()).collect();
    if subjects.is_empty() {
        subjects = people().collect();
    }
    if subjects.is_empty() {
        subjects.clone_from(&breach.facts);
    }
    subjects.sort();
    subjects.dedup();
    subjects
}
