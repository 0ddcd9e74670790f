//! The kinds people write, one file each, all alike: a Rust type that is serde, JSON Schema, CRD and CEL at once.
//!
//! Field docs are written for users, once, here: they become the CRD's descriptions and the reference page. Optional
//! fields and "exactly one of" rules instead of tagged or untagged enums keep the schema structural and positions
//! exact. No `deny_unknown_fields`: unknown fields are found by the schema walk, which knows the place.

#![allow(
    clippy::duplicated_attributes,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "the schema derive repeats each type inside a function"
)]

pub mod account;
pub mod approval;
pub mod area;
pub mod baseline;
pub mod bot_assignment;
pub mod group_membership;
pub mod plan;
pub mod policy;
pub mod policy_exception;
pub mod role;
pub mod role_binding;
pub mod rules;
pub mod shared;
pub mod status;
mod structural;
pub mod team;
pub mod text;
pub mod user;

pub use account::{KoreAccount, KoreAccountSpec};
pub use approval::{KorePlanApproval, KorePlanApprovalSpec};
pub use area::{KoreArea, KoreAreaSpec};
pub use baseline::{KoreBaseline, KoreBaselineSpec};
pub use bot_assignment::{KoreBotAssignment, KoreBotAssignmentSpec};
pub use group_membership::{KoreGroupMembership, KoreGroupMembershipSpec};
pub use plan::{KorePlan, KorePlanSpec};
pub use policy::{KorePolicy, KorePolicySpec};
pub use policy_exception::{KorePolicyException, KorePolicyExceptionSpec};
pub use role::{KoreRole, KoreRoleSpec};
pub use role_binding::{KoreRoleBinding, KoreRoleBindingSpec};
pub use status::{AccountStatus, ObjectStatus};
pub use team::{KoreTeam, KoreTeamSpec};
pub use user::{KoreUser, KoreUserSpec};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;
use serde_json::Value;
use std::fmt;

/// The group all kinds are in.
pub const GROUP: &str = "koreconcile.dev";
/// The version of all kinds.
pub const VERSION: &str = "v1alpha1";
/// The value of `apiVersion`.
pub const API_VERSION: &str = "koreconcile.dev/v1alpha1";
/// Kinds of the group that the controller writes or reads by itself; in a folder they are skipped.
pub const CONTROLLER_KINDS: [&str; 2] = ["KorePlan", "KorePlanApproval"];

/// A kind that `policy test` reads; among manifests it is skipped.
pub const TEST_KIND: &str = "KorePolicyTest";

/// A kind people write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    /// `KoreAccount`
    Account,
    /// `KoreUser`
    User,
    /// `KoreTeam`
    Team,
    /// `KoreGroupMembership`
    GroupMembership,
    /// `KoreRole`
    Role,
    /// `KoreRoleBinding`
    RoleBinding,
    /// `KoreBotAssignment`
    BotAssignment,
    /// `KorePolicy`
    Policy,
    /// `KorePolicyException`
    PolicyException,
    /// `KoreBaseline`
    Baseline,
    /// `KoreArea`
    Area,
}

impl Kind {
    /// All of them, in the order they are documented.
    pub const ALL: [Self; 11] = [
        Self::Account,
        Self::User,
        Self::Team,
        Self::GroupMembership,
        Self::Role,
        Self::RoleBinding,
        Self::BotAssignment,
        Self::Policy,
        Self::PolicyException,
        Self::Baseline,
        Self::Area,
    ];

    /// The value of `kind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "KoreAccount",
            Self::User => "KoreUser",
            Self::Team => "KoreTeam",
            Self::GroupMembership => "KoreGroupMembership",
            Self::Role => "KoreRole",
            Self::RoleBinding => "KoreRoleBinding",
            Self::BotAssignment => "KoreBotAssignment",
            Self::Policy => "KorePolicy",
            Self::PolicyException => "KorePolicyException",
            Self::Baseline => "KoreBaseline",
            Self::Area => "KoreArea",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The definition a cluster installs.
    pub fn crd(self) -> CustomResourceDefinition {
        structural::structural(match self {
            Self::Account => KoreAccount::crd(),
            Self::User => KoreUser::crd(),
            Self::Team => KoreTeam::crd(),
            Self::GroupMembership => KoreGroupMembership::crd(),
            Self::Role => KoreRole::crd(),
            Self::RoleBinding => KoreRoleBinding::crd(),
            Self::BotAssignment => KoreBotAssignment::crd(),
            Self::Policy => KorePolicy::crd(),
            Self::PolicyException => KorePolicyException::crd(),
            Self::Baseline => KoreBaseline::crd(),
            Self::Area => KoreArea::crd(),
        })
    }

