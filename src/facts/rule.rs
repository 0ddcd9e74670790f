//! Rules about who may hold what, as manifests declare them: what a `KorePolicy` and its exceptions come to.

use super::{
    BotRef, BuilderAccess, Family, Key, Pattern, PermissionName, RoleName, RoleType, RuleGuards, Source,
};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How bad a violation is.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum RuleSeverity {
    /// Worth knowing.
    Low,
    /// To be corrected in time.
    #[default]
    Medium,
    /// To be corrected now.
    High,
    /// The account is at risk.
    Critical,
}

impl RuleSeverity {
    /// As manifests write it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What follows from a violation; the words of Kubernetes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub enum RuleAction {
    /// It is listed.
    Audit,
    /// It is a warning.
    Warn,
    /// The additions that introduce it are not sent.
    Deny,
}

/// What a rule in CEL looks at, one by one.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, JsonSchema,
)]
pub enum RuleOver {
    /// Each person with everything they hold.
    #[default]
    Person,
    /// Each role that a person holds, directly or through a group.
    Grant,
    /// Each role with its permissions.
    Role,
    /// Each bot with those who hold roles on it.
    Bot,
    /// Each change of a plan.
    Change,
    /// Each manifest, or object of a cluster, by itself.
    Object,
}

/// How far a rule has to look before it can judge one change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RuleReach {
    /// At the person whom the change is about.
    Person,
    /// At everybody who holds something on the bot.
    Bot,
    /// At the whole account.
    Account,
}

/// Whether roles are counted for each bot by itself.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, JsonSchema,
)]
pub enum RuleOn {
    /// For each bot by itself; only bot roles count.
    SameBot,
    /// Over the whole account.
    #[default]
    Account,
}

/// Roles, by name or by what they permit.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RoleSet {
    /// By name, admin roles and bot roles alike, as names are compared.
    pub roles: Vec<RoleName>,
    /// Every role that gives one of these permissions.
    pub permissions: Vec<PermissionName>,
}

impl RoleSet {
    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.permissions.is_empty()
    }

    /// Whether it has a role by name.
    pub fn names(&self, role_type: RoleType, role: &RoleName) -> bool {
        !self.roles.is_empty() && self.roles.contains(&role.as_compared(role_type))
    }
}

/// Whom and what a rule is about; what is left out matches everything.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RuleMatch {
    /// Addresses or patterns; any of them.
    pub emails: Vec<Pattern>,
    /// Domains of addresses; any of them.
    pub email_domains: Vec<String>,
    /// Domains that an address is not of; none of them.
    pub not_email_domains: Vec<String>,
    /// Platform groups that the person is in, as their names read; any of them.
    pub groups: Vec<String>,
    /// Roles of a grant.
    pub roles: RoleSet,
    /// Names or ids of bots, with `*`.
    pub bots: Vec<Pattern>,
    /// Risks of a grant: `low`, `medium`, `high`, `critical`.
    pub risk: Vec<String>,
}

impl RuleMatch {
    /// Whether it depends on what a role permits.
    pub fn looks_at_permissions(&self) -> bool {
        !self.roles.permissions.is_empty()
    }
}

/// A kind of objects that a rule looks at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ObjectKind {
    /// The value of `kind`.
    pub name: String,
    /// The JSON Schema of its `spec`.
    #[serde(skip)]
    pub schema: Value,
}

/// An object that rules may look at by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleObject {
    /// The value of `kind`.
    pub kind: String,
    /// `metadata.name`
    pub name: Arc<str>,
    /// As an API server would store it, defaults included.
    pub spec: Value,
    /// Where its name is written.
    pub source: Source,
}

/// One condition of a rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RuleShape {
    /// At most this many of a set.
    Exclusive {
        /// The set.
        set: RoleSet,
        /// How many of them a person may hold.
        at_most: usize,
        /// For each bot by itself, or over the account.
        on: RuleOn,
    },
    /// Nothing but this.
    Allow {
        /// Whether anything is allowed at all, membership included.
        is_nothing: bool,
        /// Roles that may be held.
        roles: RoleSet,
        /// Bots on which they may be held, and that may be assigned; empty: on all.
        bots: Vec<Pattern>,
        /// The most builder access.
        builder_access: BuilderAccess,
    },
    /// What the line of a grant says besides.
    Require {
        /// The grant ends within this time.
        expires_within: Option<SignedDuration>,
        /// The line gives a reason.
        reason: bool,
        /// The line names a ticket of this form.
        ticket: Option<String>,
    },
    /// How many people hold one of these roles.
    Holders {
        /// The roles.
        set: RoleSet,
        /// At least so many.
        min: Option<usize>,
        /// At most so many.
        max: Option<usize>,
        /// For each bot by itself, or over the account.
        on: RuleOn,
    },
    /// The first only with one of the second.
    Together {
        /// Whoever holds one of these …
        set: RoleSet,
        /// … holds one of these too.
        needs: RoleSet,
        /// On the same bot, or anywhere.
        on: RuleOn,
        /// What follows where a removal breaks it.
        on_removal: RuleAction,
    },
    /// A condition in CEL that holds for everything it looks at.
    Cel {
        /// What it looks at.
        over: RuleOver,
        /// Over objects: of which kinds.
        kinds: Vec<ObjectKind>,
        /// The condition.
        rule: String,
        /// The message, fixed.
        message: Option<String>,
        /// The message, as an expression.
        message_expression: Option<String>,
    },
}

