//! What is refused although it was asked for.

use super::*;
use crate::facts::{DeletionPolicy, LoadedObject, LoadedObjects, ObjectRef, Safety};

#[test]
fn what_comes_back_three_times_in_a_day_is_contested_until_the_manifest_changes() {
    let mut fixture = Fixture::converged();
    fixture.unsee(&developer(JANE));
    let id = fixture.plan().changes[0].id.clone();
    let hour = |hours: i64| jiff::Timestamp::from_second(NOW - hours * 3_600).unwrap();
    fixture.memory.facts = vec![(developer(JANE), RememberedFact::asked(Value::Held))];
    fixture.memory.applied.insert(id.clone(), vec![hour(25), hour(3), hour(2)]);
    assert!(fixture.plan().refused.is_empty(), "only two of them within a day");
    fixture.memory.note_applied([&id], hour(1));
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.refused), [Reason::Contested]);
    assert!(plan.sendable().is_empty());
    assert_eq!(plan.changes.len(), 1, "it stays in the plan and its digest");
    // An approver has seen it, or it was taken back by us and is wanted again since: nothing is contested.
    let seen = Day { acknowledged: [id].into(), ..Day::default() };
    let asked = Fixture { day: Some(seen), ..fixture };
    assert!(asked.plan().refused.is_empty());
    let mut anew = Fixture { day: None, ..asked };
    for since in [Revision { at: hour(2), commit: None }, Revision::default()] {
        anew.memory.facts[0].1.since = since.clone();
        assert_eq!(anew.plan().refused.is_empty(), since.at > hour(3));
    }
    anew.memory.facts[0].1.dropped = Some(Revision { at: hour(1), commit: None });
    assert!(anew.plan().refused.is_empty(), "declared again from now on");
}

#[test]
fn an_edit_of_the_object_starts_the_count_of_what_comes_back_anew() {
    let mut fixture = Fixture::converged();
    fixture.unsee(&developer(JANE));
    let hour = |hours: i64| jiff::Timestamp::from_second(NOW - hours * 3_600).unwrap();
    let id = fixture.plan().changes[0].id.clone();
    fixture.memory.facts = vec![(developer(JANE), RememberedFact::asked(Value::Held))];
    fixture.memory.applied.insert(id, vec![hour(3), hour(2), hour(1)]);
    let object = ObjectRef { kind: "KoreRoleBinding".into(), namespace: None, name: "developers".into() };
    fixture.declaration.objects = LoadedObjects::new(vec![LoadedObject {
        object: object.clone(),
        deletion_policy: DeletionPolicy::Remove,
        place: Source::file("a.yaml", 1, 1).place,
    }]);
    for (edited, is_contested) in [(hour(4), true), (hour(2), false)] {
        fixture.declaration.edited.insert(object.clone(), edited);
        assert_eq!(!fixture.plan().refused.is_empty(), is_contested);
    }
}

#[test]
fn more_removals_than_allowed_are_all_refused() {
    let mut fixture = Fixture::converged();
    fixture.policy.safety.max_removals = 1;
    fixture.want(&developer(JANE), absent());
    fixture.want(&developer(SAM), absent());
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.refused), [Reason::RemovalCeiling]);
    assert!(plan.refused[0].message.starts_with("2 removals, 1 allowed"), "{}", plan.refused[0].message);
    assert!(plan.sendable().is_empty());
    fixture.limits.allow_removals = Some(2);
    assert_eq!(fixture.plan().sendable().len(), 2);
}

#[test]
fn the_percentage_counts_a_family_and_always_allows_one() {
    let mut fixture = Fixture::converged();
    fixture.want(&developer(JANE), absent());
    assert!(fixture.plan().refused.is_empty(), "one of two is over 20 %, but one is always allowed");
    fixture.want(&developer(SAM), absent());
    assert!(fixture.plan().refused[0].message.contains("bot roles: 2 of 2"), "{:?}", fixture.plan().refused);
}

