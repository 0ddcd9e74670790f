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

#[tokio::test]
async fn deleted_bots_and_their_bindings() {
    for (listed, bindings) in [
        (false, DeletedBotBindings::Hidden),
        (true, DeletedBotBindings::Shown),
        (false, DeletedBotBindings::Dropped),
    ] {
        let world = world(|d| {
            d.deleted_bots_listed = listed;
            d.deleted_bot_bindings = bindings;
        });
        let id = world.bot(BANK);
        let shown = async || {
            let bots = world.get("/api/public/bots").await.body;
            let is_listed = bots["bots"].as_array().unwrap().iter().any(|bot| bot["_id"] == id);
            assert_eq!(bots["total"].as_u64(), Some(bots["bots"].as_array().unwrap().len() as u64));
            let held = |person: &Value| {
                let roles = person["roles"]["btRoles"].as_array().unwrap();
                roles.iter().filter(|role| role["botId"] == id).count()
            };
            let jane = world.user_info(JANE).await;
            let tasks = jane["assignBotTasks"].as_array().unwrap().len();
            // The second one holds it through the parent of a group.
            (is_listed, held(&jane), held(&world.user_info("user1@example.com").await), tasks)
        };
        assert_eq!(shown().await, (true, 1, 1, 1));
        world.admin.delete_bot(BANK).unwrap();
        let of = usize::from(bindings == DeletedBotBindings::Shown);
        assert_eq!(shown().await, (listed, of, of, of), "{bindings:?}");
        let role = json!([{ "roleId": world.role("bot/Bot Tester"), "botId": id, "addUsers": [JANE] }]);
        let refused = world.post("/api/public/btroles/assignments", role).await;
        assert_eq!(refused.body[0]["status"], "failure", "no such bot");
        world.admin.restore_bot(&id).unwrap();
        let back = usize::from(bindings != DeletedBotBindings::Dropped);
        assert_eq!(shown().await, (true, back, back, back), "{bindings:?}");
    }
}

#[tokio::test]
async fn a_bot_that_was_never_in_use_and_one_that_is_gone_for_long_are_in_no_list() {
    let world = world(|d| d.deleted_bots_listed = true);
    let total = async || world.get("/api/public/bots").await.body["total"].as_u64().unwrap();
    world.admin.delete_bot("Claims Draft").unwrap();
    assert_eq!(total().await, 3);
    world.admin.delete_bot(BANK).unwrap();
    assert_eq!(total().await, 3);
    world.clock.advance(jiff::SignedDuration::from_hours(31 * 24));
    assert_eq!(total().await, 2);
}

#[tokio::test]
async fn renamed_bot_name() {
    for (reading, in_bots, in_roles) in [
        (RenamedBotName::AtOnce, "Bank", "Bank"),
        (RenamedBotName::AfterPublish, BANK, BANK),
        (RenamedBotName::OldInRoles, "Bank", BANK),
    ] {
        let world = world(|d| d.renamed_bot_name = reading);
        let id = world.bot(BANK);
        let names = async || {
            let bots = world.get("/api/public/bots").await.body;
            let bot =
                bots["bots"].as_array().unwrap().iter().find(|bot| bot["_id"] == id).unwrap()["name"].clone();
            let role = world.user_info(JANE).await["roles"]["btRoles"][0]["botName"].clone();
            (bot, role)
        };
        world.admin.rename_bot(BANK, "Bank").unwrap();
        assert_eq!(names().await, (json!(in_bots), json!(in_roles)), "{reading:?}");
        world.admin.set_bot_status("Bank", BotStatus::Published).unwrap();
        assert_eq!(names().await, (json!("Bank"), json!("Bank")));
    }
}

/// Single sign-on with a mapping to a group, the role Clerk and two switches.
async fn sso_world(is_full: bool, change: impl FnOnce(&mut Dialect)) -> World {
    let world = world(change);
    world.admin.add_role(&NewRole::named(RoleKind::Admin, "Clerk")).unwrap();
    let attribute = |value: &str, kind: &str, kore: &str| json!({ "SAMLAttribute_Name": "team", "SAMLAttribute_Value": value, "Attribute_Type": kind, "Kore_Attribute": kore });
    let attributes = json!([
        attribute("qa", "Group", &world.group("QA")),
        attribute("qa", "Role", &world.role("admin/Clerk")),
        attribute("qa", "Role", "isDeveloper"),
        attribute("lead", "Role", "canCreateBot"),
    ]);
    let sync = if is_full { "Synchronize_UpdateExisting" } else { "AddNew_RetainExisting" };
    let body = json!({
        "SSO_Authentication": "enable", "SSOProtocol": "saml", "SAML_IdentityProvider": "okta",
        "SingleSignOnURL": "https://idp.example.com/sso", "IssuerURL": "https://idp.example.com",
        "Certificate": ["one"], "SAMLAttributeMapping": true, "SyncBehaviour": sync, "AttributeMapping": attributes
    });
    assert_eq!(world.post("/api/public/ssoconfig", body).await.status, 200);
    world
}

