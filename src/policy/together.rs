//! `together`: a role that is held only together with another. Who gets both gets the other one first.

use super::condition::Condition;
use super::judge::{Examination, Look};
use super::picture::Picture;
use super::select::{self, Selection};
use super::{Policies, Policy, shapes, words};
use crate::facts::{Key, RoleSet, RuleAction, RuleOn, RuleShape};
use crate::plan::{self, Change, ChangeId};
use std::collections::{BTreeMap, BTreeSet};

/// What a person holds at one place: grants of the roles that need another, and of those that are needed.
struct Pair {
    person: usize,
    place: Option<usize>,
    needing: Vec<usize>,
    needed: Vec<usize>,
}

fn pairs<'a>(
    picture: &'a Picture,
    selection: &'a Selection<'a>,
    (set, needs): (&RoleSet, &RoleSet),
    on: RuleOn,
) -> impl Iterator<Item = Pair> + 'a {
    let needing = select::members(set, picture);
    let needed = select::members(needs, picture);
    let people = picture.people.iter().enumerate().filter(|(_, person)| selection.has_person(person));
    people.flat_map(move |(at, person)| {
        let mut pairs = Vec::new();
        for (place, grants) in shapes::by_place(selection, person, on) {
            let is = |roles: &[bool]| -> Vec<usize> {
                grants.iter().copied().filter(|grant| roles[person.grants[*grant].role]).collect()
            };
            let pair = Pair { person: at, place, needing: is(&needing), needed: is(&needed) };
            if !pair.needing.is_empty() {
                pairs.push(pair);
            }
        }
        pairs
    })
}

/// Judges the condition.
pub(super) fn judge(examination: &mut Examination<'_>, set: &RoleSet, needs: &RoleSet, on: RuleOn) {
    let (picture, selection) = (examination.picture, examination.selection);
    for Pair { person, place, needing, needed } in pairs(picture, selection, (set, needs), on) {
        let place = words::place(picture, on, place);
        let email = &picture.people[person].email;
        let violation = needed.is_empty().then(|| {
            let names: Vec<String> =
                needing.iter().map(|grant| words::grant(picture, person, *grant)).collect();
            format!("{email} holds {} without {}{place}", words::listed(&names), words::set_of(needs))
        });
        examination.note(violation, || Look {
            subject: format!("{email}{place}"),
            people: vec![person],
            grants: needing.iter().map(|grant| (person, *grant)).collect(),
            is_exact: true,
            ..Look::default()
        });
    }
}

