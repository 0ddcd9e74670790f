//! Rules that one object decides by itself. Each is one CEL expression: the API server runs it from the CRD, and
//! `check` runs the same text offline. Here every rule has its name, so that a finding can carry its code.

use crate::manifest::finding::Code;
use kube::core::Rule;

/// A CEL rule with its code.
#[derive(Clone, Copy, Debug)]
pub struct NamedRule {
    /// The code a finding carries.
    pub code: Code,
    /// The expression; `self` is the value the rule stands on.
    pub expression: &'static str,
    /// The message when it fails.
    pub message: &'static str,
    /// The field below `self` that a finding points at, if it is there.
    pub points_at: Option<&'static str>,
    /// The next step.
    pub hint: &'static str,
}

impl NamedRule {
    /// As the derive takes it. A server's answer has no place for a code but the message.
    pub fn rule(&self) -> Rule {
        let Self { code, expression, message, points_at: _, hint: _ } = self;
        let rule = Rule::new(*expression);
        match code {
            Code::Rule => rule.message(*message),
            code => rule.message(format!("{message} ({})", code.name()).as_str()),
        }
    }
}

/// The endpoint is a host or a sandbox.
pub const ONE_ENDPOINT: NamedRule = NamedRule {
    code: Code::ExactlyOne,
    expression: "has(self.host) != has(self.sandbox)",
    message: "an endpoint is either host or sandbox",
    points_at: None,
    hint: "write one of: host, sandbox",
};

/// A host needs credentials, a sandbox takes none.
pub const CREDENTIALS_FOR_HOST: NamedRule = NamedRule {
    code: Code::Credentials,
    expression: "has(self.endpoint.host) == has(self.credentials)",
    message: "endpoint.host needs credentials, and endpoint.sandbox takes none",
    points_at: Some("credentials"),
    hint: "credentials: { clientId: { env: NAME }, clientSecret: { env: NAME } } beside endpoint.host, nothing beside endpoint.sandbox",
};

/// A secret comes from one place.
pub const ONE_SECRET_SOURCE: NamedRule = NamedRule {
    code: Code::ExactlyOne,
    expression: "(has(self.env) ? 1 : 0) + (has(self.file) ? 1 : 0) + (has(self.secretKeyRef) ? 1 : 0) == 1",
    message: "a secret comes from exactly one of env, file and secretKeyRef",
    points_at: None,
    hint: "write one of: env, file, secretKeyRef",
};

/// A subject of a role binding is one thing.
pub const ONE_SUBJECT: NamedRule = NamedRule {
    code: Code::ExactlyOne,
    expression: "(has(self.user) ? 1 : 0) + (has(self.team) ? 1 : 0) + (has(self.group) ? 1 : 0) == 1",
    message: "a subject is exactly one of user, team and group",
    points_at: None,
    hint: "one entry per subject: - user: …, - team: … or - group: …",
};

/// A subject that must be people is one thing.
pub const ONE_PERSON_SUBJECT: NamedRule = NamedRule {
    code: Code::ExactlyOne,
    expression: "has(self.user) != has(self.team)",
    message: "a subject is either user or team",
    points_at: None,
    hint: "one entry per subject: - user: … or - team: …",
};

/// An absent holder is one thing.
pub const ONE_ABSENT: NamedRule = NamedRule {
    code: Code::ExactlyOne,
    expression: "has(self.user) != has(self.group)",
    message: "an absent entry is either user or group",
    points_at: None,
    hint: "one entry per holder: - user: … or - group: …",
};

/// Directory and system groups look like local ones through the API.
pub const LOCAL_GROUP: NamedRule = NamedRule {
    code: Code::LocalGroup,
    expression: "self.membership != 'Authoritative' || self.local",
    message: "an Authoritative group membership needs local: true, because groups of a directory look the same through the API",
    points_at: Some("membership"),
    hint: "write local: true if the group is managed in the Admin Console, else membership: Additive",
};

/// Bot roles are about a bot, admin roles are not.
pub const BOT_OF_ROLE: NamedRule = NamedRule {
    code: Code::BotOfRole,
    expression: "(self.role.type == 'Bot') == has(self.bot)",
    message: "a Bot role names a bot, and an Admin role does not",
    points_at: Some("bot"),
    hint: "write bot: NAME beside a role of type Bot, and leave it out beside one of type Admin",
};

/// A known fact is about one user or one group.
pub const ONE_HOLDER: NamedRule = NamedRule {
    code: Code::ExactlyOne,
    expression: "has(self.user) ? !has(self.group) : has(self.group)",
    message: "a known fact is about either a user or a group",
    points_at: None,
    hint: "write one of: user, group",
};

