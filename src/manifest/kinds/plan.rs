//! `KorePlan`: what the controller would do, for an approver to review. Written by the controller only.

use super::text;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A plan of which changes need an approval, or the plan of an account in mode `Observe`: all of its changes. A plan with
/// many changes is split into parts: objects with the same digest, each with its number.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KorePlan",
    plural = "koreplans",
    namespaced,
    shortname = "kp",
    derive = "PartialEq",
    status = "KorePlanStatus",
    doc = "What would change in a Kore.ai account; the controller applies it once a KorePlanApproval covers it.",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.account"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Add", type_ = "integer", json_path = ".spec.counts.add"),
    printcolumn(name = "Change", type_ = "integer", json_path = ".spec.counts.change"),
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
    /// Digest of the plan, over the ids of its changes: the same that the command line shows. Where declarations without a
    /// change need an approval, such as an end that moved, their ids count, too. A `KorePlanApproval` refers to it.
    #[schemars(length(min = 64, max = 64))]
    pub digest: String,
    /// Number of this part and of all parts: `1/3`.
    #[schemars(length(max = 16))]
    pub part: String,
    /// Number of changes of all parts.
    pub counts: KorePlanCounts,
    /// The highest risk of these changes: low, medium, high or critical.
    #[schemars(length(max = 16))]
    pub risk: String,
    /// The riskiest change, in one line.
    #[schemars(length(max = 512))]
    pub riskiest: String,
    /// The changes of this part: those that need an approval first, the riskiest first.
    #[schemars(length(max = 500))]
    pub changes: Vec<PlannedChange>,
}

/// Number of changes, by what they do.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KorePlanCounts {
    /// Number of facts to add.
    pub add: u32,
    /// Number of facts to change.
    pub change: u32,
    /// Number of facts to remove.
    pub remove: u32,
}

/// One change, as an approver reads it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// Id of the change, the same across runs. A `KorePlanApproval` may list it.
    #[schemars(length(min = 16, max = 16))]
    pub id: String,
    /// The change in one line.
    #[schemars(length(max = 1024))]
    pub change: String,
    /// The risk, low, medium, high or critical, and why.
    #[schemars(length(max = 256))]
    pub risk: String,
    /// Why the change needs an approval; empty where it is applied without one.
    #[schemars(length(max = 512))]
    pub why: String,
    /// The objects that declare it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 512)))]
    pub sources: Vec<String>,
}

/// The state of a plan.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KorePlanStatus {
    /// The phase of the plan.
    #[serde(default)]
    pub phase: PlanPhase,
    /// Number of changes, of all parts, that an approval covers.
    #[serde(default)]
    pub approved: u32,
    /// Notices and, in mode Observe, what the account's plan does not change and why, while this is its plan. At most 500,
    /// in the first part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    pub rest: Vec<PlanRest>,
    /// When the plan was done or superseded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "text::timestamp")]
    pub settled_at: Option<jiff::Timestamp>,
}

/// Something that a plan does not change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanRest {
    /// `Refused`, `Blocked`, `Manual`, `Waiting`, `Notice` or `Unmanaged`.
    #[schemars(length(max = 16))]
    pub kind: String,
    /// What it is and why, with the next step.
    #[schemars(length(max = 512))]
    pub message: String,
}

/// The phase of a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum PlanPhase {
    /// No approval covers any of its changes.
    #[default]
    Pending,
    /// An approval covers some or all of its changes.
    Approved,
    /// None of its changes is planned any more.
    Done,
    /// A newer plan has replaced it.
    Superseded,
}
