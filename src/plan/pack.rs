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

use super::model::{Change, ChangeId};
use crate::facts::{BuilderAccess, Email, Holder, Key, RoleType, Value};
use std::collections::{BTreeMap, HashMap};

/// What one write does; the order is the order of sending within a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
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

impl Endpoint {
    /// Requests that one call of this kind takes.
    pub fn requests(self) -> usize {
        match self {
            Self::ImportAdminRoles | Self::ImportBotRoles => 2,
            _ => 1,
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

    fn of(change: &Change, joining: Option<BuilderAccess>) -> Self {
        let is_joining = joining.is_some();
        match (&change.key, change.action.is_removal()) {
            (Key::RoleDefinition(RoleType::Admin, _), _) => Self::ImportAdminRoles,
            (Key::RoleDefinition(RoleType::Bot, _), _) => Self::ImportBotRoles,
            (Key::DataTables(_), _) => Self::SetDataTables {
                allow: matches!(change.after, Some(Value::DataTables(true))),
                access: joining.unwrap_or(BuilderAccess::None),
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

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What it does.
    pub endpoint: Endpoint,
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
    let windows = windows(&entries, changes);
    let last = windows.iter().map(|window| window.latest).max().unwrap_or(0);

    let mut by_endpoint: BTreeMap<Endpoint, Vec<usize>> = BTreeMap::new();
    for (at, entry) in entries.iter().enumerate() {
        by_endpoint.entry(entry.endpoint).or_default().push(at);
    }
    let mut rounds: Vec<Vec<Call>> = vec![Vec::new(); last + 1];
    for (endpoint, mut waiting) in by_endpoint {
        // Those that must go first, first; the sort keeps the order of the plan otherwise.
        waiting.sort_by_key(|at| windows[*at].latest);
        for (round, calls) in rounds.iter_mut().enumerate() {
            let (ready, later): (Vec<usize>, Vec<usize>) =
                waiting.into_iter().partition(|at| windows[*at].earliest <= round);
            let due = ready.iter().filter(|at| windows[**at].latest == round).count();
            // A call that must go takes others along; nothing else is sent before it has to be.
            let sent = (due.div_ceil(batch_size) * batch_size).min(ready.len());
            for batch in ready[..sent].chunks(batch_size) {
                let entries = batch.iter().map(|at| entries[*at].changes.clone()).collect();
                calls.push(Call { endpoint, entries });
            }
            waiting = ready[sent..].iter().copied().chain(later).collect();
        }
    }
    rounds.into_iter().flatten().collect()
}

/// What travels as one: all that one entry of a body says.
struct Entry {
    endpoint: Endpoint,
    changes: Vec<ChangeId>,
    members: Vec<usize>,
}

/// Groups changes into entries. What is said about one user in one body is one entry, unless a part of it has to
/// wait for something else.
fn entries(changes: &[&Change]) -> Vec<Entry> {
    let joining = joining(changes);
    let mut entries: Vec<Entry> = Vec::new();
    let mut open: HashMap<(Endpoint, &Email, Vec<&ChangeId>), usize> = HashMap::new();
    for (member, change) in changes.iter().enumerate() {
        let access = change.key.email().and_then(|email| joining.get(email).copied());
        let endpoint = Endpoint::of(change, access);
        let slot = match (endpoint, change.key.email()) {
            (Endpoint::CreateUsers, Some(email)) => Some((endpoint, email, Vec::new())),
            (Endpoint::UpdateUsers, Some(email)) => {
                Some((endpoint, email, change.depends_on.iter().collect()))
            }
            _ => None,
        };
        let at = slot.as_ref().and_then(|slot| open.get(slot).copied()).unwrap_or_else(|| {
            entries.push(Entry { endpoint, changes: Vec::new(), members: Vec::new() });
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
            _ => {}
        }
    }
    joining
}

/// The rounds in which an entry may be sent.
#[derive(Clone, Copy)]
struct Window {
    earliest: usize,
    latest: usize,
}

/// Earliest: one round after the last thing it waits for. Latest: one round before the first thing that waits for
/// it, else the last round.
fn windows(entries: &[Entry], changes: &[&Change]) -> Vec<Window> {
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

    let mut earliest = vec![0; entries.len()];
    // Chains are short (role, user, addition, removal), so this settles in a few passes.
    loop {
        let mut is_settled = true;
        for (at, needs) in needs.iter().enumerate() {
            let round = needs.iter().map(|needed| earliest[*needed] + 1).max().unwrap_or(0);
            if round > earliest[at] && round <= entries.len() {
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
    earliest.into_iter().zip(latest).map(|(earliest, latest)| Window { earliest, latest }).collect()
}
