//! A plan for people: what changes, grouped by whom it is about, riskiest first; then what does not and why.

use crate::facts::{Holder, Key, RoleSpec, RoleType, Source, Value};
use crate::plan::{Action, Change, Ending, Entry, Plan, Reason, RiskLevel, Unmanaged};
use anstyle::{AnsiColor, Style as Ansi};
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// How the text looks. Signs carry the meaning; colour only repeats it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// ANSI colours.
    pub color: bool,
    /// Every entry, where otherwise long lists end after [`Style::LONGEST_LIST`].
    pub verbose: bool,
}

impl Style {
    /// Entries of one list that are shown without [`Style::verbose`].
    pub const LONGEST_LIST: usize = 20;

    pub(super) fn paint(self, color: AnsiColor, text: impl fmt::Display) -> String {
        if self.color {
            let style = Ansi::new().fg_color(Some(color.into()));
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }

    pub(super) fn bold(self, text: impl fmt::Display) -> String {
        if self.color {
            let style = Ansi::new().bold();
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }

    pub(super) fn faint(self, text: impl fmt::Display) -> String {
        if self.color {
            let style = Ansi::new().dimmed();
            format!("{style}{text}{style:#}")
        } else {
            text.to_string()
        }
    }

    fn sign(self, action: Action) -> String {
        let color = match action {
            Action::Add => AnsiColor::Green,
            Action::Alter => AnsiColor::Yellow,
            Action::RemoveNamed | Action::RemoveSwept => AnsiColor::Red,
        };
        self.paint(color, action.sign())
    }
}

/// The plan as text, ending in a line that sums it up.
pub fn text(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut out, plan, style);
    out
}

fn write(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    let id = plan.account.id.as_ref().map_or("id unknown", |id| id.as_str());
    writeln!(out, "Account {} ({id}) at {}", style.bold(&plan.account.name), plan.account.host)?;
    for warning in &plan.warnings {
        writeln!(out, "{} {warning}", style.paint(AnsiColor::Yellow, "warning:"))?;
    }
    for group in groups(plan) {
        write_group(out, plan, &group, style)?;
    }
    entries(out, plan, "Refused by a guard", AnsiColor::Red, &plan.refused, style)?;
    entries(out, plan, "Blocked", AnsiColor::Red, &plan.blocked, style)?;
    entries(out, plan, "For a person to do", AnsiColor::Yellow, &plan.manual, style)?;
    entries(out, plan, "Waiting", AnsiColor::Cyan, &plan.waiting, style)?;
    expiring(out, plan, style)?;
    unmanaged(out, plan, style)?;
    write_only(out, plan, style)?;
    summary(out, plan, style)
}

/// All changes about one person, group or role.
struct Group<'a> {
    title: String,
    risk: RiskLevel,
    changes: Vec<&'a Change>,
}

fn groups(plan: &Plan) -> Vec<Group<'_>> {
    let mut by_title: BTreeMap<(u8, String), Group<'_>> = BTreeMap::new();
    for change in &plan.changes {
        let (rank, title) = title(&change.key);
        let group = by_title.entry((rank, title.clone())).or_insert(Group {
            title,
            risk: RiskLevel::Low,
            changes: Vec::new(),
        });
        group.risk = group.risk.max(change.risk.level);
        group.changes.push(change);
    }
    let mut groups: Vec<Group<'_>> = by_title.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.risk));
    for group in &mut groups {
        group.changes.sort_by(|left, right| left.key.cmp(&right.key));
    }
    groups
}

fn title(key: &Key) -> (u8, String) {
    match key {
        Key::RoleDefinition(RoleType::Admin, role) => (0, format!("admin role {role}")),
        Key::RoleDefinition(RoleType::Bot, role) => (0, format!("bot role {role}")),
        Key::AdminRole(Holder::Group(group), _) | Key::BotRole(Holder::Group(group), _, _) => {
            (1, format!("group {group}"))
        }
        _ => (2, key.email().map_or_else(String::new, ToString::to_string)),
    }
}

fn write_group(out: &mut String, plan: &Plan, group: &Group<'_>, style: Style) -> fmt::Result {
    let Group { title, risk: _, changes } = group;
    let whole = changes.iter().find(|change| matches!(change.key, Key::Member(_) | Key::RoleDefinition(..)));
    let action = whole.map_or(Action::Alter, |change| change.action);
    let what = match whole.map(|change| (&change.key, change.action)) {
        Some((Key::Member(_), Action::Add)) => ": invite",
        Some((Key::Member(_), _)) => ": remove from the account",
        _ => "",
    };
    write!(out, "\n{} {}{what}", style.sign(action), style.bold(title))?;
    match whole {
        Some(change) => write_tail(out, change, style)?,
        None => writeln!(out)?,
    }
    for change in changes {
        match (&change.key, &change.before, &change.after) {
            (Key::Member(_), _, _) => {}
            (Key::RoleDefinition(..), before, Some(Value::Role(after))) => {
                let before = match before {
                    Some(Value::Role(before)) => before.clone(),
                    _ => RoleSpec::default(),
                };
                write_role(out, &before, after, style)?;
            }
            _ => {
                write!(out, "    {} {}", style.sign(change.action), line(plan, change))?;
                write_tail(out, change, style)?;
            }
        }
    }
    Ok(())
}

