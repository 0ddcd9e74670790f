//! Black-box tests: one module and one prefix per layer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking"
)]

mod kore_client;
mod kore_gateway;
mod kore_lookups;
mod kore_paging;
mod kore_properties;
mod kore_script;
