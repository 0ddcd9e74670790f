//! One rich plan from manifests: every kind of change and entry. As JSON it is what `plan::text` and its neighbours show.

use crate::plan::text;
use jiff::Timestamp;
use koreconcile::facts::{
    BotEntry, BuilderAccess, ClockCheck, Completeness, Coverage, DialogId, DialogSet, Directory, Email,
    Extent, Family, GroupEntry, Holder, Key, Level, Listing, Membership, PermissionName, PersonName,
    RoleEntry, RoleName, RoleSpec, RoleType, Seen, UserEntry, Value, World, WorldBuilder,
};
use koreconcile::manifest::{Compiled, Input, compile, read, render as findings};
use koreconcile::plan::{
    self, Action, Context, Inputs, Limits, Memory, Origin, Plan, Reason, origin, render,
};
use std::collections::BTreeSet;

const ACCOUNT: &str = include_str!("../../fixtures/review/account.yaml");
const PEOPLE: &str = include_str!("../../fixtures/review/people.yaml");
const ACCESS: &str = include_str!("../../fixtures/review/access.yaml");

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn email(name: &str) -> Email {
    Email::observed(&format!("{name}@example.com"))
}

fn compiled(people: &str, access: &str) -> Compiled {
    let inputs = [("account.yaml", ACCOUNT), ("people.yaml", people), ("access.yaml", access)];
    let inputs = inputs.map(|(path, text)| Input::new(path, text)).to_vec();
    let mut manifests = read(inputs);
    assert!(!manifests.has_errors(), "{}", findings::text(manifests.findings(), manifests.texts(), false));
    manifests.set_completeness("acme", Completeness::Complete);
    let compiled = compile(&manifests, None, now()).unwrap();
    assert!(compiled.findings.iter().all(|finding| !finding.is_error()), "{:?}", compiled.findings);
    compiled
}

fn spec(description: Option<&str>, permissions: &[(&str, &str)]) -> RoleSpec {
    let permissions =
        permissions.iter().map(|(name, level)| (PermissionName::new(name), Level::new(level))).collect();
    RoleSpec { description: description.map(str::to_owned), permissions }
}

fn directory() -> Directory {
    let mut directory = Directory::default();
    for (id, name, status) in [
        ("st-1", "Banking Assistant", "published"),
        ("st-2", "Leave Requests", "published"),
        ("st-3", "Draft Bot", "configured"),
    ] {
        let bot = BotEntry { name: name.into(), status: status.into(), purpose: "customer".into() };
        directory.bots.insert(id.into(), bot);
    }
    for (id, role_type, name, spec) in [
        ("r1", RoleType::Bot, "Bot Developer", RoleSpec::default()),
        ("r2", RoleType::Bot, "Bot Tester", RoleSpec::default()),
        ("r3", RoleType::Bot, "Bot Owner", RoleSpec::default()),
        ("r4", RoleType::Admin, "Master Admin", RoleSpec::default()),
        ("r5", RoleType::Admin, "Clerk", clerk()),
    ] {
        let document = serde_json::json!({ "role": name });
        directory.roles.insert(id.into(), RoleEntry { role_type, name: name.into(), spec, document });
    }
    for (id, name, members) in [("e-1", "support-eu", 1), ("e-2", "empty", 0)] {
        directory.groups.insert(id.into(), GroupEntry { name: name.into(), members });
    }
    directory
}

fn clerk() -> RoleSpec {
    spec(
        Some("Looks after people"),
        &[("Audit Logs", "VIEW"), ("Dashboard", "YES"), ("Manage Users", "VIEW")],
    )
}

/// The account the manifests meet.
fn world() -> World {
    let mut directory = directory();
    let mut builder = WorldBuilder::new();
    let mut coverage = Coverage::default();
    for listing in [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles] {
        coverage.listings.insert(listing, Extent::Complete);
    }
    let (joined, pending) = (Membership::Joined, Membership::Pending { since: None });
    for (name, membership) in [
        ("jane.doe", joined),
        ("sam.roe", joined),
        ("owner", joined),
        ("second.admin", joined),
        ("held", joined),
        ("odd", joined),
        ("former", joined),
        ("nobody", joined),
        ("bo.owner", joined),
        ("lou.fox", pending),
        ("max.oak", pending),
    ] {
        let entry = UserEntry { id: Some(format!("u-{name}").as_str().into()), ..UserEntry::default() };
        directory.users.insert(email(name), entry);
        coverage.looked_up.insert(email(name), Seen::ALL);
        builder.see(Key::Member(email(name)), Value::Member(membership));
    }
    coverage.not_found.extend([email("nia.elm"), email("stranger")]);
    let guest = Email::observed("guest@partner.example.com");
    builder.see(Key::Member(guest), Value::Member(joined));

    let name = |first: &str, last: &str| {
        Value::Names(PersonName { first: Some(first.to_owned()), last: Some(last.to_owned()) })
    };
    builder.see(Key::Names(email("jane.doe")), name("Jane", "Doe"));
    builder.see(Key::Names(email("lou.fox")), name("Lou", "Fox"));
    builder.see(Key::Access(email("jane.doe")), Value::Access(BuilderAccess::Builder));
    builder.see(Key::RoleDefinition(RoleType::Admin, "Clerk".into()), Value::Role(clerk()));
    builder.see(Key::InGroup(email("held"), "support-eu".into()), Value::Held);
    let master = RoleName::new(RoleName::MASTER_ADMIN);
    for who in ["owner", "second.admin"] {
        builder.see(Key::AdminRole(Holder::User(email(who)), master.clone()), Value::Held);
    }
    let role = |who: &str, role: &str| Key::BotRole(Holder::User(email(who)), role.into(), "st-1".into());
    builder.see(role("sam.roe", "Bot Developer"), Value::Held);
    builder.see(role("odd", "Bot Developer"), Value::Held);
    builder.see(role("bo.owner", "Bot Owner"), Value::Held);
    builder.see(role("odd", "Bot Tester"), Value::Held);
    let through = Value::Inherited(BTreeSet::from(["support-eu".into()]));
    builder.see(role("held", "Bot Developer"), through);
    let only = |dialogs: &[&str]| DialogSet::only(dialogs.iter().map(DialogId::new));
    let assigned = |who: &str, bot: &str| Key::Assigned(email(who), bot.into());
    builder.see(assigned("sam.roe", "st-1"), Value::Dialogs(only(&["dg-a"])));
    builder.see(assigned("jane.doe", "st-2"), Value::Dialogs(only(&["dg-apply"])));
    let other = DialogSet { has_other_tasks: true, ..only(&["dg-apply"]) };
    builder.see(assigned("odd", "st-2"), Value::Dialogs(other));

    let mut world = builder.build(coverage, directory);
    world.account = Some("6661e128d3203924648c10bf".into());
    world.calls = 7;
    world.warnings = vec![
        "the SSO attribute mapping sets builder access at every sign-in of jane.doe@example.com".to_owned(),
    ];
    world
}

