//! A focused plan beside the full plan of the same moment: it does the same, or less.

use super::laws::{Case, draw, fixture, person};
use super::*;
use crate::facts::{Look, Looks};
use proptest::prelude::*;

const HOUR: i64 = 3_600;

fn read_at() -> RestOf {
    RestOf::FullRead { at: jiff::Timestamp::from_second(NOW - HOUR).unwrap() }
}

/// How a look-up lies about one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    /// The element is missing.
    Missing,
    /// Without its status.
    NoState,
    /// Without groups on role entries, so that nothing is said of roles.
    NoRoles,
}

/// What look-ups of these people show of the account as `now` has it.
fn looks(now: &World, focus: &Focus, lies: &BTreeMap<Email, Lie>) -> Looks {
    let mut builder = WorldBuilder::new();
    let (mut coverage, mut directory) = (Coverage::default(), Directory::default());
    for email in &focus.people {
        let lie = lies.get(email);
        if lie == Some(&Lie::Missing) {
            continue;
        }
        if now.coverage.not_found.contains(email) {
            coverage.not_found.insert(email.clone());
        }
        if !now.coverage.looked_up.contains_key(email) {
            continue;
        }
        let seen = Seen { roles: lie != Some(&Lie::NoRoles), ..Seen::ALL };
        coverage.looked_up.insert(email.clone(), seen);
        directory.users.extend(
            now.directory.users.get_key_value(email).map(|(own, entry)| (own.clone(), entry.clone())),
        );
        for (key, value) in now.facts() {
            let is_of_group = key.holder().is_some_and(|holder| match holder {
                Holder::Group(group) => now.get(&Key::InGroup(email.clone(), group.clone())).is_some(),
                Holder::User(_) => false,
            });
            if key.email() != Some(email) && !is_of_group {
                continue;
            }
            match (lie, key) {
                (Some(Lie::NoState), Key::Member(_)) => {
                    builder.see(key.clone(), Value::Member(Membership::Listed));
                }
                (Some(Lie::NoRoles), Key::AdminRole(..) | Key::BotRole(..)) => {}
                _ => builder.see(key.clone(), value.clone()),
            }
        }
    }
    if focus.roles {
        for listing in [Listing::AdminRoles, Listing::BotRoles] {
            coverage.listings.insert(listing, now.coverage.extent(listing).clone());
        }
        directory.roles.clone_from(&now.directory.roles);
    }
    Looks { people: focus.people.clone(), gone: BTreeSet::new(), world: builder.build(coverage, directory) }
}

fn nothing(_: &Change) -> Option<String> {
    None
}

/// The focused plan of what `now` declares, where `earlier` was read last.
fn focused(now: &Fixture, earlier: &World, lies: &BTreeMap<Email, Lie>) -> (Focused, Looks) {
    let (context, rest) = (now.context(), read_at());
    let focus = focus(now.desired(), earlier, &context);
    let looks = looks(&now.world(), &focus, lies);
    let read = Earlier { world: earlier, rest: &rest };
    (make_focused(now.desired(), read, &looks, &now.policy, &context, &nothing), looks)
}

fn sent(plan: &Plan) -> BTreeSet<ChangeId> {
    plan.sendable().into_iter().map(|change| change.id.clone()).collect()
}

/// Everything declared was read back.
fn remember_all(fixture: &mut Fixture) {
    let at = jiff::Timestamp::from_second(NOW - HOUR).unwrap();
    let world = fixture.world();
    for (key, want) in &fixture.wants {
        let key = key.clone().with_bot(|bot| match bot {
            BotRef::Id(id) => Some(id),
            BotRef::Name(_) => None,
        });
        let (Some(key), Verdict::Present(value)) = (key, &want.verdict) else { continue };
        let is_there = world.get(&key).is_some_and(|seen| seen.satisfies(value));
        let fact =
            RememberedFact { read_back: is_there.then_some(at), ..RememberedFact::asked(value.clone()) };
        fixture.memory.facts.retain(|(known, _)| *known != key);
        fixture.memory.facts.push((key, fact));
    }
    fixture.memory.facts.sort_by(|(left, _), (right, _)| left.cmp(right));
}

