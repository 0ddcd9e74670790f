//! The pull-request workflow without an account: 10,000 people and 30,000 bindings from files and a snapshot.

use crate::figures::Report;
use crate::noop::{koreconcile, succeed};
use crate::process;
use crate::pure;
use jiff::Timestamp;
use koreconcile::facts::{Completeness, Key, World, WorldBuilder};
use koreconcile::manifest::write::{self, Declared};
use koreconcile::manifest::{self, Compiled, Input, Manifests};
use koreconcile::plan::{self, Context, render};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const USERS: usize = 10_000;
const CHANGES: usize = 20_000;
/// Facts of a person: membership, name, access and three roles.
const FACTS_EACH: usize = 6;

/// Measures each of them several times.
pub fn measure(runs: usize, report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let wanted = folder.path().join("manifests");
    std::fs::create_dir(&wanted).unwrap();
    pure::write(&wanted, USERS);
    let (_, compiled) = compiled(&wanted);
    let world = pure::world(compiled.desired);
    let snapshot = snapshot(folder.path(), &world);

    let plan = || {
        let mut plan = koreconcile();
        plan.args(["plan", "--exit-code", "--observed"]).arg(&snapshot).arg(&wanted);
        plan
    };
    report.add(format!("plan_observed_seconds_{USERS}"), "s", timed(runs, plan));
    let explain = || {
        let mut explain = koreconcile();
        explain.args(["explain", "--offline", "first.last.004711@example.com"]).arg(&wanted);
        explain
    };
    report.add(format!("explain_offline_seconds_{USERS}"), "s", timed(runs, explain));
    report.add(format!("markdown_seconds_{CHANGES}"), "s", markdown(runs));
    let mut slowest: Vec<f64> = Vec::new();
    for format in ["html", "csv", "json", "markdown"] {
        let access = || {
            let mut access = koreconcile();
            access.args(["report", "access", "--format", format, "--out", "/dev/null", "--observed"]);
            access.arg(&snapshot).arg(&wanted);
            access
        };
        let seconds = timed(runs, access);
        let median = |seconds: &[f64]| {
            let mut sorted = seconds.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted.get(sorted.len() / 2).copied()
        };
        if median(&seconds) > median(&slowest) {
            slowest.clone_from(&seconds);
        }
        report.add(format!("report_{format}_seconds_{USERS}"), "s", seconds);
    }
    report.add(format!("report_seconds_{USERS}"), "s", slowest);
    report.add(format!("import_seconds_{USERS}"), "s", import(runs, &world, &wanted));
}

fn timed(runs: usize, command: impl Fn() -> Command) -> Vec<f64> {
    let run = |_| {
        let taken = process::run(&mut command());
        succeed(&taken.output);
        taken.seconds
    };
    (0..runs).map(run).collect()
}

fn compiled(folder: &Path) -> (Manifests, Compiled) {
    let paths = [folder.to_string_lossy().into_owned()];
    let manifests = manifest::open(&paths, std::io::empty());
    let compiled = manifest::compile(&manifests, None, Timestamp::now()).unwrap();
    (manifests, compiled)
}

/// As `koreconcile snapshot` writes it.
fn snapshot(folder: &Path, world: &World) -> PathBuf {
    let path = folder.join("account.snapshot");
    let snapshot = json!({
        "format": "koreconcile.dev/snapshot/v1",
        "madeAt": Timestamp::now(),
        "host": "https://platform.example.com",
        "world": world,
    });
    std::fs::write(&path, serde_json::to_vec(&snapshot).unwrap()).unwrap();
    path
}

/// Everything that a company asks for of an account where nobody is yet, as a comment.
fn markdown(runs: usize) -> Vec<f64> {
    let folder = tempfile::tempdir().unwrap();
    pure::write(folder.path(), CHANGES.div_ceil(FACTS_EACH));
    let (_, Compiled { desired, policy, .. }) = compiled(folder.path());
    let World { directory, mut coverage, .. } = pure::world(desired.clone());
    coverage.looked_up.clear();
    coverage.not_found.clone_from(&desired.referenced);
    let empty = WorldBuilder::new().build(coverage, directory);
    let mut plan = plan::make(desired, &empty, &policy, &Context::default());
    plan.changes.truncate(CHANGES);
    assert_eq!(plan.changes.len(), CHANGES);
    let run = |_| {
        let start = Instant::now();
        let comment = render::markdown(&plan);
        let seconds = start.elapsed().as_secs_f64();
        assert!(comment.chars().count() <= render::LONGEST_COMMENT);
        seconds
    };
    (0..runs).map(run).collect()
}

/// All that `import` does but reading the account and storing the files: write, check, compile, compare.
fn import(runs: usize, world: &World, wanted: &Path) -> Vec<f64> {
    let account = std::fs::read_to_string(wanted.join("account.yaml")).unwrap();
    let run = |_| {
        let start = Instant::now();
        let written = write::write(world, &Declared::nothing());
        let pages =
            written.pages.into_iter().map(|page| Input::new(format!("{}.yaml", page.name), page.text));
        let inputs = std::iter::once(Input::new("account.yaml", account.as_str())).chain(pages).collect();
        let mut manifests = manifest::read(inputs);
        manifests.set_completeness("acme", Completeness::Complete);
        let compiled = manifest::compile(&manifests, None, Timestamp::now()).unwrap();
        let plan = plan::make(compiled.desired, world, &compiled.policy, &Context::default());
        let seconds = start.elapsed().as_secs_f64();
        assert!(
            plan.is_clean() && plan.unmanaged.is_empty(),
            "{}",
            render::text(&plan, render::Style::default())
        );
        let people = world.facts().iter().filter(|(key, _)| matches!(key, Key::Member(_))).count();
        assert_eq!(people, USERS);
        seconds
    };
    (0..runs).map(run).collect()
}
