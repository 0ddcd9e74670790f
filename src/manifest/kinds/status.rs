//! The status that the controller writes: one shape for every declared kind, and one for the account.
//!
//! No field holds the time of a run: a pass that finds nothing new changes no status.

use super::text;
use crate::facts::Family;
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

/// The state of a declared object.
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
    /// Ids that the names in the spec resolved to at first. A name that later resolves to another id is an error.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub resolved: BTreeMap<String, String>,
    /// `KoreUser` only: whether the user is in the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<MembershipState>,
    /// `KoreUser` only: digest of the last sent values of fields that the platform never returns (`profile`,
    /// `dataTables`). When the spec changes, they are sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
    /// `KoreUser` only: when the invitation was first observed open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::timestamp")]
    pub invited_since: Option<Timestamp>,
    /// `KorePolicy` only: the last version that could be judged. It stays in force while a later one has errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<PolicyInForce>,
}

/// A version of a policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyInForce {
    /// The generation of the object.
    pub generation: i64,
    /// Its spec, as JSON.
    #[schemars(length(max = 262_144))]
    pub spec: String,
}

/// Whether a user is in the account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum MembershipState {
    /// The user is not in the account.
    Absent,
    /// The user is invited and has not accepted yet.
    Invited,
    /// The user is in the account.
    Joined,
}

/// The state of an account.
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
    /// Id of the account that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Effective time between complete reads: `spec.interval`, or longer where reads would take more than
    /// `rateLimit.readShare` of the hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_interval: Option<String>,
    /// How the call budget is used at that interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<CallStatus>,
    /// How completely the last read saw each listing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub coverage: BTreeMap<String, String>,
    /// When the complete account was last read. Written at most once a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub last_read: Option<Timestamp>,
    /// Numbers of the last plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<PlanCounts>,
    /// Digest of the last plan, over the ids of its changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_digest: Option<String>,
    /// Removals in the last 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removals: Option<RemovalWindow>,
    /// Changes that were applied more than once in the last 24 hours, because another process reverts them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub repeated: BTreeMap<String, Vec<Timestamp>>,
    /// Users without a `KoreUser` whose invitation is open, and when it was first observed open. At most 500.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, String>")]
    pub invited: BTreeMap<String, Timestamp>,
    /// Assignments of users that are being cleared and sent again. If a run is interrupted, the next one restores them
    /// first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262_144))]
    pub in_flight: Option<String>,
    /// The last handled value of the annotation `koreconcile.dev/reconcile-at`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_reconcile_at: Option<String>,
    /// The highest generation of the memory that was seen. An older memory, or none, is not trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_generation: Option<u64>,
    /// The last handled value of the annotation `koreconcile.dev/accept-memory`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_accept_memory: Option<String>,
}

/// How reads use the call budget. The calls of the current minute are a metric, not status.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallStatus {
    /// Number of calls of one complete read.
    pub per_read: u32,
    /// Calls an hour of complete reads and audit-log polls at the effective interval.
    pub reads_per_hour: u32,
    /// Calls an hour that are left for changes.
    pub left_per_hour: u32,
}

/// Numbers of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanCounts {
    /// Number of objects of this account in the cluster.
    pub objects: u32,
    /// Number of changes that are not applied yet.
    pub changes: u32,
    /// Number of entries that wait for users to accept, for an approval or for time to pass.
    pub waiting: u32,
    /// Number of entries that are blocked.
    pub blocked: u32,
    /// Number of manual steps in the Admin Console.
    pub manual: u32,
    /// Number of entries that a guard refused.
    pub refused: u32,
    /// Number of facts that are not declared.
    pub unmanaged: u32,
}

/// Removals in the last 24 hours.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemovalWindow {
    /// Number of facts removed in the last 24 hours.
    pub used: u32,
    /// Number of removals that `safety.maxRemovals` allows.
    pub allowed: u32,
    /// Removals by time and kind. At most one entry per minute and kind, besides those under way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Removed>,
}

/// Some removals of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// When the facts were removed, to the minute.
    #[schemars(schema_with = "text::timestamp")]
    pub at: Timestamp,
    /// Kind of facts.
    pub family: Family,
    /// Number of facts.
    pub count: u32,
    /// Ids of removals that were about to be sent when this was written. The next run subtracts those not applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1_000))]
    pub under_way: Vec<String>,
}
