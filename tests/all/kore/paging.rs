//! Listings in pages: exact numbers of calls on a good server, and a named gap on each kind of bad one.

use crate::kore::script::{Account, Seen, account, fixture, ok, raw, refused, run};
use koreconcile::facts::{Email, Extent, Listing, World};
use koreconcile::kore::{KoreError, ReadRequest};
use serde_json::{Value, json};

fn user(number: usize) -> Value {
    json!({
        "username": format!("user{number:05}@example.com"), "userId": format!("u-{number}"), "accountId": "acme",
        "isDeveloper": false, "canCreateBot": false, "btRoles": [], "adminRoles": []
    })
}

fn bot(number: usize) -> Value {
    json!({ "_id": format!("st-{number}"), "accountId": "acme", "name": format!("Bot {number}"), "status": "published" })
}

fn group(number: usize) -> Value {
    json!({ "_id": format!("e-{number}"), "gN": format!("Group {number}"), "users": [], "userCount": 0 })
}

fn info(email: &str) -> Value {
    json!({
        "userInfo": { "emailId": email, "userId": format!("u-{email}"), "firstName": "A", "lastName": "B", "status": "active" },
        "isDeveloper": false, "canCreateBot": false, "roles": { "btRoles": [], "adminRoles": [] },
        "assignBotTasks": [], "groups": []
    })
}

/// A page as a good server gives it: `offset` counts pages of the clamped size, and rows where users are listed.
fn page(key: &str, items: &[Value], seen: &Seen, most: usize) -> Value {
    let limit = seen.number("limit").min(most);
    let unit = if key == "users" { 1 } else { limit };
    let start = (seen.number("offset") * unit).min(items.len());
    let end = (start + limit).min(items.len());
    json!({ "total": items.len(), "availableMore": end < items.len(), key: items[start..end] })
}

fn list(count: usize, make: fn(usize) -> Value) -> Vec<Value> {
    (0..count).map(make).collect()
}

/// A whole account on a good server, with the documented page sizes.
fn good(users: usize, bots: usize, groups: usize) -> Account {
    good_in_pages(users, bots, groups, 50)
}

/// The same, on a server that gives so many users on a page.
fn good_in_pages(users: usize, bots: usize, groups: usize, most: usize) -> Account {
    let (users, bots, groups) = (list(users, user), list(bots, bot), list(groups, group));
    let roles = fixture("2.07-export-roles");
    account(move |seen, _| {
        ok(&match seen.line.as_str() {
            "GET /api/public/roles/export" => roles[seen.text("roleType")].clone(),
            "GET /api/public/alluserroles" => page("users", &users, seen, most),
            "GET /api/public/bots" => page("bots", &bots, seen, 50),
            "GET /api/public/groups" => page("groups", &groups, seen, 50),
            "POST /api/public/usersInfo" => {
                seen.emails().iter().map(|email| info(email)).collect::<Vec<_>>().into()
            }
            other => panic!("{other}"),
        })
    })
}

#[test]
fn a_good_server_costs_what_the_formula_says() {
    // (users, bots, groups): calls for 2 exports, bots, groups, users.
    for ((users, bots, groups), calls) in [
        ((0, 0, 0), 2 + 1 + 1 + 1),
        ((1, 1, 1), 2 + 1 + 1 + 1),
        ((50, 50, 50), 2 + 1 + 1 + 1),
        ((51, 51, 51), 2 + 2 + 2 + 2),
        ((100, 100, 100), 2 + 2 + 2 + 2),
        ((101, 169, 1), 2 + 4 + 1 + 3),
        ((1234, 120, 30), 2 + 3 + 1 + 25),
    ] {
        let account = good(users, bots, groups);
        let world =
            run(account.reader.read(&ReadRequest { look_up_admins: true, ..ReadRequest::full([].into()) }))
                .unwrap();
        assert_eq!(world.calls, calls, "{users} users, {bots} bots, {groups} groups: {:?}", account.lines());
        assert_eq!(account.log().len(), calls as usize);
        for listing in
            [Listing::Users, Listing::Bots, Listing::Groups, Listing::AdminRoles, Listing::BotRoles]
        {
            assert_eq!(world.coverage.extent(listing), &Extent::Complete, "{listing:?}");
        }
        let read = &world.directory;
        assert_eq!((read.users.len(), read.bots.len(), read.groups.len()), (users, bots, groups));
        assert!(account.most_in_flight() <= 8);
    }
}

