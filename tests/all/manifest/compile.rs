//! From manifests to what is wanted.
#![allow(clippy::format_collect, reason = "small texts, read more easily so")]

use jiff::Timestamp;
use koreconcile::facts::{Closure, Completeness, Verdict};
use koreconcile::manifest::{Compiled, Input, Manifests, compile, read, render};

pub fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

const ACCOUNT: &str = "
kind: KoreAccount
metadata: { name: acme }
spec: { endpoint: { sandbox: { dataDir: data } } }
";

/// Documents separated by `---`, each without its apiVersion, beside the account `acme`.
pub fn manifests(documents: &str) -> Manifests {
    let text: String = format!("{ACCOUNT}---\n{documents}")
        .split("---\n")
        .filter(|document| !document.trim().is_empty())
        .map(|document| format!("---\napiVersion: koreconcile.dev/v1alpha1\n{}\n", document.trim()))
        .collect();
    let mut manifests = read(vec![Input::new("all.yaml", text)]);
    manifests.set_completeness("acme", Completeness::Complete);
    manifests
}

/// Compiles documents that are fine by themselves.
pub fn compiled(documents: &str) -> Compiled {
    let manifests = manifests(documents);
    assert!(!manifests.has_errors(), "{}", render::text(manifests.findings(), manifests.texts(), false));
    compile(&manifests, None, now()).unwrap()
}

/// Wants, scopes and findings, a line each.
pub fn lines(compiled: &Compiled) -> String {
    let mut lines = Vec::new();
    for (key, want) in &compiled.desired.wants {
        let verdict = match &want.verdict {
            Verdict::Present(value) => format!("+ {key} = {value}"),
            Verdict::Absent => format!("- {key}"),
        };
        let until = want.until.map(|until| format!(" until {until}")).unwrap_or_default();
        let sources: Vec<String> = want.sources.iter().map(ToString::to_string).collect();
        lines.push(format!("{verdict}{until} <- {}", sources.join(", ")));
    }
    for scope in &compiled.desired.scopes {
        let closure = match &scope.closure {
            Closure::Closed => "closed".to_owned(),
            Closure::Additive => "additive".to_owned(),
            Closure::Open(why) => format!("open: {why}"),
        };
        lines.push(format!("scope {:?} {closure} <- {}", scope.extent, scope.sources[0]));
    }
    for finding in &compiled.findings {
        lines.push(format!("{} {}: {}", finding.code, finding.spot, finding.message));
    }
    lines.join("\n")
}

#[test]
fn example_of_every_kind() {
    let compiled = compiled(include_str!("../../fixtures/manifest/every-kind.yaml"));
    insta::assert_snapshot!(lines(&compiled));
}

const GRANT: &str = "kind: KoreBotAssignment
metadata: { name: NAME }
spec: { bot: B, SPEC }
";

fn grant(name: &str, spec: &str) -> String {
    GRANT.replace("NAME", name).replace("SPEC", spec)
}

const TEAM: &str = "kind: KoreTeam\nmetadata: { name: t }\nspec: { members: [jane@example.com] }\n";

/// What becomes of the fact that Jane may use B, when these subjects and absents are written.
fn verdict(specs: &[&str]) -> String {
    let grants: Vec<String> =
        specs.iter().enumerate().map(|(n, spec)| grant(&format!("g{n}"), spec)).collect();
    let compiled = compiled(&format!("{TEAM}---\n{}", grants.join("---\n")));
    let codes: Vec<&str> = compiled
        .findings
        .iter()
        .map(|finding| finding.code.name())
        .filter(|code| *code != "expired")
        .collect();
    let verdict = match compiled.desired.wants.as_slice() {
        [] => "nothing",
        [(_, want)] if want.verdict == Verdict::Absent => "absent",
        [_] => "present",
        more => panic!("{more:?}"),
    };
    format!("{verdict} {}", codes.join(" ")).trim().to_owned()
}

