//! One test per section of the vendor notes: each of the vendor's examples, in both generations, reads or writes as it
//! should.

use crate::kore::script::{account, answer, fixture, ok, refused, run};
use koreconcile::facts::{
    BotId, BuilderAccess, DialogId, DialogSet, Email, Extent, GroupId, GroupName, Holder, Key, Level,
    Listing, Membership, PermissionName, PersonName, RoleId, RoleName, RoleType, Seen, SyncMode, UserId,
    Value as Fact,
};
use koreconcile::kore::{
    Assignments, BotAssignment, BotRoleEdit, Failure, Grant, ImportedRole, KoreError, NewUser, ReadRequest,
    RoleEdit, SetEdit, UserUpdate, WriteReply,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const JANE: &str = "jane.doe@example.com";

fn jane() -> Email {
    Email::observed(JANE)
}

fn ask_jane() -> ReadRequest {
    ReadRequest::of_users([jane()].into())
}

fn user(email: &str) -> Holder {
    Holder::User(Email::observed(email))
}

#[test]
fn section_1_5_each_failure_becomes_its_error() {
    for case in fixture("1.5-errors").as_array().unwrap().clone() {
        let (status, body) = (u16::try_from(case["status"].as_u64().unwrap()).unwrap(), case["body"].clone());
        let account = account(move |_, _| answer(status, &body));
        let error = run(account.reader.read(&ask_jane())).unwrap_err();
        let means = match &error {
            KoreError::Credentials { .. } => "credentials",
            KoreError::Scope { .. } => "scope",
            KoreError::Refused { .. } => "refused",
            other => panic!("{other}"),
        };
        assert_eq!(means, case["means"], "{}", case["case"]);
        let text = error.to_string();
        assert!(
            text.contains("POST /api/public/usersInfo") && text.contains(&format!("HTTP {status}")),
            "{text}"
        );
        if means == "scope" {
            assert!(text.contains("User Management > User Management"), "{text}");
            assert!(text.contains("Security & Control > API Scopes"), "{text}");
        }
        assert_eq!(account.log().len(), 1, "a refusal is not retried");
    }
}

fn new_jane() -> NewUser {
    let bot = BotId::new("st-b8525f88-6dd3-54a7-8a97-734ecb748733");
    NewUser {
        email: jane(),
        org_user_id: Some("E-1001".into()),
        name: PersonName { first: Some("Jane".into()), last: Some("Doe".into()) },
        profile: [("companyName", "Example"), ("dept", "Support")].map(|(k, v)| (k.into(), v.into())).into(),
        groups: vec![GroupId::new("e-06b41cdd-7678-5394-b958-40ca5662f502")],
        roles: vec![
            Grant { role: RoleId::new("5d9d8db30d54920a8df1e68b"), bot: Some(bot.clone()) },
            Grant { role: RoleId::new("5bbcb20c8bfd33db440ec1d1"), bot: None },
        ],
        assignments: vec![BotAssignment {
            bot,
            dialogs: Some(vec![DialogId::new("dg-606c7f53-e94a-5000-9000-d83ce03e6360")]),
        }],
        access: BuilderAccess::Builder,
    }
}

#[test]
fn section_2_01_create_users() {
    let fixture = fixture("2.01-create-users");
    for (form, failed) in [
        ("older", vec![]),
        ("newer", vec![]),
        ("failure", vec![Failure { index: 0, message: "INVALID_EMAIL".into() }]),
        ("failure_as_text", vec![Failure { index: 0, message: "Invalid emailId".into() }]),
    ] {
        let body = fixture[form].clone();
        let account = account(move |_, _| ok(&body));
        let answer = run(account.writer.create_users(&[new_jane()], true)).unwrap();
        assert_eq!(answer, WriteReply::Accepted(failed), "{form}");
        assert_eq!(account.lines(), ["POST /api/public/users"]);
        assert_eq!(account.log()[0].json, fixture["request"]);
    }
}

#[test]
fn section_2_01_what_is_empty_is_not_sent_but_both_flags_always_are() {
    let account = account(|_, _| ok(&json!({ "msg": "Users are created Successfully" })));
    let bare = NewUser {
        org_user_id: None,
        name: PersonName::default(),
        profile: BTreeMap::new(),
        groups: vec![],
        roles: vec![],
        assignments: vec![],
        access: BuilderAccess::None,
        ..new_jane()
    };
    run(account.writer.create_users(&[bare], false)).unwrap();
    let entry = json!({ "userInfo": { "emailId": JANE }, "canCreateBot": false, "isDeveloper": false });
    assert_eq!(account.log()[0].json, json!({ "users": [entry], "sendEmail": false }));
}

#[test]
fn section_2_01_a_failure_of_a_stranger_makes_the_outcome_unknown() {
    let stranger = json!({ "failedUserDetails": [{ "emailId": "other@example.com", "reason": "x" }] });
    let account = account(move |_, _| ok(&stranger));
    let another = NewUser { email: Email::observed("a@example.com"), ..new_jane() };
    let answer = run(account.writer.create_users(&[new_jane(), another], false)).unwrap();
    assert!(matches!(answer, WriteReply::Unknown(_)), "{answer:?}");
}

fn update_jane(assignments: Assignments) -> UserUpdate {
    UserUpdate {
        email: jane(),
        name: PersonName::default(),
        profile: BTreeMap::new(),
        groups: SetEdit::default(),
        assignments,
        access: BuilderAccess::Builder,
    }
}

#[test]
fn section_2_02_update_users() {
    let fixture = fixture("2.02-update-users");
    // Roles travel with the assignments calls; the rest of the vendor's sample is sent as it stands there.
    let mut expected = fixture["request"].clone();
    assert!(expected["users"][0].as_object_mut().unwrap().remove("roles").is_some());
    for form in ["older", "newer"] {
        let body = fixture[form].clone();
        let account = account(move |_, _| ok(&body));
        let assigned = BotAssignment {
            bot: BotId::new("st-b8525f88-6dd3-54a7-8a97-734ecb748733"),
            dialogs: Some(vec![DialogId::new("dg-606c7f53-e94a-5000-9000-d83ce03e6360")]),
        };
        let update = UserUpdate {
            name: PersonName { first: Some("Jane".into()), last: None },
            groups: SetEdit {
                add: vec![GroupId::new("e-f9c09c08-9310-52ff-b672-570ec7325215")],
                remove: vec![],
            },
            ..update_jane(Assignments::Complete(vec![assigned]))
        };
        assert_eq!(
            run(account.writer.update_users(&[update])).unwrap(),
            WriteReply::Accepted(vec![]),
            "{form}"
        );
        assert_eq!(account.lines(), ["PUT /api/public/users"]);
        assert_eq!(account.log()[0].json, expected);
    }
}

#[test]
fn section_2_02_what_is_not_changed_is_not_sent_but_both_flags_always_are() {
    let account = account(|_, _| ok(&json!({ "msg": "Users are updated Successfully" })));
    let all = BotAssignment { bot: BotId::new("st-1"), dialogs: None };
    let updates = [
        update_jane(Assignments::Keep),
        update_jane(Assignments::Clear),
        update_jane(Assignments::Complete(vec![])),
        update_jane(Assignments::Complete(vec![all])),
    ];
    run(account.writer.update_users(&updates)).unwrap();
    let bare = json!({ "userInfo": { "emailId": JANE }, "canCreateBot": false, "isDeveloper": true });
    let sent = |assigned: Value| {
        let mut entry = bare.clone();
        entry["assignBotTasks"] = assigned;
        entry
    };
    let clear = sent(json!([{}]));
    let expected = json!({ "users": [bare, clear, clear, sent(json!([{ "botId": "st-1" }]))] });
    assert_eq!(account.log()[0].json, expected);
}

#[test]
fn section_2_03_remove_users() {
    let fixture = fixture("2.03-remove-users");
    let people = [jane(), Email::observed("john.doe@example.com")];
    let refused = Failure { index: 1, message: "Unauthorized to perform this activity".into() };
    for (form, failed) in [("older", vec![]), ("newer", vec![]), ("failure", vec![refused])] {
        let body = fixture[form].clone();
        let account = account(move |_, _| ok(&body));
        assert_eq!(
            run(account.writer.remove_users(&people)).unwrap(),
            WriteReply::Accepted(failed),
            "{form}"
        );
        assert_eq!(account.lines(), ["DELETE /api/public/users"]);
        assert_eq!(account.log()[0].json, fixture["request"]);
    }
}

#[test]
fn section_2_04_users_info_in_full() {
    let body = fixture("2.04-users-info")["older"].clone();
    let account = account(move |_, _| ok(&body));
    let world = run(account.reader.read(&ask_jane())).unwrap();
    assert_eq!(account.log()[0].json, json!({ "emailIds": [JANE] }));
    let (qa, tester) = (GroupName::new("group1"), RoleName::new("Bot Tester"));
    let (bot, other) = ("st-16511425-15c5-5cdf-b652-a796db7d134b", "st-ac60188d-cdf4-5e58-a249-178e54cd85b7");
    let name = PersonName { first: Some("Jane".into()), last: Some("Doe".into()) };
    let dialogs = DialogSet::only([DialogId::new("dg-606c7f53-e94a-5000-9000-d83ce03e6360")]);
    let expected = BTreeMap::from([
        (Key::Member(jane()), Fact::Member(Membership::Joined)),
        (Key::Names(jane()), Fact::Names(name)),
        (Key::Access(jane()), Fact::Access(BuilderAccess::Creator)),
        (Key::InGroup(jane(), qa.clone()), Fact::Held),
        (Key::AdminRole(user(JANE), RoleName::new(RoleName::MASTER_ADMIN)), Fact::Held),
        (Key::BotRole(user(JANE), RoleName::new("sample bot role 2"), BotId::new(bot)), Fact::Held),
        (Key::BotRole(user(JANE), tester.clone(), BotId::new(other)), Fact::Inherited([qa.clone()].into())),
        (Key::BotRole(Holder::Group(qa), tester, BotId::new(other)), Fact::Held),
        (Key::Assigned(jane(), BotId::new(bot)), Fact::Dialogs(dialogs)),
    ]);
    assert_eq!(world.facts().iter().cloned().collect::<BTreeMap<_, _>>(), expected);
    assert_eq!(world.coverage.looked_up[&jane()], Seen::ALL);
    assert_eq!(
        world.directory.users[&jane()].id,
        Some(UserId::new("u-575f16b0-c4c5-5f3c-a740-06288c67dec1"))
    );
    assert_eq!(world.calls, 1);
}

#[test]
fn section_2_04_users_info_shortened_covers_only_what_it_carries() {
    let body = fixture("2.04-users-info")["newer"].clone();
    let account = account(move |_, _| ok(&body));
    let world = run(account.reader.read(&ask_jane())).unwrap();
    let pending = Fact::Member(Membership::Pending { since: None });
    assert_eq!(world.get(&Key::Member(jane())), Some(&pending));
    let seen = Seen { groups: false, assignments: false, ..Seen::ALL };
    assert_eq!(world.coverage.looked_up[&jane()], seen);
}

#[test]
fn section_2_04_an_unknown_person_is_known_by_the_word_failure() {
    for form in ["unknown", "unknown_older"] {
        let body = fixture("2.04-users-info")[form].clone();
        let account = account(move |_, _| ok(&body));
        let world = run(account.reader.read(&ask_jane())).unwrap();
        assert_eq!(world.coverage.not_found, BTreeSet::from([jane()]), "{form}");
        assert!(world.facts().is_empty());
    }
}

#[test]
fn section_2_04_the_platforms_own_trouble_is_not_an_absence() {
    for trouble in [
        json!({ "statusCode": 500, "errors": [{ "msg": "Internal error", "code": 500 }] }),
        json!("Rate limit for this API has been reached."),
    ] {
        let body = json!([{ "userInfo": { "emailId": JANE, "status": "failure", "reason": trouble } }]);
        let account = account(move |_, _| ok(&body));
        let world = run(account.reader.read(&ask_jane())).unwrap();
        assert!(world.coverage.not_found.is_empty() && world.coverage.looked_up.is_empty());
    }
}

#[test]
fn section_2_04_other_task_kinds_and_all_dialogs_are_told() {
    let assigned = json!([
        { "botId": "st-1", "dialogs": ["dg-1"], "alerts": ["al-1"] },
        { "streamId": "st-2" },
        { "botId": "st-3", "dialogs": [{ "_id": "dg-3" }], "laterInvention": [1] },
    ]);
    let body = json!([{ "userInfo": { "emailId": JANE, "status": "active" }, "assignBotTasks": assigned }]);
    let account = account(move |_, _| ok(&body));
    let world = run(account.reader.read(&ask_jane())).unwrap();
    let of = |bot: &str| match world.get(&Key::Assigned(jane(), BotId::new(bot))) {
        Some(Fact::Dialogs(dialogs)) => dialogs.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(of("st-1"), DialogSet { has_other_tasks: true, ..DialogSet::only([DialogId::new("dg-1")]) });
    assert_eq!(of("st-2"), DialogSet::ALL);
    assert!(of("st-3").has_other_tasks);
    assert!(world.coverage.looked_up[&jane()].assignments);
}

#[test]
fn section_2_05_all_user_roles() {
    let body = fixture("2.05-all-user-roles");
    let account = account(move |_, _| ok(&body));
    let world = run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })).unwrap();
    assert_eq!(account.log()[0].text("offset"), "0");
    assert_eq!(
        world.account.as_ref().map(koreconcile::facts::AccountId::as_str),
        Some("6661e128d3203924648c10bf")
    );
    assert_eq!(world.coverage.extent(Listing::Users), &Extent::Complete);
    assert_eq!(world.get(&Key::Member(jane())), Some(&Fact::Member(Membership::Listed)));
    assert_eq!(world.get(&Key::Access(jane())), Some(&Fact::Access(BuilderAccess::Creator)));
    let bot = BotId::new("st-fd7c7396-0000-5916-972d-6bfe690aaaaa");
    assert_eq!(world.get(&Key::BotRole(user(JANE), RoleName::new("Bot Developer"), bot)), Some(&Fact::Held));
}

