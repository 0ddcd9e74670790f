//! As many `terraform_data` resources, each with what a manifest says of a person: they live in the state file, and no
//! provider is called over a wire.

use crate::beside::Task;
use crate::process::{self, Measured};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program, and what it says it is.
pub struct Tofu {
    pub program: PathBuf,
    pub version: String,
}

/// The one that `scripts/opentofu.sh` builds, else what is on the `PATH`.
pub fn find() -> Option<Tofu> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/opentofu/tofu");
    [built, "tofu".into(), "terraform".into()].into_iter().find_map(|program| {
        let output = quiet(&program).arg("version").output().ok().filter(|output| output.status.success())?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // Warnings may come first.
        let version =
            said.lines().find(|line| line.starts_with("OpenTofu") || line.starts_with("Terraform"))?;
        Some(Tofu { program, version: version.to_owned() })
    })
}

/// Without a look for newer versions.
fn quiet(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
    command
}

pub struct TofuRuns {
    program: PathBuf,
    /// With a state that is as the configuration says.
    unchanged: PathBuf,
    /// Without a state.
    new: PathBuf,
}

impl TofuRuns {
    pub fn new(folder: &Path, tofu: &Tofu, people: usize) -> Self {
        let tofu_runs = Self {
            program: tofu.program.clone(),
            unchanged: folder.join("unchanged"),
            new: folder.join("new"),
        };
        let text = configuration(people);
        for folder in [&tofu_runs.unchanged, &tofu_runs.new] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("main.tf"), &text).unwrap();
            let init = tofu_runs.command(folder, &["init", "-input=false", "-no-color"]).output().unwrap();
            assert!(init.status.success(), "{}", String::from_utf8_lossy(&init.stderr));
        }
        let apply = tofu_runs.command(&tofu_runs.unchanged, APPLY).output().unwrap();
        assert!(apply.status.success(), "{}", String::from_utf8_lossy(&apply.stderr));
        tofu_runs
    }

    pub fn run(&self, task: Task) -> Measured {
        for state in ["terraform.tfstate", "terraform.tfstate.backup"] {
            let state = self.new.join(state);
            if state.exists() {
                fs::remove_file(state).unwrap();
            }
        }
        process::run(&mut match task {
            Task::PlanUnchanged => self.command(&self.unchanged, PLAN),
            Task::PlanNew => self.command(&self.new, PLAN),
            Task::ApplyNew => self.command(&self.new, APPLY),
        })
    }

    fn command(&self, folder: &Path, args: &[&str]) -> Command {
        let mut command = quiet(&self.program);
        command.current_dir(folder).args(args);
        command
    }
}

const PLAN: &[&str] = &["plan", "-input=false", "-no-color", "-detailed-exitcode"];
const APPLY: &[&str] = &["apply", "-input=false", "-no-color", "-auto-approve"];

/// One block with `for_each`, as one would write it; a block for each person is slower.
fn configuration(people: usize) -> String {
    let mut text = "locals {\n  people = {\n".to_owned();
    for index in 0..people {
        let _ = writeln!(
            text,
            "    \"first.last.{index:06}@example.com\" = {{ first = \"First\", last = \"Last\", access = \"Builder\" }}"
        );
    }
    text + "  }\n}\n\nresource \"terraform_data\" \"person\" {\n  for_each = local.people\n  input    = each.value\n}\n"
}
