//! Memory between runs: a file in the account's state folder, or a git reference of the manifests' repository
//! (`spec.memory.reference`).

use super::memory_reference::{Lock, MemoryReference, ReferenceError, Renewal, Trust};
use super::{CliError, Output, declaration, revision};
use crate::facts::LockAnyway as _;
use crate::kore::{LeaseTerm, replace_file, url_shown};
use crate::manifest::{Compiled, Manifests};
use crate::memory::{KEY_VARIABLE, Seal};
use crate::plan::Memory;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

const FILE: &str = "memory.json";
/// A lock in a reference ends by itself after so long: the run that had it was killed.
const LOCK_ENDS_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// So often a run that goes on renews it.
const RENEW_AFTER: Duration = Duration::from_secs(600);

/// Where the memory of one account is.
#[derive(Debug)]
pub(super) struct MemoryStore {
    place: Place,
    /// The account file says that there is one.
    is_required: bool,
    /// Until when this run may write: as long as it has the lock.
    lease_term: LeaseTerm,
}

#[derive(Debug)]
enum Place {
    /// Nothing is remembered.
    Nowhere,
    /// A file in this folder.
    Folder(PathBuf),
    /// A reference, and what is known of it.
    Reference { reference: MemoryReference, known: Mutex<Known> },
}

/// What this run has read or written last.
#[derive(Debug, Default)]
struct Known {
    commit: Option<String>,
    lock: Option<Lock>,
}

impl MemoryStore {
    /// Where the account's manifests and the command line put it. Nothing is read yet.
    pub(super) fn open(compiled: &Compiled, state: Option<&Path>) -> Self {
        let settings = &compiled.account.memory;
        let place = match (&settings.reference, &compiled.account.file, state) {
            (Some(reference), Some(file), _) => Place::Reference {
                reference: MemoryReference {
                    folder: revision::folder_of(Path::new(&**file)).to_path_buf(),
                    remote: settings.remote.clone(),
                    reference: reference.clone(),
                    seal: Seal::from_environment(),
                },
                known: Mutex::default(),
            },
            (_, _, Some(folder)) => Place::Folder(folder.to_path_buf()),
            (_, _, None) => Place::Nowhere,
        };
        Self { place, is_required: settings.required, lease_term: LeaseTerm::until(Timestamp::MAX) }
    }

    /// What earlier runs remember. One that is there and cannot be read or trusted ends the run: going on without it
    /// would forget what is to be taken back.
    pub(super) fn load(&self) -> Result<Memory, CliError> {
        let memory = self.load_any()?;
        if self.is_required && memory.generation == 0 {
            return Err(
                self.unusable("there is none, and spec.memory.required says that there was".to_owned())
            );
        }
        Ok(memory)
    }

    /// The same where only what is remembered is acted on: with none, nothing could ever be done.
    pub(super) fn load_existing(&self, otherwise: &str) -> Result<Memory, CliError> {
        let memory = self.load()?;
        if memory.generation == 0 {
            return Err(self.unusable(format!("there is none, so {otherwise}")));
        }
        Ok(memory)
    }

