//! A name that was resolved once means the same bot, role or group for the life of its object. One that takes over the
//! name later is not followed. Pure.

use super::view::{Declared, ObjectRef};
use crate::facts::{BotName, Directory, GroupName, RoleName, World};
use crate::manifest::kinds::Spec;
use std::collections::BTreeMap;

const BOT: &str = "bot";
const ROLE: &str = "role";
const GROUP: &str = "group";

/// The ids of the names in an object. Those in its status stay.
pub(super) fn resolved(object: &Declared, world: &World) -> BTreeMap<String, String> {
    let mut pins = meaning(&object.spec, &world.directory);
    pins.extend(object.status.resolved.clone());
    pins
}

/// An object with a name that now means something else, and the message about it.
pub(super) fn moved(object: &Declared, world: &World) -> Option<(ObjectRef, String)> {
    let now = meaning(&object.spec, &world.directory);
    let (what, pinned) = object
        .status
        .resolved
        .iter()
        .find(|(what, pinned)| now.get(*what).is_some_and(|id| id != *pinned))?;
    let message = format!(
        "its {what} was {pinned} and now means {}; create the object anew if that is what you want",
        now.get(what).map_or("", String::as_str)
    );
    Some((object.meta.object.clone(), message))
}

/// Ids of the names that mean exactly one thing.
fn meaning(spec: &Spec, directory: &Directory) -> BTreeMap<String, String> {
    let mut pins = BTreeMap::new();
    let mut pin = |what: &str, id: Option<String>| {
        pins.extend(id.map(|id| (what.to_owned(), id)));
    };
    match spec {
        Spec::RoleBinding(spec) => {
            let role_type = spec.role.r#type.into();
            let name = RoleName::canonical(role_type, &spec.role.name);
            pin(ROLE, only(directory.roles_named(role_type, &name).map(|(id, _)| id)));
            pin(BOT, spec.bot.as_deref().and_then(|bot| bot_id(bot, directory)));
        }
        Spec::BotAssignment(spec) => pin(BOT, bot_id(&spec.bot, directory)),
        Spec::GroupMembership(spec) => {
            let name: &GroupName = &spec.group;
            pin(GROUP, only(directory.groups_named(name).map(|(id, _)| id)));
        }
        Spec::Account(_)
        | Spec::User(_)
        | Spec::Team(_)
        | Spec::Role(_)
        | Spec::Policy(_)
        | Spec::PolicyException(_)
        | Spec::Baseline(_)
        | Spec::Area(_) => {}
    }
    pins
}

/// A bot that is named by its id needs no pin.
fn bot_id(bot: &str, directory: &Directory) -> Option<String> {
    if directory.bots.keys().any(|id| id.as_str() == bot) {
        return None;
    }
    only(directory.bots_named(&BotName::new(bot)).map(|(id, _)| id))
}

fn only(mut ids: impl Iterator<Item = impl ToString>) -> Option<String> {
    let first = ids.next()?;
    ids.next().is_none().then(|| first.to_string())
}
