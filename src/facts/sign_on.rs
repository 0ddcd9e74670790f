//! What single sign-on does to people behind everybody's back (kore-api 2.17).

use super::{GroupId, RoleId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// The active configuration of single sign-on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignOn {
    /// `saml`, `wsfed` or `oidc`.
    pub protocol: String,
    /// Roles, groups and switches that attributes of the identity provider give, if any do.
    pub mapping: Option<AttributeMapping>,
    /// Whoever the identity provider lets through joins the account.
    pub lets_anybody_join: bool,
}

/// What each sign-in changes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttributeMapping {
    /// Whether it takes away, too.
    pub mode: SyncMode,
    /// What it can give.
    pub targets: BTreeSet<MappedTarget>,
}

/// How far a sign-in reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncMode {
    /// All groups and admin roles of the user are taken away, then those that the attributes name are given. A word that
    /// is not known is read so, too.
    FullSync,
    /// Those that the attributes name are added.
    InclusionOnly,
}

impl fmt::Display for SyncMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FullSync => "Full Sync",
            Self::InclusionOnly => "Inclusion Only",
        })
    }
}

/// What an attribute gives.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MappedTarget {
    /// An admin role.
    AdminRole(RoleId),
    /// A group, with everything that comes through it.
    Group(GroupId),
    /// Builder access, new apps, or data tables; which of them is not always known.
    Switch(String),
}
