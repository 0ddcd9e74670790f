//! Which commit the manifests are, and which commits they contain.

use super::{CliError, git};
use crate::plan::Revision;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

/// The commit that is checked out around a folder; nothing where it is not under git.
pub(super) fn head(folder: &Path, at: Timestamp) -> Revision {
    Revision { at, commit: line(folder, &["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]) }
}

/// Whose manifests these are: the repository's origin and the path in it, or the path on this machine.
pub(super) fn declaration(file: &Path) -> String {
    let folder = folder_of(file);
    let absolute = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    let place = line(folder, &["rev-parse", "--show-toplevel"]).and_then(|top| {
        Some(absolute.strip_prefix(Path::new(&top).canonicalize().ok()?).ok()?.to_path_buf())
    });
    match (place, line(folder, &["config", "--get", "remote.origin.url"])) {
        (Some(place), Some(origin)) => format!("{} of {}", place.display(), without_credentials(&origin)),
        _ => absolute.display().to_string(),
    }
}

/// The folder of a file; the present one for a bare name.
pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Those of the commits that `HEAD` does not contain.
pub(super) fn not_contained(folder: &Path, commits: &BTreeSet<String>) -> Result<BTreeSet<String>, CliError> {
    let missing = missing(folder, commits)?;
    if let Some(commit) = missing.first() {
        let next = if git::is_shallow(folder) {
            "git fetch --unshallow".to_owned()
        } else {
            format!("git fetch origin {commit}")
        };
        return Err(CliError::UnknownCommit { commit: commit.clone(), next });
    }
    let asked: String =
        commits.iter().map(|commit| format!("{commit}\n")).chain(["^HEAD\n".to_owned()]).collect();
    let listed = fed(folder, &["rev-list", "--stdin"], &asked)?;
    let listed: BTreeSet<&str> = listed.lines().collect();
    Ok(commits.iter().filter(|commit| listed.contains(commit.as_str())).cloned().collect())
}

/// Those of the commits that this clone does not have.
fn missing(folder: &Path, commits: &BTreeSet<String>) -> Result<Vec<String>, CliError> {
    let asked: String = commits.iter().map(|commit| format!("{commit}^{{commit}}\n")).collect();
    let said = fed(folder, &["cat-file", "--batch-check"], &asked)?;
    let found = commits.iter().zip(said.lines());
    Ok(found.filter(|(_, said)| said.ends_with(" missing")).map(|(commit, _)| commit.clone()).collect())
}

/// The output of a git command that is fed with text.
pub(super) fn fed(folder: &Path, arguments: &[&str], text: &str) -> Result<String, CliError> {
    let failed = |why: String| CliError::Unexpected(format!("git {} failed: {why}", arguments.join(" ")));
    let mut child = git::command(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let mut input = child.stdin.take();
    let text = text.to_owned();
    // A child that answers before it has read all must not stop us.
    let writer = std::thread::spawn(move || input.as_mut().map(|input| input.write_all(text.as_bytes())));
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let _ = writer.join();
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The one line that a git command prints, if it succeeds.
pub(super) fn line(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = git::command(folder).args(arguments).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}

/// An address without what stands before its `@`: it may be a token.
fn without_credentials(origin: &str) -> String {
    match origin.split_once("://").map(|(scheme, rest)| (scheme, rest.split_once('@'))) {
        Some((scheme, Some((_, rest)))) => format!("{scheme}://{rest}"),
        _ => origin.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_an_address_is_not_kept() {
        let kept = without_credentials("https://x-token:abc@git.example.com/acme/access.git");
        assert_eq!(kept, "https://git.example.com/acme/access.git");
        assert_eq!(without_credentials("git@git.example.com:acme.git"), "git@git.example.com:acme.git");
    }
}
