//! Deadlines: what nobody declares goes where nothing else would do; what is declared or in doubt is a manual step.

use super::{compiled, now, said, sent};
use jiff::Timestamp;
use koreconcile::facts::{Completeness, Email};
use koreconcile::manifest::Compiled;
use koreconcile::plan::{self, Context, Memory, Plan, Reason};
use koreconcile::policy::{self, Beside, Reviewer};

const PAST: &str = "2029-12-31T00:00:00Z";
const PEOPLE: [&str; 2] =
    ["KoreUser jane: { email: jane@example.com }", "KoreUser kim: { email: kim@example.com }"];

fn on(name: &str, role: &str, subjects: &str) -> String {
    format!("KoreRoleBinding {name}: {{ role: {{ type: Bot, name: {role} }}, bot: Banking, {subjects} }}")
}

/// Jane holds both, and manifests declare of that what `declared` says.
fn of_jane(policy: &str, held: &[&str], declared: &[&str]) -> Plan {
    planned(policy, held, declared, |_, _| {})
}

fn planned(
    policy: &str,
    held: &[&str],
    declared: &[&str],
    edit: impl FnOnce(&mut Compiled, &mut Context),
) -> Plan {
    let held = compiled(&[&PEOPLE[..], held].concat());
    let mut wanted = compiled(&[&[policy], &PEOPLE[..], declared].concat());
    let mut context =
        Context { account: "acme".to_owned(), look_up_size: 50, now: now(), ..Context::default() };
    edit(&mut wanted, &mut context);
    let Compiled { desired, policy: account, rules, .. } = wanted;
    let world = policy::account_of(&held.desired, &desired, &Beside::default());
    let (policies, problems) = policy::compile(&rules);
    assert_eq!(problems, []);
    let reviewer = Reviewer::new(&policies, &rules, &desired);
    let desired = reviewer.enforce_deadlines(desired, &world, &account, &context);
    let plan = plan::make(desired, &world, &account, &context);
    reviewer.review(plan, &world, &account, &context)
}

fn manual(plan: &Plan) -> Vec<&str> {
    let overdue = plan.manual.iter().filter(|entry| entry.reason == Reason::PolicyDeadline);
    overdue.map(|entry| entry.message.as_str()).collect()
}

fn separation(deadline: &str) -> String {
    format!(
        "KorePolicy separation: {{ validationActions: [Warn], deadline: \"{deadline}\", \
         exclusive: {{ roles: [Bot Developer, Bot Tester], on: SameBot }} }}"
    )
}

#[test]
fn what_nobody_declares_goes_when_the_deadline_has_passed_and_not_before() {
    let [developer, tester] = ["Bot Developer", "Bot Tester"]
        .map(|role| on(&role[4..].to_lowercase(), role, "subjects: [{ user: jane@example.com }]"));
    let held = [developer.as_str(), tester.as_str()];
    let before = of_jane(&separation("2030-01-01T00:00:01Z"), &held, &[&developer]);
    assert_eq!((sent(&before).len(), manual(&before).len()), (0, 0), "{:?}", said(&before));
    let after = of_jane(&separation("2030-01-01T00:00:00Z"), &held, &[&developer]);
    assert_eq!(sent(&after), ["- jane@example.com: Bot Tester on Banking"]);
    assert_eq!(manual(&after), Vec::<&str>::new());
    assert!(said(&after)[0].starts_with("cured separation"), "{:?}", said(&after));
    // It says which line asks for it.
    let line = after.changes[0].sources[0].to_string();
    assert!(line.starts_with("a.yaml:"), "{line}");
}

#[test]
fn what_is_declared_or_in_doubt_is_a_manual_step() {
    let [developer, tester] = ["Bot Developer", "Bot Tester"]
        .map(|role| on(&role[4..].to_lowercase(), role, "subjects: [{ user: jane@example.com }]"));
    let held = [developer.as_str(), tester.as_str()];
    for (declared, next) in [(&held[..], "take one of the lines out"), (&[], "choose what has to go")] {
        let plan = of_jane(&separation(PAST), &held, declared);
        assert_eq!(sent(&plan), Vec::<String>::new());
        let entry = plan.manual.iter().find(|entry| entry.reason == Reason::PolicyDeadline).unwrap();
        assert!(entry.message.ends_with(&format!("; its deadline was {PAST}")), "{}", entry.message);
        assert!(entry.next_step.starts_with(next), "{}", entry.next_step);
        assert_eq!(entry.sources.len(), declared.len());
    }
    // An exception covers it, and a second review says it once.
    let excepted = "KorePolicyException e: { policy: separation, expiresAt: 2031-01-01T00:00:00Z }";
    let plan = of_jane(&separation(PAST), &held, &[excepted]);
    assert_eq!((sent(&plan).len(), manual(&plan).len()), (0, 0));
}

