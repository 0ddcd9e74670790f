//! Rows of grants: from the lines of an explanation, one row a person and a way of holding it.

use super::Evidence;
use super::model::{HeldSince, Person, PersonStatus, Row, Since, Verdict};
use crate::facts::{
    BuilderAccess, Email, Family, GroupName, Holder, Key, Membership, PersonName, RoleName, Value, World,
};
use crate::plan::explain::{Attribution, FactLine, FactStatus, SourceEffect};
use crate::plan::{Memory, risk_of_holding};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A row a grant, and a row for each person who holds nothing.
pub(super) fn of_everybody(evidence: Evidence<'_>) -> Vec<Row> {
    let index = Index::new(evidence);
    let mut rows = Vec::with_capacity(evidence.explanation.lines.len());
    let mut holders: BTreeSet<&Email> = BTreeSet::new();
    for line in &evidence.explanation.lines {
        let grants = index.grants(line);
        if let (Some(email), false) = (&line.fact.user, grants.is_empty()) {
            holders.insert(email);
        }
        rows.extend(grants);
    }
    let members = evidence.explanation.lines.iter().filter(|line| {
        line.fact.family == Family::Membership
            && line.seen.is_some()
            && line.fact.user.as_ref().is_some_and(|email| !holders.contains(email))
    });
    let members: Vec<Row> = members.filter_map(|line| index.row(line, None)).collect();
    rows.extend(members);
    rows.sort_by(|left, right| order(left).cmp(&order(right)));
    rows
}

type Order<'a> =
    (Option<&'a Email>, Option<Family>, Option<&'a RoleName>, Option<&'a str>, Option<&'a GroupName>);

/// By person, then as an account lists it.
pub(super) fn order(row: &Row) -> Order<'_> {
    let group = row.through.as_ref().or(row.group.as_ref());
    (row.user.as_ref(), row.family, row.role.as_ref(), row.bot.as_deref(), group)
}

/// What is known of facts, by fact.
pub(super) struct Index<'a> {
    evidence: Evidence<'a>,
    lines: HashMap<Key, &'a FactLine>,
    groups: HashMap<&'a Email, Vec<&'a GroupName>>,
    verdicts: HashMap<&'a Key, Vec<&'a Verdict>>,
}

impl<'a> Index<'a> {
    pub(super) fn new(evidence: Evidence<'a>) -> Self {
        let Evidence { explanation, world, verdicts, .. } = evidence;
        let is_half = |line: &&FactLine| line.fact.group.is_some();
        let halves = explanation.lines.iter().filter(is_half);
        let lines = halves.filter_map(|line| Some((line.fact.key()?, line))).collect();
        let mut groups: HashMap<&Email, Vec<&GroupName>> = HashMap::new();
        for (key, _) in world.facts() {
            if let Key::InGroup(email, group) = key {
                groups.entry(email).or_default().push(group);
            }
        }
        let mut by_key: HashMap<&Key, Vec<&Verdict>> = HashMap::new();
        for verdict in verdicts {
            for key in &verdict.subjects {
                by_key.entry(key).or_default().push(verdict);
            }
        }
        Self { evidence, lines, groups, verdicts: by_key }
    }

    /// The rows of one line: held directly, and through each group.
    pub(super) fn grants(&self, line: &FactLine) -> Vec<Row> {
        let (Some(user), Some(key)) = (&line.fact.user, line.fact.key()) else { return Vec::new() };
        let Some(seen) = self.evidence.world.get(&key) else { return Vec::new() };
        match line.fact.family {
            Family::Access if *seen == Value::Access(BuilderAccess::None) => Vec::new(),
            Family::Access | Family::Assignments | Family::Groups => {
                self.row(line, None).into_iter().collect()
            }
            Family::AdminRoles | Family::BotRoles => {
                let is_direct = !matches!(seen, Value::Inherited(_));
                let mut through: BTreeSet<&GroupName> = BTreeSet::new();
                if let Value::Inherited(groups) = seen {
                    through.extend(groups);
                }
                let own = self.groups.get(user).into_iter().flatten();
                through.extend(own.filter(|group| self.evidence.world.get(&of_group(&key, group)).is_some()));
                let direct = is_direct.then(|| self.row(line, None)).flatten();
                let groups = through.into_iter().filter_map(|group| self.row(line, Some(group)));
                direct.into_iter().chain(groups).collect()
            }
            Family::RoleDefinitions
            | Family::Membership
            | Family::Names
            | Family::Profile
            | Family::DataTables => Vec::new(),
        }
    }

    /// One row of a line, whether or not it is held.
    pub(super) fn row(&self, line: &FactLine, through: Option<&GroupName>) -> Option<Row> {
        let key = line.fact.key()?;
        let world = self.evidence.world;
        let seen = world.get(&key);
        let user = line.fact.user.clone();
        let halves: Vec<&FactLine> = through.map_or_else(Vec::new, |group| {
            let binding = of_group(&key, group);
            let membership = user.clone().map(|user| Key::InGroup(user, group.clone()));
            [Some(binding), membership]
                .into_iter()
                .flatten()
                .filter_map(|key| self.lines.get(&key).copied())
                .collect()
        });
        let (status, until, since) = if through.is_some() {
            (
                status_of_halves(&halves),
                halves.iter().filter_map(|half| half.until).min(),
                since_of_halves(&halves, self.evidence.memory),
            )
        } else {
            (line.status, line.until, since_of(line, &key, self.evidence.memory))
        };
        let declared: Vec<Attribution> = declared(line, through);
        let reason = declared.iter().find_map(|attribution| attribution.reason.clone());
        Some(Row {
            family: Some(line.fact.family),
            role: line.fact.role.clone(),
            bot: line.fact.bot.clone(),
            bot_id: key.bot().cloned(),
            group: line.fact.group.clone(),
            through: through.cloned(),
            value: seen.and_then(value),
            status: Some(status),
            declared,
            since,
            until,
            reason,
            verdicts: self.verdicts_of(&key, user.as_ref()),
            user,
            ..Row::new(risk_of_holding(&key, seen))
        })
    }