#[test]
fn looking_up_everyone_adds_one_call_a_thousand() {
    let account = good(2_500, 1, 1);
    let ask = ReadRequest { look_up_everyone: true, ..ReadRequest::full([].into()) };
    let world = run(account.reader.read(&ask)).unwrap();
    assert_eq!(world.calls, 2 + 1 + 1 + 50 + 3);
    assert_eq!(world.coverage.looked_up.len(), 2_500);
    assert!(world.warnings.is_empty(), "{:?}", world.warnings);
}

/// What the sizes of pages allow: two exports, every page, and a thousand people a look-up.
fn bound(users: usize, bots: usize, groups: usize, most: usize) -> usize {
    let pages = |count: usize, size: usize| count.div_ceil(size).max(1);
    2 + pages(bots, 50) + pages(groups, 50) + pages(users, most) + users.div_ceil(1_000)
}

#[test]
fn a_whole_read_takes_exactly_the_pages_there_are() {
    for most in [50, 100, 250, 1_000] {
        for (users, bots, groups) in [
            (0, 0, 0),
            (1, 1, 1),
            (50, 49, 51),
            (51, 50, 100),
            (999, 101, 0),
            (1_000, 0, 101),
            (2_501, 169, 50),
        ] {
            let account = good_in_pages(users, bots, groups, most);
            let ask = ReadRequest { look_up_everyone: true, ..ReadRequest::full([].into()) };
            let world = run(account.reader.read(&ask)).unwrap();
            let bound = bound(users, bots, groups, most);
            let told = format!("{users} users, {bots} bots, {groups} groups, {most} users a page");
            assert_eq!((world.calls as usize, account.log().len()), (bound, bound), "{told}");
            assert_eq!(world.coverage.looked_up.len(), users, "{told}");
            assert!(world.warnings.is_empty(), "{told}: {:?}", world.warnings);
        }
    }
}

#[test]
fn a_page_smaller_than_documented_costs_one_call_once() {
    for most in [1, 7, 20, 49] {
        let account = good_in_pages(130, 3, 3, most);
        let ask = ReadRequest { look_up_everyone: true, ..ReadRequest::full([].into()) };
        let bound = bound(130, 3, 3, most);
        for calls in [bound + 1, bound, bound] {
            assert_eq!(run(account.reader.read(&ask)).unwrap().calls as usize, calls, "{most} users a page");
        }
    }
}

#[test]
fn page_two_goes_alone() {
    let account = good(500, 0, 0);
    run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })).unwrap();
    let offsets: Vec<usize> = account.log().iter().map(|seen| seen.number("offset")).collect();
    assert_eq!(offsets[..2], [0, 50]);
    assert_eq!(account.log()[1].number("limit"), 50, "the size the server really gives");
    assert!(account.most_in_flight() > 1, "the rest goes at once");
}

/// Reads users from a server that answers like this; `Err` is why the listing is partial.
fn users_from(
    handler: impl Fn(&Seen, usize) -> Value + Send + Sync + 'static,
) -> (World, Result<(), String>, usize) {
    let account = account(move |seen, number| ok(&handler(seen, number)));
    let world = run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })).unwrap();
    let outcome = world.coverage.requires(Listing::Users);
    (world, outcome, account.log().len())
}

#[test]
fn a_larger_clamp_is_used() {
    let users = list(2_300, user);
    let (world, outcome, calls) = users_from(move |seen, _| page("users", &users, seen, 1_000));
    assert_eq!((outcome, calls, world.directory.users.len()), (Ok(()), 3, 2_300));
}

