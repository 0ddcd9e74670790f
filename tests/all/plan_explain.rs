//! Explanations as values: each standing, each reason, with and without the account.

use jiff::Timestamp;
use koreconcile::facts::{
    BotEntry, BotRef, BuilderAccess, Closure, Coverage, Desired, DialogId, DialogSet, Directory, Email,
    Extent, GroupEntry, Holder, Key, Listing, Membership, PersonName, Policy, RoleEntry, RoleSpec, RoleType,
    Scope, ScopeExtent, Seen, Source, UserEntry, Value, Verdict, Want, World, WorldBuilder,
};
use koreconcile::plan::explain::{Explanation, Line, Observed, Question, Says, Standing, Unheard, explain};
use koreconcile::plan::{Context, Reason, render};

pub fn email(name: &str) -> Email {
    Email::observed(&format!("{name}@example.com"))
}

pub fn person(name: &str) -> Question {
    Question { who: Some(email(name)), ..Question::default() }
}

pub fn why(name: &str, role: &str, bot: &str) -> Question {
    Question { bot: Some(BotRef::new(bot)), role: Some(role.to_owned()), ..person(name) }
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn banking() -> BotRef {
    BotRef::new("Banking Assistant")
}

fn on_banking(holder: Holder, role: &str) -> Key<BotRef> {
    Key::BotRole(holder, role.into(), banking())
}

/// Jane is declared with all there is to say of a person, and Former must be gone. The team `bankers` is Sam; it
/// develops the Banking Assistant, with Kim until the end of the year and Late until January, and nobody else may. The
/// group QA tests it, and Kim must not. Jane may use the HR Assistant.
pub fn desired() -> Desired {
    let user = |name: &str| Holder::User(email(name));
    let line = |file: &str, line: u32| Source::file(file, line, 1);
    let bankers = |source: Source| source.through(&"bankers".into());
    let wants = |verdict: Verdict, source: Source| Want { verdict, sources: vec![source], until: None };
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

pub fn offline(question: &Question) -> Explanation {
    explain(question, &desired(), None).unwrap()
}

pub fn online(question: &Question, world: &World) -> Explanation {
    online_of(&desired(), question, world)
}

fn online_of(manifests: &Desired, question: &Question, world: &World) -> Explanation {
    let (policy, context) =
        (Policy::default(), Context { now: time("2026-06-01T12:00:00Z"), ..Context::default() });
    let observed = Observed { world, policy: &policy, context: &context };
    explain(question, manifests, Some(observed)).unwrap()
}

/// The same manifests with one more line.
fn desired_and(key: Key<BotRef>, verdict: Verdict) -> Desired {
    let mut manifests = desired();
    let want = Want { verdict, sources: vec![Source::file("access.yaml", 30, 1)], until: None };
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
        directory.users.insert(email(name), UserEntry { id: None, spellings });
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
fn only(explanation: &Explanation) -> &Line {
    let [line] = &explanation.lines[..] else { panic!("not one line: {explanation:#?}") };
    line
}

fn said(line: &Line) -> Vec<Says> {
    line.because.iter().map(|because| because.says).collect()
}

#[test]
fn plan_explain_from_manifests_alone_says_who_declares_what_and_until_when() {
    let explanation = offline(&person("kim"));
    let text = render::explanation(&explanation, render::Style::default());
    assert!(text.contains("From the manifests alone"), "{text}");
    assert!(
        text.contains("= Bot Developer on Banking Assistant: declared, until 2026-12-31T18:00:00Z"),
        "{text}"
    );
    assert!(text.contains("x Bot Tester on Banking Assistant: must not be held"), "{text}");
    assert!(!explanation.reading.of_account);
}

#[test]
fn plan_explain_tells_the_team_that_reaches_a_person() {
    let explanation = offline(&why("sam", "Bot Developer", "Banking Assistant"));
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::Declared);
    assert_eq!(line.because[0].source.team.as_deref(), Some("bankers"));
}

#[test]
fn plan_explain_knows_a_role_by_either_generation_of_its_name() {
    let explanation = offline(&why("sam", "App Developer", "Banking Assistant"));
    assert_eq!(only(&explanation).standing, Standing::Declared);
}

#[test]
fn plan_explain_hands_on_what_a_group_holds() {
    let explanation = offline(&why("jane.doe", "Bot Tester", "Banking Assistant"));
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::Declared);
    assert_eq!(said(line), [Says::GrantsGroup, Says::PutsInGroup]);
    assert_eq!(line.because[0].group, Some("QA".into()));
}

#[test]
fn plan_explain_shows_what_is_seen_beside_what_is_wanted() {
    let inherited = Value::Inherited(["QA".into()].into());
    let seen = world(vec![
        (developer("sam"), Value::Held),
        (tester("jane.doe"), inherited),
        (Key::InGroup(email("jane.doe"), "QA".into()), Value::Held),
        (Key::Access(email("jane.doe")), Value::Access(BuilderAccess::None)),
        (developer("late"), Value::Held),
    ]);
    let standing = |name: &str, role: &str| {
        let explanation = online(&why(name, role, "Banking Assistant"), &seen);
        only(&explanation).standing
    };
    assert_eq!(standing("sam", "Bot Developer"), Standing::Held);
    assert_eq!(standing("jane.doe", "Bot Tester"), Standing::Inherited);
    assert_eq!(standing("kim", "Bot Developer"), Standing::Missing);
    assert_eq!(standing("kim", "Bot Tester"), Standing::Absent);
    assert_eq!(standing("late", "Bot Developer"), Standing::ToBeRemoved);
    assert_eq!(standing("late", "Bot Tester"), Standing::NotHeld);
    let jane = online(&person("jane.doe"), &seen);
    let of = |says: &str| jane.lines.iter().find(|line| line.fact.says() == says).unwrap();
    assert_eq!(of("builder access").standing, Standing::Differs);
    assert_eq!(of("data tables").standing, Standing::Declared, "it cannot be read");
    assert_eq!(of("name").standing, Standing::Missing);
}

#[test]
fn plan_explain_says_what_happens_to_what_nobody_declared() {
    let seen = world(vec![
        (developer("jane.doe"), Value::Held),
        (tester("sam"), Value::Held),
        (Key::BotRole(Holder::User(email("sam")), "Analyst".into(), "st-2".into()), Value::Held),
        (Key::BotRole(Holder::User(email("sam")), "Bot Owner".into(), "st-2".into()), Value::Held),
    ]);
    let line = |name, role, bot| only(&online(&why(name, role, bot), &seen)).clone();
    let swept = line("jane.doe", "Bot Developer", "Banking Assistant");
    assert_eq!((swept.standing, said(&swept)), (Standing::ToBeRemoved, vec![Says::Closes]));
    let left = line("sam", "Bot Tester", "Banking Assistant");
    assert_eq!((left.standing, said(&left)), (Standing::Unmanaged, vec![Says::LeavesOthers]));
    let stray = line("sam", "Analyst", "HR Assistant");
    assert_eq!(stray.standing, Standing::Unmanaged);
    assert_eq!(said(&stray), [], "no scope either");
    let owner = line("sam", "Bot Owner", "HR Assistant");
    assert_eq!(owner.standing, Standing::Unmanaged);
    assert!(owner.why[0].contains("never granted nor taken"), "{owner:?}");
}

#[test]
fn plan_explain_what_a_leaver_has_goes_with_them() {
    let seen = world(vec![
        (Key::Member(email("former")), Value::Member(Membership::Joined)),
        (tester("former"), Value::Held),
    ]);
    let line = only(&online(&why("former", "Bot Tester", "Banking Assistant"), &seen)).clone();
    assert_eq!(line.standing, Standing::ToBeRemoved);
    assert!(line.why[0].contains("goes with the person"), "{line:?}");
}

#[test]
fn plan_explain_an_open_scope_says_why_it_removes_nothing() {
    let mut manifests = desired();
    for scope in &mut manifests.scopes {
        scope.closure = Closure::Open("there is no team tellers".to_owned());
    }
    let seen = world(vec![(developer("jane.doe"), Value::Held)]);
    let explanation = online_of(&manifests, &why("jane.doe", "Bot Developer", "Banking Assistant"), &seen);
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::Unmanaged);
    assert!(line.why[0].contains("there is no team tellers"), "{line:?}");
}

