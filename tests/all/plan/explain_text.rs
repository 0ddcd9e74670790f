//! Explanations as text, as people read them.

use crate::plan::explain::{desired, developer, email, offline, online, person, tester, time, world};
use koreconcile::facts::{
    BotRef, BuilderAccess, Desired, DialogId, DialogSet, Family, Holder, Key, Location, Membership,
    PersonName, Policy, Resource, RoleSpec, RoleType, Source, Value, Verdict, World,
};
use koreconcile::plan::explain::{
    Attribution, Commit, Explanation, FactLine, FactStatus, Object, Observed, Obstacle, ObstacleDetail,
    Query, Since, SourceEffect, explain,
};
use koreconcile::plan::render::{self, Style};
use koreconcile::plan::{Context, Reason};
use std::sync::Arc;

fn text(explanation: &Explanation) -> String {
    let mut explanation = explanation.clone();
    explanation.account.name = String::from("acme");
    render::explanation(&explanation, Style::default())
}

/// An account in which Jane has more, less and other than her manifests say.
fn janes_account() -> World {
    let jane = || Holder::User(email("jane.doe"));
    let dialogs = |names: &[&str]| Value::Dialogs(DialogSet::only(names.iter().map(DialogId::new)));
    let name = PersonName { first: Some("Jane".to_owned()), last: Some("Doe".to_owned()) };
    let mut seen = world(vec![
        (Key::Names(email("jane.doe")), Value::Names(name)),
        (Key::Access(email("jane.doe")), Value::Access(BuilderAccess::Creator)),
        (Key::InGroup(email("jane.doe"), "Ops".into()), Value::Held),
        (Key::AdminRole(Holder::Group("Ops".into()), "Auditor".into()), Value::Held),
        (Key::AdminRole(jane(), "Auditor".into()), Value::Inherited(["Ops".into()].into())),
        (Key::AdminRole(jane(), "Clerk".into()), Value::Inherited(["Hidden".into()].into())),
        (developer("jane.doe"), Value::Held),
        (Key::BotRole(jane(), "Bot Owner".into(), "st-2".into()), Value::Held),
        (Key::Assigned(email("jane.doe"), "st-1".into()), dialogs(&["dg-1", "dg-2"])),
    ]);
    seen.account = Some("acme-1".into());
    seen.calls = 7;
    seen.last_sign_ins.insert(email("jane.doe"), time("2026-05-30T07:08:09.5Z"));
    seen.last_sign_ins.insert(email("kim"), time("2026-05-31T00:00:00Z"));
    if let Some(entry) = seen.directory.users.get_mut(&email("jane.doe")) {
        entry.org_user_id = Some("E-1001".to_owned());
    }
    seen.warnings = vec!["a group of the account has no name".to_owned()];
    seen
}

/// The account of this test with what only files know.
fn told(mut explanation: Explanation) -> Explanation {
    explanation.account.host = String::from("https://platform.example.com");
    let lines = explanation.attributions_mut().flat_map(|(_, attributions)| attributions);
    for (at, attributions) in lines.enumerate() {
        let commit = Commit {
            id: "0123456789abcdef".to_owned(),
            at: time("2026-03-04T05:06:07Z"),
            author: "Kim".to_owned(),
            summary: "Jane".to_owned(),
            is_oldest: at == 0,
        };
        attributions.commit = (at < 2).then_some(commit);
        attributions.object =
            (at == 1).then(|| Object { kind: "KoreUser".to_owned(), name: "jane".to_owned() });
        attributions.reason = (at == 2).then(|| "incident 4711".to_owned());
    }
    explanation.lines[0].since =
        Some(Since { at: time("2026-03-05T00:00:00.5Z"), journal: "2026-03-05.jsonl".to_owned() });
    explanation
}

#[test]
fn explain_text_of_a_person_from_the_manifests_alone() {
    let mut explanation = offline(&person("jane.doe"));
    insta::assert_snapshot!(text(&explanation));
    explanation.reading.why_not = Some("no credentials".to_owned());
    assert!(text(&explanation).contains("\nFrom manifests only: no credentials. The state of the account"));
}

#[test]
fn explain_text_of_a_person_in_an_account() {
    insta::assert_snapshot!(text(&told(online(&person("jane.doe"), &janes_account()))));
}

