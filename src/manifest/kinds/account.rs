//! `KoreAccount`: where the account is, and what koreconcile may do to it.

use super::status::AccountStatus;
use super::text;
use crate::facts::{AccountId, Email};
use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A Kore.ai account: where it is, how to sign in, and what koreconcile may do to it.
#[derive(CustomResource, KubeSchema, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[kube(
    group = "koreconcile.dev",
    version = "v1alpha1",
    kind = "KoreAccount",
    plural = "koreaccounts",
    namespaced,
    shortname = "ka",
    category = "kore",
    derive = "PartialEq",
    status = "AccountStatus",
    doc = "A Kore.ai account: where it is, how to sign in, and what koreconcile may do to it.",
    printcolumn(name = "Host", type_ = "string", json_path = ".spec.endpoint.host"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
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
    printcolumn(name = "Changes", type_ = "integer", json_path = ".status.counts.changes", priority = 1),
    printcolumn(name = "Waiting", type_ = "integer", json_path = ".status.counts.waiting", priority = 1),
    printcolumn(name = "Unmanaged", type_ = "integer", json_path = ".status.counts.unmanaged", priority = 1),
    printcolumn(name = "Interval", type_ = "string", json_path = ".status.effectiveInterval", priority = 1),
    printcolumn(name = "Read", type_ = "date", json_path = ".status.lastRead", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::CREDENTIALS_FOR_HOST.rule())]
pub struct KoreAccountSpec {
    /// Where the account is served.
    pub endpoint: EndpointSpec,
    /// Id of the account, as the platform knows it. Checked before the first write; required for saved plans and for
    /// any removal. `import` and `doctor` print it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// App credentials that sign the requests. Required with `endpoint.host`; a sandbox takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<Credentials>,
    /// Command line only: glob patterns of all manifest files of the account, relative to this file. They load nothing:
    /// the loaded files are compared with them, and nothing is pruned while a file is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 1024)))]
    pub sources: Vec<String>,
    /// Enforce: plan and apply. Observe: plan and report, write nothing.
    #[serde(default)]
    pub mode: ModeSpec,
    /// While true, nothing is written, and the controller reads nothing either.
    #[serde(default)]
    pub suspend: bool,
    /// Why it is suspended: plans and the status of the account show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub suspend_reason: Option<String>,
    /// Cluster only: time between complete reads of the account. It is longer where the rate limit requires it.
    #[serde(default = "five_minutes")]
    #[schemars(length(max = 16), regex(pattern = text::DURATION_PATTERN))]
    pub interval: String,
    /// Cluster only: which changes need an approval before they are applied.
    #[serde(default)]
    pub approval: ApprovalSpec,
    /// What to do with facts that are not declared.
    #[serde(default)]
    pub ownership: OwnershipSpec,
    /// Limits of removals, and users who are protected from them.
    #[serde(default)]
    pub safety: SafetySpec,
    /// Call budget. The platform allows 60 calls a minute and 1,800 an hour.
    #[serde(default)]
    pub rate_limit: RateLimitSpec,
    /// Maximum number of entries in one write.
    #[serde(default = "fifty")]
    #[schemars(range(min = 1, max = 1000))]
    pub batch_size: u32,
    /// How users are invited.
    #[serde(default)]
    pub invitations: InvitationsSpec,
    /// Command line only: where what was asked for is remembered. By default in the state folder.
    #[serde(default, skip_serializing_if = "MemorySpec::is_default")]
    pub memory: MemorySpec,
}

/// Where what was asked for is remembered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemorySpec {
    /// A git reference of the repository that this file is in, such as `refs/koreconcile/acme`: for pipelines, whose
    /// machines keep no state folder. Applies need `KORECONCILE_MEMORY_KEY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 6, max = 256), regex(pattern = r"^refs/[A-Za-z0-9._/-]+$"))]
    pub reference: Option<String>,
    /// The remote that has the reference.
    #[serde(default = "origin")]
    #[schemars(length(min = 1, max = 256))]
    pub remote: String,
    /// A memory exists: a run that finds none ends, instead of starting a new one.
    #[serde(default, skip_serializing_if = "super::shared::is_false")]
    pub required: bool,
}

impl Default for MemorySpec {
    fn default() -> Self {
        Self { reference: None, remote: origin(), required: false }
    }
}

