//! The README as a reader uses it: its commands are pasted in order into one shell, and what it shows is printed.

use regex::Regex;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../../../README.md");

/// A command of the README, and the lines that it shows below.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    shown: Vec<String>,
}

/// The `$ ` lines of all blocks of this language, in order.
fn steps(text: &str, language: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_inside = false;
    for line in text.lines() {
        if let Some(opening) = line.strip_prefix("```") {
            is_inside = !is_inside && opening == language;
        } else if is_inside && let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { command: command.to_owned(), shown: Vec::new() });
        } else if is_inside && let Some(step) = steps.last_mut() {
            step.shown.push(line.to_owned());
        }
    }
    steps
}

/// The pull request comment that the README quotes.
fn quoted_comment(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| line.strip_prefix('>')).map(|line| line.trim_start().to_owned()).collect()
}

/// Times, commits, authors and run names differ from run to run.
pub(super) fn stable(line: &str) -> String {
    let mut line = line.trim().trim_end_matches("<br>").to_owned();
    for (pattern, stand_in) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", "TIME"),
        (r"\d{8}T\d{6}-\d+\.jsonl", "JOURNAL"),
        (r"since \d{4}-\d\d-\d\d, [0-9a-f]{10} by \w+", "since DATE, COMMIT by AUTHOR"),
    ] {
        line = Regex::new(pattern).unwrap().replace_all(&line, stand_in).into_owned();
    }
    line
}

/// Every line that is shown is printed, in that order. `...` stands for any lines; blank lines do not count.
pub(super) fn assert_shown(command: &str, shown: &[String], printed: &str) {
    let mut lines = printed.lines().map(stable);
    for line in shown.iter().map(|line| stable(line)).filter(|line| !line.is_empty() && line != "...") {
        let is_printed = lines.any(|printed| printed == line);
        assert!(
            is_printed,
            "`{command}` does not print, or not in this order:\n  {line}\nprinted:\n{printed}"
        );
    }
}

/// A folder that looks like the root of a clone after a build.
fn clone() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let bin = root.path().join("target/debug");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_koreconcile"), bin.join("koreconcile")).unwrap();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let copied = Command::new("cp").arg("-R").arg(examples).arg(root.path()).status().unwrap();
    assert!(copied.success());
    root
}

/// Pastes the commands into one shell and gives what each printed.
fn paste(root: &Path, steps: &[Step]) -> Vec<String> {
    const MARK: &str = "=== next command ===";
    let script: String =
        steps.iter().map(|step| format!("echo '{MARK}'\n{} || exit 99\n", step.command)).collect();
    let ran = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(root)
        .env("HOME", root)
        .env("XDG_STATE_HOME", root.join("state"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Jane")))
        .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "jane.doe@example.com")))
        .output()
        .unwrap();
    let printed = String::from_utf8(ran.stdout).unwrap();
    let printed: Vec<String> = printed.split(MARK).skip(1).map(str::to_owned).collect();
    assert!(ran.status.success(), "command {} fails:\n{}", printed.len(), printed.last().unwrap());
    printed
}

#[test]
fn the_tour_works_as_pasted_and_prints_what_it_shows() {
    let root = clone();
    let steps = steps(README, "console");
    assert!(steps.len() > 10, "{steps:?}");
    let printed = paste(root.path(), &steps);
    assert_eq!(printed.len(), steps.len());
    for (step, printed) in steps.iter().zip(&printed) {
        assert_shown(&step.command, &step.shown, printed);
    }
    let comment = steps.iter().position(|step| step.command.contains("--format markdown")).unwrap();
    let quoted = quoted_comment(README);
    assert!(quoted.len() > 20, "{quoted:?}");
    assert_shown(&steps[comment].command, &quoted, &printed[comment]);
}

#[test]
fn the_picture_of_a_plan_is_what_plan_prints() {
    let root = clone();
    let pictures = steps(README, "text");
    let [picture] = pictures.as_slice() else { panic!("{pictures:?}") };
    let path = Step { command: r#"export PATH="$PWD/target/debug:$PATH""#.to_owned(), shown: Vec::new() };
    let command = Step { command: picture.command.clone(), shown: Vec::new() };
    let printed = paste(root.path(), &[path, command]);
    assert_shown(&picture.command, &picture.shown, &printed[1]);
}

#[test]
fn a_line_that_is_not_printed_or_comes_too_early_is_found() {
    let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert_shown("c", &shown(&["one", "...", "three"]), "one\ntwo\nthree\n");
    for lines in [&["four"][..], &["two", "one"]] {
        let shown = shown(lines);
        assert!(std::panic::catch_unwind(|| assert_shown("c", &shown, "one\ntwo\n")).is_err(), "{lines:?}");
    }
    let text = "```console\n$ a\nout\n$ b\n```\n```sh\n$ c\n```\n";
    let expected = [("a", vec!["out"]), ("b", vec![])];
    let found = steps(text, "console");
    let found: Vec<(&str, Vec<&str>)> = found
        .iter()
        .map(|step| (step.command.as_str(), step.shown.iter().map(String::as_str).collect()))
        .collect();
    assert_eq!(found, expected);
}
