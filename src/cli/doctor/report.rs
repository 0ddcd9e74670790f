//! What was found, as a value; as text and as JSON.

use super::super::Exit;
use crate::facts::{self, visible};
use crate::plan::AccountRef;
use crate::plan::render::Style;
use anstyle::{AnsiColor, Style as Ansi};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// Everything that was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) format: &'static str,
    pub(super) account: AccountRef,
    pub(super) findings: Vec<Finding>,
    pub(super) figures: Figures,
}

/// Numbers, for machines.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figures {
    /// Requests this run made.
    pub(super) calls: u32,
    /// The same by endpoint.
    pub(super) calls_by_endpoint: BTreeMap<String, u32>,
    pub(super) users: Option<usize>,
    pub(super) bots: Option<usize>,
    pub(super) groups: Option<usize>,
    /// People in one look-up, as proved.
    pub(super) look_up_size: Option<usize>,
    /// Calls a plan's read takes.
    pub(super) read_calls: Option<u64>,
    /// Seconds between reads that stay under `rateLimit.readShare`.
    pub(super) smallest_interval_seconds: Option<u64>,
    /// By how much the platform's clock is ahead.
    pub(super) clock_skew_seconds: Option<i64>,
    /// Calls that can go at once.
    pub(super) calls_left_now: usize,
    /// Calls that can go within an hour.
    pub(super) calls_left_hour: usize,
}

/// One check.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    /// What was checked: a stable name for machines.
    pub(super) topic: &'static str,
    pub(super) level: Level,
    pub(super) found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) consequence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_step: Option<String>,
    /// What it makes of the exit code.
    #[serde(skip)]
    pub(super) exit: Exit,
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Level {
    /// The check passed.
    Ok,
    /// Context; nothing is wrong.
    Note,
    /// Something will not work as declared.
    Warning,
    /// Something cannot work.
    Problem,
}

impl Finding {
    pub(super) fn new(topic: &'static str, level: Level, found: impl Into<String>) -> Self {
        Self { topic, level, found: found.into(), consequence: None, next_step: None, exit: Exit::Done }
    }

    pub(super) fn so(self, consequence: impl Into<String>) -> Self {
        Self { consequence: Some(consequence.into()), ..self }
    }

    pub(super) fn next(self, next_step: impl Into<String>) -> Self {
        Self { next_step: Some(next_step.into()), ..self }
    }

    pub(super) fn ends(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}

impl Report {
    pub(super) const FORMAT: &'static str = "koreconcile.dev/doctor/v1";

    pub(super) fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    pub(super) fn text(&self, style: Style) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write(&mut out, style);
        out
    }

    fn write(&self, out: &mut String, style: Style) -> fmt::Result {
        let Self { format: _, account, findings, figures } = self;
        let id = account.id.as_ref().map_or("id unknown", |id| id.as_str());
        writeln!(out, "Account {} ({id}) at {}\n", account.name, account.host)?;
        for Finding { topic, level, found, consequence, next_step, exit: _ } in findings {
            let (word, color) = match level {
                Level::Ok => ("ok", AnsiColor::Green),
                Level::Note => ("note", AnsiColor::Cyan),
                Level::Warning => ("warning", AnsiColor::Yellow),
                Level::Problem => ("problem", AnsiColor::Red),
            };
            let padded = format!("{word:<8}");
            let word = if style.color {
                let paint = Ansi::new().fg_color(Some(color.into()));
                format!("{paint}{padded}{paint:#}")
            } else {
                padded
            };
            writeln!(out, "{word}{topic}: {}", visible(found))?;
            for (lead, text) in [("so: ", consequence), ("next: ", next_step)] {
                if let Some(text) = text {
                    writeln!(out, "          {lead}{}", visible(text))?;
                }
            }
        }
        let count = |level| findings.iter().filter(|finding| finding.level == level).count();
        let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
        let (problems, warnings) = (facts::count(problems, "problem"), facts::count(warnings, "warning"));
        let calls = facts::count(figures.calls as usize, "call");
        writeln!(out, "\n{problems}, {warnings}. This took {calls}.")
    }
}
