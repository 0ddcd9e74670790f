//! Guessing, and what strangers can do to somebody whose address they know.

use futures::future::join_all;
use koreconcile::sandbox::UserState;

use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OTHER_ACCOUNT, OWNER, PASSWORD, Visitor};

const NEXT: &str = "Next-Horse-8";
const WRONG: &str = "Wrong-Horse-7";

fn state(harness: &ConsoleHarness, email: &str) -> UserState {
    harness.admin.snapshot().unwrap().users[email].state
}

fn log(harness: &ConsoleHarness) -> Vec<String> {
    harness.admin.audit_log().unwrap().into_iter().map(|[_, _, text]| text).collect()
}

/// A code that is not `code`.
fn other_than(code: &str) -> &'static str {
    if code == "111111" { "222222" } else { "111111" }
}

async fn with_password_only(harness: &ConsoleHarness, email: &str) -> Visitor {
    let mut visitor = harness.visitor().await;
    let page = visitor.sign_in(email, PASSWORD).await;
    assert!(page.text.contains("Verification code"), "{}", page.text);
    visitor
}

/// Asks for a new code in one of the ways there are.
async fn another_code(visitor: &mut Visitor, account: &str, way: usize) -> u16 {
    match way {
        0 => visitor.post("/accounts/open", &[("account", account)]).await.status,
        1 => visitor.get("/enter").await.status,
        _ => visitor.post("/two-factor/resend", &[]).await.status,
    }
}

#[tokio::test]
async fn wrong_codes_count_for_the_person_over_every_way_to_a_new_code() {
    for way in 0..3 {
        let harness = ConsoleHarness::new();
        harness.admin.set_two_factor(true).unwrap();
        let account = harness.admin.account_id().to_owned();
        for _ in 0..5 {
            let mut visitor = with_password_only(&harness, OWNER).await;
            assert_eq!(another_code(&mut visitor, &account, way).await, 303);
            let wrong = other_than(&harness.newest_code(OWNER));
            visitor.get("/two-factor").await;
            assert_eq!(visitor.post("/two-factor", &[("code", wrong)]).await.status, 422);
        }
        assert_eq!(state(&harness, OWNER), UserState::Locked, "way {way}");
        let text = "user owner@example.com locked after 5 wrong codes, and the code that was sent is void";
        assert!(log(&harness).iter().any(|entry| entry == text), "{:?}", log(&harness));
        // No session takes a right one now, and the right password opens none.
        assert_eq!(harness.visitor().await.sign_in(OWNER, PASSWORD).await.status, 401);
    }
}

#[tokio::test]
async fn right_code_is_refused_after_five_wrong_ones_in_other_sessions() {
    let harness = ConsoleHarness::new();
    harness.admin.set_two_factor(true).unwrap();
    let mut first = with_password_only(&harness, OWNER).await;
    let code = harness.newest_code(OWNER);
    let mut second = with_password_only(&harness, OWNER).await;
    for _ in 0..5 {
        second.post("/two-factor", &[("code", other_than(&harness.newest_code(OWNER)))]).await;
    }
    let answer = first.post("/two-factor", &[("code", &code)]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text.contains("sign-in is locked for up to 30 minutes"), "{}", answer.text);
    harness.later(30);
    let mut again = with_password_only(&harness, OWNER).await;
    let code = harness.newest_code(OWNER);
    assert_eq!(again.post("/two-factor", &[("code", &code)]).await.location, "/Admin");
}

#[tokio::test]
async fn new_codes_are_limited_in_every_way_of_asking() {
    for way in 0..3 {
        let harness = ConsoleHarness::new();
        harness.admin.set_two_factor(true).unwrap();
        let account = harness.admin.account_id().to_owned();
        let mut visitor = with_password_only(&harness, OWNER).await;
        for _ in 1..20 {
            assert_eq!(another_code(&mut visitor, &account, way).await, 303);
        }
        assert_eq!(another_code(&mut visitor, &account, way).await, 429, "way {way}");
        assert_eq!(harness.sandbox.mails_to(OWNER).unwrap().len(), 20);
    }
}

