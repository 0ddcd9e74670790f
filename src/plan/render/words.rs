//! Words that every form of a plan shares.

use crate::facts::{BotId, BotName, Family, Holder, Key, RoleSpec, RoleType, Source, Value, visible};
use crate::plan::ends;
use crate::plan::{
    Action, Change, ChangeId, Effect, Ending, Entry, FocusedRead, Origin, Plan, Reason, RestOf, Tolerated,
    Unmanaged, Violation, ViolationState,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

/// The note of a redacted plan.
pub(super) const REDACTED: &str =
    "Redacted: people appear under stable names (user-…), and their own names are hidden.";

/// Roles before groups before people.
pub(super) fn rank(key: &Key) -> u8 {
    match key {
        Key::RoleDefinition(..) => 0,
        Key::AdminRole(Holder::Group(_), _) | Key::BotRole(Holder::Group(_), _, _) => 1,
        _ => 2,
    }
}

/// The user, group or role that a fact is about: the heading of its changes.
pub(super) fn who(key: &Key) -> String {
    match key {
        Key::RoleDefinition(RoleType::Admin, role) => format!("admin role {role}"),
        Key::RoleDefinition(RoleType::Bot, role) => format!("bot role {role}"),
        Key::AdminRole(Holder::Group(group), _) | Key::BotRole(Holder::Group(group), _, _) => {
            format!("group {group}")
        }
        _ => key.email().map_or_else(String::new, ToString::to_string),
    }
}

/// What changes, without the user, group or role that it is about, and until when.
pub(super) fn what(plan: &Plan, change: &Change) -> String {
    format!("{}{}", fact(plan, change), end(change))
}

/// ` until 2027-01-20 18:00 UTC ("incident 4711")`; nothing for what has neither end nor reason.
fn end(change: &Change) -> String {
    let end = change.until.map(ends::moment);
    let end = match (end, change.action) {
        (Some(end), Action::Remove) => format!(", ended {end}"),
        (Some(end), Action::Retire) => format!(", was to end {end}"),
        (Some(end), Action::Add | Action::Change | Action::Prune) => format!(" until {end}"),
        (None, _) => String::new(),
    };
    let reason = change.reason.as_ref().map(|reason| format!(" (\"{reason}\")"));
    end + &reason.unwrap_or_default()
}

/// `ends 2027-01-20 18:00 UTC: jane@example.com: Auditor ("incident 4711")`
pub(super) fn ending(plan: &Plan, ending: &Ending) -> String {
    let Ending { at, has_ended, subject, reason, sources: _ } = ending;
    let when = if *has_ended { "ended" } else { "ends" };
    let reason = reason.as_ref().map(|reason| format!(" (\"{}\")", visible(reason))).unwrap_or_default();
    format!("{when} {}: {}{reason}", ends::moment(*at), named(&plan.bots, subject))
}

/// `jane@example.com: Auditor: ends 2027-02-20 18:00 UTC instead of 2027-01-20 18:00 UTC`
pub(super) fn effect(plan: &Plan, effect: &Effect) -> String {
    match &effect.subject {
        Some(key) => format!("{}: {}", named(&plan.bots, key), effect.message),
        None => effect.message.clone(),
    }
}

fn fact(plan: &Plan, change: &Change) -> String {
    let bot =
        change.key.bot().map_or("", |bot| plan.bots.get(bot).map_or(bot.as_str(), |name| name.as_str()));
    let show = |value: &Option<Value>| value.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    match &change.key {
        Key::Names(_) => format!("name {}", step(change, &show(&change.before), &show(&change.after))),
        Key::Access(_) => {
            format!("builder access {}", step(change, &show(&change.before), &show(&change.after)))
        }
        Key::Profile(_) => format!("profile fields {}", show(&change.after)),
        Key::DataTables(_) => format!("data tables {}", show(&change.after)),
        Key::InGroup(_, group) => format!("group {group}"),
        Key::AdminRole(_, role) => role.to_string(),
        Key::BotRole(_, role, _) => format!("{role} on {bot}"),
        Key::Assigned(..) if change.action.is_removal() => format!("assigned to {bot}"),
        Key::Assigned(..) => {
            format!("assigned to {bot} ({})", step(change, &show(&change.before), &show(&change.after)))
        }
        Key::Member(_) if change.action.is_removal() => "remove from the account".to_owned(),
        Key::Member(_) => "invite".to_owned(),
        Key::RoleDefinition(..) => {
            if change.action == Action::Add {
                "create".to_owned()
            } else {
                "change".to_owned()
            }
        }
    }
}

fn step(change: &Change, before: &str, after: &str) -> String {
    match change.action {
        Action::Change => format!("{before} -> {after}"),
        _ => after.to_owned(),
    }
}

/// `# access.yaml:12 (team bankers) and 2 more`
pub(super) fn places(sources: &[Source]) -> Option<String> {
    let (first, more) = sources.split_first()?;
    let first = first.to_string();
    let first = first.strip_prefix("./").unwrap_or(&first);
    Some(match more.len() {
        0 => format!("# {first}"),
        more => format!("# {first} and {more} more"),
    })
}

/// A fact in one line, with its bot by name: `jane@example.com: Bot Developer on Banking Assistant`.
pub fn named(bots: &BTreeMap<BotId, BotName>, key: &Key) -> String {
    let label = |bot: BotId| bots.get(&bot).map_or_else(|| bot.to_string(), ToString::to_string);
    let named = key.clone().with_bot(|bot| Some(label(bot)));
    visible(&named.map_or_else(|| key.to_string(), |key| key.to_string())).into_owned()
}

/// A change in one line: its sign, and the fact.
pub fn in_words(bots: &BTreeMap<BotId, BotName>, change: &Change) -> String {
    format!("{} {}", change.action.sign(), named(bots, &change.key))
}

/// Entries that share reason and next step, in the order of the first of each.
pub(super) fn by_step(entries: &[Entry]) -> Vec<(Reason, &str, Vec<&Entry>)> {
    let mut groups: Vec<(Reason, &str, Vec<&Entry>)> = Vec::new();
    let mut places: HashMap<(Reason, &str), usize> = HashMap::new();
    for entry in entries {
        let at = *places.entry((entry.reason, &entry.next_step)).or_insert_with(|| {
            groups.push((entry.reason, &entry.next_step, Vec::new()));
            groups.len() - 1
        });
        groups[at].2.push(entry);
    }
    groups
}

/// `blocks: a; b; and 3 more`
pub(super) fn blocks(plan: &Plan, subjects: &[Key]) -> String {
    const SHOWN: usize = 5;
    let named: Vec<String> = subjects.iter().take(SHOWN).map(|key| named(&plan.bots, key)).collect();
    let more = match subjects.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {} more", thousands(more)),
    };
    format!("blocks: {}{more}", named.join("; "))
}

