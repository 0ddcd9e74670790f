//! Shapes that several endpoints share: failure reasons, permission values, role names.

use crate::sandbox::dialect::{
    BotRoleNames, Dialect, NewerLevels, ParentsSwitchChildren, PermissionShape, ReasonShape, RenamedBotName,
};
use crate::sandbox::permissions;
use crate::sandbox::store::roles::RoleKind;
use serde_json::{Map, Value, json};

/// The nested failure object of 2.0, or one of its shorter forms.
pub(crate) fn reason(dialect: &Dialect, msg: &str) -> Value {
    match dialect.reason_shape {
        ReasonShape::Full => json!({
            "statusCode": 400, "status": 400, "customCode": 400,
            "errors": [{ "msg": msg, "code": 400 }],
            "_headers": {}, "message": msg, "name": "BadRequest"
        }),
        ReasonShape::ErrorsOnly => json!({ "errors": [{ "msg": msg, "code": 400 }] }),
        // The one text seen live for a bad address differs from the code in the object form.
        ReasonShape::Text if msg == INVALID_EMAIL => Value::from("Invalid emailId"),
        ReasonShape::Text => Value::from(msg),
    }
}

/// Why an address is refused at creation.
pub(crate) const INVALID_EMAIL: &str = "INVALID_EMAIL";
/// Why an unknown address fails.
pub(crate) const USER_NOT_FOUND: &str = "User not found. Please check the provided email address.";
/// The only refusal known for a removal.
pub(crate) const UNAUTHORIZED: &str = "Unauthorized to perform this activity";

/// Permission values as strings or one-element arrays (2.6), in the account's spelling of levels.
pub(crate) fn permissions(
    dialect: &Dialect,
    kind: RoleKind,
    stored: &Map<String, Value>,
) -> Map<String, Value> {
    let as_arrays = match dialect.permission_shape {
        PermissionShape::Documented => kind == RoleKind::Bot,
        PermissionShape::Strings => false,
        PermissionShape::Arrays => true,
    };
    let mut levels = stored.clone();
    if dialect.parents_switch_children == ParentsSwitchChildren::WhenRead {
        switch_children_off(&mut levels);
    }
    let spelled = |level: Value| match (dialect.newer_levels, &level) {
        (NewerLevels::AsShown, Value::String(word)) => Value::from(permissions::shown_level(word)),
        _ => level,
    };
    let shown = |level: Value| if as_arrays { json!([level]) } else { level };
    levels.into_iter().map(|(name, level)| (name, shown(spelled(level)))).collect()
}

/// Children of a parent that is off are off (3.5). Those that are not there stay so.
pub(crate) fn switch_children_off(levels: &mut Map<String, Value>) {
    let is_off =
        |parent: &str| levels.get(parent).and_then(Value::as_str).is_some_and(permissions::switches_off);
    let children: Vec<String> =
        levels.keys().filter(|name| permissions::parent_of(name).is_some_and(is_off)).cloned().collect();
    for child in children {
        levels.insert(child, json!("NO"));
    }
}

/// The name of a bot in GET bots.
pub(crate) fn bot_name(dialect: &Dialect, name: &str, former: Option<&String>) -> String {
    match (dialect.renamed_bot_name, former) {
        (RenamedBotName::AfterPublish, Some(former)) => former.clone(),
        _ => name.to_owned(),
    }
}

/// The name of a bot beside a role.
pub(crate) fn bot_name_in_roles(dialect: &Dialect, name: &str, former: Option<&String>) -> String {
    match (dialect.renamed_bot_name, former) {
        (RenamedBotName::AfterPublish | RenamedBotName::OldInRoles, Some(former)) => former.clone(),
        _ => name.to_owned(),
    }
}

/// The name of a role as this account's generation shows it.
pub(crate) fn role_name(dialect: &Dialect, kind: RoleKind, is_system: bool, stored: &str) -> String {
    match (dialect.bot_role_names, kind, stored.strip_prefix("Bot ")) {
        (BotRoleNames::App, RoleKind::Bot, Some(rest)) if is_system => format!("App {rest}"),
        _ => stored.to_owned(),
    }
}

/// The stored name of a role that came in under the account's name for it.
pub(crate) fn stored_role_name(dialect: &Dialect, kind: RoleKind, shown: &str) -> String {
    match (dialect.bot_role_names, kind, shown) {
        (BotRoleNames::App, RoleKind::Bot, "App Owner" | "App Developer" | "App Tester") => {
            shown.replacen("App", "Bot", 1)
        }
        _ => shown.to_owned(),
    }
}
