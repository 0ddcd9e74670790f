//! Each test starts from a converged world (`observed == desired`), changes one side, and looks at the plan.

mod laws;

use super::*;
use crate::facts::{
    BotEntry, BotRef, BuilderAccess, Closure, Completeness, Coverage, DialogId, DialogSet, Directory, Email,
    Extent, GroupEntry, Holder, Key, Listing, Membership, OwnershipLevel, Pattern, RoleEntry, RoleName,
    RoleSpec, RoleType, Scope, ScopeExtent, Seen, Source, UserEntry, Value, Verdict, Want, WorldBuilder,
};

/// A small account on both sides, equal at the start.
struct Bench {
    facts: Vec<(Key, Value)>,
    wants: BTreeMap<Key<BotRef>, Want>,
    scopes: Vec<Scope<BotRef>>,
    completeness: Completeness,
    coverage: Coverage,
    directory: Directory,
    policy: Policy,
    limits: Limits,
    rewrite: Rewrite,
    memory: Memory,
    strip: bool,
}

/// The instant of every plan here, in epoch seconds.
const NOW: i64 = 1_800_000_000;
const JANE: &str = "jane@example.com";
const SAM: &str = "sam@example.com";
const NEW: &str = "new@example.com";

fn email(text: &str) -> Email {
    Email::observed(text)
}

fn user(text: &str) -> Holder {
    Holder::User(email(text))
}

fn developer(who: &str) -> Key {
    Key::BotRole(user(who), "Bot Developer".into(), "st-1".into())
}

fn master(who: &str) -> Key {
    Key::AdminRole(user(who), RoleName::new(RoleName::MASTER_ADMIN))
}

fn as_wanted(key: &Key) -> Key<BotRef> {
    key.clone().with_bot(|bot| Some(BotRef::Id(bot))).unwrap()
}

fn present(value: Value) -> Want {
    Want { verdict: Verdict::Present(value), sources: vec![Source::file("a.yaml", 1, 1)], until: None }
}

fn absent() -> Want {
    Want { verdict: Verdict::Absent, sources: vec![Source::file("a.yaml", 2, 1)], until: None }
}

impl Bench {
    /// Jane and Sam have joined, both are developers of the bot, four others are Master Admins.
    fn converged() -> Self {
        let mut directory = Directory::default();
        for (id, name, status) in [("st-1", "Banking", "published"), ("st-2", "Draft", "configured")] {
            let bot = BotEntry { name: name.into(), status: status.into(), purpose: "customer".into() };
            directory.bots.insert(id.into(), bot);
        }
        for (id, role_type, name) in [
            ("r1", RoleType::Bot, "Bot Developer"),
            ("r2", RoleType::Bot, "Bot Tester"),
            ("r3", RoleType::Bot, "Bot Owner"),
            ("r4", RoleType::Admin, "Master Admin"),
            ("r5", RoleType::Admin, "Auditor"),
        ] {
            let document = serde_json::json!({ "role": name });
            let role = RoleEntry { role_type, name: name.into(), spec: RoleSpec::default(), document };
            directory.roles.insert(id.into(), role);
        }
        directory.groups.insert("e-1".into(), GroupEntry { name: "QA".into(), members: 1 });
        directory.groups.insert("e-2".into(), GroupEntry { name: "Empty".into(), members: 0 });

        let mut coverage = Coverage::default();
        for listing in
            [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles]
        {
            coverage.listings.insert(listing, Extent::Complete);
        }
        coverage.not_found.insert(email(NEW));
        let policy = Policy { account_id: Some("acme".into()), ..Policy::default() };
        let mut bench = Self {
            facts: Vec::new(),
            wants: BTreeMap::new(),
            scopes: Vec::new(),
            completeness: Completeness::Complete,
            coverage,
            directory,
            policy,
            limits: Limits::default(),
            rewrite: Rewrite::default(),
            memory: Memory::default(),
            strip: false,
        };
        for who in [JANE, SAM, "m1@example.com", "m2@example.com", "m3@example.com", "m4@example.com"] {
            bench.joined(who);
        }
        for who in [JANE, SAM] {
            bench.both(developer(who), Value::Held);
        }
        for who in ["m1@example.com", "m2@example.com", "m3@example.com", "m4@example.com"] {
            bench.both(master(who), Value::Held);
        }
        bench
    }

    fn joined(&mut self, who: &str) {
        self.seen_member(who, Membership::Joined);
        self.wants.insert(Key::Member(email(who)), present(Value::Member(Membership::Joined)));
    }

