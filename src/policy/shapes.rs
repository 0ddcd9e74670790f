//! The typed conditions. Each looks at a person, a grant or a set of holders once, so that the time is linear.

use super::condition::Condition;
use super::judge::{Examination, Look};
use super::picture::Person;
use super::select::Selection;
use super::{select, together, words};
use crate::facts::{BuilderAccess, Key, Pattern, RoleSet, RuleOn, RuleShape, Value, count};
use jiff::SignedDuration;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// Judges one typed condition.
pub(super) fn judge(examination: &mut Examination<'_>, condition: &Condition) {
    match &condition.shape {
        RuleShape::Exclusive { set, at_most, on } => exclusive(examination, set, *at_most, *on),
        RuleShape::Allow { is_nothing: true, .. } => allow_nothing(examination),
        RuleShape::Allow { is_nothing: false, roles, bots, builder_access } => {
            allow(examination, roles, bots, *builder_access);
        }
        RuleShape::Require { expires_within, reason, ticket: _ } => {
            require(examination, *expires_within, *reason, condition.ticket.as_ref());
        }
        RuleShape::Holders { set, min, max, on } => holders(examination, set, (*min, *max), *on),
        RuleShape::Together { set, needs, on, on_removal: _ } => {
            together::judge(examination, set, needs, *on);
        }
        RuleShape::Cel { .. } => {}
    }
}

/// The grants of a person that count, by the place where they are counted.
pub(super) fn by_place(
    selection: &Selection<'_>,
    person: &Person,
    on: RuleOn,
) -> BTreeMap<Option<usize>, Vec<usize>> {
    let mut places: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for (at, held) in person.grants.iter().enumerate() {
        if !selection.has_bot_of(held) {
            continue;
        }
        match (on, held.bot) {
            (RuleOn::Account, _) => places.entry(None).or_default().push(at),
            (RuleOn::SameBot, Some(bot)) => places.entry(Some(bot)).or_default().push(at),
            (RuleOn::SameBot, None) => {}
        }
    }
    places
}

fn exclusive(examination: &mut Examination<'_>, set: &RoleSet, at_most: usize, on: RuleOn) {
    let picture = examination.picture;
    let elements = select::elements(set, picture);
    let is_in_set: Vec<bool> =
        (0..picture.roles.len()).map(|role| elements.iter().any(|element| element[role])).collect();
    for (at, person) in picture.people.iter().enumerate() {
        if !examination.selection.has_person(person) {
            continue;
        }
        for (place, grants) in by_place(examination.selection, person, on) {
            let grants: Vec<usize> =
                grants.into_iter().filter(|grant| is_in_set[person.grants[*grant].role]).collect();
            if grants.is_empty() {
                continue;
            }
            let roles: BTreeSet<usize> = grants.iter().map(|grant| person.grants[*grant].role).collect();
            let held = if roles.len() <= at_most { roles.len() } else { most_elements(&roles, &elements) };
            let place = words::place(picture, on, place);
            let violation = (held > at_most).then(|| {
                let names: Vec<String> =
                    grants.iter().map(|grant| words::grant(picture, at, *grant)).collect();
                format!(
                    "{} holds {}: at most {at_most} of {}{place}",
                    person.email,
                    words::listed(&names),
                    words::set_of(set)
                )
            });
            examination.note(violation, || Look {
                subject: format!("{}{place}", person.email),
                people: vec![at],
                grants: grants.iter().map(|grant| (at, *grant)).collect(),
                is_exact: true,
                ..Look::default()
            });
        }
    }
}

/// How many elements of a set are held, each by a role of its own: the largest matching. A role that is named and that
/// also gives a permission of the set counts once.
fn most_elements(roles: &BTreeSet<usize>, elements: &[Vec<bool>]) -> usize {
    fn place(role: usize, elements: &[Vec<bool>], tried: &mut [bool], taken: &mut [Option<usize>]) -> bool {
        for element in 0..elements.len() {
            if !elements[element][role] || tried[element] {
                continue;
            }
            tried[element] = true;
            if taken[element].is_none_or(|other| place(other, elements, tried, taken)) {
                taken[element] = Some(role);
                return true;
            }
        }
        false
    }
    let mut taken = vec![None; elements.len()];
    roles.iter().filter(|role| place(**role, elements, &mut vec![false; elements.len()], &mut taken)).count()
}

