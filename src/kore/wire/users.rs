//! What is said of single people: look-ups, and the failures inside the answers to writes.

use super::super::reply::reason;
use super::{Text, flag, list, parse, present};
use crate::facts::BuilderAccess;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One element of usersInfo (kore-api 2.4). `None`: the answer left the key out.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kore) struct UserElement {
    #[serde(deserialize_with = "flag")]
    pub(in crate::kore) is_developer: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub(in crate::kore) can_create_bot: Option<bool>,
    pub(in crate::kore) user_info: UserInfo,
    pub(in crate::kore) roles: Option<RolesHeld>,
    #[serde(deserialize_with = "list")]
    pub(in crate::kore) assign_bot_tasks: Option<Vec<AssignedWire>>,
    #[serde(deserialize_with = "list")]
    pub(in crate::kore) groups: Option<Vec<Label>>,
}

/// The person, in usersInfo and in the failures of writes. Here `status` is a word; inside `reason` it is a number.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kore) struct UserInfo {
    pub(in crate::kore) email_id: Text,
    pub(in crate::kore) org_user_id: Text,
    pub(in crate::kore) user_id: Text,
    #[serde(deserialize_with = "present")]
    pub(in crate::kore) first_name: Option<Text>,
    #[serde(deserialize_with = "present")]
    pub(in crate::kore) last_name: Option<Text>,
    pub(in crate::kore) status: Text,
    pub(in crate::kore) last_login: Text,
    pub(in crate::kore) reason: Value,
}

impl UserElement {
    /// Reads the bare array.
    pub(in crate::kore) fn list(body: &[u8]) -> Result<Vec<Self>, String> {
        parse(body)
    }

    /// Whether the platform says that it does not know this person: by the word, never by the text (kore-api 2.4).
    pub(in crate::kore) fn is_failure(&self) -> bool {
        self.status().as_deref() == Some("failure")
    }

    /// Whether a failure is the platform's own trouble, which says nothing about the person.
    pub(in crate::kore) fn is_trouble(&self) -> bool {
        let code = |key: &str| self.user_info.reason.get(key).and_then(Value::as_i64);
        let code = code("statusCode").or_else(|| code("status"));
        let is_limit = || {
            let told = reason(&self.user_info.reason);
            told.is_some_and(|(text, _)| text.to_ascii_lowercase().contains("rate limit"))
        };
        let is_ours = code.is_some_and(|code| code >= 500 || matches!(code, 401 | 403 | 429));
        self.is_failure() && (is_ours || is_limit())
    }

    /// Builder access, when the answer carries both flags.
    pub(in crate::kore) fn access(&self) -> Option<BuilderAccess> {
        Some(BuilderAccess::from_flags(self.is_developer?, self.can_create_bot?))
    }

    /// Roles, when the answer carries both kinds.
    pub(in crate::kore) fn both_roles(&self) -> Option<&RolesHeld> {
        self.roles.as_ref().filter(|roles| roles.bt_roles.is_some() && roles.admin_roles.is_some())
    }

    /// Whether every role entry says through which groups it is held.
    pub(in crate::kore) fn shows_groups_of_roles(&self) -> bool {
        self.both_roles().is_some_and(|RolesHeld { bt_roles, admin_roles }| {
            bt_roles.iter().chain(admin_roles).flatten().all(RoleHeld::shows_groups)
        })
    }

    /// Role entries that say nothing of groups are held directly.
    pub(in crate::kore) fn hold_directly(&mut self) {
        let roles = self.roles.iter_mut().flat_map(|roles| [&mut roles.bt_roles, &mut roles.admin_roles]);
        for held in roles.flatten().flatten() {
            held.groups.get_or_insert_default();
        }
    }

    /// How many facts the answer has at most, but for what groups hold.
    pub(in crate::kore) fn facts(&self) -> usize {
        let Self { is_developer: _, can_create_bot: _, user_info: _, roles, assign_bot_tasks, groups } = self;
        let roles = roles.iter().flat_map(|roles| [&roles.bt_roles, &roles.admin_roles]).flatten();
        let lists = [groups.as_ref().map_or(0, Vec::len), assign_bot_tasks.as_ref().map_or(0, Vec::len)];
        // Membership, access and name.
        3 + roles.map(Vec::len).sum::<usize>() + lists.iter().sum::<usize>()
    }

    /// When the person signed in last; nothing where the answer leaves it out, or is no time.
    pub(in crate::kore) fn last_sign_in(&self) -> Option<Timestamp> {
        self.user_info.last_login.get()?.trim().parse().ok()
    }

    /// Trimmed and in lower case.
    pub(in crate::kore) fn status(&self) -> Option<String> {
        self.user_info.status.get().map(|status| status.trim().to_ascii_lowercase())
    }
}

/// `roles` of a looked-up person.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kore) struct RolesHeld {
    #[serde(deserialize_with = "list")]
    pub(in crate::kore) bt_roles: Option<Vec<RoleHeld>>,
    #[serde(deserialize_with = "list")]
    pub(in crate::kore) admin_roles: Option<Vec<RoleHeld>>,
}

/// A role a user holds, in 2.4 and 2.5. `groups` names the groups it is held through; empty: held directly. A shortened
/// answer leaves it out, which says neither.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(from = "RoleHeldWire")]
pub(in crate::kore) struct RoleHeld {
    id: Text,
    name: Text,
    bot: Text,
    groups: Option<Vec<Label>>,
}

