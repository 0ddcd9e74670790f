//! A repository with the templates in it, an account behind a port, and machines that run jobs: each on a fresh, shallow
//! clone, with nothing of another job but what was handed over as an artefact.

use super::forge::{Forge, TOKEN};
use crate::support::served::Served;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A step that takes longer than this is lost, in seconds.
const BOUND: &str = "120";

/// The key of the memory, as a setting.
pub const MEMORY_KEY: &str = "KORECONCILE_MEMORY_KEY";

/// What the forge says of an environment that asks somebody.
pub const REVIEWERS: &str =
    r#"{ "protection_rules": [{ "type": "required_reviewers", "reviewers": [{ "type": "User" }] }] }"#;

/// Variables, by name.
pub type Values = BTreeMap<String, String>;

/// Everything a pipeline meets.
pub struct Project {
    pub served: Served,
    pub forge: Forge,
    /// By run or job.
    artifacts: std::cell::RefCell<BTreeMap<String, PathBuf>>,
    /// Run and name.
    uploads: std::cell::RefCell<BTreeSet<(String, String)>>,
}

/// The name of the archive in a release.
pub const ARCHIVE: &str = "koreconcile-linux-amd64.tar.gz";

/// How a job ended.
#[derive(Debug, Default)]
pub struct JobResult {
    pub code: i32,
    pub log: String,
    pub summary: String,
    pub outputs: Values,
}

impl JobResult {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.log, self.summary);
        self
    }
}