#[test]
fn removals_need_a_pinned_account_and_another_account_refuses_all() {
    let mut fixture = Fixture::converged();
    fixture.unsee(&developer(SAM));
    fixture.want(&developer(JANE), absent());
    fixture.policy.account_id = None;
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.refused), [Reason::AccountNotPinned]);
    assert_eq!(plan.sendable().len(), 1, "the addition goes on");
    fixture.policy.account_id = Some("another".into());
    assert!(fixture.plan().sendable().is_empty());
}

#[test]
fn protected_people_and_the_primary_admin_are_never_touched() {
    let (pattern, primary) = (vec![Pattern::new("jane@*")], Some(email(JANE)));
    for (protected, primary_admin, rule) in [
        (pattern, None, "protected users are never touched (safety.protected)"),
        (Vec::new(), primary, "the Primary Admin is never touched (safety.primaryAdmin)"),
    ] {
        let mut fixture = Fixture::converged();
        fixture.policy.safety = Safety { primary_admin, protected, ..fixture.policy.safety };
        fixture.want(&developer(JANE), absent());
        let plan = fixture.plan();
        assert_eq!(reasons(&plan.refused), [Reason::Protected]);
        assert_eq!(plan.refused[0].message, format!("1 change of jane@example.com: {rule}"));
        assert!(plan.sendable().is_empty());
    }
}

#[test]
fn a_role_is_not_taken_from_a_group_that_holds_it_for_somebody_protected() {
    let mut fixture = Fixture::converged();
    fixture.policy.safety.protected = vec![Pattern::new("sam@*")];
    let testers = Key::BotRole(Holder::Group("QA".into()), "Bot Tester".into(), "st-1".into());
    fixture.see(testers.clone(), Value::Held);
    fixture.want(&testers, absent());
    fixture.see(Key::InGroup(email(JANE), "QA".into()), Value::Held);
    assert!(fixture.plan().refused.is_empty());
    fixture.see(Key::InGroup(email(SAM), "QA".into()), Value::Held);
    assert_eq!(reasons(&fixture.plan().refused), [Reason::Protected]);
}

#[test]
fn the_admin_floor_counts_who_can_sign_in() {
    let mut fixture = Fixture::converged();
    fixture.limits.allow_removals = Some(9);
    fixture.want(&master("m1@example.com"), absent());
    assert_eq!(reasons(&fixture.plan().refused), [Reason::AdminFloor], "the Primary Admin is not declared");
    fixture.policy.safety.primary_admin = Some(email("m4@example.com"));
    assert!(fixture.plan().refused.is_empty());

    fixture.want(&master("m2@example.com"), absent());
    assert!(fixture.plan().refused.is_empty(), "two of four are left");
    fixture.seen_member("m3@example.com", Membership::Pending { since: None });
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.refused), [Reason::AdminFloor]);
    assert!(plan.refused[0].message.starts_with("Master Admins who can sign in: 1 would be left of 3"));
    fixture.want(&master(JANE), present(Value::Held));
    let plan = fixture.plan();
    assert!(plan.refused.is_empty(), "Jane makes room: {:?}", plan.refused);
    let removal = plan.changes.iter().find(|change| change.action.is_removal()).unwrap();
    assert_eq!(removal.depends_on.len(), 1, "and is read back first");
}

#[test]
fn removing_a_user_counts_as_taking_their_master_admin() {
    let mut fixture = Fixture::converged();
    fixture.policy.safety.primary_admin = Some(email("m4@example.com"));
    fixture.policy.safety.min_master_admins = 4;
    fixture.wants.retain(|key, _| key.email() != Some(&email("m1@example.com")));
    fixture.want(&Key::Member(email("m1@example.com")), absent());
    assert_eq!(reasons(&fixture.plan().refused), [Reason::AdminFloor]);
}

/// Everybody in it has the tester role, and so many lose it.
fn losing(testers: usize, leaving: usize) -> Fixture {
    let mut fixture = Fixture::converged();
    fixture.policy.safety.max_removals = 100;
    for at in 0..testers {
        let who = format!("t{at:02}@example.com");
        fixture.joined(&who);
        let tester = Key::BotRole(user(&who), "Bot Tester".into(), "st-1".into());
        fixture.both(tester.clone(), Value::Held);
        if at < leaving {
            fixture.want(&tester, absent());
        }
    }
    fixture
}

