//! What the manifests asked for once and do not ask for any more.

use super::*;
use crate::facts::{DeletionPolicy, FailOn, Level, LoadedObject, LoadedObjects, ObjectRef, Retirement};

fn object(kind: &str, name: &str) -> ObjectRef {
    ObjectRef { kind: kind.into(), namespace: None, name: name.into() }
}

fn declaring(kind: &str, policy: DeletionPolicy) -> DeclaringObject {
    DeclaringObject { object: object(kind, "banking"), deletion_policy: policy, is_orphaned: false }
}

fn revision(commit: &str) -> Revision {
    Revision { at: jiff::Timestamp::from_second(NOW - 86_400).unwrap(), commit: Some(commit.to_owned()) }
}

/// Declared by a binding that is still loaded, as read when it held.
fn remembered(fixture: &Fixture, key: &Key, value: Value) -> RememberedFact {
    let mut fact = RememberedFact::asked(value);
    fact.sources = vec![Source::file("access.yaml", 12, 5)];
    fact.objects = vec![declaring("KoreRoleBinding", DeletionPolicy::Remove)];
    fact.since = revision("aaaa");
    let wanted = crate::plan::resolve::resolve(
        fixture.desired(),
        Declaration::default(),
        &BTreeMap::new(),
        &fixture.world(),
    );
    fact.ids = wanted.names.pins(key, &fixture.directory);
    fact
}

impl Fixture {
    /// Held, asked for once, and declared no longer.
    fn dropped(key: &Key, value: Value) -> Self {
        let mut fixture = Self::converged();
        fixture.load("KoreRoleBinding", "banking");
        fixture.see(key.clone(), value.clone());
        fixture.wants.remove(&as_wanted(key));
        let fact = remembered(&fixture, key, value);
        fixture.remember(key, fact);
        fixture
    }

    fn remember(&mut self, key: &Key, fact: RememberedFact) {
        self.memory.facts.push((key.clone(), fact));
        self.memory.facts.sort_by(|(left, _), (right, _)| left.cmp(right));
    }

    fn fact(&mut self) -> &mut RememberedFact {
        &mut self.memory.facts[0].1
    }

    fn load(&mut self, kind: &str, name: &str) {
        let place = Source::file("a.yaml", 1, 1).place;
        let loaded =
            LoadedObject { object: object(kind, name), deletion_policy: DeletionPolicy::Remove, place };
        self.declaration.objects = LoadedObjects::new(vec![loaded]);
    }

    fn unload(&mut self) {
        self.declaration.objects = LoadedObjects::default();
    }

    fn next(&self) -> Memory {
        plan_and_remember(self.desired(), &self.world(), &self.policy, &self.context()).1
    }

    fn next_fact(&self, key: &Key) -> Option<RememberedFact> {
        facts::find(&self.next().facts, key).cloned()
    }
}

fn retired(plan: &Plan) -> Vec<String> {
    let retired = plan.changes.iter().filter(|change| change.action == Action::Retire);
    retired.map(|change| change.key.to_string()).collect()
}

/// Facts of every family that is taken back, with a value that is held.
fn grants() -> Vec<(Key, Value)> {
    let jane = || email(JANE);
    let group = || Holder::Group("QA".into());
    vec![
        (Key::Access(jane()), Value::Access(BuilderAccess::Creator)),
        (Key::InGroup(jane(), "QA".into()), Value::Held),
        (Key::AdminRole(user(JANE), "Auditor".into()), Value::Held),
        (Key::AdminRole(group(), "Auditor".into()), Value::Held),
        (developer(JANE), Value::Held),
        (Key::BotRole(group(), "Bot Tester".into(), "st-1".into()), Value::Held),
        (Key::Assigned(jane(), "st-1".into()), Value::Dialogs(DialogSet::ALL)),
    ]
}

#[test]
fn each_family_that_grants_is_taken_back() {
    for (key, value) in grants() {
        let mut fixture = Fixture::dropped(&key, value);
        let plan = fixture.plan();
        assert_eq!(retired(&plan), [key.to_string()], "{key}");
        assert_eq!(plan.changes.len(), 1, "{key}: {:?}", lines(&plan));
        let change = &plan.changes[0];
        assert_eq!(change.sources, [Source::file("access.yaml", 12, 5)], "where it was declared");
        let none = Value::Access(BuilderAccess::None);
        assert_eq!(change.after.as_ref(), matches!(key, Key::Access(_)).then_some(&none), "{key}");
        assert!(fixture.next_fact(&key).is_some(), "{key}: kept until it is seen gone");

        fixture.policy.ownership.retired.grants = Retirement::Report;
        let plan = fixture.plan();
        assert_eq!(lines(&plan), [""; 0], "{key}");
        let unmanaged: Vec<&Key> = plan.unmanaged.iter().map(|fact| &fact.subject).collect();
        assert_eq!(unmanaged, [&key]);
        assert!(plan.unmanaged[0].why.starts_with("no longer declared since"), "{}", plan.unmanaged[0].why);
    }
}

