//! `apply`: asks, sends, reads back; and a run right after finds nothing to do.

use crate::support::served::{Served, document, user};
use crate::support::workspace::{Workspace, shows};

const PEOPLE: [&str; 7] = ["alex.moe", "kim.lee", "lou.fox", "max.oak", "nia.elm", "robin.poe", "sam.roe"];

#[test]
fn does_what_the_plan_says_and_a_second_plan_is_empty() {
    let workspace = Workspace::example("quickstart");
    shows!(workspace.run(&["apply", "--yes"]).expect(0));
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes; 7 waiting"), "{run}");
    for name in PEOPLE {
        let email = format!("{name}@example.com");
        workspace.run(&["sandbox", "accept", "--data", ".koreconcile/acme", &email]).expect(0);
    }
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes.") && !run.stdout.contains("Waiting"), "{run}");
}

#[test]
fn apply_that_finds_nothing_to_do_says_so() {
    let served = Served::new(&[user("jane.doe", "")]);
    shows!(served.run(&["apply", "--yes"]).expect(0));
}

#[test]
fn without_terminal_and_without_yes_does_nothing() {
    let workspace = Workspace::example("quickstart");
    shows!(workspace.run(&["apply"]).expect(3));
    assert!(!workspace.path(".koreconcile").exists());
}

#[test]
fn declined_sends_nothing() {
    let served = Served::new(&[user("new.hire", "")]);
    let before = served.server.truth();
    shows!(served.workspace.koreconcile(&Served::files(&["apply"])).terminal("y\n").run().expect(6));
    assert_eq!(served.server.truth(), before);
}

#[test]
fn agreed_sends() {
    let served = Served::new(&[user("new.hire", "")]);
    let run = served.workspace.koreconcile(&Served::files(&["apply"])).terminal("yes\n").run().expect(0);
    assert!(run.stdout.contains("Done: 1 applied and read back"), "{run}");
    assert!(served.server.truth()["users"]["new.hire@example.com"].is_object(), "{run}");
}

#[test]
fn only_observes_when_told_to() {
    let served = Served::new(&[user("new.hire", "")]);
    served.account("  mode: Observe\n");
    let before = served.server.truth();
    shows!(served.run(&["apply", "--yes"]).expect(6));
    assert_eq!(served.server.truth(), before);
}

#[test]
fn apply_of_a_suspended_account_writes_nothing() {
    let served = Served::new(&[user("new.hire", "")]);
    served.account("  suspend: true\n");
    let before = served.server.truth();
    shows!(served.run(&["apply", "--yes"]).expect(6));
    assert_eq!(served.server.truth(), before);
    served.account("");
    served.recovers();
}

#[test]
fn why_an_account_is_suspended_is_in_every_plan_and_in_the_apply() {
    let served = Served::new(&[user("new.hire", "")]);
    served.account("  suspend: true\n  suspendReason: \"incident 4711,\\e[2K ask ann@example.com\"\n");
    let before = served.server.truth();
    let said = "the account is suspended (suspend in account.yaml:13): \"incident 4711,\\u{1b}[2K ask ann@example.com\"";
    let of_plan = format!("nothing of this plan is written: {said}");
    let run = served.run(&["plan"]).expect(0);
    assert!(run.stdout.contains(&format!("warning: {of_plan}\n\n+ new.hire@example.com: invite")), "{run}");
    let run = served.run(&["plan", "--format", "markdown"]).expect(0);
    let flowing = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flowing.contains("nothing of this plan is written: the account is suspended"), "{run}");
    assert!(flowing.contains("incident 4711"), "{run}");
    let plan = |more: &[&str]| {
        let run = served.run(&[&["plan", "--format", "json"], more].concat()).expect(0);
        serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap()["warnings"].clone()
    };
    assert_eq!(plan(&[])[0], of_plan.replace("\\u{1b}", "\u{1b}"));
    let redacted = plan(&["--redact"])[0].to_string();
    assert!(redacted.contains("incident 4711") && !redacted.contains("ann@example.com"), "{redacted}");

    let run = served.run(&["apply", "--yes"]).expect(6);
    assert!(run.stderr.starts_with(&format!("nothing is written: {said}\n")), "{run}");
    assert!(run.stderr.ends_with("exit 6: 1 not sent\n"), "{run}");
    assert_eq!(served.server.truth(), before);

    served.account("  suspend: true\n  suspendReason: \"\"\n");
    let run = served.run(&["plan"]).expect(3);
    assert!(run.stderr.contains("suspendReason"), "{run}");
    served.account("  suspendReason: incident 4711\n");
    let run = served.run(&["plan"]).expect(0);
    assert!(!run.stdout.contains("incident 4711"), "it is not suspended: {run}");
}

#[test]
fn leaves_bot_owners_to_people() {
    let leaver = document("KoreUser", "bo", "{ email: bo.owner@example.com, state: Absent }");
    let served = Served::new(&[leaver, user("new.hire", "")]);
    shows!(served.run(&["apply", "--yes"]).expect(6));
    assert!(served.server.truth()["users"]["bo.owner@example.com"].is_object());
    assert!(served.server.truth()["users"]["new.hire@example.com"].is_object());
}

#[test]
fn strips_a_leaving_bot_owner_of_all_but_the_bots() {
    let leaver = "{ email: bo.owner@example.com, state: Absent, offboard: StripAccess }";
    let served = Served::new(&[document("KoreUser", "bo", leaver)]);
    shows!(served.run(&["apply", "--yes"]).expect(6));
    let truth = served.server.truth();
    assert_eq!(truth["users"]["bo.owner@example.com"]["is_developer"], false);
    // The bots are still for a person to hand over; there is nothing left to send.
    let run = served.run(&["plan", "--exit-code"]).expect(2);
    assert!(run.stdout.contains("No changes; 1 manual"), "{run}");
}

#[test]
fn tells_what_the_platform_refused_inside_a_200() {
    // Published, but not to the enterprise: that cannot be read, so only the answer tells.
    let assignment = "{ bot: Store Helper, subjects: [{ user: jane.doe@example.com }] }";
    let served = Served::new(&[document("KoreBotAssignment", "store", assignment), user("new.hire", "")]);
    shows!(served.run(&["apply", "--yes"]).expect(6));
    served.workspace.write("main.yaml", &user("new.hire", ""));
    served.recovers();
}

#[test]
fn removes_what_a_closed_scope_does_not_mention() {
    let binding = "{ role: { type: Bot, name: Bot Developer }, bot: Banking Assistant, membership: Authoritative, \
                   subjects: [{ user: jane.doe@example.com }] }";
    let served = Served::new(&[document("KoreRoleBinding", "developers", binding)]);
    shows!(served.run(&["apply", "--yes", "--take-over"]).expect(0));
    served.recovers();
}

#[test]
fn sends_profiles_of_people_who_are_there_only_when_told_to() {
    let served = Served::new(&[user("jane.doe", ", profile: { dept: Sales }, dataTables: true")]);
    let profile = || served.server.truth()["users"]["jane.doe@example.com"]["profile"]["dept"].clone();
    let quiet = served.run(&["apply", "--yes"]).expect(0);
    assert!(quiet.stdout.contains("Not compared: 2 write-only values"), "{quiet}");
    assert_ne!(profile(), "Sales");

    shows!(served.run(&["apply", "--yes", "--rewrite-profiles"]).expect(0));
    assert_eq!(profile(), "Sales");
    assert_eq!(served.server.truth()["users"]["jane.doe@example.com"]["data_tables"], true);
    let again = served.run(&["plan", "--exit-code"]).expect(0);
    assert!(again.stdout.contains("No changes"), "{again}");
}