    /// The schema of a document of this kind, as in the CRD.
    pub fn schema(self) -> Value {
        let crd = self.crd();
        let schema = crd.spec.versions.into_iter().next().and_then(|version| version.schema);
        serde_json::to_value(schema.and_then(|schema| schema.open_api_v3_schema)).unwrap_or_default()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What one document says.
#[derive(Clone, PartialEq, Debug)]
pub enum Spec {
    /// `KoreAccount`
    Account(Box<KoreAccountSpec>),
    /// `KoreUser`
    User(Box<KoreUserSpec>),
    /// `KoreTeam`
    Team(KoreTeamSpec),
    /// `KoreGroupMembership`
    GroupMembership(Box<KoreGroupMembershipSpec>),
    /// `KoreRole`
    Role(Box<KoreRoleSpec>),
    /// `KoreRoleBinding`
    RoleBinding(Box<KoreRoleBindingSpec>),
    /// `KoreBotAssignment`
    BotAssignment(Box<KoreBotAssignmentSpec>),
    /// `KorePolicy`
    Policy(Box<KorePolicySpec>),
    /// `KorePolicyException`
    PolicyException(Box<KorePolicyExceptionSpec>),
    /// `KoreBaseline`
    Baseline(KoreBaselineSpec),
    /// `KoreArea`
    Area(Box<KoreAreaSpec>),
}

impl Spec {
    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Account(_) => Kind::Account,
            Self::User(_) => Kind::User,
            Self::Team(_) => Kind::Team,
            Self::GroupMembership(_) => Kind::GroupMembership,
            Self::Role(_) => Kind::Role,
            Self::RoleBinding(_) => Kind::RoleBinding,
            Self::BotAssignment(_) => Kind::BotAssignment,
            Self::Policy(_) => Kind::Policy,
            Self::PolicyException(_) => Kind::PolicyException,
            Self::Baseline(_) => Kind::Baseline,
            Self::Area(_) => Kind::Area,
        }
    }

    /// As JSON.
    pub fn value(&self) -> Value {
        let value = match self {
            Self::Account(spec) => serde_json::to_value(spec),
            Self::User(spec) => serde_json::to_value(spec),
            Self::Team(spec) => serde_json::to_value(spec),
            Self::GroupMembership(spec) => serde_json::to_value(spec),
            Self::Role(spec) => serde_json::to_value(spec),
            Self::RoleBinding(spec) => serde_json::to_value(spec),
            Self::BotAssignment(spec) => serde_json::to_value(spec),
            Self::Policy(spec) => serde_json::to_value(spec),
            Self::PolicyException(spec) => serde_json::to_value(spec),
            Self::Baseline(spec) => serde_json::to_value(spec),
            Self::Area(spec) => serde_json::to_value(spec),
        };
        value.unwrap_or_default()
    }

    /// The `KoreAccount` it names, if it names one.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Account(_) => None,
            Self::User(spec) => spec.account.as_deref(),
            Self::Team(spec) => spec.account.as_deref(),
            Self::GroupMembership(spec) => spec.account.as_deref(),
            Self::Role(spec) => spec.account.as_deref(),
            Self::RoleBinding(spec) => spec.account.as_deref(),
            Self::BotAssignment(spec) => spec.account.as_deref(),
            Self::Policy(spec) => spec.account.as_deref(),
            Self::PolicyException(spec) => spec.account.as_deref(),
            Self::Baseline(spec) => spec.account.as_deref(),
            Self::Area(spec) => spec.account.as_deref(),
        }
    }

    /// Reads the spec of a document that passed the checks, here or at the API server.
    pub fn from_value(kind: Kind, value: Value) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Account => Self::Account(serde_json::from_value(value)?),
            Kind::User => Self::User(serde_json::from_value(value)?),
            Kind::Team => Self::Team(serde_json::from_value(value)?),
            Kind::GroupMembership => Self::GroupMembership(serde_json::from_value(value)?),
            Kind::Role => Self::Role(serde_json::from_value(value)?),
            Kind::RoleBinding => Self::RoleBinding(serde_json::from_value(value)?),
            Kind::BotAssignment => Self::BotAssignment(serde_json::from_value(value)?),
            Kind::Policy => Self::Policy(serde_json::from_value(value)?),
            Kind::PolicyException => Self::PolicyException(serde_json::from_value(value)?),
            Kind::Baseline => Self::Baseline(serde_json::from_value(value)?),
            Kind::Area => Self::Area(serde_json::from_value(value)?),
        })
    }
}

/// The definitions of all custom resources, those of the controller ([`CONTROLLER_KINDS`]) last.
pub fn crds() -> Vec<CustomResourceDefinition> {
    let of_controller = [KorePlan::crd(), KorePlanApproval::crd()];
    let all = Kind::ALL.into_iter().map(Kind::crd).chain(of_controller.map(structural::structural));
    all.map(structural::naming_defaults).collect()
}

