//! What single sign-on makes of a plan: exactly the changes that the next sign-in rewrites, by mode.

use super::*;

fn signing_on(mode: SyncMode, targets: &[MappedTarget], lets_anybody_join: bool) -> SignOn {
    let mapping = Some(AttributeMapping { mode, targets: targets.iter().cloned().collect() });
    SignOn { protocol: "saml".to_owned(), mapping, lets_anybody_join }
}

/// Jane leaves the group QA and enters Empty, Sam becomes an Auditor and loses Bot Tester, and builder access shrinks.
fn plan(mode: SyncMode, targets: &[MappedTarget]) -> Plan {
    let mut fixture = Fixture::converged();
    let (qa, empty) = (Key::InGroup(email(JANE), "QA".into()), Key::InGroup(email(JANE), "Empty".into()));
    fixture.see(qa.clone(), Value::Held);
    fixture.want(&qa, absent());
    fixture.want(&empty, present(Value::Held));
    fixture.want(&Key::AdminRole(user(SAM), "Auditor".into()), present(Value::Held));
    fixture.want(&Key::BotRole(user(SAM), "Bot Tester".into(), "st-1".into()), present(Value::Held));
    let access = Key::Access(email(SAM));
    fixture.see(access.clone(), Value::Access(BuilderAccess::Creator));
    fixture.want(&access, present(Value::Access(BuilderAccess::Builder)));
    fixture.plan_signing_on(Some(signing_on(mode, targets, false)))
}

/// The marked changes: `+ jane@example.com in group Empty TakesAway`.
fn marks(plan: &Plan) -> Vec<String> {
    let marked = plan.changes.iter().filter_map(|change| {
        let mark = plan.sign_in.get(&change.id)?;
        Some(format!("{} {} {mark:?}", change.action.sign(), change.key))
    });
    let mut marks: Vec<String> = marked.collect();
    marks.sort();
    marks
}

#[test]
fn full_sync_takes_what_no_attribute_gives_and_gives_what_one_does() {
    let plan_of = |targets: &[MappedTarget]| plan(SyncMode::FullSync, targets);
    let nothing = plan_of(&[]);
    assert_eq!(
        marks(&nothing),
        ["+ jane@example.com in group Empty TakesAway", "+ sam@example.com: Auditor TakesAway"],
        "{:?}",
        lines(&nothing)
    );
    let notice = nothing.warnings.iter().find(|warning| warning.contains("single sign-on")).unwrap();
    assert!(notice.contains("saml, Full Sync") && notice.contains("2 changes of this plan"), "{notice}");
    let all = plan_of(&[
        MappedTarget::Group("e-1".into()),
        MappedTarget::Group("e-2".into()),
        MappedTarget::AdminRole("r5".into()),
        MappedTarget::Switch("canCreateBot".to_owned()),
    ]);
    assert_eq!(
        marks(&all),
        [
            "+ jane@example.com in group Empty KeepsIfNamed",
            "+ sam@example.com: Auditor KeepsIfNamed",
            "- jane@example.com in group QA MayReturn",
            "~ builder access of sam@example.com MayReturn",
        ]
    );
}

#[test]
fn inclusion_only_gives_back_what_is_mapped_and_takes_nothing() {
    let of = |targets: &[MappedTarget]| marks(&plan(SyncMode::InclusionOnly, targets));
    assert_eq!(of(&[]), [""; 0]);
    assert_eq!(of(&[MappedTarget::Group("e-2".into()), MappedTarget::AdminRole("r5".into())]), [""; 0]);
    assert_eq!(of(&[MappedTarget::Group("e-1".into())]), ["- jane@example.com in group QA MayReturn"]);
    // A switch is about its own access; one of which the name is not known may be about any.
    for (switch, is_marked) in [
        ("isDeveloper", true),
        ("canCreateBot", true),
        ("hasDataTableAndViewAccess", false),
        ("somethingNew", true),
    ] {
        let marks = of(&[MappedTarget::Switch(switch.to_owned())]);
        assert_eq!(
            marks == ["~ builder access of sam@example.com MayReturn"],
            is_marked,
            "{switch}: {marks:?}"
        );
    }
}

#[test]
fn marks_are_beside_their_changes_in_every_format() {
    let plan = plan(SyncMode::FullSync, &[MappedTarget::Group("e-1".into())]);
    let text = render::text(&plan, render::Style::default());
    let line = |wanted: &str| text.lines().find(|line| line.contains(wanted)).unwrap_or_default().to_owned();
    assert!(line("group Empty").contains("(SSO takes it away at the next sign-in)"), "{text}");
    assert!(line("group QA").contains("(SSO may give it again at the next sign-in)"), "{text}");
    assert!(!line("Bot Tester").contains("SSO"), "{text}");
    let markdown = render::markdown(&plan);
    assert_eq!(markdown.matches("(SSO ").count(), 3, "{markdown}");
    let json = render::json(&plan).unwrap();
    assert!(json.contains("\"takesAway\"") && json.contains("\"mayReturn\""), "{json}");
    assert_eq!(render::redacted(plan.clone()).sign_in, plan.sign_in);
}

#[test]
fn who_is_removed_may_join_again_by_single_sign_on() {
    let plan = |lets_anybody_join: bool| {
        let mut fixture = Fixture::converged();
        fixture.want(&Key::Member(email(JANE)), absent());
        fixture.wants.remove(&as_wanted(&developer(JANE)));
        let sign_on = SignOn { protocol: "oidc".to_owned(), mapping: None, lets_anybody_join };
        fixture.plan_signing_on(Some(sign_on))
    };
    let said = &plan(true).warnings[0];
    assert!(said.contains("1 removed user") && said.contains("Restrict Auto-Onboarding"), "{said}");
    assert_eq!(plan(false).warnings, [""; 0]);
}
