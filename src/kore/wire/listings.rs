//! Pages of the listings, and the role export.

use super::super::Endpoint;
use super::{RoleHeld, Text, count, flag, list, parse, text_of};
use crate::facts::{BuilderAccess, Level, PermissionName, RoleEntry, RoleId, RoleName, RoleSpec, RoleType};
use serde::Deserialize;
use serde_json::Value;

/// One page of a listing (kore-api 2.0).
pub(in crate::kore) struct Page<T> {
    /// As stated; it should be the same on every page.
    pub(in crate::kore) total: Option<usize>,
    /// `availableMore`, or `moreAvailable` from those who write it so.
    pub(in crate::kore) has_more: Option<bool>,
    pub(in crate::kore) items: Vec<T>,
}

impl<T> Page<T> {
    /// Whether it holds some, but fewer entries than that, although the listing has more.
    pub(in crate::kore) fn is_short_of(&self, size: usize) -> bool {
        (1..size).contains(&self.items.len()) && self.total.is_some_and(|total| total > self.items.len())
    }
}

/// What is listed in pages.
pub(in crate::kore) trait Paged: Sized + Send {
    /// The endpoint that serves the listing.
    const ENDPOINT: Endpoint;
    /// Entries asked for at once; a server may give fewer.
    const LIMIT: usize;
    /// Whether `offset` counts rows by the vendor's documents; else it counts pages.
    const COUNTS_ROWS: bool;

    /// What tells two entries apart.
    fn id(&self) -> Option<&str>;

    /// Reads a page.
    fn page(body: &[u8]) -> Result<Page<Self>, String>;
}

macro_rules! paged {
    ($item:ty, $endpoint:expr, $limit:expr, $counts_rows:expr, $key:literal, $id:expr) => {
        impl Paged for $item {
            const ENDPOINT: Endpoint = $endpoint;
            const LIMIT: usize = $limit;
            const COUNTS_ROWS: bool = $counts_rows;

            fn id(&self) -> Option<&str> {
                let id: fn(&Self) -> Option<&str> = $id;
                id(self)
            }

            fn page(body: &[u8]) -> Result<Page<Self>, String> {
                #[derive(Deserialize)]
                struct Wire {
                    #[serde(default, deserialize_with = "count")]
                    total: Option<u64>,
                    #[serde(default, rename = "availableMore", deserialize_with = "flag")]
                    available_more: Option<bool>,
                    #[serde(default, rename = "moreAvailable", deserialize_with = "flag")]
                    more_available: Option<bool>,
                    #[serde(default, rename = $key)]
                    items: Option<Vec<$item>>,
                }
                let Wire { total, available_more, more_available, items } = parse(body)?;
                let total = total.map(|total| usize::try_from(total).unwrap_or(usize::MAX));
                // An empty listing may leave the list out; any other answer without it is none of ours.
                let items = items.or((total == Some(0)).then(Vec::new));
                let items = items.ok_or(concat!("there is no list called ", $key))?;
                Ok(Page { total, has_more: available_more.or(more_available), items })
            }
        }
    };
}

// The size for users is undocumented: a large one costs nothing, because a server that clamps it says so by the
// number of entries it returns.
paged!(ListedUser, Endpoint::AllUserRoles, 1_000, true, "users", |user| user.username.get());
paged!(GroupWire, Endpoint::Groups, 50, false, "groups", |group| group.id.get());
paged!(BotWire, Endpoint::Bots, 50, false, "bots", |bot| bot.id.get());

/// A user of the listing (2.5).
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(in crate::kore) struct ListedUser {
    pub(in crate::kore) username: Text,
    pub(in crate::kore) user_id: Text,
    pub(in crate::kore) account_id: Text,
    pub(in crate::kore) org_user_id: Text,
    #[serde(deserialize_with = "flag")]
    pub(in crate::kore) is_developer: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub(in crate::kore) can_create_bot: Option<bool>,
    #[serde(deserialize_with = "list")]
    pub(in crate::kore) bt_roles: Option<Vec<RoleHeld>>,
    #[serde(deserialize_with = "list")]
    pub(in crate::kore) admin_roles: Option<Vec<RoleHeld>>,
}

impl ListedUser {
    /// Whether every role entry says through which groups it is held.
    pub(in crate::kore) fn shows_groups_of_roles(&self) -> bool {
        let Self { bt_roles, admin_roles, .. } = self;
        let is_whole = bt_roles.is_some() && admin_roles.is_some();
        is_whole && bt_roles.iter().chain(admin_roles).flatten().all(RoleHeld::shows_groups)
    }

    /// Builder access, when the entry carries both flags.
    pub(in crate::kore) fn access(&self) -> Option<BuilderAccess> {
        Some(BuilderAccess::from_flags(self.is_developer?, self.can_create_bot?))
    }
}

/// A group with its members (2.13).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::kore) struct GroupWire {
    #[serde(rename = "_id")]
    pub(in crate::kore) id: Text,
    #[serde(rename = "gN")]
    pub(in crate::kore) name: Text,
    #[serde(deserialize_with = "list")]
    pub(in crate::kore) users: Option<Vec<GroupMember>>,
    #[serde(rename = "userCount", deserialize_with = "count")]
    pub(in crate::kore) user_count: Option<u64>,
}

/// A member of a group (2.13).
#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(in crate::kore) struct GroupMember {
    #[serde(rename = "_id")]
    pub(in crate::kore) id: Text,
    #[serde(rename = "emailId")]
    pub(in crate::kore) email: Text,
    #[serde(rename = "activationStatus")]
    pub(in crate::kore) status: Text,
}

/// A bot (2.14). Its `jwtApps` hold secrets in clear and have no field.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kore) struct BotWire {
    #[serde(rename = "_id")]
    pub(in crate::kore) id: Text,
    pub(in crate::kore) account_id: Text,
    pub(in crate::kore) name: Text,
    pub(in crate::kore) status: Text,
    pub(in crate::kore) purpose: Text,
}

/// A role as the export gives it (2.7), or the import (2.8).
#[derive(Debug)]
pub(in crate::kore) struct RoleWire {
    pub(in crate::kore) id: RoleId,
    pub(in crate::kore) entry: RoleEntry,
}

impl RoleWire {
    /// Reads the bare array of an export or an import; `None` for elements without id or name.
    pub(in crate::kore) fn list(body: &[u8], role_type: RoleType) -> Result<Vec<Option<Self>>, String> {
        let documents: Vec<Value> = parse(body)?;
        Ok(documents.into_iter().map(|document| Self::read(document, role_type)).collect())
    }

    fn read(document: Value, role_type: RoleType) -> Option<Self> {
        let id = RoleId::new(text_of(document.get("_id")?)?);
        let name = RoleName::canonical(role_type, &text_of(document.get("role")?)?);
        let levels = document.get("permissions").and_then(Value::as_object);
        // A level is a string among admin roles and a one-element array among bot roles (kore-api 2.6).
        let permissions = levels.into_iter().flatten();
        let permissions = permissions
            .filter_map(|(name, level)| Some((PermissionName::new(name), Level::new(text_of(level)?))));
        let spec = RoleSpec {
            description: document.get("rDesc").and_then(text_of),
            permissions: permissions.collect(),
        };
        Some(Self { id, entry: RoleEntry { role_type, name, spec, document } })
    }
}
