//! Each test starts from a converged world (`observed == desired`), changes one side, and looks at the plan.

mod areas;
mod diff;
mod focus;
mod guard;
mod history;
mod laws;
mod memory;
mod names;
mod people;
mod price;
mod removal;
mod retire;
mod sign_in;
mod take_over;

use super::*;
use crate::facts::{
    AttributeMapping, BotEntry, BotRef, BuilderAccess, Closure, Completeness, Coverage, DialogId, DialogSet,
    Directory, Email, Extent, GroupEntry, Holder, Key, Listing, MappedTarget, Membership, OwnershipLevel,
    Pattern, RoleEntry, RoleName, RoleSpec, RoleType, Scope, ScopeExtent, Seen, SignOn, Source, SyncMode,
    UserEntry, Value, Verdict, Want, WorldBuilder,
};

/// A small account on both sides, equal at the start.
struct Fixture {
    facts: Vec<(Key, Value)>,
    wants: BTreeMap<Key<BotRef>, Want>,
    scopes: Vec<Scope<BotRef>>,
    completeness: Completeness,
    coverage: Coverage,
    directory: Directory,
    policy: Policy,
    limits: Limits,
    rewrite: Rewrite,
    memory: Memory,
    strip: bool,
    referenced: BTreeSet<Email>,
    day: Option<Day>,
    declaration: Declaration,
}

/// The instant of every plan here, in epoch seconds.
const NOW: i64 = 1_800_000_000;
const JANE: &str = "jane@example.com";
const SAM: &str = "sam@example.com";
const NEW: &str = "new@example.com";

fn email(text: &str) -> Email {
    Email::observed(text)
}

fn user(text: &str) -> Holder {
    Holder::User(email(text))
}

fn developer(who: &str) -> Key {
    Key::BotRole(user(who), "Bot Developer".into(), "st-1".into())
}

fn master(who: &str) -> Key {
    Key::AdminRole(user(who), RoleName::new(RoleName::MASTER_ADMIN))
}

fn as_wanted(key: &Key) -> Key<BotRef> {
    key.clone().with_bot(|bot| Some(BotRef::Id(bot))).unwrap()
}

fn present(value: Value) -> Want {
    Want {
        verdict: Verdict::Present(value),
        sources: vec![Source::file("a.yaml", 1, 1)],
        until: None,
        reason: None,
    }
}

fn absent() -> Want {
    Want { verdict: Verdict::Absent, sources: vec![Source::file("a.yaml", 2, 1)], until: None, reason: None }
}

impl Fixture {
    /// Jane and Sam have joined, both are developers of the bot, four others are Master Admins.
    fn converged() -> Self {
        let mut directory = Directory::default();
        for (id, name, status) in [("st-1", "Banking", "published"), ("st-2", "Draft", "configured")] {
            let bot = BotEntry { name: name.into(), status: status.into(), purpose: "customer".into() };
            directory.bots.insert(id.into(), bot);
        }
        for (id, role_type, name) in [
            ("r1", RoleType::Bot, "Bot Developer"),
            ("r2", RoleType::Bot, "Bot Tester"),
            ("r3", RoleType::Bot, "Bot Owner"),
            ("r4", RoleType::Admin, "Master Admin"),
            ("r5", RoleType::Admin, "Auditor"),
        ] {
            let document = serde_json::json!({ "role": name });
            let role = RoleEntry { role_type, name: name.into(), spec: RoleSpec::default(), document };
            directory.roles.insert(id.into(), role);
        }
        directory.groups.insert("e-1".into(), GroupEntry { name: "QA".into(), members: 1 });
        directory.groups.insert("e-2".into(), GroupEntry { name: "Empty".into(), members: 0 });

        let mut coverage = Coverage::default();
        for listing in
            [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles]
        {
            coverage.listings.insert(listing, Extent::Complete);
        }
        coverage.not_found.insert(email(NEW));
        let policy = Policy { account_id: Some("acme".into()), ..Policy::default() };
        let mut fixture = Self {
            facts: Vec::new(),
            wants: BTreeMap::new(),
            scopes: Vec::new(),
            completeness: Completeness::Complete,
            coverage,
            directory,
            policy,
            limits: Limits { take_over: true, ..Limits::default() },
            rewrite: Rewrite::default(),
            memory: Memory::default(),
            strip: false,
            referenced: BTreeSet::new(),
            day: None,
            declaration: Declaration::default(),
        };
        for who in [JANE, SAM, "m1@example.com", "m2@example.com", "m3@example.com", "m4@example.com"] {
            fixture.joined(who);
        }
        for who in [JANE, SAM] {
            fixture.both(developer(who), Value::Held);
        }
        for who in ["m1@example.com", "m2@example.com", "m3@example.com", "m4@example.com"] {
            fixture.both(master(who), Value::Held);
        }
        fixture
    }

