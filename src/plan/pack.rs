//! Changes into the fewest calls, in the words of facts; `apply` encodes them.
//!
//! In: changes with their dependencies, and how many entries a write may carry. Out: calls in order, each with the
//! changes it carries. A new user's roles, groups, assignments and access travel in the one entry that creates
//! them; role changes of many users travel in one assignments call; the users update carries what is left.
//!
//! # Guarantees
//!
//! Every change is in exactly one call. A call comes after the calls its changes depend on, and never shares one
//! with them. No call carries more entries than asked. What takes Master Admin away travels alone.

use super::model::{Change, ChangeId, Pin};
use crate::facts::{BuilderAccess, Email, Holder, Key, RoleType, Value};
use std::collections::{BTreeMap, HashMap};

/// What one write does; the order is the order of sending within a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WriteKind {
    /// Upload and import role definitions: two calls.
    ImportAdminRoles,
    /// Upload and import role definitions: two calls.
    ImportBotRoles,
    /// Create users with everything wanted of them.
    CreateUsers,
    /// Names, access, groups and assignments of users.
    UpdateUsers,
    /// Give and take admin roles.
    AssignAdminRoles,
    /// Give and take bot roles.
    AssignBotRoles,
    /// Set data-table access. One call says one thing about everyone in it, builder access included (kore-api
    /// 2.12), so people with another access need another call.
    SetDataTables {
        /// May use data tables.
        allow: bool,
        /// Their builder access.
        access: BuilderAccess,
    },
    /// Take Master Admin away: after everything that gives it was read back, and never beside something else.
    TakeMasterAdmin,
    /// Remove users from the account.
    RemoveUsers,
}

impl WriteKind {
    /// Requests that one call of this kind takes.
    pub fn requests(self) -> usize {
        match self {
            Self::ImportAdminRoles | Self::ImportBotRoles => 2,
            Self::CreateUsers
            | Self::UpdateUsers
            | Self::AssignAdminRoles
            | Self::AssignBotRoles
            | Self::SetDataTables { .. }
            | Self::TakeMasterAdmin
            | Self::RemoveUsers => 1,
        }
    }

    /// As people read it: `create users`.
    pub fn label(self) -> &'static str {
        match self {
            Self::ImportAdminRoles => "import admin roles",
            Self::ImportBotRoles => "import bot roles",
            Self::CreateUsers => "create users",
            Self::UpdateUsers => "update users",
            Self::AssignAdminRoles => "assign admin roles",
            Self::AssignBotRoles => "assign bot roles",
            Self::SetDataTables { .. } => "set data-table access",
            Self::TakeMasterAdmin => "take Master Admin away",
            Self::RemoveUsers => "remove users",
        }
    }

    /// Nothing goes before its turn although it could: an addition that waits for nothing then shares its call with one
    /// that waits for a role. A round without calls costs nothing.
    fn first_round(self) -> usize {
        match self {
            Self::ImportAdminRoles | Self::ImportBotRoles => 0,
            Self::CreateUsers => 1,
            Self::UpdateUsers
            | Self::AssignAdminRoles
            | Self::AssignBotRoles
            | Self::SetDataTables { .. }
            | Self::TakeMasterAdmin
            | Self::RemoveUsers => 2,
        }
    }

    fn for_change(change: &Change, joining: Option<BuilderAccess>) -> Self {
        let is_joining = joining.is_some();
        match (&change.key, change.action.is_removal()) {
            (Key::RoleDefinition(RoleType::Admin, _), _) => Self::ImportAdminRoles,
            (Key::RoleDefinition(RoleType::Bot, _), _) => Self::ImportBotRoles,
            (Key::DataTables(_), _) => Self::SetDataTables {
                allow: matches!(change.after, Some(Value::DataTables(true))),
                access: joining.or_else(|| pinned_access(change)).unwrap_or(BuilderAccess::None),
            },
            (Key::Member(_), true) => Self::RemoveUsers,
            (Key::Member(_), false) => Self::CreateUsers,
            (Key::Names(_) | Key::Access(_) | Key::Profile(_) | Key::InGroup(..) | Key::Assigned(..), _)
            | (Key::AdminRole(Holder::User(_), _) | Key::BotRole(Holder::User(_), _, _), false)
                if is_joining =>
            {
                Self::CreateUsers
            }
            (Key::Names(_) | Key::Access(_) | Key::Profile(_) | Key::InGroup(..) | Key::Assigned(..), _) => {
                Self::UpdateUsers
            }
            (Key::AdminRole(_, role), true) if role.is_master_admin() => Self::TakeMasterAdmin,
            (Key::AdminRole(..), _) => Self::AssignAdminRoles,
            (Key::BotRole(..), _) => Self::AssignBotRoles,
        }
    }
}

