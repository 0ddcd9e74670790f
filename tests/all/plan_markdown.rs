//! A comment is never too long, never executes what is in a name, and says exactly what it leaves out.

use crate::review_plan::rich;
use koreconcile::facts::{Email, Holder, Key, RoleSpec, RoleType, Source, Value};
use koreconcile::plan::cost::Cost;
use koreconcile::plan::{
    Action, Change, ChangeId, Entry, Origin, Plan, Reason, Reversible, Risk, RiskLevel, Unmanaged, render,
};
use proptest::prelude::*;

fn id(number: usize) -> ChangeId {
    serde_json::from_value(serde_json::json!(format!("{number:016x}"))).unwrap()
}

fn empty() -> Plan {
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

/// One of many changes, of every family and action in turn.
fn change(number: usize, name: &str, mix: usize) -> Change {
    let email = Email::observed(&format!("{name}{number}@example.com"));
    let user = || Holder::User(email.clone());
    let (key, after) = match (number + mix) % 9 {
        0 => (Key::Member(email.clone()), Value::Held),
        1 => (Key::AdminRole(user(), "Auditor".into()), Value::Held),
        2 => (Key::InGroup(email.clone(), name.into()), Value::Held),
        3 => (Key::Assigned(email.clone(), name.into()), Value::Held),
        4 => (Key::AdminRole(user(), "Master Admin".into()), Value::Held),
        5 => (Key::Names(email.clone()), Value::Held),
        6 => {
            let permissions = (0..number % 90).map(|n| (format!("{name}{n}").as_str().into(), "YES".into()));
            let spec = RoleSpec { description: Some(name.to_owned()), permissions: permissions.collect() };
            (Key::RoleDefinition(RoleType::Bot, format!("{name}{number}").as_str().into()), Value::Role(spec))
        }
        _ => (Key::BotRole(user(), name.into(), "st-1".into()), Value::Held),
    };
    let action =
        [Action::Add, Action::Alter, Action::RemoveNamed, Action::RemoveSwept][(number / 9 + mix) % 4];
    let level =
        [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical][(number * 5 + mix) % 7 % 4];
    Change {
        id: id(number),
        key,
        action,
        before: None,
        after: Some(after),
        pins: Vec::new(),
        sources: vec![Source::file(format!("{name}.yaml"), 7, 1); number % 3],
        origin: [Origin::Unknown, Origin::Edited, Origin::Drift][(number + mix) % 3],
        risk: Risk { level, why: "why".to_owned() },
        reversible: Reversible::Yes,
        depends_on: Vec::new(),
    }
}

fn entry(number: usize, name: &str) -> Entry {
    Entry {
        subjects: vec![Key::Member(Email::observed(name)); number % 4],
        subject: name.to_owned(),
        reason: Reason::NotProved,
        message: format!("{name} {number}"),
        next_step: format!("next {}", number % 5),
        sources: Vec::new(),
        changes: vec![id(number)],
    }
}

fn plan_of(changes: usize, entries: [usize; 5], name: &str, mix: usize) -> Plan {
    let entries_of = |count: usize| (0..count).map(|number| entry(number, name)).collect::<Vec<_>>();
    let mut plan = empty();
    plan.changes = (0..changes).map(|number| change(number, name, mix)).collect();
    plan.base = mix.is_multiple_of(2).then(|| "origin/main".to_owned());
    plan.refused = entries_of(entries[0]);
    plan.blocked = entries_of(entries[1]);
    plan.manual = entries_of(entries[2]);
    plan.waiting = entries_of(entries[3]);
    plan.unmanaged = (0..entries[4])
        .map(|number| Unmanaged {
            subject: Key::Member(Email::observed(&format!("{name}{number}"))),
            why: name.into(),
        })
        .collect();
    plan.warnings = vec![name.to_owned(); entries[4] / 2];
    plan
}

/// What would be code, text of its own or a mention if it got out of where it stands.
const NASTY: [&str; 8] = [
    "a",
    "```\n</details><img src=x>\n~~~",
    "| @team `x` <!-- --> #1",
    "-->\n```",
    "\u{202e}gnp.exe\u{2066}",
    "\r\n### Approved by @security",
    "名前👩‍👩‍👧‍👦",
    "veryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryverylong name ",
];

/// What is outside of code blocks and code spans.
fn outside_code(markdown: &str) -> String {
    let mut outside = String::new();
    let mut is_code = false;
    for line in markdown.lines() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        if indent < 4 && line.trim_start().starts_with("```") {
            assert!(!is_code || line.trim() == "```", "not the end of a block: {line}");
            is_code = !is_code;
        } else if !is_code {
            for (at, part) in line.split('`').enumerate() {
                outside += if at % 2 == 0 { part } else { "" };
            }
            outside.push('\n');
        }
    }
    assert!(!is_code, "a block is not closed");
    outside
}