impl MemorySpec {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn origin() -> String {
    "origin".to_owned()
}

/// Where the account is served: exactly one of `host` and `sandbox`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::ONE_ENDPOINT.rule())]
pub struct EndpointSpec {
    /// Origin of the platform, such as `https://platform.kore.ai`. https, or http on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256), regex(pattern = text::HOST_PATTERN))]
    pub host: Option<String>,
    /// Command line only: a local account, served by the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
}

/// A local account, served by the program itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sandbox {
    /// Folder of its data, relative to this file.
    #[schemars(length(min = 1, max = 1024))]
    pub data_dir: String,
}

/// App credentials that sign the requests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Source of the client id.
    pub client_id: SecretSource,
    /// Source of the client secret.
    pub client_secret: SecretSource,
}

/// Source of a secret: exactly one of `env`, `file` and `secretKeyRef`. A cluster accepts `secretKeyRef` only.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = crate::manifest::kinds::rules::ONE_SECRET_SOURCE.rule())]
pub struct SecretSource {
    /// Command line only: name of an environment variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub env: Option<String>,
    /// Command line only: path of a file, relative to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub file: Option<String>,
    /// Cluster only: a key of a Secret in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKeyRef>,
}

/// A key of a Secret in the same namespace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Key in the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

/// Whether changes are applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum ModeSpec {
    /// Plan and apply.
    #[default]
    Enforce,
    /// Plan and report; write nothing.
    Observe,
}

/// Which changes need an approval.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum ApprovalSpec {
    /// No change needs an approval.
    #[default]
    Automatic,
    /// Changes of high or critical risk need an approval.
    WhenRisky,
    /// Every change needs an approval.
    Manual,
}

/// What to do with facts that are not declared.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnershipSpec {
    /// Users of the account that no manifest declares.
    #[serde(default)]
    pub users: OwnershipLevelSpec,
    /// Holders of admin roles and of (role, bot) pairs that no binding covers.
    #[serde(default)]
    pub role_bindings: OwnershipLevelSpec,
    /// Assignments of bots that no manifest assigns. Report and Remove read the assignments of every user.
    #[serde(default = "ignore")]
    pub bot_assignments: OwnershipLevelSpec,
    /// Users outside these e-mail domains are not removed by `users: Remove`. Empty: no such limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 253)))]
    pub email_domains: Vec<String>,
    /// What was declared once and is not declared any more.
    #[serde(default)]
    pub retired: RetiredSpec,
    /// Unmanaged facts that make `plan --exit-code` fail: those of high or critical risk, new ones since the last
    /// apply as well, or all.
    #[serde(default)]
    pub fail_on: FailOnSpec,
}

/// What to do with what was declared once and is not declared any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetiredSpec {
    /// Roles, group memberships, assignments, builder access, and permissions of custom roles.
    #[serde(default = "remove")]
    pub grants: RetirementSpec,
    /// Users. A removed user can only be invited again, without profile.
    #[serde(default = "report")]
    pub people: RetirementSpec,
}

impl Default for RetiredSpec {
    fn default() -> Self {
        Self { grants: remove(), people: report() }
    }
}

/// What to do with one kind of facts that are not declared any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub enum RetirementSpec {
    /// Name them in every plan until they are gone or declared again.
    Report,
    /// Remove them, within the limits of `safety`.
    Remove,
}

fn remove() -> RetirementSpec {
    RetirementSpec::Remove
}

fn report() -> RetirementSpec {
    RetirementSpec::Report
}

/// Which unmanaged facts make a plan fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum FailOnSpec {
    /// Those of high or critical risk.
    #[default]
    High,
    /// Those that the last apply has not seen.
    New,
    /// Every one.
    All,
    /// None: they are shown, and nothing fails.
    Never,
}

impl Default for OwnershipSpec {
    fn default() -> Self {
        Self {
            users: OwnershipLevelSpec::default(),
            role_bindings: OwnershipLevelSpec::default(),
            bot_assignments: ignore(),
            email_domains: Vec::new(),
            retired: RetiredSpec::default(),
            fail_on: FailOnSpec::default(),
        }
    }
}

/// What to do with one kind of facts that are not declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum OwnershipLevelSpec {
    /// Neither list nor remove them.
    Ignore,
    /// List them as unmanaged.
    #[default]
    Report,
    /// Remove them, within the limits of `safety`.
    Remove,
}

