//! What becomes a change, and what is blocked or left alone: the rule, names, and the value that comes out.

use super::*;

#[test]
fn converged_worlds_have_an_empty_plan() {
    let plan = Fixture::converged().plan();
    assert!(plan.is_clean(), "{}", render::text(&plan, render::Style::default()));
    assert_eq!(plan.cost.calls, (0, 0));
}

#[test]
fn wanted_and_not_there_is_added_when_absence_is_proved() {
    let mut fixture = Fixture::converged();
    fixture.unsee(&developer(JANE));
    assert_eq!(lines(&fixture.plan()), ["+ jane@example.com: Bot Developer on st-1"]);
    fixture.coverage.looked_up.insert(email(JANE), Seen { roles: false, ..Seen::ALL });
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(reasons(&plan.blocked), [Reason::NotProved]);
}

#[test]
fn a_value_that_differs_is_changed() {
    let mut fixture = Fixture::converged();
    fixture.both(Key::Access(email(JANE)), Value::Access(BuilderAccess::Builder));
    fixture.see(Key::Access(email(JANE)), Value::Access(BuilderAccess::None));
    let plan = fixture.plan();
    assert_eq!(lines(&plan), ["~ builder access of jane@example.com"]);
    assert_eq!(plan.changes[0].before, Some(Value::Access(BuilderAccess::None)));
}

#[test]
fn declared_absent_and_observed_is_removed_without_an_authoritative_list() {
    let mut fixture = Fixture::converged();
    fixture.completeness = Completeness::Unknown;
    fixture.want(&developer(JANE), absent());
    let plan = fixture.plan();
    assert_eq!(plan.changes.iter().map(|change| change.action).collect::<Vec<_>>(), [Action::Remove]);
}

#[test]
fn what_a_declared_group_hands_on_to_a_declared_member_is_not_unmanaged() {
    let Key::BotRole(_, role, bot) = developer(JANE) else { panic!("a bot role") };
    let of_group = Key::BotRole(Holder::Group("QA".into()), role, bot);
    let member = Key::InGroup(email(JANE), "QA".into());
    let mut fixture = Fixture::converged();
    fixture.wants.remove(&as_wanted(&developer(JANE)));
    fixture.see(developer(JANE), Value::Inherited(["QA".into()].into()));
    for half in [&of_group, &member] {
        fixture.see(half.clone(), Value::Held);
    }
    let unmanaged =
        |fixture: &Fixture| fixture.plan().unmanaged.iter().any(|fact| fact.subject == developer(JANE));
    assert!(unmanaged(&fixture));
    fixture.want(&of_group, present(Value::Held));
    assert!(unmanaged(&fixture), "somebody else has put her into the group");
    fixture.want(&member, present(Value::Held));
    assert!(!unmanaged(&fixture));
}

#[test]
fn an_undeclared_fact_in_an_authoritative_list_is_pruned_only_when_both_sides_are_complete() {
    let mut fixture = Fixture::converged();
    fixture.wants.remove(&as_wanted(&developer(JANE)));
    assert_eq!(fixture.plan().unmanaged.len(), 1, "no scope: reported");

    fixture.close_developers();
    let plan = fixture.plan();
    assert_eq!(plan.changes.iter().map(|change| change.action).collect::<Vec<_>>(), [Action::Prune]);

    for completeness in [Completeness::Unknown, Completeness::Partial("b.yaml was not loaded".into())] {
        fixture.completeness = completeness;
        let plan = fixture.plan();
        assert_eq!(lines(&plan), [""; 0]);
        assert_eq!(reasons(&plan.blocked), [Reason::ScopeNotProved]);
    }
    fixture.completeness = Completeness::Complete;
    for listing in [Listing::Users, Listing::BotRoles] {
        let mut fixture = Fixture { coverage: fixture.coverage.clone(), ..Fixture::converged() };
        fixture.wants.remove(&as_wanted(&developer(JANE)));
        fixture.close_developers();
        fixture.coverage.listings.insert(listing, Extent::Partial("page 3 is missing".into()));
        let plan = fixture.plan();
        assert!(plan.changes.is_empty(), "truncated {listing:?} refuses removals");
        assert!(!plan.blocked.is_empty());
    }
}

#[test]
fn an_unresolved_reference_opens_its_scope() {
    let mut fixture = Fixture::converged();
    fixture.wants.remove(&as_wanted(&developer(JANE)));
    fixture.close_developers();
    let missing = Key::BotRole(Holder::Group("Nowhere".into()), "Bot Developer".into(), "st-1".into());
    fixture.want(&missing, present(Value::Held));
    let plan = fixture.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.manual), [Reason::GroupMissing]);
    assert!(plan.unmanaged[0].why.contains("not authoritative"), "{:?}", plan.unmanaged);
}

