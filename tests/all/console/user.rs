//! One person of the account: what an administrator changes about them.

use koreconcile::sandbox::{Holder, NewGroup, NewRole, NewUser, RoleKind, UserState};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OWNER, PASSWORD, SAM, SUE};

const BO: &str = "bo.owner@example.com";

fn path(harness: &ConsoleHarness, email: &str) -> String {
    format!("/Admin/users/{}", harness.admin.snapshot().unwrap().users[email].id)
}

fn group_id(harness: &ConsoleHarness, name: &str) -> String {
    harness.admin.snapshot().unwrap().groups[name].id.clone()
}

fn role_id(harness: &ConsoleHarness, name: &str) -> String {
    harness.admin.snapshot().unwrap().roles[name].id.clone()
}

#[tokio::test]
async fn profile_is_edited_and_the_address_is_not() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(JANE).await;
    browser.reads("Overview").await;
    browser.open(&path(&harness, SAM)).await;
    browser.inspect("user").await;
    browser.press("Edit profile").await;
    browser.reads("An e-mail address never changes.").await;
    browser.fill("last_name", "Stone-Mason").await;
    browser.fill("dept", "Support").await;
    browser.choose("Builder Portal Access").await;
    browser.choose("Manage Data Tables").await;
    browser.inspect("user-edit").await;
    browser.press("Save").await;
    browser.reads("The profile is saved.").await;
    browser.reads("Sam Stone-Mason").await;
    let sam = harness.admin.snapshot().unwrap().users[SAM].clone();
    assert_eq!((sam.last_name.as_str(), sam.is_developer, sam.can_create_bot), ("Stone-Mason", true, false));
    assert_eq!((sam.data_tables, &sam.profile["dept"]), (Some(true), &json!("Support")));
    assert_eq!(harness.latest_audit()[..2], ["User Modified".to_owned(), JANE.to_owned()]);
}

#[tokio::test]
async fn profile_with_mistakes_is_shown_again_and_not_saved() {
    let harness = ConsoleHarness::new();
    let mut jane = harness.signed_in(JANE).await;
    let edit = format!("{}/edit", path(&harness, SAM));
    let before = harness.admin.snapshot().unwrap();
    let long = "x".repeat(101);
    for (fields, why) in [
        (vec![("first_name", ""), ("last_name", "Stone")], "Type a first and a last name."),
        (vec![("first_name", &*long), ("last_name", "S")], "First Name has at most 100 characters."),
        (vec![("first_name", "S"), ("last_name", "S"), ("city", &*long)], "City has at most 100"),
        (
            vec![("first_name", "S"), ("last_name", "S"), ("can_create_bot", "on")],
            "needs Builder Portal Access.",
        ),
    ] {
        jane.get(&edit).await;
        let page = jane.post(&edit, &fields).await;
        assert!(page.status == 422 && page.text.contains(why), "{why}: {}", page.text);
    }
    // Who sends another address changes nobody's.
    let fields = [("first_name", "Sam"), ("last_name", "Stone"), ("email", "other@example.com")];
    assert_eq!(jane.post(&edit, &fields).await.status, 303);
    assert_eq!(
        harness.admin.snapshot().unwrap().users.keys().collect::<Vec<_>>(),
        before.users.keys().collect::<Vec<_>>()
    );
    let script = "<script>alert(1)</script>";
    let fields = [("first_name", script), ("last_name", script), ("dept", script)];
    jane.post(&edit, &fields).await;
    for path in [&edit, &path(&harness, SAM)] {
        let page = jane.get(path).await;
        assert!(page.text.contains("&#60;script&#62;") && !page.text.contains(script), "{}", page.text);
    }
}

#[tokio::test]
async fn joins_and_leaves_groups() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.reads("Overview").await;
    browser.open(&path(&harness, SAM)).await;
    browser.click("#group option:first-child").await;
    browser.press("Add to group").await;
    browser.reads("Added to newcomers.").await;
    assert_eq!(harness.latest_audit()[0], "Users Added to Group");
    browser.press("Remove from support-eu").await;
    browser.reads("Removed from support-eu.").await;
    assert_eq!(harness.latest_audit()[0], "Users Removed from Group");
    assert_eq!(harness.admin.snapshot().unwrap().users[SAM].groups, ["newcomers"]);
}

