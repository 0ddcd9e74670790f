//! Who has what, and why; and why somebody has not.
//!
//! In: what manifests want and, where the account was read, what was seen. Out: an [`Explanation`], a line a fact, each
//! with its standing, the places that say so, and what is in its way. What only files know (which object a line
//! belongs to, which commit wrote it, when it was applied) is filled in by the caller afterwards.

mod answer;
mod collect;

pub use answer::{
    Because, Commit, Explanation, Fact, InTheWay, Line, Object, Obstacle, Reading, Says, Since, Standing,
};

use super::{Context, Plan, Reason};
use crate::facts::{BotRef, Closure, Desired, Email, Key, Policy, RoleName, RoleType, Value, World};
use collect::{Book, Entry, label_of};
use std::collections::BTreeSet;

/// What is asked: a person, a bot, a role, or together whether and why this person has this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// One person; else everybody.
    pub who: Option<Email>,
    /// One bot; else everything.
    pub bot: Option<BotRef>,
    /// One role, as people write it; else everything.
    pub role: Option<String>,
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
pub struct Unheard {
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
    question: &Question,
    desired: &Desired,
    observed: Option<Observed<'_>>,
) -> Result<Explanation, Unheard> {
    let world = observed.map(|observed| observed.world);
    let book = Book::new(question, desired, world);
    book.is_heard_of()?;
    let mut entries = book.entries();
    if entries.is_empty() {
        entries.extend(book.asked().into_iter().map(|key| (key, Entry::default())));
    }
    let plan = observed.map(|observed| plan_of(&entries, desired, observed));
    let is_one_person = question.who.is_some();
    let mut lines: Vec<(Key<BotRef>, Line)> = Vec::with_capacity(entries.len());
    for (key, entry) in &entries {
        let mut line = line(&book, key, entry);
        if let Some(plan) = plan.as_ref().filter(|_| line.standing != Standing::Held) {
            line.in_the_way = obstacles(&book, key, entry, plan);
        }
        if is_one_person && matches!(line.standing, Standing::NotHeld | Standing::Absent | Standing::Missing)
        {
            why_not(&book, key, &mut line);
        }
        lines.push((key.clone(), line));
    }
    if question.who.is_none() {
        // Everybody: a person's or a group's lines together, people first.
        lines.sort_by(|(left, _), (right, _)| by_holder(left).cmp(&by_holder(right)).then(left.cmp(right)));
    }
    let mut explanation = Explanation::about(question, &book, lines.into_iter().map(|(_, line)| line));
    explanation.notes = notes(&book, &explanation);
    Ok(explanation)
}

fn by_holder(key: &Key<BotRef>) -> (u8, Option<&Email>, Option<&crate::facts::GroupName>) {
    match key.email() {
        _ if matches!(key, Key::RoleDefinition(..)) => (0, None, None),
        Some(email) => (1, Some(email), None),
        None => (2, None, key.group()),
    }
}

/// A plan of just these facts, for what is in their way. Nothing is swept in it, and no ceiling counts: both need the
/// whole.
fn plan_of(
    entries: &std::collections::BTreeMap<Key<BotRef>, Entry<'_>>,
    desired: &Desired,
    observed: Observed<'_>,
) -> Plan {
    let people: BTreeSet<&Email> = entries.keys().filter_map(Key::email).collect();
    let is_part = |key: &Key<BotRef>| match key {
        Key::RoleDefinition(..) => true,
        key => key.email().is_none_or(|email| people.contains(email)),
    };
    let wants = desired.wants.iter().filter(|(key, _)| is_part(key)).cloned().collect();
    let part = Desired { strip: desired.strip.clone(), ..Desired::new(wants) };
    let Observed { world, policy, context } = observed;
    super::make(part, world, policy, context)
}

