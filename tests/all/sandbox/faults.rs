//! Each fault, in process; the broken connection also over a real socket.

use std::time::Duration;

use koreconcile::sandbox::{Dialect, Effect, Fault, NewUser};
use serde_json::{Value, json};

use crate::sandbox::world::{World, error};

const BOTS: &str = "/api/public/bots";
const USERS: &str = "/api/public/users";

fn one_user(email: &str) -> Value {
    json!({ "users": [{ "userInfo": { "emailId": email } }] })
}

fn has(world: &World, email: &str) -> bool {
    world.admin.snapshot().unwrap().users.contains_key(email)
}

#[tokio::test]
async fn status_hits_the_call_it_names() {
    let world = World::new(Dialect::default());
    let broken = Effect::Status { status: 503, message: "down".into() };
    world.sandbox.faults().add(Fault::at_call(2, broken.clone()).times(2));
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(world.get(BOTS).await.status);
    }
    assert_eq!(seen, [200, 503, 503, 200]);
    world.sandbox.faults().add(Fault::on("GET /api/public/groups", broken).from_nth(2));
    assert_eq!(world.get(BOTS).await.status, 200);
    assert_eq!(world.get("/api/public/groups").await.status, 200);
    let reply = world.get("/api/public/groups").await;
    assert_eq!((reply.status, reply.body), (503, error("down", 503)));
}

#[tokio::test]
async fn dropped_replies_before_and_after_the_write() {
    let world = World::new(Dialect::default());
    world.sandbox.faults().add(Fault::next(Effect::DropBefore));
    assert!(world.is_dropped("POST", USERS, &one_user("before@example.com")).await);
    assert!(!has(&world, "before@example.com"));
    world.sandbox.faults().add(Fault::next(Effect::DropAfter));
    assert!(world.is_dropped("POST", USERS, &one_user("after@example.com")).await);
    assert!(has(&world, "after@example.com"));
    assert_eq!(world.sandbox.requests().all().last().unwrap().status, 0);
}

#[tokio::test]
async fn rate_limited_with_and_without_retry_after() {
    let world = World::new(Dialect::default());
    world.sandbox.faults().add(Fault::at_call(1, Effect::RateLimited { retry_after: Some(7) }));
    world.sandbox.faults().add(Fault::at_call(2, Effect::RateLimited { retry_after: None }));
    let first = world.get(BOTS).await;
    assert_eq!((first.status, first.retry_after.as_deref()), (429, Some("7")));
    let second = world.get(BOTS).await;
    assert_eq!((second.status, second.retry_after), (429, None));
}

#[tokio::test]
async fn html_instead_of_json() {
    let world = World::new(Dialect::default());
    world.sandbox.faults().add(Fault::next(Effect::Html { status: 502 }));
    let reply = world.get(BOTS).await;
    assert!(reply.status == 502 && reply.body.as_str().unwrap().starts_with("<html>"), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn delay_follows_virtual_time() {
    let world = World::new(Dialect::default());
    world.sandbox.faults().add(Fault::next(Effect::Delay { millis: 90_000 }));
    let start = tokio::time::Instant::now();
    assert_eq!(world.get(BOTS).await.status, 200);
    assert!(start.elapsed() >= Duration::from_secs(90));
}

#[tokio::test]
async fn partial_batch_does_the_first_entries() {
    let world = World::new(Dialect::default());
    let batch = json!({ "users": [
        { "userInfo": { "emailId": "p1@example.com" } }, { "userInfo": { "emailId": "p2@example.com" } }
    ] });
    world.sandbox.faults().add(Fault::next(Effect::PartialBatch { applied: 1, status: None }));
    assert_eq!(world.post(USERS, batch.clone()).await.body["msg"], "Users are created Successfully");
    assert_eq!((has(&world, "p1@example.com"), has(&world, "p2@example.com")), (true, false));
    world.admin.delete_user("p1@example.com").unwrap();
    world.sandbox.faults().add(Fault::next(Effect::PartialBatch { applied: 1, status: Some(500) }));
    assert_eq!(world.post(USERS, batch).await.status, 500);
    assert_eq!((has(&world, "p1@example.com"), has(&world, "p2@example.com")), (true, false));
}

#[tokio::test]
async fn wrong_total() {
    let world = World::new(Dialect::default());
    world.sandbox.faults().add(Fault::next(Effect::WrongTotal { by: -3 }));
    assert_eq!(world.get("/api/public/alluserroles").await.body["total"], 9);
    assert_eq!(world.get("/api/public/alluserroles").await.body["total"], 12);
}

#[tokio::test]
async fn stale_reads_answer_from_the_past() {
    let world = World::new(Dialect::default());
    let total = async || world.get("/api/public/alluserroles").await.body["total"].clone();
    world.sandbox.faults().add(Fault::on("POST /api/public/users", Effect::StaleReads { reads: 2 }));
    world.post(USERS, one_user("late@example.com")).await;
    assert_eq!((total().await, total().await, total().await), (json!(12), json!(12), json!(13)));
}

#[tokio::test]
async fn console_edit_comes_right_before_the_call() {
    let world = World::new(Dialect::default());
    world.sandbox.faults().before_call(2, |admin| {
        admin.add_user(&NewUser::active("meanwhile@example.com")).unwrap();
    });
    assert_eq!(world.get("/api/public/alluserroles").await.body["total"], 12);
    assert_eq!(world.get("/api/public/alluserroles").await.body["total"], 13);
}

#[tokio::test]
async fn requests_are_counted_by_endpoint() {
    let world = World::new(Dialect::default());
    world.get("/api/public/bots?limit=1").await;
    world.get("/api/1.1/public/bots/").await;
    world.post(USERS, one_user("x@example.com")).await;
    let counts = world.sandbox.requests().counts();
    assert_eq!((counts["GET /api/public/bots"], counts["POST /api/public/users"]), (2, 1));
    let all = world.sandbox.requests().take();
    assert_eq!((all[0].query.as_str(), all[0].status), ("limit=1", 200));
    assert!(all[2].body.contains("x@example.com"));
    assert!(world.sandbox.requests().all().is_empty());
}
