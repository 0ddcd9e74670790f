//! Invitations as mail: to files, to an SMTP server, and never lost in between.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use jiff::SignedDuration;
use koreconcile::sandbox::{Mail, Options, Sandbox};
use serde_json::json;
use tower::ServiceExt;

use crate::sandbox::world::token;
use crate::support::console_harness::{ConsoleHarness, OWNER, PASSWORD, Visitor};

const BOUND: Duration = Duration::from_secs(120);

/// A real SMTP server, aiosmtpd, which keeps what it takes as files.
struct Smtp {
    child: Child,
    port: u16,
    mails: tempfile::TempDir,
}

impl Smtp {
    /// With a login (user and password) it takes mail from nobody else.
    fn start(login: &[&str]) -> Self {
        Self::start_at(0, login)
    }

    fn start_at(port: u16, login: &[&str]) -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let python = target.join("tools/smtp/bin/python");
        let mails = tempfile::tempdir().unwrap();
        let mut child = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp/server.py"))
            .arg(mails.path().join("box"))
            .args(login)
            .env("SMTP_PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {}: {e}\n  get it with: make smtp", python.display()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port =
            line.trim().parse().unwrap_or_else(|_| panic!("aiosmtpd said {line:?} instead of its port"));
        Self { child, port, mails }
    }

    fn url(&self) -> Mail {
        Mail::Smtp(format!("smtp://127.0.0.1:{}", self.port))
    }