#[test]
fn names_that_miss_are_blocked_with_the_nearest_one() {
    let mut fixture = Fixture::converged();
    let typo = Key::BotRole(user(JANE), "Bot Devloper".into(), BotRef::new("Banking"));
    fixture.wants.insert(typo, present(Value::Held));
    fixture
        .wants
        .insert(Key::Assigned(email(JANE), BotRef::new("Bankin")), present(Value::Dialogs(DialogSet::ALL)));
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.blocked), [Reason::BotUnresolved, Reason::RoleUnresolved]);
    assert_eq!(plan.blocked[0].next_step, "did you mean \"Banking\"?");
    assert_eq!(plan.blocked[1].next_step, "did you mean \"Bot Developer\"?");
    assert!(plan.changes.is_empty() && !plan.is_clean());
}

#[test]
fn a_bot_name_needs_the_whole_list_and_must_be_unique() {
    let mut fixture = Fixture::converged();
    fixture
        .wants
        .insert(Key::Assigned(email(JANE), BotRef::new("Banking")), present(Value::Dialogs(DialogSet::ALL)));
    assert_eq!(lines(&fixture.plan()), ["+ jane@example.com assigned to st-1"]);
    fixture.coverage.listings.insert(Listing::Bots, Extent::Partial("page 2".into()));
    assert_eq!(reasons(&fixture.plan().blocked), [Reason::BotUnresolved]);
    fixture.coverage.listings.insert(Listing::Bots, Extent::Complete);
    let twin = fixture.directory.bots[&"st-1".into()].clone();
    fixture.directory.bots.insert("st-9".into(), twin);
    assert!(fixture.plan().blocked[0].next_step.contains("st-1 or st-9"));
}

#[test]
fn an_unpublished_bot_is_blocked_with_the_way_to_publish_it() {
    let mut fixture = Fixture::converged();
    fixture.want(&Key::Assigned(email(JANE), "st-2".into()), present(Value::Dialogs(DialogSet::ALL)));
    assert_eq!(reasons(&fixture.plan().blocked), [Reason::BotNotPublished]);
}

#[test]
fn held_through_a_group_satisfies_and_is_never_removed_directly() {
    let mut fixture = Fixture::converged();
    fixture.see(developer(JANE), Value::Inherited(["QA".into()].into()));
    assert!(fixture.plan().is_clean());
    fixture.want(&developer(JANE), absent());
    let plan = fixture.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.manual), [Reason::Inherited]);
}

#[test]
fn a_role_of_an_empty_group_waits() {
    let mut fixture = Fixture::converged();
    fixture.want(
        &Key::BotRole(Holder::Group("Empty".into()), "Bot Tester".into(), "st-1".into()),
        present(Value::Held),
    );
    let plan = fixture.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.waiting), [Reason::GroupEmpty]);
}

#[test]
fn write_only_values_are_sent_again_when_somebody_says_so() {
    let mut fixture = Fixture::converged();
    fixture.both(Key::Access(email(JANE)), Value::Access(BuilderAccess::Builder));
    fixture.want(&Key::DataTables(email(JANE)), present(Value::DataTables(true)));
    let profile =
        [("orgUserId", "E-1"), ("dept", "Support")].map(|(name, text)| (name.to_owned(), text.to_owned()));
    fixture.want(&Key::Profile(email(JANE)), present(Value::Profile(profile.into())));
    let quiet = fixture.plan();
    fixture.rewrite = Rewrite::All;
    let plan = fixture.plan();
    assert_eq!(plan.changes.len(), 2);
    assert!(plan.write_only.is_empty());
    assert_eq!(plan.digest, quiet.digest, "no difference was seen");
    let [Change { after: Some(Value::Profile(fields)), .. }, tables] = plan.changes.as_slice() else {
        panic!("{:?}", plan.changes)
    };
    let sent = BTreeMap::from([("dept".to_owned(), "Support".to_owned())]);
    assert_eq!(*fields, sent, "orgUserId would choose the user on an update");
    assert!(tables.pins.contains(&Pin::BuilderAccess { access: BuilderAccess::Builder }));
}

