//! `explain` as a person runs it: whole commands, against manifests alone, a snapshot, or a served account.

use crate::support::served::{Served, document, user};
use crate::support::workspace::{Run, Workspace, shows};
use serde_json::{Value, json};

const GRANTS: &str = "\
---
apiVersion: koreconcile.dev/v1alpha1
kind: KoreTeam
metadata: { name: bankers }
spec:
  members: [jane.doe@example.com]
  teams: [tellers]
---
apiVersion: koreconcile.dev/v1alpha1
kind: KoreTeam
metadata: { name: tellers }
spec:
  members:
    - sam@example.com
---
apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: { name: banking-developers }
spec:
  role: { type: Bot, name: Bot Developer }
  bot: Banking Assistant
  membership: Authoritative
  subjects:
    - team: bankers
    - user: kim@example.com
      expiresAt: 2031-01-01T00:00:00Z
      reason: incident 4711
";

fn served() -> Served {
    Served::new(&[GRANTS.to_owned()])
}

/// A folder with the same manifests, and nothing behind its host.
fn alone() -> Workspace {
    let account = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: { name: acme }
spec:
  endpoint: { host: \"http://127.0.0.1:9\" }
  accountId: 6661e128d3203924648c10bf
  credentials: { clientId: { env: KORE_CLIENT_ID }, clientSecret: { env: KORE_CLIENT_SECRET } }
  sources: [\"*.yaml\"]
";
    Workspace::with(&[("account.yaml", account), ("main.yaml", GRANTS)])
}

fn committed() -> Workspace {
    let mut workspace = alone();
    for name in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
        workspace.export(name, "2026-03-01T12:00:00Z");
    }
    for args in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "Bankers may build"]] {
        workspace.git(args);
    }
    workspace
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