#[test]
fn a_smaller_clamp_is_followed() {
    let users = list(95, user);
    let (world, outcome, calls) = users_from(move |seen, _| page("users", &users, seen, 20));
    assert_eq!((outcome, calls, world.directory.users.len()), (Ok(()), 5 + 1, 95), "one call to find out");
}

#[test]
fn a_size_over_the_maximum_may_mean_the_default_size() {
    let users = list(500, user);
    let account = account(move |seen, _| {
        ok(&page("users", &users, seen, if seen.number("limit") > 50 { 10 } else { 50 }))
    });
    for calls in [11, 10] {
        let world = run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })).unwrap();
        assert_eq!((world.coverage.requires(Listing::Users), world.calls), (Ok(()), calls));
    }
}

/// As alluserroles answers where `offset` counts pages.
fn numbered_pages(users: &[Value], seen: &Seen) -> Value {
    let limit = seen.number("limit").min(50);
    let start = (seen.number("offset") * limit).min(users.len());
    let end = (start + limit).min(users.len());
    json!({ "total": users.len(), "availableMore": end < users.len(), "users": users[start..end] })
}

#[test]
fn an_offset_in_pages_is_understood() {
    let users = list(230, user);
    let (world, outcome, calls) = users_from(move |seen, _| numbered_pages(&users, seen));
    assert_eq!((outcome, world.directory.users.len()), (Ok(()), 230));
    assert_eq!(calls, 5 + 1, "one call to find out");
}

#[test]
fn a_page_number_that_is_a_row_too_is_found_out_in_the_end() {
    // Row 50 is page 2 where rows are counted; there is a page 50, too.
    let users = list(2_620, user);
    let (world, outcome, _) = users_from(move |seen, _| numbered_pages(&users, seen));
    assert_eq!((outcome, world.directory.users.len()), (Ok(()), 2_620));
}

#[test]
fn pages_without_a_total_are_read_to_the_end_whatever_offset_counts() {
    for counts_rows in [true, false] {
        let users = list(130, user);
        let (world, outcome, _) = users_from(move |seen, _| {
            let mut page =
                if counts_rows { page("users", &users, seen, 50) } else { numbered_pages(&users, seen) };
            page.as_object_mut().unwrap().remove("total");
            page
        });
        assert!(outcome.unwrap_err().contains("no total"));
        assert_eq!(world.directory.users.len(), 130, "rows: {counts_rows}");
    }
}

#[test]
fn an_ignored_offset_is_partial_and_ends() {
    let users = list(230, user);
    let (world, outcome, calls) = users_from(move |seen, _| {
        let end = seen.number("limit").min(50);
        json!({ "total": 230, "availableMore": true, "users": users[..end] })
    });
    let why = outcome.unwrap_err();
    assert!(why.contains("offset is ignored") && why.contains("50 of 230"), "{why}");
    assert_eq!((world.directory.users.len(), calls), (50, 3));
}

#[test]
fn an_ignored_offset_is_made_good_by_one_large_page() {
    let users = list(1_500, user);
    let (world, outcome, calls) = users_from(move |seen, _| {
        let end = seen.number("limit").min(users.len());
        json!({ "total": users.len(), "availableMore": end < users.len(), "users": users[..end] })
    });
    assert_eq!((outcome, world.directory.users.len(), calls), (Ok(()), 1_500, 3));
}

#[test]
fn repeated_entries_are_partial() {
    let users = list(200, user);
    let (world, outcome, _) = users_from(move |seen, _| {
        // Each page begins with the last entry of the page before.
        let start = seen.number("offset").saturating_sub(1);
        json!({ "total": 200, "availableMore": true, "users": users[start..start + 50] })
    });
    let why = outcome.unwrap_err();
    assert!(why.contains("repeats 1"), "{why}");
    assert!(world.directory.users.len() >= 99, "what came is kept");
}

#[test]
fn entries_that_repeat_later_are_partial() {
    let users = list(200, user);
    let (_, outcome, calls) = users_from(move |seen, _| {
        let offset = (seen.number("offset") / 50).min(2);
        json!({ "total": 200, "availableMore": true, "users": users[offset * 50..offset * 50 + 50] })
    });
    assert_eq!(calls, 4 + 1, "one to find out whether pages are counted");
    assert!(outcome.unwrap_err().contains("150 of 200"));
}

