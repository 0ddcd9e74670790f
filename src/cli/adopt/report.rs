//! What was adopted, what is left to a person, and what is left to the plan.

use super::ends::Ends;
use crate::cli::CliError;
use crate::facts::{BotId, BotName, Key, KeyRecord, Source};
use crate::manifest::edit::{ByHand, Edited};
use crate::plan::{Difference, Drift, Risk, RiskLevel, render};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What comes through a group, and Bot Owner, may be left: a plan lists it, and no line can say it.
const NOTHING: &str = "Nothing to adopt: what a manifest can say is declared as the account has it.\n";

/// One fact of the report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    subject: KeyRecord,
    text: String,
    difference: Difference,
    risk: Risk,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// Where it is written down.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<String>,
    /// Where it is declared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<Source>,
    /// Whether an apply reverts it.
    reverted_by_apply: bool,
}

/// One fact that is left to a person.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HandLine {
    subject: KeyRecord,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    why: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileLine {
    path: String,
    change: &'static str,
}

/// Everything that was found, by what became of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    format: &'static str,
    adopted: Vec<Line>,
    by_hand: Vec<HandLine>,
    not_adopted: Vec<Line>,
    undecided: Vec<Line>,
    files: Vec<FileLine>,
}

impl Report {
    pub(super) fn new(
        found: &[Drift],
        adopted: &[bool],
        edited: &Edited,
        ends: &Ends,
        bots: &BTreeMap<BotId, BotName>,
    ) -> Self {
        let places: BTreeMap<&Key, Vec<String>> = edited
            .written
            .iter()
            .map(|written| (&written.key, written.files.iter().map(|file| shown(file)).collect()))
            .collect();
        let mut report = Self {
            format: "koreconcile.dev/adopt/v1",
            adopted: Vec::new(),
            by_hand: edited.by_hand.iter().map(|by_hand| hand_line(by_hand, bots)).collect(),
            not_adopted: Vec::new(),
            undecided: Vec::new(),
            files: edited
                .files
                .iter()
                .map(|file| FileLine {
                    path: shown(&file.file),
                    change: match (&file.before, &file.after) {
                        (None, _) => "created",
                        (_, None) => "deleted",
                        _ => "edited",
                    },
                })
                .collect(),
        };
        for (drift, is_adopted) in found.iter().zip(adopted) {
            let files = places.get(&drift.key).cloned();
            let until = files.is_some().then(|| ends.end_and_reason(drift).0).flatten();
            let line = Line {
                subject: KeyRecord::from(&drift.key),
                text: text_of(drift, bots),
                difference: drift.difference,
                risk: drift.risk.clone(),
                until,
                files: files.clone().unwrap_or_default(),
                sources: drift.sources.clone(),
                reverted_by_apply: drift.is_reverted,
            };
            match (is_adopted, files) {
                (true, Some(_)) => report.adopted.push(line),
                (true, None) => {}
                (false, _) if drift.is_proved => report.not_adopted.push(line),
                (false, _) => report.undecided.push(line),
            }
        }
        report
    }

    pub(super) fn json(&self, patch: Option<&str>) -> Result<String, CliError> {
        #[derive(Serialize)]
        struct WithPatch<'p> {
            #[serde(flatten)]
            report: &'p Report,
            #[serde(skip_serializing_if = "Option::is_none")]
            patch: Option<&'p str>,
        }
        let json = serde_json::to_string_pretty(&WithPatch { report: self, patch });
        Ok(json.map_err(|error| CliError::Unexpected(error.to_string()))? + "\n")
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        section(&mut text, "Adopted", self.adopted.iter().map(adopted_line).collect());
        section(&mut text, "Left to a person", self.by_hand.iter().map(|hand| hand.text("      ")).collect());
        section(&mut text, "Not adopted", self.not_adopted.iter().map(left_line).collect());
        let undecided = "Undecided: not known whether the account or the manifests changed; name them with --only, or compare with --base REV";
        section(&mut text, undecided, self.undecided.iter().map(left_line).collect());
        if text.is_empty() {
            text.push_str(NOTHING);
        }
        text
    }

    /// For the description of a pull request: what is critical comes first, and is never proposed.
    pub(super) fn markdown(&self, patch: Option<&str>) -> String {
        let mut text = String::new();
        let is_critical = |line: &&Line| line.risk.level == RiskLevel::Critical;
        let critical = self.not_adopted.iter().filter(is_critical);
        listed(&mut text, "Critical: revert, or decide by hand", critical.map(left_line));
        listed(&mut text, "Adopted by this change", self.adopted.iter().map(adopted_line));
        listed(&mut text, "Left to a person", self.by_hand.iter().map(|hand| hand.text("  ")));
        let rest = self.not_adopted.iter().filter(|line| !is_critical(line));
        listed(&mut text, "Not adopted", rest.map(left_line));
        listed(&mut text, "Undecided", self.undecided.iter().map(left_line));
        if text.is_empty() {
            text.push_str(NOTHING);
        }
        if let Some(patch) = patch.filter(|patch| !patch.is_empty()) {
            let _ = write!(text, "\n{}\n", fenced("diff", patch));
        }
        text
    }
}

