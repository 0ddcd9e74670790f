//! `KorePolicy`: a rule about who may hold what.

use super::status::ObjectStatus;
use super::text;
use crate::facts::{
    BuilderAccess, GroupName, PermissionName, RoleName, RuleAction, RuleOn, RuleOver, RuleSeverity,
};
use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule about who may hold what: judged by validate on what is declared, and by plan and apply on the account as it
/// would be, roles held through groups and invited people included.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KorePolicy",
    plural = "korepolicies",
    namespaced,
    shortname = "kpol",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "A rule about who may hold what in a Kore.ai account.",
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
    printcolumn(name = "Severity", type_ = "string", json_path = ".spec.severity"),
    printcolumn(name = "Actions", type_ = "string", json_path = ".spec.validationActions"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = crate::manifest::kinds::rules::POLICY_SHAPE.rule(),
    validation = crate::manifest::kinds::rules::ONLY_WITH_RULE.rule(),
    validation = crate::manifest::kinds::rules::ONE_POLICY_MESSAGE.rule(),
    validation = crate::manifest::kinds::rules::DENY_OR_WARN.rule(),
    validation = crate::manifest::kinds::rules::MIN_HOLDS_NOBODY.rule()
)]
pub struct KorePolicySpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// What the rule is for, in a sentence. Messages show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// Controls of a standard that the rule belongs to, such as `ISO27001-5.3`. Free text for reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 128)))]
    pub control: Vec<String>,
    /// How bad a violation is.
    #[serde(default)]
    pub severity: RuleSeverity,
    /// What follows from a violation: Deny does not send the additions that introduce it, Warn reports it, Audit lists
    /// it. Nothing that takes access away is ever blocked.
    #[schemars(length(min = 1, max = 3))]
    pub validation_actions: Vec<RuleAction>,
    /// From then on what violates the policy goes, where no manifest declares it and nothing else would do; else it is an
    /// error of `validate` and a manual step of plans. RFC 3339, such as `2026-12-31T18:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "text::optional_time")]
    #[schemars(schema_with = "text::timestamp")]
    pub deadline: Option<Timestamp>,
    /// What `rule` looks at, one by one: Person (the default), Grant, Role, Bot, Change or Object. Over Object the API
    /// server can judge it too: `koreconcile crds --admission`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<RuleOver>,
    /// Whom and what the rule is about. Left out: everybody and everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#match: Option<PolicyMatch>,
    /// At most so many roles of a set, for each person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusive: Option<Exclusive>,
    /// All that the matching people may hold. Without any field they may hold nothing, not even membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Allow>,
    /// What the lines of the matching grants have to say besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require: Option<Require>,
    /// How many people may hold a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holders: Option<Holders>,
    /// Roles that are held only together with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<Together>,
    /// Condition in CEL that must be true. Variables: `person`, `grant`, `role`, `bot`, `change` or `object`, as `over`
    /// says, and `now`, but for objects. A condition that cannot be evaluated is a violation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub rule: Option<String>,
    /// Message of a violation of `rule`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub message: Option<String>,
    /// The same as an expression in CEL that gives a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub message_expression: Option<String>,
}

/// Whom and what a rule is about: everything that is written must match, and of a list any entry.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyMatch {
    /// E-mail addresses, or patterns such as `svc-*@example.com`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 254)))]
    pub emails: Vec<String>,
    /// Domains of the address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)))]
    pub email_domains: Vec<String>,
    /// Domains that the address is not of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)))]
    pub not_email_domains: Vec<String>,
    /// Platform groups that the person is in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub groups: Vec<GroupName>,
    /// Roles of a grant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub roles: Vec<RoleName>,
    /// Permissions that the role of a grant gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub permissions: Vec<PermissionName>,
    /// Bots of a grant, by name or id; `*` stands for any run of characters. Case is ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 256)))]
    pub bots: Vec<String>,
    /// Kinds of objects, with `over: Object`: `KoreRoleBinding`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 64)))]
    pub kinds: Vec<String>,
    /// Risks of a grant, as plans show them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub risk: Vec<RuleSeverity>,
}

/// At most so many roles of a set.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::SOME_ROLES.rule())]
pub struct Exclusive {
    /// Names of roles, admin roles and bot roles alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub roles: Vec<RoleName>,
    /// Permissions: each counts once for every other role that gives it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub permissions: Vec<PermissionName>,
    /// How many of the set a person may hold.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 100))]
    pub at_most: u32,
    /// Whether roles are counted on each bot by itself (only bot roles), or over the account.
    #[serde(default)]
    pub on: RuleOn,
}

/// All that a class of people may hold.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Allow {
    /// Names of the roles that they may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub roles: Vec<RoleName>,
    /// Bots on which they may hold them, and that may be assigned to them; `*` stands for any run of characters. Left
    /// out: every bot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 256)))]
    pub bots: Vec<String>,
    /// The most builder access that they may have. Left out: None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builder_access: Option<BuilderAccess>,
}

/// What the line of a grant says besides the grant.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::SOME_REQUIREMENT.rule())]
pub struct Require {
    /// The grant has an `expiresAt`, at most this long from now: `90d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 7), regex(pattern = text::DURATION_PATTERN))]
    pub expires_within: Option<String>,
    /// The line of the grant gives a `reason`.
    #[serde(default, skip_serializing_if = "super::shared::is_false")]
    pub reason: bool,
    /// The line of the grant has a `ticket` that this regular expression matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub ticket: Option<String>,
}

/// How many people hold one of several roles.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = crate::manifest::kinds::rules::SOME_ROLES.rule(),
    validation = crate::manifest::kinds::rules::SOME_BOUND.rule()
)]
pub struct Holders {
    /// Names of roles, admin roles and bot roles alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub roles: Vec<RoleName>,
    /// Permissions: every role that gives one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub permissions: Vec<PermissionName>,
    /// The least number of people. Only with Warn or Audit: nothing that takes access away is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min: Option<u32>,
    /// The greatest number of people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max: Option<u32>,
    /// Whether people are counted on each bot by itself (only bot roles), or over the account.
    #[serde(default)]
    pub on: RuleOn,
}

/// Roles that are held only together with others.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = crate::manifest::kinds::rules::SOME_ROLES.rule(),
    validation = crate::manifest::kinds::rules::SOME_NEEDS.rule(),
    validation = crate::manifest::kinds::rules::REMOVAL_IS_NOT_HELD.rule()
)]
pub struct Together {
    /// Names of roles, admin roles and bot roles alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub roles: Vec<RoleName>,
    /// Permissions: every role that gives one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub permissions: Vec<PermissionName>,
    /// Names of the roles of which one is held too.
    #[schemars(length(min = 1, max = 100))]
    pub needs: Vec<RoleName>,
    /// Whether the other role is held on the same bot, or anywhere.
    #[serde(default)]
    pub on: RuleOn,
    /// What follows where a removal leaves the first role without the other: Warn or Audit.
    #[serde(default = "warn")]
    pub on_removal: RuleAction,
}

fn one() -> u32 {
    1
}

fn warn() -> RuleAction {
    RuleAction::Warn
}
