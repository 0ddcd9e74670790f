//! What a read could not see.

use crate::facts::{Email, Key, Listing, World};

/// Every gap of a read, each in one sentence.
pub fn gaps_of(world: &World) -> Vec<String> {
    let listings = [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles];
    let mut gaps: Vec<String> =
        listings.into_iter().filter_map(|listing| world.coverage.requires(listing).err()).collect();
    let shared = world.directory.users.values().filter(|entry| entry.spellings.len() > 1).count();
    if shared > 0 {
        gaps.push(match shared {
            1 => "1 address is of two users: what they hold is not shown".to_owned(),
            shared => format!("{shared} addresses are of two users each: what they hold is not shown"),
        });
    }
    let unseen = not_looked_up(world).count();
    if unseen > 0 {
        gaps.push(format!(
            "{} not looked up: their bot assignments and last sign-ins are not known",
            if unseen == 1 { "1 user was".to_owned() } else { format!("{unseen} users were") }
        ));
    }
    for group in &world.coverage.unread_groups {
        gaps.push(format!("no answer about a member of group {group} shows what comes through it"));
    }
    gaps
}

/// People of the account whom no look-up answered about.
pub(super) fn not_looked_up(world: &World) -> impl Iterator<Item = &Email> {
    let members = world.facts().iter().filter_map(|(key, _)| match key {
        Key::Member(email) => Some(email),
        _ => None,
    });
    members.filter(|email| !world.coverage.looked_up.contains_key(*email))
}
