//! The controller as a process on a real API server, against a served account: what people declare becomes so, and then
//! nothing is written any more.

use crate::support::cable::Cable;
use crate::support::cluster::Cluster;
use crate::support::command::Place;
use crate::support::operator::{KINDS, Operator, Site, developers, document, roomy, said, user, within};
use crate::support::served::Served;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// An example of the command line in a cluster: its objects as they are, its account at the served one.
struct Example {
    site: Site<'static>,
    place: Place,
    spec: Value,
}

impl Example {
    fn new(name: &str) -> Self {
        let site = Site::on(Cluster::shared(), name, Served::new(&[]));
        let mut place = Place::example(name);
        for variable in ["KORE_CLIENT_ID", "KORE_CLIENT_SECRET"] {
            place.export(variable, site.served.place.exported(variable));
        }
        let text = std::fs::read_to_string(place.path("account.yaml")).unwrap();
        let mut account: Value = serde_saphyr::from_str(&text).unwrap();
        let spec = &mut account["spec"];
        spec["endpoint"] = json!({ "host": site.served.server.url });
        spec["rateLimit"] = roomy();
        let env = |name: &str| json!({ "env": name });
        spec["credentials"] =
            json!({ "clientId": env("KORE_CLIENT_ID"), "clientSecret": env("KORE_CLIENT_SECRET") });
        place.write("account.yaml", &account.to_string());
        let mut spec = account["spec"].clone();
        spec.as_object_mut().unwrap().remove("sources");
        Self { site, place, spec }
    }

    /// Applies all of it, with more in the account's spec.
    fn apply(&self, more: &Value) {
        let folder = self.site.served.place.path("objects");
        std::fs::create_dir_all(&folder).unwrap();
        let mut number = 0;
        for entry in walkdir::WalkDir::new(self.place.path("")).into_iter().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy();
            if name.ends_with(".yaml") && name != "account.yaml" {
                number += 1;
                std::fs::copy(entry.path(), folder.join(format!("{number}.yaml"))).unwrap();
            }
        }
        self.account(more);
        self.site.kubectl(&["apply", "--server-side", "-f", folder.to_str().unwrap()]);
    }

    fn account(&self, more: &Value) {
        let mut spec = self.spec.clone();
        let declared = self.site.declared("acme", &json!({}));
        for name in ["endpoint", "credentials", "accountId"] {
            spec[name] = declared["spec"][name].clone();
        }
        spec["safety"]["settle"] = "1s".into();
        for (name, value) in more.as_object().unwrap() {
            spec[name] = value.clone();
        }
        self.site.apply(&[document("KoreAccount", "acme", &spec)]);
    }
}

/// What a status says; null before there is one.
fn status(site: &Site<'_>, name: &str) -> Value {
    site.get("KoreAccount", name).unwrap()["status"].clone()
}

/// Looks at the account now, and gives the calls that took.
fn look(site: &Site<'_>, operator: &Operator, value: &str) -> usize {
    let before = site.served.server.requests().len();
    site.nudge(value);
    site.until(operator, "the annotation is acted on", || {
        status(site, "acme")["handledReconcileAt"] == value
    });
    site.served.server.requests().len() - before
}

