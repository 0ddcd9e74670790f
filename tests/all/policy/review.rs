//! A plan under policies: what it introduces is held, what takes access away never is.

use super::{compiled, plan, plan_beside, said, sent, states};
use koreconcile::facts::{Email, RuleReach};
use koreconcile::plan::{Reason, ViolationState};
use koreconcile::policy::{self, Beside};

const SEPARATION: &str = "KorePolicy separation: { severity: high, validationActions: [Deny], \
     exclusive: { roles: [Bot Developer, Release Manager], atMost: 1, on: SameBot } }";
const RELEASE: &str =
    "KoreRole release: { type: Bot, name: Release Manager, permissions: { Publish bot: \"YES\" } }";

fn on(name: &str, role: &str, bot: &str, subjects: &str) -> String {
    format!("KoreRoleBinding {name}: {{ role: {{ type: Bot, name: {role} }}, bot: {bot}, {subjects} }}")
}

fn admins(subjects: &str) -> String {
    format!("KoreRoleBinding admins: {{ role: {{ type: Admin, name: Master Admin }}, {subjects} }}")
}

const JANE: &str = "subjects: [{ user: jane@example.com }]";

#[test]
fn the_second_role_of_a_set_is_held_and_everything_else_is_sent() {
    let developers = on("d", "Bot Developer", "Banking", JANE);
    let releases = on(
        "r",
        "Release Manager",
        "Banking",
        "subjects: [{ user: jane@example.com }, { user: kim@example.com }]",
    );
    let elsewhere = on("e", "Release Manager", "Travel", JANE);
    let held = [RELEASE, "KoreUser kim: { email: kim@example.com }", &developers];
    let plan = plan(
        &[SEPARATION],
        &held,
        &[RELEASE, "KoreUser kim: { email: kim@example.com }", &developers, &releases, &elsewhere],
    );
    assert_eq!(
        said(&plan),
        ["introduced separation: jane@example.com holds Bot Developer on Banking and Release Manager on \
          Banking: at most 1 of Bot Developer, Release Manager on Banking"]
    );
    assert_eq!(
        sent(&plan),
        ["+ jane@example.com: Release Manager on Travel", "+ kim@example.com: Release Manager on Banking"]
    );
    assert_eq!(plan.blocked.iter().map(|entry| entry.reason).collect::<Vec<_>>(), [Reason::PolicyDenied]);
    assert!(plan.blocked[0].message.contains("policy separation in a.yaml:"), "{:?}", plan.blocked[0]);
}

#[test]
fn roles_through_groups_count_whichever_side_changes() {
    let developers = on("d", "Bot Developer", "Banking", JANE);
    let of_group = on("r", "Release Manager", "Banking", "subjects: [{ group: Releases }]");
    let membership =
        "KoreGroupMembership m: { group: Releases, local: true, subjects: [{ user: jane@example.com }] }";
    let kim =
        "KoreGroupMembership k: { group: Releases, local: true, subjects: [{ user: kim@example.com }] }";
    // She comes into the group.
    let joins = plan(
        &[SEPARATION],
        &[RELEASE, &developers, &of_group, kim],
        &[RELEASE, &developers, &of_group, kim, membership],
    );
    assert_eq!(states(&joins), [ViolationState::Introduced]);
    assert_eq!(sent(&joins), Vec::<String>::new());
    // The group gets the role.
    let gets = plan(
        &[SEPARATION],
        &[RELEASE, &developers, membership],
        &[RELEASE, &developers, membership, &of_group],
    );
    assert_eq!(states(&gets), [ViolationState::Introduced]);
    assert!(
        said(&gets)[0].contains("Release Manager on Banking through group Releases"),
        "{:?}",
        said(&gets)
    );
    assert_eq!(sent(&gets), Vec::<String>::new());
}

