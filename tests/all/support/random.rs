//! Runs a promise on many random cases: the same ones every time, unless asked for others.

use super::world::{self, Case};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Two threads share the work: this project is built and tested on two cores.
const THREADS: usize = 2;

/// Fails with the smallest account it finds that breaks the promise.
pub fn on_any_account<F>(seed: u64, cases: u64, promise: impl Fn(Case) -> F + Sync)
where
    F: Future<Output = Result<(), String>>,
{
    on_any(world::case, seed, cases, promise);
}

/// Fails with the smallest case it finds that breaks the promise, and with the command that runs that case again:
/// each case has a seed of its own.
///
/// `KORECONCILE_SEED` draws other cases than `seed`, `KORECONCILE_CASES` another number of them than `cases`.
pub fn on_any<S, F>(
    strategy: impl Fn() -> S + Sync,
    seed: u64,
    cases: u64,
    promise: impl Fn(S::Value) -> F + Sync,
) where
    S: Strategy,
    S::Value: Debug + Clone,
    F: Future<Output = Result<(), String>>,
{
    let given = |name: &str| std::env::var(name).ok()?.parse().ok();
    let seed = given("KORECONCILE_SEED").unwrap_or(seed);
    let cases = given("KORECONCILE_CASES").unwrap_or(cases);
    let test =
        std::thread::current().name().unwrap_or_default().rsplit("::").next().unwrap_or_default().to_owned();
    let (next, has_failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let (strategy, promise, next, has_failed, test) = (&strategy, &promise, &next, &has_failed, &test);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= cases || has_failed.load(Ordering::Relaxed) {
                        return;
                    }
                    let seed = seed.wrapping_add(case);
                    let outcome = TestRunner::new(one_case(seed)).run(&strategy(), |case| {
                        runtime.block_on(promise(case)).map_err(TestCaseError::fail)
                    });
                    if let Err(error) = outcome {
                        has_failed.store(true, Ordering::Relaxed);
                        panic!(
                            "{error}\nrun it again:\n  KORECONCILE_SEED={seed} KORECONCILE_CASES=1 \
                             cargo test --locked --test all -- {test}"
                        );
                    }
                }
            });
        }
    });
}

fn one_case(seed: u64) -> Config {
    Config {
        cases: 1,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_time: 8_000,
        max_shrink_iters: 4_000,
        ..Config::default()
    }
}
