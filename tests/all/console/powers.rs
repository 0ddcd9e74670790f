//! Small permissions stay small: nobody gets more through groups, apps, files or other people's accounts.

use koreconcile::sandbox::{Holder, NewGroup, NewRole, RoleKind, UserState};
use serde_json::json;

use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OWNER, SAM, Visitor};

/// Kim with exactly these permissions.
async fn kim_with(harness: &ConsoleHarness, permissions: &[&str]) -> Visitor {
    harness.admin.unbind(&Holder::user(KIM), "User Manager", None).unwrap();
    let permissions = permissions.iter().map(|name| ((*name).to_owned(), json!("YES"))).collect();
    harness.admin.add_role(&NewRole { permissions, ..NewRole::named(RoleKind::Admin, "Little") }).unwrap();
    harness.admin.bind(&Holder::user(KIM), "Little", None).unwrap();
    harness.signed_in(KIM).await
}

fn group_id(harness: &ConsoleHarness, name: &str) -> String {
    harness.admin.snapshot().unwrap().groups[name].id.clone()
}

/// Sends a form and returns what the next page says.
async fn told(visitor: &mut Visitor, path: &str, fields: &[(&str, &str)]) -> String {
    visitor.get("/Admin/dashboard").await;
    let answer = visitor.post(path, fields).await;
    if answer.status == 303 { visitor.open(&answer.location).await.text } else { answer.text }
}

#[tokio::test]
async fn groups_are_changed_by_those_who_may_give_their_roles() {
    let harness = ConsoleHarness::new();
    let admin = &harness.admin;
    let powers = json!({ "Enterprise Key": "YES" }).as_object().cloned().unwrap();
    admin.add_role(&NewRole { permissions: powers, ..NewRole::named(RoleKind::Admin, "Powerful") }).unwrap();
    for name in ["above", "within", "empty", "free"] {
        admin.add_group(&NewGroup::named(name)).unwrap();
    }
    admin.nest("above", "within").unwrap();
    admin.bind(&Holder::group("above"), "Powerful", None).unwrap();
    admin.bind(&Holder::group("empty"), "Bot Developer", Some("Travel Desk")).unwrap();
    admin.join("within", SAM).unwrap();
    let mut kim = kim_with(&harness, &["Manage Groups"]).await;
    let (kim_id, sam_id) = (harness.person(KIM), harness.person(SAM));
    let [above, within, empty, free] =
        ["above", "within", "empty", "free"].map(|name| group_id(&harness, name));
    let before = admin.snapshot().unwrap();
    for (path, fields) in [
        (format!("/Admin/groups/{above}/people/add"), vec![("user", kim_id.as_str())]),
        // What comes from above counts as well, and from a bot role.
        (format!("/Admin/groups/{within}/people/add"), vec![("user", kim_id.as_str())]),
        (format!("/Admin/groups/{empty}/people/add"), vec![("user", kim_id.as_str())]),
        (format!("/Admin/groups/{within}/people/remove"), vec![("user", sam_id.as_str())]),
        (format!("/Admin/groups/{above}/groups/add"), vec![("group", free.as_str())]),
        (format!("/Admin/groups/{above}/groups/remove"), vec![("group", within.as_str())]),
        (format!("/Admin/groups/{above}/edit"), vec![("name", "renamed")]),
        ("/Admin/groups/delete".to_owned(), vec![("group", above.as_str()), ("confirmed", "yes")]),
    ] {
        let text = told(&mut kim, &path, &fields).await;
        assert!(text.contains("brings the role"), "{path} {fields:?}: {text}");
    }
    let after = admin.snapshot().unwrap();
    assert_eq!(
        (after.groups, after.users[SAM].groups.clone(), after.users[KIM].groups.clone()),
        (before.groups, before.users[SAM].groups.clone(), before.users[KIM].groups.clone())
    );
    // Into a group that brings nothing, anybody may be put, and out of it.
    told(&mut kim, &format!("/Admin/groups/{free}/people/add"), &[("user", &kim_id)]).await;
    assert!(admin.snapshot().unwrap().users[KIM].groups.iter().any(|one| one == "free"));
    // Who may give the role may change the group.
    let mut owner = harness.signed_in(OWNER).await;
    told(&mut owner, &format!("/Admin/groups/{within}/people/add"), &[("user", &kim_id)]).await;
    assert!(admin.snapshot().unwrap().users[KIM].groups.iter().any(|one| one == "within"));
}

