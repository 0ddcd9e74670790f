//! One pass over one account: read, compare, hold back, apply, and say how everything stands.
//!
//! It knows objects as a [`View`] and the account as a [`Session`]; whoever calls it fetches the one and writes down
//! what comes out. So the same pass runs in a cluster and in a test without one.

use super::conditions::conditions;
use super::declare::{leaving, manifests, missing, removes};
use super::hold::{Circumstances, put_off};
use super::judge::{Standing, Verdicts, of_account, one_line};
use super::known::Known;
use super::news::{self, News};
use super::pins;
use super::propose::{Proposals, covered, propose};
use super::reason::Reason;
use super::rhythm;
use super::statuses::approvals;
use super::view::{Declared, ObjectRef, View};
use super::write_ahead::WriteAhead;
use super::write_only;
use crate::apply::{self, Account, Journal, Kept, Outcome, Stop, Vault};
use crate::facts::{AccountId, Desired, Policy, World};
use crate::kore::{Ask, Gateway, KoreError, Reader, Tenure, Writer};
use crate::manifest::kinds::{AccountStatus, ObjectStatus};
use crate::manifest::{Compiled, Finding, Manifests, compile};
use crate::plan::{self, ChangeId, Context, Inputs, Plan};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    /// What has to outlive the process before it is done.
    pub ahead: &'a Arc<dyn WriteAhead>,
}

