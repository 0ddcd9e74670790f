//! What is in a folder, without what is hidden: files that can be read, and what stands where one may have been.

use std::fmt;
use std::path::{Path, PathBuf};

/// A file below a folder, or what is in its place.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where.
    pub path: PathBuf,
    /// Why it cannot be used, if it cannot.
    pub problem: Option<Unusable>,
}

/// Why something in a folder cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// A link whose target is missing.
    Broken,
    /// A socket, a pipe or a device.
    NoFile,
    /// The system refuses: a file without permission, or a folder with all below it.
    Unreadable(String),
    /// Its path is not UTF-8.
    NotUtf8,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken => f.write_str("the target of this link does not exist"),
            Self::NoFile => f.write_str("this is no regular file"),
            Self::Unreadable(why) => f.write_str(why),
            Self::NotUtf8 => f.write_str("its name is not UTF-8"),
        }
    }
}

/// Everything below a folder but folders, in order. Links are followed; hidden entries and links that lead back to a
/// folder above them are left out.
pub(super) fn walk(folder: &Path) -> Vec<Entry> {
    let walk = walkdir::WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.path()));
    walk.filter_map(|found| match found {
        Ok(entry) if entry.file_type().is_dir() => None,
        Ok(entry) => {
            let is_file = entry.file_type().is_file();
            Some(usable(entry.into_path(), if is_file { None } else { Some(Unusable::NoFile) }))
        }
        Err(error) => broken(folder, &error),
    })
    .collect()
}

fn broken(folder: &Path, error: &walkdir::Error) -> Option<Entry> {
    // What a link leads back to is found without the link.
    if error.loop_ancestor().is_some() {
        return None;
    }
    let path = error.path().unwrap_or(folder);
    // Entries that cannot be looked at never meet the filter: editors lock a file with a hidden link to nowhere.
    if error.depth() > 0 && is_hidden(path) {
        return None;
    }
    let is_missing = error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let problem = if is_missing {
        // An entry that went away while the folder was read is no link any more.
        path.symlink_metadata().ok()?;
        Unusable::Broken
    } else {
        Unusable::Unreadable(error.io_error().map_or_else(|| error.to_string(), ToString::to_string))
    };
    Some(usable(path.to_owned(), Some(problem)))
}

fn usable(path: PathBuf, problem: Option<Unusable>) -> Entry {
    let problem = if path.to_str().is_none() && is_yaml(&path) { Some(Unusable::NotUtf8) } else { problem };
    Entry { path, problem }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Whether it ends in `.yaml` or `.yml`, in any case.
pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"))
}

/// Whether a part of a path below a folder is hidden.
pub(super) fn is_hidden_below(below: &Path) -> bool {
    below.iter().any(|part| part.as_encoded_bytes().starts_with(b"."))
}
