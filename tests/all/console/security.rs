//! Security & Control: apps and their scopes, single sign-on, settings, the enterprise key.

use serde_json::{Value, json};

use crate::sandbox::world::token;
use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, JANE, KIM, OWNER, PASSWORD, SAM};
use koreconcile::sandbox::App;

const APPS: &str = "/Admin/security/api-scopes";
const SSO: &str = "/Admin/security/sso";
const SETTINGS: &str = "/Admin/security/settings";

/// The value of the field of that id.
fn value(page: &str, id: &str) -> String {
    let (_, rest) = page.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}: {page}"));
    rest.split_once("value=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn app_is_made_and_its_credentials_work_at_the_api() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("API Scopes").await;
    browser.reads("No program may call the API").await;
    browser.inspect("api-scopes-empty").await;
    browser.press("New app").await;
    browser.fill("name", "koreconcile").await;
    browser.choose("User Management > User Management").await;
    browser.choose("Profile Management > Role Management").await;
    browser.inspect("api-scopes-new").await;
    browser.press("Create App").await;
    browser.reads("Copy the secret now: it is not shown again.").await;
    browser.inspect("api-scopes-secret").await;
    let page = browser.source().await;
    let app = App { client_id: value(&page, "client-id"), client_secret: value(&page, "client-secret") };
    let groups = harness.call_api(&token(&app, json!({})), "GET", "/api/public/groups", &Value::Null).await;
    assert_eq!(groups["total"], 5, "{groups}");
    browser.press("I have copied it").await;
    browser.reads("1–1 of 1").await;
    browser.inspect("api-scopes").await;
    browser.press("koreconcile").await;
    browser.reads("Reset the secret").await;
    browser.inspect("api-scopes-app").await;
    let page = browser.source().await;
    assert!(!page.contains(&app.client_secret), "shown twice");
    let names: Vec<String> = harness.admin.audit_log().unwrap().into_iter().map(|[name, ..]| name).collect();
    for name in ["App Created", "App Scopes Assigned"] {
        assert!(names.iter().any(|own| own == name), "{name}: {names:?}");
    }
    let log = harness.admin.audit_log().unwrap();
    assert!(!log.iter().flatten().any(|text| text.contains(&app.client_secret)));
}

