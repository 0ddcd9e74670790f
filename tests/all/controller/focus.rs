//! Focused passes: an edit costs what it changes, and does what a pass over everything would do.

use super::pass::{bound, desk_at, holders, plain, truth};
use crate::support::controller_harness::ControllerHarness;
use crate::support::random::on_any;
use jiff::SignedDuration;
use koreconcile::controller::{Pass, PassScope};
use koreconcile::facts::{Email, RateLimit};
use koreconcile::kore::Endpoint;
use koreconcile::manifest::kinds::Kind;
use koreconcile::plan::{ChangeId, Reason, RestOf};
use koreconcile::sandbox::{Dialect, Holder, NewBot, NewGroup, NewUser, Seed, UserState};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn edits() -> PassScope {
    PassScope::Edits(BTreeSet::new())
}

fn about(who: &str) -> PassScope {
    PassScope::Edits(BTreeSet::from([Email::observed(&format!("{who}@example.com"))]))
}

/// A pass, and the calls that it takes.
async fn counted(harness: &mut ControllerHarness, scope: PassScope) -> (Pass, BTreeMap<Endpoint, u32>) {
    let before = harness.engine.gateway.calls();
    let done = harness.pass_about(scope).await;
    let calls = harness.engine.gateway.calls().into_iter().filter_map(|(endpoint, count)| {
        let more = count - before.get(&endpoint).copied().unwrap_or_default();
        (more > 0).then_some((endpoint, more))
    });
    (done, calls.collect())
}

/// Jane and Sam develop the bot, beside so many people whom nothing declares.
async fn converged(users: usize) -> ControllerHarness {
    converged_at(RateLimit::default(), users).await
}

async fn converged_at(rate: RateLimit, users: usize) -> ControllerHarness {
    let mut harness = desk_at(
        Dialect::default(),
        rate,
        json!({
            "interval": "1h",
            "ownership": { "botAssignments": "Ignore" },
            "safety": { "maxRemovalsPercent": 100 },
        }),
    );
    if users > 0 {
        harness.engine.admin.seed(Seed { users, bots: 0, groups: 0 }).unwrap();
    }
    bound(&mut harness, &["jane", "sam"]).await;
    harness.pass().await;
    harness
}

/// One look-up before and one after the write.
fn one_write(endpoint: Endpoint) -> BTreeMap<Endpoint, u32> {
    BTreeMap::from([(Endpoint::UsersInfo, 2), (endpoint, 1)])
}

#[tokio::test]
async fn a_person_in_a_binding_costs_three_calls_whatever_the_accounts_size() {
    for users in [0, 120, 1_000] {
        let mut harness = converged(users).await;
        harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "kim", "sam"]));
        let (done, calls) = counted(&mut harness, edits()).await;
        assert_eq!(calls, one_write(Endpoint::BotRoleAssignments), "{users} users");
        assert_eq!(holders(&harness), ["jane", "kim", "sam"]);
        assert_eq!(
            harness.ready(Kind::RoleBinding, "developers"),
            "True UpToDate: the account is as declared"
        );
        let observed = &done.plan.as_ref().unwrap().observed;
        let read = observed.focused.as_ref().unwrap();
        assert_eq!((read.people, observed.calls), (1, 1));
        assert!(matches!(read.rest, RestOf::FullRead { at } if at <= harness.now()), "{:?}", read.rest);

        // Taken again: first it settles, and that costs one look.
        harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "sam"]));
        let (done, calls) = counted(&mut harness, edits()).await;
        assert_eq!(calls, BTreeMap::from([(Endpoint::UsersInfo, 1)]));
        assert_eq!(holders(&harness), ["jane", "kim", "sam"]);
        harness.wait(2);
        assert!(done.schedule.next <= harness.now());
        let (_, calls) = counted(&mut harness, edits()).await;
        assert_eq!(calls, one_write(Endpoint::BotRoleAssignments));
        assert_eq!(holders(&harness), ["jane", "sam"]);

        // Nothing is left to look at, and nothing for a read of everything to do.
        let (_, calls) = counted(&mut harness, edits()).await;
        assert_eq!(calls, BTreeMap::new());
        let full = harness.pass().await;
        assert!(full.plan.unwrap().changes.is_empty());
    }
}

