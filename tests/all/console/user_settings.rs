//! User Settings: what is saved, and what it does.

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OTHER_ACCOUNT, OWNER, PASSWORD, SAM};

const SETTINGS: &str = "/Admin/user-settings";

#[tokio::test]
async fn are_kept_and_say_what_new_people_start_with() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(JANE).await;
    browser.press("User Settings").await;
    browser.arrives_at(SETTINGS).await;
    browser.inspect("user-settings").await;
    browser.choose("They may ask, and are approved automatically").await;
    browser.choose("Create New Apps").await;
    browser.click("input[aria-label='Show City']").await;
    browser.click("input[aria-label='Allow edits of Title']").await;
    browser.press("Save").await;
    browser.reads("The settings are saved.").await;
    assert_eq!(harness.latest_audit(), ["Settings Modified", JANE, "user settings changed"]);
    for (selector, is_on) in [
        ("input[value='auto-approve']", true),
        ("input[name='create_apps']", true),
        ("input[name='dialog_builder']", true),
        ("input[name='data_tables']", false),
        ("input[name='shown'][value='city']", false),
        ("input[name='shown'][value='zip']", true),
        ("input[name='editable'][value='title']", true),
    ] {
        assert_eq!(browser.element(selector).await.is_selected().await.unwrap(), is_on, "{selector}");
    }
    let mut jane = harness.signed_in(JANE).await;
    jane.get("/Admin/enrollment/invite").await;
    jane.post("/Admin/enrollment/invite", &[("email", "nia@example.com")]).await;
    let users = harness.admin.snapshot().unwrap().users;
    let nia = &users["nia@example.com"];
    assert_eq!((nia.is_developer, nia.can_create_bot, nia.data_tables), (true, true, None));
    let edit = format!("/Admin/users/{}/edit", users[SAM].id);
    let page = jane.get(&edit).await;
    assert!(page.text.contains("name=\"zip\"") && !page.text.contains("name=\"city\""), "{}", page.text);
    // A field that is not shown cannot be sent either.
    jane.post(&edit, &[("first_name", "Sam"), ("last_name", "Stone"), ("city", "X"), ("zip", "1")]).await;
    let profile = harness.admin.snapshot().unwrap().users[SAM].profile.clone();
    assert!(profile.contains_key("zip") && !profile.contains_key("city"), "{profile:?}");
}

#[tokio::test]
async fn need_the_permission_a_known_choice_and_are_the_accounts_own() {
    let harness = ConsoleHarness::new();
    harness.second_account();
    let mut kim = harness.signed_in(KIM).await;
    assert_eq!(kim.get(SETTINGS).await.status, 403);
    kim.get("/Admin/dashboard").await;
    assert_eq!(kim.post(SETTINGS, &[("self_sign_up", "block")]).await.status, 403);
    let mut jane = harness.signed_in(JANE).await;
    jane.get(SETTINGS).await;
    jane.post(SETTINGS, &[("self_sign_up", "<script>")]).await;
    assert!(jane.get(SETTINGS).await.text.contains("Choose how people may sign up"));
    jane.post(SETTINGS, &[("self_sign_up", "on-request"), ("shown", "<script>"), ("shown", "zip")]).await;
    assert!(!jane.get(SETTINGS).await.text.contains("<script>"));
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    owner.post("/accounts/open", &[("account", OTHER_ACCOUNT)]).await;
    let page = owner.get(SETTINGS).await;
    assert!(page.text.contains("value=\"block\" checked"), "{}", page.text);
}