#[test]
fn section_2_05_numbers_and_flags_may_come_as_text() {
    let mut body = fixture("2.05-all-user-roles");
    body["total"] = json!("1");
    body["availableMore"] = json!("false");
    body["users"][0]["isDeveloper"] = json!("true");
    body["users"][0]["canCreateBot"] = json!(0);
    let account = account(move |_, _| ok(&body));
    let world = run(account.reader.read(&ReadRequest { users: true, ..ReadRequest::default() })).unwrap();
    assert_eq!(world.coverage.extent(Listing::Users), &Extent::Complete);
    assert_eq!(world.get(&Key::Access(jane())), Some(&Fact::Access(BuilderAccess::Builder)));
}

#[test]
fn section_2_07_export_roles() {
    let fixture = fixture("2.07-export-roles");
    let answers = fixture.clone();
    let account = account(move |seen, _| ok(&answers[seen.text("roleType")]));
    let world = run(account.reader.read(&ReadRequest { roles: true, ..ReadRequest::default() })).unwrap();
    assert_eq!(account.lines(), ["GET /api/public/roles/export"; 2]);
    assert_eq!(world.coverage.extent(Listing::AdminRoles), &Extent::Complete);
    assert_eq!(world.coverage.extent(Listing::BotRoles), &Extent::Complete);
    let developer = &world.directory.roles[&RoleId::new("6495a4d56ca3571b556cf164")];
    assert_eq!(developer.name, RoleName::new("Bot Developer"), "App Developer is the same role");
    assert_eq!(developer.document, fixture["bot"][0], "kept as it came, for a later import");
    let level = |name: &str| developer.spec.permissions.get(&PermissionName::new(name)).map(Level::as_str);
    assert_eq!(
        (level("Tasks"), level("Invented Later"), level("Testing")),
        (Some("FULL"), Some("SOME"), None)
    );
    let custom = Key::RoleDefinition(RoleType::Admin, RoleName::new("admin check11"));
    let Some(Fact::Role(spec)) = world.get(&custom) else { panic!("not there") };
    assert_eq!(spec.permissions[&PermissionName::new("Manage Groups")].as_str(), "YES");
    assert!(
        world.get(&Key::RoleDefinition(RoleType::Admin, RoleName::new(RoleName::MASTER_ADMIN))).is_some()
    );
}

