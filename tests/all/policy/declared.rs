//! Policies over a declaration, and what is wrong with the policies themselves.

use super::{compiled, documents, findings, now};
use koreconcile::manifest::{self, Input};
use koreconcile::policy;

fn declared(lines: &[&str]) -> Vec<String> {
    let compiled = compiled(lines);
    let (policies, problems) = policy::compile(&compiled.rules);
    assert_eq!(problems, []);
    let (breaches, unused) = policy::declared(&policies, &compiled.rules, &compiled.desired, now());
    let breaches = breaches.iter().map(|breach| {
        let lines: Vec<String> = breach.sources.iter().map(ToString::to_string).collect();
        format!("{} ({})", breach.message, lines.join(", "))
    });
    breaches.chain(unused.iter().map(|exception| format!("unused {}", exception.name))).collect()
}

#[test]
fn a_declaration_is_judged_by_itself_with_the_lines_that_conflict() {
    let found = declared(&[
        "KorePolicy p: { validationActions: [Deny], exclusive: { roles: [Bot Developer, Bot Tester] } }",
        "KoreTeam t: { members: [jane@example.com] }",
        "KoreRoleBinding a: { role: { type: Bot, name: Bot Developer }, bot: One, subjects: [{ team: t }] }",
        "KoreRoleBinding b: { role: { type: Bot, name: Bot Tester }, bot: Two, subjects: [{ user: jane@example.com }] }",
        "KorePolicyException e: { policy: p, match: { emails: [kim@example.com] }, expiresAt: 2031-01-01T00:00:00Z }",
    ]);
    assert_eq!(
        found,
        [
            "jane@example.com holds Bot Developer on One and Bot Tester on Two: at most 1 of Bot Developer, Bot Tester \
             (a.yaml:20 (team t), a.yaml:25)",
            "unused e",
        ]
    );
}

#[test]
fn policies_that_mean_nothing_are_found_at_their_line() {
    for (line, message) in [
        ("{ validationActions: [Deny] }", "policy-shape: a policy has at least one of"),
        (
            "{ validationActions: [Deny, Warn], rule: 'true' }",
            "policy-action: validationActions has at least one action",
        ),
        (
            "{ validationActions: [Deny], holders: { roles: [Master Admin], min: 2 } }",
            "policy-action: holders.min",
        ),
        (
            "{ validationActions: [Deny], together: { roles: [Bot Tester], needs: [Bot Developer], onRemoval: Deny } }",
            "policy-action: together.onRemoval",
        ),
        ("{ validationActions: [Deny], over: Grant, allow: {} }", "policy-shape: over, message"),
        (
            "{ validationActions: [Deny], exclusive: { atMost: 1 } }",
            "policy-shape: no role and no permission",
        ),
        ("{ validationActions: [Deny], require: {} }", "policy-shape: require asks for nothing"),
        (
            "{ validationActions: [Deny], holders: { roles: [Master Admin] } }",
            "policy-shape: holders has a min",
        ),
        ("{ validationActions: [Deny], exclusive: { roles: [Bot Developr] } }", "policy-role: no role named"),
        (
            "{ validationActions: [Deny], exclusive: { roles: [Night Watch] } }",
            "policy-role-unseen: no role named",
        ),
        (
            "{ validationActions: [Deny], exclusive: { roles: [Master Admin], on: SameBot } }",
            "policy-match: \"Master Admin\" is an admin role",
        ),
        (
            "{ validationActions: [Deny], match: { emailDomains: [a.example.com], notEmailDomains: [A.example.com] }, allow: {} }",
            "policy-match: every domain",
        ),
        (
            "{ validationActions: [Deny], match: { emailDomains: ['@example.com'] }, allow: {} }",
            "policy-match: \"@example.com\" is not a domain",
        ),
        (
            "{ validationActions: [Deny], match: { emails: [a@b.example.com], emailDomains: [example.com] }, allow: {} }",
            "policy-match: \"a@b.example.com\" is not in",
        ),
        (
            "{ validationActions: [Deny], match: { emails: [jane] }, allow: {} }",
            "policy-match: \"jane\" is neither",
        ),
        (
            "{ validationActions: [Deny], match: { risk: [high] }, exclusive: { roles: [Bot Tester] } }",
            "policy-match: exclusive does not look at match.risk",
        ),
        (
            "{ validationActions: [Deny], match: { roles: [Bot Tester] }, over: Bot, rule: 'true' }",
            "policy-match: rule over Bot does not look at match.roles",
        ),
        (
            "{ validationActions: [Deny], match: { roles: [Master Admin], bots: [B] }, require: { reason: true } }",
            "policy-match: match.roles names admin roles only",
        ),
        ("{ validationActions: [], allow: {} }", "out-of-range: validationActions has 0 items"),
        ("{ validationActions: [Warn], together: { roles: [Bot Tester], needs: [] } }", "out-of-range"),
        ("{ allow: {} }", "missing-field: validationActions"),
        ("{ validationActions: [Refuse], allow: {} }", "unknown-value"),
        ("{ validationActions: [Deny], allows: {} }", "unknown-field"),
    ] {
        let found = findings(&[&format!("KorePolicy p: {line}")]);
        assert!(found.iter().any(|finding| finding.starts_with(message)), "{line}: {found:#?}");
    }
}