#[tokio::test]
async fn groups_of_the_directory_and_of_the_platform_stay() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let sue = path(&harness, SUE);
    let page = owner.get(&sue).await;
    assert!(
        !page.text.contains("Remove from directory-staff") && !page.text.contains("Remove from everyone")
    );
    let staff = group_id(&harness, "directory-staff");
    for (verb, person) in [("remove", &sue), ("add", &path(&harness, SAM))] {
        owner.post(&format!("{person}/groups/{verb}"), &[("group", &staff)]).await;
        assert!(owner.get(person).await.text.contains("comes from the directory"));
    }
    assert_eq!(harness.admin.snapshot().unwrap().users[SUE].groups, ["directory-staff"]);
}

#[tokio::test]
async fn bot_roles_are_added_changed_and_deleted_and_the_owners_row_stays() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.reads("Overview").await;
    let jane = path(&harness, JANE);
    browser.open(&jane).await;
    browser.inspect("user-roles").await;
    browser.press("Delete Bot Developer on Banking Assistant").await;
    browser.reads("The role is deleted.").await;
    assert_eq!(harness.latest_audit()[0], "Bot Role Deleted for Users");
    let option = format!(
        "select[aria-label='Role on HR Assistant instead of Bot Tester'] option[value='{}']",
        role_id(&harness, "bot/Analyst")
    );
    browser.click(&option).await;
    browser.press("Change Bot Tester on HR Assistant").await;
    browser.reads("The role is changed.").await;
    let option = format!("#bot option[value='{}']", harness.bot("Travel Desk"));
    browser.click(&option).await;
    browser.click("#bot-role option:first-child").await;
    browser.press("Add bot role").await;
    browser.reads("The role is assigned.").await;
    assert_eq!(harness.latest_audit()[0], "Bot Role Assigned to Users");
    let pair = |role: &str, bot: &str| (role.to_owned(), bot.to_owned());
    let held = harness.admin.snapshot().unwrap().users[JANE].bot_roles.clone();
    assert_eq!(held, [pair("Analyst", "HR Assistant"), pair("Bot Developer", "Travel Desk")]);
    // Bot Owner: no button, and no way around it.
    let mut owner = harness.signed_in(OWNER).await;
    let bo = path(&harness, BO);
    assert!(!owner.get(&bo).await.text.contains("Delete Bot Owner"));
    let (role, bot) = (role_id(&harness, "bot/Bot Owner"), harness.bot("Travel Desk"));
    let tester = role_id(&harness, "bot/Bot Tester");
    for (action, fields) in [
        ("delete", vec![("role", role.as_str()), ("bot", &bot)]),
        ("change", vec![("before", &role), ("role", &tester), ("bot", &bot)]),
    ] {
        owner.post(&format!("{bo}/bot-roles/{action}"), &fields).await;
        assert!(owner.get(&bo).await.text.contains("Bot Owner comes with a bot"), "{action}");
    }
    owner.post(&format!("{jane}/bot-roles/add"), &[("role", &role), ("bot", &bot)]).await;
    assert!(owner.get(&jane).await.text.contains("Bot Owner comes with a bot"));
    assert_eq!(harness.admin.snapshot().unwrap().users[BO].bot_roles.len(), 6);
}

#[tokio::test]
async fn gets_admin_roles_and_master_admin_from_the_primary_admin_only() {
    let harness = ConsoleHarness::new();
    let (master, manager) = (role_id(&harness, "admin/admin"), role_id(&harness, "admin/User Manager"));
    let sam = path(&harness, SAM);
    let add = format!("{sam}/admin-roles/add");
    let mut jane = harness.signed_in(JANE).await;
    assert!(!jane.get(&sam).await.text.contains(">Master Admin</option>"));
    assert_eq!(jane.post(&add, &[("role", &master)]).await.status, 403);
    assert_eq!(jane.post(&add, &[("role", &manager)]).await.status, 303);
    assert_eq!(harness.latest_audit()[0], "Admin Role Assigned to Users");
    assert_eq!(jane.post(&add, &[("role", &manager)]).await.status, 303);
    assert!(jane.get(&sam).await.text.contains("holds User Manager already"));
    // A bot role is no admin role.
    let tester = role_id(&harness, "bot/Bot Tester");
    assert_eq!(jane.post(&add, &[("role", &tester)]).await.status, 404);
    let mut owner = harness.signed_in(OWNER).await;
    owner.get(&sam).await;
    assert_eq!(owner.post(&add, &[("role", &master)]).await.status, 303);
    assert_eq!(harness.admin.snapshot().unwrap().users[SAM].admin_roles, ["User Manager", "admin"]);
    owner.post(&format!("{sam}/admin-roles/remove"), &[("role", &master)]).await;
    assert_eq!(harness.latest_audit()[0], "Admin Role Deleted for Users");
    // Nobody takes it from the Primary Admin.
    let own = path(&harness, OWNER);
    owner.post(&format!("{own}/admin-roles/remove"), &[("role", &master)]).await;
    assert!(owner.get(&own).await.text.contains("stays Master Admin"));
    assert_eq!(harness.admin.snapshot().unwrap().users[OWNER].admin_roles, ["admin"]);
}

