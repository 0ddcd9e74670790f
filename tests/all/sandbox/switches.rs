//! The switches of rows 39 to 57 of the vendor notes, each reading once. (`dialect` has those of the rows before.)

use crate::sandbox::world::{BANK, JANE, World};
use koreconcile::sandbox::*;
use serde_json::{Value, json};

const USERS: &str = "/api/public/users";
const INFO: &str = "/api/public/usersInfo";
const EXPORT: &str = "/api/public/roles/export?roleType=bot";
const IMPORT: &str = "/api/public/roles/import?roleType=bot";

fn world(change: impl FnOnce(&mut Dialect)) -> World {
    let mut dialect = Dialect::default();
    change(&mut dialect);
    World::new(dialect)
}

fn user(world: &World, email: &str) -> UserTruth {
    world.admin.snapshot().unwrap().users[email].clone()
}

async fn exported(world: &World, role: &str) -> Value {
    let all = world.get(EXPORT).await.body;
    all.as_array().unwrap().iter().find(|one| one["role"] == role).cloned().unwrap_or_default()
}

async fn import(world: &World, roles: Value) -> u16 {
    let file = world.upload(&roles).await;
    world.post(IMPORT, json!({ "fileId": file })).await.status
}

#[tokio::test]
async fn roles_offset() {
    for (reading, first) in [
        (OffsetCounts::Pages, "Bot Tester"),
        (OffsetCounts::Rows, "Bot Developer"),
        (OffsetCounts::Nothing, "Bot Owner"),
    ] {
        let world = world(|d| d.roles_offset = reading);
        let page = world.get("/api/public/roles?roleType=bot&limit=2&offset=1").await.body;
        assert_eq!(page["roles"][0]["role"], first, "{reading:?}");
    }
}

#[tokio::test]
async fn bot_role_set() {
    let names = async |reading| {
        let world = world(|d| d.bot_role_set = reading);
        let all = world.get(EXPORT).await.body;
        let names = all.as_array().unwrap().iter().map(|role| role["role"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), exported(&world, "Bot Owner").await["permissions"].clone())
    };
    let (standard, _) = names(BotRoleSet::Standard).await;
    assert_eq!(standard, ["Bot Owner", "Bot Developer", "Bot Tester"]);
    let (newer, owner) = names(BotRoleSet::ContactCenter).await;
    assert_eq!(newer[3..], ["Supervisor", "Agent", "Supervisor_Support Desk"]);
    assert_eq!((&owner["User Management"], &owner["App Developers"]), (&json!(["FULL"]), &json!(["FULL"])));
    assert!(owner.as_object().unwrap().len() > 90 && owner.get("Bot Developers").is_none());
}

#[tokio::test]
async fn fixed_roles_in_import() {
    for (reading, status, level) in [
        (FixedRolesInImport::Ignored, 200, json!(["FULL"])),
        (FixedRolesInImport::Refused, 400, json!(["FULL"])),
        (FixedRolesInImport::Stored, 200, json!(["VIEW"])),
    ] {
        let world = world(|d| d.fixed_roles_in_import = reading);
        let file = json!([{ "role": "Bot Owner", "permissions": { "Tasks": ["VIEW"] } }]);
        assert_eq!(import(&world, file).await, status, "{reading:?}");
        assert_eq!(exported(&world, "Bot Owner").await["permissions"]["Tasks"], level, "{reading:?}");
    }
}

#[tokio::test]
async fn newer_levels() {
    for (reading, level) in
        [(NewerLevels::Capitals, "VIEW & INVITE"), (NewerLevels::AsShown, "View & Invite")]
    {
        for sent in ["view & invite", "VIEW & INVITE", "View & Invite"] {
            let world = world(|d| d.newer_levels = reading);
            let levels = json!({ "User Management": [sent], "Tasks": ["full"] });
            import(&world, json!([{ "role": "Host", "permissions": levels }])).await;
            let levels = exported(&world, "Host").await["permissions"].clone();
            assert_eq!(levels, json!({ "User Management": [level], "Tasks": ["FULL"] }), "{reading:?}");
        }
    }
}

