//! The `koreconcile` binary: parse, run, map the outcome to an exit code; nothing else.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Manifests and accounts are hundreds of thousands of small texts: a plan takes about two thirds of the time that it
/// takes with the allocator of the C library.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    Box::pin(koreconcile::cli::run()).await.into()
}
