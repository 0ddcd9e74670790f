//! What is true of a fact's subject.

use super::{DialogId, GroupName, Level, PermissionName, as_read};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is true. Which variant goes with which [`super::Key`] is fixed; [`Value::satisfies`] says when an
/// observed value is good enough for a desired one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Value {
    /// The binding or membership exists in its own right (roles, groups).
    Held,
    /// A role held only through these groups (observed only). It satisfies *held*, and is never removed directly.
    Inherited(BTreeSet<GroupName>),
    /// In the account (with [`super::Key::Member`]).
    Member(Membership),
    /// With [`super::Key::Names`].
    Names(PersonName),
    /// With [`super::Key::Access`].
    Access(BuilderAccess),
    /// With [`super::Key::Assigned`].
    Dialogs(DialogSet),
    /// With [`super::Key::RoleDefinition`].
    Role(RoleSpec),
    /// With [`super::Key::Profile`]: API field name to text.
    Profile(BTreeMap<String, String>),
    /// With [`super::Key::DataTables`].
    DataTables(bool),
}

/// How far a person's membership has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Membership {
    /// Accepted, or already known to the platform.
    Joined,
    /// Invited; has not accepted. `since` is known only with memory between runs.
    Pending {
        /// When we first saw the invitation open.
        #[schemars(with = "Option<String>")]
        since: Option<Timestamp>,
    },
    /// In the listing, and not looked up: the listing has no status (kore-api 2.5).
    Listed,
}

/// First and last name; a part that is `None` is not compared and not sent.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct PersonName {
    /// First name.
    pub first: Option<String>,
    /// Last name.
    pub last: Option<String>,
}

/// The two builder flags as one word, so that the pair the platform refuses (may create bots, but may not enter
/// the builder: kore-api 2.12) cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub enum BuilderAccess {
    /// Uses assistants, builds none.
    None,
    /// May enter the builder.
    Builder,
    /// May enter the builder and create bots.
    Creator,
}

impl BuilderAccess {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Builder, Self::Creator];

    /// As manifests write it.
    pub fn label(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Builder => "Builder",
            Self::Creator => "Creator",
        }
    }

    /// From the API's flags. The illegal pair reads as *None*: without `isDeveloper` nothing can be built.
    pub fn from_flags(is_developer: bool, can_create_bot: bool) -> Self {
        match (is_developer, can_create_bot) {
            (false, _) => Self::None,
            (true, false) => Self::Builder,
            (true, true) => Self::Creator,
        }
    }

    /// `isDeveloper`
    pub fn is_developer(self) -> bool {
        self != Self::None
    }

    /// `canCreateBot`
    pub fn can_create_bot(self) -> bool {
        self == Self::Creator
    }
}

/// Which dialog tasks of a bot are assigned to a user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DialogSet {
    /// `None`: all of them (desired only; the platform always answers with a list). Else exactly these.
    pub only: Option<BTreeSet<DialogId>>,
    /// The entry also lists tasks of other kinds (actions, alerts, knowledge). Rewriting it would lose them, so
    /// changing such a user's assignments is a manual step.
    pub has_other_tasks: bool,
}

impl DialogSet {
    /// All dialog tasks.
    pub const ALL: Self = Self { only: None, has_other_tasks: false };

    /// Exactly these.
    pub fn only(dialogs: impl IntoIterator<Item = DialogId>) -> Self {
        Self { only: Some(dialogs.into_iter().collect()), has_other_tasks: false }
    }
}

/// What a role says; only what is declared is compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct RoleSpec {
    /// Description, if declared.
    pub description: Option<String>,
    /// Permission name to level. Absent is not the same as `NO` (kore-api 3.5), so absent stays absent.
    pub permissions: BTreeMap<PermissionName, Level>,
}

impl Value {
    /// Whether an observed value is good enough for a desired one.
    ///
    /// Held through a group is held; any membership is membership; only declared name parts and permissions
    /// count; *all dialogs* is met by any entry for the bot, because the platform never says "all".
    pub fn satisfies(&self, desired: &Self) -> bool {
        match (desired, self) {
            (Self::Held, Self::Held | Self::Inherited(_)) | (Self::Member(_), Self::Member(_)) => true,
            (Self::Names(desired), Self::Names(seen)) => {
                name_is_met(desired.first.as_deref(), seen.first.as_deref())
                    && name_is_met(desired.last.as_deref(), seen.last.as_deref())
            }
            (Self::Dialogs(desired), Self::Dialogs(seen)) => {
                desired.only.is_none() || desired.only == seen.only
            }
            (Self::Role(desired), Self::Role(seen)) => {
                part_is_met(desired.description.as_deref(), seen.description.as_deref())
                    && desired.permissions.iter().all(|(name, level)| {
                        seen.permissions.get(name).is_some_and(|seen| seen.is_same(level))
                    })
            }
            (desired, seen) => desired == seen,
        }
    }
}

