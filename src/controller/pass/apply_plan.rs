//! Applies the plan of a pass. What is asked for is remembered, and removals are counted, before anything is sent.

use super::approvals::{Approvable, Approvals};
use super::focus::Focusing;
use super::inputs::PassInputs;
use super::{AccountMemory, Session, remember};
use crate::apply::{self, Account, BeforeImageStore, FirstLook, Journal, Outcome};
use crate::kore::Writer;
use crate::manifest::kinds::AccountStatus;
use crate::manifest::kinds::status::RemovalWindow;
use crate::plan::{ChangeId, Plan};
use std::collections::BTreeSet;
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

/// What decides what is sent, beside the plan.
#[derive(Clone, Copy)]
pub(super) struct Sending<'a> {
    /// Changes that are approved.
    pub(super) approved: &'a BTreeSet<ChangeId>,
    /// Look-ups that were just made: the first calls are checked against them.
    pub(super) focusing: Option<&'a Focusing>,
    /// The place where assignments are stored before they are cleared is in use, so none are cleared.
    pub(super) is_unrestored: bool,
}

/// Sends what may be sent, and remembers what was applied.
pub(super) async fn apply_plan(
    inputs: PassInputs<'_>,
    plan: &Plan,
    memory: &mut AccountMemory,
    session: &Session<'_>,
    sending: Sending<'_>,
    cancel: CancellationToken,
) -> Applied {
    let Sending { approved, focusing, is_unrestored } = sending;
    if inputs.read_only().is_some() {
        return Applied::default();
    }
    let uses = note_uses(inputs, plan, memory, approved);
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
    let PassInputs { policy, world, now, .. } = inputs;
    let first = FirstLook {
        looks: focusing.map(|focusing| focusing.looks.clone()).unwrap_or_default(),
        at: focusing.map_or(now, |focusing| focusing.at),
    };
    let outcome =
        apply::run_after(Some(first), plan.clone(), world, policy, &account, &mut journal, cancel).await;
    memory.record(&outcome, session.gateway.now());
    // What did not come about may be tried again with the same approval.
    for (approval, id) in
        uses.iter().filter(|(_, id)| outcome.by_change.contains_key(id) && !outcome.is_good(id))
    {
        memory.plan_memory.note_unused(approval, id);
    }
    Applied { outcome: Some(outcome), wrote_ahead, unremembered: None }
}

/// Counts approvals without an end as used for what is about to be sent or taken over, before that happens.
fn note_uses(
    inputs: PassInputs<'_>,
    plan: &Plan,
    memory: &mut AccountMemory,
    approved: &BTreeSet<ChangeId>,
) -> Vec<(String, ChangeId)> {
    let PassInputs { view, now, .. } = inputs;
    let approvals = Approvals::new(view, &memory.plan_memory, now).with_plan(plan);
    let sent = plan.sendable().into_iter().map(Approvable::from);
    let taken_over =
        plan.declared.iter().filter(|effect| approved.contains(&effect.id)).map(Approvable::from);
    let uses = approvals.uses(sent.chain(taken_over));
    for (approval, id) in &uses {
        memory.plan_memory.note_used(approval, [id.clone()]);
    }
    uses
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
