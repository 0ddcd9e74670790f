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