/// What a line says after its sign: the fact without the person it stands under.
fn line(plan: &Plan, change: &Change) -> String {
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
        Key::Assigned(..) => match change.action {
            Action::RemoveNamed | Action::RemoveSwept => format!("may use {bot}"),
            _ => format!("may use {bot}: {}", step(change, &show(&change.before), &show(&change.after))),
        },
        Key::Member(_) | Key::RoleDefinition(..) => change.key.to_string(),
    }
}

fn step(change: &Change, before: &str, after: &str) -> String {
    match change.action {
        Action::Alter => format!("{before} -> {after}"),
        _ => after.to_owned(),
    }
}

/// Risk and place, and the end of the line.
fn write_tail(out: &mut String, change: &Change, style: Style) -> fmt::Result {
    if change.action == Action::RemoveSwept {
        write!(out, "  {}", style.faint("(nobody declared it)"))?;
    }
    if change.risk.level >= RiskLevel::High {
        let tag = format!("[{}: {}]", change.risk.level.label(), change.risk.why);
        write!(out, "  {}", style.paint(AnsiColor::Red, tag))?;
    }
    if let Some(places) = places(&change.sources) {
        write!(out, "  {}", style.faint(places))?;
    }
    writeln!(out)
}

fn places(sources: &[Source]) -> Option<String> {
    let (first, more) = sources.split_first()?;
    Some(match more.len() {
        0 => format!("# {first}"),
        more => format!("# {first} and {more} more"),
    })
}

/// A unified diff of what the role says: only declared keys change, the rest is context.
fn write_role(out: &mut String, before: &RoleSpec, after: &RoleSpec, style: Style) -> fmt::Result {
    let lines = |spec: &RoleSpec| {
        let mut text = String::new();
        if let Some(description) = spec.description.as_ref().filter(|text| !text.is_empty()) {
            let _ = writeln!(text, "description: {description}");
        }
        for (name, level) in &spec.permissions {
            let _ = writeln!(text, "{name}: {level}");
        }
        text
    };
    let mut overlaid = before.clone();
    overlaid.description = after.description.clone().or(overlaid.description);
    overlaid.permissions.extend(after.permissions.clone());
    let (before, after) = (lines(before), lines(&overlaid));
    let diff = similar::TextDiff::from_lines(before.as_str(), after.as_str());
    for operations in diff.grouped_ops(2) {
        for change in operations.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let text = change.value().trim_end();
            match change.tag() {
                similar::ChangeTag::Equal => writeln!(out, "      {text}")?,
                similar::ChangeTag::Delete => {
                    writeln!(out, "    {} {text}", style.paint(AnsiColor::Red, '-'))?;
                }
                similar::ChangeTag::Insert => {
                    writeln!(out, "    {} {text}", style.paint(AnsiColor::Green, '+'))?;
                }
            }
        }
    }
    Ok(())
}

/// Entries of one kind; those with the same reason and next step share the line that says it.
fn entries(
    out: &mut String,
    plan: &Plan,
    title: &str,
    color: AnsiColor,
    entries: &[Entry],
    style: Style,
) -> fmt::Result {
    if entries.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.paint(color, format!("{title} ({})", entries.len())))?;
    let shown = if style.verbose { entries.len() } else { entries.len().min(Style::LONGEST_LIST) };
    let mut by_step: Vec<(&Reason, &str, Vec<&Entry>)> = Vec::new();
    for entry in &entries[..shown] {
        let known =
            by_step.iter_mut().find(|(reason, step, _)| **reason == entry.reason && *step == entry.next_step);
        match known {
            Some((_, _, alike)) => alike.push(entry),
            None => by_step.push((&entry.reason, &entry.next_step, vec![entry])),
        }
    }
    for (reason, next_step, alike) in by_step {
        for entry in alike {
            write_entry(out, plan, entry, style)?;
        }
        writeln!(out, "      next: {next_step}  {}", style.faint(format!("[{reason:?}]")))?;
    }
    if shown < entries.len() {
        writeln!(out, "  and {} more (-v shows all)", entries.len() - shown)?;
    }
    Ok(())
}

