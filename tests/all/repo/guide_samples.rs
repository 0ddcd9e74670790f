//! What the guides show is printed: their commands run on the sandbox that they name, and each line of a sample comes, in
//! its order.

use super::readme::assert_shown;
use crate::support::workspace::{Run, Workspace};

/// The blocks of a guide in one language, in order.
fn blocks(guide: &str, language: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides").join(guide);
    let text = std::fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut block) {
            (Some(_), Some(_)) => found.extend(block.take()),
            (Some(opening), None) if opening == language => block = Some(String::new()),
            (Some(_), None) => block = Some("another language\n".to_owned()),
            (None, Some(block)) => block.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    found.retain(|block| !block.starts_with("another language"));
    found
}

#[track_caller]
fn shows(sample: &str, runs: &[&Run]) {
    let printed: String = runs.iter().map(|run| format!("{}{}", run.stderr, run.stdout)).collect();
    assert_shown(sample, &lines(sample), &printed);
}

/// The lines of a sample that are no commands.
fn lines(sample: &str) -> Vec<String> {
    let lines: Vec<String> =
        sample.lines().filter(|line| !line.starts_with("$ ")).map(str::to_owned).collect();
    assert!(!lines.is_empty());
    lines
}

#[test]
fn of_break_glass() {
    let guide = "break-glass.md";
    let workspace = Workspace::example("quickstart");
    workspace.run(&["apply", "--yes"]).expect(0);
    let binding = &blocks(guide, "yaml")[0];
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    let soon = soon.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    assert!(binding.contains("2026-11-24T18:00:00Z"));
    workspace.write("break-glass.yaml", &binding.replace("2026-11-24T18:00:00Z", &soon));
    let console = blocks(guide, "console");
    let [grant, see, over, why] = console.as_slice() else { panic!("{console:?}") };
    let explain = ["explain", "jane.doe@example.com", "--bot", "HR Assistant", "--role", "Bot Developer"];
    let run = |args: &[&str]| workspace.run(args).expect(0);
    shows(grant, &[&run(&["plan"]), &run(&["apply", "--yes"])]);
    shows(see, &[&run(&explain)]);
    let ended = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    workspace.edit("break-glass.yaml", &soon, &ended.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    shows(over, &[&run(&["plan"]), &run(&["apply", "--yes"])]);
    shows(why, &[&run(&explain)]);
}

#[test]
fn of_adopting_an_account() {
    let guide = "adopt-an-account.md";
    let workspace = Workspace::with(&[]);
    let scripts = blocks(guide, "sh");
    let script = scripts.iter().find(|script| script.contains("<<'YAML'")).expect("the account to try");
    let account = script.split_once("<<'YAML'\n").unwrap().1.split_once("YAML\n").unwrap().0;
    workspace.write("account.yaml", account);
    let texts = blocks(guide, "text");
    let [imported, planned, revoked, known, again] = texts.as_slice() else { panic!("{texts:?}") };
    let run = |args: &[&str]| workspace.run(args).expect(0);
    let import = ["import", "--account-file", "account.yaml", "--out", "access"];
    let first = run(&import);
    assert_shown(imported, &lines(imported), &format!("{}{}", first.stdout, first.stderr));
    // The guide is about a real account: another host, and the same people.
    let planned = planned.replace("https://platform.kore.ai", "the sandbox in access/../.koreconcile/acme");
    shows(&planned, &[&run(&["validate", "access"]), &run(&["plan", "access", "--exit-code"])]);
    let bindings = std::fs::read_to_string(workspace.path("access/bindings.yaml")).unwrap();
    let at = bindings.find("name: banking-assistant-bot-developer\n").expect("the binding of the guide");
    let (before, binding) = bindings.split_at(at);
    let binding = binding.replacen("  membership: Additive\n", "  membership: Authoritative\n", 1).replacen(
        "    - user: former@example.com\n",
        "",
        1,
    );
    workspace.write("access/bindings.yaml", &format!("{before}{binding}"));
    shows(revoked, &[&run(&["plan", "access"])]);
    shows(known, &[&run(&["baseline", "access"])]);
    let second = run(&import);
    shows(again, &[&second]);
}
