//! The diff rule, the only way anything is ever added, altered or removed:
//!
//! ```text
//! desired present, not observed  -> add      when absence is proved, else blocked
//! desired present, observed else -> alter
//! desired absent,  observed      -> remove, named
//! undeclared, observed, in a closed scope, both sides complete for the scope -> remove, swept
//! undeclared, observed, otherwise -> unmanaged (reported if ownership says so)
//! ```
//!
//! Both worlds are sorted by the same key, so it is one merge: linear, whatever their size.
//!
//! # Guarantees
//!
//! Every fact that is wanted ends in exactly one place: satisfied, a change, or an entry that names what is in the
//! way. A fact that nobody declared is never altered.

mod people;

use super::Rewrite;
use super::model::{
    Action, Change, ChangeId, Entry, Origin, Pin, Reason, Reversible, Risk, RiskLevel, Unmanaged,
};
use super::resolve::{Wanted, extent_of};
use crate::facts::{
    Closure, Completeness, Holder, Key, Listing, OwnershipLevel, Policy, ScopeExtent, Source, Value, Verdict,
    Want, World,
};
use people::People;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What the comparison yields.
#[derive(Default)]
pub(super) struct Difference {
    pub changes: Vec<Change>,
    pub blocked: Vec<Entry>,
    pub waiting: Vec<Entry>,
    pub manual: Vec<Entry>,
    pub unmanaged: Vec<Unmanaged>,
    pub write_only: Vec<Key>,
}

/// Merges the two worlds.
pub(super) fn diff(wanted: &Wanted, observed: &World, policy: &Policy, rewrite: &Rewrite) -> Difference {
    let mut comparison = Comparison {
        wanted,
        observed,
        policy,
        rewrite,
        people: People::default(),
        held_back: BTreeMap::new(),
        difference: Difference::default(),
    };
    comparison.difference.blocked.extend(wanted.unresolved.iter().cloned());
    comparison.difference.manual.extend(wanted.missing_groups.iter().cloned());

    let (mut wants, mut facts) = (wanted.wants.iter().peekable(), observed.facts().iter().peekable());
    loop {
        let order = match (wants.peek(), facts.peek()) {
            (Some((want, _)), Some((fact, _))) => want.cmp(fact),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let want = if order.is_le() { wants.next() } else { None };
        let fact = if order.is_ge() { facts.next() } else { None };
        match (want, fact) {
            (Some((key, want)), seen) => comparison.declared(key, want, seen.map(|(_, value)| value)),
            (None, Some((key, value))) => comparison.undeclared(key, value),
            (None, None) => break,
        }
    }
    comparison.finish()
}

struct Comparison<'a> {
    wanted: &'a Wanted,
    observed: &'a World,
    policy: &'a Policy,
    rewrite: &'a Rewrite,
    people: People,
    /// Removals without proof, one entry a reason.
    held_back: BTreeMap<String, Entry>,
    difference: Difference,
}

