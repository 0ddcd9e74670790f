//! The figures of `docs/performance.md`: `make bench`, or `cargo bench --bench report`.
//!
//! Prints a table and writes it to `target/bench.json`. A word chooses one part (`cargo bench --bench report -- noop`:
//! `noop`, `pure`, `memory`, `policies`, `adopt`, `review`, `onboard`, `console`, `crowd`, `edits` or `cluster`); then nothing is written. `--runs N` sets how often the timed
//! parts are repeated. `cluster` needs what `make envtest` builds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a measurement fails by panicking, and nobody links against it"
)]

#[path = "report/adopt.rs"]
mod adopt;
#[path = "report/cluster.rs"]
mod cluster;
#[path = "report/console.rs"]
mod console;
#[path = "report/crowd.rs"]
mod crowd;
#[path = "report/edits.rs"]
mod edits;
#[path = "report/figures.rs"]
mod figures;
#[path = "report/manifests.rs"]
mod manifests;
#[path = "report/memory.rs"]
mod memory;
#[path = "report/noop.rs"]
mod noop;
#[path = "report/onboard.rs"]
mod onboard;
#[path = "report/policies.rs"]
mod policies;
#[path = "report/process.rs"]
mod process;
#[path = "report/pure.rs"]
mod pure;
#[path = "report/review.rs"]
mod review;
#[path = "../tests/all/support/mod.rs"]
mod support;

use figures::Report;
use mimalloc::MiMalloc;
use std::path::Path;

/// The binary's own.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [mark, folder] = args.as_slice()
        && mark == pure::CHILD
    {
        return pure::child(Path::new(folder));
    }
    let (mut parts, mut runs) = (Vec::new(), 7);
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--runs" => runs = args.next().and_then(|text| text.parse().ok()).expect("--runs takes a number"),
            "noop" | "pure" | "memory" | "policies" | "adopt" | "review" | "onboard" | "console"
            | "crowd" | "edits" | "cluster" => {
                parts.push(arg);
            }
            _ => panic!(
                "{arg} is neither --runs N nor one of noop, pure, memory, policies, adopt, review, onboard, console, crowd, edits, cluster"
            ),
        }
    }
    let wants = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);

    let mut report = Report::default();
    if wants("noop") {
        for users in [1_000, 10_000, 100_000] {
            // Ten times the people take ten times as long: three runs tell enough.
            noop::measure(users, if users > 10_000 { runs.min(3) } else { runs }, &mut report);
        }
    }
    if wants("pure") {
        pure::measure(runs.min(5), &mut report);
    }
    if wants("memory") {
        memory::measure(&mut report);
    }
    if wants("adopt") {
        adopt::measure(runs, &mut report);
    }
    if wants("review") {
        review::measure(runs, &mut report);
    }
    if wants("onboard") {
        onboard::measure(&mut report);
    }
    if wants("console") {
        console::measure(runs, &mut report);
    }
    if wants("policies") {
        policies::measure(runs, &mut report);
    }
    if wants("crowd") {
        crowd::measure(&mut report);
    }
    if wants("edits") {
        edits::measure(&mut report);
    }
    if wants("cluster") {
        cluster::measure(&mut report);
    }
    print!("{}", report.table());
    if parts.is_empty() {
        report.write(Path::new("target/bench.json"));
    }
}