#[test]
fn section_2_08_import_roles_uploads_then_imports_incrementally() {
    let fixture = fixture("2.08-import-roles");
    let answers = fixture.clone();
    let account = account(move |seen, _| match seen.line.as_str() {
        "POST /api/public/uploadfile" => ok(&answers["uploaded"]),
        _ => ok(&answers["stored"]),
    });
    let documents = vec![json!({ "role": "CustomAdmin1", "permissions": { "Invite": "YES" } })];
    let answer = run(account.writer.import_roles(RoleType::Admin, &documents)).unwrap();
    let stored =
        ImportedRole { id: RoleId::new("5bf132388c4f4e433d46783b"), name: RoleName::new("CustomAdmin1") };
    assert_eq!(answer, WriteReply::Accepted(vec![stored]));
    let log = account.log();
    // 2.9: the upload.
    assert_eq!(log[0].file, Some(Value::from(documents)));
    assert_eq!(log[0].fields, [("fileContext", "bulkImport"), ("fileExtension", "json")]);
    assert_eq!(log[1].line, "POST /api/public/roles/import");
    assert_eq!((log[1].text("roleType"), log[1].text("fullImport")), ("admin", "false"));
    assert_eq!(log[1].json, fixture["uploaded"]);
}

#[test]
fn section_2_08_an_unknown_file_is_a_refusal() {
    let fixture = fixture("2.08-import-roles");
    let account = account(move |seen, _| match seen.line.as_str() {
        "POST /api/public/uploadfile" => ok(&fixture["uploaded"]),
        _ => answer(400, &fixture["unknown_file"]),
    });
    let answer = run(account.writer.import_roles(RoleType::Admin, &[])).unwrap();
    let WriteReply::Refused(vendor) = answer else { panic!("{answer:?}") };
    assert_eq!((vendor.status, vendor.message.as_str()), (Some(400), "Invalid file id"));
}

