//! The dependency rule: which room of `src/` may know which, and what the pure rooms may not name.
//!
//! In: the sources, as text. Out: every breach with its file and line. A path is read as the compiler would read
//! it: `crate::plan`, a tree like `use crate::{facts, plan::diff}`, and `super::super::plan` are the same to us;
//! comments and the insides of strings are not code.

use super::tokens::{Token, tokens};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Room, and the other rooms that it may name. Who adds a room adds a line, and with it an arrow that points down.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("facts", &[]),
    ("plan", &["facts"]),
    ("report", &["plan", "facts"]),
    ("render", &["report", "plan", "facts"]),
    ("memory", &["plan", "facts"]),
    ("policy", &["plan", "facts"]),
    ("kore", &["facts"]),
    ("manifest", &["facts"]),
    ("apply", &["plan", "kore", "facts"]),
    ("controller", &["apply", "manifest", "memory", "policy", "plan", "kore", "facts"]),
    ("sandbox", &[]),
    (
        "cli",
        &[
            "facts",
            "plan",
            "report",
            "render",
            "memory",
            "policy",
            "kore",
            "manifest",
            "apply",
            "controller",
            "sandbox",
        ],
    ),
];

/// Rooms that are values and functions only: time is passed in, and nothing is read or sent.
const PURE: &[&str] = &["facts", "plan", "policy", "report", "render"];