/// Adds to `after` what additions wait for under a policy with Deny: whoever gets a role that is held only together with
/// another gets the other one first, and what would give such a role meanwhile waits until it no longer does. `picture`
/// shows the account when these changes have come about. Where two roles need each other, either comes first.
pub(super) fn order<'c>(
    policies: &Policies,
    picture: impl Fn(&[&'c Change]) -> Picture,
    effective: &[&'c Change],
    additions: &[&'c Change],
    after: &mut BTreeMap<ChangeId, BTreeSet<ChangeId>>,
) {
    let denies = |policy: &&Policy| policy.rule.action == RuleAction::Deny;
    let is_ordered = |condition: &&Condition| {
        matches!(condition.shape, RuleShape::Together { .. }) && !condition.is_negated
    };
    let conditions = |policy: &'_ Policy| policy.conditions.iter().filter(is_ordered).count();
    if policies.rules.iter().filter(denies).all(|policy| conditions(policy) == 0) {
        return;
    }
    let (finally, meanwhile) = (picture(effective), picture(additions));
    let mut waits = Waits::new(effective, additions, after);
    for policy in policies.rules.iter().filter(denies) {
        for condition in policy.conditions.iter().filter(is_ordered) {
            let RuleShape::Together { set, needs, on, .. } = &condition.shape else { continue };
            let selection = Selection::new(&policy.rule.about, &finally);
            for pair in pairs(&finally, &selection, (set, needs), *on) {
                waits.for_the_other(&finally, &pair);
            }
            let selection = Selection::new(&policy.rule.about, &meanwhile);
            for pair in pairs(&meanwhile, &selection, (set, needs), *on) {
                waits.for_removals(&meanwhile, &pair);
            }
        }
    }
    for (waiting, needed) in waits.new {
        after.entry(waiting.clone()).or_default().insert(needed.clone());
    }
}

/// Which change waits for which.
struct Waits<'a> {
    added: BTreeMap<&'a Key, &'a ChangeId>,
    removed: BTreeMap<&'a Key, &'a ChangeId>,
    known: BTreeMap<&'a ChangeId, BTreeSet<&'a ChangeId>>,
    new: Vec<(&'a ChangeId, &'a ChangeId)>,
}

impl<'a> Waits<'a> {
    fn new(
        effective: &[&'a Change],
        additions: &[&'a Change],
        after: &BTreeMap<ChangeId, BTreeSet<ChangeId>>,
    ) -> Self {
        let ids: BTreeSet<&'a ChangeId> = effective.iter().map(|change| &change.id).collect();
        let added: BTreeMap<&Key, &ChangeId> =
            additions.iter().map(|change| (&change.key, &change.id)).collect();
        let added_ids: BTreeSet<&ChangeId> = added.values().copied().collect();
        let known = effective.iter().map(|change| {
            let judged = after.get(&change.id).into_iter().flatten();
            let needed = judged.filter_map(|id| ids.get(id).copied());
            // A removal waits for an addition only as long as nothing speaks against it.
            let is_firm = |id: &&ChangeId| change.after.is_some() || !added_ids.contains(id);
            (&change.id, change.depends_on.iter().filter(is_firm).chain(needed).collect())
        });
        let removals = effective.iter().filter(|change| change.after.is_none());
        Self {
            known: known.collect(),
            removed: removals.map(|change| (&change.key, &change.id)).collect(),
            added,
            new: Vec::new(),
        }
    }

    /// What gives a role that needs another waits for the shortest way to another.
    fn for_the_other(&mut self, picture: &Picture, pair: &Pair) {
        let added = |grant: &usize| -> BTreeSet<&'a ChangeId> {
            let causes = picture.causes(pair.person, *grant);
            causes.iter().filter_map(|cause| self.added.get(cause).copied()).collect()
        };
        let ways: Vec<BTreeSet<&ChangeId>> = pair.needed.iter().map(added).collect();
        let needing: Vec<BTreeSet<&ChangeId>> = pair.needing.iter().map(added).collect();
        for waiting in needing {
            let ways = ways.iter().map(|way| way.difference(&waiting).copied().collect::<Vec<_>>());
            for needed in ways.min_by_key(Vec::len).into_iter().flatten() {
                for waiting in &waiting {
                    self.add(waiting, needed);
                }
            }
        }
    }

    /// What gives a role that needs another, and does so only until something is taken away, waits for that.
    fn for_removals(&mut self, picture: &Picture, pair: &Pair) {
        let member = Key::Member(picture.people[pair.person].email.clone());
        for grant in &pair.needing {
            let mut causes = picture.causes(pair.person, *grant);
            let waiting: Vec<&ChangeId> =
                causes.iter().filter_map(|cause| self.added.get(cause).copied()).collect();
            causes.push(member.clone());
            if let Some(needed) = causes.iter().find_map(|cause| self.removed.get(cause).copied()) {
                for waiting in waiting {
                    self.add(waiting, needed);
                }
            }
        }
    }

    /// Adds this, unless the needed change waits for this one.
    fn add(&mut self, waiting: &'a ChangeId, needed: &'a ChangeId) {
        let waits_for = |id: &ChangeId| self.known.get(id).into_iter().flatten().copied();
        if !plan::is_behind(needed, waiting, waits_for)
            && self.known.entry(waiting).or_default().insert(needed)
        {
            self.new.push((waiting, needed));
        }
    }
}