/// `examples/ci/NAME`, as text.
pub fn template(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// `examples/ci/NAME`, as YAML says it.
pub fn parsed(name: &str) -> Value {
    serde_saphyr::from_str(&template(name)).unwrap()
}

impl Project {
    /// `main` has the script, the account and these manifests.
    pub fn new(manifests: &[String]) -> Self {
        let project = Self::empty(manifests);
        project.add_manifests();
        project.commit("The account as it is");
        project
    }

    /// `main` has the script alone.
    pub fn empty(manifests: &[String]) -> Self {
        let served = Served::new(manifests);
        let project = Self {
            served,
            forge: Forge::start(),
            artifacts: BTreeMap::new().into(),
            uploads: BTreeSet::new().into(),
        };
        project.make_release();
        project.forge.answer("environments/koreconcile-review", REVIEWERS);
        std::fs::create_dir_all(project.origin()).unwrap();
        project.git(&["init", "--quiet", "--initial-branch=main"]);
        project.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        project.write("ci/koreconcile-ci.sh", &template("koreconcile-ci.sh"));
        done(Command::new("chmod").arg("+x").arg(project.origin().join("ci/koreconcile-ci.sh")));
        project.name_release(&project.release_url(), &project.checksum());
        let key = std::fs::read_to_string(project.release("../koreconcile.pub")).unwrap();
        project.write("ci/koreconcile.pub", &key);
        project.commit("Templates");
        project
    }

    /// A release as `scripts/release` makes it: an archive with one folder, a list of checksums and its signature.
    fn make_release(&self) {
        let folder = self.release("koreconcile-0");
        std::fs::create_dir_all(&folder).unwrap();
        let program = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_koreconcile"));
        std::fs::write(folder.join("koreconcile"), program).unwrap();
        let script = format!(
            "chmod +x koreconcile-0/koreconcile && tar -czf {ARCHIVE} koreconcile-0 && sha256sum {ARCHIVE} >SHA256SUMS
             openssl ecparam -name prime256v1 -genkey -noout -out ../key
             openssl ec -in ../key -pubout -out ../koreconcile.pub
             openssl dgst -sha256 -sign ../key -out SHA256SUMS.sig SHA256SUMS"
        );
        done(Command::new("bash").args(["-ec", &script]).current_dir(self.release("")));
    }

    /// A file of the release.
    pub fn release(&self, name: &str) -> PathBuf {
        self.served.workspace.path("../release").join("files").join(name)
    }

    pub fn release_url(&self) -> String {
        format!("file://{}", self.release("").canonicalize().unwrap().display())
    }

    pub fn checksum(&self) -> String {
        hex::encode(Sha256::digest(std::fs::read(self.release(ARCHIVE)).unwrap()))
    }

    /// Which release the pipelines install.
    pub fn name_release(&self, url: &str, checksum: &str) {
        let text = format!("# A comment\nurl={url}\narchive={ARCHIVE}\nsha256={checksum}\n");
        self.write("ci/koreconcile.release", &text);
    }

    /// The account and its manifests, as they are in the served folder.
    pub fn add_manifests(&self) {
        for name in ["account.yaml", "main.yaml"] {
            let text = std::fs::read_to_string(self.served.workspace.path(name)).unwrap();
            self.write(&format!("access/{name}"), &text);
        }
    }

    fn origin(&self) -> PathBuf {
        self.served.workspace.path("../origin")
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.origin().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn git(&self, args: &[&str]) -> String {
        done(isolated(Command::new("git").args(args), &self.origin()))
    }

    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", message]);
        self.head("HEAD")
    }

    pub fn head(&self, revision: &str) -> String {
        self.git(&["rev-parse", revision]).trim().to_owned()
    }

    /// The pull request of the branch `work`, merged for show as GitHub does it, and back on the branch.
    pub fn pull_request(&self) -> String {
        self.git(&["switch", "--quiet", "--detach", "main"]);
        self.git(&["merge", "--quiet", "--no-ff", "-m", "merged for show", "work"]);
        self.git(&["update-ref", "refs/pull/7/merge", "HEAD"]);
        self.git(&["switch", "--quiet", "work"]);
        self.head("work")
    }

    /// A squash merge of the branch `work`.
    pub fn merge(&self) -> String {
        self.git(&["switch", "--quiet", "main"]);
        self.git(&["merge", "--quiet", "--squash", "work"]);
        self.commit("Merged")
    }

    /// A clone as CI makes it.
    pub fn checkout(&self, reference: &str, depth: u64) -> Workspace<'_> {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        std::fs::create_dir_all(&work).unwrap();
        let url = format!("file://{}", self.origin().canonicalize().unwrap().display());
        // No depth is all of them.
        let depth = (depth > 0).then(|| format!("--depth={depth}"));
        let mut fetch = vec!["fetch", "--quiet", "--no-tags"];
        fetch.extend(depth.as_deref());
        fetch.extend(["origin", reference]);
        for args in [
            &["init", "--quiet"][..],
            &["remote", "add", "origin", &url],
            &fetch,
            &["checkout", "--quiet", "--detach", "FETCH_HEAD"],
        ] {
            done(isolated(Command::new("git").args(args), &work));
        }
        Workspace { project: self, folder }
    }

    /// What every machine has: programs, and the settings that an administrator has made.
    pub fn settings(&self) -> Values {
        let served = |name: &str| self.served.workspace.exported(name).to_owned();
        [
            ("KORE_CLIENT_ID", served("KORE_CLIENT_ID")),
            ("KORE_CLIENT_SECRET", served("KORE_CLIENT_SECRET")),
            ("TOKEN", TOKEN.to_owned()),
            (MEMORY_KEY, hex::encode([7; 32])),
            ("KORECONCILE_DOWNLOAD_TOKEN", String::new()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Hands a file or folder over.
    pub fn keep(&self, name: &str, from: &Path) {
        let to = self.served.workspace.path(&format!("../artifacts/{name}"));
        let _ = std::fs::remove_dir_all(&to);
        std::fs::create_dir_all(&to).unwrap();
        let to_file = if from.is_dir() { to.clone() } else { to.join(from.file_name().unwrap()) };
        copy(from, &to_file);
        self.artifacts.borrow_mut().insert(name.to_owned(), to);
    }

    /// What was handed over under this name.
    #[track_caller]
    pub fn kept(&self, name: &str) -> PathBuf {
        let artifacts = self.artifacts.borrow();
        artifacts.get(name).unwrap_or_else(|| panic!("nothing is kept as {name}: {artifacts:?}")).clone()
    }

    /// Whether a run uploads something under this name for the first time.
    pub fn is_first(&self, run: &str, name: &str) -> bool {
        self.uploads.borrow_mut().insert((run.to_owned(), name.to_owned()))
    }

    /// The newest cache whose key begins like this: what was handed over under it.
    pub fn cached(&self, prefix: &str) -> Option<String> {
        self.artifacts.borrow().keys().rfind(|name| name.starts_with(prefix)).cloned()
    }

    /// Whether something was.
    pub fn keeps(&self, name: &str) -> bool {
        self.artifacts.borrow().contains_key(name)
    }
}

/// A machine with a clone on it.
pub struct Workspace<'p> {
    pub project: &'p Project,
    folder: tempfile::TempDir,
}

impl Workspace<'_> {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// Copies what was handed over into a folder of the clone.
    pub fn fetch(&self, name: &str, to: &str) {
        copy(&self.project.kept(name), &self.path(to));
    }

    /// Copies a file or folder of the clone into a folder.
    pub fn copy(&self, name: &str, to: &Path) {
        copy(&self.path(name), &to.join(Path::new(name).file_name().unwrap()));
    }

    /// Runs lines of shell, and adds what came out to the log.
    pub fn run(&self, shell: &[&str], script: &str, variables: &Values, ran: &mut JobResult) {
        let log = self.folder.path().join("log");
        let mut command = Command::new("timeout");
        command.arg(BOUND).args(shell).arg(format!("exec >>'{}' 2>&1\n{script}", log.display()));
        let command = isolated(&mut command, &self.path(""));
        command.env("HOME", self.folder.path().join("home")).envs(variables);
        ran.code = command.status().unwrap().code().unwrap();
        ran.log = std::fs::read_to_string(log).unwrap();
    }
}

/// Nothing of the surroundings but the programs.
fn isolated<'c>(command: &'c mut Command, folder: &Path) -> &'c mut Command {
    let path = std::env::var_os("PATH").unwrap();
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_AUTHOR_NAME", "Jane"), ("GIT_AUTHOR_EMAIL", "jane@example.com")])
        .envs([("GIT_COMMITTER_NAME", "Jane"), ("GIT_COMMITTER_EMAIL", "jane@example.com")])
}

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
    }
}
