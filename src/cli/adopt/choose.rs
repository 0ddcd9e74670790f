//! Which facts are adopted: by flags, or by asking about each.

use crate::cli::{CliError, Output};
use crate::facts::{BotId, BotName, visible};
use crate::plan::{Drift, RiskLevel, render};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};

/// The highest risk that is adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum MaxRisk {
    Low,
    Medium,
    High,
    Critical,
}

impl MaxRisk {
    fn level(self) -> RiskLevel {
        match self {
            Self::Low => RiskLevel::Low,
            Self::Medium => RiskLevel::Medium,
            Self::High => RiskLevel::High,
            Self::Critical => RiskLevel::Critical,
        }
    }
}

/// What the flags choose.
pub(super) struct Choice {
    only: Vec<(String, GlobMatcher)>,
    is_all: bool,
    most: RiskLevel,
}

impl Choice {
    pub(super) fn new(only: &[String], is_all: bool, most: MaxRisk) -> Result<Self, CliError> {
        let pattern = |what: &String| {
            let glob = GlobBuilder::new(what).case_insensitive(true).build();
            let glob = glob.map_err(|error| CliError::AdoptPattern {
                pattern: what.clone(),
                why: error.kind().to_string(),
            })?;
            Ok((what.clone(), glob.compile_matcher()))
        };
        let only = only.iter().map(pattern).collect::<Result<_, CliError>>()?;
        Ok(Self { only, is_all, most: most.level() })
    }

    /// Which of the facts are adopted. What the flags name and nothing matches gets a warning.
    pub(super) fn choose(
        &self,
        found: &[Drift],
        bots: &BTreeMap<BotId, BotName>,
        output: &Output,
    ) -> Vec<bool> {
        let texts: Vec<String> = found.iter().map(|drift| render::named(bots, &drift.key)).collect();
        let means = |(what, glob): &(String, GlobMatcher), drift: &Drift, text: &str| {
            let is_person = drift.key.email().is_some_and(|email| email.as_str().eq_ignore_ascii_case(what));
            is_person || drift.key.family().label().eq_ignore_ascii_case(what) || glob.is_match(text)
        };
        for what in &self.only {
            if !found.iter().zip(&texts).any(|(drift, text)| means(what, drift, text)) {
                output.warn(format_args!("warning: nothing that differs matches --only {}", what.0));
            }
        }
        let is_chosen = |(drift, text): (&Drift, &String)| {
            let is_named = self.only.iter().any(|what| means(what, drift, text));
            drift.risk.level <= self.most && (is_named || self.is_all && drift.is_proved)
        };
        found.iter().zip(&texts).map(is_chosen).collect()
    }
}

/// Asks about each fact on the terminal, the highest risk first.
pub(super) fn ask(found: &[Drift], bots: &BTreeMap<BotId, BotName>) -> Result<Vec<bool>, CliError> {
    let mut answers = Vec::with_capacity(found.len());
    let mut lines = std::io::stdin().lock().lines();
    let mut rest = None;
    for (index, drift) in found.iter().enumerate() {
        if let Some(answer) = rest {
            answers.push(answer);
            continue;
        }
        let line = super::report::line(drift, bots);
        prompt(&format!(
            "[{}/{}] {}\n      {}\n",
            index + 1,
            found.len(),
            visible(&line),
            super::report::about(drift)
        ));
        loop {
            prompt("  adopt, revert, adopt all that follow, revert all that follow, quit [a/r/A/R/q]: ");
            let Some(Ok(answer)) = lines.next() else { return Err(CliError::AdoptQuit) };
            match answer.trim() {
                "a" | "adopt" => answers.push(true),
                "r" | "revert" => answers.push(false),
                "A" => {
                    rest = Some(true);
                    answers.push(true);
                }
                "R" => {
                    rest = Some(false);
                    answers.push(false);
                }
                "q" | "quit" => return Err(CliError::AdoptQuit),
                _ => continue,
            }
            break;
        }
    }
    Ok(answers)
}

fn prompt(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}
