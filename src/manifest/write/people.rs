//! `people.yaml` and `roles.yaml`.

use super::names::{KnownNames, Namer, of_person, slug};
use super::yaml::named;
use super::{Declared, LeftOut, Section};
use crate::facts::{
    BuilderAccess, Email, Key, Membership, PersonName, RoleName, RoleSpec, RoleType, Value, World,
};
use crate::manifest::kinds::Kind;
use std::collections::HashMap;

/// Longest first or last name the schema takes.
const LONGEST_NAME: usize = 256;

/// People by address, each in the one spelling that is written.
pub(super) type Spellings<'w> = HashMap<&'w Email, &'w str>;

/// Everybody a manifest can name.
pub(super) fn nameable<'w>(world: &'w World, declared: &Declared) -> Spellings<'w> {
    let members = world.facts().iter().filter_map(|(key, _)| match key {
        Key::Member(email) => Some(email),
        _ => None,
    });
    members
        .filter(|email| Email::parse(email.as_str()).is_ok() && !declared.absent.contains(*email))
        .map(|email| (email, email.as_str()))
        .collect()
}

/// One `KoreUser` a person.
pub(super) fn people(
    world: &World,
    declared: &Declared,
    people: &Spellings<'_>,
    naming: &mut Namer,
) -> Section {
    let mut page = declared.page(&[
        "Every user of the account, by address.",
        "A field that is left out is neither compared nor changed. Profile fields and dataTables cannot be read from the platform and are therefore not here.",
    ]);
    let mut left_out = Vec::new();
    for (key, value) in world.facts() {
        let (Key::Member(email), Value::Member(membership)) = (key, value) else { continue };
        if declared.keys.contains(key) {
            continue;
        }
        if !people.contains_key(email) {
            let why = Email::parse(email.as_str())
                .err()
                .map_or_else(|| "declared absent".to_owned(), |error| error.why);
            left_out.push(format!("the user {}, with all they hold: {why}", named(email.as_str())));
            continue;
        }
        let mut notes: Vec<String> = remark(membership).map(str::to_owned).into_iter().collect();
        let names = match world.get(&Key::Names(email.clone())) {
            Some(Value::Names(names)) => names.clone(),
            _ => PersonName::default(),
        };
        let PersonName { first, last } = names;
        let short = |name: Option<String>| name.filter(|name| name.chars().count() <= LONGEST_NAME);
        let is_long = [&first, &last].iter().any(|name| name.is_some() && short((*name).clone()).is_none());
        if is_long {
            notes.push(format!("A name of more than {LONGEST_NAME} characters is left out."));
        }
        let name = naming.name(Kind::User, &of_person(email));
        page.document(Kind::User, &name, declared.account.as_deref(), &notes);
        page.field(1, "email", email.as_str());
        for (field, name) in [("firstName", short(first)), ("lastName", short(last))] {
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                page.field(1, field, &name);
            }
        }
        let id = world.directory.users.get(email).and_then(|entry| entry.org_user_id.clone());
        if let Some(id) = short(id) {
            page.field(1, "orgUserId", &id);
        }
        if let Some(Value::Access(access)) = world.get(&Key::Access(email.clone())) {
            page.line(1, &format!("builderAccess: {}", level(*access)));
        }
    }
    for entry in world.directory.users.values().filter(|entry| entry.spellings.len() > 1) {
        let spellings: Vec<_> = entry.spellings.iter().map(|spelling| named(spelling)).collect();
        left_out.push(format!(
            "{}: users of one address, which cannot be told apart; remove the one that is not used in the console (User Management > Users)",
            spellings.join(" and ")
        ));
    }
    Section { page, left_out: LeftOut(left_out) }
}

fn remark(membership: &Membership) -> Option<&'static str> {
    match membership {
        Membership::Pending { since: _ } => Some("Invited; has not accepted yet."),
        Membership::Listed => {
            Some("Listed, but the account did not answer about this user: what is missing here is unknown.")
        }
        Membership::Joined => None,
    }
}

fn level(access: BuilderAccess) -> &'static str {
    match access {
        BuilderAccess::None => "None",
        BuilderAccess::Builder => "Builder",
        BuilderAccess::Creator => "Creator",
    }
}

/// One `KoreRole` a custom role.
pub(super) fn roles(
    world: &World,
    declared: &Declared,
    known: &KnownNames<'_>,
    naming: &mut Namer,
) -> Section {
    let mut page = declared.page(&[
        "Custom roles. Only what is written here is compared: a permission that is missing is left as it is.",
        "Not here on purpose: Master Admin and Bot Owner are fixed by the platform; Bot Developer and Bot Tester come with it, and permissions that a release of the platform adds to them are not drift. To fix what one of them permits today, declare a KoreRole of that name with the permissions that matter.",
    ]);
    let mut left_out = Vec::new();
    for (key, value) in world.facts() {
        let (Key::RoleDefinition(role_type, role), Value::Role(spec)) = (key, value) else { continue };
        if is_built_in(*role_type, role) || declared.keys.contains(key) {
            continue;
        }
        if let Err(why) = known.role(*role_type, role).and_then(|()| fits(spec)) {
            left_out.push(format!("the {} role {}: {why}", role_type.as_str(), named(role.as_str())));
            continue;
        }
        let name = naming.name(Kind::Role, &slug(&[role.as_str()], "role"));
        page.document(Kind::Role, &name, declared.account.as_deref(), &[]);
        page.line(
            1,
            match role_type {
                RoleType::Admin => "type: Admin",
                RoleType::Bot => "type: Bot",
            },
        );
        page.field(1, "name", role.as_str());
        let RoleSpec { description, permissions } = spec;
        if let Some(description) = description.as_ref().filter(|description| !description.is_empty()) {
            page.field(1, "description", description);
        }
        if !permissions.is_empty() {
            page.line(1, "permissions:");
            for (permission, level) in permissions {
                page.field(2, permission.as_str(), level.as_str());
            }
        }
    }
    Section { page, left_out: LeftOut(left_out) }
}

/// Roles every account comes with.
fn is_built_in(role_type: RoleType, role: &RoleName) -> bool {
    match role_type {
        RoleType::Admin => role.is_master_admin(),
        RoleType::Bot => {
            role.is_bot_owner()
                || matches!(role.as_str(), "Bot Developer" | "Bot Tester" | "Supervisor" | "Agent")
        }
    }
}

/// Whether the schema takes what the role says.
fn fits(spec: &RoleSpec) -> Result<(), String> {
    let RoleSpec { description, permissions } = spec;
    let length = |text: &str| text.chars().count();
    if description.as_ref().is_some_and(|description| length(description) > 1024) {
        return Err("its description is longer than 1024 characters".to_owned());
    }
    if permissions.len() > 200 {
        return Err(format!("it has {} permissions, and a manifest takes 200", permissions.len()));
    }
    match permissions.iter().find(|(permission, level)| {
        permission.as_str().is_empty()
            || length(permission.as_str()) > 128
            || !(1..=32).contains(&length(level.as_str()))
    }) {
        Some((permission, _)) => {
            Err(format!("the permission {} cannot be written", named(permission.as_str())))
        }
        None => Ok(()),
    }
}
