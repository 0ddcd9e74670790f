//! The executor: looks, checks, sends, reads back.
//!
//! # Expected flow
//!
//! Calls are taken from the queue in windows: as many as the budget lets through within the life of one look. The
//! look asks about everyone in the window and everyone written before, so that the same read checks what comes and
//! verifies what went. Then each call is checked once more, sent, and its answer sorted. What a call depends on has
//! been read back before it is sent.
//!
//! # Guarantees
//!
//! A call is sent at most 60 seconds after the look that found its subjects as the plan saw them. Before anything
//! takes Master Admin away, the holders we know are looked up, and enough who can sign in are left after the call.
//! Nobody is created without their own *not found* in that look. A refused batch is halved, after another look,
//! until the bad entry is found or [`HALVINGS`] calls are spent. What was taken beside refused entries and does not show
//! is sent once more without them. A lost reply is never answered by sending again:
//! the change is looked for, several times over a minute, and then reported.

use super::check::{Precondition, has_come_about, precondition};
use super::encode::{Directory, Letter, Reply, access_of};
use super::journal::{Journal, Record};
use super::outcome::{Fate, Outcome};
use super::repair::{self, RepairError};
use super::stop::Stop;
use crate::facts::{Email, Holder, Key, Membership, Policy, Value, World};
use crate::kore::{Ask, Gateway, KoreError, Reader, Writer};
use crate::plan::pack::{Call, Endpoint, pack};
use crate::plan::{Change, ChangeId, Plan, master_admins, takes_master_admin};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

/// How old a look may be when a call that relies on it is sent.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// A window is planned for less, so that its last call is still in time.
const WINDOW: SignedDuration = SignedDuration::from_secs(50);
/// Pauses between looks for something that was sent and is not there: a minute in all.
const LOOKS: [i64; 7] = [0, 1, 2, 5, 10, 20, 22];
/// Looks after which assignments that should be gone are cleared and sent anew.
const LOOKS_BEFORE_CLEARING: usize = 2;
/// Extra calls spent on finding the bad entries of one batch.
const HALVINGS: u32 = 24;
/// Times a call may come too late for its look before it is given up: a budget this small cannot check anything.
const LATE: u32 = 3;

/// The account a plan is applied to.
pub struct Account<'a> {
    /// Reads.
    pub reader: &'a Reader,
    /// Writes.
    pub writer: &'a Writer,
    /// Budget and time.
    pub gateway: &'a Gateway,
}

/// Applies what the guards let through, and says what became of every change.
pub async fn run(
    plan: Plan,
    observed: &World,
    policy: &Policy,
    account: &Account<'_>,
    journal: &mut Journal,
    stop: Stop,
) -> Outcome {
    let sendable: Vec<&Change> = plan.sendable();
    let calls = pack(&sendable, policy.batch_size.0);
    let changes: BTreeMap<ChangeId, Change> =
        sendable.iter().map(|change| (change.id.clone(), (*change).clone())).collect();
    let calls_before = account.gateway.total_calls();
    let mut run = Run {
        observed,
        policy,
        account,
        journal,
        stop,
        directory: Directory::of(observed, &sendable),
        queue: calls.into_iter().map(|call| Queued { call, hunt: None, late: 0, is_again: false }).collect(),
        sent: BTreeMap::new(),
        calls_sent: 0,
        dethroned: BTreeSet::new(),
        hunts: Vec::new(),
        doubtful: Vec::new(),
        outcome: Outcome { changes, ..Outcome::default() },
    };
    let started = run.note_start(&plan);
    let ended = match started {
        Ok(()) => run.work().await,
        Err(end) => Err(end),
    };
    run.finish(ended, calls_before)
}

/// Why the work ends early.
enum End {
    Asked,
    Kore(KoreError),
    Journal(String),
}

impl From<KoreError> for End {
    fn from(error: KoreError) -> Self {
        Self::Kore(error)
    }
}

struct Queued {
    call: Call,
    /// Which hunt for a bad entry this call belongs to.
    hunt: Option<usize>,
    late: u32,
    /// Sent for the second time, now without the entries that were refused beside these.
    is_again: bool,
}

/// A change that has reached the platform, as far as we know, and is not read back.
struct Sent {
    /// Why the answer says nothing, if it was lost.
    unknown: Option<String>,
}

