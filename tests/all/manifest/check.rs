//! What is wrong with manifests is found, all at once, at its line, with the next step.
#![allow(clippy::format_collect, reason = "small texts, read more easily so")]

use crate::manifest::compile::now;
use koreconcile::manifest::load::{self, LARGEST_FILE};
use koreconcile::manifest::sources;
use koreconcile::manifest::{Code, Finding, Input, Manifests, check, compile, read, render};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// A case: documents, each without its apiVersion unless it has one, and what it is called.
const CASES: &[(&str, &str)] = &[
    (
        "syntax",
        "kind: KoreTeam\nmetadata: { name: a }\nspec: { members: [jane@example.com }\n---\nkind: KoreTeam\nmetadata: { name: B }\nspec: {}\n",
    ),
    ("syntax_template", "kind: KoreTeam\nmetadata:\n  name: {{ .Values.team }}\n  x: }\nspec: {}\n"),
    ("syntax_tab", "kind: KoreTeam\nmetadata:\n\tname: a\nspec: {}\n"),
    ("syntax_key", "kind: KoreTeam\nmetadata: { name: a }\nspec: { ? [members] : [] }\n"),
    (
        "duplicate_key",
        "kind: KoreUser\nmetadata: { name: jane }\nspec:\n  email: jane@example.com\n  firstName: Jane\n  email: joan@example.com\n",
    ),
    (
        "anchor",
        "kind: KoreTeam\nmetadata: { name: a }\nspec:\n  members: &all [jane@example.com]\n---\nkind: KoreTeam\nmetadata: { name: b }\nspec:\n  members: *all\n  inviteMembers: !!bool true\n",
    ),
    (
        "missing_separator",
        "kind: KoreUser\nmetadata: { name: jane }\nspec: { email: jane@example.com }\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: sam }\nspec: { email: sam@example.com }\nkind: KoreUser\nmetadata: { name: kim }\nspec: { emial: kim@example.com }\n",
    ),
    (
        "missing_separator_and_line_end",
        "kind: KoreUser\nmetadata: { name: jane }\nspec:\n  email: jane@example.com\n  lastName: DoeapiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: sam }\n",
    ),
    (
        "header_without_api_version",
        "apiversion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: jane }\nspec: { email: jane@example.com }\n",
    ),
    (
        "header_version",
        "apiVersion: koreconcile.dev/v1\nkind: KoreUser\nmetadata: { name: jane }\nspec: { email: jane@example.com }\n",
    ),
    ("header_without_kind", "metadata: { name: jane }\nspec: { email: jane@example.com }\n"),
    (
        "header_without_name",
        "kind: KoreUser\nmetadata: { labels: { a: b } }\nspec: { email: jane@example.com }\n",
    ),
    (
        "not_allowed",
        "kind: KoreAccount\nmetadata: { name: tenant, namespace: platform }\nspec: { endpoint: { sandbox: { dataDir: data } } }\n---\nkind: KoreArea\nmetadata: { name: shop-area, namespace: platform }\nspec: { account: tenant, namespaces: [shop], owners: [lea.ost@example.com], mayTouch: { roles: ['*'], bots: [Shop *], emailDomains: [shop.example.com] } }\n---\nkind: KoreArea\nmetadata: { name: own, namespace: shop }\nspec: { account: tenant, namespaces: [shop], owners: [\"@shop\"] }\n---\nkind: KoreRoleBinding\nmetadata: { name: fine, namespace: shop }\nspec: { account: tenant, role: { type: Bot, name: Bot Developer }, bot: Shop Assistant, subjects: [{ user: kim@shop.example.com }] }\n---\nkind: KoreRoleBinding\nmetadata: { name: masters, namespace: shop }\nspec: { account: tenant, role: { type: Admin, name: Master Admin }, subjects: [{ user: kim@shop.example.com }] }\n---\nkind: KoreBotAssignment\nmetadata: { name: bank, namespace: shop }\nspec: { account: tenant, bot: Banking Assistant, subjects: [{ user: pat@example.com }] }\n---\nkind: KoreUser\nmetadata: { name: jo, namespace: shop }\nspec: { account: tenant, email: jo@shop.example.com, groups: [support-eu] }\n---\nkind: KoreRole\nmetadata: { name: own, namespace: shop }\nspec: { account: tenant, type: Bot, name: Own }\n---\nkind: KoreGroupMembership\nmetadata: { name: qa, namespace: shop }\nspec: { account: tenant, group: QA }\n",
    ),
    (
        "areas",
        "kind: KoreArea\nmetadata: { name: nowhere }\nspec: { owners: [lea.ost@example.com] }\n---\nkind: KoreArea\nmetadata: { name: nobodys }\nspec: { namespaces: [lab], owners: [\"@acme/leads\", lea, \"lea ost@example.com\"] }\n---\nkind: KoreArea\nmetadata: { name: odd }\nspec:\n  paths: [\"case[\", \"acces/**\"]\n  owners: [\"@odd\"]\n  mayTouch: { bots: [\" \"], emailDomains: [\"@example.com\"] }\n---\nkind: KoreArea\nmetadata: { name: one }\nspec: { namespaces: [shop], owners: [\"@one\"] }\n---\nkind: KoreArea\nmetadata: { name: two }\nspec: { namespaces: [bank, shop], owners: [\"@two\"] }\n---\nkind: KoreArea\nmetadata: { name: two }\nspec: { namespaces: [lab], owners: [\"@two\"] }\n",
    ),
    (
        "unknown_kind",
        "kind: KoreUsr\nmetadata: { name: jane }\n---\nkind: User\nmetadata: { name: jane }\n---\nkind: Deployment\nmetadata: { name: jane }\n",
    ),
    (
        "foreign_group",
        "apiVersion: koreconcil.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: jane }\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n",
    ),
    (
        "controller_kind",
        "kind: KorePlan\nmetadata: { name: p }\n---\nkind: KorePlanApproval\nmetadata: { name: p }\n",
    ),
    (
        "invalid_name",
        "kind: KoreTeam\nmetadata: { name: Bankers_1 }\nspec: {}\n---\nkind: KoreTeam\nmetadata: { name: ok, namespace: not.ok }\nspec: {}\n",
    ),
    (
        "unknown_field",
        "kind: KoreUser\nmetadata: { name: jane }\nspec:\n  email: jane@example.com\n  fistName: Jane\n  profile: { department: Support }\nstate: Absent\n",
    ),
    (
        "missing_field",
        "kind: KoreRoleBinding\nmetadata: { name: b }\nspec:\n  role: { type: Admin }\n---\nkind: KoreUser\nmetadata: { name: u }\n",
    ),
    (
        "wrong_type",
        "kind: KoreTeam\nmetadata: { name: a }\nspec:\n  inviteMembers: yes\n  members: jane@example.com\n  teams:\n---\nkind: KoreAccount\nmetadata: { name: b }\nspec:\n  endpoint: []\n  batchSize: \"50\"\n  safety: { maxRemovals: 0x10, minMasterAdmins: 01 }\n",
    ),
    (
        "quote_it",
        "kind: KoreUser\nmetadata: { name: jane }\nspec:\n  email: jane@example.com\n  firstName: No\n  lastName: ~\n  orgUserId: 0123\n  profile: { zip: 1e3, dept: YES, street: 12:30, city: }\n---\nkind: KoreRole\nmetadata: { name: 1234, annotations: { koreconcile.dev/orphan: true } }\nspec: { type: Bot, name: R, permissions: { Tasks: NO, No: FULL } }\n",
    ),
    (
        "unknown_value",
        "kind: KoreUser\nmetadata: { name: jane }\nspec: { email: jane@example.com, state: absent, builderAccess: Everything }\n",
    ),
    (
        "out_of_range",
        "kind: KoreAccount\nmetadata: { name: b }\nspec:\n  endpoint: { sandbox: { dataDir: \"\" } }\n  batchSize: 0\n  safety: { maxRemovalsPercent: 101, maxRemovals: -99999999999999999999 }\n  interval: 1000000000000000000000000m\n",
    ),
    (
        "pattern",
        "kind: KoreAccount\nmetadata: { name: b }\nspec:\n  endpoint: { host: \"http://platform.kore.ai\" }\n  interval: 5 minutes\n  rateLimit: { readShare: half }\n",
    ),
    (
        "email",
        "kind: KoreTeam\nmetadata: { name: a }\nspec:\n  members: [jane, jane@example, jane doe@example.com]\n",
    ),
    (
        "timestamp",
        "kind: KoreBotAssignment\nmetadata: { name: a }\nspec:\n  bot: B\n  subjects: [{ user: jane@example.com, expiresAt: tomorrow }, { user: sam@example.com, expiresAt: 2026-12-31 }, { user: kim@example.com, expiresAt: 2026-02-30T00:00:00Z }]\n",
    ),
    (
        "exactly_one",
        "kind: KoreRoleBinding\nmetadata: { name: a }\nspec:\n  role: { type: Admin, name: Auditor }\n  subjects:\n    - user: jane@example.com\n    - user: sam@example.com\n      group: QA\n    - reason: nobody\n  absent: [{}]\n---\nkind: KoreAccount\nmetadata: { name: b }\nspec:\n  endpoint: { host: \"https://kore.example.com\" }\n  credentials: { clientId: { env: A, file: B }, clientSecret: {} }\n",
    ),
    (
        "credentials",
        "kind: KoreAccount\nmetadata: { name: b }\nspec:\n  endpoint: { host: \"https://kore.example.com\" }\n",
    ),
    (
        "local_group",
        "kind: KoreGroupMembership\nmetadata: { name: g }\nspec: { group: QA, membership: Authoritative }\n",
    ),
    (
        "bot_of_role",
        "kind: KoreRoleBinding\nmetadata: { name: a }\nspec: { role: { type: Bot, name: Bot Tester } }\n---\nkind: KoreRoleBinding\nmetadata: { name: b }\nspec: { role: { type: Admin, name: Auditor }, bot: Banking }\n",
    ),
    (
        "bot_owner",
        "kind: KoreRoleBinding\nmetadata: { name: a }\nspec: { role: { type: Bot, name: App Owner }, bot: Banking }\n",
    ),
    (
        "master_admin_group",
        "kind: KoreRoleBinding\nmetadata: { name: a }\nspec:\n  role: { type: Admin, name: Master Admin }\n  subjects: [{ user: jane@example.com }, { group: QA }]\n",
    ),
    (
        "fixed_role",
        "kind: KoreRole\nmetadata: { name: a }\nspec: { type: Admin, name: admin, permissions: { Invite: \"NO\" } }\n",
    ),
    (
        "duplicate_object",
        "kind: KoreTeam\nmetadata: { name: a }\nspec: {}\n---\nkind: KoreTeam\nmetadata: { name: a, namespace: other }\nspec: {}\n---\nkind: KoreTeam\nmetadata: { name: a }\nspec: {}\n",
    ),
    (
        "duplicate_email",
        "kind: KoreUser\nmetadata: { name: jane }\nspec: { email: jane@example.com }\n---\nkind: KoreUser\nmetadata: { name: jane-2 }\nspec: { email: Jane@Example.com, account: acme }\n",
    ),
    (
        "duplicate_role",
        "kind: KoreRole\nmetadata: { name: a }\nspec: { type: Bot, name: Bot Tester }\n---\nkind: KoreRole\nmetadata: { name: b }\nspec: { type: Bot, name: App Tester }\n",
    ),
    (
        "look_alike",
        "kind: KoreTeam\nmetadata: { name: a }\nspec:\n  members:\n    - jane@example.com\n    - \"j\\u0430ne@example.com\"\n    - \"s\\u0430m@example.com\"\n",
    ),
    (
        "duplicate_account_id",
        "kind: KoreAccount\nmetadata: { name: b }\nspec: { endpoint: { sandbox: { dataDir: one } }, accountId: \"64b000000000000000000001\" }\n---\nkind: KoreAccount\nmetadata: { name: c }\nspec: { endpoint: { sandbox: { dataDir: two } }, accountId: \"64b000000000000000000001\" }\n",
    ),
    ("unknown_account", "kind: KoreTeam\nmetadata: { name: a }\nspec: { account: acne }\n"),
    (
        "unknown_team",
        "kind: KoreTeam\nmetadata: { name: bankers }\nspec: { teams: [tellers] }\n---\nkind: KoreBotAssignment\nmetadata: { name: a }\nspec: { bot: B, subjects: [{ user: jane@example.com }, { team: banker }] }\n",
    ),
    (
        "unknown_team_of_another_account",
        "kind: KoreAccount\nmetadata: { name: beta }\nspec: { endpoint: { sandbox: { dataDir: b } } }\n---\nkind: KoreTeam\nmetadata: { name: t }\nspec: { account: beta }\n---\nkind: KoreBotAssignment\nmetadata: { name: a }\nspec: { account: acme, bot: B, subjects: [{ team: t }] }\n",
    ),
    (
        "team_cycle",
        "kind: KoreTeam\nmetadata: { name: a }\nspec: { teams: [b] }\n---\nkind: KoreTeam\nmetadata: { name: b }\nspec: { teams: [c, d] }\n---\nkind: KoreTeam\nmetadata: { name: c }\nspec: { teams: [a] }\n---\nkind: KoreTeam\nmetadata: { name: d }\nspec: { teams: [d] }\n",
    ),
    (
        "contradiction",
        "kind: KoreRoleBinding\nmetadata: { name: a }\nspec:\n  role: { type: Bot, name: Bot Tester }\n  bot: B\n  subjects: [{ user: jane@example.com }]\n  absent:\n    - user: Jane@example.com\n",
    ),
    (
        "absent_person",
        "kind: KoreUser\nmetadata: { name: jane }\nspec:\n  email: jane@example.com\n  state: Absent\n---\nkind: KoreBotAssignment\nmetadata: { name: a }\nspec: { bot: B, subjects: [{ user: jane@example.com }] }\n",
    ),
    (
        "nobody_left",
        "kind: KoreTeam\nmetadata: { name: t }\nspec: {}\n---\nkind: KoreBotAssignment\nmetadata: { name: a }\nspec: { bot: B, membership: Authoritative, subjects: [{ team: t }, { user: jane@example.com }] }\n---\nkind: KoreBotAssignment\nmetadata: { name: b }\nspec: { bot: C, membership: Authoritative }\n",
    ),
    (
        "expired",
        "kind: KoreBotAssignment\nmetadata: { name: a }\nspec:\n  bot: B\n  subjects: [{ user: jane@example.com, expiresAt: 2026-05-31T00:00:00Z }]\n",
    ),
    (
        "near_role",
        "kind: KoreRole\nmetadata: { name: r }\nspec: { type: Bot, name: Release Manager }\n---\nkind: KoreRoleBinding\nmetadata: { name: a }\nspec: { role: { type: Bot, name: Release Manger }, bot: B }\n---\nkind: KoreRoleBinding\nmetadata: { name: b }\nspec: { role: { type: Bot, name: Something else }, bot: B }\n",
    ),
    (
        "unknown_permission",
        "kind: KoreRole\nmetadata: { name: r }\nspec: { type: Bot, name: R, permissions: { Publish Bot: \"YES\", Moon: FULL } }\n",
    ),
    (
        "unknown_level",
        "kind: KoreRole\nmetadata: { name: r }\nspec: { type: Bot, name: R, permissions: { Tasks: Fully, Dashboard: FULL } }\n",
    ),
    (
        "policies",
        "kind: KorePolicy\nmetadata: { name: a }\nspec: { validationActions: [Deny] }\n---\nkind: KorePolicy\nmetadata: { name: b }\nspec: { validationActions: [Deny], holders: { roles: [Master Admin], min: 2 } }\n---\nkind: KorePolicy\nmetadata: { name: c }\nspec:\n  validationActions: [Warn]\n  match: { emailDomains: [\"@example.com\"] }\n  exclusive: { roles: [Bot Developr, Night Watch] }\n---\nkind: KorePolicyException\nmetadata: { name: d }\nspec: { policy: e, expiresAt: 2020-01-01T00:00:00Z }\n",
    ),
];