#[test]
fn only_the_write_only_values_that_somebody_remembers_are_sent_again() {
    let mut fixture = Fixture::converged();
    for who in [JANE, SAM] {
        fixture.both(Key::Access(email(who)), Value::Access(BuilderAccess::Builder));
        fixture.want(&Key::DataTables(email(who)), present(Value::DataTables(true)));
    }
    fixture.rewrite = Rewrite::Of(BTreeSet::from([Key::DataTables(email(SAM))]));
    let plan = fixture.plan();
    assert_eq!(
        plan.changes.iter().map(|change| &change.key).collect::<Vec<_>>(),
        [&Key::DataTables(email(SAM))]
    );
    assert_eq!(plan.write_only.len(), 1, "the other one is not compared");
}

#[test]
fn only_removals_that_an_end_asks_for_are_called_ended() {
    let mut fixture = Fixture::converged();
    let until = jiff::Timestamp::from_second(NOW - 60).unwrap();
    fixture.want(&developer(JANE), Want { until: Some(until), ..absent() });
    fixture.want(&developer(SAM), absent());
    fixture.memory.facts = vec![(developer(JANE), applied(until, 3_600))];
    fixture.want(
        &Key::Member(email(NEW)),
        Want { until: Some(until), ..present(Value::Member(Membership::Joined)) },
    );
    let plan = fixture.plan();
    let ended: Vec<&Key> = plan
        .changes
        .iter()
        .filter(|change| plan.ended.contains(&change.id))
        .map(|change| &change.key)
        .collect();
    assert_eq!(ended, [&developer(JANE)]);
    assert_eq!(plan.changes.len(), 3);
    assert_eq!(plan.warnings, Vec::<String>::new());
    assert_eq!(plan.overdue().count(), 1);
}

/// Remembered with this end, so many seconds after it was applied.
fn applied(until: jiff::Timestamp, after: i64) -> RememberedFact {
    let at = until.saturating_sub(jiff::SignedDuration::from_secs(after)).unwrap();
    let since = Revision { at, commit: None };
    RememberedFact { until: Some(until), since, ..RememberedFact::asked(Value::Held) }
}

#[test]
fn only_an_end_that_was_ahead_when_it_was_applied_is_the_clocks() {
    let until = jiff::Timestamp::from_second(NOW - 60).unwrap();
    let other = jiff::Timestamp::from_second(NOW - 61).unwrap();
    for (known, is_clocks) in [
        (Some(applied(until, 1)), true),
        (Some(applied(until, 0)), false),
        (Some(applied(until, -30)), false),
        (Some(applied(other, 3_600)), false),
        (Some(RememberedFact { until: None, ..applied(until, 3_600) }), false),
        (Some(RememberedFact { read_back: Some(until), ..applied(until, 3_600) }), false),
        (None, false),
    ] {
        let mut fixture = Fixture::converged();
        fixture.want(&developer(JANE), Want { until: Some(until), ..absent() });
        fixture.memory.facts = known.clone().map(|fact| (developer(JANE), fact)).into_iter().collect();
        let plan = fixture.plan();
        assert_eq!((plan.ended.len(), plan.changes.len()), (usize::from(is_clocks), 1), "{known:?}");
        assert_eq!(plan.warnings.len(), usize::from(!is_clocks), "{:?}", plan.warnings);
        assert_eq!(plan.overdue().count(), 1, "until it is done");
    }
}

#[test]
fn write_only_values_are_listed_not_compared() {
    let mut fixture = Fixture::converged();
    fixture.want(&Key::DataTables(email(JANE)), present(Value::DataTables(true)));
    let plan = fixture.plan();
    assert!(plan.is_clean());
    assert_eq!(plan.write_only.len(), 1);
}

#[test]
fn a_role_that_makes_room_goes_after_the_one_that_comes() {
    let mut fixture = Fixture::converged();
    fixture.want(&developer(JANE), absent());
    fixture.want(&Key::BotRole(user(JANE), "Bot Tester".into(), "st-1".into()), present(Value::Held));
    let plan = fixture.plan();
    assert_eq!(
        lines(&plan),
        ["+ jane@example.com: Bot Tester on st-1", "- jane@example.com: Bot Developer on st-1"]
    );
    assert_eq!(plan.changes[1].depends_on, [plan.changes[0].id.clone()]);
    assert_eq!(plan.cost.writes.values().sum::<usize>(), 2, "never in one call");
}

#[test]
fn a_role_that_is_made_comes_before_whoever_gets_it() {
    let mut fixture = Fixture::converged();
    let role = Key::RoleDefinition(RoleType::Bot, "Analyst".into());
    fixture.want(&role, present(Value::Role(RoleSpec::default())));
    fixture.want(&Key::BotRole(user(JANE), "Analyst".into(), "st-1".into()), present(Value::Held));
    let plan = fixture.plan();
    let [made, given] = plan.changes.as_slice() else { panic!("{:?}", lines(&plan)) };
    let (made, given) = if made.key == role { (made, given) } else { (given, made) };
    assert_eq!(given.depends_on, std::slice::from_ref(&made.id));
    assert_eq!(made.depends_on, []);
}

