//! Restores the assignments that an earlier run cleared and could not send again.

use super::Session;
use super::observe::{AccountRequest, observe, unreadable};
use super::readiness::{Readiness, one_line};
use super::reason::ConditionReason;
use crate::apply::{self, Account, BeforeImageSource, BeforeImageStore};
use crate::facts::{Policy, World};
use crate::kore::Writer;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The account after the repair.
pub(super) struct Repaired {
    /// Read again if anything was restored.
    pub(super) world: Arc<World>,
    /// Why cleared assignments could not be restored. The rest is applied, and nothing more is cleared.
    pub(super) unrestored: Option<String>,
}

/// Restores what is stored as cleared, and reads the account again. An account that is only observed stays as it is.
pub(super) async fn repair(
    session: &Session<'_>,
    policy: &Policy,
    request: &AccountRequest,
    world: Arc<World>,
    cancel: &CancellationToken,
) -> Result<Repaired, Readiness> {
    if ConditionReason::of_mode(policy.mode, policy.suspend).is_some() {
        return Ok(Repaired { world, unrestored: None });
    }
    let unknown = |why: String| Readiness::new(ConditionReason::Progressing, one_line(&why));
    let Some(text) = session.write_ahead.kept().await.map_err(unknown)? else {
        return Ok(Repaired { world, unrestored: None });
    };
    let writer = Writer::new(session.gateway.clone()).within(session.lease_term);
    let store: &dyn BeforeImageStore = session.write_ahead.as_ref();
    let account = Account { reader: session.reader, writer: &writer, gateway: session.gateway };
    match apply::repair(BeforeImageSource::Store(store, &text), &account, policy, cancel).await {
        Ok(people) => {
            tracing::warn!(people = people.len(), "assignments that an earlier run had cleared are restored");
            Ok(Repaired { world: observe(session, request, cancel).await?, unrestored: None })
        }
        Err(apply::RepairError::Kore(error)) => Err(unreadable(&error)),
        Err(error @ (apply::RepairError::Journal(_) | apply::RepairError::Refused { .. })) => {
            Ok(Repaired { world, unrestored: Some(one_line(&error.to_string())) })
        }
    }
}
