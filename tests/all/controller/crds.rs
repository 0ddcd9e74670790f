//! The definitions on a real API server: accepted without a warning, and as strict and as clear as `validate`.

use crate::support::cluster::Cluster;
use crate::support::served::document;
use crate::support::workspace::{Run, Workspace, shows, snapshots};
use koreconcile::manifest::kinds::{crds, rules};
use regex::Regex;
use serde_json::Value;
use std::fmt::Write as _;

const CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");

/// The smallest object of each kind, in the order they are documented.
fn smallest() -> [(&'static str, String); 13] {
    let digest = "d".repeat(64);
    [
        ("KoreAccount", "{ endpoint: { sandbox: { dataDir: acme } } }".to_owned()),
        ("KoreUser", "{ email: jane@example.com }".to_owned()),
        ("KoreTeam", "{}".to_owned()),
        ("KoreGroupMembership", "{ group: QA }".to_owned()),
        ("KoreRole", "{ type: Bot, name: Release Manager }".to_owned()),
        ("KoreRoleBinding", "{ role: { type: Bot, name: Bot Tester }, bot: Banking }".to_owned()),
        ("KoreBotAssignment", "{ bot: Banking }".to_owned()),
        ("KorePolicy", "{ validationActions: [Warn], allow: {} }".to_owned()),
        ("KorePolicyException", "{ policy: case, expiresAt: 2030-02-01T00:00:00Z }".to_owned()),
        ("KoreBaseline", "{ facts: [] }".to_owned()),
        ("KoreArea", "{ namespaces: [team], owners: [\"@team\"] }".to_owned()),
        (
            "KorePlan",
            format!(
                "{{ account: acme, digest: {digest}, part: 1/1, counts: {{ add: 1, change: 0, remove: 2 }}, \
                 risk: high, riskiest: \"- Bot Tester on Banking\", changes: [] }}"
            ),
        ),
        ("KorePlanApproval", format!("{{ account: acme, digest: {digest}, reason: change 42 }}")),
    ]
}

#[test]
fn verb_prints_a_document_a_kind() {
    let workspace = Workspace::with(&[]);
    let all = workspace.run(&["crds"]).expect(0).stdout;
    let each: Vec<String> =
        smallest().iter().map(|(kind, _)| workspace.run(&["crds", kind]).expect(0).stdout).collect();
    assert_eq!(all, each.join("---\n"));
    assert!(each.iter().all(|one| one.matches("\nkind: CustomResourceDefinition\n").count() == 1), "{all}");
}

#[test]
fn verb_names_the_kinds_when_asked_for_another() {
    shows!(Workspace::with(&[]).run(&["crds", "KoreUsr"]).expect(3));
}

#[test]
fn are_accepted_without_a_warning_and_structural() {
    let cluster = Cluster::shared();
    let run = cluster.kubectl(&["apply", "--server-side", "--dry-run=server", "-f", CRDS]).run().expect(0);
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (13, ""), "{run}");
    let all = cluster.kubectl(&["get", "crd", "-o", "json"]).run().expect(0);
    let all: Value = serde_json::from_str(&all.stdout).unwrap();
    let all = all["items"].as_array().unwrap();
    assert_eq!(all.len(), 13);
    for crd in all {
        let mut conditions: Vec<_> = crd["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|condition| [&condition["type"], &condition["status"]].map(|text| text.as_str().unwrap()))
            .collect();
        conditions.sort_unstable();
        // A schema that is not structural would be a third.
        assert_eq!(conditions, [["Established", "True"], ["NamesAccepted", "True"]], "{crd}");
    }
}

#[test]
fn are_found_by_short_names_and_one_category() {
    shows!(
        Cluster::shared()
            .kubectl(&["api-resources", "--api-group=koreconcile.dev", "-o", "wide"])
            .run()
            .expect(0)
    );
}

#[test]
fn every_kind_has_a_status_of_its_own() {
    let served =
        Cluster::shared().kubectl(&["get", "--raw", "/apis/koreconcile.dev/v1alpha1"]).run().expect(0);
    for (kind, _) in smallest() {
        let plural = format!("{}s", kind.to_lowercase()).replace("policys", "policies");
        let status = format!("\"name\":\"{plural}/status\"");
        assert!(served.stdout.contains(&status), "{status} in {served}");
    }
}

/// For each rule that one object can break by itself: who breaks it, and nothing else.
const BROKEN: &[(&rules::NamedRule, &str, &str)] = &[
    (&rules::ONE_ENDPOINT, "KoreAccount", "{ endpoint: {} }"),
    (&rules::CREDENTIALS_FOR_HOST, "KoreAccount", "{ endpoint: { host: \"https://platform.kore.ai\" } }"),
    (
        &rules::ONE_SECRET_SOURCE,
        "KoreAccount",
        "{ endpoint: { host: \"https://platform.kore.ai\" }, credentials: { clientId: {}, clientSecret: { env: S } } }",
    ),
    (
        &rules::ONE_SUBJECT,
        "KoreRoleBinding",
        "{ role: { type: Admin, name: Auditor }, subjects: [{ reason: nobody }] }",
    ),
    (
        &rules::ONE_PERSON_SUBJECT,
        "KoreBotAssignment",
        "{ bot: Banking, subjects: [{ user: jane@example.com, team: bankers }] }",
    ),
    (&rules::ONE_ABSENT, "KoreRoleBinding", "{ role: { type: Admin, name: Auditor }, absent: [{}] }"),
    (&rules::LOCAL_GROUP, "KoreGroupMembership", "{ group: QA, membership: Authoritative }"),
    (&rules::BOT_OF_ROLE, "KoreRoleBinding", "{ role: { type: Bot, name: Bot Tester } }"),
    (&rules::NO_BOT_OWNER, "KoreRoleBinding", "{ role: { type: Bot, name: App Owner }, bot: Banking }"),
    (
        &rules::MASTER_ADMIN_TO_USERS,
        "KoreRoleBinding",
        "{ role: { type: Admin, name: Master Admin }, subjects: [{ group: QA }] }",
    ),
    (
        &rules::ONE_HOLDER,
        "KoreBaseline",
        "{ facts: [{ user: jane@example.com, group: QA, role: { type: Admin, name: Auditor }, since: \"2026-11-30\" }] }",
    ),
    (&rules::KNOWN_FACT, "KoreBaseline", "{ facts: [{ group: QA, since: \"2026-11-30\" }] }"),
    (&rules::AREA_IS_SOMEWHERE, "KoreArea", "{ owners: [lea.ost@example.com] }"),
    (&rules::FIXED_ROLES, "KoreRole", "{ type: Admin, name: admin }"),
    (&rules::POLICY_SHAPE, "KorePolicy", "{ validationActions: [Deny] }"),
    (&rules::ONLY_WITH_RULE, "KorePolicy", "{ validationActions: [Deny], allow: {}, message: nope }"),
    (
        &rules::ONE_POLICY_MESSAGE,
        "KorePolicy",
        "{ validationActions: [Deny], rule: \"true\", message: nope, messageExpression: \"'no'\" }",
    ),
    (&rules::DENY_OR_WARN, "KorePolicy", "{ validationActions: [Deny, Warn], allow: {} }"),
    (
        &rules::MIN_HOLDS_NOBODY,
        "KorePolicy",
        "{ validationActions: [Deny], holders: { roles: [Bot Tester], min: 1 } }",
    ),
    (
        &rules::REMOVAL_IS_NOT_HELD,
        "KorePolicy",
        "{ validationActions: [Warn], together: { roles: [Bot Tester], needs: [Bot Developer], onRemoval: Deny } }",
    ),
    (&rules::SOME_ROLES, "KorePolicy", "{ validationActions: [Warn], exclusive: {} }"),
    (&rules::SOME_REQUIREMENT, "KorePolicy", "{ validationActions: [Warn], require: {} }"),
    (&rules::SOME_BOUND, "KorePolicy", "{ validationActions: [Warn], holders: { roles: [Bot Tester] } }"),
];

#[test]
fn rules_say_the_same_in_a_cluster_and_offline() {
    let namespace = Cluster::shared().namespace("rules");
    let mut seen = String::new();
    // The schema itself asks for an entry of `together.needs`, before any rule does.
    let is_alone = |rule: &&rules::NamedRule| rule.expression != rules::SOME_NEEDS.expression;
    for rule in rules::ALL.iter().chain(&rules::OF_POLICIES).filter(is_alone) {
        let broken = BROKEN.iter().find(|(broken, _, _)| broken.expression == rule.expression);
        let (_, kind, spec) = broken.unwrap_or_else(|| panic!("no document breaks: {}", rule.message));
        let document = document(kind, "case", spec);
        let offline = Workspace::with(&[("case.yaml", &document)]).run(&["validate"]).expect(3);
        let words = format!("error[{}]: {}\n", rule.code.name(), rule.message);
        assert_eq!(offline.said().matches(&words).count(), 1, "{words} in {offline}");
        let server = namespace.apply(&document).run().expect(1);
        let words = format!("{} ({})\n", rule.message, rule.code.name());
        assert!(server.stderr.starts_with(&format!("The {kind} \"case\" is invalid: ")), "{server}");
        assert!(server.stderr.ends_with(&words) && server.stderr.lines().count() == 1, "{words} in {server}");
        let _ = writeln!(seen, "{spec}\n  {}", server.stderr.trim_end());
    }
    assert_eq!(BROKEN.len() + 1, rules::ALL.len() + rules::OF_POLICIES.len());
    let _guard = snapshots();
    insta::assert_snapshot!(seen);
}

#[test]
fn keep_what_an_object_is_about() {
    let namespace = Cluster::shared().namespace("immutable");
    let mut seen = String::new();
    for (kind, spec) in smallest() {
        namespace.apply(&document(kind, "case", &spec)).run().expect(0);
    }
    for (kind, change) in [
        ("koreuser", r#"{"spec":{"email":"joan@example.com"}}"#),
        ("koregroupmembership", r#"{"spec":{"group":"Others"}}"#),
        ("korerole", r#"{"spec":{"name":"Others"}}"#),
        ("korerole", r#"{"spec":{"type":"Admin"}}"#),
        ("korerolebinding", r#"{"spec":{"role":{"name":"Bot Developer"}}}"#),
        ("korerolebinding", r#"{"spec":{"bot":"Travel"}}"#),
        ("korebotassignment", r#"{"spec":{"bot":"Travel"}}"#),
        ("koreplan", r#"{"spec":{"part":"1/2"}}"#),
        ("koreplanapproval", r#"{"spec":{"reason":"another"}}"#),
    ] {
        let run =
            namespace.kubectl(&["patch", kind, "case", "--type=merge", "--patch", change]).run().expect(1);
        assert!(run.stderr.contains("immutable"), "{run}");
        let _ = writeln!(seen, "{kind} {change}\n  {}", run.stderr.trim_end());
    }
    let state = r#"{"spec":{"state":"Absent","firstName":"Jane"}}"#;
    namespace.kubectl(&["patch", "koreuser", "case", "--type=merge", "--patch", state]).run().expect(0);
    let _guard = snapshots();
    insta::assert_snapshot!(seen);
}

#[test]
fn defaults_are_written_by_the_server() {
    let namespace = Cluster::shared().namespace("defaults");
    let mut seen = String::new();
    for (kind, spec) in smallest().into_iter().filter(|(kind, _)| !kind.starts_with("KorePlan")) {
        let run =
            namespace.kubectl(&["create", "-f", "-", "-o", "json"]).input(&document(kind, "case", &spec));
        let stored: Value = serde_json::from_str(&run.run().expect(0).stdout).unwrap();
        let _ = writeln!(seen, "{kind} {spec}\n{}", serde_json::to_string_pretty(&stored["spec"]).unwrap());
    }
    let _guard = snapshots();
    insta::assert_snapshot!(seen);
}

#[test]
fn bound_every_list_map_and_text() {
    fn unbounded(path: &str, schema: &Value, found: &mut Vec<String>) {
        let is_bounded = match schema["type"].as_str() {
            Some("string") => schema["enum"].is_array() || schema["maxLength"].is_u64(),
            Some("array") => schema["maxItems"].is_u64(),
            Some("object") => schema["additionalProperties"].is_null() || schema["maxProperties"].is_u64(),
            _ => true,
        };
        if !is_bounded {
            found.push(path.to_owned());
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            unbounded(&format!("{path}.{name}"), property, found);
        }
        unbounded_of(path, &schema["items"], found);
        unbounded_of(path, &schema["additionalProperties"], found);
    }
    fn unbounded_of(path: &str, inner: &Value, found: &mut Vec<String>) {
        if inner.is_object() {
            unbounded(&format!("{path}[]"), inner, found);
        }
    }
    let mut found = Vec::new();
    for crd in crds() {
        let crd = serde_json::to_value(&crd).unwrap();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        assert_eq!(schema["type"], "object");
        unbounded(crd["spec"]["names"]["kind"].as_str().unwrap(), schema, &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
    let many: String = (0..1001).map(|number| format!("u{number}@example.com, ")).collect();
    let team = document("KoreTeam", "many", &format!("{{ members: [{many}] }}"));
    let run = Cluster::shared().namespace("bounds").apply(&team).run().expect(1);
    assert!(run.stderr.contains("spec.members: Too many: 1001: must have at most 1000 items"), "{run}");
}

#[test]
fn columns_show_what_a_person_wants() {
    let namespace = Cluster::shared().namespace("columns");
    for (kind, spec) in smallest() {
        namespace.apply(&document(kind, "case", &spec)).run().expect(0);
    }
    let ready = |status: &str, reason: &str| {
        format!(
            r#""conditions":[{{"type":"Ready","status":"{status}","reason":"{reason}","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}}]"#
        )
    };
    for (kind, status) in [
        ("koreaccount", ready("True", "UpToDate")),
        ("koreuser", format!(r#""membership":"Invited",{}"#, ready("True", "WaitingForAcceptance"))),
        ("koreteam", ready("False", "ReferenceMissing")),
        ("koregroupmembership", ready("False", "Progressing")),
        ("korerole", ready("True", "UpToDate")),
        ("korerolebinding", ready("False", "ApprovalRequired")),
        ("korepolicy", ready("False", "Invalid")),
        ("koreplan", r#""phase":"Pending","approved":0"#.to_owned()),
    ] {
        let patch = format!(r#"{{"status":{{{status}}}}}"#);
        let args = ["patch", kind, "case", "--subresource=status", "--type=merge", "--patch", &patch];
        namespace.kubectl(&args).run().expect(0);
    }
    let _guard = snapshots();
    insta::assert_snapshot!(aged(&namespace.kubectl(&["get", "kore"]).run().expect(0)));
    insta::assert_snapshot!("columns_users", aged(&namespace.kubectl(&["get", "ku"]).run().expect(0)));
    let plans = namespace.kubectl(&["get", "kp", "-o", "wide"]).run().expect(0);
    insta::assert_snapshot!("columns_plans_wide", aged(&plans));
}

/// Without the number of the namespace, and how long ago something was.
fn aged(run: &Run) -> String {
    let shown = Regex::new(r"columns-\d+").unwrap().replace(&run.to_string(), "columns-N").into_owned();
    let aged = Regex::new(r"(?m)\b\d+(s|m(\d+s)?)( +|$)").unwrap().replace_all(&shown, "AGE   ").into_owned();
    aged.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn examples_go_through_kubectl_apply_unchanged() {
    for (example, people, someone) in
        [("quickstart", 15, "jane.doe@example.com"), ("enterprise", 257, "riley.reed@partner.example.com")]
    {
        let namespace = Cluster::shared().namespace(example);
        let workspace = Workspace::example(example);
        // Its endpoint and credentials differ in a cluster.
        let account = std::fs::read_to_string(workspace.path("account.yaml")).unwrap();
        let account: String =
            account.split_inclusive('\n').filter(|line| !line.contains("sources:")).collect();
        std::fs::remove_file(workspace.path("account.yaml")).unwrap();
        let folder = workspace.path("");
        let args = ["apply", "--server-side", "--recursive", "-f", folder.to_str().unwrap()];
        let run = namespace.kubectl(&args).run().expect(0);
        assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (people, ""), "{run}");

        let field = format!("spec.email={someone}");
        let found =
            namespace.kubectl(&["get", "ku", "--field-selector", &field, "-o", "name"]).run().expect(0);
        assert_eq!(found.stdout.lines().count(), 1, "{found}");

        // What is stored, with defaults and all, is what the command line would read too.
        let stored = namespace.kubectl(&["get", "kore", "-o", "yaml"]).run().expect(0);
        let again = Workspace::with(&[("account.yaml", &account), ("stored.yaml", &stored.stdout)]);
        let run = again.run(&["validate", "account.yaml", "stored.yaml"]).expect(0);
        let sound = format!("{} manifests are valid\n", people + 1);
        assert!(run.stderr.ends_with(&sound), "{run}");
    }
}
