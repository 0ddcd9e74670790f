//! The memory in a git reference: a pipeline whose machines keep nothing. A bare repository on disk is the forge.

use crate::support::workspace::{Run, Workspace};

const REFERENCE: &str = "refs/koreconcile/acme";
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// The quickstart in a repository with an origin; every run is a machine of its own.
struct Pipeline {
    workspace: Workspace,
    runs: std::cell::Cell<u32>,
}

impl Pipeline {
    fn new() -> Self {
        let mut workspace = Workspace::example("quickstart");
        workspace.write(".gitignore", ".koreconcile\n");
        workspace.edit(
            "account.yaml",
            "  safety:\n",
            &format!("  memory: {{ reference: {REFERENCE} }}\n  safety:\n"),
        );
        workspace.export("KORECONCILE_MEMORY_KEY", KEY);
        let pipeline = Self { workspace, runs: std::cell::Cell::new(0) };
        pipeline.workspace.git(&["init", "--quiet", "--bare", "../origin.git"]);
        pipeline.workspace.git(&["init", "--quiet"]);
        pipeline.workspace.git(&["remote", "add", "origin", "../origin.git"]);
        pipeline.commit("start");
        pipeline.run(&["apply", "--yes"]).expect(0);
        for name in ["alex.moe", "kim.lee", "lou.fox", "max.oak", "nia.elm", "robin.poe", "sam.roe"] {
            let email = format!("{name}@example.com");
            pipeline.workspace.run(&["sandbox", "accept", "--data", ".koreconcile/acme", &email]).expect(0);
        }
        pipeline.run(&["apply", "--yes"]).expect(0);
        pipeline
    }

    fn run(&self, args: &[&str]) -> Run {
        self.runs.set(self.runs.get() + 1);
        let state = format!("../machine-{}", self.runs.get());
        self.workspace.run(&[args, &["--state-dir", &state]].concat())
    }

    fn commit(&self, message: &str) {
        self.workspace.git(&["add", "--all"]);
        self.workspace.git(&["commit", "--quiet", "--message", message]);
    }

    fn stored(&self) -> String {
        self.workspace.git(&["ls-remote", "origin", REFERENCE])
    }

    fn jane_releases_no_more(&self) {
        self.workspace.edit(
            "access.yaml",
            "    - user: jane.doe@example.com\n    - user: kim.lee@example.com\n      expiresAt",
            "    - user: kim.lee@example.com\n      expiresAt",
        );
        self.commit("jane releases no more");
    }
}

#[test]
fn a_revert_takes_back_what_another_machine_gave() {
    let pipeline = Pipeline::new();
    pipeline.jane_releases_no_more();
    let run = pipeline.run(&["plan", "--exit-code"]).expect(2);
    assert!(run.stdout.contains("- Release Manager on Banking Assistant  (no longer declared)"), "{run}");
    pipeline.run(&["apply", "--yes"]).expect(0);
    pipeline.run(&["plan", "--exit-code"]).expect(0);
    // An older commit, on a machine that has never seen the newer one applied.
    pipeline.workspace.git(&["checkout", "--quiet", "HEAD^"]);
    pipeline.run(&["apply", "--yes"]).expect(9);
}

#[test]
fn an_apply_that_changes_nothing_writes_nothing_new() {
    let pipeline = Pipeline::new();
    let before = pipeline.workspace.git(&["rev-parse", "--verify", "--quiet", "HEAD"]);
    let tree = |pipeline: &Pipeline| {
        pipeline.workspace.git(&["fetch", "--quiet", "origin", REFERENCE]);
        pipeline.workspace.git(&["rev-parse", "FETCH_HEAD^{tree}"])
    };
    pipeline.run(&["apply", "--yes"]).expect(0);
    let first = tree(&pipeline);
    pipeline.run(&["apply", "--yes"]).expect(0);
    assert_eq!(tree(&pipeline), first);
    let stored = pipeline.stored();
    pipeline.run(&["plan"]).expect(0);
    assert_eq!(pipeline.stored(), stored, "a plan never writes");
    assert_eq!(pipeline.workspace.git(&["rev-parse", "HEAD"]), before, "nor is the branch touched");
}

#[test]
fn without_the_key_nothing_is_trusted_and_nothing_is_written() {
    let mut pipeline = Pipeline::new();
    pipeline.jane_releases_no_more();
    pipeline.workspace.export("KORECONCILE_MEMORY_KEY", "");
    let stored = pipeline.stored();
    let run = pipeline.run(&["plan", "--exit-code"]).expect(0);
    assert!(!run.stdout.contains("no longer declared"), "{run}");
    assert_eq!(run.stderr.matches("is not set").count(), 1, "{run}");
    assert!(
        run.stderr.contains("KORECONCILE_MEMORY_KEY is not set: what is not declared any more was not"),
        "{run}"
    );
    let run = pipeline.run(&["apply", "--yes"]).expect(6);
    assert!(run.stderr.contains("only who has the key may write"), "{run}");
    pipeline.workspace.export("KORECONCILE_MEMORY_KEY", "another");
    let run = pipeline.run(&["plan"]).expect(6);
    assert!(run.stderr.contains("its seal does not fit"), "{run}");
    pipeline.workspace.export("KORECONCILE_MEMORY_KEY_PREVIOUS", KEY);
    pipeline.run(&["plan"]).expect(0);
    assert_eq!(pipeline.stored(), stored);
}

#[test]
fn a_memory_that_is_required_and_missing_is_red() {
    let pipeline = Pipeline::new();
    pipeline.workspace.edit("account.yaml", "acme }", "other, required: true }");
    let run = pipeline.run(&["plan"]).expect(6);
    assert!(run.stderr.contains("spec.memory.required says that there was"), "{run}");
    pipeline.run(&["apply", "--yes"]).expect(6);
    pipeline.run(&["memory", "accept"]).expect(0);
    pipeline.run(&["apply", "--yes"]).expect(0);
}

#[test]
fn a_new_key_is_printed() {
    let workspace = Workspace::example("quickstart");
    let [one, other] = [(), ()].map(|()| workspace.run(&["memory", "key"]).expect(0).stdout);
    assert_eq!(one.trim().len(), 64, "{one}");
    assert_ne!(one, other);
}
