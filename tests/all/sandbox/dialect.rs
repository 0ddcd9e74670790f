//! Each dialect switch shows its readings. (The switches of the rate limit are in `sandbox::rate`.)

use koreconcile::sandbox::*;
use serde_json::{Value, json};

use crate::sandbox::world::{BANK, JANE, World};

const USERS: &str = "/api/public/users";
const INFO: &str = "/api/public/usersInfo";
const PAT: &str = "pat@example.com";

fn world(change: impl FnOnce(&mut Dialect)) -> World {
    let mut dialect = Dialect::default();
    change(&mut dialect);
    World::new(dialect)
}

fn truth(world: &World) -> Snapshot {
    world.admin.snapshot().unwrap()
}

fn user(world: &World, email: &str) -> UserTruth {
    truth(world).users[email].clone()
}

fn update(email: &str, fields: Value) -> Value {
    let mut entry = fields;
    entry["userInfo"] = json!({ "emailId": email });
    json!({ "users": [entry] })
}

fn names(body: &Value, list: &str, key: &str) -> Vec<String> {
    body[list].as_array().unwrap().iter().map(|row| row[key].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn put_assignments() {
    for (reading, left) in [(PutAssignments::Replaces, 1), (PutAssignments::Adds, 2)] {
        let world = world(|d| d.put_assignments = reading);
        let body = update(JANE, json!({ "assignBotTasks": [{ "botId": world.bot("HR Assistant") }] }));
        world.put(USERS, body).await;
        assert_eq!(user(&world, JANE).assignments.len(), left, "{reading:?}");
        world.put(USERS, update(JANE, json!({ "assignBotTasks": [{}] }))).await;
        assert!(user(&world, JANE).assignments.is_empty());
    }
}

#[tokio::test]
async fn put_empty_assignments_clears() {
    for (reading, left) in [(false, 1), (true, 0)] {
        let world = world(|d| d.put_empty_assignments_clears = reading);
        world.put(USERS, update(JANE, json!({ "assignBotTasks": [] }))).await;
        assert_eq!(user(&world, JANE).assignments.len(), left);
    }
}

#[tokio::test]
async fn unassignable() {
    for (reading, failed, stored) in [
        (Unassignable::Failure, true, false),
        (Unassignable::Ignored, false, false),
        (Unassignable::Stored, false, true),
    ] {
        for bot in ["Store Helper", "Claims Draft"] {
            let world = world(|d| {
                d.unassignable = reading;
                d.put_assignments = PutAssignments::Adds;
            });
            let body = update(JANE, json!({ "assignBotTasks": [{ "botId": world.bot(bot) }] }));
            let reply = world.put(USERS, body).await;
            assert_eq!(reply.body.get("failedUserDetails").is_some(), failed, "{reading:?}");
            assert_eq!(user(&world, JANE).assignments.contains_key(bot), stored, "{reading:?}");
        }
    }
}

#[tokio::test]
async fn pending_roles_and_assignments() {
    for (reading, while_pending, after) in
        [(WhilePending::Stored, 1, 1), (WhilePending::HiddenUntilJoined, 0, 1), (WhilePending::Dropped, 0, 0)]
    {
        let world = world(|d| {
            d.pending_roles = reading;
            d.pending_assignments = reading;
        });
        let role = json!([{ "roleId": world.role("bot/Bot Tester"), "botId": world.bot(BANK) }]);
        let tasks = json!([{ "streamId": world.bot(BANK) }]);
        let entry =
            json!({ "userInfo": { "emailId": "new@example.com" }, "roles": role, "assignBotTasks": tasks });
        world.post(USERS, json!({ "users": [entry] })).await;
        let counts = async || {
            let info = world.user_info("new@example.com").await;
            let count = |value: &Value| value.as_array().unwrap().len();
            (count(&info["roles"]["btRoles"]), count(&info["assignBotTasks"]))
        };
        assert_eq!(counts().await, (while_pending, while_pending), "{reading:?}");
        world.admin.accept("new@example.com").unwrap();
        assert_eq!(counts().await, (after, after), "{reading:?}");
    }
}

#[tokio::test]
async fn send_email_in_entry() {
    for (reading, mails) in [(true, 0), (false, 1)] {
        let world = world(|d| d.send_email_in_entry = reading);
        let entry = json!({ "userInfo": { "emailId": "new@example.com" }, "sendEmail": false });
        world.post(USERS, json!({ "users": [entry] })).await;
        assert_eq!(world.admin.invitations_to("new@example.com").unwrap().len(), mails);
    }
}

#[tokio::test]
async fn role_match_and_ids() {
    for (reading, roles) in [(RoleMatch::RefIdThenName, 1), (RoleMatch::RefId, 2), (RoleMatch::Name, 1)] {
        let world = world(|d| d.role_match = reading);
        for ref_id in ["11111111-1111-5111-8111-111111111111", "22222222-2222-5222-8222-222222222222"] {
            let file = world.upload(&json!([{ "role": "Custom", "refId": ref_id }])).await;
            world.post("/api/public/roles/import?roleType=bot", json!({ "fileId": file })).await;
        }
        let export = world.get("/api/public/roles/export?roleType=bot").await.body;
        let custom = export.as_array().unwrap().iter().filter(|role| role["role"] == "Custom").count();
        assert_eq!(custom, roles, "{reading:?}");
    }
    for (keeps, same) in [(true, true), (false, false)] {
        let world = world(|d| d.import_keeps_ids = keeps);
        let file = world.upload(&json!([{ "role": "Custom" }])).await;
        let import = async || {
            let body = json!({ "fileId": file });
            world.post("/api/public/roles/import?roleType=bot", body).await.body[0]["_id"].clone()
        };
        assert_eq!(import().await == import().await, same);
    }
}

#[tokio::test]
async fn bot_owner_and_master_admin() {
    for reading in [false, true] {
        let world = world(|d| d.bot_owner_by_api = reading);
        let body =
            json!([{ "roleId": world.role("bot/Bot Owner"), "botId": world.bot(BANK), "addUsers": [JANE] }]);
        world.post("/api/public/btroles/assignments", body).await;
        assert_eq!(user(&world, JANE).bot_roles.iter().any(|(role, _)| role == "Bot Owner"), reading);
    }
    for reading in [false, true] {
        let world = world(|d| {
            d.master_admin_by_api = reading;
            d.master_admin_to_groups = true;
        });
        let add = json!([{ "roleId": world.role("admin/admin"), "addUsers": ["user1@example.com"] }]);
        world.post("/api/public/adminroles/assignments", add).await;
        assert_eq!(user(&world, "user1@example.com").admin_roles.len(), usize::from(reading));
        let group = json!([{ "roleId": world.role("admin/admin"), "addGroups": ["QA"] }]);
        world.post("/api/public/adminroles/assignments", group).await;
        assert_eq!(truth(&world).groups["QA"].roles.len(), usize::from(reading));
    }
}

#[tokio::test]
async fn element_fails_whole() {
    for (reading, granted) in [(true, 0), (false, 1)] {
        let world = world(|d| d.element_fails_whole = reading);
        let users = json!(["user1@example.com", "nobody@example.com"]);
        let body = json!([{ "roleId": world.role("admin/admin"), "addUsers": users }]);
        let reply = world.post("/api/public/adminroles/assignments", body).await;
        assert_eq!(reply.body[0]["status"], "failure");
        assert_eq!(user(&world, "user1@example.com").admin_roles.len(), granted);
    }
}

#[tokio::test]
async fn assignment_answers() {
    for (reading, answers) in [(AssignmentAnswers::PerElement, 2), (AssignmentAnswers::Single, 1)] {
        let world = world(|d| d.assignment_answers = reading);
        let element = json!({ "roleId": world.role("admin/admin"), "addUsers": ["user1@example.com"] });
        let reply = world.post("/api/public/adminroles/assignments", json!([element, element])).await;
        assert_eq!(reply.body.as_array().unwrap().len(), answers);
    }
}

#[tokio::test]
async fn batch_fails_whole() {
    for (reading, created) in [(false, true), (true, false)] {
        let world = world(|d| d.batch_fails_whole = reading);
        let entries =
            json!([{ "userInfo": { "emailId": "new@example.com" } }, { "userInfo": { "emailId": "bad" } }]);
        let reply = world.post(USERS, json!({ "users": entries })).await;
        assert_eq!(reply.body["failedUserDetails"].as_array().unwrap().len(), 1);
        let snapshot = truth(&world);
        assert_eq!(snapshot.users.contains_key("new@example.com"), created);
        assert_eq!(snapshot.invitations.contains_key("new@example.com"), created);
    }
}

#[tokio::test]
async fn reason_shape() {
    for (reading, reason) in [
        (ReasonShape::ErrorsOnly, json!({ "errors": [{ "msg": "INVALID_EMAIL", "code": 400 }] })),
        (ReasonShape::Text, json!("Invalid emailId")),
    ] {
        let world = world(|d| d.reason_shape = reading);
        let reply = world.post(USERS, json!({ "users": [{ "userInfo": { "emailId": "12335" } }] })).await;
        assert_eq!(reply.body["failedUserDetails"][0]["userInfo"]["reason"], reason);
    }
}

#[tokio::test]
async fn existing_user() {
    for (reading, failed, name) in [
        (ExistingUser::Failure, true, "Jane"),
        (ExistingUser::Unchanged, false, "Jane"),
        (ExistingUser::Updated, false, "Joan"),
    ] {
        let world = world(|d| d.existing_user = reading);
        let entry = json!({ "userInfo": { "emailId": JANE, "firstName": "Joan" } });
        let reply = world.post(USERS, json!({ "users": [entry] })).await;
        assert_eq!(reply.body.get("failedUserDetails").is_some(), failed, "{reading:?}");
        assert_eq!(user(&world, JANE).first_name, name, "{reading:?}");
        assert!(world.admin.invitations_to(JANE).unwrap().is_empty());
    }
}

#[tokio::test]
async fn users_info_maximum() {
    for (reading, status, elements) in [(OverUsersInfo::Refused, 400, 0), (OverUsersInfo::Truncated, 200, 2)]
    {
        let world = world(|d| {
            d.users_info_max = 2;
            d.users_info_over_max = reading;
        });
        let emails = json!([JANE, PAT, "user1@example.com"]);
        let reply = world.post(INFO, json!({ "emailIds": emails })).await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.body.as_array().map_or(0, Vec::len), elements);
    }
}

#[tokio::test]
async fn unknown_users_and_order() {
    for (reading, elements) in [(UnknownUsers::Failure, 2), (UnknownUsers::Omitted, 1)] {
        let world = world(|d| d.unknown_users = reading);
        let reply = world.post(INFO, json!({ "emailIds": [JANE, "nobody@example.com"] })).await;
        assert_eq!(reply.body.as_array().unwrap().len(), elements);
    }
    for (reading, first) in [(UsersInfoOrder::AsAsked, JANE), (UsersInfoOrder::AsStored, "user1@example.com")]
    {
        let world = world(|d| d.users_info_order = reading);
        let reply = world.post(INFO, json!({ "emailIds": [JANE, "user1@example.com"] })).await;
        assert_eq!(reply.body[0]["userInfo"]["emailId"], first);
    }
}

#[tokio::test]
async fn page_sizes_and_limits() {
    let rows = |body: &Value| body["users"].as_array().unwrap().len();
    for (reading, status, expected) in
        [(OverLimit::Clamped, 200, 10), (OverLimit::DefaultSize, 200, 4), (OverLimit::Refused, 400, 0)]
    {
        let world = world(|d| {
            d.user_roles_max = 10;
            d.page_default = 4;
            d.over_limit = reading;
        });
        assert_eq!(rows(&world.get("/api/public/alluserroles").await.body), 4);
        let reply = world.get("/api/public/alluserroles?limit=11").await;
        assert_eq!(reply.status, status);
        if status == 200 {
            assert_eq!(rows(&reply.body), expected, "{reading:?}");
        }
    }
    let world = world(|d| d.page_max = 2);
    let bots = world.get("/api/public/bots?limit=50").await.body;
    assert_eq!((bots["bots"].as_array().unwrap().len(), &bots["availableMore"]), (2, &json!(true)));
}

/// Whatever `offset` counts: the rows before a page are there, though nobody steps over them.
#[tokio::test]
async fn a_page_of_people_is_a_piece_of_the_whole_list() {
    let readings = OffsetCounts::ALL.iter().copied();
    for (reading, pending) in readings.flat_map(|reading| [(reading, true), (reading, false)]) {
        let world = World::new(Dialect {
            user_roles_offset: reading,
            pending_in_user_roles: pending,
            user_roles_max: 200,
            ..Dialect::default()
        });
        world
            .admin
            .batch(|edit| {
                for index in 0..60 {
                    let email = format!("crowd{index}@example.com");
                    let user =
                        if index % 4 == 0 { NewUser::pending(&email) } else { NewUser::active(&email) };
                    edit.add_user(&user)?;
                }
                for index in (0..60).step_by(9) {
                    edit.delete_user(&format!("crowd{index}@example.com"))?;
                }
                edit.accept("crowd4@example.com", world.now())
            })
            .unwrap();
        let page = async |query: String| {
            let body = world.get(&format!("/api/public/alluserroles?{query}")).await.body;
            (body["users"].as_array().unwrap().clone(), body["total"].as_u64().unwrap())
        };
        let (whole, total) = page("limit=200".to_owned()).await;
        assert_eq!((whole.len(), total), if pending { (65, 65) } else { (52, 52) });
        for limit in [7, 50] {
            for offset in (0..=whole.len() + 3).step_by(3) {
                let skip = match reading {
                    OffsetCounts::Pages => offset * limit,
                    OffsetCounts::Rows => offset,
                    OffsetCounts::Nothing => 0,
                };
                let expected: Vec<Value> = whole.iter().skip(skip).take(limit).cloned().collect();
                let found = page(format!("limit={limit}&offset={offset}")).await;
                assert_eq!(found, (expected, total), "{reading:?} {limit} {offset}");
            }
        }
    }
}

#[tokio::test]
async fn offsets() {
    for (reading, second) in [
        (OffsetCounts::Pages, "Store Helper"),
        (OffsetCounts::Rows, "HR Assistant"),
        (OffsetCounts::Nothing, BANK),
    ] {
        let world = world(|d| {
            d.bots_offset = reading;
            d.groups_offset = reading;
            d.user_roles_offset = reading;
        });
        let bots = world.get("/api/public/bots?limit=2&offset=1").await.body;
        assert_eq!(names(&bots, "bots", "name")[0], second, "{reading:?}");
        let group = match reading {
            OffsetCounts::Pages => "parent",
            OffsetCounts::Rows => "QA",
            OffsetCounts::Nothing => "support-eu",
        };
        let groups = world.get("/api/public/groups?limit=2&offset=1").await.body;
        assert_eq!(names(&groups, "groups", "gN")[0], group, "{reading:?}");
        let user = match reading {
            OffsetCounts::Pages => "user2@example.com",
            OffsetCounts::Rows => "user1@example.com",
            OffsetCounts::Nothing => "owner@example.com",
        };
        let users = world.get("/api/public/alluserroles?limit=2&offset=1").await.body;
        assert_eq!(names(&users, "users", "username")[0], user, "{reading:?}");
    }
}

#[tokio::test]
async fn total_moves() {
    for (reading, second) in [(false, 12), (true, 13)] {
        let world = world(|d| d.total_moves = reading);
        assert_eq!(world.get("/api/public/alluserroles?limit=5").await.body["total"], 12);
        assert_eq!(world.get("/api/public/alluserroles?limit=5&offset=1").await.body["total"], second);
    }
}

#[tokio::test]
async fn enterprise_purpose() {
    for (reading, purpose) in
        [(EnterprisePurpose::Employee, "employee"), (EnterprisePurpose::Customer, "customer")]
    {
        let world = world(|d| d.enterprise_purpose = reading);
        assert_eq!(world.get("/api/public/bots").await.body["bots"][0]["purpose"], purpose);
    }
}

#[tokio::test]
async fn pending_people_listed_or_not() {
    for (reading, total, members) in [(true, 12, 2), (false, 11, 1)] {
        let world = world(|d| {
            d.pending_in_user_roles = reading;
            d.pending_in_groups = reading;
        });
        let body = world.get("/api/public/alluserroles").await.body;
        assert_eq!(body["total"], total);
        assert_eq!(names(&body, "users", "username").contains(&PAT.to_owned()), reading);
        assert_eq!(world.get("/api/public/groups").await.body["groups"][0]["userCount"], members);
    }
}

#[tokio::test]
async fn system_group_listed() {
    for (reading, first) in [(false, "support-eu"), (true, "everyone")] {
        let world = world(|d| d.system_group_listed = reading);
        let body = world.get("/api/public/groups").await.body;
        assert_eq!(names(&body, "groups", "gN")[0], first);
        let groups = world.user_info("user2@example.com").await["groups"].as_array().unwrap().len();
        assert_eq!(groups, usize::from(reading));
    }
}

#[tokio::test]
async fn suspended_word() {
    for (reading, word) in [
        (SuspendedWord::Active, "active"),
        (SuspendedWord::NotActive, "not active"),
        (SuspendedWord::Own, "suspended"),
    ] {
        let world = world(|d| d.suspended_word = reading);
        assert_eq!(world.user_info("sue@example.com").await["userInfo"]["status"], word);
    }
}

#[tokio::test]
async fn held_both_ways() {
    for (reading, groups) in [
        (HeldBothWays::Once, json!([["support-eu"]])),
        (HeldBothWays::Twice, json!([[], ["support-eu"]])),
        (HeldBothWays::OnceAsDirect, json!([[]])),
    ] {
        let world = world(|d| d.held_both_ways = reading);
        world.admin.bind(&Holder::user(JANE), "Bot Tester", Some("HR Assistant")).unwrap();
        let info = world.user_info(JANE).await;
        let held: Vec<&Value> = info["roles"]["btRoles"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|role| role["botName"] == "HR Assistant")
            .map(|role| &role["groups"])
            .collect();
        assert_eq!(json!(held), groups, "{reading:?}");
    }
}

#[tokio::test]
async fn permission_shape_and_role_names() {
    for (reading, admin, bot) in [
        (PermissionShape::Strings, json!("YES"), json!("FULL")),
        (PermissionShape::Arrays, json!(["YES"]), json!(["FULL"])),
    ] {
        let world = world(|d| d.permission_shape = reading);
        let first = async |kind: &str| {
            world.get(&format!("/api/public/roles?roleType={kind}")).await.body["roles"][0].clone()
        };
        assert_eq!(first("admin").await["permissions"]["Invite"], admin);
        assert_eq!(first("bot").await["permissions"]["Tasks"], bot);
    }
    for (reading, prefix) in [(BotRoleNames::Bot, "Bot"), (BotRoleNames::App, "App")] {
        let world = world(|d| d.bot_role_names = reading);
        let export = world.get("/api/public/roles/export?roleType=bot").await.body;
        assert_eq!(export[1]["role"], format!("{prefix} Developer"));
        assert_eq!(
            world.user_info(JANE).await["roles"]["btRoles"][0]["roleName"],
            format!("{prefix} Developer")
        );
        // What was exported finds its match again.
        let file = world.upload(&json!([{ "role": export[1]["role"], "permissions": {} }])).await;
        world.post("/api/public/roles/import?roleType=bot", json!({ "fileId": file })).await;
        assert!(truth(&world).roles["bot/Bot Developer"].permissions.is_empty());
    }
}

#[tokio::test]
async fn delete_unknown_and_missing_removal() {
    for reading in [true, false] {
        let world = world(|d| {
            d.delete_unknown_fails = reading;
            d.missing_removal_fails = reading;
        });
        let reply = world.delete(USERS, json!({ "deleteEmailIds": ["nobody@example.com"] })).await;
        assert_eq!(reply.body.get("failedUserDetails").is_some(), reading);
        let body = json!([{ "roleId": world.role("admin/admin"), "removeUsers": ["user1@example.com"] }]);
        let reply = world.post("/api/public/adminroles/assignments", body).await;
        assert_eq!(reply.body[0]["status"] == "failure", reading);
    }
}

#[tokio::test]
async fn audit_order() {
    for reading in [AuditOrder::OldestFirst, AuditOrder::NewestFirst] {
        let world = world(|d| d.audit_order = reading);
        world.post(USERS, json!({ "users": [{ "userInfo": { "emailId": "new@example.com" } }] })).await;
        let body = world.get("/api/public/auditlogs").await.body;
        let listed = names(&body, "auditlogs", "Name");
        let expected = ["App Created", "User Created"];
        let newest_first: Vec<&str> = expected.iter().rev().copied().collect();
        match reading {
            AuditOrder::OldestFirst => assert_eq!(listed, expected),
            AuditOrder::NewestFirst => assert_eq!(listed, newest_first),
        }
    }
}

#[tokio::test]
async fn read_lag() {
    for (reading, seen) in [(0, [13, 13, 13]), (2, [12, 12, 13])] {
        let world = world(|d| d.read_lag = reading);
        world.post(USERS, json!({ "users": [{ "userInfo": { "emailId": "new@example.com" } }] })).await;
        for total in seen {
            assert_eq!(world.get("/api/public/alluserroles").await.body["total"], total, "{reading}");
        }
    }
}

#[tokio::test]
async fn read_lag_is_the_same_for_every_write() {
    let world = world(|d| d.read_lag = 2);
    let mut seen = Vec::new();
    for n in 0..4 {
        let email = format!("lag{n}@example.com");
        world.post(USERS, json!({ "users": [{ "userInfo": { "emailId": email } }] })).await;
        seen.push(world.get("/api/public/alluserroles").await.body["total"].as_u64().unwrap());
    }
    assert_eq!(seen, [12, 12, 13, 14], "each write comes to light after two reads, whatever follows it");
}

#[tokio::test]
async fn email_case() {
    let shouted = JANE.to_uppercase();
    for (sensitive, known) in [(false, true), (true, false)] {
        let world = world(|d| d.email_case_sensitive = sensitive);
        let info = world.user_info(&shouted).await;
        assert_eq!(info["userInfo"]["status"] != "failure", known);
        let created =
            world.post(USERS, json!({ "users": [{ "userInfo": { "emailId": shouted } }] })).await.body;
        assert_eq!(created.get("failedUserDetails").is_some(), known);
    }
    for (lowercase, stored) in [(false, "New@Example.com"), (true, "new@example.com")] {
        let world = world(|d| d.email_stored_lowercase = lowercase);
        world.post(USERS, json!({ "users": [{ "userInfo": { "emailId": "New@Example.com" } }] })).await;
        assert!(truth(&world).users.contains_key(stored));
    }
}

#[tokio::test]
async fn sso_under_bot() {
    for (reading, status) in [(false, 404), (true, 200)] {
        let world = world(|d| d.sso_under_bot = reading);
        let path = format!("/api/public/bot/{}/ssoconfig?SSOProtocol=saml", world.bot(BANK));
        assert_eq!(world.get(&path).await.status, status);
    }
}

#[tokio::test]
async fn missing_flags() {
    for (reading, developer) in [(MissingFlags::True, true), (MissingFlags::Kept, false)] {
        let world = world(|d| {
            d.put_missing_flags = reading;
            d.access_missing_flags = reading;
        });
        world.put(USERS, update("user1@example.com", json!({}))).await;
        assert_eq!(user(&world, "user1@example.com").is_developer, developer);
        world.post("/api/public/useraccess", json!({ "emailIds": ["user2@example.com"] })).await;
        assert_eq!(user(&world, "user2@example.com").is_developer, developer);
    }
}

#[tokio::test]
async fn generation() {
    for (reading, message) in
        [(Generation::Older, "emailIds cannot be empty"), (Generation::Newer, "emailIds can't be empty")]
    {
        let world = world(|d| d.generation = reading);
        let body = json!({ "emailIds": [], "isDeveloper": false, "canCreateBot": false });
        let reply = world.post("/api/public/useraccess", body).await;
        assert_eq!(reply.body["errors"][0]["msg"], message);
    }
}

#[tokio::test]
async fn every_drawn_dialect_answers() {
    for seed in 0..24 {
        let world = World::new(Dialect::from_seed(seed));
        world.admin.add_user(&NewUser::pending("drawn@example.com")).unwrap();
        for path in [
            "/api/public/alluserroles?limit=5&offset=1",
            "/api/public/bots?limit=50",
            "/api/public/groups",
            "/api/public/roles?roleType=bot",
            "/api/public/roles/export?roleType=admin",
            "/api/public/auditlogs",
        ] {
            assert_eq!(world.get(path).await.status, 200, "{path} with seed {seed}");
        }
        assert_eq!(world.post(INFO, json!({ "emailIds": [JANE] })).await.status, 200);
    }
}