#[test]
fn plan_explain_why_not_names_each_reason() {
    let reason = |name: &str, role: &str, bot: &str| {
        let explanation = offline(&why(name, role, bot));
        render::explanation(&explanation, render::Style::default())
    };
    let absent = reason("former", "Bot Developer", "Banking Assistant");
    assert!(absent.contains("must not be in the account, and so gets nothing"), "{absent}");
    let ended = reason("late", "Bot Developer", "Banking Assistant");
    assert!(ended.contains("ended 2026-01-31") && ended.contains("a time that is over"), "{ended}");
    let denied = reason("kim", "Bot Tester", "Banking Assistant");
    assert!(denied.contains("must not be"), "{denied}");
    let nobody = reason("jane.doe", "Bot Developer", "Banking Assistant");
    assert!(nobody.contains("would have to name them") && nobody.contains("team bankers has it"), "{nobody}");
    let group = reason("sam", "Bot Tester", "Banking Assistant");
    assert!(group.contains("group QA has it, and sam@example.com is not in QA"), "{group}");
    let no_binding = reason("jane.doe", "Bot Tester", "HR Assistant");
    assert!(no_binding.contains("no KoreRoleBinding gives Bot Tester on HR Assistant"), "{no_binding}");
    let owner = reason("jane.doe", "Bot Owner", "HR Assistant");
    assert!(owner.contains("Change Bot Owner"), "{owner}");
    let stranger = reason("stranger", "Bot Developer", "Banking Assistant");
    assert!(stranger.contains("nobody declares stranger@example.com"), "{stranger}");
}