#[test]
fn present_against_absent() {
    const NAMED: &str = "subjects: [{ user: jane@example.com }]";
    const TEAM: &str = "subjects: [{ team: t }]";
    const WRITTEN: &str = "absent: [{ user: JANE@example.com }]";
    const EXPIRED: &str = "subjects: [{ user: jane@example.com, expiresAt: 2026-01-01T00:00:00Z }]";
    const TEAM_EXPIRED: &str = "subjects: [{ team: t, expiresAt: 2026-01-01T00:00:00Z }]";
    const LATER: &str = "subjects: [{ user: jane@example.com, expiresAt: 2027-01-01T00:00:00Z }]";
    for (specs, expected) in [
        (&[NAMED][..], "present"),
        (&[TEAM], "present"),
        (&[WRITTEN], "absent"),
        (&[EXPIRED], "absent"),
        (&[TEAM_EXPIRED], "absent"),
        (&[NAMED, TEAM], "present"),
        (&[NAMED, WRITTEN], "nothing contradiction"),
        (&[LATER, WRITTEN], "nothing contradiction"),
        (&[TEAM, WRITTEN], "absent"),
        (&[NAMED, EXPIRED], "present"),
        (&[TEAM, EXPIRED], "present"),
        (&[LATER, TEAM_EXPIRED], "present"),
        (&[EXPIRED, WRITTEN], "absent"),
        (&[NAMED, TEAM, WRITTEN], "nothing contradiction"),
        (&[TEAM, EXPIRED, WRITTEN], "absent"),
    ] {
        assert_eq!(verdict(specs), expected, "{specs:?}");
        let reversed: Vec<&str> = specs.iter().rev().copied().collect();
        assert_eq!(verdict(&reversed), expected, "{reversed:?}");
    }
}

