//! A folder of evidence: snapshots and reports under the hash of their content, and an index whose lines are chained by
//! hashes. Nothing in it is ever changed: what was kept can be taken away, and that shows.
//!
//! ```text
//! DIR/index.jsonl         a line a kept file: number, time, kind, sha256, account, commit, previous
//! DIR/objects/SHA256.json the file
//! ```

use super::super::snapshot::Snapshot;
use crate::facts::after;
use crate::kore::replace_file;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// Before the first line.
const START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Why evidence cannot be kept, found or trusted.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// It cannot be read or written.
    #[error("the evidence {path} cannot be used: {source}\n  check the path and its permissions")]
    Io {
        /// Which file or folder.
        path: String,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A line of the index, or what it names, is not what was written.
    #[error(
        "the evidence {path} is not as it was written: {why}\n  restore the folder from where it is kept, and compare its head with the one that was written down"
    )]
    Changed {
        /// Which index.
        path: String,
        /// The line, and what is wrong with it.
        why: String,
    },
    /// No snapshot that early.
    #[error("{path} has no snapshot of this account at or before {at:.0}\n  {next}")]
    NoSnapshot {
        /// Which folder.
        path: String,
        /// When it was looked for.
        at: Timestamp,
        /// What there is instead.
        next: String,
    },
    /// A time without a folder to look into.
    #[error(
        "{given} is neither a snapshot nor a time for which there is evidence\n  give a snapshot, or a day with --evidence DIR"
    )]
    NoEvidence {
        /// What was given.
        given: String,
    },
    /// Not a report.
    #[error("{path} is no report in JSON: {why}\n  make it again with koreconcile report … --format json")]
    NotAReport {
        /// Which file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its content was changed.
    #[error(
        "{path} is not as it was written: it states SHA-256 {stated}, and what is in it has {computed}\n  get the report again from where it was kept"
    )]
    OtherDigest {
        /// Which file.
        path: String,
        /// What it states.
        stated: String,
        /// What it has.
        computed: String,
    },
    /// Two snapshots of two accounts.
    #[error(
        "the first snapshot is of account {from}, and the second is of {to}\n  compare two reads of one account"
    )]
    TwoAccounts {
        /// Of the first.
        from: String,
        /// Of the second.
        to: String,
    },
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) enum KindOfEvidence {
    /// A read of the account.
    Snapshot,
    /// A report that was made of it.
    Report,
}

/// About what is to be kept.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Stored {
    /// What it is.
    pub kind: KindOfEvidence,
    /// Of when.
    pub at: Timestamp,
    /// Id of the account.
    pub account: Option<String>,
    /// The commit that was current.
    pub commit: Option<String>,
}

impl Stored {
    /// A snapshot of that time.
    pub(in crate::cli) fn snapshot(at: Timestamp) -> Self {
        Self { kind: KindOfEvidence::Snapshot, at, account: None, commit: None }
    }

    /// A report of that time.
    pub(super) fn report(at: Timestamp) -> Self {
        Self { kind: KindOfEvidence::Report, ..Self::snapshot(at) }
    }
}

/// A line of the index.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Entry {
    number: u64,
    at: Timestamp,
    kind: KindOfEvidence,
    sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The commit that was current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// SHA-256 of the line before.
    previous: String,
}

/// What a check of everything says.
pub(super) struct Verified {
    pub(super) entries: usize,
    /// SHA-256 of the last line: who writes it down elsewhere notices when lines are taken away.
    pub(super) head: String,
}

/// A folder of evidence.
pub(in crate::cli) struct Store {
    folder: PathBuf,
}

impl Store {
    /// In that folder, which need not be there yet.
    pub(in crate::cli) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn index(&self) -> PathBuf {
        self.folder.join("index.jsonl")
    }

    fn object(&self, sha256: &str) -> PathBuf {
        self.folder.join("objects").join(format!("{sha256}.json"))
    }

    /// Keeps a file, and gives the hash it is kept under. The index is locked meanwhile.
    pub(in crate::cli) fn add(&self, stored: Stored, content: &[u8]) -> Result<String, EvidenceError> {
        let objects = self.folder.join("objects");
        std::fs::create_dir_all(&objects).map_err(at(&objects))?;
        let index = self.index();
        let mut file =
            OpenOptions::new().create(true).append(true).read(true).open(&index).map_err(at(&index))?;
        file.lock().map_err(at(&index))?;
        let (entries, head) = self.entries()?;
        let sha256 = hex::encode(Sha256::digest(content));
        let object = self.object(&sha256);
        if !object.is_file() {
            replace_file(&object, content).map_err(at(&object))?;
        }
        let Stored { kind, at: when, account, commit } = stored;
        let number = entries.len() as u64 + 1;
        let entry = Entry { number, at: when, kind, sha256: sha256.clone(), account, commit, previous: head };
        let written = serde_json::to_string(&entry).map_err(io::Error::other);
        let written = written.and_then(|line| append(&mut file, &line));
        written.map_err(at(&index))?;
        Ok(sha256)
    }