fn converged() -> Fixture {
    let mut fixture = Fixture::converged();
    fixture.policy.safety.primary_admin = Some(email("m1@example.com"));
    remember_all(&mut fixture);
    fixture
}

#[test]
fn nothing_is_looked_at_where_everything_was_read_back() {
    let fixture = converged();
    assert!(focus(fixture.desired(), &fixture.world(), &fixture.context()).is_empty());
}

#[test]
fn an_edit_looks_at_whom_it_is_about() {
    let mut fixture = converged();
    let earlier = fixture.world();
    fixture.want(&Key::BotRole(user(JANE), "Bot Tester".into(), "st-1".into()), present(Value::Held));
    let (made, looks) = focused(&fixture, &earlier, &BTreeMap::new());
    assert_eq!(looks.people, BTreeSet::from([email(JANE)]));
    assert_eq!(lines(&made.plan), [format!("+ {JANE}: Bot Tester on st-1")]);
    assert_eq!(sent(&made.plan), sent(&fixture.plan()));
    let read = made.plan.observed.focused.unwrap();
    assert_eq!((read.people, read.rest), (1, read_at()));
}

#[test]
fn a_deleted_line_takes_back_what_a_look_shows() {
    let mut fixture = converged();
    let earlier = fixture.world();
    fixture.wants.remove(&as_wanted(&developer(JANE)));
    let (made, looks) = focused(&fixture, &earlier, &BTreeMap::new());
    assert_eq!(looks.people.len(), 1);
    assert_eq!(lines(&made.plan), [format!("- {JANE}: Bot Developer on st-1")]);
    assert_eq!(sent(&made.plan), sent(&fixture.plan()));
    // Gone already: forgotten, and nothing to send.
    fixture.unsee(&developer(JANE));
    let (made, _) = focused(&fixture, &earlier, &BTreeMap::new());
    assert!(made.plan.changes.is_empty());
    assert!(made.memory.facts.iter().all(|(key, _)| *key != developer(JANE)));
}

#[test]
fn what_only_the_earlier_read_shows_gone_is_kept() {
    let of_group = Key::BotRole(Holder::Group("QA".into()), "Bot Tester".into(), "st-1".into());
    for (key, value) in
        [(of_group, Value::Held), (Key::Access(email(JANE)), Value::Access(BuilderAccess::None))]
    {
        let mut fixture = converged();
        fixture.unsee(&key);
        if value != Value::Held {
            fixture.see(key.clone(), value.clone());
        }
        fixture.memory.facts.retain(|(known, _)| *known != key);
        fixture.memory.facts.push((key.clone(), RememberedFact::asked(value)));
        fixture.memory.facts.sort_by(|(left, _), (right, _)| left.cmp(right));
        fixture.wants.remove(&as_wanted(&key));
        let lies = BTreeMap::from([(email(JANE), Lie::Missing)]);
        let kept = |made: &Focused| made.memory.facts.iter().any(|(known, _)| *known == key);
        assert!(kept(&focused(&fixture, &fixture.world(), &lies).0), "{key}: nobody answered");
    }
}

#[test]
fn no_lie_of_a_look_up_takes_anything_away() {
    for lie in [Lie::Missing, Lie::NoState, Lie::NoRoles] {
        let mut fixture = converged();
        let earlier = fixture.world();
        fixture.wants.remove(&as_wanted(&developer(JANE)));
        fixture.want(&Key::Member(email(SAM)), absent());
        let lies = BTreeMap::from([(email(JANE), lie), (email(SAM), lie)]);
        let (made, _) = focused(&fixture, &earlier, &lies);
        assert!(made.plan.sendable().is_empty(), "{lie:?}: {:?}", lines(&made.plan));
        assert!(made.memory.facts.iter().any(|(key, _)| *key == developer(JANE)), "{lie:?}: forgotten");
        let left = made.plan.waiting.iter().filter(|entry| entry.reason == Reason::FullReadNeeded);
        assert!(left.count() >= 1, "{lie:?}");
    }
}