/// The builder access of an existing user: the call that sets data-table access sets that as well.
fn pinned_access(change: &Change) -> Option<BuilderAccess> {
    change.pins.iter().find_map(|pin| match pin {
        Pin::BuilderAccess { access } => Some(*access),
        Pin::User { .. } | Pin::Role { .. } | Pin::Group { .. } => None,
    })
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What it does.
    pub kind: WriteKind,
    /// Its entries; each holds changes that are sent, and fail, together.
    pub entries: Vec<Vec<ChangeId>>,
}

impl Call {
    /// All changes it carries.
    pub fn changes(&self) -> impl Iterator<Item = &ChangeId> {
        self.entries.iter().flatten()
    }
}

/// Packs changes into calls, in the order to send them.
pub fn pack(changes: &[&Change], batch_size: usize) -> Vec<Call> {
    let entries = entries(changes);
    let round_ranges = round_ranges(&entries, changes);
    let last = round_ranges.iter().map(|range| range.latest).max().unwrap_or(0);

    let mut by_kind: BTreeMap<WriteKind, Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        by_kind.entry(entry.kind).or_default().push(at);
    }
    let mut rounds: Vec<Vec<Call>> = vec![Vec::new(); last + 1];
    for (kind, mut waiting) in by_kind {
        for (round, calls) in rounds.iter_mut().enumerate() {
            let (mut ready, later): (Vec<usize>, Vec<usize>) =
                waiting.into_iter().partition(|at| round_ranges[*at].earliest <= round);
            // Those that must go first, first; the sort keeps the order of the plan otherwise.
            ready.sort_by_key(|at| round_ranges[*at].latest);
            let due = ready.iter().filter(|at| round_ranges[**at].latest == round).count();
            // A call that must go takes others along; nothing else is sent before it has to be.
            let sent = (due.div_ceil(batch_size) * batch_size).min(ready.len());
            for batch in ready[..sent].chunks(batch_size) {
                let entries = batch.iter().map(|at| entries[*at].changes.clone()).collect();
                calls.push(Call { kind, entries });
            }
            waiting = ready[sent..].iter().copied().chain(later).collect();
        }
    }
    rounds.into_iter().flatten().collect()
}

/// What travels as one: all that one entry of a body says.
struct BodyEntry {
    kind: WriteKind,
    changes: Vec<ChangeId>,
    members: Vec<usize>,
}

