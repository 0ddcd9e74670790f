//! What is declared and changes nothing at the platform is in the plan with its risk: an end that moves, a fact that
//! somebody else gave, a guard that is loosened.

use crate::support::served::{Served, document};
use crate::support::workspace::Run;
use serde_json::Value;

/// These people hold it, each with what is said of them.
fn binding(name: &str, role: &str, subjects: &str) -> String {
    document("KoreRoleBinding", name, &format!("{{ role: {role}, subjects: [{subjects}] }}"))
}

fn admins(end: &str) -> String {
    binding("admins", "{ type: Admin, name: Master Admin }", &format!("{{ user: sam@example.com{end} }}"))
}

/// A role that Kim holds in the demo account.
fn managers() -> String {
    binding("managers", "{ type: Admin, name: User Manager }", "{ user: kim@example.com }")
}

fn declared(run: &Run) -> Vec<(String, String)> {
    let plan: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    let effects = plan["declared"].as_array().cloned().unwrap_or_default();
    let told = effects.iter().map(|effect| {
        let word = |field: &Value| field.as_str().unwrap().to_owned();
        (word(&effect["kind"]), word(&effect["risk"]["level"]))
    });
    told.collect()
}

fn json(served: &Served, args: &[&str]) -> Run {
    served.run(&[&["plan", "--format", "json"], args].concat()).expect(0)
}

fn is(kind: &str, level: &str) -> (String, String) {
    (kind.to_owned(), level.to_owned())
}

const JANUARY: &str = ", expiresAt: \"2090-01-20T18:00:00Z\"";
const MARCH: &str = ", expiresAt: \"2090-03-20T18:00:00Z\"";

#[test]
fn end_that_moves_or_goes_is_declared_with_the_risk_of_the_grant() {
    let served = Served::new(&[admins(JANUARY)]);
    assert_eq!(declared(&json(&served, &[])), [], "before the first apply");
    served.run(&["apply", "--yes"]).expect(0);
    assert_eq!(declared(&json(&served, &[])), [], "nothing is declared otherwise");

    served.workspace.write("main.yaml", &admins(MARCH));
    assert_eq!(declared(&json(&served, &[])), [is("endMoved", "critical")]);
    let line = "sam@example.com: Master Admin: ends 2090-03-20 18:00 UTC instead of 2090-01-20 18:00 UTC";
    let text = served.run(&["plan"]).expect(0);
    assert!(text.stdout.contains("Declared, and nothing is sent (1)\n    = "), "{text}");
    assert!(text.stdout.contains(line) && text.stdout.contains("[critical: full control"), "{text}");
    assert!(text.stdout.contains("No changes; 1 declared."), "{text}");
    let markdown = served.run(&["plan", "--format", "markdown"]).expect(0);
    assert!(markdown.stdout.contains(line) && markdown.stdout.contains("[critical: "), "{markdown}");
    let hidden = served.run(&["plan", "--format", "json", "--redact"]).expect(0);
    assert!(hidden.stdout.contains("endMoved") && !hidden.stdout.contains("sam@example.com"), "{hidden}");

    served.workspace.write("main.yaml", &admins(""));
    assert_eq!(declared(&json(&served, &[])), [is("endRemoved", "critical")]);
    served.workspace.write("main.yaml", &admins(", expiresAt: \"2089-01-20T18:00:00Z\""));
    assert_eq!(declared(&json(&served, &[])), [], "an earlier end gives nobody anything");

    served.workspace.write("main.yaml", &admins(""));
    let applied = served.run(&["apply", "--yes"]).expect(0);
    assert!(applied.stdout.contains("no end any more"), "{applied}");
    assert_eq!(declared(&json(&served, &[])), [], "it is the memory's by now");
}

