//! The plan as a value: serialisable, versioned, with a digest.

use super::areas::AreaNeed;
use super::effects::Effect;
use super::expiring::Ending;
use super::focus::FocusedRead;
use super::id::hash_json;
pub(super) use super::id::{ChangeId, Digest};
use super::judged::Violation;
use super::sign_in::SignIn;
use super::unmanaged::Unmanaged;
use crate::facts::{
    AccountId, BotId, BotName, BuilderAccess, Directory, Extent, FailOn, GroupId, GroupName, Key, KeyRecord,
    Listing, RoleId, RoleName, RoleType, RuleSeverity, Source, UserId, Value, World,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What would change in one account, and what would not change and why.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Version of this format: `koreconcile.dev/plan/v1`.
    pub format: String,
    /// The account that was planned.
    pub account: AccountRef,
    /// The manifests that the plan was made from.
    pub inputs: Inputs,
    /// How completely the account was read.
    pub observed: ObservedSummary,
    /// Every change between manifests and account, dependencies first.
    pub changes: Vec<Change>,
    /// Facts that cannot be changed now, or whose change is not proved safe.
    pub blocked: Vec<Entry>,
    /// Facts that wait for a user to accept an invitation, for an approval or for time to pass. An entry that lists
    /// changes defers them.
    pub waiting: Vec<Entry>,
    /// Manual steps: the API cannot do them, an administrator can in the Admin Console.
    pub manual: Vec<Entry>,
    /// Refused by a guard.
    pub refused: Vec<Entry>,
    /// What policies do not allow: introduced by this plan, found or cured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// Observed and not declared; not changed.
    pub unmanaged: Vec<Unmanaged>,
    /// Declared values that the platform never returns: sent when the user is created, not compared afterwards.
    #[schemars(with = "Vec<KeyRecord>")]
    pub write_only: Vec<Key>,
    /// Grants that end within 7 days, or ended within a day.
    #[serde(default)]
    pub expiring: Vec<Ending>,
    /// Ids of removals for which only the clock has asked: the memory holds the fact with the end that has passed, and
    /// that end was ahead when it was applied. They need no approval.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ended: BTreeSet<ChangeId>,
    /// Changes that the next sign-in by single sign-on rewrites, and how.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sign_in: BTreeMap<ChangeId, SignIn>,
    /// What manifests declare otherwise than before, without a change at the platform: no call, and a risk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<Effect>,
    /// Areas that the plan touches, and whose approval that needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<AreaNeed>,
    /// Ambiguities of the account, such as two users with one address.
    pub warnings: Vec<String>,
    /// Calls and waiting time that applying takes.
    pub cost: Cost,
    /// Names of the bots that changes and entries refer to, by id.
    #[schemars(with = "BTreeMap<String, String>")]
    pub bots: BTreeMap<BotId, BotName>,
    /// SHA-256 over the sorted ids of all changes, in hex.
    pub digest: Digest,
    /// The git revision that separates edited from drift (`--base`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Changes that an earlier run has applied by this very plan: they are not sent again when they are gone.
    #[serde(skip)]
    pub spent: BTreeSet<ChangeId>,
    /// Addresses and names of people have been replaced. Such a plan can be read, not applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}

/// What applying costs, as intervals: the least, and the most when the platform accepts users only in batches of
/// `batchSize` and every verification needs a second read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Number of write requests, by what they do: `create users`, `assign bot roles`, ….
    pub writes: BTreeMap<String, usize>,
    /// Read requests that check and verify: least and most.
    pub reads: (usize, usize),
    /// Write and read requests together: least and most.
    pub calls: (usize, usize),
    /// Minutes of waiting for the rate limit when the budget is unused at the start: least and most.
    pub minutes: (usize, usize),
}

impl Plan {
    /// The version of this format.
    pub const FORMAT: &'static str = "koreconcile.dev/plan/v1";

