//! Reading again is reading: that answers are kept never shows in what comes out.

use crate::kore::script::{Reply, Seen, account, ok, refused, run};
use koreconcile::facts::{
    BotId, Email, GroupName, Holder, Key, Listing, Membership, RoleName, Value as Fact, World,
};
use koreconcile::kore::{KoreError, ReadRequest};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A listing of so many users, two on a page, whose pages from that row on are refused.
fn pages(seen: &Seen, users: usize, refused_from: usize) -> Reply {
    let (offset, limit) = (seen.number("offset"), seen.number("limit").min(2));
    if offset >= refused_from {
        return refused(400, "no");
    }
    let user = |number: usize| json!({ "username": format!("user{number}@example.com"), "btRoles": [], "adminRoles": [] });
    let shown: Vec<Value> = (offset..(offset + limit).min(users)).map(user).collect();
    ok(&json!({ "total": users, "users": shown }))
}

#[test]
fn a_refusal_is_no_answer_that_could_be_the_same() {
    let ask = ReadRequest { users: true, ..ReadRequest::default() };
    let state = Arc::new(Mutex::new((6, usize::MAX)));
    let told = Arc::clone(&state);
    let account = account(move |seen, _| {
        let (users, refused_from) = *told.lock().unwrap();
        pages(seen, users, refused_from)
    });
    let read = || run(account.reader.read_again(&ask)).unwrap();
    let is_whole = |world: &World| world.coverage.requires(Listing::Users).is_ok();
    let first = read();
    assert!(is_whole(&first));
    let second = read();
    assert_eq!(first.directory.users.len(), 6);

    // The last page is refused: what the others say has not changed, and is not the whole.
    *state.lock().unwrap() = (6, 4);
    let third = read();
    assert!(!is_whole(&third));
    assert_eq!(third.directory.users.len(), 4);
    // Twice the same refusals: said anew each time.
    let fourth = read();
    assert_eq!(fourth.coverage, third.coverage);
    assert!(!Arc::ptr_eq(&third, &fourth));

    *state.lock().unwrap() = (6, usize::MAX);
    let fifth = read();
    assert_eq!(*fifth, *second);
    assert!(!Arc::ptr_eq(&fifth, &second), "nobody has looked in between");
    assert!(Arc::ptr_eq(&fifth, &read()));
}

#[test]
fn another_question_is_another_read() {
    let account = account(|seen, _| {
        if !seen.line.ends_with("usersInfo") {
            return pages(seen, 3, usize::MAX);
        }
        let element = |email: &String| json!({ "userInfo": { "emailId": email, "status": "active" } });
        ok(&Value::Array(seen.emails().iter().map(element).collect()))
    });
    let read = |ask: &ReadRequest| run(account.reader.read_again(ask)).unwrap();
    // The first read finds out how many users come on a page.
    read(&ReadRequest { users: true, ..ReadRequest::default() });
    let listed = read(&ReadRequest { users: true, ..ReadRequest::default() });
    let all = read(&ReadRequest { users: true, look_up_everyone: true, ..ReadRequest::default() });
    assert_eq!((listed.coverage.looked_up.len(), all.coverage.looked_up.len()), (0, 3));
    assert_eq!(*read(&ReadRequest { users: true, ..ReadRequest::default() }), *listed);
}

#[test]
fn an_error_ends_the_read_and_the_next_one_starts_anew() {
    let is_locked = Arc::new(AtomicBool::new(false));
    let locked = Arc::clone(&is_locked);
    let account = account(move |seen, _| {
        if locked.load(Ordering::Relaxed) {
            return refused(401, "Invalid SDK credentials");
        }
        pages(seen, 6, usize::MAX)
    });
    let ask = ReadRequest { users: true, ..ReadRequest::default() };
    let read = || run(account.reader.read_again(&ask));
    read().unwrap();
    let before = read().unwrap();
    let sent = || account.log().len();
    let calls = before.calls as usize;

    is_locked.store(true, Ordering::Relaxed);
    let error = read().unwrap_err();
    assert!(matches!(error, KoreError::Credentials { .. }), "{error}");

    is_locked.store(false, Ordering::Relaxed);
    let from = sent();
    assert_eq!(*read().unwrap(), *before);
    assert_eq!(sent() - from, calls);
}

/// What one read learned of a person is not assumed by the next, where the platform leaves it out (kore-api section 4,
/// row 48), and what it left out is not assumed to be left out for good.
#[test]
fn what_a_look_up_leaves_out_is_not_taken_from_the_read_before() {
    const JANE: &str = "jane@example.com";
    let jane = Email::observed(JANE);
    let tester = Key::BotRole(Holder::User(jane.clone()), RoleName::new("Bot Tester"), BotId::new("st-1"));
    let inherited = Fact::Inherited([GroupName::new("QA")].into());
    // The status of the look-up, and through which groups the look-up and the listing say that a role is held.
    let full = (json!("active"), json!([{ "groupId": "e-1", "groupName": "QA" }]), json!(["QA"]));
    let short = (Value::Null, Value::Null, Value::Null);
    let pending = (json!("not active"), Value::Null, json!([]));
    for again in [false, true] {
        let state = Arc::new(Mutex::new(full.clone()));
        let told = Arc::clone(&state);
        let account = account(move |seen, _| {
            let (status, of_look_up, of_listing) = told.lock().unwrap().clone();
            let role = |through: Value| {
                let mut role = json!({ "roleId": "r1", "roleName": "Bot Tester", "botId": "st-1" });
                if !through.is_null() {
                    role["groups"] = through;
                }
                json!([role])
            };
            if seen.line.ends_with("usersInfo") {
                let mut info = json!({ "emailId": JANE });
                if !status.is_null() {
                    info["status"] = status;
                }
                return ok(&json!([{
                    "userInfo": info, "isDeveloper": false, "canCreateBot": false, "assignBotTasks": [],
                    "roles": { "btRoles": role(of_look_up), "adminRoles": [] },
                    "groups": [{ "groupId": "e-1", "groupName": "QA" }],
                }]));
            }
            let user = json!({ "username": JANE, "isDeveloper": false, "canCreateBot": false,
                "btRoles": role(of_listing), "adminRoles": [] });
            ok(&json!({ "total": 1, "availableMore": false, "users": [user] }))
        });
        let ask = ReadRequest::of_users([jane.clone()].into());
        let read = |answers: &(Value, Value, Value)| {
            *state.lock().unwrap() = answers.clone();
            let world = if again {
                run(account.reader.read_again(&ask)).unwrap()
            } else {
                Arc::new(run(account.reader.read(&ask)).unwrap())
            };
            let member = world.get(&Key::Member(jane.clone())).cloned();
            (member, world.get(&tester).cloned(), world.coverage.unread_groups.len())
        };
        let joined = Some(Fact::Member(Membership::Joined));
        let listed = Some(Fact::Member(Membership::Listed));
        let invited = Some(Fact::Member(Membership::Pending { since: None }));
        let held = Some(Fact::Held);
        assert_eq!(read(&full), (joined.clone(), Some(inherited.clone()), 0), "{again}");
        assert_eq!(read(&short), (listed, held.clone(), 1), "{again}: neither joined nor through a group");
        assert_eq!(read(&pending), (invited, held, 0), "{again}");
        assert_eq!(read(&full), (joined, Some(inherited.clone()), 0), "{again}");
    }
}
