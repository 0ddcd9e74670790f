//! 100 policies (60 typed, 40 in CEL) over 10,000 people and 30,000 grants that are as wanted: what a plan without a change
//! takes longer because of them; and `exclusive` over ten times as many people.

use crate::figures::Report;
use crate::pure;
use jiff::Timestamp;
use koreconcile::facts::World;
use koreconcile::manifest::{self, Compiled};
use koreconcile::plan::{self, Context, Plan};
use koreconcile::policy::{self, Known, Reviewed};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

const PEOPLE: usize = 10_000;
const MORE_PEOPLE: usize = 100_000;

/// Measures both.
pub fn measure(runs: usize, report: &mut Report) {
    let (account, world) = account(PEOPLE, &policies());
    let mut without = Vec::new();
    let mut with = Vec::new();
    for _ in 0..runs {
        let start = Instant::now();
        let plan = plan::make(account.desired.clone(), &world, &account.policy, &context());
        without.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let plan = review(plan, &account, &world);
        with.push(start.elapsed().as_secs_f64());
        assert!(plan.changes.is_empty() && plan.violations.is_empty(), "{:?}", plan.violations.first());
    }
    report.add("policy_seconds_10000", "s", with);
    report.add("policy_seconds_bound_10000", "s", without);

    let exclusive = document("one", "exclusive: { roles: [Bot Developer, Bot Tester], atMost: 3 }");
    let (account, world) = self::account(MORE_PEOPLE, &exclusive);
    let plan = plan::make(account.desired.clone(), &world, &account.policy, &context());
    let start = Instant::now();
    let _ = review(plan, &account, &world);
    report.add("policy_exclusive_seconds_100000", "s", vec![start.elapsed().as_secs_f64()]);
}

fn context() -> Context {
    Context { now: Timestamp::from_second(1_800_000_000).unwrap(), ..Context::default() }
}

fn account(people: usize, policies: &str) -> (Compiled, World) {
    let folder = tempfile::tempdir().unwrap();
    pure::write(folder.path(), people);
    std::fs::write(Path::new(folder.path()).join("policies.yaml"), policies).unwrap();
    let manifests = manifest::open(&[folder.path().to_string_lossy().into_owned()], std::io::empty());
    assert!(!manifests.has_errors(), "{:?}", manifests.findings().first());
    let compiled = manifest::compile(&manifests, None, context().now).unwrap();
    let world = pure::world(compiled.desired.clone());
    (compiled, world)
}

/// From the rules as they are declared: compiling them is part of the price.
fn review(plan: Plan, account: &Compiled, world: &World) -> Plan {
    let (policies, problems) = policy::compile(&account.rules);
    assert!(problems.is_empty(), "{problems:?}");
    let known = Known::observed(&account.desired, &account.rules, world);
    let context = context();
    let request = Reviewed {
        policies: &policies,
        set: &account.rules,
        known: &known,
        world,
        policy: &account.policy,
        context: &context,
    };
    policy::review(plan, &request)
}

fn document(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: koreconcile.dev/v1alpha1\nkind: KorePolicy\nmetadata: {{ name: {name} }}\n\
         spec: {{ validationActions: [Deny], {spec} }}\n"
    )
}

/// Of each condition as many, all kept.
fn policies() -> String {
    let mut text = String::new();
    for index in 0..12 {
        let bots = format!("match: {{ bots: [\"Assistant {index:02}*\"] }}");
        let typed = [
            format!("{bots}, exclusive: {{ roles: [Bot Developer, Bot Tester], atMost: 2, on: SameBot }}"),
            "match: { emailDomains: [example.com] }, allow: { roles: [Bot Developer, Bot Tester], builderAccess: Builder }".to_owned(),
            format!("match: {{ emailDomains: [p{index}.example.com] }}, require: {{ reason: true }}"),
            format!("{bots}, holders: {{ roles: [Bot Developer], max: 1000, on: SameBot }}"),
            format!("{bots}, together: {{ roles: [Bot Owner], needs: [Bot Developer] }}"),
        ];
        for (nth, spec) in typed.iter().enumerate() {
            let _ = write!(text, "{}", document(&format!("typed-{index}-{nth}"), spec));
        }
    }
    for index in 0..10 {
        let cel = [
            format!("over: Grant, rule: \"grant.declared || grant.role == 'Role {index}'\""),
            format!("over: Grant, rule: \"grant.risk != 'critical' || grant.bot == 'Assistant {index:03}'\""),
            format!("rule: \"person.domain == 'example.com' || size(person.roles) < {index}\""),
            format!("over: Bot, rule: \"bot.assigned <= {index}000\""),
        ];
        for (nth, spec) in cel.iter().enumerate() {
            let _ = write!(text, "{}", document(&format!("cel-{index}-{nth}"), spec));
        }
    }
    text
}
