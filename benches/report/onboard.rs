//! 5,000 new people with a role and an assignment each, in process and in virtual time, under the real budget.

use crate::figures::Report;
use crate::support::engine::Engine;
use crate::support::wants::{Wants, user};
use jiff::{SignedDuration, Timestamp};
use koreconcile::facts::RateLimit;
use koreconcile::kore::{Budget, Clock, Endpoint, Method};
use koreconcile::sandbox::{NewBot, Options, Starter};

const USERS: usize = 5_000;
/// `batchSize`, by default.
const BATCH: usize = 50;

/// Everything is counted and nothing timed, so that one run says it all.
pub fn measure(report: &mut Report) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let Onboarded { writes, calls, makespan } = runtime.block_on(onboard());
    report.count("onboard_writes_5000", "calls", writes);
    report.count("onboard_writes_bound_5000", "calls", USERS.div_ceil(BATCH));
    report.count("onboard_calls_5000", "calls", calls);
    report.add("onboard_makespan_seconds_5000", "s", vec![makespan.as_secs_f64()]);
    report.add("onboard_makespan_bound_seconds_5000", "s", vec![best(calls).as_secs_f64()]);
}

struct Onboarded {
    writes: usize,
    /// All of them: the read behind the plan, checks, writes, and the last read-back.
    calls: usize,
    /// From the first call to the end.
    makespan: SignedDuration,
}

async fn onboard() -> Onboarded {
    let options = Options { starter: Starter::Bare, ..Options::default() };
    let engine = Engine::start(options, RateLimit::default());
    for bot in ["Banking", "Travel"] {
        let owner = Some("owner@example.com".to_owned());
        engine.admin.add_bot(&NewBot { owner, ..NewBot::named(bot) }).unwrap();
    }
    let desired = (0..USERS).fold(Wants::default(), |wants, index| {
        let who = format!("new.{index:05}@example.com");
        wants.member(&who).bot_role(user(&who), "Bot Developer", "Banking").assigned(&who, "Travel")
    });
    let start = engine.clock.now();
    let outcome = engine.apply(&desired.build()).await;
    let makespan = engine.clock.now().duration_since(start);
    assert!(outcome.is_complete(), "{:?}", outcome.error);
    assert_eq!(engine.admin.snapshot().unwrap().users.len(), USERS + 1, "somebody is missing");

    let calls = engine.gateway.calls();
    let is_write = |endpoint: Endpoint| endpoint.method() != Method::Get && endpoint != Endpoint::UsersInfo;
    let count = |calls: u32| usize::try_from(calls).unwrap();
    for (endpoint, calls) in &calls {
        eprintln!("{:>5} {} {}", calls, endpoint.method().as_str(), endpoint.path());
    }
    Onboarded {
        writes: count(
            calls.iter().filter(|(endpoint, _)| is_write(**endpoint)).map(|(_, calls)| calls).sum(),
        ),
        calls: count(calls.values().sum()),
        makespan,
    }
}

/// The best schedule for so many calls under both windows: each as early as they allow.
fn best(calls: usize) -> SignedDuration {
    let mut budget = Budget::new(RateLimit::default());
    let start = Timestamp::UNIX_EPOCH;
    let mut at = start;
    for _ in 0..calls {
        at = budget.next_slot(at);
        budget.record(at);
    }
    at.duration_since(start)
}