async fn status(harness: &ConsoleHarness, app: &App) -> u16 {
    use axum::body::Body;
    use tower::ServiceExt;
    let request = axum::http::Request::builder()
        .uri("/api/public/groups")
        .header("auth", token(app, json!({})))
        .body(Body::empty())
        .unwrap();
    harness.sandbox.router().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn app_loses_scopes_secret_and_life() {
    let harness = ConsoleHarness::new();
    let app = harness.admin.create_app("ci", &["all"], false).unwrap();
    let mut owner = harness.signed_in(OWNER).await;
    let path = format!("{APPS}/{}", app.client_id);
    assert_eq!(status(&harness, &app).await, 200);
    owner.get(&path).await;
    owner.post(&path, &[("scope", "user_management:user_management"), ("scope", "no:such")]).await;
    assert_eq!(status(&harness, &app).await, 401, "scope");
    assert_eq!(harness.latest_audit()[0], "App Scopes Modified");
    owner.post(&path, &[]).await;
    assert_eq!(harness.latest_audit()[0], "App Scopes Deleted");
    owner.post(&path, &[("scope", "role_management:role_management")]).await;
    assert_eq!(status(&harness, &app).await, 200);
    let sure = [("confirmed", "yes")];
    // Asked first: what is lost cannot be brought back.
    for action in ["reset", "delete"] {
        let asked = owner.post(&format!("{path}/{action}"), &[]).await;
        assert!(asked.status == 200 && asked.text.contains("name=\"confirmed\""), "{}", asked.text);
    }
    assert_eq!(status(&harness, &app).await, 200);
    let page = owner.post(&format!("{path}/reset"), &sure).await;
    let fresh = App { client_id: app.client_id.clone(), client_secret: value(&page.text, "client-secret") };
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!((status(&harness, &app).await, status(&harness, &fresh).await), (401, 200));
    assert_eq!(harness.latest_audit()[0], "App Modified");
    owner.post(&format!("{path}/delete"), &sure).await;
    assert_eq!(status(&harness, &fresh).await, 401);
    assert_eq!(harness.latest_audit()[0], "App Deleted");
    assert_eq!(owner.get(&path).await.status, 404);
}

#[tokio::test]
async fn app_needs_a_name_of_its_own_and_a_scope() {
    let harness = ConsoleHarness::new();
    harness.admin.create_app("ci", &["all"], false).unwrap();
    let mut owner = harness.signed_in(OWNER).await;
    let new = format!("{APPS}/new");
    let long = "x".repeat(101);
    for (name, reason) in
        [("", "Give the app a name"), (long.as_str(), "100 characters"), ("ci", "There is an app called ci")]
    {
        let answer = owner.post(&new, &[("name", name), ("scope", "role_management:role_management")]).await;
        assert!(answer.status == 422 && answer.text.contains(reason), "{reason}: {}", answer.text);
    }
    let answer = owner.post(&new, &[("name", "<script>"), ("scope", "no:such")]).await;
    assert!(answer.status == 422 && answer.text.contains("Tick at least one scope"), "{}", answer.text);
    assert!(!answer.text.contains("<script>"));
    // Another account's app is nobody's here.
    let foreign = harness.second_account().create_app("theirs", &["all"], false).unwrap();
    let mut jane = harness.signed_in(JANE).await;
    let path = format!("{APPS}/{}", foreign.client_id);
    assert_eq!(jane.get(&path).await.status, 404);
    assert_eq!(jane.post(&format!("{path}/delete"), &[]).await.status, 404);
    assert_eq!(status(&harness, &foreign).await, 200);
}

#[tokio::test]
async fn single_sign_on_is_what_the_api_shows() {
    let harness = ConsoleHarness::served().await;
    harness.admin.set_two_factor(false).unwrap();
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Single Sign On").await;
    browser.press("Save and switch on").await;
    browser.reads("The Single Sign-On URL begins with https://.").await;
    browser.reads("Paste one certificate, or two.").await;
    browser.fill("entry-point", "https://idp.example.com/sso").await;
    browser.fill("issuer", "https://idp.example.com").await;
    browser.fill("certificate", "MIIC").await;
    browser.choose("Restrict Auto-Onboarding").await;
    browser.choose("Exclude RequestedAuthnContext").await;
    browser.fill("exclusions", "nobody@example.com").await;
    browser.choose("Attribute mapping").await;
    browser.fill("attribute-name", "role").await;
    browser.fill("attribute-value", "Admin").await;
    browser.fill("attribute-kore", "isDeveloper").await;
    browser.inspect("security-sso").await;
    browser.press("Save and switch on").await;
    browser.reads("nobody@example.com on the exclusion list is not in the account.").await;
    browser.fill("exclusions", "Sam@example.com, kim@example.com").await;
    browser.press("Save and switch on").await;
    browser.reads("Single sign-on is saved and on.").await;
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let path = "/api/public/ssoconfig?SSOProtocol=saml";
    let shown = harness.call_api(&token(&app, json!({})), "GET", path, &Value::Null).await;
    let config = &shown["ssoConfig"];
    assert_eq!(config["config"]["entryPoint"], "https://idp.example.com/sso", "{shown}");
    assert_eq!(config["autoOnboarding"]["restrict"], true);
    assert_eq!(config["config"]["disableRequestedAuthnContext"], true);
    // The list is the console's alone, and its users keep their password.
    assert!(!shown.to_string().contains("example.com\",\"kim"), "{shown}");
    let refused = harness.admin.sign_in_by_sso(SAM, &[("role", "Admin")]).unwrap_err();
    assert!(refused.to_string().contains("signs in with a password"), "{refused}");
    browser.open("/Admin/security/sso").await;
    assert!(browser.source().await.contains("Sam@example.com\nkim@example.com"));
    assert_eq!(config["samlAttributeMapping"]["attributeMapping"][0]["koreAttribute"], "isDeveloper");
    browser.press("Disable single sign-on").await;
    browser.reads("Single sign-on is off.").await;
    let shown = harness.call_api(&token(&app, json!({})), "GET", path, &Value::Null).await;
    assert!(shown.get("ssoConfig").is_none(), "{shown}");
}

#[tokio::test]
async fn single_sign_on_switches_the_second_factor_off() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    owner.get(SSO).await;
    harness.admin.set_two_factor(true).unwrap();
    harness.admin.set_two_factor(false).unwrap();
    let fields = [
        ("protocol", "oidc"),
        ("provider", "others"),
        ("entry-point", "https://idp.example.com"),
        ("issuer", "https://idp.example.com"),
        ("certificate", "one"),
        ("certificate", "two"),
    ];
    for (extra, reason) in
        [(("certificate", "three"), "Paste one certificate, or two."), (("protocol", ""), "")]
    {
        let answer = owner.post(SSO, &[fields.as_slice(), &[extra]].concat()).await;
        assert!(answer.status == if reason.is_empty() { 303 } else { 422 } && answer.text.contains(reason));
    }
    let answer = owner.post("/Admin/security/two-factor", &[("state", "on")]).await;
    assert_eq!(answer.status, 303);
    assert!(harness.admin.snapshot().unwrap().two_factor);
    let app = harness.admin.create_app("tests", &["all"], false).unwrap();
    let path = "/api/public/ssoconfig?SSOProtocol=oidc";
    let shown = harness.call_api(&token(&app, json!({})), "GET", path, &Value::Null).await;
    assert!(shown.get("ssoConfig").is_none(), "{shown}");
}