/// The schemas of all kinds: what the checker walks is what a cluster installs.
pub fn schemas() -> Vec<(Kind, Value)> {
    Kind::ALL.into_iter().map(|kind| (kind, kind.schema())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::cel::{Validator, compile_schema, estimate_rule_cost};

    fn visit(schema: &Value, path: &str, see: &mut dyn FnMut(&str, &Value)) {
        see(path, schema);
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            visit(property, &format!("{path}.{name}"), see);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                visit(&schema[inner], &format!("{path}[]"), see);
            }
        }
    }

    #[test]
    fn defaults_are_in_the_descriptions_that_a_cluster_shows() {
        let mut seen = 0;
        for crd in crds() {
            let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
            visit(
                &schema["openAPIV3Schema"]["properties"]["spec"],
                &crd.spec.names.kind,
                &mut |path, schema| {
                    let shown = match &schema["default"] {
                        Value::String(text) => text.clone(),
                        Value::Number(number) => number.to_string(),
                        _ => return,
                    };
                    seen += 1;
                    let description = schema["description"].as_str().unwrap();
                    assert!(description.ends_with(&format!(" Default: `{shown}`.")), "{path}: {description}");
                },
            );
        }
        assert!(seen > 20, "{seen}");
    }

    #[test]
    fn every_field_is_documented_and_none_is_nullable() {
        for (kind, schema) in schemas() {
            visit(&schema["properties"]["spec"], kind.name(), &mut |path, schema| {
                assert!(schema.get("nullable").is_none(), "{path} is nullable");
                let is_item = path.ends_with("[]");
                let description = schema["description"].as_str().unwrap_or_default();
                assert!(is_item || description.ends_with('.'), "{path}: {description:?}");
                assert!(!description.contains('\n'), "{path}: {description:?}");
            });
        }
    }

    #[test]
    fn every_rule_has_a_message_and_is_cheap_enough_for_a_cluster() {
        let mut seen = std::collections::BTreeSet::new();
        for (kind, schema) in schemas() {
            visit(&schema, kind.name(), &mut |path, schema| {
                for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
                    let expression = rule["rule"].as_str().unwrap();
                    assert!(rule["message"].is_string(), "{path}: {expression}");
                    let warnings = estimate_rule_cost(expression, &compile_schema(schema));
                    assert_eq!(warnings, [], "{path}");
                    seen.insert(expression.to_owned());
                }
            });
        }
        for rule in rules::ALL.iter().chain(&rules::OF_POLICIES) {
            assert!(seen.contains(rule.expression), "no kind uses {}", rule.expression);
        }
    }

    #[test]
    fn who_an_object_is_about_cannot_be_changed() {
        for (kind, before, after) in [
            (
                Kind::User,
                serde_json::json!({ "email": "a@example.com" }),
                serde_json::json!({ "email": "b@example.com" }),
            ),
            (
                Kind::Role,
                serde_json::json!({ "type": "Bot", "name": "A" }),
                serde_json::json!({ "type": "Bot", "name": "B" }),
            ),
            (
                Kind::RoleBinding,
                serde_json::json!({ "role": { "type": "Bot", "name": "A" }, "bot": "B" }),
                serde_json::json!({ "role": { "type": "Bot", "name": "A" }, "bot": "C" }),
            ),
            (Kind::BotAssignment, serde_json::json!({ "bot": "A" }), serde_json::json!({ "bot": "B" })),
            (Kind::GroupMembership, serde_json::json!({ "group": "A" }), serde_json::json!({ "group": "B" })),
            (Kind::Team, serde_json::json!({ "account": "a" }), serde_json::json!({ "account": "b" })),
        ] {
            let rules = compile_schema(&kind.schema()["properties"]["spec"]);
            let validator = Validator::new();
            assert!(validator.validate_compiled(&rules, &before, Some(&before)).is_ok(), "{kind}");
            let errors = validator.validate_compiled(&rules, &after, Some(&before)).unwrap_err();
            assert!(errors[0].message.contains("immutable"), "{kind}: {errors}");
        }
    }

    #[test]
    fn definitions_are_namespaced_and_in_one_category() {
        let mut short_names = std::collections::BTreeSet::new();
        for crd in crds() {
            assert_eq!((crd.spec.group.as_str(), crd.spec.scope.as_str()), (GROUP, "Namespaced"));
            // What is in the category has a condition Ready, so that all of it can be waited for.
            let is_declared = Kind::ALL.iter().any(|kind| kind.name() == crd.spec.names.kind);
            assert_eq!(crd.spec.names.categories, is_declared.then(|| vec!["kore".to_owned()]));
            assert_eq!(crd.spec.versions[0].name, VERSION);
            short_names.extend(crd.spec.names.short_names.clone().unwrap());
            let yaml = serde_saphyr::to_string(&crd).unwrap();
            let read: CustomResourceDefinition = serde_saphyr::from_str(&yaml).unwrap();
            assert_eq!(read.metadata.name, crd.metadata.name);
        }
        assert_eq!(
            short_names.into_iter().collect::<Vec<_>>(),
            ["ka", "kar", "kba", "kbl", "kgm", "kp", "kpa", "kpex", "kpol", "kr", "krb", "kt", "ku"]
        );
    }
}
