//! The engine on a sandbox in process, in virtual time: plan, apply, and a second plan that finds nothing.

use crate::support::engine::Engine;
use crate::support::wants::{Wants, email, user};
use koreconcile::apply::{ChangeOutcome, Outcome};
use koreconcile::facts::{
    BotRef, BuilderAccess, Desired, Holder, Key, RoleSpec, RoleType, ScopeExtent, Value,
};
use koreconcile::kore::{KoreError, ReadRequest};
use koreconcile::plan::render;
use koreconcile::sandbox::{
    self, Dialect, EncryptedAnswer, NewBot, NewGroup, NewRole, NewUser, NewerLevels, PrivateAddresses,
    PutAssignments, RoleKind, UserState,
};

fn engine(dialect: Dialect) -> Engine {
    let mut engine = Engine::bare(dialect);
    engine.policy.safety.primary_admin = Some(email("owner@example.com"));
    for bot in ["Banking", "Travel"] {
        engine
            .admin
            .add_bot(&NewBot { owner: Some("owner@example.com".to_owned()), ..NewBot::named(bot) })
            .unwrap();
    }
    engine.admin.add_group(&NewGroup::named("QA")).unwrap();
    engine
}

fn join(engine: &Engine, who: &str) {
    engine
        .admin
        .add_user(&NewUser { state: UserState::Active, ..NewUser::named(who, "Some", "Body") })
        .unwrap();
}

fn told(outcome: &Outcome) -> String {
    let by_change: Vec<String> =
        outcome.by_change.iter().map(|(id, fate)| format!("{}: {fate:?}", outcome.changes[id].key)).collect();
    format!("{:?}\n{}", outcome.error, by_change.join("\n"))
}

#[tokio::test]
async fn new_users_arrive_with_everything_in_one_write_and_a_second_plan_is_empty() {
    let engine = engine(Dialect::default());
    let desired = Wants::default()
        .member("jane@example.com")
        .access("jane@example.com", BuilderAccess::Builder)
        .group("jane@example.com", "QA")
        .bot_role(user("jane@example.com"), "Bot Developer", "Banking")
        .assigned("jane@example.com", "Travel")
        .build();
    let outcome = engine.apply(&desired).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    let (plan, _) = engine.plan(&desired).await;
    assert!(plan.is_clean(), "{}", render::text(&plan, render::Style::default()));
    let counts = engine.sandbox.requests().counts();
    assert_eq!(counts.get("POST /api/public/users"), Some(&1), "{counts:?}");
    assert_eq!(engine.admin.invitations_to("jane@example.com").unwrap().len(), 1);
}

#[tokio::test]
async fn roles_groups_and_assignments_of_people_who_have_joined() {
    let engine = engine(Dialect::default());
    for who in ["jane@example.com", "sam@example.com"] {
        join(&engine, who);
    }
    engine.admin.bind(&sandbox::Holder::user("sam@example.com"), "Bot Developer", Some("Banking")).unwrap();
    let desired = Wants::default()
        .member("jane@example.com")
        .access("jane@example.com", BuilderAccess::Creator)
        .group("jane@example.com", "QA")
        .assigned("jane@example.com", "Travel")
        .bot_role(user("jane@example.com"), "Bot Developer", "Banking")
        .closed(ScopeExtent::BotRole("Bot Developer".into(), BotRef::new("Banking")))
        .build();
    let outcome = engine.apply(&desired).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    let truth = engine.admin.snapshot().unwrap();
    assert_eq!(truth.users["sam@example.com"].bot_roles, []);
    assert_eq!(
        truth.users["jane@example.com"].bot_roles,
        [("Bot Developer".to_owned(), "Banking".to_owned())]
    );
    assert!(truth.users["jane@example.com"].can_create_bot);
    let (plan, _) = engine.plan(&desired).await;
    assert!(plan.is_clean(), "{}", render::text(&plan, render::Style::default()));
}