#[test]
fn a_member_who_is_not_found_any_more_is_not_invited_again() {
    let mut fixture = converged();
    let earlier = fixture.world();
    fixture.want(&Key::BotRole(user(JANE), "Bot Tester".into(), "st-1".into()), present(Value::Held));
    fixture.facts.retain(|(key, _)| key.email() != Some(&email(JANE)));
    fixture.coverage.looked_up.remove(&email(JANE));
    fixture.coverage.not_found.insert(email(JANE));
    let (made, looks) = focused(&fixture, &earlier, &BTreeMap::new());
    assert_eq!(looks.about(&email(JANE), &earlier), Look::Contradicted);
    assert!(made.plan.sendable().is_empty(), "{:?}", lines(&made.plan));
}

#[test]
fn a_new_person_is_invited_after_their_own_not_found_and_a_complete_listing() {
    let mut fixture = converged();
    let mut earlier = fixture.world();
    fixture.want(&Key::Member(email(NEW)), present(Value::Member(Membership::Joined)));
    fixture.want(&developer(NEW), present(Value::Held));
    let (made, _) = focused(&fixture, &earlier, &BTreeMap::new());
    assert_eq!(sent(&made.plan), sent(&fixture.plan()));
    assert_eq!(made.plan.changes.len(), 2);
    earlier.coverage.listings.insert(Listing::Users, Extent::Partial("page 3 is missing".to_owned()));
    let (made, _) = focused(&fixture, &earlier, &BTreeMap::new());
    assert!(made.plan.sendable().is_empty());
    assert_eq!(reasons(&made.plan.waiting), [Reason::FullReadNeeded]);
}

#[test]
fn what_was_never_declared_waits_for_a_full_read() {
    let mut fixture = converged();
    fixture.close_developers();
    fixture.see(developer("m4@example.com"), Value::Held);
    let earlier = fixture.world();
    let (made, _) = focused(&fixture, &earlier, &BTreeMap::new());
    assert_eq!(lines(&made.plan).len(), 1);
    assert!(made.plan.sendable().is_empty());
    assert_eq!(made.plan.waiting[0].reason, Reason::FullReadNeeded);
    assert!(made.plan.refused.is_empty());
    assert_eq!(fixture.plan().sendable().len(), 1);
}

#[test]
fn whoever_takes_master_admin_away_has_seen_all_who_hold_it() {
    let mut fixture = converged();
    let earlier = fixture.world();
    fixture.wants.remove(&as_wanted(&master("m2@example.com")));
    let (made, looks) = focused(&fixture, &earlier, &BTreeMap::new());
    assert_eq!(looks.people.len(), 4);
    assert_eq!(sent(&made.plan), sent(&fixture.plan()));
    assert_eq!(made.plan.sendable().len(), 1);
    // One of them does not answer.
    let lies = BTreeMap::from([(email("m4@example.com"), Lie::Missing)]);
    assert!(focused(&fixture, &earlier, &lies).0.plan.sendable().is_empty());
    // Two were taken away in the console meanwhile: too few would be left.
    for who in ["m3@example.com", "m4@example.com"] {
        fixture.unsee(&master(who));
        fixture.wants.remove(&as_wanted(&master(who)));
        fixture.memory.facts.retain(|(key, _)| *key != master(who));
    }
    let (made, _) = focused(&fixture, &earlier, &BTreeMap::new());
    assert!(made.plan.sendable().is_empty());
    assert_eq!(reasons(&made.plan.refused), [Reason::AdminFloor]);
}