/// What one look showed, and when it was asked for.
struct View {
    world: World,
    at: Timestamp,
}

struct Run<'a, 'b> {
    observed: &'a World,
    policy: &'a Policy,
    account: &'a Account<'b>,
    journal: &'a mut Journal,
    stop: Stop,
    directory: Directory,
    queue: VecDeque<Queued>,
    sent: BTreeMap<ChangeId, Sent>,
    calls_sent: usize,
    /// Who has lost Master Admin by what was sent: a look may be older than that.
    dethroned: BTreeSet<Email>,
    /// Halves made of each refused batch, sent or about to be.
    hunts: Vec<u32>,
    /// Entries taken beside refused ones: the platform may have undone the whole batch (kore-api section 4, row 15).
    doubtful: Vec<(Endpoint, Vec<ChangeId>)>,
    outcome: Outcome,
}

impl Run<'_, '_> {
    async fn work(&mut self) -> Result<(), End> {
        loop {
            self.empty_the_queue().await?;
            self.verify().await?;
            if self.queue.is_empty() {
                return Ok(());
            }
        }
    }

    async fn empty_the_queue(&mut self) -> Result<(), End> {
        while !self.queue.is_empty() {
            let window = self.next_window();
            if window.is_empty() {
                let queued = self.queue.len();
                let was_settled = self.sent.is_empty();
                self.verify().await?;
                self.hold_back_orphans();
                if was_settled && self.queue.len() == queued {
                    // Nothing can move any more. Plans have no cycles, so this is ours to be blamed for.
                    for queued in std::mem::take(&mut self.queue) {
                        self.fail(&queued.call, "what it depends on never settled");
                    }
                }
                continue;
            }
            let view = match self.look(&window).await {
                Ok(view) => view,
                Err(end) => {
                    self.requeue(window);
                    return Err(end);
                }
            };
            self.settle(&view.world);
            let progress = self.progress();
            let mut window: VecDeque<Queued> = window.into();
            while let Some(queued) = window.pop_front() {
                if let Err(end) = self.handle(queued, &view).await {
                    self.requeue(window.into());
                    return Err(end);
                }
            }
            if self.progress() == progress {
                // Everything waits for something that was sent: that is settled first, one way or the other.
                self.verify().await?;
            }
        }
        Ok(())
    }

    /// What handling a window moves on: calls sent, changes settled.
    fn progress(&self) -> (usize, usize) {
        (self.calls_sent, self.outcome.fates.len())
    }

    /// Calls for one look: as many as the budget lets through while the look is fresh, none that depends on another
    /// one of them or on one still queued.
    fn next_window(&mut self) -> Vec<Queued> {
        let mut room = self.account.gateway.room_within(WINDOW);
        let look_up_size = self.account.reader.sizes().look_up.max(1);
        let queue = std::mem::take(&mut self.queue);
        let unsent: HashSet<&ChangeId> = queue.iter().flat_map(|queued| queued.call.changes()).collect();
        let changes = &self.outcome.changes;
        let mut people: HashSet<&Email> =
            self.sent.keys().filter_map(|id| changes.get(id)?.key.email()).collect();
        let (mut chosen, mut is_started) = (vec![false; queue.len()], false);
        for (at, queued) in queue.iter().enumerate() {
            let carried: HashSet<&ChangeId> = queued.call.changes().collect();
            let is_ready = carried.iter().filter_map(|id| changes.get(*id)).all(|change| {
                let mut needed = change.depends_on.iter();
                needed.all(|needed| carried.contains(needed) || !unsent.contains(needed))
            });
            if !is_ready {
                continue;
            }
            let more: HashSet<&Email> = carried
                .iter()
                .filter_map(|id| changes.get(*id)?.key.email())
                .filter(|email| !people.contains(email))
                .collect();
            let reads = (people.len() + more.len()).div_ceil(look_up_size);
            if is_started && reads + queued.call.endpoint.requests() > room {
                break;
            }
            room = room.saturating_sub(queued.call.endpoint.requests());
            people.extend(more);
            chosen[at] = true;
            is_started = true;
        }
        let mut window: Vec<Queued> = Vec::new();
        for (queued, is_chosen) in queue.into_iter().zip(chosen) {
            if is_chosen {
                window.push(queued);
            } else {
                self.queue.push_back(queued);
            }
        }
        window
    }

