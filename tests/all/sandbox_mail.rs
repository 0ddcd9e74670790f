//! Invitations as mail: to files, to an SMTP server, and never lost in between.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use koreconcile::sandbox::{Mail, Options, Sandbox};
use serde_json::json;
use tower::ServiceExt;

use crate::sandbox_world::token;

const BOUND: Duration = Duration::from_secs(20);

/// Takes one mail the way an SMTP server does, and sends its text on.
fn smtp_server() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(BOUND)).unwrap();
        let mut lines = BufReader::new(socket.try_clone().unwrap()).lines();
        let mut text: Option<String> = None;
        socket.write_all(b"220 here\r\n").unwrap();
        while let Some(Ok(line)) = lines.next() {
            let reply = match (&mut text, line.as_str()) {
                (Some(mail), ".") => {
                    sender.send(std::mem::take(mail)).unwrap();
                    text = None;
                    "250 taken\r\n"
                }
                (Some(mail), line) => {
                    mail.push_str(line);
                    mail.push('\n');
                    continue;
                }
                (None, "DATA") => {
                    text = Some(String::new());
                    "354 go on\r\n"
                }
                (None, "QUIT") => "221 bye\r\n",
                (None, _) => "250 fine\r\n",
            };
            socket.write_all(reply.as_bytes()).unwrap();
        }
    });
    (url, receiver)
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
async fn sandbox_mail_goes_to_files_by_default() {
    let data = tempfile::tempdir().unwrap();
    invite(data.path(), Mail::Files, "new@example.com").await;
    assert_eq!(files(data.path()), ["000001-new@example.com.eml"]);
}

#[tokio::test]
async fn sandbox_mail_goes_over_smtp() {
    let data = tempfile::tempdir().unwrap();
    let (url, mails) = smtp_server();
    invite(data.path(), Mail::Smtp(url), "new@example.com").await;
    let mail = tokio::task::spawn_blocking(move || mails.recv_timeout(BOUND)).await.unwrap().unwrap();
    assert!(mail.contains("To: new@example.com") && mail.contains("Verification code: "), "{mail}");
    assert!(files(data.path()).is_empty());
}

#[tokio::test]
async fn sandbox_mail_that_could_not_be_sent_goes_out_at_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    invite(data.path(), Mail::Smtp(format!("smtp://{closed}")), "new@example.com").await;
    let sandbox = Sandbox::open(data.path(), Options::default()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    sandbox.serve(listener, std::future::ready(())).await.unwrap();
    assert_eq!(files(data.path()), ["000001-new@example.com.eml"]);
}

#[test]
fn sandbox_mail_and_app_secrets_are_not_in_debug_output() {
    let mail = Mail::Smtp("smtps://user:hidden@mail.example.com".to_owned());
    let sandbox = Sandbox::in_memory(Options { mail, ..Options::default() }).unwrap();
    let app = sandbox.admin().unwrap().create_app("tests", &["all"], false).unwrap();
    let shown = format!("{sandbox:?} {app:?}");
    assert!(!shown.contains("hidden") && !shown.contains(&app.client_secret), "{shown}");
}