#[tokio::test]
async fn a_sign_in_at_the_identity_provider_applies_the_mapping() {
    for (is_full, groups, roles) in
        [(true, vec!["QA"], vec!["Clerk"]), (false, vec!["QA", "support-eu"], vec!["Clerk", "admin"])]
    {
        let world = sso_world(is_full, |_| ()).await;
        world.admin.sign_in_by_sso(JANE, &[("team", "qa")]).unwrap();
        let jane = user(&world, JANE);
        let mut held: Vec<&str> = jane.groups.iter().map(String::as_str).collect();
        held.sort_unstable();
        assert_eq!(held, groups);
        let mut held: Vec<&str> = jane.admin_roles.iter().map(String::as_str).collect();
        held.sort_unstable();
        assert_eq!(held, roles);
        // Whoever is let through joins, with nothing that the attributes do not name.
        world.admin.sign_in_by_sso("stranger@example.com", &[("team", "other")]).unwrap();
        assert!(user(&world, "stranger@example.com").groups.is_empty());
    }
    let off = world(|_| ()).admin.sign_in_by_sso(JANE, &[]).unwrap_err().to_string();
    assert!(off.contains("single sign-on is off"), "{off}");
}

#[tokio::test]
async fn full_sync_resets_access() {
    for (reading, is_developer) in [(true, false), (false, true)] {
        let world = sso_world(true, |d| d.full_sync_resets_access = reading).await;
        world.admin.sign_in_by_sso(JANE, &[]).unwrap();
        assert_eq!(user(&world, JANE).is_developer, is_developer, "{reading:?}");
    }
}

#[tokio::test]
async fn restricted_onboarding_lets_nobody_new_in() {
    let world = world(|_| ());
    let body = json!({
        "SSO_Authentication": "enable", "SSOProtocol": "oidc", "SAML_IdentityProvider": "others",
        "SingleSignOnURL": "https://idp.example.com/sso", "IssuerURL": "https://idp.example.com",
        "Certificate": ["one"], "autoOnboarding": { "restrict": true }
    });
    assert_eq!(world.post("/api/public/ssoconfig", body).await.status, 200);
    let refused = world.admin.sign_in_by_sso("stranger@example.com", &[]).unwrap_err().to_string();
    assert!(refused.contains("is not in the account"), "{refused}");
    world.admin.sign_in_by_sso(JANE, &[]).unwrap();
}

#[tokio::test]
async fn sso_switch_names_and_inactive_protocol() {
    for (reading, name) in
        [(SsoSwitchNames::Fields, "canCreateBot"), (SsoSwitchNames::Labels, "New App Creation")]
    {
        let world = sso_world(false, |d| d.sso_switch_names = reading).await;
        let config = world.get("/api/public/ssoconfig?SSOProtocol=saml").await.body["ssoConfig"].clone();
        let mapped = &config["samlAttributeMapping"]["attributeMapping"];
        assert_eq!(
            (&mapped[2]["koreAttribute"], &mapped[3]["koreAttribute"]),
            (&json!("isDeveloper"), &json!(name))
        );
    }
    for (reading, shown) in
        [(SsoInactiveProtocol::Addresses, false), (SsoInactiveProtocol::ActiveConfig, true)]
    {
        let world = sso_world(false, |d| d.sso_inactive_protocol = reading).await;
        let other = world.get("/api/public/ssoconfig?SSOProtocol=oidc").await.body;
        assert!(other.get("ACS_IDP_URL").is_some());
        assert_eq!(other.get("ssoConfig").is_some(), shown, "{reading:?}");
    }
}

#[tokio::test]
async fn encrypted_answers_and_plain_bodies() {
    for answer in [EncryptedAnswer::Object, EncryptedAnswer::Text] {
        for refuses in [true, false] {
            let world = world(|d| {
                d.encrypted_answer = answer;
                d.encrypted_refuses_plain = refuses;
            });
            world.admin.set_payload_encryption(&world.app.client_id, true).unwrap();
            let covered = world.get("/api/public/alluserroles").await;
            assert_eq!(covered.body.is_object(), answer == EncryptedAnswer::Object);
            assert!(!covered.body.to_string().contains("example.com") && covered.body.get("users").is_none());
            assert!(world.get("/api/public/groups").await.body["groups"].is_array(), "not covered");
            let entry = json!({ "userInfo": { "emailId": "new@example.com" } });
            let write = world.post(USERS, json!({ "users": [entry], "includeMeta": false })).await;
            assert_eq!(write.status, if refuses { 400 } else { 200 });
            let snapshot = world.admin.snapshot().unwrap();
            assert_eq!(snapshot.users.contains_key("new@example.com"), !refuses);
            world.admin.set_payload_encryption(&world.app.client_id, false).unwrap();
            assert!(world.get("/api/public/alluserroles").await.body["users"].is_array());
        }
    }
}

