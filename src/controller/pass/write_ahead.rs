//! What a pass writes down before it acts, so that it outlives the process: assignments that are being cleared, and
//! removals that are about to be sent.

use crate::apply::BeforeImageStore;
use crate::manifest::kinds::AccountStatus;
use async_trait::async_trait;

/// Where a pass writes down what must not be forgotten with it.
#[async_trait]
pub trait WriteAhead: BeforeImageStore {
    /// What was kept and not taken back.
    ///
    /// # Errors
    /// Why that cannot be known now.
    async fn kept(&self) -> Result<Option<String>, String>;

    /// Stores this status, in which removals that are about to be sent are counted already.
    ///
    /// # Errors
    /// Why it could not be stored. Nothing may be removed then.
    async fn record_removals(&self, status: &AccountStatus) -> Result<(), String>;
}
