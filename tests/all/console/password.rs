//! Passwords: rules, age, history, the lock, the reset mail.

use koreconcile::sandbox::{Options, Sandbox, SandboxError, UserState};

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, OWNER, PASSWORD, SUE};

const NEXT: &str = "Next-Horse-8";

fn state(harness: &ConsoleHarness, email: &str) -> UserState {
    harness.admin.snapshot().unwrap().users[email].state
}

#[tokio::test]
async fn forgotten_password_is_set_anew_by_a_mailed_link() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.open("/sign-in").await;
    browser.press("Forgot password?").await;
    browser.inspect("password-forgot").await;
    browser.fill("email", JANE).await;
    browser.press("Send the link").await;
    browser.reads("a mail with a link is on its way").await;
    browser.press("Open the mailbox").await;
    browser.press("Set a new password").await;
    browser.inspect("message-with-link").await;
    browser.click(".text a").await;
    browser.reads("For jane.doe@example.com").await;
    browser.inspect("password-reset").await;
    browser.fill("password", "short").await;
    browser.fill("again", "short").await;
    browser.press("Set password").await;
    browser.reads("The new password needs: at least 8 characters, ").await;
    browser.inspect("password-refused").await;
    browser.fill("password", NEXT).await;
    browser.fill("again", NEXT).await;
    browser.press("Set password").await;
    browser.reads("Your password is changed.").await;
    browser.fill("email", JANE).await;
    browser.fill("password", NEXT).await;
    browser.press("Sign in").await;
    browser.arrives_at("/Admin/dashboard").await;
}

#[tokio::test]
async fn reset_link_works_once_for_fifteen_minutes_and_ends_sessions() {
    let harness = ConsoleHarness::new();
    let mut signed_in = harness.signed_in(JANE).await;
    let mut visitor = harness.visitor().await;
    visitor.post("/password/forgot", &[("email", JANE)]).await;
    let first = harness.newest_link(JANE);
    harness.later(14);
    visitor.post("/password/forgot", &[("email", JANE)]).await;
    let second = harness.newest_link(JANE);
    assert!(visitor.get(&first).await.text.contains("This link has been used"), "a newer one replaces it");
    let token = second.split_once("token=").unwrap().1.to_owned();
    visitor.get(&second).await;
    let fields = [("token", token.as_str()), ("password", NEXT), ("again", NEXT)];
    let answer = visitor.post("/password/reset", &fields).await;
    assert_eq!(
        (answer.status, answer.location.as_str()),
        (303, "/sign-in?changed=1&email=jane.doe%40example.com")
    );
    assert_eq!(signed_in.get("/Admin/dashboard").await.location, "/sign-in");
    visitor.get("/sign-in").await;
    assert_eq!(visitor.post("/password/reset", &fields).await.status, 422, "used");
    visitor.post("/password/forgot", &[("email", JANE)]).await;
    let late = harness.newest_link(JANE);
    harness.later(15);
    assert!(visitor.get(&late).await.text.contains("This link has been used"), "late");
}

#[tokio::test]
async fn forgotten_password_answers_alike_for_every_address() {
    let harness = ConsoleHarness::new();
    let mut texts = Vec::new();
    for email in [JANE, SUE, "nobody@example.com", "pat@example.com"] {
        let mut visitor = harness.visitor().await;
        let answer = visitor.post("/password/forgot", &[("email", email)]).await;
        texts.push(answer.text.replace(&visitor.form_token, ""));
    }
    assert!(texts.iter().all(|text| text == &texts[0]), "{texts:?}");
    let mailed = |email| harness.sandbox.mails_to(email).unwrap().len();
    assert_eq!([mailed(JANE), mailed(SUE), mailed("pat@example.com")], [1, 0, 0]);
}

#[tokio::test]
async fn fails_five_times_and_the_person_is_locked_for_half_an_hour() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for _ in 0..4 {
        visitor.sign_in(JANE, "Wrong-Horse-7").await;
    }
    // A good one in between starts the count anew.
    assert_eq!(visitor.sign_in(JANE, PASSWORD).await.status, 200);
    let mut visitor = harness.visitor().await;
    for _ in 0..4 {
        visitor.sign_in(JANE, "Wrong-Horse-7").await;
    }
    assert_eq!(state(&harness, JANE), UserState::Active);
    visitor.sign_in(JANE, "Wrong-Horse-7").await;
    assert_eq!(state(&harness, JANE), UserState::Locked);
    let [name, _, text] = harness.latest_audit();
    assert_eq!(name, "User Modified");
    assert_eq!(text, "user jane.doe@example.com locked after 5 failed sign-ins");
    harness.later(29);
    assert_eq!(harness.visitor().await.sign_in(JANE, PASSWORD).await.status, 401);
    harness.later(1);
    assert_eq!(harness.visitor().await.sign_in(JANE, PASSWORD).await.status, 200);
    assert_eq!(state(&harness, JANE), UserState::Active);
}