/// Limits of removals, and users who are protected from them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SafetySpec {
    /// Maximum number of removals in a run (command line) or in 24 hours (cluster).
    #[serde(default = "ten")]
    #[schemars(range(min = 0, max = 100_000))]
    pub max_removals: u32,
    /// The same limit in per cent of the facts of one kind. The stricter of the two applies.
    #[serde(default = "twenty")]
    #[schemars(range(min = 0, max = 100))]
    pub max_removals_percent: u32,
    /// Minimum number of Master Admins who can sign in. A change that would leave fewer is refused.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 100))]
    pub min_master_admins: u32,
    /// Address of the Primary Master Admin, which the API does not show. Required before any change that removes Master
    /// Admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_admin: Option<Email>,
    /// Users from whom nothing is removed: addresses, or patterns with `*`, such as `"*@partner.example.com"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000), inner(length(min = 1, max = 254)))]
    pub protected: Vec<String>,
    /// More removals than the two limits allow, for a while: so many people leave at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_removals: Option<AllowRemovalsSpec>,
    /// Cluster only: removals wait until no object has been edited for this long.
    #[serde(default = "two_minutes")]
    #[schemars(length(max = 16), regex(pattern = text::DURATION_PATTERN))]
    pub settle: String,
}

impl Default for SafetySpec {
    fn default() -> Self {
        Self {
            max_removals: ten(),
            max_removals_percent: twenty(),
            min_master_admins: two(),
            primary_admin: None,
            protected: Vec::new(),
            allow_removals: None,
            settle: two_minutes(),
        }
    }
}

/// More removals for a while.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowRemovalsSpec {
    /// Up to so many removals in a run (command line) or in 24 hours (cluster), whatever the limits say.
    #[schemars(range(min = 1, max = 100_000))]
    pub count: u32,
    /// From then on the limits apply again. RFC 3339, such as `2026-12-31T18:00:00Z`.
    #[serde(deserialize_with = "text::required_time")]
    #[schemars(schema_with = "text::timestamp")]
    pub until: Timestamp,
    /// What they are for.
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
}

/// Call budget.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitSpec {
    /// Calls in any 60 seconds.
    #[serde(default = "sixty")]
    #[schemars(range(min = 1, max = 100_000))]
    pub per_minute: u32,
    /// Calls in any 3,600 seconds.
    #[serde(default = "eighteen_hundred")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_hour: u32,
    /// Calls a minute and an hour that are left to other tools.
    #[serde(default = "six")]
    #[schemars(range(min = 0, max = 100_000))]
    pub reserve: u32,
    /// Cluster only: share of the hourly calls that reads may take.
    #[serde(default = "half")]
    #[schemars(length(max = 4), regex(pattern = text::PERCENT_PATTERN))]
    pub read_share: String,
}

impl Default for RateLimitSpec {
    fn default() -> Self {
        Self { per_minute: sixty(), per_hour: eighteen_hundred(), reserve: six(), read_share: half() }
    }
}

/// How users are invited.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationsSpec {
    /// Whether the platform sends the activation link by e-mail.
    #[serde(default = "yes")]
    pub send_email: bool,
    /// Time after which an open invitation is overdue, and becomes a manual step.
    #[serde(default = "seven_days")]
    #[schemars(length(max = 16), regex(pattern = text::DURATION_PATTERN))]
    pub overdue_after: String,
}

impl Default for InvitationsSpec {
    fn default() -> Self {
        Self { send_email: yes(), overdue_after: seven_days() }
    }
}

fn five_minutes() -> String {
    "5m".to_owned()
}

fn two_minutes() -> String {
    "2m".to_owned()
}

fn seven_days() -> String {
    "7d".to_owned()
}

fn half() -> String {
    "50%".to_owned()
}

fn ignore() -> OwnershipLevelSpec {
    OwnershipLevelSpec::Ignore
}

fn yes() -> bool {
    true
}

fn two() -> u32 {
    2
}

fn six() -> u32 {
    6
}

fn ten() -> u32 {
    10
}

fn twenty() -> u32 {
    20
}

fn fifty() -> u32 {
    50
}

fn sixty() -> u32 {
    60
}

fn eighteen_hundred() -> u32 {
    1800
}