fn becomes_ready_with_the_plan_of_the_command_line(name: &str, objects: usize, reads: u64) {
    let example = Example::new(name);
    let site = &example.site;
    let plan = example.place.run(&["plan", "--format", "json"]).expect(0);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    // The account's own time between reads would hide what a look costs.
    example.apply(&json!({ "mode": "Observe", "interval": "1h" }));
    let operator = site.start();
    let drift = site.wait(&operator, "KoreAccount", "acme", "True Drift");
    let seen = status(site, "acme");
    assert_eq!(seen["counts"]["objects"], objects, "{seen}");
    assert_eq!(seen["planDigest"], plan["digest"], "{seen}");
    let changes = plan["changes"].as_array().unwrap().len();
    assert!(drift.contains(&format!("{changes} changes would be applied")), "{drift}");
    assert_eq!(site.served.server.writes(), 0, "it only observes");

    example.account(&json!({ "interval": "1h" }));
    site.until(&operator, "the account is enforced", || status(site, "acme")["counts"]["changes"] == 0);
    site.wait_all(&operator);
    let run = example.place.run(&["plan", "--exit-code"]).expect(0);
    assert!(run.stdout.contains("No changes"), "{run}");

    // Settled: what passes look at costs reads, and nothing is written anywhere.
    look(site, &operator, "first");
    let (writes, versions) = (site.served.server.writes(), versions(site));
    let patched = operator.metric("koreconcile_status_patches_total", &[]);
    let published = operator.metric("koreconcile_events_total", &[]);
    for value in ["second", "third", "fourth"] {
        // One full read, and the audit log before it.
        assert_eq!(look(site, &operator, value) as u64, reads + 1);
    }
    assert_eq!(status(site, "acme")["calls"]["perRead"], reads);
    assert_eq!(site.served.server.writes(), writes);
    assert_eq!(operator.metric("koreconcile_events_total", &[]), published);
    // The annotation is acknowledged in the account's own status, and that is all.
    assert_eq!(operator.metric("koreconcile_status_patches_total", &[]), patched + 3);
    assert_eq!(changed(site, &versions), ["KoreAccount acme"]);
}

#[test]
fn controller_live_quickstart_becomes_ready_with_the_plan_of_the_command_line_and_stays_still() {
    becomes_ready_with_the_plan_of_the_command_line("quickstart", 13, 6);
}

/// Twenty times the objects and a hundred times the people.
#[test]
fn controller_live_enterprise_becomes_ready_with_the_plan_of_the_command_line_and_stays_still() {
    becomes_ready_with_the_plan_of_the_command_line("enterprise", 257, 10);
}

fn versions(site: &Site<'_>) -> BTreeMap<String, String> {
    let all = KINDS.iter().flat_map(|kind| site.list(kind));
    all.map(|object| {
        let name =
            format!("{} {}", object["kind"].as_str().unwrap(), object["metadata"]["name"].as_str().unwrap());
        (name, object["metadata"]["resourceVersion"].to_string())
    })
    .collect()
}

