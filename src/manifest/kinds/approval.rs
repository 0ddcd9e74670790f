//! `KorePlanApproval`: somebody says yes. A kind of its own, so that RBAC can tell editors from approvers.

use super::status::ObjectStatus;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Says yes to changes of an account: to a whole `KorePlan` by its digest, or to single changes by their ids. What it
/// covers is applied as long as it occurs unchanged; what is new waits. Ids of changes over the removal ceiling
/// acknowledge them.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KorePlanApproval",
    plural = "koreplanapprovals",
    namespaced,
    shortname = "kpa",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "Says yes to changes of a Kore.ai account that wait for an approval.",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.account"),
    printcolumn(name = "Digest", type_ = "string", json_path = ".spec.digest"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(name = "Why", type_ = "string", json_path = ".spec.reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
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
    /// Digest of a `KorePlan`: every change that it lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 64, max = 64))]
    pub digest: Option<String>,
    /// Ids of changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5000), inner(length(min = 16, max = 16)))]
    pub changes: Vec<String>,
    /// Why, for those who read it later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
}
