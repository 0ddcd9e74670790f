//! A redacted plan shows no address in any form, names the same person alike everywhere, and says that it is redacted.

use crate::plan::text::{empty, rich, rich_with_base};
use koreconcile::facts::{
    AccountId, BuilderAccess, DialogSet, Email, Holder, Key, Membership, RoleSpec, RoleType, Source, Value,
};
use koreconcile::plan::{Change, Ending, Entry, Pin, Plan, Risk, RiskLevel, Unmanaged, render};
use std::collections::BTreeSet;

fn forms(plan: &Plan) -> [String; 3] {
    let style = render::Style { color: false, verbose: true };
    [render::text(plan, style), render::markdown(plan), render::json(plan).unwrap()]
}

#[test]
fn shows_no_address_and_no_persons_name() {
    for plan in [rich(), rich_with_base()] {
        let addresses: BTreeSet<String> =
            plan.changes.iter().filter_map(|change| change.key.email()).map(ToString::to_string).collect();
        for (before, after) in forms(&plan).into_iter().zip(forms(&render::redacted(plan))) {
            assert!(before.contains('@'));
            let lines: Vec<&str> = after.lines().filter(|line| line.contains('@')).collect();
            assert!(lines.is_empty(), "{lines:#?}");
            for hidden in
                addresses.iter().map(String::as_str).chain(["Jane", "Roe", "Retail banking", "E-1009"])
            {
                assert!(!after.contains(hidden), "{hidden}");
            }
            assert!(after.contains("bankers"), "teams keep their names");
            assert!(after.to_lowercase().contains("redacted"), "{after}");
        }
    }
}

#[test]
fn redact_as_markdown() {
    insta::assert_snapshot!(render::markdown(&render::redacted(rich())));
}

#[test]
fn names_are_stable_within_an_account_and_differ_between_accounts() {
    let jane = |plan: &Plan| {
        plan.changes
            .iter()
            .zip(&rich().changes)
            .find(|(_, open)| matches!(&open.key, Key::Names(email) if email == &Email::observed("jane.doe@example.com")))
            .and_then(|(redacted, _)| redacted.key.email().map(ToString::to_string))
            .unwrap()
    };
    let name = jane(&render::redacted(rich()));
    assert!(name.starts_with("user-") && name.len() == "user-3f9c2a1b".len(), "{name}");
    assert_eq!(jane(&render::redacted(rich_with_base())), name);
    let mut elsewhere = rich();
    elsewhere.account.id = Some(AccountId::new("another"));
    assert_ne!(jane(&render::redacted(elsewhere)), name);
    let again = render::redacted(render::redacted(rich()));
    assert!(again.redacted);
}

#[test]
fn keeps_ids_and_digest_and_is_marked_in_json() {
    let (open, redacted) = (rich(), render::redacted(rich()));
    assert_eq!(open.digest, redacted.digest);
    assert!(open.changes.iter().zip(&redacted.changes).all(|(open, redacted)| open.id == redacted.id));
    let json: serde_json::Value = serde_json::from_str(&render::json(&redacted).unwrap()).unwrap();
    assert_eq!(json["redacted"], true);
    let json: serde_json::Value = serde_json::from_str(&render::json(&open).unwrap()).unwrap();
    assert!(json.get("redacted").is_none());
}

