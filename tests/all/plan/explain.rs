//! Explanations as values: each standing, each reason, with and without the account.

use jiff::Timestamp;
use koreconcile::facts::{
    BotEntry, BotRef, BuilderAccess, Closure, Coverage, Desired, DialogSet, Directory, Email, Extent,
    GroupEntry, Holder, Key, Listing, Membership, PersonName, Policy, RoleEntry, RoleSpec, RoleType, Scope,
    ScopeExtent, Seen, Source, UserEntry, Value, Verdict, Want, World, WorldBuilder,
};
use koreconcile::plan::explain::{Explanation, FactLine, FactStatus, Observed, Query, SourceEffect, explain};
use koreconcile::plan::{Context, Limits, render};

pub fn email(name: &str) -> Email {
    Email::observed(&format!("{name}@example.com"))
}

pub fn person(name: &str) -> Query {
    Query { who: Some(email(name)), ..Query::default() }
}

pub fn why(name: &str, role: &str, bot: &str) -> Query {
    Query { bot: Some(BotRef::new(bot)), role: Some(role.to_owned()), ..person(name) }
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn banking() -> BotRef {
    BotRef::new("Banking Assistant")
}

pub fn on_banking(holder: Holder, role: &str) -> Key<BotRef> {
    Key::BotRole(holder, role.into(), banking())
}

/// Jane is declared with all there is to say of a person, and Former must be gone. The team `bankers` is Sam; it
/// develops the Banking Assistant, with Kim until the end of the year and Late until January, and nobody else may. The
/// group QA tests it, and Kim must not. Jane may use the HR Assistant.
pub fn desired() -> Desired {
    let user = |name: &str| Holder::User(email(name));
    let line = |file: &str, line: u32| Source::file(file, line, 1);
    let bankers = |source: Source| source.through(&"bankers".into());
    let wants =
        |verdict: Verdict, source: Source| Want { verdict, sources: vec![source], until: None, reason: None };
    let present = |value: Value, source: Source| wants(Verdict::Present(value), source);
    let until = |end: &str, want: Want| Want { until: Some(time(end)), ..want };

    let jane = email("jane.doe");
    let named = PersonName { first: Some("Jane".to_owned()), last: None };
    let mut desired = Desired::new(vec![
        (Key::Member(jane.clone()), present(Value::Member(Membership::Joined), line("people.yaml", 3))),
        (Key::Names(jane.clone()), present(Value::Names(named), line("people.yaml", 4))),
        (Key::Access(jane.clone()), present(Value::Access(BuilderAccess::Builder), line("people.yaml", 5))),
        (Key::InGroup(jane.clone(), "QA".into()), present(Value::Held, line("people.yaml", 6))),
        (Key::DataTables(jane.clone()), present(Value::DataTables(true), line("people.yaml", 7))),
        (Key::Member(email("former")), wants(Verdict::Absent, line("people.yaml", 12))),
        (
            Key::Member(email("sam")),
            present(Value::Member(Membership::Joined), bankers(line("people.yaml", 16))),
        ),
        (on_banking(user("sam"), "Bot Developer"), present(Value::Held, bankers(line("access.yaml", 7)))),
        (
            on_banking(user("kim"), "Bot Developer"),
            until("2026-12-31T18:00:00Z", present(Value::Held, line("access.yaml", 8))),
        ),
        (
            on_banking(user("late"), "Bot Developer"),
            until("2026-01-31T18:00:00Z", wants(Verdict::Absent, line("access.yaml", 11))),
        ),
        (on_banking(Holder::Group("QA".into()), "Bot Tester"), present(Value::Held, line("access.yaml", 19))),
        (on_banking(user("kim"), "Bot Tester"), wants(Verdict::Absent, line("access.yaml", 20))),
        (
            Key::Assigned(jane, BotRef::new("HR Assistant")),
            present(Value::Dialogs(DialogSet::ALL), line("access.yaml", 24)),
        ),
    ]);
    desired.scopes = vec![
        Scope {
            extent: ScopeExtent::BotRole("Bot Developer".into(), banking()),
            closure: Closure::Closed,
            sources: vec![line("access.yaml", 5)],
        },
        Scope {
            extent: ScopeExtent::BotRole("Bot Tester".into(), banking()),
            closure: Closure::Additive,
            sources: vec![line("access.yaml", 17)],
        },
        Scope {
            extent: ScopeExtent::Assignments(BotRef::new("HR Assistant")),
            closure: Closure::Additive,
            sources: vec![line("access.yaml", 22)],
        },
    ];
    desired.referenced = ["jane.doe", "former", "sam", "kim", "late"].map(email).into();
    desired
}

pub fn offline(query: &Query) -> Explanation {
    explain(query, &desired(), None).unwrap()
}

pub fn online(query: &Query, world: &World) -> Explanation {
    online_of(&desired(), query, world)
}

pub fn online_of(manifests: &Desired, query: &Query, world: &World) -> Explanation {
    let limits = Limits { take_over: true, ..Limits::default() };
    let (policy, context) =
        (Policy::default(), Context { now: time("2026-06-01T12:00:00Z"), limits, ..Context::default() });
    let observed = Observed { world, policy: &policy, context: &context };
    explain(query, manifests, Some(observed)).unwrap()
}

/// The same manifests with one more line.
pub fn desired_and(key: Key<BotRef>, verdict: Verdict) -> Desired {
    let mut manifests = desired();
    let want = Want { verdict, sources: vec![Source::file("access.yaml", 30, 1)], until: None, reason: None };
    manifests.wants.push((key, want));
    Desired { wants: Desired::new(manifests.wants).wants, ..manifests }
}

/// An account with these facts besides its bots, roles and the group QA; everybody in it was looked up.
pub fn world(facts: Vec<(Key, Value)>) -> World {
    let mut builder = WorldBuilder::new();
    let mut directory = Directory::default();
    let mut coverage = Coverage::default();
    for listing in [Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles] {
        coverage.listings.insert(listing, Extent::Complete);
    }
    for (id, name, status) in
        [("st-1", "Banking Assistant", "published"), ("st-2", "HR Assistant", "configured")]
    {
        let entry = BotEntry { name: name.into(), status: status.to_owned(), purpose: String::new() };
        directory.bots.insert(id.into(), entry);
    }
    for (id, name) in [("r-1", "Bot Developer"), ("r-2", "Bot Tester"), ("r-3", "Analyst")] {
        let entry = RoleEntry {
            role_type: RoleType::Bot,
            name: name.into(),
            spec: RoleSpec::default(),
            document: serde_json::Value::Null,
        };
        directory.roles.insert(id.into(), entry);
    }
    directory.groups.insert("e-1".into(), GroupEntry { name: "QA".into(), members: 1 });
    for name in ["jane.doe", "sam", "kim", "late"] {
        builder.see(Key::Member(email(name)), Value::Member(Membership::Joined));
        coverage.looked_up.insert(email(name), Seen::ALL);
        let spellings = vec![email(name).to_string()];
        directory.users.insert(email(name), UserEntry { spellings, ..UserEntry::default() });
    }
    for (key, value) in facts {
        builder.see(key, value);
    }
    builder.build(coverage, directory)
}

pub fn developer(name: &str) -> Key {
    Key::BotRole(Holder::User(email(name)), "Bot Developer".into(), "st-1".into())
}

pub fn tester(name: &str) -> Key {
    Key::BotRole(Holder::User(email(name)), "Bot Tester".into(), "st-1".into())
}

#[track_caller]
pub fn only(explanation: &Explanation) -> &FactLine {
    let [line] = &explanation.lines[..] else { panic!("not one line: {explanation:#?}") };
    line
}

pub fn said(line: &FactLine) -> Vec<SourceEffect> {
    line.attributions.iter().map(|attributions| attributions.effect).collect()
}

#[test]
fn from_manifests_alone_says_who_declares_what_and_until_when() {
    let explanation = offline(&person("kim"));
    let text = render::explanation(&explanation, render::Style::default());
    assert!(text.contains("From manifests only"), "{text}");
    assert!(
        text.contains("= Bot Developer on Banking Assistant: declared, until 2026-12-31T18:00:00Z"),
        "{text}"
    );
    assert!(text.contains("x Bot Tester on Banking Assistant: must not be held"), "{text}");
    assert!(!explanation.reading.of_account);
}

#[test]
fn tells_the_team_that_reaches_a_person() {
    let explanation = offline(&why("sam", "Bot Developer", "Banking Assistant"));
    let line = only(&explanation);
    assert_eq!(line.status, FactStatus::Declared);
    assert_eq!(line.attributions[0].source.team.as_deref(), Some("bankers"));
}

#[test]
fn hands_on_what_a_group_holds() {
    let explanation = offline(&why("jane.doe", "Bot Tester", "Banking Assistant"));
    let line = only(&explanation);
    assert_eq!(line.status, FactStatus::Declared);
    assert_eq!(said(line), [SourceEffect::GrantsGroup, SourceEffect::PutsInGroup]);
    assert_eq!(line.attributions[0].group, Some("QA".into()));
}

#[test]
fn shows_what_is_seen_beside_what_is_wanted() {
    let inherited = Value::Inherited(["QA".into()].into());
    let seen = world(vec![
        (developer("sam"), Value::Held),
        (tester("jane.doe"), inherited),
        (Key::InGroup(email("jane.doe"), "QA".into()), Value::Held),
        (Key::Access(email("jane.doe")), Value::Access(BuilderAccess::None)),
        (developer("late"), Value::Held),
    ]);
    let status = |name: &str, role: &str| {
        let explanation = online(&why(name, role, "Banking Assistant"), &seen);
        only(&explanation).status
    };
    assert_eq!(status("sam", "Bot Developer"), FactStatus::Held);
    assert_eq!(status("jane.doe", "Bot Tester"), FactStatus::Inherited);
    assert_eq!(status("kim", "Bot Developer"), FactStatus::Missing);
    assert_eq!(status("kim", "Bot Tester"), FactStatus::Absent);
    assert_eq!(status("late", "Bot Developer"), FactStatus::ToBeRemoved);
    assert_eq!(status("late", "Bot Tester"), FactStatus::NotHeld);
    let jane = online(&person("jane.doe"), &seen);
    let of = |effect: &str| jane.lines.iter().find(|line| line.fact.effect() == effect).unwrap();
    assert_eq!(of("builder access").status, FactStatus::Differs);
    assert_eq!(of("data tables").status, FactStatus::Declared, "it cannot be read");
    assert_eq!(of("name").status, FactStatus::Missing);
}

#[test]
fn says_what_happens_to_what_nobody_declared() {
    let seen = world(vec![
        (developer("jane.doe"), Value::Held),
        (tester("sam"), Value::Held),
        (Key::BotRole(Holder::User(email("sam")), "Analyst".into(), "st-2".into()), Value::Held),
        (Key::BotRole(Holder::User(email("sam")), "Bot Owner".into(), "st-2".into()), Value::Held),
    ]);
    let line = |name, role, bot| only(&online(&why(name, role, bot), &seen)).clone();
    let pruned = line("jane.doe", "Bot Developer", "Banking Assistant");
    assert_eq!((pruned.status, said(&pruned)), (FactStatus::ToBeRemoved, vec![SourceEffect::Closes]));
    let left = line("sam", "Bot Tester", "Banking Assistant");
    assert_eq!((left.status, said(&left)), (FactStatus::Unmanaged, vec![SourceEffect::LeavesOthers]));
    let stray = line("sam", "Analyst", "HR Assistant");
    assert_eq!(stray.status, FactStatus::Unmanaged);
    assert_eq!(said(&stray), [], "no scope either");
    let owner = line("sam", "Bot Owner", "HR Assistant");
    assert_eq!(owner.status, FactStatus::Unmanaged);
    assert!(owner.why[0].contains("neither grants nor removes"), "{owner:?}");
}

#[test]
fn what_a_leaver_has_goes_with_them() {
    let seen = world(vec![
        (Key::Member(email("former")), Value::Member(Membership::Joined)),
        (tester("former"), Value::Held),
    ]);
    let line = only(&online(&why("former", "Bot Tester", "Banking Assistant"), &seen)).clone();
    assert_eq!(line.status, FactStatus::ToBeRemoved);
    assert!(line.why[0].contains("removed together with the person"), "{line:?}");
}

#[test]
fn an_open_scope_says_why_it_removes_nothing() {
    let mut manifests = desired();
    for scope in &mut manifests.scopes {
        scope.closure = Closure::Open("there is no team tellers".to_owned());
    }
    let seen = world(vec![(developer("jane.doe"), Value::Held)]);
    let explanation = online_of(&manifests, &why("jane.doe", "Bot Developer", "Banking Assistant"), &seen);
    let line = only(&explanation);
    assert_eq!(line.status, FactStatus::Unmanaged);
    assert!(line.why[0].contains("there is no team tellers"), "{line:?}");
}

#[test]
fn one_line_against_it_is_enough_whatever_the_bot_is_called() {
    let by_id = Key::BotRole(Holder::User(email("sam")), "Bot Developer".into(), BotRef::Id("st-1".into()));
    let manifests = desired_and(by_id, Verdict::Absent);
    let seen = world(Vec::new());
    let explanation = online_of(&manifests, &why("sam", "Bot Developer", "Banking Assistant"), &seen);
    let line = only(&explanation);
    assert_eq!(
        (line.status, said(line), line.value.as_deref()),
        (FactStatus::Absent, vec![SourceEffect::Denies], None)
    );
}

#[test]
fn a_grant_through_a_group_ends_with_the_first_of_its_halves() {
    let ends = |binding: Option<&str>, membership: Option<&str>| {
        let mut manifests = desired();
        for (key, want) in &mut manifests.wants {
            match key {
                Key::BotRole(Holder::Group(_), ..) => want.until = binding.map(time),
                Key::InGroup(..) => want.until = membership.map(time),
                _ => {}
            }
        }
        let explanation =
            explain(&why("jane.doe", "Bot Tester", "Banking Assistant"), &manifests, None).unwrap();
        only(&explanation).until.map(|until| until.to_string())
    };
    let (june, july) = ("2026-06-30T18:00:00Z", "2026-07-31T18:00:00Z");
    assert_eq!(ends(Some(june), Some(july)).as_deref(), Some(june));
    assert_eq!(ends(Some(july), Some(june)).as_deref(), Some(june));
    assert_eq!(ends(None, Some(july)).as_deref(), Some(july));
    assert_eq!(ends(Some(july), None).as_deref(), Some(july));
    assert_eq!(ends(None, None), None);
}

#[test]
fn one_half_of_a_group_is_no_grant() {
    let mut manifests = desired();
    manifests.wants.retain(|(key, _)| !matches!(key, Key::InGroup(..)));
    let query = why("jane.doe", "Bot Tester", "Banking Assistant");
    let seen = world(vec![(Key::InGroup(email("jane.doe"), "QA".into()), Value::Held)]);
    let explanation = online_of(&manifests, &query, &seen);
    let line = only(&explanation);
    assert_eq!((line.status, said(line)), (FactStatus::NotHeld, vec![SourceEffect::GrantsGroup]));
    assert_eq!(line.why[0], "a member of group QA, not declared");
    let binding = Key::BotRole(Holder::Group("QA".into()), "Bot Developer".into(), "st-1".into());
    let seen = world(vec![(binding, Value::Held)]);
    let explanation = online(&why("jane.doe", "Bot Developer", "Banking Assistant"), &seen);
    let line = only(&explanation);
    assert_eq!((line.status, line.attributions[0].effect), (FactStatus::NotHeld, SourceEffect::PutsInGroup));
    assert_eq!(line.why[0], "group QA holds it, not declared");
}

#[test]
fn a_group_that_must_not_hold_a_role_hands_nothing_on() {
    let mut manifests = desired();
    for (_, want) in
        manifests.wants.iter_mut().filter(|(key, _)| matches!(key.holder(), Some(Holder::Group(_))))
    {
        want.verdict = Verdict::Absent;
    }
    let query = why("jane.doe", "Bot Tester", "Banking Assistant");
    let line = only(&explain(&query, &manifests, None).unwrap()).clone();
    assert_eq!((line.status, said(&line)), (FactStatus::NotHeld, vec![SourceEffect::WouldGrant]));
}

#[test]
fn a_denial_of_one_person_stands_against_their_group() {
    let manifests = desired_and(Key::InGroup(email("kim"), "QA".into()), Verdict::Present(Value::Held));
    let query = why("kim", "Bot Tester", "Banking Assistant");
    let explanation = explain(&query, &manifests, None).unwrap();
    assert_eq!(only(&explanation).status, FactStatus::Declared, "the group's roles are its members'");
    let explanation = online_of(&manifests, &query, &world(Vec::new()));
    assert_eq!(only(&explanation).status, FactStatus::Absent);
}