const ACCOUNT: &str = "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreAccount\nmetadata: { name: acme }\nspec: { endpoint: { sandbox: { dataDir: data } } }\n";

fn inputs(documents: &str) -> Vec<Input> {
    let text: Vec<String> = documents
        .split("---\n")
        .map(|document| {
            let has_version = document.to_lowercase().contains("apiversion:");
            if has_version {
                document.to_owned()
            } else {
                format!("apiVersion: koreconcile.dev/v1alpha1\n{document}")
            }
        })
        .collect();
    vec![Input::new("account.yaml", ACCOUNT), Input::new("case.yaml", text.join("---\n"))]
}

/// Everything found by checking and compiling.
fn findings(manifests: &Manifests) -> Vec<Finding> {
    let mut findings = manifests.findings().to_vec();
    match compile(manifests, Some("acme"), now()) {
        Ok(compiled) => findings.extend(compiled.findings),
        Err(error) => findings.push(error.finding()),
    }
    findings
}

fn codes(findings: &[Finding]) -> BTreeSet<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

/// What every case finds, one case after the other.
pub fn all_cases() -> Vec<Finding> {
    CASES.iter().flat_map(|(_, documents)| findings(&read(inputs(documents)))).collect()
}

#[test]
fn findings_look_like_this() {
    for (name, documents) in CASES {
        let manifests = read(inputs(documents));
        let rendered = render::text(&findings(&manifests), manifests.texts(), false);
        insta::assert_snapshot!(*name, rendered);
    }
}

