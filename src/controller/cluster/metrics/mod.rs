//! Counters and gauges for Prometheus. No label holds an e-mail address: accounts, kinds, endpoints and reasons only.

mod call_counter;

pub(super) use call_counter::CallCounter;

use crate::apply::{ChangeOutcome, Outcome};
use crate::controller::pass::{Declared, Meta, ObjectRef, PRUNING_PAUSED, Pass, View, reason_of};
use crate::kore::Gateway;
use crate::manifest::kinds::Kind;
use crate::manifest::kinds::status::PlanCounts;
use crate::plan::{Action, RiskLevel, Violation};
use jiff::{SignedDuration, Timestamp};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// States of a planned change.
const STATES: [&str; 5] = ["pending", "waiting", "blocked", "manual", "refused"];
/// Windows of the call budget.
const WINDOWS: [&str; 2] = ["minute", "hour"];

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, EncodeLabelSet)]
struct AccountLabels {
    namespace: String,
    account: String,
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident { $($field:ident),+ })+) => {
        $($(#[$doc])* #[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
        struct $name { namespace: String, account: String, $($field: String),+ })+
    };
}

labels! {
    /// How a pass ended.
    WithResult { result }
    /// The state of a change.
    WithState { state }
    /// What a change does.
    WithAction { action }
    /// Which call.
    WithEndpoint { endpoint }
    /// Calls that the platform refused, or did not answer, by the HTTP status.
    WithStatus { endpoint, status }
    /// Which window of the budget.
    WithWindow { window }
    /// Full reads and polls of the audit log.
    WithReadKind { kind }
    /// How much its holder could do with it.
    WithRisk { risk }
    /// A policy, how bad its violations are, and whether the plan introduces, finds or cures them.
    WithPolicy { policy, severity, state }
    /// Objects by kind and readiness.
    WithReady { kind, ready }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct KindLabel {
    kind: String,
}

/// Everything that is counted.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    /// The accounts that have gauges.
    accounts: Mutex<BTreeSet<AccountLabels>>,
    reconciles: Family<WithResult, Counter>,
    durations: Family<AccountLabels, Histogram>,
    edits: Family<AccountLabels, Histogram>,
    /// The generation of each object that was counted last, by uid: a status may be seen again before it is stored.
    edits_counted: Mutex<BTreeMap<AccountLabels, HashMap<String, i64>>>,
    changes: Family<WithState, Gauge>,
    applied: Family<WithAction, Counter>,
    calls: Family<WithEndpoint, Counter>,
    failures: Family<WithStatus, Counter>,
    call_durations: Family<AccountLabels, Histogram>,
    calls_left: Family<WithWindow, Gauge>,
    reads: Family<WithReadKind, Counter>,
    overdue: Family<AccountLabels, Gauge>,
    removals: Family<AccountLabels, Gauge>,
    unmanaged: Family<WithRisk, Gauge>,
    pruning_paused: Family<AccountLabels, Gauge>,
    violations: Family<WithPolicy, Gauge>,
    /// The violations that have a gauge, by account.
    violated: Mutex<BTreeMap<AccountLabels, HashSet<WithPolicy>>>,
    objects: Family<WithReady, Gauge>,
    last_success: Family<AccountLabels, Gauge<f64, AtomicU64>>,
    last_full_read: Family<AccountLabels, Gauge<f64, AtomicU64>>,
    /// What is counted when the gauges are asked for: between passes, time alone changes it.
    live: Mutex<HashMap<AccountLabels, Live>>,
    info: Family<AccountLabels, Gauge>,
    leader: Gauge,
    patches: Family<KindLabel, Counter>,
    events: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("koreconcile"),
            accounts: Mutex::default(),
            reconciles: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.01, 4.0, 9))),
            // From one second to six hours.
            edits_counted: Mutex::default(),
            edits: Family::new_with_constructor(|| Histogram::new(exponential_buckets(1.0, 3.0, 10))),
            changes: Family::default(),
            applied: Family::default(),
            calls: Family::default(),
            failures: Family::default(),
            call_durations: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.01, 3.0, 9))
            }),
            calls_left: Family::default(),
            reads: Family::default(),
            overdue: Family::default(),
            removals: Family::default(),
            unmanaged: Family::default(),
            pruning_paused: Family::default(),
            violations: Family::default(),
            violated: Mutex::default(),
            objects: Family::default(),
            last_success: Family::default(),
            last_full_read: Family::default(),
            live: Mutex::default(),
            info: Family::default(),
            leader: Gauge::default(),
            patches: Family::default(),
            events: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let build: Family<BuildLabels, Gauge> = Family::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        registry.register("build_info", "1, with the version of this program", build);
        registry.register("account_info", "Accounts this controller looks after", self.info.clone());
        registry.register("reconciles", "Passes over an account, by how they ended", self.reconciles.clone());
        registry.register(
            "reconcile_duration_seconds",
            "Time of one pass, waiting for the call budget included",
            self.durations.clone(),
        );
        registry.register(
            "edit_latency_seconds",
            "Time from an edit of an object until its status tells what became of it",
            self.edits.clone(),
        );
        registry.register(
            "changes",
            "Changes of the last plan that are not applied, by what they wait for",
            self.changes.clone(),
        );
        registry.register(
            "changes_applied",
            "Changes applied and read back, by what they do",
            self.applied.clone(),
        );
        registry.register("leader", "1 while this process may write", self.leader.clone());
        registry.register("status_patches", "Statuses written", self.patches.clone());
        registry.register("events", "Events published", self.events.clone());
        self.register_calls();
        self.register_accounts();
    }

    fn register_calls(&mut self) {
        let registry = &mut self.registry;
        registry.register("api_calls", "Requests to the Admin API", self.calls.clone());
        registry.register(
            "api_failures",
            "Requests to the Admin API that were refused, by HTTP status, or not answered (none)",
            self.failures.clone(),
        );
        registry.register(
            "api_call_duration_seconds",
            "Time from a request to the Admin API to its answer, waiting for the call budget not included",
            self.call_durations.clone(),
        );
        registry.register(
            "api_calls_left",
            "Calls that the minute and the hour that end now have left",
            self.calls_left.clone(),
        );
        registry.register(
            "account_reads",
            "Full reads of the account, focused ones, and polls of its audit log",
            self.reads.clone(),
        );
    }

    fn register_accounts(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "overdue_grants",
            "Grants whose time is over and that the account still shows",
            self.overdue.clone(),
        );
        registry.register("removals_in_window", "Facts removed in the last 24 hours", self.removals.clone());
        registry.register(
            "unmanaged",
            "Facts of the account that no manifest asks for, by risk",
            self.unmanaged.clone(),
        );
        registry.register(
            "pruning_paused",
            "1 while nothing is pruned or retired, because what is declared is not known completely",
            self.pruning_paused.clone(),
        );
        registry.register(
            "policy_violations",
            "Violations of policies, by policy, severity and whether the last plan introduces, finds or cures them",
            self.violations.clone(),
        );
        registry.register("objects", "Objects of the account, by kind and readiness", self.objects.clone());
        registry.register(
            "last_success_timestamp_seconds",
            "When the account was last read",
            self.last_success.clone(),
        );
        registry.register(
            "last_full_read_timestamp_seconds",
            "When the complete account was last read; focused passes look only at what was edited",
            self.last_full_read.clone(),
        );
    }

    /// In the text format that Prometheus reads.
    pub(super) fn render(&self) -> String {
        self.count_live(Timestamp::now());
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    pub(super) fn leads(&self) {
        self.leader.set(1);
    }

    /// A standby replica has no gauges of accounts: they would only grow old.
    pub(super) fn stands_by(&self) {
        self.leader.set(0);
        self.forget_where(|_| true);
    }

    /// An account is gone.
    pub(super) fn forget(&self, account: &ObjectRef) {
        let removed = account_labels(account);
        self.forget_where(|labels| *labels == removed);
    }

    /// Drops the gauges of some accounts; counters only ever grow.
    fn forget_where(&self, is_gone: impl Fn(&AccountLabels) -> bool) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<AccountLabels> = accounts.iter().filter(|labels| is_gone(labels)).cloned().collect();
        for labels in gone {
            accounts.remove(&labels);
            for state in STATES {
                self.changes.remove(&labels.with_state(state));
            }
            for window in WINDOWS {
                self.calls_left.remove(&labels.with_window(window));
            }
            for kind in Kind::ALL {
                for ready in [true, false] {
                    self.objects.remove(&labels.with_ready(kind, ready));
                }
            }
            for risk in RiskLevel::ALL {
                self.unmanaged.remove(&labels.with_risk(risk));
            }
            self.set_violations(&labels, &[]);
            self.live().remove(&labels);
            self.overdue.remove(&labels);
            self.pruning_paused.remove(&labels);
            self.removals.remove(&labels);
            self.last_success.remove(&labels);
            self.last_full_read.remove(&labels);
            self.info.remove(&labels);
            self.edits_counted.lock().unwrap_or_else(PoisonError::into_inner).remove(&labels);
        }
    }

    fn count_edits(&self, labels: &AccountLabels, view: &View, pass: &Pass, now: Timestamp) {
        let mut counted = self.edits_counted.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = counted.entry(labels.clone()).or_default();
        for object in told_of(view, pass) {
            let Meta { uid, generation, edited, .. } = &object.meta;
            if counted.insert(uid.clone(), *generation) != Some(*generation) {
                let took = now.duration_since(*edited).max(SignedDuration::ZERO);
                self.edits.get_or_create(labels).observe(took.as_secs_f64());
            }
        }
        // What has its status is not counted again.
        let is_open = |object: &Declared| object.status.observed_generation != Some(object.meta.generation);
        let open: HashSet<&str> =
            view.objects().filter(|object| is_open(object)).map(|object| object.meta.uid.as_str()).collect();
        counted.retain(|uid, _| open.contains(uid.as_str()));
    }

    pub(super) fn patched(&self, kind: &str) {
        self.patches.get_or_create(&KindLabel { kind: kind.to_owned() }).inc();
    }

    pub(super) fn published_event(&self) {
        self.events.inc();
    }

    pub(super) fn audit_polled(&self, account: &ObjectRef) {
        self.count_read(account, "audit_poll");
    }

    fn count_read(&self, account: &ObjectRef, kind: &str) {
        let AccountLabels { namespace, account } = account_labels(account);
        self.reads.get_or_create(&WithReadKind { namespace, account, kind: kind.to_owned() }).inc();
    }

    /// The result of a pass.
    pub(super) fn passed(&self, view: &View, pass: &Pass, took: Duration, now: Timestamp) {
        let object = &view.account.meta.object;
        let labels = account_labels(object);
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).insert(labels.clone());
        self.info.get_or_create(&labels).set(1);
        let result = reason_of(&pass.report.account.conditions).unwrap_or("Unknown");
        self.reconciles.get_or_create(&labels.with_result(result)).inc();
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
        if pass.was_read() {
            self.count_read(object, if pass.is_focused() { "focused" } else { "full" });
            self.last_success.get_or_create(&labels).set(now.as_duration().as_secs_f64());
        }
        if let Some(at) = pass.full_read_at {
            self.last_full_read.get_or_create(&labels).set(at.as_duration().as_secs_f64());
        }
        self.set_plan_gauges(&labels, pass);
        if let Some(outcome) = &pass.outcome {
            self.count_applied(&labels, outcome);
        }
        self.count_edits(&labels, view, pass, now);
        // Only a pass that planned has assessed all objects.
        if pass.was_read() && !pass.is_unchanged() {
            self.set_objects(&labels, pass);
        }
    }

    fn set_plan_gauges(&self, labels: &AccountLabels, pass: &Pass) {
        let status = &pass.report.account;
        if let Some(counts) = &status.counts {
            let PlanCounts { objects: _, changes, waiting, blocked, manual, refused, unmanaged: _ } = *counts;
            for (state, count) in STATES.into_iter().zip([changes, waiting, blocked, manual, refused]) {
                self.changes.get_or_create(&labels.with_state(state)).set(i64::from(count));
            }
        }
        if let Some(removals) = &status.removals {
            self.removals.get_or_create(labels).set(i64::from(removals.used));
        }
        if status.counts.is_some() {
            let is_paused = status.conditions.iter().any(|condition| condition.type_ == PRUNING_PAUSED);
            self.pruning_paused.get_or_create(labels).set(i64::from(is_paused));
        }
        if let Some(plan) = &pass.plan {
            let is_there = |id| pass.outcome.as_ref().is_some_and(|outcome| outcome.is_good(id));
            let overdue = plan.overdue().filter(|change| !is_there(&change.id)).count();
            let mut live = self.live();
            let Live { overdue: known, ends, .. } = live.entry(labels.clone()).or_default();
            *known = overdue;
            ends.clone_from(&pass.ends);
            for risk in RiskLevel::ALL {
                let count = plan.open_unmanaged().filter(|fact| fact.risk.level == risk).count();
                self.unmanaged.get_or_create(&labels.with_risk(risk)).set(number(count));
            }
            self.set_violations(labels, &plan.violations);
        }
    }

    /// A policy that is not violated any more has no gauge: its name may be gone with it.
    fn set_violations(&self, labels: &AccountLabels, violations: &[Violation]) {
        let mut counts: HashMap<WithPolicy, usize> = HashMap::new();
        for violation in violations {
            *counts.entry(labels.with_policy(violation)).or_default() += 1;
        }
        let mut violated = self.violated.lock().unwrap_or_else(PoisonError::into_inner);
        let before = violated.remove(labels).unwrap_or_default();
        for gone in before.iter().filter(|known| !counts.contains_key(known)) {
            self.violations.remove(gone);
        }
        for (known, count) in &counts {
            self.violations.get_or_create(known).set(number(*count));
        }
        if !counts.is_empty() {
            violated.insert(labels.clone(), counts.into_keys().collect());
        }
    }

    fn count_applied(&self, labels: &AccountLabels, outcome: &Outcome) {
        let applied = outcome.by_change.iter().filter(|(_, outcome)| **outcome == ChangeOutcome::Applied);
        for change in applied.filter_map(|(id, _)| outcome.changes.get(id)) {
            let action = match change.action {
                Action::Add => "add",
                Action::Change => "change",
                Action::Remove | Action::Retire | Action::Prune => "remove",
            };
            self.applied.get_or_create(&labels.with_action(action)).inc();
        }
    }

    fn set_objects(&self, labels: &AccountLabels, pass: &Pass) {
        let mut objects: BTreeMap<(Kind, bool), i64> = BTreeMap::new();
        for (object, status) in &pass.report.statuses {
            let is_ready = status
                .conditions
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True");
            *objects.entry((object.kind, is_ready)).or_default() += 1;
        }
        // A kind without objects is set to 0.
        for kind in Kind::ALL {
            for ready in [true, false] {
                let count = objects.get(&(kind, ready)).copied().unwrap_or_default();
                self.objects.get_or_create(&labels.with_ready(kind, ready)).set(count);
            }
        }
    }

    /// The way to an account, for the calls that its minute and its hour have left.
    pub(super) fn connected(&self, account: &ObjectRef, gateway: &Gateway) {
        self.live().entry(account_labels(account)).or_default().gateway = Some(gateway.clone());
    }

    fn live(&self) -> MutexGuard<'_, HashMap<AccountLabels, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_live(&self, now: Timestamp) {
        for (labels, Live { gateway, overdue, ends }) in &*self.live() {
            let ended = ends.iter().filter(|at| **at <= now).count();
            self.overdue.get_or_create(labels).set(number(overdue + ended));
            let left = gateway.as_ref().map(Gateway::calls_left);
            for (window, left) in WINDOWS.into_iter().zip(left.into_iter().flatten()) {
                self.calls_left.get_or_create(&labels.with_window(window)).set(number(left));
            }
        }
    }
}

