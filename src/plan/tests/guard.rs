//! What is refused although it was asked for.

use super::*;
use crate::facts::Safety;

#[test]
fn what_comes_back_three_times_in_a_day_is_contested_until_the_manifest_changes() {
    let mut bench = Bench::converged();
    bench.unsee(&developer(JANE));
    let id = bench.plan().changes[0].id.clone();
    let hour = |hours: i64| jiff::Timestamp::from_second(NOW - hours * 3_600).unwrap();
    bench.memory.applied.insert(id.clone(), vec![hour(25), hour(3), hour(2)]);
    assert!(bench.plan().refused.is_empty(), "only two of them within a day");
    bench.memory.note_applied([&id], hour(1));
    let plan = bench.plan();
    assert_eq!(reasons(&plan.refused), [Reason::Contested]);
    assert!(plan.sendable().is_empty());
    assert_eq!(plan.changes.len(), 1, "it stays in the plan and its digest");
}

#[test]
fn more_removals_than_allowed_are_all_refused() {
    let mut bench = Bench::converged();
    bench.policy.safety.max_removals = 1;
    bench.want(&developer(JANE), absent());
    bench.want(&developer(SAM), absent());
    let plan = bench.plan();
    assert_eq!(reasons(&plan.refused), [Reason::RemovalCeiling]);
    assert!(plan.refused[0].message.starts_with("2 removals, 1 allowed"), "{}", plan.refused[0].message);
    assert!(plan.sendable().is_empty());
    bench.limits.allow_removals = Some(2);
    assert_eq!(bench.plan().sendable().len(), 2);
}

#[test]
fn the_percentage_counts_a_family_and_always_allows_one() {
    let mut bench = Bench::converged();
    bench.want(&developer(JANE), absent());
    assert!(bench.plan().refused.is_empty(), "one of two is over 20 %, but one is always allowed");
    bench.want(&developer(SAM), absent());
    assert!(bench.plan().refused[0].message.contains("bot roles: 2 of 2"), "{:?}", bench.plan().refused);
}

#[test]
fn removals_need_a_pinned_account_and_another_account_refuses_all() {
    let mut bench = Bench::converged();
    bench.unsee(&developer(SAM));
    bench.want(&developer(JANE), absent());
    bench.policy.account_id = None;
    let plan = bench.plan();
    assert_eq!(reasons(&plan.refused), [Reason::AccountNotPinned]);
    assert_eq!(plan.sendable().len(), 1, "the addition goes on");
    bench.policy.account_id = Some("another".into());
    assert!(bench.plan().sendable().is_empty());
}

#[test]
fn protected_people_and_the_primary_admin_are_never_touched() {
    let (pattern, primary) = (vec![Pattern::new("jane@*")], Some(email(JANE)));
    for (protected, primary_admin, rule) in [
        (pattern, None, "protected users are never touched (safety.protected)"),
        (Vec::new(), primary, "the Primary Admin is never touched (safety.primaryAdmin)"),
    ] {
        let mut bench = Bench::converged();
        bench.policy.safety = Safety { primary_admin, protected, ..bench.policy.safety };
        bench.want(&developer(JANE), absent());
        let plan = bench.plan();
        assert_eq!(reasons(&plan.refused), [Reason::Protected]);
        assert_eq!(plan.refused[0].message, format!("1 change of jane@example.com: {rule}"));
        assert!(plan.sendable().is_empty());
    }
}

#[test]
fn a_role_is_not_taken_from_a_group_that_holds_it_for_somebody_protected() {
    let mut bench = Bench::converged();
    bench.policy.safety.protected = vec![Pattern::new("sam@*")];
    let testers = Key::BotRole(Holder::Group("QA".into()), "Bot Tester".into(), "st-1".into());
    bench.see(testers.clone(), Value::Held);
    bench.want(&testers, absent());
    bench.see(Key::InGroup(email(JANE), "QA".into()), Value::Held);
    assert!(bench.plan().refused.is_empty());
    bench.see(Key::InGroup(email(SAM), "QA".into()), Value::Held);
    assert_eq!(reasons(&bench.plan().refused), [Reason::Protected]);
}

