//! Keys as flat JSON objects, so that a plan reads without knowing our types:
//! `{"family":"botRoles","user":"jane.doe@example.com","role":"Bot Developer","bot":"st-…"}`.

use super::{BotId, Email, Family, GroupName, Holder, Key, RoleName, RoleType};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One fact's subject and object.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRecord {
    /// The kind of fact.
    family: Family,
    /// The person's e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    user: Option<Email>,
    /// The platform group: as container (`groups`) or as holder of a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<GroupName>,
    /// The role, in its canonical name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<RoleName>,
    /// With `roleDefinitions`: admin or bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role_type: Option<RoleType>,
    /// The bot's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bot: Option<BotId>,
}

impl From<&Key> for KeyRecord {
    fn from(key: &Key) -> Self {
        Self {
            family: key.family(),
            user: key.email().cloned(),
            group: key.group().cloned(),
            role: key.role().map(|(_, role)| role.clone()),
            role_type: match key {
                Key::RoleDefinition(role_type, _) => Some(*role_type),
                _ => None,
            },
            bot: key.bot().cloned(),
        }
    }
}

impl TryFrom<KeyRecord> for Key {
    type Error = &'static str;

    fn try_from(record: KeyRecord) -> Result<Self, Self::Error> {
        let KeyRecord { family, user, group, role, role_type, bot } = record;
        let holder = || match (user.clone(), group.clone()) {
            (Some(email), None) => Ok(Holder::User(email)),
            (None, Some(group)) => Ok(Holder::Group(group)),
            _ => Err("a role is held by one user or one group"),
        };
        let email = || user.clone().ok_or("a user is missing");
        let role = || role.clone().ok_or("a role is missing");
        let bot = || bot.clone().ok_or("a bot is missing");
        Ok(match family {
            Family::RoleDefinitions => {
                Self::RoleDefinition(role_type.ok_or("a role type is missing")?, role()?)
            }
            Family::Membership => Self::Member(email()?),
            Family::Names => Self::Names(email()?),
            Family::Access => Self::Access(email()?),
            Family::Profile => Self::Profile(email()?),
            Family::DataTables => Self::DataTables(email()?),
            Family::Groups => Self::InGroup(email()?, group.clone().ok_or("a group is missing")?),
            Family::AdminRoles => Self::AdminRole(holder()?, role()?),
            Family::BotRoles => Self::BotRole(holder()?, role()?, bot()?),
            Family::Assignments => Self::Assigned(email()?, bot()?),
        })
    }
}

impl Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        KeyRecord::from(self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        KeyRecord::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_key_survives_json() {
        let jane = || Email::observed("Jane@example.com");
        let keys = [
            Key::RoleDefinition(RoleType::Bot, "Release Manager".into()),
            Key::Member(jane()),
            Key::Names(jane()),
            Key::Access(jane()),
            Key::Profile(jane()),
            Key::DataTables(jane()),
            Key::InGroup(jane(), "QA".into()),
            Key::AdminRole(Holder::User(jane()), "Auditor".into()),
            Key::BotRole(Holder::Group("QA".into()), "Bot Tester".into(), "st-1".into()),
            Key::Assigned(jane(), "st-1".into()),
        ];
        let families: std::collections::BTreeSet<Family> = keys.iter().map(Key::family).collect();
        assert_eq!(families.len(), Family::ALL.len(), "a family is missing here");
        for key in keys {
            let json = serde_json::to_string(&key).unwrap();
            assert_eq!(serde_json::from_str::<Key>(&json).unwrap(), key, "{json}");
        }
    }

    #[test]
    fn a_record_without_its_parts_is_refused() {
        for json in [
            r#"{"family":"membership"}"#,
            r#"{"family":"botRoles","user":"a@example.com","group":"QA","role":"R","bot":"st-1"}"#,
        ] {
            assert!(serde_json::from_str::<Key>(json).is_err(), "{json}");
        }
    }
}
