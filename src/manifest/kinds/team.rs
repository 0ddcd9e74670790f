//! `KoreTeam`: a list of users with the same access.

use super::status::ObjectStatus;
use crate::facts::Email;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// A list of users with the same access. A team exists in git or the cluster, not at the platform: a subject that is a
/// team means each of its members.
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
    doc = "A list of users with the same access. It exists in git or the cluster, not at the platform.",
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
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Members", type_ = "string", json_path = ".spec.members", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct KoreTeamSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// Whether members without a `KoreUser` of their own are invited to the account.
    #[serde(default, skip_serializing_if = "super::shared::is_false")]
    pub invite_members: bool,
    /// E-mail addresses of the members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub members: Vec<Email>,
    /// Names of other `KoreTeam`s, whose members are members here too. A cycle is an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)))]
    pub teams: Vec<String>,
}
