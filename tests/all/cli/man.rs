//! Manual pages: one for each verb that help lists, and what the help says is in them.

use crate::support::workspace::Workspace;
use clap::{Command, CommandFactory as _};
use koreconcile::cli::Cli;

/// `koreconcile-sandbox-serve` and the like, of every verb that is not hidden.
fn pages(command: &Command, above: &str, found: &mut Vec<String>) {
    found.push(format!("{above}.1"));
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        pages(verb, &format!("{above}-{}", verb.get_name()), found);
    }
}

#[test]
fn every_verb_has_a_page_and_the_page_has_its_flags() {
    let workspace = Workspace::with(&[]);
    let run = workspace.run(&["man", "--out", "pages/man1"]).expect(0);
    let mut expected = Vec::new();
    pages(&Cli::command(), "koreconcile", &mut expected);
    expected.sort();
    let written = std::fs::read_dir(workspace.path("pages/man1")).unwrap();
    let mut written: Vec<String> =
        written.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    written.sort();
    assert_eq!(written, expected);
    assert!(run.stderr.contains(&format!("wrote {} pages to pages/man1", written.len())), "{run}");
    let page = std::fs::read_to_string(workspace.path("pages/man1/koreconcile-apply.1")).unwrap();
    assert!(page.contains("\\-\\-allow\\-removals") && page.contains(".TH koreconcile-apply 1"), "{page}");
    let page = std::fs::read_to_string(workspace.path("pages/man1/koreconcile.1")).unwrap();
    assert!(page.contains(env!("CARGO_PKG_VERSION")), "{page}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let workspace = Workspace::with(&[("file", "")]);
    let run = workspace.run(&["man", "--out", "file/man1"]);
    assert_ne!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("file/man1 cannot be written"), "{run}");
}
