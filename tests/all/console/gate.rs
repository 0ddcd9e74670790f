//! What the console turns away before a page is asked, and the headers on everything it lets out.

use koreconcile::sandbox::Options;

use crate::support::console_harness::{ConsoleHarness, KIM, OWNER, PASSWORD, SAM, Visitor};

const TWO_FACTOR: &str = "/Admin/security/two-factor";

#[tokio::test]
async fn pages_without_a_session_lead_to_sign_in() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for path in ["/Admin", "/Admin/dashboard", TWO_FACTOR, "/accounts", "/two-factor", "/password"] {
        let answer = visitor.get(path).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in"), "{path}");
    }
    let answer = visitor.post(TWO_FACTOR, &[("state", "on")]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in"));
}

#[tokio::test]
async fn newer_address_leads_to_the_same_pages() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for (path, to) in [
        ("/adminconsole", "/Admin"),
        ("/adminconsole/", "/Admin"),
        ("/adminconsole/dashboard", "/Admin/dashboard"),
        ("/adminconsole/%0d%0aset-cookie:%20a=b", "/Admin"),
    ] {
        let answer = visitor.get(path).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, to), "{path}");
    }
    assert_eq!(visitor.get("/Admin/no/such/page").await.status, 404);
}

#[tokio::test]
async fn answers_carry_the_headers_that_keep_them_safe() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for path in ["/", "/sign-in", "/Admin/nowhere", "/mailbox"] {
        let answer = visitor.get(path).await;
        let policy = answer.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!answer.text.contains(" style=") && !answer.text.contains("<script>"), "{}", answer.text);
    }
    let style = visitor.get("/assets/console.css").await;
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    assert!(style.header("cache-control").contains("immutable"));
}

#[tokio::test]
async fn session_cookie_is_for_the_server_only_and_changes_at_every_step() {
    let harness = ConsoleHarness::new();
    let mut visitor = Visitor::new(&harness);
    let answer = visitor.get("/sign-in").await;
    let set = answer.header("set-cookie").to_owned();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    assert!(!set.contains("Secure") && !set.contains("Domain"), "{set}");
    let before = visitor.cookie.clone();
    let answer = visitor.post("/sign-in", &[("email", OWNER), ("password", PASSWORD)]).await;
    let signed_in = visitor.cookie.clone();
    assert_ne!(before, signed_in);
    let answer = visitor.get(&answer.location).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/Admin"));
    let opened = visitor.cookie.clone();
    assert_ne!(signed_in, opened);
    assert_eq!(visitor.open("/Admin").await.status, 200);
    // The tokens of the steps before are worth nothing.
    for old in [before, signed_in] {
        visitor.cookie = old;
        assert_eq!(visitor.get("/Admin/dashboard").await.location, "/sign-in");
    }
}

#[tokio::test]
async fn cookies_are_for_one_port() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.signed_in(OWNER).await;
    assert!(visitor.cookie.as_ref().unwrap().starts_with("koreconcile-8080="));
    assert!(visitor.browser.as_ref().unwrap().starts_with("koreconcile-browser-8080="));
    // What another sandbox on this machine has set is not looked at, and not overwritten.
    let other = visitor.cookie.as_ref().unwrap().replace("8080", "8602").replace('0', "1");
    visitor.cookie = Some(format!("{other}; {}", visitor.cookie.as_ref().unwrap()));
    assert_eq!(visitor.get("/Admin/dashboard").await.status, 200);
}

#[tokio::test]
async fn behind_tls_has_secure_cookies_and_one_host() {
    let public_url = "https://console.example.com".to_owned();
    let harness = ConsoleHarness::with(Options { public_url, ..Options::default() });
    let mut visitor = Visitor::new(&harness);
    let answer = visitor.get("/sign-in").await;
    let set = answer.header("set-cookie").to_owned();
    assert!(set.starts_with("__Host-koreconcile=") && set.contains("Secure"), "{set}");
    assert!(answer.header("strict-transport-security").contains("max-age"));
    assert_eq!(visitor.sign_in(OWNER, PASSWORD).await.status, 200);
    // The mailbox is for who sits at the machine: a proxy may speak for anybody.
    assert_eq!(visitor.get("/mailbox").await.status, 404);
    visitor.headers.insert("host", "127.0.0.1:8080".to_owned());
    assert_eq!(visitor.get("/sign-in").await.status, 421);
}