#[test]
fn ids_and_digest_depend_on_what_changes_and_on_nothing_else() {
    let mut fixture = Fixture::converged();
    fixture.unsee(&developer(JANE));
    let first = fixture.plan();
    fixture.policy.safety.max_removals = 99;
    for want in fixture.wants.values_mut() {
        want.sources = vec![Source::file("elsewhere.yaml", 77, 1)];
    }
    assert_eq!(fixture.plan().digest, first.digest);
    let moved = fixture.directory.roles.remove(&"r1".into()).unwrap();
    fixture.directory.roles.insert("r9".into(), moved);
    assert_ne!(fixture.plan().digest, first.digest, "the role's name means another id");
}

#[test]
fn a_plan_survives_json_and_matches_its_schema_version() {
    let mut fixture = Fixture::converged();
    fixture.unsee(&developer(JANE));
    fixture.want(&developer(SAM), absent());
    let plan = fixture.plan();
    let json = render::json(&plan).unwrap();
    let back: Plan = serde_json::from_str(&json).unwrap();
    assert_eq!(render::json(&back).unwrap(), json);
    assert_eq!(back.format, Plan::FORMAT);
}

#[test]
fn the_summary_of_what_was_read_follows_the_facts() {
    let mut fixture = Fixture::converged();
    let observed = |fixture: &Fixture| fixture.plan().observed;
    let before = observed(&fixture);
    assert_eq!((before.facts, before.looked_up, before.digest.len()), (12, 6, 64));
    assert_eq!(observed(&fixture), before);
    fixture.seen_member(NEW, Membership::Joined);
    let after = observed(&fixture);
    assert_eq!((after.facts, after.looked_up), (13, 7));
    assert_ne!(after.digest, before.digest);
}

#[test]
fn ids_and_digests_read_as_they_are_written_down() {
    let mut fixture = Fixture::converged();
    fixture.want(&developer(JANE), absent());
    let plan = fixture.plan();
    let (id, digest) = (&plan.changes[0].id, &plan.digest);
    assert_eq!(serde_json::to_value(id).unwrap(), id.to_string());
    assert_eq!(ChangeId::parse(&id.to_string()), *id);
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
    let mut fixture = Fixture::converged();
    let by_name = Key::BotRole(user(JANE), "Bot Developer".into(), BotRef::new("Banking"));
    fixture.wants.insert(by_name.clone(), present(Value::Held));
    assert!(fixture.plan().is_clean(), "the same twice");
    fixture.wants.insert(by_name, absent());
    let plan = fixture.plan();
    assert_eq!(lines(&plan), ["- jane@example.com: Bot Developer on st-1"]);
    let places: BTreeSet<String> = plan.changes[0].sources.iter().map(ToString::to_string).collect();
    assert_eq!(places, BTreeSet::from(["a.yaml:1".to_owned(), "a.yaml:2".to_owned()]));
    // The same line twice is one line.
    let mut fixture = Fixture::converged();
    let tester = |bot| Key::BotRole(user(JANE), "Bot Tester".into(), bot);
    for bot in [BotRef::new("Banking"), BotRef::new("st-1")] {
        fixture.wants.insert(tester(bot), present(Value::Held));
    }
    let plan = fixture.plan();
    assert_eq!(lines(&plan), ["+ jane@example.com: Bot Tester on st-1"]);
    assert_eq!(plan.changes[0].sources.len(), 1);
}

#[test]
fn what_no_name_leads_to_is_blocked_once_for_everybody() {
    let mut fixture = Fixture::converged();
    for who in [JANE, SAM, "m1@example.com"] {
        for bot in ["Nowhere", "st-9"] {
            let dialogs = Value::Dialogs(DialogSet::ALL);
            fixture.wants.insert(Key::Assigned(email(who), BotRef::new(bot)), present(dialogs));
        }
    }
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert!(plan.blocked.iter().all(|entry| entry.reason == Reason::BotUnresolved), "{:?}", plan.blocked);
    let said: Vec<&str> = plan.blocked.iter().map(|entry| entry.subject.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|subject| subject.ends_with(" and 2 more")), "{said:?}");
}

