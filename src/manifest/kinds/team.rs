//! `KoreTeam`: people who get the same things.

use super::status::ObjectStatus;
use crate::facts::Email;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// People who get the same things. A team exists in git or the cluster, not at the platform: where it is named, it
/// stands for its members.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KoreTeam",
    plural = "koreteams",
    namespaced,
    shortname = "kt",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "People who get the same things. It exists in git or the cluster, not at the platform.",
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
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct KoreTeamSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// Members without a `KoreUser` of their own are to be in the account too.
    #[serde(default, skip_serializing_if = "super::shared::is_false")]
    pub invite_members: bool,
    /// E-mail addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub members: Vec<Email>,
    /// Names of other `KoreTeam`s, whose members are members here too. Cycles are an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)))]
    pub teams: Vec<String>,
}