fn write_entry(out: &mut String, plan: &Plan, entry: &Entry, style: Style) -> fmt::Result {
    let Entry { subjects, subject, reason: _, message, next_step: _, sources, changes: _ } = entry;
    write!(out, "  ! {message}")?;
    if let Some(places) = places(sources) {
        write!(out, "  {}", style.faint(places))?;
    }
    writeln!(out)?;
    if subjects.is_empty() && !subject.is_empty() {
        writeln!(out, "      for {subject}")?;
    }
    if subjects.len() > 1 {
        let named: Vec<String> = subjects.iter().take(5).map(|key| named(plan, key)).collect();
        let more = subjects.len().saturating_sub(5);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        writeln!(out, "      this holds back {}{more}", named.join("; "))?;
    }
    Ok(())
}

fn named(plan: &Plan, key: &Key) -> String {
    let named = key
        .clone()
        .with_bot(|bot| Some(plan.bots.get(&bot).map_or_else(|| bot.to_string(), ToString::to_string)));
    named.map_or_else(|| key.to_string(), |key| key.to_string())
}

/// Nobody is told again when a grant ends: this is the last chance to write another date.
fn expiring(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    if plan.expiring.is_empty() {
        return Ok(());
    }
    let title = format!("Ends soon ({})", plan.expiring.len());
    writeln!(out, "\n{}", style.paint(AnsiColor::Yellow, title))?;
    let shown =
        if style.verbose { plan.expiring.len() } else { plan.expiring.len().min(Style::LONGEST_LIST) };
    for Ending { at, has_ended, subject, sources } in &plan.expiring[..shown] {
        let when = if *has_ended { "ended" } else { "ends" };
        write!(out, "    {when} {at}: {}", named(plan, subject))?;
        if let Some(places) = places(sources) {
            write!(out, "  {}", style.faint(places))?;
        }
        writeln!(out)?;
    }
    if shown < plan.expiring.len() {
        writeln!(out, "    and {} more (-v shows all)", plan.expiring.len() - shown)?;
    }
    Ok(())
}

fn unmanaged(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    if plan.unmanaged.is_empty() {
        return Ok(());
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for Unmanaged { subject, why: _ } in &plan.unmanaged {
        *counts.entry(subject.family().label()).or_default() += 1;
    }
    let counts: Vec<String> = counts.into_iter().map(|(label, count)| format!("{count} {label}")).collect();
    writeln!(out, "\nUnmanaged, left alone: {}", counts.join(", "))?;
    let shown = if style.verbose { plan.unmanaged.len() } else { plan.unmanaged.len().min(5) };
    for Unmanaged { subject, why } in &plan.unmanaged[..shown] {
        writeln!(out, "    {}  {}", named(plan, subject), style.faint(format!("({why})")))?;
    }
    if shown < plan.unmanaged.len() {
        writeln!(out, "    and {} more (-v shows all)", plan.unmanaged.len() - shown)?;
    }
    Ok(())
}

fn write_only(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    if plan.write_only.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Not compared: {} (profiles, data tables); the platform takes them and never shows them",
        counted(plan.write_only.len(), "write-only value")
    );
    writeln!(out, "\n{}", style.faint(message))
}

fn summary(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    let count =
        |wanted: fn(Action) -> bool| plan.changes.iter().filter(|change| wanted(change.action)).count();
    let (add, alter, remove) = (
        count(|action| action == Action::Add),
        count(|action| action == Action::Alter),
        count(Action::is_removal),
    );
    let mut rest: Vec<String> = Vec::new();
    for (number, what) in [
        (plan.refused.len(), "refused"),
        (plan.blocked.len(), "blocked"),
        (plan.manual.len(), "for a person"),
        (plan.waiting.len(), "waiting"),
    ] {
        if number > 0 {
            rest.push(format!("{number} {what}"));
        }
    }
    let rest = if rest.is_empty() { String::new() } else { format!("; {}", rest.join(", ")) };
    if plan.changes.is_empty() {
        return writeln!(
            out,
            "\n{}{rest}. Read with {} calls.",
            style.bold("No changes"),
            plan.observed.calls
        );
    }
    writeln!(out, "\n{} {add} to add, {alter} to alter, {remove} to remove{rest}.", style.bold("Plan:"))?;
    writeln!(out, "Cost: {}", cost(plan))?;
    writeln!(out, "Digest: {}", plan.digest)
}

/// `6 to 8 calls (create users 1, assign bot roles 2, reads 3 to 5), no waiting for the rate limit`
fn cost(plan: &Plan) -> String {
    let range = |(least, most): (usize, usize)| {
        if least == most { least.to_string() } else { format!("{least} to {most}") }
    };
    let mut parts: Vec<String> =
        plan.cost.writes.iter().map(|(label, count)| format!("{label} {count}")).collect();
    parts.push(format!("reads {}", range(plan.cost.reads)));
    let waiting = match plan.cost.minutes {
        (_, 0) => "no waiting for the rate limit".to_owned(),
        minutes => format!("{} minutes of waiting for the rate limit", range(minutes)),
    };
    format!(
        "{} calls ({}), {waiting}. Reading took {}.",
        range(plan.cost.calls),
        parts.join(", "),
        plan.observed.calls
    )
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
