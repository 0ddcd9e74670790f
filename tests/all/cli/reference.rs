//! The pages of `docs/reference` that the program writes say everything it knows.

use crate::support::workspace::Workspace;
use clap::CommandFactory as _;
use koreconcile::cli::{Cli, Exit};
use koreconcile::manifest::Code;
use koreconcile::manifest::kinds::Kind;

fn page(name: &str) -> String {
    let run = Workspace::with(&[]).run(&["reference", name]).expect(0);
    assert!(run.stdout.starts_with("<!-- Written by `make generate`"), "{run}");
    run.stdout
}

#[test]
fn has_every_verb_flag_and_exit_code() {
    let page = page("cli");
    let command = Cli::command();
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let heading = format!("\n## koreconcile {}\n", verb.get_name());
        let (_, section) = page.split_once(&heading).unwrap_or_else(|| panic!("no {heading}"));
        let section = section.split("\n## ").next().unwrap();
        for argument in verb.get_arguments().filter_map(|argument| argument.get_long()) {
            let row =
                section.lines().any(|line| line.starts_with("| ") && line.contains(&format!("--{argument}")));
            assert!(row, "{} does not list --{argument}", verb.get_name());
        }
    }
    assert!(!page.contains("koreconcile reference"), "what nobody needs is not there");
    for exit in Exit::ALL {
        assert!(page.contains(&format!("\n| {} | {} |", exit as u8, exit.meaning())), "{exit:?}");
    }
}

#[test]
fn has_every_kind_with_fields_limits_and_rules() {
    let page = page("manifests");
    for kind in Kind::ALL {
        assert!(page.contains(&format!("\n## {kind}\n")), "{kind}");
    }
    for line in [
        "| `safety.maxRemovals` | whole number | `10` | 0 to 100000 | ",
        "| **`endpoint.sandbox.dataDir`** | text |  | 1 to 1024 characters | ",
        "| `subjects[].expiresAt` | timestamp (RFC 3339) |  | at most 64 characters | ",
        "| `state` | `Present`, `Absent` | `Present` |  | ",
        "* `subjects[]`: a subject is exactly one of user, team and group (exactly-one)\n",
        "* Master Admin can be granted to users, not to groups (master-admin-group)\n",
    ] {
        assert!(page.contains(line), "no {line}");
    }
}

#[test]
fn has_every_finding_and_reason() {
    let page = page("findings");
    for code in Code::ALL {
        assert!(page.contains(&format!("\n| `{code}` | ")), "{code}");
    }
    assert_eq!(page.split("## Reasons").nth(1).unwrap().matches("\n| `").count(), 32);
}
