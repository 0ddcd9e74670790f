//! Role Management: definitions and assignments.

use koreconcile::sandbox::{Holder, NewRole, RoleKind};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OWNER, SAM};

const ROLES: &str = "/Admin/roles";

fn path(harness: &ConsoleHarness, name: &str) -> String {
    format!("{ROLES}/{}", harness.admin.snapshot().unwrap().roles[name].id)
}

fn user(harness: &ConsoleHarness, email: &str) -> String {
    format!("user {}", harness.admin.snapshot().unwrap().users[email].id)
}

#[tokio::test]
async fn are_assigned_by_typing_a_name_and_selecting() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(JANE).await;
    browser.press("Role Management").await;
    browser.arrives_at(ROLES).await;
    browser.reads("1–6 of 6").await;
    browser.inspect("roles").await;
    browser.press("Bot Developer").await;
    browser.press("Assignments").await;
    browser.reads("Jane Doe").await;
    browser.fill("search", "sto").await;
    browser.press("Find").await;
    browser.choose("Sam Stone").await;
    let option = format!("#bot option[value='{}']", harness.bot("Travel Desk"));
    browser.click(&option).await;
    browser.inspect("role-assignments").await;
    browser.press("Assign").await;
    browser.reads("The role is assigned.").await;
    assert_eq!(harness.latest_audit()[2], "role Bot Developer on Travel Desk assigned to sam@example.com");
    let held = harness.admin.snapshot().unwrap().users[SAM].bot_roles.clone();
    assert_eq!(held, [("Bot Developer".to_owned(), "Travel Desk".to_owned())]);
    browser.press("Remove sam@example.com on Travel Desk").await;
    browser.reads("The role is taken away.").await;
    assert_eq!(harness.admin.snapshot().unwrap().users[SAM].bot_roles, []);
    assert_eq!(harness.latest_audit()[0], "Bot Role Deleted for Users");
}

#[tokio::test]
async fn are_made_with_permissions_changed_and_deleted() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(JANE).await;
    browser.press("Role Management").await;
    browser.press("New admin role").await;
    browser.fill("role_name", "Auditor").await;
    browser.fill("role_description", "Reads what happened").await;
    browser.click("input[name='View and Run Audit Reports'][value='YES']").await;
    browser.inspect("role-new").await;
    browser.press("Create role").await;
    browser.reads("The role is created").await;
    assert_eq!(harness.latest_audit()[..2], ["Role Created".to_owned(), JANE.to_owned()]);
    let made = harness.admin.snapshot().unwrap().roles["admin/Auditor"].clone();
    assert_eq!(json!(made.permissions), json!({ "View and Run Audit Reports": "YES" }));
    assert!(!made.is_system);
    browser.press("Permissions").await;
    browser.click("input[name='Invite'][value='NO']").await;
    browser.fill("role_name", "Reviewer").await;
    browser.press("Save").await;
    browser.reads("The role is saved.").await;
    let changed = harness.admin.snapshot().unwrap().roles["admin/Reviewer"].clone();
    assert_eq!(json!(changed.permissions), json!({ "Invite": "NO", "View and Run Audit Reports": "YES" }));
    assert_eq!((changed.id, changed.ref_id), (made.id, made.ref_id));
    let log = harness.admin.audit_log().unwrap();
    let names: Vec<&str> = log[log.len() - 2..].iter().map(|entry| entry[0].as_str()).collect();
    assert_eq!(names, ["Role Updated", "Role Permissions Updated"]);
    harness.admin.bind(&Holder::user(SAM), "Reviewer", None).unwrap();
    browser.press("Delete role").await;
    browser.reads("One assignment of this role goes with it").await;
    browser.inspect("role-delete").await;
    browser.press("Delete role").await;
    browser.reads("The role is deleted.").await;
    assert!(!harness.admin.snapshot().unwrap().roles.contains_key("admin/Reviewer"));
    assert!(harness.admin.snapshot().unwrap().users[SAM].admin_roles.is_empty());
    assert_eq!(harness.latest_audit()[0], "Role Deleted");
}

