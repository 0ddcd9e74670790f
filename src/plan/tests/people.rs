//! Who joins, leaves, waits, or stands in the way of their own facts.

use super::*;

#[test]
fn a_new_user_needs_their_own_not_found_and_takes_everything_along() {
    let mut fixture = Fixture::converged();
    fixture.want(&Key::Member(email(NEW)), present(Value::Member(Membership::Joined)));
    fixture.want(&developer(NEW), present(Value::Held));
    let plan = fixture.plan();
    assert_eq!(lines(&plan), ["+ user new@example.com", "+ new@example.com: Bot Developer on st-1"]);
    assert_eq!(plan.changes[1].depends_on, [plan.changes[0].id.clone()]);
    assert_eq!(plan.cost.writes.values().sum::<usize>(), 1, "one entry creates the user with the role");

    fixture.coverage.not_found.clear();
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(reasons(&plan.blocked), [Reason::NotProved]);
    assert_eq!(plan.blocked[0].subjects.len(), 2, "the role is held back with the user, in one entry");
}

#[test]
fn who_waits_for_a_role_and_who_is_waited_for_arrive_in_one_call() {
    let mut fixture = Fixture::converged();
    let role = Key::RoleDefinition(RoleType::Bot, "Release Manager".into());
    fixture.want(&role, present(Value::Role(RoleSpec::default())));
    for who in [NEW, "other@example.com"] {
        fixture.coverage.not_found.insert(email(who));
        fixture.want(&Key::Member(email(who)), present(Value::Member(Membership::Joined)));
    }
    fixture.want(&Key::BotRole(user(NEW), "Release Manager".into(), "st-1".into()), present(Value::Held));
    fixture.want(&Key::DataTables(email("other@example.com")), present(Value::DataTables(true)));
    assert_eq!(fixture.plan().cost.writes.get("create users"), Some(&1));
}

#[test]
fn a_subject_neither_declared_nor_there_is_blocked_once() {
    let mut fixture = Fixture::converged();
    fixture.want(&developer(NEW), present(Value::Held));
    fixture.want(&Key::InGroup(email(NEW), "QA".into()), present(Value::Held));
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.blocked), [Reason::SubjectUnknown]);
    assert_eq!(plan.blocked[0].subjects.len(), 2);
}

#[test]
fn a_pending_user_is_not_invited_again_and_the_rest_waits() {
    let mut fixture = Fixture::converged();
    fixture.seen_member(JANE, Membership::Pending { since: None });
    fixture.unsee(&developer(JANE));
    let plan = fixture.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.waiting), [Reason::WaitingForAcceptance; 2]);
}

#[test]
fn an_invitation_open_for_too_long_is_for_a_person_only_with_memory() {
    let mut fixture = Fixture::converged();
    fixture.seen_member(JANE, Membership::Pending { since: None });
    let day = |days: i64| jiff::Timestamp::from_second(NOW - days * 86_400).unwrap();
    fixture.memory.pending_since.insert(email(JANE), day(6));
    assert_eq!(reasons(&fixture.plan().waiting), [Reason::WaitingForAcceptance]);
    fixture.memory.pending_since.insert(email(JANE), day(7));
    assert_eq!(
        reasons(&fixture.plan().waiting),
        [Reason::WaitingForAcceptance],
        "seven days are not too long"
    );
    fixture.memory.pending_since.insert(email(JANE), day(8));
    let plan = fixture.plan();
    assert!(plan.waiting.is_empty() && plan.changes.is_empty());
    assert_eq!(reasons(&plan.manual), [Reason::InvitationOverdue]);
    assert!(plan.manual[0].message.contains("8 days"), "{}", plan.manual[0].message);
    assert_eq!(
        plan.manual[0].next_step,
        "invite again in the console (Enrollment > Invite), or remove and invite them with koreconcile reinvite EMAIL"
    );
}

#[test]
fn an_assignment_of_a_pending_user_stays_because_its_neighbours_may_not_survive_the_list() {
    let mut fixture = Fixture::converged();
    fixture.seen_member(JANE, Membership::Pending { since: None });
    fixture.see(Key::Assigned(email(JANE), "st-1".into()), Value::Dialogs(DialogSet::ALL));
    fixture.want(&Key::Assigned(email(JANE), "st-1".into()), absent());
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    let said = "jane@example.com assigned to Banking is taken away when jane@example.com has accepted the invitation";
    let entry = plan
        .waiting
        .iter()
        .find(|entry| entry.message == said)
        .unwrap_or_else(|| panic!("{:?}", plan.waiting));
    assert_eq!(entry.reason, Reason::WaitingForAcceptance);
}

