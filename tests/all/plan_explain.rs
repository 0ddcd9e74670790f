//! Explanations as values: each standing, each reason, with and without the account.

use crate::manifest_compile::{compiled, now};
use koreconcile::facts::{
    BotEntry, BotRef, Coverage, Desired, DialogId, DialogSet, Directory, Email, GroupEntry, Holder, Key,
    Listing, Membership, Policy, RoleEntry, RoleSpec, RoleType, Seen, UserEntry, Value, World, WorldBuilder,
};
use koreconcile::plan::explain::{Explanation, Line, Observed, Question, Says, Standing, Unheard, explain};
use koreconcile::plan::{Context, render};

const MANIFESTS: &str = "
kind: KoreUser
metadata: { name: jane }
spec: { email: jane.doe@example.com, firstName: Jane, builderAccess: Builder, groups: [QA], dataTables: true }
---
kind: KoreUser
metadata: { name: former }
spec: { email: former@example.com, state: Absent }
---
kind: KoreTeam
metadata: { name: bankers }
spec: { inviteMembers: true, members: [sam@example.com, former@example.com] }
---
kind: KoreRoleBinding
metadata: { name: developers }
spec:
  role: { type: Bot, name: App Developer }
  bot: Banking Assistant
  membership: Authoritative
  subjects:
    - team: bankers
    - user: kim@example.com
      expiresAt: 2026-12-31T18:00:00Z
      reason: incident 4711
    - user: late@example.com
      expiresAt: 2026-01-31T18:00:00Z
---
kind: KoreRoleBinding
metadata: { name: testers }
spec:
  role: { type: Bot, name: Bot Tester }
  bot: Banking Assistant
  subjects: [{ group: QA }]
  absent: [{ user: kim@example.com }]
---
kind: KoreBotAssignment
metadata: { name: users }
spec: { bot: HR Assistant, subjects: [{ user: jane.doe@example.com }] }
";

fn email(name: &str) -> Email {
    Email::observed(&format!("{name}@example.com"))
}

fn person(name: &str) -> Question {
    Question { who: Some(email(name)), ..Question::default() }
}

fn why(name: &str, role: &str, bot: &str) -> Question {
    Question { bot: Some(BotRef::new(bot)), role: Some(role.to_owned()), ..person(name) }
}

fn desired() -> Desired {
    compiled(MANIFESTS).desired
}

fn offline(question: &Question) -> Explanation {
    explain(question, &desired(), None).unwrap()
}

fn online(question: &Question, world: &World) -> Explanation {
    let (policy, context) = (Policy::default(), Context { now: now(), ..Context::default() });
    let observed = Observed { world, policy: &policy, context: &context };
    explain(question, &desired(), Some(observed)).unwrap()
}