    /// One look at everyone the window is about and everyone written before.
    async fn look(&mut self, window: &[Queued]) -> Result<View, End> {
        let mut ask = Ask::default();
        let mut takes_master_admin_away = false;
        for id in window.iter().flat_map(|queued| queued.call.changes()).chain(self.sent.keys()) {
            let Some(change) = self.outcome.changes.get(id) else { continue };
            takes_master_admin_away |=
                !takes_master_admin(&change.key, change.action.is_removal(), self.observed).is_empty();
            ask.roles |= matches!(change.key, Key::RoleDefinition(..));
            match change.key.holder() {
                Some(Holder::Group(group)) => {
                    ask.look_up.extend(self.directory.some_members(group));
                }
                _ => ask.look_up.extend(change.key.email().map(|email| self.directory.spelling(email))),
            }
        }
        if takes_master_admin_away {
            ask.look_up.extend(master_admins(self.observed));
            ask.look_up.extend(self.outcome.changes.values().filter_map(|change| match &change.key {
                Key::AdminRole(Holder::User(email), role) if role.is_master_admin() => Some(email.clone()),
                _ => None,
            }));
        }
        self.wait_for_room(1 + ask.look_up.len() / self.account.reader.sizes().look_up.max(1)).await?;
        let at = self.account.gateway.now();
        let world = tokio::select! {
            world = self.account.reader.read(&ask) => world?,
            () = self.stop.asked() => return Err(End::Asked),
        };
        self.directory.learn(&world);
        Ok(View { world, at })
    }

    /// Waits until a look and the first call behind it fit into the budget together, so that no look is wasted.
    async fn wait_for_room(&mut self, reads: usize) -> Result<(), End> {
        let needed = (reads + 1).min(self.policy.rate.usable_per_minute() as usize);
        tokio::select! {
            waited = self.account.gateway.wait_for_room(needed, WINDOW) => Ok(waited?),
            () = self.stop.asked() => Err(End::Asked),
        }
    }

    /// Checks one call against the look, and sends what stands.
    async fn handle(&mut self, mut queued: Queued, view: &View) -> Result<(), End> {
        if self.waits_for_sent(&queued.call) {
            self.queue.push_front(queued);
            return Ok(());
        }
        self.keep_what_stands(&mut queued.call, view);
        if queued.call.entries.is_empty() {
            return Ok(());
        }
        if let Some(why) = self.breaks_floor(&queued.call, &view.world) {
            self.fail(&queued.call, &why);
            return Ok(());
        }
        let requests = queued.call.endpoint.requests().min(self.policy.rate.usable_per_minute() as usize);
        tokio::select! {
            // Until they fit now: what waits in the gateway would be sent long after it was checked.
            waited = self.account.gateway.wait_for_room(requests, SignedDuration::ZERO) => {
                if let Err(error) = waited {
                    self.queue.push_front(queued);
                    return Err(error.into());
                }
            }
            () = self.stop.asked() => {
                self.queue.push_front(queued);
                return Err(End::Asked);
            }
        }
        if self.stop.is_asked() {
            self.queue.push_front(queued);
            return Err(End::Asked);
        }
        if self.account.gateway.now().duration_since(view.at) > FRESH {
            queued.late += 1;
            if queued.late > LATE {
                self.fail(
                    &queued.call,
                    "the call budget is too small to check and send within 60 s; raise rateLimit",
                );
            } else {
                self.queue.push_front(queued);
            }
            return Ok(());
        }
        self.send(queued, view).await
    }

    fn waits_for_sent(&self, call: &Call) -> bool {
        let carried: BTreeSet<&ChangeId> = call.changes().collect();
        carried.iter().filter_map(|id| self.outcome.changes.get(*id)).any(|change| {
            change.depends_on.iter().any(|needed| !carried.contains(needed) && self.sent.contains_key(needed))
        })
    }

