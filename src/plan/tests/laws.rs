//! What holds of every plan, whatever is wanted and seen.

use super::*;
use proptest::prelude::*;

/// What one of eight people has, and what is wanted of it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) key: Key,
    pub(super) seen: Option<Value>,
    pub(super) want: Option<Verdict>,
    /// Asked for earlier, with this value.
    pub(super) remembered: Option<Value>,
}

pub(super) fn person(at: usize) -> String {
    format!("u{at}@example.com")
}

pub(super) fn draw() -> impl Strategy<Value = Case> {
    let who = || (0..8usize).prop_map(|at| email(&person(at)));
    let held = || Just(Value::Held).boxed();
    let holder = prop_oneof![
        4 => who().prop_map(Holder::User),
        1 => prop_oneof![Just("QA"), Just("Empty")].prop_map(|group| Holder::Group(group.into())),
    ];
    let role = prop_oneof![Just("Bot Developer"), Just("Bot Tester")];
    let membership =
        prop_oneof![3 => Just(Membership::Joined), 1 => Just(Membership::Pending { since: None })];
    let access = prop_oneof![Just(BuilderAccess::None), Just(BuilderAccess::Builder)];
    let dialogs = prop_oneof![Just(DialogSet::ALL), Just(DialogSet::only([DialogId::new("dg-1")]))];
    let fact = prop_oneof![
        4 => (who().prop_map(Key::Member), membership.prop_map(Value::Member).boxed()),
        1 => (who().prop_map(Key::Access), access.prop_map(Value::Access).boxed()),
        1 => (who().prop_map(Key::DataTables), any::<bool>().prop_map(Value::DataTables).boxed()),
        1 => (who().prop_map(|who| Key::InGroup(who, "QA".into())), held()),
        1 => (who().prop_map(|who| Key::AdminRole(Holder::User(who), "Auditor".into())), held()),
        3 => ((holder, role).prop_map(|(holder, role)| Key::BotRole(holder, role.into(), "st-1".into())), held()),
        2 => (who().prop_map(|who| Key::Assigned(who, "st-1".into())), dialogs.prop_map(Value::Dialogs).boxed()),
    ];
    let drawn = (fact, any::<bool>(), prop::option::of(any::<bool>()), any::<bool>());
    drawn.prop_map(|((key, value), is_seen, want, is_remembered)| Case {
        remembered: is_remembered.then(|| value.clone()),
        seen: is_seen.then(|| value.clone()).filter(|_| !key.family().is_write_only()),
        want: want.map(|is_wanted| if is_wanted { Verdict::Present(value) } else { Verdict::Absent }),
        key,
    })
}

pub(super) fn fixture(draws: &[Case], answered: [bool; 8], is_closed: bool) -> Fixture {
    let mut fixture = Fixture::converged();
    fixture.limits.allow_removals = Some(1_000);
    for Case { key, seen, want, remembered } in draws {
        if let Some(value) = remembered {
            fixture.memory.facts.retain(|(known, _)| known != key);
            fixture.memory.facts.push((key.clone(), RememberedFact::asked(value.clone())));
        }
        if let Some(value) = seen {
            fixture.see(key.clone(), value.clone());
        }
        match want {
            Some(Verdict::Present(value)) => fixture.want(key, present(value.clone())),
            Some(Verdict::Absent) => fixture.want(key, absent()),
            None => {}
        }
    }
    for (at, is_answered) in answered.into_iter().enumerate() {
        let who = email(&person(at));
        let member = Key::Member(who.clone());
        // What is seen of somebody is seen of a member.
        if fixture.facts.iter().any(|(key, _)| key.email() == Some(&who)) {
            if !fixture.facts.iter().any(|(key, _)| *key == member) {
                fixture.see(member, Value::Member(Membership::Joined));
            }
            if is_answered {
                fixture.coverage.looked_up.insert(who, Seen::ALL);
            }
        } else if is_answered {
            fixture.coverage.not_found.insert(who);
        }
    }
    fixture.memory.facts.sort_by(|(left, _), (right, _)| left.cmp(right));
    if is_closed {
        fixture.close_developers();
    }
    fixture
}

fn ids(plan: &Plan) -> std::collections::BTreeSet<ChangeId> {
    plan.changes.iter().map(|change| change.id.clone()).collect()
}