#[tokio::test]
async fn forty_people_of_a_team_are_one_look_up() {
    let mut harness = converged(0).await;
    let names: Vec<String> = (0..40).map(|at| format!("t{at:02}")).collect();
    for name in &names {
        harness.user(name);
    }
    harness.pass().await;
    for name in &names {
        harness.engine.admin.accept(&format!("{name}@example.com")).unwrap();
    }
    harness.pass().await;
    let all: Vec<&str> = ["jane", "sam"].into_iter().chain(names.iter().map(String::as_str)).collect();
    harness.declare(Kind::RoleBinding, "developers", plain(&all));
    let (_, calls) = counted(&mut harness, edits()).await;
    assert_eq!(calls[&Endpoint::UsersInfo], 2);
    assert_eq!(holders(&harness).len(), 42);
}

#[tokio::test]
async fn a_new_person_is_invited_after_their_own_not_found() {
    let mut harness = converged(120).await;
    harness.user("nia");
    let (_, calls) = counted(&mut harness, edits()).await;
    assert_eq!(calls, one_write(Endpoint::CreateUsers));
    let ready = harness.ready(Kind::User, "nia");
    assert!(ready.starts_with("True WaitingForAcceptance: nia@example.com is invited"), "{ready}");
    let status = &harness.find(Kind::User, "nia").unwrap().status;
    assert_eq!(format!("{:?}", status.membership), "Some(Invited)", "the status shows what was read back");
    assert!(truth(&harness).users.contains_key("nia@example.com"));
}

#[tokio::test]
async fn a_deleted_object_takes_back_what_it_gave() {
    let mut harness = converged(120).await;
    harness.delete(Kind::RoleBinding, "developers");
    harness.pass_about(edits()).await;
    harness.wait(2);
    let (_, calls) = counted(&mut harness, edits()).await;
    assert_eq!(calls, one_write(Endpoint::BotRoleAssignments));
    assert_eq!(holders(&harness), [""; 0]);
}

#[tokio::test]
async fn what_the_audit_log_names_is_looked_up_and_put_right() {
    let mut harness = converged(120).await;
    let jane = Holder::user("jane@example.com");
    harness.engine.admin.unbind(&jane, "Bot Developer", Some("Banking")).unwrap();
    let (_, calls) = counted(&mut harness, about("kim")).await;
    assert_eq!(calls, BTreeMap::from([(Endpoint::UsersInfo, 1)]), "another person's event");
    assert_eq!(holders(&harness), ["sam"]);
    let (_, calls) = counted(&mut harness, about("jane")).await;
    assert_eq!(calls, one_write(Endpoint::BotRoleAssignments));
    assert_eq!(holders(&harness), ["jane", "sam"]);
}

fn lists(calls: &BTreeMap<Endpoint, u32>) -> bool {
    calls.contains_key(&Endpoint::AllUserRoles)
}

#[tokio::test]
async fn everything_is_read_when_nothing_says_where_to_look() {
    let mut harness = converged(0).await;
    // An event that names nobody, once between two reads at the interval.
    let (_, calls) = counted(&mut harness, PassScope::Event).await;
    assert!(lists(&calls));
    let (_, calls) = counted(&mut harness, PassScope::Event).await;
    assert!(!lists(&calls));
    // The interval.
    harness.wait(61);
    let (_, calls) = counted(&mut harness, edits()).await;
    assert!(lists(&calls));
    // Another account object.
    harness.view.account.meta.generation += 1;
    let (_, calls) = counted(&mut harness, edits()).await;
    assert!(lists(&calls));
    // An annotation.
    harness.view.account.meta.reconcile_at = Some("now".to_owned());
    let (_, calls) = counted(&mut harness, edits()).await;
    assert!(lists(&calls));
    let (_, calls) = counted(&mut harness, edits()).await;
    assert!(!lists(&calls));
    // A start.
    harness.restart();
    let (_, calls) = counted(&mut harness, edits()).await;
    assert!(lists(&calls));
}

#[tokio::test]
async fn after_fifty_focused_passes_everything_is_read() {
    let mut harness = converged(0).await;
    for _ in 0..50 {
        let (_, calls) = counted(&mut harness, about("jane")).await;
        assert_eq!(calls, BTreeMap::from([(Endpoint::UsersInfo, 1)]));
    }
    let (_, calls) = counted(&mut harness, about("jane")).await;
    assert!(lists(&calls));
}

