//! Analytics and Billing: the audit report and its file, chat history, billing sessions.

use koreconcile::sandbox::NewUser;
use serde_json::json;

use crate::sandbox::world::token;
use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OWNER};

const AUDIT: &str = "/Admin/analytics/audit";

#[tokio::test]
async fn audit_report_is_filtered_by_time_user_event_and_text() {
    let harness = ConsoleHarness::served().await;
    harness.signed_in(KIM).await.post("/Admin/enrollment/invite", &[("email", "New.Hire@example.com")]).await;
    harness.later(2 * 24 * 60);
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Audit Report").await;
    browser.reads("Description").await;
    assert!(!browser.text().await.contains("New.Hire@example.com"), "older than 24 hours");
    browser.click("select[name='period'] option[value='7d']").await;
    browser.press("Show").await;
    browser.reads("user New.Hire@example.com invited").await;
    browser.inspect("audit-report").await;
    browser.fill("text", "New.Hire").await;
    browser.press("Show").await;
    browser.reads("1–1 of 1").await;
    // Upper and lower case count.
    browser.fill("text", "new.hire").await;
    browser.press("Show").await;
    browser.reads("Nothing of this kind was done in this time.").await;
    let mut owner = harness.signed_in(OWNER).await;
    for (query, found) in [
        ("period=7d&user=KIM%40", true),
        ("period=7d&user=jane", false),
        ("period=7d&category=User+Management&event=User+Created", true),
        ("period=7d&event=App+Deleted", false),
        ("period=custom&from=2026-03-02&to=2026-03-02", true),
        ("period=custom&from=2026-03-03&to=2026-03-04", false),
        ("period=24h", false),
    ] {
        let page = owner.get(&format!("{AUDIT}?{query}")).await;
        assert_eq!(page.text.contains("user New.Hire@example.com invited"), found, "{query}");
    }
    let page = owner.get(&format!("{AUDIT}?period=custom&from=2026-03-03&to=x")).await;
    assert!(page.text.contains("Choose both days of the custom period"), "{}", page.text);
}

#[tokio::test]
async fn audit_report_is_exported_without_formulas() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let new = NewUser::named("eve@example.com", "=HYPERLINK(\"https://example.com\")", "");
    harness.admin.add_user(&new).unwrap();
    harness.admin.set_password("eve@example.com", Some("Right-Horse-7")).unwrap();
    let eve = koreconcile::sandbox::Holder::user("eve@example.com");
    harness.admin.bind(&eve, "admin", None).unwrap();
    let mut visitor = harness.signed_in("eve@example.com").await;
    visitor.post("/Admin/enrollment/invite", &[("email", "new.hire@example.com")]).await;
    let file = owner.get("/Admin/analytics/audit.csv?text=new.hire").await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"audit.csv\"");
    let lines: Vec<&str> = file.text.lines().collect();
    assert_eq!(lines[0], "User Name,User Email,Date/Time,Category,Event,Description");
    assert_eq!(
        lines[1],
        "\"'=HYPERLINK(\"\"https://example.com\"\")\",eve@example.com,2026-03-02T09:00:00.000Z,User Management,\
         User Created,user new.hire@example.com invited"
    );
    assert_eq!(lines.len(), 2, "{}", file.text);
}

