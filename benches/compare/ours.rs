//! People as manifests, and a sandbox that the program serves itself: all of it goes over HTTP on loopback.

use crate::beside::Task;
use crate::manifests::{self, Person};
use crate::noop::koreconcile;
use crate::process::{self, Measured};
use koreconcile::sandbox::{Options, Sandbox, Seed, Starter};
use std::fs;
use std::path::{Path, PathBuf};

pub struct KoreconcileRuns {
    /// Manifests of an account that is as they say.
    unchanged: PathBuf,
    /// Manifests of as many people, for an account where nobody is yet.
    new: PathBuf,
    /// That account, and a copy that runs work on.
    empty: PathBuf,
    data: PathBuf,
    state: PathBuf,
}

impl KoreconcileRuns {
    pub fn new(folder: &Path, people: usize) -> Self {
        let place = |name: &str| folder.join(name);
        let koreconcile_runs = Self {
            unchanged: place("unchanged"),
            new: place("new"),
            empty: place("empty"),
            data: place("data"),
            state: place("state"),
        };
        fs::create_dir_all(&koreconcile_runs.unchanged).unwrap();
        fs::create_dir_all(&koreconcile_runs.new).unwrap();

        let full = place("full");
        let admin = bare(&full).admin().unwrap();
        admin.seed(Seed { users: people, bots: 0, groups: 0 }).unwrap();
        manifests::of(&admin.snapshot().unwrap(), &koreconcile_runs.unchanged, &full);

        let account = bare(&koreconcile_runs.empty).admin().unwrap().snapshot().unwrap().account;
        manifests::account(&koreconcile_runs.new, &koreconcile_runs.data, &account);
        let emails: Vec<String> =
            (0..people).map(|index| format!("first.last.{index:06}@example.com")).collect();
        let person = |email| Person { email, first: "First", last: "Last", access: "Builder" };
        manifests::people(&koreconcile_runs.new, emails.iter().map(|email| person(email)));
        koreconcile_runs
    }

    pub fn run(&self, task: Task) -> Measured {
        self.restore();
        let mut command = koreconcile();
        match task {
            Task::PlanUnchanged => command.args(["plan", "--exit-code"]).arg(&self.unchanged),
            Task::PlanNew => command.args(["plan", "--exit-code"]).arg(&self.new),
            Task::ApplyNew => command.args(["apply", "--yes"]).arg(&self.new),
        };
        process::run(command.arg("--state-dir").arg(&self.state))
    }

    /// As nobody has run yet.
    fn restore(&self) {
        for folder in [&self.data, &self.state] {
            if folder.exists() {
                fs::remove_dir_all(folder).unwrap();
            }
            fs::create_dir_all(folder).unwrap();
        }
        for entry in fs::read_dir(&self.empty).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), self.data.join(entry.file_name())).unwrap();
            }
        }
    }
}

/// An account with the Primary Admin and the built-in roles.
fn bare(data: &Path) -> Sandbox {
    Sandbox::open(data, Options { starter: Starter::Bare, ..Options::default() }).unwrap()
}
