//! Several accounts of one person.

use koreconcile::sandbox::{Holder, NewRole, RoleKind};

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, OTHER_ACCOUNT, OWNER, PASSWORD, SAM};

#[tokio::test]
async fn are_chosen_from_a_list_and_one_is_the_default() {
    let harness = ConsoleHarness::served().await;
    harness.second_account();
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.arrives_at("/accounts").await;
    browser.inspect("accounts").await;
    browser.press("Open: Example Labs").await;
    browser.arrives_at("/Admin/dashboard").await;
    assert!(browser.text().await.contains("Example Labs"));

    browser.press("Olivia Owner").await;
    browser.press("Switch account").await;
    browser.press("Set as default: Example").await;
    browser.reads("Example opens first from now on.").await;
    browser.press("No default: Example").await;
    browser.reads("No account opens by itself from now on.").await;
    browser.press("Set as default: Example").await;
    browser.reads("Example opens first from now on.").await;
    browser.press("Olivia Owner").await;
    browser.press("Sign out").await;
    browser.sign_in(OWNER).await;
    browser.arrives_at("/Admin/dashboard").await;
    assert!(!browser.text().await.contains("Example Labs"));
}

#[tokio::test]
async fn accounts_of_others_do_not_open() {
    let harness = ConsoleHarness::new();
    harness.second_account();
    let mut jane = harness.signed_in(JANE).await;
    for path in ["/accounts/open", "/accounts/default"] {
        assert_eq!(jane.post(path, &[("account", OTHER_ACCOUNT)]).await.status, 404, "{path}");
    }
    assert_eq!(jane.get("/Admin/dashboard").await.status, 200);
}

#[tokio::test]
async fn accounts_with_a_second_factor_ask_when_switched_to_and_only_once() {
    let harness = ConsoleHarness::served().await;
    harness.second_account().set_two_factor(true).unwrap();
    harness.admin.set_two_factor(true).unwrap();
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    let answer = owner.post("/accounts/open", &[("account", OTHER_ACCOUNT)]).await;
    assert_eq!(answer.location, "/two-factor");
    owner.get("/two-factor").await;
    // The other account stays shut until then, and so does the first.
    assert_eq!(owner.get("/Admin/dashboard").await.location, "/accounts");
    let code = harness.newest_code(OWNER);
    assert_eq!(owner.post("/two-factor", &[("code", &code)]).await.location, "/Admin");
    let page = owner.open("/Admin").await;
    assert!(page.text.contains("Example Labs"), "{}", page.text);
    owner.get("/accounts").await;
    let answer = owner.post("/accounts/open", &[("account", harness.admin.account_id())]).await;
    assert_eq!(answer.location, "/Admin");
}

#[tokio::test]
async fn code_at_a_switch_lives_two_minutes() {
    let harness = ConsoleHarness::new();
    harness.second_account().set_two_factor(true).unwrap();
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    assert_eq!(
        owner.post("/accounts/open", &[("account", harness.admin.account_id())]).await.location,
        "/Admin"
    );
    owner.open("/Admin").await;
    assert_eq!(owner.post("/accounts/open", &[("account", OTHER_ACCOUNT)]).await.location, "/two-factor");
    assert!(owner.get("/two-factor").await.text.contains("for 2 minutes"));
    let code = harness.newest_code(OWNER);
    harness.later(2);
    assert_eq!(owner.post("/two-factor", &[("code", &code)]).await.status, 422);
    // The account that was open still is.
    assert!(owner.get("/Admin/dashboard").await.text.contains("Example<"));
}

#[tokio::test]
async fn name_of_an_account_is_changed_by_master_admins_and_is_nobody_elses() {
    const SETTINGS: &str = "/Admin/security/settings";
    let harness = ConsoleHarness::new();
    harness.second_account();
    let mut jane = harness.signed_in(JANE).await;
    jane.get(SETTINGS).await;
    let rename = "/Admin/security/settings/name";
    for (name, why) in [
        ("Example Labs", "is already in account"),
        ("", "is no name for an account"),
        (&"x".repeat(101), "is no name for an account"),
    ] {
        jane.post(rename, &[("name", name)]).await;
        let page = jane.get(SETTINGS).await.text;
        assert!(page.contains(why), "{name}: {page}");
    }
    jane.post(rename, &[("name", "Example Bank")]).await;
    let page = jane.get(SETTINGS).await.text;
    assert!(page.contains("The account is called Example Bank now."), "{page}");
    assert!(page.contains("</span>Example Bank</span>"), "{page}");
    let [event, actor, text] = harness.latest_audit();
    assert_eq!((event.as_str(), actor.as_str()), ("Settings Modified", JANE));
    assert_eq!(text, "account Example is called Example Bank now");
    // A permission for the page is not enough.
    let permissions = serde_json::json!({ "Single Sign On": "YES" }).as_object().cloned().unwrap();
    let role = NewRole { permissions, ..NewRole::named(RoleKind::Admin, "Signs on") };
    harness.admin.add_role(&role).unwrap();
    harness.admin.bind(&Holder::user(SAM), "Signs on", None).unwrap();
    let mut sam = harness.signed_in(SAM).await;
    assert!(!sam.get(SETTINGS).await.text.contains("Name of the account"));
    assert_eq!(sam.post(rename, &[("name", "Mine")]).await.status, 403);
}
