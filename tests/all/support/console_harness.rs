//! The console with somebody in it: a sandbox on a clock that stands still, people with passwords, and two ways in:
//! plain requests in process, and a real address for a browser.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use jiff::{SignedDuration, Timestamp};
use koreconcile::sandbox::{Admin, BotStatus, ManualClock, Options, Sandbox};
use serde_json::Value;
use tower::ServiceExt;

/// The password of everybody who has one.
pub const PASSWORD: &str = "Right-Horse-7";
/// The Primary Admin.
pub const OWNER: &str = "owner@example.com";
/// Master Admin.
pub const JANE: &str = "jane.doe@example.com";
/// Holds the custom role User Manager: Invite and Manage Groups.
pub const KIM: &str = "kim@example.com";
/// No administrator.
pub const SAM: &str = "sam@example.com";
/// Suspended.
pub const SUE: &str = "sue@example.com";
/// The second account, when there is one.
pub const OTHER_ACCOUNT: &str = "64b0000000000000000000b2";

/// A sandbox with the demo account, in memory.
pub struct ConsoleHarness {
    pub sandbox: Sandbox,
    pub admin: Admin,
    pub clock: Arc<ManualClock>,
    /// The origin, for a browser.
    pub url: String,
}

impl ConsoleHarness {
    /// For requests in process.
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        Self::opened(options, |options| Sandbox::in_memory(options).unwrap())
    }

    /// Kept in this folder.
    pub fn at(data: &Path) -> Self {
        Self::opened(Options::default(), |options| Sandbox::open(data, options).unwrap())
    }

    fn opened(options: Options, open: impl FnOnce(Options) -> Sandbox) -> Self {
        let clock = Arc::new(ManualClock::new("2026-03-02T09:00:00Z".parse::<Timestamp>().unwrap()));
        let url = options.public_url.clone();
        let options = Options { clock: clock.clone(), ..options };
        let sandbox = open(options);
        let admin = sandbox.admin().unwrap();
        for email in [OWNER, JANE, KIM, SAM, SUE] {
            admin.set_password(email, Some(PASSWORD)).unwrap();
        }
        admin.set_state(SUE, koreconcile::sandbox::UserState::Suspended).unwrap();
        Self { sandbox, admin, clock, url }
    }

    /// Served on loopback until the test's runtime ends.
    pub async fn served() -> Self {
        Self::served_with(Options::default()).await
    }

    pub async fn served_with(options: Options) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public_url = format!("http://{}", listener.local_addr().unwrap());
        let harness = Self::with(Options { public_url, ..options });
        let sandbox = harness.sandbox.clone();
        tokio::spawn(async move { sandbox.serve(listener, std::future::pending()).await });
        harness
    }

    /// A second account with the same Primary Admin.
    pub fn second_account(&self) -> Admin {
        self.sandbox.add_account(OTHER_ACCOUNT, "Example Labs").unwrap()
    }

    pub fn later(&self, minutes: i64) {
        self.clock.advance(SignedDuration::from_mins(minutes));
    }

    /// Somebody with a browser of their own, who has seen the sign-in page.
    pub async fn visitor(&self) -> Visitor {
        let mut visitor = Visitor::new(self);
        visitor.get("/sign-in").await;
        visitor
    }

    /// Somebody who is signed in and in the account.
    pub async fn signed_in(&self, email: &str) -> Visitor {
        let mut visitor = self.visitor().await;
        visitor.sign_in(email, PASSWORD).await;
        visitor
    }

    /// The newest message to `email`: its text.
    pub fn newest_mail(&self, email: &str) -> String {
        self.sandbox.mails_to(email).unwrap().pop().unwrap_or_else(|| panic!("no mail to {email}"))
    }

    /// The six digits of the newest message to `email`.
    pub fn newest_code(&self, email: &str) -> String {
        let mail = self.newest_mail(email);
        mail.split_once("Verification code: ").unwrap().1[..6].to_owned()
    }

    /// The path and query of the link in the newest message to `email`.
    pub fn newest_link(&self, email: &str) -> String {
        let mail = self.newest_mail(email);
        let link = mail.split_once(&self.url).unwrap().1;
        link.split_whitespace().next().unwrap().to_owned()
    }

    /// The id of the bot of that name.
    pub fn bot(&self, name: &str) -> String {
        let truth = self.admin.snapshot().unwrap();
        truth.bots.into_iter().find(|(_, bot)| bot.name == name).unwrap().0
    }

    /// The id of a task of a bot.
    pub fn dialog(&self, bot: &str, name: &str) -> String {
        let mut truth = self.admin.snapshot().unwrap();
        let dialogs = truth.bots.remove(&self.bot(bot)).unwrap().dialogs;
        dialogs.into_iter().find(|(_, own)| own == name).unwrap().0
    }

    pub fn bot_status(&self, name: &str) -> BotStatus {
        self.admin.snapshot().unwrap().bots[&self.bot(name)].status
    }

    /// The id of somebody in the account.
    pub fn person(&self, email: &str) -> String {
        self.admin.snapshot().unwrap().users[email].id.clone()
    }

    /// A call to the Admin API with that token; its body.
    pub async fn call_api(&self, token: &str, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let request = Request::builder().method(method).uri(path).header("auth", token).body(body).unwrap();
        let response = self.sandbox.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{method} {path}");
        serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
    }

    /// The latest entry of the audit log: name, actor, description.
    pub fn latest_audit(&self) -> [String; 3] {
        self.admin.audit_log().unwrap().pop().unwrap()
    }
}