    /// The same, whether or not one is required.
    pub(super) fn load_any(&self) -> Result<Memory, CliError> {
        match &self.place {
            Place::Nowhere => Ok(Memory::default()),
            Place::Folder(folder) => match std::fs::read(folder.join(FILE)) {
                Ok(json) => serde_json::from_slice(&json).map_err(|error| self.unusable(error.to_string())),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    Ok(Memory::default())
                }
                Err(error) => Err(self.unusable(error.to_string())),
            },
            Place::Reference { reference, known } => {
                let stored = reference.load().map_err(|error| self.unusable(error.to_string()))?;
                known.lock_anyway().commit = stored.commit;
                Ok(stored.memory)
            }
        }
    }

    /// The memory for a plan, which never writes it: without the key of the seal nothing in it is trusted, and what is
    /// not declared any more is not looked at.
    pub(super) fn load_for_plan(&self, output: &Output) -> Result<Memory, CliError> {
        let Place::Reference { reference, .. } = &self.place else {
            let memory = self.load()?;
            self.warn_of_loss(&memory, output);
            return Ok(memory);
        };
        if !reference.seal.is_empty() {
            return self.load();
        }
        let stored = reference.load().map_err(|error| self.unusable(error.to_string()))?;
        if stored.commit.is_some() && stored.trust == Trust::Unknown {
            output.warn(format_args!(
                "warning: {KEY_VARIABLE} is not set: what is not declared any more was not looked at"
            ));
        }
        Ok(Memory::default())
    }

    /// Runs were here, and what they asked for is not known: a deleted line takes nothing back.
    fn warn_of_loss(&self, memory: &Memory, output: &Output) {
        let Place::Folder(folder) = &self.place else { return };
        let has_run =
            || std::fs::read_dir(folder.join("journal")).is_ok_and(|mut runs| runs.next().is_some());
        if memory.generation == 0 && has_run() {
            output.warn(format_args!(
                "warning: what earlier runs asked for is not known: {} is missing\n  until the next apply a line \
                 that is deleted takes nothing back; restore the file, if there is a copy",
                folder.join(FILE).display()
            ));
        }
    }

    /// Remembers it for the next run.
    pub(super) fn store(&self, memory: &Memory) -> Result<(), CliError> {
        match &self.place {
            Place::Nowhere => Ok(()),
            Place::Folder(folder) => {
                let failed = |source: std::io::Error| CliError::State {
                    problem: format!("the state folder {} cannot be used: {source}", folder.display()),
                };
                let json =
                    serde_json::to_vec(memory).map_err(|error| CliError::Unexpected(error.to_string()))?;
                std::fs::create_dir_all(folder)
                    .and_then(|()| replace_file(&folder.join(FILE), &json))
                    .map_err(failed)
            }
            Place::Reference { reference, known } => {
                let mut known = known.lock_anyway();
                let stored = reference.store(known.commit.as_deref(), memory, known.lock.as_ref());
                known.commit = Some(stored.map_err(|error| self.not_written(&error))?);
                Ok(())
            }
        }
    }

    /// Remembers what became of a run: by now something may have been sent, and where this fails that is told.
    pub(super) fn store_outcome(&self, memory: &Memory) -> Result<(), CliError> {
        self.store(memory).map_err(|error| match error {
            CliError::State { problem: why } | CliError::MemoryNotWritten { why, .. } => {
                CliError::OutcomeNotWritten { path: self.place(), why }
            }
            other => other,
        })
    }

    /// What a plan notes beside: only where that costs nothing.
    pub(super) fn store_notes(&self, memory: &Memory) -> Result<(), CliError> {
        match &self.place {
            Place::Folder(_) => self.store(memory),
            Place::Nowhere | Place::Reference { .. } => Ok(()),
        }
    }

    /// Takes the lock of a reference for this run; false where another has it. A folder is locked by its own file.
    pub(super) fn try_lock(&self, now: Timestamp) -> Result<bool, CliError> {
        let Place::Reference { reference, known } = &self.place else { return Ok(true) };
        let stored = reference.load().map_err(|error| self.unusable(error.to_string()))?;
        if stored.lock.is_some_and(|lock| lock.until > now) {
            return Ok(false);
        }
        let until = now.checked_add(LOCK_ENDS_AFTER).unwrap_or(now);
        let lock = Lock { holder: uuid::Uuid::new_v4().to_string(), until };
        match reference.store(stored.commit.as_deref(), &stored.memory, Some(&lock)) {
            Ok(commit) => {
                *known.lock_anyway() = Known { commit: Some(commit), lock: Some(lock) };
                self.lease_term.extend(until);
                Ok(true)
            }
            Err(ReferenceError::Changed) => Ok(false),
            Err(error) => Err(self.not_written(&error)),
        }
    }

    /// Until when this run may write.
    pub(super) fn lease_term(&self) -> &LeaseTerm {
        &self.lease_term
    }

    /// Holds on to the lock of a reference for as long as this is polled; never ends. Where another run has written
    /// meanwhile, the lease term ends, and with it what is being sent.
    pub(super) async fn keep_locked(&self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(RENEW_AFTER).await;
            self.renew(Timestamp::now());
        }
    }

    fn renew(&self, now: Timestamp) {
        let Place::Reference { reference, known } = &self.place else { return };
        let mut known = known.lock_anyway();
        let Some(lock) = known.lock.clone() else { return };
        let until = now.checked_add(LOCK_ENDS_AFTER).unwrap_or(now);
        match reference.renew(known.commit.as_deref(), Lock { until, ..lock }) {
            Renewal::Renewed { commit, lock } => {
                self.lease_term.extend(lock.until);
                *known = Known { commit: Some(commit), lock: Some(lock) };
            }
            Renewal::Lost => self.lease_term.end(),
            Renewal::Unreachable => {}
        }
    }

    /// Lets go of the lock of a reference, if this run has it.
    pub(super) fn unlock(&self) {
        let Place::Reference { reference, known } = &self.place else { return };
        let mut known = known.lock_anyway();
        if known.lock.take().is_none() {
            return;
        }
        // Where this fails, the lock ends by itself.
        let Ok(stored) = reference.load() else { return };
        if stored.commit == known.commit
            && let Ok(commit) = reference.store(stored.commit.as_deref(), &stored.memory, None)
        {
            known.commit = Some(commit);
        }
    }

    fn place(&self) -> String {
        match &self.place {
            Place::Nowhere => "nowhere".to_owned(),
            Place::Folder(folder) => folder.join(FILE).display().to_string(),
            Place::Reference { reference, .. } => {
                format!("{} of {}", reference.reference, url_shown(&reference.remote))
            }
        }
    }

    fn unusable(&self, why: String) -> CliError {
        CliError::Memory { path: self.place(), why }
    }

    fn not_written(&self, error: &ReferenceError) -> CliError {
        CliError::MemoryNotWritten { path: self.place(), why: error.to_string() }
    }
}

/// Makes sure that the memory is that of these manifests.
pub(super) fn check_owner(
    memory: &Memory,
    manifests: &Manifests,
    compiled: &Compiled,
) -> Result<(), CliError> {
    let Some(owner) = memory.declaration.as_ref().filter(|_| !memory.facts.is_empty()) else { return Ok(()) };
    match declaration::name(manifests, compiled) {
        Some(other) if other != *owner => Err(CliError::AccountTaken { owner: owner.clone(), other }),
        _ => Ok(()),
    }
}

/// Makes sure that these manifests contain the commit that was applied last.
pub(super) fn check_order(
    memory: &Memory,
    manifests: &Manifests,
    compiled: &Compiled,
) -> Result<(), CliError> {
    let applied = memory.applied_revision.as_ref().and_then(|revision| revision.commit.clone());
    let (Some(applied), Some(folder)) = (applied, declaration::folder(manifests, compiled)) else {
        return Ok(());
    };
    if revision::head(&folder, Timestamp::UNIX_EPOCH).commit.is_none() {
        return Ok(());
    }
    let behind = revision::not_contained(&folder, &BTreeSet::from([applied.clone()]))?;
    if behind.is_empty() { Ok(()) } else { Err(CliError::Behind { applied }) }
}