/// The objects that were written to since.
fn changed(site: &Site<'_>, before: &BTreeMap<String, String>) -> Vec<String> {
    let now = versions(site);
    now.into_iter()
        .filter(|(name, version)| before.get(name) != Some(version))
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn controller_live_passes_by_itself_write_nothing() {
    let site = Site::new("still", &json!({ "interval": "1s" }));
    site.apply(&[user("kim", &json!({})), developers("developers", &["kim"], &json!({}))]);
    let operator = site.start_with(&["--hint-every", "200ms"]);
    site.wait_all(&operator);
    site.next_pass(&operator);
    let writes = site.served.server.writes();
    let before = versions(&site);
    let counters = ["koreconcile_status_patches_total", "koreconcile_events_total"];
    let counted = counters.map(|name| operator.metric(name, &[]));
    let [full, hints] =
        ["full", "hint"].map(|kind| operator.metric("koreconcile_account_reads_total", &[kind]));
    site.until(&operator, "three intervals and three hints have passed", || {
        operator.metric("koreconcile_account_reads_total", &["full"]) >= full + 3
            && operator.metric("koreconcile_account_reads_total", &["hint"]) >= hints + 6
    });
    assert_eq!(counters.map(|name| operator.metric(name, &[])), counted);
    assert_eq!(changed(&site, &before), Vec::<String>::new());
    assert_eq!(site.served.server.writes(), writes);
    let lines = operator.lines();
    let latest = lines.iter().rev().filter(|line| line["message"] == "pass").take(3);
    let are_still: Vec<&Value> = latest.map(|pass| &pass["is_still"]).collect();
    assert_eq!(are_still, [true; 3], "they had something to think about");
}

#[test]
fn controller_live_one_edit_is_applied_and_patches_one_object() {
    let site = Site::new("edit", &json!({ "interval": "1h" }));
    site.apply(&[
        user("kim", &json!({ "firstName": "Kim", "lastName": "Kaya" })),
        user("sam", &json!({})),
        developers("developers", &["kim"], &json!({})),
    ]);
    let operator = site.start();
    site.wait_all(&operator);
    look(&site, &operator, "settled");
    let (before, writes) = (versions(&site), site.served.server.writes());
    site.apply(&[user("kim", &json!({ "firstName": "Kim", "lastName": "Kaya-Roe" }))]);
    let ready = site.wait(&operator, "KoreUser", "kim", "True UpToDate");
    assert_eq!(ready, "True UpToDate: the account is as declared");
    assert_eq!(site.truth().users["kim@example.com"].last_name, "Kaya-Roe");
    site.until(&operator, "the event is there", || {
        site.events("kim").contains(&("Applied".to_owned(), "1 change applied and read back".to_owned()))
    });
    assert_eq!(site.served.server.writes(), writes + 1);
    // Only what is about the edit is written: its object, and the account with the digest of the plan.
    assert_eq!(changed(&site, &before), ["KoreAccount acme", "KoreUser kim"]);
}

#[test]
fn controller_live_an_object_beyond_reading_stops_nothing_and_nothing_is_swept_meanwhile() {
    let cluster = Cluster::empty();
    cluster.define();
    let site = Site::on(&cluster, "broken", Served::new(&[]));
    site.account(&json!({}));
    let binding = |names: &[&str]| developers("developers", names, &json!({ "membership": "Authoritative" }));
    site.apply(&[user("kim", &json!({})), binding(&["kim", "jane.doe", "former"])]);
    store_broken_team(&site);
    let operator = site.start();
    site.wait(&operator, "KoreRoleBinding", "developers", "True UpToDate");
    assert_eq!(site.developers(), ["former", "jane.doe", "kim"]);
    // An edit that closes somebody out, and one that adds somebody.
    site.apply(&[binding(&["kim", "sam"])]);
    site.until(&operator, "the broken object is told", || {
        let team = site.get("KoreTeam", "broken").unwrap();
        let conditions = team["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|found| {
            found["type"] == "Accepted" && found["status"] == "False" && found["reason"] == "Invalid"
        })
    });
    site.until(&operator, "others go on", || site.developers().contains(&"sam".to_owned()));
    site.next_pass(&operator);
    site.next_pass(&operator);
    assert_eq!(site.developers(), ["former", "jane.doe", "kim", "sam"], "nothing is swept");

    let said = site.said("KoreAccount", "acme", "Synced");
    assert!(said.contains("nothing is swept meanwhile: KoreTeam"), "{said}");
    site.kubectl(&["delete", "koreteam", "broken"]);
    site.until(&operator, "the sweep goes on", || site.developers() == ["kim", "sam"]);
}

#[test]
fn controller_live_follows_everything_again_after_the_api_server_was_away() {
    let site = Site::new("away", &json!({ "interval": "1h" }));
    let binding = |names: &[&str]| developers("developers", names, &json!({ "membership": "Authoritative" }));
    site.apply(&[user("kim", &json!({})), binding(&["kim", "jane.doe", "former"])]);
    let cable = Cable::to(site.cluster.address());
    let through = site.cluster.kubeconfig_through(&site.user, &cable);
    let through = [("KUBECONFIG", through.to_str().unwrap())];
    let operator = Operator::start(&site, &site.user, &[], &through);
    site.wait(&operator, "KoreRoleBinding", "developers", "True UpToDate");
    cable.pull();
    site.until(&operator, "every watch has noticed", || {
        let lines = operator.lines();
        let has_failed = |kind: &&str| {
            lines
                .iter()
                .any(|line| line["message"] == "a watch failed and is tried again" && line["kind"] == *kind)
        };
        KINDS.iter().all(has_failed)
    });
    cable.plug_in();
    // One edit that adds and takes away: taking away needs every kind to be whole again.
    site.apply(&[binding(&["kim", "sam"])]);
    site.until(&operator, "the edit is seen and swept", || site.developers() == ["kim", "sam"]);
    site.until(&operator, "the account says so", || {
        site.said("KoreAccount", "acme", "Synced") == "True UpToDate: the account is as declared"
    });
}