    fn seen_member(&mut self, who: &str, membership: Membership) {
        self.see(Key::Member(email(who)), Value::Member(membership));
        self.coverage.looked_up.insert(email(who), Seen::ALL);
        let entry = UserEntry { id: Some(who.into()), spellings: vec![who.to_owned()] };
        self.directory.users.insert(email(who), entry);
    }

    fn see(&mut self, key: Key, value: Value) {
        self.facts.retain(|(known, _)| *known != key);
        self.facts.push((key, value));
    }

    fn unsee(&mut self, key: &Key) {
        self.facts.retain(|(known, _)| known != key);
    }

    fn want(&mut self, key: &Key, want: Want) {
        self.wants.insert(as_wanted(key), want);
    }

    fn both(&mut self, key: Key, value: Value) {
        self.want(&key, present(value.clone()));
        self.see(key, value);
    }

    fn close(&mut self, extent: ScopeExtent<BotRef>) {
        self.scopes.push(Scope { extent, closure: Closure::Closed, sources: Vec::new() });
    }

    fn close_developers(&mut self) {
        self.close(ScopeExtent::BotRole("Bot Developer".into(), BotRef::new("Banking")));
    }

    fn plan(&self) -> Plan {
        let mut builder = WorldBuilder::new();
        for (key, value) in &self.facts {
            builder.see(key.clone(), value.clone());
        }
        let mut world = builder.build(self.coverage.clone(), self.directory.clone());
        world.account = Some("acme".into());
        let mut desired = Desired::new(self.wants.clone().into_iter().collect());
        desired.scopes.clone_from(&self.scopes);
        desired.completeness.clone_from(&self.completeness);
        if self.strip {
            desired.strip.insert(email(JANE));
        }
        let memory = self.memory.clone();
        let now = jiff::Timestamp::from_second(NOW).unwrap();
        let rewrite = self.rewrite.clone();
        let context =
            Context { limits: self.limits, rewrite, look_up_size: 1000, memory, now, ..Context::default() };
        make(desired, &world, &self.policy, &context)
    }
}

/// `+ user new@example.com`: every change in one line, for comparison.
fn lines(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|change| format!("{} {}", change.action.sign(), change.key)).collect()
}

fn reasons(entries: &[Entry]) -> Vec<Reason> {
    entries.iter().map(|entry| entry.reason).collect()
}

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
fn a_new_user_needs_their_own_not_found_and_takes_everything_along() {
    let mut bench = Bench::converged();
    bench.want(&Key::Member(email(NEW)), present(Value::Member(Membership::Joined)));
    bench.want(&developer(NEW), present(Value::Held));
    let plan = bench.plan();
    assert_eq!(lines(&plan), ["+ user new@example.com", "+ new@example.com: Bot Developer on st-1"]);
    assert_eq!(plan.changes[1].depends_on, [plan.changes[0].id.clone()]);
    assert_eq!(plan.cost.writes.values().sum::<usize>(), 1, "one entry creates the user with the role");

    bench.coverage.not_found.clear();
    let plan = bench.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(reasons(&plan.blocked), [Reason::NotProved]);
    assert_eq!(plan.blocked[0].subjects.len(), 2, "the role is held back with the user, in one entry");
}

#[test]
fn who_waits_for_a_role_and_who_is_waited_for_arrive_in_one_call() {
    let mut bench = Bench::converged();
    let role = Key::RoleDefinition(RoleType::Bot, "Release Manager".into());
    bench.want(&role, present(Value::Role(RoleSpec::default())));
    for who in [NEW, "other@example.com"] {
        bench.coverage.not_found.insert(email(who));
        bench.want(&Key::Member(email(who)), present(Value::Member(Membership::Joined)));
    }
    bench.want(&Key::BotRole(user(NEW), "Release Manager".into(), "st-1".into()), present(Value::Held));
    bench.want(&Key::DataTables(email("other@example.com")), present(Value::DataTables(true)));
    assert_eq!(bench.plan().cost.writes.get("create users"), Some(&1));
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
fn a_subject_neither_declared_nor_there_is_blocked_once() {
    let mut bench = Bench::converged();
    bench.want(&developer(NEW), present(Value::Held));
    bench.want(&Key::InGroup(email(NEW), "QA".into()), present(Value::Held));
    let plan = bench.plan();
    assert_eq!(reasons(&plan.blocked), [Reason::SubjectUnknown]);
    assert_eq!(plan.blocked[0].subjects.len(), 2);
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
fn a_pending_user_is_not_invited_again_and_the_rest_waits() {
    let mut bench = Bench::converged();
    bench.seen_member(JANE, Membership::Pending { since: None });
    bench.unsee(&developer(JANE));
    let plan = bench.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.waiting), [Reason::WaitingForAcceptance; 2]);
}

