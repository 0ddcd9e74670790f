//! An explanation as text: a heading per holder, a line per fact, and below it the lines that cause it.

use super::Style;
use crate::facts::{Family, Location, visible, written};
use crate::plan::explain::{Attribution, Explanation, FactLine, FactStatus, PersonDetail, SourceEffect};
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
    let Explanation { format: _, account, about, reading, person, lines, notes } = explanation;
    let id = account.id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    let host = if account.host.is_empty() { String::new() } else { format!(" at {}", account.host) };
    writeln!(out, "{} in account {}{id}{host}", style.bold(visible(about)), account.name)?;
    if reading.of_account {
        writeln!(out, "{}", style.faint(format!("Read with {} calls.", reading.calls)))?;
    } else {
        let why = reading.why_not.as_deref().map(|why| format!(": {}", visible(why))).unwrap_or_default();
        let said = format!("From manifests only{why}. The state of the account is not known.");
        writeln!(out, "{}", style.paint(AnsiColor::Yellow, said))?;
    }
    if let Some(PersonDetail { org_user_id, last_sign_in }) = person {
        let id = org_user_id.as_ref().map(|id| format!("Organisation id {}.", visible(id)));
        let seen = last_sign_in.map(|at| format!("Last sign-in {}.", at.strftime("%Y-%m-%dT%H:%M:%SZ")));
        let parts: Vec<String> = id.into_iter().chain(seen).collect();
        writeln!(out, "{}", parts.join(" "))?;
    }
    if lines.is_empty() {
        writeln!(out, "\nNobody has this access.")?;
    }
    let mut holder = String::new();
    for line in lines {
        let next = line.fact.holder();
        if next != holder {
            writeln!(out, "\n{}", style.bold(visible(&next)))?;
            holder = next;
        }
        write_line(out, line, reading.of_account, style)?;
    }
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in notes {
        writeln!(out, "note: {}", visible(note))?;
    }
    Ok(())
}

fn write_line(out: &mut String, line: &FactLine, is_of_account: bool, style: Style) -> fmt::Result {
    let FactLine { fact, status, value, seen, until, since, attributions, why, obstacles } = line;
    let color = match status {
        FactStatus::Declared | FactStatus::Held | FactStatus::Inherited => AnsiColor::Green,
        FactStatus::Missing | FactStatus::Differs | FactStatus::Unknown | FactStatus::Unmanaged => {
            AnsiColor::Yellow
        }
        FactStatus::ToBeRemoved | FactStatus::Absent | FactStatus::NotHeld => AnsiColor::Red,
    };
    let label = match status {
        FactStatus::NotHeld if !is_of_account => "not declared",
        status => status.label(),
    };
    write!(out, "  {} {}: {label}", style.paint(color, status.sign()), visible(&fact.effect()))?;
    // "held" and "held" say it once.
    let [value, seen] = [value, seen].map(|text| text.as_deref().filter(|text| *text != "held"));
    match (status, value, seen) {
        (FactStatus::Differs, Some(value), Some(seen)) => {
            write!(out, " (declared {}; observed {})", short(value), short(seen))?;
        }
        (_, _, Some(seen)) if fact.family == Family::Membership => write!(out, " ({})", visible(seen))?,
        (_, Some(value), _) if fact.family != Family::Membership => write!(out, " ({})", short(value))?,
        (FactStatus::Inherited, _, Some(_)) => {}
        (_, None, Some(seen)) => write!(out, " ({})", short(seen))?,
        _ => {}
    }
    match (until, status) {
        (Some(until), FactStatus::Absent | FactStatus::ToBeRemoved) => {
            write!(out, ", ended {}", written(*until))?;
        }
        (Some(until), _) => write!(out, ", until {}", written(*until))?,
        (None, _) => {}
    }
    writeln!(out)?;
    for attributions in attributions {
        write_attributions(out, attributions, style)?;
    }
    for why in why {
        writeln!(out, "      {}", visible(why))?;
    }
    if let Some(since) = since {
        let at = since.at.strftime("%Y-%m-%dT%H:%M:%SZ");
        writeln!(out, "      {}", style.faint(format!("applied {at} (journal {})", since.journal)))?;
    }
    for obstacle in obstacles {
        writeln!(out, "      {}: {}", obstacle.obstacle.label(), visible(&obstacle.message))?;
        writeln!(out, "        next: {}", visible(&obstacle.next_step))?;
    }
    Ok(())
}

/// Ids and permissions can go on for long.
fn short(text: &str) -> String {
    const LONGEST: usize = 72;
    match text.char_indices().nth(LONGEST) {
        None => visible(text).into_owned(),
        Some((at, _)) => format!("{}...", visible(&text[..at])),
    }
}

fn write_attributions(out: &mut String, attributions: &Attribution, style: Style) -> fmt::Result {
    let Attribution { effect, source, group, object, reason, commit } = attributions;
    let group = group.as_ref().map(|group| format!(" group {group}")).unwrap_or_default();
    let team = source.team.as_ref().map(|team| format!(" team {team}")).unwrap_or_default();
    let what = match effect {
        SourceEffect::Grants if team.is_empty() => "granted".to_owned(),
        SourceEffect::Grants => format!("granted to{team}"),
        SourceEffect::Denies => "declared absent".to_owned(),
        SourceEffect::Ended if team.is_empty() => "granted, expired".to_owned(),
        SourceEffect::Ended => format!("granted to{team}, expired"),
        SourceEffect::GrantsGroup => format!("granted to{group}"),
        SourceEffect::PutsInGroup if team.is_empty() => format!("in{group}"),
        SourceEffect::PutsInGroup => format!("in{group} through{team}"),
        SourceEffect::InTeam => format!("in{team}"),
        SourceEffect::Closes => "authoritative: holders that are not declared are pruned".to_owned(),
        SourceEffect::LeavesOthers => "additive: other holders are not touched".to_owned(),
        SourceEffect::WouldGrant if group.is_empty() => "does not list the user".to_owned(),
        SourceEffect::WouldGrant => format!("lists{group}"),
    };
    let place = match &source.place {
        Location::File { file, line, column: _ } => {
            format!("{}:{line}", file.strip_prefix("./").unwrap_or(file))
        }
        Location::Resource(object) => object.to_string(),
    };
    write!(out, "      {}  {}", visible(&place), visible(&what))?;
    if let Some(object) = object {
        write!(out, ", {} {}", object.kind, object.name)?;
    }
    if let Some(reason) = reason {
        write!(out, " \"{}\"", visible(reason))?;
    }
    if let Some(commit) = commit {
        let date = commit.at.strftime("%Y-%m-%d");
        let since = if commit.is_oldest { " or earlier" } else { "" };
        let id = &commit.id[..commit.id.len().min(10)];
        let told = format!("  # since {date}{since}, {id} by {}", commit.author);
        write!(out, "{}", style.faint(visible(&told)))?;
    }
    writeln!(out)
}
