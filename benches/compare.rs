//! koreconcile beside OpenTofu, and how it grows: `make bench-compare`, or `cargo bench --bench compare`.
//!
//! Prints a table, writes it to `target/bench-compare.json`, and draws the charts of `docs/performance.md` anew. A word
//! chooses one part (`beside` or `growth`); then nothing is written. `--runs N` sets how often each thing is done.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a measurement fails by panicking, nobody links against it, and it shares modules with another bench"
)]

#[path = "compare/beside.rs"]
mod beside;
#[path = "compare/charts.rs"]
mod charts;
#[path = "report/figures.rs"]
mod figures;
#[path = "compare/ours.rs"]
mod koreconcile_runs;
#[path = "report/manifests.rs"]
mod manifests;
#[path = "report/noop.rs"]
mod noop;
#[path = "report/process.rs"]
mod process;
#[path = "compare/svg.rs"]
mod svg;
#[path = "compare/theirs.rs"]
mod tofu_runs;

use figures::Report;
use std::path::Path;

/// People, one resource or one manifest each.
const SIZES: [usize; 2] = [1_000, 2_000];
/// People of the account that is planned without a change.
const GROWTH: [usize; 3] = [1_000, 10_000, 100_000];
const CHARTS: &str = "docs/charts";

fn main() {
    // Cargo adds `--bench`.
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let (mut parts, mut runs) = (Vec::new(), 7);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--runs" => runs = args.next().and_then(|text| text.parse().ok()).expect("--runs takes a number"),
            "beside" | "growth" => parts.push(arg),
            _ => panic!("{arg} is neither --runs N nor one of beside, growth"),
        }
    }
    let wants = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);

    let mut report = Report::default();
    let mut is_whole = parts.is_empty();
    if wants("beside") {
        if let Some(tofu) = tofu_runs::find() {
            println!("beside {}: {}", tofu.version, tofu.program.display());
            for people in SIZES {
                beside::measure(&tofu, people, runs, &mut report);
            }
        } else {
            println!(
                "skipped: neither target/opentofu/tofu (scripts/opentofu.sh builds it) nor tofu nor terraform is there"
            );
            is_whole = false;
        }
    }
    if wants("growth") {
        for people in GROWTH {
            // The largest takes long, and varies little.
            noop::measure(people, if people > 10_000 { runs.min(3) } else { runs }, &mut report);
        }
    }
    print!("{}", report.table());
    if parts.is_empty() {
        report.write(Path::new("target/bench-compare.json"));
    }
    if is_whole {
        charts::draw(&report, Path::new(CHARTS));
        println!("the charts in {CHARTS} are drawn anew");
    }
}
