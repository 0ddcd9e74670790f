//! The chart, by the real helm on a real API server. What only a kubelet could show (security contexts, probes, network
//! policy) is asserted on the rendered documents.

use crate::support::cluster::{Cluster, Namespace, built};
use crate::support::command::{Run, snapshots};
use crate::support::served::document;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const CHART: &str = "charts/koreconcile";
const FULL: &str = "tests/fixtures/chart/full.yaml";

/// What the controller exports; an alert or a panel that names another one would never speak.
const METRICS: [&str; 15] = [
    "koreconcile_account_info",
    "koreconcile_account_reads_total",
    "koreconcile_api_calls_left",
    "koreconcile_api_calls_total",
    "koreconcile_changes",
    "koreconcile_changes_applied_total",
    "koreconcile_events_total",
    "koreconcile_last_success_timestamp_seconds",
    "koreconcile_leader",
    "koreconcile_objects",
    "koreconcile_overdue_grants",
    "koreconcile_reconcile_duration_seconds",
    "koreconcile_reconciles_total",
    "koreconcile_removals_in_window",
    "koreconcile_status_patches_total",
];

fn template(args: &[&str]) -> Run {
    let args = [&["template", "kore", CHART, "--namespace", "kore-system"], args].concat();
    Cluster::shared().helm(&args).run()
}

