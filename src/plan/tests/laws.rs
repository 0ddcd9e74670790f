//! What holds of every plan, whatever is wanted and seen.

use super::*;
use proptest::prelude::*;

/// What one of eight people has, and what is wanted of it.
#[derive(Clone, Debug)]
struct Draw {
    key: Key,
    seen: Option<Value>,
    want: Option<Verdict>,
}

fn person(at: usize) -> String {
    format!("u{at}@example.com")
}

fn draw() -> impl Strategy<Value = Draw> {
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
    (fact, any::<bool>(), prop::option::of(any::<bool>())).prop_map(|((key, value), is_seen, want)| Draw {
        seen: is_seen.then(|| value.clone()).filter(|_| !key.family().is_write_only()),
        want: want.map(|is_wanted| if is_wanted { Verdict::Present(value) } else { Verdict::Absent }),
        key,
    })
}

fn bench(draws: &[Draw], answered: [bool; 8], is_closed: bool) -> Bench {
    let mut bench = Bench::converged();
    bench.limits.allow_removals = Some(1_000);
    for Draw { key, seen, want } in draws {
        if let Some(value) = seen {
            bench.see(key.clone(), value.clone());
        }
        match want {
            Some(Verdict::Present(value)) => bench.want(key, present(value.clone())),
            Some(Verdict::Absent) => bench.want(key, absent()),
            None => {}
        }
    }
    for (at, is_answered) in answered.into_iter().enumerate() {
        let who = email(&person(at));
        let member = Key::Member(who.clone());
        // What is seen of somebody is seen of a member.
        if bench.facts.iter().any(|(key, _)| key.email() == Some(&who)) {
            if !bench.facts.iter().any(|(key, _)| *key == member) {
                bench.see(member, Value::Member(Membership::Joined));
            }
            if is_answered {
                bench.coverage.looked_up.insert(who, Seen::ALL);
            }
        } else if is_answered {
            bench.coverage.not_found.insert(who);
        }
    }
    if is_closed {
        bench.close_developers();
    }
    bench
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
        let bench = bench(&draws, answered, is_closed);
        let plan = bench.plan();
        for (key, want) in &bench.wants {
            let key = key.clone().with_bot(|bot| match bot { BotRef::Id(id) => Some(id), BotRef::Name(_) => None }).unwrap();
            let seen = bench.facts.iter().find(|(known, _)| *known == key).map(|(_, value)| value);
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
        let mut bench = bench(&draws, answered, true);
        bench.close(ScopeExtent::BotRole("Bot Tester".into(), BotRef::Id("st-1".into())));
        bench.close(ScopeExtent::BotRole("Bot Developer".into(), BotRef::Id("st-1".into())));
        let forward = bench.plan();
        bench.facts.reverse();
        bench.scopes.reverse();
        let backward = bench.plan();
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
        let mut bench = bench(&draws, answered, is_closed);
        let before = bench.plan();
        let stranger = "stranger@example.com";
        if is_there {
            bench.seen_member(stranger, Membership::Joined);
        } else {
            bench.coverage.not_found.insert(email(stranger));
        }
        bench.want(&Key::Member(email(stranger)), present(Value::Member(Membership::Joined)));
        bench.want(&developer(stranger), present(Value::Held));
        let after = bench.plan();
        let new = after.changes.iter().filter(|change| change.key.email() == Some(&email(stranger))).count();
        prop_assert_eq!(new, if is_there { 1 } else { 2 });
        prop_assert!(ids(&before).is_subset(&ids(&after)));
        prop_assert_eq!(ids(&after).len(), ids(&before).len() + new);
    }
}

fn places_of_changes(plan: &Plan, key: &Key) -> usize {
    plan.changes.iter().filter(|change| change.key == *key).count()
}
