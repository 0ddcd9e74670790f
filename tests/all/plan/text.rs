//! The plan as text, as reviewers read it.

use koreconcile::facts::{Email, Holder, Key, Level, PermissionName, RoleSpec, RoleType, Value};
use koreconcile::plan::Cost;
use koreconcile::plan::{Action, Change, Origin, Plan, render};
use std::collections::BTreeMap;

/// One rich plan, with every kind of change and entry, against a base: `workflow::plan` makes it of manifests and holds it
/// in this file.
pub fn rich_with_base() -> Plan {
    let golden = include_str!("../workflow/snapshots/all__workflow__plan__rich_plan_as_json.snap");
    let (_, json) = golden.split_once("\n---\n").unwrap();
    serde_json::from_str(json).unwrap()
}

/// The same without a base, so that nobody knows what was edited.
pub fn rich() -> Plan {
    let mut plan = Plan { base: None, ..rich_with_base() };
    for change in &mut plan.changes {
        change.origin = Origin::Unknown;
    }
    plan
}

/// A plan with nothing in it.
pub fn empty() -> Plan {
    Plan {
        changes: Vec::new(),
        blocked: Vec::new(),
        waiting: Vec::new(),
        manual: Vec::new(),
        refused: Vec::new(),
        unmanaged: Vec::new(),
        write_only: Vec::new(),
        expiring: Vec::new(),
        warnings: Vec::new(),
        cost: Cost::default(),
        ..rich()
    }
}

/// The one change of the rich plan that is about this.
fn change_of(key: &str) -> Change {
    rich().changes.into_iter().find(|change| change.key.to_string() == key).unwrap()
}

fn text(plan: &Plan) -> String {
    render::text(plan, render::Style::default())
}

#[test]
fn text_of_the_rich_plan() {
    insta::assert_snapshot!(text(&rich()));
}

#[test]
fn text_of_the_rich_plan_with_a_base() {
    insta::assert_snapshot!(text(&rich_with_base()));
}