#[tokio::test]
async fn pages_opened_by_a_new_role_are_exactly_what_it_names() {
    let harness = ConsoleHarness::new();
    let mut jane = harness.signed_in(JANE).await;
    let page = jane.get("/Admin/roles/new?kind=admin").await;
    assert_eq!(page.status, 200);
    let fields =
        [("kind", "admin"), ("role_name", "Settings"), ("Manage User Settings", "YES"), ("Invite", "NO")];
    let made = jane.post("/Admin/roles/new", &fields).await;
    let add = format!("{}/add", made.location);
    jane.post(&add, &[("holder", &user(&harness, SAM))]).await;
    let mut sam = harness.signed_in(SAM).await;
    assert_eq!(sam.get("/Admin/user-settings").await.status, 200);
    let page = sam.get("/Admin/dashboard").await;
    assert!(page.text.contains("User Settings") && !page.text.contains("/Admin/users\""), "{}", page.text);
    for path in
        ["/Admin/users", "/Admin/enrollment/invite", "/Admin/enrollment/import", ROLES, "/Admin/groups"]
    {
        assert_eq!(sam.get(path).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn roles_that_are_default_keep_their_name_and_the_fixed_ones_everything() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let before = harness.admin.snapshot().unwrap();
    for name in ["admin/admin", "bot/Bot Owner"] {
        let path = path(&harness, name);
        assert!(owner.get(&path).await.text.contains("The permissions of this role are fixed"));
        owner.post(&path, &[("Tasks", "NO"), ("Invite", "NO")]).await;
        assert!(owner.get(&path).await.text.contains("are fixed."), "{name}");
    }
    for name in ["admin/admin", "bot/Bot Owner", "bot/Bot Tester"] {
        let path = path(&harness, name);
        owner.post(&format!("{path}/delete"), &[("confirmed", "yes")]).await;
        assert!(owner.get(&path).await.text.contains("is a default role and stays"), "{name}");
    }
    assert_eq!(harness.admin.snapshot().unwrap(), before);
    // Bot Tester: permissions yes, name no; what the form leaves unset is absent.
    let tester = path(&harness, "bot/Bot Tester");
    owner.post(&tester, &[("role_name", "Mine"), ("Tasks", "FULL"), ("Dashboard", "YES")]).await;
    let after = harness.admin.snapshot().unwrap().roles["bot/Bot Tester"].clone();
    assert_eq!(json!(after.permissions), json!({ "Tasks": "FULL", "Dashboard": "YES" }));
    assert_eq!(harness.latest_audit()[0], "Role Permissions Updated");
}

#[tokio::test]
async fn master_admin_is_the_primary_admins_to_give_and_not_to_groups() {
    let harness = ConsoleHarness::new();
    let assignments = format!("{}/assignments", path(&harness, "admin/admin"));
    let mut jane = harness.signed_in(JANE).await;
    let page = jane.get(&assignments).await;
    assert!(page.text.contains("Only the Primary Admin assigns Master Admin."), "{}", page.text);
    let sam = user(&harness, SAM);
    assert_eq!(jane.post(&format!("{assignments}/add"), &[("holder", &sam)]).await.status, 403);
    assert_eq!(
        jane.post(&format!("{assignments}/remove"), &[("holder", &user(&harness, OWNER))]).await.status,
        403
    );
    let mut owner = harness.signed_in(OWNER).await;
    let page = owner.get(&format!("{assignments}?search=support")).await;
    assert!(!page.text.contains("group e-"), "{}", page.text);
    let group = format!("group {}", harness.admin.snapshot().unwrap().groups["QA"].id);
    owner.post(&format!("{assignments}/add"), &[("holder", &group)]).await;
    assert!(owner.get(&assignments).await.text.contains("given to people, not to groups"));
    owner.post(&format!("{assignments}/add"), &[("holder", &sam)]).await;
    assert_eq!(harness.admin.snapshot().unwrap().users[SAM].admin_roles, ["admin"]);
    // Bot Owner is not given here at all.
    let owners = format!("{}/assignments", path(&harness, "bot/Bot Owner"));
    let page = owner.get(&owners).await;
    assert!(page.text.contains("comes with a bot") && !page.text.contains("Remove bo.owner"));
    let bot = harness.bot("Travel Desk");
    let before = harness.admin.snapshot().unwrap();
    for action in ["add", "remove"] {
        let fields = [("holder", sam.as_str()), ("bot", bot.as_str())];
        assert_eq!(owner.post(&format!("{owners}/{action}"), &fields).await.status, 303);
        assert!(owner.get(&owners).await.text.contains("Bot Owner comes with a bot: it changes"));
    }
    assert_eq!(harness.admin.snapshot().unwrap(), before);
}

#[tokio::test]
async fn are_given_to_groups_all_or_none() {
    let harness = ConsoleHarness::new();
    let mut jane = harness.signed_in(JANE).await;
    let tester = format!("{}/assignments", path(&harness, "bot/Bot Tester"));
    let page = jane.get(&format!("{tester}?search=news%20newcomers")).await;
    assert_eq!(page.status, 200);
    let group = format!("group {}", harness.admin.snapshot().unwrap().groups["newcomers"].id);
    let bot = harness.bot("Travel Desk");
    let fields = [("holder", group.as_str()), ("bot", bot.as_str())];
    jane.post(&format!("{tester}/add"), &fields).await;
    assert_eq!(harness.latest_audit()[0], "Role Assigned to Groups");
    assert_eq!(harness.admin.snapshot().unwrap().groups["newcomers"].roles.len(), 1);
    // The second holds it already, so the first gets nothing.
    let sam = user(&harness, SAM);
    let both = [("holder", sam.as_str()), ("holder", group.as_str()), ("bot", bot.as_str())];
    jane.post(&format!("{tester}/add"), &both).await;
    assert!(jane.get(&tester).await.text.contains("newcomers holds Bot Tester on Travel Desk already."));
    assert!(harness.admin.snapshot().unwrap().users[SAM].bot_roles.is_empty());
    jane.post(&format!("{tester}/add"), &[("holder", &sam)]).await;
    assert!(jane.get(&tester).await.text.contains("A bot role is given on an assistant"));
    jane.post(&format!("{tester}/add"), &[("bot", &bot)]).await;
    assert!(jane.get(&tester).await.text.contains("Nobody is selected"));
    jane.post(&format!("{tester}/remove"), &fields).await;
    assert_eq!(harness.latest_audit()[0], "Role Deleted for Groups");
    jane.post(&format!("{tester}/remove"), &fields).await;
    assert!(jane.get(&tester).await.text.contains("does not hold Bot Tester on Travel Desk directly."));
}

#[tokio::test]
async fn say_what_is_wrong_with_a_form() {
    let harness = ConsoleHarness::new();
    let mut jane = harness.signed_in(JANE).await;
    jane.get("/Admin/roles/new?kind=bot").await;
    let long = "x".repeat(501);
    for (fields, why) in [
        (vec![("kind", "bot"), ("role_name", "")], "Type a name for the role."),
        (vec![("kind", "bot"), ("role_name", "Analyst")], "There is a role Analyst of this type already."),
        (vec![("kind", "admin"), ("role_name", "Master Admin")], "There is a role Master Admin of this type"),
        (vec![("kind", "bot"), ("role_name", &long[..101])], "A name has at most 100 characters."),
        (
            vec![("kind", "bot"), ("role_name", "x"), ("role_description", &long)],
            "A description has at most 500",
        ),
        (
            vec![("kind", "bot"), ("role_name", "x"), ("Channels", "FULL")],
            "A permission has a level that it does not",
        ),
    ] {
        let page = jane.post("/Admin/roles/new", &fields).await;
        assert!(page.status == 422 && page.text.contains(why), "{why}: {}", page.text);
    }
    let script = "<script>alert(1)</script>";
    let fields = [("kind", "bot"), ("role_name", script), ("role_description", script)];
    let made = jane.post("/Admin/roles/new", &fields).await;
    let role = made.location.trim_end_matches("/assignments");
    for path in [ROLES, role, &made.location, "/Admin/roles?search=%3Cscript%3E"] {
        let page = jane.get(path).await;
        assert!(page.status == 200 && !page.text.contains(script), "{path}: {}", page.text);
    }
    jane.post(role, &[("role_name", script), ("role_description", script)]).await;
    assert!(jane.get(role).await.text.contains("Nothing was changed."));
}

#[tokio::test]
async fn need_the_permission_of_their_kind() {
    let harness = ConsoleHarness::new();
    let kim = Holder::user(KIM);
    harness.admin.unbind(&kim, "User Manager", None).unwrap();
    let permissions = json!({ "Manage Bot Roles": "YES" }).as_object().cloned().unwrap();
    harness.admin.add_role(&NewRole { permissions, ..NewRole::named(RoleKind::Admin, "Bots only") }).unwrap();
    harness.admin.bind(&kim, "Bots only", None).unwrap();
    let mut kim = harness.signed_in(KIM).await;
    let page = kim.get(ROLES).await;
    assert!(page.text.contains("New bot role") && !page.text.contains("New admin role"));
    let manager = path(&harness, "admin/User Manager");
    let page = kim.get(&manager).await;
    assert!(!page.text.contains("Delete role") && !page.text.contains(">Save<"), "{}", page.text);
    kim.get(&path(&harness, "bot/Analyst")).await;
    let before = harness.admin.snapshot().unwrap();
    let own = user(&harness, KIM);
    assert_eq!(kim.get("/Admin/roles/new?kind=admin").await.status, 403);
    for (path, fields) in [
        ("/Admin/roles/new".to_owned(), vec![("kind", "admin"), ("role_name", "All"), ("Invite", "YES")]),
        (manager.clone(), vec![("role_name", "User Manager"), ("Invite", "YES")]),
        (format!("{manager}/delete"), vec![("confirmed", "yes")]),
        (format!("{manager}/assignments/add"), vec![("holder", own.as_str())]),
        (format!("{}/assignments/add", path(&harness, "admin/admin")), vec![("holder", own.as_str())]),
    ] {
        assert_eq!(kim.post(&path, &fields).await.status, 403, "{path}");
    }
    assert_eq!(harness.admin.snapshot().unwrap(), before);
    // And without any of the three, nothing of it.
    let mut sam = harness.signed_in(SAM).await;
    assert_ne!(sam.get(ROLES).await.status, 200);
}

#[tokio::test]
async fn roles_of_another_account_are_not_there() {
    let harness = ConsoleHarness::new();
    let other = harness.second_account();
    other.add_role(&NewRole::named(RoleKind::Bot, "Elsewhere")).unwrap();
    let theirs = other.snapshot().unwrap();
    let role = format!("{ROLES}/{}", theirs.roles["bot/Elsewhere"].id);
    let mut jane = harness.signed_in(JANE).await;
    assert!(!jane.get(ROLES).await.text.contains("Elsewhere"));
    for path in [role.clone(), format!("{role}/assignments")] {
        assert_eq!(jane.get(&path).await.status, 404);
    }
    jane.get(ROLES).await;
    for path in [role.clone(), format!("{role}/delete"), format!("{role}/assignments/add")] {
        assert_eq!(jane.post(&path, &[("confirmed", "yes"), ("holder", "x")]).await.status, 404);
    }
    let analyst = path(&harness, "bot/Analyst");
    let foreign = format!("user {}", theirs.users[OWNER].id);
    // The same person in another account has the same id, so a stranger's is needed.
    other.add_user(&koreconcile::sandbox::NewUser::active("ann@example.com")).unwrap();
    let ann = format!("user {}", other.snapshot().unwrap().users["ann@example.com"].id);
    assert_ne!(foreign, ann);
    let bot = harness.bot("Travel Desk");
    let fields = [("holder", ann.as_str()), ("bot", bot.as_str())];
    jane.get(ROLES).await;
    assert_eq!(jane.post(&format!("{analyst}/assignments/add"), &fields).await.status, 404);
}

#[tokio::test]
async fn permissions_are_in_sections_that_can_be_set_at_once() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(JANE).await;
    browser.open("/Admin/roles/new?kind=bot").await;
    browser.reads("Build").await;
    browser.fill("role_name", "Watcher").await;
    browser.press("Set all of Build to View").await;
    browser.press("Set all of Analyze to Full").await;
    browser.click("input[name='Tasks'][value='']").await;
    browser.inspect("role-new-bot").await;
    browser.press("Create role").await;
    browser.reads("The role is created").await;
    let made = harness.admin.snapshot().unwrap().roles["bot/Watcher"].clone();
    let expected = json!({
        "Natural Language": "VIEW", "Knowledge Graph": "VIEW", "Testing": "VIEW", "IntentDiscovery": "VIEW",
        "Storyboard": "VIEW", "Dashboard": "YES", "Bot Analytics": "YES", "Custom Dashboards": "FULL"
    });
    assert_eq!(json!(made.permissions), expected);
}

#[tokio::test]
async fn levels_of_another_generation_stay_when_a_role_is_saved() {
    let harness = ConsoleHarness::new();
    let held = json!({ "Tasks": "EDIT & DELETE", "Later Thing": "Own" });
    let permissions = held.as_object().cloned().unwrap();
    harness.admin.add_role(&NewRole { permissions, ..NewRole::named(RoleKind::Bot, "Newer") }).unwrap();
    let path = path(&harness, "bot/Newer");
    let mut jane = harness.signed_in(JANE).await;
    let page = jane.get(&path).await.text;
    let fields: Vec<(String, String)> = page
        .split("<input type=\"radio\" name=\"")
        .skip(1)
        .filter(|field| field.split_once('>').unwrap().0.ends_with(" checked"))
        .map(|field| {
            let (name, rest) = field.split_once('"').unwrap();
            let value = rest.split_once("value=\"").unwrap().1.split_once('"').unwrap().0;
            (name.to_owned(), value.replace("&#38;", "&"))
        })
        .collect();
    let mut sent: Vec<(&str, &str)> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    sent.extend([("role_name", "Newest"), ("role_description", "")]);
    assert_eq!(jane.post(&path, &sent).await.status, 303);
    assert_eq!(json!(harness.admin.snapshot().unwrap().roles["bot/Newest"].permissions), held);
}

#[tokio::test]
async fn roles_are_edited_from_their_row_and_assigned_while_typing() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.open(ROLES).await;
    browser.fill("search", "tester").await;
    // Nothing is pressed: the list follows.
    browser.reads("1–1 of 1").await;
    browser.press("Edit Bot Tester").await;
    browser.press("Assignments").await;
    browser.fill("search", "sto").await;
    browser.choose("Sam Stone").await;
    // What is ticked stays, though the search goes on.
    browser.fill("search", "sam").await;
    let is_narrowed = "return document.querySelectorAll('#found input[name=holder]').length";
    browser.evaluates(is_narrowed, &json!(1)).await;
    browser.press("Assign").await;
    browser.reads("The role is assigned.").await;
    assert_eq!(harness.admin.snapshot().unwrap().users[SAM].bot_roles.len(), 1);
}