fn is_sound(plan: &Plan, name: &str) -> Result<(), TestCaseError> {
    let markdown = render::markdown(plan);
    prop_assert!(markdown.chars().count() <= render::LONGEST_COMMENT, "{}", markdown.chars().count());
    prop_assert!(markdown.starts_with("<!-- koreconcile:plan account=acme -->\n"));
    let outside = outside_code(&markdown);
    for sign in ["<img", "@", "Approved", "\u{202e}", "#1"] {
        prop_assert!(!outside.contains(sign), "{sign:?} of {name:?} got out:\n{outside}");
    }
    let has_reordering = markdown.contains(['\u{202e}', '\u{2066}', '\r']);
    prop_assert!(!has_reordering);
    prop_assert_eq!(outside.matches("<details").count(), outside.matches("</details>").count());
    prop_assert_eq!(outside.matches("<!--").count(), 1);

    // What is shown and what is cut add up, to the change.
    let shown = shown_changes(&markdown);
    match outside.split("**Shown: ").nth(1) {
        None => prop_assert_eq!(shown, plan.changes.len()),
        Some(text) => {
            let numbers: Vec<usize> = text
                .lines()
                .next()
                .unwrap()
                .split(|c: char| !(c.is_ascii_digit() || c == ','))
                .filter_map(number)
                .collect();
            prop_assert_eq!(numbers[0], shown);
            prop_assert_eq!(numbers[1], plan.changes.len());
            prop_assert_eq!(numbers[2], plan.changes.len() - shown);
            prop_assert_eq!(numbers[3..].iter().sum::<usize>(), plan.changes.len() - shown);
        }
    }
    Ok(())
}

fn number(text: &str) -> Option<usize> {
    text.replace(',', "").parse().ok()
}

/// Changes in the sections of changes: their first lines have a sign that is not the one of an entry or of a detail.
fn shown_changes(markdown: &str) -> usize {
    let sections = markdown.split("<details").skip(1);
    let is_of_changes = |section: &&str| {
        let title = section.lines().next().unwrap();
        [" to add", " to alter", " to remove"].iter().any(|word| title.contains(word))
    };
    let is_first = |line: &&str| {
        (line.starts_with("+ ") || line.starts_with("! ") || line.starts_with("- "))
            && !line[2..].starts_with("    ")
    };
    sections.filter(is_of_changes).map(|section| section.lines().filter(is_first).count()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn review_markdown_is_never_too_long_and_nothing_gets_out_of_its_code(
        size in prop_oneof![0usize..60, 60usize..2000],
        entries in prop::array::uniform5(prop_oneof![0usize..4, 0usize..3000]),
        name in prop::sample::select(&NASTY[..]),
        mix in 0usize..12,
    ) {
        is_sound(&plan_of(size, entries, name, mix), name)?;
    }

    #[test]
    fn review_markdown_of_a_name_of_any_characters_stays_in_its_code(name in "\\PC{0,300}|[`\\n|<@~ -]{1,40}") {
        let markdown = render::markdown(&plan_of(40, [3, 3, 3, 3, 3], &name, 1));
        prop_assert!(markdown.chars().count() <= render::LONGEST_COMMENT);
        let outside = outside_code(&markdown);
        prop_assert!(!outside.contains('@') && outside.matches("<!--").count() == 1, "{outside}");
    }
}

#[test]
fn review_markdown_of_20_000_changes_is_readable() {
    for name in NASTY {
        let plan = plan_of(20_000, [2, 2000, 20, 3000, 9000], name, 4);
        is_sound(&plan, name).unwrap();
    }
    let plan = plan_of(20_000, [2, 40, 20, 300, 900], "person", 4);
    let markdown = render::markdown(&plan);
    assert!(markdown.chars().count() > render::LONGEST_COMMENT * 9 / 10, "room is used: {}", markdown.len());
}

#[test]
fn review_markdown_cuts_the_harmless_end_first() {
    let mut plan = plan_of(6_000, [0; 5], "person", 4);
    let of_level = |plan: &mut Plan, level: RiskLevel, count: usize| {
        let mut kept = 0;
        plan.changes.retain(|change| {
            kept += usize::from(change.risk.level == level);
            change.risk.level != level || kept <= count
        });
    };
    of_level(&mut plan, RiskLevel::Critical, 5);
    of_level(&mut plan, RiskLevel::High, 20);
    let markdown = render::markdown(&plan);
    let cut = markdown.lines().find(|line| line.contains("**Shown: ")).unwrap();
    assert!(cut.contains("medium") && cut.contains("low risk"), "{cut}");
    assert!(!cut.contains("critical") && !cut.contains("high"), "{cut}");
    assert_eq!(markdown.matches("[critical: why]").count(), 5);
    assert_eq!(markdown.matches("[high: why]").count(), 20);
}

#[test]
fn review_markdown_of_an_empty_plan_is_one_friendly_line_with_the_marker() {
    insta::assert_snapshot!(render::markdown(&empty()), @"
    <!-- koreconcile:plan account=acme -->
    ✅ `acme` is as its manifests say: nothing to change (read with 7 calls).
    ");
    let mut plan = empty();
    plan.unmanaged = rich().unmanaged;
    insta::assert_snapshot!(render::markdown(&plan), @"
    <!-- koreconcile:plan account=acme -->
    ✅ `acme` is as its manifests say: nothing to change (read with 7 calls; unmanaged and left alone: users: 1).
    ");
    plan.account.name = "a --> <b>".to_owned();
    assert!(render::markdown(&plan).starts_with("<!-- koreconcile:plan account=a------b- -->\n"));
}
