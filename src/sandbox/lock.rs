//! Locks that outlive a panic of another request.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A panic in another request must not end the sandbox: `SQLite` has rolled back what it was doing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
