//! `report` as somebody who audits runs it: live, from a snapshot, at an earlier time, and with what goes wrong.

use crate::support::served::{Served, document, user};
use crate::support::workspace::Run;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;

const TESTERS: &str = "{ role: { type: Bot, name: Bot Tester }, bot: HR Assistant, subjects: [{ user: sam@example.com, reason: new in the team }] }";

fn served() -> Served {
    Served::new(&[user("one", ", orgUserId: E-1001"), document("KoreRoleBinding", "testers", TESTERS)])
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

fn commit(served: &Served, message: &str) {
    let git = |args: &[&str]| {
        let out = Command::new("git")
            .args(["-c", "user.name=Jane Doe", "-c", "user.email=jane.doe@example.com"])
            .args(["-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(served.workspace.path(""))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    };
    for args in [&["init", "-q"][..], &["add", "*.yaml"], &["commit", "-q", "-m", message]] {
        git(args);
    }
}

fn row_of<'j>(report: &'j Value, user: &str, role: &str) -> &'j Value {
    let rows = report["rows"].as_array().unwrap();
    let is_it = |row: &&Value| row["user"] == user && row["role"] == role;
    rows.iter().find(is_it).unwrap_or_else(|| panic!("{user} has no {role}: {report:#}"))
}

/// The files that a folder of evidence names, in the order of its index.
fn kept(served: &Served) -> Vec<(PathBuf, Value)> {
    let index = std::fs::read_to_string(served.workspace.path("evidence/index.jsonl")).unwrap();
    let entries = index.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries
        .map(|entry| {
            let name = format!("evidence/objects/{}.json", entry["sha256"].as_str().unwrap());
            (served.workspace.path(&name), entry)
        })
        .collect()
}

#[test]
fn a_row_has_line_commit_author_beginning_and_reason() {
    let served = served();
    commit(&served, "One tests the HR Assistant");
    served.run(&["apply", "--yes"]).expect(0);
    let report = json_of(&served.run(&["report", "access", "--format", "json"]).expect(0));
    let row = row_of(&report, "sam@example.com", "Bot Tester");
    let declared = &row["declared"][0];
    assert_eq!(
        (&declared["object"]["name"], &declared["commit"]["author"]),
        (&json!("testers"), &json!("Jane Doe"))
    );
    assert_eq!(row["reason"], "new in the team");
    assert_eq!((&row["since"]["known"], &row["status"]), (&json!("applied"), &json!("held")));
    assert_eq!(row["since"]["commit"], report["head"]["manifests"]["commit"]);
    let one =
        report["people"].as_array().unwrap().iter().find(|one| one["email"] == "one@example.com").unwrap();
    assert_eq!((&one["orgUserId"], &one["status"]), (&json!("E-1001"), &json!("invited")));
    assert_eq!(report["head"]["gaps"], json!([]));
    let jane = report["people"].as_array().unwrap().iter().find(|one| one["email"] == "jane.doe@example.com");
    assert!(jane.unwrap()["lastSignIn"].is_string(), "everybody was looked up");
}

#[test]
fn each_kind_and_format_is_made_from_a_snapshot_without_a_call() {
    let served = served();
    served.run(&["snapshot", "--everyone", "--out", "seen.json"]).expect(0);
    let before = served.server.counts();
    for kind in [&["access"][..], &["violations"], &["dormant"], &["changes", "--from", "seen.json"]] {
        for (format, begins) in
            [("html", "<!DOCTYPE html>"), ("csv", "account,"), ("json", "{"), ("markdown", "# ")]
        {
            let mut args = vec!["report"];
            args.extend(kind);
            args.extend(["--observed", "seen.json", "--format", format]);
            let run = served.run(&args).expect(0);
            assert!(run.stdout.starts_with(begins), "{kind:?} {format}: {run}");
            assert!(format == "csv" || run.stdout.contains("6661e128d3203924648c10bf"), "{run}");
        }
    }
    assert_eq!(served.server.counts(), before);
    let run = served.run(&[
        "report",
        "access",
        "--observed",
        "seen.json",
        "--redact",
        "--out",
        "a.html",
        "--format",
        "html",
    ]);
    assert_eq!(run.expect(0).stdout, "");
    let html = std::fs::read_to_string(served.workspace.path("a.html")).unwrap();
    assert!(!html.contains("@example.com") && html.contains("user-") && html.contains("Redacted: "));
}

#[test]
fn a_gap_is_told_and_red_unless_it_is_accepted() {
    let served = served();
    served.run(&["snapshot", "--out", "seen.json"]).expect(0);
    let gap = "not looked up: their bot assignments and last sign-ins are not known";
    let run = served.run(&["report", "access", "--observed", "seen.json"]).expect(6);
    assert!(run.stdout.contains(gap) && run.stderr.contains(gap), "{run}");
    assert!(run.stderr.contains("accept the gaps with --allow-gaps"), "{run}");
    let run = served.run(&["report", "access", "--observed", "seen.json", "--allow-gaps"]).expect(0);
    assert!(run.stdout.contains("Not complete: ") && run.stderr.contains(gap), "{run}");
}

#[test]
fn errors_of_manifests_are_a_gap() {
    let served = served();
    served.run(&["snapshot", "--everyone", "--out", "seen.json"]).expect(0);
    served.workspace.edit("main.yaml", "bot: HR Assistant", "bott: HR Assistant");
    served.run(&["report", "access", "--observed", "seen.json"]).expect(3);
    let run = served.run(&["report", "access", "--observed", "seen.json", "--keep-going"]).expect(6);
    assert!(run.stdout.contains("the manifests have "), "{run}");
}

#[test]
fn an_earlier_time_has_its_snapshot_and_the_commit_that_was_current() {
    let served = served();
    commit(&served, "One tests");
    served.run(&["apply", "--yes"]).expect(0);
    served.run(&["report", "access", "--evidence", "evidence"]).expect(0);
    let kept_first = kept(&served);
    assert_eq!(kept_first.len(), 2, "the snapshot and the report");
    let (at, first) = (kept_first[0].1["at"].as_str().unwrap().to_owned(), &kept_first[0].1["commit"]);

    served.workspace.edit("main.yaml", "reason: new in the team", "reason: stays in the team");
    commit(&served, "One stays");
    let run = served.run(&["report", "access", "--at", &at, "--evidence", "evidence", "--format", "json"]);
    let report = json_of(&run.expect(0));
    assert_eq!((&report["head"]["readAt"], &report["head"]["manifests"]["commit"]), (&json!(at), first));
    let row = row_of(&report, "sam@example.com", "Bot Tester");
    assert_eq!(row["reason"], "new in the team", "as the manifests had it then");
    assert_eq!(&row["declared"][0]["commit"]["id"], first);
    assert_eq!(kept(&served).len(), 3, "the report is kept too");

    let run = served.run(&["report", "access", "--at", "2020-01-01", "--evidence", "evidence"]).expect(3);
    assert!(run.stderr.contains("no snapshot of this account at or before 2020-01-01T23:59:59Z\n"), "{run}");
    assert!(run.stderr.contains("the first one is of "), "{run}");
    let run = served.run(&["report", "access", "--at", "2999-12-31"]).expect(3);
    assert!(run.stderr.contains("--evidence <DIR>"), "{run}");
    let run = served.run(&["report", "access", "--at", "yesterday", "--evidence", "evidence"]).expect(3);
    assert!(run.stderr.contains("write a day, such as 2030-12-31"), "{run}");
}

#[test]
fn without_git_an_earlier_time_has_the_manifests_of_today_and_a_gap() {
    let served = served();
    served.run(&["snapshot", "--everyone", "--evidence", "evidence"]).expect(0);
    let run = served.run(&["report", "access", "--at", "2999-12-31", "--evidence", "evidence"]).expect(6);
    assert!(run.stdout.contains("the manifests of that time are not known"), "{run}");
}

#[test]
fn changes_are_told_between_a_snapshot_and_the_account() {
    let served = served();
    served.run(&["snapshot", "--everyone", "--out", "seen.json", "--evidence", "evidence"]).expect(0);
    served.run(&["apply", "--yes"]).expect(0);
    for from in [&["--from", "seen.json"][..], &["--from", "2999-12-31", "--evidence", "evidence"]] {
        let mut args = vec!["report", "changes", "--format", "json"];
        args.extend(from);
        let report = json_of(&served.run(&args).expect(0));
        let row = row_of(&report, "sam@example.com", "Bot Tester");
        assert_eq!(row["turn"], "gained");
        assert!(report["head"]["comparedWith"].is_string());
    }
    let calls = served.server.counts();
    let run = served.run(&["report", "changes", "--from", "nowhere.json"]).expect(3);
    assert!(run.stderr.contains("the snapshot nowhere.json cannot be used"), "{run}");
    let run = served.run(&["report", "changes", "--from", "2026-01-01"]).expect(3);
    assert!(run.stderr.contains("neither a snapshot nor a time for which there is evidence"), "{run}");
    assert_eq!(served.server.counts(), calls, "a slip of the pen costs no call");
    served.workspace.edit("seen.json", "6661e128d3203924648c10bf", "6661e128d3203924648c1000");
    let run = served.run(&["report", "changes", "--from", "seen.json"]).expect(3);
    assert!(run.stderr.contains("compare two reads of one account"), "{run}");
}

#[test]
fn verify_finds_what_was_changed() {
    let served = served();
    served.run(&["snapshot", "--everyone", "--out", "seen.json"]).expect(0);
    let report =
        ["report", "access", "--observed", "seen.json", "--format", "json", "--evidence", "evidence"];
    served.run(&[&report[..], &["--out", "report.json"]].concat()).expect(0);
    let verify = |path: &str| served.workspace.run(&["report", "verify", path]);
    assert!(verify("report.json").expect(0).stdout.contains("as stated"));
    served.workspace.edit("report.json", "\"jane.doe@example.com\"", "\"tim.doe@example.com\"");
    let run = verify("report.json").expect(3);
    assert!(run.stderr.contains("is not as it was written"), "{run}");
    let run = verify("seen.json").expect(3);
    assert!(run.stderr.contains("is no report in JSON"), "{run}");
    verify("nowhere.json").expect(3);

    let run = verify("evidence").expect(0);
    assert!(run.stdout.contains("evidence: 1 file kept") && run.stdout.contains("\nhead "), "{run}");
    served.run(&report).expect(0);
    let files = kept(&served);
    assert_eq!(files.len(), 2);
    let index = std::fs::read_to_string(served.workspace.path("evidence/index.jsonl")).unwrap();
    let second = index.lines().nth(1).unwrap();
    for (text, why) in [
        (format!("{second}\n"), "line 1 does not follow the line before it"),
        (index.replacen("report", "snapshot", 1), "line 2 does not follow the line before it"),
        (format!("{index}oops\n"), "line 3 is no entry"),
        (String::new(), "it has no entries"),
    ] {
        served.workspace.write("evidence/index.jsonl", &text);
        let run = verify("evidence").expect(3);
        assert!(run.stderr.contains(why), "{why}: {run}");
    }
    served.workspace.write("evidence/index.jsonl", &index);
    let content = std::fs::read_to_string(&files[0].0).unwrap();
    std::fs::write(&files[0].0, content.replacen("critical", "low", 1)).unwrap();
    assert!(verify("evidence").expect(3).stderr.contains("whose content has another hash"));
    std::fs::remove_file(&files[0].0).unwrap();
    assert!(verify("evidence").expect(3).stderr.contains("which is not there"));
}

#[test]
fn evidence_that_was_changed_is_not_used_and_not_added_to() {
    let served = served();
    served.run(&["snapshot", "--everyone", "--evidence", "evidence"]).expect(0);
    served.workspace.write("evidence/index.jsonl", "{}\n");
    let run = served.run(&["report", "access", "--at", "2999-12-31", "--evidence", "evidence"]).expect(3);
    assert!(run.stderr.contains("line 1 is no entry"), "{run}");
    served.run(&["snapshot", "--evidence", "evidence"]).expect(3);
    assert_eq!(std::fs::read_to_string(served.workspace.path("evidence/index.jsonl")).unwrap(), "{}\n");
    served.workspace.write("file", "");
    let run = served.run(&["snapshot", "--evidence", "file"]).expect(3);
    assert!(run.stderr.contains("the evidence file"), "{run}");
}

#[test]
fn another_account_and_unknown_credentials_end_as_everywhere() {
    let mut served = served();
    served.run(&["snapshot", "--everyone", "--out", "seen.json"]).expect(0);
    served.workspace.edit("account.yaml", "6661e128d3203924648c10bf", "6661e128d3203924648c1000");
    served.run(&["report", "access", "--observed", "seen.json"]).expect(4);
    served.run(&["report", "access"]).expect(4);
    served.workspace.export("KORE_CLIENT_SECRET", "wrong");
    served.run(&["report", "access"]).expect(7);
}

/// Tim is a Master Admin of the sandbox; partners may hold nothing, and one of them is excepted.
#[test]
fn verdicts_name_the_policy_and_the_exception_in_every_format() {
    let policies = [
        document(
            "KorePolicy",
            "no-developers",
            "{ severity: critical, validationActions: [Warn], holders: { roles: [Bot Developer], max: 0 } }",
        ),
        document(
            "KorePolicyException",
            "builders",
            "{ policy: no-developers, match: { roles: [Bot Developer] }, expiresAt: 2099-02-01T00:00:00Z, reason: they build }",
        ),
        document(
            "KorePolicy",
            "no-testers",
            "{ severity: high, validationActions: [Deny], over: Grant, match: { roles: [Bot Tester] }, rule: 'false', message: nobody tests }",
        ),
        document(
            "KorePolicyException",
            "idle",
            "{ policy: no-testers, match: { emails: [nobody@example.com] }, expiresAt: 2099-02-01T00:00:00Z }",
        ),
    ];
    let served = served();
    let policies = policies.concat();
    served.run(&["apply", "--yes"]).expect(0);
    served.run(&["snapshot", "--everyone", "--out", "seen.json"]).expect(0);
    let main = std::fs::read_to_string(served.workspace.path("main.yaml")).unwrap();
    served.workspace.write("main.yaml", &[main, policies].concat());
    let report = |kind: &str, format: &str| {
        served.run(&["report", kind, "--observed", "seen.json", "--format", format]).expect(0)
    };
    let access = json_of(&report("access", "json"));
    let verdict = &row_of(&access, "sam@example.com", "Bot Tester")["verdicts"][0];
    assert_eq!((&verdict["policy"], &verdict["severity"]), (&json!("no-testers"), &json!("high")));
    assert!(verdict.get("exceptedBy").is_none(), "{verdict}");
    let rows = access["rows"].as_array().unwrap();
    let developer = rows.iter().find(|row| row["role"] == "Bot Developer").expect("somebody builds");
    assert_eq!(developer["verdicts"][0]["exceptedBy"], "builders");
    assert_eq!(developer["verdicts"][0]["exceptedUntil"], "2099-02-01T00:00:00Z");
    assert!(access["head"]["notes"].to_string().contains("KorePolicyException idle"), "{}", access["head"]);
    for format in ["csv", "markdown", "html"] {
        let run = report("access", format);
        for shown in ["no-testers", "no-developers (exception builders until 2099-02-01)"] {
            assert!(run.stdout.contains(shown), "{format}: {shown}: {run}");
        }
    }
    let violations = json_of(&report("violations", "json"));
    let findings: Vec<&Value> = violations["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["finding"]["code"] == "policy")
        .collect();
    let of = |policy: &str| {
        let mut of = findings.iter().filter(|row| row["finding"]["policy"] == policy);
        of.next().unwrap_or_else(|| panic!("no finding of {policy}: {violations:#}"))["finding"].clone()
    };
    let (testers, builders) = (of("no-testers"), of("no-developers"));
    assert_eq!((&testers["severity"], testers.get("exception")), (&json!("high"), None));
    assert_eq!((&builders["severity"], &builders["exception"]), (&json!("low"), &json!("builders")));
    let run = report("violations", "csv");
    assert!(
        run.stdout.contains("(policy no-testers)") && run.stdout.contains("exception builders covers it"),
        "{run}"
    );
}

#[test]
fn what_a_policy_would_not_let_through_is_a_finding_too() {
    let served = served();
    let denied = "{ severity: high, validationActions: [Deny], holders: { roles: [Bot Tester], max: 0 } }";
    let main = std::fs::read_to_string(served.workspace.path("main.yaml")).unwrap();
    served.workspace.write("main.yaml", &[main, document("KorePolicy", "no-testers", denied)].concat());
    let report = json_of(&served.run(&["report", "violations", "--format", "json"]).expect(0));
    let rows = report["rows"].as_array().unwrap();
    let blocked = rows.iter().find(|row| row["finding"]["planReason"] == "PolicyDenied");
    assert_eq!(blocked.unwrap_or_else(|| panic!("{report:#}"))["user"], "sam@example.com");
}
