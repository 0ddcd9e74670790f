//! An hour of a controller beside other people, in virtual time and under the platform's limits: somebody changes a user in
//! the console every minute, an object is edited every ten, and a grant ends.

use crate::figures::Report;
use crate::manifests::{self, Person};
use crate::support::controller_harness::ControllerHarness;
use crate::support::engine::Engine;
use jiff::{SignedDuration, Timestamp};
use koreconcile::controller::{Pass, PassScope};
use koreconcile::facts::{Email, RateLimit};
use koreconcile::manifest::kinds::Kind;
use koreconcile::sandbox::{Holder, NewBot, Options, Seed, Starter};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BOT: &str = "Banking";
const ROLE: &str = "Bot Developer";
/// Edits of an hour.
const EDITS: usize = 6;
/// Whose grant ends.
const ENDING: usize = 500;

pub fn measure(report: &mut Report) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for users in [1_000, 10_000] {
        runtime.block_on(Day::of(users)).report(report);
    }
}

/// What was counted.
struct Day {
    users: usize,
    /// Of each edit.
    calls: Vec<f64>,
    seconds: Vec<f64>,
    /// Of the hour, without the edits and the reads at the interval.
    event_calls: usize,
    end_late: f64,
}

impl Day {
    async fn of(users: usize) -> Self {
        let mut account = Rehearsal::new(users);
        account.pass(PassScope::Everything).await;
        let mut day = Self { users, calls: Vec::new(), seconds: Vec::new(), event_calls: 0, end_late: 0.0 };
        let ends_at = account.harness.now() + SignedDuration::from_secs(45 * 60 + 15);
        account.grant_until(ends_at);
        account.pass(PassScope::Edits(BTreeSet::new())).await;
        for minute in 0..60 {
            let until = account.harness.now() + SignedDuration::from_mins(1);
            day.event_calls += account.event(minute).await;
            if minute % (60 / EDITS) == 5 {
                account.wait(SignedDuration::from_secs(20));
                let (calls, seconds) = account.edit(minute).await;
                day.calls.push(calls);
                day.seconds.push(seconds);
            }
            if (account.harness.now()..until).contains(&ends_at) {
                day.end_late = account.end(ends_at).await;
            }
            account.wait(until.duration_since(account.harness.now()));
        }
        day
    }

    fn report(self, report: &mut Report) {
        let Self { users, calls, seconds, event_calls, end_late } = self;
        report.add(format!("cluster_edit_calls_{users}"), "calls", calls);
        report.add(format!("cluster_edit_seconds_{users}"), "s", seconds);
        report.count(format!("cluster_events_calls_hour_{users}"), "calls", event_calls);
        report.add(format!("cluster_end_late_seconds_{users}"), "s", vec![end_late]);
    }
}

/// An account whose people are declared, with one binding.
struct Rehearsal {
    harness: ControllerHarness,
    people: Vec<String>,
    /// When the controller wants to look again.
    next: Timestamp,
}

impl Rehearsal {
    fn new(users: usize) -> Self {
        let options = Options { starter: Starter::Bare, ..Options::default() };
        let engine = Engine::start(options, RateLimit::default());
        engine.admin.seed(Seed { users, bots: 0, groups: 0 }).unwrap();
        let owner = Some("owner@example.com".to_owned());
        engine.admin.add_bot(&NewBot { owner, ..NewBot::named(BOT) }).unwrap();
        let truth = engine.admin.snapshot().unwrap();
        let account = json!({ "interval": "5m", "ownership": { "botAssignments": "Ignore" } });
        let mut harness = ControllerHarness::new(engine, account);
        let mut people = Vec::new();
        for (index, Person { email, first, last, access }) in manifests::people_of(&truth).enumerate() {
            people.push(email.to_owned());
            let spec =
                json!({ "email": email, "firstName": first, "lastName": last, "builderAccess": access });
            harness.declare(Kind::User, &format!("user-{index:06}"), spec);
        }
        let next = harness.now();
        let mut account = Self { harness, people, next };
        account.bind(3);
        account
    }

    /// The first so many people develop the bot.
    fn bind(&mut self, count: usize) {
        let subjects: Vec<Value> =
            self.people.iter().take(count).map(|email| json!({ "user": email })).collect();
        self.declare_holders("developers", &subjects);
    }

    /// One more develops it until then.
    fn grant_until(&mut self, end: Timestamp) {
        let subject = json!({ "user": self.people[ENDING], "expiresAt": end.to_string() });
        self.declare_holders("incident", &[subject]);
    }

    fn declare_holders(&mut self, name: &str, subjects: &[Value]) {
        let spec = json!({ "role": { "type": "Bot", "name": ROLE }, "bot": BOT, "subjects": subjects });
        self.harness.declare(Kind::RoleBinding, name, spec);
    }

    fn wait(&self, time: SignedDuration) {
        self.harness.engine.clock.advance(time.max(SignedDuration::ZERO));
    }

    async fn pass(&mut self, scope: PassScope) -> Pass {
        let done = self.harness.pass_about(scope).await;
        self.next = done.schedule.next;
        done
    }

    fn calls(&self) -> usize {
        self.harness.engine.gateway.total_calls() as usize
    }

    /// Somebody gives a user of whom no binding speaks a role; the log is polled, and the user is looked at. Gives its calls.
    async fn event(&mut self, minute: usize) -> usize {
        let who = self.people[self.people.len() - 1 - minute].clone();
        self.harness.engine.admin.bind(&Holder::user(&who), ROLE, Some(BOT)).unwrap();
        let before = self.calls();
        self.harness.engine.reader.audit_log(None).await.unwrap();
        self.pass(PassScope::Edits(BTreeSet::from([Email::observed(&who)]))).await;
        let calls = self.calls() - before;
        if self.next <= self.harness.now() {
            self.pass(PassScope::Edits(BTreeSet::new())).await;
        }
        calls
    }

    /// One more person in the binding: its calls, and the time until it is so.
    async fn edit(&mut self, minute: usize) -> (f64, f64) {
        self.bind(4 + minute / (60 / EDITS));
        let (before, from) = (self.calls(), self.harness.now());
        self.harness.engine.reader.audit_log(None).await.unwrap();
        self.pass(PassScope::Edits(BTreeSet::new())).await;
        let ready = self.harness.ready(Kind::RoleBinding, "developers");
        assert!(ready.starts_with("True"), "{ready}");
        let calls = u32::try_from(self.calls() - before).unwrap();
        (f64::from(calls), self.harness.now().duration_since(from).as_secs_f64())
    }

    /// A grant ends: how late it is gone.
    async fn end(&mut self, at: Timestamp) -> f64 {
        self.wait(at.duration_since(self.harness.now()));
        self.pass(PassScope::Edits(BTreeSet::new())).await;
        let truth = self.harness.engine.admin.snapshot().unwrap();
        let holders = manifests::holders_of(&truth);
        let mut users = holders.values().flat_map(|held| &held.users);
        assert!(!users.any(|user| **user == *self.people[ENDING]), "the grant has ended");
        self.harness.now().duration_since(at).as_secs_f64()
    }
}