#[test]
fn a_role_with_high_risk_is_given_after_another_look_at_it() {
    let mut fixture = converged();
    let earlier = fixture.world();
    fixture.want(&Key::AdminRole(user(JANE), "Auditor".into()), present(Value::Held));
    let wanted = focus(fixture.desired(), &earlier, &fixture.context());
    assert!(wanted.roles);
    assert_eq!(focused(&fixture, &earlier, &BTreeMap::new()).0.plan.sendable().len(), 1);
    let (context, rest) = (fixture.context(), read_at());
    let blind = looks(&fixture.world(), &Focus { roles: false, ..wanted }, &BTreeMap::new());
    let read = Earlier { world: &earlier, rest: &rest };
    let made = make_focused(fixture.desired(), read, &blind, &fixture.policy, &context, &nothing);
    assert!(made.plan.sendable().is_empty());
}

#[test]
fn what_the_caller_names_waits_too() {
    let mut fixture = converged();
    let earlier = fixture.world();
    fixture.want(&Key::BotRole(user(JANE), "Bot Tester".into(), "st-1".into()), present(Value::Held));
    let (context, rest) = (fixture.context(), read_at());
    let focus = focus(fixture.desired(), &earlier, &context);
    let looks = looks(&fixture.world(), &focus, &BTreeMap::new());
    let waits = |_: &Change| Some("policy few looks at more".to_owned());
    let read = Earlier { world: &earlier, rest: &rest };
    let made = make_focused(fixture.desired(), read, &looks, &fixture.policy, &context, &waits);
    assert!(made.plan.sendable().is_empty());
    assert!(made.plan.waiting[0].message.contains("policy few"), "{:?}", made.plan.waiting);
}

/// What is drawn is seen or not, declared or not, beside what was so at the last read.
fn edit(fixture: &mut Fixture, draws: &[Case]) {
    for Case { key, seen, want, .. } in draws {
        match seen {
            Some(value) => fixture.see(key.clone(), value.clone()),
            None => fixture.unsee(key),
        }
        match want {
            Some(Verdict::Present(value)) => fixture.want(key, present(value.clone())),
            Some(Verdict::Absent) => fixture.want(key, absent()),
            None => {
                fixture.wants.remove(&as_wanted(key));
            }
        }
    }
    // Whoever has something is a member, and everybody answers.
    for at in 0..8 {
        let who = email(&person(at));
        let member = Key::Member(who.clone());
        fixture.coverage.not_found.remove(&who);
        fixture.coverage.looked_up.remove(&who);
        if fixture.facts.iter().any(|(key, _)| *key == member) {
            fixture.coverage.looked_up.insert(who, Seen::ALL);
        } else {
            fixture.facts.retain(|(key, _)| key.email() != Some(&who));
            fixture.coverage.not_found.insert(who);
        }
    }
}