/// An account with these facts besides its bots, roles and the group QA; everybody in it was looked up.
fn world(facts: Vec<(Key, Value)>) -> World {
    let mut builder = WorldBuilder::new();
    let mut directory = Directory::default();
    let mut coverage = Coverage::default();
    for listing in [Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles] {
        coverage.listings.insert(listing, koreconcile::facts::Extent::Complete);
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

fn developer(name: &str) -> Key {
    Key::BotRole(Holder::User(email(name)), "Bot Developer".into(), "st-1".into())
}

fn tester(name: &str) -> Key {
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
fn explain_from_manifests_alone_says_who_declares_what_and_until_when() {
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
fn explain_tells_the_team_that_reaches_a_person() {
    let explanation = offline(&why("sam", "Bot Developer", "Banking Assistant"));
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::Declared);
    assert_eq!(line.because[0].source.team.as_deref(), Some("bankers"));
}

#[test]
fn explain_knows_a_role_by_either_generation_of_its_name() {
    let explanation = offline(&why("sam", "App Developer", "Banking Assistant"));
    assert_eq!(only(&explanation).standing, Standing::Declared);
}

#[test]
fn explain_hands_on_what_a_group_holds() {
    let explanation = offline(&why("jane.doe", "Bot Tester", "Banking Assistant"));
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::Declared);
    assert_eq!(said(line), [Says::GrantsGroup, Says::PutsInGroup]);
    assert_eq!(line.because[0].group, Some("QA".into()));
}

#[test]
fn explain_shows_what_is_seen_beside_what_is_wanted() {
    let inherited = Value::Inherited([koreconcile::facts::GroupName::new("QA")].into());
    let seen = world(vec![
        (developer("sam"), Value::Held),
        (tester("jane.doe"), inherited),
        (Key::InGroup(email("jane.doe"), "QA".into()), Value::Held),
        (Key::Access(email("jane.doe")), Value::Access(koreconcile::facts::BuilderAccess::None)),
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
fn explain_says_what_happens_to_what_nobody_declared() {
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
fn explain_what_a_leaver_has_goes_with_them() {
    let seen = world(vec![
        (Key::Member(email("former")), Value::Member(Membership::Joined)),
        (tester("former"), Value::Held),
    ]);
    let line = only(&online(&why("former", "Bot Tester", "Banking Assistant"), &seen)).clone();
    assert_eq!(line.standing, Standing::ToBeRemoved);
    assert!(line.why[0].contains("goes with the person"), "{line:?}");
}

#[test]
fn explain_an_open_scope_says_why_it_removes_nothing() {
    let mut manifests = desired();
    for scope in &mut manifests.scopes {
        scope.closure = koreconcile::facts::Closure::Open("there is no team tellers".to_owned());
    }
    let seen = world(vec![(developer("jane.doe"), Value::Held)]);
    let (policy, context) = (Policy::default(), Context::default());
    let observed = Observed { world: &seen, policy: &policy, context: &context };
    let question = why("jane.doe", "Bot Developer", "Banking Assistant");
    let explanation = explain(&question, &manifests, Some(observed)).unwrap();
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::Unmanaged);
    assert!(line.why[0].contains("there is no team tellers"), "{line:?}");
}

#[test]
fn explain_why_not_names_each_reason() {
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
fn explain_why_not_without_a_role_is_about_using_the_bot() {
    let question = Question { bot: Some(BotRef::new("HR Assistant")), ..person("kim") };
    let explanation = offline(&question);
    let line = only(&explanation);
    assert_eq!((line.standing, line.fact.says().as_str()), (Standing::NotHeld, "may use HR Assistant"));
    assert_eq!(said(line), [Says::WouldGrant]);
}

#[test]
fn explain_why_not_without_a_bot_is_about_every_bot_the_role_is_given_on() {
    let question = Question { role: Some("Bot Developer".to_owned()), ..person("jane.doe") };
    let explanation = offline(&question);
    assert_eq!(only(&explanation).fact.says(), "Bot Developer on Banking Assistant");
    let question = Question { role: Some("Master Admin".to_owned()), ..person("jane.doe") };
    let explanation = offline(&question);
    let line = only(&explanation);
    assert!(line.why[0].contains("no KoreRoleBinding gives Master Admin"), "{line:?}");
}

#[test]
fn explain_tells_what_is_in_the_way() {
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
fn explain_does_not_claim_what_was_not_answered() {
    let mut seen = world(Vec::new());
    seen.coverage.looked_up.remove(&email("sam"));
    let explanation = online(&why("sam", "Bot Developer", "Banking Assistant"), &seen);
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::Unknown);
    assert!(line.why[0].contains("did not answer about sam@example.com"), "{line:?}");
}

#[test]
fn explain_two_spellings_of_an_address_are_in_the_way_of_that_person_only() {
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
fn explain_a_bot_lists_people_and_groups_with_what_they_have() {
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
fn explain_a_bot_is_one_bot_by_name_and_by_id() {
    let seen = world(vec![(developer("sam"), Value::Held)]);
    let by = |bot: &str| {
        let question = Question { bot: Some(BotRef::new(bot)), ..Question::default() };
        online(&question, &seen).lines
    };
    assert_eq!(by("st-1"), by("Banking Assistant"));
}

#[test]
fn explain_a_role_lists_its_holders() {
    let question = Question { role: Some("Bot Tester".to_owned()), ..Question::default() };
    let lines = offline(&question).lines;
    assert_eq!(lines.len(), 3, "{lines:#?}");
}

#[test]
fn explain_refuses_names_that_nobody_has_heard_of() {
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
fn explain_a_stranger_says_so_and_asks_who_was_meant() {
    let explanation = offline(&person("jane.do"));
    let line = only(&explanation);
    assert_eq!(line.standing, Standing::NotHeld);
    assert!(line.why[0].contains("no KoreUser"), "{line:?}");
    assert!(explanation.notes[0].contains("did you mean jane.doe@example.com?"), "{:?}", explanation.notes);
}
