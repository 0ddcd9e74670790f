//! Memory between runs, in the account's state folder: one small file, replaced at once. A file that cannot be read
//! is as good as none: nothing is overdue or contested then.

use super::{CliError, Output};
use crate::kore::replace_file;
use crate::plan::Memory;
use std::path::Path;

const FILE: &str = "memory.json";

/// What earlier runs remember.
pub(super) fn load(state: Option<&Path>, output: &Output) -> Memory {
    let Some(path) = state.map(|folder| folder.join(FILE)) else { return Memory::default() };
    let Ok(json) = std::fs::read(&path) else { return Memory::default() };
    serde_json::from_slice(&json).unwrap_or_else(|error| {
        output.warn(format_args!("warning: {} cannot be read and is replaced: {error}", path.display()));
        Memory::default()
    })
}

/// Remembers it for the next run.
pub(super) fn store(state: Option<&Path>, memory: &Memory) -> Result<(), CliError> {
    let Some(folder) = state else { return Ok(()) };
    let failed = |source: std::io::Error| CliError::State {
        problem: format!("the state folder {} cannot be used: {source}", folder.display()),
    };
    let json = serde_json::to_vec(memory).map_err(|error| CliError::Unexpected(error.to_string()))?;
    std::fs::create_dir_all(folder).and_then(|()| replace_file(&folder.join(FILE), &json)).map_err(failed)
}
