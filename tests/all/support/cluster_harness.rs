//! The controller as a cluster runs it: a process with the chart's own role, a served account, and a namespace with the
//! objects. Nothing of it outlives its test.

use super::cluster::{Cluster, Namespace};
use super::served::{ACCOUNT, Served, ask};
use super::workspace::Run;
use koreconcile::sandbox::Snapshot;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// More than anything here takes, even on a busy machine.
const BOUND: Duration = Duration::from_secs(120);
/// Between two looks at something that will come.
const LOOK: Duration = Duration::from_millis(20);

/// The name of the account object of every site.
pub const NAME: &str = "acme";

/// An account and the namespace that declares it.
pub struct ClusterHarness<'c> {
    pub cluster: &'c Cluster,
    pub served: Served,
    pub namespace: Namespace<'c>,
    /// The user the chart's role belongs to.
    pub user: String,
    runtime: Runtime,
    client: Client,
}

impl ClusterHarness<'static> {
    /// The demo account, declared by nothing but its `KoreAccount` with more in its spec.
    pub fn new(prefix: &str, more: &Value) -> Self {
        let harness = Self::on(Cluster::shared(), prefix, Served::new(&[]));
        harness.account(more);
        harness
    }
}

impl<'c> ClusterHarness<'c> {
    /// A namespace with the chart's role and the credentials; the account is not declared yet.
    pub fn on(cluster: &'c Cluster, prefix: &str, served: Served) -> Self {
        let namespace = cluster.namespace(prefix);
        namespace.apply(&chart_role(&namespace.name, &namespace.name)).run().expect(0);
        let user = cluster.service_account(&namespace.name, "kore-koreconcile");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(async { cluster.admin() });
        let harness = Self { cluster, served, namespace, user, runtime, client };
        harness.credentials();
        harness
    }

