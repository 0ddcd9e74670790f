//! `scripts/story.sh`: the whole pull-request workflow, from import to explain, as people would live it.

use crate::support::workspace::Workspace;
use std::path::Path;
use std::process::{Command, Output};

/// More seconds than the story takes, even on a busy machine.
const BOUND: &str = "240";

fn tell(koreconcile: &Path) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/story.sh");
    let mut command = Command::new("timeout");
    command.arg(BOUND).arg("bash").arg(script).env("KORECONCILE", koreconcile);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    format!("{stdout}{stderr}")
}

#[test]
fn comes_true_line_by_line() {
    let output = tell(Path::new(env!("CARGO_BIN_EXE_koreconcile")));
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).ends_with("story: every line came true\n"));
}

#[test]
fn stops_where_something_is_not_as_told() {
    let program = env!("CARGO_BIN_EXE_koreconcile");
    let lazy = format!("#!/bin/sh\n[ \"$1\" = undo ] && exit 0\nexec '{program}' \"$@\"\n");
    let workspace = Workspace::with(&[("koreconcile", &lazy)]);
    assert!(Command::new("chmod").arg("+x").arg(workspace.path("koreconcile")).status().unwrap().success());
    let output = tell(&workspace.path("koreconcile"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let story = said(&output);
    assert!(
        story.contains("story: it does not say: - nia.elm@example.com: remove from the account"),
        "{story}"
    );
}
