//! What a run remembers for the next one.

use super::*;
use jiff::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

#[test]
fn an_invitation_is_open_since_it_was_first_seen_and_until_it_is_accepted() {
    let (mut fixture, mut memory) = (Fixture::converged(), Memory::default());
    fixture.seen_member(JANE, Membership::Pending { since: None });
    for seconds in [10, 20] {
        memory.note_pending(&fixture.world(), at(seconds));
        assert_eq!(memory.pending_since, BTreeMap::from([(email(JANE), at(10))]));
    }
    fixture.seen_member(JANE, Membership::Joined);
    memory.note_pending(&fixture.world(), at(30));
    assert_eq!(memory.pending_since, BTreeMap::new());
}

#[test]
fn what_nobody_can_read_is_remembered_until_it_was_sent() {
    let mut fixture = Fixture::converged();
    let profile = || Value::Profile(BTreeMap::from([("dept".to_owned(), "Support".to_owned())]));
    fixture.both(Key::Access(email(JANE)), Value::Access(BuilderAccess::Builder));
    fixture.want(&Key::DataTables(email(JANE)), present(Value::DataTables(true)));
    fixture.want(&Key::Profile(email(JANE)), present(profile()));
    fixture.rewrite = Rewrite::All;
    // A profile travels with its new user, and a role can be read.
    fixture.want(&Key::Member(email(NEW)), present(Value::Member(Membership::Joined)));
    fixture.want(&Key::Profile(email(NEW)), present(profile()));
    fixture.want(&Key::AdminRole(user(JANE), "Auditor".into()), present(Value::Held));
    let plan = fixture.plan();
    assert_eq!(plan.changes.len(), 5, "{:?}", lines(&plan));
    let mut memory = Memory::default();
    memory.note_unsent(&plan.changes);
    let (profile, tables) = (Key::Profile(email(JANE)), Key::DataTables(email(JANE)));
    assert_eq!(memory.unsent, BTreeSet::from([profile.clone(), tables.clone()]));
    memory.note_sent(&tables);
    assert_eq!(memory.unsent, BTreeSet::from([profile]));
}

/// Jane's role on the bot of that name is wanted, and was remembered when the bot had it.
fn on_a_remembered_bot(name: &str) -> Fixture {
    let mut fixture = Fixture::converged();
    fixture.both(developer(JANE), Value::Held);
    let fact = RememberedFact::asked(Value::Held);
    fixture.memory.facts = vec![(developer(JANE), fact)];
    fixture.memory.bots = BTreeMap::from([("st-1".into(), name.into())]);
    let named = Key::BotRole(user(JANE), "Bot Developer".into(), BotRef::new(name));
    fixture.wants.remove(&as_wanted(&developer(JANE)));
    fixture.wants.insert(named, present(Value::Held));
    fixture
}

#[test]
fn a_bot_under_another_name_is_a_rename_and_nothing_is_sent_for_it() {
    let mut fixture = on_a_remembered_bot("Old Desk");
    for run in 0..3 {
        let (plan, memory) =
            plan_and_remember(fixture.desired(), &fixture.world(), &fixture.policy, &fixture.context());
        assert!(plan.changes.is_empty(), "{run}: {:?}", lines(&plan));
        assert_eq!(reasons(&plan.blocked), [Reason::BotUnresolved]);
        let Entry { message, next_step, .. } = &plan.blocked[0];
        assert!(message.starts_with("bot Old Desk is renamed to Banking: st-1 had the name"), "{message}");
        assert_eq!(next_step, "write Banking in the manifests, or st-1, which a rename does not change");
        // The name it had is kept for as long as manifests use it.
        fixture.memory = memory;
    }
    let named = Key::BotRole(user(JANE), "Bot Developer".into(), BotRef::new("Banking"));
    fixture.wants.retain(|key, _| key.bot().is_none_or(|bot| *bot != BotRef::new("Old Desk")));
    fixture.wants.insert(named, present(Value::Held));
    let (plan, memory) =
        plan_and_remember(fixture.desired(), &fixture.world(), &fixture.policy, &fixture.context());
    assert!(plan.changes.is_empty() && plan.blocked.is_empty(), "{:?}", lines(&plan));
    assert_eq!(memory.bots, BTreeMap::from([("st-1".into(), "Banking".into())]));
}

#[test]
fn a_bot_that_is_not_listed_any_more_is_no_proof_that_anything_on_it_is_gone() {
    let mut fixture = on_a_remembered_bot("Banking");
    fixture.directory.bots.remove(&"st-1".into());
    let (plan, memory) =
        plan_and_remember(fixture.desired(), &fixture.world(), &fixture.policy, &fixture.context());
    assert!(plan.changes.is_empty(), "{:?}", lines(&plan));
    let Entry { message, next_step, .. } = &plan.blocked[0];
    assert_eq!(
        message,
        "the account has no bot named Banking, and no longer lists st-1, which had that name"
    );
    assert!(next_step.contains("restore it in the console"), "{next_step}");
    assert_eq!(memory.bots.len(), 1);
}
