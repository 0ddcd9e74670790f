//! What holds on every page of the console: permissions, escaping, headers, form tokens, limits.

use std::collections::{BTreeSet, VecDeque};

use koreconcile::sandbox::{BotStatus, Holder, NewBot, NewGroup, NewRole, NewUser, RoleKind};
use serde_json::{Map, json};

use crate::sandbox::world::token;
use crate::support::browser::Browser;
use crate::support::console_harness::{Answer, ConsoleHarness, KIM, OWNER, SAM, Visitor};

/// Every page of the navigation, and the permissions any of which opens it; none is enough where none is named.
const PAGES: [(&str, &[&str]); 23] = [
    ("/Admin/users", &["Manage Users"]),
    ("/Admin/groups", &["Manage Groups"]),
    ("/Admin/roles", &["Manage Custom Admin Roles", "Manage Built-In Admin Roles", "Manage Bot Roles"]),
    ("/Admin/user-settings", &["Manage User Settings"]),
    ("/Admin/bots/deployment", &["Manage Deployment"]),
    ("/Admin/bots/enterprise", &["Enterprise Bots"]),
    ("/Admin/bots/consumer", &["Consumer Bots"]),
    ("/Admin/bots/smart", &["Smart Bots"]),
    ("/Admin/bots/preferences", &["Preferences"]),
    ("/Admin/bots/deleted", &["Enterprise Bots", "Consumer Bots"]),
    ("/Admin/enrollment/invite", &["Invite"]),
    ("/Admin/enrollment/bulk-invite", &["Invite"]),
    ("/Admin/enrollment/import", &["Import Users / Sync"]),
    ("/Admin/enrollment/requests", &["Invite"]),
    ("/Admin/security/sso", &["Single Sign On"]),
    ("/Admin/security/two-factor", &["Two-Factor Authentication"]),
    ("/Admin/security/enterprise-key", &["Enterprise Key"]),
    ("/Admin/security/api-scopes", &["API Scopes"]),
    ("/Admin/security/settings", &["Single Sign On", "Two-Factor Authentication"]),
    ("/Admin/analytics/audit", &["View and Run Audit Reports"]),
    ("/Admin/analytics/audit.csv", &["View and Run Audit Reports"]),
    ("/Admin/analytics/chat-history", &["View and Run Bot Chat History"]),
    ("/Admin/billing", &[]),
];

#[tokio::test]
async fn a_permission_opens_exactly_its_pages() {
    let harness = ConsoleHarness::new();
    let holder = Holder::user(KIM);
    harness.admin.unbind(&holder, "User Manager", None).unwrap();
    let permissions: BTreeSet<&str> = PAGES.iter().flat_map(|(_, needs)| *needs).copied().collect();
    assert_eq!(permissions.len(), 19);
    // A level of "NO" is none.
    let nothing: Map<_, _> = permissions.iter().map(|name| ((*name).to_owned(), json!("NO"))).collect();
    for name in permissions.iter().copied().chain(["Kore.ai Connector"]) {
        let mut permissions = nothing.clone();
        permissions.insert(name.to_owned(), json!("YES"));
        let role = format!("Only {name}");
        harness.admin.add_role(&NewRole { permissions, ..NewRole::named(RoleKind::Admin, &role) }).unwrap();
        harness.admin.bind(&holder, &role, None).unwrap();
        let mut kim = harness.signed_in(KIM).await;
        let navigation = kim.get("/Admin/dashboard").await.text;
        for (path, needs) in PAGES {
            let opens = needs.contains(&name);
            let status = kim.get(path).await.status;
            assert_eq!(status, if opens { 200 } else { 403 }, "{path} with {name}");
            let is_linked = navigation.contains(&format!("href=\"{path}\""));
            assert_eq!(
                is_linked,
                opens && path != "/Admin/analytics/audit.csv",
                "link to {path} with {name}"
            );
        }
        harness.admin.unbind(&holder, &role, None).unwrap();
    }
}

/// The paths that a page links to.
fn links(page: &str) -> impl Iterator<Item = String> {
    page.split("href=\"").skip(1).filter_map(|rest| {
        let path = rest.split_once('"')?.0.replace("&#38;", "&").replace("&amp;", "&");
        path.starts_with('/').then_some(path)
    })
}

