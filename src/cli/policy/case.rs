//! One case: an account is made, the change is planned under the policies, and every violation is compared.

use super::document::{self, AccountState, CaseSpec, Document, Expected};
use crate::facts::{AccountId, BotRef, Desired, Email, Holder, Key, Policy, RuleSet, Verdict, World};
use crate::manifest::{self, Compiled, Input, Manifests};
use crate::plan::{self, Context, Plan, Violation, ViolationState};
use crate::policy::{self, Breach, Known, Policies, Reviewed, Reviewer};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The name and account of every test.
const ACCOUNT: &str = "---\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreAccount\nmetadata: { name: test }\n\
     spec: { accountId: test, endpoint: { sandbox: { dataDir: test } }, safety: { primaryAdmin: primary@example.com, \
     minMasterAdmins: 1, maxRemovals: 100000, maxRemovalsPercent: 100 } }\n";

/// What one case came to.
#[derive(Clone, Debug, Default)]
pub(super) struct CaseOutcome {
    pub(super) file: String,
    pub(super) test: String,
    pub(super) case: String,
    /// What differs from what was expected; empty: it passed.
    pub(super) problems: Vec<String>,
    /// Policies that looked at something.
    pub(super) looked: BTreeSet<String>,
    /// Policies that were violated.
    pub(super) fired: BTreeSet<String>,
}

/// What a case is judged with.
pub(super) struct Setting<'a> {
    pub(super) policies: &'a [Input],
    pub(super) given: &'a [Document],
    pub(super) account: &'a AccountState,
    pub(super) now: Timestamp,
}

/// The place of a condition that is negated.
pub(super) type Mutant = (usize, usize);

/// Runs a case. `Err` says why it cannot be run at all.
pub(super) fn run(
    case: &CaseSpec,
    setting: &Setting<'_>,
    mutant: Option<Mutant>,
) -> Result<CaseOutcome, String> {
    let Setting { policies, given, account, now } = setting;
    let held: Vec<&Document> = given.iter().chain(&case.undeclared).collect();
    let wanted: Vec<&Document> = given.iter().chain(&case.change).collect();
    let held = compile(&[], &held, *now)?;
    let Compiled { desired, policy: account_policy, rules, .. } = compile(policies, &wanted, *now)?;
    let world = policy::account_of(&held.desired, &desired, &account.beside()?);
    let (mut compiled, problems) = policy::compile(&rules);
    if let Some(problem) = problems.first() {
        return Err(format!("policy {}: {} ({})", problem.policy, problem.message, problem.source));
    }
    if let Some((at, condition)) = mutant {
        compiled = compiled.mutated(at, condition);
    }
    let mut account_policy = Policy { account_id: Some(AccountId::new("test")), ..account_policy };
    if let Some(primary) = master_admin_who_stays(&world, &desired) {
        account_policy.safety.primary_admin = Some(primary);
    }
    let context = Context { account: "test".to_owned(), look_up_size: 50, now: *now, ..Context::default() };
    let reviewer = Reviewer::new(&compiled, &rules, &desired);
    let planned = reviewer.enforce_deadlines(desired.clone(), &world, &account_policy, &context);
    let plan = plan::make(planned, &world, &account_policy, &context);
    let known = Known::observed(&desired, &rules, &world);
    let request = Reviewed {
        policies: &compiled,
        set: &rules,
        known: &known,
        world: &world,
        policy: &account_policy,
        context: &context,
    };
    let mut looked = policy::looked_at(&plan, &request);
    let mut plan = policy::review(plan, &request);
    let of_objects = policy::of_objects(&compiled, &rules, *now);
    looked.extend(of_objects.looked_at);
    let changed: BTreeSet<(String, String)> =
        case.change.iter().enumerate().map(|(at, document)| document.identity(given.len() + at)).collect();
    plan.violations.extend(of_objects.breaches.into_iter().map(|breach| {
        let is_changed = changed.iter().any(|(kind, name)| breach.subject == format!("{kind} {name}"));
        violation(breach, &compiled, is_changed)
    }));
    Ok(compare(case, &plan, &named(&compiled, &looked)))
}