#[test]
fn section_2_09_a_lost_upload_changed_nothing() {
    let account = account(|_, _| answer(502, &Value::Null));
    let answer = run(account.writer.import_roles(RoleType::Bot, &[])).unwrap();
    assert!(matches!(answer, WriteReply::Refused(_)), "{answer:?}");
    assert_eq!(account.lines(), ["POST /api/public/uploadfile"]);
}

fn jane_gains(role: &str) -> RoleEdit {
    RoleEdit { add_users: vec![jane()], ..RoleEdit::for_role(RoleId::new(role)) }
}

#[test]
fn section_2_10_admin_role_assignments() {
    let fixture = fixture("2.10-assignments")["admin"].clone();
    let body = fixture["answer"].clone();
    let account = account(move |_, _| ok(&body));
    let answer = run(account.writer.assign_admin_roles(&[jane_gains("5bee4bb433f78c73f4e5a0d1")])).unwrap();
    assert_eq!(answer, WriteReply::Accepted(vec![]));
    assert_eq!(account.lines(), ["POST /api/public/adminroles/assignments/"]);
    assert_eq!(account.log()[0].json, fixture["request"]);
}

#[test]
fn section_2_11_bot_role_assignments() {
    let fixture = fixture("2.10-assignments")["bot"].clone();
    let body = fixture["answer"].clone();
    let account = account(move |_, _| ok(&body));
    let edit = RoleEdit { add_groups: vec![GroupName::new("G2")], ..jane_gains("5bee8fb6729d35741e05aba4") };
    let edit = BotRoleEdit { bot: BotId::new("st-b8525f88-6dd3-54a7-8a97-734ecb748733"), edit };
    assert_eq!(run(account.writer.assign_bot_roles(&[edit])).unwrap(), WriteReply::Accepted(vec![]));
    assert_eq!(account.lines(), ["POST /api/public/btroles/assignments/"]);
    assert_eq!(account.log()[0].json, fixture["request"]);
}