#[test]
fn a_total_that_moves_is_partial() {
    let users = list(201, user);
    let (_, outcome, _) = users_from(move |seen, _| {
        let offset = seen.number("offset");
        let mut page = page("users", &users[..150], seen, 50);
        page["total"] = json!(if offset < 100 { 150 } else { 151 });
        page
    });
    let why = outcome.unwrap_err();
    assert!(why.contains("moved from 150 to 151"), "{why}");
}

#[test]
fn a_total_that_is_too_high_is_partial() {
    let users = list(120, user);
    let (world, outcome, calls) = users_from(move |seen, _| {
        let mut page = page("users", &users, seen, 50);
        page["total"] = json!(170);
        page
    });
    assert!(outcome.unwrap_err().contains("120 of 170"));
    assert_eq!(
        (world.directory.users.len(), calls),
        (120, 4 + 1),
        "one to find out whether pages are counted"
    );
}

#[test]
fn a_total_that_is_too_low_is_found_out_by_the_flag() {
    let users = list(120, user);
    let (_, outcome, _) = users_from(move |seen, _| {
        let mut page = page("users", &users, seen, 50);
        page["total"] = json!(50);
        page
    });
    assert!(outcome.unwrap_err().contains("50 are stated, and more came"));
}

#[test]
fn a_flag_that_always_says_more_costs_one_call() {
    let users = list(75, user);
    let (_, outcome, calls) = users_from(move |seen, _| {
        let mut page = page("users", &users, seen, 50);
        page["availableMore"] = json!(true);
        page
    });
    assert_eq!((outcome, calls), (Ok(()), 3));
}

#[test]
fn a_flag_that_always_says_no_more_is_not_believed() {
    let users = list(130, user);
    let (world, outcome, calls) = users_from(move |seen, _| {
        let mut page = page("users", &users, seen, 50);
        page["availableMore"] = json!(false);
        page
    });
    assert_eq!((outcome, calls, world.directory.users.len()), (Ok(()), 3, 130));
}

#[test]
fn no_total_proves_nothing_but_is_read_to_the_end() {
    let users = list(130, user);
    let (world, outcome, calls) = users_from(move |seen, _| {
        let mut page = page("users", &users, seen, 50);
        page.as_object_mut().unwrap().remove("total");
        page
    });
    assert!(outcome.unwrap_err().contains("no total"));
    assert_eq!((world.directory.users.len(), calls), (130, 3));
}

#[test]
fn empty_pages_end_it() {
    let (_, outcome, calls) = users_from(|_, _| json!({ "total": 10, "availableMore": true, "users": [] }));
    assert!(outcome.unwrap_err().contains("0 of 10"));
    assert_eq!(calls, 1);
}

#[test]
fn an_empty_listing_may_leave_the_list_out() {
    let (_, outcome, calls) = users_from(|_, _| json!({ "total": 0, "availableMore": false }));
    assert_eq!((outcome, calls), (Ok(()), 1));
}

#[test]
fn an_entry_without_id_is_partial() {
    let (world, outcome, _) = users_from(
        |_, _| json!({ "total": 1, "availableMore": false, "users": [user(1), { "userId": "u-2" }] }),
    );
    assert!(outcome.unwrap_err().contains("entries without id: 1"));
    assert_eq!(world.directory.users.len(), 1);
}

#[test]
fn roles_left_out_of_an_entry_are_partial() {
    let mut shortened = user(1);
    shortened.as_object_mut().unwrap().remove("adminRoles");
    let (world, outcome, _) =
        users_from(move |_, _| json!({ "total": 2, "availableMore": false, "users": [user(0), shortened] }));
    assert!(outcome.unwrap_err().contains("users without roles, or with roles without name or bot: 1"));
    assert_eq!(world.directory.users.len(), 2);
}