#[test]
fn nobody_is_removed_whose_roles_were_not_answered() {
    let mut fixture = Fixture::converged();
    fixture.wants.retain(|key, _| key.email() != Some(&email(JANE)));
    fixture.want(&Key::Member(email(JANE)), absent());
    assert_eq!(lines(&fixture.plan()), ["- user jane@example.com"]);
    fixture.coverage.looked_up.insert(email(JANE), Seen { roles: false, ..Seen::ALL });
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(reasons(&plan.blocked), [Reason::NotProved]);
}

#[test]
fn a_bot_owner_is_not_deleted_but_may_be_stripped() {
    let mut fixture = Fixture::converged();
    fixture.see(Key::BotRole(user(JANE), RoleName::new(RoleName::BOT_OWNER), "st-1".into()), Value::Held);
    fixture.wants.retain(|key, _| key.email() != Some(&email(JANE)));
    fixture.want(&Key::Member(email(JANE)), absent());
    let tester = Key::BotRole(user(JANE), "Bot Tester".into(), "st-2".into());
    fixture.see(tester.clone(), Value::Held);
    let plan = fixture.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.manual), [Reason::OwnsBots]);
    let message = &plan.manual[0].message;
    assert!(message.contains("Banking") && !message.contains("Draft"), "a tester owns nothing: {message}");
    fixture.unsee(&tester);

    fixture.strip = true;
    assert_eq!(lines(&fixture.plan()), ["- jane@example.com: Bot Developer on st-1"]);
    // The name stays, and of the access only what there is goes.
    fixture.see(Key::Names(email(JANE)), Value::Names(crate::facts::PersonName::default()));
    fixture.see(Key::Access(email(JANE)), Value::Access(BuilderAccess::None));
    assert_eq!(fixture.plan().changes.len(), 1);
    fixture.see(Key::Access(email(JANE)), Value::Access(BuilderAccess::Builder));
    let plan = fixture.plan();
    let access = plan.changes.iter().find(|change| change.key == Key::Access(email(JANE))).unwrap();
    assert_eq!((plan.changes.len(), &access.after), (2, &Some(Value::Access(BuilderAccess::None))));
}

#[test]
fn other_task_kinds_leave_the_assignments_to_a_person() {
    let mut fixture = Fixture::converged();
    let other = DialogSet { has_other_tasks: true, ..DialogSet::only([DialogId::new("dg-1")]) };
    fixture.both(Key::Assigned(email(JANE), "st-1".into()), Value::Dialogs(other));
    assert!(fixture.plan().is_clean());
    let only = Value::Dialogs(DialogSet::only([DialogId::new("dg-2")]));
    fixture.want(&Key::Assigned(email(JANE), "st-1".into()), present(only));
    let plan = fixture.plan();
    assert_eq!(reasons(&plan.manual), [Reason::OtherTasks]);
    assert!(plan.changes.is_empty() && !plan.is_clean());
}

#[test]
fn undeclared_users_go_only_by_ownership_and_domain() {
    let mut fixture = Fixture::converged();
    fixture.seen_member("guest@other.example", Membership::Joined);
    fixture.seen_member("left@example.com", Membership::Joined);
    assert_eq!(fixture.plan().unmanaged.len(), 2);
    fixture.policy.ownership.users = OwnershipLevel::Remove;
    fixture.policy.ownership.email_domains = vec!["example.com".into()];
    let plan = fixture.plan();
    assert_eq!(lines(&plan), ["- user left@example.com"]);
    assert_eq!(plan.unmanaged.len(), 1);
}

#[test]
fn assignments_of_a_user_whose_state_is_left_out_are_not_written() {
    let assigned = Key::Assigned(email(JANE), "st-1".into());
    let mut fixture = Fixture::converged();
    fixture.want(&assigned, present(Value::Dialogs(DialogSet::ALL)));
    assert_eq!(fixture.plan().changes.len(), 1);
    // In the account, looked up, and nothing says whether the invitation was accepted: what is stored may be dropped.
    fixture.seen_member(JANE, Membership::Listed);
    let plan = fixture.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.blocked), [Reason::NotProved]);

    let mut fixture = Fixture::converged();
    fixture.seen_member(JANE, Membership::Listed);
    fixture.see(assigned.clone(), Value::Dialogs(DialogSet::ALL));
    fixture.want(&assigned, absent());
    let plan = fixture.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.blocked), [Reason::NotProved]);
    // Roles are single facts, and are written.
    fixture.unsee(&developer(JANE));
    assert_eq!(fixture.plan().changes.len(), 1);
}
