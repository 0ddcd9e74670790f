//! Replaces, makes and removes files that people keep in git.

use crate::kore::replace_file;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Gives a file its new text; without one, it goes. A link stays a link, and the file keeps its permissions.
pub(super) fn rewrite(path: &Path, is_there: bool, text: Option<&str>) -> io::Result<()> {
    let Some(text) = text else { return fs::remove_file(path) };
    if !is_there {
        return replace_file(path, text.as_bytes());
    }
    let real: PathBuf = path.canonicalize()?;
    let permissions = fs::metadata(&real)?.permissions();
    replace_file(&real, text.as_bytes())?;
    fs::set_permissions(&real, permissions)
}