/// What an object violates is introduced where the case declares the object.
fn violation(breach: Breach, policies: &Policies, is_changed: bool) -> Violation {
    let rule = &policies.all()[breach.at.0].rule;
    Violation {
        policy: breach.policy,
        severity: breach.severity,
        action: breach.action,
        state: if is_changed { ViolationState::Introduced } else { ViolationState::Existing },
        subject: breach.subject,
        message: breach.message,
        facts: breach.facts,
        sources: breach.sources,
        rule: rule.source.clone(),
        control: rule.control.clone(),
        changes: Vec::new(),
        since: None,
    }
}

/// The Primary Admin of a case, without whom no plan takes Master Admin away: the first who holds it before and after.
fn master_admin_who_stays(world: &World, desired: &Desired) -> Option<Email> {
    let stays = |key: &Key| {
        let wanted = key.clone().with_bot(|bot| Some(BotRef::Id(bot)));
        let want = wanted.and_then(|wanted| desired.find(&wanted));
        want.is_some_and(|want| matches!(want.verdict, Verdict::Present(_)))
    };
    world.facts().iter().find_map(|(key, _)| match key {
        Key::AdminRole(Holder::User(email), role) if role.is_master_admin() && stays(key) => {
            Some(email.clone())
        }
        _ => None,
    })
}

fn named(policies: &Policies, looked: &BTreeMap<(usize, usize), usize>) -> BTreeSet<String> {
    looked.keys().map(|(at, _)| policies.all()[*at].rule.name.to_string()).collect()
}

fn compare(case: &CaseSpec, plan: &Plan, looked: &BTreeSet<String>) -> CaseOutcome {
    let mut problems = Vec::new();
    let mut missing: Vec<&Expected> = Vec::new();
    let mut left: Vec<&Violation> = plan.violations.iter().collect();
    for expected in &case.expect {
        let fits = |violation: &&Violation| {
            violation.policy == expected.policy
                && violation.state.label() == expected.state
                && expected.message.as_ref().is_none_or(|part| violation.message.contains(part))
        };
        match left.iter().position(fits) {
            Some(at) => {
                left.remove(at);
            }
            None => missing.push(expected),
        }
    }
    problems.extend(missing.iter().map(|Expected { policy, state, message }| {
        let part = message.as_ref().map(|part| format!(" with {part:?}")).unwrap_or_default();
        format!("expected and not found: {policy} {state}{part}")
    }));
    problems.extend(left.iter().map(|violation| {
        format!(
            "found and not expected: {} {}: {}",
            violation.policy,
            violation.state.label(),
            violation.message
        )
    }));
    if looked.is_empty() {
        problems.push("no policy looked at anything: the case tests nothing".to_owned());
    }
    CaseOutcome {
        case: case.name.clone(),
        problems,
        looked: looked.clone(),
        fired: plan.violations.iter().map(|violation| violation.policy.clone()).collect(),
        ..CaseOutcome::default()
    }
}

/// The policies alone: what a suite has to cover.
pub(super) fn rules(policies: &[Input], now: Timestamp) -> Result<RuleSet, String> {
    compile(policies, &[], now).map(|compiled| compiled.rules)
}

fn compile(policies: &[Input], documents: &[&Document], now: Timestamp) -> Result<Compiled, String> {
    let mut inputs = vec![Input::new("account", ACCOUNT.as_bytes())];
    inputs.extend(policies.iter().cloned());
    inputs.push(document::input("given", documents));
    let mut manifests: Manifests = manifest::read(inputs);
    manifests.consider_complete();
    if let Some(error) = manifests.findings().iter().find(|finding| finding.is_error()) {
        return Err(format!("{}: {}", error.spot, error.message));
    }
    let compiled = manifest::compile(&manifests, Some("test"), now).map_err(|error| error.to_string())?;
    match compiled.findings.iter().find(|finding| finding.is_error()) {
        Some(error) => Err(format!("{}: {}", error.spot, error.message)),
        None => Ok(compiled),
    }
}
