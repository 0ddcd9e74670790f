//! Everything goes, in every order, on an API server with the controllers that delete what was in a deleted namespace or
//! owned by a deleted object: nothing hangs, and nobody loses anything that was not taken from them.

use crate::support::cluster::Cluster;
use crate::support::cluster_harness::{ClusterHarness, NAME, Operator, chart_role, developers, within};
use crate::support::served::Served;
use serde_json::json;

const HOLDERS: [&str; 3] = ["former", "jane.doe", "kim"];

/// With a binding of kim that is in place, and a controller that lives in a namespace of its own.
fn granted<'c>(cluster: &'c Cluster, settle: &str) -> (ClusterHarness<'c>, Operator) {
    let mut harness = ClusterHarness::on(cluster, "accounts", Served::new(&[]));
    let system = cluster.namespace("system");
    let role = chart_role(&system.name, &harness.namespace.name);
    cluster.kubectl(&["apply", "-f", "-"]).input(&role).run().expect(0);
    harness.user = cluster.service_account(&system.name, "kore-koreconcile");
    harness.account(&json!({ "interval": "1s", "safety": { "settle": settle } }));
    harness.apply(&[developers("developers", &["kim"], &json!({}))]);
    let operator = harness.start_with(&["--lease-namespace", &system.name]);
    harness.wait_all(&operator);
    assert_eq!(harness.developers(), HOLDERS);
    (harness, operator)
}

#[test]
fn a_namespace_goes_and_nothing_is_taken_back() {
    let cluster = Cluster::managed();
    let (harness, operator) = granted(&cluster, "1s");
    let namespace = harness.namespace.name.clone();
    // kubectl waits until it is gone.
    cluster.kubectl(&["delete", "namespace", &namespace, "--timeout=60s"]).run().expect(0);
    harness.until(&operator, "the account is let go", || {
        !operator.metrics().contains("koreconcile_account_info{")
    });
    assert_eq!(harness.developers(), HOLDERS);
    // It comes back: what was asked for is still known.
    let memories =
        cluster.kubectl(&["get", "configmaps", "-A", "-l", "koreconcile.dev/memory", "-o", "name"]).run();
    assert!(memories.stdout.contains("koreconcile-memory-"), "{}", memories.stdout);
}

#[test]
fn definitions_go_under_a_running_controller_and_nothing_is_taken_back() {
    let cluster = Cluster::managed();
    let (harness, operator) = granted(&cluster, "5s");
    cluster.kubectl(&["delete", "crd", "korerolebindings.koreconcile.dev", "--timeout=60s"]).run().expect(0);
    assert!(within(|| harness.said("KoreAccount", NAME, "Ready").contains("nothing is pruned meanwhile")));
    for _ in 0..8 {
        harness.next_pass(&operator);
    }
    assert_eq!(harness.developers(), HOLDERS);
    cluster.define();
    harness.apply(&[developers("developers", &["kim"], &json!({}))]);
    harness.wait(&operator, "KoreRoleBinding", "developers", "True UpToDate");
    assert_eq!(harness.developers(), HOLDERS);
}

#[test]
fn what_is_replaced_by_force_was_never_gone() {
    let cluster = Cluster::shared();
    let (harness, operator) = granted(cluster, "5s");
    let removals = || harness.served.server.calls("DELETE /api/public/users");
    let before = removals();
    let document = developers("developers", &["kim"], &json!({})).to_string();
    harness.namespace.kubectl(&["replace", "--force", "-f", "-"]).input(&document).run().expect(0);
    for _ in 0..8 {
        harness.next_pass(&operator);
    }
    harness.wait(&operator, "KoreRoleBinding", "developers", "True UpToDate");
    assert_eq!((harness.developers(), removals()), (HOLDERS.map(str::to_owned).into(), before));
}

#[test]
fn plans_go_with_their_account_and_deletions_need_no_finalizer() {
    let cluster = Cluster::managed();
    let (harness, operator) = granted(&cluster, "1s");
    harness.account(&json!({ "interval": "1s", "approval": "Manual" }));
    harness.next_pass(&operator);
    harness.apply(&[developers("more", &["sam"], &json!({}))]);
    harness.until(&operator, "a plan is published", || !harness.list("KorePlan").is_empty());
    harness.kubectl(&["delete", "kore", "--all", "--timeout=30s"]);
    harness.until(&operator, "nothing is left", || {
        ["KoreAccount", "KoreRoleBinding", "KorePlan"].iter().all(|kind| harness.list(kind).is_empty())
    });
    assert_eq!(harness.developers(), HOLDERS);
}
