//! Bots Management: who may use a bot, its settings, owner and tasks.

use koreconcile::sandbox::{BotStatus, NewBot, NewUser};
use serde_json::{Value, json};

use crate::sandbox::world::token;
use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OWNER, SAM};

const BANK: &str = "Banking Assistant";

/// What somebody may do with a bot.
#[derive(Debug, PartialEq)]
enum Assigned {
    Nothing,
    Everything,
    Only(Vec<String>),
}

fn assigned(harness: &ConsoleHarness, email: &str, bot: &str) -> Assigned {
    match harness.admin.snapshot().unwrap().users[email].assignments.get(bot) {
        None => Assigned::Nothing,
        Some(None) => Assigned::Everything,
        Some(Some(dialogs)) => Assigned::Only(dialogs.clone()),
    }
}

/// As the API shows it: ids of the dialogs of that bot.
async fn shown_by_api(harness: &ConsoleHarness, email: &str, bot_name: &str) -> Value {
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let token = token(&app, json!({}));
    let asked = json!({ "emailIds": [email] });
    let users = harness.call_api(&token, "POST", "/api/public/usersInfo", &asked).await;
    let id = harness.bot(bot_name);
    let tasks = users[0]["assignBotTasks"].as_array().unwrap().clone();
    tasks
        .into_iter()
        .find(|tasks| tasks["botId"] == id.as_str())
        .map_or(Value::Null, |tasks| tasks["dialogs"].clone())
}

#[tokio::test]
async fn assignment_is_saved_by_apply_and_nothing_before() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Enterprise Bots").await;
    browser.inspect("bots-enterprise").await;
    browser.press("Actions on Travel Desk").await;
    browser.press("Bot & task assignments").await;
    browser.reads("Who may use Travel Desk").await;
    browser.press("Assign Book Flight").await;
    browser.reads("Who may use this task").await;
    browser.choose("Assign individual users").await;
    // Who has not accepted cannot be chosen.
    browser.reads("1–8 of 8").await;
    assert!(!browser.text().await.contains("pat@example.com"));
    browser.fill("search", "stone").await;
    browser.press("Find").await;
    browser.reads("1–1 of 1").await;
    browser.choose("Sam Stone").await;
    browser.press("Select").await;
    browser.element(&format!("input[name='remove'][value='{}']", harness.person(SAM))).await;
    browser.inspect("bots-assignment-task").await;
    browser.press("Done").await;
    browser.reads("Not saved yet").await;
    browser.reads("2 people").await;
    browser.press("Assign Book Hotel").await;
    browser.choose("All users in your enterprise").await;
    browser.press("Done").await;
    browser.reads("All users").await;
    browser.inspect("bots-assignments").await;
    assert_eq!(assigned(&harness, SAM, "Travel Desk"), Assigned::Nothing, "saved before Apply");
    browser.press("Apply").await;
    browser.reads("Bot assignment successful").await;
    browser.inspect("bots-assignment-done").await;
    let flight = harness.dialog("Travel Desk", "Book Flight");
    assert_eq!(assigned(&harness, SAM, "Travel Desk"), Assigned::Only(vec![flight.clone()]));
    assert_eq!(shown_by_api(&harness, SAM, "Travel Desk").await, json!([flight]));
    // Who is assigned by themselves has lost what is for everybody now.
    assert_eq!(assigned(&harness, OWNER, "Travel Desk"), Assigned::Only(vec![flight]));
    let log = harness.admin.audit_log().unwrap();
    let entry = log.iter().find(|entry| entry[0] == "Bot Task Assignment").unwrap();
    assert_eq!(entry[1], OWNER);
    assert_eq!(entry[2], "bot Travel Desk assigned: Book Flight: 2 people; Book Hotel: All users");
}

