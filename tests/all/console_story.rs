//! The console from the first invitation on, and beside koreconcile: both look at one account.

use crate::support::browser::Browser;
use crate::support::command::Place;
use crate::support::served::{document, user};
use crate::support::site::{OWNER, PASSWORD, SAM, Site};

const NEW: &str = "new.hire@example.com";

#[tokio::test]
async fn console_story_of_somebody_invited_who_signs_up_and_gets_a_bot_and_a_role() {
    let site = Site::served().await;
    let admin = Browser::at(&site).await;
    admin.sign_in(OWNER).await;
    admin.press("Invite").await;
    admin.fill("email", NEW).await;
    admin.press("Send Invitations").await;
    admin.reads("1 invitation sent.").await;
    admin.inspect("story-1-invited").await;

    // Before they have joined, they cannot be chosen.
    let bots = site.admin.snapshot().unwrap().bots;
    let (id, travel) = bots.iter().find(|(_, bot)| bot.name == "Travel Desk").unwrap();
    let task = travel.dialogs.iter().find(|(_, name)| *name == "Book Flight").unwrap().0;
    let dialog = format!("/Admin/bots/enterprise/{id}/assignments/{task}?search=new.hire");
    admin.open(&dialog).await;
    admin.choose("Assign individual users").await;
    admin.reads("Nobody. People can be chosen once they have accepted").await;

    let guest = Browser::at(&site).await;
    guest.open(&site.newest_link(NEW)).await;
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
    let truth = site.admin.snapshot().unwrap();
    assert_eq!(truth.users[NEW].assignments["Travel Desk"], Some(vec![task.clone()]));
    assert_eq!(truth.users[NEW].bot_roles, [("Bot Tester".to_owned(), "Travel Desk".to_owned())]);
}

/// koreconcile with credentials for the site, and these manifests.
fn place(site: &Site, manifests: &[String]) -> Place {
    let app = site.admin.create_app("koreconcile", &["all"], false).unwrap();
    let url = &site.url;
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
",
        site.admin.account_id()
    );
    let mut place = Place::with(&[("account.yaml", &account), ("main.yaml", &manifests.concat())]);
    place.export("KORE_CLIENT_ID", &app.client_id);
    place.export("KORE_CLIENT_SECRET", &app.client_secret);
    place
}

async fn koreconcile(place: Place, args: &'static [&'static str], status: i32) -> (Place, String) {
    tokio::task::spawn_blocking(move || {
        let args = [args, &["account.yaml", "main.yaml"]].concat();
        let run = place.run(&args).expect(status);
        let text = run.stdout.clone();
        (place, text)
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn console_story_of_yaml_that_the_console_shows_and_a_click_that_the_plan_finds() {
    let site = Site::served().await;
    let bots = site.admin.snapshot().unwrap().bots;
    let travel = bots.values().find(|bot| bot.name == "Travel Desk").unwrap();
    let flight = travel.dialogs.iter().find(|(_, name)| *name == "Book Flight").unwrap().0;
    let assignment = format!("{{ bot: Travel Desk, dialogs: [{flight}], subjects: [{{ user: {SAM} }}] }}");
    let manifests = [user("sam", ""), document("KoreBotAssignment", "travel", &assignment)];
    let place = place(&site, &manifests);
    let (place, _) = koreconcile(place, &["apply", "--yes"], 0).await;
    let (place, _) = koreconcile(place, &["plan", "--exit-code"], 0).await;

    let truth = site.admin.snapshot().unwrap();
    let browser = Browser::at(&site).await;
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

    let (place, plan) = koreconcile(place, &["plan", "--exit-code"], 2).await;
    assert!(plan.contains(SAM) && plan.contains("Travel Desk"), "{plan}");
    let (place, _) = koreconcile(place, &["apply", "--yes"], 0).await;
    let (_, _) = koreconcile(place, &["plan", "--exit-code"], 0).await;
    browser.open("/Admin/analytics/audit?event=Bot+Task+Assignment").await;
    browser.reads("Book Flight").await;
}
