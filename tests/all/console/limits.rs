//! What one caller can take from all others: connections, memory, time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use koreconcile::sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::sandbox::world::token;
use crate::support::browser::Browser;
use crate::support::console_harness::{ConsoleHarness, OWNER};

const BOUND: Duration = Duration::from_secs(110);

#[tokio::test]
async fn eight_dashboards_leave_room_for_a_ninth_page() {
    let harness = ConsoleHarness::served().await;
    let browser = Browser::at(&harness).await;
    browser.sign_in(OWNER).await;
    browser.arrives_at("/Admin/dashboard").await;
    for _ in 0..8 {
        let tab = browser.web.new_tab().await.unwrap();
        browser.web.switch_to_window(tab).await.unwrap();
        browser.open("/Admin/dashboard").await;
        browser.reads("People in the account").await;
    }
    let tab = browser.web.new_tab().await.unwrap();
    browser.web.switch_to_window(tab).await.unwrap();
    browser.open("/Admin/users").await;
    browser.reads("Olivia Owner").await;
}

#[tokio::test]
async fn live_part_is_sent_again_only_when_it_has_changed() {
    let harness = ConsoleHarness::new();
    let mut owner = harness.signed_in(OWNER).await;
    let first = owner.get("/Admin/dashboard/live").await;
    assert_eq!(first.status, 200);
    assert!(first.text.contains("People in the account"), "{}", first.text);
    owner.headers.insert("if-none-match", first.header("etag").to_owned());
    let again = owner.get("/Admin/dashboard/live").await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    owner.headers.insert("if-none-match", "\"other\"".to_owned());
    assert_eq!(owner.get("/Admin/dashboard/live").await.status, 200);
    harness.later(15);
    assert_eq!(owner.get("/Admin/dashboard/live").await.location, "/sign-in?idle=1");
}

#[tokio::test]
async fn half_sent_requests_do_not_keep_the_server_from_ending() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let sandbox = Sandbox::in_memory(Options::default()).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = tokio::spawn(async move {
        sandbox.serve(listener, async { stopped.await.unwrap_or_default() }).await.unwrap();
    });
    let mut halves = Vec::new();
    for half in [
        "GET /sign-in HTT",
        "POST /sign-in HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\nabc",
        "POST /api/public/users HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\nabc",
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        halves.push(stream);
    }
    // One that is complete is answered, so the halves have arrived.
    let mut whole = TcpStream::connect(address).await.unwrap();
    whole.write_all(b"GET /session HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    whole.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stop.send(()).unwrap();
    tokio::time::timeout(BOUND, served).await.expect("it never ended").unwrap();
}

async fn call(sandbox: &Sandbox, auth: &str, path: &str, kind: &str, body: Vec<u8>) -> (u16, Value) {
    let request = Request::post(path).header("auth", auth).header("content-type", kind);
    let response = sandbox.router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn bodies_are_as_large_as_the_caller_and_the_call_deserve() {
    let sandbox = Sandbox::in_memory(Options { test_controls: true, ..Options::default() }).unwrap();
    let app = sandbox.admin().unwrap().create_app("tests", &["all"], false).unwrap();
    let right = token(&app, json!({}));
    let users = |padding: usize| {
        let user = json!({ "userInfo": { "emailId": "new@example.com", "rest": "x".repeat(padding) } });
        json!({ "users": [user] }).to_string().into_bytes()
    };
    let json = "application/json";
    let large = 2 * 1024 * 1024;
    let (status, body) = call(&sandbox, &right, "/api/public/users", json, users(large)).await;
    assert_eq!(status, 412, "{body}");
    assert!(!sandbox.admin().unwrap().snapshot().unwrap().users.contains_key("new@example.com"));
    // A stranger is told about the token, and nothing of the body is kept.
    for wrong in ["", "x", "eyJhbGciOiJIUzI1NiJ9.eyJhcHBJZCI6ImNzLTEifQ.eA"] {
        let (small, told) = call(&sandbox, wrong, "/api/public/users", json, users(0)).await;
        let (status, body) = call(&sandbox, wrong, "/api/public/users", json, users(large)).await;
        assert_eq!((status, body), (small, told), "{wrong}");
    }
    assert!(sandbox.requests().all().iter().all(|request| request.body.len() < 64 * 1024));
    let (status, body) = call(&sandbox, &right, "/api/public/users", json, users(0)).await;
    assert_eq!(status, 200, "{body}");
    // A file may be larger than any JSON.
    let mut form =
        b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.zip\"\r\n\r\n".to_vec();
    form.extend(vec![b'x'; 3 * large]);
    form.extend(b"\r\n--b--\r\n");
    let kind = "multipart/form-data; boundary=b";
    let (status, body) = call(&sandbox, &right, "/api/public/uploadfile", kind, form).await;
    assert_eq!(status, 200, "{body}");
}