#[test]
fn the_admin_floor_counts_who_can_sign_in() {
    let mut bench = Bench::converged();
    bench.limits.allow_removals = Some(9);
    bench.want(&master("m1@example.com"), absent());
    assert_eq!(reasons(&bench.plan().refused), [Reason::AdminFloor], "the Primary Admin is not declared");
    bench.policy.safety.primary_admin = Some(email("m4@example.com"));
    assert!(bench.plan().refused.is_empty());

    bench.want(&master("m2@example.com"), absent());
    assert!(bench.plan().refused.is_empty(), "two of four are left");
    bench.seen_member("m3@example.com", Membership::Pending { since: None });
    let plan = bench.plan();
    assert_eq!(reasons(&plan.refused), [Reason::AdminFloor]);
    assert!(plan.refused[0].message.starts_with("Master Admins who can sign in: 1 would be left of 3"));
    bench.want(&master(JANE), present(Value::Held));
    let plan = bench.plan();
    assert!(plan.refused.is_empty(), "Jane makes room: {:?}", plan.refused);
    let removal = plan.changes.iter().find(|change| change.action.is_removal()).unwrap();
    assert_eq!(removal.depends_on.len(), 1, "and is read back first");
}

#[test]
fn removing_a_user_counts_as_taking_their_master_admin() {
    let mut bench = Bench::converged();
    bench.policy.safety.primary_admin = Some(email("m4@example.com"));
    bench.policy.safety.min_master_admins = 4;
    bench.wants.retain(|key, _| key.email() != Some(&email("m1@example.com")));
    bench.want(&Key::Member(email("m1@example.com")), absent());
    assert_eq!(reasons(&bench.plan().refused), [Reason::AdminFloor]);
}

/// Everybody in it has the tester role, and so many lose it.
fn losing(testers: usize, leaving: usize) -> Bench {
    let mut bench = Bench::converged();
    bench.policy.safety.max_removals = 100;
    for at in 0..testers {
        let who = format!("t{at:02}@example.com");
        bench.joined(&who);
        let tester = Key::BotRole(user(&who), "Bot Tester".into(), "st-1".into());
        bench.both(tester.clone(), Value::Held);
        if at < leaving {
            bench.want(&tester, absent());
        }
    }
    bench
}

fn lately(count: usize) -> Day {
    let lately = BTreeMap::from([(crate::facts::Family::BotRoles, count)]);
    Day { lately, acknowledged: BTreeSet::new() }
}

#[test]
fn as_many_removals_as_allowed_go_and_one_more_does_not() {
    let mut bench = losing(20, 4);
    bench.policy.safety.max_removals = 4;
    assert_eq!(reasons(&bench.plan().refused), [], "four of 22 are under a fifth");
    bench.policy.safety.max_removals = 3;
    let plan = bench.plan();
    assert_eq!(reasons(&plan.refused), [Reason::RemovalCeiling]);
    assert_eq!(plan.refused[0].next_step, "look at the plan, then run again with --allow-removals 4");
    // A day's removals count with today's: 4 of 100, and 1 of 5.
    bench.policy.safety.max_removals = 7;
    bench.day = Some(lately(3));
    assert_eq!(reasons(&bench.plan().refused), [Reason::RemovalCeiling], "3 + 4 of 3 + 22 are over a fifth");
    bench.policy.safety.max_removals_percent = 28;
    assert_eq!(reasons(&bench.plan().refused), [], "and are just 28 per cent");
    bench.policy.safety.max_removals_percent = 27;
    assert_eq!(
        bench.plan().refused[0].message,
        "bot roles: 4 besides 3 in the last 24 hours of 25 would go, 6 allowed at 27 % (safety.maxRemovalsPercent, by default)"
    );
    bench.policy.safety.max_removals_percent = 100;
    bench.policy.safety.max_removals = 6;
    let plan = bench.plan();
    assert!(plan.refused[0].message.starts_with("4 removals besides 3 in the last 24 hours, 6 allowed"));
    assert!(plan.refused[0].next_step.contains("KorePlanApproval"));
    // What somebody has said yes to is not counted.
    let first = plan.changes.iter().find(|change| change.action.is_removal()).unwrap().id.clone();
    bench.day.as_mut().unwrap().acknowledged.insert(first);
    assert_eq!(reasons(&bench.plan().refused), []);
}

