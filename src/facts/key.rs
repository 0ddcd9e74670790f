//! What a fact is about.

use super::{BotId, Email, GroupName, RoleName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether a role is for the account or for one bot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RoleType {
    /// Rights in the Admin Console.
    Admin,
    /// Rights on one bot.
    Bot,
}

impl RoleType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Admin, Self::Bot];

    /// As the API's `roleType` spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Bot => "bot",
        }
    }
}

/// Who holds a role: a person, or a platform group and through it its members.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Holder {
    /// One person.
    User(Email),
    /// A platform group.
    Group(GroupName),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(email) => email.fmt(f),
            Self::Group(group) => write!(f, "group {group}"),
        }
    }
}

/// What a fact is about: the subject, and where there is one the object. `B` is how bots are named: a
/// [`super::BotRef`] as written in manifests, a [`BotId`] once resolved and in everything observed.
///
/// The order of the variants is the order of both worlds, and so of the merge that compares them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Key<B = BotId> {
    /// A role exists, with permissions.
    RoleDefinition(RoleType, RoleName),
    /// A person is in the account.
    Member(Email),
    /// A person is called first and last name.
    Names(Email),
    /// What a person may do in the builder.
    Access(Email),
    /// Profile fields: write-only at the platform.
    Profile(Email),
    /// Data-table access: write-only at the platform.
    DataTables(Email),
    /// A person is in a platform group.
    InGroup(Email, GroupName),
    /// A user or group holds an admin role.
    AdminRole(Holder, RoleName),
    /// A user or group holds a role on a bot.
    BotRole(Holder, RoleName, B),
    /// A bot is assigned to a user as an end user.
    Assigned(Email, B),
}

/// The kinds of facts, as coverage and ceilings count them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Family {
    /// Roles and their permissions.
    RoleDefinitions,
    /// Who is in the account.
    Membership,
    /// First and last names.
    Names,
    /// Builder access.
    Access,
    /// Profile fields (write-only).
    Profile,
    /// Data-table access (write-only).
    DataTables,
    /// Who is in which group.
    Groups,
    /// Who holds which admin role.
    AdminRoles,
    /// Who holds which role on which bot.
    BotRoles,
    /// Which bot is assigned to which user.
    Assignments,
}

impl Family {
    /// All of them, in the order of [`Key`].
    pub const ALL: [Self; 10] = [
        Self::RoleDefinitions,
        Self::Membership,
        Self::Names,
        Self::Access,
        Self::Profile,
        Self::DataTables,
        Self::Groups,
        Self::AdminRoles,
        Self::BotRoles,
        Self::Assignments,
    ];

    /// Whether the API takes it but never gives it back (kore-api section 4, row 26).
    pub fn is_write_only(self) -> bool {
        matches!(self, Self::Profile | Self::DataTables)
    }

    /// As people read it in a plan: `bot roles`.
    pub fn label(self) -> &'static str {
        match self {
            Self::RoleDefinitions => "role definitions",
            Self::Membership => "users",
            Self::Names => "names",
            Self::Access => "builder access",
            Self::Profile => "profiles",
            Self::DataTables => "data-table access",
            Self::Groups => "group memberships",
            Self::AdminRoles => "admin roles",
            Self::BotRoles => "bot roles",
            Self::Assignments => "bot assignments",
        }
    }
}

impl<B> Key<B> {
    /// The kind of fact.
    pub fn family(&self) -> Family {
        match self {
            Self::RoleDefinition(..) => Family::RoleDefinitions,
            Self::Member(_) => Family::Membership,
            Self::Names(_) => Family::Names,
            Self::Access(_) => Family::Access,
            Self::Profile(_) => Family::Profile,
            Self::DataTables(_) => Family::DataTables,
            Self::InGroup(..) => Family::Groups,
            Self::AdminRole(..) => Family::AdminRoles,
            Self::BotRole(..) => Family::BotRoles,
            Self::Assigned(..) => Family::Assignments,
        }
    }

    /// The person it is about, if it is about one.
    pub fn email(&self) -> Option<&Email> {
        match self {
            Self::Member(email)
            | Self::Names(email)
            | Self::Access(email)
            | Self::Profile(email)
            | Self::DataTables(email)
            | Self::InGroup(email, _)
            | Self::Assigned(email, _)
            | Self::AdminRole(Holder::User(email), _)
            | Self::BotRole(Holder::User(email), _, _) => Some(email),
            Self::RoleDefinition(..)
            | Self::AdminRole(Holder::Group(_), _)
            | Self::BotRole(Holder::Group(_), _, _) => None,
        }
    }

