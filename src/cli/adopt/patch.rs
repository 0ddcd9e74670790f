//! The edits as a diff that `git apply` takes, from the top of the repository.

use crate::cli::git;
use crate::manifest::edit::FileEdit;
use similar::TextDiff;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Lines around each change.
const CONTEXT: usize = 3;

/// The diff of all files.
pub(super) fn patch(files: &[FileEdit]) -> String {
    let top = files.first().and_then(|file| top(Path::new(&*file.file)));
    files.iter().map(|file| one(file, &name(Path::new(&*file.file), top.as_deref()))).collect()
}

fn one(edit: &FileEdit, name: &str) -> String {
    let FileEdit { before, after, .. } = edit;
    let mut text = format!("diff --git a/{name} b/{name}\n");
    // A name with a blank ends at a tab.
    let end = if name.contains(' ') { "\t" } else { "" };
    let (mut from, mut to) = (format!("a/{name}{end}"), format!("b/{name}{end}"));
    if before.is_none() {
        text += "new file mode 100644\n";
        "/dev/null".clone_into(&mut from);
    }
    if after.is_none() {
        text += "deleted file mode 100644\n";
        "/dev/null".clone_into(&mut to);
    }
    let lines = |text: &'_ str| -> Vec<String> { text.split_inclusive('\n').map(str::to_owned).collect() };
    let (old, new) = (lines(before.as_deref().unwrap_or("")), lines(after.as_deref().unwrap_or("")));
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.iter().map(String::as_str).collect(), new.iter().map(String::as_str).collect());
    let diff = TextDiff::configure().newline_terminated(true).diff_slices(&old, &new);
    let _ = write!(text, "{}", diff.unified_diff().context_radius(CONTEXT).header(&from, &to));
    text
}

/// The top of the repository that a file is in.
fn top(file: &Path) -> Option<PathBuf> {
    let output = git::command(folder_of(file)).args(["rev-parse", "--show-toplevel"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(PathBuf::from(text.trim_end_matches('\n')))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The path from the top; without a repository, as it was given.
fn name(file: &Path, top: Option<&Path>) -> String {
    let real =
        folder_of(file).canonicalize().ok().zip(file.file_name()).map(|(folder, name)| folder.join(name));
    let below =
        real.as_deref().zip(top).and_then(|(real, top)| real.strip_prefix(top).ok().map(Path::to_owned));
    let path = below.unwrap_or_else(|| file.to_owned());
    let parts: Vec<String> = path
        .components()
        .filter(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::ParentDir))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    parts.join("/")
}