/// Every place of a plan that speaks of a fact.
fn places(plan: &Plan, key: &Key) -> usize {
    let entries = [&plan.blocked, &plan.waiting, &plan.manual].into_iter().flatten();
    let spoken = entries.flat_map(|entry| &entry.subjects).filter(|subject| *subject == key).count();
    let changed = plan.changes.iter().filter(|change| change.key == *key).count();
    spoken + changed + plan.write_only.iter().filter(|listed| *listed == key).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_wanted_fact_is_so_or_in_exactly_one_place(
        draws in prop::collection::vec(draw(), 0..30),
        answered in any::<[bool; 8]>(),
        is_closed in any::<bool>(),
    ) {
        let fixture = fixture(&draws, answered, is_closed);
        let plan = fixture.plan();
        for (key, want) in &fixture.wants {
            let key = key.clone().with_bot(|bot| match bot { BotRef::Id(id) => Some(id), BotRef::Name(_) => None }).unwrap();
            let seen = fixture.facts.iter().find(|(known, _)| *known == key).map(|(_, value)| value);
            let places = places(&plan, &key);
            let is_met = match &want.verdict {
                Verdict::Present(value) => seen.is_some_and(|seen| seen.satisfies(value)),
                Verdict::Absent => seen.is_none(),
            };
            let leaves = key.email().is_some_and(|email| plan.changes.iter().any(|change| {
                change.action.is_removal() && change.key == Key::Member(email.clone())
            }));
            match &want.verdict {
                // Wanted of somebody who is to be absent is said, although it is so.
                Verdict::Present(_) if is_met => prop_assert!(places <= 1, "{key}: {places} places"),
                Verdict::Present(_) => prop_assert_eq!(places, 1, "{}\n{}", key, render::text(&plan, render::Style::default())),
                Verdict::Absent if is_met || leaves => prop_assert!(places <= 1, "{key}: {places} places"),
                Verdict::Absent => prop_assert_eq!(places, 1, "{}\n{}", key, render::text(&plan, render::Style::default())),
            }
        }
        for change in &plan.changes {
            prop_assert_eq!(places_of_changes(&plan, &change.key), 1, "{} twice", change.key);
        }
    }

    #[test]
    fn the_order_of_wants_and_scopes_does_not_matter(
        draws in prop::collection::vec(draw(), 0..30),
        answered in any::<[bool; 8]>(),
    ) {
        let mut fixture = fixture(&draws, answered, true);
        fixture.close(ScopeExtent::BotRole("Bot Tester".into(), BotRef::Id("st-1".into())));
        fixture.close(ScopeExtent::BotRole("Bot Developer".into(), BotRef::Id("st-1".into())));
        let forward = fixture.plan();
        fixture.facts.reverse();
        fixture.scopes.reverse();
        let backward = fixture.plan();
        prop_assert_eq!(&backward.digest, &forward.digest);
        prop_assert_eq!(render::json(&backward).unwrap(), render::json(&forward).unwrap());
    }

    #[test]
    fn a_fact_about_somebody_else_changes_no_other_change(
        draws in prop::collection::vec(draw(), 0..30),
        answered in any::<[bool; 8]>(),
        is_closed in any::<bool>(),
        is_there in any::<bool>(),
    ) {
        let mut fixture = fixture(&draws, answered, is_closed);
        let before = fixture.plan();
        let stranger = "stranger@example.com";
        if is_there {
            fixture.seen_member(stranger, Membership::Joined);
        } else {
            fixture.coverage.not_found.insert(email(stranger));
        }
        fixture.want(&Key::Member(email(stranger)), present(Value::Member(Membership::Joined)));
        fixture.want(&developer(stranger), present(Value::Held));
        let after = fixture.plan();
        let new = after.changes.iter().filter(|change| change.key.email() == Some(&email(stranger))).count();
        prop_assert_eq!(new, if is_there { 1 } else { 2 });
        prop_assert!(ids(&before).is_subset(&ids(&after)));
        prop_assert_eq!(ids(&after).len(), ids(&before).len() + new);
    }
}

/// Whether any entry of the plan but a guard's is about this fact.
fn is_held_back(plan: &Plan, key: &Key) -> bool {
    let entries = [&plan.blocked, &plan.waiting, &plan.manual].into_iter().flatten();
    entries.flat_map(|entry| &entry.subjects).any(|subject| subject == key)
}

/// Whether a member is to be removed, at once or when nothing holds it back any more.
fn is_leaving(plan: &Plan, world: &World, member: &Key) -> bool {
    let is_removed = plan.changes.iter().any(|change| change.action.is_removal() && change.key == *member);
    let mut held_back = [&plan.blocked, &plan.manual].into_iter().flatten().filter(|entry| {
        matches!(entry.reason, Reason::NotProved | Reason::OwnsBots | Reason::ScopeNotProved)
    });
    is_removed || world.get(member).is_some() && held_back.any(|entry| entry.subjects.contains(member))
}