#[tokio::test]
async fn settings_restrict_addresses_but_not_ones_own() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.open(SETTINGS).await;
    browser.fill("addresses", "10\\.0\\.0\\.\\d+").await;
    browser.press("Save").await;
    browser.reads("Your own address 127.0.0.1 has to match").await;
    browser.fill("addresses", "127\\.0\\.0\\.\\d+").await;
    browser.inspect("security-settings").await;
    browser.press("Save").await;
    browser.reads("The settings are saved.").await;
    assert!(
        harness.latest_audit()[2].contains("console from 127\\.0\\.0\\.\\d+"),
        "{:?}",
        harness.latest_audit()
    );
    // Another caller is turned away, signed in or not.
    let behind = "https://console.example.com".to_owned();
    let harness =
        ConsoleHarness::with(koreconcile::sandbox::Options { public_url: behind, ..Default::default() });
    let mut owner = harness.visitor().await;
    owner.headers.insert("x-forwarded-for", "192.0.2.7".to_owned());
    owner.sign_in(OWNER, PASSWORD).await;
    owner.get(SETTINGS).await;
    let fields = [("retention", "12"), ("context", "on"), ("addresses", "192\\.0\\.2\\.7")];
    assert_eq!(owner.post(SETTINGS, &fields).await.status, 303);
    assert_eq!(owner.get(SETTINGS).await.status, 200);
    owner.headers.insert("x-forwarded-for", "192.0.2.70".to_owned());
    let answer = owner.get(SETTINGS).await;
    assert!(
        answer.status == 403 && answer.text.contains("does not admit the address 192.0.2.70"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn settings_are_checked_and_links_revoked() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let many = "1\n".repeat(21);
    for (retention, addresses, reason) in [
        ("5", "", "Choose how long data is kept."),
        ("12", "((", "(( is not a regular expression."),
        ("12", many.as_str(), "Up to 20 expressions"),
    ] {
        owner.get(SETTINGS).await;
        let answer = owner.post(SETTINGS, &[("retention", retention), ("addresses", addresses)]).await;
        assert!(answer.status == 422 && answer.text.contains(reason), "{reason}: {}", answer.text);
    }
    owner.get("/Admin/enrollment/invite").await;
    owner.post("/Admin/enrollment/invite", &[("email", "new.hire@example.com")]).await;
    let link = harness.newest_link("new.hire@example.com");
    assert_eq!(harness.visitor().await.get(&link).await.status, 200);
    let asked = owner.post(&format!("{SETTINGS}/revoke"), &[]).await;
    assert!(asked.text.contains("Revoke All Active URLs?"), "{}", asked.text);
    assert_eq!(harness.visitor().await.get(&link).await.status, 200);
    owner.post(&format!("{SETTINGS}/revoke"), &[("confirmed", "yes")]).await;
    assert!(owner.get(SETTINGS).await.text.contains("Revoked: 1."));
    let page = harness.visitor().await.open(&link).await;
    assert!(!page.text.contains("name=\"password\"") || page.status != 200, "{}", page.text);
}

#[tokio::test]
async fn enterprise_key_is_shown_and_protects_nothing() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.press("Enterprise Key").await;
    browser.reads("protects nothing").await;
    browser.inspect("security-enterprise-key").await;
}

#[tokio::test]
async fn pages_need_their_permissions() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let mut kim = harness.signed_in(KIM).await;
    let app = harness.admin.create_app("ci", &["all"], false).unwrap();
    let app_path = format!("{APPS}/{}", app.client_id);
    for path in [APPS, &app_path, SSO, SETTINGS, "/Admin/security/enterprise-key"] {
        assert_eq!(owner.get(path).await.status, 200, "{path}");
        assert_eq!(kim.get(path).await.status, 403, "{path}");
    }
    for path in [&format!("{app_path}/reset"), &format!("{app_path}/delete"), SSO, SETTINGS] {
        assert_eq!(kim.post(path, &[]).await.status, 403, "{path}");
    }
    assert_eq!(status(&harness, &app).await, 200);
    let page = owner.get("/Admin/security/enterprise-key").await;
    assert!(page.text.contains("Synthetic") && page.text.contains("protects nothing"), "{}", page.text);
}