#[test]
fn exceptions_need_a_policy_and_an_end() {
    let policy = "KorePolicy separation: { validationActions: [Deny], allow: {} }";
    for (line, message) in [
        ("{ policy: separation }", "missing-field: expiresAt"),
        (
            "{ policy: seperation, expiresAt: 2031-01-01T00:00:00Z }",
            "unknown-policy: there is no KorePolicy named",
        ),
        ("{ policy: separation, expiresAt: soon }", "timestamp"),
        ("{ policy: separation, expiresAt: 2029-01-01T00:00:00Z }", "exception-ended: this exception"),
    ] {
        let found = findings(&[policy, &format!("KorePolicyException e: {line}")]);
        assert!(found.iter().any(|finding| finding.starts_with(message)), "{line}: {found:#?}");
    }
}

#[test]
fn cel_that_cannot_hold_is_a_problem_of_its_policy() {
    let compiled = compiled(&[
        "KorePolicy a: { validationActions: [Deny], over: Grant, rule: \"grant.rol == 'x'\" }",
        "KorePolicy b: { validationActions: [Deny], require: { ticket: \"[\" } }",
        "KorePolicy c: { validationActions: [Deny], rule: \"true\", messageExpression: \"person.declared\" }",
        "KorePolicy d: { validationActions: [Deny], rule: \"person.declared\" }",
    ]);
    let (policies, problems) = policy::compile(&compiled.rules);
    let said: Vec<String> = problems
        .iter()
        .map(|problem| format!("{}: {} {}", problem.policy, problem.source, problem.message))
        .collect();
    assert_eq!(problems[0].hint, "did you mean role?");
    assert_eq!(said[0], "a: a.yaml:10 rule: a grant has no field rol");
    assert!(said[1].starts_with("b: a.yaml:15 require.ticket is not a regular expression"), "{said:?}");
    assert_eq!(said[2], "c: a.yaml:20 messageExpression: it is a boolean, and a text is needed");
    assert_eq!((said.len(), policies.all().len()), (3, 1));
}

/// Where a finding points: its code and the text that begins there.
fn places(lines: &[&str]) -> Vec<String> {
    let text = documents(&[&["KoreAccount acme: { endpoint: { sandbox: { dataDir: x } } }"], lines].concat());
    let manifests = manifest::read(vec![Input::new("a.yaml", text.as_bytes())]);
    let compiled = manifest::compile(&manifests, None, now()).unwrap();
    let all = manifests.findings().iter().chain(&compiled.findings);
    let place = |finding: &manifest::Finding| {
        let manifest::Span { line, column, .. } = finding.spot.span;
        let line = text.lines().nth(line as usize - 1).unwrap();
        let there: String = line.chars().skip(column as usize - 1).take(12).collect();
        format!("{} at {there}", finding.code)
    };
    all.map(place).collect()
}

#[test]
fn what_is_wrong_is_found_where_it_is_written() {
    for (line, place) in [
        (
            "KorePolicy p: { validationActions: [Deny], exclusive: { roles: [Bot Tester, Bot Devloper] } }",
            "policy-role at Bot Devloper",
        ),
        (
            "KorePolicy p: { validationActions: [Deny], match: { emailDomains: [\"@example.com\"] }, allow: {} }",
            "policy-match at \"@example.co",
        ),
        (
            "KorePolicy p: { validationActions: [Deny], match: { emails: [jane] }, allow: {} }",
            "policy-match at jane] }, all",
        ),
        (
            "KorePolicy p: { validationActions: [Deny], deadline: 2030-01-01T00:00:00Z, over: Change, rule: 'true' }",
            "policy-match at 2030-01-01T0",
        ),
        (
            "KorePolicyException e: { policy: nowhere, expiresAt: 2031-01-01T00:00:00Z }",
            "unknown-policy at nowhere, exp",
        ),
    ] {
        assert_eq!(places(&[line]), [place], "{line}");
    }
    let unending = "KorePolicyException e: { policy: p }";
    let policy = "KorePolicy p: { validationActions: [Deny], allow: {} }";
    assert_eq!(places(&[policy, unending]), ["missing-field at { policy: p "]);
    let soon = "KorePolicy p: { validationActions: [Deny], deadline: soon, allow: {} }";
    assert_eq!(places(&[soon]), ["timestamp at soon, allow:"]);
    // What the types of a condition do not allow is told with the line of the condition.
    let unguarded = "KorePolicy p: { validationActions: [Deny], over: Grant, rule: \"grant.since < now\" }";
    let (_, problems) = policy::compile(&compiled(&[unguarded]).rules);
    let problem = problems.first().expect("it may be unknown");
    assert_eq!(problem.source.to_string(), "a.yaml:10");
    assert!(problem.message.contains("grant.since may be unknown"), "{}", problem.message);
    assert!(problem.hint.contains("has(grant.since)"), "{}", problem.hint);
}
