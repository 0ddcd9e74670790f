//! Whom and what a rule is about.

use super::picture::{Grant, Person, Picture, Role};
use crate::facts::{Key, Level, Pattern, RoleSet, RuleMatch, as_read};
use crate::plan;

/// What a match comes to for one picture: what can be decided once is decided once.
pub(super) struct Selection<'a> {
    about: &'a RuleMatch,
    /// By role: whether it is one of the roles; all are where none is named.
    roles: Vec<bool>,
    /// By bot, the same.
    bots: Vec<bool>,
}

impl<'a> Selection<'a> {
    pub(super) fn new(about: &'a RuleMatch, picture: &Picture) -> Self {
        let is_any = about.roles.is_empty();
        let roles = picture.roles.iter().map(|role| is_any || is_one_of(role, &about.roles)).collect();
        let bots = matching_bots(&about.bots, picture);
        Self { about, roles, bots }
    }

    /// Whether a person is meant.
    pub(super) fn has_person(&self, person: &Person) -> bool {
        let RuleMatch { emails, email_domains, not_email_domains, groups, .. } = self.about;
        let is_of = |domains: &[String]| {
            let domain = person.email.domain();
            domains.iter().any(|other| other.eq_ignore_ascii_case(domain))
        };
        (emails.is_empty() || emails.iter().any(|pattern| pattern.matches(&person.email)))
            && (email_domains.is_empty() || is_of(email_domains))
            && !is_of(not_email_domains)
            && (groups.is_empty()
                || person
                    .groups
                    .iter()
                    .any(|group| groups.iter().any(|named| *named == as_read(group.as_str()))))
    }

    /// Whether the role and the bot of a grant are meant, and its risk.
    pub(super) fn has_grant(&self, picture: &Picture, person: usize, grant: usize) -> bool {
        let held = &picture.people[person].grants[grant];
        self.roles[held.role]
            && self.has_bot_of(held)
            && (self.about.risk.is_empty()
                || self.about.risk.iter().any(|risk| *risk == risk_of(&picture.key_of(person, grant))))
    }

    /// Whether the bot of a grant is meant; an admin role is on none.
    pub(super) fn has_bot_of(&self, held: &Grant) -> bool {
        match held.bot {
            Some(bot) => self.bots[bot],
            None => self.about.bots.is_empty(),
        }
    }

    pub(super) fn has_role(&self, role: usize) -> bool {
        self.roles[role]
    }

    pub(super) fn has_bot(&self, bot: usize) -> bool {
        self.bots[bot]
    }
}

/// By bot: whether a pattern names it, by name or id; all are named where there is no pattern.
pub(super) fn matching_bots(patterns: &[Pattern], picture: &Picture) -> Vec<bool> {
    let is_named = |text: &str| {
        let folded = as_read(text).to_ascii_lowercase();
        patterns.iter().any(|pattern| pattern.matches_folded(&folded))
    };
    let bots = picture.bots.iter();
    bots.map(|bot| patterns.is_empty() || is_named(&bot.label) || is_named(bot.id.as_str())).collect()
}

/// The elements of a set, each as the roles that it means.
pub(super) fn elements(set: &RoleSet, picture: &Picture) -> Vec<Vec<bool>> {
    let named =
        set.roles.iter().map(|name| picture.roles.iter().map(|role| role.compared == *name).collect());
    let permitted = set.permissions.iter().map(|permission| {
        let gives = |role: &Role| {
            let spec = role.spec.as_ref();
            spec.and_then(|spec| spec.permissions.get(permission)).is_some_and(|level| !level.is_nothing())
        };
        picture.roles.iter().map(gives).collect()
    });
    named.chain(permitted).collect()
}

/// By role: whether it is in the set.
pub(super) fn members(set: &RoleSet, picture: &Picture) -> Vec<bool> {
    picture.roles.iter().map(|role| is_one_of(role, set)).collect()
}

fn is_one_of(role: &Role, set: &RoleSet) -> bool {
    set.roles.contains(&role.compared)
        || role.spec.as_ref().is_some_and(|spec| {
            let level = |permission| spec.permissions.get(permission);
            set.permissions.iter().filter_map(level).any(|level: &Level| !level.is_nothing())
        })
}

/// The risk of holding this, as plans show it.
pub(super) fn risk_of(key: &Key) -> String {
    plan::risk_of_holding(key, None).level.label().to_owned()
}
