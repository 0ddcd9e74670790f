//! What becomes a change, and what is blocked or left alone: the rule, names, and the value that comes out.

use super::*;

#[test]
fn converged_worlds_have_an_empty_plan() {
    let plan = Bench::converged().plan();
    assert!(plan.is_clean(), "{}", render::text(&plan, render::Style::default()));
    assert_eq!(plan.cost.calls, (0, 0));
}

#[test]
fn wanted_and_not_there_is_added_when_absence_is_proved() {
    let mut bench = Bench::converged();
    bench.unsee(&developer(JANE));
    assert_eq!(lines(&bench.plan()), ["+ jane@example.com: Bot Developer on st-1"]);
    bench.coverage.looked_up.insert(email(JANE), Seen { roles: false, ..Seen::ALL });
    let plan = bench.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(reasons(&plan.blocked), [Reason::NotProved]);
}

#[test]
fn a_value_that_differs_is_altered() {
    let mut bench = Bench::converged();
    bench.both(Key::Access(email(JANE)), Value::Access(BuilderAccess::Builder));
    bench.see(Key::Access(email(JANE)), Value::Access(BuilderAccess::None));
    let plan = bench.plan();
    assert_eq!(lines(&plan), ["~ builder access of jane@example.com"]);
    assert_eq!(plan.changes[0].before, Some(Value::Access(BuilderAccess::None)));
}

#[test]
fn declared_absent_and_seen_is_removed_by_name_without_a_closed_scope() {
    let mut bench = Bench::converged();
    bench.completeness = Completeness::Unknown;
    bench.want(&developer(JANE), absent());
    let plan = bench.plan();
    assert_eq!(plan.changes.iter().map(|change| change.action).collect::<Vec<_>>(), [Action::RemoveNamed]);
}

#[test]
fn nobody_declared_it_in_a_closed_scope_is_swept_only_when_both_sides_are_complete() {
    let mut bench = Bench::converged();
    bench.wants.remove(&as_wanted(&developer(JANE)));
    assert_eq!(bench.plan().unmanaged.len(), 1, "no scope: reported");

    bench.close_developers();
    let plan = bench.plan();
    assert_eq!(plan.changes.iter().map(|change| change.action).collect::<Vec<_>>(), [Action::RemoveSwept]);

    for completeness in [Completeness::Unknown, Completeness::Partial("b.yaml was not loaded".into())] {
        bench.completeness = completeness;
        let plan = bench.plan();
        assert_eq!(lines(&plan), [""; 0]);
        assert_eq!(reasons(&plan.blocked), [Reason::ScopeNotProved]);
    }
    bench.completeness = Completeness::Complete;
    for listing in [Listing::Users, Listing::BotRoles] {
        let mut bench = Bench { coverage: bench.coverage.clone(), ..Bench::converged() };
        bench.wants.remove(&as_wanted(&developer(JANE)));
        bench.close_developers();
        bench.coverage.listings.insert(listing, Extent::Partial("page 3 is missing".into()));
        let plan = bench.plan();
        assert!(plan.changes.is_empty(), "truncated {listing:?} refuses removals");
        assert!(!plan.blocked.is_empty());
    }
}

#[test]
fn an_additive_scope_leaves_others_alone_without_a_word() {
    let mut bench = Bench::converged();
    bench.wants.remove(&as_wanted(&developer(JANE)));
    bench.close_developers();
    bench.scopes[0].closure = Closure::Additive;
    let plan = bench.plan();
    assert!(plan.changes.is_empty() && plan.unmanaged.is_empty());
}

#[test]
fn an_unresolved_reference_opens_its_scope() {
    let mut bench = Bench::converged();
    bench.wants.remove(&as_wanted(&developer(JANE)));
    bench.close_developers();
    let missing = Key::BotRole(Holder::Group("Nowhere".into()), "Bot Developer".into(), "st-1".into());
    bench.want(&missing, present(Value::Held));
    let plan = bench.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.manual), [Reason::GroupMissing]);
    assert!(plan.unmanaged[0].why.contains("not closed"), "{:?}", plan.unmanaged);
}