#[tokio::test]
async fn is_deleted_after_a_question_and_not_while_owning_a_bot() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.reads("Overview").await;
    browser.open(&path(&harness, "former@example.com")).await;
    browser.press("Delete user").await;
    browser.reads("Fay Former, former@example.com").await;
    browser.inspect("user-delete").await;
    assert!(harness.admin.snapshot().unwrap().users.contains_key("former@example.com"));
    browser.press("Delete").await;
    browser.reads("Done for 1 person.").await;
    assert!(!harness.admin.snapshot().unwrap().users.contains_key("former@example.com"));
    let [name, actor, text] = harness.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("User Deleted", OWNER));
    assert_eq!(text, "user former@example.com deleted");
    browser.open(&path(&harness, BO)).await;
    browser.reads("owns a bot: give it another owner first").await;
    let mut jane = harness.signed_in(JANE).await;
    for (email, why) in [(BO, "owns a bot"), (OWNER, "is the Primary Admin"), (JANE, "is you")] {
        let id = harness.admin.snapshot().unwrap().users[email].id.clone();
        jane.get("/Admin/users").await;
        let fields = [("user", id.as_str()), ("action", "delete"), ("confirmed", "yes")];
        assert_eq!(jane.post("/Admin/users/apply", &fields).await.location, "/Admin/users");
        assert!(jane.get("/Admin/users").await.text.contains(why), "{email}");
        assert!(harness.admin.snapshot().unwrap().users.contains_key(email));
    }
}

