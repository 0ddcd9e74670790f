//! Policies on the command line: what is wrong with them, and what the declaration violates.

use crate::facts::{Email, Location, RuleAction, RuleSet, Source};
use crate::manifest::{Code, Compiled, Finding, Span, Spot};
use crate::policy::{self, Breach, Policies, Problem};
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
    let found = breaches.iter().map(|breach| violation(breach, &policies, now));
    let unused = unused.iter().map(|exception| {
        let message = format!("this exception from {} covers nothing that is declared", exception.policy);
        Finding::new(Code::ExceptionUnused, spot(&exception.source), message)
            .hint("delete it; keep it only where the account holds what no manifest declares")
    });
    found.chain(unused).collect()
}

/// The finding stands at the last line of those that together are the violation; the others are related to it.
fn violation(breach: &Breach, policies: &Policies, now: Timestamp) -> Finding {
    let rule = &policies.all()[breach.at.0].rule;
    let overdue = rule.passed_deadline(now);
    let code = match (breach.action, overdue) {
        (RuleAction::Deny, _) => Code::PolicyDenied,
        (RuleAction::Warn | RuleAction::Audit, Some(_)) => Code::PolicyOverdue,
        (RuleAction::Warn, None) => Code::PolicyWarned,
        (RuleAction::Audit, None) => Code::PolicyAudited,
    };
    let hint = match &rule.description {
        Some(description) => description.clone(),
        None => "take one of the lines out, or make an exception (KorePolicyException)".to_owned(),
    };
    let overdue = overdue.map(|deadline| format!("; its deadline was {deadline}")).unwrap_or_default();
    let message =
        format!("{} (policy {}, {}){overdue}", breach.message, breach.policy, breach.severity.label());
    let mut sources: Vec<&Source> = breach.sources.iter().collect();
    let Some(last) = sources.pop() else {
        return Finding::new(code, spot(&rule.source), message).hint(hint);
    };
    let finding = Finding::new(code, spot(last), message).hint(hint);
    let finding =
        sources.into_iter().fold(finding, |finding, source| finding.related(spot(source), "with this line"));
    finding.related(spot(&rule.source), "the policy")
}

/// What another declaration of the same account violates and this one does not, or what it makes worse.
pub(super) fn newly_violated(before: &Compiled, after: &Compiled, now: Timestamp) -> Vec<Breach> {
    if after.rules.is_empty() {
        return Vec::new();
    }
    let breaches = |compiled: &Compiled| {
        let (policies, _) = policy::compile(&compiled.rules);
        policy::declared(&policies, &compiled.rules, &compiled.desired, now).0
    };
    let before = breaches(before);
    let is_known = |breach: &Breach| {
        before.iter().any(|known| {
            (known.policy.as_str(), known.at.1, known.subject.as_str())
                == (breach.policy.as_str(), breach.at.1, breach.subject.as_str())
                && breach.facts.iter().all(|fact| known.facts.binary_search(fact).is_ok())
        })
    };
    breaches(after).into_iter().filter(|breach| !is_known(breach)).collect()
}

/// What a policy denies of all that is declared of one user, as one sentence each.
pub(super) fn denied_of(email: &Email, compiled: &Compiled, now: Timestamp) -> Vec<String> {
    let (policies, _) = policy::compile(&compiled.rules);
    let (breaches, _) = policy::declared(&policies, &compiled.rules, &compiled.desired, now);
    let is_theirs = |breach: &&Breach| {
        breach.action == RuleAction::Deny && breach.facts.iter().any(|fact| fact.email() == Some(email))
    };
    let found = breaches.iter().filter(is_theirs);
    found.map(|breach| format!("{} (policy {})", breach.message, breach.policy)).collect()
}

fn spot(source: &Source) -> Spot {
    match &source.place {
        Location::File { file, line, column } => Spot {
            file: std::sync::Arc::clone(file),
            span: Span { line: *line, column: *column, ..Span::default() },
        },
        Location::Resource(_) => Spot { file: source.to_string().into(), span: Span::default() },
    }
}
