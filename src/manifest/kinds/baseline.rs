//! `KoreBaseline`: what was there before anybody declared it, and is known.

use super::role_binding::RoleRef;
use super::status::ObjectStatus;
use crate::facts::{Email, GroupName};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Facts of the account that no manifest asks for, and that are known. They are not changed, and they no longer count
/// as unmanaged.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KoreBaseline",
    plural = "korebaselines",
    namespaced,
    shortname = "kbl",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "Facts of the account that no manifest asks for, and that are known.",
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
pub struct KoreBaselineSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// The facts, as `koreconcile baseline` writes them.
    #[schemars(length(max = 1000))]
    pub facts: Vec<KnownFact>,
}

/// One fact: that a user is in the account; with `memberOf`, in that group; with `role`, that they or a group hold it;
/// with `bot` alone, that the bot is assigned to them.
#[derive(KubeSchema, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = crate::manifest::kinds::rules::ONE_HOLDER.rule(),
    validation = crate::manifest::kinds::rules::KNOWN_FACT.rule()
)]
pub struct KnownFact {
    /// Address of the user it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Email>,
    /// The group that holds the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub group: Option<GroupName>,
    /// The role that is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleRef>,
    /// The bot of a Bot role, or the bot that is assigned; by name, or by its `st-…` id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub bot: Option<String>,
    /// The group that the user is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub member_of: Option<GroupName>,
    /// The day since which it is known, such as `2026-11-30`.
    #[schemars(length(max = 10), regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub since: String,
    /// Why it is left as it is, for readers of the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
}
