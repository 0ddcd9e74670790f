//! A plan that looks only at what an edit is about, whatever the account's size.
//!
//! ```text
//! desired, memory, earlier read ──focus──► whom to look up ──(look-ups)──► Looks
//! earlier read ◄──overlaid── Looks ──► the same comparison as ever ──restrict──► Plan
//! ```
//!
//! [`focus`] starts from what differs between the manifests and what was read back, and adds everything only asked for,
//! everything kept though no longer declared, and everything that ended. [`make_focused`] compares the manifests with the
//! earlier read, the look-ups laid over it, and defers each change that these look-ups do not prove.
//!
//! # Guarantees
//!
//! A change of a focused plan rests on an answer about its own subject, made for this plan. Nothing is pruned: who was
//! never declared is taken away only after complete listings. Whoever takes Master Admin away has seen all who hold it.
//! What is deferred is named, counts for the ceilings, and is left to the next full read.

mod read;
mod restrict;

pub use read::{FocusedRead, RestOf};
use restrict::Restriction;

use super::diff::retire_permissions;
use super::memory::{Memory, is_named_only, recall};
use super::merge::{Merged, merge};
use super::model::{Change, Plan, RiskLevel};
use super::resolve::{self, Wanted};
use super::{Context, Declaration, RememberedFact, Rewrite, Sides, compare, risk};
use crate::facts::{
    BotEntry, BotName, Decided, Desired, Directory, Email, Extent, Family, GroupEntry, GroupId, Holder, Key,
    Listing, Looks, Membership, Policy, RoleName, RoleType, Value, Verdict, World, members_of,
};
use std::collections::{BTreeMap, BTreeSet};

/// What has to be looked at for a focused plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each of them is a listing to read, or not")]
pub struct Focus {
    /// Who is looked up, in the account's spelling where it is known.
    pub people: BTreeSet<Email>,
    /// Whether the exports of roles are read: a role is declared otherwise, or one with high risk is granted.
    pub roles: bool,
    /// Whether the list of bots is read: a bot is named that the earlier read did not show.
    pub bots: bool,
    /// Whether a group is named that the earlier read did not show. Only a full read lists groups with their members.
    pub groups: bool,
    /// Whether something that has ended, is declared absent, or is not declared any more is still to be taken away.
    pub takes: bool,
}

impl Focus {
    /// Whether nothing differs, so that nothing has to be read.
    pub fn is_empty(&self) -> bool {
        let Self { people, roles, bots, groups: _, takes: _ } = self;
        people.is_empty() && !roles && !bots
    }
}

/// What a focused plan rests on beside its look-ups.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    /// The account as it was read last, or as it is remembered.
    pub world: &'a World,
    /// What that is, and of when.
    pub rest: &'a RestOf,
}

/// A focused plan, and what it leaves.
#[derive(Debug)]
pub struct Focused {
    /// The plan.
    pub plan: Plan,
    /// The memory to store before anything is sent.
    pub memory: Memory,
    /// The earlier read with the look-ups laid over it.
    pub world: World,
}

/// Whom and what to look at: pure, and linear in what is declared.
pub fn focus(desired: Desired, earlier: &World, context: &Context) -> Focus {
    let recalled = recall(&context.memory.facts, &earlier.directory);
    let mut wanted = resolve::resolve(desired, context.declaration.clone(), &context.memory.bots, earlier);
    retire_permissions(&mut wanted, &recalled, earlier);
    let mut looking = Looking { earlier, focus: Focus::default() };
    for key in wanted.undeclared_reasons.unresolved() {
        looking.unresolved(key);
    }
    for (old, to) in wanted.moves.iter().map(|(old, moved)| (old, &moved.to)) {
        if earlier.get(&Key::Member(old.clone())).is_some() {
            looking.focus.people.extend([old.clone(), to.clone()]);
        }
    }
    for fact in merge(&wanted.wants, &recalled, earlier.facts()) {
        if is_open(&fact, earlier, &context.rewrite) {
            let is_wanted = fact.want.is_some_and(|want| matches!(want.verdict, Verdict::Present(_)));
            looking.focus.takes |= !is_wanted && fact.seen.is_some();
            looking.at(fact.key, fact.want.map(|want| &want.verdict));
        }
    }
    looking.finish()
}

