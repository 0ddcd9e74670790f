//! The chart's roles, asked of the API server that enforces them.

use crate::controller::chart::install;
use crate::support::cluster::Cluster;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Api;
use kube::api::PostParams;

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
async fn chart_is_enough_and_no_wider() {
    const NEEDED: [&str; 28] = [
        "list koreaccounts.koreconcile.dev",
        "watch koreaccounts.koreconcile.dev",
        "watch koreusers.koreconcile.dev",
        "watch koreteams.koreconcile.dev",
        "watch koregroupmemberships.koreconcile.dev",
        "watch koreroles.koreconcile.dev",
        "watch korerolebindings.koreconcile.dev",
        "watch korebotassignments.koreconcile.dev",
        "watch korebaselines.koreconcile.dev",
        "watch korepolicies.koreconcile.dev",
        "watch koreareas.koreconcile.dev",
        "watch korepolicyexceptions.koreconcile.dev",
        "watch koreplanapprovals.koreconcile.dev",
        "patch koreaccounts/status.koreconcile.dev",
        "patch koreusers/status.koreconcile.dev",
        "patch koreteams/status.koreconcile.dev",
        "patch korepolicies/status.koreconcile.dev",
        "patch koreareas/status.koreconcile.dev",
        "patch korepolicyexceptions/status.koreconcile.dev",
        "patch koreplanapprovals/status.koreconcile.dev",
        "patch koreusers.koreconcile.dev",
        "patch korerolebindings.koreconcile.dev",
        "create koreplans.koreconcile.dev",
        "delete koreplans.koreconcile.dev",
        "patch koreplans/status.koreconcile.dev",
        "create events.events.k8s.io",
        "patch events.events.k8s.io",
        "get secrets kore-credentials",
    ];
    const NOT_NEEDED: [&str; 19] = [
        "create koreusers.koreconcile.dev",
        "update koreusers.koreconcile.dev",
        "delete koreusers.koreconcile.dev",
        "patch koreaccounts.koreconcile.dev",
        "patch koreteams.koreconcile.dev",
        "patch korepolicies.koreconcile.dev",
        "create koreareas.koreconcile.dev",
        "create korepolicyexceptions.koreconcile.dev",
        "create koreplanapprovals.koreconcile.dev",
        "patch koreplanapprovals.koreconcile.dev",
        "delete koreplanapprovals.koreconcile.dev",
        "patch koreplans.koreconcile.dev",
        "get secrets another",
        "list secrets",
        "watch secrets",
        "get configmaps",
        "create pods",
        "get namespaces",
        "get leases.coordination.k8s.io",
    ];
    let cluster = Cluster::shared();
    let [system, accounts, other] = ["system", "accounts", "other"].map(|name| cluster.namespace(name));
    install(&system, &accounts, &["--set", "secretNames={kore-credentials}"]);
    let account = format!("{}-koreconcile", system.name);
    let client = cluster.client_as(&cluster.service_account(&system.name, &account));
    assert_eq!(granted(&client, &accounts.name, &NEEDED).await, NEEDED);
    assert_eq!(granted(&client, &accounts.name, &NOT_NEEDED).await, Vec::<&str>::new());
    // That namespace itself, and no other: nothing is taken back while it is being deleted.
    let own = format!("get namespaces {}", accounts.name);
    assert_eq!(granted(&client, &accounts.name, &[&own]).await, [own.as_str()]);
    for elsewhere in [&other, &system] {
        assert_eq!(granted(&client, &elsewhere.name, &NEEDED).await, Vec::<&str>::new());
    }
    let lease = [
        "create leases.coordination.k8s.io",
        "get leases.coordination.k8s.io koreconcile",
        "update leases.coordination.k8s.io koreconcile",
        "get configmaps",
        "list configmaps",
        "create configmaps",
        "update configmaps",
        "delete configmaps",
    ];
    assert_eq!(granted(&client, &system.name, &lease).await, lease);
    let others = [
        "get leases.coordination.k8s.io another",
        "delete leases.coordination.k8s.io koreconcile",
        "watch configmaps",
        "patch configmaps",
        "get secrets",
    ];
    assert_eq!(granted(&client, &system.name, &others).await, Vec::<&str>::new());
}

#[tokio::test]
async fn tell_editors_from_approvers() {
    const DEEDS: [&str; 11] = [
        "list koreusers.koreconcile.dev",
        "list koreplans.koreconcile.dev",
        "create koreusers.koreconcile.dev",
        "patch korerolebindings.koreconcile.dev",
        "create koreplanapprovals.koreconcile.dev",
        "patch koreaccounts.koreconcile.dev",
        "patch koreusers/status.koreconcile.dev",
        "get secrets",
        "patch korepolicies.koreconcile.dev",
        "create koreareas.koreconcile.dev",
        "create korepolicyexceptions.koreconcile.dev",
    ];
    let cluster = Cluster::shared();
    let (system, accounts) = (cluster.namespace("people"), cluster.namespace("accounts"));
    install(&system, &accounts, &[]);
    for (user, role, may) in [
        ("viewer", "viewer", &[0, 1][..]),
        ("editor", "editor", &[0, 1, 2, 3]),
        ("approver", "approver", &[0, 1, 4]),
        ("controller", "account-admin", &[0, 1, 5, 8, 9, 10]),
    ] {
        let role = format!("--clusterrole={}-koreconcile-{role}", system.name);
        let user_flag = format!("--user={user}");
        accounts.kubectl(&["create", "rolebinding", user, &role, &user_flag]).run().expect(0);
        let expected: Vec<&str> = may.iter().map(|at| DEEDS[*at]).collect();
        assert_eq!(granted(&cluster.client_as(user), &accounts.name, &DEEDS).await, expected, "{user}");
        assert_eq!(granted(&cluster.client_as(user), &system.name, &DEEDS).await, Vec::<&str>::new());
    }
}