#[test]
fn ends_of_a_declaration_are_told_with_date_commit_and_place() {
    let key = Key::Member(email("left@example.com"));
    let mut fixture = Fixture::converged();
    fixture.seen_member("left@example.com", Membership::Joined);
    let fact = RememberedFact {
        dropped: Some(revision("0123456789abcdef")),
        objects: vec![declaring("KoreUser", DeletionPolicy::Retain)],
        ..remembered(&fixture, &key, Value::Member(Membership::Joined))
    };
    fixture.remember(&key, fact);
    let plan = fixture.plan();
    assert_eq!(
        plan.unmanaged[0].why,
        "no longer declared since 2027-01-14 (commit 0123456789ab), was access.yaml:12; people are kept unless \
         ownership.retired.people is Remove"
    );
}

#[test]
fn people_are_kept_and_named_until_they_are_gone() {
    let key = Key::Member(email("left@example.com"));
    let mut fixture = Fixture::converged();
    fixture.seen_member("left@example.com", Membership::Joined);
    let mut fact = remembered(&fixture, &key, Value::Member(Membership::Joined));
    fact.objects = vec![declaring("KoreUser", DeletionPolicy::Retain)];
    fixture.remember(&key, fact);
    assert_eq!(lines(&fixture.plan()), [""; 0]);
    let next = fixture.next_fact(&key).unwrap();
    assert!(next.dropped.is_some());
    fixture.memory = fixture.next();
    assert_eq!(fixture.next_fact(&key).unwrap().dropped, next.dropped, "the first moment stays");

    fixture.policy.ownership.retired.people = Retirement::Remove;
    assert_eq!(lines(&fixture.plan()), ["- user left@example.com"]);
    fixture.policy.ownership.retired.people = Retirement::Report;
    let at = fixture.memory.facts.iter().position(|(known, _)| *known == key).unwrap();
    fixture.memory.facts[at].1.objects = vec![declaring("KoreUser", DeletionPolicy::Remove)];
    assert_eq!(lines(&fixture.plan()), ["- user left@example.com"], "its own object asked for that");

    fixture.unsee(&key);
    fixture.directory.users.remove(&email("left@example.com"));
    assert!(fixture.next_fact(&key).is_some(), "not seen, and not proved gone");
    fixture.coverage.looked_up.remove(&email("left@example.com"));
    fixture.coverage.not_found.insert(email("left@example.com"));
    assert_eq!(fixture.next_fact(&key), None);
}

#[test]
fn names_and_what_cannot_be_read_are_left_as_they_are() {
    let (first, last) = (Some("Jane".to_owned()), Some("Doe".to_owned()));
    let names = Value::Names(crate::facts::PersonName { first, last });
    let fixture = Fixture::dropped(&Key::Names(email(JANE)), names);
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert!(plan.unmanaged[0].why.ends_with("it is left as it is"), "{}", plan.unmanaged[0].why);
    assert_eq!(fixture.next_fact(&Key::Names(email(JANE))), None, "named once");
    let mut fixture = Fixture::converged();
    let key = Key::DataTables(email(JANE));
    let fact = remembered(&fixture, &key, Value::DataTables(true));
    fixture.remember(&key, fact);
    assert_eq!(lines(&fixture.plan()), [""; 0]);
    assert_eq!(fixture.next_fact(&key), None);
}

fn role(permissions: &[(&str, &str)]) -> Value {
    let permissions = permissions.iter().map(|(name, level)| ((*name).into(), (*level).into())).collect();
    Value::Role(RoleSpec { description: None, permissions })
}

