//! Whatever an account holds and manifests ask for: no call of an apply introduces a violation of a policy with Deny, and
//! none of these policies keeps anybody's access in place.

use super::{compiled, now, removals};
use koreconcile::facts::{Key, Value};
use koreconcile::manifest::Compiled;
use koreconcile::plan::{self, Change, Context};
use koreconcile::policy::{self, Beside, Breach, Known, Picture, Policies, Reviewed};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const PEOPLE: usize = 4;
const ROLES: [&str; 3] = ["Bot Developer", "Bot Tester", "Release Manager"];
const BOTS: [&str; 2] = ["Banking", "Travel"];
const SHAPES: [&str; 8] = [
    "exclusive: { roles: [Bot Developer, Release Manager], on: SameBot }",
    "exclusive: { roles: [Bot Developer, Bot Tester, Release Manager], atMost: 2 }",
    "holders: { roles: [Release Manager], max: 2 }",
    "allow: { roles: [Bot Tester, Bot Developer, Master Admin], bots: [Banking], builderAccess: Creator }",
    "together: { roles: [Release Manager], needs: [Bot Developer, Bot Tester], on: SameBot }",
    "together: { roles: [Bot Tester], needs: [Bot Developer] }",
    "over: Bot, rule: \"bot.holders.size() <= 2\"",
    "rule: \"person.grants.size() <= 2\"",
];

/// Who (past the last person: the group) holds which role on which bot.
type Grants = BTreeSet<(usize, usize, usize)>;

fn who(who: usize) -> String {
    if who < PEOPLE { format!("{{ user: p{who}@example.com }}") } else { "{ group: G }".to_owned() }
}

/// The account; what it holds and does not want any more is declared absent.
fn lines(wanted: (&Grants, &BTreeSet<usize>), held: (&Grants, &BTreeSet<usize>)) -> Vec<String> {
    let mut lines = vec![
        "KoreRole r: { type: Bot, name: Release Manager, permissions: { Publish bot: \"YES\" } }".to_owned(),
    ];
    lines.extend((0..PEOPLE).map(|who| format!("KoreUser p{who}: {{ email: p{who}@example.com }}")));
    for (at, (whom, role, bot)) in wanted.0.union(held.0).enumerate() {
        let list = if wanted.0.contains(&(*whom, *role, *bot)) { "subjects" } else { "absent" };
        lines.push(format!(
            "KoreRoleBinding b{at}: {{ role: {{ type: Bot, name: {} }}, bot: {}, {list}: [{}] }}",
            ROLES[*role],
            BOTS[*bot],
            who(*whom)
        ));
    }
    let listed = |people: Vec<&usize>| people.into_iter().map(|at| who(*at)).collect::<Vec<_>>().join(", ");
    let (stay, leave) = (wanted.1.iter().collect(), held.1.difference(wanted.1).collect());
    lines.push(format!(
        "KoreGroupMembership g: {{ group: G, local: true, subjects: [{}], absent: [{}] }}",
        listed(stay),
        listed(leave)
    ));
    lines
}

/// An account to which calls are applied one by one.
struct Played<'a> {
    facts: BTreeMap<Key, Value>,
    gone: BTreeSet<Key>,
    policies: &'a Policies,
    known: &'a Known,
}

impl Played<'_> {
    fn violated(&self) -> Vec<Breach> {
        let facts: Vec<(&Key, &Value)> = self.facts.iter().collect();
        let picture = Picture::new(&facts, &self.gone.iter().collect(), self.known);
        policy::judge(self.policies, &picture, self.known, None, now())
    }

    fn apply(&mut self, change: &Change) {
        if let Some(value) = &change.after {
            self.gone.remove(&change.key);
            self.facts.insert(change.key.clone(), value.clone());
        } else {
            self.facts.remove(&change.key);
            self.gone.insert(change.key.clone());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_call_introduces_a_violation_and_no_policy_keeps_access(
        held in prop::collection::btree_set((0..=PEOPLE, 0..ROLES.len(), 0..BOTS.len()), 0..9),
        wanted in prop::collection::btree_set((0..=PEOPLE, 0..ROLES.len(), 0..BOTS.len()), 0..9),
        members in prop::collection::btree_set(0..PEOPLE, 1..3),
        later in prop::collection::btree_set(0..PEOPLE, 1..3),
        shapes in prop::collection::btree_set(0..SHAPES.len(), 1..4),
    ) {
        let before = lines((&held, &members), (&held, &members));
        let mut after = lines((&wanted, &later), (&held, &members));
        after.extend(shapes.iter().map(|shape| {
            format!("KorePolicy s{shape}: {{ validationActions: [Deny], {} }}", SHAPES[*shape])
        }));
        let compiled_of = |lines: &[String]| compiled(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let held = compiled_of(&before);
        let Compiled { desired, policy: account, rules, .. } = compiled_of(&after);
        let world = policy::account_of(&held.desired, &desired, &Beside::default());
        let context = Context { account: "acme".to_owned(), look_up_size: 50, now: now(), ..Context::default() };
        let plain = plan::make(desired.clone(), &world, &account, &context);
        let (policies, _) = policy::compile(&rules);
        let known = Known::observed(&desired, &rules, &world);
        let request = Reviewed {
            policies: &policies, set: &rules, known: &known, world: &world, policy: &account, context: &context,
        };
        let plan = policy::review(plain.clone(), &request);
        prop_assert_eq!(removals(&plan), removals(&plain), "{:#?}", plan.blocked);

        let facts = world.facts().iter().cloned().collect();
        let mut played = Played { facts, gone: BTreeSet::new(), policies: &policies, known: &known };
        let known_before = played.violated();
        let mut added: BTreeSet<Key> = BTreeSet::new();
        for call in plan::pack::pack(&plan.sendable(), 50) {
            for id in call.entries.iter().flatten() {
                let change = plan.changes.iter().find(|change| change.id == *id).unwrap();
                if !change.action.is_removal() {
                    added.insert(change.key.clone());
                }
                played.apply(change);
            }
            for breach in played.violated() {
                let earlier = known_before.iter().find(|known| (known.at, &known.subject) == (breach.at, &breach.subject));
                // A rule over a person is about everything they hold: what it was violated by already, it still is.
                if earlier.is_some() && !breach.is_exact {
                    continue;
                }
                let ours = breach.facts.iter().filter(|fact| added.contains(*fact));
                let ours: Vec<&Key> =
                    ours.filter(|fact| !earlier.is_some_and(|known| known.facts.contains(fact))).collect();
                let order = || plan.changes.iter().map(|change| format!("{} {:?} {} waits for {:?}\n", change.id, change.action, change.key, change.depends_on));
                prop_assert!(ours.is_empty(), "{} by {ours:?} after {:?} of\n{}", breach.message, call, order().collect::<String>());
            }
        }
    }
}