/// One fact: where it stands, who says so, and what it has to do with the account.
fn line(book: &Book<'_>, key: &Key<BotRef>, entry: &Entry<'_>) -> Line {
    let Entry { wants, seen, through } = entry;
    let absent = wants.iter().find(|want| want.verdict == crate::facts::Verdict::Absent);
    let present = wants.iter().find_map(|want| match &want.verdict {
        crate::facts::Verdict::Present(value) if absent.is_none() => Some((value, *want)),
        _ => None,
    });
    let is_given_by_group = through.iter().any(collect::Through::is_declared);
    let mut line = Line::of(Fact::of(key, book));
    line.seen = seen.map(ToString::to_string);
    if let Some((value, want)) = present {
        line.value = Some(value.to_string());
        line.until = want.until;
        line.because.extend(want.sources.iter().map(|source| Because::of(Says::Grants, source)));
    }
    if let Some(want) = absent {
        line.until = want.until;
        let says = if want.until.is_some() { Says::Ended } else { Says::Denies };
        line.because.extend(want.sources.iter().map(|source| Because::of(says, source)));
    }
    for through in through {
        through.tell(&mut line);
    }
    let Some(world) = book.world else {
        line.standing = match (present, absent) {
            (Some(_), _) => Standing::Declared,
            _ if is_given_by_group => Standing::Declared,
            (None, Some(_)) => Standing::Absent,
            (None, None) => Standing::NotHeld,
        };
        return line;
    };
    line.standing = match (present, absent, seen) {
        (_, _, Some(Value::Inherited(groups))) => {
            let untold = groups.iter().filter(|group| through.iter().all(|known| known.group != **group));
            line.why.extend(untold.map(|group| format!("held through group {group}")));
            Standing::Inherited
        }
        (Some((value, _)), _, Some(seen)) if seen.satisfies(value) => Standing::Held,
        (Some(_), _, Some(_)) => Standing::Differs,
        (Some(_), _, None) if key.family().is_write_only() => {
            line.why.push("the platform takes it and never shows it".to_owned());
            Standing::Declared
        }
        (Some(_), _, None) => missing(book, key, world, &mut line),
        (None, Some(_), Some(_)) => Standing::ToBeRemoved,
        (None, None, Some(_)) => undeclared(book, key, &mut line),
        (None, None, None) if is_given_by_group => missing(book, key, world, &mut line),
        (None, Some(_), None) => Standing::Absent,
        (None, None, None) => Standing::NotHeld,
    };
    line
}

/// Wanted and not seen: missing when that is proved, else not known.
fn missing(book: &Book<'_>, key: &Key<BotRef>, world: &World, line: &mut Line) -> Standing {
    let Some(key) = book.resolved(key) else { return Standing::Missing };
    match world.proves_absent(&key) {
        Ok(()) => Standing::Missing,
        Err(why) => {
            line.why.push(why);
            Standing::Unknown
        }
    }
}

/// Seen, and no manifest says a word about it: its scope decides.
fn undeclared(book: &Book<'_>, key: &Key<BotRef>, line: &mut Line) -> Standing {
    if key.role().is_some_and(|(_, role)| role.is_bot_owner()) {
        line.why.push("given when the bot was created; never granted nor taken here".to_owned());
        return Standing::Unmanaged;
    }
    if key.email().is_some_and(|email| book.absent_person(email).is_some()) {
        line.why.push("it goes with the person, who must not be in the account".to_owned());
        return Standing::ToBeRemoved;
    }
    let scopes = book.scopes_of(key);
    let mut is_closed = !scopes.is_empty();
    for scope in scopes {
        let says = match &scope.closure {
            Closure::Closed => Says::Closes,
            Closure::Additive => Says::LeavesOthers,
            Closure::Open(why) => {
                line.why.push(format!("it would be removed, but nothing is for now: {why}"));
                Says::Closes
            }
        };
        is_closed &= scope.closure == Closure::Closed;
        line.because.extend(scope.sources.iter().map(|source| Because::of(says, source)));
    }
    if is_closed { Standing::ToBeRemoved } else { Standing::Unmanaged }
}

