//! `KorePlan`: what the controller would do, for a person to look at. Written by the controller only.

use super::text;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the controller would do to an account, waiting for a `KorePlanApproval`. A plan with many changes comes in
/// several parts: objects of the same digest, each with its number.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KorePlan",
    plural = "koreplans",
    namespaced,
    shortname = "kp",
    category = "kore",
    derive = "PartialEq",
    status = "KorePlanStatus",
    doc = "What the controller would do to a Kore.ai account, waiting for a KorePlanApproval.",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.account"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Add", type_ = "integer", json_path = ".spec.counts.add"),
    printcolumn(name = "Change", type_ = "integer", json_path = ".spec.counts.alter"),
    printcolumn(name = "Remove", type_ = "integer", json_path = ".spec.counts.remove"),
    printcolumn(name = "Risk", type_ = "string", json_path = ".spec.risk"),
    printcolumn(name = "Part", type_ = "string", json_path = ".spec.part"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Riskiest", type_ = "string", json_path = ".spec.riskiest", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::PLAN_IS_IMMUTABLE.rule())]
pub struct KorePlanSpec {
    /// Name of the `KoreAccount`.
    #[schemars(length(min = 1, max = 253))]
    pub account: String,
    /// Digest of the plan: over the ids of its changes. What a `KorePlanApproval` names.
    #[schemars(length(min = 64, max = 64))]
    pub digest: String,
    /// Which part this is: `1/3`.
    #[schemars(length(max = 16))]
    pub part: String,
    /// All changes that wait for an approval, in numbers.
    pub counts: KorePlanCounts,
    /// The highest risk among them.
    #[schemars(length(max = 16))]
    pub risk: String,
    /// The riskiest change, in one line.
    #[schemars(length(max = 512))]
    pub riskiest: String,
    /// The changes of this part, the riskiest first.
    #[schemars(length(max = 500))]
    pub changes: Vec<PlannedChange>,
}

/// Changes in numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KorePlanCounts {
    /// Facts to add.
    pub add: u32,
    /// Facts to alter.
    pub alter: u32,
    /// Facts to remove.
    pub remove: u32,
}

/// One change, as a person reads it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// Names the change across runs; what a `KorePlanApproval` may list.
    #[schemars(length(min = 16, max = 16))]
    pub id: String,
    /// The change in one line.
    #[schemars(length(max = 1024))]
    pub change: String,
    /// low, medium, high or critical, and why.
    #[schemars(length(max = 256))]
    pub risk: String,
    /// Why it is not applied without an approval.
    #[schemars(length(max = 512))]
    pub why: String,
    /// The objects that ask for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 512)))]
    pub sources: Vec<String>,
}

/// Where a plan stands.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KorePlanStatus {
    /// Where it stands.
    #[serde(default)]
    pub phase: PlanPhase,
    /// Changes of the whole plan that an approval covers.
    #[serde(default)]
    pub approved: u32,
    /// When it was settled, one way or the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::moment")]
    pub settled_at: Option<jiff::Timestamp>,
}

/// Where a plan stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum PlanPhase {
    /// Nobody has said anything.
    #[default]
    Pending,
    /// An approval covers some or all of it.
    Approved,
    /// None of its changes is wanted or missing any more.
    Done,
    /// A newer plan took its place.
    Superseded,
}
