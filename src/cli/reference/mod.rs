//! `reference`: the pages of `docs/reference` that come from the program itself, as Markdown.
//!
//! Each page is written from one source: the command line from clap, manifests from the schemas of their types, findings
//! and reasons from their closed sets. The pages add nothing of their own.

mod command_line;
mod findings;
mod manifests;
mod table;

use super::{CliError, Exit, Output};
use clap::Args;

/// Print a page of the reference as Markdown.
#[derive(Debug, Args)]
pub(super) struct ReferenceArgs {
    /// Which page
    #[arg(value_enum)]
    page: Page,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Page {
    /// Every verb with its flags, and the exit codes
    Cli,
    /// Every kind with its fields and rules
    Manifests,
    /// Findings of `validate`, and reasons why a plan does not send something
    Findings,
}

/// The first line of every page.
const GENERATED: &str = "<!-- Written by `make generate`; edit the source instead. -->\n\n";

/// Prints the page.
pub(super) fn run(args: &ReferenceArgs, command: clap::Command, output: &Output) -> Result<Exit, CliError> {
    let page = match args.page {
        Page::Cli => command_line::page(command),
        Page::Manifests => manifests::page(),
        Page::Findings => findings::page()?,
    };
    output.result(&format!("{GENERATED}{}\n", page.trim_end()));
    Ok(Exit::Done)
}