    /// What it has taken, once there is anything.
    async fn taken(&self) -> Vec<String> {
        let looked = async {
            loop {
                let mails = self.now();
                if !mails.is_empty() {
                    return mails;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(BOUND, looked).await.expect("no mail arrived")
    }

    /// What it has taken, once that is so many; whom each is for.
    async fn recipients(&self, many: usize) -> Vec<String> {
        wait_until("the mails are there", || self.now().len() >= many).await;
        let to = |mail: &String| mail.split_once("X-RcptTo: ").unwrap().1.lines().next().unwrap().to_owned();
        let mut recipients: Vec<String> = self.now().iter().map(to).collect();
        recipients.sort();
        recipients
    }

    fn now(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.mails.path().join("box/new")).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn invite(data: &Path, mail: Mail, email: &str) {
    let sandbox = Sandbox::open(data, Options { mail, ..Options::default() }).unwrap();
    let app = sandbox.admin().unwrap().create_app("tests", &["all"], false).unwrap();
    let body = json!({ "users": [{ "userInfo": { "emailId": email } }] });
    let request = Request::post("/api/public/users").header("auth", token(&app, json!({})));
    let request = request.body(Body::from(body.to_string())).unwrap();
    let response = sandbox.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
}

async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let looked = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(BOUND, looked).await.unwrap_or_else(|_| panic!("it never came to pass that {what}"));
}

fn files(data: &Path) -> Vec<String> {
    std::fs::read_dir(data.join("mail"))
        .map(|files| files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default()
}

#[tokio::test]
async fn goes_to_files_by_default() {
    let data = tempfile::tempdir().unwrap();
    invite(data.path(), Mail::Files, "new@example.com").await;
    assert_eq!(files(data.path()), ["000001-new@example.com.eml"]);
}

#[tokio::test]
async fn goes_to_a_real_smtp_server() {
    let data = tempfile::tempdir().unwrap();
    let server = Smtp::start(&[]);
    invite(data.path(), server.url(), "new@example.com").await;
    let mails = server.taken().await;
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    for line in [
        "X-MailFrom: no-reply@example.com",
        "X-RcptTo: new@example.com",
        "From: \"Kore.ai sandbox\" <no-reply@example.com>",
        "To: new@example.com",
        "Subject: You are invited to a Kore.ai account",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(mail.lines().any(|own| own == line), "{line}: {mail}");
    }
    assert!(mail.contains("/signup?token=") && mail.contains("Verification code: "), "{mail}");
    assert!(files(data.path()).is_empty());
}

#[tokio::test]
async fn mail_of_a_server_that_wants_a_password_waits_until_it_is_right() {
    let data = tempfile::tempdir().unwrap();
    let server = Smtp::start(&["mailer", "Right-Horse-7"]);
    let url = |login: &str| Mail::Smtp(format!("smtp://{login}127.0.0.1:{}", server.port));
    // Served and stopped, a sandbox has tried to deliver what is in its outbox.
    let serve = async |mail: Mail| {
        let sandbox = Sandbox::open(data.path(), Options { mail, ..Options::default() }).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        sandbox.serve(listener, std::future::ready(())).await.unwrap();
    };
    invite(data.path(), url(""), "new@example.com").await;
    for refused in ["", "mailer:wrong@"] {
        serve(url(refused)).await;
        assert_eq!(server.now().len(), 0, "{refused}");
    }
    serve(url("mailer:Right-Horse-7@")).await;
    assert_eq!(server.taken().await.len(), 1);
    serve(url("mailer:Right-Horse-7@")).await;
    assert_eq!(server.now().len(), 1, "sent twice");
}

#[tokio::test]
async fn mail_that_could_not_be_sent_goes_out_at_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    invite(data.path(), Mail::Smtp(format!("smtp://{closed}")), "new@example.com").await;
    let sandbox = Sandbox::open(data.path(), Options::default()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    sandbox.serve(listener, std::future::ready(())).await.unwrap();
    assert_eq!(files(data.path()), ["000001-new@example.com.eml"]);
}

/// The console of a sandbox that sends mail there, with its owner signed in.
async fn with_owner(mail: Mail) -> (ConsoleHarness, Visitor) {
    let harness = ConsoleHarness::served_with(Options { mail, ..Options::default() }).await;
    let owner = harness.signed_in(OWNER).await;
    (harness, owner)
}

async fn invite_by_page(owner: &mut Visitor, addresses: &[&str]) {
    owner.get("/Admin/enrollment/invite").await;
    let fields: Vec<_> = addresses.iter().map(|address| ("email", *address)).collect();
    let answer = owner.post("/Admin/enrollment/invite", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let page = owner.get("/Admin/enrollment/invite").await;
    let queued =
        format!("{} invitation{} queued.", addresses.len(), if addresses.len() == 1 { "" } else { "s" });
    assert!(page.text.contains(&queued), "{}", page.text);
}

#[tokio::test]
async fn mail_to_a_refused_recipient_fails_and_the_others_go_on() {
    let server = Smtp::start(&[]);
    let (harness, mut owner) = with_owner(server.url()).await;
    let invited = ["good1@example.com", "bad@example.com", "busy@example.com", "good2@example.com"];
    invite_by_page(&mut owner, &invited).await;
    assert_eq!(server.recipients(2).await, ["good1@example.com", "good2@example.com"]);
    // The second factor still works.
    harness.admin.set_two_factor(true).unwrap();
    harness.visitor().await.sign_in(OWNER, PASSWORD).await;
    assert_eq!(server.recipients(3).await, ["good1@example.com", "good2@example.com", OWNER]);
    harness.admin.set_two_factor(false).unwrap();
    // Which one was refused for good, and which one is tried again, is shown.
    let page = owner.get("/Admin/enrollment/invite").await.text;
    assert!(page.contains("failed</span>") && page.contains("no such mailbox"), "{page}");
    assert!(page.contains("queued</span>") && page.contains("try again later"), "{page}");
    let bad = owner.get(&format!("/Admin/users/{}", harness.person("bad@example.com"))).await.text;
    assert!(bad.contains("failed</span>") && bad.contains("no such mailbox"), "{bad}");
    std::fs::write(server.mails.path().join("box.free"), "").unwrap();
    // Nobody clicks: it is time that does it.
    harness.clock.advance(SignedDuration::from_secs(5));
    let all = ["busy@example.com", "good1@example.com", "good2@example.com", OWNER];
    assert_eq!(server.recipients(4).await, all);
    harness.later(60);
    let page = owner.open("/sign-in").await;
    assert_eq!(page.status, 200);
    assert_eq!(server.now().len(), 4, "the one that failed is not tried again");
}

#[tokio::test]
async fn mail_goes_out_by_itself_once_the_server_is_back() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (harness, mut owner) = with_owner(Mail::Smtp(format!("smtp://127.0.0.1:{port}"))).await;
    invite_by_page(&mut owner, &["new@example.com", "other@example.com"]).await;
    let mut page = owner.get("/Admin/enrollment/invite").await.text;
    for _ in 0..6000 {
        if page.contains("queued</span>") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        page = owner.get("/Admin/enrollment/invite").await.text;
    }
    assert_eq!(page.matches("queued</span>").count(), 2, "{page}");
    let server = Smtp::start_at(port, &[]);
    harness.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(server.recipients(2).await, ["new@example.com", "other@example.com"]);
}

#[tokio::test]
async fn address_that_no_mail_can_be_sent_to_is_ignored_and_spoils_nothing() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    for wrong in ["\"a b\"@example.com", "a@[127.0.0.1]"] {
        owner.get("/Admin/enrollment/invite").await;
        let answer = owner.post("/Admin/enrollment/invite", &[("email", wrong)]).await;
        assert_eq!(answer.status, 422, "{wrong}: {}", answer.text);
        owner.get("/Admin/enrollment/bulk-invite").await;
        let file = format!("one{}@example.com\n{wrong}\n", wrong.len());
        let answer = owner.upload("/Admin/enrollment/bulk-invite", "people.txt", &file).await;
        let report = owner.get(&answer.location).await.text;
        assert!(report.contains("not an e-mail address: ignored") && report.contains("invited"), "{report}");
    }
    let users = harness.admin.snapshot().unwrap().users;
    assert!(users.contains_key("one13@example.com") && users.contains_key("one17@example.com"), "{users:?}");
    // What is asked for without a session, too.
    let mut visitor = harness.visitor().await;
    for path in ["/password/forgot", "/signup/ask", "/signup/renew", "/sign-in"] {
        let status = visitor.post(path, &[("email", "\"a b\"@example.com")]).await.status;
        assert!([200, 401].contains(&status), "{path}: {status}");
    }
}

#[test]
fn mail_and_app_secrets_are_not_in_debug_output() {
    let mail = Mail::Smtp("smtps://user:hidden@mail.example.com".to_owned());
    let sandbox = Sandbox::in_memory(Options { mail, ..Options::default() }).unwrap();
    let app = sandbox.admin().unwrap().create_app("tests", &["all"], false).unwrap();
    let shown = format!("{sandbox:?} {app:?}");
    assert!(!shown.contains("hidden") && !shown.contains(&app.client_secret), "{shown}");
}
