//! An explanation as text: a heading a holder, a line a fact, and below it the places that say so.

use super::Style;
use crate::facts::{Family, Place};
use crate::plan::explain::{Because, Explanation, Line, Says, Standing};
use anstyle::AnsiColor;
use std::fmt::{self, Write as _};

/// The explanation as text.
pub fn explanation(explanation: &Explanation, style: Style) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut out, explanation, style);
    out
}

fn write(out: &mut String, explanation: &Explanation, style: Style) -> fmt::Result {
    let Explanation { format: _, account, about, reading, lines, notes } = explanation;
    let id = account.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    let host = if account.host.is_empty() { String::new() } else { format!(" at {}", account.host) };
    writeln!(out, "{} in account {}{id}{host}", style.bold(about), account.name)?;
    if reading.of_account {
        writeln!(out, "{}", style.faint(format!("Read with {} calls.", reading.calls)))?;
    } else {
        let why = reading.why_not.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        let said = format!("From the manifests alone{why}. What the account really has is not known.");
        writeln!(out, "{}", style.paint(AnsiColor::Yellow, said))?;
    }
    if lines.is_empty() {
        writeln!(out, "\nNobody has it.")?;
    }
    let mut holder = String::new();
    for line in lines {
        let next = line.fact.holder();
        if next != holder {
            writeln!(out, "\n{}", style.bold(&next))?;
            holder = next;
        }
        write_line(out, line, reading.of_account, style)?;
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in notes {
        writeln!(out, "note: {note}")?;
    }
    Ok(())
}

fn write_line(out: &mut String, line: &Line, is_of_account: bool, style: Style) -> fmt::Result {
    let Line { fact, standing, value, seen, until, since, because, why, in_the_way } = line;
    let color = match standing {
        Standing::Declared | Standing::Held | Standing::Inherited => AnsiColor::Green,
        Standing::Missing | Standing::Differs | Standing::Unknown | Standing::Unmanaged => AnsiColor::Yellow,
        Standing::ToBeRemoved | Standing::Absent | Standing::NotHeld => AnsiColor::Red,
    };
    let label = match standing {
        Standing::NotHeld if !is_of_account => "not declared",
        standing => standing.label(),
    };
    write!(out, "  {} {}: {label}", style.paint(color, standing.sign()), fact.says())?;
    // "held" and "held" say it once.
    let [value, seen] = [value, seen].map(|text| text.as_deref().filter(|text| *text != "held"));
    match (standing, value, seen) {
        (Standing::Differs, Some(value), Some(seen)) => {
            write!(out, " (wanted {}; seen {})", short(value), short(seen))?;
        }
        (_, _, Some(seen)) if fact.family == Family::Membership => write!(out, " ({seen})")?,
        (_, Some(value), _) if fact.family != Family::Membership => write!(out, " ({})", short(value))?,
        (Standing::Inherited, _, Some(_)) => {}
        (_, None, Some(seen)) => write!(out, " ({})", short(seen))?,
        _ => {}
    }
    match (until, standing) {
        (Some(until), Standing::Absent | Standing::ToBeRemoved) => write!(out, ", ended {until}")?,
        (Some(until), _) => write!(out, ", until {until}")?,
        (None, _) => {}
    }
    writeln!(out)?;
    for because in because {
        write_because(out, because, style)?;
    }
    for why in why {
        writeln!(out, "      {why}")?;
    }
    if let Some(since) = since {
        let at = since.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        writeln!(out, "      {}", style.faint(format!("applied {at} (journal {})", since.journal)))?;
    }
    for obstacle in in_the_way {
        writeln!(out, "      {}: {}", obstacle.obstacle.label(), obstacle.message)?;
        writeln!(out, "        next: {}", obstacle.next_step)?;
    }
    Ok(())
}

/// Ids and permissions can go on for long.
fn short(text: &str) -> String {
    const LONGEST: usize = 72;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}...", &text[..at]),
    }
}

fn write_because(out: &mut String, because: &Because, style: Style) -> fmt::Result {
    let Because { says, source, group, object, reason, commit } = because;
    let group = group.as_ref().map(|group| format!(" group {group}")).unwrap_or_default();
    let team = source.team.as_ref().map(|team| format!(" team {team}")).unwrap_or_default();
    let what = match says {
        Says::Grants if team.is_empty() => "granted".to_owned(),
        Says::Grants => format!("granted to{team}"),
        Says::Denies => "must not be".to_owned(),
        Says::Ended if team.is_empty() => "granted for a time that is over".to_owned(),
        Says::Ended => format!("granted to{team} for a time that is over"),
        Says::GrantsGroup => format!("granted to{group}"),
        Says::PutsInGroup if team.is_empty() => format!("in{group}"),
        Says::PutsInGroup => format!("in{group} through{team}"),
        Says::InTeam => format!("in{team}"),
        Says::Closes => "whoever is not named loses it".to_owned(),
        Says::LeavesOthers => "others are left alone".to_owned(),
        Says::WouldGrant if group.is_empty() => "would have to name them".to_owned(),
        Says::WouldGrant => format!("names{group}"),
    };
    let place = match &source.place {
        Place::File { file, line, column: _ } => {
            format!("{}:{line}", file.strip_prefix("./").unwrap_or(file))
        }
        Place::Resource { kind, namespace, name } => format!("{kind} {namespace}/{name}"),
    };
    write!(out, "      {place}  {what}")?;
    if let Some(object) = object {
        write!(out, ", {} {}", object.kind, object.name)?;
    }
    if let Some(reason) = reason {
        write!(out, " \"{reason}\"")?;
    }
    if let Some(commit) = commit {
        let date = commit.at.strftime("%Y-%m-%d");
        let since = if commit.is_oldest { " or earlier" } else { "" };
        let id = &commit.id[..commit.id.len().min(10)];
        let told = format!("  # since {date}{since}, {id} by {}", commit.author);
        write!(out, "{}", style.faint(told))?;
    }
    writeln!(out)
}
