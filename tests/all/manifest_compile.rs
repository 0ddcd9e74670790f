//! From manifests to what is wanted.

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
fn manifest_compile_example_of_every_kind() {
    let compiled = compiled(include_str!("../fixtures/manifest/every-kind.yaml"));
    insta::assert_snapshot!(lines(&compiled));
}