#[test]
fn every_way_to_lose_master_admin_counts_and_no_other_role_does() {
    let (m1, master_admin) = ("m1@example.com", RoleName::new(RoleName::MASTER_ADMIN));
    let through = |groups: &[&str]| Value::Inherited(groups.iter().map(|group| (*group).into()).collect());
    let world = |value: Value| {
        let mut bench = Bench::converged();
        bench.see(master(m1), value);
        bench.see(Key::InGroup(email(m1), "QA".into()), Value::Held);
        bench.see(Key::AdminRole(user(m1), "Auditor".into()), Value::Held);
        bench.world()
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
    let mut bench = Bench::converged();
    let admins =
        |count: usize| (1..=count).map(|at| email(&format!("m{at}@example.com"))).collect::<BTreeSet<_>>();
    bench.see(Key::AdminRole(user(JANE), "Auditor".into()), Value::Held);
    assert_eq!(master_admins(&bench.world()), admins(4));
    bench.seen_member("m4@example.com", Membership::Pending { since: None });
    assert_eq!(master_admins(&bench.world()), admins(3));
}

#[test]
fn whoever_gets_another_role_or_is_one_already_makes_no_room_under_the_floor() {
    let mut bench = Bench::converged();
    bench.policy.safety.primary_admin = Some(email("m4@example.com"));
    bench.policy.safety.min_master_admins = 4;
    bench.want(&master("m1@example.com"), absent());
    bench.want(&Key::AdminRole(user(JANE), "Auditor".into()), present(Value::Held));
    assert_eq!(reasons(&bench.plan().refused), [Reason::AdminFloor]);
    // Held through a group, and now directly too: the same person.
    bench.see(master("m2@example.com"), Value::Inherited(["QA".into()].into()));
    bench.want(&master("m2@example.com"), present(Value::Held));
    assert_eq!(reasons(&bench.plan().refused), [Reason::AdminFloor]);
    // Invited with it, and not able to sign in before that is accepted.
    bench.want(&Key::Member(email(NEW)), present(Value::Member(Membership::Joined)));
    bench.want(&master(NEW), present(Value::Held));
    assert!(lines(&bench.plan()).contains(&"+ new@example.com: Master Admin".to_owned()));
    assert_eq!(reasons(&bench.plan().refused), [Reason::AdminFloor]);
    bench.want(&master(JANE), present(Value::Held));
    assert_eq!(reasons(&bench.plan().refused), []);
}

#[test]
fn a_saved_plan_is_refused_by_the_rules_of_today() {
    let mut bench = Bench::converged();
    bench.want(&developer(JANE), absent());
    let plan = bench.plan();
    assert_eq!(reasons(&plan.refused), []);
    bench.policy.safety.protected = vec![Pattern::new("jane@*")];
    let again = recheck(plan.clone(), &bench.world(), &bench.policy, &bench.context());
    assert_eq!(reasons(&again.refused), [Reason::Protected]);
    assert_eq!((again.changes, again.digest), (plan.changes, plan.digest), "it stays what was approved");
    assert_eq!((plan.cost.calls, again.cost.calls), ((3, 4), (0, 0)));
}

#[test]
fn who_leaves_with_master_admin_leaves_after_whoever_gets_it() {
    let mut bench = Bench::converged();
    bench.limits.allow_removals = Some(9);
    bench.policy.safety.primary_admin = Some(email("m4@example.com"));
    bench.wants.retain(|key, _| key.email() != Some(&email("m1@example.com")));
    bench.want(&Key::Member(email("m1@example.com")), absent());
    bench.see(Key::InGroup(email("m2@example.com"), "QA".into()), Value::Held);
    bench.want(&Key::InGroup(email("m2@example.com"), "QA".into()), absent());
    bench.want(&master(JANE), present(Value::Held));
    let plan = bench.plan();
    let given = plan.changes.iter().find(|change| change.key == master(JANE)).unwrap().id.clone();
    let removals: Vec<&Change> = plan.changes.iter().filter(|change| change.action.is_removal()).collect();
    assert_eq!(removals.len(), 2, "{:?}", lines(&plan));
    for removal in removals {
        assert!(removal.depends_on.contains(&given), "{}", removal.key);
    }
}