#[test]
fn an_invitation_open_for_too_long_is_for_a_person_only_with_memory() {
    let mut bench = Bench::converged();
    bench.seen_member(JANE, Membership::Pending { since: None });
    let day = |days: i64| jiff::Timestamp::from_second(NOW - days * 86_400).unwrap();
    bench.memory.pending_since.insert(email(JANE), day(6));
    assert_eq!(reasons(&bench.plan().waiting), [Reason::WaitingForAcceptance]);
    bench.memory.pending_since.insert(email(JANE), day(8));
    let plan = bench.plan();
    assert!(plan.waiting.is_empty() && plan.changes.is_empty());
    assert_eq!(reasons(&plan.manual), [Reason::InvitationOverdue]);
    assert!(plan.manual[0].message.contains("8 days"), "{}", plan.manual[0].message);
}

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
fn an_assignment_of_a_pending_user_stays_because_its_neighbours_may_not_survive_the_list() {
    let mut bench = Bench::converged();
    bench.seen_member(JANE, Membership::Pending { since: None });
    bench.see(Key::Assigned(email(JANE), "st-1".into()), Value::Dialogs(DialogSet::ALL));
    bench.want(&Key::Assigned(email(JANE), "st-1".into()), absent());
    let plan = bench.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert!(reasons(&plan.waiting).contains(&Reason::WaitingForAcceptance));
}

#[test]
fn nobody_is_removed_whose_roles_were_not_answered() {
    let mut bench = Bench::converged();
    bench.wants.retain(|key, _| key.email() != Some(&email(JANE)));
    bench.want(&Key::Member(email(JANE)), absent());
    assert_eq!(lines(&bench.plan()), ["- user jane@example.com"]);
    bench.coverage.looked_up.insert(email(JANE), Seen { roles: false, ..Seen::ALL });
    let plan = bench.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(reasons(&plan.blocked), [Reason::NotProved]);
}

#[test]
fn a_bot_owner_is_not_deleted_but_may_be_stripped() {
    let mut bench = Bench::converged();
    bench.see(Key::BotRole(user(JANE), RoleName::new(RoleName::BOT_OWNER), "st-1".into()), Value::Held);
    bench.wants.retain(|key, _| key.email() != Some(&email(JANE)));
    bench.want(&Key::Member(email(JANE)), absent());
    let plan = bench.plan();
    assert!(plan.changes.is_empty());
    assert_eq!(reasons(&plan.manual), [Reason::OwnsBots]);
    assert!(plan.manual[0].message.contains("Banking"));

    bench.strip = true;
    assert_eq!(lines(&bench.plan()), ["- jane@example.com: Bot Developer on st-1"]);
}

#[test]
fn other_task_kinds_leave_the_assignments_to_a_person() {
    let mut bench = Bench::converged();
    let other = DialogSet { has_other_tasks: true, ..DialogSet::only([DialogId::new("dg-1")]) };
    bench.both(Key::Assigned(email(JANE), "st-1".into()), Value::Dialogs(other));
    assert!(bench.plan().is_clean());
    let only = Value::Dialogs(DialogSet::only([DialogId::new("dg-2")]));
    bench.want(&Key::Assigned(email(JANE), "st-1".into()), present(only));
    assert_eq!(reasons(&bench.plan().manual), [Reason::OtherTasks]);
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
        panic!()
    };
    assert!(!fields.contains_key("orgUserId"), "on an update it would choose the user");
    assert!(tables.pins.iter().any(|pin| pin.name == Pin::ACCESS && pin.id.as_deref() == Some("Builder")));
}

#[test]
fn undeclared_users_go_only_by_ownership_and_domain() {
    let mut bench = Bench::converged();
    bench.seen_member("guest@other.example", Membership::Joined);
    bench.seen_member("left@example.com", Membership::Joined);
    assert_eq!(bench.plan().unmanaged.len(), 2);
    bench.policy.ownership.users = OwnershipLevel::Remove;
    bench.policy.ownership.email_domains = vec!["example.com".into()];
    let plan = bench.plan();
    assert_eq!(lines(&plan), ["- user left@example.com"]);
    assert_eq!(plan.unmanaged.len(), 1);
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
