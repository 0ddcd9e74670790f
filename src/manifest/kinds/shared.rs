//! What several kinds say in the same words.

use super::text;
pub use crate::facts::DeletionPolicy;
use crate::facts::{Email, GroupName, RoleType};
use jiff::Timestamp;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether the user is in the account.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// The user is in the account, or is invited.
    #[default]
    Present,
    /// The user is removed from the account.
    Absent,
}

/// What happens to holders that are not declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum MembershipMode {
    /// Other holders are not touched.
    #[default]
    Additive,
    /// The list is authoritative: other holders are pruned.
    Authoritative,
}

/// Whether a role is for the account or for one bot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum RoleKind {
    /// Rights in the Admin Console.
    Admin,
    /// Rights on one bot.
    Bot,
}

impl From<RoleKind> for RoleType {
    fn from(kind: RoleKind) -> Self {
        match kind {
            RoleKind::Admin => Self::Admin,
            RoleKind::Bot => Self::Bot,
        }
    }
}

/// Who holds a role: exactly one of `user`, `team` and `group`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::ONE_SUBJECT.rule())]
pub struct Subject {
    /// E-mail address of a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Email>,
    /// Name of a `KoreTeam`: each of its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub team: Option<String>,
    /// Name of an existing group at the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// End of the grant. From then on it counts as declared absent. RFC 3339, such as `2026-12-31T18:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::optional_time")]
    #[schemars(schema_with = "text::timestamp")]
    pub expires_at: Option<Timestamp>,
    /// Why it is granted, for readers of the manifest; `explain` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// The ticket that asks for it; a `KorePolicy` may require one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub ticket: Option<String>,
}

/// Who: exactly one of `user` and `team`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::ONE_PERSON_SUBJECT.rule())]
pub struct PersonSubject {
    /// E-mail address of a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Email>,
    /// Name of a `KoreTeam`: each of its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub team: Option<String>,
    /// End of the grant. From then on it counts as declared absent. RFC 3339, such as `2026-12-31T18:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::optional_time")]
    #[schemars(schema_with = "text::timestamp")]
    pub expires_at: Option<Timestamp>,
    /// Why it is granted, for readers of the manifest; `explain` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub reason: Option<String>,
    /// The ticket that asks for it; a `KorePolicy` may require one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub ticket: Option<String>,
}

/// A holder that is declared absent: exactly one of `user` and `group`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::ONE_ABSENT.rule())]
pub struct AbsentSubject {
    /// E-mail address of a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Email>,
    /// Name of an existing group at the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
}

/// A user that is declared absent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AbsentPerson {
    /// E-mail address of a user.
    pub user: Email,
}

/// For `skip_serializing_if`: what is false by default need not be written.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}