    /// The platform group it is about: as member list or as holder of a role.
    pub fn group(&self) -> Option<&GroupName> {
        match self {
            Self::InGroup(_, group)
            | Self::AdminRole(Holder::Group(group), _)
            | Self::BotRole(Holder::Group(group), _, _) => Some(group),
            Self::RoleDefinition(..)
            | Self::Member(_)
            | Self::Names(_)
            | Self::Access(_)
            | Self::Profile(_)
            | Self::DataTables(_)
            | Self::Assigned(..)
            | Self::AdminRole(Holder::User(_), _)
            | Self::BotRole(Holder::User(_), _, _) => None,
        }
    }

    /// The role it names, with its type.
    pub fn role(&self) -> Option<(RoleType, &RoleName)> {
        match self {
            Self::RoleDefinition(role_type, role) => Some((*role_type, role)),
            Self::AdminRole(_, role) => Some((RoleType::Admin, role)),
            Self::BotRole(_, role, _) => Some((RoleType::Bot, role)),
            Self::Member(_)
            | Self::Names(_)
            | Self::Access(_)
            | Self::Profile(_)
            | Self::DataTables(_)
            | Self::InGroup(..)
            | Self::Assigned(..) => None,
        }
    }

    /// Who holds the role, if it is a binding.
    pub fn holder(&self) -> Option<&Holder> {
        match self {
            Self::AdminRole(holder, _) | Self::BotRole(holder, _, _) => Some(holder),
            Self::RoleDefinition(..)
            | Self::Member(_)
            | Self::Names(_)
            | Self::Access(_)
            | Self::Profile(_)
            | Self::DataTables(_)
            | Self::InGroup(..)
            | Self::Assigned(..) => None,
        }
    }

    /// The bot it names.
    pub fn bot(&self) -> Option<&B> {
        match self {
            Self::BotRole(_, _, bot) | Self::Assigned(_, bot) => Some(bot),
            Self::RoleDefinition(..)
            | Self::Member(_)
            | Self::Names(_)
            | Self::Access(_)
            | Self::Profile(_)
            | Self::DataTables(_)
            | Self::InGroup(..)
            | Self::AdminRole(..) => None,
        }
    }

    /// The same fact with its bot named in another way; `None` where the name does not translate.
    pub fn with_bot<C>(self, translate: impl FnOnce(B) -> Option<C>) -> Option<Key<C>> {
        Some(match self {
            Self::RoleDefinition(role_type, role) => Key::RoleDefinition(role_type, role),
            Self::Member(email) => Key::Member(email),
            Self::Names(email) => Key::Names(email),
            Self::Access(email) => Key::Access(email),
            Self::Profile(email) => Key::Profile(email),
            Self::DataTables(email) => Key::DataTables(email),
            Self::InGroup(email, group) => Key::InGroup(email, group),
            Self::AdminRole(holder, role) => Key::AdminRole(holder, role),
            Self::BotRole(holder, role, bot) => Key::BotRole(holder, role, translate(bot)?),
            Self::Assigned(email, bot) => Key::Assigned(email, translate(bot)?),
        })
    }
}

impl<B: fmt::Display> fmt::Display for Key<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoleDefinition(RoleType::Admin, role) => write!(f, "admin role {role}"),
            Self::RoleDefinition(RoleType::Bot, role) => write!(f, "bot role {role}"),
            Self::Member(email) => write!(f, "user {email}"),
            Self::Names(email) => write!(f, "name of {email}"),
            Self::Access(email) => write!(f, "builder access of {email}"),
            Self::Profile(email) => write!(f, "profile of {email}"),
            Self::DataTables(email) => write!(f, "data tables of {email}"),
            Self::InGroup(email, group) => write!(f, "{email} in group {group}"),
            Self::AdminRole(holder, role) => write!(f, "{holder}: {role}"),
            Self::BotRole(holder, role, bot) => write!(f, "{holder}: {role} on {bot}"),
            Self::Assigned(email, bot) => write!(f, "{email} assigned to {bot}"),
        }
    }
}
