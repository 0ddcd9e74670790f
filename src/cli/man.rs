//! `man`: one page for each verb, for `man koreconcile-plan`.

use super::{CliError, Exit, Output};
use crate::facts::count;
use clap::Args;
use std::path::PathBuf;

/// Write the manual pages to a folder.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The folder; it is created when it does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes them.
pub(super) fn run(args: &ManArgs, command: clap::Command, output: &Output) -> Result<Exit, CliError> {
    let failed = |source| CliError::Write { path: args.out.display().to_string(), source };
    std::fs::create_dir_all(&args.out).map_err(failed)?;
    clap_mangen::generate_to(command, &args.out).map_err(failed)?;
    let pages = std::fs::read_dir(&args.out).map_err(failed)?.count();
    output.note(format_args!("wrote {} to {}", count(pages, "page"), args.out.display()));
    Ok(Exit::Done)
}
