//! Two replicas and one lease: whoever leads may die at any call, and the other goes on without doing anything twice.

use crate::support::cluster::Cluster;
use crate::support::cluster_harness::{ClusterHarness, NAME, Operator, developers, document, user};
use crate::support::served::Served;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A lease that ends soon, as far as a busy machine allows: a renewal may take four seconds, and a call three.
const SHORT: [&str; 6] = ["--lease-duration", "8s", "--renew-every", "500ms", "--call-timeout", "3s"];
/// A lease that nobody waits for: only who is handed it over takes it. A replica that stands by looks every second, and not
/// only when it would renew: else it would come too late here.
const LONG: [&str; 6] = ["--lease-duration", "600s", "--renew-every", "200s", "--call-timeout", "5s"];
/// Sites at work at the same time; most of their time they wait for a lease to end.
const AT_ONCE: usize = 8;

const NEW: [&str; 6] = ["ann", "ben", "cat", "dan", "eve", "fox"];
/// Calls until all of it is declared truth: reads, writes and what is read back.
const CALLS: usize = 27;

/// Six people to invite, a role each, and one Master Admin in place of another: all in calls of one entry.
fn declare(harness: &ClusterHarness<'_>) {
    let master = |name: &str, spec: Value| {
        let mut whole = json!({ "role": { "type": "Admin", "name": "Master Admin" } });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        document("KoreRoleBinding", name, &whole)
    };
    let mut objects: Vec<Value> =
        NEW.iter().map(|name| user(name, &json!({ "firstName": name, "lastName": "New" }))).collect();
    objects.push(developers("developers", &["kim", "sam"], &json!({})));
    objects.push(master("in", json!({ "subjects": [{ "user": "sam@example.com" }] })));
    objects.push(master("out", json!({ "absent": [{ "user": "jane.doe@example.com" }] })));
    harness.apply(&objects);
}

fn account() -> Value {
    json!({ "batchSize": 1, "interval": "1h", "safety": { "minMasterAdmins": 2 } })
}

/// Master Admins who can sign in.
fn masters(harness: &ClusterHarness<'_>) -> Vec<String> {
    let users = harness.truth().users;
    users
        .into_iter()
        .filter(|(_, user)| user.admin_roles.contains(&"admin".to_owned()))
        .map(|(email, _)| email)
        .collect()
}

/// The account is as declared, everybody was asked once, and at no moment were there too few Master Admins.
fn holds(harness: &ClusterHarness<'_>, context: &str) {
    let truth = harness.truth();
    for name in NEW {
        let email = format!("{name}@example.com");
        assert!(truth.users.contains_key(&email), "{context}: {email} is missing");
        assert_eq!(truth.invitations.get(&email), Some(&1), "{context}: {email}");
    }
    assert_eq!(harness.developers(), ["former", "jane.doe", "kim", "sam"], "{context}");
    assert_eq!(masters(harness), ["owner@example.com", "sam@example.com"], "{context}");
    let requests = harness.served.server.requests();
    assert_eq!(
        replayed(&requests, context),
        masters(harness),
        "{context}: what is replayed is what happened"
    );
    one_writes_at_a_time(harness, &requests, context);
}