/// A known fact is one thing.
pub const KNOWN_FACT: NamedRule = NamedRule {
    code: Code::ExactlyOne,
    expression: "has(self.role) ? !has(self.memberOf) && (self.role.type == 'Bot') == has(self.bot) : has(self.user) && !(has(self.bot) && has(self.memberOf))",
    message: "a known fact is a user, a user with memberOf, a user with bot, or a holder with role; a Bot role names its bot",
    points_at: None,
    hint: "`koreconcile baseline` writes them",
};

/// Ownership of a bot is not a grant.
pub const NO_BOT_OWNER: NamedRule = NamedRule {
    code: Code::BotOwner,
    expression: "self.role.type != 'Bot' || !(self.role.name in ['Bot Owner', 'App Owner'])",
    message: "Bot Owner cannot be granted: it comes with creating the bot",
    points_at: Some("role.name"),
    hint: "the owner or Bots Management in the Admin Console can hand a bot over; grant Bot Developer instead",
};

/// Master Admin goes to people.
pub const MASTER_ADMIN_TO_USERS: NamedRule = NamedRule {
    code: Code::MasterAdminGroup,
    expression: "self.role.type != 'Admin' || !(self.role.name in ['Master Admin', 'admin']) || !has(self.subjects) || self.subjects.all(s, !has(s.group))",
    message: "Master Admin can be granted to users, not to groups",
    points_at: Some("subjects"),
    hint: "name the people, or a KoreTeam of them",
};

/// Bot Owner is fixed, and so is Master Admin.
pub const FIXED_ROLES: NamedRule = NamedRule {
    code: Code::FixedRole,
    expression: "self.type == 'Bot' ? !(self.name in ['Bot Owner', 'App Owner']) : !(self.name in ['Master Admin', 'admin'])",
    message: "the permissions of Master Admin and Bot Owner are fixed by the platform",
    points_at: Some("name"),
    hint: "declare a role of your own under another name",
};

/// A policy says something.
pub const POLICY_SHAPE: NamedRule = NamedRule {
    code: Code::PolicyShape,
    expression: "has(self.exclusive) || has(self.allow) || has(self.require) || has(self.holders) || has(self.together) || has(self.rule)",
    message: "a policy has at least one of exclusive, allow, require, holders, together and rule",
    points_at: None,
    hint: "write the condition that must hold",
};

/// What a rule looks at, and what it says.
pub const ONLY_WITH_RULE: NamedRule = NamedRule {
    code: Code::PolicyShape,
    expression: "has(self.rule) || (!has(self.over) && !has(self.message) && !has(self.messageExpression))",
    message: "over, message and messageExpression belong to rule",
    points_at: Some("over"),
    hint: "leave them out, or write rule",
};

/// One message.
pub const ONE_POLICY_MESSAGE: NamedRule = NamedRule {
    code: Code::ExactlyOne,
    expression: "!has(self.message) || !has(self.messageExpression)",
    message: "a message is either fixed or an expression",
    points_at: Some("messageExpression"),
    hint: "write one of: message, messageExpression",
};

/// As in Kubernetes: what is denied needs no warning.
pub const DENY_OR_WARN: NamedRule = NamedRule {
    code: Code::PolicyAction,
    expression: "size(self.validationActions) > 0 && !('Deny' in self.validationActions && 'Warn' in self.validationActions)",
    message: "validationActions has at least one action, and not both Deny and Warn",
    points_at: Some("validationActions"),
    hint: "write one of: [Deny], [Warn], [Audit]",
};

/// Nobody's access is kept in place by a rule.
pub const MIN_HOLDS_NOBODY: NamedRule = NamedRule {
    code: Code::PolicyAction,
    expression: "!has(self.holders) || !has(self.holders.min) || !('Deny' in self.validationActions)",
    message: "holders.min takes Warn or Audit: nothing that takes access away is blocked",
    points_at: Some("validationActions"),
    hint: "write validationActions: [Warn], or move holders.min to a policy of its own",
};

/// Nobody's access is kept in place by a rule.
pub const REMOVAL_IS_NOT_HELD: NamedRule = NamedRule {
    code: Code::PolicyAction,
    expression: "self.onRemoval != 'Deny'",
    message: "together.onRemoval takes Warn or Audit: nothing that takes access away is blocked",
    points_at: Some("onRemoval"),
    hint: "write one of: Warn, Audit",
};

