//! Black-box tests: one module and one prefix per layer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking, and nobody links against it"
)]

mod reconcile_counts;
mod reconcile_engine;
mod reconcile_faults;
mod reconcile_random;
mod sandbox_api;
mod sandbox_world;
mod support;
