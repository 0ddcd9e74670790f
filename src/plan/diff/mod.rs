//! The diff rule, the only way anything is ever added, changed or removed:
//!
//! ```text
//! declared present, not observed       -> add      when absence is proved, else blocked
//! declared present, observed otherwise -> change
//! declared absent or ended, observed   -> remove
//! asked for once, not declared any more, observed, the manifests complete for it -> retire
//! not declared, observed, in an authoritative list or owned family, both sides complete -> prune
//! not declared, observed, otherwise    -> unmanaged, where ownership says Report
//! ```
//!
//! The table itself is [`rule`]. This file merges what is declared, remembered
//! and observed, all sorted by the same key, and asks the table
//! about each fact: linear, whatever their size. It takes two passes: role definitions and memberships first, then
//! everything that is about a person or group. So whoever joins, leaves or waits is known before their other facts
//! pass by.
//!
//! # Guarantees
//!
//! Every declared fact ends in exactly one place: satisfied, a change, or an entry that names what is in the way. A fact
//! that is not declared is never changed, only retired or pruned.

mod blocked;
mod people;
mod retire;
mod rule;

pub(super) use retire::retire_permissions;
pub(super) use rule::NOT_DECLARED;

use super::memory::RememberedFact;
use super::merge::{Merged, merge};
use super::model::{Action, Change, ChangeId, Entry, Origin, Pin, Reason, Reversible, Risk, RiskLevel};
use super::notices::ORG_USER_ID;
use super::resolve::Wanted;
use super::unmanaged::{self, Unmanaged};
use super::{Rewrite, risk};
use crate::facts::{
    self, Completeness, GroupName, Holder, Key, Listing, OwnershipLevel, Policy, RoleName, RoleType,
    ScopeExtent, Source, Value, Verdict, Want, World,
};
use blocked::Blocked;
use people::People;
use rule::{Authority, Declared, Undeclared};
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

/// Merges the three worlds.
pub(super) fn diff(
    wanted: &Wanted,
    recalled: &[(Key, RememberedFact)],
    observed: &World,
    policy: &Policy,
    rewrite: &Rewrite,
) -> Difference {
    let mut comparison = Comparison {
        wanted,
        observed,
        policy,
        rewrite,
        people: People::default(),
        blocked: Blocked::default(),
        difference: Difference::default(),
    };
    wanted.unresolved.iter().for_each(|entry| comparison.blocked.push(entry.clone()));
    comparison.difference.manual.extend(wanted.missing_groups.iter().cloned());

    // Role definitions and memberships come first in the order of keys.
    let is_first = |key: &Key| matches!(key, Key::RoleDefinition(..) | Key::Member(_));
    let (first_wants, wants) = wanted.wants.split_at(wanted.wants.partition_point(|(key, _)| is_first(key)));
    let facts = observed.facts();
    let (first_facts, facts) = facts.split_at(facts.partition_point(|(key, _)| is_first(key)));
    let (first_known, known) = recalled.split_at(recalled.partition_point(|(key, _)| is_first(key)));
    for Merged { key, want, known, seen } in merge(first_wants, first_known, first_facts) {
        if let (Key::Member(email), Some(want)) = (key, want) {
            comparison.record_membership(email, want, seen);
        }
        comparison.decide(key, want, known, seen);
    }
    for Merged { key, want, known, seen } in merge(wants, known, facts) {
        match want.and_then(|want| Some((want, comparison.person_obstacle(key, want, seen)?))) {
            Some((want, obstacle)) => comparison.hold_for_person(key, want, obstacle),
            None => comparison.decide(key, want, known, seen),
        }
    }
    comparison.difference.unmanaged.sort_by(|left, right| {
        right.risk.level.cmp(&left.risk.level).then_with(|| left.subject.cmp(&right.subject))
    });
    let Comparison { blocked, difference, .. } = comparison;
    Difference { blocked: blocked.into_entries(), ..difference }
}

struct Comparison<'a> {
    wanted: &'a Wanted,
    observed: &'a World,
    policy: &'a Policy,
    rewrite: &'a Rewrite,
    people: People,
    blocked: Blocked,
    difference: Difference,
}

