//! What earlier versions wrote, read by this one: `tests/compat/vMINOR/` holds files of every kind that outlives a run, as
//! `scripts/release/corpus.sh` made them then. None of them is edited: when one of these tests fails, the program has to read
//! the old file, or refuse its format by name, as docs/compatibility.md says.

use crate::support::cluster::Cluster;
use crate::support::workspace::Workspace;
use jiff::Timestamp;
use koreconcile::apply::{SavedPlan, SavedPlanError};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every folder of the corpus, the oldest first.
fn versions() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat");
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    assert!(found.iter().any(|folder| folder.ends_with("v0.2")), "{found:?}");
    found
}

fn read(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&read(folder, name)).unwrap()
}

fn setting(folder: &Path, name: &str) -> String {
    let settings = read(folder, "settings");
    let line = settings.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap_or_else(|| panic!("{name} is not in settings")).to_owned()
}

/// A folder with a copy of that version's files, and its settings in the environment.
fn workspace(folder: &Path) -> Workspace {
    let mut workspace = Workspace::with(&[]);
    let copied = Command::new("cp").arg("-R").arg(folder.join(".")).arg(workspace.path("")).status().unwrap();
    assert!(copied.success());
    for name in ["KORE_CLIENT_ID", "KORE_CLIENT_SECRET", "KORECONCILE_MEMORY_KEY"] {
        workspace.export(name, &setting(folder, name));
    }
    workspace
}

