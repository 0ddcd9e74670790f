//! One pass over one account: read, compare, hold back, apply, and say how everything stands.
//!
//! It knows objects as a [`View`] and the account as a [`Session`]; whoever calls it fetches the one and writes down
//! what comes out. So the same pass runs in a cluster and in a test without one.

use super::conditions::{conditions, is_stalled, reason_of};
use super::declare::{leaving, manifests, removes};
use super::hold::{Circumstances, brief, put_off};
use super::judge::{Standing, Verdicts, changes, of_account, one_line};
use super::known::Known;
use super::pins;
use super::propose::{Proposals, covered, covers, propose};
use super::reason::Reason;
use super::rhythm;
use super::view::{Approval, Declared, Meta, ObjectRef, View};
use super::write_only;
use crate::apply::{self, Account, Journal, Outcome, Stop};
use crate::facts::{Key, Membership, Policy, Value, World};
use crate::kore::{Ask, Gateway, KoreError, Reader, Tenure, Writer};
use crate::manifest::kinds::status::{MembershipState, PlanCounts};
use crate::manifest::kinds::{AccountStatus, ObjectStatus, Spec};
use crate::manifest::{Compiled, Manifests, compile};
use crate::plan::{self, ChangeId, Context, Inputs, Plan};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The way to the account.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// Reads it.
    pub reader: &'a Reader,
    /// Budget and time.
    pub gateway: &'a Gateway,
    /// Scheme and host.
    pub host: &'a str,
    /// Until when we may write.
    pub tenure: &'a Tenure,
}

/// What came of a pass.
#[derive(Debug)]
pub struct Pass {
    /// How each object stands.
    pub statuses: Vec<(ObjectRef, ObjectStatus)>,
    /// How the account stands.
    pub account: AccountStatus,
    /// Plans to publish, and where published ones stand.
    pub proposals: Proposals,
    /// How each approval stands, by name.
    pub approvals: BTreeMap<String, ObjectStatus>,
    /// Objects that need our finalizer.
    pub keep: Vec<ObjectRef>,
    /// Objects whose finalizer can go.
    pub release: Vec<ObjectRef>,
    /// What is worth an event.
    pub news: Vec<News>,
    /// The plan, when there was one.
    pub plan: Option<Plan>,
    /// What became of it, when something was applied.
    pub outcome: Option<Outcome>,
    /// The next pass, if nothing wakes the account before.
    pub next: Timestamp,
    /// Whether the account could be read.
    pub was_read: bool,
}

/// Something new about an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct News {
    /// The object; `None`: the account.
    pub object: Option<ObjectRef>,
    /// Why.
    pub reason: String,
    /// What.
    pub message: String,
    /// Whether a person has to do something.
    pub is_warning: bool,
}

impl News {
    /// An object is let go of, and nothing is taken away.
    pub(super) fn released(object: &ObjectRef, why: &str) -> Self {
        Self {
            object: Some(object.clone()),
            reason: "Released".to_owned(),
            message: format!("released: {why}, so nothing was changed at the platform"),
            is_warning: true,
        }
    }
}

/// Runs one pass. `session` is the reason when there is no way to the account.
pub async fn pass(
    view: &View,
    known: &mut Known,
    session: Result<Session<'_>, Standing>,
    now: Timestamp,
    stop: Stop,
) -> Pass {
    let session = match session {
        Ok(session) => session,
        Err(standing) => return unread(view, known, &standing, now),
    };
    if let Some(rival) = view.rival(view.account.tenant().as_deref()) {
        return unread(view, known, &Standing::rivalled(rival), now);
    }
    let manifests = manifests(view);
    let name = view.account.meta.object.name.clone();
    let compiled = match compile(&manifests, Some(&name), now) {
        Ok(compiled) => compiled,
        Err(error) => return unread(view, known, &Standing::new(Reason::Invalid, error.to_string()), now),
    };
    if compiled.policy.suspend {
        return unread(view, known, &Standing::suspended(), now);
    }
    let world = match observe(&session, &compiled, &stop).await {
        Ok(world) => world,
        Err(standing) => return unread(view, known, &standing, now),
    };
    // Whoever does not say which tenant it is about learns it only now.
    if let Some(rival) = view.rival(world.account.as_ref().map(ToString::to_string).as_deref()) {
        return unread(view, known, &Standing::rivalled(rival), now);
    }
    let (manifests, compiled, moved) = without_moved(view, manifests, compiled, &world, now);
    let mut work = Work { view, known, session, manifests, world, moved, verdicts: Verdicts::default(), now };
    work.finish(compiled, stop).await
}

