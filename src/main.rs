//! The `koreconcile` binary: parse, run, map the outcome to an exit code; nothing else.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    koreconcile::cli::run().await.into()
}
