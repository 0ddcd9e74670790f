//! The same three things done by both, one after the other, run by run, so that what disturbs one disturbs the other.

use crate::figures::Report;
use crate::koreconcile_runs::KoreconcileRuns;
use crate::process::Measured;
use crate::tofu_runs::{Tofu, TofuRuns};

/// What both do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A plan when everything is as it should be.
    PlanUnchanged,
    /// A plan when nothing is there yet.
    PlanNew,
    /// All of it made.
    ApplyNew,
}

impl Task {
    pub const ALL: [Self; 3] = [Self::PlanUnchanged, Self::PlanNew, Self::ApplyNew];

    pub fn name(self) -> &'static str {
        match self {
            Self::PlanUnchanged => "plan_unchanged",
            Self::PlanNew => "plan_new",
            Self::ApplyNew => "apply_new",
        }
    }

    /// What both exit with: 2 is a plan with changes.
    pub fn exit_code(self) -> i32 {
        match self {
            Self::PlanUnchanged | Self::ApplyNew => 0,
            Self::PlanNew => 2,
        }
    }
}

/// Whose figure it is, as it stands in its name.
pub const WHO: [&str; 2] = ["koreconcile", "opentofu"];

/// The name of a figure: `opentofu_plan_new_seconds_1000`.
pub fn figure(who: &str, task: Task, what: &str, people: usize) -> String {
    format!("{who}_{}_{what}_{people}", task.name())
}

pub fn measure(tofu: &Tofu, people: usize, runs: usize, report: &mut Report) {
    let folder = tempfile::tempdir().unwrap();
    let koreconcile_runs = KoreconcileRuns::new(&folder.path().join("ours"), people);
    let tofu_runs = TofuRuns::new(&folder.path().join("theirs"), tofu, people);
    for task in Task::ALL {
        let mut taken: [Vec<Measured>; 2] = [Vec::new(), Vec::new()];
        for _ in 0..runs {
            taken[0].push(koreconcile_runs.run(task));
            taken[1].push(tofu_runs.run(task));
        }
        for (who, taken) in WHO.into_iter().zip(&taken) {
            for taken in taken {
                succeed(task, taken);
            }
            let of = |figure: fn(&Measured) -> f64| taken.iter().map(figure).collect();
            report.add(figure(who, task, "seconds", people), "s", of(|taken| taken.seconds));
            report.add(figure(who, task, "peak_mib", people), "MiB", of(|taken| taken.peak_mib));
        }
    }
}

fn succeed(task: Task, taken: &Measured) {
    let Measured { output, .. } = taken;
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let last = |text: &str| text.lines().rev().take(20).collect::<Vec<_>>().join("\n");
    assert_eq!(
        output.status.code(),
        Some(task.exit_code()),
        "{task:?}: {}\n{}",
        last(&stderr),
        last(&stdout)
    );
}