#[tokio::test]
async fn lock_is_ended_by_an_admin() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for _ in 0..5 {
        visitor.sign_in(JANE, "Wrong-Horse-7").await;
    }
    harness.admin.set_state(JANE, UserState::Active).unwrap();
    assert_eq!(harness.visitor().await.sign_in(JANE, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn password_of_ninety_days_is_changed_before_anything_else() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    harness.later(90 * 24 * 60 - 1);
    assert_eq!(harness.visitor().await.sign_in(OWNER, PASSWORD).await.status, 200);
    harness.later(1);
    browser.sign_in(OWNER).await;
    browser.arrives_at("/password").await;
    browser.reads("Your password is more than 90 days old.").await;
    browser.inspect("password-expired").await;
    browser.open("/Admin/dashboard").await;
    browser.arrives_at("/password").await;
    browser.fill("current", PASSWORD).await;
    browser.fill("password", PASSWORD).await;
    browser.fill("again", PASSWORD).await;
    browser.press("Change password").await;
    browser.reads("none of the last 5 passwords").await;
    browser.fill("current", PASSWORD).await;
    browser.fill("password", NEXT).await;
    browser.fill("again", NEXT).await;
    browser.press("Change password").await;
    browser.reads("Sign in with the new one.").await;
    let mut visitor = harness.visitor().await;
    assert_eq!(visitor.sign_in(OWNER, NEXT).await.status, 200);
}

#[tokio::test]
async fn change_keeps_the_rules_and_the_history() {
    let harness = ConsoleHarness::new();
    let passwords: Vec<String> = (1..=6).map(|number| format!("Horse-number-{number}")).collect();
    for password in &passwords {
        harness.admin.set_password(JANE, Some(password)).unwrap();
    }
    let mut jane = harness.visitor().await;
    let now = passwords.last().unwrap();
    jane.sign_in(JANE, now).await;
    jane.get("/password").await;
    for (current, wanted, again, reason) in [
        ("Wrong-Horse-7", NEXT, NEXT, "The present password is not right."),
        (now, NEXT, "Next-Horse-9", "The two new passwords are not the same."),
        (now, "next-horse-8", "next-horse-8", "an upper-case letter"),
        (now, "Next Horse-8", "Next Horse-8", "no spaces"),
        (now, &passwords[1], &passwords[1], "none of the last 5 passwords"),
    ] {
        let answer =
            jane.post("/password", &[("current", current), ("password", wanted), ("again", again)]).await;
        assert!(answer.status == 422 && answer.text.contains(reason), "{reason}: {}", answer.text);
    }
    // The sixth before is free again.
    let fields =
        [("current", now.as_str()), ("password", passwords[0].as_str()), ("again", passwords[0].as_str())];
    assert_eq!(
        jane.post("/password", &fields).await.location,
        "/sign-in?changed=1&email=jane.doe%40example.com"
    );
    assert_eq!(jane.get("/Admin").await.location, "/sign-in");
}

#[test]
fn first_one_is_made_once_for_everybody_who_has_joined() {
    let sandbox = Sandbox::in_memory(Options::default()).unwrap();
    let password = sandbox.first_password().unwrap().unwrap();
    assert_eq!(sandbox.first_password().unwrap(), None);
    let again = sandbox.admin().unwrap().set_password(OWNER, Some(&password)).unwrap_err();
    assert!(matches!(again, SandboxError::WeakPassword(rules) if rules == ["none of the last 5 passwords"]));
}

#[test]
fn is_stored_as_a_costly_hash_only() {
    let data = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::open(data.path(), Options::default()).unwrap();
    sandbox.admin().unwrap().set_password(OWNER, Some(PASSWORD)).unwrap();
    drop(sandbox);
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(data.path()).unwrap().map(|file| file.unwrap().path()) {
        if file.is_file() {
            bytes.extend(std::fs::read(file).unwrap());
        }
    }
    let has = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(has("$argon2id$v=19$m=19456,t=2,p=1$") && !has(PASSWORD));
}