#[tokio::test]
async fn a_contradiction_asks_for_a_read_of_everything_and_invites_nobody() {
    let mut harness = converged(0).await;
    harness.engine.admin.delete_user("kim@example.com").unwrap();
    let (done, calls) = counted(&mut harness, about("kim")).await;
    assert_eq!(calls, BTreeMap::from([(Endpoint::UsersInfo, 1)]));
    assert_eq!(done.schedule.next, harness.now(), "at once");
    let (_, calls) = counted(&mut harness, edits()).await;
    assert!(lists(&calls) && calls.contains_key(&Endpoint::CreateUsers), "{calls:?}");
}

#[tokio::test]
async fn who_was_never_declared_is_pruned_only_after_a_read_of_everything() {
    let mut harness = converged(0).await;
    let pat = Holder::user("pat@example.com");
    harness.engine.admin.bind(&pat, "Bot Developer", Some("Banking")).unwrap();
    let (_, calls) = counted(&mut harness, about("pat")).await;
    assert_eq!(calls, BTreeMap::from([(Endpoint::UsersInfo, 1)]));
    // It settles, and then it waits for nothing but the complete list.
    harness.wait(20);
    let (done, calls) = counted(&mut harness, edits()).await;
    assert_eq!(calls, BTreeMap::new());
    assert!(harness.account_ready().contains("FullReadNeeded"), "{}", harness.account_ready());
    assert_eq!(done.schedule.next, harness.now());
    assert_eq!(holders(&harness), ["jane", "pat", "sam"]);
    let (_, calls) = counted(&mut harness, edits()).await;
    assert!(lists(&calls));
    assert_eq!(holders(&harness), ["jane", "sam"]);
}

/// The calls that the hour has left.
fn left(harness: &ControllerHarness) -> usize {
    harness.engine.gateway.calls_left()[1]
}

#[tokio::test]
async fn full_reads_stay_within_their_share_and_edits_go_on() {
    // Of 100 usable calls an hour none are left for full reads beside the polls: one an hour is possible all the same.
    let mut harness = converged_at(RateLimit { per_hour: 106, ..RateLimit::default() }, 0).await;
    let read_at = harness.now();
    let (done, calls) = counted(&mut harness, PassScope::Event).await;
    assert!(!lists(&calls), "an event gives reason to read everything, and the share is used up");
    assert_eq!(done.schedule.next, read_at + SignedDuration::from_hours(1));
    harness.wait(61);
    let (_, calls) = counted(&mut harness, edits()).await;
    assert!(lists(&calls));
}

#[tokio::test]
async fn a_tenth_of_the_hour_is_kept_for_ends_and_removals() {
    let mut harness = converged(0).await;
    let tenth = 179;
    harness.engine.spend(left(&harness) - tenth);
    // A grant waits for the hour, and says so without a call.
    harness.declare(Kind::RoleBinding, "developers", plain(&["jane", "kim", "sam"]));
    let (done, calls) = counted(&mut harness, edits()).await;
    assert_eq!(calls, BTreeMap::new());
    assert!(!done.was_read());
    let ready = harness.account_ready();
    assert!(ready.starts_with("False RateLimited: waits for the call budget until about "), "{ready}");
    assert!(ready.contains(" UTC: 3 calls are needed for 1 edited user; raise spec.rateLimit"), "{ready}");
    // Who is to go, goes.
    harness.declare(Kind::RoleBinding, "developers", plain(&["sam"]));
    harness.pass_about(edits()).await;
    harness.wait(2);
    let (_, calls) = counted(&mut harness, edits()).await;
    assert_eq!(calls, one_write(Endpoint::BotRoleAssignments));
    assert_eq!(holders(&harness), ["sam"]);
    // An hour later there is room for the grant, too.
    harness.wait(61);
    harness.declare(Kind::RoleBinding, "developers", plain(&["kim", "sam"]));
    harness.pass_about(edits()).await;
    assert_eq!(holders(&harness), ["kim", "sam"]);
}

