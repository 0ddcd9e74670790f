//! The plan as a value: serialisable, versioned, with a digest.

use super::cost::Cost;
use super::expiring::Ending;
use crate::facts::{
    AccountId, BotId, BotName, Directory, Extent, Key, KeyRecord, Listing, Source, Value, World,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What would change in one account, and what would not and why.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// [`Plan::FORMAT`].
    pub format: String,
    /// Which account.
    pub account: AccountRef,
    /// What the plan was made from.
    pub inputs: Inputs,
    /// What the read of the account proved.
    pub observed: ObservedSummary,
    /// Every change the difference yields, dependencies first.
    pub changes: Vec<Change>,
    /// Cannot be done, or not proved safe, as things are.
    pub blocked: Vec<Entry>,
    /// Will be done when somebody accepts an invitation, or the like. Not a change, unless the entry lists some: those
    /// are put off.
    pub waiting: Vec<Entry>,
    /// The API cannot do it; a person can, in the console.
    pub manual: Vec<Entry>,
    /// A guard says no.
    pub refused: Vec<Entry>,
    /// Seen, declared by nobody, and left alone.
    pub unmanaged: Vec<Unmanaged>,
    /// Wanted values the platform never gives back: sent when the user is created, not compared afterwards.
    #[schemars(with = "Vec<KeyRecord>")]
    pub write_only: Vec<Key>,
    /// Grants that end within 7 days, or ended within a day.
    #[serde(default)]
    pub expiring: Vec<Ending>,
    /// Removals of grants whose time is over: the clock decided, and nobody has to approve them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ended: BTreeSet<ChangeId>,
    /// Oddities of the account a person should know of.
    pub warnings: Vec<String>,
    /// What applying costs.
    pub cost: Cost,
    /// Names of the bots that changes and entries mention, by id.
    #[schemars(with = "BTreeMap<String, String>")]
    pub bots: BTreeMap<BotId, BotName>,
    /// Over the sorted ids of all changes.
    pub digest: Digest,
    /// The revision of the manifests that tells edited from drift (`--base`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Addresses and names of people have been replaced: to be read, never to be applied.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}

impl Plan {
    /// The version of this format.
    pub const FORMAT: &'static str = "koreconcile.dev/plan/v1";

    /// Changes that no guard refuses and that are not put off, and that depend on none of those.
    pub fn sendable(&self) -> Vec<&Change> {
        let mut held: BTreeSet<&ChangeId> =
            self.refused.iter().chain(&self.waiting).flat_map(|entry| &entry.changes).collect();
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

    /// Nothing to do, and nothing in the way.
    pub fn is_clean(&self) -> bool {
        self.changes.is_empty()
            && self.blocked.is_empty()
            && self.manual.is_empty()
            && self.refused.is_empty()
    }

    /// The JSON Schema of this format.
    pub fn schema() -> schemars::Schema {
        schemars::schema_for!(Plan)
    }
}

/// Which account a plan is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountRef {
    /// Name of the `KoreAccount`.
    pub name: String,
    /// The tenant that answered.
    pub id: Option<AccountId>,
    /// Scheme and host of the Admin API.
    pub host: String,
}

/// What a plan was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inputs {
    /// SHA-256 of the manifests, in hex.
    pub digest: String,
    /// Documents read.
    pub documents: usize,
}

/// What the read behind a plan proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedSummary {
    /// SHA-256 of the facts, in hex.
    pub digest: String,
    /// How much of each listing was read.
    pub coverage: BTreeMap<Listing, Extent>,
    /// People looked up one by one.
    pub looked_up: usize,
    /// Facts seen.
    pub facts: usize,
    /// Calls the read took.
    pub calls: u32,
}

impl ObservedSummary {
    pub(super) fn of(world: &World) -> Self {
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
        }
    }
}

/// One fact to add, alter or remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Stable: a hash of the account, the fact, before, after and what the names resolved to.
    pub id: ChangeId,
    /// Which fact.
    #[serde(rename = "subject")]
    #[schemars(with = "KeyRecord")]
    pub key: Key,
    /// Add, alter or remove.
    pub action: Action,
    /// What was seen.
    pub before: Option<Value>,
    /// What shall be.
    pub after: Option<Value>,
    /// What the names in it meant when the plan was made; it is not applied when they mean something else.
    pub pins: Vec<Pin>,
    /// The lines that say so.
    pub sources: Vec<Source>,
    /// Why it is in the plan.
    pub origin: Origin,
    /// What could go wrong for the account's safety.
    pub risk: Risk,
    /// Whether it can be taken back.
    pub reversible: Reversible,
    /// Changes that must be read back before this one is sent.
    pub depends_on: Vec<ChangeId>,
}

impl Change {
    /// A value that cannot be read is sent again: no difference was seen, so no digest counts it.
    pub fn is_rewrite(&self) -> bool {
        self.action == Action::Alter && self.before.is_none()
    }
}

/// What happens to a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It starts to hold.
    Add,
    /// Its value changes.
    Alter,
    /// A manifest says it must not hold.
    RemoveNamed,
    /// A closed scope does not mention it.
    RemoveSwept,
}

impl Action {
    /// Whether something is taken away.
    pub fn is_removal(self) -> bool {
        matches!(self, Self::RemoveNamed | Self::RemoveSwept)
    }

    /// `+`, `~` or `-`.
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Alter => '~',
            Self::RemoveNamed | Self::RemoveSwept => '-',
        }
    }
}

/// A name and the id it meant. `None`: it did not exist and this plan creates it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Pin {
    /// `role Bot Developer`, `group QA`, `user jane.doe@example.com`.
    pub name: String,
    /// The id at the platform.
    pub id: Option<String>,
}