#[test]
fn a_permission_goes_back_to_no_on_a_custom_role_and_is_a_manual_step_on_a_built_in_one() {
    for (name, is_built_in) in [("Auditor", false), ("Bot Developer", true)] {
        let role_type = if is_built_in { RoleType::Bot } else { RoleType::Admin };
        let key = Key::RoleDefinition(role_type, name.into());
        let held = role(&[("Billing", "FULL"), ("Dashboard", "YES")]);
        let mut fixture = Fixture::converged();
        fixture.load("KoreRole", "banking");
        fixture.see(key.clone(), held.clone());
        fixture.want(&key, present(role(&[("Billing", "FULL")])));
        let fact = RememberedFact {
            objects: vec![declaring("KoreRole", DeletionPolicy::Retain)],
            ..remembered(&fixture, &key, held)
        };
        fixture.remember(&key, fact);
        let plan = fixture.plan();
        if is_built_in {
            assert_eq!(reasons(&plan.manual), [Reason::BuiltInRole]);
            assert!(plan.manual[0].message.contains("Dashboard: YES"), "{}", plan.manual[0].message);
            assert_eq!(lines(&plan), [""; 0]);
        } else {
            assert_eq!(lines(&plan), [format!("~ {key}")]);
            let taken_back = role(&[("Billing", "FULL"), ("Dashboard", "NO")]);
            assert_eq!(plan.changes[0].after, Some(taken_back));
        }
        let Some(Value::Role(spec)) = fixture.next_fact(&key).map(|fact| fact.value) else { panic!() };
        assert_eq!(spec.permissions.get(&"Dashboard".into()).map(Level::as_str), Some("YES"));
        fixture.see(key.clone(), role(&[("Billing", "FULL"), ("Dashboard", "NO")]));
        let next = fixture.next_fact(&key).unwrap();
        assert_eq!(next.value, role(&[("Billing", "FULL")]), "seen taken back, so forgotten");
        assert!(fixture.plan().is_clean());
    }
}

#[test]
fn an_object_that_is_deleted_takes_back_what_it_gave_unless_its_policy_was_retain() {
    let mut fixture = Fixture::dropped(&developer(JANE), Value::Held);
    fixture.unload();
    assert_eq!(retired(&fixture.plan()), [developer(JANE).to_string()]);
    fixture.fact().objects = vec![declaring("KoreRoleBinding", DeletionPolicy::Retain)];
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(plan.unmanaged[0].why, "its object was deleted with deletionPolicy: Retain");
    assert_eq!(fixture.next_fact(&developer(JANE)), None, "released");
    // A line that goes from an object that stays is taken back, whatever the object's deletion would do.
    fixture.load("KoreRoleBinding", "banking");
    assert_eq!(retired(&fixture.plan()), [developer(JANE).to_string()]);
    // The policy of a user is about the person.
    fixture.unload();
    fixture.fact().objects = vec![declaring("KoreUser", DeletionPolicy::Retain)];
    assert_eq!(retired(&fixture.plan()), [developer(JANE).to_string()]);
}

#[test]
fn what_exists_and_is_not_loaded_is_named_and_not_taken_back() {
    let mut fixture = Fixture::dropped(&developer(JANE), Value::Held);
    fixture.unload();
    let known = object("KoreRoleBinding", "banking");
    fixture.declaration.not_loaded.insert(known, "old/access.yaml".to_owned());
    let plan = fixture.plan();
    assert_eq!((lines(&plan), reasons(&plan.blocked)), (vec![], vec![Reason::NotLoaded]));
    assert!(plan.blocked[0].message.contains("what old/access.yaml declares is kept"));
    assert_eq!(fixture.next_fact(&developer(JANE)).unwrap().dropped, None);
    fixture.declaration.is_whole = true;
    assert_eq!(retired(&fixture.plan()), [developer(JANE).to_string()], "--complete");

    // Its object is loaded, and the line has moved to a file that is not.
    let mut fixture = Fixture::dropped(&developer(JANE), Value::Held);
    let moved = Want { sources: vec![Source::file("more.yaml", 3, 1)], ..present(Value::Held) };
    fixture.declaration.elsewhere = vec![(as_wanted(&developer(JANE)), moved)];
    let plan = fixture.plan();
    assert_eq!((lines(&plan), reasons(&plan.blocked)), (vec![], vec![Reason::NotLoaded]));
    assert!(plan.blocked[0].message.contains("more.yaml"), "{}", plan.blocked[0].message);
}

#[test]
fn nothing_is_taken_back_by_a_commit_that_is_older_than_the_declaration() {
    let mut fixture = Fixture::dropped(&developer(JANE), Value::Held);
    fixture.declaration.newer.insert("aaaa".to_owned());
    let plan = fixture.plan();
    assert_eq!((lines(&plan), reasons(&plan.waiting)), (vec![], vec![Reason::NewerThanBranch]));
    assert!(plan.is_clean(), "a branch is not red for what others have merged");
    assert_eq!(fixture.next_fact(&developer(JANE)).unwrap().dropped, None);
}

