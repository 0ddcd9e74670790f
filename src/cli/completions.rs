//! `completions`: for a shell.

use super::Output;
use clap::Args;
use clap_complete::Shell;

/// Print completions for a shell.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints them.
pub(super) fn run(args: &CompletionsArgs, mut command: clap::Command, output: &Output) {
    // Into memory first: the generator panics when a reader has gone away.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "koreconcile", &mut script);
    output.raw(&String::from_utf8_lossy(&script));
}
