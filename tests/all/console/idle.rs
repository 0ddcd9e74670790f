//! Fifteen minutes without activity.

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, OWNER, PASSWORD};

#[tokio::test]
async fn page_warns_and_then_leads_to_sign_in() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.arrives_at("/Admin/dashboard").await;
    harness.later(13);
    // The script asks when the window gets the focus, and every half minute.
    let focus = "window.dispatchEvent(new Event('focus'))";
    browser.web.execute(focus, Vec::new()).await.unwrap();
    browser.reads("You will be signed out in 2 minutes").await;
    browser.inspect("idle-warning").await;
    browser.press("Stay signed in").await;
    browser.lacks("#idle[open]").await;
    // Which is activity: five minutes later nothing has happened.
    harness.later(5);
    browser.open("/Admin/dashboard").await;
    browser.arrives_at("/Admin/dashboard").await;
    harness.later(15);
    browser.web.execute(focus, Vec::new()).await.unwrap();
    browser.arrives_at("/sign-in?idle=1").await;
    browser.reads("You were signed out after 15 minutes without activity.").await;
}

#[tokio::test]
async fn sign_in_leads_back_to_the_page_that_was_left() {
    let harness = ConsoleHarness::served().await;
    harness.admin.set_two_factor(true).unwrap();
    let browser = Browser::at(&harness).await;
    let sign_in = async || {
        browser.fill("email", OWNER).await;
        browser.fill("password", PASSWORD).await;
        browser.press("Sign in").await;
        browser.arrives_at("/two-factor").await;
    };
    browser.open("/Admin/users?search=jane&state=active").await;
    sign_in().await;
    browser.fill("code", &harness.newest_code(OWNER)).await;
    browser.press("Continue").await;
    browser.arrives_at("/Admin/users?search=jane&state=active").await;
    harness.later(15);
    browser.web.execute("window.dispatchEvent(new Event('focus'))", Vec::new()).await.unwrap();
    browser.arrives_at("/sign-in?idle=1").await;
    sign_in().await;
    browser.fill("code", &harness.newest_code(OWNER)).await;
    browser.press("Continue").await;
    browser.arrives_at("/Admin/users?search=jane&state=active").await;
    // Once: the next time one arrives where one arrives.
    let mut owner = harness.visitor().await;
    owner.get("/Admin/groups").await;
    owner.sign_in(OWNER, PASSWORD).await;
    let code = harness.newest_code(OWNER);
    assert_eq!(owner.post("/two-factor", &[("code", &code)]).await.location, "/Admin/groups");
    assert!(owner.next.as_ref().unwrap().ends_with('='), "{:?}", owner.next);
}

#[tokio::test]
async fn session_ends_after_twelve_hours_however_active() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    for _ in 0..71 {
        harness.later(10);
        assert_eq!(owner.get("/Admin/dashboard").await.status, 200);
    }
    harness.later(10);
    assert_eq!(owner.get("/Admin/dashboard").await.location, "/sign-in?old=1");
    let page = owner.get("/sign-in?old=1").await.text;
    assert!(page.contains("a session lasts 12 hours at most"), "{page}");
}

#[tokio::test]
async fn clock_that_is_set_back_does_not_prolong_a_session() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    harness.later(-120);
    assert_eq!(owner.get("/Admin/dashboard").await.location, "/sign-in?idle=1");
    let mut owner = harness.signed_in(OWNER).await;
    harness.later(-10);
    assert_eq!(owner.get("/Admin/dashboard").await.status, 200);
    harness.later(15);
    assert_eq!(owner.get("/Admin/dashboard").await.location, "/sign-in?idle=1");
}

#[tokio::test]
async fn session_ends_after_fifteen_minutes_at_the_server() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    harness.later(14);
    assert_eq!(owner.get("/Admin/dashboard").await.status, 200);
    harness.later(14);
    // Asking how long it lasts is no activity.
    assert_eq!(owner.get("/session").await.text, "{\"remaining\":60}");
    assert_eq!(owner.get("/session").await.text, "{\"remaining\":60}");
    harness.later(1);
    assert_eq!(owner.get("/session").await.text, "{\"remaining\":0}");
    let answer = owner.post("/Admin/security/two-factor", &[("state", "on")]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in?idle=1"));
    assert!(!harness.admin.snapshot().unwrap().two_factor);
    // It is gone, not asleep.
    assert_eq!(owner.get("/Admin/dashboard").await.location, "/sign-in");
}
