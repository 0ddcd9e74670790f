//! How much harm a change could do, and why: what a reviewer should look at first.

use super::model::{Action, Risk, RiskLevel};
use crate::facts::{BuilderAccess, Key, RoleSpec, Value};

/// Permissions that let their holder give rights, to others or to themselves (kore-api 3.11). By name alone: an admin role
/// and a bot role have none in common.
const ESCALATING: [&str; 24] = [
    "API",
    "API Scopes",
    "App Builder API Scopes",
    "App Developers",
    "Bot Builder API Scopes",
    "Bot Developers",
    "Change User Role",
    "Consumer Apps",
    "Consumer Bots",
    "Directory Sync",
    "Enterprise Apps",
    "Enterprise Bots",
    "Enterprise Key",
    "Manage App Roles",
    "Manage Bot Roles",
    "Manage Built-In Admin Roles",
    "Manage Custom Admin Roles",
    "Manage Groups",
    "Manage Users",
    "Role Management",
    "Single Sign On",
    "Smart Apps",
    "Smart Bots",
    "User Management",
];

/// The permissions that let their holder give themselves more, by their API name.
pub fn escalating_permissions() -> &'static [&'static str] {
    &ESCALATING
}

/// Ranks one change.
pub(super) fn assess(key: &Key, action: Action, after: Option<&Value>) -> Risk {
    let (level, why) = match (key, action) {
        (Key::AdminRole(_, role), Action::Add | Action::Change) if role.is_master_admin() => {
            (RiskLevel::Critical, "full control of the account".to_owned())
        }
        (Key::AdminRole(_, role), _) if role.is_master_admin() => {
            (RiskLevel::High, "one Master Admin less".to_owned())
        }
        (Key::Member(_), Action::Remove | Action::Prune | Action::Retire) => {
            (RiskLevel::High, "leaves the account, with all roles and assignments".to_owned())
        }
        (Key::AdminRole(..), Action::Add | Action::Change) => {
            (RiskLevel::High, "rights in the Admin Console".to_owned())
        }
        (Key::RoleDefinition(..), _) => role_definition(after),
        (Key::BotRole(_, role, _), Action::Add | Action::Change) if role.as_str() != "Bot Tester" => {
            (RiskLevel::Medium, "may change the bot".to_owned())
        }
        (Key::Access(_), _) if matches!(after, Some(Value::Access(BuilderAccess::Creator))) => {
            (RiskLevel::Medium, "may create bots".to_owned())
        }
        (
            Key::Names(_)
            | Key::Access(_)
            | Key::Profile(_)
            | Key::DataTables(_)
            | Key::InGroup(..)
            | Key::AdminRole(..)
            | Key::BotRole(..)
            | Key::Assigned(..),
            Action::Remove | Action::Prune | Action::Retire,
        ) => (RiskLevel::Medium, "access is taken away".to_owned()),
        (
            Key::Member(_)
            | Key::Names(_)
            | Key::Access(_)
            | Key::Profile(_)
            | Key::DataTables(_)
            | Key::InGroup(..)
            | Key::BotRole(..)
            | Key::Assigned(..),
            Action::Add | Action::Change,
        ) => (RiskLevel::Low, String::new()),
    };
    Risk { level, why }
}

/// Ranks a fact that is held, as if it was given now.
pub fn of_holding(key: &Key, seen: Option<&Value>) -> Risk {
    assess(key, Action::Add, seen)
}

/// Whether the holders of this role can give themselves more.
pub(super) fn gives_rights(spec: &RoleSpec) -> bool {
    escalating_of(spec).next().is_some()
}

fn escalating_of(spec: &RoleSpec) -> impl Iterator<Item = &str> {
    let permissions = spec.permissions.iter();
    let gives =
        permissions.filter(|(name, level)| ESCALATING.contains(&name.as_str()) && !level.is_harmless());
    gives.map(|(name, _)| name.as_str())
}

