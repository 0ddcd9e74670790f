//! The rows of a report, one rule a test.

use super::fixture::{Gathered, account, bot, desired, email, gathered, read_at, time, user, world};
use koreconcile::facts::{Extent, Family, Holder, Key, Listing, Membership, Value};
use koreconcile::plan::RiskLevel;
use koreconcile::plan::explain::FactStatus;
use koreconcile::report::{
    self, Dormancy, FindingCode, HeldSince, Moment, PersonStatus, Report, Row, Since, Turn, Verdict,
};

fn row<'r>(report: &'r Report, name: &str, family: Family, role: &str) -> &'r Row {
    let is_it = |row: &&Row| {
        row.user == Some(email(name))
            && row.family == Some(family)
            && row.role.as_ref().is_none_or(|known| known.as_str() == role)
    };
    report.rows.iter().find(is_it).unwrap_or_else(|| panic!("{name} has no {role}: {report:#?}"))
}

#[test]
fn a_row_has_its_way_line_beginning_end_and_risk() {
    let gathered = gathered();
    let report = report::access(gathered.evidence());
    let developer = row(&report, "jane.doe", Family::BotRoles, "Bot Developer");
    assert_eq!((developer.through.as_ref(), developer.status), (None, Some(FactStatus::Held)));
    assert_eq!(developer.declared[0].source.to_string(), "access.yaml:12 (team bankers)");
    assert_eq!(developer.risk.level, RiskLevel::Medium);
    let applied = HeldSince { at: time("2026-04-01T00:00:00Z"), known: Since::Applied, commit: None };
    assert_eq!(developer.since, Some(applied));

    let tester = row(&report, "jane.doe", Family::BotRoles, "Bot Tester");
    assert_eq!(tester.through.as_ref().map(koreconcile::facts::GroupName::as_str), Some("QA"));
    assert_eq!(tester.status, Some(FactStatus::Inherited));
    assert_eq!(tester.until, Some(time("2026-12-31T00:00:00Z")), "it ends with the group's binding");
    let lines: Vec<String> = tester.declared.iter().map(|place| place.source.to_string()).collect();
    assert_eq!(lines, ["access.yaml:9", "access.yaml:5"], "the group's role, and the membership");
    let since = tester.since.as_ref().unwrap();
    assert_eq!((since.at, since.known), (time("2026-02-01T00:00:00Z"), Since::Declared), "the later half");

    let auditor = row(&report, "jane.doe", Family::AdminRoles, "Auditor");
    assert_eq!(auditor.since, None, "it was asked for, and no read has shown it since");
    assert_eq!(auditor.reason.as_deref().map(|reason| reason.starts_with("=cmd")), Some(true));
    let master = row(&report, "kim", Family::AdminRoles, "Master Admin");
    assert_eq!((master.status, master.risk.level), (Some(FactStatus::Unmanaged), RiskLevel::Critical));
    assert!(master.declared.is_empty());
}

#[test]
fn everybody_has_a_row_and_what_is_not_held_has_none() {
    let gathered = gathered();
    let report = report::access(gathered.evidence());
    let pat: Vec<&Row> = report.rows.iter().filter(|row| row.user == Some(email("pat"))).collect();
    assert_eq!(pat.len(), 1, "declared and not held is no grant; builder access None is none");
    assert_eq!((pat[0].family, pat[0].is_grant()), (Some(Family::Membership), false));
    let statuses: Vec<(String, PersonStatus)> =
        report.people.iter().map(|person| (person.email.to_string(), person.status)).collect();
    let active = |name: &str| (format!("{name}@example.com"), PersonStatus::Active);
    let max = ("max@example.com".to_owned(), PersonStatus::Invited);
    assert_eq!(statuses, [active("jane.doe"), active("kim"), active("late"), max, active("pat")]);
    let jane = report.person(&email("jane.doe")).unwrap();
    assert_eq!((jane.org_user_id.as_deref(), jane.name.as_deref()), (Some("E-1001"), Some("Jane Doe")));
    assert_eq!(jane.last_sign_in, Some(time("2026-05-31T08:00:00Z")));
    assert_eq!(report.head.counts.people, 5);
    assert_eq!(report.head.counts.grants, report.rows.len() - 1);
    assert!(report.is_complete());
}

