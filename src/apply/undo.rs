//! A journal read backwards: what a run applied becomes what is wanted *not* to hold, and the other way round.
//!
//! The result is plain desired facts. They are planned, guarded and applied like any others, so that undoing is as
//! careful as doing; what no plan can bring back is listed.

use super::check::has_taken_effect;
use super::journal::Record;
use super::outcome::ChangeOutcome;
use crate::facts::{BotRef, Desired, Email, Key, Membership, Source, Value, Verdict, Want, World};
use crate::plan::{Action, Change, ChangeId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A run, read backwards.
#[derive(Debug)]
pub struct Undo {
    /// The account it was about.
    pub account: Option<String>,
    /// Changes that the run has applied and read back.
    pub applied: usize,
    /// Changes that it has sent, and of which it has not seen what became: only the account knows.
    pub unconfirmed: usize,
    /// The journal has an end. Without one the run was killed, or had nowhere to write.
    pub has_end: bool,
    inverse: Inverse,
}

/// What undoes a run, given what the account shows.
#[derive(Clone, Debug)]
pub struct Undone {
    /// The facts as they were before the run.
    pub desired: Desired,
    /// What cannot be brought back, and why.
    pub lost: Vec<String>,
    /// Changes that were sent without an answer about what became of them, and came about.
    pub came_about: usize,
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
pub fn undo(path: &Path, now: Timestamp) -> Result<Undo, UndoError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| UndoError::Unreadable { path: shown.clone(), source })?;
    let lines: Vec<&str> = text.lines().collect();
    let name = path.file_name().map_or_else(|| shown.clone(), |name| name.to_string_lossy().into_owned());
    let mut inverse = Inverse::new(name, now);
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
    Ok(Undo {
        account: inverse.account.clone(),
        applied: inverse.applied.len(),
        unconfirmed: inverse.unconfirmed.len(),
        has_end: inverse.has_end,
        inverse,
    })
}

impl Undo {
    /// Whoever the run was about: they are looked up before anything is reverted.
    pub fn people(&self) -> BTreeSet<Email> {
        let sent = self.inverse.unconfirmed.keys().filter_map(|id| self.inverse.changes.get(id));
        let wanted = self.inverse.wants.keys().filter_map(Key::email);
        sent.filter_map(|change| change.key.email()).chain(wanted).cloned().collect()
    }

    /// The inverse of what the run has applied, and of what it has sent and `observed` shows.
    pub fn of_what_came_about(self, observed: &World) -> Undone {
        let mut inverse = self.inverse;
        let mut came_about = 0;
        for (id, line) in std::mem::take(&mut inverse.unconfirmed) {
            let Some(change) = inverse.changes.get(&id).cloned() else { continue };
            if has_taken_effect(&change, observed) == Some(true) {
                inverse.reverse(&change, line);
                came_about += 1;
            }
        }
        let mut desired = Desired::new(inverse.wants.into_iter().collect());
        desired.referenced = desired.wants.iter().filter_map(|(key, _)| key.email().cloned()).collect();
        Undone { desired, lost: inverse.lost, came_about }
    }
}

#[derive(Debug)]
struct Inverse {
    /// Of the journal, for sources.
    name: String,
    now: Timestamp,
    has_begun: bool,
    has_end: bool,
    account: Option<String>,
    changes: BTreeMap<ChangeId, Change>,
    leaving: Vec<(Key, Value)>,
    applied: BTreeSet<ChangeId>,
    /// Sent, each with its line, and no outcome that settles whether it came about.
    unconfirmed: BTreeMap<ChangeId, usize>,
    wants: BTreeMap<Key<BotRef>, Want>,
    lost: Vec<String>,
}

impl Inverse {
    fn new(name: String, now: Timestamp) -> Self {
        Self {
            name,
            now,
            has_begun: false,
            has_end: false,
            account: None,
            changes: BTreeMap::new(),
            leaving: Vec::new(),
            applied: BTreeSet::new(),
            unconfirmed: BTreeMap::new(),
            wants: BTreeMap::new(),
            lost: Vec::new(),
        }
    }

    fn take(&mut self, record: Record, line: usize) {
        match record {
            Record::Started { at: _, account, plan: _, changes, leaving } => {
                self.has_begun = true;
                self.account = account;
                self.changes.extend(changes.into_iter().map(|change| (change.id.clone(), change)));
                self.leaving = leaving;
            }
            Record::Sending { at: _, call: _, changes } => {
                self.unconfirmed.extend(changes.into_iter().map(|id| (id, line)));
            }
            Record::Resolved { change, outcome: ChangeOutcome::Applied } => {
                self.unconfirmed.remove(&change);
                if let Some(change) = self.changes.get(&change).cloned()
                    && self.applied.insert(change.id.clone())
                {
                    self.reverse(&change, line);
                }
            }
            Record::Resolved { change, outcome } => {
                if !outcome.may_have_come_about() {
                    self.unconfirmed.remove(&change);
                }
            }
            Record::Answered { .. } => {}
            Record::Finished { .. } => self.has_end = true,
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
            (_, Action::Add, _) => self.want(key, Verdict::Absent, None, line),
            (Key::Member(email), Action::Remove | Action::Retire | Action::Prune, _) => {
                self.lost
                    .push(format!("{email}: comes back invited, without profile, and has to accept again"));
                self.want(key, Verdict::Present(Value::Member(Membership::Joined)), None, line);
                let held: Vec<(Key, Value)> =
                    self.leaving.iter().filter(|(key, _)| key.email() == Some(email)).cloned().collect();
                for (key, value) in held {
                    self.want(&key, Verdict::Present(value), None, line);
                }
            }
            (_, _, Some(before)) => self.want(key, Verdict::Present(before.clone()), Some(change), line),
            (_, _, None) => {}
        }
    }

    /// `was`: the change that took it away, which says until when it was granted.
    fn want(&mut self, key: &Key, verdict: Verdict, was: Option<&Change>, line: usize) {
        let until = was.and_then(|change| change.until);
        if let Some(until) = until.filter(|until| *until <= self.now) {
            self.lost.push(format!("{key}: it has ended ({until}), so it is not given back"));
            return;
        }
        let reason = was.and_then(|change| change.reason.clone());
        let Some(key) = key.clone().with_bot(|bot| Some(BotRef::Id(bot))) else { return };
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        let sources = vec![Source::file(&self.name, line, 1)];
        self.wants.insert(key, Want { verdict, sources, until, reason });
    }
}
