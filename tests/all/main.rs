//! Black-box tests, a folder for each layer. The module path is the filter: `cargo test --test all -- kore::paging`.
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

mod campaign;
mod cli;
mod compat;
mod console;
mod controller;
mod kore;
mod manifest;
mod plan;
mod policy;
mod reconcile;
mod repo;
mod report;
mod sandbox;
mod support;
mod workflow;