fn lately(count: usize) -> Day {
    let lately = BTreeMap::from([(crate::facts::Family::BotRoles, count)]);
    Day { lately, acknowledged: BTreeSet::new() }
}

#[test]
fn as_many_removals_as_allowed_go_and_one_more_does_not() {
    let mut fixture = losing(20, 4);
    fixture.policy.safety.max_removals = 4;
    assert_eq!(reasons(&fixture.plan().refused), [], "four of 22 are under a fifth");
    fixture.policy.safety.max_removals = 3;
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.refused), [Reason::RemovalCeiling]);
    assert_eq!(plan.refused[0].next_step, "look at the plan, then run again with --allow-removals 4");
    // A day's removals count with today's: 4 of 100, and 1 of 5.
    fixture.policy.safety.max_removals = 7;
    fixture.day = Some(lately(3));
    assert_eq!(
        reasons(&fixture.plan().refused),
        [Reason::RemovalCeiling],
        "3 + 4 of 3 + 22 are over a fifth"
    );
    fixture.policy.safety.max_removals_percent = 28;
    assert_eq!(reasons(&fixture.plan().refused), [], "and are just 28 per cent");
    fixture.policy.safety.max_removals_percent = 27;
    assert_eq!(
        fixture.plan().refused[0].message,
        "bot roles: 4 besides 3 in the last 24 hours of 25 would be removed, 6 allowed at 27 % (safety.maxRemovalsPercent, by default)"
    );
    fixture.policy.safety.max_removals_percent = 100;
    fixture.policy.safety.max_removals = 6;
    let plan = fixture.plan();
    assert!(plan.refused[0].message.starts_with("4 removals besides 3 in the last 24 hours, 6 allowed"));
    assert!(plan.refused[0].next_step.contains("KorePlanApproval"));
    // What somebody has said yes to is not counted.
    let first = plan.changes.iter().find(|change| change.action.is_removal()).unwrap().id.clone();
    fixture.day.as_mut().unwrap().acknowledged.insert(first);
    assert_eq!(reasons(&fixture.plan().refused), []);
}

#[test]
fn every_way_to_lose_master_admin_counts_and_no_other_role_does() {
    let (m1, master_admin) = ("m1@example.com", RoleName::new(RoleName::MASTER_ADMIN));
    let through = |groups: &[&str]| Value::Inherited(groups.iter().map(|group| (*group).into()).collect());
    let world = |value: Value| {
        let mut fixture = Fixture::converged();
        fixture.see(master(m1), value);
        fixture.see(Key::InGroup(email(m1), "QA".into()), Value::Held);
        fixture.see(Key::AdminRole(user(m1), "Auditor".into()), Value::Held);
        fixture.world()
    };
    let group_role = |role: &RoleName| Key::AdminRole(Holder::Group("QA".into()), role.clone());
    let (member, in_group) = (Key::Member(email(m1)), Key::InGroup(email(m1), "QA".into()));
    let takes = |key: &Key, world: &World| takes_master_admin(key, true, world) == [email(m1)];
    let direct = world(Value::Held);
    let inherited = world(through(&["QA"]));
    let elsewhere = world(through(&["Ops"]));
    for (key, by) in [
        (master(m1), [true, true, true]),
        (member, [true, true, true]),
        (in_group, [false, true, false]),
        (group_role(&master_admin), [false, true, false]),
        (group_role(&"Auditor".into()), [false; 3]),
        (Key::AdminRole(user(m1), "Auditor".into()), [false; 3]),
    ] {
        assert_eq!([&direct, &inherited, &elsewhere].map(|world| takes(&key, world)), by, "{key}");
        let none = |world| takes_master_admin(&key, true, world).is_empty();
        assert_eq!([&direct, &inherited, &elsewhere].map(none), by.map(|takes| !takes), "{key}");
        assert_eq!(takes_master_admin(&key, false, &inherited), [], "adding takes nothing");
    }
    assert_eq!(takes_master_admin(&Key::Member(email(JANE)), true, &direct), [], "she holds none");
}