#[test]
fn a_role_held_directly_and_through_a_group_is_two_rows() {
    let tester = |holder| Key::BotRole(holder, "Bot Tester".into(), bot(1));
    let both = vec![
        (Key::InGroup(email("kim"), "QA".into()), Value::Held),
        (tester(Holder::Group("QA".into())), Value::Held),
        (tester(user("kim")), Value::Held),
    ];
    let gathered = Gathered::of(world(&["kim"], both), &desired());
    let report = report::access(gathered.evidence());
    let ways: Vec<(Option<&str>, Option<FactStatus>)> = report
        .rows
        .iter()
        .filter(|row| row.family == Some(Family::BotRoles))
        .map(|row| (row.through.as_ref().map(koreconcile::facts::GroupName::as_str), row.status))
        .collect();
    assert_eq!(
        ways,
        [(None, Some(FactStatus::Unmanaged)), (Some("QA"), Some(FactStatus::Unmanaged))],
        "to take the direct one away changes nothing; the membership is not declared"
    );
}

#[test]
fn what_the_read_could_not_see_is_a_gap() {
    let mut seen = account();
    seen.coverage.listings.insert(Listing::Groups, Extent::Partial("a page is missing".to_owned()));
    seen.coverage.listings.remove(&Listing::AdminRoles);
    seen.coverage.looked_up.remove(&email("kim"));
    seen.coverage.unread_groups.insert("Ops".into());
    if let Some(entry) = seen.directory.users.get_mut(&email("pat")) {
        entry.spellings.push("Pat@example.com".to_owned());
    }
    let mut gathered = Gathered::of(seen, &desired());
    gathered.gaps.push("the manifests have 1 error".to_owned());
    let report = report::access(gathered.evidence());
    let expected = [
        "the list of groups is not complete: a page is missing",
        "the export of admin roles was not read",
        "1 address is of two users: what they hold is not shown",
        "1 user was not looked up: their bot assignments and last sign-ins are not known",
        "no answer about a member of group Ops shows what comes through it",
        "the manifests have 1 error",
    ];
    assert_eq!(report.head.gaps, expected);
    assert!(!report.is_complete());
}

#[test]
fn violations_tell_what_is_wrong_the_worst_first() {
    let gathered = gathered();
    let report = report::violations(gathered.evidence());
    let found: Vec<(FindingCode, RiskLevel, String)> = report
        .rows
        .iter()
        .map(|row| {
            let finding = row.finding.as_ref().unwrap();
            let user = row.user.as_ref().map_or_else(String::new, ToString::to_string);
            (finding.code, finding.severity, user)
        })
        .collect();
    let has = |code, severity, name: &str| {
        let expected = (code, severity, format!("{name}@example.com"));
        assert!(found.contains(&expected), "{expected:?} is not in {found:?}");
    };
    has(FindingCode::Unmanaged, RiskLevel::Critical, "kim");
    has(FindingCode::Overdue, RiskLevel::High, "late");
    has(FindingCode::NotInPlace, RiskLevel::Low, "pat");
    let blocked = report
        .rows
        .iter()
        .find(|row| row.finding.as_ref().is_some_and(|finding| finding.code == FindingCode::Blocked))
        .unwrap();
    let finding = blocked.finding.as_ref().unwrap();
    assert!(finding.message.contains("Bankng"), "{finding:?}");
    assert_eq!(blocked.declared[0].source.to_string(), "access.yaml:24");
    assert!(found.windows(2).all(|pair| pair[0].1 >= pair[1].1), "{found:?}");
    assert!(report.rows.iter().all(|row| !row.finding.as_ref().unwrap().next_step.is_empty()));
    let overdue = row(&report, "late", Family::BotRoles, "Bot Developer");
    assert_eq!(overdue.until, Some(time("2026-05-30T00:00:00Z")));
    assert_eq!(overdue.declared[0].source.to_string(), "access.yaml:13");
}