/// Who is Master Admin after every call that reached the platform, one after the other: never fewer than two.
fn replayed(requests: &[Value], context: &str) -> Vec<String> {
    let mut masters: BTreeSet<String> =
        ["jane.doe@example.com", "owner@example.com"].map(str::to_owned).into();
    for request in requests.iter().filter(|request| is_write(request) && has_arrived(request)) {
        if !request["endpoint"].as_str().unwrap().contains("adminrole") {
            continue;
        }
        let edits: Vec<Value> = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        let names = |field: &str| {
            let all = edits.iter().filter_map(|edit| edit[field].as_array()).flatten();
            all.map(|email| email.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        masters.extend(names("addUsers"));
        for email in names("removeUsers") {
            masters.remove(&email);
        }
        assert!(masters.len() >= 2, "{context}: only {masters:?} are left after {request}");
    }
    masters.into_iter().collect()
}

fn is_write(request: &Value) -> bool {
    let endpoint = request["endpoint"].as_str().unwrap();
    !endpoint.starts_with("GET") && !endpoint.ends_with("usersInfo")
}

/// The faults of these tests lose answers (0), never requests.
fn has_arrived(request: &Value) -> bool {
    [0, 200].contains(&request["status"].as_u64().unwrap())
}

/// Whoever writes has the lease: the writer changes at most as often as the lease does.
fn one_writes_at_a_time(harness: &ClusterHarness<'_>, requests: &[Value], context: &str) {
    let mut writers: Vec<&str> = requests
        .iter()
        .filter(|request| is_write(request))
        .map(|write| write["agent"].as_str().unwrap())
        .collect();
    assert!(
        writers.iter().all(|writer| writer.starts_with("koreconcile/") && writer.contains('(')),
        "{writers:?}"
    );
    writers.dedup();
    let transitions = lease(harness)["spec"]["leaseTransitions"].as_u64().unwrap();
    assert!(writers.len() as u64 <= transitions + 1, "{context}: {transitions} transitions, {writers:#?}");
}

/// Waits until one of them leads.
fn leader(harness: &ClusterHarness<'_>, operators: &[Operator]) -> usize {
    let mut found = None;
    harness.until(&operators[0], "somebody leads", || {
        found = operators.iter().position(Operator::leads);
        found.is_some()
    });
    found.unwrap()
}

fn is_done(harness: &ClusterHarness<'_>) -> bool {
    ["in", "out", "developers"]
        .iter()
        .all(|name| harness.said("KoreRoleBinding", name, "Ready").starts_with("True"))
        && NEW.iter().all(|name| harness.said("KoreUser", name, "Ready").starts_with("True"))
}

#[test]
fn a_plan_takes_as_many_calls_as_it_is_killed_at() {
    let harness = ClusterHarness::new("unharmed", &account());
    declare(&harness);
    let operator = harness.start();
    harness.until(&operator, "all is done", || is_done(&harness));
    holds(&harness, "unharmed");
    // The audit log is asked once more behind the pass.
    assert_eq!(harness.served.server.requests().len(), CALLS);
}

#[test]
fn killed_at_any_call_the_other_finishes_and_does_nothing_twice() {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let kill_points = kill_points();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(kill_point) = kill_points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if std::panic::catch_unwind(|| killed_at(*kill_point)).is_err() {
                        failures.lock().unwrap().push(*kill_point);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "of {} kills these: {failures:?}", kill_points.len());
}

/// When the leader dies: while this call is under way, before or after the platform has done it.
#[derive(Clone, Copy, Debug)]
struct KillPoint {
    call: usize,
    is_done: bool,
}

/// Every write before and after it is done; every read in one of the two ways, since nothing of it is lost.
fn kill_points() -> Vec<KillPoint> {
    let harness = ClusterHarness::new("counted", &account());
    declare(&harness);
    let operator = harness.start();
    harness.until(&operator, "all is done", || {
        is_done(&harness) && harness.served.server.requests().len() >= CALLS
    });
    let requests = harness.served.server.requests();
    assert_eq!(requests.len(), CALLS);
    let ways = |call: usize| {
        [
            KillPoint { call, is_done: !call.is_multiple_of(2) },
            KillPoint { call, is_done: call.is_multiple_of(2) },
        ]
    };
    let all = requests.iter().zip(1..).map(|(request, call)| (is_write(request), ways(call)));
    let kill_points: Vec<KillPoint> =
        all.flat_map(|(is_write, ways)| ways.into_iter().take(if is_write { 2 } else { 1 })).collect();
    assert!(kill_points.len() > CALLS + 8, "there are writes among them");
    kill_points
}

fn killed_at(kill_point: KillPoint) {
    let KillPoint { call, is_done: is_call_done } = kill_point;
    let harness = ClusterHarness::new("killed", &account());
    declare(&harness);
    let effect = if is_call_done { json!("drop-after") } else { json!({ "delay": { "millis": 700 } }) };
    harness.served.server.fault(&json!({ "call": call, "effect": effect }));
    let mut operators = [harness.start_with(&SHORT), harness.start_with(&SHORT)];
    let seen = if is_call_done { call } else { call - 1 };
    harness.until(&operators[0], "the call is under way", || harness.served.server.requests().len() >= seen);
    let dies = leader(&harness, &operators);
    operators[dies].kill();
    let left = &operators[1 - dies];
    harness.until(left, "the other has finished", || is_done(&harness) && left.leads());
    holds(&harness, &format!("killed at {kill_point:?}"));
}

#[test]
fn leader_that_sleeps_through_its_lease_writes_nothing_when_it_wakes() {
    let harness = ClusterHarness::new("asleep", &account());
    declare(&harness);
    // In the middle of the writes.
    harness.served.server.fault(&json!({ "call": CALLS / 2, "effect": { "delay": { "millis": 600 } } }));
    let operators = [harness.start_with(&SHORT), harness.start_with(&SHORT)];
    harness.until(&operators[0], "the call is under way", || {
        harness.served.server.requests().len() >= CALLS / 2 - 1
    });
    let sleeps = leader(&harness, &operators);
    let (old, other) = (&operators[sleeps], &operators[1 - sleeps]);
    old.signal("STOP");
    harness.until(other, "the other has finished", || other.leads() && is_done(&harness));
    holds(&harness, "asleep");
    let writes = harness.served.server.writes();
    old.signal("CONT");
    harness.until(old, "the old one knows", || !old.leads());
    harness.nudge("look");
    harness.until(other, "the new one has looked", || {
        harness.get("KoreAccount", NAME).unwrap()["status"]["handledReconcileAt"] == "look"
    });
    assert_eq!(harness.served.server.writes(), writes);
    harness.until(other, "one of them leads", || other.leads() != old.leads());
}

fn lease(harness: &ClusterHarness<'_>) -> Value {
    harness.get("Lease", "koreconcile").unwrap()
}

#[test]
fn told_to_end_finishes_its_call_and_hands_over_at_once() {
    let harness = ClusterHarness::new("graceful", &account());
    declare(&harness);
    let middle = CALLS / 2;
    harness.served.server.fault(&json!({ "call": middle, "effect": { "delay": { "millis": 1500 } } }));
    let mut old = harness.start_with(&LONG);
    harness.until(&old, "it leads", || old.leads());
    let other = harness.start_with(&LONG);
    harness.until(&old, "the call is under way", || harness.served.server.requests().len() >= middle - 1);
    old.terminate();
    assert_eq!(old.ended(), Some(0), "{}", old.logs());
    // The lease lasts ten minutes: nobody could wait for its end here.
    harness.until(&other, "the other has finished", || other.leads() && is_done(&harness));
    holds(&harness, "graceful");
    assert!(
        harness.served.server.requests().iter().all(|request| request["status"] == 200),
        "no call was cut off"
    );
    assert_eq!(lease(&harness)["spec"]["leaseTransitions"], 1);
}

#[test]
fn hands_on_the_calls_it_has_used() {
    let served = Served::with(&["--rate-limit", "60/m,100/h"], "all", &[]);
    let harness = ClusterHarness::on(Cluster::shared(), "budget", served);
    let limits = json!({ "perMinute": 60, "perHour": 100, "reserve": 0, "readShare": "100%" });
    harness.account(&json!({ "interval": "1h", "rateLimit": limits }));
    harness.apply(&[user("kim", &json!({}))]);
    let left = |operator: &Operator| operator.metric("koreconcile_api_calls_left", &["hour"]);
    let mut sent = 0;
    for round in 0..2 {
        let mut operator = harness.start_with(&LONG);
        harness.until(&operator, "it has looked", || operator.passes() >= 1);
        harness.until(&operator, "it has counted", || {
            sent = harness.served.server.requests().len();
            left(&operator) + sent as u64 == 100
        });
        assert!(sent >= (round + 1) * 7, "{sent} calls");
        operator.terminate();
        assert_eq!(operator.ended(), Some(0), "{}", operator.logs());
        let calls =
            lease(&harness)["metadata"]["annotations"]["koreconcile.dev/calls"].as_str().unwrap().to_owned();
        let by_account: Value = serde_json::from_str(&calls).unwrap();
        let minutes = by_account.as_object().unwrap().values().next().unwrap().as_object().unwrap();
        assert_eq!(minutes.values().filter_map(Value::as_u64).sum::<u64>(), sent as u64, "{calls}");
    }
}

#[test]
fn killed_while_somebody_has_no_assignments_the_next_gives_them_back_first() {
    let serve = ["--rate-limit", "off", "--dialect", "put_assignments=adds"];
    let harness = ClusterHarness::on(Cluster::shared(), "cleared", Served::with(&serve, "all", &[]));
    harness.account(&json!({ "interval": "1h" }));
    let travel = |more: Value| {
        let mut spec = json!({ "bot": "HR Assistant" });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        harness.apply(&[document("KoreBotAssignment", "hr", &spec)]);
    };
    let sam = json!([{ "user": "sam@example.com" }]);
    travel(json!({ "subjects": sam }));
    let mut old = harness.start_with(&["--lease-duration", "60s", "--call-timeout", "20s"]);
    harness.wait_all(&old);
    let assigned =
        || harness.truth().users["sam@example.com"].assignments.keys().cloned().collect::<Vec<_>>();
    assert_eq!(assigned(), ["Banking Assistant", "HR Assistant"]);

    // The list, which this platform adds; the clearing; and the list again, which never arrives.
    let endpoint = "PUT /api/public/users";
    let effect = json!({ "delay": { "millis": 15_000 } });
    harness.served.server.fault(&json!({ "endpoint": endpoint, "nth": 3, "effect": effect }));
    travel(json!({ "absent": sam }));
    harness.until(&old, "nothing is assigned", || assigned().is_empty());
    old.kill();
    let account = harness.get("KoreAccount", NAME).unwrap();
    assert!(account["status"]["inFlight"].as_str().unwrap().contains("sam@example.com"), "{account}");
    let managers = account["metadata"]["managedFields"].as_array().unwrap();
    assert!(managers.iter().any(|manager| manager["manager"] == "koreconcile-in-flight"), "{managers:#?}");

    // It would take a minute to end by itself.
    harness.kubectl(&["delete", "lease", "koreconcile"]);
    let next = harness.start();
    harness.until(&next, "it is given back", || assigned() == ["Banking Assistant"]);
    harness.until(&next, "nothing is kept any more", || {
        harness.get("KoreAccount", NAME).unwrap()["status"].get("inFlight").is_none()
    });
    harness.wait_all(&next);
    assert_eq!(assigned(), ["Banking Assistant"]);
    let writes: Vec<Value> = harness
        .served
        .server
        .requests()
        .into_iter()
        .filter(|request| request["endpoint"] == endpoint)
        .collect();
    let (first, last) = (&writes[0]["agent"], &writes[writes.len() - 1]["agent"]);
    assert_ne!(first, last, "the other one sent it");
}
