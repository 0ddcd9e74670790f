//! The examples for Argo CD and Flux: what is ours in them is accepted by the server and the chart; their own kinds
//! belong to somebody else, and are only read.

use crate::support::cluster::Cluster;
use crate::support::workspace::Workspace;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitops").join(name)
}

fn documents(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&std::fs::read_to_string(example(name)).unwrap()).unwrap()
}

/// The one document of a kind.
fn only(name: &str, kind: &str) -> Value {
    let mut found = documents(name).into_iter().filter(|document| document["kind"] == kind);
    let (Some(one), None) = (found.next(), found.next()) else { panic!("{name} has not one {kind}") };
    one
}

#[test]
fn account_is_accepted_by_the_server_and_offline() {
    let path = example("account/account.yaml");
    let namespace = Cluster::shared().namespace("gitops");
    let run = namespace.kubectl(&["apply", "--dry-run=server", "-f", path.to_str().unwrap()]).run().expect(0);
    assert_eq!(run.stdout, "koreaccount.koreconcile.dev/acme created (server dry run)\n");
    let run = Workspace::with(&[]).run(&["validate", path.to_str().unwrap()]).expect(0);
    assert_eq!(run.stderr, "1 manifest is valid\n");
}

#[test]
fn argo_cd_reads_health_as_the_chart_says() {
    let customizations = &only("argocd/argocd-cm.yaml", "ConfigMap")["data"]["resource.customizations"];
    let customizations: Value = serde_saphyr::from_str(customizations.as_str().unwrap()).unwrap();
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/koreconcile/files/argocd-health.lua");
    let script = std::fs::read_to_string(chart).unwrap();
    assert_eq!(customizations, serde_json::json!({ "koreconcile.dev/*": { "health.lua": script } }));
}

#[test]
fn values_are_the_charts() {
    let application = only("argocd/controller.yaml", "Application");
    let release = only("flux/controller.yaml", "HelmRelease");
    let workspace = Workspace::with(&[]);
    for values in [&application["spec"]["source"]["helm"]["valuesObject"], &release["spec"]["values"]] {
        assert!(values.is_object(), "{values}");
        workspace.write("values.yaml", &values.to_string());
        let path = workspace.path("values.yaml");
        let args = ["template", "kore", "charts/koreconcile", "--values", path.to_str().unwrap()];
        let run = Cluster::shared().helm(&args).run().expect(0);
        assert!(run.stdout.contains("- --namespace=kore-acme\n"), "{run}");
    }
    assert_eq!(application["spec"]["source"]["path"], "charts/koreconcile");
    assert_eq!(release["spec"]["chart"]["spec"]["chart"], "charts/koreconcile");
}

#[test]
fn access_comes_after_the_controller_and_prunes_objects_only() {
    let wave = |name: &str| {
        let application = only(name, "Application");
        application["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"].as_str().unwrap().to_owned()
    };
    assert!(wave("argocd/controller.yaml") < wave("argocd/access.yaml"));
    assert_eq!(only("flux/access.yaml", "Kustomization")["spec"]["dependsOn"][0]["name"], "koreconcile");
    // Whoever removes the example from git keeps the namespace, and with it every object.
    let kept = only("argocd/controller.yaml", "Namespace");
    let options = &kept["metadata"]["annotations"]["argocd.argoproj.io/sync-options"];
    assert_eq!(options, "Prune=false,Delete=false");
    let kept = only("flux/controller.yaml", "Namespace");
    assert_eq!(kept["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"], "disabled");
}