#[test]
fn a_role_of_the_other_kind_is_no_suggestion() {
    let mut fixture = Fixture::converged();
    fixture.want(&Key::BotRole(user(JANE), "Auditr".into(), "st-1".into()), present(Value::Held));
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.blocked), [Reason::RoleUnresolved]);
    assert_eq!(plan.blocked[0].next_step, "declare it as a KoreRole, or correct the name");
    fixture.wants.clear();
    fixture.want(&Key::AdminRole(user(JANE), "Auditr".into()), present(Value::Held));
    assert_eq!(fixture.plan().blocked[0].next_step, "did you mean \"Auditor\"?");
    // Nor one that is only declared.
    fixture.wants.clear();
    let analyst = Key::RoleDefinition(RoleType::Admin, "Analyst".into());
    fixture.want(&analyst, present(Value::Role(RoleSpec::default())));
    fixture.want(&Key::BotRole(user(JANE), "Analyts".into(), "st-1".into()), present(Value::Held));
    fixture.want(&Key::AdminRole(user(JANE), "Analyts".into()), present(Value::Held));
    let plan = fixture.plan();
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
    let mut fixture = Fixture::converged();
    fixture.unsee(&developer(JANE));
    let entry = fixture.directory.users.get_mut(&email(JANE)).unwrap();
    entry.spellings = vec![JANE.to_owned(), "Jane@example.com".to_owned()];
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert!(plan.blocked.iter().all(|entry| entry.reason == Reason::AddressAmbiguous), "{:?}", plan.blocked);
    assert!(!plan.blocked.is_empty());
}

#[test]
fn an_org_user_id_is_compared_and_never_sent() {
    let declared = |id: &str| {
        let fields = [("orgUserId".to_owned(), id.to_owned())].into();
        present(Value::Profile(fields))
    };
    let plan = |declared_id: &str, found: Option<&str>| {
        let mut fixture = Fixture::converged();
        fixture.want(&Key::Profile(email(JANE)), declared(declared_id));
        fixture.directory.users.entry(email(JANE)).or_default().org_user_id = found.map(str::to_owned);
        fixture.plan()
    };
    let same = plan("E-1", Some("E-1"));
    assert!(same.is_clean() && same.warnings.is_empty() && same.write_only.is_empty(), "{:?}", same.warnings);
    for (found, said) in [(Some("E-2"), "the account has E-2"), (None, "the account has none")] {
        let other = plan("E-1", found);
        assert!(other.changes.is_empty());
        assert!(other.warnings.len() == 1 && other.warnings[0].contains(said), "{:?}", other.warnings);
    }
    let mut fixture = Fixture::converged();
    fixture.want(&Key::Profile(email(JANE)), declared("E-1"));
    fixture.referenced.insert(email(JANE));
    for who in [JANE, SAM] {
        fixture.directory.users.entry(email(who)).or_default().org_user_id = Some("E-1".to_owned());
    }
    assert!(fixture.plan().warnings[0].contains("of 2 users, who may be one person"));
}

#[test]
fn nothing_is_taken_away_on_a_bot_that_is_not_listed() {
    let mut fixture = Fixture::converged();
    let gone = Key::BotRole(user(JANE), "Bot Developer".into(), "st-gone".into());
    fixture.see(gone, Value::Held);
    fixture.policy.ownership.role_bindings = OwnershipLevel::Remove;
    let plan = fixture.plan();
    assert!(plan.changes.is_empty(), "{:?}", lines(&plan));
    assert!(plan.unmanaged.iter().any(|fact| fact.why.contains("deleted within 30 days")));
    // Where bots may be missing from the list, it may be one of them.
    fixture.coverage.listings.insert(Listing::Bots, Extent::Partial("page 2 is empty".to_owned()));
    assert_eq!(fixture.plan().changes.len(), 1);
}

#[test]
fn a_permission_that_the_account_spells_in_another_case_is_mentioned() {
    let wanted = |name: &str| {
        let mut fixture = Fixture::converged();
        let permissions = [("Publish bot".into(), "YES".into())].into();
        let spec = RoleSpec { description: None, permissions };
        fixture.directory.roles.get_mut(&"r1".into()).unwrap().spec = spec;
        let spec = RoleSpec { description: None, permissions: [(name.into(), "YES".into())].into() };
        fixture.want(&Key::RoleDefinition(RoleType::Bot, "Releaser".into()), present(Value::Role(spec)));
        fixture.plan().warnings
    };
    assert_eq!(wanted("Publish bot"), [""; 0]);
    assert_eq!(wanted("Channels"), [""; 0]);
    assert!(wanted("Publish Bot")[0].contains("the roles of the account have Publish bot"));
}
