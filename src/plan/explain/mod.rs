//! Who has which access and why, or why not.
//!
//! In: what manifests declare and, where the account was read, what was observed. Out: an [`Explanation`] with a line for
//! each fact: its status, the lines that declare it, and what is in its way. Where the account was read, a plan is made of
//! both worlds and each status is derived from it, so that explanation and plan agree about every fact. What only files
//! know (which object a line belongs to, which commit wrote it, when it was applied) is filled in by the caller.

mod answer;
mod collect;
mod derive;

pub use answer::{
    Attribution, Commit, Explanation, Fact, FactLine, FactStatus, Object, Obstacle, ObstacleDetail,
    PersonDetail, Reading, Since, SourceEffect,
};

use super::{Context, Plan};
use crate::facts::{
    BotRef, Closure, Desired, Email, Key, Listing, Policy, RoleName, RoleType, Verdict, Want, World,
};
use collect::{FactEvidence, FactIndex, label_of};
use derive::{Derived, PlannedFacts};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What is asked: a person, a bot, a role, or together whether and why this person has this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// One person; else everybody.
    pub who: Option<Email>,
    /// One bot; else everything.
    pub bot: Option<BotRef>,
    /// One role, as people write it; else everything.
    pub role: Option<String>,
    /// Only grants that end until then; else all.
    pub ending_by: Option<Timestamp>,
}

/// What was seen of the account, and the rules it is compared under.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// One read; it may be as small as one look-up.
    pub world: &'a World,
    /// The rules.
    pub policy: &'a Policy,
    /// What a plan is made of besides.
    pub context: &'a Context,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} a {what} named \"{name}\"\n  {next_step}")]
pub struct UnknownName {
    /// `bot` or `role`.
    pub what: &'static str,
    /// What was asked for.
    pub name: String,
    /// Who was asked: the manifests alone, or the account too.
    pub place: &'static str,
    /// The nearest name, or where to look.
    pub next_step: String,
}

/// Answers a question.
///
/// # Errors
/// When nobody has heard of the bot or the role that is asked about.
pub fn explain(
    query: &Query,
    desired: &Desired,
    observed: Option<Observed<'_>>,
) -> Result<Explanation, UnknownName> {
    let index = FactIndex::new(query, desired, observed.map(|observed| observed.world));
    index.check_names()?;
    let mut entries = index.entries();
    if let Some(by) = query.ending_by {
        entries.retain(|_, evidence| evidence.wants.iter().any(|want| ends_by(want, by)));
    } else if entries.is_empty() {
        entries.extend(index.queried_keys().into_iter().map(|key| (key, FactEvidence::default())));
    }
    let plan = observed.map(|observed| plan_of(&entries, desired, observed));
    Ok(answer(&index, &entries, plan.as_ref()))
}

/// Everything that both worlds know, and the plan that each status is derived from.
pub fn everything(desired: &Desired, observed: Observed<'_>) -> (Explanation, Plan) {
    let index = FactIndex::new(&Query::default(), desired, Some(observed.world));
    let entries = index.entries();
    let plan = plan_of(&entries, desired, observed);
    (answer(&index, &entries, Some(&plan)), plan)
}

fn answer(
    index: &FactIndex<'_>,
    entries: &BTreeMap<Key<BotRef>, FactEvidence<'_>>,
    plan: Option<&Plan>,
) -> Explanation {
    let planned = plan.zip(index.world).map(|(plan, world)| PlannedFacts::new(plan, world));
    let is_one_person = index.query.who.is_some();
    let mut lines: Vec<(Key<BotRef>, FactLine)> = Vec::with_capacity(entries.len());
    for (key, evidence) in entries {
        let mut line = line(index, key, evidence, planned.as_ref());
        let is_missing =
            matches!(line.status, FactStatus::NotHeld | FactStatus::Absent | FactStatus::Missing);
        if is_one_person && is_missing {
            why_not(index, key, &mut line);
        }
        lines.push((key.clone(), line));
    }
    if !is_one_person {
        // Everybody: a person's or a group's lines together, people first.
        lines.sort_by(|(left, _), (right, _)| by_holder(left).cmp(&by_holder(right)).then(left.cmp(right)));
    }
    let mut explanation = Explanation::about(&index.query, index, lines.into_iter().map(|(_, line)| line));
    explanation.notes = notes(index, &explanation);
    explanation
}

fn ends_by(want: &Want, by: Timestamp) -> bool {
    matches!(want.verdict, Verdict::Present(_)) && want.until.is_some_and(|until| until <= by)
}

fn by_holder(key: &Key<BotRef>) -> (u8, Option<&Email>, Option<&crate::facts::GroupName>) {
    match key.email() {
        _ if matches!(key, Key::RoleDefinition(..)) => (0, None, None),
        Some(email) => (1, Some(email), None),
        None => (2, None, key.group()),
    }
}

/// The plan that every status is derived from. After a read of the whole account it is the plan of everything; after a
/// look-up of one person it is made of what is declared about these people, with all lists and ownership.
fn plan_of(
    entries: &BTreeMap<Key<BotRef>, FactEvidence<'_>>,
    desired: &Desired,
    observed: Observed<'_>,
) -> Plan {
    let Observed { world, policy, context } = observed;
    let mut desired = desired.clone();
    if !world.coverage.listings.contains_key(&Listing::Users) {
        let people: BTreeSet<&Email> = entries.keys().filter_map(Key::email).collect();
        desired.wants.retain(|(key, _)| match key {
            Key::RoleDefinition(..) => true,
            key => key.email().is_none_or(|email| people.contains(email)),
        });
    }
    super::make(desired, world, policy, context)
}

