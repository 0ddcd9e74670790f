//! Look-ups: few calls, adaptive batches, and a proof before anybody is called absent.

use crate::kore::script::{account, answer, ok, refused, run};
use koreconcile::facts::{
    BotId, BuilderAccess, Email, GroupName, Holder, Key, Listing, Membership, RoleName, Seen as Covered,
    Value as Fact,
};
use koreconcile::kore::{KoreError, ReadRequest};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn people(count: usize) -> BTreeSet<Email> {
    (0..count).map(|number| Email::observed(&format!("user{number:05}@example.com"))).collect()
}

fn active(email: &str) -> Value {
    json!({ "userInfo": { "emailId": email, "userId": format!("u-{}", email.to_ascii_lowercase()), "status": "active" } })
}

fn failure(email: &str) -> Value {
    json!({ "userInfo": { "emailId": email, "status": "failure", "reason": "User not found" } })
}

fn all(emails: &[String]) -> Value {
    emails.iter().map(|email| active(email)).collect::<Vec<_>>().into()
}

fn found(world: &koreconcile::facts::World) -> usize {
    world.coverage.looked_up.len()
}

#[test]
fn a_thousand_people_are_one_call() {
    let account = account(|seen, _| ok(&all(&seen.emails())));
    for (count, calls) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (3_000, 3)] {
        let world = run(account.reader.read(&ReadRequest::of_users(people(count)))).unwrap();
        assert_eq!((found(&world), world.calls), (count, calls));
    }
}

#[test]
fn a_refused_batch_is_halved_and_the_size_remembered() {
    let account = account(|seen, _| match seen.emails() {
        emails if emails.len() > 200 => refused(413, "too large"),
        emails => ok(&all(&emails)),
    });
    let world = run(account.reader.read(&ReadRequest::of_users(people(1_000)))).unwrap();
    assert_eq!(
        (found(&world), world.calls),
        (1_000, 3 + 8),
        "1000, 500, 250 are refused; then 125 at a time"
    );
    assert_eq!(account.reader.sizes().look_up, 125);
    let again = run(account.reader.read(&ReadRequest::of_users(people(1_000)))).unwrap();
    assert_eq!(again.calls, 8);
    assert_eq!(account.reader.sizes().look_up, 125, "250 is known to be refused");
}

#[test]
fn the_safe_size_is_tried_before_smaller_ones() {
    let account = account(|seen, _| match seen.emails() {
        emails if emails.len() > 50 => refused(400, "at most 50"),
        emails => ok(&all(&emails)),
    });
    for calls in [5 + 20, 20] {
        assert_eq!(run(account.reader.read(&ReadRequest::of_users(people(1_000)))).unwrap().calls, calls);
    }
}

#[test]
fn one_bad_address_does_not_make_later_reads_small() {
    let account = account(|seen, _| match seen.emails() {
        emails if emails.iter().any(|email| email.starts_with("bad")) => refused(400, "bad address"),
        emails => ok(&all(&emails)),
    });
    let bad = [Email::observed("bad@example.com"), Email::observed("good@example.com")];
    assert_eq!(found(&run(account.reader.read(&ReadRequest::of_users(bad.into()))).unwrap()), 1);
    assert_eq!(account.reader.sizes().look_up, 50);
    for size in [100, 200, 400, 800, 1_000] {
        run(account.reader.read(&ReadRequest::of_users(people(1_000)))).unwrap();
        assert_eq!(account.reader.sizes().look_up, size);
    }
}

#[test]
fn a_clamped_answer_sets_the_size() {
    let account = account(|seen, _| {
        let emails = seen.emails();
        ok(&all(&emails[..emails.len().min(100)]))
    });
    let world = run(account.reader.read(&ReadRequest::of_users(people(1_000)))).unwrap();
    assert_eq!((found(&world), world.calls), (1_000, 10));
}

#[test]
fn a_missing_person_is_asked_again_alone_and_then_left_open() {
    let account = account(|seen, _| {
        let known: Vec<String> =
            seen.emails().into_iter().filter(|email| !email.starts_with("user00007")).collect();
        ok(&all(&known))
    });
    let world = run(account.reader.read(&ReadRequest::of_users(people(1_500)))).unwrap();
    assert_eq!((found(&world), world.calls), (1_499, 3), "two batches, and the missing one once more");
    let missing = Email::observed("user00007@example.com");
    assert!(!world.coverage.not_found.contains(&missing), "silence is no proof");
    assert!(world.proves_absent(&Key::Member(missing)).is_err());
}

