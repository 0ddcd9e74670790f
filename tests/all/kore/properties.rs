//! Promises that hold whatever the server does: nothing is called complete or absent without proof, reads end within
//! a bound, and no answer makes the client panic.

use crate::kore::script::{account, fixture, ok, raw, refused, run};
use koreconcile::facts::{Email, Listing};
use koreconcile::kore::{ReadRequest, Reader, Writer};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// How a server may treat pages.
#[derive(Clone, Debug)]
struct Quirks {
    users: usize,
    clamp: usize,
    offset: Offset,
    /// Added to the stated total, on all pages or from a page on.
    total: i64,
    total_from: usize,
    has_total: bool,
    /// `availableMore`: `None` tells the truth.
    flag: Option<bool>,
    /// Entries that slip from one page to the next while reading.
    slip: usize,
    /// A page answered with a 400.
    refused: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Offset {
    Pages,
    Rows,
    Ignored,
}

prop_compose! {
    fn quirks()(
        users in 0usize..160,
        clamp in prop_oneof![Just(7), Just(50), Just(1_000)],
        offset in prop_oneof![3 => Just(Offset::Pages), 1 => Just(Offset::Rows), 1 => Just(Offset::Ignored)],
        total in prop_oneof![5 => Just(0i64), 1 => -20i64..20, 1 => Just(5_000_000_000)],
        total_from in 0usize..3,
        has_total in prop::bool::weighted(0.9),
        flag in prop_oneof![3 => Just(None), 1 => any::<bool>().prop_map(Some)],
        slip in prop_oneof![4 => Just(0usize), 1 => 0usize..3],
        refused in prop_oneof![6 => Just(None), 1 => (0usize..4).prop_map(Some)],
    ) -> Quirks {
        Quirks { users, clamp, offset, total, total_from, has_total, flag, slip, refused }
    }
}

impl Quirks {
    fn is_honest(&self) -> bool {
        self.total == 0
            && self.has_total
            && self.slip == 0
            && self.refused.is_none()
            && !matches!(self.offset, Offset::Ignored)
    }