#[tokio::test]
async fn chat_history_is_synthetic_and_looking_is_audited() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Bot Chat History").await;
    browser.reads("these conversations are made up").await;
    let bots = harness.admin.snapshot().unwrap().bots;
    let id = bots.iter().find(|(_, bot)| bot.name == "Store Helper").unwrap().0;
    browser.click(&format!("option[value='{id}']")).await;
    browser.press("Show the past 24 hours").await;
    browser.reads("Track Order").await;
    browser.inspect("chat-history").await;
    let [name, actor, text] = harness.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("Access Chat History", OWNER));
    assert_eq!(text, "chat history of bot Store Helper looked at");
    let mut owner = harness.signed_in(OWNER).await;
    owner.get("/Admin/analytics/chat-history").await;
    assert_eq!(owner.post("/Admin/analytics/chat-history", &[("bot", "st-0")]).await.status, 303);
    assert!(owner.get("/Admin/analytics/chat-history").await.text.contains("Choose a bot first."));
    let file = owner.post("/Admin/analytics/chat-history/download", &[("bot", id.as_str())]).await;
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"chat-history.csv\"");
    let lines: Vec<&str> = file.text.lines().collect();
    assert_eq!(lines[0], "Hour,Task,Channel,Sessions,Messages");
    assert!(lines.len() > 1 && lines[1..].iter().all(|line| line.contains(",Track Order,")), "{}", file.text);
    let [name, _, text] = harness.latest_audit();
    assert_eq!(
        (name.as_str(), text.as_str()),
        ("Download Chat History", "chat history of bot Store Helper downloaded")
    );
}

#[tokio::test]
async fn billing_shows_sessions_of_the_period() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Billing Sessions").await;
    browser.reads("nobody is billed").await;
    browser.click("select[name='period'] option[value='90d']").await;
    browser.press("Show").await;
    browser.reads("3 Dec").await;
    browser.inspect("billing").await;
}

#[tokio::test]
async fn pages_need_their_permissions() {
    let harness = ConsoleHarness::new();
    let mut kim = harness.signed_in(KIM).await;
    let mut jane = harness.signed_in(JANE).await;
    for path in [AUDIT, "/Admin/analytics/audit.csv", "/Admin/analytics/chat-history", "/Admin/billing"] {
        assert_eq!(kim.get(path).await.status, 403, "{path}");
        assert_eq!(jane.get(path).await.status, 200, "{path}");
    }
    // What happened in another account is not in the report.
    let other = harness.second_account();
    other.create_app("theirs", &["all"], false).unwrap();
    assert!(!jane.get(AUDIT).await.text.contains("theirs"));
    assert!(!jane.get("/Admin/analytics/audit.csv").await.text.contains("theirs"));
}

#[tokio::test]
async fn audit_report_names_the_app_of_what_the_api_did_and_finds_it() {
    let harness = ConsoleHarness::new();
    let app = harness.admin.create_app("Nightly sync", &["all"], false).unwrap();
    let gone = harness.admin.create_app("Gone", &["all"], false).unwrap();
    for (app, email) in [(&app, "ann@example.com"), (&gone, "bob@example.com")] {
        let body =
            json!({ "users": [{ "userInfo": { "emailId": email, "firstName": "A", "lastName": "B" } }] });
        harness.call_api(&token(app, json!({})), "POST", "/api/public/users", &body).await;
    }
    let mut owner = harness.signed_in(OWNER).await;
    owner.get("/Admin/security/api-scopes").await;
    let delete = format!("/Admin/security/api-scopes/{}/delete", gone.client_id);
    owner.post(&delete, &[("confirmed", "yes")]).await;
    for (query, shown, hidden) in [
        ("user=nightly", "App Nightly sync", "bob@example.com"),
        (app.client_id.as_str(), "ann@example.com", "bob@example.com"),
        (gone.client_id.as_str(), "Deleted app", "ann@example.com"),
    ] {
        let query = query.trim_start_matches("user=");
        let page = owner.get(&format!("{AUDIT}?event=User+Created&user={query}")).await.text;
        assert!(page.contains(shown) && !page.contains(hidden), "{query}: {page}");
        let file =
            owner.get(&format!("/Admin/analytics/audit.csv?event=User+Created&user={query}")).await.text;
        assert!(file.contains(shown) && file.contains("cs-") && !file.contains(hidden), "{query}: {file}");
    }
}

#[tokio::test]
async fn audit_report_says_the_time_of_a_sign_in_once() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let page = owner.get(&format!("{AUDIT}?event=Login")).await.text;
    assert!(page.contains("User logged in from "), "{page}");
    assert_eq!(page.matches("2026-03-02T09:00:00.000Z").count(), page.matches("datetime=").count(), "{page}");
}
