//! Names in policies mean what they mean everywhere else: composed or not, with any blanks, of older and newer accounts.

use super::{compiled, documents, findings, now, plan, said};
use koreconcile::facts::RoleName;
use koreconcile::manifest::{self, Input};
use koreconcile::policy;

const JANE: &str = "subjects: [{ user: jane@example.com }]";

fn on(name: &str, role: &str, bot: &str, subjects: &str) -> String {
    format!(
        "KoreRoleBinding {name}: {{ role: {{ type: Bot, name: \"{role}\" }}, bot: \"{bot}\", {subjects} }}"
    )
}

#[test]
fn roles_of_policies_are_compared_as_they_read() {
    // "é" in one character and in two, blanks, and the names of newer accounts.
    let role =
        "KoreRole r: { type: Bot, name: \"Caf\u{e9} Manager\", permissions: { Publish bot: \"YES\" } }";
    let developer = on("d", "App Developer", "Banking", JANE);
    let manager = on("m", "Caf\u{e9} Manager", "Banking", JANE);
    let people = "KoreUser jane: { email: jane@example.com }";
    for roles in [
        "[Bot Developer, \"Caf\u{e9} Manager\"]",
        "[App Developer, \" Cafe\u{301} Manager\"]",
        "[\"App  Developer\", \"Caf\u{e9}   Manager\"]",
    ] {
        let policy = format!(
            "KorePolicy p: {{ validationActions: [Deny], exclusive: {{ roles: {roles}, on: SameBot }} }}"
        );
        let plan = plan(&[&policy], &[people, role, &developer], &[people, role, &developer, &manager]);
        assert_eq!(said(&plan).len(), 1, "{roles}: {:?}", said(&plan));
        assert!(said(&plan)[0].starts_with("introduced p: jane@example.com holds"), "{:?}", said(&plan));
        let found = findings(&[&policy, people, role, &developer, &manager]);
        assert!(!found.iter().any(|finding| finding.starts_with("policy-role")), "{found:?}");
    }
}

#[test]
fn groups_and_bots_of_a_match_are_compared_as_they_read() {
    let member = "KoreGroupMembership g: { group: \"Night  Shift\", local: true, subjects: [{ user: jane@example.com }] }";
    let people = "KoreUser jane: { email: jane@example.com }";
    let tester = on("t", "Bot Tester", "Caf\u{e9}  Bot", JANE);
    for about in ["groups: [\"Night Shift \"]", "bots: [\"Cafe\u{301} *\"]", "roles: [App Tester]"] {
        let policy = format!(
            "KorePolicy p: {{ validationActions: [Deny], match: {{ {about} }}, over: Grant, rule: 'false', message: never }}"
        );
        let plan = plan(&[&policy], &[people, member], &[people, member, &tester]);
        assert_eq!(said(&plan).len(), 1, "{about}: {:?}", said(&plan));
    }
}

#[test]
fn cel_sees_names_as_they_read_and_newer_names_of_roles_are_found() {
    let people = "KoreUser jane: { email: jane@example.com }";
    let tester = on("t", "App Tester", "Caf\u{e9}  Bot", JANE);
    let named = "KorePolicy p: { validationActions: [Deny], over: Grant, \
         rule: \"grant.role != 'Bot Tester' || grant.bot != 'Caf\u{e9} Bot'\", message: never }";
    assert_eq!(said(&plan(&[named], &[people], &[people, &tester])).len(), 1);
    let newer =
        "KorePolicy p: { validationActions: [Deny], over: Grant, rule: \"grant.role != 'App Tester'\" }";
    let (_, problems) = policy::compile(&compiled(&[newer]).rules);
    let problem = problems.first().expect("it matches no role");
    assert!(problem.message.contains("App Tester matches no role"), "{}", problem.message);
    assert_eq!(problem.hint, "write Bot Tester; it means both");
}

#[test]
fn two_ways_to_write_one_grant_are_one_grant() {
    let people = "KoreUser jane: { email: jane@example.com }";
    let held = on("t", "Bot Tester", "Caf\u{e9} Bot", JANE);
    // Two lines for one grant are one grant, with the reason of either.
    let reason = "subjects: [{ user: jane@example.com, reason: on call }]";
    let twice = [held, on("u", "Bot  Tester", "Caf\u{e9}  Bot", reason)];
    let needs = "KorePolicy p: { validationActions: [Deny], require: { reason: true } }";
    let lines = [needs, people, &twice[0], &twice[1]];
    let compiled = compiled(&lines);
    let (policies, _) = policy::compile(&compiled.rules);
    assert_eq!(policy::declared(&policies, &compiled.rules, &compiled.desired, now()).0, []);
}

#[test]
fn an_account_that_is_made_of_a_declaration_has_each_name_once() {
    let shift = |name: &str, group: &str, who: &str| {
        format!(
            "KoreGroupMembership {name}: {{ group: \"{group}\", local: true, subjects: [{{ user: {who}@example.com }}] }}"
        )
    };
    let role =
        "KoreRole r: { type: Bot, name: \"Caf\u{e9} Manager\", permissions: { Publish bot: \"YES\" } }";
    let lines = [
        role.to_owned(),
        shift("a", "Night Shift", "jane"),
        shift("b", "Night  Shift ", "kim"),
        on("c", "Caf\u{e9} Manager", "Caf\u{e9} Bot", "subjects: [{ group: Night Shift }]"),
        on("d", " Cafe\u{301}  Manager", "Cafe\u{301}  Bot", JANE),
    ];
    let held = compiled(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let world = policy::account_of(&held.desired, &held.desired, &policy::Beside::default());
    let koreconcile::facts::Directory { bots, groups, roles, .. } = &world.directory;
    assert_eq!(bots.values().map(|bot| bot.name.as_str()).collect::<Vec<_>>(), ["Caf\u{e9} Bot"]);
    assert_eq!(
        groups.values().map(|group| (group.name.as_str(), group.members)).collect::<Vec<_>>(),
        [("Night Shift", 2)]
    );
    assert_eq!(roles.values().filter(|role| role.name.as_str().contains("Manager")).count(), 1);
}

#[test]
fn a_name_is_compared_in_the_spelling_of_its_type() {
    use koreconcile::facts::RoleType::{Admin, Bot};
    let compared = |role_type, name: &str| RoleName::new(name).as_compared(role_type).to_string();
    assert_eq!(compared(Bot, " App  Developer "), "Bot Developer");
    assert_eq!(compared(Admin, " admin"), "Master Admin");
    assert_eq!(compared(Admin, "App Developer"), "App Developer");
    // A misspelt one is still found.
    let text = documents(&[
        "KoreAccount acme: { endpoint: { sandbox: { dataDir: x } } }",
        "KorePolicy p: { validationActions: [Deny], exclusive: { roles: [\"Bot  Devloper\"] } }",
    ]);
    let manifests = manifest::read(vec![Input::new("a.yaml", text.as_bytes())]);
    let found: Vec<String> = manifests.findings().iter().map(|finding| finding.code.to_string()).collect();
    assert_eq!(found, ["policy-role"]);
}
