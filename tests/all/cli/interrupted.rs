//! Runs that end in the middle: by Ctrl-C, by kill -9. The next run ends the work, and nobody is invited twice.

use crate::support::served::{Served, document, user};
use crate::support::workspace::{Running, shows, wait_until};
use serde_json::json;

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
