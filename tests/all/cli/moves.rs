//! A person is more than an address: a change of address is one move, and nobody is two people unseen.

use crate::support::served::{Served, document, user};
use crate::support::workspace::Run;
use serde_json::Value;

const NEW: &str = "kim.kaya@example.com";

/// Kim with these roles, under this address.
fn kim(email: &str, more: &str) -> String {
    let person = document("KoreUser", "kim", &format!("{{ email: {email}{more} }}"));
    let manager =
        format!("{{ role: {{ type: Admin, name: User Manager }}, subjects: [{{ user: {email} }}] }}");
    let analyst = format!(
        "{{ role: {{ type: Bot, name: Analyst }}, bot: Travel Desk, subjects: [{{ user: {email} }}] }}"
    );
    person
        + document("KoreRoleBinding", "managers", &manager).as_str()
        + document("KoreRoleBinding", "analysts", &analyst).as_str()
}

fn moved() -> String {
    kim(NEW, ", previousEmails: [kim@example.com]")
}

fn truth_of(served: &Served, email: &str) -> Value {
    served.server.truth()["users"][email].clone()
}

fn parsed(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

#[test]
fn old_address_keeps_everything_until_the_new_one_has_joined() {
    let served = Served::new(&[kim("kim@example.com", "")]);
    served.run(&["apply", "--yes"]).expect(0);
    let before = truth_of(&served, "kim@example.com");

    served.workspace.write("main.yaml", &moved());
    let plan = served.run(&["plan"]).expect(0);
    assert!(plan.stdout.contains("+ kim.kaya@example.com: invite"), "{plan}");
    assert!(
        plan.stdout.contains("kim@example.com keeps everything until kim.kaya@example.com has joined"),
        "{plan}"
    );
    assert!(!plan.stdout.contains("- User Manager") && !plan.stdout.contains("\n- kim@"), "{plan}");
    served.run(&["apply", "--yes"]).expect(0);
    assert_eq!(truth_of(&served, "kim@example.com"), before, "nothing is taken from the old address");
    served.run(&["apply", "--yes"]).expect(0);
    assert_eq!(truth_of(&served, "kim@example.com"), before);

    served.accept(NEW);
    let plan = parsed(&served.run(&["plan", "--format", "json"]).expect(0));
    let changes = plan["changes"].as_array().unwrap();
    let leaves = changes.iter().find(|change| change["action"] == "remove").unwrap();
    assert_eq!(leaves["subject"]["user"], "kim@example.com", "{leaves}");
    let needed = leaves["dependsOn"].as_array().unwrap();
    for change in changes.iter().filter(|change| change["action"] == "add") {
        assert!(needed.contains(&change["id"]), "it waits for {change}");
    }
    let applied = served.run(&["apply", "--yes"]).expect(0);
    assert!(applied.stdout.contains("(\"kim.kaya@example.com by now\")"), "{applied}");
    assert!(truth_of(&served, "kim@example.com").is_null());
    let after = truth_of(&served, NEW);
    assert_eq!(after["admin_roles"], before["admin_roles"]);
    assert_eq!(after["bot_roles"], before["bot_roles"]);
    let plan = served.run(&["plan", "--exit-code"]).expect(0);
    assert!(plan.stdout.contains("No changes"), "{plan}");
}

#[test]
fn whoever_is_in_the_way_of_a_move_keeps_the_old_address() {
    let served = Served::new(&[kim("kim@example.com", "")]);
    served.account("  safety: { protected: [kim@example.com] }\n");
    served.run(&["apply", "--yes"]).expect(0);
    served.workspace.write("main.yaml", &moved());
    served.run(&["apply", "--yes"]).expect(0);
    served.accept(NEW);
    let applied = served.run(&["apply", "--yes"]).expect(4);
    assert!(applied.stdout.contains("protected users are never touched"), "{applied}");
    assert!(truth_of(&served, "kim@example.com").is_object());
}

#[test]
fn what_is_still_said_of_the_old_address_is_an_error() {
    let left =
        document("KoreBotAssignment", "left", "{ bot: Travel Desk, subjects: [{ user: kim@example.com }] }");
    let other =
        document("KoreUser", "other", "{ email: other@example.com, previousEmails: [kim@example.com] }");
    let itself = document("KoreUser", "kim", "{ email: kim@example.com, previousEmails: [KIM@example.com] }");
    for (manifests, said) in [
        (moved() + left.as_str(), "kim@example.com is a previous address of kim.kaya@example.com"),
        (
            moved() + user("kim", "").replace("name: kim", "name: old-kim").as_str(),
            "is a previous address of",
        ),
        (moved() + other.as_str(), "is a previous address of kim.kaya@example.com as well"),
        (itself, "is the address of this KoreUser, and not a previous one"),
    ] {
        let served = Served::new(&[manifests]);
        let run = served.run(&["plan"]).expect(3);
        assert!(run.stderr.contains(said), "{said}: {run}");
    }
}

#[test]
fn one_person_under_two_addresses_is_noticed() {
    let served = Served::new(&[user("kim", "")]);
    let set = |who: &str| {
        document(
            "KoreUser",
            &who.replace('.', "-"),
            &format!("{{ email: {who}@example.com, orgUserId: E-1 }}"),
        )
    };
    served.workspace.write("main.yaml", &(set("one.hire") + set("other.hire").as_str()));
    served.run(&["apply", "--yes"]).expect(0);
    for who in ["one.hire@example.com", "other.hire@example.com"] {
        served.accept(who);
    }
    // The ids are not declared any more: the account alone has them.
    let bare = user("one.hire", "").replace("name: one.hire", "name: one");
    served.workspace.write("main.yaml", &bare);
    let said =
        "orgUserId E-1 is of 2 users, who may be one person: one.hire@example.com, other.hire@example.com";
    let plan = served.run(&["plan"]).expect(0);
    assert!(plan.stdout.contains(said), "{plan}");
    let moves = document(
        "KoreUser",
        "one",
        "{ email: one.hire@example.com, previousEmails: [other.hire@example.com] }",
    );
    served.workspace.write("main.yaml", &moves);
    let plan = served.run(&["plan"]).expect(0);
    assert!(!plan.stdout.contains("may be one person"), "{plan}");
}