#[tokio::test]
async fn import_missing_keys() {
    for (reading, left) in [
        (ImportMissingKeys::Removed, json!({ "Tasks": ["VIEW"] })),
        (ImportMissingKeys::Kept, json!({ "Tasks": ["VIEW"], "Dashboard": ["YES"] })),
        (ImportMissingKeys::Off, json!({ "Tasks": ["VIEW"], "Dashboard": ["NO"] })),
    ] {
        let world = world(|d| d.import_missing_keys = reading);
        import(&world, json!([{ "role": "Host", "permissions": { "Dashboard": "YES", "Tasks": "FULL" } }]))
            .await;
        import(&world, json!([{ "role": "Host", "permissions": { "Tasks": "VIEW" } }])).await;
        assert_eq!(exported(&world, "Host").await["permissions"], left, "{reading:?}");
    }
}

#[tokio::test]
async fn parents_switch_children() {
    for (reading, below_off, below_on) in [
        (ParentsSwitchChildren::Never, "YES", "YES"),
        (ParentsSwitchChildren::WhenWritten, "NO", "NO"),
        (ParentsSwitchChildren::WhenRead, "NO", "YES"),
    ] {
        let world = world(|d| {
            d.parents_switch_children = reading;
            d.import_missing_keys = ImportMissingKeys::Kept;
        });
        let child =
            async || exported(&world, "Host").await["permissions"]["Edit User Information"][0].clone();
        let both = json!({ "User Management": "VIEW", "Edit User Information": "YES" });
        import(&world, json!([{ "role": "Host", "permissions": both }])).await;
        assert_eq!(child().await, below_off, "{reading:?}");
        import(&world, json!([{ "role": "Host", "permissions": { "User Management": "FULL" } }])).await;
        assert_eq!(child().await, below_on, "{reading:?}");
    }
}

#[tokio::test]
async fn no_org_user_id() {
    for (reading, shown) in [
        (NoOrgUserId::Absent, None),
        (NoOrgUserId::AsNull, Some(Value::Null)),
        (NoOrgUserId::Empty, Some(json!(""))),
    ] {
        let world = world(|d| d.no_org_user_id = reading);
        let all = world.get("/api/public/alluserroles").await.body;
        let users = all["users"].as_array().unwrap();
        let of = |email: &str| users.iter().find(|user| user["username"] == email).unwrap().get("orgUserId");
        assert_eq!(of(JANE), shown.as_ref(), "{reading:?}");
        assert_eq!(of("user1@example.com"), Some(&json!("E-1")));
    }
}

#[tokio::test]
async fn put_org_user_id() {
    for (reading, failed, stored) in [
        (PutOrgUserId::Ignored, false, "E-1"),
        (PutOrgUserId::Stored, false, "E-99"),
        (PutOrgUserId::Refused, true, "E-1"),
    ] {
        let world = world(|d| d.put_org_user_id = reading);
        let info = json!({ "emailId": "user1@example.com", "orgUserId": "E-99" });
        let reply = world.put(USERS, json!({ "users": [{ "userInfo": info }] })).await;
        assert_eq!(reply.body.get("failedUserDetails").is_some(), failed, "{reading:?}");
        let all = world.get("/api/public/alluserroles").await.body;
        let users = all["users"].as_array().unwrap();
        let user = users.iter().find(|user| user["username"] == "user1@example.com").unwrap();
        assert_eq!(user["orgUserId"], stored, "{reading:?}");
    }
}

