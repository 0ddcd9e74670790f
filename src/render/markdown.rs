//! A report as Markdown, for a page in a repository: a table a person.

use super::words;
use crate::facts::visible;
use crate::report::{Kind, Report, Row};
use std::fmt::Write as _;

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    let mut out = String::with_capacity(256 * report.rows.len() + 1024);
    // Writing to a String cannot fail.
    let _ = write(&mut out, report);
    out
}

fn write(out: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(out, "# {}: {}\n", report.kind.title(), text(&report.head.account.name))?;
    let gaps = words::gaps(report);
    if let Some(gaps) = &gaps {
        writeln!(out, "> **{}**\n", text(gaps))?;
    }
    for (name, value) in words::head(report) {
        writeln!(out, "- {name}: {}", text(&value))?;
    }
    for note in &report.head.notes {
        writeln!(out, "- Note: {}", text(note))?;
    }
    if report.head.redacted {
        writeln!(out, "- {}", words::REDACTED)?;
    }
    writeln!(out, "\n{}.", text(&words::summary(report)))?;
    let columns: &[&str] = match report.kind {
        Kind::Violations => &["User", "What", "Severity", "Finding", "Declared", "Next step"],
        Kind::Changes => {
            &["User", "What", "Change", "Risk", "Before", "Declared", "Until", "Reason, policies"]
        }
        Kind::Access | Kind::Dormant => &[
            "User",
            "Id",
            "Status",
            "Last sign-in",
            "What",
            "Risk",
            "Through",
            "State",
            "Declared",
            "Since",
            "Until",
            "Reason, policies",
        ],
    };
    if !report.rows.is_empty() {
        writeln!(out, "\n| {} |", columns.join(" | "))?;
        writeln!(out, "|{}", "---|".repeat(columns.len()))?;
    }
    for row in &report.rows {
        let cells: Vec<String> = cells(report, row).iter().map(|cell| text(cell)).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    if let Some(gaps) = gaps {
        writeln!(out, "\n> **{}**", text(&gaps))?;
    }
    writeln!(out, "\nSHA-256 of this report as JSON: `{}`", report.digest)
}

fn cells(report: &Report, row: &Row) -> Vec<String> {
    let declared: Vec<String> = row
        .declared
        .iter()
        .map(|place| match words::commit(place) {
            Some(commit) => format!("{} ({commit})", words::place(place)),
            None => words::place(place),
        })
        .collect();
    let declared = declared.join("; ");
    let until = row.until.map(words::date).unwrap_or_default();
    let policies = row.verdicts.iter().map(|verdict| format!("policy {}", words::policy(verdict)));
    let reason = row.reason.iter().cloned().chain(policies).collect::<Vec<_>>().join("; ");
    let risk = row.risk.level.label().to_owned();
    match report.kind {
        Kind::Violations => {
            let finding = row.finding.as_ref();
            let part = |part: fn(&crate::report::Finding) -> String| finding.map(part).unwrap_or_default();
            vec![
                words::holder(row),
                words::what(row),
                part(|finding| finding.severity.label().to_owned()),
                part(|finding| format!("{}: {}", finding.code.label(), finding.message)),
                declared,
                part(|finding| finding.next_step.clone()),
            ]
        }
        Kind::Changes => vec![
            words::holder(row),
            words::what(row),
            row.turn.map(|turn| words::turn(turn).to_owned()).unwrap_or_default(),
            risk,
            row.before.clone().unwrap_or_default(),
            declared,
            until,
            reason,
        ],
        Kind::Access | Kind::Dormant => {
            let person = row.user.as_ref().and_then(|user| report.person(user));
            vec![
                words::holder(row),
                person.and_then(|person| person.org_user_id.clone()).unwrap_or_default(),
                person.map(|person| person.status.label().to_owned()).unwrap_or_default(),
                person.map(words::last_sign_in).unwrap_or_default(),
                words::what(row),
                risk,
                words::through(row),
                row.status.map(|status| status.label().to_owned()).unwrap_or_default(),
                declared,
                words::since(row.since.as_ref()),
                until,
                reason,
            ]
        }
    }
}

/// Text of others in a cell or a line: none of its characters means anything to Markdown or HTML.
fn text(text: &str) -> String {
    let shown = visible(text);
    let mut out = String::with_capacity(shown.len() + 8);
    for c in shown.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Else a forge would notify a user of that name.
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_ends_no_cell_and_opens_nothing() {
        assert_eq!(
            text("a|b\n| <img src=x> @team [x](y) `z` *b*"),
            "a\\|b\\\\n\\| &lt;img src=x&gt; &#64;team \\[x\\](y) \\`z\\` \\*b\\*"
        );
    }
}