/// Stores a team as an older definition allowed it.
fn store_broken_team(site: &Site<'_>) {
    let team = document("KoreTeam", "broken", &json!({ "members": "nobody" }));
    let crd =
        site.cluster.kubectl(&["get", "crd", "koreteams.koreconcile.dev", "-o", "json"]).run().expect(0);
    let mut loose: Value = serde_json::from_str(&crd.stdout).unwrap();
    loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = json!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
    });
    let replace = |crd: &Value| {
        loose_metadata(crd, |crd| {
            site.cluster.kubectl(&["replace", "-f", "-"]).input(&crd.to_string()).run().expect(0)
        });
    };
    let strict: Value = serde_json::from_str(&crd.stdout).unwrap();
    replace(&loose);
    let stored = || site.namespace.apply(&team.to_string()).run().code == Some(0);
    assert!(within(stored), "the loose definition never comes to be");
    replace(&strict);
    let probe = document("KoreTeam", "probe", &json!({ "members": "nobody" })).to_string();
    let refused = || {
        site.namespace.kubectl(&["create", "--dry-run=server", "-f", "-"]).input(&probe).run().code != Some(0)
    };
    assert!(within(refused), "the strict definition never comes back");
}

/// Without what would pin the write to one version.
fn loose_metadata<T>(crd: &Value, write: impl Fn(&Value) -> T) {
    let mut crd = crd.clone();
    for name in ["resourceVersion", "uid", "generation", "managedFields", "creationTimestamp"] {
        crd["metadata"].as_object_mut().unwrap().remove(name);
    }
    crd.as_object_mut().unwrap().remove("status");
    write(&crd);
}

#[test]
fn controller_live_takes_up_new_credentials_without_a_restart() {
    let mut site = Site::new("rotation", &json!({ "interval": "1h" }));
    site.apply(&[user("kim", &json!({}))]);
    let operator = site.start();
    site.wait_all(&operator);
    let old = site.served.place.exported("KORE_CLIENT_SECRET").to_owned();
    site.served.sign_in("user_management:user_management");
    assert_ne!(site.served.place.exported("KORE_CLIENT_SECRET"), old);
    site.credentials();
    // The new app has fewer scopes: whoever says so has signed in with it.
    site.nudge("rotated");
    let said = site.wait(&operator, "KoreAccount", "acme", "False ScopeMissing");
    assert!(said.contains("Role Management"), "{said}");
    site.served.sign_in("all");
    site.credentials();
    site.nudge("again");
    site.wait(&operator, "KoreAccount", "acme", "True UpToDate");
}

#[test]
fn controller_live_suspended_and_observed_accounts_are_not_written_to() {
    let site = Site::new("suspended", &json!({ "suspend": true }));
    site.apply(&[developers("developers", &["kim"], &json!({}))]);
    let operator = site.start();
    let said = site.wait(&operator, "KoreAccount", "acme", "False Suspended");
    assert_eq!(said, "False Suspended: spec.suspend is true: nothing is read or written");
    assert_eq!(site.served.server.requests().len(), 0);

    site.account(&json!({ "mode": "Observe", "suspend": false }));
    site.wait(
        &operator,
        "KoreAccount",
        "acme",
        "True Drift: 1 change would be applied; mode Observe writes nothing",
    );
    site.wait(
        &operator,
        "KoreRoleBinding",
        "developers",
        "True Drift: would be changed: + kim@example.com: Bot Developer",
    );
    assert_eq!(site.served.server.writes(), 0);

    site.account(&json!({ "suspend": false }));
    site.wait_all(&operator);
    assert_eq!(site.developers(), ["former", "jane.doe", "kim"]);
}