/// One fact: its status, the lines that declare it, and what is in its way.
fn line(
    index: &FactIndex<'_>,
    key: &Key<BotRef>,
    evidence: &FactEvidence<'_>,
    planned: Option<&PlannedFacts<'_>>,
) -> FactLine {
    let FactEvidence { wants, seen, through } = evidence;
    let absent = wants.iter().find(|want| want.verdict == Verdict::Absent);
    let present = wants.iter().find_map(|want| match &want.verdict {
        Verdict::Present(value) if absent.is_none() => Some((value, *want)),
        _ => None,
    });
    let mut line = FactLine::new(Fact::from_key(key, index));
    line.seen = seen.map(ToString::to_string);
    if let Some((value, want)) = present {
        line.value = Some(value.to_string());
        line.until = want.until;
        line.attribute(SourceEffect::Grants, &want.sources);
    }
    if let Some(want) = absent {
        line.until = want.until;
        let effect = if want.until.is_some() { SourceEffect::Ended } else { SourceEffect::Denies };
        line.attribute(effect, &want.sources);
    }
    for through in through {
        through.tell(&mut line);
    }
    let Some(planned) = planned else {
        let is_declared = present.is_some() || through.iter().any(collect::Through::is_declared);
        line.status = match absent {
            _ if is_declared => FactStatus::Declared,
            Some(_) => FactStatus::Absent,
            None => FactStatus::NotHeld,
        };
        return line;
    };
    let resolved = index.resolved(key);
    let Derived { status, why } = match &resolved {
        Some(resolved) => planned.status(resolved, evidence),
        // A bot that the name does not lead to: nobody holds anything on it.
        None if absent.is_some() => FactStatus::Absent.into(),
        None if present.is_some() => FactStatus::Missing.into(),
        None => FactStatus::NotHeld.into(),
    };
    line.status = status;
    line.why.extend(why);
    if wants.is_empty() && seen.is_some() {
        attribute_lists(index, key, &mut line);
    }
    if line.status != FactStatus::Held {
        line.obstacles = planned.obstacles(resolved.as_ref(), evidence);
    }
    line
}

/// The lists that decide about a fact which no line declares.
fn attribute_lists(index: &FactIndex<'_>, key: &Key<BotRef>, line: &mut FactLine) {
    if key.role().is_some_and(|(_, role)| role.is_bot_owner()) {
        return;
    }
    for scope in index.scopes_of(key) {
        let effect = match &scope.closure {
            Closure::Closed | Closure::Open(_) => SourceEffect::Closes,
            Closure::Additive => SourceEffect::LeavesOthers,
        };
        line.attribute(effect, &scope.sources);
    }
}

/// What would have to be different for a person to have this.
fn why_not(index: &FactIndex<'_>, key: &Key<BotRef>, line: &mut FactLine) {
    let Some(email) = key.email() else { return };
    if let Some(want) = index.absent_person(email) {
        line.attributions
            .extend(want.sources.iter().map(|source| Attribution::new(SourceEffect::Denies, source)));
        line.why.push(format!("{email} must not be in the account, and so gets nothing"));
        return;
    }
    if key.role().is_some_and(|(_, role)| role.is_bot_owner()) {
        let why =
            "the owner is set at bot creation and moved in the console (Bots Management > Change Bot Owner)";
        return line.why.push(why.to_owned());
    }
    if line.status == FactStatus::Missing || !line.attributions.is_empty() {
        return; // The lines and what is in their way say it.
    }
    if let Key::Member(_) = key {
        return line.why.push("no KoreUser, and no team with inviteMembers, names them".to_owned());
    }
    if !index.is_member(email) {
        line.why.push(format!("{email} is not declared: declare a KoreUser, or a team with inviteMembers"));
    }
    let scopes = index.scopes_of(key);
    for scope in &scopes {
        line.attributions
            .extend(scope.sources.iter().map(|source| Attribution::new(SourceEffect::WouldGrant, source)));
    }
    for (group, want) in index.groups_with(key) {
        let attributions =
            want.sources.iter().map(|source| Attribution::to_group(SourceEffect::WouldGrant, source, group));
        line.attributions.extend(attributions);
        line.why.push(format!("group {group} has it, and {email} is not in {group}"));
    }
    for team in index.teams_with(key) {
        line.why.push(format!("team {team} has it, and {email} is not in {team}"));
    }
    if scopes.is_empty() {
        let (_, bot) = label_of(key, index);
        line.why.push(match (key, bot) {
            (Key::Assigned(..), Some(bot)) => format!("no KoreBotAssignment is about {bot}"),
            (Key::BotRole(_, role, _), Some(bot)) => format!("no KoreRoleBinding gives {role} on {bot}"),
            (Key::AdminRole(_, role), _) => format!("no KoreRoleBinding gives {role}"),
            (key, _) => format!("no manifest says anything about {key}"),
        });
    } else {
        line.why.push(format!("no line names {email}"));
    }
}

/// What belongs to no line.
fn notes(index: &FactIndex<'_>, explanation: &Explanation) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(email) = &index.query.who
        && !index.is_member(email)
        && !index.desired.referenced.contains(email)
        && let Some(near) = index.nearest_person(email)
    {
        notes.push(format!("nobody has heard of {email}; did you mean {near}?"));
    }
    if let Some(world) = index.world {
        notes.extend(world.warnings.iter().cloned());
        let asks_for_users_of_a_bot = index.query.who.is_none() && index.query.role.is_none();
        if asks_for_users_of_a_bot && !explanation.lines.is_empty() {
            notes.push(
                "who else may use a bot is read person by person, and so only of people whom manifests name"
                    .to_owned(),
            );
        }
    }
    notes
}

/// The role a text may mean, of that type.
fn means(role_type: RoleType, text: &str, role: &RoleName) -> bool {
    RoleName::canonical(role_type, text) == *role
}
