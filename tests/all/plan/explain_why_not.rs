//! Explanations of what somebody has not: who would have to be named, and what is in the way.

use crate::plan::explain::{
    banking, desired, desired_and, email, offline, on_banking, online, online_of, only, person, said, tester,
    why, world,
};
use koreconcile::facts::{BotRef, Desired, Holder, Key, Membership, Seen, Value, Verdict};
use koreconcile::plan::explain::{FactStatus, Query, SourceEffect, explain};
use koreconcile::plan::{Reason, render};

#[test]
fn names_each_reason() {
    let reason = |name: &str, role: &str, bot: &str| {
        let explanation = offline(&why(name, role, bot));
        render::explanation(&explanation, render::Style::default())
    };
    let absent = reason("former", "Bot Developer", "Banking Assistant");
    assert!(absent.contains("must not be in the account, and so gets nothing"), "{absent}");
    let ended = reason("late", "Bot Developer", "Banking Assistant");
    assert!(ended.contains("ended 2026-01-31") && ended.contains("granted, expired"), "{ended}");
    let denied = reason("kim", "Bot Tester", "Banking Assistant");
    assert!(denied.contains("declared absent"), "{denied}");
    let nobody = reason("jane.doe", "Bot Developer", "Banking Assistant");
    assert!(nobody.contains("does not list the user") && nobody.contains("team bankers has it"), "{nobody}");
    let group = reason("sam", "Bot Tester", "Banking Assistant");
    assert!(group.contains("group QA has it, and sam@example.com is not in QA"), "{group}");
    let no_binding = reason("jane.doe", "Bot Tester", "HR Assistant");
    assert!(no_binding.contains("no KoreRoleBinding gives Bot Tester on HR Assistant"), "{no_binding}");
    let owner = reason("jane.doe", "Bot Owner", "HR Assistant");
    assert!(owner.contains("Change Bot Owner"), "{owner}");
    let stranger = reason("stranger", "Bot Developer", "Banking Assistant");
    assert!(stranger.contains("stranger@example.com is not declared"), "{stranger}");
}

#[test]
fn tells_what_is_in_the_way() {
    let query = Query { bot: Some(BotRef::new("HR Assistant")), ..person("jane.doe") };
    let seen = world(Vec::new());
    let explanation = online(&query, &seen);
    let line = only(&explanation);
    assert_eq!(line.status, FactStatus::Missing);
    assert!(line.obstacles[0].message.contains("HR Assistant is not published"), "{line:#?}");
    let text = render::explanation(&explanation, render::Style::default());
    assert!(text.contains("blocked: ") && text.contains("next: publish it"), "{text}");
}

#[test]
fn does_not_claim_what_was_not_answered() {
    let mut seen = world(Vec::new());
    seen.coverage.looked_up.remove(&email("sam"));
    let explanation = online(&why("sam", "Bot Developer", "Banking Assistant"), &seen);
    let line = only(&explanation);
    assert_eq!(line.status, FactStatus::Unknown);
    assert!(line.why[0].contains("did not answer about sam@example.com"), "{line:?}");
}

#[test]
fn two_spellings_of_an_address_are_in_the_way_of_that_person_only() {
    let mut seen = world(Vec::new());
    seen.directory.users.get_mut(&email("sam")).unwrap().spellings.push("Sam@example.com".to_owned());
    let way = |name| {
        let explanation = online(&why(name, "Bot Developer", "Banking Assistant"), &seen);
        only(&explanation).obstacles.iter().map(|way| way.message.clone()).collect::<Vec<_>>()
    };
    assert!(way("sam")[0].contains("several users of that address"), "{:?}", way("sam"));
    assert_eq!(way("kim"), [""; 0]);
}

#[test]
fn an_owner_of_bots_who_leaves_is_stripped_when_that_is_declared() {
    let former = || Holder::User(email("former"));
    let mut seen = world(vec![
        (Key::Member(email("former")), Value::Member(Membership::Joined)),
        (Key::BotRole(former(), "Bot Owner".into(), "st-1".into()), Value::Held),
        (tester("former"), Value::Inherited(["QA".into()].into())),
    ]);
    seen.coverage.looked_up.insert(email("former"), Seen::ALL);
    let way = |manifests: &Desired| {
        let lines = online_of(manifests, &person("former"), &seen).lines;
        lines.iter().flat_map(|line| &line.obstacles).map(|way| way.reason).collect::<Vec<_>>()
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
fn explain_of_a_role_tells_what_is_in_each_persons_way_beside_them() {
    let mut seen = world(Vec::new());
    seen.directory.users.get_mut(&email("sam")).unwrap().spellings.push("Sam@example.com".to_owned());
    let query = Query { role: Some("Bot Developer".to_owned()), ..Query::default() };
    let told = online(&query, &seen).lines.into_iter().filter(|line| !line.obstacles.is_empty());
    assert_eq!(told.map(|line| line.fact.holder()).collect::<Vec<_>>(), ["sam@example.com"]);
}

#[test]
fn a_name_that_means_nothing_is_in_the_way_of_the_lines_that_use_it() {
    let mut seen = world(Vec::new());
    seen.directory.roles.remove(&"r-2".into());
    let way = |name: &str, role: &str| {
        let explanation = online(&why(name, role, "Banking Assistant"), &seen);
        only(&explanation).obstacles.iter().map(|way| way.reason).collect::<Vec<_>>()
    };
    assert_eq!(way("jane.doe", "Bot Tester"), [Reason::RoleUnresolved], "through the group's line");
    assert_eq!(way("sam", "Bot Developer"), []);
}

#[test]
fn says_why_not_in_whole_sentences() {
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
        "stranger@example.com is not declared: declare a KoreUser, or a team with inviteMembers; \
         no KoreRoleBinding gives Bot Tester on HR Assistant"
    );
    assert_eq!(whys("kim", "Bot Tester", "Banking Assistant"), "", "the line that denies it says so");
    let mut manifests = desired();
    manifests.scopes.clear();
    let query = Query { bot: Some(BotRef::new("HR Assistant")), ..person("sam") };
    let explanation = explain(&query, &manifests, None).unwrap();
    assert_eq!(only(&explanation).why, ["no KoreBotAssignment is about HR Assistant"]);
}

#[test]
fn is_asked_of_one_person_only() {
    let query = Query { bot: Some(banking()), ..Query::default() };
    let explanation = offline(&query);
    let kim = explanation.lines.iter().find(|line| line.status == FactStatus::Absent).unwrap();
    assert_eq!((said(kim), kim.why.len()), (vec![SourceEffect::Denies], 0));
    let former = on_banking(Holder::User(email("former")), "Bot Developer");
    let manifests = desired_and(former, Verdict::Absent);
    let lines = explain(&query, &manifests, None).unwrap().lines;
    let former = lines.iter().find(|line| line.fact.holder() == "former@example.com").unwrap();
    assert_eq!(former.why.len(), 0, "{former:?}");
}

#[test]
fn a_person_who_was_seen_needs_no_declaration() {
    let mut seen = world(vec![(Key::Member(email("guest")), Value::Member(Membership::Joined))]);
    seen.coverage.looked_up.insert(email("guest"), Seen::ALL);
    let explanation = online(&why("guest", "Bot Tester", "Banking Assistant"), &seen);
    let whys = &only(&explanation).why;
    assert!(whys.iter().all(|why| !why.contains("nobody declares")), "{whys:?}");
    assert!(explanation.notes.is_empty(), "{:?}", explanation.notes);
}