    /// Writes the Secret, with what the served account takes at present.
    pub fn credentials(&self) {
        let [id, secret] =
            ["KORE_CLIENT_ID", "KORE_CLIENT_SECRET"].map(|name| self.served.workspace.exported(name));
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "kore" },
            "stringData": { "id": id, "secret": secret },
        });
        self.namespace.apply(&object.to_string()).run().expect(0);
    }

    /// Declares the account: its call budget is no limit, and what it does is done soon.
    pub fn account(&self, more: &Value) {
        self.apply(&[self.declared(NAME, more)]);
    }

    /// That document under another name.
    pub fn declared(&self, name: &str, more: &Value) -> Value {
        let key = |key: &str| json!({ "secretKeyRef": { "name": "kore", "key": key } });
        let mut spec = json!({
            "endpoint": { "host": self.served.server.url },
            "accountId": ACCOUNT,
            "credentials": { "clientId": key("id"), "clientSecret": key("secret") },
            "interval": "2s",
            "rateLimit": roomy(),
            "safety": { "primaryAdmin": "owner@example.com", "minMasterAdmins": 1, "settle": "1s" },
        });
        merge(&mut spec, more);
        document("KoreAccount", name, &spec)
    }

    /// `kubectl apply` of these documents.
    #[track_caller]
    pub fn apply(&self, documents: &[Value]) -> Run {
        let text: String = documents.iter().map(|document| format!("---\n{document}\n")).collect();
        self.namespace.apply(&text).run().expect(0)
    }

    /// `kubectl ARGS` in the namespace.
    #[track_caller]
    pub fn kubectl(&self, args: &[&str]) -> Run {
        self.namespace.kubectl(args).run().expect(0)
    }

    /// One object as the server has it.
    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        self.runtime.block_on(async {
            let found = self.api(kind).get_opt(name).await.unwrap();
            found.map(|object| serde_json::to_value(object).unwrap())
        })
    }

    /// All objects of a kind.
    pub fn list(&self, kind: &str) -> Vec<Value> {
        self.runtime.block_on(async {
            let found = self.api(kind).list(&ListParams::default()).await.unwrap();
            found.items.into_iter().map(|object| serde_json::to_value(object).unwrap()).collect()
        })
    }

    /// Puts an annotation on the account, so that it is looked at now.
    pub fn nudge(&self, value: &str) {
        let annotation = format!("koreconcile.dev/reconcile-at={value}");
        self.kubectl(&["annotate", "--overwrite", "koreaccount", NAME, &annotation]);
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let gvk = match kind {
            "Lease" => GroupVersionKind::gvk("coordination.k8s.io", "v1", kind),
            "Event" => GroupVersionKind::gvk("events.k8s.io", "v1", kind),
            "Secret" | "ConfigMap" => GroupVersionKind::gvk("", "v1", kind),
            _ => GroupVersionKind::gvk("koreconcile.dev", "v1alpha1", kind),
        };
        Api::namespaced_with(self.client.clone(), &self.namespace.name, &ApiResource::from_gvk(&gvk))
    }

    /// `True UpToDate: …` of one condition, for the present generation; empty before that.
    pub fn said(&self, kind: &str, name: &str, condition: &str) -> String {
        self.get(kind, name).map(|object| said(&object, condition)).unwrap_or_default()
    }

    /// Waits until `Ready` begins so, and gives all of it.
    #[track_caller]
    pub fn wait(&self, operator: &Operator, kind: &str, name: &str, begins: &str) -> String {
        let mut seen = String::new();
        let is_so = within(|| {
            seen = self.said(kind, name, "Ready");
            seen.starts_with(begins)
        });
        assert!(is_so, "{kind} {name} is not {begins} but {seen:?}\n{}", operator.logs());
        seen
    }

    /// Waits until everything that is declared here is well, the account included.
    #[track_caller]
    pub fn wait_all(&self, operator: &Operator) {
        let mut missing = Vec::new();
        let is_so = within(|| {
            missing = KINDS
                .iter()
                .flat_map(|kind| self.list(kind))
                .filter(|object| !said(object, "Ready").starts_with("True"))
                .map(|object| format!("{}: {}", object["metadata"]["name"], said(&object, "Ready")))
                .collect();
            missing.is_empty()
        });
        assert!(is_so, "not ready: {missing:#?}\n{}", operator.logs());
    }

    /// Waits until something is so, and says what the controller said if it never is.
    #[track_caller]
    pub fn until(&self, operator: &Operator, what: &str, is_so: impl FnMut() -> bool) {
        assert!(within(is_so), "still not so: {what}\n{}\n{}", self.statuses(), operator.logs());
    }

    /// Every status, to see why something did not come to be.
    fn statuses(&self) -> String {
        let all = KINDS.iter().flat_map(|kind| self.list(kind));
        all.map(|object| format!("{} {}: {}\n", object["kind"], object["metadata"]["name"], object["status"]))
            .collect()
    }

    /// Waits for a whole pass that begins after this.
    #[track_caller]
    pub fn next_pass(&self, operator: &Operator) {
        // The one under way may have begun before.
        let from = operator.passes();
        self.until(operator, "another pass is done", || operator.passes() >= from + 2);
    }

    /// The notes of all events about an object, by reason.
    pub fn events(&self, name: &str) -> Vec<(String, String)> {
        let about = |event: &&Value| event["regarding"]["name"] == name;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = self.list("Event");
        all.iter().filter(about).map(|event| (text(&event["reason"]), text(&event["note"]))).collect()
    }

    /// The truth of the account.
    pub fn truth(&self) -> Snapshot {
        serde_json::from_value(self.served.server.truth()).unwrap()
    }

    /// Who develops the banking assistant, without the domain.
    pub fn developers(&self) -> Vec<String> {
        let develops = ("Bot Developer".to_owned(), "Banking Assistant".to_owned());
        let users = self.truth().users;
        let holders = users.iter().filter(|(_, user)| user.bot_roles.contains(&develops));
        holders.map(|(email, _)| email.split('@').next().unwrap().to_owned()).collect()
    }

    /// Starts the controller for this namespace.
    pub fn start(&self) -> Operator {
        self.start_with(&[])
    }

    /// Starts it with more words, which win.
    pub fn start_with(&self, more: &[&str]) -> Operator {
        Operator::start(self, &self.user, more, &[])
    }

    /// Starts it with more variables, such as the keys of the memory's seal.
    pub fn start_sealed(&self, env: &[(&str, &str)]) -> Operator {
        Operator::start(self, &self.user, &[], env)
    }
}

/// A call budget that is no limit here. (One without end would take long to foretell.)
pub fn roomy() -> Value {
    json!({ "perMinute": 5_000, "perHour": 50_000, "reserve": 0, "readShare": "100%" })
}

/// Every kind that people write.
pub const KINDS: [&str; 10] = [
    "KoreAccount",
    "KoreUser",
    "KoreTeam",
    "KoreRole",
    "KoreRoleBinding",
    "KoreGroupMembership",
    "KoreBotAssignment",
    "KorePolicy",
    "KorePolicyException",
    "KoreArea",
];

