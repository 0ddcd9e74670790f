//! The `koreconcile` binary.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use koreconcile::cli::sandbox;

#[derive(Parser)]
#[command(name = "koreconcile", version, about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve, seed and administer a local account
    Sandbox(sandbox::SandboxArgs),
}

#[tokio::main]
async fn main() -> ExitCode {
    let Verb::Sandbox(args) = Cli::parse().verb;
    match sandbox::run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            #[allow(clippy::print_stderr, reason = "the edge is where errors are shown")]
            {
                eprintln!("error: {e}");
            }
            ExitCode::from(3)
        }
    }
}