#[test]
fn a_person_offline_with_team_line_reason_end_and_commit() {
    let workspace = committed();
    shows!(workspace.run(&["explain", "kim@example.com", "--offline"]).expect(0));
    let run =
        workspace.run(&["explain", "sam@example.com", "--bot", "Banking Assistant", "--offline"]).expect(0);
    for part in [
        "main.yaml:24  granted to team bankers, KoreRoleBinding banking-developers  # since 2026-03-01, ",
        "main.yaml:14  in team tellers, KoreTeam tellers",
        "by Jane Doe",
    ] {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
}

#[test]
fn a_bot_and_a_role_list_their_holders() {
    let workspace = alone();
    let by_bot = workspace.run(&["explain", "--bot", "Banking Assistant", "--offline"]).expect(0);
    let by_role = workspace
        .run(&["explain", "--role", "Bot Developer", "--offline", "main.yaml", "account.yaml"])
        .expect(0);
    for run in [by_bot, by_role] {
        for name in ["jane.doe", "kim", "sam"] {
            assert!(run.stdout.contains(&format!("\n{name}@example.com\n")), "{run}");
        }
    }
}

#[test]
fn why_not_is_answered() {
    let workspace = alone();
    let args =
        ["explain", "pat@example.com", "--bot", "Banking Assistant", "--role", "Bot Developer", "--offline"];
    shows!(workspace.run(&args).expect(0));
}

#[test]
fn without_credentials_answers_from_the_manifests_and_says_so() {
    let run = alone().run(&["explain", "kim@example.com"]).expect(0);
    assert!(run.stdout.contains("From manifests only: the client id is missing"), "{run}");
}

#[test]
fn with_access_shows_what_is_there_beside_what_is_wanted() {
    let served = served();
    shows!(served.run(&["explain", "jane.doe@example.com"]).expect(0));
    let run = served.run(&["explain", "former@example.com", "--role", "Bot Developer"]).expect(0);
    assert!(run.stdout.contains("- Bot Developer on Banking Assistant: held, and to be removed"), "{run}");
    assert!(
        run.stdout.contains("main.yaml:22  authoritative: holders that are not declared are pruned"),
        "{run}"
    );
    let run = served.run(&["explain", "kim@example.com", "--role", "Bot Tester"]).expect(0);
    assert!(run.stdout.contains("held through a group"), "{run}");
}

#[test]
fn one_person_costs_five_calls_and_no_write() {
    let served = served();
    let run = served.run(&["explain", "jane.doe@example.com", "--format", "json"]).expect(0);
    assert_eq!(json_of(&run)["reading"], json!({ "ofAccount": true, "calls": 5 }));
    assert_eq!(served.server.calls("GET /api/public/alluserroles"), 0);
}

#[test]
fn says_since_when_from_the_journal() {
    let served = served();
    served.run(&["apply", "--yes", "--allow-removals", "5", "--take-over"]).expect(0);
    let run = served
        .run(&["explain", "sam@example.com", "--bot", "Banking Assistant", "--format", "json"])
        .expect(0);
    let json = json_of(&run);
    let line = json["lines"].as_array().unwrap().iter().find(|line| line["role"] == "Bot Developer").unwrap();
    assert_eq!(line["status"], "held");
    assert!(line["since"]["journal"].as_str().unwrap().contains(".jsonl"), "{line}");
    // What a run took away does not say since when.
    let run = served.run(&["explain", "former@example.com", "--format", "json"]).expect(0);
    assert!(!run.stdout.contains("since"), "{run}");
    // Nor does what somebody else took away since.
    served.workspace.edit("main.yaml", "subjects:", "absent: [{ user: sam@example.com }]\n  subjects:");
    served.run(&["apply", "--yes", "--state-dir", "of-somebody-else"]).expect(0);
    served.workspace.edit("main.yaml", "absent: [{ user: sam@example.com }]\n  subjects:", "subjects:");
    let run =
        served.run(&["explain", "sam@example.com", "--role", "Bot Developer", "--format", "json"]).expect(0);
    assert!(run.stdout.contains("missing") && !run.stdout.contains("since"), "{run}");
}

#[test]
fn passes_over_a_journal_that_is_broken() {
    let served = served();
    served.run(&["apply", "--yes", "--allow-removals", "5", "--take-over"]).expect(0);
    for path in served.workspace.remembered() {
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            std::fs::write(path, "{\"started\":").unwrap();
        }
    }
    let run = served.run(&["explain", "sam@example.com"]).expect(0);
    assert!(run.stdout.contains("Bot Developer on Banking Assistant: held"), "{run}");
    assert!(!run.stdout.contains("applied"), "{run}");
}

#[test]
fn json_is_for_machines() {
    let workspace = committed();
    let run = workspace.run(&["explain", "kim@example.com", "--offline", "--format", "json"]).expect(0);
    let json = json_of(&run);
    assert_eq!(json["format"], "koreconcile.dev/explanation/v1");
    assert_eq!(json["reading"], json!({ "ofAccount": false, "calls": 0, "whyNot": "--offline" }));
    let lines = json["lines"].as_array().unwrap();
    let line = lines.iter().find(|line| line["role"] == "Bot Developer").unwrap();
    assert_eq!(line["family"], "botRoles");
    assert_eq!(line["user"], "kim@example.com");
    assert_eq!(line["bot"], "Banking Assistant");
    assert_eq!(line["until"], "2031-01-01T00:00:00Z");
    let because = &line["attributions"][0];
    assert_eq!(because["reason"], "incident 4711");
    assert_eq!(because["object"], json!({ "kind": "KoreRoleBinding", "name": "banking-developers" }));
    assert_eq!(because["commit"]["summary"], "Bankers may build");
    assert_eq!(because["commit"]["at"], "2026-03-01T12:00:00Z");
}