#[tokio::test]
async fn a_role_held_by_a_group_is_given_and_read_back_through_its_members() {
    let engine = engine(Dialect::default());
    join(&engine, "jane@example.com");
    engine.admin.join("QA", "jane@example.com").unwrap();
    let desired = Wants::default()
        .bot_role(Holder::Group("QA".into()), "Bot Tester", "Banking")
        .member("jane@example.com")
        .build();
    let outcome = engine.apply(&desired).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    assert!(engine.plan(&desired).await.0.is_clean());
    let revoked = Wants::default()
        .absent(Key::BotRole(Holder::Group("QA".into()), "Bot Tester".into(), BotRef::new("Banking")))
        .build();
    let outcome = engine.apply(&revoked).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    assert!(engine.admin.snapshot().unwrap().groups["QA"].roles.is_empty());
}

#[tokio::test]
async fn an_assignment_goes_where_the_platform_only_adds() {
    let mut engine = engine(Dialect { put_assignments: PutAssignments::Adds, ..Dialect::default() });
    let state = tempfile::tempdir().unwrap();
    engine.state = Some(state.path().to_owned());
    join(&engine, "jane@example.com");
    engine.admin.assign("jane@example.com", "Banking", None).unwrap();
    engine.admin.assign("jane@example.com", "Travel", None).unwrap();
    let desired =
        Wants::default().absent(Key::Assigned(email("jane@example.com"), BotRef::new("Travel"))).build();
    let outcome = engine.apply(&desired).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    let left = engine.admin.snapshot().unwrap().users["jane@example.com"].assignments.clone();
    assert_eq!(left.keys().collect::<Vec<_>>(), ["Banking"]);
    assert!(!state.path().join("in-flight.json").exists());
}

#[tokio::test]
async fn master_admin_moves_over_without_a_gap() {
    let engine = engine(Dialect::default());
    for who in ["a@example.com", "b@example.com", "c@example.com"] {
        join(&engine, who);
    }
    engine.admin.bind(&sandbox::Holder::user("a@example.com"), "admin", None).unwrap();
    let desired = Wants::default()
        .admin_role(user("b@example.com"), "Master Admin")
        .absent(Key::AdminRole(user("a@example.com"), "Master Admin".into()))
        .build();
    let outcome = engine.apply(&desired).await;
    assert!(outcome.is_complete(), "{}", told(&outcome));
    let holders: Vec<String> = engine
        .admin
        .snapshot()
        .unwrap()
        .users
        .into_iter()
        .filter(|(_, user)| !user.admin_roles.is_empty())
        .map(|(who, _)| who)
        .collect();
    assert_eq!(holders, ["b@example.com", "owner@example.com"]);
    let writes: Vec<String> = engine
        .sandbox
        .requests()
        .all()
        .into_iter()
        .filter(|request| request.endpoint.contains("adminroles"))
        .map(|request| request.body)
        .collect();
    assert_eq!(writes.len(), 2, "given first, taken in a call of its own: {writes:?}");
    assert!(writes[0].contains("b@example.com") && !writes[0].contains("a@example.com"));
}

#[tokio::test]
async fn a_bad_user_does_not_stop_the_others() {
    let engine = engine(Dialect::default());
    let mut wants = Wants::default().member("not-an-address");
    for at in 0..7 {
        wants = wants.member(&format!("p{at}@example.com"));
    }
    let outcome = engine.apply(&wants.build()).await;
    assert_eq!(outcome.count(|fate| *fate == ChangeOutcome::Applied), 7, "{}", told(&outcome));
    assert_eq!(outcome.count(|fate| matches!(fate, ChangeOutcome::Failed(_))), 1);
}

