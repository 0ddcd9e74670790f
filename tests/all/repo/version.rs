//! The version is in `Cargo.toml`. Everything else that names it follows, and what a release consists of is described.

use regex::Regex;
use std::path::Path;
use std::process::Command;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every way in which a file names a version of koreconcile.
fn named(text: &str) -> Vec<String> {
    let ways = [
        r"koreconcile[:_ /-]v?(\d+\.\d+\.\d+)",
        r"targetRevision: v(\d+\.\d+\.\d+)",
        r"ref: \{ tag: v(\d+\.\d+\.\d+) \}",
        r"rev: v(\d+\.\d+\.\d+)",
        r"newTag: (\d+\.\d+\.\d+)",
        r"releases/download/v(\d+\.\d+\.\d+)",
        r"(?m)^(?:version|appVersion): .?(\d+\.\d+\.\d+)",
        r"app\.kubernetes\.io/version: .(\d+\.\d+\.\d+)",
        r"--version (\d+\.\d+\.\d+)",
        r"(?m)^version=(\d+\.\d+\.\d+)",
    ];
    let ways = ways.map(|way| Regex::new(way).unwrap());
    ways.iter().flat_map(|way| way.captures_iter(text).map(|found| found[1].to_owned())).collect()
}

fn tracked() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    assert!(listed.status.success());
    String::from_utf8(listed.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn every_file_that_names_the_version_names_this_one() {
    let is_kept = |name: &&String| {
        // What earlier versions wrote, and what other programs are called.
        let is_old = name.starts_with("tests/compat/") || *name == "CHANGELOG.md";
        let is_text = [".md", ".yaml", ".yml", ".tpl", "Dockerfile", ".release"];
        !is_old && is_text.iter().any(|end| name.ends_with(end))
    };
    let (mut files, mut found) = (0, Vec::new());
    for name in tracked().iter().filter(is_kept) {
        // Some are deleted in a work tree and not yet in the index.
        let Ok(text) = std::fs::read_to_string(root().join(name)) else { continue };
        let versions = named(&text);
        files += usize::from(!versions.is_empty());
        found
            .extend(versions.into_iter().filter(|named| named != VERSION).map(|named| (name.clone(), named)));
    }
    assert!(found.is_empty(), "they do not name {VERSION}: {found:?}");
    assert!(files >= 6, "{files} files name a version: does this test still find them?");
    for name in
        ["charts/koreconcile/Chart.yaml", "charts/kustomize/controller.yaml", "docs/guides/install.md"]
    {
        assert!(named(&read(name)).len() > 1, "{name} names no version");
    }
}

#[test]
fn another_version_is_noticed_wherever_it_is() {
    for text in [
        "docker build -t registry.example.com/koreconcile:9.9.9 .",
        "tar -xf koreconcile-9.9.9-linux-amd64.tar.gz",
        "apt install ./koreconcile_9.9.9_amd64.deb",
        "version: 9.9.9\n",
        "appVersion: \"9.9.9\"",
        "    app.kubernetes.io/version: \"9.9.9\"",
        "    targetRevision: v9.9.9",
    ] {
        assert_eq!(named(text), ["9.9.9"], "{text}");
    }
    assert!(named("kubectl 9.9.9, yamllint:9.9.9").is_empty());
}

#[test]
fn the_changelog_begins_with_this_version_and_says_nothing_twice() {
    let changelog = read("CHANGELOG.md");
    let heading = Regex::new(r"(?m)^## \[([^\]]+)\]").unwrap();
    let headings: Vec<String> = heading.captures_iter(&changelog).map(|found| found[1].to_owned()).collect();
    assert_eq!(headings[..2], ["Unreleased", VERSION]);
    let unique: std::collections::BTreeSet<_> = headings.iter().collect();
    assert_eq!(unique.len(), headings.len(), "{headings:?}");
}

#[test]
fn version_is_printed_with_every_verb() {
    for args in [&["--version"][..], &["plan", "--version"]] {
        let ran = Command::new(env!("CARGO_BIN_EXE_koreconcile")).args(args).output().unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success() && printed.trim_end().contains(VERSION), "{printed}");
    }
}

#[test]
fn git_hooks_pass_on_an_example_and_fail_on_what_is_wrong() {
    let hooks: serde_json::Value = serde_saphyr::from_str(&read(".pre-commit-hooks.yaml")).unwrap();
    let hooks = hooks.as_array().unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_koreconcile")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let run = |hook: &serde_json::Value, folder: &Path| {
        assert_eq!((&hook["language"], &hook["pass_filenames"]), (&"system".into(), &false.into()), "{hook}");
        let line = format!("{} {}", hook["entry"].as_str().unwrap(), folder.display());
        let ran = Command::new("bash").args(["-c", &line]).env("PATH", &path).output().unwrap();
        ran.status.code().unwrap()
    };
    let example = root().join("examples/quickstart");
    let wrong = tempfile::tempdir().unwrap();
    std::fs::write(
        wrong.path().join("access.yaml"),
        "kind:   KoreUser\napiVersion: koreconcile.dev/v1alpha1\n",
    )
    .unwrap();
    let ids: Vec<_> = hooks.iter().map(|hook| hook["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["koreconcile-validate", "koreconcile-fmt"]);
    for hook in hooks {
        assert_eq!(run(hook, &example), 0, "{hook}");
    }
    assert_eq!(run(&hooks[0], wrong.path()), 3);
    assert_eq!(run(&hooks[1], wrong.path()), 2);
}
