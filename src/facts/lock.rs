//! Locks that outlive a panic of another task.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock whose value is right at any time, so that a panic of whoever held it is no reason to stop.
pub trait LockAnyway<T> {
    /// Takes the lock, poisoned or not.
    fn lock_anyway(&self) -> MutexGuard<'_, T>;
}

impl<T> LockAnyway<T> for Mutex<T> {
    fn lock_anyway(&self) -> MutexGuard<'_, T> {
        self.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