/// Both generations of the keys.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RoleHeldWire {
    role_id: Text,
    #[serde(rename = "_id")]
    id: Text,
    role_name: Text,
    role: Text,
    bot_id: Text,
    stream_id: Text,
    groups: Option<Vec<Label>>,
}

impl From<RoleHeldWire> for RoleHeld {
    fn from(wire: RoleHeldWire) -> Self {
        let RoleHeldWire { role_id, id, role_name, role, bot_id, stream_id, groups } = wire;
        let first = |one: Text, other: Text| if one.get().is_some() { one } else { other };
        Self { id: first(role_id, id), name: first(role_name, role), bot: first(bot_id, stream_id), groups }
    }
}

impl RoleHeld {
    pub(in crate::kore) fn role_id(&self) -> Option<&str> {
        self.id.get()
    }

    pub(in crate::kore) fn role_name(&self) -> Option<&str> {
        self.name.get()
    }

    pub(in crate::kore) fn bot(&self) -> Option<&str> {
        self.bot.get()
    }

    /// Whether it says through which groups it is held, if through any.
    pub(in crate::kore) fn shows_groups(&self) -> bool {
        self.groups.is_some()
    }

    /// Whether both are about one role on one bot.
    fn is_same(&self, other: &Self) -> bool {
        let is_same_role = match (self.role_id(), other.role_id()) {
            (Some(one), Some(other)) => one == other,
            _ => self.role_name().is_some() && self.role_name() == other.role_name(),
        };
        is_same_role && self.bot() == other.bot()
    }

    /// Entries that say nothing of groups become those of another answer that do.
    pub(in crate::kore) fn complete(held: &mut Vec<Self>, other: &[Self]) {
        if held.iter().all(Self::shows_groups) {
            return;
        }
        let entries = std::mem::take(held).into_iter().flat_map(|entry| {
            let same = other.iter().filter(|other| other.shows_groups() && other.is_same(&entry));
            let same: Vec<Self> = if entry.shows_groups() { Vec::new() } else { same.cloned().collect() };
            if same.is_empty() { vec![entry] } else { same }
        });
        *held = entries.collect();
    }

    pub(in crate::kore) fn groups(&self) -> impl Iterator<Item = &Label> {
        self.groups.iter().flatten().filter(|label| label.name.is_some() || label.id.is_some())
    }
}

/// A group: its name, or an object with name and id.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
pub(in crate::kore) struct Label {
    pub(in crate::kore) id: Option<String>,
    pub(in crate::kore) name: Option<String>,
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let find = |keys: &[&str]| {
            let found = keys.iter().find_map(|key| super::text_of(value.get(*key)?));
            found.filter(|text| !text.is_empty())
        };
        Ok(match &value {
            Value::String(name) => {
                Self { id: None, name: Some(name.clone()).filter(|name| !name.is_empty()) }
            }
            _ => Self { id: find(&["groupId", "_id"]), name: find(&["groupName", "gN", "name"]) },
        })
    }
}

/// A bot assigned to a person as an end user (2.4).
#[derive(Debug)]
pub(in crate::kore) struct AssignedWire {
    pub(in crate::kore) bot: Option<String>,
    /// `None`: the key was left out.
    pub(in crate::kore) dialogs: Option<Vec<String>>,
    /// Any other list in the entry with something in it: actions, alerts, knowledge tasks, or what comes next.
    pub(in crate::kore) has_other_tasks: bool,
}

impl<'de> Deserialize<'de> for AssignedWire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let id = |value: &Value| match value {
            Value::Object(map) => {
                ["_id", "id", "dialogId"].iter().find_map(|key| super::text_of(map.get(*key)?))
            }
            value => super::text_of(value),
        };
        let dialogs = value.get("dialogs").and_then(Value::as_array);
        let others = value.as_object().into_iter().flatten().filter(|(key, _)| *key != "dialogs");
        Ok(Self {
            bot: ["botId", "streamId"].iter().find_map(|key| super::text_of(value.get(*key)?)),
            dialogs: dialogs.map(|dialogs| dialogs.iter().filter_map(id).collect()),
            has_other_tasks: others
                .into_iter()
                .any(|(_, value)| value.as_array().is_some_and(|list| !list.is_empty())),
        })
    }
}

/// The answer to a write on users (2.1 to 2.3). An entry failed when it is listed and its status is not *success*.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kore) struct Failures {
    pub(in crate::kore) msg: Text,
    #[serde(deserialize_with = "list")]
    pub(in crate::kore) failed_user_details: Option<Vec<FailedUser>>,
    pub(in crate::kore) errors: Value,
}

/// A user listed in such an answer: under `userInfo` from POST and PUT, bare from DELETE.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::kore) struct FailedUser {
    user_info: UserInfo,
    email_id: Text,
    org_user_id: Text,
    status: Text,
    reason: Value,
}

impl FailedUser {
    pub(in crate::kore) fn email(&self) -> Option<&str> {
        self.user_info.email_id.get().or(self.email_id.get())
    }

    pub(in crate::kore) fn org_user_id(&self) -> Option<&str> {
        self.user_info.org_user_id.get().or(self.org_user_id.get())
    }

    pub(in crate::kore) fn is_success(&self) -> bool {
        let status = self.user_info.status.get().or(self.status.get());
        status.is_some_and(|status| status.trim().eq_ignore_ascii_case("success"))
    }

    pub(in crate::kore) fn message(&self) -> String {
        let found = reason(&self.user_info.reason).or_else(|| reason(&self.reason));
        found.map_or_else(|| "no reason given".to_owned(), |(message, _)| message)
    }
}
