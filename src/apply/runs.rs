//! The runs of an account, as their journals tell them.

use super::journal::Record;
use super::outcome::ChangeOutcome;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Its journal.
    pub journal: PathBuf,
    /// When it began; nothing where its journal cannot be read.
    pub started: Option<Timestamp>,
    /// When it ended; nothing where the journal has no end: it was interrupted, or is under way.
    pub ended: Option<Timestamp>,
    /// Digest of its plan.
    pub plan: Option<String>,
    /// Changes that the plan had.
    pub changes: usize,
    /// What became of them: how many `applied`, `already there`, `waiting`, `stale`, `failed`, `blocked`, `not sent`.
    pub outcomes: BTreeMap<&'static str, usize>,
    /// Calls that were sent, as far as the journal tells.
    pub sent: usize,
    /// The last call that was sent and has no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<String>,
    /// Requests that the run made, reads included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
}

/// Every run that has a journal in this state folder, the newest first.
///
/// # Errors
/// When the folder is there and cannot be read.
pub fn runs(state: &Path) -> io::Result<Vec<Run>> {
    let folder = match std::fs::read_dir(state.join("journal")) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut journals: Vec<PathBuf> = Vec::new();
    for entry in folder {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            journals.push(path);
        }
    }
    // Named after their time.
    journals.sort();
    Ok(journals.into_iter().rev().map(of_journal).collect())
}

fn of_journal(journal: PathBuf) -> Run {
    let text = std::fs::read(&journal).unwrap_or_default();
    let mut run = Run {
        journal,
        started: None,
        ended: None,
        plan: None,
        changes: 0,
        outcomes: BTreeMap::new(),
        sent: 0,
        unanswered: None,
        calls: None,
    };
    for line in text.split(|byte| *byte == b'\n') {
        // A torn last line, of a run that was ended from outside.
        let Ok(record) = serde_json::from_slice(line) else { continue };
        match record {
            Record::Started { at, account: _, plan, changes, leaving: _ } => {
                run.started = Some(at);
                run.plan = Some(plan);
                run.changes = changes.len();
            }
            Record::Sending { call, .. } => {
                run.sent += 1;
                run.unanswered = Some(call);
            }
            Record::Answered { .. } => run.unanswered = None,
            Record::Resolved { change: _, outcome } => *run.outcomes.entry(word(&outcome)).or_default() += 1,
            Record::Finished { at, calls } => {
                run.ended = Some(at);
                run.calls = Some(calls);
            }
        }
    }
    run
}

fn word(outcome: &ChangeOutcome) -> &'static str {
    match outcome {
        ChangeOutcome::Applied => "applied",
        ChangeOutcome::AlreadyThere => "already there",
        ChangeOutcome::Waiting => "waiting",
        ChangeOutcome::Stale(_) => "stale",
        ChangeOutcome::Failed(_) => "failed",
        ChangeOutcome::HeldBack(_) => "blocked",
        ChangeOutcome::NotSent(_) => "not sent",
    }
}