#[test]
fn explain_text_of_a_bot_in_an_account() {
    let query = Query { bot: Some(BotRef::new("Banking Assistant")), ..Query::default() };
    let mut seen = janes_account();
    seen.warnings.clear();
    insta::assert_snapshot!(text(&online(&query, &seen)));
}

#[test]
fn explain_text_of_everybody_shows_roles_then_people_then_groups() {
    let mut manifests = desired();
    let analyst = Key::RoleDefinition(RoleType::Bot, "Analyst".into());
    let (_, mut want) = manifests.wants[0].clone();
    let permissions = [("Tasks".into(), "VIEW".into())].into();
    want.verdict = Verdict::Present(Value::Role(RoleSpec { description: None, permissions }));
    manifests.wants.insert(0, (analyst, want));
    insta::assert_snapshot!(text(&explain(&Query::default(), &manifests, None).unwrap()));
}

#[test]
fn explain_text_of_nobody_says_so() {
    let query = Query { role: Some("Master Admin".to_owned()), ..Query::default() };
    let said = text(&offline(&query));
    assert!(
        said.starts_with("Master Admin in account acme\n") && said.ends_with("\n\nNobody has this access.\n"),
        "{said}"
    );
}

#[test]
fn says_what_each_kind_of_place_says() {
    let mut explanation = offline(&person("stranger"));
    let plain = Source::file("./access.yaml", 7, 1);
    let team = plain.clone().through(&"bankers".into());
    let (kind, namespace, name) = ("KoreUser".into(), "bank".into(), "jane".into());
    let object = Location::Resource(Arc::new(Resource { kind, namespace, name }));
    let line = &mut explanation.lines[0];
    line.why.clear();
    for effect in [
        SourceEffect::Grants,
        SourceEffect::Denies,
        SourceEffect::Ended,
        SourceEffect::GrantsGroup,
        SourceEffect::PutsInGroup,
        SourceEffect::InTeam,
        SourceEffect::Closes,
        SourceEffect::LeavesOthers,
        SourceEffect::WouldGrant,
    ] {
        line.attributions.push(Attribution::new(effect, &plain));
        line.attributions.push(Attribution::new(effect, &team));
        line.attributions.push(Attribution { group: Some("QA".into()), ..Attribution::new(effect, &team) });
    }
    line.attributions.push(Attribution::new(SourceEffect::Grants, &Source { place: object, team: None }));
    explanation.notes.clear();
    insta::assert_snapshot!(text(&explanation));
}

