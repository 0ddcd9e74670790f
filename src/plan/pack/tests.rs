//! How few calls there are, against a search through every arrangement.

use super::*;
use crate::facts::{DialogSet, GroupName, Membership, RoleName, RoleSpec};
use crate::plan::order;
use crate::plan::{Action, Origin, Reversible, Risk, RiskLevel};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn change(key: Key, is_removal: bool) -> Change {
    let held = match &key {
        Key::Member(_) => Value::Member(Membership::Joined),
        Key::Access(_) => Value::Access(BuilderAccess::Builder),
        Key::Assigned(..) => Value::Dialogs(DialogSet::ALL),
        Key::RoleDefinition(..) => Value::Role(RoleSpec::default()),
        Key::DataTables(_) => Value::DataTables(true),
        _ => Value::Held,
    };
    let (before, after) = if is_removal { (Some(held), None) } else { (None, Some(held)) };
    Change {
        id: ChangeId::hash_of(None, &key, before.as_ref(), after.as_ref(), &[]),
        key,
        action: if is_removal { Action::Remove } else { Action::Add },
        before,
        after,
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

fn jane() -> Email {
    Email::observed("jane@example.com")
}

fn endpoints(changes: &[Change]) -> Vec<WriteKind> {
    let changes: Vec<&Change> = changes.iter().collect();
    pack(&changes, 50).iter().map(|call| call.kind).collect()
}

#[test]
fn master_admin_is_taken_by_a_call_of_its_own() {
    let of = |role: &str, goes| change(Key::AdminRole(Holder::User(jane()), role.into()), goes);
    for (role, goes, kind) in [
        (RoleName::MASTER_ADMIN, true, WriteKind::TakeMasterAdmin),
        (RoleName::MASTER_ADMIN, false, WriteKind::AssignAdminRoles),
        ("Auditor", true, WriteKind::AssignAdminRoles),
    ] {
        assert_eq!(endpoints(&[of(role, goes)]), [kind], "{role} {goes}");
    }
}

#[test]
fn data_tables_go_with_the_access_that_somebody_has_or_starts_with() {
    let tables = || change(Key::DataTables(jane()), false);
    let access_of = |changes: &[Change]| {
        let all = endpoints(changes);
        let found = all.iter().find_map(|kind| match kind {
            WriteKind::SetDataTables { allow: true, access } => Some(*access),
            _ => None,
        });
        found.unwrap_or_else(|| panic!("{all:?}"))
    };
    assert_eq!(access_of(&[tables()]), BuilderAccess::None);
    let pins = vec![
        Pin::User { email: "jane@example.com".to_owned(), id: None },
        Pin::BuilderAccess { access: BuilderAccess::Creator },
    ];
    assert_eq!(access_of(&[Change { pins, ..tables() }]), BuilderAccess::Creator);
    let new = [change(Key::Member(jane()), false), change(Key::Access(jane()), false), tables()];
    assert_eq!(access_of(&new), BuilderAccess::Builder, "what the new user starts with");
}

#[test]
fn what_is_said_about_one_person_is_one_entry() {
    let changes = [change(Key::Access(jane()), false), change(Key::InGroup(jane(), "QA".into()), false)];
    let refs: Vec<&Change> = changes.iter().collect();
    let calls = pack(&refs, 50);
    assert_eq!((calls.len(), calls[0].entries.len(), calls[0].entries[0].len()), (1, 1, 2));
}

fn key(people: usize) -> impl Strategy<Value = (Key, bool)> {
    let who = || (0..people).prop_map(|who| Email::observed(&format!("p{who}@example.com")));
    let holder = || {
        prop_oneof![
            5 => who().prop_map(Holder::User),
            1 => Just(Holder::Group(GroupName::new("QA"))),
        ]
    };
    let admin = prop_oneof![Just(RoleName::MASTER_ADMIN), Just("Auditor")];
    let bot = prop_oneof![Just("Analyst"), Just("Bot Tester")];
    prop_oneof![
        1 => any::<bool>().prop_map(|is_admin| if is_admin {
            Key::RoleDefinition(RoleType::Admin, "Auditor".into())
        } else {
            Key::RoleDefinition(RoleType::Bot, "Analyst".into())
        }).prop_map(|key| (key, false)),
        2 => (who(), any::<bool>()).prop_map(|(who, goes)| (Key::Member(who), goes)),
        1 => who().prop_map(|who| (Key::Access(who), false)),
        1 => who().prop_map(|who| (Key::DataTables(who), false)),
        1 => (who(), any::<bool>()).prop_map(|(who, goes)| (Key::InGroup(who, "QA".into()), goes)),
        3 => (holder(), admin, any::<bool>()).prop_map(|(who, role, goes)| (Key::AdminRole(who, role.into()), goes)),
        3 => (holder(), bot, any::<bool>())
            .prop_map(|(who, role, goes)| (Key::BotRole(who, role.into(), "st-1".into()), goes)),
        2 => (who(), any::<bool>()).prop_map(|(who, goes)| (Key::Assigned(who, "st-1".into()), goes)),
    ]
}

/// Changes as a difference could yield them: each fact once, nothing said about who leaves, linked.
fn changes(people: usize, most: usize) -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(key(people), 1..most).prop_map(|drawn| {
        let drawn: BTreeMap<Key, bool> = drawn.into_iter().collect();
        let leaving: BTreeSet<Email> = drawn
            .iter()
            .filter_map(|(key, goes)| match key {
                Key::Member(email) if *goes => Some(email.clone()),
                _ => None,
            })
            .collect();
        let joining: BTreeSet<Email> = drawn
            .iter()
            .filter_map(|(key, goes)| match key {
                Key::Member(email) if !*goes => Some(email.clone()),
                _ => None,
            })
            .collect();
        let stays = |key: &Key, goes: bool| match (key, key.email()) {
            (Key::Member(_), _) | (_, None) => true,
            (Key::DataTables(_), Some(email)) => joining.contains(email),
            (_, Some(email)) if leaving.contains(email) => false,
            (_, Some(email)) => !goes || !joining.contains(email),
        };
        let mut changes: Vec<Change> = drawn
            .iter()
            .filter(|(key, goes)| stays(key, **goes))
            .map(|(key, goes)| change(key.clone(), *goes))
            .collect();
        order::link(&mut changes);
        changes
    })
}

fn every_rule_holds(changes: &[&Change], calls: &[Call], batch_size: usize) -> Result<(), TestCaseError> {
    let mut place: HashMap<&ChangeId, (usize, usize)> = HashMap::new();
    for (at, call) in calls.iter().enumerate() {
        prop_assert!(call.entries.len() <= batch_size, "{} entries in one call", call.entries.len());
        for (entry, ids) in call.entries.iter().enumerate() {
            for id in ids {
                prop_assert!(place.insert(id, (at, entry)).is_none(), "{id} is in two calls");
            }
        }
    }
    prop_assert_eq!(place.len(), changes.len(), "every change is in a call");
    for change in changes {
        let (call, entry) = place[&change.id];
        for needed in &change.depends_on {
            let (before, beside) = place[needed];
            prop_assert!(
                before < call || (before == call && beside == entry),
                "{} is sent too early",
                change.key
            );
        }
    }
    Ok(())
}

/// The fewest requests any grouping of these entries takes: all of them are tried.
fn fewest(entries: &[BodyEntry], changes: &[&Change], batch_size: usize) -> usize {
    let home: HashMap<&ChangeId, usize> = entries
        .iter()
        .enumerate()
        .flat_map(|(at, entry)| entry.changes.iter().map(move |id| (id, at)))
        .collect();
    let needs: Vec<BTreeSet<usize>> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| {
            let needed = entry.members.iter().flat_map(|member| &changes[*member].depends_on);
            needed.filter_map(|id| home.get(id).copied()).filter(|needed| *needed != at).collect()
        })
        .collect();
    let mut best = usize::MAX;
    grow(entries, &needs, batch_size, &mut Vec::new(), 0, &mut best);
    best
}