#[test]
fn only_who_has_joined_with_that_role_is_a_master_admin() {
    let mut fixture = Fixture::converged();
    let admins =
        |count: usize| (1..=count).map(|at| email(&format!("m{at}@example.com"))).collect::<BTreeSet<_>>();
    fixture.see(Key::AdminRole(user(JANE), "Auditor".into()), Value::Held);
    assert_eq!(master_admins(&fixture.world()), admins(4));
    fixture.seen_member("m4@example.com", Membership::Pending { since: None });
    assert_eq!(master_admins(&fixture.world()), admins(3));
}

#[test]
fn whoever_gets_another_role_or_is_one_already_makes_no_room_under_the_floor() {
    let mut fixture = Fixture::converged();
    fixture.policy.safety.primary_admin = Some(email("m4@example.com"));
    fixture.policy.safety.min_master_admins = 4;
    fixture.want(&master("m1@example.com"), absent());
    fixture.want(&Key::AdminRole(user(JANE), "Auditor".into()), present(Value::Held));
    assert_eq!(reasons(&fixture.plan().refused), [Reason::AdminFloor]);
    // Held through a group, and now directly too: the same person.
    fixture.see(master("m2@example.com"), Value::Inherited(["QA".into()].into()));
    fixture.want(&master("m2@example.com"), present(Value::Held));
    assert_eq!(reasons(&fixture.plan().refused), [Reason::AdminFloor]);
    // Invited with it, and not able to sign in before that is accepted.
    fixture.want(&Key::Member(email(NEW)), present(Value::Member(Membership::Joined)));
    fixture.want(&master(NEW), present(Value::Held));
    assert!(lines(&fixture.plan()).contains(&"+ new@example.com: Master Admin".to_owned()));
    assert_eq!(reasons(&fixture.plan().refused), [Reason::AdminFloor]);
    fixture.want(&master(JANE), present(Value::Held));
    assert_eq!(reasons(&fixture.plan().refused), []);
}

#[test]
fn a_saved_plan_is_refused_by_the_rules_of_today() {
    let mut fixture = Fixture::converged();
    fixture.want(&developer(JANE), absent());
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.refused), []);
    fixture.policy.safety.protected = vec![Pattern::new("jane@*")];
    let again = recheck(plan.clone(), &fixture.world(), &fixture.policy, &fixture.context());
    assert_eq!(reasons(&again.refused), [Reason::Protected]);
    assert_eq!((again.changes, again.digest), (plan.changes, plan.digest), "it stays what was approved");
    assert_eq!((plan.cost.calls, again.cost.calls), ((3, 4), (0, 0)));
}

#[test]
fn who_leaves_with_master_admin_leaves_after_whoever_gets_it() {
    let mut fixture = Fixture::converged();
    fixture.limits.allow_removals = Some(9);
    fixture.policy.safety.primary_admin = Some(email("m4@example.com"));
    fixture.wants.retain(|key, _| key.email() != Some(&email("m1@example.com")));
    fixture.want(&Key::Member(email("m1@example.com")), absent());
    fixture.see(Key::InGroup(email("m2@example.com"), "QA".into()), Value::Held);
    fixture.want(&Key::InGroup(email("m2@example.com"), "QA".into()), absent());
    fixture.want(&master(JANE), present(Value::Held));
    let plan = fixture.plan();
    let given = plan.changes.iter().find(|change| change.key == master(JANE)).unwrap().id.clone();
    let removals: Vec<&Change> = plan.changes.iter().filter(|change| change.action.is_removal()).collect();
    assert_eq!(removals.len(), 2, "{:?}", lines(&plan));
    for removal in removals {
        assert!(removal.depends_on.contains(&given), "{}", removal.key);
    }
}

#[test]
fn what_the_platform_has_not_kept_twice_is_told_and_not_sent() {
    let mut fixture = Fixture::converged();
    fixture.unsee(&developer(JANE));
    let change = fixture.plan().changes[0].clone();
    fixture.memory.note_kept(&change, false);
    assert_eq!(fixture.plan().refused, []);
    fixture.memory.note_kept(&change, false);
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.refused), [Reason::PlatformKeeps]);
    assert_eq!(plan.sendable().len(), 0);
    fixture.memory.note_kept(&change, true);
    assert_eq!(fixture.plan().refused, []);
}