/// A browser without a screen: keeps its cookie and the form token of the last page.
#[derive(Clone)]
pub struct Visitor {
    router: Router,
    /// Sent with every request; tests may bend them.
    pub headers: BTreeMap<&'static str, String>,
    pub cookie: Option<String>,
    /// The cookie by which it is known to those who have signed in from it.
    pub browser: Option<String>,
    /// The cookie with the page to go on with after sign-in.
    pub next: Option<String>,
    pub form_token: String,
    /// Where it is; `None`: on the sandbox's machine.
    pub peer: Option<std::net::IpAddr>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub location: String,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Visitor {
    pub fn new(harness: &ConsoleHarness) -> Self {
        let host = harness.url.split_once("://").unwrap().1.to_owned();
        let headers =
            [("host", host), ("origin", harness.url.clone()), ("user-agent", "Test browser".to_owned())];
        Self {
            router: harness.sandbox.router(),
            headers: headers.into_iter().collect(),
            cookie: None,
            browser: None,
            next: None,
            form_token: String::new(),
            peer: None,
        }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, Body::empty(), None).await
    }

    /// Follows redirects, as a browser does.
    pub async fn open(&mut self, path: &str) -> Answer {
        let mut answer = self.get(path).await;
        for _ in 0..5 {
            if answer.status != 303 {
                return answer;
            }
            let to = answer.location.clone();
            answer = self.get(&to).await;
        }
        panic!("redirects without end from {path}");
    }

    /// Sends a form with the token of the last page.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.form_token.clone();
        self.post_raw(path, &[&[("form_token", token.as_str())], fields].concat()).await
    }

    /// Sends exactly these fields.
    pub async fn post_raw(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.send("POST", path, Body::from(body), Some("application/x-www-form-urlencoded")).await
    }

    /// Sends a form that holds nothing but a file.
    pub async fn upload(&mut self, path: &str, file: &str, content: &str) -> Answer {
        let token = &self.form_token;
        let body = format!(
            "--b\r\ncontent-disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n\
             --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{file}\"\r\n\r\n{content}\r\n--b--\r\n"
        );
        self.send("POST", path, Body::from(body), Some("multipart/form-data; boundary=b")).await
    }

    /// The same browser without its session.
    pub async fn signed_out(&self) -> Self {
        let mut visitor = Self { cookie: None, ..self.clone() };
        visitor.get("/sign-in").await;
        visitor
    }

    /// Signs in and goes where that leads; returns the last page.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        let answer = self.post("/sign-in", &[("email", email), ("password", password)]).await;
        if answer.status == 303 { self.open(&answer.location).await } else { answer }
    }

    async fn send(&mut self, method: &str, path: &str, body: Body, content_type: Option<&str>) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in &self.headers {
            if method == "POST" || *name != "origin" {
                request = request.header(*name, value);
            }
        }
        let cookies: Vec<&str> =
            self.cookie.iter().chain(&self.browser).chain(&self.next).map(String::as_str).collect();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        if let Some(peer) = self.peer {
            request = request.extension(axum::extract::ConnectInfo(std::net::SocketAddr::new(peer, 9)));
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8_lossy(&to_bytes(body, usize::MAX).await.unwrap()).into_owned();
        let value = |name: header::HeaderName| {
            parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        for set in parts.headers.get_all(header::SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            let name = pair.split('=').next().unwrap();
            let kept = match name {
                name if name.contains("-browser") => &mut self.browser,
                name if name.contains("-next") => &mut self.next,
                _ => &mut self.cookie,
            };
            *kept = Some(pair);
        }
        if let Some((_, rest)) = text.split_once("name=\"form_token\" value=\"") {
            rest[..64].clone_into(&mut self.form_token);
        }
        Answer {
            status: parts.status.as_u16(),
            location: value(header::LOCATION),
            headers: parts.headers,
            text,
        }
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
