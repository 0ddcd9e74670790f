//! What a campaign costs: calls exactly, and minutes in virtual time under the real budget.

use crate::support::engine::Engine;
use crate::support::wants::{Wants, email, user};
use koreconcile::facts::{Desired, RateLimit};
use koreconcile::kore::{Clock, Endpoint};
use koreconcile::sandbox::{Dialect, NewBot, Options, Starter};

const READS: [Endpoint; 5] =
    [Endpoint::UsersInfo, Endpoint::AllUserRoles, Endpoint::Groups, Endpoint::Bots, Endpoint::ExportRoles];

/// Everyone new, each with one bot role and one assignment.
fn onboarding(people: usize) -> Desired {
    let everyone = (0..people).map(|at| format!("p{at:05}@example.com"));
    let wants = everyone.fold(Wants::default(), |wants, who| {
        wants.member(&who).bot_role(user(&who), "Bot Developer", "Banking").assigned(&who, "Travel")
    });
    wants.build()
}

fn account() -> Engine {
    let options = Options { dialect: Dialect::default(), starter: Starter::Bare, ..Options::default() };
    let mut engine = Engine::start(options, RateLimit::default());
    engine.policy.safety.primary_admin = Some(email("owner@example.com"));
    for bot in ["Banking", "Travel"] {
        engine.admin.add_bot(&NewBot::named(bot)).unwrap();
    }
    engine
}

/// When the last of so many calls can leave at the earliest: 54 in any minute, 1,794 in any hour.
fn best_makespan(calls: u32) -> i64 {
    let last = i64::from(calls) - 1;
    let (hours, rest) = (last / 1_794, last % 1_794);
    hours * 3_600 + rest / 54 * 60
}

#[tokio::test]
async fn reconcile_counts_onboarding_takes_full_batches_and_reads_ride_along() {
    let people = 5_000;
    let engine = account();
    let desired = onboarding(people);
    let started = engine.clock.now();
    let (plan, world) = engine.plan(&desired).await;
    let promised = plan.cost.clone();
    let of_plan = engine.gateway.total_calls();
    let reads = |engine: &Engine| -> u32 {
        let calls = engine.gateway.calls();
        READS.iter().filter_map(|endpoint| calls.get(endpoint)).sum()
    };
    let reads_of_plan = reads(&engine);
    let outcome = engine.apply_plan(plan, &world).await;
    assert!(outcome.is_complete(), "{:?}", outcome.error);
    let reads = reads(&engine) - reads_of_plan;
    let writes = outcome.calls - reads;
    assert_eq!(writes, 100, "{:?}", engine.gateway.calls());
    assert!(reads <= writes / 10 + 5 + 3, "{reads} reads for {writes} writes");
    let calls = usize::try_from(outcome.calls).unwrap();
    assert!(
        (promised.calls.0..=promised.calls.1).contains(&calls),
        "{calls} calls, {:?} promised",
        promised.calls
    );

    let took = engine.clock.now().duration_since(started).as_secs();
    let best = best_makespan(of_plan + outcome.calls);
    assert!(
        (best..=best + 1).contains(&took),
        "{took} s for {} calls, {best} s at best",
        of_plan + outcome.calls
    );
    println!("{writes} writes, {reads} reads, {took} s of {best} s at best");
    assert!(engine.plan(&desired).await.0.changes.is_empty());
}
