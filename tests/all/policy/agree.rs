//! The typed conditions say what their equivalents in CEL say, whatever the account is.

use super::{compiled, now};
use koreconcile::policy;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const PEOPLE: usize = 5;
const ROLES: [&str; 3] = ["Bot Developer", "Bot Tester", "Release Manager"];
const BOTS: [&str; 3] = ["Banking One", "Banking Two", "Travel"];

/// One grant: to a person or, where the person is past the last one, to the group; with what its line says besides.
type Grant = (usize, usize, usize, u8);

fn lines(grants: &[Grant], members: &BTreeSet<usize>, admins: &BTreeSet<usize>) -> Vec<String> {
    let mut lines = vec![
        "KoreRole r: { type: Bot, name: Release Manager, permissions: { Publish bot: \"YES\" } }".to_owned(),
    ];
    for (at, (who, role, bot, terms)) in grants.iter().enumerate() {
        let who = if *who < PEOPLE { format!("user: p{who}@example.com") } else { "group: G".to_owned() };
        let mut more = String::new();
        if terms & 1 != 0 {
            more += ", reason: because";
        }
        if terms & 2 != 0 {
            let _ = write!(more, ", ticket: {}", if terms & 4 != 0 { "T-1" } else { "later" });
        }
        let (role, bot) = (ROLES[*role], BOTS[*bot]);
        lines.push(format!(
            "KoreRoleBinding b{at}: {{ role: {{ type: Bot, name: {role} }}, bot: {bot}, subjects: [{{ {who}{more} }}] }}"
        ));
    }
    let subjects = |who: &BTreeSet<usize>| {
        let subjects: Vec<String> = who.iter().map(|who| format!("{{ user: p{who}@example.com }}")).collect();
        format!("subjects: [{}]", subjects.join(", "))
    };
    lines.push(format!("KoreGroupMembership g: {{ group: G, local: true, {} }}", subjects(members)));
    lines.push(format!(
        "KoreRoleBinding a: {{ role: {{ type: Admin, name: Master Admin }}, {} }}",
        subjects(admins)
    ));
    lines
}

/// Whom a policy is violated by.
fn violated(lines: &[String], policy: &str) -> BTreeSet<String> {
    let policy = format!("KorePolicy p: {{ validationActions: [Audit], {policy} }}");
    let all: Vec<&str> = lines.iter().map(String::as_str).chain([policy.as_str()]).collect();
    let compiled = compiled(&all);
    let (policies, problems) = policy::compile(&compiled.rules);
    assert!(problems.is_empty(), "{problems:#?}");
    let (breaches, _) = policy::declared(&policies, &compiled.rules, &compiled.desired, now());
    breaches
        .into_iter()
        .map(|breach| breach.subject.split(" on B").next().unwrap().split(" on T").next().unwrap().to_owned())
        .collect()
}

/// The same without a cut: one grant each.
fn grants_violated(lines: &[String], policy: &str) -> BTreeSet<String> {
    let policy = format!("KorePolicy p: {{ validationActions: [Audit], {policy} }}");
    let all: Vec<&str> = lines.iter().map(String::as_str).chain([policy.as_str()]).collect();
    let compiled = compiled(&all);
    let (policies, problems) = policy::compile(&compiled.rules);
    assert!(problems.is_empty(), "{problems:#?}");
    let (breaches, _) = policy::declared(&policies, &compiled.rules, &compiled.desired, now());
    breaches.into_iter().map(|breach| breach.subject).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn typed_conditions_and_their_cel_agree(
        grants in prop::collection::btree_map((0..=PEOPLE, 0..ROLES.len(), 0..BOTS.len()), 0..8_u8, 0..14),
        members in prop::collection::btree_set(0..PEOPLE, 0..4),
        admins in prop::collection::btree_set(0..PEOPLE, 0..4),
        most in 0..3_usize,
    ) {
        let grants: Vec<Grant> = grants.into_iter().map(|((who, role, bot), terms)| (who, role, bot, terms)).collect();
        let lines = lines(&grants, &members, &admins);
        let set = "['Bot Developer', 'Bot Tester', 'Release Manager']";
        for (typed, cel) in [
            (
                format!("exclusive: {{ roles: [Bot Developer, Bot Tester, Release Manager], atMost: {most} }}"),
                format!("rule: \"person.roles.filter(r, r in {set}).size() <= {most}\""),
            ),
            (
                format!("exclusive: {{ roles: [Bot Developer, Bot Tester, Release Manager], atMost: {most}, on: SameBot }}"),
                format!(
                    "rule: \"person.grants.all(a, a.type == 'Admin' || {set}.filter(r, person.grants.exists(g, \
                     g.bot == a.bot && g.role == r)).size() <= {most})\""
                ),
            ),
            (
                "together: { roles: [Release Manager], needs: [Bot Tester] }".to_owned(),
                "rule: \"!('Release Manager' in person.roles) || 'Bot Tester' in person.roles\"".to_owned(),
            ),
            (
                "together: { roles: [Release Manager], needs: [Bot Tester], on: SameBot }".to_owned(),
                "rule: \"person.grants.all(a, a.role != 'Release Manager' || person.grants.exists(b, b.bot == a.bot && \
                 b.role == 'Bot Tester'))\"".to_owned(),
            ),
        ] {
            prop_assert_eq!(violated(&lines, &typed), violated(&lines, &cel), "{} and {}", typed, cel);
        }
        for (typed, cel) in [
            (
                "allow: { roles: [Bot Tester, Master Admin], bots: [\"Banking *\"] }",
                "over: Grant, rule: \"grant.role == 'Master Admin' || (grant.role == 'Bot Tester' && \
                 grant.bot.startsWith('Banking '))\"",
            ),
            (
                "require: { reason: true, ticket: \"^T-[0-9]+$\" }",
                "over: Grant, rule: \"grant.reason != '' && grant.ticket.matches('^T-[0-9]+$')\"",
            ),
            (
                "match: { risk: [critical] }, require: { reason: true }",
                "over: Grant, rule: \"grant.risk != 'critical' || grant.reason != ''\"",
            ),
        ] {
            prop_assert_eq!(grants_violated(&lines, typed), grants_violated(&lines, cel), "{} and {}", typed, cel);
        }
        let typed = format!("holders: {{ roles: [Bot Developer], max: {most} }}");
        let cel = format!("over: Role, match: {{ roles: [Bot Developer] }}, rule: \"role.holders <= {most}\"");
        prop_assert_eq!(violated(&lines, &typed).len(), violated(&lines, &cel).len());
    }
}
