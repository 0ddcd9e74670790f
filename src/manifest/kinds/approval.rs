//! `KorePlanApproval`: the approval of changes. A kind of its own, so that RBAC can separate editors from approvers.

use super::status::ObjectStatus;
use super::text;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Approves changes of an account: all changes of a plan by its digest, or single changes by their ids. Approved
/// changes are applied as long as they are planned unchanged; new changes wait. Changes of high or critical risk are
/// approved once, or until `expiresAt`. Listing the ids of removals over `safety.maxRemovals` acknowledges them.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KorePlanApproval",
    plural = "koreplanapprovals",
    namespaced,
    shortname = "kpa",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "Approves changes of a Kore.ai account that need an approval.",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.account"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.approvedBy"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.expiresAt"),
    printcolumn(name = "Why", type_ = "string", json_path = ".spec.reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Digest", type_ = "string", json_path = ".spec.digest", priority = 1),
    printcolumn(name = "Changes", type_ = "string", json_path = ".spec.changes", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = crate::manifest::kinds::rules::DIGEST_OR_CHANGES.rule(),
    validation = crate::manifest::kinds::rules::PLAN_IS_IMMUTABLE.rule()
)]
pub struct KorePlanApprovalSpec {
    /// Name of the `KoreAccount`. May be left out when the namespace has exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub account: Option<String>,
    /// Digest of a plan, as a pull request or a `KorePlan` shows it: approves every change of it. It may be created before
    /// the controller has made that plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64))]
    pub digest: Option<String>,
    /// Ids of the approved changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5000), inner(length(min = 16, max = 16)))]
    pub changes: Vec<String>,
    /// Who approves, by the name that the API server knows them by (`kubectl auth whoami`). With the chart's
    /// `admissionPolicies.enabled`, the API server takes no other name than that of whoever creates the approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub approved_by: Option<String>,
    /// Until when it counts. Without it, it counts once for each change of high or critical risk, and for others until it
    /// is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::optional_time")]
    #[schemars(schema_with = "text::timestamp")]
    pub expires_at: Option<jiff::Timestamp>,
    /// Why they are approved, for later readers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
}
