//! Authoritative lists: whoever nobody declared goes after one explicit yes, and from then on by itself.

use crate::support::quickstart::{BOT, console, converged, user};
use crate::support::workspace::{Workspace, shows};

const TESTERS: &str = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreRoleBinding
metadata: { name: analysts }
spec:
  role: { type: Bot, name: Analyst }
  bot: Banking Assistant
  membership: Authoritative
  subjects:
    - user: kim.lee@example.com
";

/// Kim analyses, and nobody else may. Before, Sam and Lou did, by a click.
fn clicked() -> Workspace {
    let workspace = converged();
    console(&workspace, |admin| {
        for name in ["sam.roe", "lou.fox"] {
            admin.bind(&user(name), "Analyst", Some(BOT)).unwrap();
        }
    });
    workspace.write("analysts.yaml", TESTERS);
    workspace
}

fn holders(workspace: &Workspace) -> Vec<String> {
    let analyses = ("Analyst".to_owned(), BOT.to_owned());
    let users = console(workspace, |admin| admin.snapshot().unwrap().users);
    let holders = users.into_iter().filter(|(_, user)| user.bot_roles.contains(&analyses));
    holders.map(|(email, _)| email.split('@').next().unwrap().to_owned()).collect()
}

#[test]
fn first_time_is_proposed() {
    let workspace = clicked();
    shows!(workspace.run(&["plan", "--exit-code"]).expect(2));
    let run = workspace.run(&["apply", "--yes"]).expect(6);
    assert!(run.stdout.contains("Done: 1 applied and read back"), "{run}");
    assert!(run.stderr.trim_end().ends_with("exit 6: 1 to take over"), "{run}");
    assert_eq!(holders(&workspace), ["kim.lee", "lou.fox", "sam.roe"]);
    // And again, however often it runs.
    workspace.run(&["apply", "--yes"]).expect(6);
    assert_eq!(holders(&workspace), ["kim.lee", "lou.fox", "sam.roe"]);
}

#[test]
fn take_over_is_a_yes_for_good() {
    let workspace = clicked();
    workspace.run(&["apply", "--yes", "--take-over"]).expect(0);
    assert_eq!(holders(&workspace), ["kim.lee"]);
    console(&workspace, |admin| admin.bind(&user("sam.roe"), "Analyst", Some(BOT)).unwrap());
    let run = workspace.run(&["apply", "--yes"]).expect(0);
    assert!(run.stdout.contains("Done: 1 applied and read back"), "{run}");
    assert_eq!(holders(&workspace), ["kim.lee"]);
}

#[test]
fn a_list_with_nobody_else_on_it_needs_no_yes() {
    let workspace = converged();
    workspace.write("analysts.yaml", TESTERS);
    workspace.run(&["apply", "--yes"]).expect(0);
    console(&workspace, |admin| admin.bind(&user("sam.roe"), "Analyst", Some(BOT)).unwrap());
    workspace.run(&["apply", "--yes"]).expect(0);
    assert_eq!(holders(&workspace), ["kim.lee"]);
}

#[test]
fn apply_asks_on_a_terminal_with_the_count() {
    let workspace = clicked();
    let run = workspace.koreconcile(&["apply"]).terminal("no\nyes\n").run().expect(6);
    let question = "Prune 1 list for the first time, and remove 2 undeclared holders?";
    assert!(run.stderr.contains(question), "{run}");
    assert!(run.stderr.contains("those holders stay for now"), "{run}");
    assert_eq!(holders(&workspace), ["kim.lee", "lou.fox", "sam.roe"]);
    let run = workspace.koreconcile(&["apply"]).terminal("yes\nyes\n").run().expect(0);
    assert!(run.stderr.contains("Apply 2 changes?"), "{run}");
    assert_eq!(holders(&workspace), ["kim.lee"]);
}

#[test]
fn a_saved_plan_takes_over_what_it_was_asked_to() {
    let workspace = clicked();
    workspace.run(&["plan", "--out", "plan.sealed"]).expect(0);
    workspace.run(&["apply", "--yes", "--plan", "plan.sealed"]).expect(6);
    assert_eq!(holders(&workspace), ["kim.lee", "lou.fox", "sam.roe"]);
    workspace.run(&["plan", "--take-over", "--out", "plan.sealed"]).expect(0);
    workspace.run(&["apply", "--yes", "--plan", "plan.sealed"]).expect(0);
    assert_eq!(holders(&workspace), ["kim.lee"]);
    let run = workspace.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes"), "{run}");
}