/// Whoever is meant may hold nothing, not even membership.
fn allow_nothing(examination: &mut Examination<'_>) {
    let picture = examination.picture;
    for (at, person) in picture.people.iter().enumerate() {
        if !examination.selection.has_person(person) {
            continue;
        }
        let Person { email, membership, groups, grants, assigned, .. } = person;
        let mut facts = Vec::new();
        facts.extend(membership.map(|_| Key::Member(email.clone())));
        facts.extend(groups.iter().map(|group| Key::InGroup(email.clone(), group.clone())));
        facts.extend(assigned.iter().map(|bot| Key::Assigned(email.clone(), picture.bots[*bot].id.clone())));
        if person.access != BuilderAccess::None {
            facts.push(Key::Access(email.clone()));
        }
        let holds = !facts.is_empty() || !grants.is_empty();
        let violation = holds.then(|| {
            let what = match grants.as_slice() {
                [] if membership.is_some() => "is in the account".to_owned(),
                [] => "has access".to_owned(),
                grants => format!("holds {}", count(grants.len(), "role")),
            };
            format!("{email} {what}, and may hold nothing, not even membership")
        });
        examination.note(violation, || Look {
            subject: email.to_string(),
            people: vec![at],
            grants: (0..grants.len()).map(|grant| (at, grant)).collect(),
            facts,
            is_exact: true,
            ..Look::default()
        });
    }
}

/// Default deny: everything that is held must be allowed.
fn allow(examination: &mut Examination<'_>, roles: &RoleSet, bots: &[Pattern], most: BuilderAccess) {
    let picture = examination.picture;
    let is_allowed = select::members(roles, picture);
    let is_allowed_on = select::matching_bots(bots, picture);
    let allowed = match (roles.is_empty(), bots.is_empty()) {
        (true, _) => "no role is allowed".to_owned(),
        (false, true) => format!("allowed is {}", words::set_of(roles)),
        (false, false) => {
            let bots: Vec<String> = bots.iter().map(ToString::to_string).collect();
            format!("allowed is {} on {}", words::set_of(roles), bots.join(", "))
        }
    };
    for (at, person) in picture.people.iter().enumerate() {
        if !examination.selection.has_person(person) {
            continue;
        }
        for (grant, held) in person.grants.iter().enumerate() {
            let is_fine = is_allowed[held.role] && held.bot.is_none_or(|bot| is_allowed_on[bot]);
            let name = || format!("{}: {}", person.email, words::grant(picture, at, grant));
            let violation = (!is_fine).then(|| format!("{}, and {allowed}", name()));
            examination.note(violation, || Look {
                subject: name(),
                people: vec![at],
                grants: vec![(at, grant)],
                is_exact: true,
                ..Look::default()
            });
        }
        for bot in &person.assigned {
            let label = &picture.bots[*bot].label;
            let name = format!("{} assigned to {label}", person.email);
            let violation =
                (!is_allowed_on[*bot]).then(|| format!("{name}, and that bot is not among the allowed ones"));
            let facts = vec![Key::Assigned(person.email.clone(), picture.bots[*bot].id.clone())];
            examination.note(violation, || Look {
                subject: name,
                people: vec![at],
                facts,
                is_exact: true,
                ..Look::default()
            });
        }
        let name = format!("builder access of {}", person.email);
        let violation = (rank(person.access) > rank(most)).then(|| {
            format!("{name} is {}, and {} is the most that is allowed", person.access.label(), most.label())
        });
        let facts = vec![Key::Access(person.email.clone())];
        examination.note(violation, || Look {
            subject: name,
            people: vec![at],
            facts,
            is_exact: true,
            ..Look::default()
        });
    }
}

fn rank(access: BuilderAccess) -> usize {
    BuilderAccess::ALL.iter().position(|other| *other == access).unwrap_or_default()
}