impl Pin {
    /// The builder access that goes with a write of data-table access: both are one call.
    pub const ACCESS: &'static str = "builder access";
}

/// Why a change is in the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The manifests changed.
    Edited,
    /// The account changed.
    Drift,
    /// Nothing to compare with.
    #[default]
    Unknown,
}

/// What could go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Risk {
    /// How much.
    pub level: RiskLevel,
    /// Why; empty for low.
    pub why: String,
}

/// How much could go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RiskLevel {
    /// Everyday.
    Low,
    /// Somebody loses something, or may build.
    Medium,
    /// Somebody may administer, or leaves the account.
    High,
    /// Somebody may do everything.
    Critical,
}

impl RiskLevel {
    /// In lower case, for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Whether a change can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reversible {
    /// By its opposite.
    Yes,
    /// The opposite leaves traces: an invitation was sent, a role cannot be deleted.
    Partly,
    /// A removed user comes back invited, without profile.
    No,
}

/// Something that is not sent, with the reason and the next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Which facts, the first one first.
    #[schemars(with = "Vec<KeyRecord>")]
    pub subjects: Vec<Key>,
    /// What it says for people where no key can name it (an unknown bot, a guard).
    pub subject: String,
    /// From a closed set, for machines.
    pub reason: Reason,
    /// What was found and the rule.
    pub message: String,
    /// The one safe next step.
    pub next_step: String,
    /// The lines that ask for it.
    pub sources: Vec<Source>,
    /// Changes it holds back.
    pub changes: Vec<ChangeId>,
}

/// Why something is not sent: a closed set, for machines and conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Reason {
    /// No bot, or several bots, of that name.
    BotUnresolved,
    /// The bot is not published.
    BotNotPublished,
    /// No role, or several, of that name.
    RoleUnresolved,
    /// Several groups of that name, or the list of groups is not complete.
    GroupUnresolved,
    /// The group does not exist; the API cannot make it.
    GroupMissing,
    /// Neither declared nor in the account.
    SubjectUnknown,
    /// Two users whose addresses differ only in case.
    AddressAmbiguous,
    /// Absence is not proved.
    NotProved,
    /// A read was not complete enough for a removal.
    ScopeNotProved,
    /// The user owns bots.
    OwnsBots,
    /// Held only through a group.
    Inherited,
    /// The assignment lists tasks the API cannot write back.
    OtherTasks,
    /// Invited, has not accepted.
    WaitingForAcceptance,
    /// Invited long ago, has not accepted.
    InvitationOverdue,
    /// The group has no members to read its roles from.
    GroupEmpty,
    /// The user is to be absent, and something else is wanted of them.
    UserAbsent,
    /// `accountId` is missing or another.
    AccountNotPinned,
    /// The Primary Admin or a protected user.
    Protected,
    /// More removals than allowed.
    RemovalCeiling,
    /// Too few Master Admins would be left, or the Primary Admin is not declared.
    AdminFloor,
    /// Applied again and again in a day: somebody else undoes it.
    Contested,
    /// Needs a person's approval (controller).
    ApprovalRequired,
    /// A removal that waits until nothing has been edited for a while (controller).
    Settling,
}

/// A fact nobody declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unmanaged {
    /// Which fact.
    #[schemars(with = "KeyRecord")]
    pub subject: Key,
    /// Why it stays: ownership, an open scope, inherited.
    pub why: String,
}

/// Names one change across runs and machines.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ChangeId(String);

impl ChangeId {
    /// Hash of the observed account, the fact, before, after and pins: 16 hex digits.
    pub(super) fn of(
        account: Option<&AccountId>,
        key: &Key,
        before: Option<&Value>,
        after: Option<&Value>,
        pins: &[Pin],
    ) -> Self {
        let mut hash = Sha256::new();
        hash_json(&mut hash, &(account, key, before, after, pins));
        let mut id = hex::encode(hash.finalize());
        id.truncate(16);
        Self(id)
    }

    /// An id that was written down earlier.
    pub fn known(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names what a plan would do: SHA-256 over the sorted ids of its changes, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Over any set of change ids; order does not matter.
    pub fn of<'a>(ids: impl Iterator<Item = &'a ChangeId>) -> Self {
        let sorted: BTreeSet<&ChangeId> = ids.collect();
        let mut hash = Sha256::new();
        for id in sorted {
            hash.update(id.as_str());
            hash.update(b"\n");
        }
        Self(hex::encode(hash.finalize()))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Feeds a value's JSON to a hash without building it in memory.
fn hash_json(hash: &mut Sha256, value: &impl Serialize) {
    struct Sink<'a>(&'a mut Sha256);
    impl std::io::Write for Sink<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // Neither the sink nor plain values with text keys can fail.
    let _ = serde_json::to_writer(Sink(hash), value);
    hash.update(b"\n");
}

/// Names of the bots that a plan mentions.
pub(super) fn names_of_bots(plan: &Plan, directory: &Directory) -> BTreeMap<BotId, BotName> {
    let entries = [&plan.blocked, &plan.waiting, &plan.manual, &plan.refused];
    plan.changes
        .iter()
        .map(|change| &change.key)
        .chain(entries.into_iter().flatten().flat_map(|entry| &entry.subjects))
        .chain(plan.unmanaged.iter().map(|unmanaged| &unmanaged.subject))
        .chain(plan.expiring.iter().map(|ending| &ending.subject))
        .filter_map(Key::bot)
        .filter_map(|bot| directory.bots.get(bot).map(|entry| (bot.clone(), entry.name.clone())))
        .collect()
}