/// Groups changes into entries. What is said about one user in one body is one entry, unless a part of it has to
/// wait for something else.
fn entries(changes: &[&Change]) -> Vec<BodyEntry> {
    let joining = joining(changes);
    let mut entries: Vec<BodyEntry> = Vec::new();
    let mut open: HashMap<(WriteKind, &Email, Vec<&ChangeId>), usize> = HashMap::new();
    for (member, change) in changes.iter().enumerate() {
        let access = change.key.email().and_then(|email| joining.get(email).copied());
        let kind = WriteKind::for_change(change, access);
        let slot = match (kind, change.key.email()) {
            (WriteKind::CreateUsers, Some(email)) => Some((kind, email, Vec::new())),
            (WriteKind::UpdateUsers, Some(email)) => Some((kind, email, change.depends_on.iter().collect())),
            _ => None,
        };
        let at = slot.as_ref().and_then(|slot| open.get(slot).copied()).unwrap_or_else(|| {
            entries.push(BodyEntry { kind, changes: Vec::new(), members: Vec::new() });
            entries.len() - 1
        });
        if let Some(slot) = slot {
            open.insert(slot, at);
        }
        entries[at].changes.push(change.id.clone());
        entries[at].members.push(member);
    }
    entries
}

/// People these changes create, with the builder access they start with: none unless it is declared, where the
/// API's own default would be all of it (kore-api 2.1).
pub fn joining<'a>(changes: &[&'a Change]) -> HashMap<&'a Email, BuilderAccess> {
    let mut joining: HashMap<&Email, BuilderAccess> = HashMap::new();
    for change in changes {
        match (&change.key, &change.after) {
            (Key::Member(email), Some(_)) => {
                joining.entry(email).or_insert(BuilderAccess::None);
            }
            (Key::Access(email), Some(Value::Access(access))) => {
                joining.entry(email).and_modify(|known| *known = *access);
            }
            (
                Key::RoleDefinition(..)
                | Key::Member(_)
                | Key::Names(_)
                | Key::Access(_)
                | Key::Profile(_)
                | Key::DataTables(_)
                | Key::InGroup(..)
                | Key::AdminRole(..)
                | Key::BotRole(..)
                | Key::Assigned(..),
                _,
            ) => {}
        }
    }
    joining
}

/// The rounds in which an entry may be sent.
#[derive(Clone, Copy)]
struct RoundRange {
    earliest: usize,
    latest: usize,
}

/// Earliest: its endpoint's turn, and one round after the last thing it waits for. Latest: one round before the first thing that waits for
/// it, else the last round.
fn round_ranges(entries: &[BodyEntry], changes: &[&Change]) -> Vec<RoundRange> {
    let home: HashMap<&ChangeId, usize> = entries
        .iter()
        .enumerate()
        .flat_map(|(at, entry)| entry.changes.iter().map(move |id| (id, at)))
        .collect();
    let needs: Vec<Vec<usize>> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| {
            let mut needs: Vec<usize> = entry
                .members
                .iter()
                .flat_map(|member| &changes[*member].depends_on)
                .filter_map(|id| home.get(id).copied())
                .filter(|needed| *needed != at)
                .collect();
            needs.sort_unstable();
            needs.dedup();
            needs
        })
        .collect();

    let mut earliest: Vec<usize> = entries.iter().map(|entry| entry.kind.first_round()).collect();
    let most = entries.len() + earliest.iter().max().copied().unwrap_or(0);
    // Chains are short (role, user, addition, removal), so this settles in a few passes.
    loop {
        let mut is_settled = true;
        for (at, needs) in needs.iter().enumerate() {
            let round = needs.iter().map(|needed| earliest[*needed] + 1).max().unwrap_or(0);
            if round > earliest[at] && round <= most {
                earliest[at] = round;
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
    let last = earliest.iter().copied().max().unwrap_or(0);
    let mut latest = vec![last; entries.len()];
    for (at, needs) in needs.iter().enumerate() {
        for needed in needs {
            latest[*needed] = latest[*needed].min(earliest[at] - 1);
        }
    }
    earliest.into_iter().zip(latest).map(|(earliest, latest)| RoundRange { earliest, latest }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::order;
    use super::super::{Action, Origin, Reversible, Risk, RiskLevel};
    use super::*;
    use crate::facts::{DialogSet, GroupName, Membership, RoleName, RoleSpec};
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
            let rounds = round_ranges(&entries, &changes).iter().map(|range| range.latest).max().unwrap_or(0) + 1;
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
}
