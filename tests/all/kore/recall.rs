//! Reading again is reading: that answers are kept never shows in what comes out.

use crate::kore::script::{Reply, Seen, account, ok, refused, run};
use koreconcile::facts::{Listing, World};
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