async fn observe(session: &Session<'_>, compiled: &Compiled, stop: &Stop) -> Result<World, Standing> {
    let ask = Ask::for_plan(&compiled.desired, &compiled.policy);
    let failed = |error: KoreError| Standing::new(Reason::of_error(&error), one_line(&error.to_string()));
    let mut stop = stop.clone();
    let world = tokio::select! {
        world = session.reader.read(&ask) => world.map_err(failed)?,
        () = stop.asked() => return Err(Standing::new(Reason::Progressing, "asked to end while reading")),
    };
    match (&compiled.policy.account_id, &world.account) {
        (Some(pinned), Some(seen)) if pinned != seen => {
            let message = format!(
                "the account is {seen}, and spec.accountId says {pinned}; check host and credentials"
            );
            Err(Standing::new(Reason::AccountMismatch, message))
        }
        _ => Ok(world),
    }
}

/// Leaves out the objects whose names mean something else than they did. What they would close stays open.
fn without_moved(
    view: &View,
    manifests: Manifests,
    compiled: Compiled,
    world: &World,
    now: Timestamp,
) -> (Manifests, Compiled, Vec<(ObjectRef, String)>) {
    let moved: Vec<(ObjectRef, String)> =
        view.objects.iter().filter_map(|object| pins::moved(object, world)).collect();
    let Some((first, why)) = moved.first() else { return (manifests, compiled, moved) };
    let gone: BTreeSet<&ObjectRef> = moved.iter().map(|(object, _)| object).collect();
    let rest = View {
        objects: view.objects.iter().filter(|object| !gone.contains(&object.meta.object)).cloned().collect(),
        gap: Some(format!("{first}: {why}")),
        ..view.clone()
    };
    let manifests = self::manifests(&rest);
    match compile(&manifests, Some(&view.account.meta.object.name), now) {
        Ok(compiled) => (manifests, compiled, moved),
        // The account is the same as before, so this cannot happen; if it does, nothing closes.
        Err(_) => (manifests, compiled, moved),
    }
}

struct Work<'a> {
    view: &'a View,
    known: &'a mut Known,
    session: Session<'a>,
    manifests: Manifests,
    world: World,
    moved: Vec<(ObjectRef, String)>,
    verdicts: Verdicts,
    now: Timestamp,
}