/// What came of a pass.
#[derive(Debug)]
pub struct Pass {
    /// How each object stands; none where it is still.
    pub statuses: Vec<(ObjectRef, ObjectStatus)>,
    /// How the account stands.
    pub account: AccountStatus,
    /// The account's status has been written to meanwhile: what stands there may be what was foreseen.
    pub has_foreseen: bool,
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
    pub plan: Option<Arc<Plan>>,
    /// What became of it, when something was applied.
    pub outcome: Option<Outcome>,
    /// The next pass, if nothing wakes the account before.
    pub next: Timestamp,
    /// Whether the account could be read.
    pub was_read: bool,
    /// All is as the pass before left it, which had nothing to write down.
    pub is_still: bool,
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
    let mut world = None;
    if let Some(still) = known.still.as_ref().filter(|still| still.is_about(view, now)) {
        match observe(&session, &still.question, &stop).await {
            Ok(seen) if still.has_seen(&seen) && session.ahead.kept().await == Ok(None) => {
                return still.again(now);
            }
            Ok(seen) => world = Some(seen),
            Err(standing) => return unread(view, known, &standing, now),
        }
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
    let question = Question::of(&compiled);
    let observed = match world {
        Some(world) => Ok(world),
        None => observe(&session, &question, &stop).await,
    };
    let world = match observed {
        Ok(world) => world,
        Err(standing) => return unread(view, known, &standing, now),
    };
    // Whoever does not say which tenant it is about learns it only now.
    if let Some(rival) = view.rival(world.account.as_ref().map(ToString::to_string).as_deref()) {
        return unread(view, known, &Standing::rivalled(rival), now);
    }
    let (world, unrestored) = match restore(&session, &compiled.policy, &question, world, &stop).await {
        Ok(restored) => restored,
        Err(standing) => return unread(view, known, &standing, now),
    };
    let (manifests, compiled, moved) = without_moved(view, manifests, compiled, &world, now);
    let verdicts = Verdicts::default();
    let has_foreseen = false;
    let mut work = Work {
        view,
        known,
        session,
        question,
        manifests,
        world,
        moved,
        unrestored,
        verdicts,
        now,
        has_foreseen,
    };
    work.finish(compiled, stop).await
}

/// What the account is asked, and which account has to answer.
#[derive(Clone, Debug)]
pub(super) struct Question {
    ask: Ask,
    account: Option<AccountId>,
}

impl Question {
    fn of(compiled: &Compiled) -> Self {
        let Compiled { desired, policy, .. } = compiled;
        Self { ask: Ask::for_plan(desired, policy), account: policy.account_id.clone() }
    }
}

async fn observe(session: &Session<'_>, question: &Question, stop: &Stop) -> Result<Arc<World>, Standing> {
    let Question { ask, account } = question;
    let failed = |error: KoreError| Standing::new(Reason::of_error(&error), one_line(&error.to_string()));
    let mut stop = stop.clone();
    let world = tokio::select! {
        world = session.reader.read_again(ask) => world.map_err(failed)?,
        () = stop.asked() => return Err(Standing::new(Reason::Progressing, "asked to end while reading")),
    };
    match (account, &world.account) {
        (Some(pinned), Some(seen)) if pinned != seen => {
            let message = format!(
                "the account is {seen}, and spec.accountId says {pinned}; check host and credentials"
            );
            Err(Standing::new(Reason::AccountMismatch, message))
        }
        _ => Ok(world),
    }
}

/// First of all, what an earlier run has cleared and not sent again; then the account is looked at anew. With the world
/// goes what the platform says if it does not take it: the rest goes on, and nothing else is cleared.
async fn restore(
    session: &Session<'_>,
    policy: &Policy,
    question: &Question,
    world: Arc<World>,
    stop: &Stop,
) -> Result<(Arc<World>, Option<String>), Standing> {
    if Reason::of_mode(policy.mode, policy.suspend).is_some() {
        return Ok((world, None));
    }
    let later = |why: String| Standing::new(Reason::Progressing, one_line(&why));
    let Some(text) = session.ahead.kept().await.map_err(later)? else { return Ok((world, None)) };
    let writer = Writer::new(session.gateway.clone()).within(session.tenure);
    let vault: &dyn Vault = session.ahead.as_ref();
    let account = Account { reader: session.reader, writer: &writer, gateway: session.gateway };
    match apply::repair(Kept::Vault(vault, &text), &account, policy, &mut stop.clone()).await {
        Ok(people) => {
            tracing::warn!(people = people.len(), "assignments that an earlier run had cleared are restored");
            Ok((observe(session, question, stop).await?, None))
        }
        Err(apply::RepairError::Kore(error)) => {
            Err(Standing::new(Reason::of_error(&error), one_line(&error.to_string())))
        }
        Err(error) => Ok((world, Some(one_line(&error.to_string())))),
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
        view.objects().filter_map(|object| pins::moved(object, world)).collect();
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

/// A pass that has seen the account.
pub(super) struct Work<'a> {
    pub(super) view: &'a View,
    pub(super) known: &'a mut Known,
    session: Session<'a>,
    pub(super) question: Question,
    pub(super) manifests: Manifests,
    pub(super) world: Arc<World>,
    moved: Vec<(ObjectRef, String)>,
    /// Why what an earlier run has cleared is not back.
    unrestored: Option<String>,
    pub(super) verdicts: Verdicts,
    pub(super) now: Timestamp,
    has_foreseen: bool,
}

impl Work<'_> {
    async fn finish(&mut self, compiled: Compiled, stop: Stop) -> Pass {
        let Compiled { account: _, desired, policy, expiring, findings } = compiled;
        let (view, now) = (self.view, self.now);
        let (plan, settled_at) = self.plan(desired, &policy);
        let held = Reason::of_mode(policy.mode, policy.suspend);
        let outcome = match held {
            None if !plan.sendable().is_empty() => Some(self.apply(&plan, &policy, stop).await),
            _ => None,
        };
        self.judge(&findings, &plan, outcome.as_ref(), held);
        let left = left(&plan, outcome.as_ref());
        let (keep, release) = self.finalizers(held);
        let interval = rhythm::effective_interval(&policy, self.world.calls);
        let standing = match &self.unrestored {
            Some(why) => Standing::new(Reason::Failed, why.clone()),
            None => of_account(&plan, outcome.as_ref(), held, &self.manifests, missing(view).as_deref()),
        };
        let account = self.account_status(&standing, &plan, &policy, interval, left.len());
        let mut news = news::of_objects(view, &self.verdicts);
        news.extend(view.objects().filter_map(news::of_letting_go));
        news.extend(news::of_account(view, &standing, &account));
        let is_well = self.unrestored.is_none() && outcome.as_ref().is_none_or(Outcome::is_complete);
        let regular = if is_well { interval } else { RETRY.min(interval) };
        let is_settling = plan.waiting.iter().any(|entry| entry.reason == plan::Reason::Settling);
        let expiry = expiring.first().map(|expiry| expiry.at);
        let expiry = expiry.filter(|at| *at > now);
        let next = [Some(now.saturating_add(regular).unwrap_or(Timestamp::MAX)), expiry]
            .into_iter()
            .chain([is_settling.then_some(settled_at)])
            .flatten()
            .min()
            .unwrap_or(now);
        let pass = Pass {
            statuses: self.statuses(&plan, outcome.as_ref()),
            account,
            has_foreseen: self.has_foreseen,
            proposals: propose(&plan, view, &left),
            approvals: approvals(view, now),
            keep,
            release,
            news,
            plan: Some(Arc::new(plan)),
            outcome,
            next,
            was_read: true,
            is_still: false,
        };
        self.known.still = self.still(&pass, &policy, regular, expiry);
        pass
    }

    /// The plan, less what waits for somebody's yes or for things to settle; and when they have settled.
    fn plan(&mut self, desired: Desired, policy: &Policy) -> (Plan, Timestamp) {
        let (view, now) = (self.view, self.now);
        self.known.memory.note_pending(&self.world, now);
        let covered = covered(view);
        let mut context = Context {
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
        let again = self.known.has_foreseen().then(|| desired.clone());
        let mut plan = plan::make(desired, &self.world, policy, &context);
        if let Some(desired) = again
            && self.known.correct(&plan)
        {
            context.day = Some(self.known.day(covered.clone(), now));
            plan = plan::make(desired, &self.world, policy, &context);
        }
        let circumstances = Circumstances {
            policy,
            covered: &covered,
            leaving: &leaving(view),
            still_since: self.known.still_since(view, now),
            now,
        };
        let entries = put_off(&plan, &circumstances);
        (plan::put_off(plan, entries, policy, &context), circumstances.settled_at())
    }

    fn judge(&mut self, findings: &[Finding], plan: &Plan, outcome: Option<&Outcome>, held: Option<Reason>) {
        self.verdicts.of_findings(self.manifests.findings().iter().chain(findings), self.view);
        self.verdicts.of_plan(plan, outcome, held);
        for (object, why) in &self.moved {
            self.verdicts.say(object.clone(), Standing::new(Reason::NameMoved, why.clone()));
        }
        for broken in &self.view.broken {
            let standing = Standing::new(Reason::Invalid, broken.why.clone());
            self.verdicts.say(broken.meta.object.clone(), standing);
        }
    }

    async fn apply(&mut self, plan: &Plan, policy: &Policy, stop: Stop) -> Outcome {
        if let Err(why) = self.foresee(plan, policy).await {
            return Outcome::not_sent(plan, &format!("its removals could not be counted beforehand: {why}"));
        }
        let writer = Writer::new(self.session.gateway.clone()).within(self.session.tenure);
        let account = Account { reader: self.session.reader, writer: &writer, gateway: self.session.gateway };
        let mut journal = match self.unrestored {
            None => Journal::in_vault(Arc::clone(self.session.ahead) as Arc<dyn Vault>),
            // Its place is taken.
            Some(_) => Journal::none(),
        };
        let outcome = apply::run(plan.clone(), &self.world, policy, &account, &mut journal, stop).await;
        self.known.note(&outcome, self.session.gateway.now());
        outcome
    }

    /// Counts the removals to come where the next leader sees them: whoever dies in the middle of them has spent all of
    /// them. What really went is counted afterwards.
    async fn foresee(&mut self, plan: &Plan, policy: &Policy) -> Result<(), String> {
        let sendable = plan.sendable();
        let removals = sendable.into_iter().filter(|change| change.action.is_removal());
        let Some(window) = self.known.foreseen(removals, policy.safety.max_removals, self.now) else {
            return Ok(());
        };
        self.has_foreseen = true;
        let before = &self.view.account.status;
        let status = AccountStatus { removals: Some(window), in_flight: None, ..before.clone() };
        self.session.ahead.foresee(&status).await
    }

    /// Which objects need our finalizer, and whose can go: it stands on what takes something away when it is deleted,
    /// until that is done or not wanted.
    fn finalizers(&self, held: Option<Reason>) -> (Vec<ObjectRef>, Vec<ObjectRef>) {
        let (mut keep, mut release) = (Vec::new(), Vec::new());
        for Declared { meta, spec, status: _ } in self.view.objects() {
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
}

/// The pause before what failed is tried again.
const RETRY: SignedDuration = SignedDuration::from_secs(60);

/// Changes of the plan that the account does not show yet.
fn left(plan: &Plan, outcome: Option<&Outcome>) -> BTreeSet<ChangeId> {
    let is_there = |id: &ChangeId| outcome.is_some_and(|outcome| outcome.is_good(id));
    plan.changes.iter().map(|change| &change.id).filter(|id| !is_there(id)).cloned().collect()
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
        in_flight: None,
        ..before.clone()
    };
    let unjudged =
        view.objects().filter(|object| object.status.observed_generation != Some(object.meta.generation));
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
    let release = view.objects().filter(|object| object.meta.has_finalizer && object.meta.is_orphaned);
    Pass {
        statuses: statuses.collect(),
        news: view
            .objects()
            .filter_map(news::of_letting_go)
            .chain(news::of_account(view, standing, &account))
            .collect(),
        account,
        has_foreseen: false,
        proposals: Proposals::default(),
        approvals: BTreeMap::new(),
        keep: Vec::new(),
        release: release.map(|object| object.meta.object.clone()).collect(),
        plan: None,
        outcome: None,
        next: now.saturating_add(RETRY.min(interval)).unwrap_or(Timestamp::MAX),
        was_read: false,
        is_still: false,
    }
}
