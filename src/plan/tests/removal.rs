//! What a removal needs, fact by fact: each test takes away one thing of it.

use super::*;

const AUDITOR: &str = "Auditor";

fn assigned(who: &str) -> Key {
    Key::Assigned(email(who), "st-1".into())
}

#[test]
fn an_assignment_is_taken_away_by_name_unless_its_list_cannot_be_written_back() {
    let mut fixture = Fixture::converged();
    fixture.see(assigned(JANE), Value::Dialogs(DialogSet::only([DialogId::new("dg-1")])));
    fixture.want(&assigned(JANE), absent());
    let plan = fixture.plan();
    assert_eq!(lines(&plan), ["- jane@example.com assigned to st-1"]);
    assert_eq!(
        plan.bots,
        BTreeMap::from([("st-1".into(), "Banking".into())]),
        "its name, for whoever reads it"
    );
    let others = DialogSet { has_other_tasks: true, ..DialogSet::only([DialogId::new("dg-1")]) };
    fixture.see(assigned(JANE), Value::Dialogs(others));
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(reasons(&plan.manual), [Reason::OtherTasks]);
}

#[test]
fn nobody_stops_owning_a_bot_by_a_manifest() {
    let mut fixture = Fixture::converged();
    let owner = Key::BotRole(user(JANE), RoleName::new(RoleName::BOT_OWNER), "st-1".into());
    fixture.see(owner.clone(), Value::Held);
    fixture.want(&owner, absent());
    assert_eq!(lines(&fixture.plan()), [""; 0]);
}

#[test]
fn a_role_whose_name_several_have_is_taken_from_nobody() {
    let mut fixture = Fixture::converged();
    fixture.want(&developer(JANE), absent());
    assert_eq!(lines(&fixture.plan()), ["- jane@example.com: Bot Developer on st-1"]);
    let twin = fixture.directory.roles[&"r1".into()].clone();
    fixture.directory.roles.insert("r9".into(), twin);
    assert_eq!(lines(&fixture.plan()), [""; 0]);
    // Nor is it pruned where it is not declared.
    fixture.wants.remove(&as_wanted(&developer(JANE)));
    fixture.policy.ownership.role_bindings = OwnershipLevel::Remove;
    let plan = fixture.plan();
    assert!(lines(&plan).iter().all(|line| !line.contains("Bot Developer")), "{:?}", lines(&plan));
    assert!(plan.unmanaged.iter().any(|unmanaged| unmanaged.why == "several roles have that name"));
}

#[test]
fn what_shall_be_gone_and_was_not_seen_is_fine_only_when_that_is_proved() {
    let mut fixture = Fixture::converged();
    let auditor = Key::AdminRole(user(JANE), AUDITOR.into());
    fixture.want(&auditor, absent());
    assert!(fixture.plan().is_clean() && fixture.plan().blocked.is_empty());
    fixture.coverage.looked_up.insert(email(JANE), Seen { roles: false, ..Seen::ALL });
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.blocked), [Reason::NotProved]);
    assert_eq!(
        plan.blocked[0].message,
        "whether this is gone is not known: jane@example.com: Auditor \
         (the answer about jane@example.com left out admin roles)"
    );
    // Somebody who is not there holds nothing; names and access are no question of absence.
    fixture.want(&auditor, present(Value::Held));
    fixture.see(auditor, Value::Held);
    fixture.want(&Key::AdminRole(user(NEW), AUDITOR.into()), absent());
    for key in [Key::Names(email(NEW)), Key::DataTables(email(SAM))] {
        fixture.want(&key, absent());
    }
    fixture.coverage.looked_up.insert(email(SAM), Seen { names: false, access: false, ..Seen::ALL });
    for key in [Key::Names(email(SAM)), Key::Access(email(SAM))] {
        fixture.want(&key, absent());
    }
    assert_eq!(reasons(&fixture.plan().blocked), []);
}

