//! What an account or a network can do to a run: each has its own message, its exit code, and nothing is lost.

use crate::support::served::{Served, document, user};
use crate::support::workspace::{Workspace, shows};
use serde_json::json;
use std::net::TcpListener;

/// Calls run side by side: any of them may be the first to fail.
const ENDPOINT: &str = "(GET|POST) /api/public/[a-zA-Z/]+";

fn one_hire() -> Vec<String> {
    vec![user("new.hire", "")]
}

#[test]
fn wrong_secret() {
    let served = Served::new(&one_hire());
    let wrong = served.workspace.koreconcile(&Served::files(&["plan"])).env("KORE_CLIENT_SECRET", "wrong");
    // Listings are read side by side: which one is answered first differs.
    shows!(wrong.run().expect(7).without("answered HTTP 401"));
    served.recovers();
}

#[test]
fn missing_scope() {
    let scopes = "role_management:role_management";
    let mut served = Served::with(&["--rate-limit", "off"], scopes, &one_hire());
    shows!(served.run(&["apply", "--yes"]).expect(7));
    served.sign_in("all");
    served.recovers();
}

#[test]
fn missing_variable() {
    let served = Served::new(&one_hire());
    let workspace = Workspace::with(&[
        ("account.yaml", &std::fs::read_to_string(served.workspace.path("account.yaml")).unwrap()),
        ("main.yaml", &one_hire().concat()),
    ]);
    shows!(workspace.run(&Served::files(&["plan"])).expect(7));
}

#[test]
fn unreachable_host() {
    let served = Served::new(&one_hire());
    // A port that was just free: nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    served.workspace.edit("account.yaml", &served.server.url, &format!("http://{closed}"));
    let run = served.run(&["plan"]).expect(8);
    // Five calls fail alike, side by side: one line for each round, not for each call.
    assert_eq!(run.stderr.matches("try 1 failed").count(), 1, "{run}");
    shows!(run.without("trying again").masked(ENDPOINT, "ENDPOINT"));
    served.account("");
    served.recovers();
}

#[test]
fn no_tls() {
    let served = Served::new(&one_hire());
    let url = served.server.url.replace("http://", "https://");
    served.workspace.edit("account.yaml", &served.server.url, &url);
    shows!(served.run(&["plan"]).expect(8).without("trying again").masked(ENDPOINT, "ENDPOINT"));
    served.account("");
    served.recovers();
}

#[test]
fn rate_limit_longer_than_one_waits() {
    let served = Served::with(&["--rate-limit", "3/m,100/h"], "all", &one_hire());
    shows!(served.run(&["plan", "--max-wait", "1s"]).expect(8).masked(ENDPOINT, "ENDPOINT"));
}

#[test]
fn web_page_instead_of_the_api() {
    let served = Served::new(&one_hire());
    served.server.fault(
        &json!({ "endpoint": "GET /api/public/bots", "times": 9, "effect": { "html": { "status": 200 } } }),
    );
    shows!(served.run(&["plan"]).expect(1));
    served.recovers();
}

#[test]
fn server_errors_to_the_last_try() {
    let served = Served::new(&one_hire());
    let effect = json!({ "status": { "status": 503, "message": "upstream is down" } });
    served.server.fault(&json!({ "endpoint": "GET /api/public/groups", "times": 9, "effect": effect }));
    shows!(served.run(&["plan"]).expect(8));
    served.recovers();
}

#[test]
fn server_errors_that_pass_are_only_mentioned() {
    let served = Served::new(&one_hire());
    let effect = json!({ "status": { "status": 503, "message": "upstream is down" } });
    served.server.fault(&json!({ "endpoint": "GET /api/public/groups", "effect": effect }));
    shows!(served.run(&["plan"]).expect(0));
}

/// Nobody but the people named may stay, and the listing cannot be trusted.
fn pruning(dialect: &str) -> Served {
    let serve = ["--rate-limit", "off", "--dialect", dialect];
    let served = Served::with(&serve, "all", &one_hire());
    served
        .account("  ownership: { users: Remove }\n  safety: { maxRemovals: 100, maxRemovalsPercent: 100 }\n");
    served
}

#[test]
fn looping_listing_removes_nobody() {
    let served = pruning("user_roles_max=4,user_roles_offset=nothing");
    shows!(served.run(&["apply", "--yes"]).expect(6));
    assert!(served.server.truth()["users"]["leo@example.com"].is_object());
}

#[test]
fn listing_with_a_wrong_total_removes_nobody() {
    let served = pruning("user_roles_max=50");
    let effect = json!({ "wrong-total": { "by": 3 } });
    served
        .server
        .fault(&json!({ "endpoint": "GET /api/public/alluserroles", "times": 99, "effect": effect }));
    shows!(served.run(&["apply", "--yes"]).expect(6));
    assert!(served.server.truth()["users"]["leo@example.com"].is_object());
}

#[test]
fn lost_reply_is_looked_for_and_not_sent_again() {
    let served = Served::new(&one_hire());
    served.server.fault(&json!({ "endpoint": "POST /api/public/users", "effect": "drop-after" }));
    shows!(served.run(&["apply", "--yes"]).expect(0));
    assert_eq!(served.server.calls("POST /api/public/users"), 1);
    served.recovers();
}

#[test]
fn role_that_is_declared_by_nobody() {
    let spec = "{ role: { type: Admin, name: User Manger }, subjects: [{ user: jane.doe@example.com }] }";
    let served = Served::new(&[document("KoreRoleBinding", "managers", spec)]);
    shows!(served.run(&["plan", "--exit-code"]).expect(2));
}
