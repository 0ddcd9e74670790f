//! Policies on the command line: what is wrong with them, what the declaration violates, and a plan under them.

use crate::facts::{Desired, Location, Policy, RuleAction, RuleSet, Source, World};
use crate::manifest::{Code, Compiled, Finding, Span, Spot};
use crate::plan::{Context, Plan};
use crate::policy::{self, Breach, Known, Policies, Problem, Reviewed};
use jiff::Timestamp;

/// What is wrong with the policies themselves, as findings.
pub(super) fn problems(rules: &RuleSet) -> Vec<Finding> {
    let (_, problems) = policy::compile(rules);
    let finding = |Problem { policy, source, message, hint }: Problem| {
        Finding::new(Code::PolicyCel, spot(&source), format!("policy {policy}: {message}")).hint(hint)
    };
    problems.into_iter().map(finding).collect()
}

/// What is declared and violates a policy, and exceptions that cover nothing of it.
pub(super) fn violations(compiled: &Compiled, now: Timestamp) -> Vec<Finding> {
    let Compiled { desired, rules, .. } = compiled;
    if rules.is_empty() {
        return Vec::new();
    }
    let (policies, _) = policy::compile(rules);
    let (breaches, unused) = policy::declared(&policies, rules, desired, now);
    let found = breaches.iter().map(|breach| violation(breach, &policies));
    let unused = unused.iter().map(|exception| {
        let message = format!("this exception from {} covers nothing that is declared", exception.policy);
        Finding::new(Code::ExceptionUnused, spot(&exception.source), message)
            .hint("delete it; keep it only where the account holds what no manifest declares")
    });
    found.chain(unused).collect()
}

/// The finding stands at the last line of those that together are the violation; the others are related to it.
fn violation(breach: &Breach, policies: &Policies) -> Finding {
    let code = match breach.action {
        RuleAction::Deny => Code::PolicyDenied,
        RuleAction::Warn => Code::PolicyWarned,
        RuleAction::Audit => Code::PolicyAudited,
    };
    let rule = &policies.all()[breach.at.0].rule;
    let hint = match &rule.description {
        Some(description) => description.clone(),
        None => "take one of the lines out, or make an exception (KorePolicyException)".to_owned(),
    };
    let message = format!("{} (policy {}, {})", breach.message, breach.policy, breach.severity.label());
    let mut sources: Vec<&Source> = breach.sources.iter().collect();
    let Some(last) = sources.pop() else {
        return Finding::new(code, spot(&rule.source), message).hint(hint);
    };
    let finding = Finding::new(code, spot(last), message).hint(hint);
    let finding =
        sources.into_iter().fold(finding, |finding, source| finding.related(spot(source), "with this line"));
    finding.related(spot(&rule.source), "the policy")
}

/// What a review has to know about the declaration after it became a plan: nothing where there are no policies.
pub(super) fn needed(desired: &Desired, rules: &RuleSet) -> Desired {
    if rules.is_empty() { Desired::default() } else { desired.clone() }
}

/// A plan with what the policies say about it.
pub(super) fn review(
    plan: Plan,
    declared: (&Desired, &RuleSet),
    world: &World,
    policy: &Policy,
    context: &Context,
) -> Plan {
    let (desired, set) = declared;
    let (policies, _) = policy::compile(set);
    let known = Known::observed(desired, set, world);
    policy::review(plan, &Reviewed { policies: &policies, set, known: &known, world, policy, context })
}

fn spot(source: &Source) -> Spot {
    match &source.place {
        Location::File { file, line, column } => Spot {
            file: std::sync::Arc::clone(file),
            span: Span { line: *line, column: *column, ..Span::default() },
        },
        Location::Resource { .. } => Spot { file: source.to_string().into(), span: Span::default() },
    }
}