/// The rendered documents of one kind.
fn rendered(args: &[&str], kind: &str) -> Vec<Value> {
    let run = template(args).expect(0);
    let all: Vec<Value> = serde_saphyr::from_multiple(&run.stdout).unwrap();
    all.into_iter().filter(|document| document["kind"] == kind).collect()
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Installs the chart into a namespace, for accounts in another; the definitions are there already.
fn install(system: &Namespace<'_>, accounts: &Namespace<'_>, more: &[&str]) -> Run {
    let namespaces = format!("accountNamespaces={{{}}}", accounts.name);
    let args = ["install", &system.name, CHART, "-n", &system.name, "--set", "crds.install=false"];
    Cluster::shared().helm(&[&args[..], &["--set", &namespaces], more].concat()).run().expect(0)
}

#[test]
fn controller_chart_lints_strictly() {
    for more in [&[][..], &["--values", FULL]] {
        let run = Cluster::shared().helm(&[&["lint", "--strict", CHART], more].concat()).run().expect(0);
        assert!(run.stdout.contains("1 chart(s) linted, 0 chart(s) failed"), "{run}");
        assert!(!run.said().contains("[WARNING]"), "{run}");
    }
}

#[test]
fn controller_chart_renders_its_defaults() {
    let _guard = snapshots();
    insta::assert_snapshot!(template(&["--set", "crds.install=false"]).expect(0));
}

#[test]
fn controller_chart_renders_everything_at_once() {
    let _guard = snapshots();
    insta::assert_snapshot!(
        template(&["--values", FULL, "--set", "metrics.dashboard.enabled=false"]).expect(0)
    );
}

#[test]
fn controller_chart_says_what_is_wrong_with_values() {
    let mut seen = String::new();
    for value in [
        "replicaCount=two",
        "replicas=2",
        "image.digest=latest",
        "image.repository=",
        "allowedHosts={https://platform.kore.ai}",
        "allowedHosts=null",
        "accountNamespaces={Acme}",
        "log.format=xml",
        "otlp.endpoint=collector:4318",
        "terminationGracePeriodSeconds=5",
        "networkPolicy.httpsPorts={0}",
        "metrics.serviceMonitor.interval=often",
    ] {
        let run = template(&["--set", value]).expect(1);
        assert_eq!(run.stdout, "", "{run}");
        let _ = writeln!(seen, "{value}\n{}", run.stderr);
    }
    let _guard = snapshots();
    insta::assert_snapshot!(seen);
}

#[test]
fn controller_chart_brings_every_definition_and_keeps_it() {
    let crds = rendered(&[], "CustomResourceDefinition");
    assert_eq!(crds.len(), 9);
    for mut crd in crds {
        let metadata = crd["metadata"].take();
        assert_eq!(metadata["annotations"]["helm.sh/resource-policy"], "keep");
        let name = metadata["name"].as_str().unwrap();
        let plural = name.strip_suffix(".koreconcile.dev").unwrap();
        let mut committed: Value = serde_saphyr::from_str(&file(&format!("crds/{plural}.yaml"))).unwrap();
        committed["metadata"].take();
        assert_eq!(crd, committed, "{name}");
    }
    assert_eq!(rendered(&["--set", "crds.install=false"], "CustomResourceDefinition"), Vec::<Value>::new());
}

#[test]
fn controller_chart_installs_upgrades_and_uninstalls_without_losing_anybody() {
    let cluster = Cluster::empty();
    let helm = |args: &[&str]| cluster.helm(&[args, &["--namespace", "kore-system"]].concat()).run();
    let install = ["install", "kore", CHART, "--create-namespace"];
    let run = helm(&install).expect(0);
    assert!(run.stdout.contains("koreconcile 0.1.0 looks after the KoreAccounts in: kore-system"), "{run}");
    let wait = ["wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"];
    cluster.kubectl(&wait).run().expect(0);
    let namespace = cluster.namespace("people");
    namespace.apply(&document("KoreUser", "jane", "{ email: jane@example.com }")).run().expect(0);

    let temporary = tempfile::tempdir().unwrap();
    let newer = newer_chart(temporary.path());
    helm(&["upgrade", "kore", &newer]).expect(0);
    let described =
        cluster.kubectl(&["get", "crd", "koreusers.koreconcile.dev", "-o", "yaml"]).run().expect(0);
    assert!(described.stdout.contains("Given name."), "{described}");

    let run = helm(&["uninstall", "kore"]).expect(0);
    assert_eq!(run.said().matches("[CustomResourceDefinition]").count(), 9, "{run}");
    let left =
        cluster.kubectl(&["get", "deployments,roles,rolebindings", "-n", "kore-system"]).run().expect(0);
    assert!(left.stderr.contains("No resources found"), "{left}");
    let jane = namespace.kubectl(&["get", "ku", "-o", "name"]).run().expect(0);
    assert_eq!(jane.stdout, "koreuser.koreconcile.dev/jane\n");

    // The same release takes up what it left; another one has to say that it takes it over.
    helm(&install).expect(0);
    helm(&["uninstall", "kore"]).expect(0);
    let run = helm(&["install", "other", CHART]).expect(1);
    assert!(run.stderr.contains("cannot be imported into the current release"), "{run}");
    helm(&["install", "other", CHART, "--take-ownership"]).expect(0);
    namespace.kubectl(&["get", "ku", "jane"]).run().expect(0);
}

/// A copy of the chart in which a field is described in other words.
fn newer_chart(root: &Path) -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(CHART);
    let copy = root.join("koreconcile");
    for entry in walkdir::WalkDir::new(&source).into_iter().map(Result::unwrap) {
        let target = copy.join(entry.path().strip_prefix(&source).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir(target).unwrap();
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
    let users = copy.join("files/crds/koreusers.yaml");
    let text = std::fs::read_to_string(&users).unwrap();
    assert!(text.contains("\"First name."));
    std::fs::write(users, text.replace("\"First name.", "\"Given name.")).unwrap();
    copy.to_str().unwrap().to_owned()
}

#[test]
fn controller_chart_is_accepted_by_the_server_with_everything_on() {
    let namespace = Cluster::shared().namespace("everything");
    let accounts = format!("accountNamespaces={{{}}}", namespace.name);
    let run = Cluster::shared().helm(&[
        "template",
        "kore",
        CHART,
        "--namespace",
        &namespace.name,
        "--values",
        FULL,
        "--set",
        &accounts,
        // The kinds of these belong to somebody else.
        "--set",
        "metrics.serviceMonitor.enabled=false,metrics.prometheusRule.enabled=false",
    ]);
    let rendered = run.run().expect(0).stdout;
    let run = namespace.kubectl(&["apply", "--dry-run=server", "-f", "-"]).input(&rendered).run().expect(0);
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (14, ""), "{run}");
}

#[test]
fn controller_chart_pods_meet_the_restricted_standard() {
    let cluster = Cluster::shared();
    let (system, accounts) = (cluster.namespace("restricted"), cluster.namespace("accounts"));
    let label = "pod-security.kubernetes.io/enforce=restricted";
    cluster.kubectl(&["label", "namespace", &system.name, label]).run().expect(0);
    install(&system, &accounts, &[]);
    let deployment = system.kubectl(&["get", "deployments", "-o", "json"]).run().expect(0);
    let deployment: Value = serde_json::from_str(&deployment.stdout).unwrap();
    let mut pod = deployment["items"][0]["spec"]["template"].clone();
    pod["apiVersion"] = "v1".into();
    pod["kind"] = "Pod".into();
    pod["metadata"]["name"] = "controller".into();
    let create = ["create", "--dry-run=server", "-f", "-"];
    system.kubectl(&create).input(&pod.to_string()).run().expect(0);
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = true.into();
    let run = system.kubectl(&create).input(&pod.to_string()).run().expect(1);
    assert!(run.stderr.contains("violates PodSecurity \"restricted:latest\""), "{run}");
}

#[test]
fn controller_chart_pods_are_confined_probed_and_spread() {
    let deployments = rendered(&[], "Deployment");
    let [deployment] = &deployments[..] else { panic!("{deployments:?}") };
    assert_eq!(deployment["spec"]["replicas"], 2);
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(
        pod["securityContext"],
        serde_json::json!({
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "seccompProfile": { "type": "RuntimeDefault" },
        })
    );
    let container = &pod["containers"][0];
    assert_eq!(
        container["securityContext"],
        serde_json::json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        })
    );
    for (probe, path) in
        [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
    {
        let get = serde_json::json!({ "path": path, "port": "health" });
        assert_eq!(container[probe]["httpGet"], get, "{probe}");
    }
    // Nothing of the node or of other pods is mounted, and no secret is in the environment.
    assert_eq!([&pod["volumes"], &pod["hostNetwork"], &container["env"]], [&Value::Null; 3]);
    let policies = rendered(&[], "NetworkPolicy");
    let [policy] = &policies[..] else { panic!("{policies:?}") };
    assert_eq!(policy["spec"]["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    assert_eq!(
        policy["spec"]["ingress"],
        serde_json::json!([{ "ports": [{ "protocol": "TCP", "port": "metrics" }] }])
    );
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"], deployment["spec"]["selector"]["matchLabels"]);
}

/// Whether a user may do it.
async fn may(client: &kube::Client, namespace: &str, what: &str) -> bool {
    let mut words = what.split(' ');
    let (verb, resource, name) = (words.next().unwrap(), words.next().unwrap(), words.next());
    let (resource, group) = resource.split_once('.').unwrap_or((resource, ""));
    let (resource, subresource) = match resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (resource, None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(namespace.to_owned()),
                verb: Some(verb.to_owned()),
                group: Some(group.to_owned()),
                resource: Some(resource.to_owned()),
                subresource,
                name: name.map(str::to_owned),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answered = Api::all(client.clone()).create(&PostParams::default(), &review).await.unwrap();
    answered.status.unwrap().allowed
}

/// Those of the list that a user may do.
async fn granted<'w>(client: &kube::Client, namespace: &str, list: &[&'w str]) -> Vec<&'w str> {
    let mut granted = Vec::new();
    for what in list {
        if may(client, namespace, what).await {
            granted.push(*what);
        }
    }
    granted
}

