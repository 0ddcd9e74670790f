//! What a campaign costs: calls exactly, and minutes in virtual time under the real budget.

use crate::support::engine::Engine;
use crate::support::wants::{Wants, email, user};
use koreconcile::facts::{Desired, RateLimit};
use koreconcile::kore::{Clock, Endpoint};
use koreconcile::sandbox::{Dialect, NewBot, Options, Seed, Starter};

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
async fn onboarding_takes_full_batches_and_reads_ride_along() {
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

/// The whole engine on the sandbox, with every person named: the read behind a plan is no call longer than its pages.
#[tokio::test]
async fn a_plan_reads_exactly_the_pages_there_are() {
    for (users, bots, groups) in [(0, 0, 0), (49, 50, 51), (149, 101, 1), (1_049, 1, 100)] {
        let engine = Engine::unlimited(Options { starter: Starter::Bare, ..Options::default() });
        engine.admin.seed(Seed { users, bots, groups }).unwrap();
        let truth = engine.admin.snapshot().unwrap();
        let desired = truth.users.keys().fold(Wants::default(), |wants, who| wants.member(who)).build();
        let (plan, world) = engine.plan(&desired).await;
        assert!(plan.changes.is_empty() && plan.blocked.is_empty(), "everybody is there");

        let pages = |count: usize| u32::try_from(count.div_ceil(50).max(1)).unwrap();
        let people = truth.users.len();
        let expected = [
            (Endpoint::ExportRoles, 2),
            (Endpoint::Bots, pages(truth.bots.len())),
            (Endpoint::Groups, pages(truth.groups.len())),
            (Endpoint::AllUserRoles, pages(people)),
            (Endpoint::UsersInfo, u32::try_from(people.div_ceil(1_000)).unwrap()),
        ];
        assert_eq!(engine.gateway.calls(), expected.into(), "{users} users, {bots} bots, {groups} groups");
        assert_eq!(world.calls, expected.iter().map(|(_, calls)| calls).sum::<u32>());
    }
}
