//! One call: whether enough Master Admins are left, how it is sent, and what the answer means.

use super::super::encode::{Reply, RequestEncoder};
use super::super::journal::Record;
use super::super::outcome::{ChangeOutcome, REFUSED};
use super::queue::QueuedCall;
use super::{EarlyEnd, MAX_OBSERVATION_AGE, Observation, Run};
use crate::facts::{Key, World};
use crate::kore::{Deadline, KoreError};
use crate::plan::pack::Call;
use crate::plan::{Action, ChangeId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

impl Run<'_, '_> {
    /// Why the call would leave too few Master Admins who can sign in. Counted on this very observation, less those whom
    /// calls since then took it from.
    pub(super) fn why_too_few_admins(&self, call: &Call, observed: &World) -> Option<String> {
        let losing = self.progress.losing_master_admin(call, observed);
        if losing.is_empty() {
            return None;
        }
        let left = self.progress.master_admins_left(observed, &losing);
        let least = self.policy.safety.min_master_admins as usize;
        (left < least).then(|| {
            format!("Master Admins who can sign in: {left} would be left now, {least} are needed (safety.minMasterAdmins)")
        })
    }

    /// Sends a call that was checked against this observation, and sorts the answer.
    pub(super) async fn send(
        &mut self,
        queued: QueuedCall,
        observation: &Observation,
    ) -> Result<(), EarlyEnd> {
        let call = &queued.call;
        self.progress.begin_call(self.progress.losing_master_admin(call, &observation.world));
        let ids: Vec<ChangeId> = call.changes().cloned().collect();
        let label = call.kind.label().to_owned();
        self.write_record(&Record::Sending { at: self.account.gateway.now(), call: label, changes: ids })?;
        let encoder = RequestEncoder {
            call,
            changes: self.progress.changes(),
            known_ids: &self.known_ids,
            observed: &observation.world,
        };
        // Rate-limited and waited out, a call must not rely on an observation that has grown old meanwhile.
        let too_old = observation.at.saturating_add(MAX_OBSERVATION_AGE).unwrap_or(Timestamp::MAX);
        let writer = self.account.writer.until(too_old);
        let answer = encoder.send(&writer, self.policy).await;
        let text = match &answer {
            Ok(answer) => answer.to_string(),
            Err(error) => error.to_string(),
        };
        let written = self.write_record(&Record::Answered { at: self.account.gateway.now(), answer: text });
        match answer {
            Ok(reply) => self.sort_reply(queued, reply),
            // Nothing was executed. Whether waiting is allowed at all is decided before the next observation.
            Err(error) if is_worth_another_observation(&error) => self.retry(queued),
            Err(error) => return Err(error.into()),
        }
        // Whatever the journal lacks, it was sent.
        written
    }

    /// What an answer means for each change of the call.
    fn sort_reply(&mut self, queued: QueuedCall, reply: Reply) {
        match reply {
            Reply::Sorted { refused, together } => self.sort_entries(&queued, refused, together),
            Reply::Unknown(why) => {
                for id in queued.call.changes() {
                    self.mark_sent(id, Some(why.clone()));
                }
            }
            Reply::Refused(why) => self.bisect(queued, &why),
        }
    }

    /// What is refused fails, what failed together is bisected, and the rest is in flight.
    fn sort_entries(
        &mut self,
        queued: &QueuedCall,
        refused: Vec<(usize, String)>,
        together: Vec<(Vec<usize>, String)>,
    ) {
        let QueuedCall { call, bisection, retries, is_resend } = queued;
        let refused: BTreeMap<usize, String> = refused.into_iter().collect();
        let apart: BTreeSet<usize> = together.iter().flat_map(|(entries, _)| entries).copied().collect();
        for (at, entry) in call.entries.iter().enumerate().filter(|(at, _)| !apart.contains(at)) {
            for id in entry {
                match refused.get(&at) {
                    Some(why) => {
                        let why = format!("{REFUSED}{why}");
                        self.record_outcome(id, ChangeOutcome::Failed(why));
                    }
                    None => self.mark_sent(id, None),
                }
            }
        }
        if !refused.is_empty() && !is_resend {
            let taken = call.entries.iter().enumerate();
            for (_, entry) in taken.filter(|(at, _)| !apart.contains(at) && !refused.contains_key(at)) {
                self.progress.mark_unconfirmed(call.kind, entry.clone());
            }
        }
        for (entries, why) in together {
            let entries = entries.into_iter().filter_map(|at| call.entries.get(at).cloned()).collect();
            let call = Call { kind: call.kind, entries };
            let part = QueuedCall { call, bisection: *bisection, retries: *retries, is_resend: *is_resend };
            self.bisect(part, &why);
        }
    }

    fn bisect(&mut self, refused: QueuedCall, message: &str) {
        if let Err(given_up) = self.queue.bisect(refused, message) {
            self.give_up(&given_up);
        }
    }

    /// A refused invitation keeps the platform's words. Beside them goes a reason that the platform may have had and does not
    /// always give: since a release of 2024 private addresses open no account (kore-api section 4, row 56).
    pub(super) fn with_possible_reason(&self, id: &ChangeId, outcome: ChangeOutcome) -> ChangeOutcome {
        let ChangeOutcome::Failed(why) = &outcome else { return outcome };
        let invited = self.progress.change(id).and_then(|change| match (&change.key, change.action) {
            (Key::Member(email), Action::Add) => Some(email),
            _ => None,
        });
        let Some(email) = invited.filter(|email| why.starts_with(REFUSED) && !email.domain().is_empty())
        else {
            return outcome;
        };
        let is_there = |key: &Key| matches!(key, Key::Member(known) if known.domain() == email.domain());
        if self.observed_by_plan.facts().iter().any(|(key, _)| is_there(key)) {
            return outcome;
        }
        let domain = email.domain();
        ChangeOutcome::Failed(format!(
            "{why}; nobody in the account has an address at {domain}, and the platform may refuse private addresses: use a \
             business address, or invite {email} in the console (Enrollment > Invite)"
        ))
    }

    fn mark_sent(&mut self, id: &ChangeId, unknown: Option<String>) {
        if let Some(outcome) = self.progress.mark_sent(id, unknown) {
            self.record_outcome(id, outcome);
        }
    }
}

/// Whether a call that ended so was not executed, and may be sent after it was checked again. A lost lease is not: another
/// replica may lead, so nothing more is sent.
fn is_worth_another_observation(error: &KoreError) -> bool {
    match error {
        KoreError::RateLimited { .. } | KoreError::DeadlinePassed { which: Deadline::Freshness, .. } => true,
        KoreError::DeadlinePassed { which: Deadline::Lease, .. }
        | KoreError::Credentials { .. }
        | KoreError::Scope { .. }
        | KoreError::Unreachable { .. }
        | KoreError::Protocol { .. }
        | KoreError::Encrypted { .. }
        | KoreError::Refused { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kore::Endpoint;
    use jiff::SignedDuration;

    #[test]
    fn an_old_observation_is_made_again_and_a_lost_lease_ends_the_run() {
        let endpoint = Endpoint::UpdateUsers;
        let passed = |which| KoreError::DeadlinePassed { endpoint, which };
        let second = SignedDuration::from_secs(1);
        let limited = KoreError::RateLimited { endpoint, wait: second, max_wait: second };
        assert!(is_worth_another_observation(&limited));
        assert!(is_worth_another_observation(&passed(Deadline::Freshness)));
        assert!(!is_worth_another_observation(&passed(Deadline::Lease)));
    }
}
