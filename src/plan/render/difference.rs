//! A difference as text and as Markdown: by user, group and role, the riskiest first.

use super::text::Style;
use super::words;
use crate::facts::{BotId, Key, Value, visible, written};
use crate::plan::{FactDifference, FactTurn, RiskLevel, Turn};
use anstyle::AnsiColor;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// The difference as text, ending in a line that sums it up.
pub fn difference(difference: &FactDifference, style: Style) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut out, difference, style);
    out
}

/// The difference as Markdown, its lines in a block of the kind `diff`.
pub fn difference_markdown(difference: &FactDifference) -> String {
    let mut lines = String::new();
    for (title, facts) in groups(difference) {
        let _ = writeln!(lines, "{} {}", whole(&facts).map_or('~', |fact| fact.turn.sign()), visible(&title));
        for fact in facts.iter().filter(|fact| !is_whole(fact)) {
            // The sign has to be the first of its line.
            let _ = writeln!(lines, "{}   {}", fact.turn.sign(), what(difference, fact));
        }
    }
    let longest = lines.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let mut out = format!("**{}**\n", summary(difference).replace(['<', '*', '`'], " "));
    if !lines.is_empty() {
        let _ = write!(out, "\n{fence}diff\n{lines}{fence}\n");
    }
    for gap in &difference.gaps {
        let _ = write!(out, "\n> Not complete: {}\n", visible(gap).replace(['<', '*', '`'], " "));
    }
    out
}

fn write(out: &mut String, difference: &FactDifference, style: Style) -> fmt::Result {
    for gap in &difference.gaps {
        writeln!(out, "{} {}", style.paint(AnsiColor::Yellow, "warning:"), visible(gap))?;
    }
    for (title, facts) in groups(difference) {
        let turn = whole(&facts).map_or(Turn::Changed, |fact| fact.turn);
        writeln!(out, "\n{} {}", sign(turn, style), style.bold(visible(&title)))?;
        for fact in facts.iter().filter(|fact| !is_whole(fact)) {
            write!(out, "    {} {}", sign(fact.turn, style), what(difference, fact))?;
            if fact.risk.level >= RiskLevel::High && fact.turn != Turn::Lost {
                let tag = format!("[{}: {}]", fact.risk.level.label(), fact.risk.why);
                write!(out, "  {}", style.paint(AnsiColor::Red, tag))?;
            }
            if let Some(places) = words::places(&fact.sources) {
                write!(out, "  {}", style.faint(visible(&places)))?;
            }
            writeln!(out)?;
        }
    }
    if !difference.facts.is_empty() {
        writeln!(out)?;
    }
    writeln!(out, "{}", summary(difference))
}

fn sign(turn: Turn, style: Style) -> String {
    let color = match turn {
        Turn::Gained => AnsiColor::Green,
        Turn::Changed => AnsiColor::Yellow,
        Turn::Lost => AnsiColor::Red,
    };
    style.paint(color, turn.sign())
}

fn groups(difference: &FactDifference) -> Vec<(String, Vec<&FactTurn>)> {
    let mut by_title: BTreeMap<(u8, String), Vec<&FactTurn>> = BTreeMap::new();
    for fact in &difference.facts {
        by_title.entry((words::rank(&fact.subject), words::who(&fact.subject))).or_default().push(fact);
    }
    let mut groups: Vec<(String, Vec<&FactTurn>)> =
        by_title.into_iter().map(|((_, title), facts)| (title, facts)).collect();
    let risk = |facts: &[&FactTurn]| facts.iter().map(|fact| fact.risk.level).max();
    groups.sort_by_key(|(_, facts)| std::cmp::Reverse(risk(facts)));
    groups
}

/// Whether the group itself comes or goes with this fact.
fn is_whole(fact: &FactTurn) -> bool {
    let is_about_holder = matches!(fact.subject, Key::Member(_) | Key::RoleDefinition(..));
    is_about_holder && fact.turn != Turn::Changed
}

fn whole<'a>(facts: &[&'a FactTurn]) -> Option<&'a FactTurn> {
    facts.iter().copied().find(|fact| is_whole(fact))
}

fn what(difference: &FactDifference, fact: &FactTurn) -> String {
    let name = |bot: &BotId| difference.bots.get(bot).map_or(bot.as_str(), |name| name.as_str()).to_owned();
    let bot = fact.subject.bot().map(name).unwrap_or_default();
    let subject = match &fact.subject {
        Key::RoleDefinition(..) => "permissions".to_owned(),
        Key::Member(_) => "in the account".to_owned(),
        Key::Names(_) => "name".to_owned(),
        Key::Access(_) => "builder access".to_owned(),
        Key::Profile(_) => "profile fields".to_owned(),
        Key::DataTables(_) => "data tables".to_owned(),
        Key::InGroup(_, group) => format!("group {group}"),
        Key::AdminRole(_, role) => role.to_string(),
        Key::BotRole(_, role, _) => format!("{role} on {bot}"),
        Key::Assigned(..) => format!("assigned to {bot}"),
    };
    let is_plain = |value: &&Value| **value != Value::Held;
    let show = |value: &Option<Value>| {
        value.as_ref().filter(is_plain).map(|value| short(&value.to_string())).unwrap_or_default()
    };
    let (before, after) = (show(&fact.before), show(&fact.after));
    let values = match fact.turn {
        _ if before == after && after.is_empty() => String::new(),
        Turn::Gained => format!(" ({after})"),
        Turn::Lost => format!(" ({before})"),
        Turn::Changed if before == after => String::new(),
        Turn::Changed => {
            let held = |text: String| if text.is_empty() { "held".to_owned() } else { text };
            format!(" ({} -> {})", held(before), held(after))
        }
    };
    let end = |until: Option<jiff::Timestamp>| until.map_or("no end".to_owned(), written);
    let ends = match (fact.turn, fact.until_before, fact.until_after) {
        (Turn::Changed, before, after) if before != after => {
            format!(", until {} -> {}", end(before), end(after))
        }
        (Turn::Gained, _, Some(until)) => format!(", until {}", written(until)),
        _ => String::new(),
    };
    visible(&format!("{subject}{values}{ends}")).into_owned()
}

/// Permissions can go on for long.
fn short(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}...", &text[..at]),
    }
}

/// `From A to B: 3 gained, 1 changed, 2 lost.`
fn summary(difference: &FactDifference) -> String {
    let count = |turn| difference.facts.iter().filter(|fact| fact.turn == turn).count();
    let counts =
        [(count(Turn::Gained), "gained"), (count(Turn::Changed), "changed"), (count(Turn::Lost), "lost")];
    let counts = words::said(&counts, ", ");
    let counts = if counts.is_empty() { "no difference".to_owned() } else { counts };
    format!("From {} to {}: {counts}.", visible(&difference.from), visible(&difference.to))
}