#[tokio::test]
async fn an_app_that_encrypts_is_told_by_the_name_of_the_option() {
    for encrypted_answer in [EncryptedAnswer::Object, EncryptedAnswer::Text] {
        let engine = engine(Dialect { encrypted_answer, ..Dialect::default() });
        let desired = Wants::default().member("jane@example.com").build();
        let (plan, world) = engine.plan(&desired).await;
        let app = engine.admin.app_called("koreconcile").unwrap();
        engine.admin.set_payload_encryption(&app.client_id, true).unwrap();
        let before = engine.gateway.total_calls();
        let error =
            engine.reader.read(&ReadRequest { users: true, ..ReadRequest::default() }).await.unwrap_err();
        assert!(matches!(error, KoreError::Encrypted { .. }), "{error}");
        assert!(error.to_string().contains("Enforce Request and Response Payload Encryption"), "{error}");
        assert_eq!(engine.gateway.total_calls() - before, 1, "never repeated");
        // Switched on in between: the look before the write ends the run, and nothing is sent.
        let outcome = engine.apply_plan(plan, &world).await;
        assert!(matches!(outcome.error, Some(KoreError::Encrypted { .. })), "{}", told(&outcome));
        assert!(!engine.admin.snapshot().unwrap().users.contains_key("jane@example.com"));
    }
}

fn role_wanted(name: &str, level: &str) -> Desired {
    let spec = RoleSpec { description: None, permissions: [("User Management".into(), level.into())].into() };
    Wants::default().present(Key::RoleDefinition(RoleType::Bot, name.into()), Value::Role(spec)).build()
}

#[tokio::test]
async fn a_level_in_another_spelling_is_no_change_and_a_new_one_is_spelled_as_the_account_does() {
    for newer_levels in [NewerLevels::Capitals, NewerLevels::AsShown] {
        let engine = engine(Dialect { newer_levels, ..Dialect::default() });
        for (name, level) in [("Host", "VIEW & INVITE"), ("Guest", "VIEW")] {
            let permissions = [("User Management".to_owned(), level.into())].into_iter().collect();
            engine.admin.add_role(&NewRole { permissions, ..NewRole::named(RoleKind::Bot, name) }).unwrap();
        }
        let (plan, _) = engine.plan(&role_wanted("Host", "view & invite")).await;
        assert!(plan.changes.is_empty(), "{}", render::text(&plan, render::Style::default()));
        let desired = role_wanted("Guest", "View & Invite");
        let outcome = engine.apply(&desired).await;
        assert!(outcome.is_complete() && outcome.by_change.len() == 1, "{}", told(&outcome));
        assert!(engine.plan(&desired).await.0.is_clean());
        let sent = engine.sandbox.requests().all();
        assert!(sent.iter().any(|call| call.endpoint.ends_with("roles/import")));
    }
}

/// Row 56: the platform's own words, and what they may mean where nobody else has such an address. Sent once.
#[tokio::test]
async fn a_refused_address_of_a_new_domain_is_told_with_a_possible_reason() {
    let engine = engine(Dialect { private_addresses: PrivateAddresses::Refused, ..Dialect::default() });
    let private = "jane@private.example.com";
    let wants = Wants::default().member(private).member("sam@example.com").build();
    let outcome = engine.apply(&wants).await;
    let fate = |who: &str| {
        let (id, _) =
            outcome.changes.iter().find(|(_, change)| change.key == Key::Member(email(who))).unwrap();
        outcome.by_change[id].clone()
    };
    assert_eq!(fate("sam@example.com"), ChangeOutcome::Applied, "{}", told(&outcome));
    let ChangeOutcome::Failed(why) = fate(private) else { panic!("{}", told(&outcome)) };
    assert!(
        why.starts_with("the platform refused: Please provide a valid business email address; "),
        "{why}"
    );
    assert!(why.contains("nobody in the account has an address at private.example.com"), "{why}");
    let sent = engine.sandbox.requests().all();
    let is_creation = |endpoint: &str| endpoint == "POST /api/public/users";
    let writes = sent.iter().filter(|one| is_creation(&one.endpoint) && one.body.contains(private)).count();
    assert_eq!(writes, 1, "the same entry is sent no second time");

    // What is no address is refused for another reason.
    let outcome = engine.apply(&Wants::default().member("not-an-address").build()).await;
    assert!(!told(&outcome).contains("private addresses"), "{}", told(&outcome));
}