#[test]
fn shows_each_standing_by_a_sign_and_in_words() {
    let standings = [
        FactStatus::Declared,
        FactStatus::Held,
        FactStatus::Inherited,
        FactStatus::Missing,
        FactStatus::Differs,
        FactStatus::ToBeRemoved,
        FactStatus::Absent,
        FactStatus::Unmanaged,
        FactStatus::NotHeld,
        FactStatus::Unknown,
    ];
    let mut explanation = online(&person("stranger"), &world(Vec::new()));
    let mut line = explanation.lines[0].clone();
    line.why.clear();
    (line.until, line.value) = (Some(time("2026-12-31T18:00:00Z")), Some("Builder".to_owned()));
    line.fact.family = Family::Access;
    explanation.lines = standings.map(|status| FactLine { status, ..line.clone() }).into();
    insta::assert_snapshot!(text(&explanation));
    let colored = render::explanation(&explanation, Style { color: true, verbose: false });
    let signs =
        |color: &str| colored.split(color).skip(1).filter_map(|rest| rest.chars().next()).collect::<String>();
    let [green, yellow, red] = ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[31m"].map(signs);
    assert_eq!([green.as_str(), &yellow, &red], ["===", "+~*?", "-xx"]);
    let may_hold: Vec<FactStatus> = standings.into_iter().filter(|status| !status.may_hold()).collect();
    assert_eq!(may_hold, [FactStatus::Missing, FactStatus::Absent, FactStatus::NotHeld]);
}

#[test]
fn shows_what_is_wanted_and_what_is_seen_once() {
    let mut explanation = online(&person("stranger"), &world(Vec::new()));
    let mut line = explanation.lines[0].clone();
    line.why.clear();
    let mut shown = |family, status, value: Option<&str>, seen: Option<&str>| {
        line.fact.family = family;
        line.status = status;
        (line.value, line.seen) = (value.map(str::to_owned), seen.map(str::to_owned));
        explanation.lines = vec![line.clone()];
        text(&explanation).lines().last().unwrap().to_owned()
    };
    assert_eq!(shown(Family::Names, FactStatus::Held, Some("Kim"), Some("Kim Poe")), "  = name: held (Kim)");
    assert_eq!(
        shown(Family::Names, FactStatus::Differs, Some("Kim"), Some("Jo")),
        "  ~ name: differs (declared Kim; observed Jo)"
    );
    assert_eq!(shown(Family::Names, FactStatus::Held, Some("held"), Some("held")), "  = name: held");
    assert_eq!(
        shown(Family::Names, FactStatus::Unmanaged, None, Some("Jo")),
        "  * name: held, not declared (Jo)"
    );
    assert_eq!(
        shown(Family::Access, FactStatus::Inherited, None, Some("held through QA")),
        "  = builder access: held through a group"
    );
    assert_eq!(
        shown(Family::Membership, FactStatus::Held, Some("joined"), Some("invited")),
        "  = in the account: held (invited)"
    );
    assert_eq!(shown(Family::Membership, FactStatus::Held, Some("joined"), None), "  = in the account: held");
    let long = "x".repeat(72);
    assert_eq!(shown(Family::Names, FactStatus::Held, Some(&long), None), format!("  = name: held ({long})"));
    assert_eq!(
        shown(Family::Names, FactStatus::Held, Some(&"x".repeat(73)), None),
        format!("  = name: held ({long}...)")
    );
}

#[test]
fn says_what_is_in_the_way_and_what_to_do() {
    let mut explanation = online(&person("stranger"), &world(Vec::new()));
    explanation.lines[0].obstacles =
        [Obstacle::Blocked, Obstacle::Waiting, Obstacle::Manual, Obstacle::Refused]
            .map(|obstacle| ObstacleDetail {
                obstacle,
                reason: Reason::NotProved,
                message: "this was found".to_owned(),
                next_step: "do this".to_owned(),
            })
            .into();
    insta::assert_snapshot!(text(&explanation));
}

#[test]
fn names_every_fact_by_a_key_of_the_account() {
    let sam = || Holder::User(email("sam"));
    let mut facts = vec![
        (Key::Names(email("sam")), Value::Names(PersonName::default())),
        (Key::Access(email("sam")), Value::Access(BuilderAccess::None)),
        (Key::Profile(email("sam")), Value::Profile([("dept".to_owned(), "Bank".to_owned())].into())),
        (Key::DataTables(email("sam")), Value::DataTables(true)),
        (Key::InGroup(email("sam"), "QA".into()), Value::Held),
        (Key::AdminRole(sam(), "Auditor".into()), Value::Held),
        (developer("sam"), Value::Held),
        (Key::Assigned(email("sam"), "st-1".into()), Value::Dialogs(DialogSet::ALL)),
        (Key::AdminRole(Holder::Group("QA".into()), "Auditor".into()), Value::Held),
        (tester("kim"), Value::Held),
        (Key::RoleDefinition(RoleType::Bot, "Analyst".into()), Value::Role(RoleSpec::default())),
    ];
    let seen = world(facts.clone());
    facts.push((Key::Member(email("sam")), Value::Member(Membership::Joined)));
    let manifests = Desired::default();
    let (policy, context) = (Policy::default(), Context::default());
    let observed = Observed { world: &seen, policy: &policy, context: &context };
    let explanation = explain(&Query::default(), &manifests, Some(observed)).unwrap();
    let named: Vec<Key> = explanation.lines.iter().map(|line| line.fact.key().unwrap()).collect();
    for (key, _) in &facts {
        assert!(named.contains(key), "{key} is not among {named:?}");
    }
    let by_name = offline(&Query { bot: Some(BotRef::new("Banking Assistant")), ..Query::default() });
    assert!(by_name.lines.iter().all(|line| line.fact.key().is_none()), "no id, no key");
}
