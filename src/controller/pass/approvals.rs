//! Which approvals count, for what, and why one does not. Pure.
//!
//! An approval names changes by their ids, or a plan by its digest: a published one, or the plan of this very pass, whose
//! digest a pull request has shown. It does not count when its end has passed, when it was used up, or when whoever gave
//! it is known to have edited the object themselves.

use super::conditions::{MESSAGE_MAX, conditions, shortened};
use super::defer::declaring_objects;
use super::readiness::Readiness;
use super::reason::ConditionReason;
use super::view::{Approval, Meta, ObjectRef, View};
use crate::facts::{self, Policy, Source};
use crate::manifest::kinds::ObjectStatus;
use crate::plan::{Change, ChangeId, Effect, Memory, Plan, RiskLevel, loosened_guards};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Something that may need an approval: a change, or an effect of a declaration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Approvable<'p> {
    /// Its id.
    pub(super) id: &'p ChangeId,
    /// The lines that declare it.
    sources: &'p [Source],
    /// How much harm it could do.
    level: RiskLevel,
}

impl<'p> From<&'p Change> for Approvable<'p> {
    fn from(change: &'p Change) -> Self {
        Self { id: &change.id, sources: &change.sources, level: change.risk.level }
    }
}

impl<'p> From<&'p Effect> for Approvable<'p> {
    fn from(effect: &'p Effect) -> Self {
        Self { id: &effect.id, sources: &effect.sources, level: effect.risk.level }
    }
}

/// Everything of a plan that may need an approval.
pub(super) fn approvable(plan: &Plan) -> impl Iterator<Item = Approvable<'_>> {
    plan.changes.iter().map(Approvable::from).chain(plan.declared.iter().map(Approvable::from))
}

/// Whether a setting asks for an approval of so much risk.
pub(super) fn needs_approval(setting: facts::Approval, level: RiskLevel) -> bool {
    match setting {
        facts::Approval::Automatic => false,
        facts::Approval::WhenRisky => level >= RiskLevel::High,
        facts::Approval::Manual => true,
    }
}

/// Whether an approval without an end counts once only.
fn is_single_use(level: RiskLevel) -> bool {
    level >= RiskLevel::High
}

/// The approvals of an account, and what each of them names.
pub(super) struct Approvals<'v> {
    named: Vec<(&'v Approval, BTreeSet<ChangeId>)>,
    used: BTreeMap<String, BTreeSet<ChangeId>>,
    metas: HashMap<&'v ObjectRef, &'v Meta>,
    now: Timestamp,
}

impl<'v> Approvals<'v> {
    /// With what published plans list.
    pub(super) fn new(view: &'v View, memory: &Memory, now: Timestamp) -> Self {
        let named = view.approvals.iter().map(|approval| (approval, named_by(approval, view))).collect();
        // Ten thousand objects are looked up only where an approver could be one of their editors.
        let is_named = view.approvals.iter().any(|approval| approval.approved_by.is_some());
        let metas = view.objects().map(|object| &object.meta).chain([&view.account.meta]);
        let metas = metas.filter(|_| is_named).map(|meta| (&meta.object, meta)).collect();
        Self { named, used: memory.approvals_used.clone(), metas, now }
    }

    /// The same, where the plan of this pass may be named by its digest, too.
    pub(super) fn with_plan(mut self, plan: &Plan) -> Self {
        for (approval, named) in &mut self.named {
            if !plan.changes.is_empty() && approval.digest.as_deref() == Some(plan.digest.as_str()) {
                named.extend(plan.changes.iter().map(|change| change.id.clone()));
            }
        }
        self
    }

    /// Whether an approval names a plan by this digest.
    pub(super) fn name_digest(&self, digest: &str) -> bool {
        self.named.iter().any(|(approval, _)| approval.digest.as_deref() == Some(digest))
    }

    /// Every id that an approval in force names, whoever gave it.
    pub(super) fn ids(&self) -> BTreeSet<ChangeId> {
        let in_force = self.named.iter().filter(|(approval, _)| !self.has_ended(approval));
        in_force
            .flat_map(|(approval, named)| named.iter().filter(|id| !self.is_used(approval, id)).cloned())
            .collect()
    }

