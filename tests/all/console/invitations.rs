//! Invitations: from the address typed in to the person who has joined.

use std::time::Duration;

use koreconcile::sandbox::{Options, UserState};

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OTHER_ACCOUNT, OWNER, PASSWORD};

const NEW: &str = "new.hire@example.com";
const INVITE: &str = "/Admin/enrollment/invite";

fn state(harness: &ConsoleHarness, email: &str) -> UserState {
    harness.admin.snapshot().unwrap().users[email].state
}

#[tokio::test]
async fn are_mailed_and_the_link_leads_into_the_account() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(KIM).await;
    browser.press("Invite").await;
    browser.arrives_at(INVITE).await;
    browser.inspect("invite").await;
    browser.fill("email", NEW).await;
    browser.press("Send Invitations").await;
    browser.reads("1 invitation sent.").await;
    browser.inspect("invite-sent").await;
    let [name, actor, _] = harness.latest_audit();
    assert_eq!((name.as_str(), actor.as_str()), ("User Created", KIM));
    assert_eq!(state(&harness, NEW), UserState::NotActive);
    let mut jane = harness.signed_in(JANE).await;
    let page = jane.get("/Admin/users?search=new.hire").await;
    assert!(
        page.text.contains("Not Active")
            && page.text.contains("Invited <time")
            && page.text.contains("2 Mar 2026, 09:00 UTC")
    );

    browser.open("/mailbox").await;
    browser.press("You are invited to a Kore.ai account").await;
    browser.inspect("message-invitation").await;
    browser.click(".text a").await;
    browser.reads("You are invited to the account Example").await;
    browser.inspect("sign-up").await;
    browser.fill("first_name", "Nora").await;
    browser.fill("last_name", "New").await;
    browser.fill("password", PASSWORD).await;
    browser.fill("again", PASSWORD).await;
    browser.press("Join Example").await;
    browser.reads("You have joined the account.").await;
    assert_eq!(state(&harness, NEW), UserState::Active);
    browser.fill("email", NEW).await;
    browser.fill("password", PASSWORD).await;
    browser.press("Sign in").await;
    browser.arrives_at("/").await;
    browser.reads("You are signed in to the account Example").await;
}

#[tokio::test]
async fn are_taken_up_by_code_as_well() {
    let harness = ConsoleHarness::served().await;
    harness.signed_in(KIM).await.post(INVITE, &[("email", NEW)]).await;
    let browser = Browser::at(&harness).await;
    browser.open("/signup/code").await;
    browser.inspect("sign-up-code").await;
    browser.fill("email", NEW).await;
    let code = harness.newest_code(NEW);
    browser.fill("code", if code == "111111" { "222222" } else { "111111" }).await;
    browser.press("Continue").await;
    browser.reads("do not belong together").await;
    browser.fill("code", &code).await;
    browser.press("Continue").await;
    browser.reads("You are invited to the account Example").await;
}

