//! What a run did, one JSON line at a time, written before and after each call: for audit, and for what has to be
//! repaired when a run is killed between two halves of a change. No promise needs it but that one.

use super::before_image_store::BeforeImageStore;
use super::outcome::ChangeOutcome;
use crate::facts::{BotId, DialogId, Email, Key, Value, World};
use crate::kore::replace_file;
use crate::plan::{Change, ChangeId, Plan};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a run has to remember cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// In a file.
    #[error(
        "the journal {path} cannot be written: {source}\n  free some space or choose another --state-dir; what was sent so far is listed above"
    )]
    File {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// In the store that takes the place of a folder.
    #[error("assignments cannot be kept while they are cleared: {0}")]
    BeforeImageStore(String),
}

impl JournalError {
    fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { path: path.clone(), source }
    }
}

/// Where a run writes what it does. Without a folder it writes nothing, and two-step changes are left to people.
#[derive(Debug, Default)]
pub struct Journal {
    open: Option<OpenJournal>,
    store: Option<Arc<dyn BeforeImageStore>>,
}

#[derive(Debug)]
struct OpenJournal {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    /// It could not be written once: nothing is written behind a torn line.
    is_broken: bool,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Record {
    /// The run begins.
    Started {
        /// When.
        at: Timestamp,
        /// Which account.
        account: Option<String>,
        /// Which plan.
        plan: String,
        /// What it would do.
        changes: Vec<Change>,
        /// What people who are to leave hold: it goes with them, and an undo gives it back.
        #[serde(default)]
        leaving: Vec<(Key, Value)>,
    },
    /// A call is about to be sent.
    Sending {
        /// When.
        at: Timestamp,
        /// What it does.
        call: String,
        /// What it carries.
        changes: Vec<ChangeId>,
    },
    /// The platform answered, or did not.
    Answered {
        /// When.
        at: Timestamp,
        /// In our words.
        answer: String,
    },
    /// What became of a change.
    Resolved {
        /// Which.
        change: ChangeId,
        /// What.
        outcome: ChangeOutcome,
    },
    /// The run ends.
    Finished {
        /// When.
        at: Timestamp,
        /// Requests made.
        calls: u32,
    },
}

/// A person's assignments before they are cleared and sent anew, so that a killed run loses none of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BeforeImage {
    /// Whose.
    pub user: Email,
    /// What shall stand at the end.
    pub target: BTreeMap<BotId, Option<BTreeSet<DialogId>>>,
}

impl Journal {
    /// Writes no line, and keeps what a two-step change needs in a store.
    pub fn in_store(store: Arc<dyn BeforeImageStore>) -> Self {
        Self { open: None, store: Some(store) }
    }

    /// Writes nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// A new journal in the account's state folder, named after the time.
    pub fn create(folder: &Path, now: Timestamp) -> Result<Self, JournalError> {
        let name = now.strftime("%Y%m%dT%H%M%S").to_string();
        let path = folder.join("journal").join(format!("{name}-{}.jsonl", std::process::id()));
        let file = std::fs::create_dir_all(folder.join("journal"))
            .and_then(|()| OpenOptions::new().create(true).append(true).open(&path))
            .map_err(JournalError::at(&path))?;
        Ok(Self {
            open: Some(OpenJournal { folder: folder.to_owned(), path, file, is_broken: false }),
            store: None,
        })
    }

    /// Where it is written.
    pub fn path(&self) -> Option<&Path> {
        self.open.as_ref().map(|open| open.path.as_path())
    }

    /// Whether what is written survives the process: needed before a destructive two-step.
    pub fn is_durable(&self) -> bool {
        self.open.is_some() || self.store.is_some()
    }