    /// Changes that are neither refused, blocked nor deferred, and depend on none that are.
    pub fn sendable(&self) -> Vec<&Change> {
        let entries = self.refused.iter().chain(&self.waiting).chain(&self.blocked);
        let mut held: BTreeSet<&ChangeId> = entries.flat_map(|entry| &entry.changes).collect();
        // Dependencies come first, so that one pass finds what is held through others.
        let mut sendable = Vec::with_capacity(self.changes.len());
        for change in &self.changes {
            if held.contains(&change.id) || change.depends_on.iter().any(|id| held.contains(id)) {
                held.insert(&change.id);
            } else {
                sendable.push(change);
            }
        }
        sendable
    }

    /// Nothing to change, and nothing blocked, manual or refused.
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty()
            && self.blocked.is_empty()
            && self.manual.is_empty()
            && self.refused.is_empty()
    }

    /// Removals of grants that should have ended by now, whatever else they wait for.
    pub fn overdue(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.has_ended())
    }

    /// What no manifest asks for and the account's rules do not tolerate.
    pub fn intolerable<'a>(
        &'a self,
        fail_on: FailOn,
        known: &'a BTreeSet<Key>,
    ) -> impl Iterator<Item = &'a Unmanaged> {
        self.open_unmanaged().filter(move |fact| match fail_on {
            FailOn::High => fact.risk.level >= RiskLevel::High,
            FailOn::New => fact.risk.level >= RiskLevel::High || !known.contains(&fact.subject),
            FailOn::All => true,
            FailOn::Never => false,
        })
    }

    /// The JSON Schema of this format.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Plan)
    }
}

/// The account of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRef {
    /// Name of the `KoreAccount`.
    pub name: String,
    /// Id of the account that answered.
    pub id: Option<AccountId>,
    /// Origin of the Admin API: scheme, host and port.
    pub host: String,
}

/// The manifests that a plan was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inputs {
    /// SHA-256 of the manifests, in hex.
    pub digest: String,
    /// Number of documents read.
    pub documents: usize,
}

/// How completely the account was read for a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedSummary {
    /// SHA-256 of the facts, in hex.
    pub digest: String,
    /// Whether each listing was read completely, partially or not at all.
    pub coverage: BTreeMap<Listing, Extent>,
    /// Number of users looked up by address.
    pub looked_up: usize,
    /// Number of facts observed.
    pub facts: usize,
    /// Number of calls that the read took.
    pub calls: u32,
    /// What was looked at, where that was not the complete account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub focused: Option<FocusedRead>,
}

impl ObservedSummary {
    pub(super) fn from_world(world: &World) -> Self {
        let mut hash = Sha256::new();
        for (key, value) in world.facts() {
            hash_json(&mut hash, &(key, value));
        }
        Self {
            digest: hex::encode(hash.finalize()),
            coverage: world.coverage.listings.clone(),
            looked_up: world.coverage.looked_up.len(),
            facts: world.facts().len(),
            calls: world.calls,
            focused: None,
        }
    }
}

/// One fact to add, change or remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Stable id: a hash of account, fact, before, after and the ids that names resolved to.
    pub id: ChangeId,
    /// The fact that changes.
    #[serde(rename = "subject")]
    #[schemars(with = "KeyRecord")]
    pub key: Key,
    /// How it changes.
    pub action: Action,
    /// The observed value; null when the fact is not in the account.
    pub before: Option<Value>,
    /// The declared value; null when the fact is removed.
    pub after: Option<Value>,
    /// Ids of the names in it when the plan was made. It is not applied when a name has another id by then.
    pub pins: Vec<Pin>,
    /// The manifest lines that declare it.
    pub sources: Vec<Source>,
    /// When the grant ends; of a removal, when what is removed ends or has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Why it was granted, as its manifest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reason: Option<Arc<str>>,
    /// Whether the manifests or the account changed.
    pub origin: Origin,
    /// How much harm the change could do.
    pub risk: Risk,
    /// Whether it can be undone.
    pub reversible: Reversible,
    /// Ids of changes that must be applied and read back before this one is sent.
    pub depends_on: Vec<ChangeId>,
}