#[test]
fn a_server_that_leaves_strangers_out_keeps_its_large_batches() {
    let account = account(|seen, _| {
        let known: Vec<String> =
            seen.emails().into_iter().filter(|email| email.starts_with("user")).collect();
        ok(&all(&known))
    });
    let mut asked = people(900);
    asked.insert(Email::observed("Zoe@example.com"));
    let world = run(account.reader.read(&ReadRequest::of_users(asked))).unwrap();
    assert_eq!(found(&world), 900);
    assert_eq!(world.calls, 1 + 1 + 2, "both spellings of the stranger together, then each alone");
    assert_eq!(account.reader.sizes().look_up, 1_000);
}

#[test]
fn one_bad_address_does_not_spoil_the_rest() {
    let account = account(|seen, _| match seen.emails() {
        emails if emails.iter().any(|email| email.starts_with("user00300")) => refused(400, "bad address"),
        emails => ok(&all(&emails)),
    });
    let world = run(account.reader.read(&ReadRequest::of_users(people(1_000)))).unwrap();
    assert_eq!(found(&world), 999);
    assert!(world.calls < 30, "{}", world.calls);
}

#[test]
fn a_silent_server_is_given_up_within_the_bound() {
    let account = account(|_, _| ok(&json!([])));
    let world = run(account.reader.read(&ReadRequest::of_users(people(1_000)))).unwrap();
    assert_eq!(found(&world), 0);
    assert!(world.calls <= 2 * 20 + 24, "{}", world.calls);
}

#[test]
fn a_server_that_refuses_everything_is_an_error() {
    let account = account(|_, _| refused(403, "not for you"));
    let error = run(account.reader.read(&ReadRequest::of_users(people(1_000)))).unwrap_err();
    assert!(matches!(error, KoreError::Refused { .. }), "{error}");
    assert!(account.log().len() < 20, "{}", account.log().len());
}

#[test]
fn both_spellings_must_be_unknown() {
    let written = Email::observed("Jane@Example.com");
    for (known, is_absent) in [("nobody", true), ("Jane@Example.com", false), ("jane@example.com", false)] {
        let account = account(move |seen, _| {
            let elements = seen.emails().into_iter();
            let elements =
                elements.map(|email| if email == known { active(&email) } else { failure(&email) });
            ok(&elements.collect::<Vec<_>>().into())
        });
        let world = run(account.reader.read(&ReadRequest::of_users([written.clone()].into()))).unwrap();
        assert_eq!(account.log()[0].emails(), ["Jane@Example.com", "jane@example.com"]);
        assert_eq!(world.coverage.not_found.contains(&written), is_absent, "{known}");
        assert_eq!(world.proves_absent(&Key::Member(written.clone())).is_ok(), is_absent);
        if !is_absent {
            assert_eq!(world.directory.users[&written].spellings, [known]);
        }
    }
}

#[test]
fn one_unanswered_spelling_is_no_proof() {
    let account = account(|seen, _| {
        let elements = seen.emails().into_iter().filter(|email| email.starts_with("jane"));
        ok(&elements.map(|email| failure(&email)).collect::<Vec<_>>().into())
    });
    let world =
        run(account.reader.read(&ReadRequest::of_users([Email::observed("Jane@example.com")].into())))
            .unwrap();
    assert!(world.coverage.not_found.is_empty());
}

#[test]
fn a_server_blind_to_case_gives_one_person() {
    let account = account(|seen, _| ok(&all(&seen.emails())));
    let jane = Email::observed("Jane@Example.com");
    let world = run(account.reader.read(&ReadRequest::of_users([jane.clone()].into()))).unwrap();
    assert_eq!(world.directory.users[&jane].spellings.len(), 1, "one id, one person");
    assert!(world.warnings.is_empty());
    assert!(world.coverage.looked_up.contains_key(&jane));
}

#[test]
fn two_persons_under_one_address_are_left_alone() {
    let account = account(|seen, _| {
        let person = |email: &String| json!({ "userInfo": { "emailId": email, "userId": format!("u-{email}"), "status": "active" } });
        ok(&seen.emails().iter().map(person).collect::<Vec<_>>().into())
    });
    let jane = Email::observed("Jane@Example.com");
    let world = run(account.reader.read(&ReadRequest::of_users([jane.clone()].into()))).unwrap();
    assert_eq!(world.directory.users[&jane].spellings.len(), 2);
    assert!(world.facts().is_empty() && world.coverage.looked_up.is_empty());
}