    /// Drops from a call what is already so, overtaken, unseen, or without its ground.
    fn keep_what_stands(&mut self, call: &mut Call, view: &View) {
        for entry in &mut call.entries {
            let creates = entry.iter().any(|id| matches!(self.outcome.changes[id].key, Key::Member(_)))
                && call.endpoint == Endpoint::CreateUsers;
            let mut kept = Vec::with_capacity(entry.len());
            for id in entry.drain(..) {
                let change = &self.outcome.changes[&id];
                let fate = match self.missing_ground(change, &kept) {
                    Some(ground) => Some(Fate::HeldBack(ground)),
                    None => match precondition(change, &view.world) {
                        Precondition::Holds => self.directory.moved_name(change).map(Fate::Stale),
                        Precondition::Satisfied => Some(Fate::AlreadyThere),
                        Precondition::Broken(seen) => Some(Fate::Stale(seen)),
                        Precondition::Unseen(why) => Some(Fate::Failed(why)),
                    },
                };
                match fate {
                    None => kept.push(id),
                    Some(fate) => self.settle_as(&id, fate),
                }
            }
            if call.endpoint == Endpoint::UpdateUsers && !self.shows_access(&kept, &view.world) {
                for id in kept.drain(..) {
                    let why =
                        "the account did not say what they may do in the builder, and every update sets that";
                    self.settle_as(&id, Fate::Failed(why.to_owned()));
                }
            }
            // Without its first part, the user, an entry that creates is no entry.
            if creates && !kept.iter().any(|id| matches!(self.outcome.changes[id].key, Key::Member(_))) {
                for id in kept.drain(..) {
                    self.settle_as(
                        &id,
                        Fate::Stale("the user is in the account by now; run again".to_owned()),
                    );
                }
            }
            *entry = kept;
        }
        call.entries.retain(|entry| !entry.is_empty());
    }

    /// Whether the look shows the builder access of the person an update is about.
    fn shows_access(&self, entry: &[ChangeId], view: &World) -> bool {
        let email = entry.first().and_then(|id| self.outcome.changes[id].key.email());
        email.is_none_or(|email| access_of(view, email).is_some())
    }

    /// What a change depends on that did not come about and does not travel with it.
    fn missing_ground(&self, change: &Change, beside: &[ChangeId]) -> Option<ChangeId> {
        change
            .depends_on
            .iter()
            .find(|needed| {
                !beside.contains(needed)
                    && match self.outcome.fates.get(*needed) {
                        Some(Fate::Applied | Fate::AlreadyThere) => false,
                        // A user who was just there already has a look of their own on the next run.
                        Some(_) => true,
                        None => {
                            !self.outcome.changes.contains_key(*needed) || !self.sent.contains_key(*needed)
                        }
                    }
            })
            .cloned()
    }

    /// Whether too few who can sign in would be left. Counted on this very look, less whom calls since then took.
    fn breaks_floor(&self, call: &Call, view: &World) -> Option<String> {
        let losers = self.losers(call, view);
        if losers.is_empty() {
            return None;
        }
        let now = master_admins(view);
        let left = now.difference(&losers).filter(|email| !self.dethroned.contains(*email)).count();
        let least = self.policy.safety.min_master_admins as usize;
        (left < least).then(|| {
            format!("{left} Master Admins who can sign in would be left now, {least} are needed (safety.minMasterAdmins)")
        })
    }

    /// Who loses Master Admin by this call.
    fn losers(&self, call: &Call, view: &World) -> BTreeSet<Email> {
        call.changes()
            .filter_map(|id| self.outcome.changes.get(id))
            .flat_map(|change| takes_master_admin(&change.key, change.action.is_removal(), view))
            .collect()
    }