/// Takes a role away from somebody, as another tool or a person in the console would.
fn drift(site: &Site<'_>) {
    let by_hand = developers("by-hand", &[], &json!({ "absent": [{ "user": "kim@example.com" }] }));
    site.served.place.write("main.yaml", &by_hand.to_string());
    let run = site.served.run(&["apply", "--yes"]);
    // Whether it can still read that back is a race, which the controller may win.
    assert!(run.stdout.contains("Plan: 1 to remove."), "{run}");
}

#[test]
fn controller_live_drift_is_noticed_by_one_call_and_read_in_full_only_then() {
    let site = Site::new("hint", &json!({ "interval": "1h" }));
    site.apply(&[developers("developers", &["kim"], &json!({}))]);
    let operator = site.start_with(&["--hint-every", "300ms"]);
    site.wait_all(&operator);
    let reads = |kind: &str| operator.metric("koreconcile_account_reads_total", &[kind]);
    let hints = reads("hint");
    site.until(&operator, "some hints have passed", || reads("hint") >= hints + 3);
    assert!(reads("full") <= 2, "nothing has happened, and it was read again");
    let full = reads("full");

    drift(&site);
    site.until(&operator, "the role is back", || site.developers().contains(&"kim".to_owned()));
    site.until(&operator, "the pass is counted", || reads("full") > full);
    let hints = reads("hint");
    site.until(&operator, "some more hints have passed", || reads("hint") >= hints + 3);
    assert!(reads("full") <= full + 2, "its own writing is no drift");
    operator.signal("STOP");
    let polls = site.served.server.requests();
    let polls = polls.iter().filter(|request| request["endpoint"] == "GET /api/public/auditlogs").count();
    operator.signal("CONT");
    let hints = reads("hint");
    assert!(hints >= polls as u64, "{polls} calls, {hints} hints");
}

#[test]
fn controller_live_without_the_scope_for_the_audit_log_lives_by_the_interval_and_says_so_once() {
    let served = Served::with(
        &["--rate-limit", "off"],
        "user_management:user_management,role_management:role_management",
        &[],
    );
    let site = Site::on(Cluster::shared(), "deaf", served);
    site.account(&json!({ "interval": "1s" }));
    site.apply(&[developers("developers", &["kim"], &json!({}))]);
    let operator = site.start_with(&["--hint-every", "100ms"]);
    site.wait_all(&operator);
    site.next_pass(&operator);
    let polls = || {
        let requests = site.served.server.requests();
        requests.iter().filter(|request| request["endpoint"] == "GET /api/public/auditlogs").count()
    };
    assert_eq!(polls(), 1);
    drift(&site);
    site.until(&operator, "the role is back", || site.developers().contains(&"kim".to_owned()));
    assert_eq!(polls(), 1, "it is not asked again");
    assert_eq!(operator.said("the audit log cannot be read: drift is noticed at the interval"), 1);
}

#[test]
fn controller_live_an_expired_grant_goes_at_its_time() {
    let site = Site::new("expiry", &json!({ "interval": "1h" }));
    site.apply(&[user("kim", &json!({}))]);
    let operator = site.start();
    site.wait_all(&operator);
    let is_granted = || site.developers().contains(&"kim".to_owned());
    // However busy the machine is: one of these is long enough to see it granted.
    let at = [4, 8, 16, 32, 64].into_iter().find_map(|seconds| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        let until = json!({ "subjects": [{ "user": "kim@example.com", "expiresAt": at.to_string() }] });
        site.apply(&[developers("developers", &[], &until)]);
        site.until(&operator, "it is granted, or over", || is_granted() || jiff::Timestamp::now() >= at);
        is_granted().then_some(at)
    });
    let at = at.expect("it was never granted in time");
    site.until(&operator, "it has ended", || !is_granted());
    assert!(jiff::Timestamp::now() >= at);
    site.wait_all(&operator);
    let binding = site.get("KoreRoleBinding", "developers").unwrap();
    assert!(said(&binding, "Ready").starts_with("True UpToDate"), "{binding}");
}
