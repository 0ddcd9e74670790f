//! Counters and gauges for Prometheus. No label holds an e-mail address: accounts, kinds, endpoints and reasons only.

use crate::apply::{ChangeOutcome, Outcome};
use crate::controller::pass::{ObjectRef, Pass, View, reason_of};
use crate::kore::{Endpoint, Observer};
use crate::manifest::kinds::Kind;
use crate::manifest::kinds::status::PlanCounts;
use crate::plan::{Action, RiskLevel};
use jiff::{SignedDuration, Timestamp};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
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
    objects: Family<WithReady, Gauge>,
    last_success: Family<AccountLabels, Gauge<f64, AtomicU64>>,
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
            objects: Family::default(),
            last_success: Family::default(),
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
            "changes",
            "Changes of the last plan that are not applied, by what they wait for",
            self.changes.clone(),
        );
        registry.register(
            "changes_applied",
            "Changes applied and read back, by what they do",
            self.applied.clone(),
        );
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
            "Full reads of the account, and polls of its audit log",
            self.reads.clone(),
        );
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
        registry.register("objects", "Objects of the account, by kind and readiness", self.objects.clone());
        registry.register(
            "last_success_timestamp_seconds",
            "When the account was last read",
            self.last_success.clone(),
        );
        registry.register("leader", "1 while this process may write", self.leader.clone());
        registry.register("status_patches", "Statuses written", self.patches.clone());
        registry.register("events", "Events published", self.events.clone());
    }

    /// In the text format that Prometheus reads.
    pub(super) fn render(&self) -> String {
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
            for kind in Kind::IN_CLUSTER {
                for ready in [true, false] {
                    self.objects.remove(&labels.with_ready(kind, ready));
                }
            }
            for risk in RiskLevel::ALL {
                self.unmanaged.remove(&labels.with_risk(risk));
            }
            self.overdue.remove(&labels);
            self.removals.remove(&labels);
            self.last_success.remove(&labels);
            self.info.remove(&labels);
        }
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
            self.count_read(object, "full");
            self.last_success.get_or_create(&labels).set(now.as_duration().as_secs_f64());
        }
        self.set_plan_gauges(&labels, pass);
        if let Some(outcome) = &pass.outcome {
            self.count_applied(&labels, outcome);
        }
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
        if let Some(plan) = &pass.plan {
            let is_there = |id| pass.outcome.as_ref().is_some_and(|outcome| outcome.is_good(id));
            let overdue = plan.overdue().filter(|change| !is_there(&change.id)).count();
            self.overdue.get_or_create(labels).set(number(overdue));
            for risk in RiskLevel::ALL {
                let count = plan.unmanaged.iter().filter(|fact| fact.risk.level == risk).count();
                self.unmanaged.get_or_create(&labels.with_risk(risk)).set(number(count));
            }
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
        for kind in Kind::IN_CLUSTER {
            for ready in [true, false] {
                let count = objects.get(&(kind, ready)).copied().unwrap_or_default();
                self.objects.get_or_create(&labels.with_ready(kind, ready)).set(count);
            }
        }
    }

    /// The calls that the minute and the hour have left.
    pub(super) fn set_calls_left(&self, account: &ObjectRef, left: [usize; 2]) {
        for (window, left) in WINDOWS.into_iter().zip(left) {
            self.calls_left.get_or_create(&account_labels(account).with_window(window)).set(number(left));
        }
    }
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

/// Counts the calls of one account.
pub(super) struct CallCounter {
    metrics: Arc<Metrics>,
    namespace: String,
    account: String,
}

impl CallCounter {
    pub(super) fn new(metrics: &Arc<Metrics>, namespace: &str, account: &str) -> Self {
        Self { metrics: Arc::clone(metrics), namespace: namespace.to_owned(), account: account.to_owned() }
    }
}

impl Observer for CallCounter {
    fn sent(&self, endpoint: Endpoint) {
        let labels = WithEndpoint {
            namespace: self.namespace.clone(),
            account: self.account.clone(),
            endpoint: endpoint.to_string(),
        };
        self.metrics.calls.get_or_create(&labels).inc();
    }

    fn answered(&self, endpoint: Endpoint, status: Option<u16>, took: SignedDuration) {
        let (namespace, account) = (self.namespace.clone(), self.account.clone());
        let labels = AccountLabels { namespace, account };
        self.metrics.call_durations.get_or_create(&labels).observe(took.as_secs_f64());
        if status.is_none_or(|status| status >= 400) {
            let AccountLabels { namespace, account } = labels;
            let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            let labels = WithStatus { namespace, account, endpoint: endpoint.to_string(), status };
            self.metrics.failures.get_or_create(&labels).inc();
        }
    }

    fn retrying(&self, endpoint: Endpoint, tries: u32, why: &str) {
        tracing::warn!(namespace = self.namespace, account = self.account, %endpoint, tries, why, "a call failed and is tried again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