#[test]
fn what_was_there_before_paralyses_nothing_and_what_makes_it_worse_is_held() {
    let both = [on("d", "Bot Developer", "Banking", JANE), on("r", "Release Manager", "Banking", JANE)];
    let held = [RELEASE, &both[0], &both[1]];
    let tester = on("t", "Bot Tester", "Banking", JANE);
    let unrelated = plan(&[SEPARATION], &held, &[RELEASE, &both[0], &both[1], &tester]);
    assert_eq!(states(&unrelated), [ViolationState::Existing]);
    assert_eq!(sent(&unrelated), ["+ jane@example.com: Bot Tester on Banking"]);
    let third = "KorePolicy separation: { severity: high, validationActions: [Deny], \
         exclusive: { roles: [Bot Developer, Release Manager, Bot Tester], on: SameBot } }";
    let worse = plan(&[third], &held, &[RELEASE, &both[0], &both[1], &tester]);
    assert_eq!(states(&worse), [ViolationState::Introduced, ViolationState::Existing]);
    assert_eq!(sent(&worse), Vec::<String>::new());
    let gone = on("r", "Release Manager", "Banking", "absent: [{ user: jane@example.com }]");
    let cured = plan(&[SEPARATION], &held, &[RELEASE, &both[0], &gone]);
    assert_eq!(states(&cured), [ViolationState::Cured]);
    assert_eq!(sent(&cured), ["- jane@example.com: Release Manager on Banking"]);
}

#[test]
fn a_swap_waits_for_its_removal() {
    let before = on("d", "Bot Developer", "Banking", JANE);
    let after = [
        on("d", "Bot Developer", "Banking", "absent: [{ user: jane@example.com }]"),
        on("r", "Release Manager", "Banking", JANE),
    ];
    let plan = plan(&[SEPARATION], &[RELEASE, &before], &[RELEASE, &after[0], &after[1]]);
    assert_eq!(said(&plan), Vec::<String>::new());
    let of = |sign| plan.changes.iter().find(|change| change.action.sign() == sign).unwrap();
    assert_eq!(of('+').depends_on, [of('-').id.clone()]);
    assert_eq!(of('-').depends_on, []);
    assert_eq!(
        sent(&plan),
        ["- jane@example.com: Bot Developer on Banking", "+ jane@example.com: Release Manager on Banking"]
    );
    let calls = koreconcile::plan::pack::pack(&plan.sendable(), 50);
    assert_eq!(calls.len(), 2, "what makes room is read back first");
}

const JANE_IS_THERE: &str = "KoreUser jane: { email: jane@example.com }";
const TOGETHER: &str = "KorePolicy together: { validationActions: [Deny], \
     together: { roles: [Bot Developer], needs: [Bot Tester], on: SameBot } }";

#[test]
fn what_is_held_only_together_with_another_waits_for_it() {
    let [developer, tester] =
        ["Bot Developer", "Bot Tester"].map(|role| on(&role[4..5].to_lowercase(), role, "Banking", JANE));
    let plan = plan(&[TOGETHER], &[JANE_IS_THERE], &[JANE_IS_THERE, &developer, &tester]);
    assert_eq!(said(&plan), Vec::<String>::new());
    let of = |role: &str| plan.changes.iter().find(|change| change.key.to_string().contains(role)).unwrap();
    assert!(of("Bot Developer").depends_on.contains(&of("Bot Tester").id), "{:#?}", plan.changes);
    assert!(!of("Bot Tester").depends_on.contains(&of("Bot Developer").id));
}

#[test]
fn two_that_need_each_other_come_in_either_order() {
    let back = "KorePolicy back: { validationActions: [Deny], \
         together: { roles: [Bot Tester], needs: [Bot Developer], on: SameBot } }";
    let [developer, tester] =
        ["Bot Developer", "Bot Tester"].map(|role| on(&role[4..5].to_lowercase(), role, "Banking", JANE));
    let plan = plan(&[TOGETHER, back], &[JANE_IS_THERE], &[JANE_IS_THERE, &developer, &tester]);
    assert_eq!(said(&plan), Vec::<String>::new());
    assert_eq!(
        sent(&plan).iter().filter(|change| change.contains(" on Banking")).count(),
        2,
        "{:?}",
        sent(&plan)
    );
}

