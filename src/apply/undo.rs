//! A journal read backwards: what a run applied becomes what is wanted *not* to hold, and the other way round.
//!
//! The result is plain desired facts. They are planned, guarded and applied like any others, so that undoing is as
//! careful as doing; what no plan can bring back is listed.

use super::journal::Record;
use super::outcome::ChangeOutcome;
use crate::facts::{BotRef, Desired, Key, Membership, Source, Value, Verdict, Want};
use crate::plan::{Action, Change, ChangeId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What undoes a run.
#[derive(Clone, Debug)]
pub struct Undo {
    /// The facts as they were before the run.
    pub desired: Desired,
    /// What cannot be brought back, and why.
    pub lost: Vec<String>,
    /// The account it was about.
    pub account: Option<String>,
    /// Changes the run applied.
    pub applied: usize,
}

/// Why a file is no journal.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// The file cannot be read.
    #[error("the journal {path} cannot be read: {source}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A line is no record.
    #[error(
        "{path}:{line} is no line of a journal: {source}\n  journals are in the account's state folder, one file a run"
    )]
    NotAJournal {
        /// Which file.
        path: String,
        /// Which line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Nothing was begun in it.
    #[error("{0} says of no run that it began\n  journals are in the account's state folder, one file a run")]
    Empty(String),
}

/// Reads a journal. A last line that a killed run left torn says nothing.
pub fn undo(path: &Path) -> Result<Undo, UndoError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| UndoError::Unreadable { path: shown.clone(), source })?;
    let lines: Vec<&str> = text.lines().collect();
    let name = path.file_name().map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned());
    let mut inverse = Inverse { name: &name, ..Inverse::default() };
    for (at, line) in lines.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(record) => inverse.take(record, at + 1),
            Err(_) if at + 1 == lines.len() && !text.ends_with('\n') => {}
            Err(source) => return Err(UndoError::NotAJournal { path: shown.clone(), line: at + 1, source }),
        }
    }
    if !inverse.has_begun {
        return Err(UndoError::Empty(shown));
    }
    Ok(inverse.finish())
}

#[derive(Default)]
struct Inverse<'a> {
    /// Of the journal, for sources.
    name: &'a str,
    has_begun: bool,
    account: Option<String>,
    changes: BTreeMap<ChangeId, Change>,
    leaving: Vec<(Key, Value)>,
    applied: BTreeSet<ChangeId>,
    wants: BTreeMap<Key<BotRef>, Want>,
    lost: Vec<String>,
}

impl Inverse<'_> {
    fn take(&mut self, record: Record, line: usize) {
        match record {
            Record::Started { at: _, account, plan: _, changes, leaving } => {
                self.has_begun = true;
                self.account = account;
                self.changes.extend(changes.into_iter().map(|change| (change.id.clone(), change)));
                self.leaving = leaving;
            }
            Record::Resolved { change, outcome: ChangeOutcome::Applied } => {
                if let Some(change) = self.changes.get(&change).cloned()
                    && self.applied.insert(change.id.clone())
                {
                    self.reverse(&change, line);
                }
            }
            Record::Resolved { .. }
            | Record::Sending { .. }
            | Record::Answered { .. }
            | Record::Finished { .. } => {}
        }
    }

    fn reverse(&mut self, change: &Change, line: usize) {
        let key = &change.key;
        match (key, change.action, &change.before) {
            (Key::Profile(_) | Key::DataTables(_), ..) => {
                self.lost.push(format!("{key}: the platform never showed what it was"));
            }
            (Key::RoleDefinition(_, role), Action::Add, _) => {
                self.lost.push(format!("{role}: the API cannot delete a role; delete it in the console"));
            }
            // They come and go with the user.
            (Key::Names(_) | Key::Access(_), Action::Add, _) => {}
            (_, Action::Add, _) => self.want(key, Verdict::Absent, line),
            (Key::Member(email), Action::Remove | Action::Retire | Action::Prune, _) => {
                self.lost
                    .push(format!("{email}: comes back invited, without profile, and has to accept again"));
                self.want(key, Verdict::Present(Value::Member(Membership::Joined)), line);
                let held: Vec<(Key, Value)> =
                    self.leaving.iter().filter(|(key, _)| key.email() == Some(email)).cloned().collect();
                for (key, value) in held {
                    self.want(&key, Verdict::Present(value), line);
                }
            }
            (_, _, Some(before)) => self.want(key, Verdict::Present(before.clone()), line),
            (_, _, None) => {}
        }
    }

    fn want(&mut self, key: &Key, verdict: Verdict, line: usize) {
        let Some(key) = key.clone().with_bot(|bot| Some(BotRef::Id(bot))) else { return };
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let sources = vec![Source::file(self.name, line, 1)];
        self.wants.insert(key, Want { verdict, sources, until: None });
    }

    fn finish(self) -> Undo {
        let mut desired = Desired::new(self.wants.into_iter().collect());
        desired.referenced = desired.wants.iter().filter_map(|(key, _)| key.email().cloned()).collect();
        Undo { desired, lost: self.lost, account: self.account, applied: self.applied.len() }
    }
}
