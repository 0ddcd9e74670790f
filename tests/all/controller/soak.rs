//! Virtual weeks of one account: people edit, grants end, somebody else changes things by hand, credentials are rotated, the
//! process ends and dies, and every day everything is as declared, at the same price, with nothing growing. A short one
//! runs on the real API server.

use crate::controller::pass::{harness, holders, plain, truth};
use crate::controller::unchanged::planning_agrees;
use crate::support::cluster_harness::{ClusterHarness, KINDS, NAME, Operator, developers, user};
use crate::support::controller_harness::ControllerHarness;
use jiff::SignedDuration;
use koreconcile::controller::{ConditionReason, Readiness};
use koreconcile::manifest::kinds::Kind;
use koreconcile::sandbox::Holder;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PEOPLE: [&str; 4] = ["jane", "kim", "pat", "sam"];
const DAYS: u64 = 15;
/// Things that happen in a day, four hours apart.
const A_DAY: u64 = 6;
/// More than the status of anything here needs, whatever has happened before.
const STATUS_MAX: usize = 6_000;

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// An account, and what it is to be.
struct Soak {
    harness: ControllerHarness,
    random: Random,
    developers: BTreeSet<&'static str>,
    /// About whom what has happened today: what is undone again and again is left to people.
    touched: BTreeSet<(&'static str, &'static str)>,
    names: usize,
}

impl Soak {
    fn new(seed: u64) -> Self {
        let safety = json!({ "maxRemovals": 100, "maxRemovalsPercent": 100 });
        let harness = harness(json!({ "interval": "4h", "safety": safety }));
        Self { harness, random: Random(seed), developers: PEOPLE.into(), touched: BTreeSet::new(), names: 0 }
    }

    fn declare(&mut self) {
        let names: Vec<&str> = self.developers.iter().copied().collect();
        self.harness.declare(Kind::RoleBinding, "developers", plain(&names));
    }

    /// Something happens, and a pass follows; whether a person has to wait for things to settle afterwards.
    async fn happen(&mut self) {
        let person = PEOPLE[self.random.roll(PEOPLE.len())];
        let what = self.random.roll(9);
        let role = if what == 2 { "tester" } else { "developer" };
        let is_again = what <= 3 && !self.touched.insert((person, role));
        match what {
            _ if is_again => {}
            // Somebody joins or leaves the developers; one always stays.
            0 | 1 => {
                if !self.developers.insert(person) && self.developers.len() > 1 {
                    self.developers.remove(person);
                }
                self.declare();
            }
            // A grant that ends before the next thing happens.
            2 => {
                let at = (self.harness.now() + SignedDuration::from_hours(1)).to_string();
                let subjects = json!([{ "user": format!("{person}@example.com"), "expiresAt": at }]);
                let spec = json!({
                    "role": { "type": "Bot", "name": "Bot Tester" }, "bot": "Banking", "subjects": subjects,
                });
                self.harness.declare(Kind::RoleBinding, "testers", spec);
            }
            // By hand, in the console: one is given what is not theirs, or loses what is.
            3 => {
                let holder = Holder::User(format!("{person}@example.com"));
                let admin = &self.harness.engine.admin;
                if self.developers.contains(person) {
                    admin.unbind(&holder, "Bot Developer", Some("Banking")).unwrap();
                } else {
                    admin.bind(&holder, "Bot Developer", Some("Banking")).unwrap();
                }
            }
            4 => {
                self.names += 1;
                let name = format!("Name {}", self.names);
                let email = format!("{person}@example.com");
                self.harness.declare(Kind::User, person, json!({ "email": email, "lastName": name }));
            }
            5 => self.harness.engine.rotate(),
            6 => self.harness.restart(),
            7 => {
                let call = 1 + self.random.roll(12);
                self.harness.pass_killed_before(call).await;
            }
            _ => {
                let away = Readiness::new(ConditionReason::Unreachable, "the platform cannot be reached");
                self.harness.pass_without(away).await;
            }
        }
        self.harness.pass().await;
        // What ends, and what is taken away, takes another pass.
        self.harness.wait(65);
        self.harness.pass().await;
        self.harness.wait(175);
    }

    /// Calls of a pass that has nothing to do, and writes nothing.
    async fn quiet(&mut self, day: u64) -> usize {
        self.harness.pass().await;
        self.harness.wait(5);
        let (before, sent) = (self.harness.view.clone(), self.harness.engine.kill_point.sent());
        let done = self.harness.pass().await;
        assert_eq!(done.report.events, [], "day {day}: an event for nothing");
        assert_eq!(self.harness.written(&before), Vec::<String>::new(), "day {day}");
        let calls = self.harness.engine.kill_point.sent() - sent;
        if !done.is_unchanged() {
            self.harness.pass().await;
        }
        let repeated = self.harness.pass().await;
        assert!(repeated.is_unchanged(), "day {day}: it never becomes unchanged");
        planning_agrees(&mut self.harness, &repeated).await;
        calls
    }

