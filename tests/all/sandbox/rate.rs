//! Both windows of the rate limit, on a clock that tests move.

use jiff::SignedDuration;
use koreconcile::sandbox::{BudgetScope, Dialect, Options, RateLimit};
use serde_json::json;

use crate::sandbox::world::{World, error};

const BOTS: &str = "/api/public/bots";

fn limited(per_minute: usize, per_hour: usize, dialect: Dialect) -> World {
    World::bare(Options { rate: RateLimit::Windows { per_minute, per_hour }, dialect, ..Options::default() })
}

#[tokio::test]
async fn minute_window_rolls() {
    let world = limited(2, 100, Dialect::default());
    assert_eq!(world.get(BOTS).await.status, 200);
    world.clock.advance(SignedDuration::from_secs(40));
    // One budget for all endpoints of the account.
    assert_eq!(world.get("/api/public/groups").await.status, 200);
    let refused = world.get(BOTS).await;
    let text = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying.";
    assert_eq!((refused.status, refused.body), (429, error(text, 429)));
    assert_eq!(refused.retry_after.as_deref(), Some("20"));
    world.clock.advance(SignedDuration::from_secs(20));
    assert_eq!(world.get(BOTS).await.status, 200, "refused calls do not count");
    assert_eq!(world.get(BOTS).await.status, 429);
}

#[tokio::test]
async fn hour_window_refuses_though_the_minute_has_room() {
    let world = limited(60, 3, Dialect::default());
    for _ in 0..3 {
        assert_eq!(world.get(BOTS).await.status, 200);
        world.clock.advance(SignedDuration::from_secs(600));
    }
    let refused = world.get(BOTS).await;
    let text = "You've exceeded the hourly rate limit. Please wait for sometime before retrying.";
    assert_eq!((refused.status, refused.body), (429, error(text, 429)));
    assert_eq!(refused.retry_after.as_deref(), Some("1800"));
    world.clock.advance(SignedDuration::from_secs(1800));
    assert_eq!(world.get(BOTS).await.status, 200);
}

#[tokio::test]
async fn refusals_of_the_token_cost_nothing() {
    let world = limited(1, 1, Dialect::default());
    world.raw("GET", BOTS, None, &json!(null)).await;
    assert_eq!(world.get(BOTS).await.status, 200);
}

#[tokio::test]
async fn refused_calls_count_keeps_the_window_full() {
    for (refused_calls_count, after) in [(false, 200), (true, 429)] {
        let world = limited(1, 100, Dialect { refused_calls_count, ..Dialect::default() });
        world.get(BOTS).await;
        world.clock.advance(SignedDuration::from_secs(30));
        assert_eq!(world.get(BOTS).await.status, 429);
        world.clock.advance(SignedDuration::from_secs(31));
        assert_eq!(world.get(BOTS).await.status, after);
    }
}

#[tokio::test]
async fn budget_scope_shares_or_splits() {
    for (budget_scope, second) in [(BudgetScope::Shared, 429), (BudgetScope::PerEndpoint, 200)] {
        let world = limited(1, 100, Dialect { budget_scope, ..Dialect::default() });
        world.get(BOTS).await;
        assert_eq!(world.get("/api/public/groups").await.status, second);
        assert_eq!(world.get(BOTS).await.status, 429);
    }
}

#[tokio::test]
async fn rate_refusal_has_other_status_and_words() {
    let dialect = Dialect {
        rate_limit_status: 403,
        retry_after: false,
        older_rate_limit_text: true,
        ..Dialect::default()
    };
    let world = limited(0, 100, dialect);
    let refused = world.get(BOTS).await;
    let text = "Rate limit for this API has been reached. Please try again after some time.";
    assert_eq!((refused.status, refused.body, refused.retry_after), (403, error(text, 403), None));
}

#[tokio::test]
async fn rate_limit_some_time() {
    for (reading, words) in [(false, "for sometime before"), (true, "for some time before")] {
        let world = limited(1, 10, Dialect { rate_limit_some_time: reading, ..Dialect::default() });
        world.get("/api/public/groups").await;
        let refused = world.get("/api/public/groups").await;
        assert!(refused.body["errors"][0]["msg"].as_str().unwrap().contains(words), "{refused:?}");
    }
}