#[tokio::test]
async fn in_app_edits() {
    for (reading, in_change_log, in_audit_log) in
        [(InAppEdits::ChangeLog, 2, 0), (InAppEdits::AuditLog, 0, 2), (InAppEdits::Both, 2, 2)]
    {
        let world = world(|d| d.in_app_edits = reading);
        let (one, tester) = (Holder::user("user1@example.com"), "Bot Tester");
        world.admin.invite_in_app(JANE, BANK, &one, tester).unwrap();
        assert!(user(&world, "user1@example.com").bot_roles.iter().any(|(role, _)| role == tester));
        world.admin.remove_in_app(JANE, BANK, &one, tester).unwrap();
        assert!(user(&world, "user1@example.com").bot_roles.is_empty());
        let path = format!("/api/public/bot/{}/changelogs", world.bot(BANK));
        assert_eq!(world.get(&path).await.body.as_array().unwrap().len(), in_change_log, "{reading:?}");
        let audited = world.admin.audit_log().unwrap();
        let audited = audited.iter().filter(|[_, actor, _]| actor == JANE).count();
        assert_eq!(audited, in_audit_log, "{reading:?}");
    }
}

#[tokio::test]
async fn section_2_18b_change_logs() {
    for (order, first) in [
        (ChangeLogOrder::OldestFirst, "Bot updated"),
        (ChangeLogOrder::NewestFirst, "Bot Tester given to QA"),
    ] {
        let world = world(|d| d.change_log_order = order);
        let path = format!("/api/public/bot/{}/changelogs", world.bot(BANK));
        world.admin.rename_bot(BANK, "Bank").unwrap();
        world.clock.advance(jiff::SignedDuration::from_hours(24));
        world.admin.invite_in_app(JANE, "Bank", &Holder::group("QA"), "Bot Tester").unwrap();
        let log = world.get(&format!("{path}?limit=1&offset=0")).await.body;
        assert_eq!((log.as_array().unwrap().len(), &log[0]["message"]), (1, &json!(first)), "{order:?}");
        let later = world.get(&format!("{path}?startDate=2026-03-02")).await.body;
        assert_eq!((later.as_array().unwrap().len(), &later[0]["userId"]["emailId"]), (1, &json!(JANE)));
        let before = world.get(&format!("{path}?endDate=2026-03-01")).await.body;
        assert_eq!(before[0]["message"], "Bot updated");
        assert_eq!(world.get("/api/public/bot/st-none/changelogs").await.status, 400);
    }
    for (reading, has_email, has_key) in [
        (ChangeLogActor::Object, true, true),
        (ChangeLogActor::Id, false, true),
        (ChangeLogActor::Absent, false, false),
    ] {
        let world = world(|d| d.change_log_actor = reading);
        world.admin.invite_in_app(JANE, BANK, &Holder::group("QA"), "Bot Tester").unwrap();
        let log = world.get(&format!("/api/public/bot/{}/changelogs", world.bot(BANK))).await.body;
        assert_eq!(log[0].get("userId").is_some(), has_key);
        assert_eq!(log[0]["userId"].get("emailId").is_some(), has_email, "{reading:?}");
    }
}

#[tokio::test]
async fn builder_groups() {
    for (reading, through) in
        [(BuilderGroups::AsGroup, json!(["support-eu"])), (BuilderGroups::AsMembers, json!([]))]
    {
        let world = world(|d| d.builder_groups = reading);
        world
            .admin
            .invite_in_app("bo@example.com", BANK, &Holder::group("support-eu"), "Bot Tester")
            .unwrap();
        let roles = world.user_info("pat@example.com").await["roles"]["btRoles"].clone();
        let role = roles.as_array().unwrap().iter().find(|role| role["botName"] == BANK).unwrap();
        assert_eq!(role["groups"], through, "{reading:?}");
        // Through the Admin Console it stays a role of the group.
        let other = roles.as_array().unwrap().iter().find(|role| role["botName"] == "HR Assistant").unwrap();
        assert_eq!(other["groups"], json!(["support-eu"]));
    }
}