#[test]
fn text_of_an_empty_plan_says_what_is_in_the_way_and_what_reading_took() {
    let mut plan = empty();
    plan.account.id = None;
    plan.observed.calls = 1;
    insta::assert_snapshot!(text(&plan), @"
    Account acme (id unknown) at https://platform.example.com

    No changes. Read with 1 call.
    ");
    plan.base = Some("origin/main".to_owned());
    plan.waiting = rich().waiting;
    let said = text(&plan);
    assert!(said.ends_with("\nNo changes; 3 waiting. Read with 1 call.\n"), "{said}");
}

#[test]
fn in_colour_says_the_same() {
    let plan = render::redacted(rich_with_base());
    let colored = render::text(&plan, render::Style { color: true, verbose: false });
    let mut uncolored = String::new();
    for (at, part) in colored.split("\u{1b}[").enumerate() {
        uncolored += if at == 0 { part } else { part.split_once('m').unwrap().1 };
    }
    assert_eq!(uncolored, text(&plan));

    let colored = render::text(&rich(), render::Style { color: true, verbose: false });
    for said in [
        "Account \u{1b}[1macme\u{1b}[0m ",
        "\u{1b}[33mwarning:\u{1b}[0m the SSO",
        "\n\u{1b}[33m~\u{1b}[0m \u{1b}[1mjane.doe@example.com\u{1b}[0m\n",
        "\u{1b}[32m+\u{1b}[0m Master Admin  \u{1b}[31m[critical: full control of the account]\u{1b}[0m  ",
        "\u{1b}[31m-\u{1b}[0m Bot Developer on Banking Assistant  \u{1b}[33m(refused, not sent)\u{1b}[0m  ",
        "\u{1b}[2m# access.yaml:60\u{1b}[0m",
        "\u{1b}[31m-\u{1b}[0m Manage Users: VIEW",
        "\u{1b}[32m+\u{1b}[0m Manage Users: FULL",
    ] {
        assert!(colored.contains(said), "{said:?} in {colored:?}");
    }
}

#[test]
fn ends_long_lists_and_shows_all_of_them_when_asked_to() {
    let long = |entries: usize, unmanaged: usize| Plan {
        waiting: vec![rich().waiting[0].clone(); entries],
        expiring: vec![rich().expiring[0].clone(); entries],
        unmanaged: vec![rich().open_unmanaged().next().unwrap().clone(); unmanaged],
        ..empty()
    };
    let shown = |plan: &Plan, verbose: bool| {
        let text = render::text(plan, render::Style { color: false, verbose });
        let lines =
            ["  ! lou.fox", "    ends 2026", "    user guest", "    and 2 more (-v", "  and 2 more (-v"];
        lines.map(|start| text.lines().filter(|line| line.starts_with(start)).count())
    };
    let longest = render::Style::LONGEST_LIST;
    // Invitations that are open are counted: nobody here can do anything about them.
    assert_eq!(shown(&long(5, 5), false), [5, 5, 5, 0, 0]);
    assert_eq!(shown(&long(longest, 5), false), [1, 20, 5, 0, 0]);
    assert!(text(&long(longest, 5)).contains("    and 19 more like it (-v shows all)"));
    assert_eq!(shown(&long(longest + 2, 7), false), [1, 20, 5, 2, 0]);
    assert_eq!(shown(&long(longest + 2, 7), true), [22, 22, 7, 0, 0]);
    assert!(!text(&long(5, 5)).contains(" more "), "nothing is left out");
}

#[test]
fn says_what_is_ended_and_what_ends() {
    let mut plan = Plan { expiring: rich().expiring, ..empty() };
    plan.expiring[0].has_ended = true;
    let said = text(&plan);
    assert!(
        said.contains("    ended 2026-06-05 18:00 UTC: jane.doe@example.com: Release Manager on"),
        "{said}"
    );
}

#[test]
fn prices_calls_reads_and_minutes_each_as_a_number_or_a_range() {
    let priced = |writes: &[(&str, usize)], reads, calls, minutes| {
        let writes = writes.iter().map(|(label, count)| ((*label).to_owned(), *count)).collect();
        let plan = Plan { cost: Cost { writes, reads, calls, minutes }, ..rich() };
        text(&plan).lines().find_map(|line| line.strip_prefix("Cost: ")).unwrap().to_owned()
    };
    insta::assert_snapshot!(priced(&[], (0, 0), (1, 1), (0, 0)),
        @"1 call, no waiting for the rate limit. Reading took 7 calls.");
    insta::assert_snapshot!(priced(&[("create users", 1)], (1, 1), (2, 2), (1, 1)),
        @"2 calls (create users 1, reads 1), 1 minute of waiting for the rate limit. Reading took 7 calls.");
    insta::assert_snapshot!(priced(&[("create users", 999), ("update users", 100_000)], (0, 12), (1, 1_234_567), (0, 3)),
        @"1 to 1,234,567 calls (create users 999, update users 100,000, reads 0 to 12), 0 to 3 minutes of waiting for the rate limit. Reading took 7 calls.");
}

#[test]
fn text_of_a_role_shows_what_changes_and_a_little_of_what_stays() {
    let spec = |description: Option<&str>, permissions: &[(&str, &str)]| {
        let level = |(name, level): &(&str, &str)| (PermissionName::new(name), Level::new(level));
        let permissions = permissions.iter().map(level).collect();
        Some(Value::Role(RoleSpec { description: description.map(str::to_owned), permissions }))
    };
    let altered = Change {
        before: spec(
            Some("Looks after\npeople"),
            &[("A", "NO"), ("B", "NO"), ("C", "NO"), ("D", "NO"), ("E", "NO"), ("F", "NO"), ("G", "NO")],
        ),
        after: spec(None, &[("G", "YES"), ("H", "NO")]),
        ..change_of("admin role Clerk")
    };
    let described = Change {
        key: Key::RoleDefinition(RoleType::Bot, "Tester".into()),
        before: spec(Some(""), &[("A", "NO")]),
        after: spec(Some("Tests\nbots"), &[]),
        ..altered.clone()
    };
    let plan = Plan { changes: vec![altered, described], ..empty() };
    let said = text(&plan);
    insta::assert_snapshot!(said.split("\n\n").skip(1).take(2).collect::<Vec<_>>().join("\n"), @"
    ~ admin role Clerk  [high: holders can give rights: Manage Users]  # access.yaml:15
          E: NO
          F: NO
        - G: NO
        + G: YES
        + H: NO
    ~ bot role Tester  [high: holders can give rights: Manage Users]  # access.yaml:15
        + description: Tests bots
          A: NO
    ");
}

#[test]
fn stands_in_the_order_of_roles_groups_and_people() {
    let tester = change_of("group support-eu: Bot Tester on st-1");
    let held_by = |key: Key| Change { key, ..tester.clone() };
    let role = Key::RoleDefinition(RoleType::Bot, "Tester".into());
    let person = Email::observed("a@example.com");
    let changes = vec![
        held_by(Key::InGroup(person, "Z".into())),
        held_by(Key::AdminRole(Holder::Group("B".into()), "Auditor".into())),
        held_by(Key::BotRole(Holder::Group("A".into()), "Bot Tester".into(), "st-1".into())),
        Change { after: Some(Value::Role(RoleSpec::default())), ..held_by(role) },
    ];
    let said = text(&Plan { changes, ..empty() });
    insta::assert_snapshot!(said.split("\n\n").skip(1).take(4).collect::<Vec<_>>().join("\n"), @"
    + bot role Tester  # access.yaml:42
    ~ group A
        + Bot Tester on Banking Assistant  # access.yaml:42
    ~ group B
        + Auditor  # access.yaml:42
    ~ a@example.com
        + group Z  # access.yaml:42
    ");
}

#[test]
fn names_a_change_in_one_line_with_its_bot_by_name() {
    let plan = rich();
    let tester = change_of("group support-eu: Bot Tester on st-1");
    assert_eq!(render::in_words(&plan.bots, &tester), "+ group support-eu: Bot Tester on Banking Assistant");
    let removed = Change { action: Action::Remove, ..tester };
    let unknown = render::in_words(&BTreeMap::new(), &removed);
    assert_eq!(unknown, "- group support-eu: Bot Tester on st-1", "an id where no name is known");
}
