//! What an account is built from, as plain values: set what matters, `..named(...)` the rest.

use crate::sandbox::store::bots::BotStatus;
use crate::sandbox::store::groups::GroupSource;
use crate::sandbox::store::roles::RoleKind;
use crate::sandbox::store::users::UserState;
use serde_json::{Map, Value};

/// A user to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The address, stored as written.
    pub email: String,
    /// The id given by their organisation.
    pub org_user_id: Option<String>,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Profile fields, which the API can write and not read.
    pub profile: Map<String, Value>,
    /// Where they stand.
    pub state: UserState,
    /// May enter the builder.
    pub is_developer: bool,
    /// May create bots.
    pub can_create_bot: bool,
    /// May create data tables and views; `None`: never set.
    pub data_tables: Option<bool>,
}

impl NewUser {
    /// An active person without builder access.
    pub fn active(email: &str) -> Self {
        Self::named(email, "", "")
    }

    /// A user invited who has not joined.
    pub fn pending(email: &str) -> Self {
        Self { state: UserState::NotActive, ..Self::active(email) }
    }

    /// An active person with a name, without builder access.
    pub fn named(email: &str, first: &str, last: &str) -> Self {
        Self {
            email: email.to_owned(),
            org_user_id: None,
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            profile: Map::new(),
            state: UserState::Active,
            is_developer: false,
            can_create_bot: false,
            data_tables: None,
        }
    }
}

/// A bot to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBot {
    /// Its name; several bots may share one.
    pub name: String,
    /// Its id (`st-...`); `None`: derived from account and name, so that worlds are repeatable.
    pub id: Option<String>,
    /// Its description.
    pub description: String,
    /// Where it stands.
    pub status: BotStatus,
    /// For the enterprise's people (assignable once published), not for consumers.
    pub is_enterprise: bool,
    /// Who owns it, by e-mail.
    pub owner: Option<String>,
    /// Names of its dialog tasks.
    pub dialogs: Vec<String>,
}

impl NewBot {
    /// A published enterprise bot without owner or dialogs.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: None,
            description: String::new(),
            status: BotStatus::Published,
            is_enterprise: true,
            owner: None,
            dialogs: Vec::new(),
        }
    }
}

/// A group to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Where it comes from.
    pub source: GroupSource,
}

impl NewGroup {
    /// An empty local group.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), description: String::new(), source: GroupSource::Local }
    }
}

/// A custom role to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRole {
    /// What it is about.
    pub kind: RoleKind,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Permission to level (`YES`, `NO`, `FULL`, `VIEW`), as plain strings for both kinds.
    pub permissions: Map<String, Value>,
}

impl NewRole {
    /// A role without permissions.
    pub fn named(kind: RoleKind, name: &str) -> Self {
        Self { kind, name: name.to_owned(), description: String::new(), permissions: Map::new() }
    }
}

/// Who holds a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A user, by e-mail.
    User(String),
    /// A group, by name.
    Group(String),
}

impl Holder {
    /// A user, by e-mail.
    pub fn user(email: &str) -> Self {
        Self::User(email.to_owned())
    }

    /// A group.
    pub fn group(name: &str) -> Self {
        Self::Group(name.to_owned())
    }
}

/// An app's credentials. The secret is shown by its field only, never by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct App {
    /// The client id, `cs-...`.
    pub client_id: String,
    /// The client secret, used as text.
    pub client_secret: String,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
