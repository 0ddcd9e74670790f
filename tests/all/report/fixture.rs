//! One account of every kind of grant, and what manifests declare of it.

use jiff::Timestamp;
use koreconcile::facts::{
    AccountId, BotEntry, BotId, BotRef, BuilderAccess, Coverage, Desired, DialogSet, Directory, Email,
    Extent, GroupEntry, Holder, Key, Listing, Membership, PersonName, Policy, RoleEntry, RoleSpec, RoleType,
    Seen, Source, UserEntry, Value, Verdict as Wanted, Want, World, WorldBuilder,
};
use koreconcile::plan::explain::{Commit, Explanation, Object, Observed, Since, everything};
use koreconcile::plan::{AccountRef, Context, Memory, Plan, RememberedFact, Revision};
use koreconcile::report::{Evidence, ManifestState, Verdict};

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn email(name: &str) -> Email {
    Email::observed(&format!("{name}@example.com"))
}

pub fn user(name: &str) -> Holder {
    Holder::User(email(name))
}

pub fn bot(number: usize) -> BotId {
    BotId::new(format!("st-{number}"))
}

/// When the account was read.
pub fn read_at() -> Timestamp {
    time("2026-06-01T12:00:00Z")
}

/// An account that lists everything, with two bots, a group and these people looked up.
pub fn world(people: &[&str], facts: Vec<(Key, Value)>) -> World {
    let mut builder = WorldBuilder::new();
    let (mut directory, mut coverage) = (Directory::default(), Coverage::default());
    for listing in [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles] {
        coverage.listings.insert(listing, Extent::Complete);
    }
    for (number, name) in [(1, "Banking Assistant"), (2, "=HR & <b>Assistant</b>")] {
        let entry = BotEntry { name: name.into(), status: "published".to_owned(), purpose: String::new() };
        directory.bots.insert(bot(number), entry);
    }
    let roles = [
        ("r-1", RoleType::Bot, "Bot Developer"),
        ("r-2", RoleType::Bot, "Bot Tester"),
        ("r-3", RoleType::Admin, "Master Admin"),
        ("r-4", RoleType::Admin, "Auditor"),
    ];
    for (id, role_type, name) in roles {
        let entry = RoleEntry {
            role_type,
            name: name.into(),
            spec: RoleSpec::default(),
            document: serde_json::Value::Null,
        };
        directory.roles.insert(id.into(), entry);
    }
    directory.groups.insert("e-1".into(), GroupEntry { name: "QA".into(), members: 1 });
    for name in people {
        builder.see(Key::Member(email(name)), Value::Member(Membership::Joined));
        coverage.looked_up.insert(email(name), Seen::ALL);
        let spellings = vec![email(name).to_string()];
        directory.users.insert(email(name), UserEntry { spellings, ..UserEntry::default() });
    }
    for (key, value) in facts {
        builder.see(key, value);
    }
    let mut world = builder.build(coverage, directory);
    world.account = Some(AccountId::new("acme-1"));
    world
}

/// Jane holds everything in every way, Kim what nobody declared, Late what has ended, Pat nothing, Max is invited.
pub fn account() -> World {
    let tester = |holder| Key::BotRole(holder, "Bot Tester".into(), bot(1));
    let mut world = world(
        &["jane.doe", "kim", "late", "pat", "max"],
        vec![
            (
                Key::Names(email("jane.doe")),
                Value::Names(PersonName { first: Some("Jane".to_owned()), last: Some("Doe".to_owned()) }),
            ),
            (Key::Member(email("max")), Value::Member(Membership::Pending { since: None })),
            (Key::Access(email("jane.doe")), Value::Access(BuilderAccess::Creator)),
            (Key::Access(email("pat")), Value::Access(BuilderAccess::None)),
            (Key::InGroup(email("jane.doe"), "QA".into()), Value::Held),
            (tester(Holder::Group("QA".into())), Value::Held),
            (tester(user("jane.doe")), Value::Inherited(["QA".into()].into())),
            (Key::BotRole(user("jane.doe"), "Bot Developer".into(), bot(1)), Value::Held),
            (Key::AdminRole(user("jane.doe"), "Auditor".into()), Value::Held),
            (Key::Assigned(email("jane.doe"), bot(2)), Value::Dialogs(DialogSet::only(["dg-1".into()]))),
            (Key::AdminRole(user("kim"), "Master Admin".into()), Value::Held),
            (Key::BotRole(user("late"), "Bot Developer".into(), bot(1)), Value::Held),
            (Key::BotRole(user("max"), "Bot Tester".into(), bot(1)), Value::Held),
        ],
    );
    world.last_sign_ins.insert(email("jane.doe"), time("2026-05-31T08:00:00Z"));
    world.last_sign_ins.insert(email("kim"), time("2025-12-01T08:00:00.5Z"));
    world.last_sign_ins.insert(email("late"), time("2026-03-03T11:59:59Z"));
    if let Some(jane) = world.directory.users.get_mut(&email("jane.doe")) {
        jane.org_user_id = Some("E-1001".to_owned());
    }
    world
}

