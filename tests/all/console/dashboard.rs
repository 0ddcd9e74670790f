//! The dashboard: counted people, synthetic activity, live.

use koreconcile::sandbox::{NewUser, UserState};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, KIM, OWNER, SAM};

/// As people read it, with commas.
fn number(text: &str) -> u64 {
    text.replace(',', "").parse().unwrap()
}

/// The figure under that label.
fn figure(page: &str, label: &str) -> u64 {
    let (_, rest) =
        page.split_once(&format!("<dt>{label}</dt><dd>")).unwrap_or_else(|| panic!("no {label}: {page}"));
    number(rest.split_once('<').unwrap().0)
}

#[tokio::test]
async fn shows_people_and_labels_activity_as_synthetic() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.arrives_at("/Admin/dashboard").await;
    browser.reads("People in the account").await;
    browser.inspect("dashboard").await;
    browser.press("Bots and channels").await;
    browser.reads("Store Helper").await;
    browser.click("select[name='period'] option[value='7d']").await;
    browser.press("Show").await;
    browser.reads("24 Feb").await;
    browser.press("Figures of Messages").await;
    browser.inspect("dashboard-week").await;
    let page = browser.source().await;
    assert_eq!(page.matches("Synthetic</span>").count(), 2, "{page}");
    assert!(figure(&page, "Sessions") > 0 && figure(&page, "Billing Sessions") > figure(&page, "Sessions"));
}

#[tokio::test]
async fn follows_the_account_without_being_asked() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.arrives_at("/Admin/dashboard").await;
    browser.press("Bots and channels").await;
    browser.reads("Locked\n1").await;
    harness
        .admin
        .add_user(&NewUser { state: UserState::Locked, ..NewUser::active("late@example.com") })
        .unwrap();
    browser.reads("Locked\n2").await;
    // What was open stays open.
    browser.element("#now-details[open]").await;
}

#[tokio::test]
async fn being_watched_does_not_keep_a_session_alive() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.arrives_at("/Admin/dashboard").await;
    harness.later(14);
    harness.admin.set_state(SAM, UserState::Suspended).unwrap();
    browser.reads("Suspended\n2").await;
    harness.later(2);
    let mut owner = harness.visitor().await;
    let port = harness.url.rsplit_once(':').unwrap().1;
    let cookie = browser.web.get_named_cookie(format!("koreconcile-{port}")).await.unwrap();
    owner.cookie = Some(format!("{}={}", cookie.name, cookie.value));
    assert_eq!(owner.get("/Admin/dashboard").await.location, "/sign-in?idle=1");
}

#[tokio::test]
async fn figures_follow_assignment_and_filters() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let bots = harness.admin.snapshot().unwrap().bots;
    let (id, travel) = bots.iter().find(|(_, bot)| bot.name == "Travel Desk").unwrap();
    let path = format!("/Admin/dashboard?period=90d&bot={id}");
    let before = owner.get(&path).await.text;
    for email in [SAM, KIM] {
        harness.admin.assign(email, "Travel Desk", None).unwrap();
    }
    let after = owner.get(&path).await.text;
    assert!(figure(&after, "Sessions") > figure(&before, "Sessions"));
    assert_eq!(figure(&after, "Total Users"), 3);
    let sessions = |more: String| {
        let path = format!("{path}{more}");
        let mut owner = owner.clone();
        async move { figure(&owner.get(&path).await.text, "Sessions") }
    };
    let parts = sessions("&kind=interactive".into()).await + sessions("&kind=non-interactive".into()).await;
    assert_eq!(parts, figure(&after, "Sessions"));
    let mut by_task = 0;
    for task in travel.dialogs.keys() {
        by_task += sessions(format!("&task={task}")).await;
    }
    assert_eq!(by_task, figure(&after, "Sessions"));
    assert_eq!(sessions("&channel=sms".into()).await, 0);
    let page = owner.get("/Admin/dashboard?period=custom&from=2025-01-01&to=2026-03-01").await;
    assert!(page.text.contains("goes back 90 days at most. The last 24 hours are shown."), "{}", page.text);
}