#[tokio::test]
async fn controller_chart_role_is_enough_and_no_wider() {
    const NEEDED: [&str; 22] = [
        "list koreaccounts.koreconcile.dev",
        "watch koreaccounts.koreconcile.dev",
        "watch koreusers.koreconcile.dev",
        "watch koreteams.koreconcile.dev",
        "watch koregroupmemberships.koreconcile.dev",
        "watch koreroles.koreconcile.dev",
        "watch korerolebindings.koreconcile.dev",
        "watch korebotassignments.koreconcile.dev",
        "watch koreplanapprovals.koreconcile.dev",
        "patch koreaccounts/status.koreconcile.dev",
        "patch koreusers/status.koreconcile.dev",
        "patch koreteams/status.koreconcile.dev",
        "patch koreplanapprovals/status.koreconcile.dev",
        "patch koreusers.koreconcile.dev",
        "patch korerolebindings.koreconcile.dev",
        "create koreplans.koreconcile.dev",
        "delete koreplans.koreconcile.dev",
        "patch koreplans/status.koreconcile.dev",
        "create events.events.k8s.io",
        "patch events.events.k8s.io",
        "get secrets kore-credentials",
        "get namespaces",
    ];
    const NOT_NEEDED: [&str; 16] = [
        "create koreusers.koreconcile.dev",
        "update koreusers.koreconcile.dev",
        "delete koreusers.koreconcile.dev",
        "patch koreaccounts.koreconcile.dev",
        "patch koreteams.koreconcile.dev",
        "create koreplanapprovals.koreconcile.dev",
        "patch koreplanapprovals.koreconcile.dev",
        "delete koreplanapprovals.koreconcile.dev",
        "patch koreplans.koreconcile.dev",
        "get secrets another",
        "list secrets",
        "watch secrets",
        "get configmaps",
        "create pods",
        "delete namespaces",
        "get leases.coordination.k8s.io",
    ];
    let cluster = Cluster::shared();
    let [system, accounts, other] = ["system", "accounts", "other"].map(|name| cluster.namespace(name));
    install(&system, &accounts, &["--set", "secretNames={kore-credentials}"]);
    let account = format!("{}-koreconcile", system.name);
    let client = cluster.client_as(&cluster.service_account(&system.name, &account));
    // The namespace is a name too: it is its own.
    let own = format!("get namespaces {}", accounts.name);
    let needed: Vec<&str> =
        NEEDED.map(|what| if what == "get namespaces" { own.as_str() } else { what }).into();
    assert_eq!(granted(&client, &accounts.name, &needed).await, needed);
    assert_eq!(granted(&client, &accounts.name, &NOT_NEEDED).await, Vec::<&str>::new());
    for elsewhere in [&other, &system] {
        assert_eq!(granted(&client, &elsewhere.name, &NEEDED).await, Vec::<&str>::new());
    }
    let lease = [
        "create leases.coordination.k8s.io",
        "get leases.coordination.k8s.io koreconcile",
        "update leases.coordination.k8s.io koreconcile",
    ];
    assert_eq!(granted(&client, &system.name, &lease).await, lease);
    let others = [
        "get leases.coordination.k8s.io another",
        "patch leases.coordination.k8s.io koreconcile",
        "delete leases.coordination.k8s.io koreconcile",
    ];
    assert_eq!(granted(&client, &system.name, &others).await, Vec::<&str>::new());
}