    fn page(&self, offset: usize, limit: usize) -> Value {
        let limit = limit.min(self.clamp);
        let start = match self.offset {
            Offset::Pages => offset * limit,
            Offset::Rows => offset,
            Offset::Ignored => 0,
        };
        let start = if offset > 0 { start.saturating_sub(self.slip) } else { start }.min(self.users);
        let end = (start + limit).min(self.users);
        let user = |number| json!({ "username": format!("user{number}@example.com"), "userId": format!("u-{number}"), "btRoles": [], "adminRoles": [] });
        let users: Vec<Value> = (start..end).map(user).collect();
        let lie = if offset >= self.total_from { self.total } else { 0 };
        let total = i64::try_from(self.users).unwrap() + lie;
        let mut page = json!({ "availableMore": self.flag.unwrap_or(end < self.users), "users": users });
        if self.has_total {
            page["total"] = json!(total.max(0));
        }
        page
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn complete_is_never_claimed_wrongly_and_reads_end(quirks in quirks()) {
        let server = quirks.clone();
        let account = account(move |seen, _| match server.refused {
            Some(page) if seen.number("offset") == page => refused(400, "no"),
            _ => ok(&server.page(seen.number("offset"), seen.number("limit"))),
        });
        let calls = || account.log().len();
        let Ok(world) = run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })) else {
            prop_assert_eq!(quirks.refused, Some(0));
            return Ok(());
        };
        let read = world.directory.users.len();
        // A total and a flag that lie alike, on every page, are beyond proof.
        let is_conspiracy = quirks.total < 0 && quirks.flag == Some(false);
        if world.coverage.requires(Listing::Users).is_ok() && !is_conspiracy {
            prop_assert_eq!(read, quirks.users, "{:?}", account.lines());
        }
        let pages = quirks.users.div_ceil(quirks.clamp).max(1);
        if quirks.is_honest() {
            prop_assert_eq!(world.coverage.requires(Listing::Users), Ok(()));
            // One call each to find out about the size, the offset and the flag. Where a row's number happens to be a
            // page's, the pages asked for at once are wasted.
            let wasted = if matches!(quirks.offset, Offset::Pages) { 10 } else { 0 };
            prop_assert!(calls() <= pages + 3 + wasted);
        }
        prop_assert!(calls() <= 2 * pages + 20, "{} calls for {pages} pages", calls());
    }

    #[test]
    fn nobody_is_called_absent_without_an_answer(
        people in 1usize..120,
        clamp in prop_oneof![Just(3usize), Just(40), Just(1_000)],
        most in prop_oneof![Just(5usize), Just(64), Just(1_000)],
        silent in prop::collection::btree_set(0usize..120, 0..6),
        unknown in prop::collection::btree_set(0usize..120, 0..40),
        poison in prop_oneof![3 => Just(None), 1 => (0usize..120).prop_map(Some)],
    ) {
        let (quiet, strangers) = (silent.clone(), unknown.clone());
        let number = |email: &str| email[4..8].parse::<usize>().unwrap();
        let account = account(move |seen, _| {
            let emails = seen.emails();
            if emails.len() > most || emails.iter().any(|email| Some(number(email)) == poison) {
                return refused(400, "no");
            }
            let elements = emails.iter().take(clamp).filter(|email| !quiet.contains(&number(email)));
            let elements = elements.map(|email| {
                let status = if strangers.contains(&number(email)) { "failure" } else { "active" };
                json!({ "userInfo": { "emailId": email, "status": status } })
            });
            ok(&elements.collect::<Vec<_>>().into())
        });
        let asked: BTreeSet<Email> =
            (0..people).map(|number| Email::observed(&format!("user{number:04}@example.com"))).collect();
        let bound = 2 * people.div_ceil(50) + 24;
        let read = run(account.reader.read(&ReadRequest::of_users(asked.clone())));
        prop_assert!(account.log().len() <= bound, "{} calls", account.log().len());
        let Ok(world) = read else {
            // Nobody was answered at all.
            prop_assert!(poison.is_some() && people <= silent.len() + 1 || people == 1);
            return Ok(());
        };
        for email in &asked {
            let number = number(email.as_str());
            let is_open = silent.contains(&number) || poison == Some(number);
            if world.coverage.not_found.contains(email) {
                prop_assert!(unknown.contains(&number) && !is_open);
            }
            if world.coverage.looked_up.contains_key(email) {
                prop_assert!(!unknown.contains(&number) && !is_open);
            }
        }
        if silent.is_empty() && poison.is_none() && clamp > 3 && most > 5 {
            prop_assert_eq!(world.coverage.looked_up.len() + world.coverage.not_found.len(), people);
        }
    }

    /// Any node of any documented answer replaced by anything: an error or a world, never a panic, and no secret.
    #[test]
    fn damaged_answers_never_panic(
        which in 0usize..5,
        place in any::<prop::sample::Index>(),
        damage in prop_oneof![
            Just(Value::Null), Just(json!(-1)), Just(json!("x")), Just(json!([])), Just(json!([null])), Just(json!({})),
            Just(json!(1e300)), Just(json!(["a", "b"])), Just(json!(true)),
        ],
    ) {
        let name = ["2.04-users-info", "2.05-all-user-roles", "2.07-export-roles", "2.13-groups", "2.14-bots"][which];
        let mut body = fixture(name);
        let mut places = Vec::new();
        pointers(&body, String::new(), &mut places);
        let place = places[place.index(places.len())].clone();
        *body.pointer_mut(&place).unwrap() = damage;
        let account = account(move |seen, _| {
            let fixture_of = |own: &str| if own == name { body.clone() } else { fixture(own) };
            ok(&match seen.line.as_str() {
                "GET /api/public/roles/export" => fixture_of("2.07-export-roles")[seen.text("roleType")].clone(),
                "GET /api/public/alluserroles" => fixture_of("2.05-all-user-roles"),
                "GET /api/public/groups" => fixture_of("2.13-groups"),
                "GET /api/public/bots" => fixture_of("2.14-bots"),
                _ => fixture_of("2.04-users-info")["older"].clone(),
            })
        });
        let jane = Email::observed("jane.doe@example.com");
        let outcome = run(account.reader.read(&ReadRequest { look_up_everyone: true, ..ReadRequest::full([jane].into()) }));
        let shown = format!("{outcome:?}");
        prop_assert!(!shown.contains("CANARY"));
    }
}

fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                pointers(inner, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                pointers(inner, format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
    found.push(at);
}

#[test]
fn reads_and_writes_run_on_any_thread() {
    fn sent<T: Send>(_: &T) {}
    fn shared<T: Send + Sync>(_: &T) {}
    let account = account(|_, _| raw(200, "[]"));
    let (reader, writer): (&Reader, &Writer) = (&account.reader, &account.writer);
    shared(reader);
    shared(writer);
    let ask = ReadRequest::default();
    sent(&reader.read(&ask));
    sent(&reader.audit_log(None));
    sent(&writer.remove_users(&[]));
    sent(&writer.import_roles(koreconcile::facts::RoleType::Bot, &[]));
}