impl Work<'_> {
    async fn finish(&mut self, compiled: Compiled, stop: Stop) -> Pass {
        let Compiled { account: _, desired, policy, expiring, findings } = compiled;
        let (view, now) = (self.view, self.now);
        self.known.memory.note_pending(&self.world, now);
        let covered = covered(view);
        let context = Context {
            account: view.account.meta.object.name.to_string(),
            host: self.session.host.to_owned(),
            inputs: Inputs { digest: String::new(), documents: self.manifests.all().len() },
            day: Some(self.known.day(covered.clone(), now)),
            rewrite: write_only::rewrite(view),
            look_up_size: self.session.reader.sizes().look_up,
            memory: self.known.memory.clone(),
            now,
            ..Context::default()
        };
        let plan = plan::make(desired, &self.world, &policy, &context);
        let circumstances = Circumstances {
            policy: &policy,
            covered: &covered,
            leaving: &leaving(view),
            still_since: self.known.still_since(view, now),
            now,
        };
        let settled_at = circumstances.settled_at();
        let entries = put_off(&plan, &circumstances);
        let plan = plan::put_off(plan, entries, &policy, &context);
        let held = Reason::of_mode(policy.mode, policy.suspend);
        let outcome = match held {
            None if !plan.sendable().is_empty() => Some(self.apply(&plan, &policy, stop).await),
            _ => None,
        };

        self.verdicts.of_findings(self.manifests.findings().iter().chain(&findings), view);
        self.verdicts.of_plan(&plan, outcome.as_ref(), held);
        for (object, why) in &self.moved {
            self.verdicts.say(object.clone(), Standing::new(Reason::NameMoved, why.clone()));
        }
        for broken in &view.broken {
            let standing = Standing::new(Reason::Invalid, broken.why.clone());
            self.verdicts.say(broken.meta.object.clone(), standing);
        }
        let left = left(&plan, outcome.as_ref());
        let (keep, release) = self.finalizers(held);
        let interval = rhythm::effective_interval(&policy, self.world.calls);
        let standing = of_account(&plan, outcome.as_ref(), held, &self.manifests);
        let account = self.account_status(&standing, &plan, &policy, interval, left.len());
        let mut news = self.news();
        news.extend(view.objects.iter().filter_map(let_go));
        news.extend(news_of_account(view, &standing, &account));
        let is_well = outcome.as_ref().is_none_or(Outcome::is_complete);
        let regular = if is_well { interval } else { RETRY.min(interval) };
        let is_settling = plan.waiting.iter().any(|entry| entry.reason == plan::Reason::Settling);
        let expiry = expiring.first().map(|expiry| expiry.at);
        let next =
            [Some(now.saturating_add(regular).unwrap_or(Timestamp::MAX)), expiry.filter(|at| *at > now)]
                .into_iter()
                .chain([is_settling.then_some(settled_at)])
                .flatten()
                .min()
                .unwrap_or(now);
        Pass {
            statuses: self.statuses(&plan, outcome.as_ref()),
            account,
            proposals: propose(&plan, view, &left),
            approvals: approvals(view, now),
            keep,
            release,
            news,
            plan: Some(plan),
            outcome,
            next,
            was_read: true,
        }
    }

    async fn apply(&mut self, plan: &Plan, policy: &Policy, stop: Stop) -> Outcome {
        let writer = Writer::new(self.session.gateway.clone()).within(self.session.tenure);
        let account = Account { reader: self.session.reader, writer: &writer, gateway: self.session.gateway };
        let mut journal = Journal::none();
        let outcome = apply::run(plan.clone(), &self.world, policy, &account, &mut journal, stop).await;
        self.known.note(&outcome, self.session.gateway.now());
        outcome
    }

    /// Which objects need our finalizer, and whose can go: it stands on what takes something away when it is deleted,
    /// until that is done or not wanted.
    fn finalizers(&self, held: Option<Reason>) -> (Vec<ObjectRef>, Vec<ObjectRef>) {
        let (mut keep, mut release) = (Vec::new(), Vec::new());
        for Declared { meta, spec, status: _ } in &self.view.objects {
            let wants = removes(spec) && !meta.is_orphaned;
            let is_done = || held.is_none() && self.verdicts.of(&meta.object).reason == Reason::UpToDate;
            match (meta.has_finalizer, wants, meta.deleted.is_some()) {
                (false, true, false) => keep.push(meta.object.clone()),
                (true, false, _) => release.push(meta.object.clone()),
                (true, true, true) if is_done() => release.push(meta.object.clone()),
                _ => {}
            }
        }
        (keep, release)
    }

    fn statuses(&self, plan: &Plan, outcome: Option<&Outcome>) -> Vec<(ObjectRef, ObjectStatus)> {
        let arrived = write_only::arrived(plan, outcome);
        let declared = self.view.objects.iter().map(|object| {
            let Declared { meta, spec, status } = object;
            let standing = self.verdicts.of(&meta.object);
            let (membership, invited_since) = match spec {
                Spec::User(user) => (
                    Some(membership(self.world.get(&Key::Member(user.email.clone())))),
                    self.known.memory.pending_since.get(&user.email).copied(),
                ),
                _ => (None, None),
            };
            let status = ObjectStatus {
                observed_generation: Some(meta.generation),
                conditions: conditions(&standing, meta.generation, &status.conditions, self.now),
                resolved: pins::resolved(object, &self.world),
                membership,
                sent: write_only::sent(object, &arrived),
                invited_since,
            };
            (meta.object.clone(), status)
        });
        let broken = self.view.broken.iter().map(|broken| {
            let standing = self.verdicts.of(&broken.meta.object);
            let generation = broken.meta.generation;
            let status = ObjectStatus {
                observed_generation: Some(generation),
                conditions: conditions(&standing, generation, &broken.status.conditions, self.now),
                ..broken.status.clone()
            };
            (broken.meta.object.clone(), status)
        });
        declared.chain(broken).collect()
    }

    fn account_status(
        &self,
        standing: &Standing,
        plan: &Plan,
        policy: &Policy,
        interval: SignedDuration,
        left: usize,
    ) -> AccountStatus {
        let meta = &self.view.account.meta;
        let before = &self.view.account.status;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mut conditions = conditions(standing, meta.generation, &before.conditions, self.now);
        if standing.reason == Reason::UpToDate
            && (left > 0 || plan.blocked.len() + plan.manual.len() > 0 || self.manifests.has_errors())
        {
            let synced = conditions.iter_mut().find(|condition| condition.type_ == "Synced");
            if let Some(synced) = synced {
                "False".clone_into(&mut synced.status);
            }
        }
        AccountStatus {
            observed_generation: Some(meta.generation),
            conditions,
            account_id: self.world.account.as_ref().map(ToString::to_string),
            effective_interval: Some(brief(interval)),
            calls: Some(rhythm::calls(policy, self.world.calls, interval)),
            coverage: self
                .world
                .coverage
                .listings
                .iter()
                .map(|(listing, extent)| (format!("{listing:?}"), extent.to_string()))
                .collect(),
            counts: Some(PlanCounts {
                objects: number(self.view.objects.len() + self.view.broken.len()),
                changes: number(left),
                waiting: number(plan.waiting.len()),
                blocked: number(plan.blocked.len()),
                manual: number(plan.manual.len()),
                refused: number(plan.refused.len()),
                unmanaged: number(plan.unmanaged.len()),
            }),
            plan_digest: Some(plan.digest.to_string()),
            removals: Some(self.known.window(policy.safety.max_removals)),
            repeated: self.known.repeated(),
            invited: self.known.invited(self.view),
            in_flight: before.in_flight.clone(),
            handled_reconcile_at: meta.reconcile_at.clone(),
        }
    }

    fn news(&self) -> Vec<News> {
        let mut news = Vec::new();
        for Declared { meta, spec: _, status } in &self.view.objects {
            let Standing { reason, message } = self.verdicts.of(&meta.object);
            if let Some(count) = self.verdicts.applied().get(&meta.object) {
                news.push(News {
                    object: Some(meta.object.clone()),
                    reason: "Applied".to_owned(),
                    message: format!("{} applied and read back", changes(*count as usize)),
                    is_warning: false,
                });
            }
            let before = reason_of(&status.conditions);
            // What is well from the start is worth no event: ten thousand of them would say nothing.
            if before != Some(&reason.to_string()) && (before.is_some() || reason != Reason::UpToDate) {
                let object = Some(meta.object.clone());
                news.push(News {
                    object,
                    reason: reason.to_string(),
                    message,
                    is_warning: is_stalled(reason),
                });
            }
        }
        news
    }
}

