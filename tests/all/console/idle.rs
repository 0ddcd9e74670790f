//! Fifteen minutes without activity.

use serde_json::json;

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, OWNER, PASSWORD};

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

const FOCUS: &str = "window.dispatchEvent(new Event('focus'))";
const TYPED: &str = "return document.querySelector('[name=name]').value";

#[tokio::test]
async fn what_was_typed_is_back_after_signing_in_again() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    let sign_in = async |email: &str| {
        browser.arrives_at("/sign-in?idle=1").await;
        browser.fill("email", email).await;
        browser.fill("password", PASSWORD).await;
        browser.press("Sign in").await;
        browser.arrives_at("/Admin/groups/new").await;
    };
    let new = "/Admin/groups/new";
    // Whether the page notices by itself, or the form comes too late.
    for is_sent in [false, true] {
        browser.open(new).await;
        browser.fill("name", "Night shift").await;
        harness.later(15);
        if is_sent {
            browser.press("Create group").await;
        } else {
            browser.web.execute(FOCUS, Vec::new()).await.unwrap();
        }
        sign_in(OWNER).await;
        browser.reads("What you had typed before you were signed out is back. It is not saved yet.").await;
        browser.evaluates(TYPED, &json!("Night shift")).await;
    }
    browser.inspect("typed-text-is-back").await;
    assert!(!harness.admin.snapshot().unwrap().groups.contains_key("Night shift"));
    browser.press("Create group").await;
    browser.reads("Night shift").await;
    // What was saved is not brought back,
    browser.open(new).await;
    browser.evaluates(TYPED, &json!("")).await;
    // and nothing is brought back for somebody else.
    browser.fill("name", "Secret").await;
    harness.later(15);
    browser.web.execute(FOCUS, Vec::new()).await.unwrap();
    sign_in(JANE).await;
    browser.evaluates(TYPED, &json!("")).await;
    assert!(!browser.text().await.contains("What you had typed"));
}

#[tokio::test]
async fn form_that_comes_too_late_leads_back_to_its_page() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    owner.headers.insert("referer", format!("{}/Admin/groups/new", harness.url));
    harness.later(15);
    let answer = owner.post("/Admin/groups/new", &[("name", "late")]).await;
    assert_eq!(answer.location, "/sign-in?idle=1");
    owner.headers.remove("referer");
    owner.get("/sign-in").await;
    let page = owner.sign_in(OWNER, PASSWORD).await;
    assert!(page.text.contains("Create group"), "{}", page.text);
    assert!(!harness.admin.snapshot().unwrap().groups.contains_key("late"));
}