/// Nothing declared is always met; the platform answers a missing text and an empty one alike.
fn part_is_met(desired: Option<&str>, seen: Option<&str>) -> bool {
    desired.is_none_or(|desired| desired == seen.unwrap_or_default())
}

/// The same for a name: two that read the same are the same.
fn name_is_met(desired: Option<&str>, seen: Option<&str>) -> bool {
    desired.is_none_or(|desired| as_read(desired) == as_read(seen.unwrap_or_default()))
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held => f.write_str("held"),
            Self::Inherited(groups) => write!(f, "held through {}", join(groups)),
            Self::Member(Membership::Joined) => f.write_str("joined"),
            Self::Member(Membership::Pending { since: Some(since) }) => {
                write!(f, "invited, pending since {since}")
            }
            Self::Member(Membership::Pending { since: None }) => f.write_str("invited, pending"),
            Self::Member(Membership::Listed) => f.write_str("in the account"),
            Self::Names(PersonName { first, last }) => {
                let parts: Vec<&str> = [first, last].into_iter().flatten().map(String::as_str).collect();
                f.write_str(&parts.join(" "))
            }
            Self::Access(access) => write!(f, "{access:?}"),
            Self::Dialogs(DialogSet { only: None, .. }) => f.write_str("all dialogs"),
            Self::Dialogs(DialogSet { only: Some(dialogs), .. }) => write!(f, "dialogs {}", join(dialogs)),
            Self::Role(RoleSpec { description: _, permissions }) => {
                let levels: Vec<String> =
                    permissions.iter().map(|(name, level)| format!("{name}: {level}")).collect();
                f.write_str(&levels.join(", "))
            }
            Self::Profile(fields) => f.write_str(&join(fields.keys())),
            Self::DataTables(true) => f.write_str("yes"),
            Self::DataTables(false) => f.write_str("no"),
        }
    }
}

fn join<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_through_a_group_satisfies_held() {
        assert!(Value::Inherited(BTreeSet::from([GroupName::new("QA")])).satisfies(&Value::Held));
    }

    #[test]
    fn all_dialogs_is_met_by_any_entry_but_a_list_only_by_itself() {
        let one = Value::Dialogs(DialogSet::only([DialogId::new("dg-1")]));
        let two = Value::Dialogs(DialogSet::only([DialogId::new("dg-2")]));
        assert!(one.satisfies(&Value::Dialogs(DialogSet::ALL)));
        assert!(!one.satisfies(&two));
    }

    #[test]
    fn only_declared_permissions_are_compared() {
        let level = |name: &str, level: &str| (PermissionName::new(name), Level::new(level));
        let role = |permissions: Vec<_>| {
            Value::Role(RoleSpec { description: None, permissions: permissions.into_iter().collect() })
        };
        let seen = role(vec![level("Tasks", "FULL"), level("Dashboard", "YES")]);
        assert!(seen.satisfies(&role(vec![level("Tasks", "FULL")])));
        assert!(seen.satisfies(&role(vec![level("Tasks", "Full")])), "a spelling is no difference");
        assert!(!seen.satisfies(&role(vec![level("Tasks", "VIEW")])));
        assert!(!seen.satisfies(&role(vec![level("Channels", "NO")])), "absent is not NO");
    }

    #[test]
    fn an_undeclared_name_part_is_not_compared() {
        let seen = Value::Names(PersonName { first: Some("Jane".into()), last: None });
        let desired = |first: Option<&str>, last: Option<&str>| {
            Value::Names(PersonName { first: first.map(Into::into), last: last.map(Into::into) })
        };
        assert!(seen.satisfies(&desired(Some("Jane"), None)));
        assert!(seen.satisfies(&desired(None, Some(""))));
        assert!(!seen.satisfies(&desired(None, Some("Doe"))));
    }

    #[test]
    fn access_and_its_two_flags_say_the_same() {
        for access in [BuilderAccess::None, BuilderAccess::Builder, BuilderAccess::Creator] {
            assert_eq!(BuilderAccess::from_flags(access.is_developer(), access.can_create_bot()), access);
        }
        assert_eq!(BuilderAccess::from_flags(false, true), BuilderAccess::None, "the illegal pair");
    }

    #[test]
    fn values_read_as_words() {
        let groups = ["QA", "Ops"].map(GroupName::new);
        let dialogs = DialogSet::only([DialogId::new("dg-2"), DialogId::new("dg-1")]);
        let name = PersonName { first: Some("Jane".into()), last: Some("Doe".into()) };
        for (value, words) in [
            (Value::Held, "held"),
            (Value::Inherited(groups.into()), "held through Ops, QA"),
            (Value::Inherited(BTreeSet::new()), "held through none"),
            (Value::Member(Membership::Pending { since: None }), "invited, pending"),
            (Value::Names(name), "Jane Doe"),
            (Value::Dialogs(DialogSet::ALL), "all dialogs"),
            (Value::Dialogs(dialogs), "dialogs dg-1, dg-2"),
            (Value::DataTables(true), "yes"),
            (Value::DataTables(false), "no"),
        ] {
            assert_eq!(value.to_string(), words);
        }
    }
}
