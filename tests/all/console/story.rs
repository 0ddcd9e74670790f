//! The console from the first invitation on, and beside koreconcile: both look at one account.

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, OWNER, PASSWORD, SAM};
use crate::support::served::{document, user};
use crate::support::workspace::Workspace;

const NEW: &str = "new.hire@example.com";

#[tokio::test]
async fn story_of_somebody_invited_who_signs_up_and_gets_a_bot_and_a_role() {
    let harness = ConsoleHarness::served().await;
    let admin = Browser::at(&harness).await;
    admin.sign_in(OWNER).await;
    admin.press("Invite").await;
    admin.fill("email", NEW).await;
    admin.press("Send Invitations").await;
    admin.reads("1 invitation sent.").await;
    admin.inspect("story-1-invited").await;

    // Before they have joined, they cannot be chosen.
    let bots = harness.admin.snapshot().unwrap().bots;
    let (id, travel) = bots.iter().find(|(_, bot)| bot.name == "Travel Desk").unwrap();
    let task = travel.dialogs.iter().find(|(_, name)| *name == "Book Flight").unwrap().0;
    let dialog = format!("/Admin/bots/enterprise/{id}/assignments/{task}?search=new.hire");
    admin.open(&dialog).await;
    admin.choose("Assign individual users").await;
    admin.reads("Nobody. People can be chosen once they have accepted").await;

    let guest = Browser::at(&harness).await;
    guest.open(&harness.newest_link(NEW)).await;
    guest.fill("first_name", "Nora").await;
    guest.fill("last_name", "New").await;
    guest.fill("password", PASSWORD).await;
    guest.fill("again", PASSWORD).await;
    guest.inspect("story-2-signs-up").await;
    guest.press("Join Example").await;
    guest.reads("You have joined the account.").await;
    guest.inspect("story-3-joined").await;

    admin.press("Enterprise Bots").await;
    admin.press("Actions on Travel Desk").await;
    admin.inspect("story-4-bot").await;
    admin.press("Bot & task assignments").await;
    admin.press("Assign Book Flight").await;
    admin.choose("Assign individual users").await;
    admin.fill("search", "nora").await;
    admin.press("Find").await;
    admin.reads("1–1 of 1").await;
    admin.choose("Nora New").await;
    admin.press("Select").await;
    admin.element("input[name='remove']").await;
    admin.inspect("story-5-selected").await;
    admin.press("Done").await;
    admin.press("Apply").await;
    admin.reads("Bot assignment successful").await;
    admin.inspect("story-6-assigned").await;

    admin.press("Role Management").await;
    admin.press("Bot Tester").await;
    admin.press("Assignments").await;
    admin.fill("search", "nora").await;
    admin.press("Find").await;
    admin.choose("Nora New").await;
    admin.click(&format!("#bot option[value='{id}']")).await;
    admin.press("Assign").await;
    admin.reads("The role is assigned.").await;
    admin.inspect("story-7-role").await;
    let truth = harness.admin.snapshot().unwrap();
    assert_eq!(truth.users[NEW].assignments["Travel Desk"], Some(vec![task.clone()]));
    assert_eq!(truth.users[NEW].bot_roles, [("Bot Tester".to_owned(), "Travel Desk".to_owned())]);
}

/// koreconcile with credentials for the site, and these manifests.
fn workspace(harness: &ConsoleHarness, manifests: &[String]) -> Workspace {
    let app = harness.admin.create_app("koreconcile", &["all"], false).unwrap();
    let url = &harness.url;
    let account = format!(
        "apiVersion: koreconcile.dev/v1alpha1
kind: KoreAccount
metadata: {{ name: example }}
spec:
  endpoint: {{ host: \"{url}\" }}
  accountId: {}
  credentials:
    clientId: {{ env: KORE_CLIENT_ID }}
    clientSecret: {{ env: KORE_CLIENT_SECRET }}
  sources: [\"*.yaml\"]
  ownership: {{ failOn: Never }}
",
        harness.admin.account_id()
    );
    let mut workspace = Workspace::with(&[("account.yaml", &account), ("main.yaml", &manifests.concat())]);
    workspace.export("KORE_CLIENT_ID", &app.client_id);
    workspace.export("KORE_CLIENT_SECRET", &app.client_secret);
    workspace
}

async fn koreconcile(
    workspace: Workspace,
    args: &'static [&'static str],
    status: i32,
) -> (Workspace, String) {
    tokio::task::spawn_blocking(move || {
        let args = [args, &["account.yaml", "main.yaml"]].concat();
        let run = workspace.run(&args).expect(status);
        let text = run.stdout.clone();
        (workspace, text)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn story_of_yaml_that_the_console_shows_and_a_click_that_the_plan_finds() {
    let harness = ConsoleHarness::served().await;
    let bots = harness.admin.snapshot().unwrap().bots;
    let travel = bots.values().find(|bot| bot.name == "Travel Desk").unwrap();
    let flight = travel.dialogs.iter().find(|(_, name)| *name == "Book Flight").unwrap().0;
    let assignment = format!("{{ bot: Travel Desk, dialogs: [{flight}], subjects: [{{ user: {SAM} }}] }}");
    let manifests = [user("sam", ""), document("KoreBotAssignment", "travel", &assignment)];
    let workspace = workspace(&harness, &manifests);
    let (workspace, _) = koreconcile(workspace, &["apply", "--yes"], 0).await;
    let (workspace, _) = koreconcile(workspace, &["plan", "--exit-code"], 0).await;

    let truth = harness.admin.snapshot().unwrap();
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Enterprise Bots").await;
    browser.press("Actions on Travel Desk").await;
    browser.press("Bot & task assignments").await;
    browser.press("Assign Book Flight").await;
    browser.element(&format!("input[name='remove'][value='{}']", truth.users[SAM].id)).await;
    browser.inspect("story-yaml-shown").await;
    // A click: the task is nobody's any more.
    browser.choose("No one").await;
    browser.press("Done").await;
    browser.press("Apply").await;
    browser.reads("Bot assignment successful").await;

    let (workspace, plan) = koreconcile(workspace, &["plan", "--exit-code"], 2).await;
    assert!(plan.contains(SAM) && plan.contains("Travel Desk"), "{plan}");
    let (workspace, _) = koreconcile(workspace, &["apply", "--yes"], 0).await;
    let (_, _) = koreconcile(workspace, &["plan", "--exit-code"], 0).await;
    browser.open("/Admin/analytics/audit?event=Bot+Task+Assignment").await;
    browser.reads("Book Flight").await;
}