impl Comparison<'_> {
    fn declared(&mut self, key: &Key, want: &Want, seen: Option<&Value>) {
        if let Key::Member(email) = key {
            self.note_membership(email, want, seen);
        }
        match (&want.verdict, seen) {
            (Verdict::Present(_), None | Some(_)) if self.is_person_in_the_way(key, want, seen) => {}
            (Verdict::Present(value), None) => self.add(key, value, want),
            (Verdict::Present(value), Some(seen)) if seen.satisfies(value) => {}
            (Verdict::Present(value), Some(seen)) => self.alter(key, value, seen, want),
            (Verdict::Absent, Some(seen)) => self.remove_named(key, seen, &want.sources),
            (Verdict::Absent, None) => self.confirm_absence(key, want),
        }
    }

    fn add(&mut self, key: &Key, value: &Value, want: &Want) {
        let is_joining = key.email().is_some_and(|email| self.people.joining.contains(email));
        if key.family().is_write_only() && !is_joining {
            return self.write_only(key, value, want);
        }
        if let Some(holder @ Holder::Group(group)) = key.holder()
            && !self.has_members(group)
        {
            let message = format!(
                "{holder} has no members, so whether it holds this cannot be read: {}",
                self.describe(key)
            );
            let next_step =
                "add a member to the group, or assign the role in the console and run again later";
            self.difference.waiting.push(entry(
                Reason::GroupEmpty,
                vec![key.clone()],
                message,
                next_step,
                &want.sources,
            ));
            return;
        }
        if !is_joining && let Err(why) = self.observed.proves_absent(key) {
            if let Key::Member(email) = key {
                self.people.unproved.insert(email.clone());
                self.people.entries.insert(email.clone(), self.difference.blocked.len());
            }
            let message = format!("{} may be there already: {why}", self.describe(key));
            let next_step = "run again; nothing is created without proof that it is not there";
            self.difference.blocked.push(entry(
                Reason::NotProved,
                vec![key.clone()],
                message,
                next_step,
                &want.sources,
            ));
            return;
        }
        if let Key::Assigned(email, _) = key
            && self.has_other_tasks(email)
        {
            return self.leave_assignments(email, key, &want.sources);
        }
        if let Key::Member(email) = key {
            self.people.joining.insert(email.clone());
        }
        self.push(key, Action::Add, None, Some(value), &want.sources);
    }

    /// Nobody can read it back, so it is sent again only when somebody says so; else it is listed.
    fn write_only(&mut self, key: &Key, value: &Value, want: &Want) {
        let access = key.email().and_then(|email| self.observed.get(&Key::Access(email.clone())));
        let sent = match value {
            // On an update it would choose the user instead of describing them (kore-api 2.2).
            Value::Profile(fields) => {
                let fields: BTreeMap<String, String> =
                    fields.iter().filter(|(name, _)| *name != "orgUserId").map(clone_pair).collect();
                (!fields.is_empty()).then_some(Value::Profile(fields))
            }
            value => Some(value.clone()),
        };
        match (sent, access) {
            (Some(sent), Some(Value::Access(access))) if self.rewrite.includes(key) => {
                self.push(key, Action::Alter, None, Some(&sent), &want.sources);
                // The call that sets one sets the other (kore-api 2.12).
                if let (Key::DataTables(_), Some(change)) = (key, self.difference.changes.last_mut()) {
                    change
                        .pins
                        .push(Pin { name: Pin::ACCESS.to_owned(), id: Some(access.label().to_owned()) });
                }
            }
            _ => self.difference.write_only.push(key.clone()),
        }
    }

    fn alter(&mut self, key: &Key, value: &Value, seen: &Value, want: &Want) {
        if let Key::Assigned(email, _) = key
            && self.has_other_tasks(email)
        {
            return self.leave_assignments(email, key, &want.sources);
        }
        self.push(key, Action::Alter, Some(seen), Some(value), &want.sources);
    }

    /// A manifest says it must not hold, and it does.
    fn remove_named(&mut self, key: &Key, seen: &Value, sources: &[Source]) {
        if let Some(email) = key.email()
            && self.people.leaving.contains(email)
        {
            return; // It goes with the user.
        }
        match (key, seen) {
            (_, Value::Inherited(groups)) => {
                let names: Vec<&str> = groups.iter().map(crate::facts::GroupName::as_str).collect();
                let message = format!("{} is held through group {}", self.describe(key), names.join(", "));
                let next_step = "take the user out of the group, or the role from the group";
                self.difference.manual.push(entry(
                    Reason::Inherited,
                    vec![key.clone()],
                    message,
                    next_step,
                    sources,
                ));
            }
            (Key::Member(email), _) => self.remove_member(email, seen, sources),
            (Key::Assigned(email, _), _) if self.has_other_tasks(email) => {
                self.leave_assignments(email, key, sources);
            }
            (Key::Assigned(email, _), _) if self.is_pending(email) => {
                self.wait_to_take_away(email, key, sources);
            }
            (Key::BotRole(_, role, _), _) if role.is_bot_owner() => {}
            _ if self.is_ambiguous(key) => {}
            _ => self.push(key, Action::RemoveNamed, Some(seen), None, sources),
        }
    }

    /// It must not hold, and was not seen: fine when that is proved, worth a word when it is not.
    fn confirm_absence(&mut self, key: &Key, want: &Want) {
        let is_gone = key.email().is_some_and(|email| self.observed.coverage.not_found.contains(email));
        if is_gone || key.family().is_write_only() || matches!(key, Key::Names(_) | Key::Access(_)) {
            return;
        }
        if let Some(Holder::Group(group)) = key.holder()
            && !self.has_members(group)
        {
            return; // Nobody holds anything through it.
        }
        if let Err(why) = self.observed.proves_absent(key) {
            let message = format!("whether this is gone is not known: {} ({why})", self.describe(key));
            self.difference.blocked.push(entry(
                Reason::NotProved,
                vec![key.clone()],
                message,
                "run again",
                &want.sources,
            ));
        }
    }

    /// Nobody declared it.
    fn undeclared(&mut self, key: &Key, seen: &Value) {
        let email = key.email();
        if email.is_some_and(|email| self.people.leaving.contains(email)) {
            return;
        }
        if key.role().is_some_and(|(_, role)| role.is_bot_owner()) {
            return; // Given at bot creation, moved in the console: never ours.
        }
        if let Some(email) = email
            && self.people.stripped.contains(email)
        {
            return self.strip(email, key, seen);
        }
        let extent = extent_of(key);
        let (level, sources) = match extent.as_ref().and_then(|extent| self.wanted.scopes.get(extent)) {
            Some(scope) => match &scope.closure {
                Closure::Additive => return,
                Closure::Open(why) => {
                    let why = format!("its scope is not closed: {why}");
                    return self.difference.unmanaged.push(Unmanaged { subject: key.clone(), why });
                }
                Closure::Closed => (OwnershipLevel::Remove, scope.sources.clone()),
            },
            None => (self.ownership(key), Vec::new()),
        };
        match level {
            OwnershipLevel::Ignore => {}
            OwnershipLevel::Report => self.leave(key, "nobody declared it"),
            OwnershipLevel::Remove => self.sweep(key, seen, extent.as_ref(), &sources),
        }
    }

    /// What the account's ownership says about a fact in no declared scope.
    fn ownership(&self, key: &Key) -> OwnershipLevel {
        let ownership = &self.policy.ownership;
        match key {
            Key::Member(email) if self.wanted.referenced.contains(email) => OwnershipLevel::Ignore,
            Key::Member(_) => ownership.users,
            Key::AdminRole(..) | Key::BotRole(..) => ownership.role_bindings,
            Key::Assigned(..) => ownership.bot_assignments,
            Key::RoleDefinition(..)
            | Key::Names(_)
            | Key::Access(_)
            | Key::Profile(_)
            | Key::DataTables(_)
            | Key::InGroup(..) => OwnershipLevel::Ignore,
        }
    }

    /// The fourth line of the rule: everything a sweep needs, in one place.
    fn sweep(&mut self, key: &Key, seen: &Value, extent: Option<&ScopeExtent>, sources: &[Source]) {
        if let Value::Inherited(_) = seen {
            return; // Not held directly: the group's own binding decides.
        }
        if let Key::Member(email) = key {
            let domains = &self.policy.ownership.email_domains;
            if !domains.is_empty()
                && !domains.iter().any(|domain| domain.eq_ignore_ascii_case(email.domain()))
            {
                return self.leave(key, "its domain is not in ownership.emailDomains");
            }
            if !self.bots_owned_by(email).is_empty() {
                return self.leave(key, "a bot owner cannot be deleted");
            }
        }
        if let Key::Assigned(email, _) = key
            && self.has_other_tasks(email)
        {
            return self.leave(key, "the assignment lists tasks that the API cannot write back");
        }
        if let Key::Assigned(email, _) = key
            && self.is_pending(email)
        {
            return self.wait_to_take_away(email, key, sources);
        }
        if self.is_ambiguous(key) {
            return self.leave(key, "several roles have that name");
        }
        if let Err(why) = self.is_complete_for(key) {
            let scope = extent
                .map_or_else(|| "what nobody declared".to_owned(), |extent| self.describe_extent(extent));
            let held = self.held_back.entry(format!("{scope}: {why}")).or_insert_with(|| {
                let next_step = "run again with everything at hand; nothing is swept on a partial view";
                let message = format!("{scope}: nothing is removed, because {why}");
                entry(Reason::ScopeNotProved, Vec::new(), message, next_step, sources)
            });
            held.subjects.push(key.clone());
            return;
        }
        if let Key::Member(email) = key {
            self.people.leaving.insert(email.clone());
        }
        self.push(key, Action::RemoveSwept, Some(seen), None, sources);
    }

    /// Both sides complete for a swept removal of this fact.
    fn is_complete_for(&self, key: &Key) -> Result<(), String> {
        match &self.wanted.completeness {
            Completeness::Complete => {}
            Completeness::Partial(why) => return Err(why.clone()),
            Completeness::Unknown => {
                return Err("the account does not say which files are the whole (spec.sources)".to_owned());
            }
        }
        let coverage = &self.observed.coverage;
        coverage.requires(Listing::Users)?;
        match key {
            Key::AdminRole(..) => coverage.requires(Listing::AdminRoles),
            Key::BotRole(..) => coverage.requires(Listing::BotRoles),
            Key::InGroup(..) => coverage.requires(Listing::Groups),
            Key::Assigned(email, _) => match coverage.looked_up.get(email) {
                Some(seen) if seen.assignments => Ok(()),
                _ => Err(format!("the assignments of {email} were not read")),
            },
            _ => Ok(()),
        }
    }

    fn finish(mut self) -> Difference {
        self.difference.blocked.extend(std::mem::take(&mut self.held_back).into_values());
        self.difference
    }

    fn push(
        &mut self,
        key: &Key,
        action: Action,
        before: Option<&Value>,
        after: Option<&Value>,
        sources: &[Source],
    ) {
        let pins = self.wanted.names.pins(key, &self.observed.directory);
        let id = ChangeId::of(self.observed.account.as_ref(), key, before, after, &pins);
        self.difference.changes.push(Change {
            id,
            key: key.clone(),
            action,
            before: before.cloned(),
            after: after.cloned(),
            pins,
            sources: sources.to_vec(),
            origin: Origin::Unknown,
            risk: Risk { level: RiskLevel::Low, why: String::new() },
            reversible: reversible(key, action),
            depends_on: Vec::new(),
        });
    }

    fn leave(&mut self, key: &Key, why: &str) {
        self.difference.unmanaged.push(Unmanaged { subject: key.clone(), why: why.to_owned() });
    }

    fn has_members(&self, group: &crate::facts::GroupName) -> bool {
        self.observed.directory.groups_named(group).any(|(_, entry)| entry.members > 0)
    }

    fn is_ambiguous(&self, key: &Key) -> bool {
        key.role().is_some_and(|(role_type, role)| self.wanted.names.is_ambiguous_role(role_type, role))
    }

    /// The key in words, with the bot by name.
    fn describe(&self, key: &Key) -> String {
        let directory = &self.observed.directory;
        match key.clone().with_bot(|bot| Some(directory.bot_label(&bot).to_owned())) {
            Some(named) => named.to_string(),
            None => key.to_string(),
        }
    }

    fn describe_extent(&self, extent: &ScopeExtent) -> String {
        let label = |bot| self.observed.directory.bot_label(bot);
        match extent {
            ScopeExtent::AdminRole(role) => role.to_string(),
            ScopeExtent::BotRole(role, bot) => format!("{role} on {}", label(bot)),
            ScopeExtent::Group(group) => format!("group {group}"),
            ScopeExtent::Assignments(bot) => format!("assignments of {}", label(bot)),
        }
    }
}

fn entry(
    reason: Reason,
    subjects: Vec<Key>,
    message: String,
    next_step: impl Into<String>,
    sources: &[Source],
) -> Entry {
    let subject = subjects.first().map(ToString::to_string).unwrap_or_default();
    let next_step = next_step.into();
    Entry { subjects, subject, reason, message, next_step, sources: sources.to_vec(), changes: Vec::new() }
}

fn clone_pair((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

fn reversible(key: &Key, action: Action) -> Reversible {
    match (key, action) {
        (Key::Member(_), Action::RemoveNamed | Action::RemoveSwept) => Reversible::No,
        (Key::Member(_) | Key::RoleDefinition(..), Action::Add)
        | (Key::Profile(_) | Key::DataTables(_), _) => Reversible::Partly,
        _ => Reversible::Yes,
    }
}