fn lies() -> impl Strategy<Value = BTreeMap<Email, Lie>> {
    let lie = prop_oneof![Just(Lie::Missing), Just(Lie::NoState), Just(Lie::NoRoles)];
    prop::collection::btree_map((0..8usize).prop_map(|at| email(&person(at))), lie, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_focused_plan_does_what_the_full_plan_of_the_moment_does_or_less(
        before in prop::collection::vec(draw(), 0..30),
        edits in prop::collection::vec(draw(), 0..10),
        is_closed in any::<bool>(),
        lost in prop::collection::vec(2..5usize, 0..2),
        (taken, lies) in (prop::option::of(2..5usize), lies()),
    ) {
        let mut fixture = fixture(&before, [true; 8], is_closed);
        fixture.policy.safety.primary_admin = Some(email("m1@example.com"));
        edit(&mut fixture, &[]);
        remember_all(&mut fixture);
        let earlier = fixture.world();
        edit(&mut fixture, &edits);
        // Master Admins who lost it in the console, and one who is not declared any more.
        for at in lost {
            fixture.unsee(&master(&format!("m{at}@example.com")));
        }
        if let Some(at) = taken {
            fixture.wants.remove(&as_wanted(&master(&format!("m{at}@example.com"))));
        }
        let full = fixture.plan();
        let (made, looks) = focused(&fixture, &earlier, &lies);
        let (focused, all) = (sent(&made.plan), sent(&full));
        prop_assert!(
            focused.is_subset(&all),
            "{:?}\n{}\n{}", looks.people,
            render::text(&made.plan, render::Style::default()),
            render::text(&full, render::Style::default())
        );
        for change in made.plan.sendable().iter().filter(|change| change.action.is_removal()) {
            let lie = change.key.email().and_then(|email| lies.get(email));
            prop_assert!(lie.is_none() || lie == Some(&Lie::NoRoles), "{}: {lie:?}", change.key);
        }
        // What is forgotten is forgotten by a full plan as well.
        let (_, remembered) =
            plan_and_remember(fixture.desired(), &fixture.world(), &fixture.policy, &fixture.context());
        for (key, fact) in &remembered.facts {
            let is_kept = made.memory.facts.iter().any(|(known, _)| known == key);
            prop_assert!(is_kept, "{key}: {fact:?} is forgotten");
        }
    }

    #[test]
    fn focused_plans_and_one_full_plan_end_where_full_plans_end(
        before in prop::collection::vec(draw(), 0..20),
        edits in prop::collection::vec(prop::collection::vec(draw(), 1..5), 1..4),
        is_closed in any::<bool>(),
    ) {
        // What happens in the console while a full plan would have acted is no part of this: who leaves loses what nobody
        // declared, and what a group holds may wait for a full read.
        let edits: Vec<Vec<Case>> = edits
            .into_iter()
            .map(|edits| edits.into_iter().filter(is_of_member).collect())
            .collect();
        let start = || {
            let mut fixture = fixture(&before, [true; 8], is_closed);
            edit(&mut fixture, &[]);
            remember_all(&mut fixture);
            settle(&mut fixture);
            fixture
        };
        let (mut focusing, mut reading) = (start(), start());
        let mut kept = focusing.world();
        for edits in &edits {
            edit(&mut focusing, edits);
            let (made, _) = focused(&focusing, &kept, &BTreeMap::new());
            take(&mut focusing, &made.plan, made.memory);
            kept = made.world;
            edit(&mut reading, edits);
            settle(&mut reading);
        }
        settle(&mut focusing);
        let facts = |fixture: &Fixture| fixture.world().facts().to_vec();
        prop_assert_eq!(facts(&focusing), facts(&reading));
    }
}

/// Whether it is about what one person has, and not about whether they are there.
fn is_of_member(case: &Case) -> bool {
    case.key.email().is_some() && !matches!(case.key, Key::Member(_))
}

/// Full plans until nothing is left to send.
fn settle(fixture: &mut Fixture) {
    for _ in 0..5 {
        let (plan, memory) =
            plan_and_remember(fixture.desired(), &fixture.world(), &fixture.policy, &fixture.context());
        take(fixture, &plan, memory);
    }
}

/// What a plan sends comes about.
fn take(fixture: &mut Fixture, plan: &Plan, memory: Memory) {
    fixture.memory = memory;
    let sent: Vec<Change> = plan.sendable().into_iter().cloned().collect();
    for change in &sent {
        match (&change.key, &change.after) {
            (Key::Member(who), None) => {
                fixture.facts.retain(|(key, _)| key.email() != Some(who));
                fixture.coverage.looked_up.remove(who);
                fixture.coverage.not_found.insert(who.clone());
            }
            (key, None) => fixture.unsee(key),
            (key, Some(_)) if key.family().is_write_only() => {}
            (Key::Member(who), Some(value)) => {
                fixture.see(change.key.clone(), value.clone());
                fixture.coverage.not_found.remove(who);
                fixture.coverage.looked_up.insert(who.clone(), Seen::ALL);
            }
            (key, Some(value)) => fixture.see(key.clone(), value.clone()),
        }
    }
    let now = jiff::Timestamp::from_second(NOW).unwrap();
    fixture.memory.note_read_back(&sent, now);
}
