//! `KoreUser`: a user of the account.

use super::shared::{DeletionPolicy, State};
use super::status::ObjectStatus;
use crate::facts::{BuilderAccess, Email, GroupName};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A user of the account: membership, name, builder access, groups and profile.
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
    doc = "A user of a Kore.ai account: membership, name, builder access, groups and profile.",
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
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    ),
    selectable = ".spec.email"
)]
#[serde(rename_all = "camelCase")]
pub struct KoreUserSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// E-mail address, which identifies the user; case is ignored. Immutable.
    #[x_kube(validation = crate::manifest::kinds::rules::EMAIL_IS_IMMUTABLE.rule())]
    pub email: Email,
    /// Addresses that this user had before. Such a user keeps everything until the new address has joined, and is removed
    /// then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub previous_emails: Vec<Email>,
    /// First name. Left out: not compared and not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub first_name: Option<String>,
    /// Last name. Left out: not compared and not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub last_name: Option<String>,
    /// Id of the user in your organisation. Sent when the user is created, never later: a difference is reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub org_user_id: Option<String>,
    /// Profile fields. The platform never returns them: sent when the user is created, later once per change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Box<Profile>>,
    /// Access to the builder. Left out: None for a new user, not changed for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder_access: Option<BuilderLevel>,
    /// Existing groups of the platform that the user is in. Other memberships are not touched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    pub groups: Vec<GroupName>,
    /// Whether the user is in the account.
    #[serde(default)]
    pub state: State,
    /// Access to data tables and views. The platform never returns it. Left out: not changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_tables: Option<bool>,
    /// What to do when a user declared absent owns bots: the platform does not remove bot owners.
    #[serde(default)]
    pub offboard: Offboard,
    /// What happens to the user when this object is not declared any more: kept, and named in every plan (the default);
    /// or removed from the account. What the object granted beside is removed in either case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

/// Access to the builder.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum BuilderLevel {
    /// No access to the builder.
    None,
    /// Access to the builder, without creating bots.
    Builder,
    /// Access to the builder, and may create bots.
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

/// What to do when a user declared absent owns bots.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum Offboard {
    /// Keep the user and everything they have; the plan shows the bots as a manual step.
    #[default]
    Refuse,
    /// Remove all access except the ownership of the bots.
    StripAccess,
}

/// Profile fields, as the platform names them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Name of the company, sent as `companyName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub company_name: Option<String>,
    /// Name of the department, sent as `dept`.
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
    /// Street and house number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub street: Option<String>,
    /// Suite number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub suite_no: Option<String>,
    /// Name of the city.
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
    /// Name of the country.
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
