//! The sandbox against the examples of the `kore-api` notes: one test per section.

use koreconcile::sandbox::{Dialect, Generation};
use serde_json::{Value, json};

use crate::sandbox::world::{BANK, JANE, World, assert_shape, error, example};

fn newer() -> Dialect {
    Dialect { generation: Generation::Newer, ..Dialect::default() }
}

#[tokio::test]
async fn section_2_00_pages_count_pages_or_rows_and_clamp() {
    let world = World::new(Dialect::default());
    let page = world.get("/api/public/alluserroles?limit=5&offset=10").await.body;
    assert_eq!((&page["total"], &page["availableMore"]), (&json!(12), &json!(false)));
    assert_eq!(page["users"].as_array().unwrap().len(), 2);
    let all = world.get("/api/public/alluserroles?limit=1000").await.body;
    assert_eq!(all["users"].as_array().unwrap().len(), 12);
    let refused = world.get("/api/public/bots?limit=many").await;
    assert_eq!((refused.status, refused.body), (412, error("Validation errors/ Invalid arguments", 412)));
}

#[tokio::test]
async fn section_2_01_create_users() {
    let world = World::new(Dialect::default());
    let mut request = example("2.01-create-request");
    let entry = &mut request["users"][0];
    entry["userInfo"]["emailId"] = json!("new@example.com");
    entry["groups"] = json!([world.group("QA")]);
    entry["roles"] = json!([
        { "roleId": world.role("bot/Bot Developer"), "botId": world.bot(BANK) },
        { "roleId": world.role("admin/admin") }
    ]);
    let dialog =
        world.admin.snapshot().unwrap().bots[&world.bot(BANK)].dialogs.keys().next().unwrap().clone();
    entry["assignBotTasks"] = json!([{ "streamId": world.bot(BANK), "dialogs": [dialog] }]);
    let reply = world.post("/api/public/users", request).await;
    assert_eq!((reply.status, reply.body), (200, json!({ "msg": "Users are created Successfully" })));

    let snapshot = world.admin.snapshot().unwrap();
    let user = &snapshot.users["new@example.com"];
    assert_eq!(user.admin_roles, ["admin"]);
    assert_eq!(user.bot_roles, [("Bot Developer".to_owned(), BANK.to_owned())]);
    assert_eq!(user.groups, ["QA"]);
    assert_eq!(user.assignments[BANK].as_deref(), Some(&[dialog][..]));
    assert_eq!(user.profile["companyName"], "Example");
    assert_eq!((user.is_developer, user.can_create_bot), (true, false));
    assert_eq!(snapshot.invitations["new@example.com"], 1);
    let mail = &world.admin.invitations_to("new@example.com").unwrap()[0];
    assert!(mail.contains("To: new@example.com\r\n") && mail.contains("/signup?token="), "{mail}");
}

#[tokio::test]
async fn section_2_01_create_lists_failures_with_200() {
    let world = World::new(Dialect::default());
    let body = json!({ "sendEmail": false, "users": [
        { "userInfo": { "emailId": "not-an-email", "firstName": "user1" } },
        { "userInfo": { "emailId": "good@example.com" } }
    ] });
    let reply = world.post("/api/public/users", body).await;
    assert_eq!((reply.status, reply.body), (200, example("2.01-create-failure")));
    let snapshot = world.admin.snapshot().unwrap();
    assert!(snapshot.users.contains_key("good@example.com"));
    assert!(snapshot.invitations.is_empty());
    assert_eq!(
        (snapshot.users["good@example.com"].is_developer, snapshot.users["good@example.com"].can_create_bot),
        (true, true)
    );
}

#[tokio::test]
async fn section_2_01_create_newer_form_lists_successes() {
    let world = World::new(newer());
    let body =
        json!({ "users": [{ "userInfo": { "emailId": JANE.replace("doe", "roe"), "firstName": "Jane" } }] });
    let reply = world.post("/api/public/users", body).await;
    let mut expected = example("2.01-create-newer");
    expected["failedUserDetails"][0]["userInfo"]["emailId"] = json!("jane.roe@example.com");
    assert_eq!(reply.body, expected);
    let missing = world.post("/api/public/users", json!({ "sendEmail": true })).await;
    assert_eq!((missing.status, missing.body), (412, error("Validation errors/ Invalid arguments", 412)));
}