/// What is needed is named.
pub const SOME_NEEDS: NamedRule = NamedRule {
    code: Code::PolicyShape,
    expression: "size(self.needs) > 0",
    message: "together.needs names no role",
    points_at: Some("needs"),
    hint: "write the roles of which one is held too",
};

/// A set that names something.
pub const SOME_ROLES: NamedRule = NamedRule {
    code: Code::PolicyShape,
    expression: "(has(self.roles) && size(self.roles) > 0) || (has(self.permissions) && size(self.permissions) > 0)",
    message: "no role and no permission is named",
    points_at: Some("roles"),
    hint: "write roles, permissions, or both",
};

/// A requirement that asks for something.
pub const SOME_REQUIREMENT: NamedRule = NamedRule {
    code: Code::PolicyShape,
    expression: "has(self.expiresWithin) || has(self.ticket) || (has(self.reason) && self.reason)",
    message: "require asks for nothing",
    points_at: None,
    hint: "write at least one of: expiresWithin, reason: true, ticket",
};

/// A number to keep to.
pub const SOME_BOUND: NamedRule = NamedRule {
    code: Code::PolicyShape,
    expression: "(has(self.min) || has(self.max)) && (!has(self.min) || !has(self.max) || self.min <= self.max)",
    message: "holders has a min, a max, or both, and min is not above max",
    points_at: Some("min"),
    hint: "write min, max, or both",
};

/// An area is somewhere.
pub const AREA_IS_SOMEWHERE: NamedRule = NamedRule {
    code: Code::AreaPath,
    expression: "(has(self.paths) && size(self.paths) > 0) || (has(self.namespaces) && size(self.namespaces) > 0)",
    message: "an area has paths, namespaces, or both",
    points_at: Some("owners"),
    hint: "write paths: [\"access/banking/**\"], or namespaces: [team-banking]",
};

/// A person's address is who they are.
pub const EMAIL_IS_IMMUTABLE: NamedRule = immutable("email is immutable: declare another KoreUser");
/// The account an object belongs to stays.
pub const ACCOUNT_IS_IMMUTABLE: NamedRule = immutable("account is immutable: create another object");
/// A role is known by its name.
pub const ROLE_NAME_IS_IMMUTABLE: NamedRule = immutable("name is immutable: declare another KoreRole");
/// A role keeps its type.
pub const ROLE_TYPE_IS_IMMUTABLE: NamedRule = immutable("type is immutable: declare another KoreRole");
/// What a binding grants stays.
pub const TARGET_IS_IMMUTABLE: NamedRule = immutable("this field is immutable: create another object");

/// A plan stays as it was shown, and so does its approval.
pub const PLAN_IS_IMMUTABLE: NamedRule = immutable("this object is immutable: create another one");
/// An approval names a plan or changes.
pub const DIGEST_OR_CHANGES: NamedRule = NamedRule {
    code: Code::ExactlyOne,
    expression: "has(self.digest) != has(self.changes)",
    message: "an approval names either the digest of a KorePlan or ids of changes",
    points_at: None,
    hint: "write one of: digest, changes",
};

const fn immutable(message: &'static str) -> NamedRule {
    NamedRule { code: Code::Rule, expression: "self == oldSelf", message, points_at: None, hint: "" }
}

/// Every rule of a custom resource that can fail offline.
pub const ALL: [NamedRule; 14] = [
    ONE_ENDPOINT,
    CREDENTIALS_FOR_HOST,
    ONE_SECRET_SOURCE,
    ONE_SUBJECT,
    ONE_PERSON_SUBJECT,
    ONE_ABSENT,
    LOCAL_GROUP,
    BOT_OF_ROLE,
    ONE_HOLDER,
    KNOWN_FACT,
    NO_BOT_OWNER,
    MASTER_ADMIN_TO_USERS,
    FIXED_ROLES,
    AREA_IS_SOMEWHERE,
];

/// Those of policies.
pub const OF_POLICIES: [NamedRule; 10] = [
    SOME_NEEDS,
    POLICY_SHAPE,
    ONLY_WITH_RULE,
    ONE_POLICY_MESSAGE,
    DENY_OR_WARN,
    MIN_HOLDS_NOBODY,
    REMOVAL_IS_NOT_HELD,
    SOME_ROLES,
    SOME_REQUIREMENT,
    SOME_BOUND,
];

/// The rule with this expression.
pub fn named(expression: &str) -> Option<&'static NamedRule> {
    ALL.iter().chain(&OF_POLICIES).find(|rule| rule.expression == expression)
}