#[tokio::test]
async fn a_team_of_forty_in_twelve_bindings_is_one_look_up_and_one_read_back() {
    let mut harness = converged(0).await;
    let bots: Vec<String> = (0..12).map(|at| format!("Bot {at:02}")).collect();
    let owner = Some("owner@example.com".to_owned());
    for bot in &bots {
        harness.engine.admin.add_bot(&NewBot { owner: owner.clone(), ..NewBot::named(bot) }).unwrap();
    }
    let people: Vec<String> = (0..40).map(|at| format!("t{at:02}@example.com")).collect();
    for email in &people {
        let user = NewUser { state: UserState::Active, ..NewUser::named(email, "Some", "Body") };
        harness.engine.admin.add_user(&user).unwrap();
        harness.declare(Kind::User, email.split('@').next().unwrap(), json!({ "email": email }));
    }
    harness.declare(Kind::Team, "bankers", json!({ "members": ["jane@example.com"] }));
    for (at, bot) in bots.iter().enumerate() {
        let spec = json!({
            "role": { "type": "Bot", "name": "Bot Tester" }, "bot": bot, "subjects": [{ "team": "bankers" }],
        });
        harness.declare(Kind::RoleBinding, &format!("testers-{at:02}"), spec);
    }
    harness.pass().await;
    let members: Vec<&str> = people.iter().map(String::as_str).chain(["jane@example.com"]).collect();
    harness.declare(Kind::Team, "bankers", json!({ "members": members }));
    let (done, calls) = counted(&mut harness, edits()).await;
    let changes = done.plan.unwrap().changes.len();
    assert_eq!(changes, 40 * 12);
    // Fifty assignments in a request, and one look at everybody before and after each.
    assert_eq!(calls[&Endpoint::BotRoleAssignments], 10);
    assert_eq!(calls.keys().collect::<Vec<_>>(), [&Endpoint::UsersInfo, &Endpoint::BotRoleAssignments]);
    let full = harness.pass().await;
    assert!(full.plan.unwrap().changes.is_empty());
}

#[tokio::test]
async fn permissions_of_a_role_are_exported_imported_and_exported() {
    let mut harness = converged(120).await;
    let clerk = |permissions: Value| json!({ "type": "Admin", "name": "Clerk", "permissions": permissions });
    harness.declare(Kind::Role, "clerk", clerk(json!({ "User Management": "YES" })));
    harness.pass().await;
    harness.pass().await;
    harness.declare(Kind::Role, "clerk", clerk(json!({ "User Management": "YES", "Audit Logs": "YES" })));
    let (_, calls) = counted(&mut harness, edits()).await;
    assert!(!lists(&calls), "{calls:?}");
    assert!(calls[&Endpoint::ExportRoles] >= 2 && calls[&Endpoint::ImportRoles] == 1, "{calls:?}");
    assert!(harness.ready(Kind::Role, "clerk").starts_with("True"), "{}", harness.ready(Kind::Role, "clerk"));
    let full = harness.pass().await;
    assert!(full.plan.unwrap().changes.is_empty());
}

#[tokio::test]
async fn a_role_of_a_group_is_proved_by_all_its_members() {
    let mut harness = converged(120).await;
    harness.engine.admin.add_group(&NewGroup::named("QA")).unwrap();
    for who in ["kim@example.com", "pat@example.com"] {
        harness.engine.admin.join("QA", who).unwrap();
    }
    harness.pass().await;
    let spec = json!({
        "role": { "type": "Bot", "name": "Bot Tester" }, "bot": "Banking", "subjects": [{ "group": "QA" }],
    });
    harness.declare(Kind::RoleBinding, "testers", spec);
    let (done, calls) = counted(&mut harness, edits()).await;
    assert_eq!(calls, one_write(Endpoint::BotRoleAssignments));
    assert_eq!(done.plan.unwrap().observed.focused.as_ref().unwrap().people, 2);
    assert!(harness.pass().await.plan.unwrap().changes.is_empty());
}

#[tokio::test]
async fn a_bot_that_is_named_for_the_first_time_takes_the_list_of_bots() {
    let mut harness = converged(120).await;
    let owner = Some("owner@example.com".to_owned());
    harness.engine.admin.add_bot(&NewBot { owner, ..NewBot::named("Travel") }).unwrap();
    let mut spec = plain(&["kim"]);
    spec["bot"] = json!("Travel");
    spec["membership"] = json!("Additive");
    harness.declare(Kind::RoleBinding, "travellers", spec);
    let (_, calls) = counted(&mut harness, edits()).await;
    let mut expected = one_write(Endpoint::BotRoleAssignments);
    expected.insert(Endpoint::Bots, 1);
    assert_eq!(calls, expected);
    assert!(harness.pass().await.plan.unwrap().changes.is_empty());
}

/// What may happen between two passes.
#[derive(Clone, Debug)]
enum Happening {
    /// These develop the bot.
    Binding(BTreeSet<usize>),
    /// The binding goes.
    NoBinding,
    /// This person is declared to leave, or to stay.
    Leaves(usize, bool),
    /// Somebody gives or takes a role in the console.
    Click(usize, bool),
    /// Somebody takes Master Admin, or gives it.
    Admin(usize, bool),
    /// A new process.
    Restart,
}