fn looks_safe(path: &str, page: &Answer) {
    for script in ["<script>alert", "<img src=x"] {
        assert!(!page.text.contains(script), "{path}: {}", page.text);
    }
    assert!(page.header("content-security-policy").contains("script-src 'self'"), "{path}");
    assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
    let posts = page.text.matches("method=\"post\"").count();
    assert_eq!(page.text.matches("name=\"form_token\"").count(), posts, "{path}: {}", page.text);
    for unsafe_part in ["<script>", " style=\"", " onclick=", "javascript:"] {
        assert!(!page.text.contains(unsafe_part), "{path} has {unsafe_part}");
    }
    let mut ids: Vec<&str> =
        page.text.split(" id=\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0)).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "{path} has an id twice: {ids:?}");
}

/// Follows every link; the paths without their queries.
async fn crawl(visitor: &mut Visitor, start: &str) -> BTreeSet<String> {
    let mut waiting = VecDeque::from([start.to_owned()]);
    let mut seen = BTreeSet::from([start.to_owned()]);
    let mut pages = BTreeSet::new();
    while let Some(path) = waiting.pop_front() {
        let page = visitor.open(&path).await;
        assert_eq!(page.status, 200, "{path} is linked to");
        pages.insert(path.split(['?', '#']).next().unwrap().to_owned());
        if !page.header("content-type").starts_with("text/html") {
            continue;
        }
        looks_safe(&path, &page);
        waiting.extend(links(&page.text).filter(|link| seen.insert(link.clone())));
        assert!(seen.len() < 500, "links without end: {seen:?}");
    }
    pages
}

/// Script in everything that people, developers and the API can name, write or upload.
async fn fill_with_script(harness: &ConsoleHarness) {
    let script = "<script>alert(1)</script>";
    let image = "\"><img src=x onerror=alert(1)>";
    let admin = &harness.admin;
    let eve = NewUser {
        profile: json!({ "dept": script, "city": image }).as_object().cloned().unwrap(),
        ..NewUser::named("eve@example.com", script, image)
    };
    admin.add_user(&eve).unwrap();
    for (name, status, is_enterprise) in [
        (script.to_owned(), BotStatus::Published, true),
        (format!("{script} 2"), BotStatus::Published, false),
        (format!("{script} 3"), BotStatus::AwaitingApproval, true),
        (format!("{script} 4"), BotStatus::Published, true),
    ] {
        admin
            .add_bot(&NewBot {
                status,
                is_enterprise,
                description: image.to_owned(),
                dialogs: vec![script.to_owned(), image.to_owned()],
                owner: Some("eve@example.com".to_owned()),
                ..NewBot::named(&name)
            })
            .unwrap();
    }
    admin.delete_bot(&format!("{script} 4")).unwrap();
    admin.add_group(&NewGroup { description: image.to_owned(), ..NewGroup::named(script) }).unwrap();
    admin.join(script, "eve@example.com").unwrap();
    for kind in [RoleKind::Admin, RoleKind::Bot] {
        let permissions = json!({ script: image }).as_object().cloned().unwrap();
        let role = NewRole { description: image.to_owned(), permissions, ..NewRole::named(kind, script) };
        admin.add_role(&role).unwrap();
    }
    admin.bind(&Holder::user("eve@example.com"), script, Some(script)).unwrap();
    let app = admin.create_app(script, &["all"], false).unwrap();
    let bot = admin.snapshot().unwrap().bots.into_iter().find(|(_, bot)| bot.name == script).unwrap().0;
    let publish = format!("/api/public/bot/{bot}/publish");
    let comment = json!({ "versionComment": script });
    harness.call_api(&token(&app, json!({})), "POST", &publish, &comment).await;

    let mut owner = harness.signed_in(OWNER).await;
    owner.get("/Admin/groups").await;
    let sso = [
        ("protocol", "saml"),
        ("provider", "others"),
        ("entry-point", "https://idp.example.com/\"><img src=x>"),
        ("issuer", image),
        ("certificate", script),
        ("mapping", "on"),
        ("attribute-name", script),
        ("attribute-value", image),
        ("attribute-kore", script),
    ];
    for (path, fields) in [
        ("/Admin/groups/new", [("name", image), ("description", script)].as_slice()),
        ("/Admin/security/sso", &sso),
        ("/Admin/enrollment/invite", &[("email", "ok@example.com")]),
    ] {
        let answer = owner.post(path, fields).await;
        assert!([303, 422].contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.text.contains(script) && !answer.text.contains(image), "{path}: {}", answer.text);
    }
    let file = format!("{script}, {image}\nfine@example.com\n");
    let name = format!("{}.txt", script.replace('/', ""));
    assert_eq!(owner.upload("/Admin/enrollment/bulk-invite", &name, &file).await.status, 303);
}

#[tokio::test]
async fn links_lead_somewhere_and_script_is_shown_as_text() {
    let harness = ConsoleHarness::new();
    fill_with_script(&harness).await;
    let mut owner = harness.signed_in(OWNER).await;
    let pages = crawl(&mut owner, "/Admin").await;
    for (path, _) in PAGES {
        assert!(pages.contains(path), "{path} is linked from nowhere: {pages:?}");
    }
    let has = |part: &str| pages.iter().any(|path| path.contains(part));
    for part in [
        "/Admin/users/u-",
        "/edit",
        "/Admin/groups/e-",
        "/Admin/groups/new",
        "/Admin/roles/new",
        "/assignments",
        "/settings",
        "/owner",
        "/tasks",
        "/Admin/bots/deployment/st-",
        "/Admin/bots/consumer/st-",
        "/Admin/security/api-scopes/cs-",
        "/Admin/security/api-scopes/new",
        "/Admin/enrollment/bulk-invite/",
        "/password",
    ] {
        assert!(has(part), "no page with {part}: {pages:?}");
    }
    // What only buttons lead to.
    let bots = harness.admin.snapshot().unwrap().bots;
    let is_ours = |name: &str| name == "<script>alert(1)</script>";
    let (id, bot) = bots.iter().find(|(_, bot)| is_ours(&bot.name)).unwrap();
    let task = bot.dialogs.iter().find(|(_, name)| is_ours(name)).unwrap().0;
    for query in ["", "?search=eve", "?search=%3Cscript%3E"] {
        let path = format!("/Admin/bots/enterprise/{id}/assignments/{task}{query}");
        let page = owner.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        looks_safe(&path, &page);
    }
    let mut history = owner.clone();
    let page = history.post("/Admin/analytics/chat-history", &[("bot", id)]).await;
    looks_safe("chat history", &page);
    // And outside of an account, with a second one of that name.
    let name = "<script>alert(1)</script>";
    harness.sandbox.add_account("64b0000000000000000000cc", name).unwrap();
    let mut owner = harness.visitor().await;
    owner.sign_in(OWNER, crate::support::console_harness::PASSWORD).await;
    for path in ["/accounts", "/mailbox", "/"] {
        let page = owner.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        looks_safe(path, &page);
    }
    owner.post("/accounts/open", &[("account", "64b0000000000000000000cc")]).await;
    let page = owner.get("/Admin/dashboard").await;
    assert!(page.text.contains("&#60;script&#62;"), "{}", page.text);
    looks_safe("/Admin/dashboard", &page);
    let mut guest = harness.visitor().await;
    crawl(&mut guest, "/").await;
}

#[tokio::test]
async fn a_form_for_anybody_is_limited() {
    for path in ["/sign-in", "/password/forgot", "/signup/code", "/signup/renew", "/signup/ask"] {
        let harness = ConsoleHarness::new();
        let mut visitor = harness.visitor().await;
        let fields = [("email", SAM), ("password", "x"), ("code", "1")];
        for number in 1..=20 {
            let status = visitor.post(path, &fields).await.status;
            assert!([200, 401, 422].contains(&status), "{path}, {number}: {status}");
        }
        let answer = visitor.post(path, &fields).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "900"), "{path}");
        // Another address from the same machine is still served, up to a hundred of them.
        assert_ne!(visitor.post(path, &[("email", OWNER)]).await.status, 429, "{path}");
    }
}

