//! `KoreArea`: a part of an account, who owns it, what its documents may touch, and whose approval its effects need.

use super::status::ObjectStatus;
use super::text;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A part of an account: whose it is, what its documents may touch, and how many approvals of its owners an effect on it
/// needs, wherever the line stands that brings it about.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KoreArea",
    plural = "koreareas",
    namespaced,
    shortname = "kar",
    category = "kore",
    derive = "PartialEq",
    status = "ObjectStatus",
    doc = "A part of a Kore.ai account: its owners, and what its documents may touch.",
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
    printcolumn(name = "Namespaces", type_ = "string", json_path = ".spec.namespaces"),
    printcolumn(name = "Owners", type_ = "string", json_path = ".spec.owners"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::AREA_IS_SOMEWHERE.rule())]
pub struct KoreAreaSpec {
    /// Name of the `KoreAccount`. May be left out when exactly one account is in scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = crate::manifest::kinds::rules::ACCOUNT_IS_IMMUTABLE.rule())]
    pub account: Option<String>,
    /// Command line only: glob patterns of the files of the area, relative to the file of the account as `sources` are.
    /// Their documents are held to `mayTouch`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 1024)))]
    pub paths: Vec<String>,
    /// Cluster: other namespaces whose objects may refer to the account of the area, held to `mayTouch`. The area itself
    /// counts only in the namespace of its account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 63)))]
    pub namespaces: Vec<String>,
    /// Who approves what touches the area: e-mail addresses of people, or `@name` as the forge calls a user or a team.
    #[schemars(length(min = 1, max = 50), inner(length(min = 1, max = 254), regex(pattern = text::OWNER_PATTERN)))]
    pub owners: Vec<String>,
    /// What documents of the area may touch, and so what belongs to it. Only what is listed is allowed.
    #[serde(default)]
    pub may_touch: MayTouch,
    /// How many of the owners approve an effect, by its kind.
    #[serde(default)]
    pub approvals: AreaApprovalsSpec,
}

/// What documents of an area may touch. In each entry `*` stands for any run of characters, and case is ignored. A lone
/// `*` allows everything, and makes nothing the area's own. Master Admin is allowed only where it is listed by name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MayTouch {
    /// Bots that they may bind and assign, by name or id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 256)))]
    pub bots: Vec<String>,
    /// Roles that they may bind, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 256)))]
    pub roles: Vec<String>,
    /// Domains of the addresses of people whom they may name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)))]
    pub email_domains: Vec<String>,
    /// Platform groups whose members and roles they may declare.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 256)))]
    pub groups: Vec<String>,
}

/// How many owners of an area approve an effect on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AreaApprovalsSpec {
    /// Of what gives access, or changes it.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 20))]
    pub additions: u32,
    /// Of what takes access away.
    #[serde(default)]
    #[schemars(range(min = 0, max = 20))]
    pub removals: u32,
    /// Of what gives access of high or critical risk, and of changes of the area itself.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 20))]
    pub privileged: u32,
}

impl Default for AreaApprovalsSpec {
    fn default() -> Self {
        Self { additions: one(), removals: 0, privileged: one() }
    }
}

fn one() -> u32 {
    1
}