#[tokio::test]
async fn invitations_that_are_old_or_wrong_offer_a_new_one() {
    let harness = ConsoleHarness::new();
    harness.signed_in(KIM).await.post(INVITE, &[("email", NEW)]).await;
    let (link, code) = (harness.newest_link(NEW), harness.newest_code(NEW));
    let mut visitor = harness.visitor().await;
    assert_eq!(visitor.get("/signup?token=no").await.status, 200);
    harness.later(7 * 24 * 60);
    let page = visitor.get(&link).await;
    assert!(page.text.contains("is too old") && page.text.contains("Send a new code"), "{}", page.text);
    let token = link.split_once("token=").unwrap().1;
    let fields = [
        ("token", token),
        ("first_name", "N"),
        ("last_name", "N"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    assert_eq!(visitor.post("/signup", &fields).await.status, 422);
    assert_eq!(visitor.post("/signup/code", &[("email", NEW), ("code", &code)]).await.status, 422);
    assert_eq!(state(&harness, NEW), UserState::NotActive);

    let answer = visitor.post("/signup/renew", &[("email", NEW)]).await;
    assert!(answer.text.contains("is on its way"), "{}", answer.text);
    let unknown = visitor.post("/signup/renew", &[("email", "nobody@example.com")]).await;
    assert!(unknown.text.contains("is on its way"), "{}", unknown.text);
    assert!(harness.sandbox.mails_to("nobody@example.com").unwrap().is_empty());
    assert_eq!(visitor.get(&link).await.text.matches("is too old").count(), 1, "the old link stays void");
    let renewed = harness.newest_link(NEW);
    let token = renewed.split_once("token=").unwrap().1;
    visitor.get(&renewed).await;
    let fields = [
        ("token", token),
        ("first_name", "N"),
        ("last_name", "N"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    assert_eq!(
        visitor.post("/signup", &fields).await.location,
        "/sign-in?joined=1&email=new.hire%40example.com"
    );
    assert_eq!(state(&harness, NEW), UserState::Active);
    visitor.get("/sign-in").await;
    assert_eq!(visitor.post("/signup", &fields).await.status, 422, "used");
}

#[tokio::test]
async fn invitations_not_taken_up_are_reminded_of_three_times() {
    const DAYS: i64 = 24 * 60;
    let harness = ConsoleHarness::new();
    let mut kim = harness.signed_in(KIM).await;
    kim.post(INVITE, &[("email", NEW), ("email", "quick@example.com")]).await;
    harness.admin.accept("quick@example.com").unwrap();
    let first = harness.newest_link(NEW);
    let reminded = || harness.sandbox.remind_invited().unwrap();
    harness.later(3 * DAYS - 1);
    assert_eq!(reminded(), 0);
    harness.later(1);
    assert_eq!((reminded(), reminded()), (1, 0));
    assert!(harness.newest_mail(NEW).contains("have not signed up yet"), "{}", harness.newest_mail(NEW));
    // What was mailed before works on, until it is too old; then the reminder has a new link and code.
    assert_eq!(harness.newest_link(NEW), first);
    harness.later(3 * DAYS);
    assert_eq!((reminded(), harness.newest_link(NEW) == first), (1, true));
    harness.later(3 * DAYS);
    assert_eq!((reminded(), harness.newest_link(NEW) == first), (1, false));
    let mut visitor = harness.visitor().await;
    assert!(visitor.get(&first).await.text.contains("is too old"));
    assert!(visitor.get(&harness.newest_link(NEW)).await.text.contains("You are invited to the account"));
    harness.later(3 * DAYS);
    assert_eq!(reminded(), 0, "a fourth time");
    assert_eq!(harness.sandbox.mails_to("quick@example.com").unwrap().len(), 1);
    // The date is that of the invitation.
    let page = harness.signed_in(JANE).await.get("/Admin/users?search=new.hire").await;
    assert!(
        page.text.contains("Invited <time") && page.text.contains("2 Mar 2026, 09:00 UTC"),
        "{}",
        page.text
    );
    // Invited again, it starts anew.
    let mut kim = harness.signed_in(KIM).await;
    kim.post(INVITE, &[("email", NEW)]).await;
    harness.later(3 * DAYS);
    assert_eq!(reminded(), 1);
    let quiet = ConsoleHarness::with(Options { remind_every: None, ..Options::default() });
    quiet.signed_in(KIM).await.post(INVITE, &[("email", NEW)]).await;
    quiet.later(30 * DAYS);
    assert_eq!(quiet.sandbox.remind_invited().unwrap(), 0);
}

#[tokio::test]
async fn reminders_are_sent_by_the_server() {
    let harness = ConsoleHarness::served().await;
    harness.signed_in(KIM).await.post(INVITE, &[("email", NEW)]).await;
    harness.later(3 * 24 * 60);
    let sent = async {
        while harness.sandbox.mails_to(NEW).unwrap().len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), sent).await.unwrap();
    assert!(harness.newest_mail(NEW).contains("have not signed up yet"));
}

#[tokio::test]
async fn code_is_spoiled_by_five_wrong_ones_and_the_link_is_not() {
    let harness = ConsoleHarness::new();
    harness.signed_in(KIM).await.post(INVITE, &[("email", NEW)]).await;
    let code = harness.newest_code(NEW);
    let wrong = if code == "111111" { "222222" } else { "111111" };
    let mut visitor = harness.visitor().await;
    for _ in 0..5 {
        assert_eq!(visitor.post("/signup/code", &[("email", NEW), ("code", wrong)]).await.status, 422);
    }
    assert_eq!(visitor.post("/signup/code", &[("email", NEW), ("code", &code)]).await.status, 422);
    assert!(visitor.get(&harness.newest_link(NEW)).await.text.contains("You are invited"));
}

#[tokio::test]
async fn are_five_at_most_and_all_or_none() {
    let harness = ConsoleHarness::new();
    let mut kim = harness.signed_in(KIM).await;
    kim.get(INVITE).await;
    let six: Vec<String> = (1..=6).map(|number| format!("n{number}@example.com")).collect();
    let fields: Vec<(&str, &str)> = six.iter().map(|email| ("email", email.as_str())).collect();
    let answer = kim.post(INVITE, &fields).await;
    assert!(
        answer.status == 422 && answer.text.contains("up to 5 can be invited at a time"),
        "{}",
        answer.text
    );
    let answer =
        kim.post(INVITE, &[("email", "n1@example.com"), ("email", "<script>alert(1)</script>")]).await;
    assert!(answer.status == 422 && answer.text.contains("is not an e-mail address"), "{}", answer.text);
    assert!(!answer.text.contains("<script>alert"));
    assert_eq!(kim.post(INVITE, &[("email", " ")]).await.status, 422);
    assert!(harness.sandbox.mails_to("n1@example.com").unwrap().is_empty());
    kim.post(INVITE, &fields[..5]).await;
    assert!(kim.get(INVITE).await.text.contains("5 invitations sent."));
    // Again: the newest link works, the one before does not; who has joined gets none.
    let first = harness.newest_link("n1@example.com");
    kim.post(INVITE, &[("email", "n1@example.com"), ("email", JANE)]).await;
    assert!(kim.get(INVITE).await.text.contains("1 invitation sent. 1 person has joined already"));
    assert!(kim.get(&first).await.text.contains("This link has been used"));
    assert!(harness.sandbox.mails_to(JANE).unwrap().is_empty());
    kim.get(INVITE).await;
    kim.post(INVITE, &[("email", JANE)]).await;
    assert!(kim.get(INVITE).await.text.contains("has joined already: no invitation was sent"));
}

#[tokio::test]
async fn need_the_permission() {
    let harness = ConsoleHarness::new();
    let holder = koreconcile::sandbox::Holder::user(KIM);
    harness.admin.unbind(&holder, "User Manager", None).unwrap();
    harness
        .admin
        .add_role(&koreconcile::sandbox::NewRole::named(koreconcile::sandbox::RoleKind::Admin, "Onlooker"))
        .unwrap();
    harness.admin.bind(&holder, "Onlooker", None).unwrap();
    let mut kim = harness.signed_in(KIM).await;
    assert_eq!(kim.get("/Admin/dashboard").await.status, 200);
    assert_eq!(kim.get(INVITE).await.status, 403);
    assert_eq!(kim.post(INVITE, &[("email", NEW)]).await.status, 403);
    assert!(harness.sandbox.mails_to(NEW).unwrap().is_empty());
}

#[tokio::test]
async fn invitations_of_somebody_on_the_platform_want_a_yes_only() {
    let harness = ConsoleHarness::new();
    harness.second_account();
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    owner.post("/accounts/open", &[("account", OTHER_ACCOUNT)]).await;
    owner.get(INVITE).await;
    owner.post(INVITE, &[("email", JANE)]).await;
    let link = harness.newest_link(JANE);
    let mut jane = harness.visitor().await;
    let page = jane.get(&link).await;
    assert!(
        page.text.contains("on the platform already") && !page.text.contains("First name"),
        "{}",
        page.text
    );
    let token = link.split_once("token=").unwrap().1;
    assert_eq!(
        jane.post("/signup", &[("token", token)]).await.location,
        "/sign-in?joined=1&email=jane.doe%40example.com"
    );
    // Her password is what it was, and now there are two accounts to choose from.
    jane.get("/sign-in").await;
    let page = jane.sign_in(JANE, PASSWORD).await;
    assert!(page.text.contains("Choose an account") && page.text.contains("Example Labs"), "{}", page.text);
}

#[tokio::test]
async fn invitations_by_file_are_reported_line_by_line() {
    let harness = ConsoleHarness::served().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("people.txt");
    std::fs::write(&file, format!("a1@example.com, a2@example.com\nnobody\n{JANE}\n\n")).unwrap();
    let browser = Browser::at(&harness).await;
    browser.sign_in(KIM).await;
    browser.press("Bulk Invite").await;
    browser.arrives_at("/Admin/enrollment/bulk-invite").await;
    browser.attach(&file).await;
    browser.press_button("Bulk Invite").await;
    browser.reads("Report on File Based Bulk User Invite").await;
    browser.reads("2 of 4 done").await;
    browser.reads("not an e-mail address: ignored").await;
    browser.reads("has joined already: not mailed").await;
    browser.inspect("bulk-report").await;
    browser.open("/Admin/enrollment/bulk-invite").await;
    browser.reads("History of Bulk User Invite").await;
    browser.inspect("bulk-invite").await;
    browser.press("View details of people.txt").await;
    browser.reads("2 of 4 done").await;
    for email in ["a1@example.com", "a2@example.com"] {
        assert_eq!(harness.sandbox.mails_to(email).unwrap().len(), 1, "{email}");
    }
    // The report is this account's.
    let path = browser.path().await;
    harness.second_account();
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    owner.post("/accounts/open", &[("account", OTHER_ACCOUNT)]).await;
    assert_eq!(owner.get(&path).await.status, 404);
}

#[tokio::test]
async fn sign_up_starts_in_the_field_that_is_wrong_and_sign_in_knows_the_address() {
    let harness = ConsoleHarness::new();
    harness.signed_in(KIM).await.post(INVITE, &[("email", NEW)]).await;
    let link = harness.newest_link(NEW);
    let token = link.split_once("token=").unwrap().1;
    let mut visitor = harness.visitor().await;
    let focused = |page: &str| {
        let (before, _) = page.split_once(" autofocus").unwrap_or_else(|| panic!("no focus: {page}"));
        assert_eq!(page.matches(" autofocus").count(), 1, "{page}");
        before.rsplit_once("id=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(focused(&visitor.get(&link).await.text), "first_name");
    for (first, last, password, wrong) in [
        ("", "New", PASSWORD, "first_name"),
        ("Nia", "", PASSWORD, "last_name"),
        ("Nia", "New", "weak", "password"),
    ] {
        let fields = [
            ("token", token),
            ("first_name", first),
            ("last_name", last),
            ("password", password),
            ("again", password),
        ];
        let answer = visitor.post("/signup", &fields).await;
        assert_eq!((answer.status, focused(&answer.text).as_str()), (422, wrong));
        assert!(answer.text.matches("The new password needs:").count() <= 1, "{}", answer.text);
    }
    let fields = [
        ("token", token),
        ("first_name", "Nia"),
        ("last_name", "New"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    let page = visitor.post("/signup", &fields).await;
    let page = visitor.get(&page.location).await.text;
    assert!(page.contains(&format!("value=\"{NEW}\"")), "{page}");
    assert_eq!(focused(&page), "password");
}