#[tokio::test]
async fn controller_chart_tells_editors_from_approvers() {
    const DEEDS: [&str; 8] = [
        "list koreusers.koreconcile.dev",
        "list koreplans.koreconcile.dev",
        "create koreusers.koreconcile.dev",
        "patch korerolebindings.koreconcile.dev",
        "create koreplanapprovals.koreconcile.dev",
        "patch koreaccounts.koreconcile.dev",
        "patch koreusers/status.koreconcile.dev",
        "get secrets",
    ];
    let cluster = Cluster::shared();
    let (system, accounts) = (cluster.namespace("people"), cluster.namespace("accounts"));
    install(&system, &accounts, &[]);
    for (user, role, may) in [
        ("viewer", "viewer", &[0, 1][..]),
        ("editor", "editor", &[0, 1, 2, 3]),
        ("approver", "approver", &[1, 4]),
        ("controller", "account-admin", &[5]),
    ] {
        let role = format!("--clusterrole={}-koreconcile-{role}", system.name);
        let user_flag = format!("--user={user}");
        accounts.kubectl(&["create", "rolebinding", user, &role, &user_flag]).run().expect(0);
        let expected: Vec<&str> = may.iter().map(|at| DEEDS[*at]).collect();
        assert_eq!(granted(&cluster.client_as(user), &accounts.name, &DEEDS).await, expected, "{user}");
        assert_eq!(granted(&cluster.client_as(user), &system.name, &DEEDS).await, Vec::<&str>::new());
    }
}

