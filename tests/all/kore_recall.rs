//! Reading again is reading: what is remembered of answers never shows in what comes out.

use crate::kore_script::{Reply, Seen, account, ok, refused, run};
use crate::support::random::on_any;
use crate::support::world::{Edit, case};
use koreconcile::facts::{Listing, World};
use koreconcile::kore::{Ask, Reader};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// All of an account, and everyone in it.
fn everything() -> Ask {
    Ask { look_up_everyone: true, ..Ask::full(BTreeSet::new()) }
}

#[test]
fn kore_recall_reads_any_account_as_one_who_remembers_nothing() {
    let steps = || (case(), prop::collection::vec(prop::collection::vec(Edit::any(), 0..3), 1..6));
    let (shared, unedited) = (AtomicUsize::new(0), AtomicUsize::new(0));
    on_any(steps, 20_261_122, 120, async |(case, steps)| {
        let engine = case.engine();
        let plain = Reader::new(engine.gateway.clone());
        let mut before: Option<Arc<World>> = None;
        for edits in steps {
            edits.iter().for_each(|edit| edit.make(&engine.admin));
            let again = engine.reader.read_again(&everything()).await.map_err(|error| error.to_string())?;
            let mut anew = plain.read(&everything()).await.map_err(|error| error.to_string())?;
            // A page of each listing may have been asked for in vain, where the listing is another one by now.
            if again.calls > anew.calls + 4 {
                return Err(format!("{} calls instead of {}", again.calls, anew.calls));
            }
            anew.calls = again.calls;
            if *again != anew {
                return Err(format!("{again:?}\nis not\n{anew:?}"));
            }
            if let Some(before) = before.replace(Arc::clone(&again))
                && edits.is_empty()
            {
                unedited.fetch_add(1, Ordering::Relaxed);
                shared.fetch_add(usize::from(Arc::ptr_eq(&before, &again)), Ordering::Relaxed);
            }
        }
        Ok(())
    });
    // Where a call is refused, each read is put together anew.
    let (shared, unedited) = (shared.into_inner(), unedited.into_inner());
    assert!(shared * 2 > unedited, "{shared} of {unedited} reads of the same account share its world");
}

/// A listing of so many users, two on a page, whose pages from that number on are refused.
fn pages(seen: &Seen, users: usize, refused_from: usize) -> Reply {
    let (offset, limit) = (seen.number("offset"), seen.number("limit").min(2));
    if offset >= refused_from {
        return refused(400, "no");
    }
    let user = |number: usize| json!({ "username": format!("user{number}@example.com"), "btRoles": [], "adminRoles": [] });
    let shown: Vec<Value> = (offset * limit..((offset + 1) * limit).min(users)).map(user).collect();
    ok(&json!({ "total": users, "users": shown }))
}

#[test]
fn kore_recall_a_refusal_is_no_answer_that_could_be_the_same() {
    let ask = Ask { users: true, ..Ask::default() };
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
    *state.lock().unwrap() = (6, 2);
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
fn kore_recall_another_question_is_another_read() {
    let account = account(|seen, _| match seen.line.ends_with("usersInfo") {
        true => ok(&Value::Array(
            seen.emails()
                .iter()
                .map(|email| json!({ "userInfo": { "emailId": email, "status": "active" } }))
                .collect(),
        )),
        false => pages(seen, 3, usize::MAX),
    });
    let read = |ask: &Ask| run(account.reader.read_again(ask)).unwrap();
    // The first read finds out how many users come on a page.
    read(&Ask { users: true, ..Ask::default() });
    let listed = read(&Ask { users: true, ..Ask::default() });
    let all = read(&Ask { users: true, look_up_everyone: true, ..Ask::default() });
    assert_eq!((listed.coverage.looked_up.len(), all.coverage.looked_up.len()), (0, 3));
    assert_eq!(*read(&Ask { users: true, ..Ask::default() }), *listed);
}