#[test]
fn without_history_says_why_there_are_no_commits() {
    let workspace = alone();
    let run = workspace.run(&["explain", "kim@example.com", "--offline"]).expect(0);
    assert!(run.stdout.contains("note: commits are not shown: the manifests are not under git"), "{run}");
    let run = workspace
        .koreconcile(&["explain", "kim@example.com", "--offline"])
        .env("PATH", "/nowhere")
        .run()
        .expect(0);
    assert!(run.stdout.contains("note: commits are not shown: git is not installed"), "{run}");
    workspace.git(&["init", "-q"]);
    workspace.git(&["add", "account.yaml"]);
    workspace.git(&["commit", "-q", "-m", "An account"]);
    let run = workspace.run(&["explain", "kim@example.com", "--offline"]).expect(0);
    assert!(run.stdout.contains("main.yaml is not committed"), "{run}");
}

#[test]
fn a_line_that_is_not_committed_has_no_commit() {
    let workspace = committed();
    workspace.edit("main.yaml", "    - sam@example.com\n", "    - sam@example.com\n    - pat@example.com\n");
    let run = workspace.run(&["explain", "pat@example.com", "--offline"]).expect(0);
    assert!(run.stdout.contains("main.yaml:15  in team tellers, KoreTeam tellers\n"), "{run}");
}

#[test]
fn a_shallow_clone_says_or_earlier() {
    let workspace = committed();
    workspace.edit("main.yaml", "incident 4711", "incident 4712");
    workspace.git(&["commit", "-q", "-a", "-m", "Another incident"]);
    workspace.git(&[
        "clone",
        "-q",
        "--depth",
        "1",
        &format!("file://{}", workspace.path("").display()),
        "clone",
    ]);
    let run = workspace.run(&["explain", "sam@example.com", "--offline", "clone"]).expect(0);
    assert!(run.stdout.contains("# since 2026-03-01 or earlier, "), "{run}");
}

#[test]
fn answers_from_a_snapshot() {
    let served = served();
    served.run(&["snapshot", "--out", "seen.json"]).expect(0);
    let before = served.server.calls("GET /api/public/bots");
    let run = served.run(&["explain", "jane.doe@example.com", "--observed", "seen.json"]).expect(0);
    assert!(run.stdout.contains("Bot Developer on Banking Assistant: held"), "{run}");
    assert!(run.stdout.contains("\nLast sign-in "), "{run}");
    assert_eq!(served.server.calls("GET /api/public/bots"), before);
    shows!(served.run(&["explain", "jane.doe@example.com", "--observed", "nowhere.json"]).expect(3));
}

#[test]
fn the_id_of_the_organisation_is_shown_where_the_list_of_users_was_read() {
    let served = Served::new(&[user("new", ", orgUserId: E-1001")]);
    served.run(&["apply", "--yes"]).expect(0);
    served.run(&["snapshot", "--out", "seen.json"]).expect(0);
    let run =
        served.run(&["explain", "new@example.com", "--observed", "seen.json", "--format", "json"]).expect(0);
    assert_eq!(json_of(&run)["person"], json!({ "orgUserId": "E-1001" }), "they have not signed in yet");
}

#[test]
fn refusals_say_what_to_do() {
    let workspace = alone();
    let run = workspace.run(&["explain"]).expect(3);
    assert!(run.stderr.contains("give an e-mail address, --bot NAME, --role NAME or --ending TIME"), "{run}");
    let run = workspace.run(&["explain", "--bot", "Banking Asistant", "--offline"]).expect(3);
    assert!(run.stderr.contains("did you mean \"Banking Assistant\"?"), "{run}");
    let run = workspace.run(&["explain", "--role", "Bot Developr", "--offline"]).expect(3);
    assert!(run.stderr.contains("did you mean \"Bot Developer\"?"), "{run}");
    // No address: taken for a path, and said so.
    let run = workspace.run(&["explain", "jane.doe", "--bot", "Banking Assistant", "--offline"]).expect(3);
    assert!(run.stderr.contains("jane.doe"), "{run}");
    workspace.write("main.yaml", &format!("{GRANTS}{}", user("broken", ", state: Gone")));
    workspace.run(&["explain", "jane.doe@example.com", "--offline"]).expect(3);
    let run = workspace.run(&["explain", "jane.doe@example.com", "--offline", "--keep-going"]).expect(0);
    assert!(run.stdout.contains("Bot Developer on Banking Assistant: declared"), "{run}");
}