    fn joined(&mut self, who: &str) {
        self.seen_member(who, Membership::Joined);
        self.wants.insert(Key::Member(email(who)), present(Value::Member(Membership::Joined)));
    }

    fn seen_member(&mut self, who: &str, membership: Membership) {
        self.see(Key::Member(email(who)), Value::Member(membership));
        self.coverage.looked_up.insert(email(who), Seen::ALL);
        let entry = UserEntry { id: Some(who.into()), spellings: vec![who.to_owned()], org_user_id: None };
        self.directory.users.insert(email(who), entry);
    }

    fn see(&mut self, key: Key, value: Value) {
        self.facts.retain(|(known, _)| *known != key);
        self.facts.push((key, value));
    }

    fn unsee(&mut self, key: &Key) {
        self.facts.retain(|(known, _)| known != key);
    }

    fn want(&mut self, key: &Key, want: Want) {
        self.wants.insert(as_wanted(key), want);
    }

    fn both(&mut self, key: Key, value: Value) {
        self.want(&key, present(value.clone()));
        self.see(key, value);
    }

    fn close(&mut self, extent: ScopeExtent<BotRef>) {
        self.scopes.push(Scope { extent, closure: Closure::Closed, sources: Vec::new() });
    }

    fn close_developers(&mut self) {
        self.close(ScopeExtent::BotRole("Bot Developer".into(), BotRef::new("Banking")));
    }

    fn world(&self) -> World {
        let mut builder = WorldBuilder::new();
        for (key, value) in &self.facts {
            builder.see(key.clone(), value.clone());
        }
        let mut world = builder.build(self.coverage.clone(), self.directory.clone());
        world.account = Some("acme".into());
        world
    }

    fn context(&self) -> Context {
        let memory = self.memory.clone();
        let now = jiff::Timestamp::from_second(NOW).unwrap();
        let rewrite = self.rewrite.clone();
        let (limits, day, declaration) = (self.limits, self.day.clone(), self.declaration.clone());
        Context { limits, day, rewrite, look_up_size: 1000, memory, declaration, now, ..Context::default() }
    }

    fn desired(&self) -> Desired {
        let mut desired = Desired::new(self.wants.clone().into_iter().collect());
        desired.scopes.clone_from(&self.scopes);
        desired.completeness.clone_from(&self.completeness);
        desired.referenced.extend(self.referenced.iter().cloned());
        if self.strip {
            desired.strip.extend(self.wants.keys().filter_map(Key::email).cloned());
        }
        desired
    }

    fn plan(&self) -> Plan {
        self.plan_signing_on(None)
    }

    fn plan_signing_on(&self, sign_on: Option<SignOn>) -> Plan {
        let mut world = self.world();
        world.sign_on = sign_on;
        make(self.desired(), &world, &self.policy, &self.context())
    }
}

/// `+ user new@example.com`: every change in one line, for comparison.
fn lines(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|change| format!("{} {}", change.action.sign(), change.key)).collect()
}

fn reasons(entries: &[Entry]) -> Vec<Reason> {
    entries.iter().map(|entry| entry.reason).collect()
}
