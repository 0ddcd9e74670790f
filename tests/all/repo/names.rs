//! Names that do not come back: private words of an earlier version that a newcomer had to learn, where the field has
//! terms. A definition (type, function, module, constant, field or parameter) that uses one fails with file and line.

use super::rules::{Source, collect};
use std::path::{Path, PathBuf};

/// Where a name is not used, as the beginning of a path; the name; what to use in its place.
const RETIRED: &[(&str, &[&str], &str)] = &[
    ("", &["still", "Still", "is_still"], "unchanged, UnchangedPass"),
    ("", &["put_off", "Circumstances", "circumstances"], "defer, DeferRules"),
    ("", &["news", "News"], "events, PassEvent"),
    ("", &["homeless", "Homes", "Shelf"], "unassigned, AccountIndex, WatchCache"),
    ("", &["Verdicts", "Standing", "standing"], "ObjectProblems, Readiness, FactStatus"),
    ("", &["rhythm", "rival", "elders"], "interval, conflicting_account, older_accounts"),
    ("", &["staff", "dismiss"], "ensure_workers, shut_down"),
    ("", &["has_foreseen", "foresee", "foreseen", "ahead"], "wrote_ahead, write_ahead, planned_removals"),
    ("", &["Tenure", "tenure"], "LeaseTerm, lease_term"),
    ("", &["Fate", "fate", "fates", "settle_as"], "ChangeOutcome, outcome, record_outcome"),
    ("", &["Letter", "Vault", "vault"], "RequestEncoder, BeforeImageStore"),
    ("", &["hunt", "hunts", "HALVINGS"], "bisection, MAX_BISECTION_CALLS"),
    ("", &["dethroned", "doubtful", "left_behind"], "lost_master_admin, unconfirmed, unrestored"),
    ("", &["FRESH", "LATE"], "MAX_OBSERVATION_AGE, MAX_RETRIES"),
    ("", &["Said", "at_hand", "is_spoiled", "spoil"], "Recording, prefetched, is_unreliable"),
    ("", &["blindly", "in_one", "Patience", "patience"], "without_total, single_page, WaitSpent"),
    (
        "",
        &["Unheard", "InTheWay", "in_the_way", "Says", "Because"],
        "UnknownName, ObstacleDetail, SourceEffect",
    ),
    ("", &["whence", "witnesses"], "attribution, group_samples"),
    ("", &["Bent", "Met", "meet"], "FaultEffects, FaultMatch, match_faults"),
    (
        "",
        &["Desk", "desk", "Signed", "Storm", "Drawer", "Cable", "Door", "Bench"],
        "AdminContext, ChaosTransport …",
    ),
    (
        "src/controller",
        &["Known", "known", "again", "hold", "judge", "declare"],
        "AccountMemory, repeat, defer …",
    ),
    (
        "src/controller",
        &["hint", "Team", "team", "Question", "question"],
        "audit_poll, WorkerPool, AccountRequest",
    ),
    (
        "src/apply",
        &["look", "window", "Window", "Stop", "Stopper", "asked"],
        "observe, batch, CancellationToken",
    ),
    ("src/plan", &["Book", "Window", "Question", "Endpoint"], "FactIndex, RoundRange, Query, WriteKind"),
    ("src/kore", &["Book", "book", "Ask", "ask"], "Listing, ReadRequest"),
    ("src/sandbox/console", &["Ask", "Fault"], "RequestContext, PageError"),
    ("src", &["of"], "a verb or a constructor that says what it does: assess, collect, render, new"),
    ("tests", &["Site", "Place", "Watch"], "ConsoleHarness, ClusterHarness, Workspace, InvariantChecker"),
];

#[test]
fn no_definition_has_a_retired_name() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests/all", "benches"] {
        collect(&root.join(folder), &mut files);
    }
    let found: Vec<String> = files.iter().flat_map(|file| retired_in(root, file)).collect();
    assert!(found.is_empty(), "names that do not come back:\n  {}", found.join("\n  "));
}

#[test]
fn a_planted_name_is_found_wherever_it_is_defined() {
    for text in [
        "pub struct Vault;",
        "enum Fate { Applied }",
        "fn settle_as() {}",
        "mod homeless;",
        "const HALVINGS: u32 = 24;",
        "struct Pass { pub is_still: bool }",
        "struct Pass { a: u8, news: Vec<u8> }",
        "fn f(tenure: &str) {}",
    ] {
        assert_eq!(retired(Path::new("src/facts/a.rs"), text).len(), 1, "{text}");
    }
    for text in
        ["// the vault\nstruct Store;", "const S: &str = \"fn fate()\";", "struct Window;", "fn known() {}"]
    {
        assert!(retired(Path::new("src/facts/a.rs"), text).is_empty(), "{text}");
    }
    assert_eq!(retired(Path::new("src/controller/a.rs"), "fn known() {}").len(), 1);
}

fn retired_in(root: &Path, file: &PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    retired(file.strip_prefix(root).unwrap(), &text)
}

fn retired(file: &Path, text: &str) -> Vec<String> {
    let source = Source::new(file, text);
    let names = source.definitions();
    let is_here = |place: &str| file.starts_with(place);
    let mut found = Vec::new();
    for (place, retired, use_instead) in RETIRED {
        for (line, name) in
            names.iter().filter(|(_, name)| is_here(place) && retired.contains(&name.as_str()))
        {
            found.push(format!("{}:{line}: `{name}`; use {use_instead}", file.display()));
        }
    }
    found
}