/// The same person in every place of a plan that may name one.
fn everywhere(jane: &str) -> Plan {
    let (email, group) = (|| Email::observed(jane), || format!("friends of {jane}").as_str().into());
    let role = |text: &str| RoleSpec { description: Some(text.to_owned()), ..RoleSpec::default() };
    let bot = || "st-1".into();
    let facts = [
        (Key::RoleDefinition(RoleType::Bot, "Tester".into()), Value::Role(role(&format!("ask {jane}")))),
        (Key::Member(email()), Value::Member(Membership::Joined)),
        (Key::Names(email()), Value::Held),
        (Key::Access(email()), Value::Access(BuilderAccess::Builder)),
        (Key::Profile(email()), Value::Held),
        (Key::DataTables(email()), Value::DataTables(true)),
        (Key::InGroup(email(), group()), Value::Inherited([group()].into())),
        (Key::AdminRole(Holder::User(email()), "Auditor".into()), Value::Held),
        (Key::AdminRole(Holder::Group(group()), "Auditor".into()), Value::Held),
        (Key::BotRole(Holder::User(email()), "Bot Tester".into(), bot()), Value::Held),
        (Key::BotRole(Holder::Group(group()), "Bot Tester".into(), bot()), Value::Held),
        (Key::Assigned(email(), bot()), Value::Dialogs(DialogSet::ALL)),
    ];
    let sources = vec![
        Source::file(format!("people/{jane}/roles.yaml"), 7, 1).through(&"bankers".into()),
        Source::file("access.yaml", 8, 2),
    ];
    let change = |(key, value): &(Key, Value)| Change {
        key: key.clone(),
        before: Some(value.clone()),
        after: Some(value.clone()),
        pins: vec![Pin::User { email: jane.to_owned(), id: None }],
        sources: sources.clone(),
        ..rich().changes[0].clone()
    };
    let entry = Entry {
        subjects: facts.iter().map(|(key, _)| key.clone()).collect(),
        subject: format!("{jane} in a group"),
        message: format!("whether {jane} is there is not known"),
        next_step: format!("ask {jane}"),
        sources: sources.clone(),
        ..rich().blocked[0].clone()
    };
    let unmanaged = Unmanaged {
        subject: Key::Member(email()),
        why: format!("{jane} is nobody's business"),
        risk: Risk { level: RiskLevel::Low, why: String::new() },
        tolerated: None,
    };
    Plan {
        changes: facts.iter().map(change).collect(),
        blocked: vec![entry.clone()],
        waiting: vec![entry.clone()],
        manual: vec![entry.clone()],
        refused: vec![entry],
        unmanaged: vec![unmanaged],
        write_only: vec![Key::Profile(email())],
        expiring: vec![Ending { subject: Key::Member(email()), sources, ..rich().expiring[0].clone() }],
        warnings: vec![format!("{jane} signs in without a second factor")],
        bots: [(bot(), format!("Bot of {jane}").as_str().into())].into(),
        ..empty()
    }
}

/// What a person of this address is called instead.
fn name_of(address: &str) -> String {
    let plan = Plan { write_only: vec![Key::Member(Email::observed(address))], ..empty() };
    render::redacted(plan).write_only[0].email().unwrap().to_string()
}

#[test]
fn calls_a_person_the_same_in_every_place_and_changes_nothing_else() {
    for address in ["jane@example.com", "Jane.Doe@Example.com", "o'neil, pat@example.com", "root"] {
        let plan = Plan { redacted: true, ..everywhere(address) };
        let expected = render::json(&plan).unwrap().replace(address, &name_of(address));
        let redacted = render::json(&render::redacted(everywhere(address))).unwrap();
        let other = redacted.lines().zip(expected.lines()).find(|(redacted, expected)| redacted != expected);
        assert_eq!(other, None, "of {address}");
    }
}

#[test]
fn tells_two_people_apart_whose_short_names_are_the_same() {
    let (one, other) = ("p27525@example.com", "p42048@example.com");
    let called = |addresses: &[&str]| {
        let mut plan = empty();
        plan.account.id = Some(AccountId::new("acme"));
        plan.write_only = addresses.iter().map(|address| Key::Member(Email::observed(address))).collect();
        let names = render::redacted(plan).write_only;
        names.iter().map(|key| key.email().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!([called(&[one]), called(&[other])], [["user-aa41cdd4"], ["user-aa41cdd4"]]);
    let both = called(&[one, other, "kim@example.com"]);
    assert_ne!(both[0], both[1]);
    assert_eq!(both.iter().map(String::len).collect::<Vec<_>>(), [21, 21, 13], "{both:?}");
    assert!(both[0].starts_with("user-aa41cdd4") && both[1].starts_with("user-aa41cdd4"), "{both:?}");
}

#[test]
fn hides_an_address_whole_that_ends_like_somebody_elses() {
    let mut plan = everywhere("jane@example.com");
    plan.warnings = vec!["mary.jane@example.com is not jane@example.com".to_owned()];
    let [mary, jane] = ["mary.jane@example.com", "jane@example.com"].map(name_of);
    assert_eq!(render::redacted(plan).warnings, [format!("{mary} is not {jane}")]);
}

#[test]
fn takes_an_empty_address_for_nobodys_name() {
    let mut plan = everywhere("jane@example.com");
    plan.write_only.push(Key::Member(Email::observed("")));
    let text = |plan: &Plan| render::redacted(plan.clone()).warnings;
    assert_eq!(text(&plan), text(&everywhere("jane@example.com")));
}