/// Whether a fact has to be looked at: it is declared otherwise than it was read back, only asked for, kept though no
/// longer declared, or has ended.
fn is_open(fact: &Merged<'_>, earlier: &World, rewrite: &Rewrite) -> bool {
    let Merged { key, want, known, seen } = fact;
    let Some(want) = want else {
        return known.is_some() && !is_named_only(key.family());
    };
    if key.family().is_write_only() {
        return rewrite.includes(key);
    }
    match &want.verdict {
        Verdict::Present(value) => {
            let is_read_back =
                known.is_some_and(|known| known.read_back.is_some() && known.dropped.is_none());
            !is_read_back || !seen.is_some_and(|seen| seen.satisfies(value))
        }
        Verdict::Absent => seen.is_some() || known.is_some() || !is_proved_absent(key, earlier),
    }
}

fn is_proved_absent(key: &Key, earlier: &World) -> bool {
    // Nothing can be said of them, and nothing is sent.
    matches!(key, Key::Names(_) | Key::Access(_)) || earlier.proves_absent(key).is_ok()
}

/// A focus in the making.
struct Looking<'a> {
    earlier: &'a World,
    focus: Focus,
}

impl Looking<'_> {
    /// A name in it means nothing in the earlier read: it may by now.
    fn unresolved(&mut self, key: &Key<()>) {
        let Directory { roles, groups, .. } = &self.earlier.directory;
        let is_new_role = |(role_type, name): (RoleType, &RoleName)| {
            !roles.values().any(|role| role.role_type == role_type && role.name == *name)
        };
        self.focus.people.extend(key.email().cloned());
        self.focus.roles |= key.role().is_some_and(is_new_role);
        self.focus.bots |= key.bot().is_some();
        self.focus.groups |=
            key.group().is_some_and(|name| !groups.values().any(|group| group.name == *name));
    }

    fn at(&mut self, key: &Key, verdict: Option<&Verdict>) {
        if let Some(email) = key.email() {
            self.focus.people.insert(email.clone());
        } else if let Some(Holder::Group(group)) = key.holder() {
            self.focus.people.extend(members_of(group, self.earlier).cloned());
        }
        // A role may have been widened or renamed since, and is not given blindly.
        let is_risky_grant = key.role().is_some()
            && match verdict {
                Some(Verdict::Present(value)) => is_risky(key, Some(value)),
                Some(Verdict::Absent) | None => false,
            };
        self.focus.roles |= is_risky_grant || key.family() == Family::RoleDefinitions;
    }

    /// Where Master Admin can go, all who hold it are looked up with the others; nobody is asked about an address that
    /// two users share.
    fn finish(self) -> Focus {
        let Self { earlier, mut focus } = self;
        let admins = holders_of_master_admin(earlier);
        if focus.people.iter().any(|email| admins.contains(email)) {
            focus.people.extend(admins);
        }
        let users = &earlier.directory.users;
        let spelled = focus.people.into_iter().filter_map(|email| match users.get_key_value(&email) {
            Some((_, entry)) if entry.spellings.len() > 1 => None,
            Some((own, _)) => Some(own.clone()),
            None => Some(email),
        });
        Focus { people: spelled.collect(), ..focus }
    }
}

/// Whether holding it is of high risk or more.
fn is_risky(key: &Key, value: Option<&Value>) -> bool {
    risk::of_holding(key, value).level >= RiskLevel::High
}

/// Everybody who holds Master Admin, directly or through a group, joined or not.
fn holders_of_master_admin(world: &World) -> BTreeSet<Email> {
    let holders = world.admin_roles().filter(|(_, role)| role.is_master_admin());
    holders
        .filter_map(|(holder, _)| match holder {
            Holder::User(email) => Some(email.clone()),
            Holder::Group(_) => None,
        })
        .collect()
}

/// Compares, and defers what the look-ups do not prove. `waits` names what else a change waits for until a full read,
/// such as a policy over the whole account.
pub fn make_focused(
    desired: Desired,
    earlier: Earlier<'_>,
    looks: &Looks,
    policy: &Policy,
    context: &Context,
    waits: &dyn Fn(&Change) -> Option<String>,
) -> Focused {
    let decided = looks.decided(earlier.world);
    let world = decided.overlaid();
    let sides = Sides::new(desired, &world, context);
    let memory = sides.remember(&world, context);
    // Whether anybody holds what a list would prune is for a full read to say: none is added, and what is not declared any
    // more is proposed again.
    let lists = memory.lists.intersection(&context.memory.lists).cloned().collect();
    let mut memory = Memory { lists, ..memory };
    keep_unseen(&mut memory, &sides.recalled, earlier.world, &decided);
    let plan = compare(sides, &world, policy, context);
    let restriction = Restriction { earlier, looks, decided: &decided, world: &world, waits };
    let mut plan = restriction.restrict(plan, policy, context);
    plan.observed.calls = looks.world.calls;
    plan.observed.focused = Some(FocusedRead {
        people: looks.people.len(),
        listings: looks.world.coverage.listings.keys().copied().collect(),
        rest: earlier.rest.clone(),
    });
    Focused { plan, memory, world }
}