/// A document of ours.
pub fn document(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "koreconcile.dev/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// A user by name.
pub fn user(name: &str, more: &Value) -> Value {
    let mut spec = json!({ "email": format!("{name}@example.com") });
    merge(&mut spec, more);
    document("KoreUser", name, &spec)
}

/// Who develops the banking assistant.
pub fn developers(name: &str, names: &[&str], more: &Value) -> Value {
    let subjects: Vec<Value> =
        names.iter().map(|name| json!({ "user": format!("{name}@example.com") })).collect();
    let mut spec = json!({
        "role": { "type": "Bot", "name": "Bot Developer" },
        "bot": "Banking Assistant",
        "subjects": subjects,
    });
    merge(&mut spec, more);
    document("KoreRoleBinding", name, &spec)
}

/// One condition of an object, if it is about the present generation.
pub fn said(object: &Value, condition: &str) -> String {
    let status = &object["status"];
    if status["observedGeneration"] != object["metadata"]["generation"] {
        return String::new();
    }
    let all = status["conditions"].as_array();
    let found = all.into_iter().flatten().find(|found| found["type"] == condition);
    let text = |name: &str| found.and_then(|found| found[name].as_str()).unwrap_or_default();
    format!("{} {}: {}", text("status"), text("reason"), text("message"))
}

/// Whether it comes to be so.
pub fn within(mut is_so: impl FnMut() -> bool) -> bool {
    let from = Instant::now();
    while !is_so() {
        if from.elapsed() > BOUND {
            return false;
        }
        std::thread::park_timeout(LOOK);
    }
    true
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// What the chart gives a controller that lives in one namespace, for the accounts in another.
pub fn chart_role(system: &str, accounts: &str) -> String {
    static RENDERED: LazyLock<String> = LazyLock::new(|| {
        let shown =
            ["serviceaccount", "role-accounts", "role-lease"].map(|name| format!("templates/{name}.yaml"));
        let mut args = vec!["template", "kore", "charts/koreconcile", "--namespace", "its-system"];
        args.extend(["--set", "accountNamespaces={its-accounts},image.repository=x"]);
        args.extend(shown.iter().flat_map(|file| ["--show-only", file]));
        Cluster::shared().helm(&args).run().expect(0).stdout
    });
    RENDERED.replace("its-system", system).replace("its-accounts", accounts)
}

/// A controller at work, gone with this value.
pub struct Operator {
    child: Child,
    logs: Arc<Mutex<String>>,
    metrics: String,
    health: String,
}

impl Operator {
    /// Starts it as this user. Times are short; the lease is long enough for a busy machine, unless `more` says else.
    pub fn start(harness: &ClusterHarness<'_>, user: &str, more: &[&str], env: &[(&str, &str)]) -> Self {
        let namespace = harness.namespace.name.as_str();
        let mut args = vec!["controller", "--namespace", namespace];
        let times = [
            ("--lease-namespace", namespace),
            ("--debounce", "100ms"),
            ("--audit-poll-interval", "1h"),
            ("--quiet-start", "1s"),
            ("--lease-duration", "30s"),
            ("--renew-every", "1s"),
            ("--call-timeout", "5s"),
            ("--log-format", "json"),
        ];
        let is_told = |name: &str| more.contains(&name);
        args.extend(
            times.iter().filter(|(name, _)| !is_told(name)).flat_map(|(name, value)| [*name, *value]),
        );
        args.extend(["--metrics-listen", "127.0.0.1:0", "--health-listen", "127.0.0.1:0"]);
        args.extend(more);
        let mut child = Command::new(env!("CARGO_BIN_EXE_koreconcile"))
            .args(&args)
            .current_dir(harness.served.workspace.path(""))
            .env_clear()
            .env("KUBECONFIG", harness.cluster.kubeconfig(user))
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let logs = Arc::new(Mutex::new(String::new()));
        let (lines, kept) = (BufReader::new(child.stderr.take().unwrap()), Arc::clone(&logs));
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                kept.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let mut operator = Self { child, logs, metrics: String::new(), health: String::new() };
        for what in ["metrics", "health"] {
            let mut found = None;
            within(|| {
                found = operator.bound(what);
                found.is_some()
            });
            let address = found.unwrap_or_else(|| panic!("it does not listen:\n{}", operator.logs()));
            match what {
                "metrics" => operator.metrics = address,
                _ => operator.health = address,
            }
        }
        operator
    }

    fn bound(&self, what: &str) -> Option<String> {
        let lines: Vec<Value> = self.lines();
        let line = lines.iter().find(|line| line["message"] == "listening" && line["what"] == what)?;
        Some(line["bound"].as_str()?.to_owned())
    }

    /// The lines of the log that are JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.logs().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// How many lines say this.
    pub fn said(&self, message: &str) -> usize {
        self.lines().iter().filter(|line| line["message"] == message).count()
    }

    /// Everything it logged.
    pub fn logs(&self) -> String {
        self.logs.lock().unwrap().clone()
    }

    /// `/healthz` or `/readyz`: status and body.
    pub fn health(&self, path: &str) -> (u16, String) {
        ask(&self.health, "GET", path, "")
    }

    /// `/metrics`.
    pub fn metrics(&self) -> String {
        let (status, text) = ask(&self.metrics, "GET", "/metrics", "");
        assert_eq!(status, 200);
        text
    }

    /// The sum of all series of that name with these words in their labels.
    pub fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let text = self.metrics();
        let is_meant = |line: &&str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        };
        text.lines()
            .filter(is_meant)
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
            .sum()
    }

    /// Passes so far.
    pub fn passes(&self) -> u64 {
        self.metric("koreconcile_reconciles_total", &[])
    }

    /// Whether it leads.
    pub fn leads(&self) -> bool {
        self.metric("koreconcile_leader", &[]) > 0
    }

    /// SIGTERM, as a kubelet ends a pod.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Any signal.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end: the exit code.
    pub fn ended(&mut self) -> Option<i32> {
        let mut status = None;
        within(|| {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap_or_else(|| panic!("it does not end:\n{}", self.logs())).code()
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.kill();
    }
}