#[test]
fn nobody_joins_a_group_before_it_has_lost_what_they_may_not_hold_alone() {
    let kim = |list: &str| {
        format!("KoreGroupMembership k: {{ group: G, local: true, {list}: [{{ user: kim@example.com }}] }}")
    };
    let jane = "KoreGroupMembership j: { group: G, local: true, subjects: [{ user: jane@example.com }] }";
    let people = "KoreUser kim: { email: kim@example.com }";
    let of_group = |list: &str| on("g", "Bot Developer", "Banking", &format!("{list}: [{{ group: G }}]"));
    let plan = plan(
        &[TOGETHER],
        &[people, JANE_IS_THERE, &kim("subjects"), &of_group("subjects")],
        &[people, JANE_IS_THERE, &kim("absent"), &of_group("absent"), jane],
    );
    let of = |text: &str| {
        plan.changes
            .iter()
            .find(|change| change.key.to_string().starts_with(text))
            .unwrap_or_else(|| panic!("{text} in {:#?}", plan.changes))
    };
    let role = &of("group G: Bot Developer").id;
    assert!(of("jane@example.com in group G").depends_on.contains(role), "{:#?}", plan.changes);
}

#[test]
fn a_removal_never_waits_for_an_addition_that_is_denied() {
    let before = on("d", "Bot Developer", "Banking", JANE);
    let after = [
        on("d", "Bot Developer", "Banking", "absent: [{ user: jane@example.com }]"),
        on("r", "Release Manager", "Banking", JANE),
    ];
    let nobody =
        "KorePolicy nobody: { validationActions: [Deny], holders: { roles: [Release Manager], max: 0 } }";
    let plan = plan(&[nobody], &[RELEASE, &before], &[RELEASE, &after[0], &after[1]]);
    assert_eq!(states(&plan), [ViolationState::Introduced]);
    assert_eq!(sent(&plan), ["- jane@example.com: Bot Developer on Banking"]);
}

#[test]
fn where_floor_and_policy_want_opposite_orders_both_are_blocked() {
    let at_most = "KorePolicy few: { validationActions: [Deny], holders: { roles: [Master Admin], max: 1 } }";
    let held = admins("subjects: [{ user: kim@example.com }]");
    let wanted = admins("subjects: [{ user: jane@example.com }], absent: [{ user: kim@example.com }]");
    let jane = "KoreUser jane: { email: jane@example.com }";
    let plan = plan(&[at_most], &[jane, &held], &[jane, &wanted]);
    assert_eq!(sent(&plan), Vec::<String>::new());
    let message = &plan.blocked.iter().find(|entry| entry.reason == Reason::PolicyDenied).unwrap().message;
    assert!(message.contains("policy few"), "{message}");
    assert!(plan.refused.iter().any(|entry| entry.reason == Reason::AdminFloor), "{:?}", plan.refused);
}

#[test]
fn nothing_but_what_is_allowed_may_be_held() {
    let partners = "KorePolicy partners: { validationActions: [Deny], \
         match: { emailDomains: [partner.example.com] }, allow: { roles: [Bot Tester], bots: [\"Banking *\"] } }";
    let pat = "subjects: [{ user: pat@partner.example.com }, { user: jane@example.com }]";
    let wanted = [
        on("t", "Bot Tester", "Banking One", pat),
        on("d", "Bot Developer", "Banking One", pat),
        on("o", "Bot Tester", "Travel", pat),
        "KoreBotAssignment a: { bot: Travel, subjects: [{ user: pat@partner.example.com }] }".to_owned(),
        "KoreUser pat: { email: pat@partner.example.com, builderAccess: Builder }".to_owned(),
        "KoreUser jane: { email: jane@example.com }".to_owned(),
    ];
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let people = [
        "KoreUser pat: { email: pat@partner.example.com, builderAccess: None }",
        "KoreUser jane: { email: jane@example.com }",
    ];
    let plan = plan(&[partners], &people, &wanted);
    assert_eq!(said(&plan).len(), 4, "{:#?}", said(&plan));
    assert!(said(&plan).iter().all(|line| line.contains("pat@partner.example.com")), "{:#?}", said(&plan));
    assert_eq!(
        sent(&plan),
        [
            "+ jane@example.com: Bot Developer on Banking One",
            "+ jane@example.com: Bot Tester on Banking One",
            "+ jane@example.com: Bot Tester on Travel",
            "+ pat@partner.example.com: Bot Tester on Banking One",
        ]
    );
}