/// `12 known from a KoreBaseline, 3 that no manifest can declare`
pub(super) fn tolerated(plan: &Plan) -> Option<String> {
    let count = |is: fn(&Tolerated) -> bool| {
        plan.unmanaged.iter().filter_map(|fact| fact.tolerated.as_ref()).filter(|why| is(why)).count()
    };
    let known = count(|why| matches!(why, Tolerated::Acknowledged { .. }));
    let undeclarable = count(|why| matches!(why, Tolerated::Undeclarable));
    let parts = [(known, "known from a KoreBaseline"), (undeclarable, "that no manifest can declare")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", thousands(count)))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// `users: 3, bot roles: 12`
pub(super) fn unmanaged<'a>(facts: impl IntoIterator<Item = &'a Unmanaged>) -> String {
    let mut counts: BTreeMap<Family, usize> = BTreeMap::new();
    for unmanaged in facts {
        *counts.entry(unmanaged.subject.family()).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(family, count)| format!("{}: {}", family.label(), thousands(count)))
        .collect();
    counts.join(", ")
}

/// What changes in a role, line by line with `+`, `-` or a space before it, and a little of what stays.
pub(super) fn role_lines(change: &Change) -> Vec<(char, String)> {
    let Some(Value::Role(after)) = &change.after else { return Vec::new() };
    let before = match &change.before {
        Some(Value::Role(before)) => before.clone(),
        _ => RoleSpec::default(),
    };
    let lines = |spec: &RoleSpec| {
        let mut text = String::new();
        if let Some(description) = spec.description.as_ref().filter(|text| !text.is_empty()) {
            let _ = writeln!(text, "description: {}", description.replace('\n', " "));
        }
        for (name, level) in &spec.permissions {
            let _ = writeln!(text, "{name}: {level}");
        }
        text
    };
    let mut overlaid = before.clone();
    overlaid.description = after.description.clone().or(overlaid.description);
    overlaid.permissions.extend(after.permissions.clone());
    let (before, after) = (lines(&before), lines(&overlaid));
    let diff = similar::TextDiff::from_lines(before.as_str(), after.as_str());
    let mut told = Vec::new();
    for operations in diff.grouped_ops(2) {
        for line in operations.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let sign = match line.tag() {
                similar::ChangeTag::Equal => ' ',
                similar::ChangeTag::Delete => '-',
                similar::ChangeTag::Insert => '+',
            };
            told.push((sign, line.value().trim_end().to_owned()));
        }
    }
    told
}

/// Changes that are not sent: refused or deferred, themselves or through what they depend on.
pub(super) fn held_back(plan: &Plan) -> HashSet<&ChangeId> {
    let holds = |entry: &Entry| !entry.changes.is_empty();
    if plan.refused.is_empty() && !plan.blocked.iter().any(holds) {
        return HashSet::new();
    }
    let sendable: HashSet<&ChangeId> = plan.sendable().into_iter().map(|change| &change.id).collect();
    plan.changes.iter().map(|change| &change.id).filter(|id| !sendable.contains(*id)).collect()
}

