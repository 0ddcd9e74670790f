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
use std::collections::{BTreeMap, BTreeSet, HashMap};

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
///
/// Two schedules are made: in one nothing is sent later than it could be, in the other everything has one more round to
/// wait for company. The one with fewer requests is taken.
pub fn pack(changes: &[&Change], batch_size: usize) -> Vec<Call> {
    let entries = entries(changes);
    let needs = needs(&entries, changes);
    let prompt = schedule(&entries, &needs, &round_ranges(&entries, &needs), batch_size);
    let patient = schedule(&entries, &needs, &patient_ranges(&entries, &needs), batch_size);
    let requests = |calls: &[Call]| calls.iter().map(|call| call.kind.requests()).sum::<usize>();
    if requests(&patient) < requests(&prompt) { patient } else { prompt }
}

/// Fills calls round by round. An entry is ready in its range, when all that it waits for has gone in an earlier round.
fn schedule(
    entries: &[BodyEntry],
    needs: &[Vec<usize>],
    ranges: &[RoundRange],
    batch_size: usize,
) -> Vec<Call> {
    let last = ranges.iter().map(|range| range.latest).max().unwrap_or(0);
    let mut is_sent = vec![false; entries.len()];
    let mut calls = Vec::new();
    for round in 0..=last {
        let mut by_kind: BTreeMap<WriteKind, Vec<usize>> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            let is_ready = ranges[at].earliest <= round && needs[at].iter().all(|needed| is_sent[*needed]);
            if is_ready && !is_sent[at] {
                by_kind.entry(entry.kind).or_default().push(at);
            }
        }
        for (kind, mut ready) in by_kind {
            // Those that must go first, first; the sort keeps the order of the plan otherwise.
            ready.sort_by_key(|at| ranges[*at].latest);
            let due = ready.iter().filter(|at| ranges[**at].latest <= round).count();
            // A call that must go takes others along; nothing else is sent before it has to be.
            ready.truncate(due.div_ceil(batch_size) * batch_size);
            for batch in ready.chunks(batch_size) {
                let entries = batch.iter().map(|at| entries[*at].changes.clone()).collect();
                calls.push(Call { kind, entries });
            }
            // Kinds do not wait for each other within a round: what is marked here is seen in the next one.
            for at in ready {
                is_sent[at] = true;
            }
        }
    }
    calls
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

/// The entries that each entry waits for.
fn needs(entries: &[BodyEntry], changes: &[&Change]) -> Vec<Vec<usize>> {
    let home: HashMap<&ChangeId, usize> = entries
        .iter()
        .enumerate()
        .flat_map(|(at, entry)| entry.changes.iter().map(move |id| (id, at)))
        .collect();
    let of_entry = |(at, entry): (usize, &BodyEntry)| {
        let depends_on = entry.members.iter().flat_map(|member| &changes[*member].depends_on);
        let needs: BTreeSet<usize> =
            depends_on.filter_map(|id| home.get(id).copied()).filter(|needed| *needed != at).collect();
        needs.into_iter().collect()
    };
    entries.iter().enumerate().map(of_entry).collect()
}

/// Earliest: its endpoint's turn, and one round after the last thing it waits for. Latest: one round before the first
/// thing that waits for it can go, else the last round.
fn round_ranges(entries: &[BodyEntry], needs: &[Vec<usize>]) -> Vec<RoundRange> {
    let earliest = earliest_rounds(entries, needs);
    let mut latest = vec![earliest.iter().copied().max().unwrap_or(0); entries.len()];
    for (at, needs) in needs.iter().enumerate() {
        for needed in needs {
            latest[*needed] = latest[*needed].min(earliest[at] - 1);
        }
    }
    earliest.into_iter().zip(latest).map(|(earliest, latest)| RoundRange { earliest, latest }).collect()
}

/// The same with one round more, and everything as late as what waits for it allows.
fn patient_ranges(entries: &[BodyEntry], needs: &[Vec<usize>]) -> Vec<RoundRange> {
    let earliest = earliest_rounds(entries, needs);
    let last = earliest.iter().copied().max().unwrap_or(0) + 1;
    let mut latest = vec![last; entries.len()];
    // Chains are short, so this settles in a few passes.
    for _ in 0..=last {
        for (at, needs) in needs.iter().enumerate() {
            for needed in needs {
                latest[*needed] = latest[*needed].min(latest[at].saturating_sub(1));
            }
        }
    }
    earliest.into_iter().zip(latest).map(|(earliest, latest)| RoundRange { earliest, latest }).collect()
}

fn earliest_rounds(entries: &[BodyEntry], needs: &[Vec<usize>]) -> Vec<usize> {
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
            return earliest;
        }
    }
}

#[cfg(test)]
mod tests;