    pub(super) fn start(&mut self, at: Timestamp, plan: &Plan, observed: &World) -> Result<(), JournalError> {
        let leavers: BTreeSet<&Email> = plan
            .changes
            .iter()
            .filter(|change| change.action.is_removal() && matches!(change.key, Key::Member(_)))
            .filter_map(|change| change.key.email())
            .collect();
        let is_held = |value: &Value| !matches!(value, Value::Inherited(_) | Value::Member(_));
        let leaving = observed
            .facts()
            .iter()
            .filter(|(key, value)| key.email().is_some_and(|email| leavers.contains(email)) && is_held(value))
            .cloned()
            .collect();
        self.write(&Record::Started {
            at,
            account: plan.account.id.as_ref().map(ToString::to_string),
            plan: plan.digest.to_string(),
            changes: plan.changes.clone(),
            leaving,
        })
    }

    /// Adds a line, and waits until it is on disk where the next thing is a call or the end: what became of each of
    /// a hundred thousand changes is not worth a wait of its own.
    pub(super) fn write(&mut self, record: &Record) -> Result<(), JournalError> {
        let Some(open) = self.open.as_mut().filter(|open| !open.is_broken) else { return Ok(()) };
        let written = serde_json::to_vec(record).map_err(io::Error::other).and_then(|mut line| {
            line.push(b'\n');
            open.file.write_all(&line)?;
            if matches!(record, Record::Resolved { .. }) { Ok(()) } else { open.file.sync_data() }
        });
        open.is_broken = written.is_err();
        written.map_err(JournalError::at(&open.path))
    }

    /// Keeps a person's assignments before they are cleared.
    pub(super) async fn keep(&self, images: &[BeforeImage]) -> Result<(), JournalError> {
        match (&self.open, &self.store) {
            (Some(open), _) => keep(&open.folder, images),
            (None, Some(store)) => keep_in(store.as_ref(), images).await,
            (None, None) => Ok(()),
        }
    }
}

pub(super) fn in_flight(folder: &Path) -> PathBuf {
    folder.join("in-flight.json")
}

/// Replaces what is kept, at once or not at all; nothing kept removes the file.
pub(super) fn keep(folder: &Path, images: &[BeforeImage]) -> Result<(), JournalError> {
    let path = in_flight(folder);
    let written = if images.is_empty() {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    } else {
        serde_json::to_vec(images).map_err(io::Error::other).and_then(|json| replace_file(&path, &json))
    };
    written.map_err(JournalError::at(&path))
}

/// The same in a store.
pub(super) async fn keep_in(
    store: &dyn BeforeImageStore,
    images: &[BeforeImage],
) -> Result<(), JournalError> {
    let text = match images {
        [] => Ok(None),
        images => serde_json::to_string(images).map(Some).map_err(|error| error.to_string()),
    };
    let kept = match text {
        Ok(text) => store.keep(text).await,
        Err(why) => Err(why),
    };
    kept.map_err(JournalError::BeforeImageStore)
}

/// What a killed run left in a store.
pub(super) fn kept_in(text: &str) -> Result<Vec<BeforeImage>, JournalError> {
    serde_json::from_str(text).map_err(|error| JournalError::BeforeImageStore(error.to_string()))
}

/// What a killed run left behind.
pub(super) fn kept(folder: &Path) -> Result<Vec<BeforeImage>, JournalError> {
    let path = in_flight(folder);
    let failed = JournalError::at(&path);
    match std::fs::read(&path) {
        Ok(json) => serde_json::from_slice(&json).map_err(|error| failed(io::Error::other(error))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_survives_until_nothing_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kept(folder.path()).unwrap(), []);
        let image = BeforeImage {
            user: Email::observed("jane@example.com"),
            target: BTreeMap::from([
                ("st-1".into(), None),
                ("st-2".into(), Some(BTreeSet::from(["dg-1".into()]))),
            ]),
        };
        keep(folder.path(), std::slice::from_ref(&image)).unwrap();
        assert_eq!(kept(folder.path()).unwrap(), [image]);
        keep(folder.path(), &[]).unwrap();
        assert_eq!(kept(folder.path()).unwrap(), []);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Journal::create(&file, Timestamp::UNIX_EPOCH).unwrap_err().to_string();
        assert!(error.contains("journal") && error.contains("--state-dir"), "{error}");
    }
}