#[tokio::test]
async fn a_refusal_leads_back_to_a_page_of_ours_only() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let origin = harness.url.clone();
    for (referer, to) in [
        (format!("{origin}/Admin/users?page=2"), "/Admin/users?page=2"),
        (String::new(), "/Admin"),
        ("https://evil.example.com/Admin/users".to_owned(), "/Admin"),
        (format!("{origin}.evil.example.com/"), "/Admin"),
        (format!("{origin}//evil.example.com/"), "/Admin"),
        (format!("{origin}/\\evil.example.com/"), "/Admin"),
        (format!("{origin}@evil.example.com/"), "/Admin"),
    ] {
        owner.headers.insert("referer", referer.clone());
        let answer = owner.post("/Admin/users/apply", &[("action", "suspend")]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, to), "{referer}");
    }
}

#[tokio::test]
async fn long_names_stay_within_a_phone() {
    let harness = ConsoleHarness::served().await;
    let long = |name: &str| format!("{name}{}", "w".repeat(90));
    let admin = &harness.admin;
    let email = format!("{}@example.com", "v".repeat(60));
    admin.add_user(&NewUser::named(&email, &long("First"), &long("Last"))).unwrap();
    let bot = NewBot {
        status: BotStatus::Published,
        dialogs: vec![long("Task")],
        owner: Some(email.clone()),
        ..NewBot::named(&long("Bot"))
    };
    admin.add_bot(&bot).unwrap();
    let waiting = NewBot { status: BotStatus::AwaitingApproval, ..NewBot::named(&long("Waiting")) };
    let waiting = admin.add_bot(&waiting).unwrap();
    admin.add_group(&NewGroup { description: long("About"), ..NewGroup::named(&long("Group")) }).unwrap();
    admin.join(&long("Group"), &email).unwrap();
    admin.add_role(&NewRole::named(RoleKind::Bot, &long("Role"))).unwrap();
    admin.bind(&Holder::user(&email), &long("Role"), Some(&long("Bot"))).unwrap();
    admin.add_role(&NewRole::named(RoleKind::Admin, &long("Powers"))).unwrap();
    admin.bind(&Holder::group(&long("Group")), &long("Powers"), None).unwrap();
    let app = admin.create_app(&long("App"), &["all"], false).unwrap();
    let mut owner = harness.signed_in(OWNER).await;
    owner.get("/Admin/enrollment/invite").await;
    owner.post("/Admin/enrollment/invite", &[("email", &format!("{}@example.com", "n".repeat(60)))]).await;
    let truth = admin.snapshot().unwrap();
    let bot = truth.bots.iter().find(|(_, bot)| bot.name.starts_with("Botw")).unwrap().0;
    let task = truth.bots[bot].dialogs.keys().next().unwrap();
    let user = &truth.users[&email].id;
    let group = &truth.groups[&long("Group")].id;
    let role = &truth.roles[&format!("bot/{}", long("Role"))].id;
    let bot = format!("/Admin/bots/enterprise/{bot}");
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    for path in [
        "/Admin/dashboard".to_owned(),
        "/Admin/users".to_owned(),
        format!("/Admin/users/{user}"),
        format!("/Admin/users/{user}/edit"),
        "/Admin/groups".to_owned(),
        format!("/Admin/groups/{group}"),
        "/Admin/roles".to_owned(),
        format!("/Admin/roles/{role}/assignments"),
        "/Admin/bots/enterprise".to_owned(),
        format!("{bot}/assignments"),
        format!("{bot}/assignments/{task}"),
        format!("{bot}/owner"),
        format!("{bot}/tasks"),
        format!("/Admin/bots/deployment/{waiting}"),
        "/Admin/security/api-scopes".to_owned(),
        format!("/Admin/security/api-scopes/{}", app.client_id),
        "/Admin/analytics/audit".to_owned(),
        "/Admin/analytics/chat-history".to_owned(),
        "/mailbox".to_owned(),
    ] {
        browser.open(&path).await;
        browser.fits_a_phone(&path).await;
    }
    browser.open("/Admin/users").await;
    browser.inspect("users-long").await;
    browser.open(&format!("/Admin/users/{user}")).await;
    browser.inspect("user-long").await;
}
