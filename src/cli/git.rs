//! The `git` command: what the user's configuration, worktrees and shallow clones mean, it knows best.

use std::path::Path;
use std::process::{Command, Stdio};

/// `git` in that folder, without what would stop to ask, page or write.
pub(super) fn command(folder: &Path) -> Command {
    let mut git = Command::new("git");
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