    /// The lines of the index, each proved to follow the one before; and the hash of the last one.
    pub(super) fn entries(&self) -> Result<(Vec<Entry>, String), EvidenceError> {
        let index = self.index();
        let text = match std::fs::read_to_string(&index) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(source) => return Err(at(&index)(source)),
        };
        let (mut entries, mut head) = (Vec::new(), START.to_owned());
        for (before, line) in text.lines().enumerate() {
            let number = before as u64 + 1;
            let changed = |why: &str| EvidenceError::Changed {
                path: index.display().to_string(),
                why: format!("line {number} {why}"),
            };
            let entry: Entry =
                serde_json::from_str(line).map_err(|error| changed(&format!("is no entry ({error})")))?;
            if entry.number != number || entry.previous != head {
                return Err(changed("does not follow the line before it"));
            }
            head = hex::encode(Sha256::digest(line.as_bytes()));
            entries.push(entry);
        }
        Ok((entries, head))
    }

    /// The content of an entry, as it was kept.
    fn content(&self, entry: &Entry) -> Result<Vec<u8>, EvidenceError> {
        let object = self.object(&entry.sha256);
        let changed = |why: &str| EvidenceError::Changed {
            path: self.index().display().to_string(),
            why: format!("line {} names {}, {why}", entry.number, entry.sha256),
        };
        let content = match std::fs::read(&object) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(changed("which is not there")),
            Err(source) => return Err(at(&object)(source)),
        };
        if hex::encode(Sha256::digest(&content)) == entry.sha256 {
            Ok(content)
        } else {
            Err(changed("whose content has another hash"))
        }
    }

    /// The nearest snapshot of an account at or before a time. Of no account in particular: of any.
    pub(super) fn snapshot_at(
        &self,
        time: Timestamp,
        account: Option<&str>,
    ) -> Result<(Entry, Snapshot), EvidenceError> {
        let (entries, _) = self.entries()?;
        let snapshots: Vec<&Entry> = entries
            .iter()
            .filter(|entry| entry.kind == KindOfEvidence::Snapshot)
            .filter(|entry| {
                account.is_none() || entry.account.is_none() || entry.account.as_deref() == account
            })
            .collect();
        let nearest =
            snapshots.iter().filter(|entry| entry.at <= time).max_by_key(|entry| (entry.at, entry.number));
        let Some(entry) = nearest else {
            let first = snapshots.iter().map(|entry| entry.at).min();
            let next = match first {
                // To the next second: what is copied from here finds it.
                Some(first) => {
                    format!("the first one is of {:.0}", after(first, SignedDuration::from_millis(999)))
                }
                None => "keep one with: koreconcile snapshot --everyone --evidence DIR".to_owned(),
            };
            return Err(EvidenceError::NoSnapshot {
                path: self.folder.display().to_string(),
                at: time,
                next,
            });
        };
        let content = self.content(entry)?;
        let snapshot = Snapshot::parse(&content, &self.object(&entry.sha256)).map_err(|error| {
            let why = format!("line {} names what cannot be read: {error}", entry.number);
            EvidenceError::Changed { path: self.index().display().to_string(), why }
        })?;
        Ok(((*entry).clone(), snapshot))
    }

    /// Checks every line and everything that they name.
    pub(super) fn verify(&self) -> Result<Verified, EvidenceError> {
        let (entries, head) = self.entries()?;
        if entries.is_empty() {
            let why = "it has no entries".to_owned();
            return Err(EvidenceError::Changed { path: self.index().display().to_string(), why });
        }
        for entry in &entries {
            self.content(entry)?;
        }
        Ok(Verified { entries: entries.len(), head })
    }
}

fn append(file: &mut File, line: &str) -> io::Result<()> {
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_data()
}

fn at(path: &Path) -> impl Fn(io::Error) -> EvidenceError {
    let path = path.display().to_string();
    move |source| EvidenceError::Io { path: path.clone(), source }
}
