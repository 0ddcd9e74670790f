//! Explanations by what is asked: who, which role and which bot, in every mixture, and names that nobody has heard of.

use crate::plan::explain::{
    desired, developer, email, offline, online, online_of, only, person, said, tester, why, world,
};
use koreconcile::facts::{
    BotRef, Closure, Desired, DialogId, DialogSet, Email, Holder, Key, Policy, Scope, ScopeExtent, Value,
    Verdict, Want,
};
use koreconcile::plan::explain::{FactStatus, Observed, Query, SourceEffect, UnknownName, explain};
use koreconcile::plan::{Context, Reason};

#[test]
fn knows_a_role_by_either_generation_of_its_name() {
    let explanation = offline(&why("sam", "App Developer", "Banking Assistant"));
    assert_eq!(only(&explanation).status, FactStatus::Declared);
}

#[test]
fn why_not_without_a_role_is_about_using_the_bot() {
    let query = Query { bot: Some(BotRef::new("HR Assistant")), ..person("kim") };
    let explanation = offline(&query);
    let line = only(&explanation);
    assert_eq!((line.status, line.fact.effect().as_str()), (FactStatus::NotHeld, "assigned to HR Assistant"));
    assert_eq!(said(line), [SourceEffect::WouldGrant]);
}

#[test]
fn why_not_without_a_bot_is_about_every_bot_the_role_is_given_on() {
    let query = Query { role: Some("Bot Developer".to_owned()), ..person("jane.doe") };
    let explanation = offline(&query);
    assert_eq!(only(&explanation).fact.effect(), "Bot Developer on Banking Assistant");
    let query = Query { role: Some("Master Admin".to_owned()), ..person("jane.doe") };
    let explanation = offline(&query);
    let line = only(&explanation);
    assert!(line.why[0].contains("no KoreRoleBinding gives Master Admin"), "{line:?}");
}

#[test]
fn a_bot_lists_people_and_groups_with_what_they_have() {
    let query = Query { bot: Some(BotRef::new("Banking Assistant")), ..Query::default() };
    let holders: Vec<String> = offline(&query).lines.iter().map(|line| line.fact.holder()).collect();
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
    let explanation = online(&query, &seen);
    assert!(explanation.lines.iter().any(|line| line.fact.effect() == "assigned to Banking Assistant"));
    assert!(
        explanation.notes.iter().any(|note| note.contains("person by person")),
        "{:?}",
        explanation.notes
    );
}

#[test]
fn a_bot_is_one_bot_by_name_and_by_id() {
    let seen = world(vec![(developer("sam"), Value::Held)]);
    let by = |bot: &str| {
        let query = Query { bot: Some(BotRef::new(bot)), ..Query::default() };
        online(&query, &seen).lines
    };
    assert_eq!(by("st-1"), by("Banking Assistant"));
}

#[test]
fn a_role_lists_its_holders() {
    let query = Query { role: Some("Bot Tester".to_owned()), ..Query::default() };
    let lines = offline(&query).lines;
    assert_eq!(lines.len(), 3, "{lines:#?}");
}

#[test]
fn refuses_names_that_nobody_has_heard_of() {
    let refusal = |query: &Query| -> UnknownName { explain(query, &desired(), None).unwrap_err() };
    let bot = Query { bot: Some(BotRef::new("Banking Asistant")), ..Query::default() };
    assert!(refusal(&bot).to_string().contains("did you mean \"Banking Assistant\"?"), "{}", refusal(&bot));
    let bot = Query { bot: Some(BotRef::new("Travel Desk")), ..Query::default() };
    assert!(refusal(&bot).to_string().contains("these are known: Banking Assistant, HR Assistant"));
    let role = Query { role: Some("Bot Testr".to_owned()), ..Query::default() };
    assert!(refusal(&role).to_string().contains("did you mean \"Bot Tester\"?"));
    let empty = explain(&bot, &Desired::default(), None).unwrap_err();
    assert!(empty.to_string().contains("there is no bot at all"), "{empty}");
}

#[test]
fn a_stranger_says_so_and_asks_who_was_meant() {
    let explanation = offline(&person("jane.do"));
    let line = only(&explanation);
    assert_eq!(line.status, FactStatus::NotHeld);
    assert!(line.why[0].contains("no KoreUser"), "{line:?}");
    assert!(explanation.notes[0].contains("did you mean jane.doe@example.com?"), "{:?}", explanation.notes);
}