impl RuleShape {
    /// The kinds of facts that an addition must be of to violate it.
    pub fn families(&self) -> BTreeSet<Family> {
        let roles = [Family::AdminRoles, Family::BotRoles, Family::Groups, Family::RoleDefinitions];
        let people = [Family::Membership, Family::Access, Family::Assignments];
        match self {
            Self::Exclusive { .. }
            | Self::Require { .. }
            | Self::Holders { .. }
            | Self::Together { .. }
            | Self::Cel { over: RuleOver::Grant | RuleOver::Role, .. } => roles.into(),
            Self::Allow { .. } | Self::Cel { over: RuleOver::Person | RuleOver::Bot, .. } => {
                roles.into_iter().chain(people).collect()
            }
            Self::Cel { over: RuleOver::Change, .. } => Family::ALL.into(),
            // The API server judges these.
            Self::Cel { over: RuleOver::Object, .. } => BTreeSet::new(),
        }
    }

    /// The field that declares it.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Exclusive { .. } => "exclusive",
            Self::Allow { .. } => "allow",
            Self::Require { .. } => "require",
            Self::Holders { .. } => "holders",
            Self::Together { .. } => "together",
            Self::Cel { .. } => "rule",
        }
    }

    /// How far it looks.
    pub fn reach(&self) -> RuleReach {
        match self {
            Self::Holders { on: RuleOn::SameBot, .. } | Self::Cel { over: RuleOver::Bot, .. } => {
                RuleReach::Bot
            }
            Self::Holders { on: RuleOn::Account, .. } | Self::Cel { over: RuleOver::Role, .. } => {
                RuleReach::Account
            }
            Self::Exclusive { .. }
            | Self::Allow { .. }
            | Self::Require { .. }
            | Self::Together { .. }
            | Self::Cel {
                over: RuleOver::Person | RuleOver::Grant | RuleOver::Change | RuleOver::Object,
                ..
            } => RuleReach::Person,
        }
    }
}

/// One `KorePolicy`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PolicyRule {
    /// `metadata.name`
    pub name: Arc<str>,
    /// What it is for, in a sentence.
    pub description: Option<String>,
    /// Controls of a standard that it belongs to.
    pub control: Vec<String>,
    /// How bad a violation is.
    pub severity: RuleSeverity,
    /// What follows from one.
    pub action: RuleAction,
    /// From then on what is there already goes, or is a manual step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// Whom and what it is about.
    pub about: RuleMatch,
    /// Its conditions; each is judged by itself.
    pub shapes: Vec<RuleShape>,
    /// Where its name is written.
    pub source: Source,
    /// Where its fields are written, by path below `spec`.
    #[serde(skip)]
    pub places: BTreeMap<String, Source>,
}

impl PolicyRule {
    /// How far it looks: as far as the farthest of its conditions.
    pub fn reach(&self) -> RuleReach {
        self.shapes.iter().map(RuleShape::reach).max().unwrap_or(RuleReach::Person)
    }

    /// Its deadline, where it has passed: the one place where it is compared.
    pub fn passed_deadline(&self, now: Timestamp) -> Option<Timestamp> {
        self.deadline.filter(|deadline| *deadline <= now)
    }

    /// Where a field is written; where the name is, if it was left out.
    pub fn place(&self, field: &str) -> &Source {
        self.places.get(field).unwrap_or(&self.source)
    }
}

/// One `KorePolicyException`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RuleException {
    /// `metadata.name`
    pub name: Arc<str>,
    /// Name of the policy.
    pub policy: String,
    /// Whom and what it excepts.
    pub about: RuleMatch,
    /// Its end.
    pub expires_at: Timestamp,
    /// Where its name is written.
    pub source: Source,
    /// Where the policy is named.
    pub policy_source: Source,
}

impl RuleException {
    /// Whether it still counts: the one place where its end is compared.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }
}

/// What the line of a grant says besides the grant.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct GrantTerms {
    /// Why it is granted.
    pub reason: Option<String>,
    /// The ticket that asks for it.
    pub ticket: Option<String>,
}

/// All rules of one account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RuleSet {
    /// The policies, by name.
    pub rules: Vec<PolicyRule>,
    /// Their exceptions, by name.
    pub exceptions: Vec<RuleException>,
    /// Reasons and tickets of grants, as far as a line gives any; sorted by key.
    pub terms: Vec<(Key<BotRef>, GrantTerms)>,
    /// Roles that the manifests name outside of policies.
    pub known_roles: Vec<RoleName>,
    /// The objects, where a rule looks at objects.
    pub objects: Vec<RuleObject>,
    /// Policies that nobody could judge yet: the additions that they could be about are denied.
    pub unjudged: Vec<UnjudgedRule>,
    /// SHA-256 of the policies and exceptions, in hex; empty where there is none.
    pub digest: String,
}

/// A policy of which no version can be judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnjudgedRule {
    /// `metadata.name`
    pub name: Arc<str>,
    /// What is wrong with it.
    pub why: String,
    /// What it could be about.
    pub families: BTreeSet<Family>,
    /// Where its name is written.
    pub source: Source,
}

impl RuleSet {
    /// The policies and exceptions as guards.
    pub fn guards(&self) -> RuleGuards {
        RuleGuards { rules: self.rules.clone(), exceptions: self.exceptions.clone() }
    }

    /// Takes them as they are in force: of some the loosening waits for an approval. False: nothing is different.
    pub fn put_back(&mut self, guards: &RuleGuards) -> bool {
        let is_other = self.rules != guards.rules || self.exceptions != guards.exceptions;
        if is_other {
            self.rules.clone_from(&guards.rules);
            self.exceptions.clone_from(&guards.exceptions);
        }
        is_other
    }

    /// Whether nothing is judged.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.exceptions.is_empty() && self.unjudged.is_empty()
    }
}