#[tokio::test]
async fn meta_tags_narrow_one_bot_and_are_cleared_with_it() {
    let harness = ConsoleHarness::served().await;
    let bots = harness.admin.snapshot().unwrap().bots;
    let id = |name: &str| bots.iter().find(|(_, bot)| bot.name == name).unwrap().0.clone();
    let (store, travel) = (id("Store Helper"), id("Travel Desk"));
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.arrives_at("/Admin/dashboard").await;
    browser.lacks("input[name='tag']").await;
    browser.click("select[name='period'] option[value='90d']").await;
    browser.click(&format!("select[name='bot'] option[value='{store}']")).await;
    browser.press("Show").await;
    let all = browser.source().await;
    browser.choose("User: plan = premium").await;
    browser.choose("Session: outcome = resolved").await;
    browser.press("Show").await;
    browser.element("input[value='user-premium']:checked").await;
    browser.inspect("dashboard-tags").await;
    let page = browser.source().await;
    for label in ["Completed Tasks", "Successful Tasks", "Alerts Sent", "Billing Sessions"] {
        assert!(figure(&page, label) < figure(&all, label) / 2, "{label}");
    }
    assert_eq!(figure(&page, "Sessions"), figure(&all, "Sessions"), "the count of sessions knows no tags");
    // Of messages: only messages and conversations.
    browser
        .open(&format!(
            "/Admin/dashboard?period=90d&bot={store}&tagged={store}&tag=message-feedback&tag=none-such"
        ))
        .await;
    let page = browser.source().await;
    for label in ["Completed Tasks", "Total Users", "Billing Sessions", "Sessions"] {
        assert_eq!(figure(&page, label), figure(&all, label), "{label}");
    }
    let messages = |page: &str| -> u64 {
        let (_, rest) = page.split_once("Messages <span class=\"hint\">").unwrap();
        number(rest.split_once(' ').unwrap().0)
    };
    assert!(messages(&page) < messages(&all) / 4);
    // Another bot: what was ticked for the first is forgotten.
    browser.click(&format!("select[name='bot'] option[value='{travel}']")).await;
    browser.press("Show").await;
    browser.element("input[value='message-feedback']:not(:checked)").await;
    browser.lacks("input[name='tag']:checked").await;
}

#[tokio::test]
async fn stream_is_for_administrators_only() {
    let harness = ConsoleHarness::new();
    let mut sam = harness.signed_in(SAM).await;
    assert_eq!(sam.get("/Admin/dashboard/live").await.status, 403);
    assert_eq!(harness.visitor().await.get("/Admin/dashboard/live").await.location, "/sign-in");
}

#[tokio::test]
async fn refresh_is_chosen_and_remembered() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.arrives_at("/Admin/dashboard").await;
    browser.click("#refresh option[value='600']").await;
    browser.open("/Admin/dashboard").await;
    browser.evaluates("return document.getElementById('refresh').value", &json!("600")).await;
    harness
        .admin
        .add_user(&NewUser { state: UserState::Locked, ..NewUser::active("late@example.com") })
        .unwrap();
    // A choice counts at once.
    browser.reads("Locked\n1").await;
    browser.click("#refresh option[value='2']").await;
    browser.reads("Locked\n2").await;
}

#[tokio::test]
async fn users_of_several_hours_are_not_added_up() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    for (query, part) in [("", "in an hour"), ("?period=7d", "in a day")] {
        let page = owner.get(&format!("/Admin/dashboard{query}")).await.text;
        let (_, rest) = page.split_once("Active users <span class=\"hint\">at most ").unwrap();
        let (most, rest) = rest.split_once(' ').unwrap();
        assert!(rest.starts_with(part), "{page}");
        assert!(number(most) > 0 && number(most) <= figure(&page, "Total Users"), "{page}");
    }
}