#[test]
fn every_code_is_produced_by_a_test() {
    let mut produced: BTreeSet<Code> =
        CASES.iter().flat_map(|(_, documents)| codes(&findings(&read(inputs(documents))))).collect();
    produced.extend(codes(&accounts_of_no_use()));
    produced.extend(codes(&bytes_of_no_use()));
    produced.extend(codes(&paths_of_no_use().1));
    // A rule that cannot be run takes a broken schema: see the tests of check/document.rs.
    produced.insert(Code::Rule);
    // What policies say, and what is wrong with their CEL, is judged above this room: see cli/policies.rs.
    produced.extend([Code::PolicyCel, Code::PolicyDenied, Code::PolicyWarned, Code::PolicyAudited]);
    produced.extend([Code::ExceptionUnused, Code::PolicyOverdue]);
    let missing: Vec<&str> =
        Code::ALL.iter().filter(|code| !produced.contains(code)).map(|code| code.name()).collect();
    assert!(missing.is_empty(), "no test produces {missing:?}");
}

fn accounts_of_no_use() -> Vec<Finding> {
    let two = ACCOUNT.replace("acme", "beta");
    let several = read(vec![Input::new("a.yaml", ACCOUNT), Input::new("b.yaml", two)]);
    vec![
        compile(&read(Vec::new()), None, now()).unwrap_err().finding(),
        compile(&several, None, now()).unwrap_err().finding(),
        compile(&several, Some("betta"), now()).unwrap_err().finding(),
    ]
}