#[test]
fn a_group_without_members_holds_nothing_that_could_be_seen() {
    let mut fixture = Fixture::converged();
    fixture.coverage.listings.insert(Listing::Groups, Extent::Partial("page 2 is missing".into()));
    let held = |group: &str| Key::AdminRole(Holder::Group(group.into()), AUDITOR.into());
    fixture.want(&held("Empty"), absent());
    assert_eq!(reasons(&fixture.plan().blocked), []);
    fixture.want(&held("QA"), absent());
    assert_eq!(reasons(&fixture.plan().blocked), [Reason::NotProved]);
}

#[test]
fn pruning_needs_the_listing_or_look_up_that_its_fact_comes_from() {
    let pruned = |break_it: fn(&mut Fixture)| {
        let mut fixture = Fixture::converged();
        for extent in [
            ScopeExtent::AdminRole(AUDITOR.into()),
            ScopeExtent::Group("QA".into()),
            ScopeExtent::Assignments(BotRef::new("Banking")),
        ] {
            fixture.close(extent);
        }
        fixture.see(Key::AdminRole(user(JANE), AUDITOR.into()), Value::Held);
        fixture.see(Key::InGroup(email(JANE), "QA".into()), Value::Held);
        fixture.see(assigned(JANE), Value::Dialogs(DialogSet::ALL));
        break_it(&mut fixture);
        let plan = fixture.plan();
        let blocked: Vec<String> = plan.blocked.iter().map(|entry| entry.message.clone()).collect();
        (lines(&plan).len(), blocked)
    };
    assert_eq!(pruned(|_| {}), (3, Vec::new()));
    let (left, why) = pruned(|fixture| {
        fixture.coverage.listings.insert(Listing::AdminRoles, Extent::Partial("page 3 is missing".into()));
    });
    assert_eq!((left, why.len()), (2, 1));
    assert!(why[0].starts_with("Auditor: nothing is pruned, because"), "{why:?}");
    let (left, why) = pruned(|fixture| {
        fixture.coverage.listings.insert(Listing::Groups, Extent::Partial("page 3 is missing".into()));
    });
    assert_eq!((left, why.len()), (2, 1));
    assert!(why[0].starts_with("group QA: nothing is pruned, because"), "{why:?}");
    let (left, why) = pruned(|fixture| {
        fixture.coverage.looked_up.insert(email(JANE), Seen { assignments: false, ..Seen::ALL });
    });
    assert_eq!((left, why.len()), (2, 1));
    let expected = "assignments of Banking: nothing is pruned, because the assignments of jane@example.com were not read";
    assert_eq!(why[0], expected);
}

#[test]
fn whoever_a_manifest_refers_to_is_not_reported_as_undeclared() {
    let mut fixture = Fixture::converged();
    fixture.seen_member("guest@example.com", Membership::Joined);
    assert_eq!(fixture.plan().unmanaged.len(), 1);
    fixture.referenced.insert(email("guest@example.com"));
    assert_eq!(fixture.plan().unmanaged.len(), 0);
}

#[test]
fn a_deleted_person_does_not_come_back_and_half_of_some_things_does() {
    let mut fixture = Fixture::converged();
    fixture.wants.retain(|key, _| key.email() != Some(&email(JANE)));
    fixture.want(&Key::Member(email(JANE)), absent());
    fixture.want(&Key::Member(email(NEW)), present(Value::Member(Membership::Joined)));
    fixture.want(&Key::BotRole(user(SAM), "Bot Tester".into(), "st-1".into()), present(Value::Held));
    let of: Vec<(String, Reversible)> =
        fixture.plan().changes.iter().map(|change| (change.key.to_string(), change.reversible)).collect();
    let expected = [
        ("user jane@example.com", Reversible::No),
        ("user new@example.com", Reversible::Partly),
        ("sam@example.com: Bot Tester on st-1", Reversible::Yes),
    ];
    for (key, reversible) in expected {
        assert!(of.contains(&(key.to_owned(), reversible)), "{key}: {of:?}");
    }
    assert_eq!(of.len(), expected.len());
}
