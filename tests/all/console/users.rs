//! The people of an account: the list, and one of them.

use koreconcile::sandbox::{NewUser, UserState};

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OWNER, PASSWORD, SAM};

fn state(harness: &ConsoleHarness, email: &str) -> UserState {
    harness.admin.snapshot().unwrap().users[email].state
}

#[tokio::test]
async fn are_searched_filtered_and_changed_in_bulk() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Users").await;
    browser.arrives_at("/Admin/users").await;
    browser.reads("1–9 of 9").await;
    browser.inspect("users").await;
    browser.fill("search", "sto").await;
    browser.press("Show").await;
    browser.reads("1–1 of 1").await;
    browser.fill("search", "st").await;
    browser.press("Show").await;
    browser.reads("Search starts with 3 characters.").await;
    browser.reads("1–9 of 9").await;
    browser.open("/Admin/users?state=locked").await;
    browser.reads("Leo Lang").await;
    browser.click("input[aria-label='Select Leo Lang']").await;
    browser.click("select[name='action'] option[value='activate']").await;
    browser.press("Apply to selected").await;
    browser.reads("Done for 1 person.").await;
    assert_eq!(state(&harness, "leo@example.com"), UserState::Active);
    let [name, actor, text] = harness.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("User Modified", OWNER));
    assert_eq!(text, "user leo@example.com activated");
}

#[tokio::test]
async fn sessions_are_shown_and_killed() {
    let harness = ConsoleHarness::served().await;
    let mut sam = harness.signed_in(SAM).await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Users").await;
    browser.press("Sam Stone").await;
    browser.reads("Test browser").await;
    browser.inspect("user").await;
    browser.press("Kill Session").await;
    browser.reads("The session has ended.").await;
    browser.reads("No open session.").await;
    assert_eq!(sam.get("/password").await.location, "/sign-in");
    let [name, actor, _] = harness.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("Kill Session", OWNER));
}

#[tokio::test]
async fn users_of_other_accounts_are_not_there() {
    let harness = ConsoleHarness::new();
    let other = harness.second_account();
    other.add_user(&NewUser::named("ann@example.com", "Ann", "Other")).unwrap();
    let id = other.snapshot().unwrap().users["ann@example.com"].id.clone();
    let mut jane = harness.signed_in(JANE).await;
    assert!(!jane.get("/Admin/users").await.text.contains("Ann Other"));
    assert_eq!(jane.get(&format!("/Admin/users/{id}")).await.status, 404);
    let fields = [("user", id.as_str()), ("action", "suspend")];
    assert_eq!(jane.post("/Admin/users/apply", &fields).await.status, 404);
    assert_eq!(other.snapshot().unwrap().users["ann@example.com"].state, UserState::Active);
    // A session of somebody else is not killed by way of a person of one's own.
    let mut sam = harness.signed_in(SAM).await;
    let page = jane.get(&format!("/Admin/users/{}", harness.person(SAM))).await;
    let session = page.text.split_once("name=\"session\" value=\"").unwrap().1[..24].to_owned();
    let kill = format!("/Admin/users/{}/sessions/kill", harness.person(KIM));
    assert_eq!(jane.post(&kill, &[("session", &session)]).await.status, 303);
    assert_eq!(sam.get("/password").await.status, 200);
}

#[tokio::test]
async fn need_the_permission_for_every_action() {
    let harness = ConsoleHarness::new();
    let id = harness.person(SAM);
    let mut kim = harness.signed_in(KIM).await;
    assert_eq!(kim.get("/Admin/users").await.status, 403);
    assert_eq!(kim.get(&format!("/Admin/users/{id}")).await.status, 403);
    let fields = [("user", id.as_str()), ("action", "suspend")];
    assert_eq!(kim.post("/Admin/users/apply", &fields).await.status, 403);
    assert_eq!(state(&harness, SAM), UserState::Active);
}