#[tokio::test]
async fn apps_may_do_no_more_than_whoever_makes_them() {
    let harness = ConsoleHarness::new();
    let strong = harness.admin.create_app("strong", &["all"], false).unwrap();
    let weak = harness.admin.create_app("weak", &["logs:admin_console_audit_logs"], false).unwrap();
    let mut kim = kim_with(&harness, &["API Scopes", "View and Run Audit Reports"]).await;
    let page = kim.get("/Admin/security/api-scopes/new").await.text;
    assert_eq!(page.matches("disabled").count(), 5, "{page}");
    let new = "/Admin/security/api-scopes/new";
    for scope in [
        "role_management:role_management",
        "user_management:user_management",
        "user_management:sso_configuration",
        "bot_publish:publish_request",
        "bot_publish:publish_status",
    ] {
        let answer = kim.post(new, &[("name", "mine"), ("scope", scope)]).await;
        assert_eq!(answer.status, 422, "{scope}");
        assert!(answer.text.contains("may do more than you"), "{scope}: {}", answer.text);
        let path = format!("/Admin/security/api-scopes/{}", weak.client_id);
        let text = told(&mut kim, &path, &[("scope", scope)]).await;
        assert!(text.contains("may do more than you"), "{scope}: {text}");
    }
    // The secret of an app that may do more is as good as its scopes.
    let path = format!("/Admin/security/api-scopes/{}", strong.client_id);
    assert!(!kim.get(&path).await.text.contains("Reset secret"));
    for action in ["", "/reset", "/delete"] {
        let text = told(&mut kim, &format!("{path}{action}"), &[("confirmed", "yes")]).await;
        assert!(text.contains("may do more than you"), "{action}: {text}");
    }
    // Within one's own rights there is nothing to refuse.
    let fields = [("name", "mine"), ("scope", "logs:admin_console_audit_logs")];
    let answer = kim.post(new, &fields).await;
    assert!(answer.text.contains("Copy the secret now"), "{}", answer.text);
    let path = format!("/Admin/security/api-scopes/{}/reset", weak.client_id);
    assert!(told(&mut kim, &path, &[("confirmed", "yes")]).await.contains("Copy the secret now"));
}

#[tokio::test]
async fn master_admins_are_changed_by_master_admins() {
    let harness = ConsoleHarness::new();
    harness.signed_in(OWNER).await;
    let mut kim = kim_with(&harness, &["Manage Users", "Import Users / Sync"]).await;
    let before = harness.admin.snapshot().unwrap().users;
    for email in [JANE, OWNER] {
        let id = harness.person(email);
        let page = kim.get(&format!("/Admin/users/{id}")).await.text;
        let session = page.split_once("name=\"session\" value=\"").map_or("none", |(_, rest)| &rest[..24]);
        for (path, fields) in [
            (
                "/Admin/users/apply".to_owned(),
                vec![("user", id.as_str()), ("action", "suspend"), ("confirmed", "yes")],
            ),
            (
                "/Admin/users/apply".to_owned(),
                vec![("user", id.as_str()), ("action", "delete"), ("confirmed", "yes")],
            ),
            ("/Admin/users/apply".to_owned(), vec![("user", id.as_str()), ("action", "access-none")]),
            ("/Admin/users/apply".to_owned(), vec![("user", id.as_str()), ("action", "activate")]),
            (format!("/Admin/users/{id}/edit"), vec![("first_name", "X"), ("last_name", "Y")]),
            (format!("/Admin/users/{id}/sessions/kill"), vec![("session", session)]),
            (format!("/Admin/users/{id}/reset-password"), vec![]),
        ] {
            let text = told(&mut kim, &path, &fields).await;
            let is_refused =
                text.contains("only Master Admins act on them") || text.contains("is the Primary Admin");
            assert!(is_refused, "{email} {path}: {text}");
        }
        for status in ["Update", "Delete", "Activate"] {
            let file = format!("Email ID|First Name|Last Name|User Status\n{email}|X|Y|{status}\n");
            kim.get("/Admin/enrollment/import").await;
            let answer = kim.upload("/Admin/enrollment/import", "people.txt", &file).await;
            let report = kim.get(&answer.location).await.text;
            assert!(report.contains("on whom only Master Admins act"), "{status}: {report}");
        }
    }
    assert_eq!(harness.admin.snapshot().unwrap().users, before);
    // One Master Admin acts on another.
    let mut owner = harness.signed_in(OWNER).await;
    let id = harness.person(JANE);
    told(&mut owner, "/Admin/users/apply", &[("user", &id), ("action", "suspend"), ("confirmed", "yes")])
        .await;
    assert_eq!(harness.admin.snapshot().unwrap().users[JANE].state, UserState::Suspended);
}

