//! A plan as text: what changes, by user, group and role, riskiest first; then what does not change and why.

use super::areas;
use super::shown::shown;
use super::words;
use crate::facts::Key;
use crate::plan::{Action, Change, ChangeId, Ending, Entry, Origin, Plan, RiskLevel, Tolerated, Unmanaged};
use anstyle::{AnsiColor, Style as Ansi};
use std::collections::{BTreeMap, HashSet};
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
            Action::Change => AnsiColor::Yellow,
            Action::Remove | Action::Retire | Action::Prune => AnsiColor::Red,
        };
        self.paint(color, action.sign())
    }
}

/// The plan as text, ending in a line that sums it up.
pub fn text(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut out, &shown(plan), style);
    out
}

fn write(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    let id = plan.account.id.as_ref().map_or("id unknown", |id| id.as_str());
    writeln!(out, "Account {} ({id}) at {}", style.bold(&plan.account.name), plan.account.host)?;
    for warning in &plan.warnings {
        writeln!(out, "{} {warning}", style.paint(AnsiColor::Yellow, "warning:"))?;
    }
    let held_back = words::held_back(plan);
    for origin in words::origins(plan) {
        let groups = groups(plan, origin);
        if let Some(heading) = heading(plan, origin) {
            let counts = words::counts(groups.iter().flat_map(|group| group.changes.iter().copied()));
            writeln!(out, "\n{}", style.bold(format_args!("{heading}: {counts}")))?;
        }
        for group in groups {
            write_group(out, plan, &group, &held_back, style)?;
        }
    }
    declared(out, plan, style)?;
    areas(out, plan, style)?;
    entries(out, plan, "Refused by a guard", AnsiColor::Red, &plan.refused, style)?;
    entries(out, plan, "Blocked", AnsiColor::Red, &plan.blocked, style)?;
    entries(out, plan, "Manual steps", AnsiColor::Yellow, &plan.manual, style)?;
    waiting(out, plan, style)?;
    expiring(out, plan, style)?;
    violations(out, plan, style)?;
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

/// The heading above the changes of one origin; `None` when no origin is known.
fn heading(plan: &Plan, origin: Origin) -> Option<String> {
    let base = plan.base.as_ref()?;
    Some(match origin {
        Origin::Edited => format!("Edited since {base}"),
        Origin::Drift => format!("Drift (the account differs from {base})"),
        Origin::Unknown => "Edited or drift unknown".to_owned(),
    })
}

fn groups(plan: &Plan, origin: Origin) -> Vec<Group<'_>> {
    let mut by_title: BTreeMap<(u8, String), Group<'_>> = BTreeMap::new();
    for change in plan.changes.iter().filter(|change| change.origin == origin) {
        let (rank, title) = (words::rank(&change.key), words::who(&change.key));
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

fn write_group(
    out: &mut String,
    plan: &Plan,
    group: &Group<'_>,
    held_back: &HashSet<&ChangeId>,
    style: Style,
) -> fmt::Result {
    let Group { title, risk: _, changes } = group;
    let whole = changes.iter().find(|change| matches!(change.key, Key::Member(_) | Key::RoleDefinition(..)));
    let action = whole.map_or(Action::Change, |change| change.action);
    write!(out, "\n{} {}", style.sign(action), style.bold(title))?;
    match whole {
        Some(change) => {
            if matches!(change.key, Key::Member(_)) {
                write!(out, ": {}", words::what(plan, change))?;
            }
            write_tail(out, plan, change, held_back, style)?;
        }
        None => writeln!(out)?,
    }
    for change in changes {
        match &change.key {
            Key::Member(_) => {}
            Key::RoleDefinition(..) => write_role(out, change, style)?,
            _ => {
                write!(out, "    {} {}", style.sign(change.action), words::what(plan, change))?;
                write_tail(out, plan, change, held_back, style)?;
            }
        }
    }
    Ok(())
}

/// Risk and place, and the end of the line.
fn write_tail(
    out: &mut String,
    plan: &Plan,
    change: &Change,
    held_back: &HashSet<&ChangeId>,
    style: Style,
) -> fmt::Result {
    match change.action {
        Action::Prune => write!(out, "  {}", style.faint("(not declared)"))?,
        Action::Retire => write!(out, "  {}", style.faint("(no longer declared)"))?,
        Action::Add | Action::Change | Action::Remove => {}
    }
    if change.risk.level >= RiskLevel::High {
        let tag = format!("[{}: {}]", change.risk.level.label(), change.risk.why);
        write!(out, "  {}", style.paint(AnsiColor::Red, tag))?;
    }
    if let Some(sign_in) = plan.sign_in.get(&change.id) {
        write!(out, "  {}", style.paint(AnsiColor::Yellow, sign_in.words()))?;
    }
    if held_back.contains(&change.id) {
        write!(out, "  {}", style.paint(AnsiColor::Yellow, "(refused, not sent)"))?;
    }
    if let Some(places) = words::places(&change.sources) {
        write!(out, "  {}", style.faint(places))?;
    }
    writeln!(out)
}

/// A unified diff of the role: only declared keys change, the rest is context.
fn write_role(out: &mut String, change: &Change, style: Style) -> fmt::Result {
    for (sign, text) in words::role_lines(change) {
        match sign {
            '+' => writeln!(out, "    {} {text}", style.paint(AnsiColor::Green, '+'))?,
            '-' => writeln!(out, "    {} {text}", style.paint(AnsiColor::Red, '-'))?,
            _ => writeln!(out, "      {text}")?,
        }
    }
    Ok(())
}

/// Entries of one kind; those with the same reason and next step share the line of the next step.
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
    for (reason, next_step, alike) in words::by_step(&entries[..shown]) {
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

/// Nobody can do anything about these but the people themselves: more than a few are counted, one of each reason shown.
fn waiting(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    const FEW: usize = 5;
    if style.verbose || plan.waiting.len() <= FEW {
        return entries(out, plan, "Waiting", AnsiColor::Cyan, &plan.waiting, style);
    }
    writeln!(out, "\n{}", style.paint(AnsiColor::Cyan, format!("Waiting ({})", plan.waiting.len())))?;
    for (reason, next_step, alike) in words::by_step(&plan.waiting) {
        write_entry(out, plan, alike[0], style)?;
        if alike.len() > 1 {
            writeln!(out, "    and {} more like it (-v shows all)", words::thousands(alike.len() - 1))?;
        }
        writeln!(out, "      next: {next_step}  {}", style.faint(format!("[{reason:?}]")))?;
    }
    Ok(())
}

fn write_entry(out: &mut String, plan: &Plan, entry: &Entry, style: Style) -> fmt::Result {
    let Entry { subjects, subject, reason: _, message, next_step: _, sources, changes: _ } = entry;
    write!(out, "  ! {message}")?;
    if let Some(places) = words::places(sources) {
        write!(out, "  {}", style.faint(places))?;
    }
    writeln!(out)?;
    if subjects.is_empty() && !subject.is_empty() {
        writeln!(out, "      for {subject}")?;
    }
    if subjects.len() > 1 {
        writeln!(out, "      {}", words::blocks(plan, subjects))?;
    }
    Ok(())
}

/// What is declared and changes nothing at the platform: high and critical risks all of them, the rest cut.
fn declared(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    if plan.declared.is_empty() {
        return Ok(());
    }
    let title = format!("Declared, and nothing is sent ({})", plan.declared.len());
    writeln!(out, "\n{}", style.paint(AnsiColor::Cyan, title))?;
    let risky = plan.declared.iter().filter(|effect| effect.risk.level >= RiskLevel::High).count();
    let shown = if style.verbose { plan.declared.len() } else { risky.max(Style::LONGEST_LIST) };
    let shown = shown.min(plan.declared.len());
    for effect in &plan.declared[..shown] {
        write!(out, "    = {}", words::effect(plan, effect))?;
        if effect.risk.level >= RiskLevel::High {
            let tag = format!("[{}: {}]", effect.risk.level.label(), effect.risk.why);
            write!(out, "  {}", style.paint(AnsiColor::Red, tag))?;
        }
        if let Some(places) = words::places(&effect.sources) {
            write!(out, "  {}", style.faint(places))?;
        }
        writeln!(out)?;
    }
    if shown < plan.declared.len() {
        writeln!(out, "    and {} more (-v shows all)", plan.declared.len() - shown)?;
    }
    Ok(())
}

/// Whose approval the effects need.
fn areas(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    if plan.areas.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", style.paint(AnsiColor::Cyan, format!("Approvals by area ({})", plan.areas.len())))?;
    areas::lines(plan).into_iter().try_for_each(|line| writeln!(out, "    {line}"))
}

/// Grants that end soon. A plan is the last place that shows them before they end.
fn expiring(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    if plan.expiring.is_empty() {
        return Ok(());
    }
    let title = format!("Ends soon ({})", plan.expiring.len());
    writeln!(out, "\n{}", style.paint(AnsiColor::Yellow, title))?;
    let shown =
        if style.verbose { plan.expiring.len() } else { plan.expiring.len().min(Style::LONGEST_LIST) };
    for ending @ Ending { sources, .. } in &plan.expiring[..shown] {
        write!(out, "    {}", words::ending(plan, ending))?;
        if let Some(places) = words::places(sources) {
            write!(out, "  {}", style.faint(places))?;
        }
        writeln!(out)?;
    }
    if shown < plan.expiring.len() {
        writeln!(out, "    and {} more (-v shows all)", plan.expiring.len() - shown)?;
    }
    Ok(())
}

/// What policies do not allow: introduced, existing, cured. What Deny blocks is among the blocked as well.
fn violations(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    if plan.violations.is_empty() {
        return Ok(());
    }
    let title = format!("Policies: {}", words::violations(&plan.violations));
    writeln!(out, "\n{}", style.paint(AnsiColor::Yellow, title))?;
    let all = plan.violations.len();
    let shown = if style.verbose { all } else { all.min(Style::LONGEST_LIST) };
    for violation in &plan.violations[..shown] {
        write!(out, "    {}", words::violation(violation))?;
        if let Some(places) = words::places(&violation.sources) {
            write!(out, "  {}", style.faint(places))?;
        }
        writeln!(out)?;
    }
    if shown < all {
        writeln!(out, "    and {} more (-v shows all)", all - shown)?;
    }
    Ok(())
}

/// What no manifest asks for: high and critical risks first and all of them, the rest cut to a few.
fn unmanaged(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    const FEW: usize = 5;
    if plan.unmanaged.is_empty() {
        return Ok(());
    }
    let (risky, rest): (Vec<&Unmanaged>, Vec<&Unmanaged>) =
        plan.open_unmanaged().partition(|fact| fact.risk.level >= RiskLevel::High);
    match risky.len() + rest.len() {
        0 => writeln!(out, "\nUnmanaged (not declared): nothing that counts")?,
        _ => writeln!(out, "\nUnmanaged (not declared): {}", words::unmanaged(plan.open_unmanaged()))?,
    }
    let shown = if style.verbose { rest.len() } else { rest.len().min(FEW) };
    for Unmanaged { subject, why, risk, tolerated: _ } in
        risky.into_iter().chain(rest[..shown].iter().copied())
    {
        write!(out, "    {}", words::named(&plan.bots, subject))?;
        if risk.level >= RiskLevel::High {
            let tag = format!("[{}: {}]", risk.level.label(), risk.why);
            write!(out, "  {}", style.paint(AnsiColor::Red, tag))?;
        }
        writeln!(out, "  {}", style.faint(format!("({why})")))?;
    }
    if shown < rest.len() {
        writeln!(out, "    and {} more (-v shows all)", rest.len() - shown)?;
    }
    tolerated(out, plan, style)
}

/// What counts nowhere is one line, unless everything is asked for.
fn tolerated(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    let Some(line) = words::tolerated(plan) else { return Ok(()) };
    if !style.verbose {
        return writeln!(out, "    {}", style.faint(format!("not counted: {line} (-v shows all)")));
    }
    writeln!(out, "    {}", style.faint(format!("not counted: {line}")))?;
    for Unmanaged { subject, tolerated, .. } in &plan.unmanaged {
        let why = match tolerated {
            None => continue,
            Some(Tolerated::Undeclarable) => "no manifest can declare it".to_owned(),
            Some(Tolerated::Acknowledged { since, source }) => format!("known since {since}, {source}"),
        };
        writeln!(out, "      {}  {}", words::named(&plan.bots, subject), style.faint(format!("({why})")))?;
    }
    Ok(())
}

fn write_only(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    if plan.write_only.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Not compared: {} (profiles, data tables); the platform accepts them and never returns them",
        words::counted(plan.write_only.len(), "write-only value")
    );
    writeln!(out, "\n{}", style.faint(message))
}

fn summary(out: &mut String, plan: &Plan, style: Style) -> fmt::Result {
    if plan.redacted {
        writeln!(out, "\n{}", style.faint(words::REDACTED))?;
    }
    if let Some(observed) = words::observed(plan) {
        writeln!(out, "\n{}", style.faint(format!("Observed: {observed}")))?;
    }
    let rest = words::rest(plan, ", ");
    let rest = if rest.is_empty() { rest } else { format!("; {rest}") };
    if plan.changes.is_empty() {
        let calls = words::counted(plan.observed.calls as usize, "call");
        return writeln!(out, "\n{}{rest}. Read with {calls}.", style.bold("No changes"));
    }
    writeln!(out, "\n{} {}{rest}.", style.bold("Plan:"), words::counts(&plan.changes))?;
    writeln!(out, "Cost: {}", words::cost(plan))?;
    writeln!(out, "Digest: {}", plan.digest)
}
