//! What a plan costs is told before anything is sent.

use super::*;
use crate::facts::BatchSize;
use crate::plan::Cost;

#[test]
fn a_plan_costs_its_writes_and_the_looks_at_everybody_in_it() {
    let mut fixture = Fixture::converged();
    fixture.policy.batch_size = BatchSize(50);
    assert_eq!(fixture.plan().cost, Cost::default(), "nothing to do costs nothing");
    for at in 0..120 {
        let who = email(&format!("n{at:03}@example.com"));
        fixture.coverage.not_found.insert(who.clone());
        fixture.want(&Key::Member(who), present(Value::Member(Membership::Joined)));
    }
    let cost = fixture.plan().cost;
    // Looked up before and after: by thousands, or by fifties and once more.
    assert_eq!((cost.reads, cost.calls), ((2, 9), (3 + 2, 3 + 9)));
    assert_eq!(cost.writes.into_iter().collect::<Vec<_>>(), [("create users".to_owned(), 3)]);

    // Both exports, before and after.
    let analyst = Key::RoleDefinition(RoleType::Bot, "Analyst".into());
    fixture.want(&analyst, present(Value::Role(RoleSpec::default())));
    let cost = fixture.plan().cost;
    assert_eq!((cost.reads, cost.writes["import bot roles"]), ((2 + 4, 9 + 8), 2), "a file, and its import");
    // Two members stand for a group.
    let tester = Key::BotRole(Holder::Group("QA".into()), "Bot Tester".into(), "st-1".into());
    fixture.want(&tester, present(Value::Held));
    let Cost { writes, reads, calls, minutes } = fixture.plan().cost;
    assert_eq!(reads, (2 + 4 + 2, 9 + 8 + 4));
    let sent: usize = writes.values().sum();
    assert_eq!(calls, (sent + reads.0, sent + reads.1));
    assert_eq!(minutes, (0, 0));
}

#[test]
fn beyond_the_calls_of_a_minute_a_plan_takes_minutes() {
    let mut fixture = Fixture::converged();
    fixture.policy.batch_size = BatchSize(1);
    for at in 0..60 {
        let who = email(&format!("n{at:03}@example.com"));
        fixture.coverage.not_found.insert(who.clone());
        fixture.want(&Key::Member(who), present(Value::Member(Membership::Joined)));
    }
    // 62 calls at best, 54 of them in the first minute; 240 one by one.
    let Cost { calls, minutes, .. } = fixture.plan().cost;
    assert_eq!((calls, minutes), ((62, 240), (1, 4)));
}