/// What a pure room may not name, wherever it stands in a path.
const IMPURE: &[&[&str]] = &[
    &["tokio"],
    &["reqwest"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["std", "process"],
    &["std", "thread"],
    &["SystemTime"],
    &["Instant"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
    &["async"],
    &["await"],
];

/// Rooms that may name Kubernetes.
const NAMES_KUBE: &[&str] = &["manifest", "controller"];

/// Crates that are Kubernetes.
const KUBE: &[&str] = &["kube", "k8s_openapi"];

/// What the pure half of the controller may not name: its other half, a client, a clock or a socket.
const NOT_IN_A_PASS: &[&[&str]] = &[
    &["kube"],
    &["std", "fs"],
    &["std", "net"],
    &["std", "env"],
    &["std", "process"],
    &["std", "thread"],
    &["tokio", "net"],
    &["tokio", "time"],
    &["tokio", "spawn"],
    &["SystemTime"],
    &["Instant"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
];

#[test]
fn a_pass_knows_no_cluster_client_or_clock() {
    let breaches = breaches_of_all(uses_outside_a_pass);
    assert!(breaches.is_empty(), "{}", listed(&breaches));
    for text in [
        "use kube::Client;",
        "use super::super::cluster::run;",
        "use crate::controller::cluster;",
        "fn f() { jiff::Timestamp::now(); }",
        "fn f() { tokio::time::sleep(d); }",
    ] {
        let source = Source::new(Path::new("src/controller/pass/a.rs"), text);
        assert_eq!(uses_outside_a_pass(&source).len(), 1, "{text}");
        let source = Source::new(Path::new("src/controller/cluster/a.rs"), text);
        assert!(uses_outside_a_pass(&source).is_empty(), "{text}");
    }
}

fn uses_outside_a_pass(source: &Source) -> Vec<String> {
    if !source.file.starts_with("src/controller/pass") {
        return Vec::new();
    }
    let is_cluster = |path: &Named| {
        path.is_ours && path.segments.iter().map(String::as_str).take(2).eq(["controller", "cluster"])
    };
    let is_outside = |path: &&Named| is_cluster(path) || NOT_IN_A_PASS.iter().any(|word| path.contains(word));
    let breach =
        |path: &Named| source.breach(path.line, &format!("a pass names `{}`", path.segments.join("::")));
    source.paths().iter().filter(is_outside).map(breach).collect()
}

#[test]
fn rooms_know_only_the_rooms_below_them() {
    let breaches =
        breaches_of_all(|source| {
            let mut found = Vec::new();
            let allowed = MAY_KNOW.iter().find(|(room, _)| *room == source.room).map(|(_, known)| *known);
            let Some(allowed) = allowed else {
                return vec![source.breach(1, &format!("the room `{}` is not in MAY_KNOW", source.room))];
            };
            for path in source.paths() {
                let Some(target) = path.room() else { continue };
                if target != source.room && !allowed.contains(&target) {
                    let rule = match allowed {
                        [] => "nobody".to_owned(),
                        known => known.join(", "),
                    };
                    found.push(source.breach(
                        path.line,
                        &format!("`{}` names `{target}`; it may know: {rule}", source.room),
                    ));
                }
            }
            found
        });
    assert!(breaches.is_empty(), "{}", listed(&breaches));
}

#[test]
fn pure_rooms_name_no_clock_network_disk_or_task() {
    let breaches = breaches_of_all(impure_uses);
    assert!(breaches.is_empty(), "{}", listed(&breaches));
}

#[test]
fn only_manifest_and_controller_name_kubernetes() {
    let breaches = breaches_of_all(kube_uses);
    assert!(breaches.is_empty(), "{}", listed(&breaches));
}

#[test]
fn tests_of_a_room_on_facts_know_that_room_and_facts_alone() {
    // `make mutants` builds them with the room and facts, without the rest of the package, unless they use `support`.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rooms = MAY_KNOW.iter().filter(|(_, known)| *known == ["facts"]).map(|(room, _)| *room);
    let mut files = Vec::new();
    collect(&root.join("tests/all"), &mut files);
    let mut breaches = Vec::new();
    for room in rooms {
        let folder = root.join("tests/all").join(room);
        assert!(files.iter().any(|file| file.starts_with(&folder)), "no tests in {}", folder.display());
        for file in files.iter().filter(|file| file.starts_with(&folder)) {
            let source =
                Source::new(file.strip_prefix(root).unwrap(), &std::fs::read_to_string(file).unwrap());
            let paths = source.paths();
            let is_support =
                |path: &Named| path.is_ours && path.segments.first().is_some_and(|first| first == "support");
            if paths.iter().any(is_support) {
                continue;
            }
            for path in paths.iter().filter(|path| path.is_ours) {
                // `self` and `super` lead through the tests' own crate, `all`.
                let first = path.segments.iter().find(|name| *name != "all").map_or("*", String::as_str);
                if first != room && first != "facts" {
                    breaches
                        .push(source.breach(path.line, &format!("it names `{}`", path.segments.join("::"))));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{}", listed(&breaches));
}

#[test]
fn table_points_down_only() {
    // Each room may know only rooms whose own list is already settled: a cycle can't be written down.
    let mut settled = BTreeSet::new();
    let mut waiting: Vec<_> = MAY_KNOW.to_vec();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|(room, known)| {
            let is_ready = known.iter().all(|below| settled.contains(below));
            if is_ready {
                settled.insert(*room);
            }
            !is_ready
        });
        assert!(waiting.len() < before, "a cycle, or a room that is not in the table: {waiting:?}");
    }
}

#[test]
fn checker_sees_every_way_to_name_a_room() {
    for (file, text, seen) in [
        ("src/facts/a.rs", "use crate::plan::Plan;", "plan"),
        ("src/facts/a.rs", "use crate::{facts, kore};", "kore"),
        (
            "src/facts/a.rs",
            "pub use crate :: { self as root, facts::{Key, Value}, plan::{diff::*} };",
            "plan",
        ),
        ("src/facts/a.rs", "fn f() { crate::kore::send(); }", "kore"),
        ("src/facts/a.rs", "use crate::{\n    // the plan\n    plan,\n};", "plan"),
        ("src/facts/mod.rs", "use super::plan;", "plan"),
        ("src/facts/a.rs", "use super::super::plan::Plan;", "plan"),
        ("src/facts/a.rs", "use super::{super::{kore}};", "kore"),
        ("src/facts/a.rs", "mod tests { use super::super::super::plan; }", "plan"),
        ("src/facts/a.rs", "pub(in crate::plan) struct X;", "plan"),
        ("src/facts/a.rs", "fn f<'a>(c: char) -> bool { c == '\"' && crate::plan::is(c, '\\'') }", "plan"),
        ("src/facts/a.rs", "const S: &str = r#\"quote \" \"#; use crate::plan;", "plan"),
        ("src/facts/a.rs", "use koreconcile::plan::Plan;", "plan"),
        ("src/facts/a.rs", "use crate::*;", "*"),
        ("src/facts/a.rs", "use crate as root;", "*"),
        ("src/facts/a.rs", "use crate::{self as root, facts::Key};", "*"),
        ("src/facts/a.rs", "macro_rules! m { () => { $crate::plan::x() } }", "plan"),
    ] {
        let source = Source::new(Path::new(file), text);
        let rooms: Vec<String> =
            source.paths().iter().filter_map(|path| path.room().map(str::to_owned)).collect();
        assert!(rooms.iter().any(|room| room == seen), "{text}: saw {rooms:?}, not {seen}");
    }
}

#[test]
fn checker_does_not_see_what_is_not_code() {
    for (file, text) in [
        ("src/facts/a.rs", "// use crate::plan;\n/* crate::plan /* tokio */ crate::kore */"),
        ("src/facts/a.rs", "/// Used by [`crate::plan::diff`], which runs no `tokio::spawn`.\nstruct X;"),
        ("src/facts/a.rs", "const S: &str = \"crate::plan \\\" tokio::spawn\";"),
        ("src/facts/a.rs", "const S: &[u8] = br##\"crate::plan\"# std::fs\"##;"),
        ("src/facts/a.rs", "pub(crate) fn plan(kore: usize) -> usize { kore }"),
        ("src/facts/a.rs", "mod tests { use super::super::Membership; }"),
        ("src/facts/b/mod.rs", "use super::Membership; use super::super::facts::Key;"),
        ("src/facts/a.rs", "use jiff::Timestamp; fn f(now: Timestamp) -> Timestamp { now }"),
    ] {
        let source = Source::new(Path::new(file), text);
        let rooms: Vec<String> =
            source.paths().iter().filter_map(|path| path.room().map(str::to_owned)).collect();
        assert!(rooms.iter().all(|room| room == "facts"), "{text}: saw {rooms:?}");
        assert!(impure_uses(&source).is_empty(), "{text}");
    }
}

#[test]
fn checker_sees_planted_clocks_disks_and_kubernetes() {
    for text in [
        "use tokio::time::sleep;",
        "fn f() { reqwest::get(\"x\"); }",
        "use std::{collections::BTreeMap, fs};",
        "use ::std::net::TcpStream;",
        "use std::time::{Duration, SystemTime};",
        "fn f() { let now = jiff::Timestamp::now(); }",
        "use jiff::Timestamp; fn f() { Timestamp::now(); }",
        "async fn f() {}",
    ] {
        let source = Source::new(Path::new("src/plan/a.rs"), text);
        assert_eq!(impure_uses(&source).len(), 1, "{text}");
        let source = Source::new(Path::new("src/apply/a.rs"), text);
        assert!(impure_uses(&source).is_empty(), "only pure rooms are asked: {text}");
    }
    for text in
        ["use kube::Api;", "#[derive(kube::CustomResource)] struct X;", "use k8s_openapi::api::core::v1;"]
    {
        for room in ["facts", "plan", "apply", "kore", "sandbox", "cli"] {
            let source = Source::new(Path::new(&format!("src/{room}/a.rs")), text);
            assert_eq!(kube_uses(&source).len(), 1, "{room}: {text}");
        }
        let source = Source::new(Path::new("src/manifest/a.rs"), text);
        assert!(kube_uses(&source).is_empty(), "{text}");
    }
}

fn impure_uses(source: &Source) -> Vec<String> {
    if !PURE.contains(&source.room.as_str()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for path in source.paths() {
        if let Some(word) = IMPURE.iter().find(|word| path.contains(word)) {
            found.push(
                source
                    .breach(path.line, &format!("`{}` is pure and names `{}`", source.room, word.join("::"))),
            );
        }
    }
    found
}

fn kube_uses(source: &Source) -> Vec<String> {
    if NAMES_KUBE.contains(&source.room.as_str()) {
        return Vec::new();
    }
    let is_kube = |path: &&Named| path.segments.len() > 1 && KUBE.contains(&path.segments[0].as_str());
    let breach = |path: &Named| {
        source.breach(path.line, &format!("`{}` names `{}`", source.room, path.segments.join("::")))
    };
    source.paths().iter().filter(is_kube).map(breach).collect()
}

fn breaches_of_all(check: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no sources under {}", root.display());
    let mut breaches = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let source = Source::new(file.strip_prefix(root).unwrap(), &text);
        // `lib.rs` is the map and `main.rs` the edge: neither is a room.
        if source.room != "lib" && source.room != "main" {
            breaches.extend(check(&source));
        }
    }
    breaches
}

pub(super) fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn listed(breaches: &[String]) -> String {
    let mut text = format!("the dependency rule is broken in {} places\n", breaches.len());
    for breach in breaches {
        let _ = writeln!(text, "  {breach}");
    }
    text + "  move what is shared down, or pass it in; the rule stands in src/lib.rs and tests/all/repo/rules.rs"
}

/// One source file, and where its module stands.
pub(super) struct Source {
    file: PathBuf,
    room: String,
    /// Module path from the crate's root: `["plan", "render", "text"]`.
    module: Vec<String>,
    tokens: Vec<Token>,
}

/// A path as written, with `crate`, `self` and `super` resolved from the crate's root.
struct Named {
    line: usize,
    /// From the crate's root, or as written when it starts with another crate or a local name.
    segments: Vec<String>,
    is_ours: bool,
}

impl Named {
    /// The room it leads into; `*` when it opens the whole crate, which would hide every room behind it.
    fn room(&self) -> Option<&str> {
        let first = self.segments.first().filter(|_| self.is_ours)?;
        let is_room = MAY_KNOW.iter().any(|(room, _)| room == first) || first == "*";
        is_room.then_some(first)
    }

    fn contains(&self, word: &[&str]) -> bool {
        !self.is_ours && self.segments.windows(word.len()).any(|window| window == word)
    }
}

impl Source {
    pub(super) fn new(file: &Path, text: &str) -> Self {
        let mut module: Vec<String> =
            file.with_extension("").iter().skip(1).map(|part| part.to_string_lossy().into_owned()).collect();
        let room = module[0].clone();
        if module.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
            module.pop();
        }
        Self { file: file.to_owned(), room, module, tokens: tokens(text) }
    }

    fn breach(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.file.display())
    }

    /// Every path in the file, trees opened into one path a leaf.
    fn paths(&self) -> Vec<Named> {
        let mut found = Vec::new();
        let mut module = self.module.clone();
        // Depths at which an inline `mod name {` opened, so that `super` inside it means the right parent.
        let mut inline = Vec::new();
        let (mut depth, mut at) = (0_usize, 0);
        while at < self.tokens.len() {
            match self.word(at) {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    if inline.last() == Some(&depth) {
                        inline.pop();
                        module.pop();
                    }
                }
                "mod" if self.is_name(at + 1) && self.word(at + 2) == "{" => {
                    inline.push(depth);
                    module.push(self.word(at + 1).to_owned());
                    at += 1;
                }
                _ if self.is_name(at) => {
                    at = self.path(at, &module, &[], &mut found);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        found
    }

    /// What the file defines: the name behind a keyword, and every `name:` of a field or parameter.
    pub(super) fn definitions(&self) -> Vec<(usize, String)> {
        const KEYWORDS: [&str; 9] =
            ["struct", "enum", "trait", "fn", "mod", "type", "const", "static", "union"];
        let mut found = Vec::new();
        for at in 0..self.tokens.len() {
            let is_named = KEYWORDS.contains(&self.word(at)) && self.is_name(at + 1);
            let is_field = self.is_name(at + 1)
                && self.word(at + 2) == ":"
                && matches!(self.word(at), "{" | "," | "(" | ")" | "pub" | "]" | "|");
            if is_named || is_field {
                found.push((self.tokens[at + 1].line, self.word(at + 1).to_owned()));
            }
        }
        found
    }

    /// Reads one path or tree at `at` below `prefix`; returns the place after it.
    fn path(&self, mut at: usize, module: &[String], prefix: &[String], found: &mut Vec<Named>) -> usize {
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        let mut written = prefix.to_vec();
        loop {
            if self.word(at) == "{" {
                at += 1;
                while at < self.tokens.len() && self.word(at) != "}" {
                    if self.is_name(at) || self.word(at) == "{" || self.word(at) == "*" {
                        at = self.path(at, module, &written, found);
                    } else {
                        at += 1;
                    }
                }
                return at + 1;
            }
            written.push(self.word(at).to_owned());
            at += 1;
            let goes_on = self.word(at) == "::"
                && (self.is_name(at + 1) || self.word(at + 1) == "{" || self.word(at + 1) == "*");
            if !goes_on {
                break;
            }
            at += 1;
        }
        // `use crate as root` would hide every room behind another name.
        if written == ["crate"] && self.word(at) == "as" {
            written.push("*".to_owned());
        }
        found.push(resolved(&written, module, line));
        at
    }

    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    fn is_name(&self, at: usize) -> bool {
        self.word(at).starts_with(|first: char| first.is_alphabetic() || first == '_')
    }
}

fn resolved(written: &[String], module: &[String], line: usize) -> Named {
    let mut segments: Vec<String> = Vec::new();
    let mut is_ours = false;
    for (index, segment) in written.iter().enumerate() {
        match segment.as_str() {
            "crate" | "koreconcile" if index == 0 => is_ours = true,
            "self" if index == 0 && written.len() > 1 => {
                is_ours = true;
                segments = module.to_vec();
            }
            // `use crate::{self as root}` opens the whole crate too.
            "self" if segments.is_empty() => segments.push("*".to_owned()),
            "self" => {}
            "super" => {
                if index == 0 {
                    is_ours = true;
                    segments = module.to_vec();
                }
                segments.pop();
            }
            other => segments.push(other.to_owned()),
        }
    }
    Named { line, segments, is_ours }
}