fn require(
    examination: &mut Examination<'_>,
    within: Option<SignedDuration>,
    reason: bool,
    ticket: Option<&Regex>,
) {
    let picture = examination.picture;
    for (at, grant) in picture.grants() {
        let person = &picture.people[at];
        if !examination.selection.has_person(person) || !examination.selection.has_grant(picture, at, grant) {
            continue;
        }
        let name = || format!("{}: {}", person.email, words::grant(picture, at, grant));
        let violation = match person.grants[grant].fact.map(|fact| examination.known.fact(fact)) {
            None => Some("no manifest declares it, so no line says what is required".to_owned()),
            Some(fact) => {
                let until = within.and_then(|within| match fact.until {
                    None => Some(format!(
                        "its line has no expiresAt, and an end within {} is required",
                        days(within)
                    )),
                    Some(until) if until.duration_since(examination.now) > within => {
                        Some(format!("it ends at {until}, and an end within {} is required", days(within)))
                    }
                    Some(_) => None,
                });
                let reason = (reason
                    && fact.terms.reason.as_deref().is_none_or(|text| text.trim().is_empty()))
                .then(|| "its line gives no reason, and one is required".to_owned());
                let ticket = ticket.and_then(|form| match &fact.terms.ticket {
                    None => Some(format!("its line has no ticket, and one of the form {form} is required")),
                    Some(ticket) if !form.is_match(ticket) => {
                        Some(format!("its ticket {ticket:?} is not of the form {form}"))
                    }
                    Some(_) => None,
                });
                let all: Vec<String> = [until, reason, ticket].into_iter().flatten().collect();
                (!all.is_empty()).then(|| all.join("; "))
            }
        };
        let violation = violation.map(|why| format!("{}: {why}", name()));
        examination.note(violation, || Look {
            subject: name(),
            people: vec![at],
            grants: vec![(at, grant)],
            is_exact: true,
            ..Look::default()
        });
    }
}

/// `90d` where it is whole days.
fn days(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

fn holders(
    examination: &mut Examination<'_>,
    set: &RoleSet,
    (min, max): (Option<usize>, Option<usize>),
    on: RuleOn,
) {
    let picture = examination.picture;
    let is_in_set = select::members(set, picture);
    let mut places: BTreeMap<Option<usize>, Vec<(usize, usize)>> = BTreeMap::new();
    match on {
        RuleOn::Account => {
            places.entry(None).or_default();
        }
        RuleOn::SameBot => {
            let bots = (0..picture.bots.len()).filter(|bot| examination.selection.has_bot(*bot));
            places.extend(bots.map(|bot| (Some(bot), Vec::new())));
        }
    }
    for (at, person) in picture.people.iter().enumerate() {
        if !examination.selection.has_person(person) {
            continue;
        }
        for (place, grants) in by_place(examination.selection, person, on) {
            let grants = grants.into_iter().filter(|grant| is_in_set[person.grants[*grant].role]);
            places.entry(place).or_default().extend(grants.map(|grant| (at, grant)));
        }
    }
    for (place, grants) in places {
        let people: BTreeSet<usize> = grants.iter().map(|(person, _)| *person).collect();
        // A bot on which nobody holds anything is looked at only where somebody should.
        if people.is_empty() && min.is_none() {
            continue;
        }
        let where_ = words::place(picture, on, place);
        let hold = if people.len() == 1 { "holds" } else { "hold" };
        let who = count(people.len(), "person").replace("persons", "people");
        let found = format!("{who} {hold} {}{where_}", words::set_of(set));
        let violation = match (min, max) {
            (_, Some(max)) if people.len() > max => Some(format!("{found}, at most {max} allowed")),
            (Some(min), _) if people.len() < min => Some(format!("{found}, at least {min} needed")),
            _ => None,
        };
        examination.note(violation, || Look {
            subject: format!("holders of {}{where_}", words::set_of(set)),
            people: people.into_iter().collect(),
            grants,
            is_exact: true,
            ..Look::default()
        });
    }
}

/// Whether a value takes builder access away or leaves it as it is: such a change is no addition.
pub(super) fn is_less_access(before: Option<&Value>, after: Option<&Value>) -> bool {
    match (before, after) {
        (Some(Value::Access(before)), Some(Value::Access(after))) => rank(*after) <= rank(*before),
        _ => false,
    }
}