/// What a plan would say is in the way of this fact.
fn obstacles(book: &Book<'_>, key: &Key<BotRef>, entry: &Entry<'_>, plan: &Plan) -> Vec<InTheWay> {
    let resolved = book.resolved(key);
    let is_shared = |email: &Email| {
        let directory = book.world.map(|world| &world.directory);
        directory.and_then(|all| all.users.get(email)).is_some_and(|user| user.spellings.len() > 1)
    };
    let sections = [
        (Obstacle::Blocked, &plan.blocked),
        (Obstacle::Waiting, &plan.waiting),
        (Obstacle::Manual, &plan.manual),
        (Obstacle::Refused, &plan.refused),
    ];
    let mut found = Vec::new();
    for (obstacle, entries) in sections {
        for told in entries {
            let is_about = match (told.reason, told.subjects.is_empty()) {
                // Both count what this small plan does not hold.
                (Reason::RemovalCeiling | Reason::AdminFloor | Reason::ScopeNotProved, _) => false,
                (_, false) => resolved.as_ref().is_some_and(|key| told.subjects.contains(key)),
                (Reason::AddressAmbiguous, true) => key.email().is_some_and(is_shared),
                // A name that means nothing: everything its lines ask for is held back.
                (_, true) => entry
                    .wants
                    .iter()
                    .chain(entry.through.iter().flat_map(|through| &through.binding))
                    .any(|want| want.sources.iter().any(|source| told.sources.contains(source))),
            };
            if is_about {
                found.push(InTheWay {
                    obstacle,
                    reason: told.reason,
                    message: told.message.clone(),
                    next_step: told.next_step.clone(),
                });
            }
        }
    }
    found
}

/// What would have to be different for somebody to have this.
fn why_not(book: &Book<'_>, key: &Key<BotRef>, line: &mut Line) {
    let Some(email) = key.email() else { return };
    if let Some(want) = book.absent_person(email) {
        line.because.extend(want.sources.iter().map(|source| Because::of(Says::Denies, source)));
        line.why.push(format!("{email} must not be in the account, and so gets nothing"));
        return;
    }
    if key.role().is_some_and(|(_, role)| role.is_bot_owner()) {
        let why =
            "the owner is set at bot creation and moved in the console (Bots Management > Change Bot Owner)";
        return line.why.push(why.to_owned());
    }
    if line.standing == Standing::Missing || !line.because.is_empty() {
        return; // The lines and what is in their way say it.
    }
    if let Key::Member(_) = key {
        return line.why.push("no KoreUser, and no team with inviteMembers, names them".to_owned());
    }
    if !book.is_member(email) {
        line.why.push(format!("nobody declares {email}: a KoreUser, or a team with inviteMembers, would"));
    }
    let scopes = book.scopes_of(key);
    for scope in &scopes {
        line.because.extend(scope.sources.iter().map(|source| Because::of(Says::WouldGrant, source)));
    }
    for (group, want) in book.groups_with(key) {
        let because = want.sources.iter().map(|source| Because::to_group(Says::WouldGrant, source, group));
        line.because.extend(because);
        line.why.push(format!("group {group} has it, and {email} is not in {group}"));
    }
    for team in book.teams_with(key) {
        line.why.push(format!("team {team} has it, and {email} is not in {team}"));
    }
    if scopes.is_empty() {
        let (_, bot) = label_of(key, book);
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
fn notes(book: &Book<'_>, explanation: &Explanation) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(email) = &book.question.who
        && !book.is_member(email)
        && !book.desired.referenced.contains(email)
        && let Some(near) = book.nearest_person(email)
    {
        notes.push(format!("nobody has heard of {email}; did you mean {near}?"));
    }
    if let Some(world) = book.world {
        notes.extend(world.warnings.iter().cloned());
        let asks_for_users_of_a_bot = book.question.who.is_none() && book.question.role.is_none();
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
