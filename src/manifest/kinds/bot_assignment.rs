//! `KoreBotAssignment`: which users a bot is assigned to.

use super::shared::{AbsentPerson, DeletionPolicy, MembershipMode, PersonSubject};
use super::status::ObjectStatus;
use crate::facts::{BotRef, DialogId, ScopeExtent};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Users to whom a bot is assigned as end users. The bot must be published to the enterprise.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KoreBotAssignment",
    plural = "korebotassignments",
    namespaced,
    shortname = "kba",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "Users to whom a bot is assigned as end users.",
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
pub struct KoreBotAssignmentSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// The bot, by name, or by its `st-…` id where names repeat. Immutable.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(validation = crate::manifest::kinds::rules::TARGET_IS_IMMUTABLE.rule())]
    pub bot: String,
    /// Ids of dialog tasks, `dg-…`. Empty: all dialog tasks of the bot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub dialogs: Vec<DialogId>,
    /// Authoritative: users that are not declared lose the bot; each plan reads the assignments of every user. Additive:
    /// they keep it.
    #[serde(default)]
    pub membership: MembershipMode,
    /// Users and teams to whom the bot is assigned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub subjects: Vec<PersonSubject>,
    /// Users to whom the bot must not be assigned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub absent: Vec<AbsentPerson>,
    /// Allows an Authoritative assignment without subjects to remove the bot from every user.
    #[serde(default, skip_serializing_if = "super::shared::is_false")]
    pub allow_empty: bool,
    /// What happens to what this object granted when it is not declared any more: removed (the default) or kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

impl KoreBotAssignmentSpec {
    /// The list of holders that it is about.
    pub(in crate::manifest) fn list(&self) -> ScopeExtent<BotRef> {
        ScopeExtent::Assignments(BotRef::new(&self.bot))
    }
}