/// Keeps what only the earlier read shows gone: it may have come since, and is forgotten when a look-up or a full read shows
/// it gone.
fn keep_unseen(
    memory: &mut Memory,
    recalled: &[(Key, RememberedFact)],
    earlier: &World,
    decided: &Decided<'_>,
) {
    let is_kept = |key: &Key| memory.facts.binary_search_by(|(kept, _)| kept.cmp(key)).is_ok();
    let unseen: Vec<(Key, RememberedFact)> = recalled
        .iter()
        .filter(|(key, fact)| !is_kept(key) && fact.is_gone(key, earlier) && !is_named_only(key.family()))
        .filter(|(key, _)| !decided.has(key))
        .cloned()
        .collect();
    memory.facts.extend(unseen);
    memory.facts.sort_by(|(left, _), (right, _)| left.cmp(right));
}

/// What manifests declared, as if an apply had read all of it back: the memory where nothing is remembered, and only to
/// find out what has been edited since.
pub fn as_remembered(desired: Desired, world: &World, context: &Context) -> Memory {
    let Wanted { wants, .. } = resolve::resolve(desired, Declaration::default(), &context.memory.bots, world);
    let facts = wants.into_iter().filter_map(|(key, want)| match want.verdict {
        Verdict::Present(value) if !key.family().is_write_only() => {
            let fact = RememberedFact {
                until: want.until,
                read_back: Some(context.now),
                ..RememberedFact::asked(value)
            };
            Some((key, fact))
        }
        Verdict::Present(_) | Verdict::Absent => None,
    });
    Memory { facts: facts.collect(), ..context.memory.clone() }
}

/// The account as a memory knows it: what was read back, beside the listings that `read` has. It proves nothing of
/// anybody.
pub fn remembered_world(memory: &Memory, read: &World) -> World {
    let is_there = |fact: &RememberedFact| fact.read_back.is_some();
    let facts = memory.facts.iter().filter(|(_, fact)| is_there(fact));
    let mut builder = crate::facts::WorldBuilder::new();
    let mut directory = read.directory.clone();
    for (key, fact) in facts {
        if let Some(email) = key.email() {
            builder.see(Key::Member(email.clone()), Value::Member(Membership::Listed));
        }
        if !matches!(key, Key::RoleDefinition(..)) {
            builder.see(key.clone(), fact.value.clone());
        }
        remember_names(&mut directory, fact);
    }
    for (key, value) in read.facts() {
        builder.see(key.clone(), value.clone());
    }
    let mut coverage = read.coverage.clone();
    // A name means the bot that it meant when it was applied; one that is not remembered is looked up in the list.
    if read.coverage.extent(Listing::Bots) == &Extent::Unknown {
        directory.bots.extend(memory.bots.iter().map(|(id, name)| (id.clone(), remembered_bot(name))));
        coverage.listings.insert(Listing::Bots, Extent::Complete);
    }
    for listing in [Listing::Users, Listing::Groups, Listing::Bots] {
        coverage.listings.entry(listing).or_default();
    }
    let mut world = builder.build(coverage, directory);
    world.account.clone_from(&read.account);
    world.warnings.clone_from(&read.warnings);
    world.calls = read.calls;
    world
}

/// A bot of which only the name is remembered. Whether it is published is for the list of bots to say.
fn remembered_bot(name: &BotName) -> BotEntry {
    BotEntry { name: name.clone(), status: "published".to_owned(), purpose: String::new() }
}

/// Ids of groups, as they were when the fact was read.
fn remember_names(directory: &mut Directory, fact: &RememberedFact) {
    for pin in &fact.ids {
        if let super::Pin::Group { group, id: Some(id) } = pin {
            let entry = || GroupEntry { name: group.clone(), members: 1 };
            let groups: &mut BTreeMap<GroupId, GroupEntry> = &mut directory.groups;
            groups.entry(id.clone()).or_insert_with(entry);
        }
    }
}

/// The listing that shows roles of the type that a key names.
fn listing_of(key: &Key) -> Option<Listing> {
    key.role().map(|(role_type, _): (RoleType, _)| Listing::roles(role_type))
}