const NAMES: [&str; 4] = ["jane", "sam", "kim", "pat"];

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let who = 0..NAMES.len();
    let happening = prop_oneof![
        4 => prop::collection::btree_set(who.clone(), 0..NAMES.len()).prop_map(Happening::Binding),
        1 => Just(Happening::NoBinding),
        1 => (who.clone(), any::<bool>()).prop_map(|(who, leaves)| Happening::Leaves(who, leaves)),
        3 => (who.clone(), any::<bool>()).prop_map(|(who, gives)| Happening::Click(who, gives)),
        1 => (who, any::<bool>()).prop_map(|(who, gives)| Happening::Admin(who, gives)),
        1 => Just(Happening::Restart),
    ];
    prop::collection::vec(happening, 1..8)
}

/// Lets it happen; whom the audit log would name.
fn happen(harness: &mut ControllerHarness, happening: &Happening) -> BTreeSet<Email> {
    let email = |who: usize| format!("{}@example.com", NAMES[who]);
    match happening {
        Happening::Binding(who) => {
            let names: Vec<&str> = who.iter().map(|who| NAMES[*who]).collect();
            harness.declare(Kind::RoleBinding, "developers", plain(&names));
            BTreeSet::new()
        }
        Happening::NoBinding => {
            if harness.find(Kind::RoleBinding, "developers").is_some() {
                harness.delete(Kind::RoleBinding, "developers");
            }
            BTreeSet::new()
        }
        Happening::Leaves(who, leaves) => {
            let state = if *leaves { "Absent" } else { "Present" };
            let spec = json!({ "email": email(*who), "state": state });
            harness.declare(Kind::User, NAMES[*who], spec);
            BTreeSet::new()
        }
        Happening::Click(who, gives) => {
            click(harness, &email(*who), "Bot Developer", Some("Banking"), *gives)
        }
        Happening::Admin(who, gives) => click(harness, &email(*who), "Master Admin", None, *gives),
        Happening::Restart => {
            harness.restart();
            BTreeSet::new()
        }
    }
}

fn click(
    harness: &ControllerHarness,
    who: &str,
    role: &str,
    bot: Option<&str>,
    gives: bool,
) -> BTreeSet<Email> {
    let (admin, holder) = (&harness.engine.admin, Holder::user(who));
    // Whoever is not there, or holds it, cannot be given it.
    let _ = if gives { admin.bind(&holder, role, bot) } else { admin.unbind(&holder, role, bot) };
    BTreeSet::from([Email::observed(who)])
}

type Holdings = BTreeMap<String, (String, BTreeSet<(String, String)>, BTreeSet<String>)>;

/// Who is there, and who holds what.
fn holdings(harness: &ControllerHarness) -> Holdings {
    let users = truth(harness).users.into_iter();
    users
        .map(|(email, user)| {
            let roles = (user.bot_roles.into_iter().collect(), user.admin_roles.into_iter().collect());
            (email, (format!("{:?}", user.state), roles.0, roles.1))
        })
        .collect()
}

/// A list that only full reads have seen complete is proposed where only edits were looked at. Somebody says yes.
fn approve_lists(harness: &mut ControllerHarness, done: &Pass) {
    let waiting = done.plan.iter().flat_map(|plan| &plan.waiting);
    let proposed = waiting.filter(|entry| entry.reason == Reason::ListProposed);
    let ids: Vec<&ChangeId> = proposed.flat_map(|entry| &entry.changes).collect();
    if !ids.is_empty() {
        harness.approve(None, &ids);
    }
}

/// Two accounts, one with focused passes and one full pass at the end, are alike then.
#[test]
fn a_chain_of_focused_passes_ends_where_full_passes_end() {
    on_any(happenings, 15, 60, |happenings| async move {
        let (mut focused, mut full) = (converged(0).await, converged(0).await);
        for happening in &happenings {
            let people = happen(&mut focused, happening);
            happen(&mut full, happening);
            for _ in 0..2 {
                focused.pass_about(PassScope::Edits(people.clone())).await;
                full.pass().await;
                focused.wait(3);
                full.wait(3);
            }
        }
        for harness in [&mut focused, &mut full] {
            for minutes in [61, 20, 20, 20] {
                harness.wait(minutes);
                let done = harness.pass().await;
                approve_lists(harness, &done);
            }
        }
        let (focused, full) = (holdings(&focused), holdings(&full));
        if focused == full { Ok(()) } else { Err(format!("focused: {focused:?}\nfull: {full:?}")) }
    });
}