/// The pause before what failed is tried again.
const RETRY: SignedDuration = SignedDuration::from_secs(60);

/// Changes of the plan that the account does not show yet.
fn left(plan: &Plan, outcome: Option<&Outcome>) -> BTreeSet<ChangeId> {
    let is_there = |id: &ChangeId| outcome.is_some_and(|outcome| outcome.is_good(id));
    plan.changes.iter().map(|change| &change.id).filter(|id| !is_there(id)).cloned().collect()
}

/// What each approval covers, so that whoever wrote it sees that it was understood.
fn approvals(view: &View, now: Timestamp) -> BTreeMap<String, ObjectStatus> {
    let status = |approval: &Approval| {
        let standing = match covers(approval, &view.published).len() {
            0 => Standing::new(
                Reason::ReferenceMissing,
                "there is no KorePlan of that digest; kubectl get kp lists them",
            ),
            count => Standing::new(Reason::UpToDate, format!("covers {}", changes(count))),
        };
        let mut conditions = conditions(&standing, approval.generation, &approval.status.conditions, now);
        for condition in conditions.iter_mut().filter(|condition| condition.type_ == "Accepted") {
            standing.message.clone_into(&mut condition.message);
        }
        conditions.retain(|condition| condition.type_ == "Accepted");
        ObjectStatus { observed_generation: Some(approval.generation), conditions, ..ObjectStatus::default() }
    };
    view.approvals.iter().map(|approval| (approval.name.clone(), status(approval))).collect()
}

