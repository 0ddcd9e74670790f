//! Policies over objects on a real API server: for each object of a corpus it says what `validate` says offline, with the
//! same verdict, message and code.

use crate::support::cluster::Cluster;
use crate::support::served::document;
use crate::support::workspace::Workspace;
use std::fmt::Write as _;

const ACCOUNT: &str = "{ endpoint: { sandbox: { dataDir: data } } }";

/// Policies by name.
const POLICIES: [(&str, &str); 6] = [
    (
        "reasons",
        "{ severity: high, validationActions: [Deny], over: Object, match: { kinds: [KoreRoleBinding] }, \
         rule: \"!has(object.spec.subjects) || object.spec.subjects.all(s, has(s.reason))\", \
         message: each subject has a reason }",
    ),
    (
        "names",
        "{ severity: low, validationActions: [Deny], over: Object, match: { kinds: [KoreRoleBinding, KoreTeam] }, \
         rule: \"object.metadata.name.matches('^[a-z]+$')\", \
         messageExpression: \"'the ' + object.kind + ' ' + object.metadata.name + ' has a \\\"name\\\" of letters'\" }",
    ),
    (
        "small-teams",
        "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam] }, \
         rule: \"!has(object.spec.members) || size(object.spec.members) <= 2\" }",
    ),
    (
        "authoritative",
        "{ severity: critical, validationActions: [Warn], over: Object, match: { kinds: [KoreRoleBinding] }, \
         rule: \"object.spec.membership == 'Authoritative'\", message: lists are authoritative }",
    ),
    (
        "written-lists",
        "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam] }, \
         rule: \"!has(object.spec.teams)\", message: teams are flat }",
    ),
    (
        "dates",
        "{ validationActions: [Deny], over: Object, match: { kinds: [KoreRoleBinding] }, \
         rule: \"!has(object.spec.subjects) || object.spec.subjects.all(s, !has(s.expiresAt) || s.expiresAt.startsWith('2030'))\", \
         message: ends are in 2030 }",
    ),
];

/// Objects by kind and name, each sound in itself.
const CORPUS: [(&str, &str, &str); 10] = [
    ("KoreTeam", "small", "{ members: [a@example.com] }"),
    ("KoreTeam", "large", "{ members: [a@example.com, b@example.com, c@example.com] }"),
    ("KoreTeam", "a-b", "{}"),
    ("KoreTeam", "flat", "{ teams: [] }"),
    (
        "KoreRoleBinding",
        "sound",
        "{ role: { type: Admin, name: Auditor }, membership: Authoritative, subjects: [{ user: a@example.com, reason: audit }] }",
    ),
    (
        "KoreRoleBinding",
        "silent",
        "{ role: { type: Admin, name: Auditor }, membership: Authoritative, subjects: [{ user: a@example.com }] }",
    ),
    (
        "KoreRoleBinding",
        "additive",
        "{ role: { type: Admin, name: Auditor }, subjects: [{ user: a@example.com, reason: audit }] }",
    ),
    ("KoreRoleBinding", "empty", "{ role: { type: Admin, name: Auditor }, membership: Authoritative }"),
    (
        "KoreRoleBinding",
        "late",
        "{ role: { type: Admin, name: Auditor }, membership: Authoritative, subjects: [{ user: a@example.com, reason: audit, expiresAt: 2031-01-01T00:00:00Z }] }",
    ),
    (
        "KoreRoleBinding",
        "in-time",
        "{ role: { type: Admin, name: Auditor }, membership: Authoritative, subjects: [{ user: a@example.com, reason: audit, expiresAt: 2030-01-01T00:00:00Z }] }",
    ),
];

/// The policies in a namespace, under names that no other test has.
fn policies(prefix: &str, namespace: &str) -> String {
    let mut text = document("KoreAccount", "acme", ACCOUNT);
    for (name, spec) in POLICIES {
        let head = format!("{{ name: {prefix}-{name} }}");
        let placed = format!("{{ name: {prefix}-{name}, namespace: {namespace} }}");
        text.push_str(&document("KorePolicy", &format!("{prefix}-{name}"), spec).replace(&head, &placed));
    }
    text
}

#[test]
fn says_of_every_object_what_validate_says_offline() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("admission");
    let policies = policies(&namespace.name, &namespace.name);
    let workspace = Workspace::with(&[("policies.yaml", &policies)]);
    let printed = workspace.run(&["crds", "--admission", "."]).expect(0);
    assert_eq!(printed.stdout.matches("kind: ValidatingAdmissionPolicyBinding").count(), POLICIES.len());
    namespace.apply(&printed.stdout).run().expect(0);
    // The server takes a while until it uses a policy; the last one is in use when it refuses what it is about.
    let probe = document("KoreRoleBinding", "probe", CORPUS[8].2);
    let refused = || {
        let run = namespace.kubectl(&["apply", "--dry-run=server", "-f", "-"]).input(&probe).run();
        run.stderr.contains("ends are in 2030")
    };
    assert!(crate::support::cluster_harness::within(refused), "the policies are never used");
    let mut compared = 0;
    for (kind, name, spec) in CORPUS {
        let text = document(kind, name, spec);
        workspace.write("case.yaml", &text);
        let offline = workspace.run(&["validate"]).said();
        let server = namespace.apply(&text).run();
        let expected = findings(&offline);
        let mut told = String::new();
        for (code, message) in expected.iter().filter_map(|line| line.split_once("]: ")) {
            let code = code.rsplit('[').next().unwrap();
            let _ = writeln!(told, "{message} ({code})");
            assert!(
                server.stderr.contains(&format!("{message} ({code})")),
                "{message} ({code}) not in {server}"
            );
            compared += 1;
        }
        let is_denied = expected.iter().any(|line| line.starts_with("error["));
        assert_eq!(server.code, Some(i32::from(is_denied)), "{name}: {told}{server}");
        assert_eq!(server.stderr.contains("(policy "), !expected.is_empty(), "{name}: {told}{server}");
    }
    assert_eq!(compared, 7);
    // What belongs to another account is judged by that one's policies.
    let foreign = document(
        "KoreTeam",
        "a-c",
        "{ account: elsewhere, members: [a@example.com, b@example.com, c@example.com] }",
    );
    namespace.apply(&foreign).run().expect(0);
}

