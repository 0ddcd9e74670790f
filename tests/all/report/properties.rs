//! What holds of the report of any account.

use super::fixture::{Gathered, bot, desired, email, time, user, world};
use koreconcile::facts::{BuilderAccess, DialogSet, Family, Holder, Key, Value, World};
use koreconcile::render;
use koreconcile::report::{self, Moment, Turn};
use proptest::prelude::*;
use std::collections::BTreeSet;

const PEOPLE: [&str; 4] = ["jane.doe", "kim", "late", "pat"];

fn fact() -> impl Strategy<Value = (Key, Value)> {
    let who = || prop::sample::select(&PEOPLE[..]);
    let role = || prop::sample::select(vec!["Bot Developer", "Bot Tester"]);
    let admin = || prop::sample::select(vec!["Master Admin", "Auditor"]);
    let of_group = || Holder::Group("QA".into());
    prop_oneof![
        (who(), admin()).prop_map(|(who, role)| (Key::AdminRole(user(who), role.into()), Value::Held)),
        (who(), role(), 1..3_usize)
            .prop_map(|(who, role, on)| (Key::BotRole(user(who), role.into(), bot(on)), Value::Held)),
        (who(), role(), 1..3_usize).prop_map(|(who, role, on)| {
            let key = Key::BotRole(user(who), role.into(), bot(on));
            (key, Value::Inherited(["QA".into()].into()))
        }),
        (role(), 1..3_usize)
            .prop_map(move |(role, on)| (Key::BotRole(of_group(), role.into(), bot(on)), Value::Held)),
        who().prop_map(|who| (Key::InGroup(email(who), "QA".into()), Value::Held)),
        (who(), prop::sample::select(&BuilderAccess::ALL[..]))
            .prop_map(|(who, access)| (Key::Access(email(who)), Value::Access(access))),
        (who(), 1..3_usize)
            .prop_map(|(who, on)| (Key::Assigned(email(who), bot(on)), Value::Dialogs(DialogSet::ALL))),
    ]
}

fn account() -> impl Strategy<Value = World> {
    prop::collection::vec(fact(), 0..24).prop_map(|facts| world(&PEOPLE, facts))
}

/// What a person holds, by fact.
fn held(world: &World) -> BTreeSet<Key> {
    let is_grant = |key: &Key| {
        matches!(
            key.family(),
            Family::AdminRoles | Family::BotRoles | Family::Groups | Family::Access | Family::Assignments
        )
    };
    let is_held = |value: &Value| *value != Value::Access(BuilderAccess::None);
    let facts = world.facts().iter();
    facts
        .filter(|(key, value)| key.email().is_some() && is_grant(key) && is_held(value))
        .map(|(key, _)| key.clone())
        .collect()
}

fn key_of(row: &report::Row) -> Key {
    let holder = || Holder::User(row.user.clone().unwrap());
    match row.family.unwrap() {
        Family::AdminRoles => Key::AdminRole(holder(), row.role.clone().unwrap()),
        Family::BotRoles => Key::BotRole(holder(), row.role.clone().unwrap(), row.bot_id.clone().unwrap()),
        Family::Groups => Key::InGroup(row.user.clone().unwrap(), row.group.clone().unwrap()),
        Family::Access => Key::Access(row.user.clone().unwrap()),
        Family::Assignments => Key::Assigned(row.user.clone().unwrap(), row.bot_id.clone().unwrap()),
        Family::Membership => Key::Member(row.user.clone().unwrap()),
        other => panic!("{other:?} is no grant"),
    }
}

proptest! {
    #[test]
    fn what_is_held_has_a_row_and_a_row_is_held(world in account()) {
        let gathered = Gathered::of(world, &desired());
        let report = report::access(gathered.evidence());
        let rows: BTreeSet<Key> = report.rows.iter().filter(|row| row.is_grant()).map(key_of).collect();
        prop_assert_eq!(rows, held(&gathered.world));
        let named: BTreeSet<String> = report.people.iter().map(|person| person.email.to_string()).collect();
        let everybody: BTreeSet<String> = PEOPLE.map(|name| email(name).to_string()).into();
        prop_assert_eq!(named, everybody, "nobody is left out");
        let ways: BTreeSet<(Key, Option<String>)> =
            report.rows.iter().map(|row| (key_of(row), row.through.as_ref().map(ToString::to_string))).collect();
        prop_assert_eq!(ways.len(), report.rows.len(), "no way of holding stands twice");
    }

    #[test]
    fn every_format_has_every_row_and_no_cell_is_a_formula(world in account()) {
        let gathered = Gathered::of(world, &desired());
        for report in [report::access(gathered.evidence()), report::violations(gathered.evidence())] {
            let csv = render::csv(&report);
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(rows.len(), report.rows.len());
            for cell in rows.iter().flatten() {
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']), "{}", cell);
            }
            let html = render::html(&report).unwrap();
            prop_assert_eq!(html.matches("<tr class=\"grant\">").count(), report.rows.len());
            let json = render::json(&report).unwrap();
            prop_assert!(report::check(json.as_bytes()).unwrap().is_right());
        }
    }

    #[test]
    fn changes_lead_from_the_first_read_to_the_second(before in account(), after in account()) {
        let gathered = Gathered::of(after, &desired());
        let moment = Moment { world: &before, read_at: time("2026-05-01T00:00:00Z") };
        let report = report::changes(moment, gathered.evidence());
        let mut now = held(&before);
        // What groups hold has rows too, and is no person's.
        for row in report.rows.iter().filter(|row| row.user.is_some()) {
            let is_news = match row.turn.unwrap() {
                Turn::Gained => now.insert(key_of(row)),
                Turn::Lost => now.remove(&key_of(row)),
                Turn::Changed => now.contains(&key_of(row)),
            };
            prop_assert!(is_news, "{:?}", row);
        }
        prop_assert_eq!(now, held(&gathered.world));
        let same = report::changes(Moment { world: &gathered.world, ..moment }, gathered.evidence());
        prop_assert!(same.rows.is_empty(), "nothing changed");
    }
}