fn ownership() -> impl Strategy<Value = OwnershipLevel> {
    prop_oneof![Just(OwnershipLevel::Ignore), Just(OwnershipLevel::Report), Just(OwnershipLevel::Remove)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn explain_and_plan_agree_about_every_fact(
        draws in prop::collection::vec(draw(), 0..30),
        answered in any::<[bool; 8]>(),
        is_closed in any::<bool>(),
        is_whole in any::<bool>(),
        strip in any::<bool>(),
        owners in prop::collection::vec(0..8usize, 0..2),
        (users, role_bindings, bot_assignments) in (ownership(), ownership(), ownership()),
    ) {
        use crate::plan::explain::{FactStatus, Observed, Query, explain};
        let mut fixture = fixture(&draws, answered, is_closed);
        // Offboarding: bot owners cannot be deleted.
        for owner in owners {
            let owner = email(&person(owner));
            fixture.see(Key::Member(owner.clone()), Value::Member(Membership::Joined));
            fixture.see(Key::BotRole(Holder::User(owner), RoleName::new("Bot Owner"), "st-1".into()), Value::Held);
        }
        fixture.strip = strip;
        fixture.policy.ownership.users = users;
        fixture.policy.ownership.role_bindings = role_bindings;
        fixture.policy.ownership.bot_assignments = bot_assignments;
        if !is_whole {
            fixture.coverage.listings.insert(Listing::Users, Extent::Partial("page 3 is missing".to_owned()));
        }
        let (desired, world, context) = (fixture.desired(), fixture.world(), fixture.context());
        let plan = make(desired.clone(), &world, &fixture.policy, &context);
        let observed = Observed { world: &world, policy: &fixture.policy, context: &context };
        let explanation = explain(&Query::default(), &desired, Some(observed)).unwrap();

        let lines: BTreeMap<Key, FactStatus> =
            explanation.lines.iter().map(|line| (line.fact.key().unwrap(), line.status)).collect();
        for (key, _) in world.facts() {
            prop_assert!(lines.contains_key(key), "{key} is observed and not explained");
        }
        for (key, status) in &lines {
            let change = plan.changes.iter().find(|change| change.key == *key);
            let seen = world.get(key);
            let leaves = key.email().is_some_and(|email| is_leaving(&plan, &world, &Key::Member(email.clone())));
            let is_unmanaged = plan.unmanaged.iter().any(|unmanaged| unmanaged.subject == *key);
            let expected: &[FactStatus] = match change.map(|change| change.action) {
                Some(Action::Add) => &[FactStatus::Missing],
                Some(Action::Change) => &[FactStatus::Differs],
                Some(Action::Remove | Action::Retire | Action::Prune) => &[FactStatus::ToBeRemoved],
                None if leaves && seen.is_some() => &[FactStatus::ToBeRemoved],
                None if is_unmanaged => &[FactStatus::Unmanaged],
                None if is_held_back(&plan, key) && seen.is_some() => {
                    &[FactStatus::ToBeRemoved, FactStatus::Differs, FactStatus::Held, FactStatus::Inherited]
                }
                None if seen.is_some() => &[FactStatus::Held, FactStatus::Inherited, FactStatus::Unmanaged],
                // It may come with an invitation that is still open.
                None if is_held_back(&plan, key)
                    && !fixture.wants.contains_key(&as_wanted(key))
                    && !is_given_by_group(&fixture, key) =>
                {
                    &[FactStatus::NotHeld]
                }
                None if is_held_back(&plan, key) => {
                    &[FactStatus::Missing, FactStatus::Unknown, FactStatus::Absent, FactStatus::Declared]
                }
                None => &[FactStatus::Absent, FactStatus::NotHeld, FactStatus::Declared, FactStatus::Missing,
                    FactStatus::Unknown],
            };
            prop_assert!(expected.contains(status), "{key}: {status:?}, and the plan expects {expected:?}\n{}",
                render::text(&plan, render::Style::default()));
            // Whoever is told that they keep something keeps it.
            if matches!(status, FactStatus::Held | FactStatus::Unmanaged) {
                prop_assert!(change.is_none() && !leaves, "{key}: {status:?}");
            }
        }
    }
}

/// Whether a role of a person is declared for a group that they are in, or are declared to be in.
fn is_given_by_group(fixture: &Fixture, key: &Key) -> bool {
    let group = || Holder::Group("QA".into());
    let through = match key {
        Key::AdminRole(Holder::User(_), role) => Key::AdminRole(group(), role.clone()),
        Key::BotRole(Holder::User(_), role, bot) => Key::BotRole(group(), role.clone(), bot.clone()),
        _ => return false,
    };
    let member = key.email().map(|email| Key::InGroup(email.clone(), "QA".into()));
    let is_member = member.is_some_and(|member| {
        fixture.wants.contains_key(&as_wanted(&member))
            || fixture.facts.iter().any(|(seen, _)| *seen == member)
    });
    is_member && fixture.wants.contains_key(&as_wanted(&through))
}

fn places_of_changes(plan: &Plan, key: &Key) -> usize {
    plan.changes.iter().filter(|change| change.key == *key).count()
}