#[tokio::test]
async fn section_2_02_update_users() {
    let world = World::new(Dialect::default());
    let mut request = example("2.02-update-request");
    let entry = &mut request["users"][0];
    entry["userInfo"]["firstName"] = json!("Joan");
    entry["groups"] = json!({ "addTo": [world.group("QA")], "removeFrom": [world.group("support-eu")] });
    entry["roles"] = json!({
        "addTo": [{ "roleId": world.role("bot/Bot Tester"), "botId": world.bot("Store Helper") }],
        "removeFrom": [{ "roleId": world.role("bot/Bot Developer"), "botId": world.bot(BANK) }]
    });
    entry["assignBotTasks"] = json!([{ "botId": world.bot("HR Assistant") }]);
    let reply = world.put("/api/public/users", request).await;
    assert_eq!((reply.status, reply.body), (200, json!({ "msg": "Users are updated Successfully" })));
    let user = world.admin.snapshot().unwrap().users[JANE].clone();
    assert_eq!((user.first_name.as_str(), user.last_name.as_str()), ("Joan", "Doe"));
    assert_eq!(user.groups, ["QA"]);
    assert_eq!(user.bot_roles, [("Bot Tester".to_owned(), "Store Helper".to_owned())]);
    assert_eq!(user.assignments.keys().collect::<Vec<_>>(), ["HR Assistant"]);

    let by_org = json!({ "users": [{ "userInfo": { "orgUserId": "E-3", "lastName": "Three" } }] });
    assert_eq!(world.put("/api/public/users", by_org).await.body["msg"], "Users are updated Successfully");
    let user = world.admin.snapshot().unwrap().users["user3@example.com"].clone();
    assert_eq!(user.last_name, "Three");
    assert_eq!((user.is_developer, user.can_create_bot), (true, true), "left-out flags count as true");
}

#[tokio::test]
async fn section_2_02_entry_without_bot_id_clears_assignments() {
    let world = World::new(Dialect::default());
    let with =
        |tasks: Value| json!({ "users": [{ "userInfo": { "emailId": JANE }, "assignBotTasks": tasks }] });
    world.put("/api/public/users", with(json!([]))).await;
    assert_eq!(world.admin.snapshot().unwrap().users[JANE].assignments.len(), 1);
    // The key of POST is not the key of PUT: an entry with it names no bot.
    world.put("/api/public/users", with(json!([{ "streamId": world.bot(BANK) }]))).await;
    assert!(world.admin.snapshot().unwrap().users[JANE].assignments.is_empty());
}

#[tokio::test]
async fn section_2_03_remove_users() {
    let world = World::new(Dialect::default());
    let body = json!({ "deleteEmailIds": ["user1@example.com"] });
    let reply = world.delete("/api/public/users", body).await;
    assert_eq!((reply.status, reply.body), (200, json!({ "msg": "Users are removed Successfully" })));
    assert!(!world.admin.snapshot().unwrap().users.contains_key("user1@example.com"));
    for protected in ["bo@example.com", "owner@example.com"] {
        let reply = world.delete("/api/public/users", json!({ "deleteEmailIds": [protected] })).await;
        let mut expected = example("2.03-delete-failure");
        expected["failedUserDetails"][0]["emailId"] = json!(protected);
        assert_eq!((reply.status, reply.body), (200, expected));
    }
    assert_eq!(world.delete("/api/public/users", json!({})).await.status, 412);

    let world = World::new(newer());
    let reply = world.delete("/api/public/users", json!({ "orgUserIds": ["E-1", "E-2"] })).await;
    let expected = json!({ "msg": "Users are removed Successfully", "moreAvailable": true, "total": 2 });
    assert_eq!(reply.body, expected);
}

#[tokio::test]
async fn section_2_04_users_info() {
    let world = World::new(Dialect::default());
    let reply = world.post("/api/public/usersInfo", json!({ "emailIds": [JANE] })).await;
    assert_eq!(reply.status, 200);
    assert_shape(&example("2.04-users-info"), &reply.body, &[]);
    let user = &reply.body[0];
    assert_eq!(user["userInfo"]["status"], "active");
    assert_eq!(user["roles"]["adminRoles"][0]["roleName"], "admin");
    assert_eq!(user["roles"]["btRoles"][0]["groups"], json!([]));
    assert_eq!(user["roles"]["btRoles"][1]["groups"], json!(["support-eu"]));
    assert_eq!(user["assignBotTasks"][0]["dialogs"].as_array().unwrap().len(), 2);

    let pending = world.user_info("pat@example.com").await;
    assert_eq!(pending["userInfo"]["status"], "not active");
    assert!(pending["userInfo"].get("lastLogin").is_none());
    let nested = world.user_info("user1@example.com").await;
    assert_eq!(nested["roles"]["btRoles"][0]["groups"], json!(["parent"]));
}