#[tokio::test]
async fn does_not_answer_to_hosts_that_are_not_this_machine() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for (host, status) in [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:9", 200),
        ("evil.example.com", 421),
        ("localhost.evil.example.com", 421),
        ("127.0.0.1.evil.example.com:8080", 421),
        ("192.0.2.7:8080", 421),
        ("", 421),
    ] {
        visitor.headers.insert("host", host.to_owned());
        let answer = visitor.get("/sign-in").await;
        assert_eq!(answer.status, status, "{host}");
        assert!(status == 200 || answer.text.contains("--public-url"), "{}", answer.text);
    }
}

#[tokio::test]
async fn does_not_answer_other_machines_without_tls_whatever_host_they_write() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    for (peer, status) in [
        ("127.0.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("192.0.2.7", 421),
        ("::ffff:192.0.2.7", 421),
    ] {
        visitor.peer = Some(peer.parse().unwrap());
        for path in ["/sign-in", "/mailbox", "/session", "/assets/mark.svg"] {
            assert_eq!(visitor.get(path).await.status, status, "{peer} {path}");
        }
    }
    let answer = visitor.post("/sign-in", &[("email", OWNER), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 421);
}

#[tokio::test]
async fn refusals_stay_in_the_console_and_lost_browsers_see_a_page() {
    let harness = ConsoleHarness::new();
    let mut kim = harness.signed_in(KIM).await;
    kim.headers.insert("accept", "text/html".to_owned());
    let large = "x".repeat(300 * 1024);
    for (answer, status) in [
        (kim.get("/Admin/security/two-factor").await, 403),
        (kim.get("/Admin/nowhere").await, 404),
        (kim.get("/Admin/users/u-nobody").await, 403),
        (kim.get("/Admin/groups/e-nowhere").await, 404),
        (kim.post("/Admin/groups/new", &[("name", &large)]).await, 413),
        (kim.post_raw("/Admin/groups/new", &[("name", "x")]).await, 403),
    ] {
        assert_eq!(answer.status, status, "{}", answer.text);
        let is_within = answer.text.contains("aria-label=\"Modules\"") && answer.text.contains("Kim");
        assert!(is_within, "{status}: {}", answer.text);
    }
    let mut visitor = harness.visitor().await;
    visitor.headers.insert("accept", "text/html".to_owned());
    for path in ["/admin", "/sign-in/", "/mailbox/", "/login"] {
        let answer = visitor.get(path).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, "text/html; charset=utf-8"),
            "{path}"
        );
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
    }
    // A client of the API gets the API's answer.
    visitor.headers.insert("accept", "*/*".to_owned());
    assert!(visitor.get("/admin").await.header("content-type").starts_with("application/json"));
}

#[tokio::test]
async fn public_host_may_be_written_with_the_port_of_https() {
    let public_url = "https://console.example.com".to_owned();
    let harness = ConsoleHarness::with(Options { public_url, ..Options::default() });
    let mut visitor = Visitor::new(&harness);
    for host in ["console.example.com", "console.example.com:443", "Console.Example.com"] {
        visitor.headers.insert("host", host.to_owned());
        assert_eq!(visitor.get("/sign-in").await.status, 200, "{host}");
    }
    visitor.headers.insert("host", "console.example.com:443".to_owned());
    visitor.get("/sign-in").await;
    assert_eq!(visitor.post("/sign-in", &[("email", OWNER), ("password", PASSWORD)]).await.status, 303);
    visitor.headers.insert("host", "console.example.com:444".to_owned());
    assert_eq!(visitor.get("/sign-in").await.status, 421);
}

#[tokio::test]
async fn test_controls_answer_to_names_of_this_machine_only() {
    let harness = ConsoleHarness::with(Options { test_controls: true, ..Options::default() });
    let mut visitor = Visitor::new(&harness);
    for (host, status) in [("127.0.0.1:8080", 200), ("localhost", 200), ("evil.example.com", 421), ("", 421)]
    {
        visitor.headers.insert("host", host.to_owned());
        for path in ["/__test/snapshot", "/__test/requests", "/__test/clock"] {
            assert_eq!(visitor.get(path).await.status, status, "{host} {path}");
        }
    }
}

