//! `reinvite` as a user meets it: an open invitation is sent again, and nothing else happens.

use crate::support::served::{Served, document, user};
use crate::support::workspace::Workspace;
use koreconcile::sandbox::{Options, Sandbox};

const KIM: &str = "kim.lee@example.com";

fn applied() -> Workspace {
    let workspace = Workspace::example("quickstart");
    workspace.run(&["apply", "--yes"]).expect(0);
    workspace
}

/// What the account holds of Kim.
fn truth(workspace: &Workspace) -> serde_json::Value {
    let sandbox = Sandbox::open_existing(&workspace.path(".koreconcile/acme"), Options::default()).unwrap();
    sandbox.admin().unwrap().dump().unwrap()["users"][KIM].clone()
}

/// Mails to Kim.
fn mails(workspace: &Workspace) -> usize {
    let all =
        walkdir::WalkDir::new(workspace.path(".koreconcile/acme/mail")).into_iter().filter_map(Result::ok);
    all.filter(|entry| std::fs::read_to_string(entry.path()).is_ok_and(|text| text.contains(KIM))).count()
}

#[test]
fn an_open_invitation_is_sent_again_with_all_that_is_declared() {
    let workspace = applied();
    let (before, sent) = (truth(&workspace), mails(&workspace));
    assert_eq!((before["status"].as_str().is_some() || before.is_object(), sent), (true, 1));
    let run = workspace.run(&["reinvite", KIM, "--yes"]).expect(0);
    assert!(run.stdout.contains("kim.lee@example.com: remove from the account"), "{run}");
    assert!(run.stdout.contains("kim.lee@example.com: invite"), "{run}");
    assert!(!run.stdout.contains("sam.roe"), "{run}");
    assert_eq!(mails(&workspace), sent + 1);
    let after = truth(&workspace);
    for field in ["first_name", "last_name", "bot_roles", "admin_roles", "groups", "is_developer"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    workspace.run(&["plan", "--exit-code"]).expect(0);
}

#[test]
fn who_has_accepted_is_unknown_or_is_not_declared_is_left_alone() {
    let workspace = applied();
    workspace.run(&["sandbox", "accept", "--data", ".koreconcile/acme", KIM]).expect(0);
    for (email, said) in [
        (KIM, "they have accepted the invitation"),
        ("nobody@example.com", "no manifest declares the user"),
        ("no-address", "is not an e-mail address"),
    ] {
        let run = workspace.run(&["reinvite", email, "--yes"]).expect(3);
        assert!(run.stderr.contains(said), "{run}");
    }
    let run = workspace.run(&["reinvite", KIM]).expect(3);
    assert!(run.stderr.contains("there is no terminal to ask on"), "{run}");
    let run = workspace.koreconcile(&["reinvite", "sam.roe@example.com"]).terminal("no\n").run().expect(0);
    assert!(run.stderr.contains("nothing was sent"), "{run}");
}

#[test]
fn an_account_that_does_not_tell_who_has_accepted_gets_no_removal() {
    let dialect = ["--rate-limit", "off", "--dialect", "users_info_status=false,pending_in_user_roles=false"];
    let served = Served::with(&dialect, "all", &[user("new.one", "")]);
    served.run(&["apply", "--yes"]);
    let writes = served.server.writes();
    let run = served.run(&["reinvite", "new.one@example.com", "--yes"]).expect(3);
    assert!(run.stderr.contains("nothing was sent"), "{run}");
    assert_eq!(served.server.writes(), writes);
}

#[test]
fn what_a_policy_would_not_give_back_is_not_taken_away() {
    let workspace = applied();
    let denied = "{ validationActions: [Deny], match: { emails: [kim.lee@example.com] }, allow: {} }";
    workspace.write("policies.yaml", &document("KorePolicy", "nobody", denied));
    let before = truth(&workspace);
    let run = workspace.run(&["reinvite", KIM, "--yes"]).expect(3);
    assert!(run.stderr.contains("(policy nobody)") && run.stderr.contains("nothing was sent"), "{run}");
    assert_eq!(truth(&workspace), before);
}
