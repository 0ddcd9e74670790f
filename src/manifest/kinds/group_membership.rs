//! `KoreGroupMembership`: who is in a group of the platform.

use super::shared::{AbsentPerson, DeletionPolicy, MembershipMode, PersonSubject};
use super::status::ObjectStatus;
use crate::facts::{BotRef, GroupName, ScopeExtent};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Members of an existing group at the platform.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KoreGroupMembership",
    plural = "koregroupmemberships",
    namespaced,
    shortname = "kgm",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "Members of an existing group at the platform.",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.group"),
    printcolumn(name = "Membership", type_ = "string", json_path = ".spec.membership"),
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
    selectable = ".spec.group"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::LOCAL_GROUP.rule())]
pub struct KoreGroupMembershipSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// Name of the group. Groups cannot be created through the API: it must exist. Immutable.
    #[x_kube(validation = crate::manifest::kinds::rules::TARGET_IS_IMMUTABLE.rule())]
    pub group: GroupName,
    /// Authoritative: members that are not declared are removed; needs `local: true`. Additive: they stay.
    #[serde(default)]
    pub membership: MembershipMode,
    /// Whether the group is managed in the Admin Console and not synchronised from a directory.
    #[serde(default)]
    pub local: bool,
    /// Users and teams that are in the group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub subjects: Vec<PersonSubject>,
    /// Users that must not be in the group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub absent: Vec<AbsentPerson>,
    /// Allows an Authoritative membership without subjects to empty the group.
    #[serde(default, skip_serializing_if = "super::shared::is_false")]
    pub allow_empty: bool,
    /// What happens to what this object granted when it is not declared any more: removed (the default) or kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

impl KoreGroupMembershipSpec {
    /// The list of holders that it is about.
    pub(in crate::manifest) fn list(&self) -> ScopeExtent<BotRef> {
        ScopeExtent::Group(self.group.clone())
    }
}