pub fn desired() -> Desired {
    let line = |line| Source::file("access.yaml", line, 1);
    let want = |verdict, source| Want { verdict, sources: vec![source], until: None, reason: None };
    let held = |source| want(Wanted::Present(Value::Held), source);
    let joined = |source| want(Wanted::Present(Value::Member(Membership::Joined)), source);
    let banking = || BotRef::new("Banking Assistant");
    let developer = |name| Key::BotRole(user(name), "Bot Developer".into(), banking());
    let mut desired = Desired::new(vec![
        (Key::Member(email("jane.doe")), joined(line(3))),
        (
            Key::Access(email("jane.doe")),
            want(Wanted::Present(Value::Access(BuilderAccess::Creator)), line(4)),
        ),
        (Key::InGroup(email("jane.doe"), "QA".into()), held(line(5))),
        (
            Key::BotRole(Holder::Group("QA".into()), "Bot Tester".into(), banking()),
            Want { until: Some(time("2026-12-31T00:00:00Z")), ..held(line(9)) },
        ),
        (developer("jane.doe"), held(line(12).through(&"bankers".into()))),
        (
            developer("late"),
            Want { until: Some(time("2026-05-30T00:00:00Z")), ..want(Wanted::Absent, line(13)) },
        ),
        (developer("pat"), held(line(14))),
        (Key::AdminRole(user("jane.doe"), "Auditor".into()), held(line(20))),
        (Key::BotRole(user("jane.doe"), "Bot Tester".into(), BotRef::new("Bankng")), held(line(24))),
    ]);
    desired.referenced = ["jane.doe", "late", "pat"].map(email).into();
    desired
}

/// What was asked for earlier, of which one fact was never read back.
pub fn memory() -> Memory {
    let fact = |at: &str, read_back: Option<&str>| RememberedFact {
        since: Revision { at: time(at), commit: Some("1a2b3c4d5e6f7a8b".to_owned()) },
        read_back: read_back.map(time),
        ..RememberedFact::asked(Value::Held)
    };
    let mut facts = vec![
        (
            Key::InGroup(email("jane.doe"), "QA".into()),
            fact("2026-01-02T00:00:00Z", Some("2026-01-02T00:00:01Z")),
        ),
        (Key::AdminRole(user("jane.doe"), "Auditor".into()), fact("2026-01-05T00:00:00Z", None)),
        (
            Key::BotRole(Holder::Group("QA".into()), "Bot Tester".into(), bot(1)),
            fact("2026-02-01T00:00:00Z", Some("2026-02-01T00:00:01Z")),
        ),
    ];
    facts.sort_by(|(left, _), (right, _)| left.cmp(right));
    Memory { facts, ..Memory::default() }
}

/// Everything that a report is made of, owned.
pub struct Gathered {
    pub account: AccountRef,
    pub world: World,
    pub explanation: Explanation,
    pub plan: Plan,
    pub memory: Memory,
    pub manifests: ManifestState,
    pub verdicts: Vec<Verdict>,
    pub gaps: Vec<String>,
    pub notes: Vec<String>,
}

impl Gathered {
    pub fn of(world: World, desired: &Desired) -> Self {
        let context = Context { now: read_at(), ..Context::default() };
        let policy = Policy::default();
        let observed = Observed { world: &world, policy: &policy, context: &context };
        let (mut explanation, plan) = everything(desired, observed);
        for (_, all) in explanation.attributions_mut() {
            for attribution in all {
                attribution.object =
                    Some(Object { kind: "KoreRoleBinding".to_owned(), name: "banking".to_owned() });
                attribution.reason = Some("=cmd|' /C calc'!A0 <script>alert(1)</script>".to_owned());
                attribution.commit = Some(Commit {
                    id: "0123456789abcdef0123".to_owned(),
                    at: time("2026-03-04T05:06:07Z"),
                    author: "Jane Doe".to_owned(),
                    summary: "Bankers".to_owned(),
                    is_oldest: false,
                });
            }
        }
        for line in &mut explanation.lines {
            if line.fact.role.as_ref().is_some_and(|role| role.as_str() == "Bot Developer")
                && line.fact.user == Some(email("jane.doe"))
            {
                line.since = Some(Since { at: time("2026-04-01T00:00:00Z"), journal: "j.jsonl".to_owned() });
            }
        }
        Self {
            account: AccountRef {
                name: "acme".to_owned(),
                id: world.account.clone(),
                host: "https://platform.example.com".to_owned(),
            },
            world,
            explanation,
            plan,
            memory: memory(),
            manifests: ManifestState {
                commit: Some("fedcba9876543210".to_owned()),
                committed_at: Some(time("2026-05-31T10:00:00Z")),
                digest: "ab".repeat(32),
                documents: 7,
            },
            verdicts: Vec::new(),
            gaps: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn evidence(&self) -> Evidence<'_> {
        Evidence {
            account: &self.account,
            world: &self.world,
            read_at: read_at(),
            explanation: &self.explanation,
            plan: &self.plan,
            memory: &self.memory,
            manifests: &self.manifests,
            verdicts: &self.verdicts,
            gaps: &self.gaps,
            notes: &self.notes,
        }
    }
}

/// The account of this test beside its manifests.
pub fn gathered() -> Gathered {
    Gathered::of(account(), &desired())
}
