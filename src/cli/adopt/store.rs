//! Writes the edits: each file at once or not at all, and none that has changed meanwhile.

use crate::cli::CliError;
use crate::cli::rewrite::rewrite;
use crate::manifest::edit::FileEdit;
use std::fs;
use std::io;
use std::path::Path;

/// Writes all of them. When one fails, those before it get their earlier text back.
pub(super) fn store(files: &[FileEdit]) -> Result<(), CliError> {
    for edit in files {
        check(edit)?;
    }
    for (index, edit) in files.iter().enumerate() {
        if let Err(source) = rewrite(Path::new(&*edit.file), edit.before.is_some(), edit.after.as_deref()) {
            for earlier in &files[..index] {
                let path = Path::new(&*earlier.file);
                let _ = rewrite(path, earlier.after.is_some(), earlier.before.as_deref());
            }
            return Err(CliError::Write { path: edit.file.to_string(), source });
        }
    }
    Ok(())
}

/// The file is as it was read.
fn check(edit: &FileEdit) -> Result<(), CliError> {
    let path = edit.file.to_string();
    let read = fs::read(&path);
    match (&edit.before, read) {
        (Some(before), Ok(bytes)) if before.as_bytes() == bytes => Ok(()),
        (None, Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        (Some(_), Err(source)) => Err(CliError::File { path, source }),
        _ => Err(CliError::AdoptChanged { path }),
    }
}