/// Puts one entry after the other into an open call of its endpoint, or into a new one.
fn grow(
    entries: &[BodyEntry],
    needs: &[BTreeSet<usize>],
    batch_size: usize,
    calls: &mut Vec<Vec<usize>>,
    at: usize,
    best: &mut usize,
) {
    let requests: usize = calls.iter().map(|call| entries[call[0]].kind.requests()).sum();
    if requests >= *best {
        return;
    }
    if at == entries.len() {
        if can_be_sent(needs, calls) {
            *best = requests;
        }
        return;
    }
    for call in 0..calls.len() {
        if entries[calls[call][0]].kind == entries[at].kind && calls[call].len() < batch_size {
            calls[call].push(at);
            grow(entries, needs, batch_size, calls, at + 1, best);
            calls[call].pop();
        }
    }
    calls.push(vec![at]);
    grow(entries, needs, batch_size, calls, at + 1, best);
    calls.pop();
}

/// Whether there is an order in which no call comes before what it needs.
fn can_be_sent(needs: &[BTreeSet<usize>], calls: &[Vec<usize>]) -> bool {
    let mut sent: BTreeSet<usize> = BTreeSet::new();
    let mut left: Vec<&Vec<usize>> = calls.iter().collect();
    while !left.is_empty() {
        let (ready, later): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|call| call.iter().all(|at| needs[*at].is_subset(&sent)));
        if ready.is_empty() {
            return false;
        }
        sent.extend(ready.into_iter().flatten());
        left = later;
    }
    true
}

