//! A plan that finds nothing, as a person runs it: the binary, on a sandbox it serves itself, over HTTP.

use crate::figures::Report;
use crate::manifests;
use crate::process::{self, Measured};
use koreconcile::sandbox::{Options, Sandbox, Snapshot};
use std::path::Path;
use std::process::Command;

const BOTS: usize = 200;
const GROUPS: usize = 50;
/// What the sandbox gives on one page of bots, groups or users.
const PAGE: usize = 50;
/// People the sandbox answers for in one look-up.
const LOOK_UP: usize = 1_000;

/// Measures one size.
pub fn measure(users: usize, runs: usize, report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let (data, wanted) = (folder.path().join("data"), folder.path().join("manifests"));
    std::fs::create_dir(&wanted).unwrap();
    let mut seed = koreconcile();
    seed.args(["sandbox", "seed"]).arg("--data").arg(&data);
    for (flag, count) in [("--users", users), ("--bots", BOTS), ("--groups", GROUPS)] {
        seed.args([flag, &count.to_string()]);
    }
    succeed(&seed.output().unwrap());
    let truth =
        Sandbox::open_existing(&data, Options::default()).unwrap().admin().unwrap().snapshot().unwrap();
    manifests::of(&truth, &wanted, &data);

    let plan = || {
        let mut plan = koreconcile();
        plan.args(["plan", "--exit-code"]).arg(&wanted);
        plan
    };
    let json = plan().args(["--format", "json"]).output().unwrap();
    succeed(&json);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let calls = usize::try_from(json["observed"]["calls"].as_u64().unwrap()).unwrap();

    let taken: Vec<Measured> = (0..runs).map(|_| process::run(&mut plan())).collect();
    for taken in &taken {
        succeed(&taken.output);
    }
    let of = |figure: fn(&Measured) -> f64| taken.iter().map(figure).collect();
    report.add(format!("plan_noop_seconds_{users}"), "s", of(|taken| taken.seconds));
    report.add(format!("plan_noop_peak_mib_{users}"), "MiB", of(|taken| taken.peak_mib));
    report.count(format!("plan_noop_calls_{users}"), "calls", calls);
    report.count(format!("plan_noop_calls_bound_{users}"), "calls", bound(&truth));
    measure_focus(&wanted, users, runs, report);
}

/// One person more, after an apply has written down what is declared.
const EDITED: &str = "apiVersion: koreconcile.dev/v1alpha1
kind: KoreUser
metadata: { name: one-more }
spec: { email: one.more@example.com }
";

/// A plan that looks only at what was edited since.
fn measure_focus(wanted: &Path, users: usize, runs: usize, report: &mut Report) {
    succeed(&koreconcile().args(["apply", "--yes"]).arg(wanted).output().unwrap());
    std::fs::write(wanted.join("one-more.yaml"), EDITED).unwrap();
    let plan = || {
        let mut plan = koreconcile();
        plan.args(["plan", "--focus", "--format", "json"]).arg(wanted);
        plan
    };
    let output = plan().output().unwrap();
    succeed(&output);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["changes"].as_array().unwrap().len(), 1, "one person is new");
    let calls = usize::try_from(json["observed"]["calls"].as_u64().unwrap()).unwrap();
    let taken: Vec<Measured> = (0..runs).map(|_| process::run(&mut plan())).collect();
    for taken in &taken {
        succeed(&taken.output);
    }
    let seconds = taken.iter().map(|taken| taken.seconds).collect();
    report.add(format!("plan_focus_seconds_{users}"), "s", seconds);
    report.count(format!("plan_focus_calls_{users}"), "calls", calls);
}

/// 2 + ⌈B/50⌉ + ⌈G/50⌉ + ⌈N/L⌉ + ⌈D/M⌉: everyone is listed, and everyone is named by a manifest.
pub fn bound(truth: &Snapshot) -> usize {
    let Snapshot { users, groups, bots, .. } = truth;
    2 + bots.len().div_ceil(PAGE)
        + groups.len().div_ceil(PAGE)
        + users.len().div_ceil(PAGE)
        + users.len().div_ceil(LOOK_UP)
}

/// Built by Cargo beside this bench, in the same profile.
pub fn koreconcile() -> Command {
    Command::new(Path::new(env!("CARGO_BIN_EXE_koreconcile")))
}

pub fn succeed(output: &std::process::Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let shown = |text: &str| text.chars().take(4_000).collect::<String>();
    assert!(output.status.success(), "{}\n{}\n{}", output.status, shown(&stderr), shown(&stdout));
}
