//! Names that read the same are one name, unless the account has two of them.

use super::*;
use crate::facts::{BotName, GroupName};

/// As a person may type it: composed otherwise, with blanks that nobody sees.
const TYPED: [&str; 5] =
    ["Bot  Developer", " Bot Developer", "Bot Developer ", "Bot\u{a0}Developer", "Bot\tDeveloper\n"];

#[test]
fn a_role_is_the_one_of_the_account_however_its_blanks_are_written() {
    for typed in TYPED {
        let mut fixture = Fixture::converged();
        let key = Key::BotRole(user(JANE), typed.into(), BotRef::new("Banking"));
        fixture.wants.remove(&as_wanted(&developer(JANE)));
        fixture.wants.insert(key, present(Value::Held));
        fixture.close(ScopeExtent::BotRole(typed.into(), BotRef::new(" Banking ")));
        let plan = fixture.plan();
        assert!(plan.blocked.is_empty(), "{typed:?}: {:?}", plan.blocked);
        assert_eq!(
            lines(&plan),
            Vec::<String>::new(),
            "{typed:?}: what is declared is held; sam is declared elsewhere"
        );
    }
}

#[test]
fn groups_and_bots_are_found_composed_and_decomposed() {
    let mut fixture = Fixture::converged();
    fixture.directory.groups.insert("e-3".into(), GroupEntry { name: "Zürich  Nord ".into(), members: 1 });
    fixture.directory.bots.get_mut(&"st-1".into()).unwrap().name = "Bankhaus Zürich".into();
    let group = Key::InGroup(email(JANE), GroupName::new("Zu\u{308}rich Nord"));
    fixture.want(&group, present(Value::Held));
    let bot = BotRef::Name(BotName::new("Bankhaus  Zu\u{308}rich"));
    fixture.wants.insert(Key::BotRole(user(SAM), "Bot Tester".into(), bot), present(Value::Held));
    let plan = fixture.plan();
    assert!(plan.blocked.is_empty() && plan.manual.is_empty(), "{:?} {:?}", plan.blocked, plan.manual);
    // What is sent has the name that the account has.
    let keys: Vec<&Key> = plan.changes.iter().map(|change| &change.key).collect();
    assert!(keys.contains(&&Key::InGroup(email(JANE), "Zürich  Nord ".into())), "{keys:?}");
    assert!(keys.contains(&&Key::BotRole(user(SAM), "Bot Tester".into(), "st-1".into())), "{keys:?}");
}

#[test]
fn a_declared_role_is_one_however_its_bindings_write_it() {
    let mut fixture = Fixture::converged();
    let definition = Key::RoleDefinition(RoleType::Admin, " Support  Desk".into());
    fixture.want(&definition, present(Value::Role(RoleSpec::default())));
    fixture.want(&Key::AdminRole(user(JANE), "Support Desk".into()), present(Value::Held));
    let plan = fixture.plan();
    assert!(plan.blocked.is_empty(), "{:?}", plan.blocked);
    let expected = [
        Key::RoleDefinition(RoleType::Admin, "Support Desk".into()),
        Key::AdminRole(user(JANE), "Support Desk".into()),
    ];
    for key in expected {
        assert!(plan.changes.iter().any(|change| change.key == key), "{key}: {:?}", lines(&plan));
    }
}

#[test]
fn twins_are_blocked_with_the_one_that_may_be_meant() {
    let mut fixture = Fixture::converged();
    let twin = RoleEntry {
        role_type: RoleType::Bot,
        name: "Bot  Developer".into(),
        spec: RoleSpec::default(),
        document: serde_json::json!({ "role": "Bot  Developer" }),
    };
    fixture.directory.roles.insert("r9".into(), twin);
    fixture.directory.groups.insert("e-9".into(), GroupEntry { name: "QA ".into(), members: 1 });
    let bot = BotEntry { name: "Banking ".into(), status: "published".into(), purpose: "customer".into() };
    fixture.directory.bots.insert("st-9".into(), bot);
    fixture.want(&Key::InGroup(email(JANE), "QA".into()), present(Value::Held));
    let tester = Key::BotRole(user(SAM), "Bot Tester".into(), BotRef::new("Banking"));
    fixture.wants.insert(tester, present(Value::Held));
    let plan = fixture.plan();
    assert!(plan.changes.is_empty(), "{:?}", lines(&plan));
    let find = |reason| plan.blocked.iter().find(|entry| entry.reason == reason).expect("blocked");
    let role = find(Reason::RoleUnresolved);
    assert_eq!(
        role.message,
        "the account has 2 bot roles whose names read the same: \"Bot  Developer\", \"Bot Developer\""
    );
    assert!(
        role.next_step.starts_with("did you mean \"Bot  Developer\"? Rename the other one"),
        "{}",
        role.next_step
    );
    assert!(
        find(Reason::GroupUnresolved).message.contains("2 groups whose names read the same: \"QA\", \"QA \"")
    );
    let bots = find(Reason::BotUnresolved);
    assert_eq!(
        (&*bots.message, &*bots.next_step),
        ("2 bots have names that read Banking", "name it by id: st-1 or st-9")
    );
}

#[test]
fn names_of_people_are_compared_as_they_read() {
    let mut fixture = Fixture::converged();
    let names = |first: &str, last: &str| {
        Value::Names(crate::facts::PersonName { first: Some(first.to_owned()), last: Some(last.to_owned()) })
    };
    fixture.want(&Key::Names(email(JANE)), present(names("Jane ", "Du\u{308}rr  Meier")));
    fixture.see(Key::Names(email(JANE)), names("Jane", "Dürr Meier"));
    assert_eq!(lines(&fixture.plan()), Vec::<String>::new());
    fixture.see(Key::Names(email(JANE)), names("jane", "Dürr Meier"));
    assert_eq!(fixture.plan().changes.len(), 1, "case counts");
}
