//! What has ended ends: it is shown where it is planned, looked at again where it is applied, and taken away by a job that
//! reads no edits.

use crate::support::served::{ACCOUNT, Served, document};
use crate::support::workspace::Run;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

const ANALYST: &str = "role: { type: Bot, name: Analyst }, bot: Travel Desk";
const TESTER: &str = "role: { type: Bot, name: Bot Tester }, bot: HR Assistant";
const ADMIN: &str = "role: { type: Admin, name: Master Admin }";
/// Far enough ahead for any machine.
const AHEAD: &str = "2090-01-20T18:00:00Z";
const PAST: &str = "2026-01-20T18:00:00Z";

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::now().saturating_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// These people hold it until then, for incident 4711.
fn until(name: &str, what: &str, people: &[&str], end: &str) -> String {
    let subjects: Vec<String> = people
        .iter()
        .map(|who| format!("{{ user: {who}@example.com, expiresAt: \"{end}\", reason: incident 4711 }}"))
        .collect();
    document("KoreRoleBinding", name, &format!("{{ {what}, subjects: [{}] }}", subjects.join(", ")))
}

fn sam_until(end: &str) -> String {
    until("analysts", ANALYST, &["sam"], end)
}

fn run(served: &Served, args: &[&str]) -> Run {
    served.run(&[args, &["--state-dir", "state"]].concat())
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// Whether the account says so.
fn holds(served: &Served, person: &str, role: &str) -> bool {
    let user = &served.server.truth()["users"][format!("{person}@example.com")];
    let is_admin = user["admin_roles"].as_array().unwrap().iter().any(|held| held == role);
    is_admin || user["bot_roles"].as_array().unwrap().iter().any(|held| held[0] == role)
}

/// What was applied was applied before, with this end, and the clock has passed it since.
fn end_in_memory(served: &Served, end: &str) {
    let file = served.workspace.path(&format!("state/{ACCOUNT}/memory.json"));
    let mut memory: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let end: Timestamp = end.parse().unwrap();
    let applied = end.saturating_sub(SignedDuration::from_hours(1)).unwrap().to_string();
    for fact in memory["facts"].as_array_mut().unwrap() {
        if fact["until"].is_string() {
            fact["until"] = json!(end.to_string());
            fact["readBack"] = json!(applied);
            fact["since"]["at"] = json!(applied);
        }
    }
    std::fs::write(file, memory.to_string()).unwrap();
}

/// Applied with an end ahead, which has passed since, in the manifests as in the memory.
fn ended(manifests: impl Fn(&str) -> String) -> Served {
    let served = Served::new(&[manifests(AHEAD)]);
    run(&served, &["apply", "--yes"]).expect(0);
    end_in_memory(&served, PAST);
    served.workspace.write("main.yaml", &manifests(PAST));
    served
}

#[test]
fn end_and_reason_are_shown_where_the_grant_is_planned() {
    let served = Served::new(&[sam_until(AHEAD)]);
    let text = run(&served, &["plan"]).expect(0);
    let line = "Analyst on Travel Desk until 2090-01-20 18:00 UTC (\"incident 4711\")";
    assert!(text.stdout.contains(line), "{text}");
    let plan = json_of(&run(&served, &["plan", "--format", "json"]).expect(0));
    assert_eq!(plan["changes"][0]["until"], AHEAD);
    assert_eq!(plan["changes"][0]["reason"], "incident 4711");
    let markdown = run(&served, &["plan", "--format", "markdown"]).expect(0);
    assert!(markdown.stdout.contains(line), "{markdown}");
    let applied = run(&served, &["apply", "--yes"]).expect(0);
    assert!(applied.stdout.contains(line), "{applied}");
}

#[test]
fn ends_within_a_time_are_listed_by_plan_and_explain() {
    let soon = in_seconds(20 * 24 * 3_600).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let served = Served::new(&[sam_until(&soon), until("testers", TESTER, &["kim"], AHEAD)]);
    let count = |args: &[&str]| {
        let args = [&["plan", "--format", "json"], args].concat();
        json_of(&run(&served, &args).expect(0))["expiring"].as_array().unwrap().len()
    };
    assert_eq!((count(&[]), count(&["--ending", "30d"]), count(&["--ending", "36500d"])), (0, 1, 2));
    let told = run(&served, &["explain", "--ending", "30d"]).expect(0);
    assert!(told.stdout.contains("sam@example.com") && !told.stdout.contains("kim@example.com"), "{told}");
    let told = run(&served, &["explain", "kim@example.com", "--ending", "30d"]).expect(0);
    assert!(!told.stdout.contains("Analyst"), "nothing of hers ends: {told}");
}

/// A saved plan of a grant that has ended by now, whatever the machine takes to plan it.
fn overtaken(served: &Served, more: &str) {
    for seconds in [4, 12, 40, 120] {
        let end = in_seconds(seconds);
        let manifests = sam_until(&end.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()) + more;
        served.workspace.write("main.yaml", &manifests);
        let plan = run(served, &["plan", "--out", "saved.plan"]).expect(0);
        if plan.stdout.contains("+ Analyst") {
            while Timestamp::now() <= end {
                std::thread::sleep(Duration::from_millis(50));
            }
            return;
        }
    }
    panic!("a plan takes longer than two minutes");
}

#[test]
fn saved_plan_gives_nothing_that_has_ended_meanwhile() {
    let served = Served::new(&[]);
    overtaken(&served, "");
    let applied = run(&served, &["apply", "--yes", "--plan", "saved.plan"]).expect(5);
    assert!(
        applied.stderr.contains("stale, not sent") && applied.stderr.contains("it ended at"),
        "{applied}"
    );
    assert_eq!(served.server.writes(), 0);
}

#[test]
fn saved_plan_gives_the_rest_beside_what_has_ended() {
    let served = Served::new(&[]);
    overtaken(&served, &until("testers", TESTER, &["kim"], AHEAD));
    let applied = run(&served, &["apply", "--yes", "--plan", "saved.plan"]).expect(6);
    assert!(applied.stdout.contains("1 applied and read back, 1 stale"), "{applied}");
    assert!(holds(&served, "kim", "Bot Tester") && !holds(&served, "sam", "Analyst"));
}

#[test]
fn end_that_was_past_when_first_seen_is_an_ordinary_removal() {
    let served = Served::new(&[until("analysts", ANALYST, &["kim"], PAST)]);
    let text = run(&served, &["plan"]).expect(0);
    assert!(text.stdout.contains("- Analyst on Travel Desk, ended 2026-01-20 18:00 UTC"), "{text}");
    assert!(text.stdout.contains("no run has applied it with the end 2026-01-20 18:00 UTC"), "{text}");
    let plan = json_of(&run(&served, &["plan", "--format", "json"]).expect(0));
    assert!(plan["ended"].is_null(), "an approval is needed: {plan}");
}

#[test]
fn end_that_was_applied_is_the_clocks_alone() {
    let served = ended(sam_until);
    let plan = json_of(&run(&served, &["plan", "--format", "json"]).expect(0));
    assert_eq!(plan["ended"], json!([plan["changes"][0]["id"]]));
    assert_eq!(plan["warnings"], json!([]));
    // Another end than the one that was applied is an edit, though it has passed, too.
    served.workspace.write("main.yaml", &sam_until("2026-01-19T18:00:00Z"));
    let plan = json_of(&run(&served, &["plan", "--format", "json"]).expect(0));
    assert!(plan["ended"].is_null(), "{plan}");
}

#[test]
fn apply_ended_ends_what_was_applied_and_nothing_else() {
    let served = ended(sam_until);
    let edit = until("testers", TESTER, &["kim"], AHEAD)
        + document("KoreUser", "leo", "{ email: leo@example.com, state: Absent }").as_str();
    served.workspace.write("main.yaml", &(sam_until(PAST) + edit.as_str()));
    assert!(holds(&served, "sam", "Analyst"));
    let first = run(&served, &["apply", "--ended", "--yes"]).expect(0);
    assert!(first.stdout.contains("- Analyst on Travel Desk, ended 2026-01-20 18:00 UTC"), "{first}");
    assert!(first.stdout.contains("Plan: 1 to remove."), "{first}");
    assert!(!holds(&served, "sam", "Analyst") && !holds(&served, "kim", "Bot Tester"));
    assert!(served.server.truth()["users"]["leo@example.com"].is_object());
    let again = run(&served, &["apply", "--ended", "--yes"]).expect(0);
    assert!(again.stdout.contains("nothing that was applied has ended"), "{again}");
    // The edits wait for their own apply.
    run(&served, &["plan", "--exit-code"]).expect(2);
}

#[test]
fn apply_ended_goes_by_the_memory_when_the_line_is_gone_or_broken() {
    for manifests in ["", "kind: KoreUser\napiVersion: koreconcile.dev/v1alpha1\nspec: {}\n"] {
        let served = ended(sam_until);
        served.workspace.write("main.yaml", manifests);
        run(&served, &["apply", "--ended", "--yes"]).expect(0);
        assert!(!holds(&served, "sam", "Analyst"), "{manifests:?}");
    }
}

#[test]
fn apply_ended_leaves_what_the_manifests_have_prolonged() {
    let served = ended(sam_until);
    served.workspace.write("main.yaml", &sam_until("2091-01-20T18:00:00Z"));
    let ended = run(&served, &["apply", "--ended", "--yes"]).expect(0);
    assert!(ended.stdout.contains("the manifests have another by now"), "{ended}");
    assert!(holds(&served, "sam", "Analyst"));
}

#[test]
fn apply_ended_without_a_memory_is_red() {
    let served = Served::new(&[sam_until(PAST)]);
    let ended = run(&served, &["apply", "--ended", "--yes"]).expect(6);
    assert!(ended.stderr.contains("nothing is known to have ended"), "{ended}");
}

#[test]
fn apply_ended_takes_the_highest_risks_up_to_the_ceiling() {
    let served = Served::new(&[]);
    let safety = "  safety: { primaryAdmin: owner@example.com, maxRemovals: 1, maxRemovalsPercent: 100, minMasterAdmins: 1 }\n";
    served.account(safety);
    let manifests = |end: &str| {
        until("admins", ADMIN, &["sam"], end) + until("testers", TESTER, &["kim", "sam"], end).as_str()
    };
    served.workspace.write("main.yaml", &manifests(AHEAD));
    run(&served, &["apply", "--yes"]).expect(0);
    end_in_memory(&served, PAST);
    served.workspace.write("main.yaml", &manifests(PAST));
    let first = run(&served, &["apply", "--ended", "--yes"]).expect(6);
    assert!(first.stdout.contains("3 grants have ended, 1 of the highest risk go now"), "{first}");
    assert!(!holds(&served, "sam", "admin"));
    assert!(holds(&served, "sam", "Bot Tester") && holds(&served, "kim", "Bot Tester"));
    let second = run(&served, &["apply", "--ended", "--yes", "--allow-removals", "2"]).expect(0);
    assert!(!holds(&served, "sam", "Bot Tester") && !holds(&served, "kim", "Bot Tester"), "{second}");
}

#[test]
fn apply_ended_keeps_protected_people_and_the_floor() {
    let served = ended(|end| until("testers", TESTER, &["kim"], end));
    served.account("  safety: { protected: [\"kim@example.com\"] }\n");
    let refused = run(&served, &["apply", "--ended", "--yes"]).expect(4);
    assert!(refused.stdout.contains("protected users are never touched"), "{refused}");
    let served = ended(|end| until("admins", ADMIN, &["sam"], end));
    let refused = run(&served, &["apply", "--ended", "--yes"]).expect(4);
    assert!(refused.stdout.contains("the Primary Admin is not declared"), "{refused}");
    assert!(holds(&served, "sam", "admin"));
}

#[test]
fn undo_gives_nothing_back_that_has_ended() {
    let served = ended(sam_until);
    run(&served, &["apply", "--ended", "--yes"]).expect(0);
    let journals = std::fs::read_dir(served.workspace.path(&format!("state/{ACCOUNT}/journal"))).unwrap();
    let mut journals: Vec<String> = journals.map(|file| file.unwrap().path().display().to_string()).collect();
    journals.sort();
    let undone = run(&served, &["undo", "--yes", journals.last().unwrap()]).expect(0);
    assert!(undone.stderr.contains("it has ended"), "{undone}");
    assert!(!holds(&served, "sam", "Analyst"));
}

/// Look-ups are answered with this date.
fn dated(served: &Served, date: &Value) {
    served.server.fault(&json!({
        "endpoint": "POST /api/public/usersInfo", "times": 99, "effect": { "date": date },
    }));
}

#[test]
fn nothing_happens_because_of_an_end_while_the_clocks_differ() {
    let year = 365 * 24 * 3_600;
    for (ahead, said) in [(-year, "ahead of the platform's"), (year, "behind the platform's")] {
        let served = ended(sam_until);
        let more = until("testers", TESTER, &["kim"], AHEAD)
            + document("KoreUser", "kim", "{ email: kim@example.com, firstName: Kimi }").as_str();
        served.workspace.write("main.yaml", &(sam_until(PAST) + more.as_str()));
        dated(&served, &json!({ "seconds_ahead": ahead }));
        let plan = run(&served, &["plan"]).expect(0);
        assert!(plan.stdout.contains("[ClockSkew]") && plan.stdout.contains(said), "{plan}");
        let applied = run(&served, &["apply", "--yes"]).expect(6);
        assert!(
            applied.stdout.contains("Partly done: 1 applied")
                || applied.stdout.contains("1 applied and read back"),
            "{applied}"
        );
        assert!(holds(&served, "sam", "Analyst") && !holds(&served, "kim", "Bot Tester"));
        assert_eq!(served.server.truth()["users"]["kim@example.com"]["first_name"], "Kimi");
        served.server.heal();
        dated(&served, &json!({ "seconds_ahead": ahead }));
        run(&served, &["apply", "--ended", "--yes"]).expect(4);
        served.server.heal();
        run(&served, &["apply", "--yes"]).expect(0);
        assert!(!holds(&served, "sam", "Analyst") && holds(&served, "kim", "Bot Tester"));
    }
}

#[test]
fn saved_plan_is_held_back_where_the_clocks_differ_by_now() {
    let served = Served::new(&[sam_until(AHEAD)]);
    run(&served, &["plan", "--out", "saved.plan"]).expect(0);
    dated(&served, &json!({ "seconds_ahead": -86_400 }));
    let applied = run(&served, &["apply", "--yes", "--plan", "saved.plan"]).expect(4);
    assert!(applied.stdout.contains("[ClockSkew]"), "{applied}");
}

#[test]
fn clock_that_no_answer_tells_is_ours_with_one_note() {
    let said = "ends of grants are judged by the clock of this machine";
    let hours = 7_200;
    for date in [json!({ "seconds_ahead": null }), json!({ "seconds_ahead": -hours, "age": hours })] {
        let served = ended(sam_until);
        dated(&served, &date);
        let plan = run(&served, &["plan"]).expect(0);
        assert_eq!(plan.stdout.matches(said).count(), 1, "{date}: {plan}");
        run(&served, &["apply", "--yes"]).expect(0);
        assert!(!holds(&served, "sam", "Analyst"), "{date}");
        // Where nothing ends, nobody cares.
        served.workspace.write("main.yaml", "");
        let plan = run(&served, &["plan"]).expect(0);
        assert!(!plan.stdout.contains(said), "{plan}");
    }
}

#[test]
fn clocks_within_two_minutes_agree() {
    let served = ended(sam_until);
    dated(&served, &json!({ "seconds_ahead": 100 }));
    let plan = run(&served, &["plan"]).expect(0);
    assert!(!plan.stdout.contains("clock"), "{plan}");
}

#[test]
fn saved_plan_does_not_bring_back_what_was_undone_since() {
    let served = Served::new(&[until("testers", TESTER, &["kim", "sam"], AHEAD)]);
    run(&served, &["plan", "--out", "saved.plan"]).expect(0);
    run(&served, &["apply", "--yes", "--plan", "saved.plan"]).expect(0);
    let again = run(&served, &["apply", "--yes", "--plan", "saved.plan"]).expect(0);
    assert!(again.stdout.contains("2 already there"), "{again}");

    let absent = document(
        "KoreRoleBinding",
        "testers",
        &format!("{{ {TESTER}, absent: [{{ user: kim@example.com }}] }}"),
    );
    served.workspace.write("main.yaml", &absent);
    run(&served, &["apply", "--yes"]).expect(0);
    served.workspace.write("main.yaml", &until("testers", TESTER, &["kim", "sam"], AHEAD));
    let third = run(&served, &["apply", "--yes", "--plan", "saved.plan"]).expect(5);
    assert!(third.stderr.contains("this plan has applied it already"), "{third}");
    assert!(!holds(&served, "kim", "Bot Tester"));
}