    async fn send(&mut self, queued: Queued, view: &View) -> Result<(), End> {
        let Queued { call, hunt, late, is_again } = queued;
        self.calls_sent += 1;
        self.dethroned.extend(self.losers(&call, &view.world));
        let ids: Vec<ChangeId> = call.changes().cloned().collect();
        let label = call.endpoint.label().to_owned();
        self.note(&Record::Sending { at: self.account.gateway.now(), call: label, changes: ids })?;
        let letter = Letter {
            call: &call,
            changes: &self.outcome.changes,
            directory: &self.directory,
            view: &view.world,
        };
        let answer = letter.send(self.account.writer, self.policy).await;
        let text = match &answer {
            Ok(answer) => answer.to_string(),
            Err(error) => error.to_string(),
        };
        self.note(&Record::Answered { at: self.account.gateway.now(), answer: text })?;
        match answer? {
            Reply::Sorted { refused, together } => {
                let refused: BTreeMap<usize, String> = refused.into_iter().collect();
                let apart: BTreeSet<usize> =
                    together.iter().flat_map(|(entries, _)| entries).copied().collect();
                for (at, entry) in call.entries.iter().enumerate().filter(|(at, _)| !apart.contains(at)) {
                    for id in entry {
                        match refused.get(&at) {
                            Some(why) => {
                                self.settle_as(id, Fate::Failed(format!("the platform refused: {why}")));
                            }
                            None => self.mark_sent(id, None),
                        }
                    }
                }
                if !refused.is_empty() && !is_again {
                    let taken = call.entries.iter().enumerate();
                    let taken = taken.filter(|(at, _)| !apart.contains(at) && !refused.contains_key(at));
                    self.doubtful.extend(taken.map(|(_, entry)| (call.endpoint, entry.clone())));
                }
                for (entries, why) in together {
                    let entries = entries.into_iter().map(|at| call.entries[at].clone()).collect();
                    self.halve(Call { endpoint: call.endpoint, entries }, hunt, late, &why);
                }
            }
            Reply::Unknown(why) => {
                for id in call.changes() {
                    self.mark_sent(id, Some(why.clone()));
                }
            }
            Reply::Refused(why) => self.halve(call, hunt, late, &why),
        }
        Ok(())
    }

    /// A refused batch comes back as two, to be looked at and sent again, until the bad entry stands alone.
    fn halve(&mut self, call: Call, hunt: Option<usize>, late: u32, message: &str) {
        let Call { endpoint, mut entries } = call;
        let hunt = hunt.unwrap_or_else(|| {
            self.hunts.push(0);
            self.hunts.len() - 1
        });
        if entries.len() == 1 || self.hunts[hunt] + 2 > HALVINGS {
            let why = if entries.len() == 1 {
                format!("the platform refused: {message}")
            } else {
                format!(
                    "the platform refused a batch of {} (the bad entry was not found in {HALVINGS} more calls): {message}",
                    entries.len()
                )
            };
            return self.fail(&Call { endpoint, entries }, &why);
        }
        self.hunts[hunt] += 2;
        let second = entries.split_off(entries.len() / 2);
        for entries in [second, entries] {
            self.queue.push_front(Queued {
                call: Call { endpoint, entries },
                hunt: Some(hunt),
                late,
                is_again: false,
            });
        }
    }

    fn mark_sent(&mut self, id: &ChangeId, unknown: Option<String>) {
        let is_write_only =
            self.outcome.changes.get(id).is_some_and(|change| change.key.family().is_write_only());
        match (is_write_only, unknown) {
            (true, None) => self.settle_as(id, Fate::Applied),
            (true, Some(why)) => {
                let why = format!("the reply was lost, and this cannot be read back: {why}");
                self.settle_as(id, Fate::Failed(why));
            }
            (false, unknown) => {
                self.sent.insert(id.clone(), Sent { unknown });
            }
        }
    }

    /// Settles what a look shows to have come about.
    fn settle(&mut self, view: &World) {
        let done: Vec<ChangeId> = self
            .sent
            .keys()
            .filter(|id| {
                self.outcome.changes.get(*id).is_some_and(|change| has_come_about(change, view) == Some(true))
            })
            .cloned()
            .collect();
        for id in done {
            self.sent.remove(&id);
            self.settle_as(&id, Fate::Applied);
        }
    }