#[tokio::test]
async fn refuses_what_would_lock_everybody_out() {
    let harness = ConsoleHarness::new();
    let mut jane = harness.signed_in(JANE).await;
    let [owner, own, pat] = [OWNER, JANE, "pat@example.com"].map(|email| harness.person(email));
    for (id, action, reason) in [
        (&owner, "suspend", "is the Primary Admin"),
        (&own, "suspend", "is you"),
        (&pat, "activate", "has not joined yet"),
        (&own, "explode", "Choose an action first"),
    ] {
        jane.get("/Admin/users").await;
        let sam = harness.person(SAM);
        let fields =
            [("user", sam.as_str()), ("user", id.as_str()), ("action", action), ("confirmed", "yes")];
        assert_eq!(jane.post("/Admin/users/apply", &fields).await.status, 303);
        let page = jane.get("/Admin/users").await;
        assert!(page.text.contains(reason), "{reason}: {}", page.text);
        // All or nothing.
        assert_eq!(state(&harness, SAM), UserState::Active);
    }
    assert_eq!(jane.post("/Admin/users/apply", &[("action", "suspend")]).await.status, 303);
    assert!(jane.get("/Admin/users").await.text.contains("Nobody is selected"));
}

#[tokio::test]
async fn ownership_is_transferred_by_the_primary_admin_only() {
    let harness = ConsoleHarness::new();
    let path = format!("/Admin/users/{}/transfer-ownership", harness.person(SAM));
    let mut jane = harness.signed_in(JANE).await;
    assert_eq!(jane.post(&path, &[]).await.status, 403);
    let mut owner = harness.signed_in(OWNER).await;
    // Nothing happens before the question is answered.
    let page = owner.post(&path, &[]).await;
    assert!(page.status == 200 && page.text.contains("Transfer Ownership?"), "{}", page.text);
    let mut kim = harness.signed_in(KIM).await;
    assert_eq!(kim.post(&path, &[("confirmed", "yes")]).await.status, 403);
    assert_eq!(owner.post(&path, &[("confirmed", "yes")]).await.status, 303);
    // From now on sam is, and the owner is not.
    assert_eq!(owner.post(&path, &[]).await.status, 403);
    let mut sam = harness.signed_in(SAM).await;
    let back = format!("/Admin/users/{}", harness.person(JANE));
    assert!(sam.get(&back).await.text.contains("Transfer Ownership"));
    assert!(harness.admin.snapshot().unwrap().users[SAM].admin_roles.contains(&"admin".to_owned()));
}

#[tokio::test]
async fn names_with_script_are_shown_as_text() {
    let harness = ConsoleHarness::new();
    let script = "<script>alert(1)</script>";
    harness
        .admin
        .add_user(&NewUser::named("eve@example.com", script, "\"><img src=x onerror=alert(1)>"))
        .unwrap();
    let mut owner = harness.signed_in(OWNER).await;
    let id = harness.person("eve@example.com");
    for path in ["/Admin/users", &format!("/Admin/users/{id}"), "/Admin/users?search=%3Cscript%3Ealert"] {
        let page = owner.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains("<script>alert") && !page.text.contains("<img src=x"), "{}", page.text);
    }
}

#[tokio::test]
async fn change_made_by_the_api_shows_at_once() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let token = crate::sandbox::world::token(&app, serde_json::json!({}));
    let users = serde_json::json!({ "users": [{ "userInfo": {
        "emailId": "new@example.com", "firstName": "Nia", "lastName": "New" } }] });
    harness.call_api(&token, "POST", "/api/public/users", &users).await;
    assert!(owner.get("/Admin/users?search=nia").await.text.contains("Nia New"));
    let id = harness.person(SAM);
    owner.post("/Admin/users/apply", &[("user", &id), ("action", "access-create")]).await;
    let token = crate::sandbox::world::token(&app, serde_json::json!({}));
    let asked = serde_json::json!({ "emailIds": [SAM] });
    let shown = harness.call_api(&token, "POST", "/api/public/usersInfo", &asked).await;
    assert_eq!(shown[0]["canCreateBot"], true, "{shown}");
    // And the password still is right: access is the account's, the person is the platform's.
    assert_eq!(harness.visitor().await.sign_in(SAM, PASSWORD).await.status, 200);
}
