//! `KoreRoleBinding`: who holds a role.

use super::shared::{AbsentSubject, DeletionPolicy, MembershipMode, RoleKind, Subject};
use super::status::ObjectStatus;
use crate::facts::{BotRef, RoleName, ScopeExtent};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who holds a role: an admin role, or a role on one bot.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KoreRoleBinding",
    plural = "korerolebindings",
    namespaced,
    shortname = "krb",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "Who holds a role: an admin role, or a role on one bot.",
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.role.name"),
    printcolumn(name = "Bot", type_ = "string", json_path = ".spec.bot"),
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
    selectable = ".spec.bot"
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = crate::manifest::kinds::rules::BOT_OF_ROLE.rule(),
    validation = crate::manifest::kinds::rules::NO_BOT_OWNER.rule(),
    validation = crate::manifest::kinds::rules::MASTER_ADMIN_TO_USERS.rule()
)]
pub struct KoreRoleBindingSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// The role: built in, declared as a `KoreRole`, or existing in the account. Immutable.
    #[x_kube(validation = crate::manifest::kinds::rules::TARGET_IS_IMMUTABLE.rule())]
    pub role: RoleRef,
    /// The bot, by name, or by its `st-…` id where names repeat. Required for Bot roles, forbidden for Admin roles.
    /// Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = crate::manifest::kinds::rules::TARGET_IS_IMMUTABLE.rule())]
    pub bot: Option<String>,
    /// Authoritative: holders that are not declared lose the role. Additive: they keep it.
    #[serde(default)]
    pub membership: MembershipMode,
    /// Users, teams and groups that hold the role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub subjects: Vec<Subject>,
    /// Users and groups that must not hold the role, whoever gave it to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub absent: Vec<AbsentSubject>,
    /// Allows an Authoritative binding without subjects to remove the role from every holder.
    #[serde(default, skip_serializing_if = "super::shared::is_false")]
    pub allow_empty: bool,
    /// What happens to what this object granted when it is not declared any more: removed (the default) or kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

impl KoreRoleBindingSpec {
    /// The list of holders that it is about.
    pub(in crate::manifest) fn list(&self) -> ScopeExtent<BotRef> {
        let role = RoleName::canonical(self.role.r#type.into(), &self.role.name);
        match &self.bot {
            Some(bot) => ScopeExtent::BotRole(role, BotRef::new(bot)),
            None => ScopeExtent::AdminRole(role),
        }
    }
}

/// A role by type and name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleRef {
    /// Admin: rights in the Admin Console. Bot: rights on one bot.
    pub r#type: RoleKind,
    /// The role's name at the platform.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
}