    /// Looks for everything that was sent, several times over a minute, and settles all of it in the end.
    async fn verify(&mut self) -> Result<(), End> {
        let mut view = None;
        for (looks, pause) in LOOKS.into_iter().enumerate() {
            if self.sent.is_empty() {
                return Ok(());
            }
            let until = self.account.gateway.now().saturating_add(SignedDuration::from_secs(pause));
            tokio::select! {
                () = self.account.gateway.sleep_until(until.unwrap_or(Timestamp::MAX)) => {}
                () = self.stop.asked() => return Err(End::Asked),
            }
            let seen = self.look(&[]).await?;
            self.settle(&seen.world);
            if looks + 1 == LOOKS_BEFORE_CLEARING {
                self.clear_stale_assignments(&seen).await?;
            }
            self.settle_pending(&seen.world, looks);
            view = Some(seen);
        }
        let view = view.map(|view| view.world).unwrap_or_default();
        self.send_doubtful_again(&view);
        for (id, Sent { unknown }) in std::mem::take(&mut self.sent) {
            let change = &self.outcome.changes[&id];
            let seen = match has_come_about(change, &view) {
                None => "whether it came about could not be read".to_owned(),
                Some(_) if change.action.is_removal() => "a minute later it is still there".to_owned(),
                Some(_) => "a minute later it is not there".to_owned(),
            };
            let fate = match unknown {
                Some(why) => Fate::Failed(format!("the reply was lost ({why}); {seen}; run again")),
                None => Fate::Failed(format!("the platform accepted it; {seen}")),
            };
            self.settle_as(&id, fate);
        }
        Ok(())
    }

    /// What was taken beside refused entries, and has not come about a minute later, goes once more without them.
    fn send_doubtful_again(&mut self, view: &World) {
        let mut again: BTreeMap<Endpoint, Vec<Vec<ChangeId>>> = BTreeMap::new();
        for (endpoint, mut entry) in std::mem::take(&mut self.doubtful) {
            entry.retain(|id| {
                self.sent.contains_key(id) && has_come_about(&self.outcome.changes[id], view) == Some(false)
            });
            for id in &entry {
                self.sent.remove(id);
            }
            if !entry.is_empty() {
                again.entry(endpoint).or_default().push(entry);
            }
        }
        for (endpoint, entries) in again {
            for entries in entries.chunks(self.policy.batch_size.0) {
                let call = Call { endpoint, entries: entries.to_vec() };
                self.queue.push_back(Queued { call, hunt: None, late: 0, is_again: true });
            }
        }
    }

    /// Facts that do not stick to somebody who has not joined wait for them. One more look than the first, because
    /// reads may lag behind writes.
    fn settle_pending(&mut self, view: &World, looks: usize) {
        if looks == 0 {
            return;
        }
        let waiting: Vec<ChangeId> = self
            .sent
            .keys()
            .filter(|id| {
                let change = &self.outcome.changes[*id];
                let member = change.key.email().map(|email| Key::Member(email.clone()));
                let is_pending = matches!(
                    member.and_then(|member| view.get(&member)),
                    Some(Value::Member(Membership::Pending { since: _ }))
                );
                is_pending && !change.action.is_removal()
            })
            .cloned()
            .collect();
        for id in waiting {
            self.sent.remove(&id);
            self.settle_as(&id, Fate::Waiting);
        }
    }

    /// Where a list that was sent whole has not replaced what was there, the platform adds: then the list is
    /// cleared and sent again, with the people's assignments on disk in between (kore-api 2.2).
    async fn clear_stale_assignments(&mut self, view: &View) -> Result<(), End> {
        let stale: BTreeSet<Email> = self
            .sent
            .keys()
            .filter_map(|id| self.outcome.changes.get(id))
            .filter(|change| change.before.is_some() && has_come_about(change, &view.world) == Some(false))
            .filter_map(|change| match &change.key {
                Key::Assigned(email, _) => Some(email.clone()),
                _ => None,
            })
            .collect();
        if stale.is_empty() {
            return Ok(());
        }
        let mut changes: BTreeMap<&Email, Vec<&Change>> = BTreeMap::new();
        for change in self.sent.keys().filter_map(|id| self.outcome.changes.get(id)) {
            if let Some(email) = change.key.email().filter(|email| stale.contains(*email)) {
                changes.entry(email).or_default().push(change);
            }
        }
        let images: Vec<_> = changes
            .into_iter()
            .map(|(email, changes)| repair::before_image(email, changes.into_iter(), &view.world))
            .collect();
        if !self.journal.is_durable() {
            let why = "the platform adds to the list of assignments instead of replacing it; clearing it first needs \
                       --state-dir, or a person in the console (Enterprise Bots)";
            self.fail_assignments(&stale, why);
            return Ok(());
        }
        self.journal.keep(&images).map_err(|error| End::Journal(error.to_string()))?;
        let resent =
            repair::clear_and_resend(&images, &self.directory, &view.world, self.account.writer, self.policy)
                .await;
        match resent {
            Ok(()) => self.journal.keep(&[]).map_err(|error| End::Journal(error.to_string())),
            Err(RepairError::Kore(error)) => Err(error.into()),
            Err(error) => {
                let why =
                    format!("the assignments were cleared to be sent anew, and were not taken; {error}");
                self.fail_assignments(&stale, &why);
                Ok(())
            }
        }
    }