#[tokio::test]
async fn refuses_forms_that_are_not_from_this_session() {
    let harness = ConsoleHarness::new();
    let mut thief = harness.signed_in(KIM).await;
    let mut owner = harness.signed_in(OWNER).await;
    let on = [("state", "on")];
    let right = owner.form_token.clone();

    // No token, somebody else's, an empty one.
    for token in [None, Some(thief.form_token.clone()), Some(String::new())] {
        let fields: Vec<_> = token.iter().map(|token| ("form_token", token.as_str())).chain(on).collect();
        assert_eq!(owner.post_raw(TWO_FACTOR, &fields).await.status, 403, "{token:?}");
    }
    // From another place.
    for (name, value) in [
        ("origin", "https://evil.example.com"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:9999"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let before = owner.headers.insert(name, value.to_owned());
        assert_eq!(owner.post(TWO_FACTOR, &on).await.status, 403, "{name}: {value}");
        match before {
            Some(before) => owner.headers.insert(name, before),
            None => owner.headers.remove(name),
        };
    }
    let origin = owner.headers.remove("origin").unwrap();
    assert_eq!(owner.post(TWO_FACTOR, &on).await.status, 403, "no origin");
    owner.headers.insert("origin", origin);
    // A stolen form in the thief's own session.
    assert_eq!(thief.post_raw(TWO_FACTOR, &[("form_token", &right), ("state", "on")]).await.status, 403);
    assert!(!harness.admin.snapshot().unwrap().two_factor);

    assert_eq!(owner.post(TWO_FACTOR, &on).await.status, 303);
    assert!(harness.admin.snapshot().unwrap().two_factor);
    // Replayed after sign-out.
    owner.post("/sign-out", &[]).await;
    let answer = owner.post_raw(TWO_FACTOR, &[("form_token", &right), ("state", "off")]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/sign-in"));
    assert!(harness.admin.snapshot().unwrap().two_factor);
}

#[tokio::test]
async fn takes_no_form_larger_than_it_needs() {
    let harness = ConsoleHarness::new();
    let mut visitor = harness.visitor().await;
    let long = "x".repeat(300 * 1024);
    let answer = visitor.post("/sign-in", &[("email", &long), ("password", "x")]).await;
    assert_eq!(answer.status, 413);
    assert!(answer.text.contains("256 KiB"), "{}", answer.text);
}

#[tokio::test]
async fn opens_to_administrators_only_and_by_their_permissions() {
    let harness = ConsoleHarness::new();
    let mut sam = harness.visitor().await;
    let front = sam.sign_in(SAM, PASSWORD).await;
    assert!(front.status == 200 && !front.text.contains("Go To Admin Console"), "{}", front.text);
    for path in ["/Admin", "/Admin/dashboard", TWO_FACTOR] {
        let answer = sam.get(path).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    // A custom role opens what it names: this one neither shows nor serves security.
    let mut kim = harness.visitor().await;
    let page = kim.sign_in(KIM, PASSWORD).await;
    assert!(page.status == 200 && !page.text.contains(TWO_FACTOR), "{}", page.text);
    assert_eq!(kim.get(TWO_FACTOR).await.status, 403);
    let answer = kim.post(TWO_FACTOR, &[("state", "on")]).await;
    assert!(answer.status == 403 && answer.text.contains("Two-Factor Authentication"), "{}", answer.text);
    assert!(!harness.admin.snapshot().unwrap().two_factor);

    let mut owner = harness.visitor().await;
    let page = owner.sign_in(OWNER, PASSWORD).await;
    assert!(page.text.contains(TWO_FACTOR) && page.text.contains("Go To Admin Console"), "{}", page.text);
}

#[tokio::test]
async fn rights_follow_the_account_at_once() {
    let harness = ConsoleHarness::new();
    let mut kim = harness.signed_in(KIM).await;
    assert_eq!(kim.get("/Admin/dashboard").await.status, 200);
    let kim_holds = koreconcile::sandbox::Holder::user(KIM);
    harness.admin.unbind(&kim_holds, "User Manager", None).unwrap();
    assert_eq!(kim.get("/Admin/dashboard").await.status, 403);
    harness.admin.bind(&kim_holds, "User Manager", None).unwrap();
    assert_eq!(kim.get("/Admin/dashboard").await.status, 200);
    // Through a group, and a group in a group.
    harness.admin.unbind(&kim_holds, "User Manager", None).unwrap();
    harness.admin.nest("operations", "QA").unwrap();
    let operations = koreconcile::sandbox::Holder::group("operations");
    harness.admin.bind(&operations, "User Manager", None).unwrap();
    assert_eq!(kim.get("/Admin/dashboard").await.status, 200);
    // Suspended: out, whatever page is asked.
    harness.admin.set_state(KIM, koreconcile::sandbox::UserState::Suspended).unwrap();
    assert_eq!(kim.get("/Admin/dashboard").await.location, "/sign-in");
}
