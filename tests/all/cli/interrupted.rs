//! Runs that end in the middle: by Ctrl-C, by kill -9. The next run ends the work, and nobody is invited twice.

use crate::support::served::{Served, document, user};
use crate::support::workspace::{Invocation, Running, shows, wait_until};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Two users with a role: created, read back, bound.
fn hires() -> Vec<String> {
    let binding = "{ role: { type: Bot, name: Bot Tester }, bot: HR Assistant, subjects: [{ user: one@example.com }, \
                   { user: two@example.com }, { user: kim@example.com }] }";
    vec![user("one", ""), user("two", ""), document("KoreRoleBinding", "testers", binding)]
}

fn start(served: &Served) -> Running {
    served.workspace.koreconcile(&Served::files(&["apply", "--yes"])).start()
}

fn journal(served: &Served) -> String {
    let files = served.workspace.remembered().into_iter();
    let journals = files.filter(|file| file.extension().is_some_and(|end| end == "jsonl"));
    journals.map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

fn invitations(served: &Served) -> usize {
    std::fs::read_dir(served.workspace.path("../sandbox/mail")).map_or(0, Iterator::count)
}

#[test]
fn by_ctrl_c_finishes_the_call_in_flight_and_says_what_is_left() {
    let served = Served::new(&hires());
    let effect = json!({ "delay": { "millis": 3000 } });
    served.server.fault(&json!({ "endpoint": "POST /api/public/users", "effect": effect }));
    let run = start(&served);
    // The journal has a line on disk before each write.
    wait_until("the first write is in flight", || journal(&served).contains("\"sending\""));
    run.interrupt();
    shows!(run.end().expect(6));
    assert_eq!(served.server.calls("POST /api/public/users"), 1);
    served.recovers();
    assert_eq!(invitations(&served), 2);
}

#[test]
fn by_kill_9_during_the_invitation_invites_once() {
    let served = Served::new(&hires());
    let effect = json!({ "delay": { "millis": 2000 } });
    served.server.fault(&json!({ "endpoint": "POST /api/public/users", "effect": effect }));
    let run = start(&served);
    wait_until("the invitation is in flight", || journal(&served).contains("\"sending\""));
    run.kill();
    served.recovers();
    assert_eq!(invitations(&served), 2);
}

#[test]
fn by_kill_9_goes_on_with_the_next_run() {
    let served = Served::new(&hires());
    let effect = json!({ "delay": { "millis": 60000 } });
    served
        .server
        .fault(&json!({ "endpoint": "POST /api/public/btroles/assignments", "times": 9, "effect": effect }));
    let run = start(&served);
    wait_until("the second write is in flight", || journal(&served).matches("\"sending\"").count() == 2);
    run.kill();
    served.server.heal();
    let plan = served.run(&["plan", "--exit-code"]).expect(2);
    assert!(plan.stdout.contains("Plan: 1 to add"), "half of it was done: {plan}");
    served.recovers();
    assert_eq!(invitations(&served), 2);
    assert_eq!(served.server.calls("POST /api/public/users"), 1);
}

#[test]
fn by_termination_or_a_closed_terminal_ends_like_by_ctrl_c() {
    for signal in ["TERM", "HUP"] {
        let served = Served::new(&hires());
        let effect = json!({ "delay": { "millis": 3000 } });
        served.server.fault(&json!({ "endpoint": "POST /api/public/users", "effect": effect }));
        let run = start(&served);
        wait_until("the first write is in flight", || journal(&served).contains("\"sending\""));
        run.signal(signal);
        // What has no control over its end sends both.
        run.signal(signal);
        let run = run.end().expect(6);
        assert!(run.stderr.contains("stopping after the call in flight"), "{signal}: {run}");
        assert!(run.stderr.contains("interrupted; run again"), "{signal}: {run}");
        assert!(journal(&served).contains("\"finished\""), "{signal}: the journal has an end");
        assert_eq!(served.server.calls("POST /api/public/users"), 1);
        served.recovers();
        assert_eq!(invitations(&served), 2);
    }
}

/// Kim gets a name and loses two roles: three calls that do not wait for each other.
fn edits() -> Vec<String> {
    let manager = "{ role: { type: Admin, name: User Manager }, absent: [{ user: kim@example.com }] }";
    let analyst =
        "{ role: { type: Bot, name: Analyst }, bot: Travel Desk, absent: [{ user: kim@example.com }] }";
    vec![
        user("kim", ", firstName: Kimi"),
        document("KoreRoleBinding", "managers", manager),
        document("KoreRoleBinding", "analysts", analyst),
    ]
}

fn kim(served: &Served) -> Value {
    served.server.truth()["users"]["kim@example.com"].clone()
}

fn last_journal(served: &Served) -> PathBuf {
    let files = served.workspace.remembered().into_iter();
    let mut journals: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|end| end == "jsonl")).collect();
    journals.sort();
    journals.pop().unwrap()
}