#[test]
fn plan_explain_why_not_without_a_role_is_about_using_the_bot() {
    let question = Question { bot: Some(BotRef::new("HR Assistant")), ..person("kim") };
    let explanation = offline(&question);
    let line = only(&explanation);
    assert_eq!((line.standing, line.fact.says().as_str()), (Standing::NotHeld, "may use HR Assistant"));
    assert_eq!(said(line), [Says::WouldGrant]);
}

#[test]
fn plan_explain_why_not_without_a_bot_is_about_every_bot_the_role_is_given_on() {
    let question = Question { role: Some("Bot Developer".to_owned()), ..person("jane.doe") };
    let explanation = offline(&question);
    assert_eq!(only(&explanation).fact.says(), "Bot Developer on Banking Assistant");
    let question = Question { role: Some("Master Admin".to_owned()), ..person("jane.doe") };
    let explanation = offline(&question);
    let line = only(&explanation);
    assert!(line.why[0].contains("no KoreRoleBinding gives Master Admin"), "{line:?}");
}

#[test]
fn plan_explain_tells_what_is_in_the_way() {
    let question = Question { bot: Some(BotRef::new("HR Assistant")), ..person("jane.doe") };
    let seen = world(Vec::new());
    let explanation = online(&question, &seen);
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::Missing);
    assert!(line.in_the_way[0].message.contains("HR Assistant is not published"), "{line:#?}");
    let text = render::explanation(&explanation, render::Style::default());
    assert!(text.contains("blocked: ") && text.contains("next: publish it"), "{text}");
}

#[test]
fn plan_explain_does_not_claim_what_was_not_answered() {
    let mut seen = world(Vec::new());
    seen.coverage.looked_up.remove(&email("sam"));
    let explanation = online(&why("sam", "Bot Developer", "Banking Assistant"), &seen);
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::Unknown);
    assert!(line.why[0].contains("did not answer about sam@example.com"), "{line:?}");
}