#[test]
fn section_2_11_assignments_are_matched_by_position() {
    let mixed = json!([{ "status": "success " }, { "status": "failure", "errors": [{ "msg": "no such bot", "code": 400 }] }]);
    let edits = ["r1", "r2"].map(jane_gains);
    let account_of = |body: Value| account(move |_, _| ok(&body));
    let answer = run(account_of(mixed).writer.assign_admin_roles(&edits)).unwrap();
    assert_eq!(answer, WriteReply::Accepted(vec![Failure { index: 1, message: "no such bot".into() }]));
    let odd =
        run(account_of(json!([{ "status": "pending" }, {}])).writer.assign_admin_roles(&edits)).unwrap();
    let WriteReply::Accepted(failed) = odd else { panic!("{odd:?}") };
    assert_eq!(failed.len(), 2, "only success is success");
    for other_length in [json!([{ "status": "success" }]), json!({ "status": "success" })] {
        let answer = run(account_of(other_length).writer.assign_admin_roles(&edits)).unwrap();
        assert!(matches!(answer, WriteReply::Unknown(_)), "{answer:?}");
    }
}

#[test]
fn section_2_12_user_access() {
    let fixture = fixture("2.12-user-access");
    let set = |body: Value, status: u16| {
        let account = account(move |_, _| answer(status, &body));
        let answer = run(account.writer.set_access(BuilderAccess::Builder, true, &[jane()])).unwrap();
        (answer, account)
    };
    let (answer, account) = set(fixture["success"].clone(), 200);
    assert_eq!(answer, WriteReply::Accepted(vec![]));
    assert_eq!(account.log()[0].json, fixture["request"]);
    for case in fixture["refusals"].as_array().unwrap() {
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let (answer, _) = set(case["body"].clone(), status);
        let WriteReply::Refused(vendor) = answer else { panic!("{answer:?}") };
        assert_eq!(
            (vendor.status, json!(vendor.message)),
            (Some(status), case["body"]["errors"][0]["msg"].clone())
        );
    }
    assert!(matches!(set(json!(["QUEUED"]), 200).0, WriteReply::Unknown(_)));
}