    /// What policies say of a fact or of its person.
    fn verdicts_of(&self, key: &Key, user: Option<&Email>) -> Vec<Verdict> {
        if self.verdicts.is_empty() {
            return Vec::new();
        }
        let member = user.map(|user| Key::Member(user.clone()));
        let about_person = member.as_ref().filter(|member| *member != key);
        let keys = [Some(key), about_person].into_iter().flatten();
        keys.filter_map(|key| self.verdicts.get(key)).flatten().map(|verdict| (*verdict).clone()).collect()
    }
}

/// The same role, held by a group.
fn of_group(key: &Key, group: &GroupName) -> Key {
    let holder = Holder::Group(group.clone());
    match key {
        Key::AdminRole(_, role) => Key::AdminRole(holder, role.clone()),
        Key::BotRole(_, role, bot) => Key::BotRole(holder, role.clone(), bot.clone()),
        other => other.clone(),
    }
}

/// What comes through a group is declared when both halves are.
fn status_of_halves(halves: &[&FactLine]) -> FactStatus {
    let any = |status| halves.iter().any(|half| half.status == status);
    [FactStatus::ToBeRemoved, FactStatus::Unmanaged]
        .into_iter()
        .find(|status| any(*status))
        .unwrap_or(FactStatus::Inherited)
}

/// It began with the later half; as long as one of them is not known, nothing is.
fn since_of_halves(halves: &[&FactLine], memory: &Memory) -> Option<HeldSince> {
    let known: Vec<HeldSince> =
        halves.iter().filter_map(|half| since_of(half, &half.fact.key()?, memory)).collect();
    if known.len() < 2 { None } else { known.into_iter().max_by_key(|since| since.at) }
}

fn since_of(line: &FactLine, key: &Key, memory: &Memory) -> Option<HeldSince> {
    let remembered = crate::facts::find(&memory.facts, key);
    let commit = remembered.and_then(|fact| fact.since.commit.clone());
    if let Some(applied) = &line.since {
        return Some(HeldSince { at: applied.at, known: Since::Applied, commit });
    }
    // Only what a read has shown is held.
    let fact = remembered.filter(|fact| fact.read_back.is_some())?;
    Some(HeldSince { at: fact.since.at, known: Since::Declared, commit })
}

/// The places that declare a row.
fn declared(line: &FactLine, through: Option<&GroupName>) -> Vec<Attribution> {
    let mut is_kept = false;
    let mut kept = Vec::new();
    for attribution in &line.attributions {
        is_kept = match attribution.effect {
            SourceEffect::Grants | SourceEffect::Denies | SourceEffect::Ended => through.is_none(),
            SourceEffect::GrantsGroup | SourceEffect::PutsInGroup => {
                through.is_some() && attribution.group.as_ref() == through
            }
            // It belongs to the place before it.
            SourceEffect::InTeam => is_kept,
            SourceEffect::Closes | SourceEffect::LeavesOthers | SourceEffect::WouldGrant => false,
        };
        if is_kept {
            kept.push(attribution.clone());
        }
    }
    kept
}

/// What is held, where that is more than yes.
pub(super) fn value(seen: &Value) -> Option<String> {
    match seen {
        Value::Access(_) | Value::Dialogs(_) => Some(seen.to_string()),
        Value::Held
        | Value::Inherited(_)
        | Value::Member(_)
        | Value::Names(_)
        | Value::Role(_)
        | Value::Profile(_)
        | Value::DataTables(_) => None,
    }
}

/// A person as the account shows them.
pub(super) fn person(email: &Email, world: &World) -> Person {
    let status = match world.get(&Key::Member(email.clone())) {
        Some(Value::Member(Membership::Joined)) => PersonStatus::Active,
        Some(Value::Member(Membership::Pending { since: _ })) => PersonStatus::Invited,
        Some(_) => PersonStatus::Listed,
        None => PersonStatus::NotInAccount,
    };
    let name = match world.get(&Key::Names(email.clone())) {
        Some(Value::Names(PersonName { first, last })) => {
            let parts: Vec<&str> = [first, last].into_iter().flatten().map(String::as_str).collect();
            Some(parts.join(" ")).filter(|name| !name.trim().is_empty())
        }
        _ => None,
    };
    Person {
        email: email.clone(),
        name,
        org_user_id: world.directory.users.get(email).and_then(|entry| entry.org_user_id.clone()),
        status,
        last_sign_in: world.last_sign_ins.get(email).copied(),
    }
}

/// Grants of a person that stand at or above a risk, by person.
pub(super) fn by_person(rows: Vec<Row>) -> BTreeMap<Email, Vec<Row>> {
    let mut people: BTreeMap<Email, Vec<Row>> = BTreeMap::new();
    for row in rows {
        if let Some(email) = row.user.clone() {
            people.entry(email).or_default().push(row);
        }
    }
    people
}

/// So many days before a time.
pub(super) fn days_before(at: Timestamp, days: u32) -> Timestamp {
    at.checked_sub(jiff::SignedDuration::from_hours(i64::from(days) * 24)).unwrap_or(Timestamp::MIN)
}
