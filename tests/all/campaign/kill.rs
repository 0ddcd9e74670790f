//! `kill -9` at every call of a rich plan: before the platform sees it, while its answer is on the way, and after. The
//! next run ends the work, nobody is invited twice, and the journal says what was begun and what was answered.

use crate::support::intercepting_proxy::{InterceptingProxy, Stop};
use crate::support::served::{Served, document, user};
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Kills at work at a time.
const WORKERS: usize = 4;

const SAFETY: &str = "  safety: { primaryAdmin: owner@example.com, minMasterAdmins: 2, maxRemovals: 50, maxRemovalsPercent: 100 }\n";

/// One of everything: a role and who holds it, people who come, change and leave, groups, assignments, Master Admin.
fn manifests() -> Vec<String> {
    let on =
        |role: &str, kind: &str, rest: &str| format!("{{ role: {{ type: {kind}, name: {role} }}, {rest} }}");
    vec![
        document(
            "KoreRole",
            "release",
            "{ type: Bot, name: Release Manager, permissions: { Dashboard: \"YES\" } }",
        ),
        user("one", ", firstName: One, dataTables: true"),
        user("two", ", builderAccess: Builder"),
        user("kim", ", builderAccess: Creator"),
        document("KoreUser", "former", "{ email: former@example.com, state: Absent }"),
        document(
            "KoreRoleBinding",
            "release",
            &on(
                "Release Manager",
                "Bot",
                "bot: HR Assistant, subjects: [{ user: one@example.com }, { user: kim@example.com }]",
            ),
        ),
        document(
            "KoreRoleBinding",
            "admins",
            &on(
                "admin",
                "Admin",
                "subjects: [{ user: kim@example.com }], absent: [{ user: jane.doe@example.com }]",
            ),
        ),
        document(
            "KoreBotAssignment",
            "bank",
            "{ bot: Banking Assistant, subjects: [{ user: two@example.com }, { user: kim@example.com }] }",
        ),
        document(
            "KoreGroupMembership",
            "qa",
            "{ group: QA, subjects: [{ user: one@example.com }, { user: sam@example.com }] }",
        ),
    ]
}

fn served() -> Served {
    let served = Served::new(&manifests());
    served.account(SAFETY);
    served
}

/// From now on through that door, or the account's own.
fn through(served: &Served, intercepting_proxy: &str) {
    served.account(SAFETY);
    served.workspace.edit("account.yaml", &served.server.url, intercepting_proxy);
}

/// The people, without what no two accounts have in common.
fn people(served: &Served) -> Value {
    let mut people = served.server.truth()["users"].clone();
    for person in people.as_object_mut().unwrap().values_mut() {
        for own in ["id", "org_user_id", "assignments"] {
            person.as_object_mut().unwrap().remove(own);
        }
    }
    people
}

#[test]
fn kill_9_at_every_call_loses_and_doubles_nothing() {
    let whole = served();
    let plan = InterceptingProxy::to(&whole.server.url, None);
    through(&whole, &plan.url);
    whole.run(&["plan", "--exit-code"]).expect(2);
    let reads = plan.passed().came.len();
    let apply = InterceptingProxy::to(&whole.server.url, None);
    through(&whole, &apply.url);
    whole.run(&["apply", "--yes"]).expect(0);
    let calls = apply.passed();
    assert!(calls.begun() >= 7, "the plan is rich: {:?}", calls.came);
    assert_eq!((calls.begun(), calls.heard()), (begun(&whole), answered(&whole)));
    let wanted = people(&whole);

    // Among the reads behind the plan there is nothing to lose: one of them stands for all.
    let cuts: Vec<(usize, Stop)> =
        (reads..=calls.came.len()).flat_map(|call| [(call, Stop::Before), (call, Stop::During)]).collect();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(kill_point) = cuts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if std::panic::catch_unwind(|| killed_at(*kill_point, &wanted)).is_err() {
                        failed.lock().unwrap().push(*kill_point);
                    }
                }
            });
        }
    });
    assert_eq!(failed.into_inner().unwrap(), [], "of {} kills", cuts.len());
}

fn killed_at(kill_point: (usize, Stop), wanted: &Value) {
    let served = served();
    let intercepting_proxy = InterceptingProxy::to(&served.server.url, Some(kill_point));
    through(&served, &intercepting_proxy.url);
    let run = served.workspace.koreconcile(&Served::files(&["apply", "--yes"])).start();
    intercepting_proxy.wait();
    run.kill();
    let passed = intercepting_proxy.passed();
    assert_eq!(
        (begun(&served), answered(&served)),
        (passed.begun(), passed.heard()),
        "{kill_point:?}: {:?}",
        passed.came
    );
    through(&served, &served.server.url);
    // What nobody can read is among it: what was to be sent is remembered until it was.
    served.recovers();
    assert_eq!(&people(&served), wanted, "{kill_point:?}");
    let invitations = served.server.truth()["invitations"].clone();
    assert_eq!(
        invitations,
        serde_json::json!({ "one@example.com": 1, "two@example.com": 1 }),
        "{kill_point:?}"
    );
}

/// Calls the journals say were begun.
fn begun(served: &Served) -> usize {
    records(served, "sending")
}

/// Calls whose answer the journals know.
fn answered(served: &Served) -> usize {
    records(served, "answered")
}

fn records(served: &Served, kind: &str) -> usize {
    let files = served.workspace.remembered().into_iter();
    let journals = files.filter(|file| file.extension().is_some_and(|end| end == "jsonl"));
    let text: String = journals.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a whole line"));
    lines.filter(|line| line.get(kind).is_some()).count()
}