#[test]
fn plan_explain_two_spellings_of_an_address_are_in_the_way_of_that_person_only() {
    let mut seen = world(Vec::new());
    seen.directory.users.get_mut(&email("sam")).unwrap().spellings.push("Sam@example.com".to_owned());
    let way = |name| {
        let explanation = online(&why(name, "Bot Developer", "Banking Assistant"), &seen);
        only(&explanation).in_the_way.iter().map(|way| way.message.clone()).collect::<Vec<_>>()
    };
    assert!(way("sam")[0].contains("several users of that address"), "{:?}", way("sam"));
    assert_eq!(way("kim"), [""; 0]);
}

#[test]
fn plan_explain_a_bot_lists_people_and_groups_with_what_they_have() {
    let question = Question { bot: Some(BotRef::new("Banking Assistant")), ..Question::default() };
    let holders: Vec<String> = offline(&question).lines.iter().map(|line| line.fact.holder()).collect();
    let sorted = [
        "jane.doe@example.com", // through the group
        "kim@example.com",
        "kim@example.com",
        "late@example.com",
        "sam@example.com",
        "group QA",
    ];
    assert_eq!(holders, sorted);
    let dialogs = Value::Dialogs(DialogSet::only([DialogId::new("dg-1")]));
    let seen = world(vec![(Key::Assigned(email("sam"), "st-1".into()), dialogs)]);
    let explanation = online(&question, &seen);
    assert!(explanation.lines.iter().any(|line| line.fact.says() == "may use Banking Assistant"));
    assert!(
        explanation.notes.iter().any(|note| note.contains("person by person")),
        "{:?}",
        explanation.notes
    );
}

#[test]
fn plan_explain_a_bot_is_one_bot_by_name_and_by_id() {
    let seen = world(vec![(developer("sam"), Value::Held)]);
    let by = |bot: &str| {
        let question = Question { bot: Some(BotRef::new(bot)), ..Question::default() };
        online(&question, &seen).lines
    };
    assert_eq!(by("st-1"), by("Banking Assistant"));
}

#[test]
fn plan_explain_a_role_lists_its_holders() {
    let question = Question { role: Some("Bot Tester".to_owned()), ..Question::default() };
    let lines = offline(&question).lines;
    assert_eq!(lines.len(), 3, "{lines:#?}");
}

#[test]
fn plan_explain_refuses_names_that_nobody_has_heard_of() {
    let refusal = |question: &Question| -> Unheard { explain(question, &desired(), None).unwrap_err() };
    let bot = Question { bot: Some(BotRef::new("Banking Asistant")), ..Question::default() };
    assert!(refusal(&bot).to_string().contains("did you mean \"Banking Assistant\"?"), "{}", refusal(&bot));
    let bot = Question { bot: Some(BotRef::new("Travel Desk")), ..Question::default() };
    assert!(refusal(&bot).to_string().contains("these are known: Banking Assistant, HR Assistant"));
    let role = Question { role: Some("Bot Testr".to_owned()), ..Question::default() };
    assert!(refusal(&role).to_string().contains("did you mean \"Bot Tester\"?"));
    let empty = explain(&bot, &Desired::default(), None).unwrap_err();
    assert!(empty.to_string().contains("there is no bot at all"), "{empty}");
}

#[test]
fn plan_explain_a_stranger_says_so_and_asks_who_was_meant() {
    let explanation = offline(&person("jane.do"));
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::NotHeld);
    assert!(line.why[0].contains("no KoreUser"), "{line:?}");
    assert!(explanation.notes[0].contains("did you mean jane.doe@example.com?"), "{:?}", explanation.notes);
}

#[test]
fn plan_explain_one_line_against_it_is_enough_whatever_the_bot_is_called() {
    let by_id = Key::BotRole(Holder::User(email("sam")), "Bot Developer".into(), BotRef::Id("st-1".into()));
    let manifests = desired_and(by_id, Verdict::Absent);
    let seen = world(Vec::new());
    let explanation = online_of(&manifests, &why("sam", "Bot Developer", "Banking Assistant"), &seen);
    let line = only(&explanation);
    assert_eq!(
        (line.standing, said(line), line.value.as_deref()),
        (Standing::Absent, vec![Says::Denies], None)
    );
}

