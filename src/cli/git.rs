//! The `git` command: what the user's configuration, worktrees and shallow clones mean, it knows best.

use crate::manifest::sources::LeftOut;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What of the surroundings may stay: where git itself is, and how far up it looks for a repository.
const KEPT: [&str; 3] = ["GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"];

/// `git` in that folder, without what would stop to ask, page or write. In a hook, git sets variables that name a
/// repository, an index and settings: they are about the commit that runs the hook, not about this folder.
pub(super) fn command(folder: &Path) -> Command {
    let mut git = Command::new("git");
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("GIT_") && !KEPT.contains(&&*name_text) {
            git.env_remove(&name);
        }
    }
    git.arg("--no-pager").arg("-C").arg(folder);
    git.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
    git.stdin(Stdio::null());
    git
}

/// Whether the clone around that folder leaves out earlier commits.
pub(super) fn is_shallow(folder: &Path) -> bool {
    let asked = command(folder).args(["rev-parse", "--is-shallow-repository"]).output();
    asked.is_ok_and(|output| output.status.success() && output.stdout.starts_with(b"true"))
}

/// What the index of the repository around a folder has and the disk has not: files that a sparse checkout leaves
/// out, and submodules without their content. Nothing where there is no repository or no git.
pub(super) fn left_out(folder: &Path) -> Vec<LeftOut> {
    let ask = |folder: &Path, arguments: &[&str]| {
        let output =
            command(folder).args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Some(top) = ask(folder, &["rev-parse", "--show-toplevel"]) else { return Vec::new() };
    let top = PathBuf::from(top.trim_end_matches('\n'));
    let top = top.canonicalize().unwrap_or(top);
    let listed = ask(&top, &["ls-files", "-t", "--stage", "-z"]).unwrap_or_default();
    listed.split('\0').filter_map(|entry| missing(&top, entry)).collect()
}

/// `S 100644 OBJECT 0<TAB>PATH`, if the path is not on the disk by intention.
fn missing(top: &Path, entry: &str) -> Option<LeftOut> {
    let (about, name) = entry.split_once('\t')?;
    let path = top.join(name);
    if about.starts_with("S ") && path.symlink_metadata().is_err() {
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        return Some(LeftOut {
            path,
            is_folder: false,
            what: "a sparse checkout leaves it out",
            next: if folder.is_empty() {
                "run git sparse-checkout disable".to_owned()
            } else {
                format!("run git sparse-checkout add {folder}")
            },
        });
    }
    let is_submodule = about.split(' ').nth(1) == Some("160000");
    let is_empty = || path.read_dir().map_or(true, |mut entries| entries.next().is_none());
    (is_submodule && is_empty()).then(|| LeftOut {
        path: path.clone(),
        is_folder: true,
        what: "the submodule is not checked out",
        next: format!("run git submodule update --init {name}"),
    })
}
