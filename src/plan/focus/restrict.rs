//! Which changes of a comparison the look-ups prove. What they do not prove is deferred and named.

use super::super::guard::takes_master_admin;
use super::super::model::{Action, Change, ChangeId, Entry, Plan, Reason};
use super::super::{Context, defer};
use super::{Earlier, holders_of_master_admin, is_risky, listing_of};
use crate::facts::{Decided, Email, Family, Holder, Key, Listing, Look, Looks, Policy, World, count};
use std::collections::{BTreeMap, BTreeSet};

/// What decides.
pub(super) struct Restriction<'a> {
    pub(super) earlier: Earlier<'a>,
    pub(super) looks: &'a Looks,
    /// What they decide about.
    pub(super) decided: &'a Decided<'a>,
    /// The earlier read with the look-ups laid over it.
    pub(super) world: &'a World,
    /// What else a change waits for.
    pub(super) waits: &'a dyn Fn(&Change) -> Option<String>,
}

impl Restriction<'_> {
    /// The plan with every change that is not proved now deferred: named, by what it lacks. Ceilings count it all the same.
    pub(super) fn restrict(&self, plan: Plan, policy: &Policy, context: &Context) -> Plan {
        let mut joining: BTreeSet<Email> = BTreeSet::new();
        let mut left: BTreeMap<String, Vec<&Change>> = BTreeMap::new();
        // With a person goes what they hold: where that is not decided, nothing of it is.
        let named = plan.blocked.iter().flat_map(|entry| &entry.subjects);
        let undecided: BTreeSet<&Email> =
            named.filter_map(|key| if let Key::Member(email) = key { Some(email) } else { None }).collect();
        let is_undecided = |change: &Change| {
            change.before.is_some() && change.key.email().is_some_and(|email| undecided.contains(email))
        };
        // A membership comes before what depends on it.
        let mut held: BTreeSet<&ChangeId> = BTreeSet::new();
        for change in &plan.changes {
            // What depends on another waits with it.
            if change.depends_on.iter().any(|id| held.contains(id)) {
                held.insert(&change.id);
                continue;
            }
            let undecided = is_undecided(change)
                .then(|| "whether the people they are about leave is not proved".to_owned());
            match undecided.or_else(|| self.missing_proof(change, &joining)) {
                Some(why) => {
                    held.insert(&change.id);
                    left.entry(why).or_default().push(change);
                }
                None => {
                    if let (Key::Member(email), Action::Add) = (&change.key, change.action) {
                        joining.insert(email.clone());
                    }
                }
            }
        }
        let entries: Vec<Entry> = left.iter().map(|(why, changes)| entry(why, changes, context)).collect();
        // What is sent by nobody is refused by no guard: the full read decides about it.
        let left: BTreeSet<&ChangeId> = entries.iter().flat_map(|entry| &entry.changes).collect();
        let mut refused = plan.refused.clone();
        refused.retain(|entry| entry.changes.is_empty() || !entry.changes.iter().all(|id| left.contains(id)));
        defer(Plan { refused, ..plan }, entries, policy, context)
    }

    /// What a change lacks; nothing: it is proved.
    fn missing_proof(&self, change: &Change, joining: &BTreeSet<Email>) -> Option<String> {
        if change.action == Action::Prune {
            return Some("what was never declared is pruned only after a full read".to_owned());
        }
        self.missing_look(change, joining)
            .or_else(|| self.missing_admins(change))
            .or_else(|| self.missing_export(change))
            .or_else(|| (self.waits)(change))
    }

    /// The answer about its own subject.
    fn missing_look(&self, change: &Change, joining: &BTreeSet<Email>) -> Option<String> {
        if let Some(Holder::Group(group)) = change.key.holder() {
            let is_seen = self.decided.has_group(group);
            return (!is_seen).then(|| format!("not all members of group {group} were looked up"));
        }
        let Some(email) = change.key.email() else {
            let listing = listing_of(&change.key)?;
            return (!self.looks.has_read(listing)).then(|| format!("{} was not read", listing.label()));
        };
        match self.looks.about(email, self.earlier.world) {
            Look::Unanswered => Some("the people they are about did not answer a look-up".to_owned()),
            Look::Contradicted => {
                Some("a look-up does not find people whom the last full read shows".to_owned())
            }
            Look::StateUnknown => {
                Some("the answers leave out whether the people have accepted their invitation".to_owned())
            }
            Look::NotFound => self.missing_absence(change, joining),
            Look::Found if is_covered(change, email, self.looks) => None,
            Look::Found => Some(format!("the answers leave out {}", change.key.family().label())),
        }
    }

    /// Of a new person: no match in a listing, beside their own *not found*. A memory lists nobody, and is no reason to
    /// send anything.
    fn missing_absence(&self, change: &Change, joining: &BTreeSet<Email>) -> Option<String> {
        match &change.key {
            Key::Member(_) if change.action == Action::Add => {
                let is_listed = self.earlier.rest.is_remembered()
                    || self.earlier.world.coverage.requires(Listing::Users).is_ok();
                (!is_listed).then(|| "the list of users that was read last is not complete".to_owned())
            }
            key => {
                let is_joining = key.email().is_some_and(|email| joining.contains(email));
                (!is_joining).then(|| "the people they are about are not in the account".to_owned())
            }
        }
    }

    /// Whoever takes Master Admin away has to have seen all who hold it.
    fn missing_admins(&self, change: &Change) -> Option<String> {
        let is_removal = change.action.is_removal();
        let (earlier, world) = (self.earlier.world, self.world);
        let takes = |world: &World| !takes_master_admin(&change.key, is_removal, world).is_empty();
        if !takes(earlier) && !takes(world) {
            return None;
        }
        if self.earlier.rest.is_remembered() {
            return Some("who else holds Master Admin is known only after a full read".to_owned());
        }
        let mut holders = holders_of_master_admin(earlier).into_iter().chain(holders_of_master_admin(world));
        let is_unseen = holders.any(|email| {
            self.looks.about(&email, earlier) != Look::Found || !self.looks.covers(&email, Family::AdminRoles)
        });
        is_unseen.then(|| "not everybody who holds Master Admin was looked up".to_owned())
    }

    /// A role with high risk is given only after another look at what it permits.
    fn missing_export(&self, change: &Change) -> Option<String> {
        let listing = listing_of(&change.key)
            .filter(|_| !change.action.is_removal() && is_risky(&change.key, change.after.as_ref()))?;
        (!self.looks.has_read(listing)).then(|| format!("{} was not read", listing.label()))
    }
}

/// Whether an answer about a person proves what the change is about. A person goes with everything they hold.
fn is_covered(change: &Change, email: &Email, looks: &Looks) -> bool {
    match change.key.family() {
        Family::Membership => looks.covers(email, Family::BotRoles),
        Family::Profile | Family::DataTables => looks.covers(email, Family::Access),
        family => looks.covers(email, family),
    }
}

fn entry(why: &str, changes: &[&Change], context: &Context) -> Entry {
    let subjects: Vec<Key> = changes.iter().map(|change| change.key.clone()).collect();
    let mut sources: Vec<_> = changes.iter().flat_map(|change| change.sources.iter().cloned()).collect();
    sources.sort();
    sources.dedup();
    let next_step = match context.day {
        None => "plan without --focus",
        Some(_) => "nothing to do: the next full read decides",
    };
    Entry {
        subject: subjects.first().map(ToString::to_string).unwrap_or_default(),
        message: format!("{} left to a full read: {why}", count(changes.len(), "change")),
        subjects,
        reason: Reason::FullReadNeeded,
        next_step: next_step.to_owned(),
        sources,
        changes: changes.iter().map(|change| change.id.clone()).collect(),
    }
}