#[tokio::test]
async fn section_2_04_users_info_unknown_and_filtered() {
    let world = World::new(Dialect::default());
    let reply = world.post("/api/public/usersInfo", json!({ "emailIds": ["a3q4"] })).await;
    assert_eq!((reply.status, reply.body), (200, example("2.04-users-info-unknown")));
    let emails = json!([JANE, "pat@example.com", "user1@example.com"]);
    let reply =
        world.post("/api/public/usersInfo", json!({ "emailIds": emails, "status": "not active" })).await;
    assert_eq!(reply.body.as_array().unwrap().len(), 1);
    assert_eq!(reply.body[0]["userInfo"]["emailId"], "pat@example.com");

    let world = World::new(newer());
    let element = world.user_info(JANE).await;
    assert_eq!((&element["moreAvailable"], &element["total"]), (&json!(false), &json!(1)));
}

#[tokio::test]
async fn section_2_05_all_user_roles() {
    let world = World::new(Dialect::default());
    let reply = world.get("/api/public/alluserroles").await;
    let shape = example("2.05-all-user-roles");
    let people = reply.body["users"].as_array().unwrap();
    assert_eq!((reply.body["total"].as_u64(), people.len()), (Some(12), 12));
    let jane = people.iter().find(|user| user["username"] == JANE).unwrap();
    let mut with_org_id = people.iter().find(|user| user["username"] == "user1@example.com").unwrap().clone();
    assert_shape(&shape["users"][0], &with_org_id, &[]);
    assert_eq!(jane["btRoles"].as_array().unwrap().len(), 2);
    with_org_id["btRoles"] = json!([]);
    assert_eq!(with_org_id["orgUserId"], "E-1");
}

#[tokio::test]
async fn section_2_06_role_list() {
    let world = World::new(Dialect::default());
    let admin = world.get("/api/public/roles?roleType=admin").await.body;
    assert_shape(&example("2.06-roles-admin"), &admin, &["permissions"]);
    assert_eq!(admin["roles"][0], example("2.06-roles-admin")["roles"][0]);
    let bot = world.get("/api/public/roles?roleType=bot").await.body;
    assert_shape(&example("2.06-roles-bot"), &bot, &["permissions"]);
    for (index, sample) in example("2.06-roles-bot")["roles"].as_array().unwrap().iter().enumerate() {
        assert_eq!(bot["roles"][index]["permissions"], sample["permissions"]);
        assert_eq!(bot["roles"][index]["rDesc"], sample["rDesc"]);
    }
    assert_eq!(world.get("/api/public/roles").await.status, 412);
}

#[tokio::test]
async fn section_2_07_role_export() {
    let world = World::new(Dialect::default());
    let admin = world.get("/api/public/roles/export?roleType=admin").await.body;
    assert_shape(&example("2.07-roles-export"), &admin, &["permissions"]);
    let bot = world.get("/api/public/roles/export?roleType=bot").await.body;
    assert_eq!(bot.as_array().unwrap().len(), 3);
    assert_eq!(bot[2]["permissions"]["Tasks"], json!(["VIEW"]));
}