fn listed(email: &str, bt_roles: &Value) -> Value {
    json!({ "username": email, "userId": format!("u-{}", email.to_ascii_lowercase()), "accountId": "acme", "isDeveloper": true,
            "canCreateBot": false, "btRoles": bt_roles, "adminRoles": [] })
}

#[test]
fn uses_the_accounts_own_spelling() {
    let account = account(|seen, _| match seen.line.as_str() {
        "POST /api/public/usersInfo" => ok(&all(&seen.emails())),
        _ => ok(
            &json!({ "total": 1, "availableMore": false, "users": [listed("Jane@Example.com", &json!([]))] }),
        ),
    });
    let ask = ReadRequest {
        users: true,
        look_up: [Email::observed("jane@example.com")].into(),
        ..ReadRequest::default()
    };
    let world = run(account.reader.read(&ask)).unwrap();
    assert_eq!(account.to("usersInfo")[0].emails(), ["Jane@Example.com"]);
    let (key, _) = world.coverage.looked_up.first_key_value().unwrap();
    assert_eq!(key.as_str(), "Jane@Example.com", "facts carry it too, for the writes that follow");
}

#[test]
fn somebody_listed_is_never_called_absent() {
    let account = account(|seen, _| match seen.line.as_str() {
        "POST /api/public/usersInfo" => ok(&json!([failure("jane@example.com")])),
        _ => ok(
            &json!({ "total": 1, "availableMore": false, "users": [listed("jane@example.com", &json!([]))] }),
        ),
    });
    let jane = Email::observed("jane@example.com");
    let ask = ReadRequest { users: true, look_up: [jane.clone()].into(), ..ReadRequest::default() };
    let world = run(account.reader.read(&ask)).unwrap();
    assert!(world.coverage.not_found.is_empty());
    assert_eq!(world.warnings.len(), 1);
}

fn role(name: &str, groups: &Value) -> Value {
    json!({ "roleId": format!("id of {name}"), "roleName": name, "botId": "st-1", "groups": groups })
}

fn holds(world: &koreconcile::facts::World, holder: &Holder, name: &str) -> Option<Fact> {
    world.get(&Key::BotRole(holder.clone(), RoleName::new(name), BotId::new("st-1"))).cloned()
}

#[test]
fn its_roles_replace_the_listings_and_what_it_omits_the_listing_serves() {
    for form in ["with", "without"] {
        let account = account(move |seen, _| {
            if seen.line.ends_with("alluserroles") {
                let users = [listed("jane@example.com", &json!([role("Bot Developer", &json!([]))]))];
                return ok(&json!({ "total": 1, "availableMore": false, "users": users }));
            }
            let mut jane = active("jane@example.com");
            if form == "with" {
                jane["roles"] = json!({ "btRoles": [role("Bot Tester", &json!([]))], "adminRoles": [] });
            }
            ok(&json!([jane]))
        });
        let jane = Email::observed("jane@example.com");
        let ask = ReadRequest { users: true, look_up: [jane.clone()].into(), ..ReadRequest::default() };
        let world = run(account.reader.read(&ask)).unwrap();
        let held = |name| holds(&world, &Holder::User(jane.clone()), name);
        let expected = if form == "with" { (None, Some(Fact::Held)) } else { (Some(Fact::Held), None) };
        assert_eq!((held("Bot Developer"), held("Bot Tester")), expected, "{form}");
        let covered = world.coverage.looked_up[&jane];
        assert_eq!(covered, Covered { roles: true, access: true, ..Covered::default() }, "{form}");
        assert_eq!(world.get(&Key::Member(jane.clone())), Some(&Fact::Member(Membership::Joined)));
        assert_eq!(world.get(&Key::Access(jane)), Some(&Fact::Access(BuilderAccess::Builder)));
    }
}

#[test]
fn roles_that_nobody_carried_are_not_covered() {
    let account = account(|seen, _| ok(&all(&seen.emails())));
    let world = run(account.reader.read(&ReadRequest::of_users(people(1)))).unwrap();
    assert_eq!(world.coverage.looked_up.values().copied().collect::<Vec<_>>(), [Covered::default()]);
}

