//! `KoreRole`: what a role permits.

use super::shared::RoleKind;
use super::status::ObjectStatus;
use crate::facts::{Level, PermissionName};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A role and its permissions. Only declared fields are compared.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KoreRole",
    plural = "koreroles",
    namespaced,
    shortname = "kr",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "A role of the account and its permissions.",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.name"),
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
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    ),
    selectable = ".spec.name"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::FIXED_ROLES.rule())]
pub struct KoreRoleSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// Admin: rights in the Admin Console. Bot: rights on one bot. Immutable.
    #[x_kube(validation = crate::manifest::kinds::rules::ROLE_TYPE_IS_IMMUTABLE.rule())]
    pub r#type: RoleKind,
    /// The role's name at the platform. Immutable.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = crate::manifest::kinds::rules::ROLE_NAME_IS_IMMUTABLE.rule())]
    pub name: String,
    /// Description of the role. Left out: not compared and not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// Level of each permission: FULL, VIEW or NO; for switches "YES" or "NO", quoted. Permissions that are not declared
    /// are not compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 200))]
    pub permissions: BTreeMap<PermissionName, Level>,
}