#[tokio::test]
async fn section_2_08_role_import() {
    let world = World::new(Dialect::default());
    let import = |id: String, full: bool| {
        let path = format!("/api/public/roles/import?roleType=admin&fullImport={full}");
        let world = &world;
        async move { world.post(&path, json!({ "fileId": id })).await }
    };
    let file = world
        .upload(&json!([{ "role": "CustomAdmin1", "rDesc": "", "permissions": { "Invite": "YES" } }]))
        .await;
    let created = import(file.clone(), false).await;
    assert_shape(&example("2.08-roles-import"), &created.body, &["permissions"]);
    let again = import(file, false).await;
    assert_eq!(created.body[0]["_id"], again.body[0]["_id"]);
    let truth = world.admin.snapshot().unwrap().roles["admin/CustomAdmin1"].clone();
    assert_eq!(truth.permissions["Invite"], "YES");

    let other = world.upload(&json!([{ "role": "admin", "permissions": {} }])).await;
    import(other.clone(), false).await;
    assert!(world.admin.snapshot().unwrap().roles.contains_key("admin/CustomAdmin1"));
    import(other, true).await;
    let roles = world.admin.snapshot().unwrap().roles;
    assert!(!roles.contains_key("admin/CustomAdmin1"), "a full import removes what the file lacks");
    assert_eq!(roles["admin/admin"].permissions.len(), 21, "Master Admin is fixed");

    let unknown = import("0".repeat(24), false).await;
    assert_eq!((unknown.status, unknown.body), (400, error("Invalid file id", 400)));
    assert_eq!(world.get("/api/public/roles/import").await.status, 405);
}