    /// What is approved of these.
    pub(super) fn approved<'p>(&self, items: impl Iterator<Item = Approvable<'p>>) -> BTreeSet<ChangeId> {
        let is_approved = |item: &Approvable<'_>| {
            self.named.iter().any(|(approval, named)| named.contains(item.id) && self.counts(approval, *item))
        };
        items.filter(is_approved).map(|item| item.id.clone()).collect()
    }

    /// Which approvals are used up by sending these: the uid of each, and the change.
    pub(super) fn uses<'p>(&self, items: impl Iterator<Item = Approvable<'p>>) -> Vec<(String, ChangeId)> {
        let mut uses = Vec::new();
        for item in items.filter(|item| is_single_use(item.level)) {
            let with_item = self.named.iter().filter(|(_, named)| named.contains(item.id));
            let once =
                with_item.filter(|(approval, _)| approval.ends.is_none() && self.counts(approval, item));
            uses.extend(once.map(|(approval, _)| (approval.uid.clone(), item.id.clone())));
        }
        uses
    }

    fn has_ended(&self, approval: &Approval) -> bool {
        approval.ends.is_some_and(|ends| ends <= self.now)
    }

    fn is_used(&self, approval: &Approval, id: &ChangeId) -> bool {
        self.used.get(&approval.uid).is_some_and(|used| used.contains(id))
    }

    fn counts(&self, approval: &Approval, item: Approvable<'_>) -> bool {
        !self.has_ended(approval)
            && !self.is_used(approval, item.id)
            && self.edited_by_approver(approval, item.sources).is_none()
    }

    /// The object that the approver has edited, where that is known.
    fn edited_by_approver(&self, approval: &Approval, sources: &[Source]) -> Option<ObjectRef> {
        let approver = approval.approved_by.as_deref()?;
        declaring_objects(sources).find(|object| {
            let editors = self.metas.get(object).map_or(&[][..], |meta| &meta.editors);
            editors.iter().any(|editor| is_same_person(editor, approver))
        })
    }

    /// What became of each approval, so that its author sees whether it took effect. `plan`: the plan of this pass.
    pub(super) fn statuses(&self, plan: &Plan) -> BTreeMap<String, ObjectStatus> {
        let all = self.named.iter();
        all.map(|(approval, named)| (approval.name.clone(), self.status(approval, named, plan))).collect()
    }

    fn status(&self, approval: &Approval, named: &BTreeSet<ChangeId>, plan: &Plan) -> ObjectStatus {
        let readiness = self.readiness(approval, named, plan);
        let before = &approval.status.conditions;
        let mut conditions = conditions(&readiness, approval.generation, before, self.now);
        for condition in conditions.iter_mut().filter(|condition| condition.type_ == "Accepted") {
            condition.message = shortened(&readiness.message, MESSAGE_MAX);
        }
        conditions.retain(|condition| condition.type_ == "Accepted");
        ObjectStatus { observed_generation: Some(approval.generation), conditions, ..ObjectStatus::default() }
    }

    fn readiness(&self, approval: &Approval, named: &BTreeSet<ChangeId>, plan: &Plan) -> Readiness {
        if let Some(ends) = approval.ends.filter(|_| self.has_ended(approval)) {
            let message = format!("it ended {ends}, and counts no longer; create another one");
            return Readiness::new(ConditionReason::ApprovalEnded, message);
        }
        if named.is_empty() {
            return Readiness::new(
                ConditionReason::ReferenceMissing,
                "there is no KorePlan of that digest, and the plan of the account has another one; kubectl get kp lists them",
            );
        }
        let mut message = format!("covers {}", facts::count(named.len(), "change"));
        let used = named.iter().filter(|id| self.is_used(approval, id)).count();
        if used > 0 {
            message = format!("{message}; used up for {used}, because it has no end");
        }
        let here: Vec<Approvable<'_>> = approvable(plan).filter(|item| named.contains(item.id)).collect();
        let own: Vec<ObjectRef> =
            here.iter().filter_map(|item| self.edited_by_approver(approval, item.sources)).collect();
        let Some(first) = own.first() else {
            return Readiness::new(ConditionReason::UpToDate, message);
        };
        let by = approval.approved_by.as_deref().unwrap_or_default();
        let message = format!("{message}; does not count for {}: {by} has edited {first}", own.len());
        let is_all = own.len() == here.len();
        let reason = if is_all { ConditionReason::SelfApproval } else { ConditionReason::UpToDate };
        Readiness::new(reason, message)
    }
}

/// The ids that an approval lists, and those of the published plan that it names.
fn named_by(approval: &Approval, view: &View) -> BTreeSet<ChangeId> {
    let plans = view.published.iter().filter(|plan| approval.digest.as_ref() == Some(&plan.digest));
    plans.flat_map(|plan| plan.changes.iter().cloned()).chain(approval.changes.iter().cloned()).collect()
}

/// Names of users as the API server has them: addresses differ in case only by accident.
fn is_same_person(editor: &Arc<str>, approver: &str) -> bool {
    editor.trim().eq_ignore_ascii_case(approver.trim())
}

/// Puts back the guards whose loosening waits for an approval; gives these effects. What guarded so far also decides
/// what needs one: who sets `approval: Automatic` does not approve that by doing so.
pub(super) fn hold_guards(view: &View, memory: &Memory, policy: &mut Policy, now: Timestamp) -> Vec<Effect> {
    let Some(before) = memory.guards.as_ref().filter(|_| memory.applied_revision.is_some()) else {
        return Vec::new();
    };
    let loosened: Vec<_> = loosened_guards(before, policy).collect();
    if loosened.is_empty() {
        return Vec::new();
    }
    let setting = before.approval.max(policy.approval);
    let approvals = Approvals::new(view, memory, now);
    let approved = approvals.approved(loosened.iter().map(|(_, effect)| effect.into()));
    let is_held =
        |effect: &Effect| needs_approval(setting, effect.risk.level) && !approved.contains(&effect.id);
    let held: Vec<_> = loosened.into_iter().filter(|(_, effect)| is_held(effect)).collect();
    for (guard, _) in &held {
        policy.keep_guard(guard, before);
    }
    held.into_iter().map(|(_, effect)| effect).collect()
}