#[tokio::test]
async fn assignment_is_cancelled_taken_out_and_cleared() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let path = format!("/Admin/bots/enterprise/{}/assignments", harness.bot(BANK));
    let [balance, funds] = ["Check Balance", "Transfer Funds"].map(|name| harness.dialog(BANK, name));
    let [sam, jane, pat] = [SAM, JANE, "pat@example.com"].map(|email| harness.person(email));
    let qa = harness.admin.snapshot().unwrap().groups["QA"].id.clone();

    owner.get(&path).await;
    let task = format!("{path}/{balance}");
    assert_eq!(owner.post(&path, &[("assign", "tasks"), ("step", &balance)]).await.location, task);
    // Who has not accepted, or is nobody, is not added, whatever the form says.
    let fields = [
        ("audience", "people"),
        ("add", &jane),
        ("add", &pat),
        ("add", "u-0"),
        ("remove", &sam),
        ("step", "done"),
    ];
    assert_eq!(owner.post(&task, &fields).await.location, path);
    let fields = [("audience", "groups"), ("group", qa.as_str()), ("group", "e-0"), ("step", "done")];
    owner.post(&format!("{path}/{funds}"), &fields).await;
    let page = owner.get(&path).await;
    assert!(page.text.contains("QA") && page.text.contains("Not saved yet"), "{}", page.text);
    assert_eq!(owner.post(&path, &[("assign", "tasks"), ("step", "cancel")]).await.status, 303);
    assert!(!owner.get(&path).await.text.contains("Not saved yet"));
    assert_eq!(assigned(&harness, SAM, BANK), Assigned::Everything, "cancelled");

    owner.post(&task, &[("audience", "people"), ("add", &jane), ("remove", &sam), ("step", "done")]).await;
    owner.post(&path, &[("assign", "tasks"), ("step", "apply")]).await;
    let truth = harness.admin.snapshot().unwrap();
    assert_eq!(truth.users[JANE].assignments[BANK], Some(vec![balance.clone()]));
    let left = truth.users[SAM].assignments[BANK].clone().unwrap();
    assert!(left.len() == 2 && !left.contains(&balance), "{left:?}");
    assert!(!truth.users["pat@example.com"].assignments.contains_key(BANK));

    owner.get(&path).await;
    owner.post(&path, &[("assign", "nobody"), ("step", "apply")]).await;
    let truth = harness.admin.snapshot().unwrap();
    assert!(truth.users.values().all(|user| !user.assignments.contains_key(BANK)));
}

#[tokio::test]
async fn assignment_leaves_what_others_changed_meanwhile() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let path = format!("/Admin/bots/enterprise/{}/assignments", harness.bot(BANK));
    let balance = harness.dialog(BANK, "Check Balance");
    owner.get(&path).await;
    let jane = harness.person(JANE);
    owner
        .post(&format!("{path}/{balance}"), &[("audience", "people"), ("add", &jane), ("step", "done")])
        .await;
    harness.admin.assign(KIM, BANK, None).unwrap();
    owner.post(&path, &[("assign", "tasks"), ("step", "apply")]).await;
    assert_eq!(assigned(&harness, KIM, BANK), Assigned::Everything);
    assert_eq!(assigned(&harness, SAM, BANK), Assigned::Everything);
    assert_eq!(assigned(&harness, JANE, BANK), Assigned::Only(vec![balance]));
}

#[tokio::test]
async fn settings_owner_and_tasks_are_changed() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.open(&format!("/Admin/bots/enterprise/{}/settings", harness.bot(BANK))).await;
    browser.inspect("bots-settings").await;
    browser.choose("All requests of this bot").await;
    browser.choose("Email").await;
    browser.press("Apply").await;
    browser.reads("The settings are saved.").await;
    browser.fill("text", "Please answer in English, too.").await;
    browser.press("Send").await;
    browser.reads("Sent to 3 people.").await;
    assert!(harness.newest_mail(JANE).contains("Please answer in English, too."));

    browser.open(&format!("/Admin/bots/enterprise/{}/owner", harness.bot(BANK))).await;
    browser.reads("Owner now").await;
    browser.inspect("bots-owner").await;
    browser.click("select[name='role'] option[value='Bot Tester']").await;
    browser.choose("Jane Doe").await;
    browser.press("Change owner").await;
    browser.reads("jane.doe@example.com owns Banking Assistant now.").await;
    let truth = harness.admin.snapshot().unwrap();
    let held = |email: &str| -> Vec<String> {
        let roles = &truth.users[email].bot_roles;
        roles.iter().filter(|(_, on)| on == BANK).map(|(role, _)| role.clone()).collect()
    };
    assert_eq!(
        (held(JANE), held("bo.owner@example.com")),
        (vec!["Bot Owner".into()], vec!["Bot Tester".into()])
    );

    browser.open(&format!("/Admin/bots/enterprise/{}/tasks", harness.bot(BANK))).await;
    browser.choose("Block Card").await;
    browser.inspect("bots-tasks").await;
    browser.press("Confirm").await;
    browser.reads("Are you sure?").await;
    browser.inspect("bots-tasks-confirm").await;
    browser.press("Confirm").await;
    browser.reads("Bot status changed successfully: 1 task of Banking Assistant.").await;
    assert!(harness.newest_mail(SAM).contains("these tasks are suspended: Block Card"));
    let names: Vec<String> = harness.admin.audit_log().unwrap().into_iter().map(|[name, ..]| name).collect();
    for name in ["Bot Auto Approve", "Bot Channels Modified", "Bot Owner", "Bot Task Suspended"] {
        assert!(names.iter().any(|own| own == name), "{name}: {names:?}");
    }
}