impl HandLine {
    fn text(&self, indent: &str) -> String {
        let place = self.place.as_ref().map_or(String::new(), |place| format!("{place}: "));
        let lines: String = self.lines.iter().map(|line| format!("\n{indent}  {line}")).collect();
        format!("{}\n{indent}{place}{}{lines}", self.text, self.why)
    }
}

fn hand_line(by_hand: &ByHand, bots: &BTreeMap<BotId, BotName>) -> HandLine {
    let ByHand { key, place, why, lines } = by_hand;
    HandLine {
        subject: KeyRecord::from(key),
        text: render::named(bots, key),
        place: place.as_deref().map(shown),
        why: why.clone(),
        lines: lines.clone(),
    }
}

/// `+ jane@example.com: Auditor  [high: rights in the Admin Console]`
pub(super) fn line(drift: &Drift, bots: &BTreeMap<BotId, BotName>) -> String {
    format!("{}{}", text_of(drift, bots), risk(&drift.risk))
}

fn text_of(drift: &Drift, bots: &BTreeMap<BotId, BotName>) -> String {
    let what = render::named(bots, &drift.key);
    let values = match (drift.difference, &drift.declared, &drift.seen) {
        (Difference::Changed, Some(declared), Some(seen)) => format!(": {declared} -> {seen}"),
        _ => String::new(),
    };
    let follows = match drift.follows {
        0 => String::new(),
        1 => ", and 1 fact about them".to_owned(),
        more => format!(", and {more} facts about them"),
    };
    format!("{} {what}{values}{follows}", drift.difference.sign())
}

/// How account and manifests differ, and the line.
pub(super) fn about(drift: &Drift) -> String {
    let place =
        drift.sources.first().map_or(String::new(), |source| format!("  # {}", shown(&source.to_string())));
    format!("{}{place}", drift.difference.label())
}

fn risk(risk: &Risk) -> String {
    match (risk.level, risk.why.as_str()) {
        (RiskLevel::Low, _) => String::new(),
        (level, "") => format!("  [{}]", level.label()),
        (level, why) => format!("  [{}: {why}]", level.label()),
    }
}

fn adopted_line(line: &Line) -> String {
    let until = line.until.map_or(String::new(), |until| format!(", until {until}"));
    format!("{}{until}{}  # {}", line.text, risk(&line.risk), line.files.join(", "))
}

fn left_line(line: &Line) -> String {
    let what = if line.reverted_by_apply {
        "the next apply reverts it"
    } else {
        "no apply reverts it: declare it absent, or take it back in the console"
    };
    format!("{}{}  ({}; {what})", line.text, risk(&line.risk), line.difference.label())
}

fn section(text: &mut String, head: &str, lines: Vec<String>) {
    if lines.is_empty() {
        return;
    }
    let blank = if text.is_empty() { "" } else { "\n" };
    let _ = writeln!(text, "{blank}{head} ({})", lines.len());
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
}

fn listed(text: &mut String, head: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    let blank = if text.is_empty() { "" } else { "\n" };
    let _ = writeln!(text, "{blank}### {head} ({})\n", lines.len());
    let _ = writeln!(text, "{}", fenced("diff", &lines.join("\n")));
}

/// A block of code that its content cannot end.
fn fenced(language: &str, content: &str) -> String {
    let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", content.trim_end_matches('\n'))
}

fn shown(path: &str) -> String {
    path.strip_prefix("./").unwrap_or(path).to_owned()
}
