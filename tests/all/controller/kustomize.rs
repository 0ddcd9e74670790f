//! The base for kustomize: what the chart renders with its defaults, and what the API server takes.

use crate::controller::chart::{CHART, file};
use crate::support::cluster::Cluster;
use serde_json::Value;

const BASE: &str = "charts/kustomize";

/// The documents that `kubectl kustomize` makes of the base.
fn built() -> Vec<Value> {
    let run = Cluster::shared().kubectl(&["kustomize", BASE]).run().expect(0);
    serde_saphyr::from_multiple(&run.stdout).unwrap()
}

fn of_kind(documents: &[Value], kind: &str) -> Vec<Value> {
    documents.iter().filter(|document| document["kind"] == kind).cloned().collect()
}

/// Without what only Helm reads.
fn plain(mut document: Value) -> Value {
    for place in ["/metadata/labels", "/spec/template/metadata/labels"] {
        if let Some(Value::Object(labels)) = document.pointer_mut(place) {
            labels.remove("helm.sh/chart");
            labels.remove("app.kubernetes.io/managed-by");
        }
    }
    document
}

#[test]
fn base_is_what_the_chart_renders() {
    let documents = built();
    let args = [
        "template",
        "koreconcile",
        CHART,
        "--namespace",
        "koreconcile-system",
        "--set",
        "crds.install=false,image.repository=koreconcile",
    ];
    let run = Cluster::shared().helm(&args).run().expect(0);
    let charts: Vec<Value> = serde_saphyr::from_multiple(&run.stdout).unwrap();
    let kinds = [
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "Service",
        "Deployment",
        "NetworkPolicy",
        "PodDisruptionBudget",
    ];
    for kind in kinds {
        let named = |documents: Vec<Value>| {
            let mut documents: Vec<Value> = documents.into_iter().map(plain).collect();
            documents.sort_by_key(|document| document["metadata"]["name"].as_str().unwrap().to_owned());
            documents
        };
        let (base, chart) = (named(of_kind(&documents, kind)), named(of_kind(&charts, kind)));
        assert!(!chart.is_empty(), "the chart has no {kind}");
        assert_eq!(base, chart, "{kind}: run scripts/generated.sh");
    }
    let others: Vec<&Value> = documents
        .iter()
        .map(|document| &document["kind"])
        .filter(|kind| !kinds.contains(&kind.as_str().unwrap()))
        .collect();
    assert_eq!(others.len(), 1 + 13, "the namespace and the definitions: {others:?}");
}

#[test]
fn base_has_every_definition() {
    let documents = built();
    let mut definitions: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/crds"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    definitions.sort();
    for name in &definitions {
        assert_eq!(
            file(&format!("{BASE}/crds/{name}")),
            file(&format!("crds/{name}")),
            "run scripts/generated.sh"
        );
    }
    assert_eq!(of_kind(&documents, "CustomResourceDefinition").len(), definitions.len());
}

#[test]
fn base_is_accepted_by_the_server() {
    let cluster = Cluster::shared();
    // A dry run makes no namespace for what lies in it.
    cluster.kubectl(&["apply", "-f", &format!("{BASE}/namespace.yaml")]).run().expect(0);
    let run = cluster
        .kubectl(&["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-k", BASE])
        .run()
        .expect(0);
    let taken =
        run.stdout.lines().filter(|line| line.ends_with("serverside-applied (server dry run)")).count();
    assert_eq!(taken, built().len(), "{run}");
}
