//! The readers: a few connections, and a queue of those who wait for one. Each has memory of its own, so their number is
//! what the machine can use and not how many ask at once.

use crate::sandbox::lock::lock;
use rusqlite::Connection;
use std::cell::Cell;
use std::sync::{Condvar, Mutex, PoisonError};

/// For each processor; a reader waits for the disk now and then.
const PER_CORE: usize = 2;

thread_local! {
    /// Whether this thread has a reader already: a second one must not wait for others, who may wait for this thread.
    static HAS_ONE: Cell<bool> = const { Cell::new(false) };
}

#[derive(Debug)]
pub(super) struct Readers {
    state: Mutex<State>,
    returned: Condvar,
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    /// Idle and lent out.
    open: usize,
}

impl Readers {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self { state: Mutex::default(), returned: Condvar::new(), most: cores * PER_CORE }
    }

    /// Lends a reader to `work`, once there is one. `open` makes a new one.
    pub(super) fn lend<T, E: From<rusqlite::Error>>(
        &self,
        open: impl Fn() -> Result<Connection, rusqlite::Error>,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        if HAS_ONE.get() {
            return work(&open()?);
        }
        let lent = Lent { readers: self, reader: Some(self.take(open)?) };
        HAS_ONE.set(true);
        match &lent.reader {
            Some(reader) => work(reader),
            None => Err(rusqlite::Error::InvalidQuery.into()),
        }
    }

    fn take(&self, open: impl Fn() -> Result<Connection, rusqlite::Error>) -> rusqlite::Result<Connection> {
        let mut state = lock(&self.state);
        loop {
            if let Some(reader) = state.idle.pop() {
                return Ok(reader);
            }
            if state.open < self.most {
                state.open += 1;
                break;
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        open().inspect_err(|_| self.forget())
    }

    fn forget(&self) {
        lock(&self.state).open -= 1;
        self.returned.notify_one();
    }
}

/// Given back when it goes, whether or not the work went well.
struct Lent<'a> {
    readers: &'a Readers,
    reader: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        HAS_ONE.set(false);
        match self.reader.take() {
            // A panic may have left it in the middle of something.
            Some(reader) if !std::thread::panicking() => {
                lock(&self.readers.state).idle.push(reader);
                self.readers.returned.notify_one();
            }
            _ => self.readers.forget(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers(most: usize) -> Readers {
        Readers { state: Mutex::default(), returned: Condvar::new(), most }
    }

    fn open() -> rusqlite::Result<Connection> {
        Connection::open_in_memory()
    }

    #[test]
    fn there_are_never_more_than_the_machine_can_use() {
        let readers = readers(2);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    readers.lend(open, |_| {
                        assert!(lock(&readers.state).open <= 2);
                        Ok::<_, rusqlite::Error>(())
                    })
                });
            }
        });
        let state = lock(&readers.state);
        assert!(state.open <= 2 && state.idle.len() == state.open, "{state:?}");
    }

    #[test]
    fn reader_within_a_reader_waits_for_nobody() {
        let readers = readers(1);
        let inner = readers.lend(open, |_| readers.lend(open, |_| Ok::<_, rusqlite::Error>(7)));
        assert_eq!(inner.unwrap(), 7);
        assert_eq!(lock(&readers.state).idle.len(), 1);
    }

    #[test]
    fn reader_that_cannot_be_opened_takes_no_place() {
        let readers = readers(1);
        for _ in 0..2 {
            let refused =
                readers.lend(|| Err(rusqlite::Error::InvalidQuery), |_| Ok::<_, rusqlite::Error>(()));
            refused.unwrap_err();
        }
        readers.lend(open, |_| Ok::<_, rusqlite::Error>(())).unwrap();
    }
}
