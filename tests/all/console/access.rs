//! Access, in a browser: who gets in, and where they arrive.

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OWNER, PASSWORD, SAM, SUE};

#[tokio::test]
async fn is_by_e_mail_and_password_at_its_address() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.open("/adminconsole/").await;
    browser.arrives_at("/sign-in").await;
    browser.inspect("sign-in").await;
    browser.fill("email", OWNER).await;
    browser.fill("password", "Wrong-Horse-7").await;
    browser.press("Sign in").await;
    browser.reads("The e-mail or the password is not right").await;
    browser.inspect("sign-in-refused").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.arrives_at("/Admin/dashboard").await;
    browser.inspect("dashboard").await;
    let [name, actor, _] = harness.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("Login", OWNER));
    browser.press("Olivia Owner").await;
    browser.inspect("person-menu").await;
    browser.press("Sign out").await;
    browser.reads("You are signed out.").await;
    let [name, actor, _] = harness.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("Logout", OWNER));
    browser.open("/Admin/dashboard").await;
    browser.arrives_at("/sign-in").await;
}

#[tokio::test]
async fn access_from_the_front_page_is_offered_to_administrators_only() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.open("/").await;
    browser.inspect("front").await;
    browser.sign_in(SAM).await;
    browser.arrives_at("/").await;
    browser.press("Sam Stone").await;
    assert!(!browser.text().await.contains("Go To Admin Console"));
    browser.open("/Admin").await;
    browser.reads("Not permitted").await;
    browser.inspect("not-permitted").await;
    browser.open("/").await;
    browser.press("Sam Stone").await;
    browser.press("Sign out").await;

    browser.sign_in(JANE).await;
    browser.arrives_at("/Admin/dashboard").await;
    browser.open("/").await;
    browser.press("Jane Doe").await;
    browser.press("Go To Admin Console").await;
    browser.arrives_at("/Admin/dashboard").await;
}

#[tokio::test]
async fn access_with_a_custom_role_shows_the_modules_it_names() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(KIM).await;
    browser.arrives_at("/Admin/dashboard").await;
    assert!(!browser.text().await.contains("Security & Control"));
    browser.open("/Admin/security/two-factor").await;
    browser.reads("This needs the permission Two-Factor Authentication").await;
}

#[tokio::test]
async fn is_refused_alike_for_every_reason() {
    let harness = ConsoleHarness::new();
    let mut texts = Vec::new();
    for (email, password) in [
        (OWNER, "Wrong-Horse-7"),
        ("nobody@example.com", PASSWORD),
        (SUE, PASSWORD),
        // Invited, has not joined.
        ("pat@example.com", PASSWORD),
        // Locked.
        ("leo@example.com", PASSWORD),
        // No password was ever set.
        ("former@example.com", ""),
        ("", ""),
    ] {
        let mut visitor = harness.visitor().await;
        let answer = visitor.sign_in(email, password).await;
        assert_eq!(answer.status, 401, "{email}");
        let token = visitor.form_token.clone();
        texts.push(answer.text.replace(&token, "").replace(&format!("value=\"{email}\""), ""));
    }
    // The field keeps what was typed, and is where one goes on: nothing else differs.
    let last = texts.pop().unwrap();
    assert!(last.contains("is not right"));
    for text in &texts {
        assert_eq!(text, &texts[0]);
    }
}

#[tokio::test]
async fn is_limited_for_guessers() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for _ in 0..20 {
        assert_eq!(visitor.sign_in("nobody@example.com", "Wrong-Horse-7").await.status, 401);
    }
    let answer = visitor.sign_in("nobody@example.com", "Wrong-Horse-7").await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "900"));
    assert!(answer.text.contains("Try again in 15 min."), "{}", answer.text);
    assert_eq!(visitor.sign_in(OWNER, PASSWORD).await.status, 200);
    harness.later(15);
    let mut visitor = harness.visitor().await;
    assert_eq!(visitor.sign_in("nobody@example.com", "Wrong-Horse-7").await.status, 401);
}

#[tokio::test]
async fn keeps_script_in_fields_harmless() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    let answer = visitor.sign_in("\"><script>alert(1)</script>", "x").await;
    assert_eq!(answer.status, 401);
    assert!(!answer.text.contains("<script>alert"), "{}", answer.text);
    let answer = visitor.get("/mailbox?to=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(answer.status == 200 && !answer.text.contains("<script>alert"), "{}", answer.text);
    let answer = visitor.get("/password/reset?token=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(answer.status == 200 && !answer.text.contains("<script>alert"), "{}", answer.text);
}
