//! Invitations as mail: to files, to an SMTP server, and never lost in between.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use koreconcile::sandbox::{Mail, Options, Sandbox};
use serde_json::json;
use tower::ServiceExt;

use crate::sandbox::world::token;

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
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let python = target.join("tools/smtp/bin/python");
        let mails = tempfile::tempdir().unwrap();
        let mut child = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp/server.py"))
            .arg(mails.path().join("box"))
            .args(login)
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

#[test]
fn mail_and_app_secrets_are_not_in_debug_output() {
    let mail = Mail::Smtp("smtps://user:hidden@mail.example.com".to_owned());
    let sandbox = Sandbox::in_memory(Options { mail, ..Options::default() }).unwrap();
    let app = sandbox.admin().unwrap().create_app("tests", &["all"], false).unwrap();
    let shown = format!("{sandbox:?} {app:?}");
    assert!(!shown.contains("hidden") && !shown.contains(&app.client_secret), "{shown}");
}
