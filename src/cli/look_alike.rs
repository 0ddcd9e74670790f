//! People of the account whose address looks like a declared one, or the other way round.

use crate::facts::{Email, World, look_alikes};
use std::collections::BTreeSet;

/// A line for each pair of which one is declared and the other one is not; pairs of declared ones are findings.
pub(super) fn warnings(declared: &BTreeSet<Email>, world: &World) -> Vec<String> {
    let known: BTreeSet<&Email> = declared
        .iter()
        .chain(world.directory.users.keys())
        .chain(world.facts().iter().filter_map(|(key, _)| key.email()))
        .collect();
    look_alikes(known.iter().copied())
        .into_iter()
        .filter(|pair| declared.contains(&pair.email) != declared.contains(&pair.like))
        .map(|pair| {
            let (here, there) = if declared.contains(&pair.email) {
                (&pair.email, &pair.like)
            } else {
                (&pair.like, &pair.email)
            };
            format!(
                "{here} is declared; {there} in the account is another person whose address looks like it"
            )
        })
        .collect()
}