#[test]
fn names_that_miss_are_blocked_with_the_nearest_one() {
    let mut bench = Bench::converged();
    let typo = Key::BotRole(user(JANE), "Bot Devloper".into(), BotRef::new("Banking"));
    bench.wants.insert(typo, present(Value::Held));
    bench
        .wants
        .insert(Key::Assigned(email(JANE), BotRef::new("Bankin")), present(Value::Dialogs(DialogSet::ALL)));
    let plan = bench.plan();
    assert_eq!(reasons(&plan.blocked), [Reason::BotUnresolved, Reason::RoleUnresolved]);
    assert_eq!(plan.blocked[0].next_step, "did you mean \"Banking\"?");
    assert_eq!(plan.blocked[1].next_step, "did you mean \"Bot Developer\"?");
    assert!(plan.changes.is_empty() && !plan.is_clean());
}

#[test]
fn a_bot_name_needs_the_whole_list_and_must_be_unique() {
    let mut bench = Bench::converged();
    bench
        .wants
        .insert(Key::Assigned(email(JANE), BotRef::new("Banking")), present(Value::Dialogs(DialogSet::ALL)));
    assert_eq!(lines(&bench.plan()), ["+ jane@example.com may use st-1"]);
    bench.coverage.listings.insert(Listing::Bots, Extent::Partial("page 2".into()));
    assert_eq!(reasons(&bench.plan().blocked), [Reason::BotUnresolved]);
    bench.coverage.listings.insert(Listing::Bots, Extent::Complete);
    let twin = bench.directory.bots[&"st-1".into()].clone();
    bench.directory.bots.insert("st-9".into(), twin);
    assert!(bench.plan().blocked[0].next_step.contains("st-1 or st-9"));
}

#[test]
fn an_unpublished_bot_is_blocked_with_the_way_to_publish_it() {
    let mut bench = Bench::converged();
    bench.want(&Key::Assigned(email(JANE), "st-2".into()), present(Value::Dialogs(DialogSet::ALL)));
    assert_eq!(reasons(&bench.plan().blocked), [Reason::BotNotPublished]);
}

#[test]
fn held_through_a_group_satisfies_and_is_never_removed_directly() {
    let mut bench = Bench::converged();
    bench.see(developer(JANE), Value::Inherited(["QA".into()].into()));
    assert!(bench.plan().is_clean());
    bench.want(&developer(JANE), absent());
    let plan = bench.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.manual), [Reason::Inherited]);
}

#[test]
fn a_role_of_an_empty_group_waits() {
    let mut bench = Bench::converged();
    bench.want(
        &Key::BotRole(Holder::Group("Empty".into()), "Bot Tester".into(), "st-1".into()),
        present(Value::Held),
    );
    let plan = bench.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.waiting), [Reason::GroupEmpty]);
}

#[test]
fn write_only_values_are_sent_again_when_somebody_says_so() {
    let mut bench = Bench::converged();
    bench.both(Key::Access(email(JANE)), Value::Access(BuilderAccess::Builder));
    bench.want(&Key::DataTables(email(JANE)), present(Value::DataTables(true)));
    let profile =
        [("orgUserId", "E-1"), ("dept", "Support")].map(|(name, text)| (name.to_owned(), text.to_owned()));
    bench.want(&Key::Profile(email(JANE)), present(Value::Profile(profile.into())));
    let quiet = bench.plan();
    bench.rewrite = Rewrite::All;
    let plan = bench.plan();
    assert_eq!(plan.changes.len(), 2);
    assert!(plan.write_only.is_empty());
    assert_eq!(plan.digest, quiet.digest, "no difference was seen");
    let [Change { after: Some(Value::Profile(fields)), .. }, tables] = plan.changes.as_slice() else {
        panic!("{:?}", plan.changes)
    };
    let sent = BTreeMap::from([("dept".to_owned(), "Support".to_owned())]);
    assert_eq!(*fields, sent, "orgUserId would choose the user on an update");
    assert!(tables.pins.iter().any(|pin| pin.name == Pin::ACCESS && pin.id.as_deref() == Some("Builder")));
}

#[test]
fn only_the_write_only_values_that_somebody_remembers_are_sent_again() {
    let mut bench = Bench::converged();
    for who in [JANE, SAM] {
        bench.both(Key::Access(email(who)), Value::Access(BuilderAccess::Builder));
        bench.want(&Key::DataTables(email(who)), present(Value::DataTables(true)));
    }
    bench.rewrite = Rewrite::Of(BTreeSet::from([Key::DataTables(email(SAM))]));
    let plan = bench.plan();
    assert_eq!(
        plan.changes.iter().map(|change| &change.key).collect::<Vec<_>>(),
        [&Key::DataTables(email(SAM))]
    );
    assert_eq!(plan.write_only.len(), 1, "the other one is not compared");
}

