//! The chart, by the real helm on a real API server. What only a kubelet could show (security contexts, probes, network
//! policy) is asserted on the rendered documents.

use crate::support::cluster::{Cluster, Namespace};
use crate::support::served::document;
use crate::support::workspace::{Run, Workspace, snapshots};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

pub const CHART: &str = "charts/koreconcile";
pub const FULL: &str = "tests/fixtures/chart/full.yaml";

/// An image, without which nothing can be installed.
pub const IMAGE: [&str; 2] = ["--set", "image.repository=registry.example.com/koreconcile"];

fn template(args: &[&str]) -> Run {
    let args = [&["template", "kore", CHART, "--namespace", "kore-system"], &IMAGE[..], args].concat();
    Cluster::shared().helm(&args).run()
}

/// The rendered documents of one kind.
pub fn rendered(args: &[&str], kind: &str) -> Vec<Value> {
    let run = template(args).expect(0);
    let all: Vec<Value> = serde_saphyr::from_multiple(&run.stdout).unwrap();
    all.into_iter().filter(|document| document["kind"] == kind).collect()
}

/// A file of the repository.
pub fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Installs the chart into a namespace, for accounts in another; the definitions are there already.
pub fn install(system: &Namespace<'_>, accounts: &Namespace<'_>, more: &[&str]) -> Run {
    let namespaces = format!("accountNamespaces={{{}}}", accounts.name);
    let args = ["install", &system.name, CHART, "-n", &system.name, "--set", "crds.install=false"];
    Cluster::shared().helm(&[&args[..], &IMAGE, &["--set", &namespaces], more].concat()).run().expect(0)
}

#[test]
fn lints_strictly() {
    for more in [&[][..], &["--values", FULL]] {
        let args = [&["lint", "--strict", CHART], &IMAGE[..], more].concat();
        let run = Cluster::shared().helm(&args).run().expect(0);
        assert!(run.stdout.contains("1 chart(s) linted, 0 chart(s) failed"), "{run}");
        assert!(!run.said().contains("[WARNING]"), "{run}");
    }
}

#[test]
fn renders_its_defaults() {
    let _guard = snapshots();
    insta::assert_snapshot!(template(&["--set", "crds.install=false"]).expect(0));
}

#[test]
fn renders_everything_at_once() {
    let _guard = snapshots();
    insta::assert_snapshot!(
        template(&["--values", FULL, "--set", "metrics.dashboard.enabled=false"]).expect(0)
    );
}

#[test]
fn says_what_is_wrong_with_values() {
    let mut seen = String::new();
    for value in [
        "replicaCount=two",
        "replicas=2",
        "image.digest=latest",
        "image.repository=",
        "image.repository=x,clusterWide=true",
        "image.repository=x,clusterWide=true,accountNamespaces={acme}",
        "image.repository=x,caBundle.configMap=a,caBundle.secret=b",
        "extraArgs={debounce=5s}",
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
        assert!(run.stdout.is_empty(), "{run}");
        let _ = writeln!(seen, "{value}\n{}", run.stderr);
    }
    let _guard = snapshots();
    insta::assert_snapshot!(seen);
}

