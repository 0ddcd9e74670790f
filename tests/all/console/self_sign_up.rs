//! Self sign-up: from the address typed in to the administrator who agrees.

use koreconcile::sandbox::{NewUser, UserState};

use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OTHER_ACCOUNT, OWNER, PASSWORD, SAM, SUE};

const NEW: &str = "nia.new@example.com";
const SETTINGS: &str = "/Admin/user-settings";
const REQUESTS: &str = "/Admin/enrollment/requests";

/// With that rule of User Settings.
async fn allow(harness: &ConsoleHarness, rule: &str) {
    let mut jane = harness.signed_in(JANE).await;
    jane.get(SETTINGS).await;
    assert_eq!(jane.post(SETTINGS, &[("self_sign_up", rule)]).await.status, 303);
}

/// Asks, follows the link of the mail, and says who they are; the last answer's status.
async fn ask(harness: &ConsoleHarness, email: &str) -> u16 {
    let mut guest = harness.visitor().await;
    guest.post("/signup/ask", &[("email", email)]).await;
    let link = harness.newest_link(&email.to_lowercase());
    guest.get(&link).await;
    let token = link.split_once("token=").unwrap().1;
    let fields = [
        ("token", token),
        ("first_name", "Nia"),
        ("last_name", "New"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    guest.post("/signup/ask/confirm", &fields).await.status
}

#[tokio::test]
async fn waits_for_an_administrator_who_accepts() {
    let harness = ConsoleHarness::served().await;
    allow(&harness, "on-request").await;
    assert!(harness.admin.audit_log().unwrap().iter().any(|entry| {
        entry == &["User Enrollment Preferences", JANE, "self sign-up set to on-request"].map(str::to_owned)
    }));
    let guest = Browser::at(&harness).await;
    guest.open("/sign-in").await;
    guest.press("Ask to join one").await;
    guest.inspect("join-ask").await;
    guest.fill("email", "Nia.New@example.com").await;
    guest.press("Ask to join").await;
    guest.reads("a mail with a link is on its way").await;
    guest.inspect("join-asked").await;
    guest.open(&harness.newest_link(NEW)).await;
    guest
        .reads("You ask to join the account Example as nia.new@example.com. An administrator decides.")
        .await;
    guest.fill("first_name", "Nia").await;
    guest.fill("last_name", "New").await;
    guest.fill("password", PASSWORD).await;
    guest.fill("again", PASSWORD).await;
    guest.inspect("join-confirm").await;
    guest.press("Join Example").await;
    guest.reads("Your request is with the administrators of the account.").await;
    guest.inspect("join-waits").await;
    assert!(!harness.admin.snapshot().unwrap().users.contains_key(NEW));
    assert_eq!(harness.visitor().await.sign_in(NEW, PASSWORD).await.status, 401);
    drop(guest);

    let browser = Browser::at(&harness).await;
    browser.sign_in(KIM).await;
    browser.press("Requests to join").await;
    browser.reads("Nia New").await;
    browser.inspect("join-requests").await;
    browser.press("Accept Nia New").await;
    browser.reads("nia.new@example.com is in the account now.").await;
    browser.reads("Nobody asks to join. People with an address at example.com may").await;
    browser.inspect("join-requests-empty").await;
    let text = "request of nia.new@example.com to join accepted";
    assert_eq!(harness.latest_audit(), ["Accept Enrollment Request", KIM, text]);
    let nia = harness.admin.snapshot().unwrap().users[NEW].clone();
    assert_eq!((nia.state, nia.first_name.as_str(), nia.is_developer), (UserState::Active, "Nia", false));
    assert!(harness.newest_mail(NEW).contains("You have joined it."));
    assert_eq!(harness.visitor().await.sign_in(NEW, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn is_rejected_or_approved_by_itself() {
    let harness = ConsoleHarness::new();
    allow(&harness, "on-request").await;
    assert_eq!(ask(&harness, NEW).await, 200);
    let mut kim = harness.signed_in(KIM).await;
    let id = |page: &str| page.split_once(&format!("{REQUESTS}/")).unwrap().1[..24].to_owned();
    let page = kim.get(REQUESTS).await.text;
    let reject = format!("{REQUESTS}/{}/reject", id(&page));
    assert_eq!(kim.post(&reject, &[]).await.status, 303);
    let text = "request of nia.new@example.com to join rejected";
    assert_eq!(harness.latest_audit(), ["Reject Enrollment Request", KIM, text]);
    assert!(harness.newest_mail(NEW).contains("decided against it"));
    assert!(!harness.admin.snapshot().unwrap().users.contains_key(NEW));
    // What was settled is not there a second time.
    kim.get(REQUESTS).await;
    assert_eq!(kim.post(&reject, &[]).await.status, 404);

    allow(&harness, "auto-approve").await;
    assert_eq!(ask(&harness, NEW).await, 303);
    let text = "request of nia.new@example.com to join accepted automatically";
    assert_eq!(harness.latest_audit(), ["Accept Enrollment Request", "", text]);
    assert_eq!(harness.visitor().await.sign_in(NEW, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn is_for_the_owners_domain_where_it_is_allowed() {
    let harness = ConsoleHarness::new();
    let other = harness.second_account();
    other.add_user(&NewUser::active("ann@example.com")).unwrap();
    let mails = |email: &str| harness.sandbox.mails_to(email).unwrap().len();
    let offered = async || harness.visitor().await.get("/sign-in").await.text.contains("/signup/ask");
    // Blocked, which is the default.
    assert!(!offered().await);
    let mut texts = Vec::new();
    let addresses = [NEW, "nia@example.org", SAM, SUE, "no address", "ann@example.com"];
    for round in 0..2 {
        for email in addresses {
            let mut guest = harness.visitor().await;
            let answer = guest.post("/signup/ask", &[("email", email)]).await;
            texts.push(answer.text.replace(&guest.form_token, ""));
        }
        if round == 0 {
            assert_eq!(addresses.map(mails), [0; 6]);
            allow(&harness, "on-request").await;
            assert!(offered().await);
        }
    }
    // Open to the domain: another domain, who has joined, and what is no address get nothing, and nobody is told.
    assert_eq!(addresses.map(mails), [1, 0, 0, 0, 0, 1]);
    assert!(texts.iter().all(|text| text == &texts[0]), "{texts:?}");
    // The second account does not take requests: its mails would say so.
    assert!(!harness.newest_mail(NEW).contains("Example Labs"));

    // Who waits is not mailed again; a link works once, for a week, while the account takes requests.
    assert_eq!(ask(&harness, NEW).await, 200);
    let mut guest = harness.visitor().await;
    guest.post("/signup/ask", &[("email", NEW)]).await;
    assert_eq!(mails(NEW), 2);
    let gone = "has been used, is too old";
    assert!(guest.get(&harness.newest_link(NEW)).await.text.contains(gone), "used");
    let link = harness.newest_link("ann@example.com");
    assert!(guest.get(&link).await.text.contains("You ask to join the account"));
    allow(&harness, "block").await;
    assert!(guest.get(&link).await.text.contains(gone), "blocked");
    allow(&harness, "on-request").await;
    harness.later(7 * 24 * 60);
    assert!(guest.get(&link).await.text.contains(gone), "late");
    assert!(guest.get("/signup/ask/confirm?token=").await.text.contains(gone), "none");
}

#[tokio::test]
async fn form_says_what_is_wrong_and_escapes() {
    let harness = ConsoleHarness::new();
    allow(&harness, "on-request").await;
    let mut guest = harness.visitor().await;
    guest.post("/signup/ask", &[("email", NEW)]).await;
    let link = harness.newest_link(NEW);
    let token = link.split_once("token=").unwrap().1;
    guest.get(&link).await;
    let long = "x".repeat(101);
    let script = "<script>alert(1)</script>";
    for (first, password, why) in [
        ("", PASSWORD, "Type your first and your last name."),
        (long.as_str(), PASSWORD, "A name has at most 100 characters."),
        (script, "short", "The new password needs: at least 8 characters, "),
    ] {
        let fields = [
            ("token", token),
            ("first_name", first),
            ("last_name", "New"),
            ("password", password),
            ("again", password),
        ];
        let page = guest.post("/signup/ask/confirm", &fields).await;
        assert!(
            page.status == 422 && page.text.contains(why) && !page.text.contains(script),
            "{}",
            page.text
        );
    }
    let fields = [
        ("token", token),
        ("first_name", script),
        ("last_name", script),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    assert_eq!(guest.post("/signup/ask/confirm", &fields).await.status, 200);
    let page = harness.signed_in(KIM).await.get(REQUESTS).await;
    assert!(page.text.contains("&#60;script&#62;") && !page.text.contains(script), "{}", page.text);
}

#[tokio::test]
async fn requests_need_the_permission_and_stay_in_their_account() {
    let harness = ConsoleHarness::new();
    let other = harness.second_account();
    other.add_user(&NewUser::active("ann@example.com")).unwrap();
    allow(&harness, "on-request").await;
    // Ann is on the platform, without a password yet; the one she chooses counts once she is let in.
    assert_eq!(ask(&harness, "ann@example.com").await, 200);
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, PASSWORD).await;
    owner.post("/accounts/open", &[("account", harness.admin.account_id())]).await;
    let page = owner.get(REQUESTS).await.text;
    let id = page.split_once(&format!("{REQUESTS}/")).unwrap().1[..24].to_owned();
    owner.post("/accounts/open", &[("account", OTHER_ACCOUNT)]).await;
    assert!(!owner.get(REQUESTS).await.text.contains("ann@example.com"));
    for verb in ["accept", "reject"] {
        assert_eq!(owner.post(&format!("{REQUESTS}/{id}/{verb}"), &[]).await.status, 404, "{verb}");
    }
    let holder = koreconcile::sandbox::Holder::user(KIM);
    harness.admin.unbind(&holder, "User Manager", None).unwrap();
    let onlooker = koreconcile::sandbox::NewRole::named(koreconcile::sandbox::RoleKind::Admin, "Onlooker");
    harness.admin.add_role(&onlooker).unwrap();
    harness.admin.bind(&holder, "Onlooker", None).unwrap();
    let mut kim = harness.signed_in(KIM).await;
    assert_eq!(kim.get(REQUESTS).await.status, 403);
    kim.get("/Admin/dashboard").await;
    for verb in ["accept", "reject"] {
        assert_eq!(kim.post(&format!("{REQUESTS}/{id}/{verb}"), &[]).await.status, 403, "{verb}");
    }
    assert!(!harness.admin.snapshot().unwrap().users.contains_key("ann@example.com"));
    assert_eq!(harness.visitor().await.sign_in("ann@example.com", PASSWORD).await.status, 401);
    let mut jane = harness.signed_in(JANE).await;
    jane.get(REQUESTS).await;
    assert_eq!(jane.post(&format!("{REQUESTS}/{id}/accept"), &[]).await.status, 303);
    assert_eq!(harness.visitor().await.sign_in("ann@example.com", PASSWORD).await.status, 200);
}