#[test]
fn controller_chart_alerts_and_dashboard_name_all_metrics_and_no_others() {
    let alerts: Value = serde_saphyr::from_str(&file("charts/koreconcile/files/alerts.yaml")).unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 10);
    let dashboard: Value = serde_json::from_str(&file("charts/koreconcile/files/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut asked: Vec<&str> = rules.iter().map(|rule| rule["expr"].as_str().unwrap()).collect();
    asked.extend(
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|v| v["query"].as_str().unwrap()),
    );
    for panel in panels {
        asked.extend(panel["targets"].as_array().unwrap().iter().map(|t| t["expr"].as_str().unwrap()));
    }
    let word = Regex::new(r"\bkoreconcile_[a-z_]+").unwrap();
    let named: BTreeSet<&str> = asked
        .iter()
        .flat_map(|query| word.find_iter(query))
        .map(|found| found.as_str().trim_end_matches("_bucket"))
        .collect();
    assert_eq!(named.into_iter().collect::<Vec<_>>(), METRICS);
    // Helm hands them through as they are.
    let [rule] = &rendered(&["--values", FULL], "PrometheusRule")[..] else { panic!("one PrometheusRule") };
    assert_eq!(rule["spec"], alerts);
    let [map] = &rendered(&["--values", FULL], "ConfigMap")[..] else { panic!("one ConfigMap") };
    let shown: Value = serde_json::from_str(map["data"]["koreconcile.json"].as_str().unwrap()).unwrap();
    assert_eq!(shown, dashboard);
}

#[test]
fn controller_chart_health_for_argo_cd_follows_the_conditions() {
    let ready = |status, reason| {
        format!("{{ type = 'Ready', status = '{status}', reason = '{reason}', message = 'so it is' }}")
    };
    let stalled = "{ type = 'Stalled', status = 'True', reason = 'Conflict', message = 'an older one' }";
    let object = |kind: &str, observed: u8, conditions: &[&str]| {
        format!(
            "{{ kind = '{kind}', metadata = {{ generation = 2 }}, status = {{ observedGeneration = {observed}, \
             conditions = {{ {} }} }} }}",
            conditions.join(", ")
        )
    };
    let waits = "{ type = 'Accepted', status = 'True', reason = 'Accepted', message = '' }";
    for (object, said) in [
        (
            "{ kind = 'KoreUser', metadata = { generation = 1 } }".to_owned(),
            "Progressing the controller has not looked at this generation yet",
        ),
        (
            object("KoreUser", 1, &[&ready("True", "UpToDate")]),
            "Progressing the controller has not looked at this generation yet",
        ),
        (object("KoreUser", 2, &[&ready("True", "UpToDate")]), "Healthy UpToDate: so it is"),
        (
            object("KoreUser", 2, &[&ready("True", "WaitingForAcceptance")]),
            "Healthy WaitingForAcceptance: so it is",
        ),
        (object("KoreRole", 2, &[&ready("False", "Progressing")]), "Progressing Progressing: so it is"),
        (
            object("KoreRoleBinding", 2, &[&ready("False", "Conflict"), stalled]),
            "Degraded Conflict: an older one",
        ),
        (
            object("KoreTeam", 2, &[&ready("False", "ApprovalRequired")]),
            "Suspended ApprovalRequired: so it is",
        ),
        (object("KoreAccount", 2, &[&ready("False", "Suspended")]), "Suspended Suspended: so it is"),
        (object("KorePlanApproval", 2, &[waits]), "Healthy"),
        (
            "{ kind = 'KorePlan', metadata = { generation = 1 }, status = { phase = 'Approved' } }"
                .to_owned(),
            "Healthy Approved",
        ),
    ] {
        assert_eq!(health(&object), said, "{object}");
    }
}

/// What Argo CD's own Lua makes of an object: status, a blank, message.
fn health(object: &str) -> String {
    let script = format!(
        "obj = {object}\nlocal health = dofile('{CHART}/files/argocd-health.lua')\nprint(health.status .. ' ' .. health.message)"
    );
    let output = Command::new(built("glua"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["-e", &script])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
