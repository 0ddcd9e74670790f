//! The guides and the README say nothing that the program does not know: every command line is taken apart by the parser
//! of the program itself, every flag is one of its flags, every test they name is there, and every reason and exit code
//! has its next step.

use clap::{CommandFactory as _, Parser as _};
use koreconcile::cli::Cli;
use koreconcile::plan::Plan;
use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The README and every guide, with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = std::fs::read_dir(root.join("docs/guides")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = guides.chain([root.join("README.md")]).collect();
    paths.push(root.join("docs/reliability.md"));
    paths.sort();
    assert!(paths.len() > 6, "{paths:?}");
    paths.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// Command lines in shell blocks, less prompts, comments and what stands around them; and whole ones in running text.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut language = None;
    let mut unfinished = String::new();
    for line in text.lines() {
        if let Some(opening) = line.trim_start().strip_prefix("```") {
            language = if language.is_some() { None } else { Some(opening.to_owned()) };
            continue;
        }
        match language.as_deref() {
            None => found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned)),
            Some("sh" | "console" | "text") => {
                if let Some(line) = line.strip_suffix('\\') {
                    unfinished += line;
                } else {
                    found.push(std::mem::take(&mut unfinished) + line);
                }
            }
            Some(_) => {}
        }
    }
    let call = Regex::new(r"(?:^|\$ |&& |\$\()(koreconcile [^#|&>)`]+)").unwrap();
    found.iter().flat_map(|line| call.captures_iter(line)).map(|found| found[1].trim().to_owned()).collect()
}

/// As a shell splits it: spaces, but for those in double quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for sign in line.chars() {
        match sign {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            sign => words.last_mut().unwrap().push(sign),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_line_is_one_the_program_takes() {
    let mut verbs = BTreeSet::new();
    for (path, text) in pages() {
        for command in commands(&text) {
            let words = words(&command);
            // A verb by its name alone is no command line.
            if words.len() > 2 || ["validate", "plan", "apply"].contains(&words[1].as_str()) {
                let problem = Cli::try_parse_from(&words).err().filter(clap::Error::use_stderr);
                assert!(problem.is_none(), "{}: {command}\n{problem:?}", path.display());
            } else {
                let known = Cli::command().find_subcommand(&words[1]).is_some();
                assert!(known, "{}: {command}", path.display());
            }
            verbs.insert(words[1].clone());
        }
    }
    for verb in [
        "apply", "diff", "doctor", "explain", "import", "plan", "report", "runs", "sandbox", "snapshot",
        "undo", "validate",
    ] {
        assert!(verbs.contains(verb), "no guide shows {verb}: {verbs:?}");
    }
}

#[test]
fn commands_are_found_wherever_they_stand_and_unknown_flags_fail() {
    let text = "Say `koreconcile plan --exit-code`.\n```sh\nA=1 && koreconcile apply \\\n  --yes . # now\n\
                eval \"$(koreconcile sandbox app --data d --name \"a b\")\"\n```\n```yaml\nkoreconcile: no\n```\n\
                ```console\n$ koreconcile plan --base main | less\n```\n";
    let found = commands(text);
    assert_eq!(
        found,
        [
            "koreconcile plan --exit-code",
            "koreconcile apply   --yes .",
            "koreconcile sandbox app --data d --name \"a b\"",
            "koreconcile plan --base main",
        ]
    );
    assert_eq!(words(&found[2]).last().unwrap(), "a b");
    assert!(Cli::try_parse_from(words("koreconcile plan --exit-cod")).is_err());
}

#[test]
fn every_flag_in_running_text_is_a_flag_of_some_verb() {
    fn flags(command: &clap::Command, known: &mut BTreeSet<String>) {
        known.extend(command.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?))));
        command.get_subcommands().for_each(|verb| flags(verb, known));
    }
    let mut known = BTreeSet::from(["--help".to_owned()]);
    flags(&Cli::command(), &mut known);
    let flag = Regex::new(r"`(--[a-z][a-z-]*)").unwrap();
    for (path, text) in pages() {
        for found in flag.captures_iter(&text) {
            assert!(known.contains(&found[1]), "{}: {}", path.display(), &found[1]);
        }
    }
}

#[test]
fn refused_plans_has_every_reason_and_every_exit_code() {
    let pages = pages();
    let (_, text) = pages.iter().find(|(path, _)| path.ends_with("refused-plans.md")).unwrap();
    let schema = serde_json::to_value(Plan::schema()).unwrap();
    let reasons = schema["$defs"]["Reason"]["oneOf"].as_array().unwrap();
    let reasons: BTreeSet<&str> = reasons.iter().map(|reason| reason["const"].as_str().unwrap()).collect();
    assert!(reasons.len() > 20, "{reasons:?}");
    let code = Regex::new("`([A-Z][A-Za-z]+)`").unwrap();
    let explained: BTreeSet<String> = code.captures_iter(text).map(|found| found[1].to_owned()).collect();
    for reason in reasons {
        assert!(explained.contains(reason), "nothing is said about {reason}");
    }
    for exit in 0..=11 {
        assert!(text.contains(&format!("\n| {exit} | ")), "nothing is said about {exit}");
    }
}

#[test]
fn links_lead_to_files_that_are_there() {
    let link = Regex::new(r"\]\(([^)#]+)(?:#[^)]*)?\)").unwrap();
    for (path, text) in pages() {
        for found in link.captures_iter(&text) {
            let target = path.parent().unwrap().join(&found[1]);
            assert!(found[1].starts_with("http") || target.exists(), "{}: {}", path.display(), &found[1]);
        }
    }
}

#[test]
fn every_test_that_a_page_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = ["src", "tests"].into_iter().flat_map(|folder| walkdir::WalkDir::new(root.join(folder)));
    let sources = sources.map(|file| file.unwrap().into_path());
    let sources = sources.filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let function = Regex::new(r"\bfn ([a-z0-9_]+)\(").unwrap();
    // Unit tests are named by themselves, the others as `cargo test` lists them, alone or a module of them.
    let mut known = BTreeSet::new();
    for path in sources {
        let text = std::fs::read_to_string(&path).unwrap();
        let module = path.strip_prefix(root.join("tests/all")).ok().map(|path| path.with_extension(""));
        let module = module.map_or(String::new(), |path| {
            path.iter()
                .map(|part| part.to_str().unwrap())
                .filter(|part| *part != "mod")
                .fold(String::new(), |path, part| path + part + "::")
        });
        known.insert(module.trim_end_matches("::").to_owned());
        known.extend(function.captures_iter(&text).map(|found| module.clone() + &found[1]));
    }
    let test =
        Regex::new("`((?:[a-z0-9_]+::)+[a-z0-9]+(?:_[a-z0-9]+)*|[a-z0-9]+(?:_[a-z0-9]+){3,})`").unwrap();
    let mut named = BTreeSet::new();
    for (path, text) in pages() {
        // Metrics are no tests.
        for found in test.captures_iter(&text).filter(|found| !found[1].starts_with("koreconcile_")) {
            assert!(known.contains(&found[1]), "{}: {}", path.display(), &found[1]);
            named.insert(found[1].to_owned());
        }
    }
    assert!(named.len() > 75, "{named:?}");
}