#[test]
fn each_shape_takes_away_what_it_cannot_allow() {
    let both = "subjects: [{ user: jane@example.com }, { user: kim@example.com }]";
    let kim = "subjects: [{ user: kim@example.com }]";
    let (held, declared) = (on("t", "Bot Tester", both), on("t", "Bot Tester", kim));
    let jane = ["- jane@example.com: Bot Tester on Banking"];
    for (shape, expected) in [
        ("allow: { roles: [Bot Developer], builderAccess: Creator }", &jane[..]),
        ("require: { reason: true }", &jane[..]),
        ("holders: { roles: [Bot Tester], max: 1 }", &jane[..]),
        ("holders: { roles: [Bot Tester], min: 3 }", &[]),
        ("together: { roles: [Bot Tester], needs: [Bot Developer] }", &jane[..]),
        ("over: Grant, rule: 'grant.declared'", &jane[..]),
        ("rule: '!person.grants.exists(g, g.role == \"Bot Tester\")'", &jane[..]),
        ("over: Bot, rule: 'bot.holders.size() < 2'", &jane[..]),
    ] {
        let policy = format!("KorePolicy p: {{ validationActions: [Audit], deadline: \"{PAST}\", {shape} }}");
        let plan = of_jane(&policy, &[&held], &[&declared]);
        assert_eq!(sent(&plan), expected, "{shape}: {:?}", said(&plan));
    }
}

#[test]
fn a_user_goes_only_where_nothing_is_allowed_and_nothing_is_declared_of_them() {
    let policy = format!(
        "KorePolicy p: {{ validationActions: [Deny], deadline: \"{PAST}\", match: {{ emailDomains: [partner.example.com] }}, \
         allow: {{}} }}"
    );
    let pat = "KoreUser pat: { email: pat@partner.example.com }";
    let tester = on("t", "Bot Tester", "subjects: [{ user: pat@partner.example.com }]");
    let gone = of_jane(&policy, &[pat, &tester], &[]);
    assert_eq!(sent(&gone), ["- user pat@partner.example.com"]);
    let declared = of_jane(&policy, &[pat, &tester], &[&tester]);
    assert_eq!(sent(&declared), Vec::<String>::new());
    assert_eq!(manual(&declared).len(), 1, "{:?}", manual(&declared));
}

#[test]
fn who_is_protected_what_is_remembered_and_what_may_be_declared_elsewhere_stays() {
    let tester = on("t", "Bot Tester", "subjects: [{ user: jane@example.com }]");
    let policy = format!(
        "KorePolicy p: {{ validationActions: [Deny], deadline: \"{PAST}\", over: Grant, match: {{ roles: [Bot Tester] }}, rule: 'false' }}"
    );
    let stays = |edit: &dyn Fn(&mut Compiled, &mut Context)| {
        let plan = planned(&policy, &[&tester], &[], |compiled, context| edit(compiled, context));
        (sent(&plan), manual(&plan).len())
    };
    assert_eq!(stays(&|_, _| {}), (vec!["- jane@example.com: Bot Tester on Banking".to_owned()], 0));
    let nothing = (Vec::new(), 1);
    let jane = Email::observed("jane@example.com");
    assert_eq!(stays(&|compiled, _| compiled.policy.safety.primary_admin = Some(jane.clone())), nothing);
    let partial = || Completeness::Partial("a file is missing".to_owned());
    assert_eq!(stays(&|compiled, _| compiled.desired.completeness = partial()), nothing);
    assert_eq!(stays(&|compiled, _| compiled.desired.completeness = Completeness::Unknown), nothing);
    let elsewhere = |_: &mut Compiled, context: &mut Context| {
        context.declaration.elsewhere = compiled(&[&tester]).desired.wants;
    };
    assert_eq!(stays(&elsewhere), nothing);
}

#[test]
fn an_existing_violation_is_as_old_as_the_memory_knows() {
    let tester = on("t", "Bot Tester", "subjects: [{ user: jane@example.com }]");
    let policy = "KorePolicy p: { validationActions: [Warn], over: Grant, rule: 'false', message: never }";
    let found = |memory: Memory| planned(policy, &[&tester], &[], |_, context| context.memory = memory);
    let first = found(Memory::default());
    assert_eq!(first.violations.iter().map(|found| found.since).collect::<Vec<_>>(), [None]);
    let earlier: Timestamp = "2029-06-01T00:00:00Z".parse().unwrap();
    let memory = Memory::default().with_violations(&first, earlier);
    let second = found(memory.clone());
    assert_eq!(second.violations[0].since, Some(earlier));
    assert_eq!(memory.clone().with_violations(&second, now()), memory, "it keeps its time");
    let cured = planned(policy, &[], &[], |_, _| {});
    assert_eq!(memory.with_violations(&cured, now()), Memory::default(), "what is gone is forgotten");
}
