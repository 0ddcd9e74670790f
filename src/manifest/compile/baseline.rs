//! Baselines: facts of the account that no manifest asks for, and that are known.

use crate::facts::{Acknowledged, BotRef, Holder, Key, RoleName, RoleType};
use crate::manifest::kinds::Spec;
use crate::manifest::kinds::baseline::KnownFact;
use crate::manifest::model::Manifest;
use std::collections::BTreeMap;

/// What the baselines of one account list, each with its line. Of two about one fact the first counts.
pub(super) fn collect(objects: &[&Manifest]) -> BTreeMap<Key<BotRef>, Acknowledged> {
    let mut known = BTreeMap::new();
    for object in objects {
        let Spec::Baseline(spec) = &object.spec else { continue };
        for (index, fact) in spec.facts.iter().enumerate() {
            let Some(key) = key_of(fact) else { continue };
            let source = object.item("facts", index);
            known.entry(key).or_insert_with(|| Acknowledged { since: fact.since.clone(), source });
        }
    }
    known
}

/// The fact, unless the rules of the schema were not kept.
fn key_of(fact: &KnownFact) -> Option<Key<BotRef>> {
    let KnownFact { user, group, role, bot, member_of, since: _, reason: _ } = fact;
    let holder = match (user, group) {
        (Some(user), None) => Holder::User(user.clone()),
        (None, Some(group)) => Holder::Group(group.clone()),
        _ => return None,
    };
    Some(match (role, bot, member_of, holder) {
        (Some(role), bot, None, holder) => {
            let role_type = RoleType::from(role.r#type);
            let name = RoleName::canonical(role_type, &role.name);
            match bot {
                Some(bot) => Key::BotRole(holder, name, BotRef::new(bot)),
                None => Key::AdminRole(holder, name),
            }
        }
        (None, Some(bot), None, Holder::User(user)) => Key::Assigned(user, BotRef::new(bot)),
        (None, None, Some(group), Holder::User(user)) => Key::InGroup(user, group.clone()),
        (None, None, None, Holder::User(user)) => Key::Member(user),
        _ => return None,
    })
}
