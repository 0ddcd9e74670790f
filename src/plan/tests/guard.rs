//! What is refused although it was asked for.

use super::*;

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
    for protect in [
        |policy: &mut Policy| policy.safety.protected = vec![Pattern::new("jane@*")],
        |policy: &mut Policy| policy.safety.primary_admin = Some(email(JANE)),
    ] {
        let mut bench = Bench::converged();
        protect(&mut bench.policy);
        bench.want(&developer(JANE), absent());
        let plan = bench.plan();
        assert_eq!(reasons(&plan.refused), [Reason::Protected]);
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