    fn fail_assignments(&mut self, people: &BTreeSet<Email>, why: &str) {
        let ids: Vec<ChangeId> = self.sent.keys().cloned().collect();
        for id in ids {
            let key = &self.outcome.changes[&id].key;
            if matches!(key, Key::Assigned(email, _) if people.contains(email)) {
                self.sent.remove(&id);
                self.settle_as(&id, Fate::Failed(why.to_owned()));
            }
        }
    }

    /// Calls whose ground is settled and missing leave the queue.
    fn hold_back_orphans(&mut self) {
        let queue = std::mem::take(&mut self.queue);
        for mut queued in queue {
            for entry in &mut queued.call.entries {
                let mut kept = Vec::with_capacity(entry.len());
                for id in entry.drain(..) {
                    let change = &self.outcome.changes[&id];
                    let ground = change.depends_on.iter().find(|needed| {
                        self.outcome
                            .fates
                            .get(*needed)
                            .is_some_and(|fate| !matches!(fate, Fate::Applied | Fate::AlreadyThere))
                    });
                    match ground.cloned() {
                        Some(ground) => self.settle_as(&id, Fate::HeldBack(ground)),
                        None => kept.push(id),
                    }
                }
                *entry = kept;
            }
            queued.call.entries.retain(|entry| !entry.is_empty());
            if !queued.call.entries.is_empty() {
                self.queue.push_back(queued);
            }
        }
    }

    fn requeue(&mut self, window: Vec<Queued>) {
        for queued in window.into_iter().rev() {
            self.queue.push_front(queued);
        }
    }

    fn fail(&mut self, call: &Call, why: &str) {
        for id in call.changes() {
            self.settle_as(id, Fate::Failed(why.to_owned()));
        }
    }

    fn settle_as(&mut self, id: &ChangeId, fate: Fate) {
        debug_assert!(!self.outcome.fates.contains_key(id), "{id} has a fate already");
        // A journal that cannot be written has already ended the run at the call before.
        let _ = self.journal.write(&Record::Settled { change: id.clone(), fate: fate.clone() });
        self.outcome.fates.insert(id.clone(), fate);
    }

    fn note(&mut self, record: &Record) -> Result<(), End> {
        self.journal.write(record).map_err(|error| End::Journal(error.to_string()))
    }

    fn note_start(&mut self, plan: &Plan) -> Result<(), End> {
        let at = self.account.gateway.now();
        self.journal.start(at, plan, self.observed).map_err(|error| End::Journal(error.to_string()))
    }

    /// Gives every change that is left its fate.
    fn finish(mut self, ended: Result<(), End>, calls_before: u32) -> Outcome {
        let why = match ended {
            Ok(()) => String::new(),
            Err(End::Asked) => {
                self.outcome.was_interrupted = true;
                "the run was interrupted".to_owned()
            }
            Err(End::Kore(error)) => {
                let why = error.to_string();
                self.outcome.error = Some(error);
                why.lines().next().unwrap_or_default().to_owned()
            }
            Err(End::Journal(why)) => why,
        };
        for (id, Sent { unknown: _ }) in std::mem::take(&mut self.sent) {
            self.settle_as(&id, Fate::Failed(format!("sent, and not read back: {why}; run again")));
        }
        let left: Vec<ChangeId> =
            self.outcome.changes.keys().filter(|id| !self.outcome.fates.contains_key(*id)).cloned().collect();
        for id in left {
            self.settle_as(&id, Fate::NotSent(why.clone()));
        }
        self.outcome.calls = self.account.gateway.total_calls() - calls_before;
        let (at, calls) = (self.account.gateway.now(), self.outcome.calls);
        let _ = self.journal.write(&Record::Finished { at, calls });
        self.outcome
    }
}