impl Change {
    /// What is wanted of the fact, whatever it was before: the same id for every change that wants it.
    pub fn wish(&self) -> ChangeId {
        ChangeId::hash_of(None, &self.key, None, self.after.as_ref(), &[])
    }

    /// Whether it takes away what its end has ended.
    pub fn has_ended(&self) -> bool {
        self.action == Action::Remove && self.until.is_some()
    }

    /// A value that cannot be read is sent again: no difference was seen, so no digest counts it.
    pub fn is_rewrite(&self) -> bool {
        self.action == Action::Change && self.before.is_none()
    }
}

/// What happens to a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The fact is created.
    Add,
    /// The value of the fact changes.
    Change,
    /// A manifest declares the fact absent, or its grant has expired.
    Remove,
    /// Manifests declared the fact earlier, and do not any more.
    Retire,
    /// The fact is not declared in an authoritative list that covers it.
    Prune,
}

impl Action {
    /// Whether the fact is removed.
    pub fn is_removal(self) -> bool {
        matches!(self, Self::Remove | Self::Retire | Self::Prune)
    }

    /// `+`, `~` or `-`.
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove | Self::Retire | Self::Prune => '-',
        }
    }
}

/// What a name in a change meant when the plan was made, or a value that its call carries along. An id that is `None`
/// did not exist: this plan creates it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Pin {
    /// A person.
    User {
        /// The address in lower case.
        email: String,
        /// The user's id.
        id: Option<UserId>,
    },
    /// A role.
    Role {
        /// Admin or bot.
        role_type: RoleType,
        /// Its name.
        role: RoleName,
        /// The role's id.
        id: Option<RoleId>,
    },
    /// A platform group.
    Group {
        /// Its name.
        group: GroupName,
        /// The group's id.
        id: Option<GroupId>,
    },
    /// The builder access that goes with a write of data-table access: both are one call (kore-api 2.12).
    BuilderAccess {
        /// The access that is sent along.
        access: BuilderAccess,
    },
}

/// Whether a change is an edit of the manifests or drift of the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The manifests changed since the base revision.
    Edited,
    /// The account changed: the base revision declares the same.
    Drift,
    /// There is no base revision to compare with.
    #[default]
    Unknown,
}

/// How much harm a change could do, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// The level.
    pub level: RiskLevel,
    /// The reason for the level; empty for low.
    pub why: String,
}

/// How much harm a change could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RiskLevel {
    /// No more than the access that it names.
    Low,
    /// Access is removed, a role changes, or a right to build or change bots is granted.
    Medium,
    /// Admin rights are granted, or a user or a Master Admin is removed.
    High,
    /// Full control of the account is granted.
    Critical,
}

impl RiskLevel {
    /// All of them, the lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// As bad as what a policy of that severity is about.
    pub fn of_severity(severity: RuleSeverity) -> Self {
        match severity {
            RuleSeverity::Low => Self::Low,
            RuleSeverity::Medium => Self::Medium,
            RuleSeverity::High => Self::High,
            RuleSeverity::Critical => Self::Critical,
        }
    }

    /// The level in lower case, as plans show it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Whether a change can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reversible {
    /// The inverse change undoes it completely.
    Yes,
    /// The inverse change leaves traces: an invitation was sent, a role cannot be deleted.
    Partly,
    /// A removed user can only be invited again, without profile.
    No,
}

/// A fact or a set of changes that is not sent, with the reason and the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The facts that it is about, the main one first.
    #[schemars(with = "Vec<KeyRecord>")]
    pub subjects: Vec<Key>,
    /// What it is about, as text, where no fact can name it (an unknown bot, a guard).
    pub subject: String,
    /// The reason, from a closed set.
    pub reason: Reason,
    /// What was found, and the rule.
    pub message: String,
    /// The one safe next step.
    pub next_step: String,
    /// The manifest lines that declare it.
    pub sources: Vec<Source>,
    /// Ids of the changes that it blocks.
    pub changes: Vec<ChangeId>,
}

