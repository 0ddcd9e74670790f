//! The controller on a real API server: 10,000 people and 200 role bindings as objects, all as declared.

use crate::figures::Report;
use crate::manifests::{self, Person};
use crate::noop;
use crate::process;
use crate::support::cluster::Cluster;
use crate::support::cluster_harness::{ClusterHarness, NAME, Operator, document, within};
use crate::support::served::Served;
use futures::stream::{self, StreamExt as _};
use koreconcile::sandbox::Snapshot;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use serde_json::{Value, json};
use std::time::Instant;

const USERS: usize = 10_000;
const BOTS: usize = 200;
const GROUPS: usize = 50;
const BINDINGS: usize = 200;
/// Objects created at once.
const AT_ONCE: usize = 32;
/// Passes without a change that are looked at.
const PASSES: usize = 5;
const AUDIT_LOG: &str = "GET /api/public/auditlogs";
/// What /proc counts processor time in.
const TICKS: f64 = 100.0;

/// Everything once: it takes minutes, and most of it is counted.
pub fn measure(report: &mut Report) {
    let served = Served::seeded(
        &[("--users", USERS), ("--bots", BOTS), ("--groups", GROUPS)],
        &["--rate-limit", "off"],
    );
    let harness = ClusterHarness::on(Cluster::shared(), "bench", served);
    let truth = harness.truth();
    let objects = objects(&truth);
    let declared = objects.len();
    let edited = objects[0].clone();
    create(&harness, objects);
    harness.account(&json!({ "interval": "1h" }));
    let fixture = Fixture { harness: &harness, declared };
    let operator = fixture.first_plan(&truth, report);
    fixture.stays_still(&operator, report);
    fixture.one_edit(&operator, edited, report);
    fixture.passes(&operator, report);
    report.add("cluster_peak_mib_10200", "MiB", vec![process::peak_mib(&operator.id().to_string())]);
}

/// Everybody, and who holds which role on the first bots, as it is.
fn objects(truth: &Snapshot) -> Vec<Value> {
    let people = manifests::people_of(truth).enumerate().map(|(index, person)| {
        let Person { email, first, last, access } = person;
        let spec = json!({ "email": email, "firstName": first, "lastName": last, "builderAccess": access });
        document("KoreUser", &format!("user-{index:06}"), &spec)
    });
    let holders = manifests::holders_of(truth);
    let on_bots = holders.into_iter().filter_map(|((role, bot), held)| Some((role, bot?, held)));
    let bindings = on_bots.take(BINDINGS).enumerate().map(|(index, (role, bot, held))| {
        let users = held.users.iter().map(|user| json!({ "user": user }));
        let groups = held.groups.iter().map(|group| json!({ "group": group }));
        let spec = json!({
            "role": { "type": "Bot", "name": role },
            "bot": bot,
            "membership": "Authoritative",
            "subjects": users.chain(groups).collect::<Vec<_>>(),
        });
        document("KoreRoleBinding", &format!("binding-{index:03}"), &spec)
    });
    people.chain(bindings).collect()
}

fn create(harness: &ClusterHarness<'_>, objects: Vec<Value>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = harness.cluster.admin();
        let namespace = harness.namespace.name.as_str();
        let create = |object: Value| {
            let kind = object["kind"].as_str().unwrap();
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("koreconcile.dev", "v1alpha1", kind));
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
            async move {
                let object: DynamicObject = serde_json::from_value(object).unwrap();
                api.create(&PostParams::default(), &object).await.unwrap();
            }
        };
        stream::iter(objects).map(create).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    });
}

struct Fixture<'s> {
    harness: &'s ClusterHarness<'static>,
    declared: usize,
}