#[tokio::test]
async fn users_info_partial() {
    for (reading, elements) in [(false, 2), (true, 1)] {
        let world = world(|d| {
            d.users_info_partial = reading;
            d.generation = Generation::Newer;
        });
        let two = world.post(INFO, json!({ "emailIds": [JANE, "user1@example.com"] })).await.body;
        assert_eq!(two.as_array().unwrap().len(), elements);
        assert_eq!((&two[0]["total"], &two[0]["moreAvailable"]), (&json!(2), &json!(reading)));
        let one = world.post(INFO, json!({ "emailIds": [JANE] })).await.body;
        assert_eq!(one.as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn users_info_status() {
    for reading in [true, false] {
        let world = world(|d| d.users_info_status = reading);
        let info = &world.user_info(JANE).await["userInfo"];
        assert_eq!(info.get("status").is_some(), reading);
        assert!(info.get("lastLogin").is_none() || reading);
    }
}

#[tokio::test]
async fn users_info_role_groups() {
    for (reading, direct, inherited) in [
        (UsersInfoRoleGroups::Always, true, true),
        (UsersInfoRoleGroups::WhenHeld, false, true),
        (UsersInfoRoleGroups::Never, false, false),
    ] {
        let world = world(|d| d.users_info_role_groups = reading);
        let roles = world.user_info(JANE).await["roles"]["btRoles"].clone();
        let on = |bot: &str| {
            let role = roles.as_array().unwrap().iter().find(|role| role["botName"] == bot).unwrap();
            role.get("groups").is_some()
        };
        assert_eq!((on(BANK), on("HR Assistant")), (direct, inherited), "{reading:?}");
    }
}

#[tokio::test]
async fn audit_names() {
    for (reading, name, category) in [
        (AuditNames::Console, "User Created", "User Management"),
        (AuditNames::WithOutcome, "User Created - Success", "Login/Logout"),
    ] {
        let world = world(|d| d.audit_names = reading);
        world.post(USERS, json!({ "users": [{ "userInfo": { "emailId": "new@example.com" } }] })).await;
        let log = world.get("/api/public/auditlogs").await.body;
        let entries = log["auditlogs"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["Name"] == name).unwrap();
        assert_eq!(entry["Category"], category, "{reading:?}");
    }
}

#[tokio::test]
async fn primary_admin_role() {
    const OWNER: &str = "owner@example.com";
    for (reading, done) in [
        (PrimaryAdminRole::Fixed, false),
        (PrimaryAdminRole::PassesOn, true),
        (PrimaryAdminRole::Plain, true),
    ] {
        let world = world(|d| d.primary_admin_role = reading);
        let role = world.role("admin/admin");
        let take = json!([{ "roleId": role, "removeUsers": [OWNER] }]);
        let reply = world.post("/api/public/adminroles/assignments", take).await;
        assert_eq!(reply.body[0]["status"] == "success", done, "{reading:?}");
        assert_eq!(user(&world, OWNER).admin_roles.is_empty(), done, "{reading:?}");
        // Whoever is primary cannot be removed.
        for (who, is_primary) in
            [(OWNER, reading != PrimaryAdminRole::PassesOn), (JANE, reading == PrimaryAdminRole::PassesOn)]
        {
            let reply = world.delete(USERS, json!({ "deleteEmailIds": [who] })).await;
            assert_eq!(reply.body.get("failedUserDetails").is_some(), is_primary, "{reading:?} {who}");
        }
    }
}

#[tokio::test]
async fn private_addresses() {
    for (reading, invited, silent) in [
        (PrivateAddresses::Accepted, true, true),
        (PrivateAddresses::InvitedOnly, true, false),
        (PrivateAddresses::Refused, false, false),
    ] {
        let world = world(|d| d.private_addresses = reading);
        for (who, send_email, is_taken) in [
            ("one@private.example.com", true, invited),
            ("two@private.example.com", false, silent),
            ("three@example.com", false, true),
        ] {
            let entry = json!({ "userInfo": { "emailId": who } });
            let reply = world.post(USERS, json!({ "users": [entry], "sendEmail": send_email })).await;
            assert_eq!(reply.body.get("failedUserDetails").is_none(), is_taken, "{reading:?} {who}");
            let snapshot = world.admin.snapshot().unwrap();
            assert_eq!(snapshot.users.contains_key(who), is_taken, "{reading:?} {who}");
        }
    }
}
