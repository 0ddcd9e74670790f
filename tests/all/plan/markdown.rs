//! A comment is never too long, never executes what is in a name, and says exactly what it leaves out.

use crate::plan::text::{empty, rich, rich_with_base};
use koreconcile::facts::{Email, Holder, Key, RoleSpec, RoleType, Source, Value};
use koreconcile::plan::{
    Action, Change, ChangeId, Entry, Origin, Plan, Reason, Reversible, Risk, RiskLevel, Unmanaged, render,
};
use proptest::prelude::*;

fn id(number: usize) -> ChangeId {
    serde_json::from_value(serde_json::json!(format!("{number:016x}"))).unwrap()
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
    let action = [Action::Add, Action::Change, Action::Remove, Action::Prune][(number / 9 + mix) % 4];
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
        until: None,
        reason: None,
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
            risk: Risk { level: RiskLevel::Low, why: String::new() },
            tolerated: None,
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
        [" to add", " to change", " to remove"].iter().any(|word| title.contains(word))
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
    fn is_never_too_long_and_nothing_gets_out_of_its_code(
        size in prop_oneof![0usize..60, 60usize..2000],
        entries in prop::array::uniform5(prop_oneof![0usize..4, 0usize..3000]),
        name in prop::sample::select(&NASTY[..]),
        mix in 0usize..12,
    ) {
        is_sound(&plan_of(size, entries, name, mix), name)?;
    }

    #[test]
    fn markdown_of_a_name_of_any_characters_stays_in_its_code(name in "\\PC{0,300}|[`\\n|<@~ -]{1,40}") {
        let markdown = render::markdown(&plan_of(40, [3, 3, 3, 3, 3], &name, 1));
        prop_assert!(markdown.chars().count() <= render::LONGEST_COMMENT);
        let outside = outside_code(&markdown);
        prop_assert!(!outside.contains('@') && outside.matches("<!--").count() == 1, "{outside}");
    }
}

#[test]
fn markdown_of_the_rich_plan() {
    insta::assert_snapshot!(render::markdown(&rich_with_base()));
}

#[test]
fn markdown_of_20_000_changes_is_readable() {
    for name in NASTY {
        let plan = plan_of(20_000, [2, 2000, 20, 3000, 9000], name, 4);
        is_sound(&plan, name).unwrap();
    }
    let plan = plan_of(20_000, [2, 40, 20, 300, 900], "person", 4);
    let markdown = render::markdown(&plan);
    assert!(markdown.chars().count() > render::LONGEST_COMMENT * 9 / 10, "room is used: {}", markdown.len());
}

