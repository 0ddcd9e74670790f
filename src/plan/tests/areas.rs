//! Which areas an effect touches: by the fact, through what a group, a role or a person holds, and by its line.

use super::*;
use crate::facts::{Area, AreaApprovals, AreaReach};

fn area(name: &str, reach: AreaReach) -> Area {
    Area {
        name: name.into(),
        owners: vec![format!("@{name}")],
        reach,
        approvals: AreaApprovals { additions: 1, removals: 0, privileged: 2 },
        files: BTreeSet::new(),
        namespaces: Vec::new(),
        source: Source::file("areas.yaml", 1, 1),
    }
}

fn patterns(texts: &[&str]) -> Vec<Pattern> {
    texts.iter().map(|text| Pattern::new(text)).collect()
}

/// Banking by its name, drafts by the id of the bot, a group, an admin role, and one that may touch everything.
fn areas() -> Vec<Area> {
    let of = AreaReach::default;
    let all = patterns(&["*"]);
    vec![
        area("banking", AreaReach { bots: patterns(&["bank*"]), ..of() }),
        area("drafts", AreaReach { bots: patterns(&["st-2"]), ..of() }),
        area("quality", AreaReach { groups: patterns(&["QA"]), ..of() }),
        area("audit", AreaReach { roles: patterns(&["Audit*"]), ..of() }),
        area(
            "any",
            AreaReach { bots: all.clone(), roles: all.clone(), groups: all.clone(), email_domains: all },
        ),
    ]
}

fn asked(fixture: &Fixture) -> Vec<String> {
    asked_of(fixture, &areas())
}

/// `banking: 1 additions 1`
fn asked_of(fixture: &Fixture, areas: &[Area]) -> Vec<String> {
    let plan = with_areas(fixture.plan(), || fixture.desired(), areas, None, &fixture.world());
    let told = plan.areas.iter().map(|need| {
        let kinds = need.kinds.iter().map(|kind| format!("{:?} {}", kind.kind, kind.effects.len()));
        format!("{}: {} {}", need.area, need.approvals, kinds.collect::<Vec<_>>().join(", "))
    });
    told.collect()
}

#[test]
fn facts_touch_the_areas_that_own_their_bot_group_or_admin_role() {
    let group = || Holder::Group("QA".into());
    for (key, expected) in [
        (Key::BotRole(user(JANE), "Bot Tester".into(), "st-1".into()), vec!["banking: 1 Additions 1"]),
        (Key::Assigned(email(JANE), "st-1".into()), vec!["banking: 1 Additions 1"]),
        (Key::InGroup(email(JANE), "Empty".into()), vec![]),
        (Key::AdminRole(user(JANE), "Auditor".into()), vec!["audit: 2 Privileged 1"]),
        (
            Key::BotRole(group(), "Bot Tester".into(), "st-1".into()),
            vec!["banking: 1 Additions 1", "quality: 1 Additions 1"],
        ),
        (master(JANE), vec![]),
    ] {
        let mut fixture = Fixture::converged();
        let value = match key {
            Key::Assigned(..) => Value::Dialogs(DialogSet::ALL),
            _ => Value::Held,
        };
        fixture.want(&key, present(value));
        assert_eq!(asked(&fixture), expected, "{key}");
    }
}

#[test]
fn what_a_group_a_role_or_a_leaver_holds_counts_with_them() {
    let through = Key::BotRole(Holder::Group("QA".into()), "Bot Tester".into(), "st-2".into());
    let mut fixture = Fixture::converged();
    fixture.both(through, Value::Held);
    fixture.want(&Key::InGroup(email(JANE), "QA".into()), present(Value::Held));
    assert_eq!(asked(&fixture), ["drafts: 1 Additions 1", "quality: 1 Additions 1"]);

    let mut fixture = Fixture::converged();
    let definition = Key::RoleDefinition(RoleType::Bot, "Bot Developer".into());
    let spec =
        |description: &str| RoleSpec { description: Some(description.to_owned()), ..RoleSpec::default() };
    fixture.see(definition.clone(), Value::Role(spec("before")));
    fixture.want(&definition, present(Value::Role(spec("after"))));
    assert_eq!(asked(&fixture).len(), 1, "held on Banking alone");
    assert!(asked(&fixture)[0].starts_with("banking: "));

    let mut fixture = Fixture::converged();
    fixture.want(&Key::Member(email(JANE)), absent());
    fixture.want(&developer(JANE), absent());
    assert_eq!(asked(&fixture), ["banking: 0 Removals 1"], "what they held goes with the person");
}

#[test]
fn a_line_in_a_document_of_an_area_asks_its_owners() {
    let mut fixture = Fixture::converged();
    fixture.want(&Key::InGroup(email(JANE), "Empty".into()), present(Value::Held));
    let mut areas = areas();
    areas[4].files.insert("a.yaml".into());
    assert_eq!(asked_of(&fixture, &areas), ["any: 1 Additions 1"]);
}

#[test]
fn without_areas_and_without_changes_nobody_is_asked() {
    let mut fixture = Fixture::converged();
    assert_eq!(asked(&fixture), [""; 0]);
    fixture.want(&Key::InGroup(email(JANE), "QA".into()), present(Value::Held));
    assert_eq!(asked_of(&fixture, &[]), [""; 0]);
}
