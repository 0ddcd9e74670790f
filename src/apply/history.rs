//! What the journals of earlier runs tell: which changes were applied, and when.

use super::journal::Record;
use super::outcome::ChangeOutcome;
use crate::facts::Key;
use crate::plan::{Action, Change, ChangeId};
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Bytes of journals that are read, the newest first.
const MAX_JOURNAL_BYTES: u64 = 64 << 20;

/// A change that an earlier run applied and read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// When.
    pub at: Timestamp,
    /// What happened to the fact.
    pub action: Action,
    /// The journal that tells it.
    pub journal: PathBuf,
}

/// The last thing that was done to each fact that passes, as far as the journals in this state folder tell.
///
/// Whatever cannot be read is passed over: a journal is a memory, not a proof. The newest 64 MiB are read.
pub fn history(state: &Path, is_wanted: impl Fn(&Key) -> bool) -> HashMap<Key, Applied> {
    let mut journals: Vec<(PathBuf, u64)> = std::fs::read_dir(state.join("journal"))
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .filter_map(|path| std::fs::metadata(&path).ok().map(|file| (path, file.len())))
        .collect();
    // Named after their time.
    journals.sort();
    let mut left = MAX_JOURNAL_BYTES;
    let mut last = HashMap::new();
    for (path, length) in journals.into_iter().rev() {
        let Some(rest) = left.checked_sub(length) else { break };
        left = rest;
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (key, applied) in changes_of_journal(&text, &path, &is_wanted) {
            last.entry(key).or_insert(applied);
        }
    }
    last
}

fn changes_of_journal(text: &str, path: &Path, is_wanted: &impl Fn(&Key) -> bool) -> HashMap<Key, Applied> {
    let mut changes: HashMap<ChangeId, Change> = HashMap::new();
    let mut applied = HashMap::new();
    let mut now = Timestamp::UNIX_EPOCH;
    for line in text.lines() {
        // A torn last line, of a run that was killed.
        let Ok(record) = serde_json::from_str(line) else { continue };
        match record {
            Record::Started { at, account: _, plan: _, changes: planned, leaving: _ } => {
                now = at;
                let wanted = planned.into_iter().filter(|change| is_wanted(&change.key));
                changes.extend(wanted.map(|change| (change.id.clone(), change)));
            }
            Record::Sending { at, .. } | Record::Answered { at, .. } | Record::Finished { at, .. } => {
                now = at;
            }
            Record::Resolved { change, outcome: ChangeOutcome::Applied | ChangeOutcome::Waiting } => {
                if let Some(Change { key, action, .. }) = changes.get(&change) {
                    let told = Applied { at: now, action: *action, journal: path.to_owned() };
                    applied.insert(key.clone(), told);
                }
            }
            Record::Resolved { .. } => {}
        }
    }
    applied
}