#[tokio::test]
async fn suspension_in_bulk_is_asked_about_first() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.reads("Overview").await;
    browser.open("/Admin/users?search=stone").await;
    browser.click("input[aria-label='Select Sam Stone']").await;
    browser.click("select[name='action'] option[value='suspend']").await;
    browser.press("Apply to selected").await;
    browser.reads("They cannot sign in any more").await;
    browser.inspect("users-suspend").await;
    assert_eq!(harness.admin.snapshot().unwrap().users[SAM].state, UserState::Active);
    browser.press("Cancel").await;
    browser.arrives_at("/Admin/users").await;
    assert_eq!(harness.admin.snapshot().unwrap().users[SAM].state, UserState::Active);
    let id = harness.admin.snapshot().unwrap().users[SAM].id.clone();
    let mut owner = harness.signed_in(OWNER).await;
    let fields = [("user", id.as_str()), ("action", "suspend"), ("confirmed", "yes")];
    owner.post("/Admin/users/apply", &fields).await;
    assert_eq!(harness.admin.snapshot().unwrap().users[SAM].state, UserState::Suspended);
    assert_eq!(harness.visitor().await.sign_in(SAM, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn gets_a_mail_to_set_a_new_password_from_an_administrator() {
    let harness = ConsoleHarness::new();
    let mut jane = harness.signed_in(JANE).await;
    let sam = path(&harness, SAM);
    jane.get(&sam).await;
    assert_eq!(jane.post(&format!("{sam}/reset-password"), &[]).await.status, 303);
    let page = jane.get(&sam).await;
    assert!(page.text.contains("on its way to sam@example.com"), "{}", page.text);
    assert_eq!(harness.latest_audit()[2], "password reset mail sent to sam@example.com");
    let link = harness.newest_link(SAM);
    assert!(harness.visitor().await.get(&link).await.text.contains(SAM));
    harness.later(15);
    assert!(!harness.visitor().await.get(&link).await.text.contains(SAM));
    // Who has not joined has no password to set.
    let mut jane = harness.signed_in(JANE).await;
    let pat = path(&harness, "pat@example.com");
    assert!(!jane.get(&pat).await.text.contains("Reset password"));
    jane.post(&format!("{pat}/reset-password"), &[]).await;
    assert!(jane.get(&pat).await.text.contains("has not joined yet"));
    assert!(harness.sandbox.mails_to("pat@example.com").unwrap().is_empty());
}

#[tokio::test]
async fn password_is_the_identity_providers_when_single_sign_on_is_on() {
    let harness = ConsoleHarness::new();
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let token = crate::sandbox::world::token(&app, json!({}));
    let sso = json!({
        "SSO_Authentication": "enable", "SSOProtocol": "saml", "SAML_IdentityProvider": "okta",
        "SingleSignOnURL": "https://idp.example.com",
        "IssuerURL": "https://idp.example.com", "Certificate": ["one"]
    });
    harness.call_api(&token, "POST", "/api/public/ssoconfig", &sso).await;
    let mut jane = harness.signed_in(JANE).await;
    let sam = path(&harness, SAM);
    assert!(!jane.get(&sam).await.text.contains("Reset password"));
    jane.post(&format!("{sam}/reset-password"), &[]).await;
    assert!(jane.get(&sam).await.text.contains("Single sign-on is on"));
    assert!(harness.sandbox.mails_to(SAM).unwrap().is_empty());
}

#[tokio::test]
async fn changes_need_exactly_their_permissions() {
    let harness = ConsoleHarness::new();
    // Kim may manage users and give what she has herself, and no groups and no account.
    let kim = Holder::user(KIM);
    harness.admin.unbind(&kim, "User Manager", None).unwrap();
    let permissions = json!({ "Manage Users": "YES" }).as_object().cloned().unwrap();
    harness.admin.add_role(&NewRole { permissions, ..NewRole::named(RoleKind::Admin, "People") }).unwrap();
    harness.admin.bind(&kim, "People", None).unwrap();
    let mut kim = harness.signed_in(KIM).await;
    let sam = path(&harness, SAM);
    let page = kim.get(&sam).await;
    assert!(page.text.contains("Edit profile") && !page.text.contains("Add to group"), "{}", page.text);
    assert!(page.text.contains(">People</option>") && !page.text.contains(">User Manager</option>"));
    assert!(!page.text.contains("Transfer Ownership"));
    let before = harness.admin.snapshot().unwrap();
    let others = ["groups/add", "groups/remove", "transfer-ownership"];
    for path in others {
        let answer = kim.post(&format!("{sam}/{path}"), &[("confirmed", "yes")]).await;
        assert_eq!(answer.status, 403, "{path}");
        kim.get(&sam).await;
    }
    assert_eq!(harness.admin.snapshot().unwrap(), before);
    // Without it, none of the page.
    harness.admin.unbind(&Holder::user(KIM), "People", None).unwrap();
    let permissions = json!({ "Enterprise Key": "YES" }).as_object().cloned().unwrap();
    harness.admin.add_role(&NewRole { permissions, ..NewRole::named(RoleKind::Admin, "Key") }).unwrap();
    harness.admin.bind(&Holder::user(KIM), "Key", None).unwrap();
    let before = harness.admin.snapshot().unwrap();
    assert_eq!(kim.get(&sam).await.status, 403);
    let roles =
        ["admin-roles/add", "admin-roles/remove", "bot-roles/add", "bot-roles/change", "bot-roles/delete"];
    for path in others.into_iter().chain(roles) {
        kim.get("/Admin/dashboard").await;
        let answer = kim.post(&format!("{sam}/{path}"), &[("confirmed", "yes")]).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    assert_eq!(harness.admin.snapshot().unwrap(), before);
}

#[tokio::test]
async fn changes_reach_nothing_of_another_account() {
    let harness = ConsoleHarness::new();
    let other = harness.second_account();
    other.add_user(&NewUser::named("ann@example.com", "Ann", "Other")).unwrap();
    other.add_group(&NewGroup::named("elsewhere")).unwrap();
    other.add_role(&NewRole::named(RoleKind::Admin, "Elsewhere")).unwrap();
    other.add_bot(&koreconcile::sandbox::NewBot::named("Elsewhere")).unwrap();
    let theirs = other.snapshot().unwrap();
    let ann = format!("/Admin/users/{}", theirs.users["ann@example.com"].id);
    let mut jane = harness.signed_in(JANE).await;
    let sam = path(&harness, SAM);
    jane.get(&sam).await;
    for path in ["edit", "groups/add", "admin-roles/add", "bot-roles/add", "reset-password", "sessions/kill"]
    {
        assert_eq!(jane.post(&format!("{ann}/{path}"), &[]).await.status, 404, "{path}");
    }
    let (group, role) = (&theirs.groups["elsewhere"].id, &theirs.roles["admin/Elsewhere"].id);
    let bot = theirs.bots.keys().next().unwrap();
    let tester = role_id(&harness, "bot/Bot Tester");
    for (path, fields) in [
        ("groups/add", vec![("group", group.as_str())]),
        ("admin-roles/add", vec![("role", role)]),
        ("bot-roles/add", vec![("role", &tester), ("bot", bot)]),
    ] {
        assert_eq!(jane.post(&format!("{sam}/{path}"), &fields).await.status, 404, "{path}");
    }
    assert_eq!(other.snapshot().unwrap(), theirs);
}