#[test]
fn an_unreachable_account_and_a_wrong_secret_end_as_everywhere() {
    let workspace = alone();
    let with = |secret: &str| {
        let explain = workspace.koreconcile(&["explain", "jane.doe@example.com"]);
        explain.env("KORE_CLIENT_ID", "cs-1").env("KORE_CLIENT_SECRET", secret).run()
    };
    assert!(with("s").expect(8).stderr.contains("cannot be reached"));
    let served = served();
    let wrong = served.workspace.koreconcile(&Served::files(&["explain", "jane.doe@example.com"]));
    wrong.env("KORE_CLIENT_SECRET", "wrong").run().expect(7);
}

#[test]
fn another_account_is_refused() {
    let served = served();
    served.workspace.edit("account.yaml", "6661e128d3203924648c10bf", "bbbbbbbbbbbbbbbbbbbbbbbb");
    served.run(&["explain", "jane.doe@example.com"]).expect(4);
}

#[test]
fn a_sandbox_that_is_not_there_is_not_made() {
    let workspace = Workspace::example("quickstart");
    let run = workspace.run(&["explain", "jane.doe@example.com"]).expect(0);
    assert!(run.stdout.contains("From manifests only: there is no sandbox"), "{run}");
    assert!(!workspace.path(".koreconcile").exists());
}

#[test]
fn tells_what_is_in_the_way() {
    let assignment = "{ bot: Claims Draft, subjects: [{ user: jane.doe@example.com }] }";
    let served = Served::new(&[document("KoreBotAssignment", "claims", assignment)]);
    let run = served.run(&["explain", "jane.doe@example.com", "--bot", "Claims Draft"]).expect(0);
    assert!(run.stdout.contains("+ assigned to Claims Draft: missing"), "{run}");
    assert!(run.stdout.contains("blocked: Claims Draft is not published"), "{run}");
}

#[test]
fn who_asks_the_change_log_of_the_bot() {
    let served = served();
    let bot = "Banking Assistant";
    for (actor, role) in [("jane.doe@example.com", "Bot Tester"), ("bo.owner@example.com", "Analyst")] {
        let holder = json!({ "user": "kim@example.com" });
        let act = json!({ "actor": actor, "bot": bot, "holder": holder, "role": role });
        served.server.act(&json!({ "invite-in-app": act }));
    }
    let run = served.run(&["explain", "--bot", bot, "--who"]).expect(0);
    assert!(run.stdout.contains("jane.doe@example.com: Bot Tester given to kim@example.com"), "{run}");
    assert!(run.stdout.contains("bo.owner@example.com: Analyst given to kim@example.com"), "{run}");
    let asked = "GET /api/public/bot/{bot}/changelogs";
    assert_eq!(served.server.calls(asked), 1);
    // A user has a few bots; each is asked.
    let run = served.run(&["explain", "kim@example.com", "--who"]).expect(0);
    assert!(run.stdout.contains("the change log of Travel Desk is empty"), "{run}");
    // Nobody asks without being told to.
    let before = served.server.calls(asked);
    served.run(&["explain", "--bot", bot]).expect(0);
    assert_eq!(served.server.calls(asked), before);
}

#[test]
fn who_without_the_scope_is_a_note() {
    let scopes = "role_management:role_management,user_management:user_management";
    let served = Served::with(&["--rate-limit", "off"], scopes, &[GRANTS.to_owned()]);
    let run = served.run(&["explain", "--bot", "Banking Assistant", "--who"]).expect(0);
    assert!(run.stdout.contains("the change log of Banking Assistant is not shown"), "{run}");
    assert!(run.stdout.contains("Logs > Bot Audit Logs"), "{run}");
}