#[test]
fn only_removals_that_an_end_asks_for_are_called_ended() {
    let mut bench = Bench::converged();
    let until = jiff::Timestamp::from_second(NOW - 60).unwrap();
    bench.want(&developer(JANE), Want { until: Some(until), ..absent() });
    bench.want(&developer(SAM), absent());
    bench.want(
        &Key::Member(email(NEW)),
        Want { until: Some(until), ..present(Value::Member(Membership::Joined)) },
    );
    let plan = bench.plan();
    let ended: Vec<&Key> = plan
        .changes
        .iter()
        .filter(|change| plan.ended.contains(&change.id))
        .map(|change| &change.key)
        .collect();
    assert_eq!(ended, [&developer(JANE)]);
    assert_eq!(plan.changes.len(), 3);
}

#[test]
fn write_only_values_are_listed_not_compared() {
    let mut bench = Bench::converged();
    bench.want(&Key::DataTables(email(JANE)), present(Value::DataTables(true)));
    let plan = bench.plan();
    assert!(plan.is_clean());
    assert_eq!(plan.write_only.len(), 1);
}

#[test]
fn a_role_that_makes_room_goes_after_the_one_that_comes() {
    let mut bench = Bench::converged();
    bench.want(&developer(JANE), absent());
    bench.want(&Key::BotRole(user(JANE), "Bot Tester".into(), "st-1".into()), present(Value::Held));
    let plan = bench.plan();
    assert_eq!(
        lines(&plan),
        ["+ jane@example.com: Bot Tester on st-1", "- jane@example.com: Bot Developer on st-1"]
    );
    assert_eq!(plan.changes[1].depends_on, [plan.changes[0].id.clone()]);
    assert_eq!(plan.cost.writes.values().sum::<usize>(), 2, "never in one call");
}

#[test]
fn a_role_that_is_made_comes_before_whoever_gets_it() {
    let mut bench = Bench::converged();
    let role = Key::RoleDefinition(RoleType::Bot, "Analyst".into());
    bench.want(&role, present(Value::Role(RoleSpec::default())));
    bench.want(&Key::BotRole(user(JANE), "Analyst".into(), "st-1".into()), present(Value::Held));
    let plan = bench.plan();
    let [made, given] = plan.changes.as_slice() else { panic!("{:?}", lines(&plan)) };
    let (made, given) = if made.key == role { (made, given) } else { (given, made) };
    assert_eq!(given.depends_on, std::slice::from_ref(&made.id));
    assert_eq!(made.depends_on, []);
}

#[test]
fn ids_and_digest_depend_on_what_changes_and_on_nothing_else() {
    let mut bench = Bench::converged();
    bench.unsee(&developer(JANE));
    let first = bench.plan();
    bench.policy.safety.max_removals = 99;
    for want in bench.wants.values_mut() {
        want.sources = vec![Source::file("elsewhere.yaml", 77, 1)];
    }
    assert_eq!(bench.plan().digest, first.digest);
    let moved = bench.directory.roles.remove(&"r1".into()).unwrap();
    bench.directory.roles.insert("r9".into(), moved);
    assert_ne!(bench.plan().digest, first.digest, "the role's name means another id");
}

#[test]
fn a_plan_survives_json_and_matches_its_schema_version() {
    let mut bench = Bench::converged();
    bench.unsee(&developer(JANE));
    bench.want(&developer(SAM), absent());
    let plan = bench.plan();
    let json = render::json(&plan).unwrap();
    let back: Plan = serde_json::from_str(&json).unwrap();
    assert_eq!(render::json(&back).unwrap(), json);
    assert_eq!(back.format, Plan::FORMAT);
}

#[test]
fn the_summary_of_what_was_read_follows_the_facts() {
    let mut bench = Bench::converged();
    let observed = |bench: &Bench| bench.plan().observed;
    let before = observed(&bench);
    assert_eq!((before.facts, before.looked_up, before.digest.len()), (12, 6, 64));
    assert_eq!(observed(&bench), before);
    bench.seen_member(NEW, Membership::Joined);
    let after = observed(&bench);
    assert_eq!((after.facts, after.looked_up), (13, 7));
    assert_ne!(after.digest, before.digest);
}