fn takes_the_fewest_calls(changes: &[Change], batch_size: usize) -> Result<(), TestCaseError> {
    let changes: Vec<&Change> = changes.iter().collect();
    let calls = pack(&changes, batch_size);
    every_rule_holds(&changes, &calls, batch_size)?;
    let requests: usize = calls.iter().map(|call| call.kind.requests()).sum();
    let fewest = fewest(&entries(&changes), &changes, batch_size);
    let told: Vec<String> =
        changes.iter().map(|change| format!("{} {}", change.action.sign(), change.key)).collect();
    prop_assert_eq!(requests, fewest, "{} in calls of {}", told.join("\n"), batch_size);
    Ok(())
}

/// Every choice of thirteen changes, in calls of one, two and three.
#[test]
fn every_choice_of_changes_takes_the_fewest_calls_there_are() {
    let who = |name: &str| Email::observed(&format!("{name}@example.com"));
    let user = |name: &str| Holder::User(who(name));
    let on_bot = |holder: Holder, role: &str| Key::BotRole(holder, role.into(), "st-1".into());
    let master = |name: &str| Key::AdminRole(user(name), RoleName::MASTER_ADMIN.into());
    // New: ann, ben. Stay: kim, leo. Leaves: tom.
    let all = [
        (Key::RoleDefinition(RoleType::Bot, "Analyst".into()), false),
        (Key::Member(who("ann")), false),
        (on_bot(user("ann"), "Analyst"), false),
        (Key::Member(who("ben")), false),
        (Key::DataTables(who("ben")), false),
        (on_bot(user("kim"), "Analyst"), false),
        (on_bot(user("leo"), "Bot Tester"), true),
        (on_bot(Holder::Group(GroupName::new("QA")), "Analyst"), false),
        (Key::Assigned(who("kim"), "st-1".into()), false),
        (Key::InGroup(who("leo"), "QA".into()), true),
        (master("kim"), false),
        (master("leo"), true),
        (Key::Member(who("tom")), true),
    ];
    for choice in 0_u32..1 << all.len() {
        let is_chosen = |at: usize| choice & (1 << at) != 0;
        // What is said about somebody new needs them to come.
        if (is_chosen(2) && !is_chosen(1)) || (is_chosen(4) && !is_chosen(3)) {
            continue;
        }
        let chosen = all.iter().enumerate().filter(|(at, _)| is_chosen(*at));
        let mut changes: Vec<Change> =
            chosen.map(|(_, (key, is_removal))| change(key.clone(), *is_removal)).collect();
        order::link(&mut changes);
        for batch_size in 1..=3 {
            takes_the_fewest_calls(&changes, batch_size).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn small_plans_take_the_fewest_calls_there_are(changes in changes(4, 9), batch_size in 1usize..4) {
        takes_the_fewest_calls(&changes, batch_size)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn large_plans_take_no_more_than_full_calls_and_one_more_a_round(
        changes in changes(60, 400),
        batch_size in 1usize..60,
    ) {
        let changes: Vec<&Change> = changes.iter().collect();
        let calls = pack(&changes, batch_size);
        every_rule_holds(&changes, &calls, batch_size)?;
        let entries = entries(&changes);
        let rounds = round_ranges(&entries, &needs(&entries, &changes)).iter().map(|range| range.latest).max().unwrap_or(0) + 1;
        let mut by_kind: BTreeMap<WriteKind, usize> = BTreeMap::new();
        for entry in &entries {
            *by_kind.entry(entry.kind).or_default() += 1;
        }
        for (kind, count) in by_kind {
            let sent = calls.iter().filter(|call| call.kind == kind).count();
            prop_assert!(sent < count.div_ceil(batch_size) + rounds, "{} {sent} for {count}", kind.label());
        }
    }
}