#[test]
fn nothing_is_taken_back_while_the_manifests_are_incomplete() {
    let mut fixture = Fixture::dropped(&developer(JANE), Value::Held);
    fixture.completeness = Completeness::Partial("b.yaml: an error".to_owned());
    let plan = fixture.plan();
    assert_eq!((lines(&plan), reasons(&plan.blocked)), (vec![], vec![Reason::ScopeNotProved]));
    assert_eq!(plan.blocked[0].subjects, [developer(JANE)]);
    assert!(plan.blocked[0].message.contains("b.yaml: an error"));
    assert_eq!(fixture.next_fact(&developer(JANE)).unwrap().dropped, None);
    // Nothing says what makes up the manifests; but the object that gave it is loaded and does not give it now.
    fixture.completeness = Completeness::Unknown;
    assert_eq!(retired(&fixture.plan()), [developer(JANE).to_string()]);
}

#[test]
fn a_name_that_means_nothing_now_is_still_declared() {
    let mut fixture = Fixture::dropped(&developer(JANE), Value::Held);
    let by_name = Key::BotRole(user(JANE), "Bot Developer".into(), BotRef::new("Bankng"));
    fixture.wants.insert(by_name, present(Value::Held));
    let plan = fixture.plan();
    assert_eq!((lines(&plan), reasons(&plan.blocked)), (vec![], vec![Reason::BotUnresolved]));
    assert_eq!(fixture.next_fact(&developer(JANE)).unwrap().dropped, None);
}

#[test]
fn what_travelled_in_an_invitation_is_watched_until_it_is_accepted() {
    let key = developer("guest@example.com");
    let mut fixture = Fixture::dropped(&key, Value::Held);
    fixture.unsee(&key);
    fixture.seen_member("guest@example.com", Membership::Pending { since: None });
    let plan = fixture.plan();
    assert!(reasons(&plan.waiting).contains(&Reason::WaitingForAcceptance));
    assert!(plan.waiting.iter().any(|entry| entry.message.contains("is not declared any more")));
    assert!(fixture.next_fact(&key).is_some());
    fixture.seen_member("guest@example.com", Membership::Joined);
    fixture.see(key.clone(), Value::Held);
    assert_eq!(retired(&fixture.plan()), [key.to_string()], "it has come with the acceptance");
    fixture.unsee(&key);
    assert_eq!(fixture.next_fact(&key), None, "they are active without it");
}

#[test]
fn a_fact_is_the_same_as_long_as_its_ids_are() {
    // The role bears another name now.
    let mut fixture = Fixture::dropped(&Key::AdminRole(user(JANE), "Auditor".into()), Value::Held);
    fixture.unsee(&Key::AdminRole(user(JANE), "Auditor".into()));
    fixture.directory.roles.get_mut(&"r5".into()).unwrap().name = "Reviewer".into();
    let renamed = Key::AdminRole(user(JANE), "Reviewer".into());
    fixture.see(renamed.clone(), Value::Held);
    assert_eq!(retired(&fixture.plan()), [renamed.to_string()]);
    fixture.both(renamed.clone(), Value::Held);
    let next = fixture.next_fact(&renamed).unwrap();
    assert_eq!(next.since, revision("aaaa"), "declared under the new name: the same entry");

    // Another person bears the address now.
    let mut fixture = Fixture::dropped(&developer(JANE), Value::Held);
    fixture.directory.users.get_mut(&email(JANE)).unwrap().id = Some("u-other".into());
    assert_eq!(retired(&fixture.plan()), [""; 0]);
    assert_eq!(fixture.next_fact(&developer(JANE)), None);
    let subjects: Vec<String> =
        fixture.plan().unmanaged.iter().map(|fact| fact.subject.to_string()).collect();
    assert_eq!(subjects, [developer(JANE).to_string()], "not ours, and seen");
}

#[test]
fn what_is_held_through_a_group_only_counts_as_gone() {
    let fixture = Fixture::dropped(&developer(JANE), Value::Inherited(["QA".into()].into()));
    assert_eq!(lines(&fixture.plan()), [""; 0]);
    assert_eq!(fixture.next_fact(&developer(JANE)), None);
}

#[test]
fn what_is_declared_again_is_a_new_declaration() {
    let key = developer(JANE);
    let mut fixture = Fixture::dropped(&key, Value::Held);
    fixture.declaration.revision = revision("bbbb");
    fixture.want(&key, present(Value::Held));
    assert_eq!(fixture.next_fact(&key).unwrap().since, revision("aaaa"), "without a break");
    fixture.fact().dropped = Some(revision("abab"));
    let next = fixture.next_fact(&key).unwrap();
    assert_eq!((next.since, next.dropped), (revision("bbbb"), None));
}