    /// Everything is as declared.
    fn holds(&mut self, day: u64) {
        assert_eq!(holders(&self.harness), self.developers.iter().copied().collect::<Vec<_>>(), "day {day}");
        let truth = truth(&self.harness);
        let is_tester = |user: &koreconcile::sandbox::UserTruth| {
            user.bot_roles.iter().any(|(role, _)| role == "Bot Tester")
        };
        assert!(!truth.users.values().any(is_tester), "day {day}: a grant has ended, and stays");
        assert!(truth.invitations.values().all(|sent| *sent <= 1), "day {day}: {:?}", truth.invitations);
        assert_eq!(self.harness.account_ready(), "True UpToDate: the account is as declared", "day {day}");
        assert_eq!(self.harness.status_store.in_flight(), None, "day {day}");
    }

    /// Nothing that is kept grows with what has happened.
    fn stays_small(&self, day: u64) {
        let view = &self.harness.view;
        let size = |status: Value| status.to_string().len();
        let account = size(serde_json::to_value(&view.account.status).unwrap());
        assert!(account < STATUS_MAX, "day {day}: {account} bytes in the account's status");
        for object in &view.objects {
            let own = size(serde_json::to_value(&object.status).unwrap());
            assert!(own < STATUS_MAX, "day {day}: {own} bytes in the status of {}", object.meta.object);
        }
        assert!(view.published.len() <= 11, "day {day}: {} plans", view.published.len());
    }
}

#[tokio::test]
async fn soak_of_weeks_costs_the_same_every_day_and_loses_nothing() {
    for seed in [1, 2] {
        let mut weeks = Soak::new(seed);
        weeks.declare();
        weeks.happen().await;
        let calls = weeks.quiet(0).await;
        for day in 1..=DAYS {
            for _ in 0..A_DAY {
                weeks.happen().await;
            }
            assert_eq!(weeks.quiet(day).await, calls, "day {day} of seed {seed}");
            weeks.touched.clear();
            weeks.holds(day);
            weeks.stays_small(day);
        }
    }
}

fn versions(harness: &ClusterHarness<'_>) -> BTreeSet<(String, String)> {
    let all = KINDS.iter().flat_map(|kind| harness.list(kind));
    all.map(|object| {
        (object["metadata"]["name"].to_string(), object["metadata"]["resourceVersion"].to_string())
    })
    .collect()
}

/// Looks at the account now, and gives the calls that took.
fn observe(harness: &ClusterHarness<'_>, operator: &Operator, value: &str) -> usize {
    let calls = harness.served.server.requests().len();
    harness.nudge(value);
    harness.until(operator, "the annotation is acted on", || {
        harness.get("KoreAccount", NAME).unwrap()["status"]["handledReconcileAt"] == value
    });
    harness.served.server.requests().len() - calls
}

#[test]
fn on_a_real_server_writes_only_what_changed() {
    let harness = ClusterHarness::new("soak", &json!({ "interval": "1h" }));
    let others = ["sam", "jane.doe"].map(|name| user(name, &json!({})));
    harness.apply(&others);
    harness.apply(&[user("kim", &json!({})), developers("developers", &["kim"], &json!({}))]);
    let mut operator = harness.start();
    harness.wait_all(&operator);
    observe(&harness, &operator, "settled");
    let calls = observe(&harness, &operator, "quiet");
    let (mut random, mut processes) = (Random(3), 1);
    for round in 0..10 {
        let before = versions(&harness);
        let is_restart = random.roll(4) == 0;
        if is_restart {
            operator.terminate();
            assert_eq!(operator.ended(), Some(0), "{}", operator.logs());
            operator = harness.start();
            processes += 1;
            harness.until(&operator, "it has looked", || operator.passes() >= 1);
        }
        let name = format!("Round {round}");
        harness.apply(&[user("kim", &json!({ "lastName": name }))]);
        harness.wait(&operator, "KoreUser", "kim", "True UpToDate");
        harness.until(&operator, "it is so", || harness.truth().users["kim@example.com"].last_name == name);
        assert_eq!(observe(&harness, &operator, &name.replace(' ', "-")), calls, "round {round}");
        let changed: BTreeSet<String> =
            versions(&harness).difference(&before).map(|(name, _)| name.clone()).collect();
        assert_eq!(changed, ["\"acme\"", "\"kim\""].map(str::to_owned).into(), "round {round}");
    }
    // Each process writes one, and counts in it what happens again.
    assert!(harness.events("kim").len() <= processes, "{:?}", harness.events("kim"));
}