#[test]
fn absent_person_gets_nothing_through_a_team() {
    let compiled = compiled(&format!(
        "{TEAM}---\nkind: KoreUser\nmetadata: {{ name: jane }}\nspec: {{ email: jane@example.com, state: Absent }}\n---\n{}",
        grant("g", "subjects: [{ team: t }]")
    ));
    insta::assert_snapshot!(lines(&compiled), @r#"
    - user jane@example.com <- all.yaml:15
    scope Assignments(Name("B")) additive <- all.yaml:19
    "#);
    assert_eq!(compiled.desired.referenced.len(), 1);
}

#[test]
fn expiry_ends_at_its_second() {
    for (at, verdict) in [("2026-06-01T12:00:00Z", "-"), ("2026-06-01T12:00:01Z", "+")] {
        let compiled =
            compiled(&grant("g", &format!("subjects: [{{ user: jane@example.com, expiresAt: {at} }}]")));
        assert!(lines(&compiled).starts_with(verdict), "{at}");
        assert_eq!(compiled.expiring.len(), usize::from(verdict == "+"));
    }
}

#[test]
fn longest_grant_counts() {
    let until =
        |specs: &str| compiled(&grant("g", specs)).desired.wants[0].1.until.map(|until| until.to_string());
    let one = "{ user: jane@example.com, expiresAt: 2027-01-01T00:00:00Z }";
    let two = "{ user: jane@example.com, expiresAt: 2028-01-01T00:00:00Z }";
    assert_eq!(until(&format!("subjects: [{one}, {two}]")).as_deref(), Some("2028-01-01T00:00:00Z"));
    assert_eq!(until(&format!("subjects: [{one}, {{ user: jane@example.com }}]")), None);
}

#[test]
fn scopes_close_only_when_everything_is_known() {
    let closure = |documents: &str| {
        let compiled = compile(&manifests(documents), None, now()).unwrap();
        compiled
            .desired
            .scopes
            .iter()
            .map(|scope| format!("{:?}", scope.closure))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let authoritative = |spec: &str| grant("g", &format!("membership: Authoritative, {spec}"));
    assert_eq!(closure(&authoritative("subjects: [{ user: a@example.com }]")), "Closed");
    assert_eq!(closure(&grant("g", "subjects: [{ user: a@example.com }]")), "Additive");
    assert_eq!(
        closure(&authoritative("subjects: []")),
        "Open(\"it has no subjects, and allowEmpty is not true\")"
    );
    assert_eq!(closure(&authoritative("subjects: [], allowEmpty: true")), "Closed");
    assert_eq!(closure(&authoritative("subjects: [{ team: gone }]")), "Open(\"there is no team gone\")");
    let empty = TEAM.replace("[jane@example.com]", "[]");
    assert_eq!(
        closure(&format!(
            "{empty}---\n{}",
            authoritative("subjects: [{ team: t }, { user: a@example.com }]")
        )),
        "Open(\"its teams have no members, and allowEmpty is not true\")"
    );
    assert_eq!(
        closure(&format!("{empty}---\n{}", authoritative("subjects: [{ team: t }], allowEmpty: true"))),
        "Closed"
    );
    assert_eq!(
        closure(&format!(
            "{}---\nkind: KoreUser\nmetadata: {{ name: x }}\nspec: {{ email: x }}\n",
            authoritative("subjects: [{ user: a@example.com }]")
        )),
        "Open(\"all.yaml:15:16: \\\"x\\\" is not an e-mail address: there is no @ in it\")"
    );
}

#[test]
fn several_authoritative_lists_of_one_role_and_bot_are_one_list() {
    let list = |name: &str, who: &str| {
        format!(
            "kind: KoreRoleBinding\nmetadata: {{ name: {name} }}\nspec: {{ role: {{ type: Bot, name: Bot Tester }}, \
             bot: B, membership: Authoritative, subjects: [{{ user: {who}@example.com }}] }}\n---\n"
        )
    };
    let compiled = compiled(&[list("a", "jane"), list("b", "sam")].concat());
    assert!(compiled.findings.is_empty());
    let closed = compiled.desired.scopes.iter().filter(|scope| scope.closure == Closure::Closed).count();
    assert_eq!((closed, compiled.desired.wants.len()), (2, 2));
}

#[test]
fn unknown_completeness_closes_nothing() {
    let mut manifests =
        manifests(&grant("g", "membership: Authoritative, subjects: [{ user: a@example.com }]"));
    manifests.set_completeness("acme", Completeness::Unknown);
    let compiled = compile(&manifests, None, now()).unwrap();
    assert!(matches!(&compiled.desired.scopes[0].closure, Closure::Open(why) if why.contains("sources")));
}

#[test]
fn absent_person_is_stripped_only_when_offboard_says_so() {
    for (offboard, stripped) in [("Refuse", 0), ("StripAccess", 1)] {
        let user = format!(
            "kind: KoreUser\nmetadata: {{ name: a }}\nspec: {{ email: a@example.com, state: Absent, offboard: {offboard} }}\n"
        );
        assert_eq!(compiled(&user).desired.strip.len(), stripped, "{offboard}");
    }
}

#[test]
fn names_are_compared_when_one_of_them_is_written() {
    for (field, is_compared) in
        [("firstName: Jane", true), ("lastName: Doe", true), ("builderAccess: None", false)]
    {
        let user =
            format!("kind: KoreUser\nmetadata: {{ name: a }}\nspec: {{ email: a@example.com, {field} }}\n");
        assert_eq!(lines(&compiled(&user)).contains("name of a@example.com"), is_compared, "{field}");
    }
}

#[test]
fn teams_of_another_account_are_not_there() {
    for (account, is_there) in [("acme", true), ("other", false)] {
        let documents = format!(
            "{}---\nkind: KoreTeam\nmetadata: {{ name: t }}\nspec: {{ account: {account}, members: [a@example.com] }}\n\
             ---\nkind: KoreRoleBinding\nmetadata: {{ name: g }}\n\
             spec: {{ account: acme, role: {{ type: Admin, name: Auditor }}, subjects: [{{ team: t }}] }}\n",
            ACCOUNT.replace("acme", "other")
        );
        let compiled = compile(&manifests(&documents), Some("acme"), now()).unwrap();
        assert_eq!(
            lines(&compiled).contains("a@example.com: Auditor"),
            is_there,
            "{account}\n{}",
            lines(&compiled)
        );
    }
}

#[test]
fn team_cycle_still_compiles_the_rest() {
    let cycle = "kind: KoreTeam\nmetadata: { name: a }\nspec: { teams: [b], members: [a@example.com] }\n---\nkind: KoreTeam\nmetadata: { name: b }\nspec: { teams: [a], members: [b@example.com] }\n";
    let manifests = manifests(&format!("{cycle}---\n{}", grant("g", "subjects: [{ team: a }]")));
    let compiled = compile(&manifests, None, now()).unwrap();
    assert_eq!(compiled.desired.wants.len(), 2);
    assert!(matches!(compiled.desired.completeness, Completeness::Partial(_)));
}

#[test]
fn dialogs_of_two_assignments_add_up() {
    let dialogs = |first: &str, second: &str| {
        let one = grant("g1", &format!("{first}subjects: [{{ user: jane@example.com }}]"));
        let two = grant("g2", &format!("{second}subjects: [{{ user: jane@example.com }}]"));
        lines(&compiled(&format!("{one}---\n{two}"))).lines().next().unwrap().to_owned()
    };
    assert!(dialogs("dialogs: [dg-1], ", "dialogs: [dg-2], ").contains("= dialogs dg-1, dg-2 <-"));
    assert!(dialogs("dialogs: [dg-1], ", "").contains("= all dialogs <-"));
}

#[test]
fn policy_knows_its_lines() {
    let text = include_str!("../../fixtures/manifest/account.yaml");
    let manifests = read(vec![Input::new("deploy/account.yaml", text)]);
    assert_eq!(render::text(manifests.findings(), manifests.texts(), false), "");
    let compiled = compile(&manifests, Some("acme"), now()).unwrap();
    assert_eq!(compiled.policy.blame("safety.maxRemovals"), "safety.maxRemovals in deploy/account.yaml:22");
    assert_eq!(compiled.policy.blame("batchSize"), "batchSize, by default");
    insta::assert_debug_snapshot!((
        compiled.account,
        koreconcile::facts::Policy { places: std::collections::BTreeMap::default(), ..compiled.policy }
    ));
}

#[test]
fn defaults_of_the_schema_are_the_defaults_of_the_policy() {
    use koreconcile::facts::Policy;
    let policy = compiled("").policy;
    let default = Policy::default();
    assert_eq!(
        (policy.mode, policy.approval, policy.suspend),
        (default.mode, default.approval, default.suspend)
    );
    assert_eq!(policy.safety, default.safety);
    assert_eq!(policy.rate, default.rate);
    assert_eq!(policy.batch_size, default.batch_size);
    assert_eq!(policy.invitations, default.invitations);
}

#[test]
fn objects_of_another_account_are_not_ours() {
    let two =
        "kind: KoreAccount\nmetadata: { name: beta }\nspec: { endpoint: { sandbox: { dataDir: b } } }\n";
    let user = |name: &str, account: &str| {
        format!(
            "kind: KoreUser\nmetadata: {{ name: {name} }}\nspec: {{ email: {name}@example.com{account} }}\n"
        )
    };
    let documents = format!(
        "{two}---\n{}---\n{}---\n{}",
        user("a", ", account: acme"),
        user("b", ", account: beta"),
        user("c", "")
    );
    let manifests = manifests(&documents);
    assert!(compile(&manifests, None, now()).is_err());
    let members = |account: &str| {
        let compiled = compile(&manifests, Some(account), now()).unwrap();
        compiled
            .desired
            .referenced
            .iter()
            .map(|email| email.as_str().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(members("acme"), "a@example.com c@example.com");
    assert_eq!(members("beta"), "b@example.com c@example.com");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() })]

    /// Shuffled documents come to the same facts; only line numbers differ, so each document is a file of its own.
    #[test]
    fn order_of_documents_does_not_matter(seed in proptest::array::uniform16(0usize..1000)) {
        let documents: Vec<String> = include_str!("../../fixtures/manifest/every-kind.yaml")
            .split("---\n")
            .map(|document| format!("apiVersion: koreconcile.dev/v1alpha1\n{document}"))
            .chain([format!("apiVersion: koreconcile.dev/v1alpha1{ACCOUNT}")])
            .collect();
        let mut inputs: Vec<Input> =
            documents.iter().enumerate().map(|(n, text)| Input::new(format!("{n:02}.yaml"), text.as_str())).collect();
        let expected = lines(&compile(&read(inputs.clone()), None, now()).unwrap());
        for (at, swap) in seed.into_iter().enumerate() {
            let len = inputs.len();
            inputs.swap(at % len, swap % len);
        }
        proptest::prop_assert_eq!(&lines(&compile(&read(inputs.clone()), None, now()).unwrap()), &expected);
        // The same in one file, where only places differ.
        let one: String = inputs.iter().map(|input| format!("---\n{}", String::from_utf8_lossy(&input.bytes))).collect();
        let without_places = |text: &str| text.lines().map(|line| line.split(" <- ").next().unwrap().to_owned()).filter(|line| !line.starts_with("expired")).collect::<Vec<_>>();
        let compiled = compile(&read(vec![Input::new("one.yaml", one)]), None, now()).unwrap();
        proptest::prop_assert_eq!(without_places(&lines(&compiled)), without_places(&expected));
    }

    /// A team that is reached on several ways gives each member each grant once.
    #[test]
    fn team_expanded_twice_is_expanded_once(edges in proptest::collection::vec((0usize..6, 0usize..6), 0..15)) {
        // Edges only lead to higher numbers, so there is no cycle.
        let teams: Vec<String> = (0..6).map(|n| {
            let inner: Vec<String> = edges.iter().filter(|(from, to)| *from == n && from < to).map(|(_, to)| format!("t{to}")).collect();
            format!("kind: KoreTeam\nmetadata: {{ name: t{n} }}\nspec: {{ members: [m{n}@example.com, shared@example.com], teams: [{}] }}\n", inner.join(", "))
        }).collect();
        let once = compiled(&format!("{}---\n{}", teams.join("---\n"), grant("g", "subjects: [{ team: t0 }]")));
        let twice = compiled(&format!("{}---\n{}", teams.join("---\n"), grant("g", "subjects: [{ team: t0 }, { team: t0 }]")));
        let keys = |compiled: &Compiled| compiled.desired.wants.iter().map(|(key, want)| (key.to_string(), want.verdict.clone())).collect::<Vec<_>>();
        proptest::prop_assert_eq!(keys(&once), keys(&twice));
        let mut reached = vec![0];
        while let Some((_, to)) = edges.iter().find(|(from, to)| from < to && reached.contains(from) && !reached.contains(to)) {
            reached.push(*to);
        }
        proptest::prop_assert_eq!(once.desired.wants.len(), reached.len() + 1);
    }
}