#[test]
fn section_2_13_groups() {
    let body = fixture("2.13-groups");
    let account = account(move |_, _| ok(&body));
    let world = run(account.reader.read(&ReadRequest { groups: true, ..ReadRequest::default() })).unwrap();
    assert_eq!((account.log()[0].text("offset"), account.log()[0].text("limit")), ("0", "50"));
    let member = Email::observed("sample1@example.com");
    assert_eq!(world.get(&Key::InGroup(member.clone(), GroupName::new("Audit"))), Some(&Fact::Held));
    assert_eq!(world.get(&Key::Member(member)), Some(&Fact::Member(Membership::Listed)));
    let group = &world.directory.groups[&GroupId::new("e-eed8e93a-79ff-523b-9545-4833c2600000")];
    assert_eq!((group.name.as_str(), group.members), ("Audit", 1));
    assert_eq!(world.coverage.extent(Listing::Groups), &Extent::Complete);
}

#[test]
fn section_2_13_a_group_that_hides_members_is_not_complete() {
    let mut body = fixture("2.13-groups");
    body["groups"][0]["userCount"] = json!(3);
    let account = account(move |_, _| ok(&body));
    let world = run(account.reader.read(&ReadRequest { groups: true, ..ReadRequest::default() })).unwrap();
    assert!(world.coverage.requires(Listing::Groups).is_err());
}

#[test]
fn section_2_14_bots_without_their_secrets() {
    let body = fixture("2.14-bots");
    let account = account(move |_, _| ok(&body));
    let world = run(account.reader.read(&ReadRequest { bots: true, ..ReadRequest::default() })).unwrap();
    let bot = &world.directory.bots[&BotId::new("st-e3fa7a00-84f3-54bd-b8f8-7b3f1b5f9c00")];
    assert_eq!(
        (bot.name.as_str(), bot.is_published(), bot.purpose.as_str()),
        ("Sampletestbot", true, "customer")
    );
    assert_eq!(
        world.account.as_ref().map(koreconcile::facts::AccountId::as_str),
        Some("6661e128d3203924648c10bf")
    );
    assert!(!format!("{world:?}").contains("CANARY"));
    assert!(!serde_json::to_string(&world).unwrap().contains("CANARY"));
}

#[test]
fn two_account_ids_stop_the_read() {
    let (users, mut bots) = (fixture("2.05-all-user-roles"), fixture("2.14-bots"));
    bots["bots"][0]["accountId"] = json!("000000000000000000000000");
    let account = account(move |seen, _| ok(if seen.line.ends_with("bots") { &bots } else { &users }));
    let error = run(account.reader.read(&ReadRequest { users: true, bots: true, ..ReadRequest::default() }))
        .unwrap_err();
    assert!(matches!(&error, KoreError::Protocol { why, .. } if why.contains("two accounts")), "{error}");
}

#[test]
fn section_2_17_and_2_18_side_reads() {
    let account = account(|seen, _| match seen.line.as_str() {
        "GET /api/public/ssoconfig" => {
            ok(&json!({ "ssoConfig": { "samlAttributeMapping": { "status": "active" } } }))
        }
        _ if seen.text("fetchAfter") == "old" => refused(401, "Permission denied. Scope is incorrect!"),
        _ => ok(&json!({ "total": 1, "moreAvailable": false, "auditlogs": [{
            "timestampValue": 1_578_157_612_745_u64, "Date/Time": "2020-01-04T17:06:52.745Z", "Description": "User logged out",
            "Name": "Logout", "Category": "Login/Logout", "AuditLogId": "5e10c62ce0e2f05f05aaaaaa" }] })),
    });
    let sign_on = run(account.reader.sign_on()).unwrap().unwrap();
    assert_eq!((sign_on.mapping.unwrap().mode, sign_on.lets_anybody_join), (SyncMode::FullSync, true));
    let page = run(account.reader.audit_log(None)).unwrap();
    assert_eq!((page.events[0].id.as_str(), page.has_more), ("5e10c62ce0e2f05f05aaaaaa", false));
    assert_eq!(page.events[0].at.unwrap().as_millisecond(), 1_578_157_612_745);
    let error = run(account.reader.audit_log(Some("old"))).unwrap_err();
    assert!(error.to_string().contains("Logs > Admin Console Audit Logs"), "{error}");
}