#[test]
fn cuts_the_harmless_end_first() {
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
fn markdown_of_an_empty_plan_is_one_friendly_line_with_the_marker() {
    insta::assert_snapshot!(render::markdown(&empty()), @"
    <!-- koreconcile:plan account=acme -->
    ✅ `acme` matches its manifests: nothing to change (read with 7 calls).
    ");
    let mut plan = empty();
    plan.unmanaged = rich().unmanaged;
    insta::assert_snapshot!(render::markdown(&plan), @"
    <!-- koreconcile:plan account=acme -->
    ✅ `acme` matches its manifests: nothing to change (read with 7 calls; unmanaged (not declared): users: 1, bot roles: 1).
    ");
    plan.account.name = "a --> <b>".to_owned();
    assert!(render::markdown(&plan).starts_with("<!-- koreconcile:plan account=a------b- -->\n"));
}

/// What a comment shows: each part of it with its lines, whether it is unfolded, and how many more there are.
fn outline(plan: &Plan) -> String {
    let markdown = render::markdown(plan);
    let mut told = vec![format!("{} characters", markdown.chars().count())];
    for line in markdown.lines().filter(|line| line.starts_with("**Shown") || line.starts_with("####")) {
        told.push(line.split(" A comment").next().unwrap().to_owned());
    }
    for section in markdown.split("<details").skip(1) {
        let (head, rest) = section.split_once("</summary>").unwrap();
        let (attribute, title) = head.split_once("><summary>").unwrap();
        let lines = rest.split("```").nth(1).map_or(0, |code| code.lines().count() - 1);
        let more =
            rest.lines().find_map(|line| line.strip_suffix(", not shown here")).unwrap_or("and no more");
        let title = title.replace("<b>", "").replace("</b>", "");
        told.push(format!("{title} ->{attribute} {lines} lines {more}"));
    }
    told.join("\n")
}

/// Everything there is room for and more: this many changes, and entries and notes of each kind.
fn crowded(changes: usize, entries: usize) -> Plan {
    let mut plan = plan_of(changes, [entries; 5], "person", 4);
    plan.expiring = vec![rich().expiring[0].clone(); entries];
    plan
}

#[test]
fn markdown_of_too_much_of_everything_gives_each_part_its_share() {
    insta::assert_snapshot!(outline(&crowded(6_000, 2_000)));
}

#[test]
fn gives_lists_the_room_that_changes_leave() {
    insta::assert_snapshot!(outline(&crowded(20, 2_000)));
}

#[test]
fn gives_changes_the_room_that_lists_leave() {
    insta::assert_snapshot!(outline(&crowded(1_000, 1)));
}

#[test]
fn markdown_of_more_changes_than_a_comment_holds_counts_them_all() {
    insta::assert_snapshot!(outline(&plan_of(9_000, [0; 5], "person", 4)));
}

#[test]
fn markdown_of_more_than_thirty_changes_folds_all_but_what_needs_a_look() {
    let folded = |changes: usize| {
        let outline = outline(&plan_of(changes, [0; 5], "person", 4));
        let sections = outline.lines().filter_map(|line| line.split_once(" -> "));
        let folded = sections.filter(|(_, shown)| !shown.starts_with("open"));
        folded.map(|(title, _)| title.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(folded(30), [""; 0]);
    assert!(
        folded(31).len() > 5 && !folded(31).contains(&"Look at these first".to_owned()),
        "{:?}",
        folded(31)
    );
}

#[test]
fn counts_changes_by_family_where_there_are_several() {
    let table = |plan: &Plan| {
        let markdown = render::markdown(plan);
        let rows: Vec<&str> = markdown.lines().filter(|line| line.starts_with('|')).collect();
        rows.join("\n")
    };
    insta::assert_snapshot!(table(&plan_of(1_300, [0; 5], "person", 4)), @"
    | | add | change | remove |
    |:--|--:|--:|--:|
    | role definitions | 37 | 36 | 72 |
    | users | 36 | 36 | 72 |
    | names | 37 | 36 | 72 |
    | group memberships | 36 | 36 | 72 |
    | admin roles | 73 | 72 | 144 |
    | bot roles | 73 | 72 | 144 |
    | bot assignments | 36 | 36 | 72 |
    ");
    let mut plan = rich();
    plan.changes.retain(|change| matches!(change.key, Key::Member(_)));
    assert_eq!(table(&plan), "", "the title says it");
    plan.changes.extend(rich().changes.into_iter().find(|change| matches!(change.key, Key::Names(_))));
    assert_eq!(table(&plan).lines().count(), 4);
}

#[test]
fn shows_forty_lines_of_a_role_and_counts_the_others() {
    let of = |permissions: usize| {
        let mut plan = empty();
        let mut role =
            rich().changes.into_iter().find(|change| change.key.to_string() == "admin role Clerk").unwrap();
        let all = (0..permissions).map(|number| (format!("p{number:02}").as_str().into(), "YES".into()));
        role.before = None;
        role.after = Some(Value::Role(RoleSpec { description: None, permissions: all.collect() }));
        plan.changes = vec![role];
        let markdown = render::markdown(&plan);
        let shown = markdown.lines().filter(|line| line.starts_with("+     p")).count();
        (shown, markdown.lines().find(|line| line.contains(" more lines")).map(str::to_owned))
    };
    assert_eq!(of(40), (40, None));
    assert_eq!(of(43), (40, Some("      and 3 more lines".to_owned())));
}

#[test]
fn without_changes_says_what_is_in_the_way_and_what_reading_took() {
    let mut plan = Plan { waiting: rich().waiting[..1].to_vec(), ..empty() };
    plan.account.id = None;
    plan.observed.calls = 1;
    insta::assert_snapshot!(render::markdown(&plan), @"
    <!-- koreconcile:plan account=acme -->
    ### Plan for `acme`: no changes

    1 waiting

    <details><summary><b>Waiting</b>: 1</summary>

    ```diff
    ! lou.fox@example.com is invited and has not accepted yet  # people.yaml:28
        next: nothing to do; if the mail was lost, invite again in the console (Enrollment > Invite)
        [WaitingForAcceptance]
    ```

    </details>

    ---
    **Cost:** nothing to send. Reading took 1 call.<br>
    **Account:** `id unknown` at `https://platform.example.com`
    ");
    let is_one_line = |plan: &Plan| render::markdown(plan).lines().count() == 2;
    assert!(is_one_line(&empty()));
    assert!(!is_one_line(&Plan { expiring: rich().expiring, ..empty() }));
    assert!(!is_one_line(&Plan { warnings: rich().warnings, ..empty() }));
    assert!(!is_one_line(&Plan { blocked: rich().blocked, ..empty() }));
}

#[test]
fn says_of_a_grant_that_it_has_ended() {
    let mut plan = Plan { expiring: rich().expiring, ..empty() };
    plan.expiring[0].has_ended = true;
    let markdown = render::markdown(&plan);
    assert!(
        markdown.contains("* ended 2026-06-05 18:00 UTC: jane.doe@example.com: Release Manager"),
        "{markdown}"
    );
}