#[test]
fn plan_explain_a_grant_through_a_group_ends_with_the_first_of_its_halves() {
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
fn plan_explain_one_half_of_a_group_is_no_grant() {
    let mut manifests = desired();
    manifests.wants.retain(|(key, _)| !matches!(key, Key::InGroup(..)));
    let question = why("jane.doe", "Bot Tester", "Banking Assistant");
    let seen = world(vec![(Key::InGroup(email("jane.doe"), "QA".into()), Value::Held)]);
    let explanation = online_of(&manifests, &question, &seen);
    let line = only(&explanation);
    assert_eq!((line.standing, said(line)), (Standing::NotHeld, vec![Says::GrantsGroup]));
    assert_eq!(line.why[0], "a member of group QA, and no manifest says so");
    let binding = Key::BotRole(Holder::Group("QA".into()), "Bot Developer".into(), "st-1".into());
    let seen = world(vec![(binding, Value::Held)]);
    let explanation = online(&why("jane.doe", "Bot Developer", "Banking Assistant"), &seen);
    let line = only(&explanation);
    assert_eq!((line.standing, line.because[0].says), (Standing::NotHeld, Says::PutsInGroup));
    assert_eq!(line.why[0], "group QA holds it, and no manifest says so");
}

#[test]
fn plan_explain_a_group_that_must_not_hold_a_role_hands_nothing_on() {
    let mut manifests = desired();
    for (_, want) in
        manifests.wants.iter_mut().filter(|(key, _)| matches!(key.holder(), Some(Holder::Group(_))))
    {
        want.verdict = Verdict::Absent;
    }
    let question = why("jane.doe", "Bot Tester", "Banking Assistant");
    let line = only(&explain(&question, &manifests, None).unwrap()).clone();
    assert_eq!((line.standing, said(&line)), (Standing::NotHeld, vec![Says::WouldGrant]));
}

#[test]
fn plan_explain_a_denial_of_one_person_stands_against_their_group() {
    let manifests = desired_and(Key::InGroup(email("kim"), "QA".into()), Verdict::Present(Value::Held));
    let question = why("kim", "Bot Tester", "Banking Assistant");
    let explanation = explain(&question, &manifests, None).unwrap();
    assert_eq!(only(&explanation).standing, Standing::Declared, "the group's roles are its members'");
    let explanation = online_of(&manifests, &question, &world(Vec::new()));
    assert_eq!(only(&explanation).standing, Standing::Absent);
}

#[test]
fn plan_explain_an_owner_of_bots_who_leaves_is_stripped_when_that_is_declared() {
    let former = || Holder::User(email("former"));
    let mut seen = world(vec![
        (Key::Member(email("former")), Value::Member(Membership::Joined)),
        (Key::BotRole(former(), "Bot Owner".into(), "st-1".into()), Value::Held),
        (tester("former"), Value::Inherited(["QA".into()].into())),
    ]);
    seen.coverage.looked_up.insert(email("former"), Seen::ALL);
    let way = |manifests: &Desired| {
        let lines = online_of(manifests, &person("former"), &seen).lines;
        lines.iter().flat_map(|line| &line.in_the_way).map(|way| way.reason).collect::<Vec<_>>()
    };
    let mut manifests = desired();
    assert_eq!(way(&manifests), [Reason::OwnsBots]);
    manifests.strip.insert(email("former"));
    assert_eq!(
        way(&manifests),
        [Reason::OwnsBots, Reason::Inherited],
        "the role goes, but is held through a group"
    );
}

#[test]
fn plan_explain_of_a_role_tells_what_is_in_each_persons_way_beside_them() {
    let mut seen = world(Vec::new());
    seen.directory.users.get_mut(&email("sam")).unwrap().spellings.push("Sam@example.com".to_owned());
    let question = Question { role: Some("Bot Developer".to_owned()), ..Question::default() };
    let told = online(&question, &seen).lines.into_iter().filter(|line| !line.in_the_way.is_empty());
    assert_eq!(told.map(|line| line.fact.holder()).collect::<Vec<_>>(), ["sam@example.com"]);
}

#[test]
fn plan_explain_a_name_that_means_nothing_is_in_the_way_of_the_lines_that_use_it() {
    let mut seen = world(Vec::new());
    seen.directory.roles.remove(&"r-2".into());
    let way = |name: &str, role: &str| {
        let explanation = online(&why(name, role, "Banking Assistant"), &seen);
        only(&explanation).in_the_way.iter().map(|way| way.reason).collect::<Vec<_>>()
    };
    assert_eq!(way("jane.doe", "Bot Tester"), [Reason::RoleUnresolved], "through the group's line");
    assert_eq!(way("sam", "Bot Developer"), []);
}

#[test]
fn plan_explain_says_why_not_in_whole_sentences() {
    let whys = |name: &str, role: &str, bot: &str| offline(&why(name, role, bot)).lines[0].why.join("; ");
    assert_eq!(
        whys("jane.doe", "Bot Developer", "Banking Assistant"),
        "team bankers has it, and jane.doe@example.com is not in bankers; no line names jane.doe@example.com"
    );
    assert_eq!(
        whys("sam", "Bot Tester", "Banking Assistant"),
        "group QA has it, and sam@example.com is not in QA; no line names sam@example.com"
    );
    assert_eq!(
        whys("stranger", "Bot Tester", "HR Assistant"),
        "nobody declares stranger@example.com: a KoreUser, or a team with inviteMembers, would; \
         no KoreRoleBinding gives Bot Tester on HR Assistant"
    );
    assert_eq!(whys("kim", "Bot Tester", "Banking Assistant"), "", "the line that denies it says so");
    let mut manifests = desired();
    manifests.scopes.clear();
    let question = Question { bot: Some(BotRef::new("HR Assistant")), ..person("sam") };
    let explanation = explain(&question, &manifests, None).unwrap();
    assert_eq!(only(&explanation).why, ["no KoreBotAssignment is about HR Assistant"]);
}

#[test]
fn plan_explain_why_not_is_asked_of_one_person_only() {
    let question = Question { bot: Some(banking()), ..Question::default() };
    let explanation = offline(&question);
    let kim = explanation.lines.iter().find(|line| line.standing == Standing::Absent).unwrap();
    assert_eq!((said(kim), kim.why.len()), (vec![Says::Denies], 0));
    let former = on_banking(Holder::User(email("former")), "Bot Developer");
    let manifests = desired_and(former, Verdict::Absent);
    let lines = explain(&question, &manifests, None).unwrap().lines;
    let former = lines.iter().find(|line| line.fact.holder() == "former@example.com").unwrap();
    assert_eq!(former.why.len(), 0, "{former:?}");
}

#[test]
fn plan_explain_a_person_who_was_seen_needs_no_declaration() {
    let mut seen = world(vec![(Key::Member(email("guest")), Value::Member(Membership::Joined))]);
    seen.coverage.looked_up.insert(email("guest"), Seen::ALL);
    let explanation = online(&why("guest", "Bot Tester", "Banking Assistant"), &seen);
    let whys = &only(&explanation).why;
    assert!(whys.iter().all(|why| !why.contains("nobody declares")), "{whys:?}");
    assert!(explanation.notes.is_empty(), "{:?}", explanation.notes);
}

#[test]
fn plan_explain_a_role_on_every_bot_it_is_given_on_and_an_admin_role_by_the_same_name() {
    let asked = |name: &str, role: &str, manifests: &Desired| {
        let question = Question { role: Some(role.to_owned()), ..person(name) };
        let lines = explain(&question, manifests, None).unwrap().lines;
        lines.iter().map(|line| line.fact.says()).collect::<Vec<_>>()
    };
    let mut manifests = desired();
    assert_eq!(asked("former", "Bot Tester", &manifests), ["Bot Tester on Banking Assistant"]);
    assert_eq!(asked("former", "Master Admin", &manifests), ["Master Admin"]);
    manifests.scopes.push(Scope {
        extent: ScopeExtent::AdminRole("Bot Tester".into()),
        closure: Closure::Closed,
        sources: Vec::new(),
    });
    assert_eq!(asked("former", "Bot Tester", &manifests), ["Bot Tester", "Bot Tester on Banking Assistant"]);
}

#[test]
fn plan_explain_roles_and_bots_are_known_by_scopes_and_by_the_account() {
    let mut manifests = desired();
    manifests.wants.clear();
    let is_known = |question: &Question, manifests: &Desired| explain(question, manifests, None).is_ok();
    let role = |name: &str| Question { role: Some(name.to_owned()), ..Question::default() };
    let bot = |name: &str| Question { bot: Some(BotRef::new(name)), ..Question::default() };
    assert!(is_known(&role("Bot Tester"), &manifests) && is_known(&bot("HR Assistant"), &manifests));
    assert!(is_known(&bot("Banking Assistant"), &manifests));
    assert!(!is_known(&role("Auditor"), &manifests) && !is_known(&bot("st-1"), &manifests));
    manifests.scopes[0].extent = ScopeExtent::AdminRole("Auditor".into());
    assert!(is_known(&role("Auditor"), &manifests));
    manifests.scopes.clear();
    assert!(is_known(&role("Master Admin"), &manifests) && is_known(&role("Bot Owner"), &manifests));
    assert!(!is_known(&role("Bot Tester"), &manifests) && !is_known(&bot("HR Assistant"), &manifests));
    let seen = world(Vec::new());
    assert!(online_of(&manifests, &role("Analyst"), &seen).lines.is_empty());
    assert!(online_of(&manifests, &bot("st-2"), &seen).lines.is_empty());
}

#[test]
fn plan_explain_lists_what_is_known_when_a_name_is_far_from_all_of_it() {
    let unheard = |bots: usize| {
        let wants = (1..=bots).map(|number| {
            let key = Key::Assigned(email("sam"), BotRef::new(&format!("Bot {number}")));
            (key, Want { verdict: Verdict::Absent, sources: Vec::new(), until: None })
        });
        let question = Question { bot: Some(BotRef::new("Travel Desk")), ..Question::default() };
        explain(&question, &Desired::new(wants.collect()), None).unwrap_err()
    };
    let eight = "Bot 1, Bot 2, Bot 3, Bot 4, Bot 5, Bot 6, Bot 7, Bot 8";
    assert_eq!(unheard(8).next_step, format!("these are known: {eight}"));
    let of_ten = "Bot 1, Bot 10, Bot 2, Bot 3, Bot 4, Bot 5, Bot 6, Bot 7";
    assert_eq!(unheard(10).next_step, format!("these are known: {of_ten}, and 2 more"));
    assert_eq!(
        unheard(8).to_string().lines().next(),
        Some("the manifests do not mention a bot named \"Travel Desk\"")
    );
    let question = Question { role: Some("Bot Testr".to_owned()), ..Question::default() };
    let seen = world(Vec::new());
    let (policy, context) = (Policy::default(), Context::default());
    let observed = Observed { world: &seen, policy: &policy, context: &context };
    let unheard = explain(&question, &Desired::default(), Some(observed)).unwrap_err();
    assert_eq!(
        unheard.to_string(),
        "neither the manifests nor the account have a role named \"Bot Testr\"\n  did you mean \"Bot Tester\"?"
    );
}

#[test]
fn plan_explain_a_slip_in_an_address_is_looked_for_in_its_own_domain() {
    let note = |address: &str| {
        let question = Question { who: Some(Email::observed(address)), ..Question::default() };
        offline(&question).notes
    };
    assert_eq!(
        note("jane.do@example.com"),
        ["nobody has heard of jane.do@example.com; did you mean jane.doe@example.com?"]
    );
    assert_eq!(note("jane.do@example.org"), [""; 0]);
    assert_eq!(note("kim@example.com"), [""; 0], "a manifest names them");
}

#[test]
fn plan_explain_says_of_a_bot_that_its_users_are_read_person_by_person() {
    let seen = world(vec![(developer("sam"), Value::Held)]);
    let notes = |question: Question, manifests: &Desired| online_of(manifests, &question, &seen).notes.len();
    let bot = |name: &str| Question { bot: Some(BotRef::new(name)), ..Question::default() };
    assert_eq!(notes(bot("Banking Assistant"), &desired()), 1);
    assert_eq!(notes(bot("HR Assistant"), &Desired::default()), 0, "nobody is listed");
    assert_eq!(
        notes(Question { role: Some("Bot Tester".to_owned()), ..bot("Banking Assistant") }, &desired()),
        0
    );
    assert_eq!(notes(Question { who: Some(email("sam")), ..bot("Banking Assistant") }, &desired()), 0);
}

#[test]
fn plan_explain_asks_for_a_role_on_a_bot_and_for_nothing_beside_it() {
    let sam = || Holder::User(email("sam"));
    let elsewhere = Key::BotRole(sam(), "Bot Tester".into(), "st-2".into());
    let (here, other) = (tester("sam"), developer("sam"));
    let used = Key::Assigned(email("sam"), "st-1".into());
    let seen = world([here, other, elsewhere, used].map(|key| (key, Value::Held)).into());
    let manifests = Desired::default();
    let of = |question: Question| {
        let lines = online_of(&manifests, &question, &seen).lines;
        lines.iter().map(|line| line.fact.says()).collect::<Vec<_>>()
    };
    let role = |question: Question| Question { role: Some("Bot Tester".to_owned()), ..question };
    let bot = |question: Question| Question { bot: Some(BotRef::new("HR Assistant")), ..question };
    let expected = ["Bot Tester on Banking Assistant", "Bot Tester on HR Assistant"];
    assert_eq!(of(role(Question::default())), expected);
    assert_eq!(of(role(person("sam"))), expected);
    assert_eq!(of(bot(person("sam"))), expected[1..]);
    assert_eq!(of(bot(role(Question::default()))), expected[1..]);
    assert_eq!(of(role(bot(person("sam")))), expected[1..]);
    assert_eq!(of(role(bot(person("kim")))), expected[1..], "what is asked, when nobody says anything");
}

#[test]
fn plan_explain_is_headed_by_what_is_asked() {
    let about = |who: Option<&str>, role: Option<&str>, bot: Option<&str>| {
        let question =
            Question { who: who.map(email), role: role.map(str::to_owned), bot: bot.map(BotRef::new) };
        online(&question, &world(Vec::new())).about
    };
    let (kim, role, bot) = (Some("kim"), Some("Bot Tester"), Some("st-1"));
    assert_eq!(about(kim, None, None), "kim@example.com");
    assert_eq!(about(kim, role, None), "kim@example.com: Bot Tester");
    assert_eq!(about(kim, None, bot), "kim@example.com and Banking Assistant");
    assert_eq!(about(kim, role, bot), "kim@example.com: Bot Tester on Banking Assistant");
    assert_eq!(about(None, role, bot), "Bot Tester on Banking Assistant");
    assert_eq!(about(None, role, None), "Bot Tester");
    assert_eq!(about(None, None, bot), "Banking Assistant");
    assert_eq!(about(None, None, None), "everybody");
}

#[test]
fn plan_explain_two_bots_of_one_name_are_told_apart() {
    let mut seen = world(vec![(developer("sam"), Value::Held)]);
    let twin = seen.directory.bots[&"st-1".into()].clone();
    seen.directory.bots.insert("st-9".into(), twin);
    let line = online(&why("sam", "Bot Developer", "Banking Assistant"), &seen).lines[0].clone();
    assert_eq!((line.standing, line.fact.bot_id), (Standing::Missing, None), "a name of two bots means none");
    assert_eq!(line.in_the_way[0].reason, Reason::BotUnresolved);
}