/// What of an account changes while nothing is done.
#[derive(Debug, Default)]
struct Live {
    gateway: Option<Gateway>,
    /// Grants that had ended when the last pass looked, and that it left.
    overdue: usize,
    /// When others end.
    ends: Vec<Timestamp>,
}

impl AccountLabels {
    fn with_result(&self, result: &str) -> WithResult {
        let Self { namespace, account } = self.clone();
        WithResult { namespace, account, result: result.to_owned() }
    }

    fn with_action(&self, action: &str) -> WithAction {
        let Self { namespace, account } = self.clone();
        WithAction { namespace, account, action: action.to_owned() }
    }

    fn with_state(&self, state: &str) -> WithState {
        let Self { namespace, account } = self.clone();
        WithState { namespace, account, state: state.to_owned() }
    }

    fn with_window(&self, window: &str) -> WithWindow {
        let Self { namespace, account } = self.clone();
        WithWindow { namespace, account, window: window.to_owned() }
    }

    fn with_risk(&self, risk: RiskLevel) -> WithRisk {
        let Self { namespace, account } = self.clone();
        WithRisk { namespace, account, risk: risk.label().to_owned() }
    }

    fn with_policy(&self, violation: &Violation) -> WithPolicy {
        let Self { namespace, account } = self.clone();
        WithPolicy {
            namespace,
            account,
            policy: violation.policy.clone(),
            severity: violation.severity.label().to_owned(),
            state: violation.state.label().to_owned(),
        }
    }