#[test]
fn a_role_on_every_bot_it_is_given_on_and_an_admin_role_by_the_same_name() {
    let asked = |name: &str, role: &str, manifests: &Desired| {
        let query = Query { role: Some(role.to_owned()), ..person(name) };
        let lines = explain(&query, manifests, None).unwrap().lines;
        lines.iter().map(|line| line.fact.effect()).collect::<Vec<_>>()
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
fn roles_and_bots_are_known_by_scopes_and_by_the_account() {
    let mut manifests = desired();
    manifests.wants.clear();
    let is_known = |query: &Query, manifests: &Desired| explain(query, manifests, None).is_ok();
    let role = |name: &str| Query { role: Some(name.to_owned()), ..Query::default() };
    let bot = |name: &str| Query { bot: Some(BotRef::new(name)), ..Query::default() };
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
fn lists_what_is_known_when_a_name_is_far_from_all_of_it() {
    let unheard = |bots: usize| {
        let wants = (1..=bots).map(|number| {
            let key = Key::Assigned(email("sam"), BotRef::new(&format!("Bot {number}")));
            (key, Want { verdict: Verdict::Absent, sources: Vec::new(), until: None, reason: None })
        });
        let query = Query { bot: Some(BotRef::new("Travel Desk")), ..Query::default() };
        explain(&query, &Desired::new(wants.collect()), None).unwrap_err()
    };
    let eight = "Bot 1, Bot 2, Bot 3, Bot 4, Bot 5, Bot 6, Bot 7, Bot 8";
    assert_eq!(unheard(8).next_step, format!("these are known: {eight}"));
    let of_ten = "Bot 1, Bot 10, Bot 2, Bot 3, Bot 4, Bot 5, Bot 6, Bot 7";
    assert_eq!(unheard(10).next_step, format!("these are known: {of_ten}, and 2 more"));
    assert_eq!(
        unheard(8).to_string().lines().next(),
        Some("the manifests do not mention a bot named \"Travel Desk\"")
    );
    let query = Query { role: Some("Bot Testr".to_owned()), ..Query::default() };
    let seen = world(Vec::new());
    let (policy, context) = (Policy::default(), Context::default());
    let observed = Observed { world: &seen, policy: &policy, context: &context };
    let unheard = explain(&query, &Desired::default(), Some(observed)).unwrap_err();
    assert_eq!(
        unheard.to_string(),
        "neither the manifests nor the account have a role named \"Bot Testr\"\n  did you mean \"Bot Tester\"?"
    );
}

#[test]
fn a_slip_in_an_address_is_looked_for_in_its_own_domain() {
    let note = |address: &str| {
        let query = Query { who: Some(Email::observed(address)), ..Query::default() };
        offline(&query).notes
    };
    assert_eq!(
        note("jane.do@example.com"),
        ["nobody has heard of jane.do@example.com; did you mean jane.doe@example.com?"]
    );
    assert_eq!(note("jane.do@example.org"), [""; 0]);
    assert_eq!(note("kim@example.com"), [""; 0], "a manifest names them");
}

#[test]
fn says_of_a_bot_that_its_users_are_read_person_by_person() {
    let seen = world(vec![(developer("sam"), Value::Held)]);
    let notes = |query: Query, manifests: &Desired| online_of(manifests, &query, &seen).notes.len();
    let bot = |name: &str| Query { bot: Some(BotRef::new(name)), ..Query::default() };
    assert_eq!(notes(bot("Banking Assistant"), &desired()), 1);
    assert_eq!(notes(bot("HR Assistant"), &Desired::default()), 0, "nobody is listed");
    assert_eq!(
        notes(Query { role: Some("Bot Tester".to_owned()), ..bot("Banking Assistant") }, &desired()),
        0
    );
    assert_eq!(notes(Query { who: Some(email("sam")), ..bot("Banking Assistant") }, &desired()), 0);
}

#[test]
fn asks_for_a_role_on_a_bot_and_for_nothing_beside_it() {
    let sam = || Holder::User(email("sam"));
    let elsewhere = Key::BotRole(sam(), "Bot Tester".into(), "st-2".into());
    let (here, other) = (tester("sam"), developer("sam"));
    let used = Key::Assigned(email("sam"), "st-1".into());
    let seen = world([here, other, elsewhere, used].map(|key| (key, Value::Held)).into());
    let manifests = Desired::default();
    let of = |query: Query| {
        let lines = online_of(&manifests, &query, &seen).lines;
        lines.iter().map(|line| line.fact.effect()).collect::<Vec<_>>()
    };
    let role = |query: Query| Query { role: Some("Bot Tester".to_owned()), ..query };
    let bot = |query: Query| Query { bot: Some(BotRef::new("HR Assistant")), ..query };
    let expected = ["Bot Tester on Banking Assistant", "Bot Tester on HR Assistant"];
    assert_eq!(of(role(Query::default())), expected);
    assert_eq!(of(role(person("sam"))), expected);
    assert_eq!(of(bot(person("sam"))), expected[1..]);
    assert_eq!(of(bot(role(Query::default()))), expected[1..]);
    assert_eq!(of(role(bot(person("sam")))), expected[1..]);
    assert_eq!(of(role(bot(person("kim")))), expected[1..], "what is asked, when nobody says anything");
}

#[test]
fn is_headed_by_what_is_asked() {
    let about = |who: Option<&str>, role: Option<&str>, bot: Option<&str>| {
        let query = Query {
            who: who.map(email),
            role: role.map(str::to_owned),
            bot: bot.map(BotRef::new),
            ending_by: None,
        };
        online(&query, &world(Vec::new())).about
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
fn two_bots_of_one_name_are_told_apart() {
    let mut seen = world(vec![(developer("sam"), Value::Held)]);
    let twin = seen.directory.bots[&"st-1".into()].clone();
    seen.directory.bots.insert("st-9".into(), twin);
    let line = online(&why("sam", "Bot Developer", "Banking Assistant"), &seen).lines[0].clone();
    assert_eq!((line.status, line.fact.bot_id), (FactStatus::Missing, None), "a name of two bots means none");
    assert_eq!(line.obstacles[0].reason, Reason::BotUnresolved);
}