/// Why something is not sent: a closed set, used in plans, conditions and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Reason {
    /// No bot, or several bots, have that name.
    BotUnresolved,
    /// The bot is not published.
    BotNotPublished,
    /// No role, or several roles, have that name.
    RoleUnresolved,
    /// Several groups have that name, or the list of groups is not complete.
    GroupUnresolved,
    /// The group does not exist, and the API cannot create one.
    GroupMissing,
    /// The user is neither declared nor in the account.
    SubjectUnknown,
    /// The account has two users whose addresses differ only in case.
    AddressAmbiguous,
    /// The read does not prove whether the fact is in the account.
    NotProved,
    /// Manifests or listings were not complete, so nothing is pruned from this list.
    ScopeNotProved,
    /// The fact is declared by an object that exists and is not loaded.
    NotLoaded,
    /// The fact was declared by a commit that these manifests do not contain.
    NewerThanBranch,
    /// A built-in role has permissions that are not declared any more, and the API cannot take them back.
    BuiltInRole,
    /// The user owns bots, and a bot owner cannot be removed.
    OwnsBots,
    /// The user holds it only through a group.
    Inherited,
    /// The assignment contains tasks that the API cannot write back.
    OtherTasks,
    /// The user is invited and has not accepted yet.
    WaitingForAcceptance,
    /// The invitation has been open for longer than `invitations.overdueAfter`.
    InvitationOverdue,
    /// The group has no members, so its roles cannot be read.
    GroupEmpty,
    /// The user is declared absent, and something is declared for them.
    UserAbsent,
    /// `accountId` is not declared, or is not the id of the account that answered.
    AccountNotPinned,
    /// The user is the Primary Admin, or is in `safety.protected`.
    Protected,
    /// There are more removals than the ceilings allow.
    RemovalCeiling,
    /// Too few Master Admins would be left, or the Primary Admin is not declared.
    AdminFloor,
    /// A `KorePolicy` with Deny does not allow what the change brings about.
    PolicyDenied,
    /// A policy is still violated after its `deadline`, and what violates it is declared, or several facts could go.
    PolicyDeadline,
    /// Another process reverted the change repeatedly within a day.
    Contested,
    /// The platform accepted the change in two applies in a row, and shows its own value.
    PlatformKeeps,
    /// This machine's clock and the platform's differ, so nothing is added with an end or removed because of one.
    ClockSkew,
    /// The plan looked only at what has been edited, and the change needs a full read of the account.
    FullReadNeeded,
    /// A list is authoritative for the first time: whom it would remove waits for an explicit yes.
    ListProposed,
    /// The change needs an approval (controller).
    ApprovalRequired,
    /// The removal waits until no object has been edited for `safety.settle` (controller).
    Settling,
}

/// Names of the bots that a plan refers to.
pub(super) fn names_of_bots(plan: &Plan, directory: &Directory) -> BTreeMap<BotId, BotName> {
    let entries = [&plan.blocked, &plan.waiting, &plan.manual, &plan.refused];
    let keys = plan
        .changes
        .iter()
        .map(|change| &change.key)
        .chain(entries.into_iter().flatten().flat_map(|entry| &entry.subjects))
        .chain(plan.violations.iter().flat_map(|violation| &violation.facts))
        .chain(plan.unmanaged.iter().map(|unmanaged| &unmanaged.subject))
        .chain(plan.expiring.iter().map(|ending| &ending.subject))
        .chain(plan.declared.iter().filter_map(|effect| effect.subject.as_ref()));
    names_of(keys, |bot| directory.bots.get(bot).map(|entry| entry.name.clone()))
}

/// Names of the bots that facts refer to, as far as they are known.
pub(super) fn names_of<'k>(
    keys: impl Iterator<Item = &'k Key>,
    name: impl Fn(&BotId) -> Option<BotName>,
) -> BTreeMap<BotId, BotName> {
    keys.filter_map(Key::bot).filter_map(|bot| Some((bot.clone(), name(bot)?))).collect()
}