fn role_definition(after: Option<&Value>) -> (RiskLevel, String) {
    let Some(Value::Role(spec)) = after else { return (RiskLevel::Low, String::new()) };
    let escalating: Vec<&str> = escalating_of(spec).collect();
    if escalating.is_empty() {
        (RiskLevel::Medium, "everyone who holds the role is affected".to_owned())
    } else {
        (RiskLevel::High, format!("holders can give rights: {}", escalating.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Email, Holder};

    #[test]
    fn more_power_ranks_higher() {
        let jane = || Email::observed("jane@example.com");
        let level = |key: Key, action| assess(&key, action, None).level;
        let master = level(Key::AdminRole(Holder::User(jane()), "Master Admin".into()), Action::Add);
        let admin = level(Key::AdminRole(Holder::User(jane()), "Auditor".into()), Action::Add);
        let developer =
            level(Key::BotRole(Holder::User(jane()), "Bot Developer".into(), "st-1".into()), Action::Add);
        let tester =
            level(Key::BotRole(Holder::User(jane()), "Bot Tester".into(), "st-1".into()), Action::Add);
        assert!(master > admin && admin > developer && developer > tester);
    }

    #[test]
    fn each_change_has_its_rank_and_says_why() {
        let jane = || Holder::User(Email::observed("jane@example.com"));
        let admin = |role: &str| Key::AdminRole(jane(), role.into());
        let bot = |role: &str| Key::BotRole(jane(), role.into(), "st-1".into());
        let member = || Key::Member(Email::observed("jane@example.com"));
        for (key, action, level, why) in [
            (admin("Master Admin"), Action::Add, RiskLevel::Critical, "full control of the account"),
            (admin("Master Admin"), Action::Remove, RiskLevel::High, "one Master Admin less"),
            (admin("Auditor"), Action::Add, RiskLevel::High, "rights in the Admin Console"),
            (admin("Auditor"), Action::Prune, RiskLevel::Medium, "access is taken away"),
            (member(), Action::Remove, RiskLevel::High, "leaves the account, with all roles and assignments"),
            (member(), Action::Prune, RiskLevel::High, "leaves the account, with all roles and assignments"),
            (member(), Action::Add, RiskLevel::Low, ""),
            (bot("Bot Developer"), Action::Add, RiskLevel::Medium, "may change the bot"),
            (bot("Bot Tester"), Action::Add, RiskLevel::Low, ""),
            (bot("Bot Tester"), Action::Remove, RiskLevel::Medium, "access is taken away"),
        ] {
            let Risk { level: found, why: said } = assess(&key, action, None);
            assert_eq!((found, said.as_str()), (level, why), "{key}");
        }
        let access = |access| {
            let key = Key::Access(Email::observed("jane@example.com"));
            assess(&key, Action::Change, Some(&Value::Access(access))).level
        };
        assert_eq!(access(BuilderAccess::Creator), RiskLevel::Medium);
        assert_eq!(access(BuilderAccess::Builder), RiskLevel::Low);
    }

    #[test]
    fn a_role_whose_holders_can_give_rights_ranks_high() {
        let key = Key::RoleDefinition(crate::facts::RoleType::Admin, "Support".into());
        let with = |permission: &str, level: &str| {
            let permissions = [(permission.into(), level.into())].into();
            let spec = crate::facts::RoleSpec { description: None, permissions };
            assess(&key, Action::Change, Some(&Value::Role(spec)))
        };
        let risk = with("Manage Users", "FULL");
        assert_eq!(
            (risk.level, risk.why.as_str()),
            (RiskLevel::High, "holders can give rights: Manage Users")
        );
        for (permission, level) in [
            ("User Management", "View & Invite"),
            ("Change User Role", "Yes"),
            ("App Developers", "invented"),
        ] {
            assert_eq!(with(permission, level).level, RiskLevel::High, "{permission} {level}");
        }
        for (permission, level) in [
            ("Manage Users", "NO"),
            ("Manage Users", "View"),
            ("Single Sign On", "No Access"),
            ("User Management", "None"),
            ("Tasks", "FULL"),
        ] {
            assert_eq!(with(permission, level).level, RiskLevel::Medium, "{permission} {level}");
        }
    }
}
