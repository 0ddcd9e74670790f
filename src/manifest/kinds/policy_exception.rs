//! `KorePolicyException`: who is excepted from a policy, and until when.

use super::policy::PolicyMatch;
use super::status::ObjectStatus;
use super::text;
use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// An exception from a policy: until its end, what it covers is no violation.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KorePolicyException",
    plural = "korepolicyexceptions",
    namespaced,
    shortname = "kpex",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "An exception from a KorePolicy, with an end.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Policy", type_ = "string", json_path = ".spec.policy"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KorePolicyExceptionSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// Name of the `KorePolicy`.
    #[schemars(length(min = 1, max = 253))]
    pub policy: String,
    /// Whom and what it covers. Left out: every violation of the policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#match: Option<PolicyMatch>,
    /// End of the exception. RFC 3339, such as `2026-12-31T18:00:00Z`.
    #[serde(deserialize_with = "text::required_time")]
    #[schemars(schema_with = "text::timestamp")]
    pub expires_at: Timestamp,
    /// Why it is made, for readers of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// The ticket that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub ticket: Option<String>,
}