/// The findings of policies, as `error[code]: message`.
fn findings(offline: &str) -> Vec<String> {
    let is_policy = |line: &&str| {
        line.contains("(policy ") && (line.starts_with("error[") || line.starts_with("warning["))
    };
    offline.lines().filter(is_policy).map(str::to_owned).collect()
}

#[test]
fn what_the_server_could_not_judge_is_found_offline() {
    let says = |spec: &str, code: i32| {
        let text = [document("KoreAccount", "acme", ACCOUNT), document("KorePolicy", "case", spec)].concat();
        Workspace::with(&[("case.yaml", &text)]).run(&["validate"]).expect(code).said()
    };
    for (spec, said) in [
        ("{ validationActions: [Deny], over: Object, rule: \"true\" }", "names the kinds that it looks at"),
        (
            "{ validationActions: [Deny], over: Object, match: { kinds: [KoreRolBinding] }, rule: \"true\" }",
            "did you mean KoreRoleBinding?",
        ),
        (
            "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam] }, rule: \"object.spec.membres.size() == 0\" }",
            "a KoreTeam has no field membres",
        ),
        (
            "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam, KoreUser] }, rule: \"!has(object.spec.members)\" }",
            "a KoreUser has no field members",
        ),
        (
            "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam] }, rule: \"object.spec.members.size() == 0\" }",
            "object.spec.members may be unknown",
        ),
        (
            "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam] }, rule: \"now > timestamp('2030-01-01T00:00:00Z')\" }",
            "there is no variable now",
        ),
        (
            "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam], roles: [Auditor] }, rule: \"true\" }",
            "does not look at match.roles",
        ),
        (
            "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam] }, rule: \"true\", message: \"a\\nb\" }",
            "an API server shows no message of several lines",
        ),
        (
            "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam] }, rule: \"true\", deadline: 2030-01-01T00:00:00Z }",
            "a rule over Object finds nothing that could stay until a deadline",
        ),
        (
            "{ validationActions: [Deny], over: Grant, match: { kinds: [KoreTeam] }, rule: \"true\" }",
            "does not look at match.kinds",
        ),
    ] {
        let offline = says(spec, 3);
        assert!(offline.contains(said), "{said}: {offline}");
    }
    let exception = document("KorePolicyException", "e", "{ policy: case, expiresAt: 2099-01-01T00:00:00Z }");
    let sound = "{ validationActions: [Deny], over: Object, match: { kinds: [KoreTeam] }, rule: \"true\" }";
    let text = [document("KoreAccount", "acme", ACCOUNT), document("KorePolicy", "case", sound)].concat();
    let workspace = Workspace::with(&[("case.yaml", &text)]);
    workspace.run(&["validate"]).expect(0);
    workspace.write("exception.yaml", &exception);
    let run = workspace.run(&["validate"]).expect(3);
    assert!(run.stderr.contains("is over objects, and takes no exceptions"), "{run}");
    workspace.write(
        "exception.yaml",
        &document(
            "KorePolicyException",
            "e",
            "{ policy: case, match: { kinds: [KoreTeam] }, expiresAt: 2099-01-01T00:00:00Z }",
        ),
    );
    let run = workspace.run(&["validate"]).expect(3);
    assert!(run.stderr.contains("an exception does not look at match.kinds"), "{run}");
}

#[test]
fn flags_and_manifests_without_such_policies() {
    let workspace = Workspace::example("policies");
    let run = workspace.run(&["crds", "--admission"]).expect(0);
    assert!(run.stdout.is_empty() && run.stderr.contains("no KorePolicy is over: Object"), "{run}");
    workspace.run(&["crds", "KoreUser", "--admission"]).expect(3);
    workspace.run(&["crds", "--account", "acme"]).expect(3);
    let run = workspace.run(&["crds", "--admission", "nowhere"]).expect(3);
    assert!(run.stderr.contains("nowhere"), "{run}");
    // The namespaces that the account lets in are judged too.
    let account = "{ endpoint: { sandbox: { dataDir: data } } }";
    let area = "{ namespaces: [team-a], owners: [\"@team-a\"] }";
    let place = |text: String, name: &str| {
        text.replace(&format!("{{ name: {name} }}"), &format!("{{ name: {name}, namespace: kore }}"))
    };
    let text = [
        place(document("KoreAccount", "acme", account), "acme"),
        place(document("KoreArea", "team", area), "team"),
        place(document("KorePolicy", "small", POLICIES[2].1), "small"),
    ];
    let workspace = Workspace::with(&[("case.yaml", &text.concat())]);
    let run = workspace.run(&["crds", "--admission"]).expect(0);
    assert_eq!(run.stdout.matches("name: small.acme.kore.koreconcile.dev").count(), 2, "{run}");
    let namespaces: Vec<&str> =
        run.stdout.lines().map(str::trim).filter(|line| ["- kore", "- team-a"].contains(line)).collect();
    assert_eq!(namespaces, ["- kore", "- team-a"], "{run}");
}