/// What is said about an object that goes without anything being taken away.
fn let_go(object: &Declared) -> Option<News> {
    let Meta { deleted, has_finalizer, is_orphaned, .. } = &object.meta;
    (deleted.is_some() && *has_finalizer && *is_orphaned)
        .then(|| News::released(&object.meta.object, "it or its namespace was let go of"))
}

fn membership(seen: Option<&Value>) -> MembershipState {
    match seen {
        Some(Value::Member(Membership::Joined)) => MembershipState::Joined,
        Some(Value::Member(Membership::Pending { since: _ })) => MembershipState::Invited,
        _ => MembershipState::Absent,
    }
}

/// A pass without a look at the account: only the account object says so, and objects nobody has judged yet. A network
/// that is away for a minute shall not rewrite ten thousand statuses.
fn unread(view: &View, known: &mut Known, standing: &Standing, now: Timestamp) -> Pass {
    known.still_since(view, now);
    let meta = &view.account.meta;
    let before = &view.account.status;
    let account = AccountStatus {
        observed_generation: Some(meta.generation),
        conditions: conditions(standing, meta.generation, &before.conditions, now),
        handled_reconcile_at: meta.reconcile_at.clone(),
        ..before.clone()
    };
    let unjudged = view
        .objects
        .iter()
        .filter(|object| object.status.observed_generation != Some(object.meta.generation));
    let statuses = unjudged.map(|Declared { meta, spec: _, status }| {
        let message = format!("the account is not ready ({}): {}", standing.reason, standing.message);
        let standing = Standing::new(Reason::Progressing, message);
        let conditions = conditions(&standing, meta.generation, &status.conditions, now);
        let status =
            ObjectStatus { observed_generation: Some(meta.generation), conditions, ..status.clone() };
        (meta.object.clone(), status)
    });
    let interval = compile::duration(&view.account.spec.interval).unwrap_or(RETRY);
    // What was let go of needs no look at the account.
    let release = view.objects.iter().filter(|object| object.meta.has_finalizer && object.meta.is_orphaned);
    Pass {
        statuses: statuses.collect(),
        news: view
            .objects
            .iter()
            .filter_map(let_go)
            .chain(news_of_account(view, standing, &account))
            .collect(),
        account,
        proposals: Proposals::default(),
        approvals: BTreeMap::new(),
        keep: Vec::new(),
        release: release.map(|object| object.meta.object.clone()).collect(),
        plan: None,
        outcome: None,
        next: now.saturating_add(RETRY.min(interval)).unwrap_or(Timestamp::MAX),
        was_read: false,
    }
}

fn news_of_account(view: &View, standing: &Standing, account: &AccountStatus) -> Option<News> {
    let before = reason_of(&view.account.status.conditions);
    let now = reason_of(&account.conditions)?;
    (before != Some(now)).then(|| News {
        object: None,
        reason: now.to_owned(),
        message: standing.message.clone(),
        is_warning: is_stalled(standing.reason),
    })
}
