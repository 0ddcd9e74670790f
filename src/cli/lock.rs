//! One run at a time on an account and its memory: a lock on a file in the state folder, which the system lets go of
//! when the process ends, however it ends; and, where the memory is a git reference, a lock in it with an end.

use super::CliError;
use super::memory::MemoryStore;
use jiff::Timestamp;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

const FILE: &str = "lock";
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(200);

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct RunLock<'m> {
    _file: Option<File>,
    memory: &'m MemoryStore,
}

impl Drop for RunLock<'_> {
    fn drop(&mut self) {
        self.memory.unlock();
    }
}

impl<'m> RunLock<'m> {
    /// Takes it at once, or ends with an error: another run is under way.
    pub(super) fn take(state: Option<&Path>, memory: &'m MemoryStore) -> Result<Self, CliError> {
        Self::take_within(state, memory, Duration::ZERO, || ())
    }

    /// Takes it, waiting for another run for so long at most. `waits` is called once, when it has to wait.
    pub(super) fn take_within(
        state: Option<&Path>,
        memory: &'m MemoryStore,
        max_wait: Duration,
        waits: impl FnOnce(),
    ) -> Result<Self, CliError> {
        let (start, mut waits) = (Instant::now(), Some(waits));
        let file = state.map(open).transpose()?;
        let path = || state.map_or_else(|| "the memory".to_owned(), |folder| folder.display().to_string());
        loop {
            if is_free(file.as_ref(), state)? && memory.try_lock(Timestamp::now())? {
                return Ok(Self { _file: file, memory });
            }
            if start.elapsed() >= max_wait {
                return Err(CliError::Locked { path: path() });
            }
            if let Some(waits) = waits.take() {
                waits();
            }
            std::thread::sleep(PAUSE);
        }
    }
}

fn open(folder: &Path) -> Result<File, CliError> {
    let failed = |source| unusable(folder, &source);
    std::fs::create_dir_all(folder).map_err(failed)?;
    File::create(folder.join(FILE)).map_err(failed)
}

/// Takes the lock on the file, if nobody has it.
fn is_free(file: Option<&File>, state: Option<&Path>) -> Result<bool, CliError> {
    match (file.map(File::try_lock), state) {
        (Some(Err(TryLockError::WouldBlock)), _) => Ok(false),
        (Some(Err(TryLockError::Error(source))), Some(folder)) => Err(unusable(folder, &source)),
        _ => Ok(true),
    }
}

fn unusable(folder: &Path, source: &std::io::Error) -> CliError {
    CliError::State { problem: format!("the state folder {} cannot be used: {source}", folder.display()) }
}