#[test]
fn ids_and_digests_read_as_they_are_written_down() {
    let mut bench = Bench::converged();
    bench.want(&developer(JANE), absent());
    let plan = bench.plan();
    let (id, digest) = (&plan.changes[0].id, &plan.digest);
    assert_eq!(serde_json::to_value(id).unwrap(), id.to_string());
    assert_eq!(ChangeId::known(&id.to_string()), *id);
    assert_eq!(serde_json::to_value(digest).unwrap(), digest.to_string());
    assert_eq!((id.as_str().len(), digest.as_str()), (16, digest.to_string().as_str()));
    assert!(digest.as_str().len() == 64 && digest.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(
        [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical].map(RiskLevel::label),
        ["low", "medium", "high", "critical"]
    );
}

#[test]
fn a_bot_named_once_by_name_and_once_by_id_is_one_fact_and_absent_wins() {
    let mut bench = Bench::converged();
    let by_name = Key::BotRole(user(JANE), "Bot Developer".into(), BotRef::new("Banking"));
    bench.wants.insert(by_name.clone(), present(Value::Held));
    assert!(bench.plan().is_clean(), "the same twice");
    bench.wants.insert(by_name, absent());
    let plan = bench.plan();
    assert_eq!(lines(&plan), ["- jane@example.com: Bot Developer on st-1"]);
    let places: BTreeSet<String> = plan.changes[0].sources.iter().map(ToString::to_string).collect();
    assert_eq!(places, BTreeSet::from(["a.yaml:1".to_owned(), "a.yaml:2".to_owned()]));
    // The same line twice is one line.
    let mut bench = Bench::converged();
    let tester = |bot| Key::BotRole(user(JANE), "Bot Tester".into(), bot);
    for bot in [BotRef::new("Banking"), BotRef::new("st-1")] {
        bench.wants.insert(tester(bot), present(Value::Held));
    }
    let plan = bench.plan();
    assert_eq!(lines(&plan), ["+ jane@example.com: Bot Tester on st-1"]);
    assert_eq!(plan.changes[0].sources.len(), 1);
}

#[test]
fn what_no_name_leads_to_is_blocked_once_for_everybody() {
    let mut bench = Bench::converged();
    for who in [JANE, SAM, "m1@example.com"] {
        for bot in ["Nowhere", "st-9"] {
            let dialogs = Value::Dialogs(DialogSet::ALL);
            bench.wants.insert(Key::Assigned(email(who), BotRef::new(bot)), present(dialogs));
        }
    }
    let plan = bench.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert!(plan.blocked.iter().all(|entry| entry.reason == Reason::BotUnresolved), "{:?}", plan.blocked);
    let said: Vec<&str> = plan.blocked.iter().map(|entry| entry.subject.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|subject| subject.ends_with(" and 2 more")), "{said:?}");
}

#[test]
fn a_role_of_the_other_kind_is_no_suggestion() {
    let mut bench = Bench::converged();
    bench.want(&Key::BotRole(user(JANE), "Auditr".into(), "st-1".into()), present(Value::Held));
    let plan = bench.plan();
    assert_eq!(reasons(&plan.blocked), [Reason::RoleUnresolved]);
    assert_eq!(plan.blocked[0].next_step, "declare it as a KoreRole, or correct the name");
    bench.wants.clear();
    bench.want(&Key::AdminRole(user(JANE), "Auditr".into()), present(Value::Held));
    assert_eq!(bench.plan().blocked[0].next_step, "did you mean \"Auditor\"?");
    // Nor one that is only declared.
    bench.wants.clear();
    let analyst = Key::RoleDefinition(RoleType::Admin, "Analyst".into());
    bench.want(&analyst, present(Value::Role(RoleSpec::default())));
    bench.want(&Key::BotRole(user(JANE), "Analyts".into(), "st-1".into()), present(Value::Held));
    bench.want(&Key::AdminRole(user(JANE), "Analyts".into()), present(Value::Held));
    let plan = bench.plan();
    assert_eq!(plan.blocked.len(), 2);
    for entry in plan.blocked {
        let is_admin = entry.message.contains("no admin role named Analyts");
        let expected = if is_admin {
            "did you mean \"Analyst\"?"
        } else {
            "declare it as a KoreRole, or correct the name"
        };
        assert_eq!(entry.next_step, expected, "{}", entry.message);
    }
}

#[test]
fn two_people_under_one_address_are_left_alone() {
    let mut bench = Bench::converged();
    bench.unsee(&developer(JANE));
    let entry = bench.directory.users.get_mut(&email(JANE)).unwrap();
    entry.spellings = vec![JANE.to_owned(), "Jane@example.com".to_owned()];
    let plan = bench.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert!(plan.blocked.iter().all(|entry| entry.reason == Reason::AddressAmbiguous), "{:?}", plan.blocked);
    assert!(!plan.blocked.is_empty());
}