#[test]
fn a_large_page_that_is_refused_is_asked_smaller_and_remembered() {
    let users = list(130, user);
    let account = account(move |seen, _| match seen.number("limit") {
        51.. => refused(400, "limit must be at most 50"),
        _ => ok(&page("users", &users, seen, 50)),
    });
    let ask = ReadRequest { users: true, ..ReadRequest::default() };
    let world = run(account.reader.read(&ask)).unwrap();
    assert_eq!(world.coverage.extent(Listing::Users), &Extent::Complete);
    let first = account.log().len();
    run(account.reader.read(&ask)).unwrap();
    assert_eq!(account.log().len() - first, 3, "the second read knows");
    assert_eq!(account.reader.sizes().listing, 50);
}

#[test]
fn a_page_refused_in_the_middle_is_partial() {
    let users = list(130, user);
    let account = account(move |seen, _| match seen.number("offset") {
        100 => refused(400, "too far"),
        _ => ok(&page("users", &users, seen, 50)),
    });
    let world = run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })).unwrap();
    assert!(world.coverage.requires(Listing::Users).unwrap_err().contains("too far"));
}

#[test]
fn a_web_page_or_another_shape_is_a_protocol_error() {
    for (status, body) in [
        (200, "<html><title>Sign in</title></html>"),
        (200, "{\"items\":[]}"),
        (200, "[1,2"),
        (200, ""),
        (302, ""),
        (404, "<html>"),
    ] {
        let account = account(move |_, _| raw(status, body));
        let error =
            run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })).unwrap_err();
        assert!(matches!(error, KoreError::Protocol { .. }), "{body}: {error}");
        assert_eq!(account.log().len(), 1);
    }
}

#[test]
fn two_users_in_one_address_are_left_alone() {
    let twins = [
        user(1),
        json!({ "username": "USER00001@example.com", "userId": "u-other", "accountId": "acme",
        "isDeveloper": true, "canCreateBot": true, "btRoles": [], "adminRoles": [] }),
        user(2),
    ];
    let account = account(move |seen, _| match seen.line.as_str() {
        "POST /api/public/usersInfo" => {
            ok(&seen.emails().iter().map(|email| info(email)).collect::<Vec<_>>().into())
        }
        _ => ok(&json!({ "total": 3, "availableMore": false, "users": twins })),
    });
    let both = Email::observed("user00001@example.com");
    let ask = ReadRequest {
        users: true,
        look_up: [both.clone(), Email::observed("user00002@example.com")].into(),
        ..ReadRequest::default()
    };
    let world = run(account.reader.read(&ask)).unwrap();
    assert_eq!(world.directory.users[&both].spellings, ["user00001@example.com", "USER00001@example.com"]);
    assert!(world.facts().iter().all(|(key, _)| key.email() != Some(&both)));
    assert!(!world.coverage.looked_up.contains_key(&both) && !world.coverage.not_found.contains(&both));
    assert_eq!(world.warnings.len(), 1, "{:?}", world.warnings);
    assert_eq!(world.coverage.looked_up.len(), 1);
}

#[test]
fn ten_thousand_users_take_little_of_our_own_time() {
    let roles = |number: usize| {
        let role = |name: &str, bot: usize| json!({ "roleId": name, "roleName": name, "botId": format!("st-{bot}"), "groups": [] });
        json!([
            role("Bot Developer", number % 40),
            role("Bot Tester", number % 17),
            role("Analyst", number % 23)
        ])
    };
    let users: Vec<Value> = (0..10_000)
        .map(|number| {
            let mut user = user(number);
            user["btRoles"] = roles(number);
            user
        })
        .collect();
    let pages: Vec<String> = users
        .chunks(50)
        .map(|page| json!({ "total": 10_000, "availableMore": true, "users": page }).to_string())
        .collect();
    let account = account(move |seen, _| {
        raw(200, pages.get(seen.number("offset")).map_or("{\"total\":10000,\"users\":[]}", |page| page))
    });
    let world = run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })).unwrap();
    assert_eq!((world.coverage.requires(Listing::Users), world.facts().len()), (Ok(()), 50_000));
}
