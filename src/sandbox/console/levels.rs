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

/// Admin permissions by the module of the console that they open, in the order of the navigation.
const ADMIN_SECTIONS: [(&str, &[&str]); 5] = [
    (
        "User Management",
        &[
            "Manage Users",
            "Manage Groups",
            "Manage User Settings",
            "Manage Custom Admin Roles",
            "Manage Built-In Admin Roles",
            "Manage Bot Roles",
        ],
    ),
    (
        "Bots Management",
        &["Manage Deployment", "Enterprise Bots", "Consumer Bots", "Smart Bots", "Preferences"],
    ),
    ("Enrollment", &["Invite", "Import Users / Sync", "Directory Sync"]),
    (
        "Security & Control",
        &["Single Sign On", "Two-Factor Authentication", "Enterprise Key", "API Scopes", "Kore.ai Connector"],
    ),
    ("Analytics", &["View and Run Audit Reports", "View and Run Bot Chat History"]),
];

/// Bot permissions by what they are about.
const BOT_SECTIONS: [(&str, &[&str]); 4] = [
    ("Build", &["Tasks", "Natural Language", "Knowledge Graph", "Testing", "IntentDiscovery", "Storyboard"]),
    (
        "Settings",
        &[
            "Bot Developers",
            "Bot Settings",
            "Bot Import",
            "Integrations & Extensions",
            "App Builder API Scopes",
        ],
    ),
    ("Deploy", &["Publish bot", "Channels"]),
    ("Analyze", &["Dashboard", "Bot Analytics", "Custom Dashboards"]),
];
/// Where permissions are that the console does not know.
const OTHER: &str = "Other permissions";

/// A part of the form, with a heading of its own.
pub(super) struct PermissionSection {
    pub(super) title: &'static str,
    pub(super) rows: Vec<PermissionRow>,
}

impl PermissionSection {
    /// What the whole section can be set to at once: the levels of its permissions, the least first.
    pub(super) fn steps(&self) -> Vec<Level> {
        let all = self.rows.iter().flat_map(|row| row.levels.iter().rev());
        let mut steps: Vec<Level> = Vec::new();
        for level in all {
            // *Full* and *Yes* are the most there is, of either sort.
            if !steps.contains(level) && !(level.0 == "YES" && self.rows.iter().any(PermissionRow::has_depth))
            {
                steps.push(*level);
            }
        }
        steps.sort_by_key(|(value, _)| ["NO", "VIEW", "FULL", "YES"].iter().position(|own| own == value));
        steps
    }
}

/// The permissions of `rows` in sections; none is empty.
pub(super) fn sections(kind: RoleKind, rows: Vec<PermissionRow>) -> Vec<PermissionSection> {
    let known: &[(&'static str, &[&str])] = match kind {
        RoleKind::Admin => &ADMIN_SECTIONS,
        RoleKind::Bot => &BOT_SECTIONS,
    };
    let mut sections: Vec<PermissionSection> = known
        .iter()
        .map(|(title, _)| *title)
        .chain([OTHER])
        .map(|title| PermissionSection { title, rows: Vec::new() })
        .collect();
    for row in rows {
        let place = known.iter().position(|(_, keys)| keys.contains(&row.key.as_str()));
        sections[place.unwrap_or(known.len())].rows.push(row);
    }
    sections.retain(|section| !section.rows.is_empty());
    sections
}

/// A permission on the form.
pub(super) struct PermissionRow {
    pub(super) key: String,
    pub(super) label: String,
    pub(super) levels: &'static [Level],
    /// The API's value; empty where the role does not name the permission, which is not the same as *No*.
    pub(super) level: String,
}

impl PermissionRow {
    fn has_depth(&self) -> bool {
        self.levels.iter().any(|(value, _)| *value == "FULL")
    }

    /// What the form offers, the least first; a level of another generation is offered as long as it is held.
    pub(super) fn choices(&self) -> Vec<(&str, &str)> {
        let known = self.levels.iter().rev().map(|(value, word)| (*value, *word));
        let is_other = !self.level.is_empty() && self.levels.iter().all(|(value, _)| *value != self.level);
        let other = is_other.then_some((self.level.as_str(), self.level.as_str()));
        std::iter::once(("", "Not set")).chain(known).chain(other).collect()
    }

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
    fn permissions_are_in_the_section_of_their_module_and_none_is_lost() {
        for (kind, titles) in [
            (RoleKind::Admin, ADMIN_SECTIONS.map(|(title, _)| title).to_vec()),
            (RoleKind::Bot, BOT_SECTIONS.map(|(title, _)| title).to_vec()),
        ] {
            let all = rows(kind, &Map::new());
            let count = all.len();
            let sections = sections(kind, all);
            assert_eq!(sections.iter().map(|one| one.title).collect::<Vec<_>>(), titles);
            assert_eq!(sections.iter().map(|one| one.rows.len()).sum::<usize>(), count);
        }
        let held = map(&json!({ "Later Thing": "FULL" }));
        assert_eq!(sections(RoleKind::Bot, rows(RoleKind::Bot, &held)).last().unwrap().title, OTHER);
        let steps = |kind: RoleKind, place: usize| -> Vec<&str> {
            let steps = sections(kind, rows(kind, &Map::new()))[place].steps();
            steps.into_iter().map(|(_, word)| word).collect()
        };
        assert_eq!(steps(RoleKind::Admin, 0), ["No", "Yes"]);
        assert_eq!(steps(RoleKind::Bot, 1), ["No", "View", "Full"]);
    }

    #[test]
    fn a_level_of_another_generation_can_be_kept() {
        let held = map(&json!({ "Tasks": "EDIT & DELETE" }));
        let row = rows(RoleKind::Bot, &held).remove(0);
        assert_eq!(row.choices().last(), Some(&("EDIT & DELETE", "EDIT & DELETE")));
        assert_eq!(row.choices().len(), 5);
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
