//! Documents below the paths of an area are held to what it may touch; others are free of limits.

use crate::manifest::compile::now;
use koreconcile::manifest::{Code, Input, Manifests, compile, read, render};

const ACCOUNT: &str = "kind: KoreAccount
metadata: { name: acme }
spec: { endpoint: { sandbox: { dataDir: data } } }
---
kind: KoreArea
metadata: { name: banking }
spec:
  paths: [\"access/banking/**\"]
  owners: [lea.ost@example.com, \"@banking-leads\"]
  mayTouch:
    bots: [\"Banking *\", st-9]
    roles: [Bot Developer, Auditor]
    emailDomains: [\"*example.com\"]
    groups: [\"banking-*\"]
---
kind: KoreTeam
metadata: { name: partners }
spec: { members: [kim@partner.example.org] }
---
kind: KoreTeam
metadata: { name: all }
spec: { teams: [partners], members: [sam@example.com] }
";

fn versioned(documents: &str) -> String {
    let documents: Vec<String> = documents
        .split("---\n")
        .map(|document| format!("apiVersion: koreconcile.dev/v1alpha1\n{document}"))
        .collect();
    documents.join("---\n")
}

/// The account with an area, one more file, and one that keeps the path from being empty.
fn with(account: &str, file: &str, documents: &str) -> Manifests {
    let empty = "kind: KoreTeam\nmetadata: { name: keep }\nspec: {}\n";
    read(vec![
        Input::new(account, versioned(ACCOUNT)),
        Input::new("kore/access/banking/keep.yaml", versioned(empty)),
        Input::new(file, versioned(documents)),
    ])
}

const FINE: &str = "kind: KoreRoleBinding
metadata: { name: developers }
spec:
  role: { type: Bot, name: bot developer }
  bot: banking assistant
  subjects: [{ user: jane@example.com }, { user: pat@sub.example.com }, { group: banking-qa }]
---
kind: KoreBotAssignment
metadata: { name: users }
spec: { bot: st-9, subjects: [{ user: jane@example.com }] }
---
kind: KoreRoleBinding
metadata: { name: auditors }
spec: { role: { type: Admin, name: Auditor }, subjects: [{ user: jane@example.com }] }
---
kind: KoreGroupMembership
metadata: { name: qa }
spec: { group: banking-qa, subjects: [{ user: jane@example.com }] }
---
kind: KoreUser
metadata: { name: jane }
spec: { email: jane@example.com, groups: [banking-all] }
";

const BEYOND: &str = "kind: KoreRoleBinding
metadata: { name: masters }
spec:
  role: { type: Admin, name: admin }
  subjects: [{ user: jane@example.com }]
---
kind: KoreRoleBinding
metadata: { name: other-bot }
spec:
  role: { type: Bot, name: Bot Tester }
  bot: HR Assistant
  subjects: [{ user: jane@example.com }, { group: QA }]
---
kind: KoreBotAssignment
metadata: { name: through-a-team }
spec: { bot: Banking Assistant, subjects: [{ user: sam@example.com }, { team: all }] }
---
kind: KoreUser
metadata: { name: moved }
spec: { email: max@example.com, previousEmails: [max@example.org] }
---
kind: KoreTeam
metadata: { name: inner }
spec: { members: [], teams: [partners] }
---
kind: KoreRole
metadata: { name: own }
spec: { type: Bot, name: Own }
---
kind: KoreArea
metadata: { name: mine }
spec: { namespaces: [mine], owners: [\"@me\"] }
---
kind: KorePolicyException
metadata: { name: excepted }
spec: { policy: none, expiresAt: 2030-01-01T00:00:00Z }
";

#[test]
fn what_an_area_lists_may_be_declared_below_its_paths() {
    let manifests = with("kore/account.yaml", "kore/access/banking/deep/fine.yaml", FINE);
    assert!(!manifests.has_errors(), "{}", render::text(manifests.findings(), manifests.texts(), false));
    let compiled = compile(&manifests, None, now()).unwrap();
    let [area] = compiled.policy.areas.as_slice() else { panic!("{:?}", compiled.policy.areas) };
    let files: Vec<&str> = area.files.iter().map(AsRef::as_ref).collect();
    assert_eq!(files, ["kore/access/banking/deep/fine.yaml", "kore/access/banking/keep.yaml"]);
    assert_eq!(area.owners, ["lea.ost@example.com", "@banking-leads"]);
    assert_eq!((area.approvals.additions, area.approvals.removals, area.approvals.privileged), (1, 0, 1));
}

#[test]
fn what_goes_beyond_is_an_error_at_its_line() {
    let manifests = with("kore/account.yaml", "kore/access/banking/beyond.yaml", BEYOND);
    insta::assert_snapshot!(render::text(manifests.findings(), manifests.texts(), false));
    let all: Vec<&str> = manifests.all().iter().map(|manifest| &*manifest.name).collect();
    assert_eq!(all, ["keep", "acme", "banking", "partners", "all"], "and none of them is used");
}

#[test]
fn documents_below_no_area_are_free_of_limits() {
    let beyond = BEYOND.replace("kind: KorePolicyException", "kind: KorePolicyExceptions");
    for file in ["kore/access/banking.yaml", "kore/access/Banking/beyond.yaml", "access/banking/beyond.yaml"]
    {
        let manifests = with("kore/account.yaml", file, &beyond);
        let refused = manifests.findings().iter().filter(|finding| finding.code == Code::NotAllowed);
        assert_eq!(refused.count(), 0, "{file}");
    }
    let manifests = with("./kore/account.yaml", "kore/../kore/access/banking/beyond.yaml", &beyond);
    let refused = manifests.findings().iter().filter(|finding| finding.code == Code::NotAllowed).count();
    assert_eq!(refused, 9, "however the path is spelled");
}

#[test]
fn master_admin_is_allowed_where_it_is_named() {
    let named = ACCOUNT.replace("roles: [Bot Developer, Auditor]", "roles: [\"*\", Master Admin]");
    let masters = BEYOND.split("---\n").next().unwrap();
    for (account, refused) in [(ACCOUNT.replace("roles: [Bot", "roles: [\"*\", Bot"), 1), (named, 0)] {
        let manifests = read(vec![
            Input::new("account.yaml", versioned(&account)),
            Input::new("access/banking/masters.yaml", versioned(masters)),
        ]);
        assert_eq!(manifests.findings().len(), refused, "{account}");
    }
}

#[test]
fn areas_are_apart_and_not_in_the_namespace_of_their_account() {
    let account = "kind: KoreAccount\nmetadata: { name: acme, namespace: platform }\nspec: { endpoint: { sandbox: { dataDir: data } } }\n";
    let area = |name: &str, place: &str| {
        format!(
            "---\nkind: KoreArea\nmetadata: {{ name: {name}, namespace: platform }}\nspec: {{ {place}, owners: [\"@{name}\"] }}\n"
        )
    };
    let areas = area("one", "paths: [\"access/**\"]")
        + area("two", "paths: [\"*/banking/**\"]").as_str()
        + area("three", "namespaces: [shop, platform]").as_str();
    let manifests = read(vec![
        Input::new("account.yaml", versioned(&(account.to_owned() + areas.as_str()))),
        Input::new(
            "access/banking/keep.yaml",
            versioned("kind: KoreTeam\nmetadata: { name: keep }\nspec: {}\n"),
        ),
    ]);
    let told: Vec<String> = manifests
        .findings()
        .iter()
        .map(|finding| format!("{} {}: {}", finding.code, finding.spot, finding.message))
        .collect();
    assert_eq!(
        told,
        [
            "area-overlap account.yaml:14:9: access/banking/keep.yaml is in the areas one and two",
            "area-overlap account.yaml:19:28: platform is the namespace of KoreAccount acme",
        ]
    );
}
