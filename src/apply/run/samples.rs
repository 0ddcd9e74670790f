//! Changes, calls and reads for the tests of this folder.

use super::progress::Progress;
use crate::facts::{
    Coverage, DialogSet, Directory, Email, Key, Membership, Seen, Value, World, WorldBuilder,
};
use crate::plan::pack::{Call, WriteKind};
use crate::plan::{Action, Change, ChangeId, Origin, Reversible, Risk, RiskLevel};

pub(super) fn id(name: &str) -> ChangeId {
    serde_json::from_value(name.into()).unwrap()
}

pub(super) fn email(name: &str) -> Email {
    Email::observed(&format!("{name}@example.com"))
}

pub(super) fn added(name: &str, key: Key, after: Value) -> Change {
    Change {
        id: id(name),
        key,
        action: Action::Add,
        before: None,
        after: Some(after),
        pins: Vec::new(),
        sources: Vec::new(),
        until: None,
        reason: None,
        origin: Origin::Unknown,
        risk: Risk { level: RiskLevel::Low, why: String::new() },
        reversible: Reversible::Yes,
        depends_on: Vec::new(),
    }
}

pub(super) fn removed(name: &str, key: Key, before: Value) -> Change {
    Change { action: Action::Remove, before: Some(before), after: None, ..added(name, key, Value::Held) }
}

/// The person of that name joins the account.
pub(super) fn member(name: &str) -> Change {
    added(name, Key::Member(email(name)), Value::Member(Membership::Joined))
}

/// The person of that name is assigned a bot.
pub(super) fn assignment(name: &str, depends_on: &[&str]) -> Change {
    let key = Key::Assigned(email(name), "st-1".into());
    Change {
        depends_on: depends_on.iter().map(|name| id(name)).collect(),
        ..added(name, key, Value::Dialogs(DialogSet::ALL))
    }
}

pub(super) fn progress(changes: impl IntoIterator<Item = Change>) -> Progress {
    Progress::new(changes.into_iter().map(|change| (change.id.clone(), change)).collect())
}

pub(super) fn call(kind: WriteKind, entries: &[&[&str]]) -> Call {
    let entries = entries.iter().map(|entry| entry.iter().map(|name| id(name)).collect()).collect();
    Call { kind, entries }
}

/// A read that shows these facts, and looked up everyone in them and nobody else.
pub(super) fn observed(facts: impl IntoIterator<Item = (Key, Value)>) -> World {
    let (mut world, mut coverage) = (WorldBuilder::new(), Coverage::default());
    for (key, value) in facts {
        coverage.looked_up.extend(key.email().map(|email| (email.clone(), Seen::ALL)));
        world.see(key, value);
    }
    world.build(coverage, Directory::default())
}

/// A read that did not find these people.
pub(super) fn not_found(names: &[&str]) -> World {
    let not_found = names.iter().map(|name| email(name)).collect();
    WorldBuilder::new().build(Coverage { not_found, ..Coverage::default() }, Directory::default())
}

pub(super) fn joined(name: &str) -> (Key, Value) {
    (Key::Member(email(name)), Value::Member(Membership::Joined))
}

pub(super) fn pending(name: &str) -> (Key, Value) {
    (Key::Member(email(name)), Value::Member(Membership::Pending { since: None }))
}

pub(super) fn assigned(name: &str) -> (Key, Value) {
    (Key::Assigned(email(name), "st-1".into()), Value::Dialogs(DialogSet::ALL))
}
