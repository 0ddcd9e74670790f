//! `KoreUser`: a person of the account.

use super::shared::{DeletionPolicy, State};
use super::status::ObjectStatus;
use crate::facts::{BuilderAccess, Email, GroupName};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A person of the account: membership, name, builder access, groups and profile.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KoreUser",
    plural = "koreusers",
    namespaced,
    shortname = "ku",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "A person of a Kore.ai account: membership, name, builder access, groups and profile.",
    printcolumn(name = "Email", type_ = "string", json_path = ".spec.email"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.membership"),
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
    selectable = ".spec.email"
)]
#[serde(rename_all = "camelCase")]
pub struct KoreUserSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// E-mail address: who the person is. Immutable. Upper and lower case are the same person.
    #[x_kube(validation = crate::manifest::kinds::rules::EMAIL_IS_IMMUTABLE.rule())]
    pub email: Email,
    /// First name. Left out: not compared and not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub first_name: Option<String>,
    /// Last name. Left out: not compared and not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_name: Option<String>,
    /// Your organisation's id for the person. Sent when the person is created, never later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub org_user_id: Option<String>,
    /// Profile fields. The platform takes them and never gives them back: sent at creation, later once per change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// What the person may do in the builder. Left out: none for a new person, kept as it is for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder_access: Option<BuilderLevel>,
    /// Existing groups at the platform that the person is to be in. Other memberships are left alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub groups: Vec<GroupName>,
    /// Whether the person is to be in the account.
    #[serde(default)]
    pub state: State,
    /// Access to data tables and views. The platform never gives it back. Left out: kept as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_tables: Option<bool>,
    /// What to do when an absent person owns bots, which the platform does not let go.
    #[serde(default)]
    pub offboard: Offboard,
    /// What happens at the platform when this object is deleted in Kubernetes.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// What a person may do in the builder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum BuilderLevel {
    /// Uses assistants, builds none.
    None,
    /// May enter the builder.
    Builder,
    /// May enter the builder and create bots.
    Creator,
}

impl From<BuilderLevel> for BuilderAccess {
    fn from(level: BuilderLevel) -> Self {
        match level {
            BuilderLevel::None => Self::None,
            BuilderLevel::Builder => Self::Builder,
            BuilderLevel::Creator => Self::Creator,
        }
    }
}

/// What to do when an absent person owns bots.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum Offboard {
    /// Leave the person and say which bots, and the steps.
    #[default]
    Refuse,
    /// Take everything but the bots.
    StripAccess,
}

/// Profile fields, as the platform names them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub company_name: Option<String>,
    /// Department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub dept: Option<String>,
    /// Phone number of the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub company_contact_phone: Option<String>,
    /// Phone number at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub worknumber: Option<String>,
    /// Street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub street: Option<String>,
    /// Suite number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub suite_no: Option<String>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub city: Option<String>,
    /// Postal code. Quote it: `"01234"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub zip: Option<String>,
    /// State or province.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub state: Option<String>,
    /// Country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub country: Option<String>,
}

impl Profile {
    /// The declared fields by the platform's name.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let Self {
            company_name,
            dept,
            company_contact_phone,
            worknumber,
            street,
            suite_no,
            city,
            zip,
            state,
            country,
        } = self;
        [
            ("companyName", company_name),
            ("dept", dept),
            ("companyContactPhone", company_contact_phone),
            ("worknumber", worknumber),
            ("street", street),
            ("suiteNo", suite_no),
            ("city", city),
            ("zip", zip),
            ("state", state),
            ("country", country),
        ]
        .into_iter()
        .filter_map(|(name, text)| text.as_ref().map(|text| (name, text)))
    }
}