#[test]
fn verdicts_of_policies_are_findings_and_stand_beside_what_they_are_about() {
    let mut gathered = gathered();
    let verdict = |policy: &str, subjects| Verdict {
        policy: policy.to_owned(),
        severity: RiskLevel::High,
        message: "no Master Admins".to_owned(),
        subjects,
        excepted_by: None,
        excepted_until: None,
    };
    let master = Key::AdminRole(user("kim"), "Master Admin".into());
    let covered = Verdict {
        excepted_by: Some("audit".to_owned()),
        excepted_until: Some(time("2026-12-31T00:00:00Z")),
        ..verdict("whole-person", vec![Key::Member(email("jane.doe"))])
    };
    gathered.verdicts = vec![verdict("no-admins", vec![master]), covered, verdict("owners", Vec::new())];
    let access = report::access(gathered.evidence());
    let of = |name: &str, family, role: &str| -> Vec<String> {
        let row = row(&access, name, family, role);
        row.verdicts.iter().map(|verdict| verdict.policy.clone()).collect()
    };
    assert_eq!(of("kim", Family::AdminRoles, "Master Admin"), ["no-admins"]);
    assert_eq!(of("jane.doe", Family::AdminRoles, "Auditor"), ["whole-person"], "it is about all they hold");
    assert!(of("late", Family::BotRoles, "Bot Developer").is_empty());
    let report = report::violations(gathered.evidence());
    let of_policies: Vec<&Row> = report
        .rows
        .iter()
        .filter(|row| row.finding.as_ref().is_some_and(|finding| finding.code == FindingCode::Policy))
        .collect();
    assert_eq!(of_policies.len(), 3);
    let messages: Vec<&str> =
        of_policies.iter().map(|row| row.finding.as_ref().unwrap().message.as_str()).collect();
    assert!(messages.contains(&"no Master Admins (policy no-admins)"), "{messages:?}");
    let covered =
        "no Master Admins (policy whole-person; exception audit covers it until 2026-12-31T00:00:00Z)";
    assert!(messages.contains(&covered), "{messages:?}");
    let finding = |row: &&&Row| row.finding.as_ref().unwrap().exception.as_deref() == Some("audit");
    let covered = of_policies.iter().find(finding).unwrap().finding.as_ref().unwrap();
    assert_eq!(covered.severity, RiskLevel::Low, "what is excepted is nothing to correct");
}

#[test]
fn dormant_are_those_who_hold_much_and_are_not_there() {
    let gathered = gathered();
    let of = |days, least_risk| {
        let report = report::dormant(gathered.evidence(), Dormancy { days, least_risk });
        let mut people: Vec<String> = Vec::new();
        for row in &report.rows {
            let name = row.user.as_ref().unwrap().to_string();
            if people.last() != Some(&name) {
                people.push(name);
            }
        }
        people.iter().map(|email| email.replace("@example.com", "")).collect::<Vec<_>>()
    };
    assert_eq!(of(90, RiskLevel::Medium), ["kim", "late"], "the most powerful first; Jane was here");
    assert_eq!(of(90, RiskLevel::High), ["kim"]);
    assert_eq!(of(90, RiskLevel::Low), ["kim", "late", "max"], "who was invited has never signed in");
    assert_eq!(of(91, RiskLevel::Medium), ["kim"], "91 days before the read, Late was here");
    assert_eq!(of(0, RiskLevel::Medium), ["kim", "jane.doe", "late"], "nobody signed in within no time");
}

#[test]
fn nobody_is_called_dormant_for_what_the_account_does_not_tell() {
    let mut seen = account();
    seen.last_sign_ins.clear();
    let silent = Gathered::of(seen, &desired());
    let dormancy = Dormancy { days: 90, least_risk: RiskLevel::Medium };
    let report = report::dormant(silent.evidence(), dormancy);
    assert_eq!(report.head.gaps, ["the account does not tell when users signed in last"]);
    let mut seen = account();
    seen.last_sign_ins.remove(&email("kim"));
    let report = report::dormant(Gathered::of(seen, &desired()).evidence(), dormancy);
    assert!(report.is_complete());
    assert_eq!(
        report.head.notes,
        ["no sign-in is known of 1 user: they never signed in, or the account does not tell"]
    );
}

