//! The endpoints this client calls, each with what is fixed about it.

use std::fmt;

/// HTTP method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE, with a body at this vendor (kore-api 2.0)
    Delete,
}

impl Method {
    /// As on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// An endpoint of the public Admin API. Displays as `GET /api/public/bots`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Endpoint {
    /// Create users (2.1).
    CreateUsers,
    /// Update users (2.2).
    UpdateUsers,
    /// Remove users (2.3).
    RemoveUsers,
    /// Look users up (2.4): a read done with POST.
    UsersInfo,
    /// Everyone with their roles (2.5).
    AllUserRoles,
    /// Role export (2.7).
    ExportRoles,
    /// Role import (2.8).
    ImportRoles,
    /// File upload (2.9).
    UploadFile,
    /// Admin role bindings (2.10).
    AdminRoleAssignments,
    /// Bot role bindings (2.11).
    BotRoleAssignments,
    /// Builder flags and data tables (2.12).
    UserAccess,
    /// Groups with members (2.13).
    Groups,
    /// Bots (2.14).
    Bots,
    /// SSO configuration (2.17), read only here.
    SsoConfig,
    /// Audit log (2.18).
    AuditLogs,
    /// Change log of a bot (2.18b).
    ChangeLogs,
}

impl Endpoint {
    /// HTTP method.
    pub fn method(self) -> Method {
        match self {
            Self::AllUserRoles
            | Self::ExportRoles
            | Self::Groups
            | Self::Bots
            | Self::SsoConfig
            | Self::AuditLogs
            | Self::ChangeLogs => Method::Get,
            Self::CreateUsers
            | Self::UsersInfo
            | Self::ImportRoles
            | Self::UploadFile
            | Self::AdminRoleAssignments
            | Self::BotRoleAssignments
            | Self::UserAccess => Method::Post,
            Self::UpdateUsers => Method::Put,
            Self::RemoveUsers => Method::Delete,
        }
    }

    /// Path below the host; `{bot}` stands for a bot's id. The two assignment endpoints are documented with a trailing slash.
    pub fn path(self) -> &'static str {
        match self {
            Self::CreateUsers | Self::UpdateUsers | Self::RemoveUsers => "/api/public/users",
            Self::UsersInfo => "/api/public/usersInfo",
            Self::AllUserRoles => "/api/public/alluserroles",
            Self::ExportRoles => "/api/public/roles/export",
            Self::ImportRoles => "/api/public/roles/import",
            Self::UploadFile => "/api/public/uploadfile",
            Self::AdminRoleAssignments => "/api/public/adminroles/assignments/",
            Self::BotRoleAssignments => "/api/public/btroles/assignments/",
            Self::UserAccess => "/api/public/useraccess",
            Self::Groups => "/api/public/groups",
            Self::Bots => "/api/public/bots",
            Self::SsoConfig => "/api/public/ssoconfig",
            Self::AuditLogs => "/api/public/auditlogs",
            Self::ChangeLogs => "/api/public/bot/{bot}/changelogs",
        }
    }

    /// The scope the app needs, written *group > scope* as the console shows it (1.4).
    pub fn scope(self) -> &'static str {
        match self {
            Self::CreateUsers | Self::UpdateUsers | Self::RemoveUsers | Self::UsersInfo => {
                "User Management > User Management"
            }
            Self::AllUserRoles
            | Self::ExportRoles
            | Self::ImportRoles
            | Self::AdminRoleAssignments
            | Self::BotRoleAssignments
            | Self::UserAccess
            | Self::Groups
            | Self::Bots => "Profile Management > Role Management",
            Self::UploadFile => "Bot Definition > Bot Import",
            Self::SsoConfig => "User Management > SSO Configuration",
            Self::AuditLogs => "Logs > Admin Console Audit Logs",
            Self::ChangeLogs => "Logs > Bot Audit Logs",
        }
    }

    /// What a readable answer of an endpoint that payload encryption covers (1.3) begins with; `None`: it is not covered.
    pub(super) fn plain_answer(self) -> Option<PlainAnswer> {
        match self {
            Self::UsersInfo | Self::UserAccess => Some(PlainAnswer::List),
            Self::AllUserRoles => Some(PlainAnswer::Object(&["users", "total", "availableMore"])),
            Self::CreateUsers | Self::UpdateUsers | Self::RemoveUsers => {
                Some(PlainAnswer::Object(&["msg", "failedUserDetails"]))
            }
            Self::ExportRoles
            | Self::ImportRoles
            | Self::UploadFile
            | Self::AdminRoleAssignments
            | Self::BotRoleAssignments
            | Self::Groups
            | Self::Bots
            | Self::SsoConfig
            | Self::AuditLogs
            | Self::ChangeLogs => None,
        }
    }

    /// Whether a repeated call does no harm.
    pub fn is_read(self) -> bool {
        self == Self::UsersInfo || self.method() == Method::Get
    }
}

/// The outermost shape of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PlainAnswer {
    /// A bare array.
    List,
    /// An object with at least one of these keys.
    Object(&'static [&'static str]),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method().as_str(), self.path())
    }
}
