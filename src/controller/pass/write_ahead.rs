//! What is stored before it is sent, so that it outlives the process: what is asked for, assignments that are being
//! cleared, and removals to come.

use super::remember::RecallError;
use crate::apply::BeforeImageStore;
use crate::manifest::kinds::AccountStatus;
use crate::plan::Memory;
use async_trait::async_trait;

/// Stores what a pass is about to send. When a call returns, it is stored; the next leader reads it before it plans.
#[async_trait]
pub trait WriteAhead: BeforeImageStore {
    /// What [`keep`](BeforeImageStore::keep) stored last, if it was not taken back.
    ///
    /// # Errors
    /// Why that cannot be read now.
    async fn kept(&self) -> Result<Option<String>, String>;

    /// Stores this status of the account, in which removals that are about to be sent are already counted.
    ///
    /// # Errors
    /// Why it could not be stored. Nothing may be removed then.
    async fn record_removals(&self, status: &AccountStatus) -> Result<(), String>;

    /// What is remembered of a tenant; an empty memory where nothing is.
    ///
    /// # Errors
    /// Why that cannot be read or trusted.
    async fn remembered(&self, tenant: &str) -> Result<Memory, RecallError>;

    /// Stores what is remembered of a tenant.
    ///
    /// # Errors
    /// Why it could not be stored. Nothing may be sent then.
    async fn remember(&self, tenant: &str, memory: &Memory) -> Result<(), String>;
}