#[test]
fn changes_are_what_was_gained_changed_and_lost() {
    let tester = Key::BotRole(user("kim"), "Bot Tester".into(), bot(1));
    let before = world(
        &["jane.doe", "kim", "gone"],
        vec![
            (Key::Member(email("jane.doe")), Value::Member(Membership::Pending { since: None })),
            (Key::Access(email("jane.doe")), Value::Access(koreconcile::facts::BuilderAccess::Builder)),
            (tester, Value::Held),
            (Key::AdminRole(user("kim"), "Master Admin".into()), Value::Held),
        ],
    );
    let gathered = gathered();
    let moment = Moment { world: &before, read_at: time("2026-05-01T00:00:00Z") };
    let report = report::changes(moment, gathered.evidence());
    let turns: Vec<(Turn, String)> = report
        .rows
        .iter()
        .map(|row| {
            let user = row.user.as_ref().map_or_else(String::new, ToString::to_string);
            (row.turn.unwrap(), format!("{user} {:?}", row.family.unwrap()))
        })
        .collect();
    for expected in [
        (Turn::Changed, "jane.doe@example.com Access"),
        (Turn::Gained, "jane.doe@example.com Groups"),
        (Turn::Lost, "kim@example.com BotRoles"),
        (Turn::Lost, "gone@example.com Membership"),
        (Turn::Gained, "pat@example.com Membership"),
        (Turn::Gained, " BotRoles"),
    ] {
        let expected = (expected.0, expected.1.to_owned());
        assert!(turns.contains(&expected), "{expected:?} is not in {turns:?}");
    }
    assert!(!turns.iter().any(|(_, what)| what == "kim@example.com AdminRoles"), "it was there both times");
    assert!(
        !turns.iter().any(|(_, what)| what == "jane.doe@example.com Membership"),
        "whoever accepts an invitation was a member before"
    );
    assert_eq!(report.head.compared_with, Some(time("2026-05-01T00:00:00Z")));
    assert_eq!(report.head.read_at, read_at());
}

#[test]
fn what_one_of_two_reads_did_not_look_at_is_a_gap_and_no_change() {
    let gathered = gathered();
    let mut blind = world(&["jane.doe", "kim", "late", "pat", "max"], Vec::new());
    blind.coverage.looked_up.clear();
    let report =
        report::changes(Moment { world: &blind, read_at: time("2026-05-01T00:00:00Z") }, gathered.evidence());
    assert!(
        !report.rows.iter().any(|row| row.family == Some(Family::Assignments)),
        "an assignment that was out of sight was not gained"
    );
    assert_eq!(
        report.head.gaps,
        [
            "at 2026-05-01T00:00:00Z: 5 users were not looked up: their bot assignments and last sign-ins are not known"
        ]
    );
}

#[test]
fn a_redacted_report_names_nobody_and_has_a_digest_of_its_own() {
    let mut gathered = gathered();
    gathered.notes.push("two users share one address: Pat@example.com".to_owned());
    for report in [report::access(gathered.evidence()), report::violations(gathered.evidence())] {
        let redacted = report::redacted(report.clone());
        let json = koreconcile::render::json(&redacted).unwrap();
        for hidden in ["@example.com", "Jane", "Doe", "E-1001"] {
            assert!(!json.contains(hidden), "{hidden}");
        }
        assert!(json.contains("user-") && json.contains("Banking Assistant"));
        assert_eq!(redacted.rows.len(), report.rows.len());
        assert_ne!(redacted.digest, report.digest);
        assert!(report::check(json.as_bytes()).unwrap().is_right());
        assert!(
            redacted
                .rows
                .iter()
                .all(|row| { row.user.as_ref().is_none_or(|user| redacted.person(user).is_some()) })
        );
    }
}

#[test]
fn a_digest_holds_whatever_the_spaces_and_fails_for_anything_else() {
    let gathered = gathered();
    let report = report::access(gathered.evidence());
    let json = koreconcile::render::json(&report).unwrap();
    let checked = report::check(json.as_bytes()).unwrap();
    assert!(checked.is_right(), "{checked:?}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(report::check(value.to_string().as_bytes()).unwrap().is_right(), "without spaces it is the same");
    for (from, to) in [("\"kim@", "\"tim@"), ("critical", "low"), ("2026-04-01", "2026-04-02")] {
        assert!(json.contains(from));
        assert!(!report::check(json.replacen(from, to, 1).as_bytes()).unwrap().is_right(), "{from}");
    }
    for (text, why) in [
        ("{", "EOF"),
        ("[]", "not an object"),
        ("{}", "no format"),
        (r#"{"format":"koreconcile.dev/plan/v1"}"#, "its format is koreconcile.dev/plan/v1"),
        (r#"{"format":"koreconcile.dev/report/v1"}"#, "no digest"),
    ] {
        let error = report::check(text.as_bytes()).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}
