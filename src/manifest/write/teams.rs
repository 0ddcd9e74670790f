//! Teams, where the same people repeat: suggested, for people to rename.

use super::grants::{GrantDocument, Subjects};
use super::names::Namer;
use super::people::Spellings;
use super::yaml::Page;
use super::{Declared, LeftOut, MODELINE, Section};
use crate::facts::Email;
use crate::manifest::kinds::Kind;
use std::collections::HashMap;

/// Fewer people are easier to read than a team.
const FEWEST: usize = 3;
/// Most entries of one list; more people go into several teams.
const LONGEST_LIST: usize = 1000;

/// Replaces sets of people that several grants share by a team, and lists that are too long by several.
pub(super) fn suggest<const N: usize>(
    mut grants: [&mut Vec<GrantDocument>; N],
    declared: &Declared,
    people: &Spellings<'_>,
    naming: &mut Namer,
) -> Section {
    let mut page = Page::default();
    page.line(0, MODELINE);
    page.comment(
        0,
        "Teams exist here, not at the platform: a subject that is a team means each of its members.",
    );
    page.comment(0, "Suggested, because the same users repeat. Rename and change them as you like.");
    let mut uses: HashMap<Vec<Email>, Vec<String>> = HashMap::new();
    for grant in
        grants.iter().flat_map(|grants| grants.iter()).filter(|grant| grant.kind != Kind::GroupMembership)
    {
        if let Subjects::People(people) = &grant.people
            && people.len() >= FEWEST
        {
            uses.entry(people.clone()).or_default().push(grant.label.clone());
        }
    }
    let mut teams: HashMap<Vec<Email>, Vec<String>> = HashMap::new();
    for grant in grants.iter_mut().flat_map(|grants| grants.iter_mut()) {
        let Subjects::People(members) = &grant.people else { continue };
        let shared = uses.get(members).filter(|uses| uses.len() > 1);
        if shared.is_none() && members.len() <= LONGEST_LIST {
            continue;
        }
        if !teams.contains_key(members) {
            let notes = match shared {
                Some(uses) => vec![format!("The same {} people: {}.", members.len(), uses.join("; "))],
                None => vec![format!("{}: one list takes {LONGEST_LIST} entries.", grant.label)],
            };
            let mut names = Vec::new();
            for part in members.chunks(LONGEST_LIST) {
                let name = naming.name(Kind::Team, &format!("{}-people", grant.name));
                page.document(Kind::Team, &name, declared.account.as_deref(), &notes);
                page.line(1, "members:");
                for member in part {
                    page.value(2, people.get(member).copied().unwrap_or(member.as_str()));
                }
                names.push(name);
            }
            teams.insert(members.clone(), names);
        }
        if let Some(names) = teams.get(members) {
            grant.people = Subjects::Teams(names.clone());
        }
    }
    Section { page, left_out: LeftOut(Vec::new()) }
}