impl Fixture<'_> {
    /// From the start of the process until the account's status shows the plan, which is after all others.
    fn first_plan(&self, truth: &Snapshot, report: &mut Report) -> Operator {
        let start = Instant::now();
        let operator = self.harness.start_with(&[
            "--audit-poll-interval",
            "60s",
            "--debounce",
            "2s",
            "--call-timeout",
            "10s",
        ]);
        wait(&operator, "the first plan", || self.status()["planDigest"].is_string());
        let seconds = start.elapsed().as_secs_f64();
        let status = self.status();
        assert_eq!(status["counts"]["objects"], self.declared, "{status}");
        assert_eq!(status["counts"]["changes"], 0, "everything is as declared: {status}");
        // It is counted behind the last status.
        wait(&operator, "the pass is counted", || operator.passes() == 1);
        report.add("cluster_first_plan_seconds_10200", "s", vec![seconds]);
        let calls = self.calls();
        let hints = self.harness.served.server.calls(AUDIT_LOG);
        report.count("cluster_first_plan_reads_10200", "calls", calls - usize::try_from(hints).unwrap());
        report.count("cluster_first_plan_bound_10200", "calls", noop::bound(truth));
        report.count("cluster_first_plan_patches_10200", "patches", counted(&operator, PATCHES));
        operator
    }

    /// What happens while nothing happens, until the audit log has been asked twice more.
    fn stays_still(&self, operator: &Operator, report: &mut Report) {
        let polls = || operator.metric("koreconcile_account_reads_total", &["audit_poll"]);
        let from =
            (Instant::now(), self.calls(), polls(), counted(operator, PATCHES), counted(operator, EVENTS));
        let (start, calls, asked, patches, events) = from;
        wait(operator, "two polls of the audit log", || polls() >= asked + 2);
        let minutes = start.elapsed().as_secs_f64() / 60.0;
        let calls = u32::try_from(self.calls() - calls).unwrap();
        report.count("cluster_idle_patches", "patches", counted(operator, PATCHES) - patches);
        report.count("cluster_idle_events", "events", counted(operator, EVENTS) - events);
        report.add("cluster_idle_calls_a_minute", "calls", vec![f64::from(calls) / minutes]);
    }

    /// From `kubectl apply` of one object until its status says that it is so.
    fn one_edit(&self, operator: &Operator, mut object: Value, report: &mut Report) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let email = object["spec"]["email"].as_str().unwrap().to_owned();
        object["spec"]["lastName"] = "Edited".into();
        let (calls, patches) = (self.calls(), counted(operator, PATCHES));
        let start = Instant::now();
        self.harness
            .namespace
            .kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "-"])
            .input(&object.to_string())
            .run()
            .expect(0);
        self.harness.wait(operator, "KoreUser", &name, "True UpToDate");
        let seconds = start.elapsed().as_secs_f64();
        assert_eq!(self.harness.truth().users[&email].last_name, "Edited");
        wait(operator, "the pass is counted", || operator.passes() == 2);
        report.add("cluster_edit_seconds_10200", "s", vec![seconds]);
        report.count("cluster_edit_calls_10200", "calls", self.calls() - calls);
        report.count("cluster_edit_patches_10200", "patches", counted(operator, PATCHES) - patches);
    }

    /// Processor time of passes by themselves that find nothing.
    fn passes(&self, operator: &Operator, report: &mut Report) {
        self.harness.account(&json!({ "interval": "5s" }));
        // The edit of the account takes a pass, and its status.
        wait(operator, "the interval is in force", || self.status()["effectiveInterval"] != "1h");
        // By its log: asking for the metrics takes time of the processor that no pass takes.
        let is_unchanged = |line: &Value| line["message"] == "pass" && line["is_still"] == true;
        let passes = || operator.lines().iter().filter(|line| is_unchanged(line)).count();
        wait(operator, "nothing is left to write", || passes() > 0);
        let (from, patches) = (passes(), counted(operator, PATCHES));
        let (spent, start) = (processor_seconds(operator.id()), Instant::now());
        wait(operator, "passes by themselves", || passes() >= from + PASSES);
        let spent = processor_seconds(operator.id()) - spent;
        let done = f64::from(u32::try_from(passes() - from).unwrap());
        let thousands = f64::from(u32::try_from(self.declared).unwrap()) / 1_000.0;
        report.add("cluster_pass_seconds_10200", "s", vec![start.elapsed().as_secs_f64() / done]);
        report.add("cluster_pass_cpu_ms_10200", "ms", vec![spent * 1_000.0 / done]);
        report.add("cluster_pass_cpu_ms_per_1000", "ms", vec![spent * 1_000.0 / done / thousands]);
        report.count("cluster_pass_patches", "patches", counted(operator, PATCHES) - patches);
    }

    fn status(&self) -> Value {
        self.harness.get("KoreAccount", NAME).unwrap()["status"].clone()
    }

    fn calls(&self) -> usize {
        let counts = self.harness.served.server.counts();
        counts.values().map(|count| usize::try_from(*count).unwrap()).sum()
    }
}

#[track_caller]
fn wait(operator: &Operator, what: &str, mut is_so: impl FnMut() -> bool) {
    // A poll comes once a minute, and that many objects take a while.
    let is_there = (0..3).any(|_| within(&mut is_so));
    assert!(is_there, "still not so: {what}\n{}", operator.logs());
}

const PATCHES: &str = "koreconcile_status_patches_total";
const EVENTS: &str = "koreconcile_events_total";

fn counted(operator: &Operator, name: &str) -> usize {
    usize::try_from(operator.metric(name, &[])).unwrap()
}

/// User and system time so far, as Linux keeps it.
fn processor_seconds(process: u32) -> f64 {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { return 0.0 };
    // The name in parentheses may hold anything; behind it the third field is the first.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let spent: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    spent / TICKS
}
