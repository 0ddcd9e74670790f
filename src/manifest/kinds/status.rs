//! What the controller writes back: one shape for every kind a person declares, and one for the account.
//!
//! No field holds the time of a run: a pass that finds nothing new changes no status.

use super::text;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The longest text that `inFlight` takes: one batch of people with all their bots, well below what etcd stores.
pub const IN_FLIGHT_MAX: usize = 262_144;

/// The most ids that one entry of `underWay` lists.
pub const UNDER_WAY_MAX: usize = 1_000;

/// What became of a declared object.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStatus {
    /// The generation of the spec that the rest of the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Synced` and `Accepted`, and `Reconciling` or `Stalled` where they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
    /// What the names in the spec meant when they were first resolved. A name that later means another id is not
    /// followed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resolved: BTreeMap<String, String>,
    /// `KoreUser` only: where the person stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<MembershipState>,
    /// `KoreUser` only: digest of the fields that were sent last and that the platform never shows (`profile`,
    /// `dataTables`). When the spec says something else, they are sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// `KoreUser` only: since when the invitation has been seen open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::moment")]
    pub invited_since: Option<Timestamp>,
}

/// Where a person stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum MembershipState {
    /// Not in the account.
    Absent,
    /// Invited, and has not accepted.
    Invited,
    /// In the account.
    Joined,
}

/// What the controller knows of an account.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// The generation of the spec that the rest of the status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Synced` and `Accepted`, and `Reconciling` or `Stalled` where they hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
    /// Id of the tenant that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Time between full reads: `spec.interval`, or longer where reads would take more than `rateLimit.readShare` of
    /// the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_interval: Option<String>,
    /// The call budget at that interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<CallStatus>,
    /// How much of each listing the last read proved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub coverage: BTreeMap<String, String>,
    /// The last plan, in numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<PlanCounts>,
    /// Digest of the last plan: over the ids of its changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_digest: Option<String>,
    /// What was taken away in the last 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals: Option<RemovalWindow>,
    /// Changes that were applied more than once in the last 24 hours: somebody else undoes them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub repeated: BTreeMap<String, Vec<Timestamp>>,
    /// People without a `KoreUser` whose invitation is open, and since when it has been seen so. At most 500.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub invited: BTreeMap<String, Timestamp>,
    /// What people shall be assigned whose assignments are being cleared and sent anew, until they have it: the next
    /// run restores it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub in_flight: Option<String>,
    /// The last value of the annotation `koreconcile.dev/reconcile-at` that was acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_reconcile_at: Option<String>,
}

/// The call budget as one read uses it. Calls used in this minute are a metric, not status.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallStatus {
    /// Calls that one full read takes.
    pub per_read: u32,
    /// Calls an hour that reads and hints take at the effective interval.
    pub reads_per_hour: u32,
    /// Calls an hour that are left for changes.
    pub left_per_hour: u32,
}

/// A plan in numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanCounts {
    /// Objects of this account in the cluster.
    pub objects: u32,
    /// Changes that are not applied yet.
    pub changes: u32,
    /// Entries that wait for people to accept, or for a time to pass.
    pub waiting: u32,
    /// Entries that cannot be done as things are.
    pub blocked: u32,
    /// Entries for a person, in the Admin Console.
    pub manual: u32,
    /// Entries a guard refused.
    pub refused: u32,
    /// Facts nobody declared.
    pub unmanaged: u32,
}

/// Removals in a rolling day.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemovalWindow {
    /// Facts removed in the last 24 hours.
    pub used: u32,
    /// The most that `safety.maxRemovals` allows.
    pub allowed: u32,
    /// When, of which kind, and how many. At most one entry for a minute and kind, besides what is under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Removed>,
}

/// Some removals of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// When.
    #[schemars(schema_with = "text::moment")]
    pub at: Timestamp,
    /// Kind of facts: `membership`, `bot roles`, ….
    pub family: String,
    /// How many.
    pub count: u32,
    /// Ids of those that were about to be sent when this was written. The next run takes off what is still there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1_000))]
    pub under_way: Vec<String>,
}
