//! Grants that end by themselves: `plan` says so a week ahead.

use crate::support::served::{Served, document};
use jiff::{SignedDuration, Timestamp};

fn binding(hours: i64) -> String {
    let at = Timestamp::now().checked_add(SignedDuration::from_hours(hours)).unwrap();
    let spec = format!(
        "{{ role: {{ type: Bot, name: Analyst }}, bot: Travel Desk, subjects: [{{ user: kim@example.com, \
         expiresAt: \"{}\" }}] }}",
        at.strftime("%Y-%m-%dT%H:%M:%SZ")
    );
    document("KoreRoleBinding", "analysts", &spec)
}

#[test]
fn expiring_grants_stand_in_the_plan_a_week_ahead() {
    let served = Served::new(&[binding(72)]);
    let run = served.run(&["plan"]).expect(0);
    assert!(run.stdout.contains("Ends soon (1)\n    ends "), "{run}");
    assert!(run.stdout.contains(": kim@example.com: Analyst on Travel Desk  # main.yaml:"), "{run}");
    let json = served.run(&["plan", "--format", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["expiring"][0]["subject"]["user"], "kim@example.com");
    assert_eq!(json["expiring"][0]["hasEnded"], false);
    let digest = json["digest"].clone();
    let markdown = served.run(&["plan", "--format", "markdown"]).expect(0);
    assert!(markdown.stdout.contains("<b>Ends soon</b>: 1"), "{markdown}");
    let hidden = served.run(&["plan", "--format", "json", "--redact"]).expect(0);
    assert!(!hidden.stdout.contains("kim@example.com") && hidden.stdout.contains("hasEnded"), "{hidden}");

    served.workspace.write("main.yaml", &binding(24 * 30));
    let json = served.run(&["plan", "--format", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["expiring"], serde_json::json!([]));
    assert_eq!(json["digest"], digest, "an end is no part of the digest");
}

#[test]
fn expired_grants_are_told_for_a_day_and_taken_away() {
    let served = Served::new(&[binding(-2)]);
    let run = served.run(&["plan"]).expect(0);
    assert!(run.stdout.contains("Ends soon (1)\n    ended "), "{run}");
    assert!(run.stdout.contains("- Analyst on Travel Desk"), "{run}");
}