#[tokio::test]
async fn account_without_a_code_does_not_make_the_browser_one_that_a_lock_passes() {
    let harness = ConsoleHarness::new();
    harness.second_account().set_two_factor(true).unwrap();
    let account = harness.admin.account_id().to_owned();
    let mut visitor = harness.visitor().await;
    visitor.sign_in(OWNER, PASSWORD).await;
    visitor.post("/accounts/open", &[("account", &account)]).await;
    assert_eq!(visitor.browser, None);
    visitor.get("/accounts").await;
    visitor.post("/accounts/open", &[("account", OTHER_ACCOUNT)]).await;
    visitor.get("/two-factor").await;
    for _ in 0..5 {
        visitor.post("/two-factor", &[("code", other_than(&harness.newest_code(OWNER)))]).await;
    }
    let mut again = visitor.signed_out().await;
    assert_eq!(again.sign_in(OWNER, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn pages_of_the_person_stay_shut_before_the_code() {
    let harness = ConsoleHarness::new();
    harness.admin.set_two_factor(true).unwrap();
    harness.second_account();
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    // An account without a code may be opened; what reaches all accounts may not.
    owner.post("/accounts/open", &[("account", OTHER_ACCOUNT)]).await;
    assert_eq!(owner.open("/Admin").await.status, 200);
    assert_eq!(owner.get("/password").await.location, "/accounts");
    let fields = [("current", PASSWORD), ("password", NEXT), ("again", NEXT)];
    assert_eq!(owner.post("/password", &fields).await.location, "/accounts");
    let default = [("account", OTHER_ACCOUNT)];
    assert_eq!(owner.post("/accounts/default", &default).await.location, "/accounts");
    let id = harness.admin.account_id().to_owned();
    owner.post("/accounts/open", &[("account", &id)]).await;
    owner.get("/two-factor").await;
    let code = harness.newest_code(OWNER);
    assert_eq!(owner.post("/two-factor", &[("code", &code)]).await.location, "/Admin");
    owner.get("/password").await;
    assert_eq!(
        owner.post("/password", &fields).await.location,
        "/sign-in?changed=1&email=owner%40example.com"
    );
    assert!(log(&harness).iter().any(|text| text.starts_with("password of owner@example.com changed")));
}

#[tokio::test]
async fn expired_password_is_changed_after_the_code() {
    let harness = ConsoleHarness::new();
    harness.admin.set_two_factor(true).unwrap();
    harness.later(90 * 24 * 60);
    let mut owner = with_password_only(&harness, OWNER).await;
    assert_eq!(owner.get("/password").await.location, "/accounts");
    assert_eq!(owner.get("/Admin/dashboard").await.location, "/password");
    owner.get("/two-factor").await;
    let code = harness.newest_code(OWNER);
    owner.post("/two-factor", &[("code", &code)]).await;
    assert_eq!(owner.get("/Admin/dashboard").await.location, "/password");
    assert_eq!(owner.get("/password").await.status, 200);
}

#[tokio::test]
async fn lock_by_strangers_ends_no_session_and_a_known_browser_gets_in() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let mut stranger = harness.visitor().await;
    for _ in 0..5 {
        stranger.sign_in(OWNER, WRONG).await;
    }
    assert_eq!(state(&harness, OWNER), UserState::Locked);
    assert_eq!(owner.get("/Admin/dashboard").await.status, 200);
    assert_eq!(harness.visitor().await.sign_in(OWNER, PASSWORD).await.status, 401, "a stranger");
    // Twenty tries make no difference either.
    for _ in 0..20 {
        stranger.sign_in(OWNER, WRONG).await;
    }
    assert_eq!(stranger.sign_in(OWNER, PASSWORD).await.status, 429);
    let mut again = owner.signed_out().await;
    assert_eq!(again.sign_in(OWNER, PASSWORD).await.status, 200);
    // Five failures in a known browser make it a stranger.
    let mut again = again.signed_out().await;
    for _ in 0..5 {
        assert_eq!(again.sign_in(OWNER, WRONG).await.status, 401);
    }
    assert_ne!(again.sign_in(OWNER, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn known_browser_is_known_to_those_who_signed_in_there_only() {
    let harness = ConsoleHarness::new();
    let kim = harness.signed_in(KIM).await;
    let mut stranger = harness.visitor().await;
    for _ in 0..5 {
        stranger.sign_in(OWNER, WRONG).await;
    }
    assert_eq!(kim.signed_out().await.sign_in(OWNER, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn link_from_the_mailbox_unlocks() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for _ in 0..5 {
        visitor.sign_in(OWNER, WRONG).await;
    }
    visitor.post("/password/forgot", &[("email", OWNER)]).await;
    let link = harness.newest_link(OWNER);
    visitor.get(&link).await;
    let token = link.split_once("token=").unwrap().1;
    let fields = [("token", token), ("password", NEXT), ("again", NEXT)];
    assert_eq!(
        visitor.post("/password/reset", &fields).await.location,
        "/sign-in?changed=1&email=owner%40example.com"
    );
    assert_eq!(state(&harness, OWNER), UserState::Active);
    assert!(log(&harness).iter().any(|text| text.contains("owner@example.com reset by a mailed link")));
    visitor.get("/sign-in").await;
    assert_eq!(visitor.sign_in(OWNER, NEXT).await.status, 200);
}

#[tokio::test]
async fn password_from_the_command_line_unlocks() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for _ in 0..5 {
        visitor.sign_in(OWNER, WRONG).await;
    }
    harness.admin.set_password(OWNER, Some(NEXT)).unwrap();
    assert_eq!(harness.visitor().await.sign_in(OWNER, NEXT).await.status, 200);
}

#[tokio::test]
async fn bogus_links_do_not_shut_out_a_real_one() {
    let harness = ConsoleHarness::new();
    let mut stranger = harness.visitor().await;
    for _ in 0..100 {
        assert_eq!(stranger.post("/password/reset", &[("token", "x")]).await.status, 422);
    }
    assert_eq!(stranger.post("/password/reset", &[("token", "x")]).await.status, 429);
    let mut kim = harness.visitor().await;
    kim.post("/password/forgot", &[("email", KIM)]).await;
    let link = harness.newest_link(KIM);
    kim.get(&link).await;
    let token = link.split_once("token=").unwrap().1;
    let fields = [("token", token), ("password", NEXT), ("again", NEXT)];
    assert_eq!(
        kim.post("/password/reset", &fields).await.location,
        "/sign-in?changed=1&email=kim%40example.com"
    );
}

#[tokio::test]
async fn wrong_passwords_at_the_same_time_all_count() {
    let harness = ConsoleHarness::new();
    let mut visitors = Vec::new();
    for _ in 0..19 {
        visitors.push(harness.visitor().await);
    }
    let tried = join_all(visitors.iter_mut().map(|visitor| visitor.sign_in(JANE, WRONG))).await;
    assert!(tried.iter().all(|answer| answer.status == 401));
    assert_eq!(state(&harness, JANE), UserState::Locked);
    let locks = log(&harness).iter().filter(|text| text.contains("locked after")).count();
    assert_eq!(locks, 1);
}

#[tokio::test]
async fn failed_sign_ins_and_refused_changes_are_in_the_log() {
    let harness = ConsoleHarness::new();
    harness.visitor().await.sign_in(JANE, WRONG).await;
    let [name, _, text] = harness.latest_audit();
    assert_eq!(
        (name.as_str(), text.as_str()),
        ("Login", "sign-in of jane.doe@example.com from 127.0.0.1 refused: wrong password")
    );
    let mut jane = harness.signed_in(JANE).await;
    jane.get("/password").await;
    jane.post("/password", &[("current", WRONG), ("password", NEXT), ("again", NEXT)]).await;
    let [_, _, text] = harness.latest_audit();
    assert_eq!(text, "change of the password of jane.doe@example.com refused: wrong present password");
}