#[test]
fn a_role_held_both_ways_is_held_however_it_is_shown() {
    let once = json!([role("Bot Tester", &json!(["QA"]))]);
    let twice = json!([role("Bot Tester", &json!(["QA"])), role("Bot Tester", &json!([]))]);
    let as_objects = json!([role("Bot Tester", &json!([{ "groupId": "e-1", "groupName": "QA" }]))]);
    let inherited = Fact::Inherited([GroupName::new("QA")].into());
    for (roles, expected) in [(once, inherited.clone()), (twice, Fact::Held), (as_objects, inherited)] {
        let account = account(move |_, _| {
            let mut jane = active("jane@example.com");
            jane["roles"] = json!({ "btRoles": roles, "adminRoles": [] });
            ok(&json!([jane]))
        });
        let jane = Email::observed("jane@example.com");
        let world = run(account.reader.read(&ReadRequest::of_users([jane.clone()].into()))).unwrap();
        assert_eq!(holds(&world, &Holder::User(jane), "Bot Tester"), Some(expected));
        assert_eq!(holds(&world, &Holder::Group(GroupName::new("QA")), "Bot Tester"), Some(Fact::Held));
    }
}

#[test]
fn master_admins_are_found_under_either_name() {
    let account = account(|seen, _| match seen.line.as_str() {
        "POST /api/public/usersInfo" => ok(&all(&seen.emails())),
        "GET /api/public/alluserroles" => {
            let mut users: Vec<Value> = ["a", "b", "c"]
                .iter()
                .map(|name| listed(&format!("{name}@example.com"), &json!([])))
                .collect();
            users[0]["adminRoles"] = json!([{ "roleId": "r1", "roleName": "admin", "groups": [] }]);
            users[1]["adminRoles"] = json!([{ "roleId": "r1", "roleName": "Master Admin" }]);
            users[2]["adminRoles"] = json!([{ "roleId": "r2", "roleName": "Auditor", "groups": [] }]);
            ok(&json!({ "total": 3, "availableMore": false, "users": users }))
        }
        _ => answer(200, &json!([])),
    });
    let ask = ReadRequest { users: true, look_up_admins: true, ..ReadRequest::default() };
    let world = run(account.reader.read(&ask)).unwrap();
    assert_eq!(account.to("usersInfo")[0].emails(), ["a@example.com", "b@example.com"]);
    assert_eq!(world.coverage.requires(Listing::Users), Ok(()));
}

#[test]
fn the_state_word_decides_the_membership() {
    for (word, expected) in [
        ("active", Membership::Joined),
        ("Not Active", Membership::Pending { since: None }),
        ("inactive", Membership::Pending { since: None }),
        ("suspended", Membership::Joined),
        ("", Membership::Listed),
    ] {
        let account = account(move |seen, _| {
            ok(&json!([{ "userInfo": { "emailId": seen.emails()[0], "status": word } }]))
        });
        let world = run(account.reader.read(&ReadRequest::of_users(people(1)))).unwrap();
        let (_, value) = &world.facts()[0];
        assert_eq!(value, &Fact::Member(expected), "{word}");
    }
}

/// A user in a group with one role, as a shortened answer shows them.
fn shortened(email: &str, groups: &Value) -> Value {
    json!({
        "userInfo": { "emailId": email }, "isDeveloper": false, "canCreateBot": false, "assignBotTasks": [],
        "roles": { "btRoles": [{ "roleId": "r1", "roleName": "Bot Tester", "botId": "st-1" }], "adminRoles": [] },
        "groups": groups
    })
}

fn listed_through(email: &str, through: &Value) -> Value {
    let role = json!({ "roleId": "r1", "roleName": "Bot Tester", "botId": "st-1", "groups": through });
    json!({ "username": email, "isDeveloper": false, "canCreateBot": false, "btRoles": [role], "adminRoles": [] })
}