#[tokio::test]
async fn assistants_for_consumers_have_a_plan_and_no_assignments_and_smart_ones_a_page() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Consumer Bots").await;
    browser.reads("Store Helper").await;
    browser.reads("Plan Type").await;
    browser.inspect("bots-consumer").await;
    browser.press("Actions on Store Helper").await;
    let text = browser.text().await;
    assert!(text.contains("Bot settings") && !text.contains("Bot & task assignments"), "{text}");
    browser.inspect("bots-consumer-menu").await;
    browser.press("Bot plan").await;
    browser.reads("nobody is billed").await;
    browser.inspect("bots-plan").await;
    browser.press("Back").await;
    browser.press("Smart Bots").await;
    browser.reads("There are no smart bots in this account.").await;
    browser.inspect("bots-smart").await;
    // Bots of the enterprise have no plan, and those of consumers no assignments.
    let mut owner = harness.signed_in(OWNER).await;
    let (bank, store) = (harness.bot(BANK), harness.bot("Store Helper"));
    for path in [
        format!("/Admin/bots/enterprise/{bank}/plan"),
        format!("/Admin/bots/consumer/{bank}/plan"),
        format!("/Admin/bots/consumer/{store}/assignments"),
        format!("/Admin/bots/enterprise/{store}/assignments"),
    ] {
        assert_eq!(owner.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn suspension_of_all_tasks_suspends_the_bot() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let id = harness.bot(BANK);
    let tasks = format!("/Admin/bots/enterprise/{id}/tasks");
    owner.get(&tasks).await;
    // Asked once, nothing has changed.
    assert!(owner.post(&tasks, &[]).await.text.contains("Are you sure?"));
    assert_eq!(harness.bot_status(BANK), BotStatus::Published);
    owner.post(&tasks, &[("confirmed", "yes")]).await;
    assert_eq!(harness.bot_status(BANK), BotStatus::Suspended);
    let assignments = format!("/Admin/bots/enterprise/{id}/assignments");
    assert_eq!(owner.get(&assignments).await.location, "/Admin/bots/enterprise");
    assert!(owner.get("/Admin/bots/enterprise").await.text.contains("is suspended: activate a task"));
    // As it was: nothing to do.
    owner.post(&tasks, &[("confirmed", "yes")]).await;
    assert!(owner.get(&tasks).await.text.contains("Every task is as it was"));
    let balance = harness.dialog(BANK, "Check Balance");
    owner.post(&tasks, &[("task", &balance), ("confirmed", "yes")]).await;
    assert_eq!(harness.bot_status(BANK), BotStatus::Published);
    assert_eq!(harness.latest_audit()[2], "bot Banking Assistant: Check Balance active again");
}

#[tokio::test]
async fn need_the_permission_of_their_page() {
    let harness = ConsoleHarness::new();
    let [bank, store, facilities] = [BANK, "Store Helper", "Facilities Desk"].map(|name| harness.bot(name));
    let pages = [
        "/Admin/bots/deployment".to_owned(),
        format!("/Admin/bots/deployment/{facilities}"),
        "/Admin/bots/enterprise".to_owned(),
        format!("/Admin/bots/enterprise/{bank}/assignments"),
        format!("/Admin/bots/enterprise/{bank}/settings"),
        format!("/Admin/bots/consumer/{store}/owner"),
        "/Admin/bots/smart".to_owned(),
        "/Admin/bots/preferences".to_owned(),
        "/Admin/bots/deleted".to_owned(),
    ];
    let mut owner = harness.signed_in(OWNER).await;
    let mut kim = harness.signed_in(KIM).await;
    for path in &pages {
        assert_eq!(owner.get(path).await.status, 200, "{path}");
        assert_eq!(kim.get(path).await.status, 403, "{path}");
    }
    for path in [
        format!("/Admin/bots/deployment/{facilities}/approve"),
        format!("/Admin/bots/enterprise/{bank}/tasks"),
        format!("/Admin/bots/enterprise/{bank}/assignments"),
        "/Admin/bots/preferences".to_owned(),
    ] {
        assert_eq!(kim.post(&path, &[("assign", "nobody"), ("step", "apply")]).await.status, 403, "{path}");
    }
    assert_eq!(harness.bot_status("Facilities Desk"), BotStatus::AwaitingApproval);
    // The permission for one kind of bot does not open the other by its address.
    for path in
        [format!("/Admin/bots/enterprise/{store}/tasks"), format!("/Admin/bots/consumer/{bank}/tasks")]
    {
        assert_eq!(owner.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn assistants_of_other_accounts_are_not_there() {
    let harness = ConsoleHarness::new();
    let other = harness.second_account();
    other.add_user(&NewUser::named("ann@example.com", "Ann", "Other")).unwrap();
    let new = NewBot { dialogs: vec!["Spy".to_owned()], ..NewBot::named("Secret Bot") };
    let id = other.add_bot(&new).unwrap();
    let waiting = NewBot { status: BotStatus::AwaitingApproval, ..NewBot::named("Waiting Bot") };
    let waiting = other.add_bot(&waiting).unwrap();
    let mut jane = harness.signed_in(JANE).await;
    assert!(!jane.get("/Admin/bots/enterprise").await.text.contains("Secret Bot"));
    for path in [
        format!("/Admin/bots/enterprise/{id}/assignments"),
        format!("/Admin/bots/enterprise/{id}/settings"),
        format!("/Admin/bots/deployment/{waiting}"),
    ] {
        assert_eq!(jane.get(&path).await.status, 404, "{path}");
    }
    let answer = jane.post(&format!("/Admin/bots/deployment/{waiting}/approve"), &[]).await;
    assert_eq!(answer.status, 404);
    // Nor are its people.
    let ann = other.snapshot().unwrap().users["ann@example.com"].id.clone();
    let path = format!("/Admin/bots/enterprise/{}/assignments", harness.bot(BANK));
    let balance = harness.dialog(BANK, "Check Balance");
    jane.get(&path).await;
    jane.post(&format!("{path}/{balance}"), &[("audience", "people"), ("add", &ann), ("step", "done")]).await;
    jane.post(&path, &[("assign", "tasks"), ("step", "apply")]).await;
    assert!(other.snapshot().unwrap().users["ann@example.com"].assignments.is_empty());
}

#[tokio::test]
async fn refuse_what_a_form_cannot_say() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let id = harness.bot(BANK);
    let base = format!("/Admin/bots/enterprise/{id}");
    let sam = harness.person(SAM);
    let long = "x".repeat(1001);
    for (path, fields, reason) in [
        ("settings", vec![("approves", "all")], "At least one channel"),
        ("mail", vec![("text", " ")], "Write something"),
        (
            "owner",
            vec![("owner", sam.as_str()), ("role", "Bot Tester")],
            "Choose the new owner among the developers",
        ),
        ("owner", vec![("owner", &harness.person(JANE)), ("role", "Bot Owner")], "Choose the role"),
    ] {
        owner.get(&format!("{base}/{}", path.replace("mail", "settings"))).await;
        assert_eq!(owner.post(&format!("{base}/{path}"), &fields).await.status, 303, "{path}");
        let page = owner.get("/Admin/bots/enterprise").await;
        assert!(page.text.contains(reason), "{path}: {}", page.text);
    }
    let reject = format!("/Admin/bots/deployment/{}/reject", harness.bot("Facilities Desk"));
    let fault = harness.dialog("Facilities Desk", "Report Fault");
    for fields in [[("task", fault.as_str()), ("reason", long.as_str())], [("task", "dg-0"), ("reason", "x")]]
    {
        assert_eq!(owner.post(&reject, &fields).await.status, 422);
    }
    // What is typed is shown as text.
    let script = "<script>alert(1)</script>";
    let page = owner.post(&reject, &[("reason", script)]).await;
    assert!(!page.text.contains(script) && page.text.contains("&#60;script"), "{}", page.text);
}