/// The plan of the manifests against the account, without a base.
fn rich() -> Plan {
    let Compiled { desired, mut policy, .. } = compiled(PEOPLE, ACCESS);
    policy.safety.max_removals = 2;
    let mut memory = Memory::default();
    memory.pending_since.insert(email("max.oak"), "2026-05-20T12:00:00Z".parse().unwrap());
    let context = Context {
        account: "acme".to_owned(),
        host: "https://platform.example.com".to_owned(),
        inputs: Inputs { digest: "0".repeat(64), documents: 22 },
        limits: Limits { take_over: true, ..Limits::default() },
        day: None,
        rewrite: plan::Rewrite::Nothing,
        look_up_size: 50,
        memory,
        declaration: plan::Declaration::default(),
        now: now(),
        clock: ClockCheck::NotCompared,
        ending_within: None,
        trusted_ends: plan::TrustedEnds::Remembered,
        fills_ceiling: false,
        held: BTreeSet::new(),
    };
    plan::make(desired, &world(), &policy, &context)
}

/// The same against a base, in which Nia, a role and an admin were not written yet.
fn rich_with_base() -> Plan {
    let people = PEOPLE.split_once("---\n").unwrap().1;
    let access = ACCESS
        .replace(
            "members: [jane.doe@example.com, nia.elm@example.com, stranger@example.com]",
            "members: [jane.doe@example.com]",
        )
        .replace("Manage Users: FULL, ", "")
        .replace(
            "subjects: [{ user: jane.doe@example.com }, { user: owner@example.com }]",
            "subjects: [{ user: owner@example.com }, { user: second.admin@example.com }]",
        );
    let Compiled { desired, policy, .. } = compiled(people, &access);
    let base = plan::make(desired, &world(), &policy, &Context::default());
    origin::mark(rich(), &base, "origin/main")
}

#[test]
fn rich_plan_has_every_family_action_and_most_reasons() {
    let plan = rich();
    let families: BTreeSet<Family> = plan.changes.iter().map(|change| change.key.family()).collect();
    assert_eq!(families.len(), Family::ALL.len(), "{families:?}");
    let actions: BTreeSet<Action> = plan.changes.iter().map(|change| change.action).collect();
    assert_eq!(actions.len(), 4, "{actions:?}");
    let entries = [&plan.refused, &plan.blocked, &plan.manual, &plan.waiting];
    let reasons: BTreeSet<Reason> = entries.into_iter().flatten().map(|entry| entry.reason).collect();
    for reason in [
        Reason::RemovalCeiling,
        Reason::BotUnresolved,
        Reason::BotNotPublished,
        Reason::SubjectUnknown,
        Reason::NotProved,
        Reason::Inherited,
        Reason::GroupMissing,
        Reason::OwnsBots,
        Reason::OtherTasks,
        Reason::InvitationOverdue,
        Reason::WaitingForAcceptance,
        Reason::GroupEmpty,
    ] {
        assert!(reasons.contains(&reason), "{reason:?} is missing: {reasons:?}");
    }
    assert!(!plan.unmanaged.is_empty() && !plan.write_only.is_empty() && !plan.warnings.is_empty());
}

#[test]
fn rich_plan_as_json() {
    insta::assert_snapshot!(render::json(&rich_with_base()).unwrap());
    assert_eq!(
        render::json(&text::rich()).unwrap(),
        render::json(&rich()).unwrap(),
        "what its neighbours show"
    );
}

#[test]
fn changes_are_edited_or_drift_by_what_the_base_would_change() {
    let plan = rich_with_base();
    let origin = |text: &str| {
        let change = plan.changes.iter().find(|change| change.key.to_string() == text).unwrap();
        change.origin
    };
    assert_eq!(origin("user nia.elm@example.com"), Origin::Edited);
    assert_eq!(origin("jane.doe@example.com: Master Admin"), Origin::Edited);
    assert_eq!(origin("user second.admin@example.com"), Origin::Edited, "swept since no line names them");
    assert_eq!(origin("admin role Clerk"), Origin::Edited);
    assert_eq!(origin("user former@example.com"), Origin::Drift);
    assert_eq!(origin("odd@example.com: Bot Developer on st-1"), Origin::Drift, "swept by both");
    assert!(rich().changes.iter().all(|change| change.origin == Origin::Unknown));
    let same = origin::mark(rich(), &rich(), "HEAD");
    assert!(same.changes.iter().all(|change| change.origin == Origin::Drift));
}