/// Origins in the order they are shown, if any is known.
pub(super) fn origins(plan: &Plan) -> Vec<Origin> {
    if plan.changes.is_empty() {
        return Vec::new();
    }
    if plan.changes.iter().all(|change| change.origin == Origin::Unknown) {
        return vec![Origin::Unknown];
    }
    [Origin::Edited, Origin::Drift, Origin::Unknown]
        .into_iter()
        .filter(|origin| plan.changes.iter().any(|change| change.origin == *origin))
        .collect()
}

/// `12 to add, 1 to change, 3 to remove`, without what there is none of.
pub(super) fn counts<'a>(changes: impl IntoIterator<Item = &'a Change>) -> String {
    let [mut to_add, mut to_change, mut to_remove] = [0, 0, 0];
    for change in changes {
        *match change.action {
            Action::Add => &mut to_add,
            Action::Change => &mut to_change,
            Action::Remove | Action::Retire | Action::Prune => &mut to_remove,
        } += 1;
    }
    said(&[(to_add, "to add"), (to_change, "to change"), (to_remove, "to remove")], ", ")
}

/// `2 refused, 1 blocked`; empty if nothing is refused, blocked, manual, waiting or declared.
pub(super) fn rest(plan: &Plan, between: &str) -> String {
    let rest = [
        (plan.refused.len(), "refused"),
        (plan.blocked.len(), "blocked"),
        (plan.manual.len(), "manual"),
        (plan.waiting.len(), "waiting"),
        (plan.declared.len(), "declared"),
    ];
    said(&rest, between)
}

/// `1 introduced, 3 existing`
pub(super) fn violations(violations: &[Violation]) -> String {
    let of = |state| violations.iter().filter(|violation| violation.state == state).count();
    let states = [ViolationState::Introduced, ViolationState::Existing, ViolationState::Cured];
    said(&states.map(|state| (of(state), state.label())), ", ")
}

/// `existing: jane@example.com holds … (policy banking-separation, high, Deny)`
pub(super) fn violation(violation: &Violation) -> String {
    let Violation { policy, severity, action, state, message, since, .. } = violation;
    let since = match (state, since) {
        (_, Some(at)) => format!(", since {} or earlier", at.strftime("%Y-%m-%d")),
        (ViolationState::Existing, None) => ", age unknown".to_owned(),
        (ViolationState::Introduced | ViolationState::Cured, None) => String::new(),
    };
    format!("{}: {message} (policy {policy}, {}, {action:?}{since})", state.label(), severity.label())
}

/// What is not zero, with its word.
pub(super) fn said(counts: &[(usize, &str)], between: &str) -> String {
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", thousands(*count)))
        .collect();
    parts.join(between)
}

/// `6 to 8 calls (create users 1, assign bot roles 2, reads 3 to 5), no waiting for the rate limit`
pub(super) fn cost(plan: &Plan) -> String {
    let range = |(least, most): (usize, usize)| {
        if least == most { thousands(least) } else { format!("{} to {}", thousands(least), thousands(most)) }
    };
    let mut parts: Vec<String> =
        plan.cost.writes.iter().map(|(label, count)| format!("{label} {}", thousands(*count))).collect();
    if plan.cost.reads.1 > 0 {
        parts.push(format!("reads {}", range(plan.cost.reads)));
    }
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let waiting = match plan.cost.minutes {
        (_, 0) => "no waiting for the rate limit".to_owned(),
        (1, 1) => "1 minute of waiting for the rate limit".to_owned(),
        minutes => format!("{} minutes of waiting for the rate limit", range(minutes)),
    };
    let calls = match plan.cost.calls {
        (1, 1) => "1 call".to_owned(),
        calls => format!("{} calls", range(calls)),
    };
    format!("{calls}{parts}, {waiting}. Reading took {}.", counted(plan.observed.calls as usize, "call"))
}

/// `3 people now; the rest as of 2026-11-30 10:02 UTC (last full read)`; nothing for a plan of the complete account.
pub(super) fn observed(plan: &Plan) -> Option<String> {
    let FocusedRead { people, listings, rest } = plan.observed.focused.as_ref()?;
    let people = if *people == 1 { "1 person".to_owned() } else { format!("{} people", thousands(*people)) };
    let listings: String = listings.iter().map(|listing| format!(", {}", listing.label())).collect();
    let rest = match rest {
        RestOf::FullRead { at } => format!("as of {} (last full read)", ends::moment(*at)),
        RestOf::Snapshot { at } => format!("as of {} (snapshot)", ends::moment(*at)),
        RestOf::Memory { at } => format!("as of {} (last apply)", ends::moment(*at)),
        RestOf::Base { revision } => format!("as {} declares it", visible(revision)),
    };
    Some(format!("{people}{listings} now; the rest {rest}"))
}

/// `1 call`, `2 calls`
pub(super) fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{} {what}s", thousands(number)) }
}

/// `lea@example.com, @leads or @security`
pub fn any_of(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [name] => name.clone(),
        [names @ .., last] => format!("{} or {last}", names.join(", ")),
    }
}

/// `20,000`
pub(super) fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