#[test]
fn everything_declared_present_is_remembered_before_anything_is_sent() {
    let mut fixture = Fixture::converged();
    fixture.load("KoreRoleBinding", "banking");
    fixture.declaration.revision = revision("cccc");
    fixture.joined(NEW);
    fixture.unsee(&Key::Member(email(NEW)));
    fixture.want(&developer("nobody@example.com"), present(Value::Held));
    fixture.want(&developer(SAM), absent());
    let next = fixture.next();
    let declared = fixture.wants.values().filter(|want| matches!(want.verdict, Verdict::Present(_))).count();
    assert_eq!(next.facts.len(), declared, "what is blocked as well");
    let invited = facts::find(&next.facts, &Key::Member(email(NEW))).unwrap();
    assert_eq!((invited.read_back, &invited.since), (None, &revision("cccc")));
    let held = facts::find(&next.facts, &developer(JANE)).unwrap();
    assert!(held.read_back.is_some());
    assert_eq!(held.objects.len(), 1);
}

#[test]
fn removals_of_what_is_not_declared_any_more_count_like_all_others() {
    let mut fixture = Fixture::dropped(&developer(JANE), Value::Held);
    fixture.policy.safety.protected = vec![Pattern::new(JANE)];
    assert_eq!(reasons(&fixture.plan().refused), [Reason::Protected]);
    fixture.policy.safety.protected.clear();
    fixture.limits.allow_removals = Some(0);
    assert_eq!(reasons(&fixture.plan().refused), [Reason::RemovalCeiling]);
    assert!(fixture.next_fact(&developer(JANE)).is_some(), "it comes back in the next plan");
}

#[test]
fn unmanaged_facts_have_a_risk_and_the_riskiest_come_first() {
    let mut fixture = Fixture::converged();
    fixture.see(developer("m1@example.com"), Value::Held);
    fixture.see(master(JANE), Value::Held);
    fixture.seen_member("stranger@example.com", Membership::Joined);
    let plan = fixture.plan();
    let told: Vec<(String, RiskLevel)> =
        plan.unmanaged.iter().map(|fact| (fact.subject.to_string(), fact.risk.level)).collect();
    assert_eq!(
        told,
        [
            (master(JANE).to_string(), RiskLevel::Critical),
            (developer("m1@example.com").to_string(), RiskLevel::Medium),
            ("user stranger@example.com".to_owned(), RiskLevel::Low),
        ]
    );
    let count = |fail_on, known: &[Key]| plan.intolerable(fail_on, &known.iter().cloned().collect()).count();
    let known = [developer("m1@example.com"), master(JANE)];
    assert_eq!(count(FailOn::High, &known), 1, "a high risk is never tolerated because it was seen before");
    assert_eq!((count(FailOn::New, &known), count(FailOn::New, &[])), (2, 3));
    assert_eq!((count(FailOn::All, &known), count(FailOn::Never, &[])), (3, 0));
    fixture.policy.ownership.role_bindings = OwnershipLevel::Ignore;
    let subjects: Vec<String> =
        fixture.plan().unmanaged.iter().map(|fact| fact.subject.to_string()).collect();
    assert_eq!(subjects, [master(JANE).to_string(), "user stranger@example.com".to_owned()]);
}

#[test]
fn holders_that_an_additive_list_does_not_name_are_unmanaged() {
    let mut fixture = Fixture::converged();
    fixture.close_developers();
    fixture.scopes[0].closure = Closure::Additive;
    fixture.see(developer("m1@example.com"), Value::Held);
    let plan = fixture.plan();
    assert_eq!(lines(&plan), [""; 0]);
    assert_eq!(plan.unmanaged[0].subject, developer("m1@example.com"));
    assert_eq!(plan.unmanaged[0].why, "not declared, and its list is Additive");
}

#[test]
fn several_authoritative_lists_are_their_union() {
    let mut fixture = Fixture::converged();
    fixture.close_developers();
    fixture.close_developers();
    fixture.see(developer("m1@example.com"), Value::Held);
    assert_eq!(lines(&fixture.plan()), [format!("- {}", developer("m1@example.com"))]);
    // One additive list beside them: whoever it names is not all there is.
    fixture.close_developers();
    fixture.scopes[2].closure = Closure::Additive;
    assert_eq!(lines(&fixture.plan()), [""; 0]);
}