#[tokio::test]
async fn roles_are_assigned_by_who_manages_users_within_their_own_rights() {
    let harness = ConsoleHarness::new();
    let admin = &harness.admin;
    for (name, permission) in
        [("Inviter", "Invite"), ("Keeper", "Enterprise Key"), ("Connector", "Kore.ai Connector")]
    {
        let permissions = json!({ permission: "YES", "Preferences": "NO" }).as_object().cloned().unwrap();
        admin.add_role(&NewRole { permissions, ..NewRole::named(RoleKind::Admin, name) }).unwrap();
    }
    admin.add_group(&NewGroup::named("keepers")).unwrap();
    admin.bind(&Holder::group("keepers"), "Keeper", None).unwrap();
    let mut kim = kim_with(&harness, &["Manage Users", "Invite"]).await;
    let sam = harness.person(SAM);
    let page = format!("/Admin/users/{sam}");
    let role = |key: &str| admin.snapshot().unwrap().roles[key].id.clone();
    let offered = kim.get(&page).await.text;
    let choices = offered.split_once("id=\"admin-role\"").unwrap().1.split_once("</select>").unwrap().0;
    assert!(choices.contains(">Inviter<"), "{choices}");
    for beyond in [">Keeper<", ">Connector<", ">Master Admin<"] {
        assert!(!choices.contains(beyond), "{beyond} {choices}");
    }
    for key in ["admin/Keeper", "admin/Connector", "admin/admin"] {
        kim.get(&page).await;
        let answer = kim.post(&format!("{page}/admin-roles/add"), &[("role", &role(key))]).await;
        assert_eq!(answer.status, 403, "{key}");
    }
    told(&mut kim, &format!("{page}/admin-roles/add"), &[("role", &role("admin/Inviter"))]).await;
    let bot = harness.bot("Travel Desk");
    let fields = [("role", role("bot/Bot Tester")), ("bot", bot.clone())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    told(&mut kim, &format!("{page}/bot-roles/add"), &fields).await;
    let held = admin.snapshot().unwrap().users[SAM].clone();
    assert_eq!(held.admin_roles, ["Inviter"]);
    assert_eq!(held.bot_roles, [("Bot Tester".to_owned(), "Travel Desk".to_owned())]);
    // Nor by way of a group, and Bot Owner comes with a bot.
    let group = group_id(&harness, "keepers");
    let text = told(&mut kim, &format!("{page}/groups/add"), &[("group", &group)]).await;
    assert!(!admin.snapshot().unwrap().users[SAM].groups.iter().any(|one| one == "keepers"), "{text}");
    let fields = [("role", role("bot/Bot Owner")), ("bot", bot)];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    told(&mut kim, &format!("{page}/bot-roles/add"), &fields).await;
    assert_eq!(admin.snapshot().unwrap().users[SAM].bot_roles.len(), 1);
    // Taking them away is the same.
    told(&mut kim, &format!("{page}/admin-roles/remove"), &[("role", &role("admin/Inviter"))]).await;
    assert!(admin.snapshot().unwrap().users[SAM].admin_roles.is_empty());
}