#[test]
fn fact_that_holds_already_is_declared_with_its_risk() {
    let served = Served::new(&[admins("")]);
    served.run(&["apply", "--yes"]).expect(0);
    served.workspace.write("main.yaml", &(admins("") + managers().as_str()));
    assert_eq!(declared(&json(&served, &[])), [is("adopted", "high")]);
    served.run(&["apply", "--yes"]).expect(0);
    assert_eq!(declared(&json(&served, &[])), []);
}

#[test]
fn guards_that_are_loosened_are_declared() {
    let served = Served::new(&[admins("")]);
    let safety = |fields: &str| served.account(&format!("  safety: {{ {fields} }}\n"));
    safety("primaryAdmin: owner@example.com, maxRemovals: 5, protected: [kim@example.com]");
    served.run(&["apply", "--yes"]).expect(0);
    safety(
        "primaryAdmin: owner@example.com, maxRemovals: 5, protected: [kim@example.com, \"*@partner.example.com\"]",
    );
    assert_eq!(declared(&json(&served, &[])), [], "stricter");
    safety("maxRemovals: 500, minMasterAdmins: 1");
    let text = served.run(&["plan"]).expect(0);
    for said in [
        "safety.maxRemovals: 500 instead of 5  [high: a guard is loosened]  # account.yaml:",
        "safety.minMasterAdmins: 1 instead of 2",
        "safety.primaryAdmin: owner@example.com is it no longer",
        "safety.protected: kim@example.com is protected no longer",
    ] {
        assert!(text.stdout.contains(said), "{said}: {text}");
    }
    served.run(&["apply", "--yes"]).expect(0);
    assert_eq!(declared(&json(&served, &[])), []);
}

#[test]
fn a_policy_that_is_loosened_and_an_exception_that_ends_later_are_declared_with_their_severity() {
    let policy = |most: u32| {
        let spec = format!(
            "{{ severity: critical, validationActions: [Deny], exclusive: {{ roles: [Bot Developer, Bot Tester], \
             atMost: {most} }} }}"
        );
        document("KorePolicy", "separation", &spec)
    };
    let exception = |end: &str| {
        let spec =
            format!("{{ policy: separation, match: {{ emails: [kim@example.com] }}, expiresAt: {end} }}");
        document("KorePolicyException", "kim", &spec)
    };
    let served = Served::new(&[admins("")]);
    let (january, march) = ("2090-01-20T18:00:00Z", "2090-03-20T18:00:00Z");
    served.workspace.write("main.yaml", &[admins(""), policy(1), exception(january)].concat());
    served.run(&["apply", "--yes"]).expect(0);
    assert_eq!(declared(&json(&served, &[])), [], "nothing is declared otherwise");

    served.workspace.write("main.yaml", &[admins(""), policy(1), exception(march)].concat());
    assert_eq!(declared(&json(&served, &[])), [is("policyLoosened", "critical")]);
    let text = served.run(&["plan"]).expect(0);
    let line = "exception kim from separation: ends 2090-03-20T18:00:00Z instead of 2090-01-20T18:00:00Z";
    assert!(text.stdout.contains(line), "{text}");
    served.workspace.write("main.yaml", &[admins(""), policy(2), exception(january)].concat());
    let text = served.run(&["plan"]).expect(0);
    assert!(text.stdout.contains("policy separation: exclusive.atMost: 2 instead of 1"), "{text}");
    assert!(text.stdout.contains("[critical: a policy is loosened"), "{text}");
    served.workspace.write("main.yaml", &admins(""));
    assert_eq!(declared(&json(&served, &[])), [is("policyLoosened", "critical")]);
    served.workspace.write("main.yaml", &[admins(""), policy(0)].concat());
    assert_eq!(declared(&json(&served, &[])), [], "an exception less and a lower limit give nobody anything");

    served.workspace.write("main.yaml", &[admins(""), policy(2)].concat());
    served.run(&["apply", "--yes"]).expect(0);
    assert_eq!(declared(&json(&served, &[])), [], "it is the memory's by now");
}