#[test]
fn roles_that_leave_out_their_groups_take_them_from_the_listing() {
    const JANE: &str = "jane@example.com";
    let tester =
        || Key::BotRole(Holder::User(Email::observed(JANE)), RoleName::new("Bot Tester"), BotId::new("st-1"));
    let read = |groups: Value, through: Value| {
        let account = account(move |seen, _| match seen.line.as_str() {
            "POST /api/public/usersInfo" => ok(&json!([shortened(JANE, &groups)])),
            "GET /api/public/alluserroles" => {
                ok(&json!({ "total": 1, "availableMore": false, "users": [listed_through(JANE, &through)] }))
            }
            other => panic!("{other}"),
        });
        let ask = ReadRequest::of_users([Email::observed(JANE)].into());
        let world = run(account.reader.read(&ask)).unwrap();
        (world.get(&tester()).cloned(), world.coverage.unread_groups, account.log().len())
    };
    let qa = json!([{ "groupId": "e-1", "groupName": "QA" }]);
    let inherited = Fact::Inherited([GroupName::new("QA")].into());
    assert_eq!(read(qa.clone(), json!(["QA"])), (Some(inherited), [].into(), 2));
    assert_eq!(read(qa.clone(), json!([])), (Some(Fact::Held), [].into(), 2));
    // Nobody in no group holds anything through one.
    assert_eq!(read(json!([]), Value::Null), (Some(Fact::Held), [].into(), 1));
    // The listing leaves it out as well: what the group holds is not read.
    assert_eq!(read(qa, Value::Null), (Some(Fact::Held), [GroupName::new("QA")].into(), 2));
}

#[test]
fn no_status_is_neither_invited_nor_joined_unless_a_group_says_so() {
    let read = |status: Value| {
        let account = account(move |seen, _| {
            if seen.line.ends_with("usersInfo") {
                ok(&json!([shortened("jane@example.com", &json!([]))]))
            } else {
                let member =
                    json!({ "_id": "u-1", "emailId": "jane@example.com", "activationStatus": status });
                let group = json!({ "_id": "e-1", "gN": "QA", "users": [member], "userCount": 1 });
                ok(&json!({ "total": 1, "availableMore": false, "groups": [group] }))
            }
        });
        let jane = Email::observed("jane@example.com");
        let ask = ReadRequest { groups: true, ..ReadRequest::of_users([jane.clone()].into()) };
        let world = run(account.reader.read(&ask)).unwrap();
        (world.get(&Key::Member(jane.clone())).cloned(), world.hides_state(&jane))
    };
    assert_eq!(read(json!("active")), (Some(Fact::Member(Membership::Joined)), false));
    for unsaid in [json!("inactive"), json!(""), Value::Null] {
        assert_eq!(read(unsaid), (Some(Fact::Member(Membership::Listed)), true));
    }
}

#[test]
fn the_last_sign_in_comes_with_a_look_up_and_what_is_no_time_is_none() {
    for (written, read) in [
        (Some(json!("2023-08-08T05:55:56.698Z")), Some("2023-08-08T05:55:56.698Z")),
        (Some(json!(" 2023-08-08T05:55:56+02:00 ")), Some("2023-08-08T03:55:56Z")),
        (Some(json!("yesterday")), None),
        (Some(json!("")), None),
        (Some(Value::Null), None),
        (Some(json!(1_691_474_156_698_u64)), None),
        (None, None),
    ] {
        let account = account(move |seen, _| {
            let mut people = all(&seen.emails());
            if let Some(written) = &written {
                people[0]["userInfo"]["lastLogin"] = written.clone();
            }
            ok(&people)
        });
        let jane = Email::observed("jane@example.com");
        let world = run(account.reader.read(&ReadRequest::of_users([jane.clone()].into()))).unwrap();
        assert_eq!(world.last_sign_ins.get(&jane).map(ToString::to_string).as_deref(), read);
        assert!(world.get(&Key::Member(jane)).is_some(), "the rest of the answer stands");
    }
}

#[test]
fn the_id_of_the_organisation_comes_with_the_listing_and_none_is_none_in_any_form() {
    for (written, read) in [
        (Some(json!("E-1")), Some("E-1")),
        (Some(json!(1001)), Some("1001")),
        (Some(Value::Null), None),
        (Some(json!("")), None),
        (None, None),
    ] {
        let account = account(move |_, _| {
            let mut user = listed_through("jane@example.com", &json!([]));
            if let Some(written) = &written {
                user["orgUserId"] = written.clone();
            }
            ok(&json!({ "total": 1, "availableMore": false, "users": [user] }))
        });
        let world = run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })).unwrap();
        let entry = &world.directory.users[&Email::observed("jane@example.com")];
        assert_eq!(entry.org_user_id.as_deref(), read);
    }
}