impl Comparison<'_> {
    /// Asks the rule about one fact, and does what it says as far as proofs and the API allow.
    fn decide(
        &mut self,
        key: &Key,
        want: Option<&Want>,
        known: Option<&RememberedFact>,
        seen: Option<&Value>,
    ) {
        match (want, seen) {
            (Some(want), seen) => match rule::declared(want, seen) {
                Declared::Add(value) => self.add(key, value, want),
                Declared::Change { before, after } => self.change(key, before, after, want),
                Declared::Remove(seen) => self.remove_declared_absent(key, seen, &want.sources),
                Declared::ConfirmAbsent => self.confirm_absence(key, want),
                Declared::Satisfied => {}
            },
            (None, Some(seen)) => self.undeclared(key, known, seen),
            (None, None) => {
                if let Some(fact) = known {
                    self.watch_invitation(key, fact);
                }
            }
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
            let message = format!("{} may be there already: {why}", self.describe(key));
            let next_step = "run again; nothing is created without proof that it is not there";
            let blocked = entry(Reason::NotProved, vec![key.clone()], message, next_step, &want.sources);
            match key {
                Key::Member(email) => {
                    self.people.unproved.insert(email.clone());
                    self.blocked.push_for(email, blocked);
                }
                _ => self.blocked.push(blocked),
            }
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

    /// The platform never shows it, so it is sent again only when the run asks for that; else it is listed.
    fn write_only(&mut self, key: &Key, value: &Value, want: &Want) {
        let access = key.email().and_then(|email| self.observed.get(&Key::Access(email.clone())));
        let sent = match value {
            // On an update it would choose the user instead of describing them (kore-api 2.2).
            Value::Profile(fields) => {
                let fields: BTreeMap<String, String> =
                    fields.iter().filter(|(name, _)| *name != ORG_USER_ID).map(clone_pair).collect();
                (!fields.is_empty()).then_some(Value::Profile(fields))
            }
            value => Some(value.clone()),
        };
        match (sent, access) {
            (Some(sent), Some(Value::Access(access))) if self.rewrite.includes(key) => {
                self.push(key, Action::Change, None, Some(&sent), &want.sources);
                // The call that sets one sets the other (kore-api 2.12).
                if let (Key::DataTables(_), Some(change)) = (key, self.difference.changes.last_mut()) {
                    change.pins.push(Pin::BuilderAccess { access: *access });
                }
            }
            // An id of the organisation alone is read back, and compared in a notice.
            _ if is_read_back(key, value, self.observed) => {}
            _ => self.difference.write_only.push(key.clone()),
        }
    }

    fn change(&mut self, key: &Key, before: &Value, after: &Value, want: &Want) {
        if let Key::Assigned(email, _) = key
            && self.has_other_tasks(email)
        {
            return self.leave_assignments(email, key, &want.sources);
        }
        self.push(key, Action::Change, Some(before), Some(after), &want.sources);
    }

    /// A manifest says it must not hold, and it does.
    fn remove_declared_absent(&mut self, key: &Key, seen: &Value, sources: &[Source]) {
        if let Some(email) = key.email()
            && self.people.leaving.contains(email)
        {
            return; // It goes with the user.
        }
        match (key, seen) {
            (_, Value::Inherited(groups)) => {
                let names: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
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
            (Key::Member(email), _) => self.remove_member(email, seen, Action::Remove, sources),
            (Key::Assigned(email, _), _) if self.has_other_tasks(email) => {
                self.leave_assignments(email, key, sources);
            }
            (Key::Assigned(email, _), _) if self.observed.hides_state(email) => {
                self.block_for_state(email, key, sources);
            }
            (Key::Assigned(email, _), _) if self.is_pending(email) => {
                self.wait_to_take_away(email, key, sources);
            }
            (Key::BotRole(_, role, _), _) if role.is_bot_owner() => {}
            _ if self.is_ambiguous(key) => {}
            _ => self.push(key, Action::Remove, Some(seen), None, sources),
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
            self.blocked.push(entry(
                Reason::NotProved,
                vec![key.clone()],
                message,
                "run again",
                &want.sources,
            ));
        }
    }

    /// Observed, and not declared.
    fn undeclared(&mut self, key: &Key, known: Option<&RememberedFact>, seen: &Value) {
        let email = key.email();
        if email.is_some_and(|email| self.people.leaving.contains(email)) {
            return; // It goes with the person.
        }
        if email.is_some_and(|email| self.wanted.kept.contains(email)) {
            return; // It is theirs until they have joined under their new address.
        }
        if key.role().is_some_and(|(_, role)| role.is_bot_owner()) {
            // Given at bot creation, moved in the console: never ours.
            if self.ownership(key) != OwnershipLevel::Ignore {
                self.report_unmanaged(
                    key,
                    "Bot Owner comes with the bot; koreconcile neither grants nor removes it",
                );
            }
            return;
        }
        // It may be restored, with what is bound to it, and nothing can be sent for it meanwhile (kore-api 3.6).
        if key.bot().is_some_and(|bot| self.observed.lacks_bot(bot)) {
            return self.report_unmanaged(
                key,
                "the bot is not listed: deleted within 30 days, or of another account",
            );
        }
        if let Some(email) = email
            && self.people.stripped.contains(email)
        {
            return self.strip(email, key, seen);
        }
        let extent = ScopeExtent::holding(key);
        let authority = match extent.as_ref().and_then(|extent| self.wanted.scopes.get(extent)) {
            Some(scope) => Authority::List(scope),
            None => Authority::Nobody,
        };
        match rule::undeclared(seen, known, authority, self.ownership(key)) {
            Undeclared::Retire(seen, fact) => self.retire(key, seen, fact),
            Undeclared::Prune(seen, sources) => self.prune(key, seen, extent.as_ref(), sources),
            Undeclared::Unmanaged(_) if self.comes_through_declared_groups(key, seen) => {}
            Undeclared::Unmanaged(why) => self.report_unmanaged(key, &why),
            Undeclared::Ignore => {}
        }
    }

    /// Whether a person holds a role only through groups, and both halves of each way are declared: that they are in the
    /// group, and that the group holds the role.
    fn comes_through_declared_groups(&self, key: &Key, seen: &Value) -> bool {
        let (Value::Inherited(groups), Some(Holder::User(email))) = (seen, key.holder()) else {
            return false;
        };
        let is_wanted = |key: &Key| {
            let want = facts::find(&self.wanted.wants, key);
            want.is_some_and(|want| matches!(want.verdict, Verdict::Present(_)))
        };
        let holds = |group: &GroupName| match key {
            Key::AdminRole(_, role) => Some(Key::AdminRole(Holder::Group(group.clone()), role.clone())),
            Key::BotRole(_, role, bot) => {
                Some(Key::BotRole(Holder::Group(group.clone()), role.clone(), bot.clone()))
            }
            _ => None,
        };
        !groups.is_empty()
            && groups.iter().all(|group| {
                is_wanted(&Key::InGroup(email.clone(), group.clone()))
                    && holds(group).is_some_and(|key| is_wanted(&key))
            })
    }

    /// What the account's ownership says about a fact that nothing declares. Who could take over the account is always
    /// shown.
    fn ownership(&self, key: &Key) -> OwnershipLevel {
        let ownership = &self.policy.ownership;
        match key {
            Key::Member(email) if self.wanted.referenced.contains(email) => OwnershipLevel::Ignore,
            Key::Member(_) => ownership.users,
            // Whoever declares the Primary Admin has asked for that role.
            Key::AdminRole(Holder::User(email), role)
                if role.is_master_admin() && self.policy.safety.primary_admin.as_ref() == Some(email) =>
            {
                OwnershipLevel::Ignore
            }
            Key::AdminRole(_, role) if self.grants_rights(role) => {
                ownership.role_bindings.max(OwnershipLevel::Report)
            }
            Key::AdminRole(..) | Key::BotRole(..) => ownership.role_bindings,
            // No list is about the group: nobody has said that its members are known.
            Key::InGroup(..) => ownership.role_bindings.min(OwnershipLevel::Report),
            Key::Assigned(..) => ownership.bot_assignments,
            Key::RoleDefinition(..)
            | Key::Names(_)
            | Key::Access(_)
            | Key::Profile(_)
            | Key::DataTables(_) => OwnershipLevel::Ignore,
        }
    }

    /// Whether the holders of an admin role can give rights to themselves.
    fn grants_rights(&self, role: &RoleName) -> bool {
        role.is_master_admin()
            || self
                .observed
                .directory
                .roles_named(RoleType::Admin, role)
                .any(|(_, entry)| risk::gives_rights(&entry.spec))
    }

    /// Everything that pruning needs, in one place.
    fn prune(&mut self, key: &Key, seen: &Value, extent: Option<&ScopeExtent>, sources: &[Source]) {
        if let Value::Inherited(_) = seen {
            return; // Not held directly: the group's own binding decides.
        }
        if let Key::Member(email) = key {
            let domains = &self.policy.ownership.email_domains;
            if !domains.is_empty()
                && !domains.iter().any(|domain| domain.eq_ignore_ascii_case(email.domain()))
            {
                return self.report_unmanaged(key, "its domain is not in ownership.emailDomains");
            }
            if !self.bots_owned_by(email).is_empty() {
                return self.report_unmanaged(key, "a bot owner cannot be deleted");
            }
        }
        if let Key::Assigned(email, _) = key
            && self.has_other_tasks(email)
        {
            return self.report_unmanaged(key, "the assignment lists tasks that the API cannot write back");
        }
        if let Key::Assigned(email, _) = key
            && self.observed.hides_state(email)
        {
            return self.block_for_state(email, key, sources);
        }
        if let Key::Assigned(email, _) = key
            && self.is_pending(email)
        {
            return self.wait_to_take_away(email, key, sources);
        }
        if self.is_ambiguous(key) {
            return self.report_unmanaged(key, "several roles have that name");
        }
        if let Some(gap) = self.wanted.gaps.iter().find(|gap| gap.is_pause && gap.touches(key)) {
            let why = gap.why.clone();
            return self.report_unmanaged(key, &why);
        }
        if let Err(why) = self.require_complete_for(key) {
            let list = extent
                .map_or_else(|| "what is not declared".to_owned(), |extent| self.describe_extent(extent));
            let message = format!("{list}: nothing is pruned, because {why}");
            let next_step = "run again when everything can be read; nothing is pruned on an incomplete read";
            let held = || entry(Reason::ScopeNotProved, Vec::new(), message, next_step, sources);
            return self.blocked.hold_pruning(&list, &why, key, held);
        }
        if let Key::Member(email) = key {
            self.people.leaving.insert(email.clone());
        }
        self.push(key, Action::Prune, Some(seen), None, sources);
    }

    /// Both sides complete for pruning this fact; `Err` says what is missing.
    fn require_complete_for(&self, key: &Key) -> Result<(), String> {
        match &self.wanted.completeness {
            Completeness::Complete => {}
            Completeness::Partial(why) => return Err(why.clone()),
            Completeness::Unknown => {
                return Err("the account does not list the files that make up its manifests (spec.sources)"
                    .to_owned());
            }
        }
        if let Some(gap) = self.wanted.gaps.iter().find(|gap| gap.touches(key)) {
            return Err(gap.why.clone());
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

    fn push(
        &mut self,
        key: &Key,
        action: Action,
        before: Option<&Value>,
        after: Option<&Value>,
        sources: &[Source],
    ) {
        let pins = self.wanted.names.pins(key, &self.observed.directory);
        let id = ChangeId::hash_of(self.observed.account.as_ref(), key, before, after, &pins);
        self.difference.changes.push(Change {
            id,
            key: key.clone(),
            action,
            before: before.cloned(),
            after: after.cloned(),
            pins,
            sources: sources.to_vec(),
            until: None,
            reason: None,
            origin: Origin::Unknown,
            risk: Risk { level: RiskLevel::Low, why: String::new() },
            reversible: reversible(key, action),
            depends_on: Vec::new(),
        });
    }

    fn report_unmanaged(&mut self, key: &Key, why: &str) {
        let risk = risk::of_holding(key, self.observed.get(key));
        let tolerated = unmanaged::why_tolerated(key, self.wanted, self.observed);
        let (subject, why) = (key.clone(), why.to_owned());
        self.difference.unmanaged.push(Unmanaged { subject, why, risk, tolerated });
    }

    fn has_members(&self, group: &GroupName) -> bool {
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
        extent.in_words(|bot| self.observed.directory.bot_label(bot).to_owned())
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

fn is_read_back(key: &Key, value: &Value, observed: &World) -> bool {
    let entry = key.email().and_then(|email| observed.directory.users.get(email));
    let is_shown = entry.is_some_and(|entry| entry.org_user_id.is_some());
    is_shown && matches!(value, Value::Profile(fields) if fields.keys().all(|name| name == ORG_USER_ID))
}

fn clone_pair((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

fn reversible(key: &Key, action: Action) -> Reversible {
    match (key, action) {
        (Key::Member(_), Action::Remove | Action::Prune | Action::Retire) => Reversible::No,
        (Key::Member(_) | Key::RoleDefinition(..), Action::Add)
        | (Key::Profile(_) | Key::DataTables(_), _) => Reversible::Partly,
        _ => Reversible::Yes,
    }
}