#[test]
fn brings_every_definition_and_keeps_it() {
    let crds = rendered(&[], "CustomResourceDefinition");
    assert_eq!(crds.len(), 13);
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
fn installs_upgrades_and_uninstalls_without_losing_anybody() {
    let cluster = Cluster::empty();
    let helm = |args: &[&str]| {
        let image = if ["install", "upgrade"].contains(&args[0]) { &IMAGE[..] } else { &[] };
        cluster.helm(&[args, image, &["--namespace", "kore-system"]].concat()).run()
    };
    let install = ["install", "kore", CHART, "--create-namespace"];
    let run = helm(&install).expect(0);
    let release =
        concat!("koreconcile ", env!("CARGO_PKG_VERSION"), " reconciles the KoreAccounts in: kore-system");
    assert!(run.stdout.contains(release), "{run}");
    let wait = ["wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"];
    cluster.kubectl(&wait).run().expect(0);
    let namespace = cluster.namespace("people");
    namespace.apply(&document("KoreUser", "jane", "{ email: jane@example.com }")).run().expect(0);

    let temporary = tempfile::tempdir().unwrap();
    let newer = newer_chart(temporary.path());
    helm(&["upgrade", "kore", &newer, "--reset-then-reuse-values"]).expect(0);
    let described =
        cluster.kubectl(&["get", "crd", "koreusers.koreconcile.dev", "-o", "yaml"]).run().expect(0);
    assert!(described.stdout.contains("Given name."), "{described}");

    let run = helm(&["uninstall", "kore"]).expect(0);
    assert_eq!(run.said().matches("[CustomResourceDefinition]").count(), 13, "{run}");
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

    // Everything goes when somebody says so, in the order of the guide.
    namespace.kubectl(&["annotate", "kore", "--all", "koreconcile.dev/orphan=true"]).run().expect(0);
    let run = namespace.kubectl(&["delete", "kore", "--all"]).run().expect(0);
    assert!(run.stdout.starts_with("koreuser.koreconcile.dev \"jane\" deleted"), "{run}");
    helm(&["uninstall", "other"]).expect(0);
    let crds = Workspace::with(&[]).run(&["crds"]).expect(0).stdout;
    let run = cluster.kubectl(&["delete", "-f", "-"]).input(&crds).run().expect(0);
    assert_eq!(run.stdout.matches(" deleted").count(), 13, "{run}");
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
fn is_accepted_by_the_server_with_everything_on() {
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
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (19, ""), "{run}");
}

#[test]
fn pods_meet_the_restricted_standard() {
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
fn pods_are_confined_probed_and_spread() {
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
    assert_eq!([&pod["volumes"], &pod["hostNetwork"]], [&Value::Null; 2]);
    let name = serde_json::json!({ "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } });
    assert_eq!(container["env"], serde_json::json!([name]));
    let policies = rendered(&[], "NetworkPolicy");
    let [policy] = &policies[..] else { panic!("{policies:?}") };
    assert_eq!(policy["spec"]["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
    assert_eq!(
        policy["spec"]["ingress"],
        serde_json::json!([{ "ports": [{ "protocol": "TCP", "port": "metrics" }] }])
    );
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"], deployment["spec"]["selector"]["matchLabels"]);
}

#[test]
fn arguments_are_the_verbs() {
    for more in [&[][..], &["--values", FULL]] {
        let deployments = rendered(more, "Deployment");
        let args = &deployments[0]["spec"]["template"]["spec"]["containers"][0]["args"];
        let mut args: Vec<&str> = args.as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
        assert_eq!(args[0], "controller");
        // What stands before it is read as it would be without.
        args.push("--help");
        Workspace::with(&[]).run(&args).expect(0);
        args.insert(1, "--metrics-listen=everywhere");
        Workspace::with(&[]).run(&args).expect(3);
    }
}

#[test]
fn a_proxy_that_opens_tls_needs_values_only() {
    for (kind, source) in [("configMap", "name"), ("secret", "secretName")] {
        let bundle = format!("caBundle.{kind}=authorities,caBundle.key=all.pem");
        let more =
            ["--set", bundle.as_str(), "--set", "env[0].name=HTTPS_PROXY,env[0].value=http://proxy:3128"];
        let deployments = rendered(&more, "Deployment");
        let pod = &deployments[0]["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(pod["volumes"][0][kind][source], "authorities");
        let mount = &container["volumeMounts"][0];
        assert_eq!((&mount["name"], &mount["readOnly"]), (&pod["volumes"][0]["name"], &true.into()));
        let file = format!("{}/all.pem", mount["mountPath"].as_str().unwrap());
        let env = container["env"].as_array().unwrap();
        let value = |name: &str| env.iter().find(|one| one["name"] == name).unwrap()["value"].clone();
        assert_eq!((value("SSL_CERT_FILE"), value("HTTPS_PROXY")), (file.into(), "http://proxy:3128".into()));
    }
}

#[test]
fn every_namespace_is_watched_with_a_cluster_role_of_the_same_rules() {
    let wide = ["--set", "clusterWide=true,secretNames={kore-credentials}"];
    let deployments = rendered(&wide, "Deployment");
    let args = deployments[0]["spec"]["template"]["spec"]["containers"][0]["args"].to_string();
    assert!(!args.contains("--namespace="), "{args}");
    let roles = |more: &[&str], kind: &str| -> Vec<Value> {
        let named = |role: &Value| role["metadata"]["name"] == "kore-koreconcile-accounts";
        rendered(more, kind).into_iter().filter(named).collect()
    };
    assert!(roles(&wide, "Role").is_empty());
    let namespaced = roles(&["--set", "secretNames={kore-credentials}"], "Role").remove(0);
    let cluster = roles(&wide, "ClusterRole").remove(0);
    let listed = |role: &Value| -> Vec<Value> {
        let all = role["rules"].as_array().unwrap().iter();
        all.filter(|rule| rule["resources"] != serde_json::json!(["namespaces"])).cloned().collect()
    };
    assert_eq!(listed(&cluster), listed(&namespaced));
    assert!(
        listed(&cluster).iter().any(|rule| rule["resourceNames"] == serde_json::json!(["kore-credentials"]))
    );
    let bound = roles(&wide, "ClusterRoleBinding").remove(0);
    assert_eq!(bound["roleRef"]["name"], "kore-koreconcile-accounts");
}

#[test]
fn namespaces_that_do_not_exist_are_named_before_anything_is_installed() {
    let cluster = Cluster::shared();
    let system = cluster.namespace("early");
    let args = ["install", "early", CHART, "-n", &system.name, "--set", "crds.install=false"];
    let absent = ["--set", "accountNamespaces={nobody-made-it}"];
    let run = cluster.helm(&[&args[..], &IMAGE, &absent].concat()).run().expect(1);
    let said = "namespace nobody-made-it of accountNamespaces does not exist: kubectl create namespace nobody-made-it";
    assert!(run.stderr.contains(said), "{run}");
    // Nothing is in the way of the next try.
    let there = format!("accountNamespaces={{{}}}", system.name);
    cluster.helm(&[&args[..], &IMAGE, &["--set", &there]].concat()).run().expect(0);
    cluster.helm(&["uninstall", "early", "-n", &system.name]).run().expect(0);
}

#[test]
fn pods_do_not_restart_for_a_new_version_of_the_chart() {
    let deployments = rendered(&[], "Deployment");
    let labels = deployments[0]["spec"]["template"]["metadata"]["labels"].as_object().unwrap();
    let mut names: Vec<&str> = labels.keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected =
        ["component", "instance", "name", "part-of"].map(|name| format!("app.kubernetes.io/{name}"));
    assert_eq!(names, expected);
    let own = deployments[0]["metadata"]["labels"].as_object().unwrap();
    assert!(own.contains_key("helm.sh/chart") && own.contains_key("app.kubernetes.io/version"));
}

/// The pod of `helm test`, and its script.
fn test_pod(more: &[&str]) -> (Value, String) {
    let mut pods = rendered(more, "Pod");
    assert_eq!(pods.len(), 1);
    let pod = pods.remove(0);
    let command = pod["spec"]["containers"][0]["command"].as_array().unwrap();
    assert_eq!(command[..2], ["sh", "-c"]);
    let script = command[2].as_str().unwrap().to_owned();
    (pod, script)
}

#[test]
fn helm_test_finds_exactly_one_leader() {
    let (_, script) = test_pod(&[]);
    let folder = tempfile::tempdir().unwrap();
    let tool = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    tool("sleep", "exit 0");
    let server = "printf 'Server:\\t10.96.0.10\\nAddress:\\t10.96.0.10:53\\n\\n'";
    let entry = "printf 'Name:\\t%s\\nAddress: %s\\n'";
    tool("nslookup", &format!("{server}; {entry} \"$1\" 10.0.0.1; {entry} \"$1\" fd00::2"));
    let answer = "printf '# TYPE koreconcile_leader gauge\\nkoreconcile_leader %s\\n'";
    for (first, second, code, said) in [
        ("1", "0", 0, "replicas that answer: 2; leading: 1\n"),
        ("1", "gone", 0, "replicas that answer: 1; leading: 1\n"),
        ("0", "0", 1, "exactly one replica has to lead"),
        ("1", "1", 1, "replicas that answer: 2; leading: 2\n"),
        ("gone", "gone", 1, "replicas that answer: 0; leading: 0\n"),
    ] {
        let leads = |who: &str| match who {
            "gone" => "exit 1".to_owned(),
            leads => format!("{answer} {leads}"),
        };
        tool(
            "wget",
            &format!(
                "case \"$*\" in *//10.0.0.1:8080/metrics) {};; *//\\[fd00::2\\]:8080/metrics) {};; *) exit 9;; esac",
                leads(first),
                leads(second)
            ),
        );
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let run = std::process::Command::new("sh")
            .args(["-c", &script])
            .env("PATH", path)
            .env("SERVICE", "kore-metrics")
            .output()
            .unwrap();
        let stdout = String::from_utf8(run.stdout).unwrap();
        assert_eq!(run.status.code(), Some(code), "{first} {second}: {stdout}");
        assert!(stdout.contains(said), "{first} {second}: {stdout}");
    }
}

#[test]
fn pod_of_the_helm_test_is_restricted_and_selected_by_nothing_of_the_controller() {
    for more in [&[][..], &["--values", FULL, "--set", "metrics.dashboard.enabled=false"]] {
        let (pod, _) = test_pod(more);
        assert_eq!(pod["metadata"]["annotations"]["helm.sh/hook"], "test");
        assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
        let security = &pod["spec"]["containers"][0]["securityContext"];
        assert_eq!(security["capabilities"]["drop"], serde_json::json!(["ALL"]));
        assert_eq!(pod["spec"]["securityContext"]["runAsNonRoot"], true);
        let labels = pod["metadata"]["labels"].as_object().unwrap();
        let matches = |selector: &Value| {
            selector.as_object().unwrap().iter().all(|(name, value)| labels.get(name) == Some(value))
        };
        let [service] = &rendered(more, "Service")[..] else { panic!("one Service") };
        assert!(!matches(&service["spec"]["selector"]));
        let [policy] = &rendered(more, "NetworkPolicy")[..] else { panic!("one NetworkPolicy") };
        assert!(!matches(&policy["spec"]["podSelector"]["matchLabels"]));
        // Where metrics are for some only, the test is one of them.
        let from = policy["spec"]["ingress"][0]["from"].as_array().cloned();
        let admits = |peer: &Value| peer.pointer("/podSelector/matchLabels").is_some_and(matches);
        assert!(from.is_none_or(|from| from.iter().any(admits)), "{policy}");
        let env = &pod["spec"]["containers"][0]["env"][0]["value"];
        let name = service["metadata"]["name"].as_str().unwrap();
        assert_eq!(*env, format!("{name}.kore-system.svc"));
    }
}

#[test]
fn dns_is_reached_in_the_cluster_and_on_the_node() {
    let policies = rendered(&[], "NetworkPolicy");
    let dns = &policies[0]["spec"]["egress"][0];
    assert_eq!(dns["ports"][0]["port"], 53);
    let to = serde_json::json!([{ "namespaceSelector": {} }, { "ipBlock": { "cidr": "169.254.20.10/32" } }]);
    assert_eq!(dns["to"], to);
}

#[test]
fn every_role_lists_all_objects_and_reads_their_events() {
    let cluster = Cluster::empty();
    cluster.helm(&[&["install", "kore", CHART, "-n", "default"], &IMAGE[..]].concat()).run().expect(0);
    let wait = ["wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"];
    cluster.kubectl(&wait).run().expect(0);
    let namespace = cluster.namespace("people");
    namespace.apply(&document("KoreUser", "jane", "{ email: jane@example.com }")).run().expect(0);
    for role in ["viewer", "editor", "approver", "account-admin"] {
        let bound = format!("--clusterrole=kore-koreconcile-{role}");
        namespace
            .kubectl(&["create", "rolebinding", role, &bound, &format!("--user={role}")])
            .run()
            .expect(0);
        for args in
            [&["get", "kore,kp,kpa"][..], &["describe", "ku", "jane"], &["events", "--for", "ku/jane"]]
        {
            let run = namespace.kubectl(&[args, &["--as", role]].concat()).run().expect(0);
            assert!(!run.stderr.contains("Forbidden") && !run.stderr.contains("forbidden"), "{role}: {run}");
        }
        let may = |verb: &str, kind: &str| {
            let run = namespace.kubectl(&["auth", "can-i", verb, kind, "--as", role]).run();
            run.stdout.trim() == "yes"
        };
        assert_eq!(may("create", "koreplanapprovals"), role == "approver", "{role}");
        assert_eq!(may("create", "koreusers"), role == "editor", "{role}");
        assert_eq!(may("update", "koreaccounts"), role == "account-admin", "{role}");
        assert!(!may("get", "secrets"), "{role}");
    }
}

#[test]
fn approvals_carry_the_name_of_whoever_creates_them() {
    let cluster = Cluster::empty();
    let namespace = cluster.namespace("people");
    let values = format!("accountNamespaces={{{}}},admissionPolicies.enabled=true", namespace.name);
    let install = ["install", "kore", CHART, "-n", "default", "--set", &values];
    cluster.helm(&[&install[..], &IMAGE].concat()).run().expect(0);
    let wait = ["wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"];
    cluster.kubectl(&wait).run().expect(0);
    let bound = [
        "create",
        "rolebinding",
        "approver",
        "--clusterrole=kore-koreconcile-approver",
        "--user=ann",
        "--user=bob",
    ];
    namespace.kubectl(&bound).run().expect(0);
    let create_as = |user: &str, name: &str, by: &str| {
        let spec = format!("{{ changes: [0123456789abcdef]{by} }}");
        let text = document("KorePlanApproval", name, &spec);
        namespace.kubectl(&["create", "-f", "-", "--as", user]).input(&text).run()
    };
    let create = |by: &str| create_as("ann", "mine", by);
    // A policy takes a moment to be in force.
    let refused = (0..200).map(|_| create(", approvedBy: bob")).find(|run| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        if run.code == Some(0) {
            namespace.kubectl(&["delete", "kpa", "mine"]).run().expect(0);
        }
        run.code != Some(0)
    });
    let refused = refused.expect("the policy is in force");
    assert!(refused.stderr.contains("spec.approvedBy has to be ann, who creates this approval"), "{refused}");
    assert!(create("").stderr.contains("spec.approvedBy has to be ann"));
    create(", approvedBy: ann").expect(0);
    // The other approver is held to their own name, and cannot make the first one's theirs afterwards.
    let refused = create_as("bob", "other", ", approvedBy: ann");
    assert!(refused.stderr.contains("spec.approvedBy has to be bob, who creates this approval"), "{refused}");
    create_as("bob", "other", ", approvedBy: bob").expect(0);
    let patch = r#"{"spec":{"approvedBy":"bob"}}"#;
    for user in ["ann", "bob", "kubernetes-admin"] {
        let args =
            ["patch", "kpa", "mine", "--type=merge", "-p", patch, "--as", user, "--as-group=system:masters"];
        let args = if user == "kubernetes-admin" { &args[..] } else { &args[..8] };
        assert_ne!(namespace.kubectl(args).run().code, Some(0), "{user}");
    }
    let shown = namespace.kubectl(&["get", "kpa"]).run().expect(0);
    assert!(shown.stdout.contains("ann"), "{shown}");
    // A namespace that nobody watches gets a warning, and nothing more.
    let elsewhere = cluster.namespace("elsewhere");
    let run = elsewhere.apply(&document("KoreUser", "jane", "{ email: jane@example.com }")).run().expect(0);
    assert!(run.stderr.contains("No controller of the release kore watches this namespace"), "{run}");
    let run = namespace.apply(&document("KoreUser", "jane", "{ email: jane@example.com }")).run().expect(0);
    assert!(!run.stderr.contains("No controller"), "{run}");
}
