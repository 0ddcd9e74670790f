//! The second factor.

use serde_json::{Value, json};

use crate::sandbox::world::token;
use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, OWNER, PASSWORD};

#[tokio::test]
async fn is_switched_on_and_asks_for_a_mailed_code() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Two-Factor Authentication").await;
    browser.arrives_at("/Admin/security/two-factor").await;
    browser.inspect("security-two-factor").await;
    browser.choose("On").await;
    browser.press("Save").await;
    // This session began without a code, so it is asked for one at once.
    browser.arrives_at("/two-factor").await;
    browser.reads("Two-factor authentication is on").await;
    let [name, actor, text] = harness.latest_audit();
    assert_eq!(name, "Settings Modified");
    assert_eq!((actor.as_str(), text.as_str()), (OWNER, "two-factor authentication switched on"));
    browser.inspect("two-factor").await;
    browser.fill("code", "000000").await;
    browser.press("Continue").await;
    browser.reads("This code is wrong").await;
    browser.press("Open the mailbox").await;
    browser.reads("Your verification code").await;
    browser.inspect("mailbox").await;
    browser.press("Your verification code").await;
    browser.reads("Verification code: ").await;
    browser.inspect("message").await;
    browser.open("/two-factor").await;
    browser.press("Resend Code").await;
    browser.reads("A new code is on its way. The one before no longer works.").await;
    browser.fill("code", &harness.newest_code(OWNER)).await;
    browser.press("Continue").await;
    browser.arrives_at("/Admin/dashboard").await;
}

#[tokio::test]
async fn codes_work_once_for_ten_minutes_and_are_replaced() {
    let harness = ConsoleHarness::new();
    harness.admin.set_two_factor(true).unwrap();
    let mut owner = harness.visitor().await;
    let page = owner.sign_in(OWNER, PASSWORD).await;
    assert!(page.text.contains("for 10 minutes"), "{}", page.text);
    let first = harness.newest_code(OWNER);
    // Resent: the first one is void, unless chance made both alike.
    owner.post("/two-factor/resend", &[]).await;
    owner.get("/two-factor").await;
    let second = harness.newest_code(OWNER);
    if first != second {
        assert_eq!(owner.post("/two-factor", &[("code", &first)]).await.status, 422);
    }
    harness.later(10);
    assert_eq!(owner.post("/two-factor", &[("code", &second)]).await.status, 422, "late");
    owner.post("/two-factor/resend", &[]).await;
    owner.get("/two-factor").await;
    let third = harness.newest_code(OWNER);
    assert_eq!(owner.post("/two-factor", &[("code", &third)]).await.location, "/Admin");
    assert_eq!(owner.open("/Admin").await.status, 200);
    // Used: nothing is wanted any more, and in another session it is worth nothing.
    let mut other = harness.visitor().await;
    other.sign_in(OWNER, PASSWORD).await;
    if harness.newest_code(OWNER) != third {
        assert_eq!(other.post("/two-factor", &[("code", &third)]).await.status, 422, "used");
    }
}

#[tokio::test]
async fn code_is_spoiled_by_five_wrong_answers() {
    let harness = ConsoleHarness::new();
    harness.admin.set_two_factor(true).unwrap();
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    let code = harness.newest_code(OWNER);
    let wrong = if code == "111111" { "222222" } else { "111111" };
    for _ in 0..5 {
        assert_eq!(owner.post("/two-factor", &[("code", wrong)]).await.status, 422);
    }
    assert_eq!(owner.post("/two-factor", &[("code", &code)]).await.status, 422);
}

#[tokio::test]
async fn two_factor_and_single_sign_on_exclude_each_other() {
    let harness = ConsoleHarness::new();
    harness.admin.set_two_factor(true).unwrap();
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let token = token(&app, json!({}));
    let sso = json!({
        "SSO_Authentication": "enable", "SSOProtocol": "saml", "SAML_IdentityProvider": "okta",
        "SingleSignOnURL": "https://idp.example.com", "IssuerURL": "https://idp.example.com",
        "Certificate": ["one"]
    });
    harness.call_api(&token, "POST", "/api/public/ssoconfig", &sso).await;
    assert!(!harness.admin.snapshot().unwrap().two_factor);
    let mut owner = harness.signed_in(OWNER).await;
    let page = owner.get("/Admin/security/two-factor").await;
    assert!(page.text.contains("switches single sign-on off"), "{}", page.text);
    owner.post("/Admin/security/two-factor", &[("state", "on")]).await;
    let shown = harness.call_api(&token, "GET", "/api/public/ssoconfig?SSOProtocol=saml", &Value::Null).await;
    assert!(shown.get("ssoConfig").is_none(), "{shown}");
}
