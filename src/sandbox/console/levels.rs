//! Permissions and their levels as the role form offers them (3.5): what people read, and what the API calls it.

use super::rights::Permission;
use crate::sandbox::store::roles::RoleKind;
use serde_json::{Map, Value};

/// A level: the API's value, and the console's word.
pub(super) type Level = (&'static str, &'static str);

const SWITCH: &[Level] = &[("YES", "Yes"), ("NO", "No")];
const DEPTH: &[Level] = &[("FULL", "Full"), ("VIEW", "View"), ("NO", "No")];

/// The bot permissions: the API's key, the console's name, the levels.
const BOT: [(&str, &str, &[Level]); 16] = [
    ("Tasks", "Tasks", DEPTH),
    ("Natural Language", "Natural Language", DEPTH),
    ("Knowledge Graph", "Knowledge Graph", DEPTH),
    ("Testing", "Batch Testing", DEPTH),
    ("Bot Developers", "Bot Developers", DEPTH),
    ("Bot Settings", "Bot Settings", DEPTH),
    ("Bot Import", "Bot Import", SWITCH),
    ("Integrations & Extensions", "Extensions", SWITCH),
    ("App Builder API Scopes", "API Scopes", SWITCH),
    ("Publish bot", "Publish Bot", SWITCH),
    ("Channels", "Channels", SWITCH),
    ("Dashboard", "Dashboard", SWITCH),
    ("Bot Analytics", "Bot Analytics", SWITCH),
    ("Custom Dashboards", "Custom Dashboards", DEPTH),
    ("Storyboard", "Storyboard", DEPTH),
    ("IntentDiscovery", "Intent Discovery", DEPTH),
];

/// A permission on the form.
pub(super) struct PermissionRow {
    pub(super) key: String,
    pub(super) label: String,
    pub(super) levels: &'static [Level],
    /// The API's value; empty where the role does not name the permission, which is not the same as *No*.
    pub(super) level: String,
}

impl PermissionRow {
    /// The console's word for the level, where it cannot be changed.
    pub(super) fn word(&self) -> &str {
        let known = self.levels.iter().find(|(value, _)| *value == self.level);
        known.map_or(if self.level.is_empty() { "Not set" } else { &self.level }, |(_, word)| word)
    }
}

/// Every permission of that kind with its level in `held`; those the console does not know come last, as they are.
pub(super) fn rows(kind: RoleKind, held: &Map<String, Value>) -> Vec<PermissionRow> {
    let level = |key: &str| held.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let row = |key: &str, label: &str, levels| PermissionRow {
        level: level(key),
        key: key.to_owned(),
        label: label.to_owned(),
        levels,
    };
    let mut rows: Vec<PermissionRow> = match kind {
        RoleKind::Admin => {
            let names = Permission::all().map(Permission::name).chain(["Kore.ai Connector"]);
            names.map(|name| row(name, name, SWITCH)).collect()
        }
        RoleKind::Bot => BOT.iter().map(|(key, label, levels)| row(key, label, levels)).collect(),
    };
    let further: Vec<PermissionRow> = held
        .keys()
        .filter(|key| rows.iter().all(|row| row.key != **key))
        .map(|key| row(key, key, if kind == RoleKind::Admin { SWITCH } else { DEPTH }))
        .collect();
    rows.extend(further);
    rows
}

/// `held` with what the form says; `None` if it names a level that the permission does not have.
pub(super) fn changed(
    kind: RoleKind,
    held: &Map<String, Value>,
    wanted: impl Fn(&str) -> String,
) -> Option<Map<String, Value>> {
    let mut permissions = Map::new();
    for row in rows(kind, held) {
        let level = wanted(&row.key);
        if level.is_empty() {
            continue;
        }
        // A level of another generation stays as it is, if nobody touches it.
        if level != row.level && row.levels.iter().all(|(value, _)| *value != level) {
            return None;
        }
        permissions.insert(row.key, Value::String(level));
    }
    Some(permissions)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn what_a_role_does_not_name_stays_unnamed() {
        let held = map(&json!({ "Tasks": "VIEW", "Later Thing": "FULL" }));
        let rows = rows(RoleKind::Bot, &held);
        assert_eq!(rows.len(), BOT.len() + 1);
        assert_eq!((rows[0].word(), rows[1].word(), rows[16].word()), ("View", "Not set", "Full"));
        let same = changed(RoleKind::Bot, &held, |key| {
            held.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
        });
        assert_eq!(same, Some(held));
    }

    #[test]
    fn levels_are_those_of_the_permission() {
        let none = Map::new();
        let only = |key: &'static str, level: &'static str| {
            move |asked: &str| if asked == key { level.to_owned() } else { String::new() }
        };
        assert_eq!(changed(RoleKind::Bot, &none, only("Channels", "VIEW")), None);
        assert_eq!(changed(RoleKind::Admin, &none, only("Invite", "FULL")), None);
        let invite = changed(RoleKind::Admin, &none, only("Invite", "YES"));
        assert_eq!(invite, Some(map(&json!({ "Invite": "YES" }))));
    }
}
