//! Applies the plan of a pass. What is asked for is remembered, and removals are counted, before anything is sent.

use super::inputs::PassInputs;
use super::{AccountMemory, Session, remember};
use crate::apply::{self, Account, BeforeImageStore, Journal, Outcome};
use crate::kore::Writer;
use crate::manifest::kinds::AccountStatus;
use crate::manifest::kinds::status::RemovalWindow;
use crate::plan::Plan;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What was applied.
#[derive(Default)]
pub(super) struct Applied {
    /// `None` when nothing was to be applied.
    pub(super) outcome: Option<Outcome>,
    /// Whether the account's status was written before.
    pub(super) wrote_ahead: bool,
    /// Why what is asked for could not be stored.
    pub(super) unremembered: Option<String>,
}

/// Sends what may be sent, and remembers what was applied. `is_unrestored`: the place where assignments are stored
/// before they are cleared is in use, so none are cleared.
pub(super) async fn apply_plan(
    inputs: PassInputs<'_>,
    plan: &Plan,
    memory: &mut AccountMemory,
    session: &Session<'_>,
    is_unrestored: bool,
    cancel: CancellationToken,
) -> Applied {
    if inputs.read_only().is_some() {
        return Applied::default();
    }
    let is_empty = plan.sendable().is_empty();
    if let Err(why) = remember::store(session, inputs, memory).await {
        let why = format!("what is asked for could not be stored beforehand: {why}");
        let outcome = (!is_empty).then(|| Outcome::not_sent(plan, &why));
        return Applied { outcome, unremembered: Some(why), ..Applied::default() };
    }
    if is_empty {
        return Applied::default();
    }
    let planned = planned_removals(inputs, plan, memory);
    let wrote_ahead = planned.is_some();
    if let Some(removals) = planned
        && let Err(why) = record_removals(inputs, removals, session).await
    {
        let why = format!("its removals could not be counted beforehand: {why}");
        return Applied { outcome: Some(Outcome::not_sent(plan, &why)), wrote_ahead, unremembered: None };
    }
    let writer = Writer::new(session.gateway.clone()).within(session.lease_term);
    let account = Account { reader: session.reader, writer: &writer, gateway: session.gateway };
    let mut journal = if is_unrestored {
        Journal::none()
    } else {
        Journal::in_store(Arc::clone(session.write_ahead) as Arc<dyn BeforeImageStore>)
    };
    let PassInputs { policy, world, .. } = inputs;
    let outcome = apply::run(plan.clone(), world, policy, &account, &mut journal, cancel).await;
    memory.record(&outcome, session.gateway.now());
    Applied { outcome: Some(outcome), wrote_ahead, unremembered: None }
}

/// The removals of the last day, with those that are about to be sent. `None`: none are.
fn planned_removals(inputs: PassInputs<'_>, plan: &Plan, memory: &AccountMemory) -> Option<RemovalWindow> {
    let sendable = plan.sendable();
    let removals = sendable.into_iter().filter(|change| change.action.is_removal());
    memory.planned_removals(removals, inputs.policy.safety.max_removals, inputs.now)
}

/// Counts the removals to come where the next leader reads them: if this process dies in the middle, all of them count
/// as sent. What was really removed is counted afterwards.
async fn record_removals(
    inputs: PassInputs<'_>,
    removals: RemovalWindow,
    session: &Session<'_>,
) -> Result<(), String> {
    let before = &inputs.view.account.status;
    let status = AccountStatus { removals: Some(removals), in_flight: None, ..before.clone() };
    session.write_ahead.record_removals(&status).await
}