#[test]
fn by_kill_9_undo_takes_back_what_was_sent_and_came_about() {
    let served = Served::new(&edits());
    let before = kim(&served);
    let effect = json!({ "delay": { "millis": 2000 } });
    for endpoint in [
        "PUT /api/public/users",
        "POST /api/public/adminroles/assignments",
        "POST /api/public/btroles/assignments",
    ] {
        served.server.fault(&json!({ "endpoint": endpoint, "times": 9, "effect": effect }));
    }
    let run = start(&served);
    wait_until("the second write is in flight", || journal(&served).matches("\"sending\"").count() == 2);
    run.kill();
    served.server.heal();
    assert_ne!(kim(&served), before, "the first one came about");
    assert!(!journal(&served).contains("\"resolved\""), "nobody has seen it");
    let journal = last_journal(&served).display().to_string();
    let shown = served.run(&["undo", "--dry-run", &journal]).expect(0);
    assert!(shown.stderr.contains("its journal has no end"), "{shown}");
    assert!(shown.stderr.contains("more without seeing what became of them"), "{shown}");
    assert!(!shown.stdout.contains("No changes"), "{shown}");
    served.run(&["undo", "--yes", &journal]).expect(0);
    assert_eq!(kim(&served), before);
}

#[test]
fn by_ctrl_c_looks_once_at_what_it_has_sent() {
    let served = Served::new(&edits());
    let effect = json!({ "delay": { "millis": 2000 } });
    for endpoint in [
        "PUT /api/public/users",
        "POST /api/public/adminroles/assignments",
        "POST /api/public/btroles/assignments",
    ] {
        served.server.fault(&json!({ "endpoint": endpoint, "times": 9, "effect": effect }));
    }
    let run = start(&served);
    wait_until("the first write is in flight", || journal(&served).contains("\"sending\""));
    run.interrupt();
    let run = run.end().expect(6);
    assert!(run.stdout.contains("1 applied and read back, 2 not sent"), "{run}");
    served.recovers();
}

/// No file may grow beyond this: the disk is full.
fn with_room_for(served: &Served, kilobytes: u32) -> Invocation {
    let limited = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\"");
    let args = Served::files(&["apply", "--yes"]);
    served.workspace.koreconcile(&args).within("/bin/bash", &["-c", &limited])
}

#[test]
fn by_a_full_disk_says_so_and_is_undone() {
    let mut were_sent = 0;
    for kilobytes in 1..40 {
        let served = Served::new(&edits());
        let before = kim(&served);
        let run = with_room_for(&served, kilobytes).run();
        if run.code == Some(0) {
            assert!(kilobytes > 2, "{run}");
            return;
        }
        assert!(run.stderr.contains("cannot be"), "{kilobytes}: {run}");
        if kim(&served) == before {
            continue;
        }
        were_sent += 1;
        assert!(run.stderr.contains("--state-dir"), "{kilobytes}: {run}");
        served.run(&["undo", "--yes", &last_journal(&served).display().to_string()]).expect(0);
        assert_eq!(kim(&served), before, "{kilobytes}: {run}");
    }
    panic!("the disk was never large enough ({were_sent} times something was sent)");
}

#[test]
fn by_a_disk_that_takes_no_more_says_what_was_sent_and_never_that_nothing_was() {
    let served = Served::new(&hires());
    let effect = json!({ "delay": { "millis": 3000 } });
    served.server.fault(&json!({ "endpoint": "POST /api/public/users", "effect": effect }));
    let run = start(&served);
    wait_until("the first write is in flight", || journal(&served).contains("\"sending\""));
    // From here on what is remembered cannot be replaced.
    let memory =
        served.workspace.remembered().into_iter().find(|file| file.ends_with("memory.json")).unwrap();
    std::fs::remove_file(&memory).unwrap();
    std::fs::create_dir_all(memory.join("in the way")).unwrap();
    let run = run.end().expect(6);
    assert!(
        run.stdout.contains("applied and read back") || run.stderr.contains("applied and read back"),
        "{run}"
    );
    assert!(run.stderr.contains("error: what became of this run could not be remembered in"), "{run}");
    assert!(!run.said().contains("nothing was sent"), "{run}");
    std::fs::remove_dir_all(&memory).unwrap();
    served.recovers();
    assert_eq!(invitations(&served), 2);
}
