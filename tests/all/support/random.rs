//! Runs a promise on many random accounts: the same ones every time, unless asked for others.

use super::world::{self, Case};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};

/// Fails with the smallest account it finds that breaks the promise. Two runners share the work.
///
/// `KORECONCILE_SEED` draws other accounts than `seed`, `KORECONCILE_CASES` another number of them than `cases`.
pub fn on_any_account<F>(seed: u64, cases: u32, promise: impl Fn(Case) -> F + Sync)
where
    F: Future<Output = Result<(), String>>,
{
    let given = |name: &str| std::env::var(name).ok();
    let seed = given("KORECONCILE_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(seed);
    let cases = given("KORECONCILE_CASES").and_then(|cases| cases.parse().ok()).unwrap_or(cases);
    let promise = &promise;
    std::thread::scope(|scope| {
        for part in 0..2 {
            scope.spawn(move || run(seed + part, cases, promise));
        }
    });
}

fn run<F>(seed: u64, cases: u32, promise: impl Fn(Case) -> F)
where
    F: Future<Output = Result<(), String>>,
{
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_time: 8_000,
        ..Config::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = TestRunner::new(config)
        .run(&world::case(), |case| runtime.block_on(promise(case)).map_err(TestCaseError::fail));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
