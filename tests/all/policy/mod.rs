//! Rules about who may hold what, over declarations and plans: each condition at each place.

mod agree;
mod deadline;
mod declared;
mod invariant;
mod names;
mod review;

use jiff::Timestamp;
use koreconcile::manifest::{self, Compiled, Input};
use koreconcile::plan::{self, ChangeId, Context, Plan, Violation, ViolationState};
use koreconcile::policy::{self, Beside, Known, Reviewed};
use std::collections::BTreeSet;

const ACCOUNT: &str = "KoreAccount acme: { accountId: test, endpoint: { sandbox: { dataDir: x } }, \
     safety: { primaryAdmin: owner@example.com, minMasterAdmins: 1, maxRemovals: 100, maxRemovalsPercent: 100 } }";

/// Documents, one a line: `Kind name: { spec }`.
pub fn documents(lines: &[&str]) -> String {
    let document = |line: &&str| {
        let (head, spec) = line.split_once(": ").expect(line);
        let (kind, name) = head.split_once(' ').expect(line);
        format!(
            "---\napiVersion: koreconcile.dev/v1alpha1\nkind: {kind}\nmetadata: {{ name: {name} }}\nspec: {spec}\n"
        )
    };
    lines.iter().map(document).collect()
}

pub fn now() -> Timestamp {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

/// The manifests, compiled; an error in one of them fails the test.
pub fn compiled(lines: &[&str]) -> Compiled {
    let text = documents(&[&[ACCOUNT], lines].concat());
    let mut manifests = manifest::read(vec![Input::new("a.yaml", text.as_bytes())]);
    manifests.consider_complete();
    assert!(!manifests.has_errors(), "{:#?}", manifests.findings());
    manifest::compile(&manifests, None, now()).unwrap()
}

/// What `check` says about documents.
pub fn findings(lines: &[&str]) -> Vec<String> {
    let text = documents(&[&[ACCOUNT], lines].concat());
    let manifests = manifest::read(vec![Input::new("a.yaml", text.as_bytes())]);
    let compiled = manifest::compile(&manifests, None, now()).unwrap();
    let all = manifests.findings().iter().chain(&compiled.findings);
    all.map(|finding| format!("{}: {}", finding.code, finding.message)).collect()
}

/// The plan that leads from an account that holds what `held` says to what `wanted` says, under policies.
pub fn plan(policies: &[&str], held: &[&str], wanted: &[&str]) -> Plan {
    plan_beside(policies, held, wanted, &Beside::default())
}

pub fn plan_beside(policies: &[&str], held: &[&str], wanted: &[&str], beside: &Beside) -> Plan {
    let held = compiled(held);
    let Compiled { desired, policy, rules, .. } = compiled(&[policies, wanted].concat());
    let world = policy::account_of(&held.desired, &desired, beside);
    let context = Context { account: "acme".to_owned(), look_up_size: 50, now: now(), ..Context::default() };
    let plan = plan::make(desired.clone(), &world, &policy, &context);
    let (policies, problems) = policy::compile(&rules);
    assert!(problems.is_empty(), "{problems:#?}");
    let known = Known::observed(&desired, &rules, &world);
    let request = Reviewed {
        policies: &policies,
        set: &rules,
        known: &known,
        world: &world,
        policy: &policy,
        context: &context,
    };
    let plan = policy::review(plan, &request);
    // A saved plan is checked and reviewed again, to the same end.
    let again = plan::recheck(plan.clone(), &world, &policy, &context);
    assert_eq!(said(&policy::review(again, &request)), said(&plan));
    plan
}

/// `introduced separation: jane@example.com holds …`
pub fn said(plan: &Plan) -> Vec<String> {
    let say = |violation: &Violation| {
        format!("{} {}: {}", violation.state.label(), violation.policy, violation.message)
    };
    plan.violations.iter().map(say).collect()
}

pub fn states(plan: &Plan) -> Vec<ViolationState> {
    plan.violations.iter().map(|violation| violation.state).collect()
}

/// The changes that would be sent: `+ jane@example.com: Bot Developer on Banking`.
pub fn sent(plan: &Plan) -> Vec<String> {
    let label = |key: &koreconcile::facts::Key| {
        let named = key.clone().with_bot(|bot| Some(bot.as_str().replace("st-", "")));
        named.map(|key| key.to_string()).unwrap_or_default()
    };
    plan.sendable().iter().map(|change| format!("{} {}", change.action.sign(), label(&change.key))).collect()
}

/// What a plan takes away when it is sent.
pub fn removals(plan: &Plan) -> BTreeSet<ChangeId> {
    let all = plan.sendable().into_iter().filter(|change| change.action.is_removal());
    all.map(|change| change.id.clone()).collect()
}
