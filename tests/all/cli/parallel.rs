//! Several runs at the same time, and folders that cannot be written.

use crate::support::served::{Served, user};
use crate::support::workspace::Workspace;
use std::process::{Command, Stdio};

#[test]
fn plans_at_the_same_time_share_a_state_folder() {
    let served = Served::new(&[user("new.hire", "")]);
    let start = || served.workspace.koreconcile(&Served::files(&["plan", "-q", "--state-dir", "s"])).start();
    let runs: Vec<_> = (0..12).map(|_| start()).collect();
    for run in runs {
        let run = run.end().expect(0);
        assert_eq!(run.stderr, "", "{run}");
    }
    let left: Vec<_> = walkdir::WalkDir::new(served.workspace.path("s"))
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "new"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A file where a folder is to be: nobody can write there, not even the administrator of the machine.
#[test]
fn reads_need_no_folder_that_can_be_written() {
    let served = Served::new(&[user("new.hire", "")]);
    served.workspace.write("taken", "");
    let with = |args: &[&str]| {
        let args = [args, &["--state-dir", "taken/state"]].concat();
        served.run(&args)
    };
    for args in [
        &["plan"][..],
        &["snapshot", "--out", "s.json"],
        &["explain", "jane.doe@example.com"],
        &["plan", "--out", "p.json"],
    ] {
        let run = with(args).expect(0);
        assert_eq!(run.stderr.matches("warning: the state folder").count(), 1, "{run}");
        assert!(run.stderr.contains("--state-dir"), "{run}");
    }
    let doctor = with(&["doctor"]).expect(0);
    assert!(doctor.stdout.contains("stateFolder: the state folder taken/state"), "{doctor}");
    assert!(doctor.stdout.contains("apply refuses to write"), "{doctor}");
    let apply = with(&["apply", "--yes"]).expect(3);
    assert!(apply.stderr.contains("nothing was sent") && apply.stderr.contains("--state-dir"), "{apply}");
    assert_eq!(served.server.calls("POST /api/public/users"), 0);
}

/// What ten commands of a tour do.
#[test]
fn an_embedded_sandbox_has_no_rate_limit_unless_it_is_asked_for() {
    let workspace = Workspace::example("quickstart");
    for _ in 0..12 {
        let run = workspace.run(&["plan"]).expect(0);
        assert!(!run.stderr.contains("waiting"), "{run}");
        assert!(run.stdout.contains("no waiting for the rate limit"), "{run}");
    }
    workspace.edit(
        "account.yaml",
        "spec:\n",
        "spec:\n  rateLimit: { perMinute: 5, perHour: 100, reserve: 0 }\n",
    );
    let run = workspace.run(&["plan", "--max-wait", "1s"]).expect(8);
    assert!(run.stderr.contains("call budget is used up"), "{run}");
}

#[test]
fn waiting_for_the_rate_limit_moves_on_a_terminal_in_the_apply_phase_too() {
    let served = Served::new(&[user("new.hire", "")]);
    served.workspace.edit("account.yaml", "perMinute: 100000", "perMinute: 12");
    // A drain as after a refusal: the first write of the run has to wait.
    let busy = serde_json::json!({ "rate-limited": { "retry_after": 3 } });
    served
        .server
        .fault(&serde_json::json!({ "endpoint": "POST /api/public/users", "times": 1, "effect": busy }));
    let apply = |terminal: &str| {
        let seen =
            served.workspace.koreconcile(&Served::files(&["apply", "--yes"])).env("TERM", terminal).watched();
        seen.split_once("Plan:").expect("a plan").1.to_owned()
    };
    let after = apply("xterm");
    assert!(after.contains("the call budget is used up; the next call goes in"), "{after}");
    served.workspace.edit("main.yaml", "new.hire", "another");
    served.server.fault(&serde_json::json!({ "endpoint": "POST /api/public/users", "times": 1, "effect": { "rate-limited": { "retry_after": 5 } } }));
    let after = apply("dumb");
    assert!(after.contains("waiting ") && after.contains(" s for the rate limit"), "{after}");
}

#[test]
fn the_end_of_time_is_a_time() {
    for (end, is_time) in [
        ("9999-12-31T23:59:59Z", true),
        ("9999-12-31T00:00:00+14:00", true),
        ("9999-12-30T23:59:59.999Z", true),
        ("9999-12-32T00:00:00Z", false),
        ("9999-12-31T24:00:00Z", false),
        ("10000-01-01T00:00:00Z", false),
    ] {
        let workspace = Workspace::example("quickstart");
        let text = format!(
            "apiVersion: koreconcile.dev/v1alpha1\nkind: KoreBotAssignment\nmetadata: {{ name: end }}\nspec: {{ bot: Banking Assistant, subjects: [{{ user: jane.doe@example.com, expiresAt: {end} }}] }}\n"
        );
        workspace.write("end.yaml", &text);
        let run = workspace.run(&["validate"]).expect(if is_time { 0 } else { 3 });
        assert_eq!(run.stderr.contains("error[timestamp]"), !is_time, "{end}: {run}");
    }
}

#[test]
fn keep_going_adds_and_removes_nothing() {
    let served = Served::new(&[user("new.hire", ""), user("leo", ", state: Absent")]);
    served.workspace.write("broken.yaml", &user("x", ", emial: y"));
    let args = ["plan", "--keep-going", "account.yaml", "main.yaml", "broken.yaml"];
    let plan = served.workspace.run(&args).expect(0);
    assert!(plan.stdout.contains("+ new.hire@example.com: invite"), "{plan}");
    assert!(!plan.stdout.contains("leo@example.com: remove") && !plan.stdout.contains("to remove"), "{plan}");
    assert!(plan.stderr.contains("declared absent or expired: not removed"), "{plan}");
    let sound = served.run(&["plan", "--keep-going"]).expect(0);
    assert!(sound.stdout.contains("leo@example.com: remove from the account"), "without errors: {sound}");
}

#[test]
fn an_unreachable_host_is_named_with_the_proxy_and_the_certificates() {
    let served = Served::new(&[user("new.hire", "")]);
    let plan = |envs: &[(&str, &str)]| {
        let mut run = served.workspace.koreconcile(&Served::files(&["plan"]));
        for (name, value) in envs {
            run = run.env(name, value);
        }
        run.run().expect(8).stderr
    };
    let url = served.server.url.clone();
    served.workspace.edit("account.yaml", &url, "https://kore.invalid");
    let said = plan(&[("HTTPS_PROXY", "http://jane:s3cr3t@127.0.0.1:9")]);
    assert!(said.contains("the platform at https://kore.invalid cannot be reached"), "{said}");
    assert!(said.contains("proxy: HTTPS_PROXY=http://…@127.0.0.1:9") && !said.contains("s3cr3t"), "{said}");
    let said = plan(&[]);
    assert!(said.contains("proxy: none (HTTPS_PROXY is not set)"), "{said}");
    let doctor = served.workspace.run(&Served::files(&["doctor"])).expect(8);
    assert!(doctor.stdout.contains("proxy: none (HTTPS_PROXY is not set)"), "{doctor}");
    assert!(doctor.stdout.contains("next: check the host and the network, then run again"), "{doctor}");
}

#[test]
fn export_lines_of_an_app_are_for_eval() {
    let workspace = Workspace::with(&[]);
    workspace.run(&["sandbox", "seed", "--data", "d", "--users", "1"]).expect(0);
    let program = env!("CARGO_BIN_EXE_koreconcile");
    let line = format!("eval \"$({program} sandbox app --data d --name x)\"; env | grep -c ^KORE_CLIENT_");
    let output = Command::new("sh")
        .args(["-c", &line])
        .current_dir(workspace.path(""))
        .stdin(Stdio::null())
        .env_remove("KORE_CLIENT_ID")
        .env_remove("KORE_CLIENT_SECRET")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "2", "{output:?}");
}
