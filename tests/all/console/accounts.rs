//! Several accounts of one person.

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, OTHER_ACCOUNT, OWNER, PASSWORD};

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