fn ids(plan: &Value) -> BTreeSet<String> {
    let changes = plan["changes"].as_array().unwrap().iter();
    changes.map(|change| change["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn manifests_are_valid() {
    for folder in versions() {
        let run = workspace(&folder).run(&["validate", "manifests"]).expect(0);
        assert!(run.said().contains(" manifests are valid"), "{}: {run}", folder.display());
    }
}

#[test]
fn a_snapshot_gives_the_plan_that_it_gave_then() {
    for folder in versions() {
        let run = workspace(&folder)
            .run(&["plan", "--observed", "account.snapshot", "--format", "json", "manifests"])
            .expect(0);
        let plan: Value = serde_json::from_str(&run.stdout).unwrap();
        let then = parsed(&folder, "plan.json");
        assert!(ids(&then).len() > 20);
        assert_eq!(ids(&plan), ids(&then), "{}", folder.display());
    }
}

#[test]
fn a_saved_plan_is_opened_and_another_format_is_refused_by_name() {
    for folder in versions() {
        let secret = SecretString::from(setting(&folder, "KORE_CLIENT_SECRET"));
        let text = read(&folder, "plan.sealed");
        let saved = SavedPlan::open(&text, &secret, Timestamp::now()).unwrap();
        let then: BTreeSet<String> = saved.plan.changes.iter().map(|change| change.id.to_string()).collect();
        assert_eq!(then, ids(&parsed(&folder, "plan.json")), "{}", folder.display());
        let format = text.split('"').find(|part| part.contains("/saved-plan/")).unwrap();
        let older = text.replace(format, "koreconcile.dev/saved-plan/v0");
        let refused = SavedPlan::open(&older, &secret, Timestamp::now()).unwrap_err();
        assert!(
            matches!(&refused, SavedPlanError::OtherFormat(format) if format.ends_with("/v0")),
            "{refused}"
        );
        let changed = text.replace("jane.doe@example.com", "somebody@example.com");
        assert!(matches!(
            SavedPlan::open(&changed, &secret, Timestamp::now()),
            Err(SavedPlanError::Tampered)
        ));
    }
}

#[test]
fn runs_and_memory_of_a_state_folder_are_read() {
    for folder in versions() {
        let workspace = workspace(&folder);
        let run = workspace.run(&["runs", "--state-dir", "state", "--format", "json", "manifests"]).expect(0);
        let runs: Value = serde_json::from_str(&run.stdout).unwrap();
        let changes = parsed(&folder, "plan.json")["changes"].as_array().unwrap().len();
        assert_eq!(runs[0]["changes"], changes, "{runs}");
        assert_eq!(runs[0]["outcomes"]["applied"], changes, "{runs}");
        let run = workspace.run(&["memory", "show", "--state-dir", "state", "manifests"]).expect(0);
        assert!(run.stdout.contains("Declared ("), "{run}");
        assert!(run.stdout.contains("jane.doe@example.com: Master Admin  (read back "), "{run}");
    }
}

#[test]
fn what_a_journal_says_is_explained() {
    for folder in versions() {
        let args =
            ["explain", "jane.doe@example.com", "--observed", "after.snapshot", "--state-dir", "state"];
        let run = workspace(&folder).run(&[&args[..], &["manifests"]].concat()).expect(0);
        assert!(run.stdout.contains("(journal ") && run.stdout.contains("granted, KoreRoleBinding"), "{run}");
    }
}

#[test]
fn a_memory_in_a_reference_is_opened_with_its_key() {
    for folder in versions() {
        let mut workspace = workspace(&folder);
        let script =
            "git init -q --bare origin.git && git -C origin.git fetch -q ../memory.bundle '+refs/*:refs/*'
            git clone -q -b main origin.git clone";
        let cloned =
            Command::new("bash").args(["-ec", script]).current_dir(workspace.path("")).status().unwrap();
        assert!(cloned.success());
        let show = ["memory", "show", "--state-dir", "elsewhere", "clone/access"];
        let run = workspace.run(&show).expect(0);
        assert!(run.stdout.contains("jane.doe@example.com: Master Admin  (read back "), "{run}");
        workspace.export("KORECONCILE_MEMORY_KEY", "another key of thirty-two letters");
        let run = workspace.run(&show);
        assert!(!run.stdout.contains("Master Admin"), "a seal of another key is not accepted: {run}");
    }
}

#[test]
fn a_report_is_verified() {
    for folder in versions() {
        let run = workspace(&folder).run(&["report", "verify", "report.json"]).expect(0);
        assert!(run.said().contains(", as stated"), "{run}");
    }
}

/// What is declared: without what the server writes.
fn declared(object: &Value) -> Value {
    let mut object = object.clone();
    for field in ["creationTimestamp", "generation", "resourceVersion", "uid", "managedFields", "annotations"]
    {
        object["metadata"].as_object_mut().unwrap().remove(field);
    }
    object
}

#[test]
fn stored_objects_outlive_the_upgrade_of_their_definitions_and_the_way_back() {
    for folder in versions() {
        let cluster = Cluster::empty();
        let old = folder.join("definitions").display().to_string();
        let new = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds").display().to_string();
        let define = |definitions: &str| {
            let args = ["apply", "--server-side", "--force-conflicts", "--filename", definitions];
            cluster.kubectl(&args).run().expect(0);
            cluster.kubectl(&["wait", "crd", "--all", "--for=condition=Established"]).run().expect(0);
        };
        define(&old);
        let objects = parsed(&folder, "objects.json");
        let objects = objects["items"].as_array().unwrap().iter();
        let objects: Vec<Value> =
            objects.filter(|object| object["kind"] != "ConfigMap").map(declared).collect();
        assert!(objects.len() > 10);
        let kinds: BTreeSet<_> = objects.iter().map(|object| object["kind"].as_str().unwrap()).collect();
        let kinds: Vec<String> = kinds.into_iter().map(str::to_lowercase).collect();
        let list =
            |items: &[Value]| json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string();
        let write = |verb: &[&str], items: &[Value]| {
            // The server judges them; the client's own check would load every schema first.
            let args = [verb, &["--validate=false", "--filename", "-"]].concat();
            cluster.kubectl(&args).input(&list(items)).run().expect(0);
        };
        write(&["create"], &objects);
        write(&["replace", "--subresource=status"], &objects);
        let stored = || -> Vec<Value> {
            let run = cluster.kubectl(&["get", &kinds.join(","), "--output", "json"]).run().expect(0);
            let found: Value = serde_json::from_str(&run.stdout).unwrap();
            found["items"].as_array().unwrap().iter().map(declared).collect()
        };
        let before = stored();
        assert_eq!(before.len(), objects.len());
        assert!(before.iter().any(|object| object["status"]["conditions"].is_array()), "with statuses");
        for definitions in [&new, &old, &new] {
            define(definitions);
            assert_eq!(stored(), before, "{definitions}");
        }
        // Written once more, as a migration of the store does: today's rules accept them.
        write(&["replace"], &before);
    }
}