#[test]
fn account_must_be_clear() {
    let rendered = render::text(&accounts_of_no_use(), &koreconcile::manifest::Texts::default(), false);
    insta::assert_snapshot!(rendered);
}

fn bytes_of_no_use() -> Vec<Finding> {
    let manifests = read(vec![
        Input::new("latin1.yaml", b"kind: KoreUser\nname: J\xf6rg\n".to_vec()),
        Input::new("empty.yaml", ""),
        Input::new("comment.yaml", "# nothing yet\n---\n---\n...\n"),
        Input::new("values.yaml", "replicas: 3\n---\n- a list\n---\njust text\n"),
        Input::new("utf16.yaml", b"\xff\xfeK\0o\0r\0e\0U\0s\0e\0r\0".to_vec()),
        Input::new("utf16-of-others.yaml", b"\xff\xfek\0i\0n\0d\0".to_vec()),
        Input::new("nul.yaml", "kind: \"a\0b\"\n"),
    ]);
    assert_eq!(manifests.skipped().foreign, 3);
    assert_eq!(manifests.passed_over().len(), 5, "and two that are not text or not YAML");
    manifests.findings().to_vec()
}

#[test]
fn bytes_that_are_no_text_are_a_finding() {
    let shown: Vec<String> = bytes_of_no_use()
        .iter()
        .map(|finding| format!("{} {}: {}", finding.spot, finding.code, finding.message))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn byte_order_mark_and_windows_line_ends_are_fine() {
    let text = format!(
        "\u{feff}{ACCOUNT}---\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: {{ name: jane }}\nspec: {{ email: jane }}\n"
    );
    let manifests = read(vec![Input::new("windows.yaml", text.replace('\n', "\r\n"))]);
    insta::assert_snapshot!(render::text(manifests.findings(), manifests.texts(), false), @r#"
    error[email]: "jane" is not an e-mail address: there is no @ in it
     --> windows.yaml:9:16
      |
    9 | spec: { email: jane }
      |                ^^^^
      |
      = help: write it as name@example.com

    1 error
    "#);
}

#[test]
fn lists_are_read_item_by_item() {
    let user = |name: &str| {
        format!(
            "  - apiVersion: koreconcile.dev/v1alpha1\n    kind: KoreUser\n    metadata: {{ name: {name}, uid: 1, resourceVersion: \"7\" }}\n    spec: {{ email: {name}@example.com }}\n    status: {{ anything: [1] }}\n"
        )
    };
    let text = format!(
        "apiVersion: v1\nkind: List\nitems:\n{}{}---\napiVersion: koreconcile.dev/v1alpha1\nkind: KoreUserList\nitems:\n{}",
        user("a"),
        user("b"),
        user("c")
    );
    let manifests = read(vec![Input::new("list.yaml", text)]);
    assert_eq!(manifests.findings(), []);
    assert_eq!(manifests.all().iter().map(|manifest| &*manifest.name).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(manifests.all()[1].source("email").to_string(), "list.yaml:12");
}

/// A folder with everything that can go wrong on a disk; the paths to load, and what was found.
fn paths_of_no_use() -> (Manifests, Vec<Finding>) {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    let write = |path: &str, text: &str| {
        std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
        std::fs::write(at(path), text).unwrap();
    };
    write("account.yaml", &ACCOUNT.replace("spec: {", "spec: { sources: [\"**/*.y*ml\"],"));
    write(
        "people/jane.yml",
        "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: { name: jane }\nspec: { email: jane@example.com }\n",
    );
    write("people/notes.txt", "not yaml");
    write(".git/config.yaml", "{{{{");
    write(".hidden.yaml", "{{{{");
    write("late/more.yaml", "# not loaded\n");
    std::fs::File::create(at("people/huge.yaml")).unwrap().set_len(LARGEST_FILE + 1).unwrap();
    let path = |name: &str| at(name).to_string_lossy().into_owned();
    let paths = [
        path("account.yaml"),
        path("people"),
        path("people/*.yml"),
        path("people/huge.yaml"),
        path("nowhere"),
        path("nowhere/*.yaml"),
    ];
    let mut manifests = check::check(load::load(&paths, std::io::empty()));
    sources::survey(&mut manifests);
    let findings = manifests
        .findings()
        .iter()
        .cloned()
        .map(|mut finding| {
            finding.spot.file = finding.spot.file.replace(&*folder.path().to_string_lossy(), "DIR").into();
            finding.message = finding.message.replace(&*folder.path().to_string_lossy(), "DIR");
            finding
        })
        .collect();
    (manifests, findings)
}

#[test]
fn folders_are_read_and_what_is_unreadable_is_a_finding() {
    let (manifests, findings) = paths_of_no_use();
    assert_eq!(manifests.all().iter().map(|manifest| &*manifest.name).collect::<Vec<_>>(), ["acme", "jane"]);
    let shown: Vec<String> = findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.spot, finding.code, finding.message))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn sources_that_were_all_loaded_make_the_whole() {
    use koreconcile::facts::Completeness;
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
    write("account.yaml", &ACCOUNT.replace("spec: {", "spec: { sources: [\"*.yaml\"],"));
    write("users.yaml", "kind: Other\n");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let completeness = |paths: &[String], stdin: &str| {
        let manifests = koreconcile::manifest::open(paths, stdin.as_bytes());
        compile(&manifests, None, now()).unwrap().desired.completeness
    };
    assert_eq!(completeness(&[path("")], ""), Completeness::Complete);
    assert_eq!(completeness(&[path("account.yaml"), path("users.yaml")], ""), Completeness::Complete);
    assert_eq!(completeness(&[path("account.yaml"), "-".to_owned()], "# more\n"), Completeness::Unknown);
    let partial = completeness(&[path("account.yaml")], "");
    assert!(
        matches!(&partial, Completeness::Partial(why) if why.contains("users.yaml was not loaded")),
        "{partial:?}"
    );
    write("users.yaml", "kind: [\n");
    let partial = completeness(&[path("")], "");
    assert!(matches!(&partial, Completeness::Partial(why) if why.contains("not valid YAML")), "{partial:?}");
    write("account.yaml", ACCOUNT);
    write("users.yaml", "");
    assert_eq!(completeness(&[path("")], ""), Completeness::Unknown);
}

#[test]
fn objects_of_a_cluster_have_no_hidden_characters_either() {
    use koreconcile::manifest::kinds::{Spec, team::KoreTeamSpec};
    let team = |name: &str, members: &[&str]| {
        let spec: KoreTeamSpec = serde_json::from_value(serde_json::json!({ "members": members })).unwrap();
        koreconcile::manifest::Manifest::resource("acme", name, Spec::Team(spec))
    };
    let objects = vec![
        team("good", &["jane@example.com"]),
        team("bad", &["sam@example.com", "jane@example.com\u{200b}"]),
    ];
    let manifests = koreconcile::manifest::from_cluster(objects);
    // The rest of the team is there for those who name it.
    let members = |manifest: &koreconcile::manifest::Manifest| match &manifest.spec {
        Spec::Team(spec) => (manifest.name.to_string(), spec.members.len()),
        _ => panic!("no team"),
    };
    let teams: Vec<(String, usize)> = manifests.all().iter().map(members).collect();
    assert_eq!(teams, [("good".to_owned(), 1), ("bad".to_owned(), 1)]);
    let [finding] = manifests.findings() else { panic!("{:?}", manifests.findings()) };
    assert!(finding.code == Code::Email && finding.message.contains("U+200B"), "{finding:?}");
}

#[test]
fn findings_of_all_files_come_at_once_in_order() {
    let bad =
        "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreTeam\nmetadata: { name: t }\nspec: { membrs: [] }\n";
    let manifests =
        read(vec![Input::new("b.yaml", bad), Input::new("a.yaml", bad.replace("name: t", "name: T"))]);
    let shown: Vec<String> =
        manifests.findings().iter().map(|finding| format!("{} {}", finding.spot, finding.code)).collect();
    assert_eq!(shown, ["a.yaml:3:19 invalid-name", "a.yaml:4:9 unknown-field", "b.yaml:4:9 unknown-field"]);
}

#[test]
fn findings_are_plain_json_too() {
    let manifests = read(inputs("kind: KoreTeam\nmetadata: { name: a }\nspec: { members: [jane] }\n"));
    insta::assert_json_snapshot!(render::json(manifests.findings()));
}

/// Inputs that try to cost time or memory. All of them together are read in a moment.
#[test]
fn hostile_inputs_cost_little() {
    let laughs: String = (1..12).fold(String::new(), |text, n| {
        let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
        format!("{text}a{n}: &a{n} [{aliases}]\n")
    });
    let hostile: Vec<(&str, String)> = vec![
        ("alias bomb", format!("a0: &a0 [x]\n{laughs}")),
        ("deep flow", "[".repeat(1_000_000)),
        ("deep block", (0..3_000).map(|n| format!("{}a:\n", " ".repeat(n))).collect()),
        ("deep dashes", "- ".repeat(1_000_000)),
        ("long scalar", format!("kind: {}\n", "x".repeat(8 << 20))),
        (
            "long string",
            format!(
                "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: {{ name: a }}\nspec: {{ email: \"{}\" }}\n",
                "x".repeat(8 << 20)
            ),
        ),
        ("long key", format!("? {}\n: 1\n", "x".repeat(8 << 20))),
        (
            "long number",
            format!(
                "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreUser\nmetadata: {{ name: a }}\nspec: {{ email: a@example.com, firstName: {} }}\n",
                "1".repeat(1 << 20)
            ),
        ),
        ("many documents", "---\n".repeat(40_000)),
        ("many keys", (0..40_000).map(|n| format!("k{n}: 1\n")).collect()),
        ("same key", "k: 1\n".repeat(4_000)),
        ("quotes", "\"".repeat(1_000_001)),
        ("comments", "#\n".repeat(500_000)),
        (
            "directive",
            format!("%YAML 1.1\n%TAG ! tag:example.com,2000:{}\n---\na: !b c\n", "x".repeat(100_000)),
        ),
    ];
    for (name, text) in hostile {
        let start = Instant::now();
        let manifests = read(vec![Input::new(name, text)]);
        let _ = render::text(manifests.findings(), manifests.texts(), true);
        let took = start.elapsed();
        println!("{name}: {took:?}, {} findings", manifests.findings().len());
        assert!(took < Duration::from_secs(20), "{name} took {took:?}");
        assert_eq!(manifests.all(), []);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let manifests = read(vec![Input::new("fuzz.yaml", bytes)]);
        let _ = render::text(&findings(&manifests), manifests.texts(), true);
    }

    #[test]
    fn yaml_like_text_never_panics(
        pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)
    ) {
        let text = format!("{ACCOUNT}---\napiVersion: koreconcile.dev/v1alpha1\n{}", pieces.concat());
        let manifests = read(vec![Input::new("fuzz.yaml", text)]);
        let _ = render::text(&findings(&manifests), manifests.texts(), false);
    }
}

const PIECES: &[&str] = &[
    "\n",
    "\n  ",
    "\n    - ",
    "\n---\n",
    "apiVersion: koreconcile.dev/v1alpha1\n",
    "kind: KoreUser\n",
    "kind: KoreRoleBinding\n",
    "kind: KoreTeam\n",
    "kind: List\n",
    "items:\n  - ",
    "metadata: { name: a }\n",
    "metadata:\n  name: b\n",
    "spec:\n",
    "spec: {",
    "}",
    "[",
    "]",
    "email: a@example.com",
    "subjects: [{ user: a@example.com }]",
    "members: [é@example.com]",
    "teams: [a]",
    "role: { type: Bot, name: R }",
    "bot: B",
    ", ",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "!t ",
    "|\n  text",
    "\"",
    "'",
    "#",
    "é",
    "\t",
    "\r\n",
    "\u{feff}",
    "~",
    "0123",
    "{",
    "expiresAt: 2026-01-01T00:00:00Z",
];
