//! Reads the account, and checks that it is the one that the objects are about.

use super::compilation::Compilation;
use super::readiness::{Readiness, one_line};
use super::reason::ConditionReason;
use super::{AccountMemory, Session};
use crate::facts::{AccountId, World};
use crate::kore::{KoreError, ReadRequest};
use crate::manifest::Compiled;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is read, and which account has to answer.
#[derive(Clone, Debug)]
pub(super) struct AccountRequest {
    read: ReadRequest,
    /// `None`: any.
    account: Option<AccountId>,
}

impl AccountRequest {
    /// Whoever is declared or remembered is looked up.
    pub(super) fn new(compilation: &Compilation, memory: &AccountMemory) -> Self {
        let Compiled { desired, policy, .. } = &compilation.compiled;
        let desired = compilation.observed.as_ref().unwrap_or(desired);
        let mut read = ReadRequest::for_plan(desired, policy);
        read.look_up.extend(memory.plan_memory.people().cloned());
        Self { read, account: policy.account_id.clone() }
    }

    /// Whether everybody is looked up.
    pub(super) fn is_of_everyone(&self) -> bool {
        self.read.look_up_everyone
    }
}

/// Reads the account once.
pub(super) async fn observe(
    session: &Session<'_>,
    request: &AccountRequest,
    cancel: &CancellationToken,
) -> Result<Arc<World>, Readiness> {
    let AccountRequest { read, account } = request;
    let world = tokio::select! {
        world = session.reader.read_again(read) => world.map_err(|error| unreadable(&error))?,
        () = cancel.cancelled() => return Err(Readiness::new(ConditionReason::Progressing, "asked to stop while reading")),
    };
    match (account, &world.account) {
        (Some(pinned), Some(answered)) if pinned != answered => {
            let message = format!(
                "the account is {answered}, and spec.accountId says {pinned}; check host and credentials"
            );
            Err(Readiness::new(ConditionReason::AccountMismatch, message))
        }
        _ => Ok(world),
    }
}

/// An error of the platform that ends a pass.
pub(super) fn unreadable(error: &KoreError) -> Readiness {
    Readiness::new(ConditionReason::of_error(error), one_line(&error.to_string()))
}