#[tokio::test]
async fn section_2_09_upload_file() {
    let world = World::new(Dialect::default());
    let id = world.upload(&json!([])).await;
    assert!(id.len() == 24 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    assert_eq!(world.post("/api/public/uploadfile", json!({})).await.status, 412);
}

#[tokio::test]
async fn section_2_10_admin_role_assignments() {
    let world = World::new(Dialect::default());
    let mut request = example("2.10-admin-assignments-request");
    let role = world.role("admin/admin");
    request[0]["roleId"] = json!(role);
    request[0]["addUsers"] = json!(["user1@example.com", ""]);
    request[0]["removeUsers"] = json!([JANE]);
    let reply = world.post("/api/public/adminroles/assignments/", request).await;
    assert_eq!((reply.status, reply.body), (200, json!([{ "status": "success", "roleId": role }])));
    let users = world.admin.snapshot().unwrap().users;
    assert_eq!(users["user1@example.com"].admin_roles, ["admin"]);
    assert!(users[JANE].admin_roles.is_empty());

    let to_group = json!([{ "roleId": role, "addGroups": ["QA"] }]);
    let reply = world.post("/api/public/adminroles/assignments", to_group).await;
    assert_eq!((reply.status, &reply.body[0]["status"]), (200, &json!("failure")));
}

#[tokio::test]
async fn section_2_11_bot_role_assignments() {
    let world = World::new(Dialect::default());
    let mut request = example("2.11-bot-assignments-request");
    request[0]["roleId"] = json!(world.role("bot/Bot Tester"));
    request[0]["botId"] = json!(world.bot("HR Assistant"));
    request[0]["addUsers"] = json!(["user2@example.com"]);
    request[0]["addGroups"] = json!(["QA"]);
    let reply = world.post("/api/public/btroles/assignments/", request).await;
    assert_eq!((reply.status, reply.body), (200, json!([{ "status": "success " }])));
    let snapshot = world.admin.snapshot().unwrap();
    assert_eq!(snapshot.users["user2@example.com"].bot_roles.len(), 1);
    assert_eq!(snapshot.groups["QA"].roles, [("Bot Tester".to_owned(), Some("HR Assistant".to_owned()))]);

    let owner =
        json!([{ "roleId": world.role("bot/Bot Owner"), "botId": world.bot(BANK), "addUsers": [JANE] }]);
    let reply = world.post("/api/public/btroles/assignments/", owner).await;
    assert_eq!(reply.body[0]["status"], "failure");
    assert_eq!(world.post("/api/public/btroles/assignments", json!([{ "roleId": "x" }])).await.status, 412);
}

#[tokio::test]
async fn section_2_12_user_access() {
    let world = World::new(Dialect::default());
    let access = |emails: Value, create: bool, develop: bool| {
        let body = json!({ "emailIds": emails, "canCreateBot": create, "isDeveloper": develop });
        let world = &world;
        async move { world.post("/api/public/useraccess", body).await }
    };
    let reply = access(json!([JANE, "user1@example.com"]), true, true).await;
    assert_eq!((reply.status, reply.body), (200, json!(["SUCCESS"])));
    assert!(world.admin.snapshot().unwrap().users["user1@example.com"].can_create_bot);
    for (emails, create, develop, status, msg) in [
        (json!([JANE]), true, false, 403, "Invalid values in the body"),
        (json!([]), false, false, 400, "emailIds cannot be empty"),
        (json!([JANE, "who@example.com"]), false, false, 400, "One or more entered emails not found"),
    ] {
        let reply = access(emails, create, develop).await;
        assert_eq!((reply.status, reply.body), (status, error(msg, status)));
    }
    assert!(world.admin.snapshot().unwrap().users[JANE].can_create_bot, "a refused call changes nothing");
}

#[tokio::test]
async fn section_2_13_groups() {
    let world = World::new(Dialect::default());
    let body = world.get("/api/public/groups?offset=0&limit=50").await.body;
    assert_eq!((&body["total"], &body["availableMore"]), (&json!(3), &json!(false)));
    let support = &body["groups"][0];
    assert_shape(&example("2.13-groups")["groups"][0], support, &[]);
    assert_eq!((&support["gN"], &support["userCount"]), (&json!("support-eu"), &json!(2)));
    assert_eq!(body["groups"][2]["groups"][0]["gN"], "QA");
}

#[tokio::test]
async fn section_2_14_bots() {
    let world = World::new(Dialect::default());
    let body = world.get("/api/public/bots").await.body;
    assert_eq!(body["total"], 4);
    assert_shape(&example("2.14-bots")["bots"][0], &body["bots"][0], &[]);
    assert!(body["bots"][0]["jwtApps"][0]["clientSecret"].as_str().is_some_and(|secret| secret.len() > 20));
    let words =
        |key: &str| body["bots"].as_array().unwrap().iter().map(|bot| bot[key].clone()).collect::<Vec<_>>();
    assert_eq!(words("status"), ["published", "published", "published", "configured"]);
    assert_eq!(words("purpose"), ["employee", "employee", "customer", "employee"]);
}

#[tokio::test]
async fn section_2_15_publish_and_status() {
    let world = World::new(Dialect::default());
    let bot = world.bot(BANK);
    let path = format!("/api/public/bot/{bot}/publish");
    let reply = world.post(&path, json!({ "versionComment": "new update" })).await;
    let dialog = &reply.body[0];
    assert_shape(&example("2.15-publish-element"), dialog, &[]);
    assert_eq!(dialog["result"]["state"], "awaitingApproval");
    let status = world.get(&format!("/api/1.1/public/bot/{bot}/publish/status/")).await.body;
    let shape = example("2.15-publish-status");
    assert_shape(&shape, &status, &["statusSummary"]);
    for (index, sample) in shape["statusSummary"].as_array().unwrap().iter().enumerate() {
        assert_shape(sample, &status["statusSummary"][index], &[]);
    }
    assert_eq!(world.post(&path, Value::Null).await.status, 412);
    let unknown = world.post("/api/public/bot/st-0/publish", json!({ "versionComment": "x" })).await;
    assert_eq!((unknown.status, unknown.body), (400, error("Invalid StreamId", 400)));
    let draft = world.bot("Claims Draft");
    world.post(&format!("/api/public/bot/{draft}/publish"), json!({ "versionComment": "first" })).await;
    let status = world.admin.snapshot().unwrap().bots[&draft].status;
    assert_eq!(status, koreconcile::sandbox::BotStatus::AwaitingApproval);
}

#[tokio::test]
async fn section_2_17_sso() {
    let world = World::new(Dialect::default());
    let off = world.get("/api/public/ssoconfig?SSOProtocol=saml").await.body;
    assert_eq!(off.as_object().unwrap().keys().collect::<Vec<_>>(), ["ACS_IDP_URL", "ACS_SP_CallBack_URL"]);
    let body = json!({
        "SSO_Authentication": "enable", "SSOProtocol": "saml", "SAML_IdentityProvider": "okta",
        "SingleSignOnURL": "https://idp.example.com", "IssuerURL": "http://idp.example.com", "Certificate": ["c"],
        "autoOnboarding": { "restrict": true }, "SAMLAttributeMapping": true,
        "SyncBehaviour": "Synchronize_UpdateExisting", "AttributeMapping": [{
            "SAMLAttribute_Name": "role", "SAMLAttribute_Value": "Admin", "Attribute_Type": "Role",
            "Kore_Attribute": "isDeveloper" }]
    });
    let created = world.post("/api/public/ssoconfig", body.clone()).await.body;
    assert_eq!(created["message"], "SSO Configuration created successfully");
    assert!(created["modifiedBy"].is_string());
    let updated = world.post("/api/public/ssoconfig", body).await.body;
    assert_eq!(updated["message"], "SSO Configuration updated successfully");
    let on = world.get("/api/public/ssoconfig?SSOProtocol=saml").await.body;
    assert_shape(&example("2.17-sso-show"), &on, &[]);
    assert_eq!(on["ssoConfig"]["samlAttributeMapping"]["status"], "active");
    let gone = world.delete("/api/public/ssoconfig", Value::Null).await;
    assert_eq!(gone.body, json!({ "message": "SSO Configuration disabled" }));
    assert_eq!(world.get("/api/public/ssoconfig").await.status, 412);
}

#[tokio::test]
async fn section_2_18_audit_logs() {
    let world = World::new(Dialect::default());
    let users: Vec<Value> =
        (0..3).map(|n| json!({ "userInfo": { "emailId": format!("audit{n}@example.com") } })).collect();
    world.post("/api/public/users", json!({ "users": users })).await;
    let body = world.get("/api/public/auditlogs?size=100").await.body;
    assert_shape(&example("2.18-audit-logs"), &body, &[]);
    let entries = body["auditlogs"].as_array().unwrap();
    assert_eq!(entries.iter().filter(|entry| entry["Name"] == "User Created").count(), 3);
    let given = json!([{ "roleId": world.role("admin/admin"), "addUsers": ["user1@example.com"] }]);
    world.post("/api/public/adminroles/assignments", given).await;
    let put = json!({ "users": [{ "userInfo": { "emailId": JANE }, "assignBotTasks": [{}], "roles": {
        "addTo": [], "removeFrom": [{ "roleId": world.role("bot/Bot Developer"), "botId": world.bot(BANK) }] } }] });
    world.put("/api/public/users", put).await;
    let file = world.upload(&json!([{ "role": "Custom" }])).await;
    world.post("/api/public/roles/import?roleType=bot", json!({ "fileId": file })).await;
    world.delete("/api/public/users", json!({ "deleteEmailIds": ["audit0@example.com"] })).await;
    let body = world.get("/api/public/auditlogs?size=100").await.body;
    let entries = body["auditlogs"].as_array().unwrap();
    let events: Vec<&str> = entries[4..].iter().map(|entry| entry["Name"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "Admin Role Assigned to Users",
            "User Modified",
            "Bot Role Deleted for Users",
            "Bot Task Assignment",
            "Role Created",
            "User Deleted"
        ]
    );
    let first = entries[0]["AuditLogId"].as_str().unwrap();
    let rest = world.get(&format!("/api/public/auditlogs?fetchAfter={first}&size=1")).await.body;
    assert_eq!((&rest["auditlogs"][0], &rest["moreAvailable"]), (&entries[1], &json!(true)));
    let none = world.get("/api/public/auditlogs?fromDate=2020-01-01&toDate=2020-01-31").await.body;
    assert_eq!(none["total"], 0);
    let day = world.get("/api/public/auditlogs?fromDate=2026-03-01&toDate=2026-03-01").await.body;
    assert_eq!(day["total"], body["total"]);
}

#[tokio::test]
async fn two_accounts_know_nothing_of_each_other() {
    use koreconcile::sandbox::{NewUser, Options, Sandbox, Starter};
    let data = tempfile::tempdir().unwrap();
    let open = |id: &str| {
        let options =
            Options { account_id: Some(id.to_owned()), starter: Starter::Bare, ..Options::default() };
        Sandbox::open(data.path(), options).unwrap()
    };
    let (one, two) = (open("aaaaaaaaaaaaaaaaaaaaaaaa"), open("bbbbbbbbbbbbbbbbbbbbbbbb"));
    two.admin().unwrap().add_user(&NewUser::active("there@example.com")).unwrap();
    let app = one.admin().unwrap().create_app("x", &["all"], false).unwrap();
    let request = axum::http::Request::post("/api/public/useraccess")
        .header("auth", crate::sandbox::world::token(&app, json!({})))
        .body(axum::body::Body::from(
            json!({ "emailIds": ["there@example.com"], "isDeveloper": true }).to_string(),
        ))
        .unwrap();
    let response = tower::ServiceExt::oneshot(one.router(), request).await.unwrap();
    let reply = crate::sandbox::world::read(response).await;
    let msg = "Emails << there@example.com >> not associated with your account";
    assert_eq!((reply.status, reply.body), (400, error(msg, 400)));
    assert_eq!(one.accounts().unwrap().len(), 2);
}
