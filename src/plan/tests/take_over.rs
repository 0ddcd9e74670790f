//! Lists that are authoritative for the first time.

use super::*;

const EXTRA: &str = "m1@example.com";

/// The developers of Banking are Jane and Sam, and one more.
fn with_undeclared_holder() -> Fixture {
    let mut fixture = Fixture::converged();
    fixture.limits.take_over = false;
    fixture.close_developers();
    fixture.see(developer(EXTRA), Value::Held);
    fixture
}

fn list() -> ScopeExtent {
    ScopeExtent::BotRole("Bot Developer".into(), "st-1".into())
}

fn plan_and_remember(fixture: &Fixture) -> (Plan, Memory) {
    super::super::plan_and_remember(fixture.desired(), &fixture.world(), &fixture.policy, &fixture.context())
}

#[test]
fn a_list_that_is_new_proposes_whom_it_would_remove() {
    let fixture = with_undeclared_holder();
    let (plan, memory) = plan_and_remember(&fixture);
    assert_eq!(lines(&plan), ["- m1@example.com: Bot Developer on st-1"], "it is shown");
    assert!(plan.sendable().is_empty(), "and it waits");
    assert_eq!(reasons(&plan.waiting), [Reason::ListProposed]);
    assert_eq!(
        plan.waiting[0].message,
        "Bot Developer on Banking is authoritative for the first time, and would remove 1 undeclared holder"
    );
    assert!(!plan.is_clean());
    assert!(memory.lists.is_empty(), "a run without a yes takes nothing over");
    // The next run proposes it again.
    let later = Fixture { memory, ..with_undeclared_holder() };
    assert!(later.plan().sendable().is_empty());
}

#[test]
fn after_a_yes_it_is_pruned_and_never_proposed_again() {
    let fixture = with_undeclared_holder();
    let (plan, memory) = plan_and_remember(&fixture);
    let (plan, memory) = super::super::take_over(plan, memory);
    assert_eq!(plan.sendable().len(), 1);
    assert_eq!(memory.lists, BTreeSet::from([list()]));
    let later = Fixture { memory, ..with_undeclared_holder() };
    let (plan, memory) = plan_and_remember(&later);
    assert_eq!(plan.sendable().len(), 1);
    assert_eq!(memory.lists, BTreeSet::from([list()]));
    // By a flag it is the same.
    let mut flagged = with_undeclared_holder();
    flagged.limits.take_over = true;
    let (plan, memory) = plan_and_remember(&flagged);
    assert_eq!((plan.sendable().len(), memory.lists.len()), (1, 1));
}

#[test]
fn a_list_without_undeclared_holders_is_taken_over_by_itself() {
    let mut fixture = Fixture::converged();
    fixture.limits.take_over = false;
    fixture.close_developers();
    let (plan, memory) = plan_and_remember(&fixture);
    assert!(plan.changes.is_empty());
    assert_eq!(memory.lists, BTreeSet::from([list()]));
    // Whoever shows up later is drift.
    let later = Fixture { memory, ..with_undeclared_holder() };
    assert_eq!(later.plan().sendable().len(), 1);
}

#[test]
fn what_was_read_in_part_is_not_taken_over() {
    let whole = || {
        let mut fixture = Fixture::converged();
        fixture.close_developers();
        fixture
    };
    for listing in [Listing::Users, Listing::BotRoles] {
        let mut fixture = whole();
        fixture.coverage.listings.insert(listing, Extent::Partial("page 2 is missing".to_owned()));
        assert!(plan_and_remember(&fixture).1.lists.is_empty(), "{listing:?}");
    }
    let mut fixture = whole();
    fixture.completeness = Completeness::Partial("b.yaml was not loaded".to_owned());
    assert!(plan_and_remember(&fixture).1.lists.is_empty());
}

#[test]
fn a_list_stays_taken_over_while_it_cannot_be_judged_and_not_once_it_is_additive() {
    let remembered = Memory { lists: BTreeSet::from([list()]), ..Memory::default() };
    let known = |fixture: Fixture| {
        plan_and_remember(&Fixture { memory: remembered.clone(), ..fixture }).1.lists.contains(&list())
    };
    let scope = |closure| {
        let mut fixture = Fixture::converged();
        let extent = ScopeExtent::BotRole("Bot Developer".into(), BotRef::new("Banking"));
        fixture.scopes.push(Scope { extent, closure, sources: Vec::new() });
        fixture
    };
    assert!(known(scope(Closure::Open("team bankers is not declared".to_owned()))));
    let completeness = Completeness::Partial("b.yaml was not loaded".to_owned());
    assert!(known(Fixture { completeness, ..Fixture::converged() }), "its file may be the one");
    assert!(!known(scope(Closure::Additive)));
    assert!(!known(Fixture::converged()), "it is not declared any more");
}

#[test]
fn an_approval_by_id_is_a_yes() {
    let mut fixture = with_undeclared_holder();
    fixture.day = Some(Day::default());
    let plan = fixture.plan();
    assert!(plan.waiting[0].next_step.contains("KorePlanApproval"));
    fixture.day.as_mut().unwrap().acknowledged.insert(plan.changes[0].id.clone());
    let (plan, memory) = plan_and_remember(&fixture);
    assert_eq!(plan.sendable().len(), 1);
    assert_eq!(memory.lists, BTreeSet::from([list()]));
}

#[test]
fn ownership_of_a_family_is_no_list() {
    let mut fixture = Fixture::converged();
    fixture.limits.take_over = false;
    fixture.policy.ownership.role_bindings = OwnershipLevel::Remove;
    fixture.see(developer(EXTRA), Value::Held);
    assert_eq!(fixture.plan().sendable().len(), 1);
}