    fn with_ready(&self, kind: Kind, ready: bool) -> WithReady {
        let Self { namespace, account } = self.clone();
        WithReady { namespace, account, kind: kind.name().to_owned(), ready: ready.to_string() }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn account_labels(account: &ObjectRef) -> AccountLabels {
    AccountLabels { namespace: account.namespace.to_string(), account: account.name.to_string() }
}

/// The objects whose first status since they were edited this pass has written. One that was not looked at is not
/// counted.
fn told_of<'v>(view: &'v View, pass: &Pass) -> Vec<&'v Declared> {
    if !pass.was_read() {
        return Vec::new();
    }
    let told: HashSet<&ObjectRef> = pass.report.statuses.iter().map(|(object, _)| object).collect();
    let is_new = |object: &&Declared| object.status.observed_generation != Some(object.meta.generation);
    view.live_objects().filter(is_new).filter(|object| told.contains(&object.meta.object)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kore::{Endpoint, Observer};
    use std::sync::Arc;

    #[test]
    fn refused_and_unanswered_calls_are_counted_by_status_and_the_version_is_told() {
        let metrics = Arc::new(Metrics::new());
        let counter = CallCounter::new(&metrics, "kore-acme", "acme");
        let took = SignedDuration::from_millis(20);
        for status in [Some(200), Some(429), Some(429), None] {
            counter.answered(Endpoint::UsersInfo, status, took);
        }
        let text = metrics.render();
        let failures: Vec<&str> =
            text.lines().filter(|line| line.starts_with("koreconcile_api_failures_total{")).collect();
        assert_eq!(failures.len(), 2, "{text}");
        assert!(
            failures.iter().any(|line| line.contains("status=\"429\"") && line.ends_with(" 2")),
            "{text}"
        );
        assert!(
            failures.iter().any(|line| line.contains("status=\"none\"") && line.ends_with(" 1")),
            "{text}"
        );
        let labels = "{namespace=\"kore-acme\",account=\"acme\"}";
        assert!(text.contains(&format!("koreconcile_api_call_duration_seconds_count{labels} 4")), "{text}");
        let version = format!("koreconcile_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        assert!(text.contains(&version), "{text}");
    }

    #[test]
    fn a_grant_is_overdue_when_its_time_is_over_though_no_pass_has_looked() {
        let metrics = Metrics::new();
        let labels = AccountLabels { namespace: "kore-acme".to_owned(), account: "acme".to_owned() };
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let live = Live { gateway: None, overdue: 1, ends: vec![at, at + SignedDuration::from_mins(5)] };
        metrics.live().insert(labels.clone(), live);
        let overdue = |minutes: i64| {
            metrics.count_live(at + SignedDuration::from_mins(minutes));
            metrics.overdue.get_or_create(&labels).get()
        };
        assert_eq!([-1, 0, 5].map(overdue), [1, 2, 3]);
    }
}