#[test]
fn a_class_that_may_hold_nothing_is_not_even_invited() {
    let company = "KorePolicy company-only: { severity: critical, validationActions: [Deny], \
         match: { notEmailDomains: [example.com] }, allow: {} }";
    let wanted = [
        "KoreUser jane: { email: jane@example.com }",
        "KoreUser mal: { email: mal@other.example.org }",
        "KoreRoleBinding d: { role: { type: Bot, name: Bot Tester }, bot: B, subjects: [{ user: mal@other.example.org }] }",
    ];
    let plan = plan(&[company], &["KoreBotAssignment b: { bot: B }"], &wanted);
    assert_eq!(sent(&plan), ["+ user jane@example.com"]);
    assert!(said(&plan)[0].contains("may hold nothing"), "{:?}", said(&plan));
}

#[test]
fn what_a_line_must_say_is_asked_of_every_matching_grant() {
    let needs = "KorePolicy needs: { validationActions: [Deny], match: { roles: [Bot Developer] }, \
         require: { expiresWithin: 90d, reason: true, ticket: \"^[A-Z]+-[0-9]+$\" } }";
    let people =
        ["jane", "kim", "lou", "max"].map(|name| format!("KoreUser {name}: {{ email: {name}@example.com }}"));
    let subjects = "subjects: [{ user: jane@example.com, expiresAt: 2030-02-01T00:00:00Z, reason: on call, ticket: OPS-1 }, \
         { user: kim@example.com, expiresAt: 2030-12-01T00:00:00Z, reason: on call, ticket: OPS-2 }, \
         { user: lou@example.com, expiresAt: 2030-02-01T00:00:00Z, ticket: ops-3, reason: x }, { user: max@example.com }]";
    let binding = on("d", "Bot Developer", "B", subjects);
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let plan = plan(&[needs], &people, &[people.as_slice(), &[&binding]].concat());
    assert_eq!(sent(&plan), ["+ jane@example.com: Bot Developer on B"]);
    let said = said(&plan).join("\n");
    for part in [
        "it ends at 2030-12-01T00:00:00Z, and an end within 90d is required",
        "its ticket \"ops-3\" is not of the form",
        "has no expiresAt",
        "gives no reason",
        "has no ticket",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn holders_are_people_and_invited_ones_are_among_them() {
    let few = "KorePolicy few: { validationActions: [Deny], holders: { roles: [Master Admin], max: 2 } }";
    let two = admins("subjects: [{ user: owner@example.com }, { user: kim@example.com }]");
    let three = admins(
        "subjects: [{ user: owner@example.com }, { user: kim@example.com }, { user: jane@example.com }]",
    );
    let jane = "KoreUser jane: { email: jane@example.com }";
    let beside = Beside { pending: [Email::observed("kim@example.com")].into(), ..Beside::default() };
    let plan = plan_beside(&[few], &[jane, &two], &[jane, &three], &beside);
    assert_eq!(said(&plan), ["introduced few: 3 people hold Master Admin, at most 2 allowed"]);
    assert_eq!(sent(&plan), Vec::<String>::new());
}

#[test]
fn too_few_holders_are_a_warning_and_hold_nobody() {
    let least =
        "KorePolicy least: { validationActions: [Warn], holders: { roles: [Release Manager], min: 1 } }";
    let held = on("r", "Release Manager", "B", JANE);
    let wanted = on("r", "Release Manager", "B", "absent: [{ user: jane@example.com }]");
    let plan = plan(&[least], &[RELEASE, &held], &[RELEASE, &wanted]);
    assert_eq!(said(&plan), ["introduced least: 0 people hold Release Manager, at least 1 needed"]);
    assert_eq!(sent(&plan), ["- jane@example.com: Release Manager on B"]);
}

#[test]
fn a_role_that_needs_another_is_held_until_both_come_and_never_keeps_the_other() {
    let pair = "KorePolicy pair: { validationActions: [Deny], \
         together: { roles: [Release Manager], needs: [Bot Tester], on: SameBot, onRemoval: Audit } }";
    let release = on("r", "Release Manager", "B", JANE);
    let tester = on("t", "Bot Tester", "B", JANE);
    let jane = "KoreUser jane: { email: jane@example.com }";
    let alone = plan(&[pair], &[RELEASE, jane], &[RELEASE, jane, &release]);
    assert_eq!(sent(&alone), Vec::<String>::new());
    let both = plan(&[pair], &[RELEASE, jane], &[RELEASE, jane, &release, &tester]);
    assert_eq!(sent(&both).len(), 2);
    let gone = on("t", "Bot Tester", "B", "absent: [{ user: jane@example.com }]");
    let taken = plan(&[pair], &[RELEASE, jane, &release, &tester], &[RELEASE, jane, &release, &gone]);
    assert_eq!(sent(&taken), ["- jane@example.com: Bot Tester on B"]);
    let violation = &taken.violations[0];
    assert_eq!(
        (violation.state, violation.action),
        (ViolationState::Introduced, koreconcile::facts::RuleAction::Audit)
    );
}

#[test]
fn rules_in_cel_hold_only_the_changes_without_which_they_are_kept() {
    let rule = "KorePolicy two: { validationActions: [Deny], \
         rule: \"person.grants.filter(g, g.role == 'Bot Developer').size() <= 1\", messageExpression: \"person.email + ' develops too much'\" }";
    let jane = "KoreUser jane: { email: jane@example.com }";
    let first = on("a", "Bot Developer", "One", JANE);
    let more = [on("b", "Bot Developer", "Two", JANE), on("c", "Bot Tester", "Two", JANE)];
    let plan = plan(&[rule], &[jane, &first], &[jane, &first, &more[0], &more[1]]);
    assert_eq!(said(&plan), ["introduced two: jane@example.com develops too much"]);
    assert_eq!(sent(&plan), ["+ jane@example.com: Bot Tester on Two"]);
}

#[test]
fn rules_over_grants_roles_bots_and_changes_look_at_each() {
    let jane = "KoreUser jane: { email: jane@example.com }";
    let binding = on("a", "Bot Developer", "One", JANE);
    let verdict = |policy: &str| {
        let plan = plan(&[policy], &[jane, "KoreBotAssignment b: { bot: One }"], &[jane, &binding]);
        (said(&plan).join("; "), sent(&plan).len())
    };
    let policy = |over: &str, rule: &str| {
        format!("KorePolicy p: {{ validationActions: [Deny], over: {over}, rule: \"{rule}\" }}")
    };
    let (said, count) = verdict(&policy("Grant", "grant.bot != 'One' || has(grant.expiresAt)"));
    assert_eq!(
        (said.as_str(), count),
        ("introduced p: jane@example.com: Bot Developer on One: the rule is violated", 0)
    );
    let (said, count) = verdict(&policy("Bot", "!('jane@example.com' in bot.holders)"));
    assert_eq!((said.as_str(), count), ("introduced p: bot One: the rule is violated", 0));
    let (said, count) = verdict(&policy("Role", "role.holders == 0"));
    assert_eq!((said.as_str(), count), ("introduced p: bot role Bot Developer: the rule is violated", 0));
    let (said, count) = verdict(&policy("Change", "change.kind != 'botRole' || change.action == 'remove'"));
    assert!(said.starts_with("introduced p: + jane@example.com: Bot Developer on"), "{said}");
    assert_eq!(count, 0);
    assert_eq!(verdict(&policy("Person", "person.email.endsWith('example.com')")), (String::new(), 1));
}

#[test]
fn a_rule_that_cannot_be_evaluated_denies_and_says_so() {
    let rule = "KorePolicy p: { validationActions: [Deny], over: Grant, rule: \"int(grant.ticket) > 0\" }";
    let jane = "KoreUser jane: { email: jane@example.com }";
    let binding = on("a", "Bot Developer", "One", JANE);
    let plan = plan(&[rule], &[jane, "KoreBotAssignment b: { bot: One }"], &[jane, &binding]);
    assert!(said(&plan)[0].contains("cannot be evaluated, which counts as violated"), "{:?}", said(&plan));
    assert_eq!(sent(&plan), Vec::<String>::new());
}

#[test]
fn a_role_that_is_widened_is_judged_for_everybody_who_holds_it() {
    let policy = "KorePolicy p: { validationActions: [Deny], \
         exclusive: { roles: [Bot Developer], permissions: [Publish bot], on: SameBot } }";
    let narrow = "KoreRole r: { type: Bot, name: Clerk, permissions: { Publish bot: \"NO\" } }";
    let wide =
        "KoreRole r: { type: Bot, name: Clerk, permissions: { Publish bot: \"YES\", Channels: \"YES\" } }";
    let bindings = [on("a", "Bot Developer", "One", JANE), on("b", "Clerk", "One", JANE)];
    let plan = plan(&[policy], &[narrow, &bindings[0], &bindings[1]], &[wide, &bindings[0], &bindings[1]]);
    assert_eq!(states(&plan), [ViolationState::Introduced]);
    assert_eq!(sent(&plan), Vec::<String>::new());
}

#[test]
fn exceptions_cover_until_they_end_and_idle_ones_are_named() {
    let exception = |end: &str, who: &str| {
        format!(
            "KorePolicyException e: {{ policy: separation, match: {{ emails: [{who}] }}, expiresAt: {end}, reason: r, ticket: T-1 }}"
        )
    };
    let both = [on("d", "Bot Developer", "Banking", JANE), on("r", "Release Manager", "Banking", JANE)];
    let outcome = |exception: &str| {
        let wanted = [RELEASE, both[0].as_str(), both[1].as_str()];
        let plan = plan(&[SEPARATION, exception], &[RELEASE, &both[0]], &wanted);
        // The owner of these accounts is no Master Admin; that is another rule.
        let warnings = plan.warnings.iter().filter(|told| !told.contains("safety.primaryAdmin"));
        (sent(&plan).len(), warnings.cloned().collect::<Vec<_>>())
    };
    assert_eq!(outcome(&exception("2030-01-02T00:00:00Z", "jane@example.com")), (1, vec![]));
    assert_eq!(
        outcome(&exception("2030-01-01T00:00:00Z", "jane@example.com")).0,
        0,
        "the end is the first instant without it"
    );
    let (count, warnings) = outcome(&exception("2030-01-02T00:00:00Z", "kim@example.com"));
    assert_eq!(count, 0);
    assert!(warnings[0].contains("KorePolicyException e from separation covers nothing"), "{warnings:?}");
}

#[test]
fn each_policy_knows_how_far_it_looks() {
    let compiled = compiled(&[
        SEPARATION,
        "KorePolicy few: { validationActions: [Deny], holders: { roles: [Master Admin], max: 3 } }",
        "KorePolicy per-bot: { validationActions: [Deny], holders: { roles: [Bot Developer], max: 3, on: SameBot } }",
        "KorePolicy roles: { validationActions: [Warn], over: Role, rule: role.declared }",
        "KorePolicy both: { validationActions: [Warn], over: Bot, rule: bot.assigned < 9, exclusive: { roles: [Bot Tester] } }",
        RELEASE,
    ]);
    let (policies, problems) = policy::compile(&compiled.rules);
    assert_eq!(problems, []);
    let reach = |name| policies.reach(name).unwrap();
    assert_eq!(reach("separation"), RuleReach::Person);
    assert_eq!(reach("few"), RuleReach::Account);
    assert_eq!(reach("per-bot"), RuleReach::Bot);
    assert_eq!(reach("roles"), RuleReach::Account);
    assert_eq!(reach("both"), RuleReach::Bot);
}
