//! What the sandbox tests share: a world of twelve people, an app that signs its own tokens, and a comparison of
//! shapes.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use jiff::Timestamp;
use jsonwebtoken::{EncodingKey, Header};
use koreconcile::sandbox::{
    Admin, App, Dialect, Dropped, Holder, ManualClock, NewBot, NewGroup, NewUser, Options, RateLimit,
    Sandbox, Starter, UserState,
};
use serde_json::{Value, json};
use tower::ServiceExt;

pub struct World {
    pub sandbox: Sandbox,
    pub admin: Admin,
    pub clock: Arc<ManualClock>,
    pub app: App,
    router: Router,
}

/// An answer as a client sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
    pub retry_after: Option<String>,
}

pub const BANK: &str = "Banking Assistant";
pub const JANE: &str = "jane.doe@example.com";

impl World {
    /// Twelve people, four bots, three groups; no rate limit.
    pub fn new(dialect: Dialect) -> Self {
        let world = Self::bare(Options { dialect, rate: RateLimit::Off, ..Options::default() });
        world
            .admin
            .batch(|edit| {
                for index in 1..=7 {
                    let user = NewUser { org_user_id: Some(format!("E-{index}")), ..numbered(index) };
                    edit.add_user(&user)?;
                }
                edit.add_user(&NewUser { is_developer: true, ..NewUser::named(JANE, "Jane", "Doe") })?;
                edit.add_user(&NewUser::pending("pat@example.com"))?;
                edit.add_user(&NewUser {
                    state: UserState::Suspended,
                    ..NewUser::active("sue@example.com")
                })?;
                edit.add_user(&NewUser::active("bo@example.com"))?;
                let dialogs = vec!["Check Balance".to_owned(), "Block Card".to_owned()];
                let owner = Some("bo@example.com".to_owned());
                edit.add_bot(&NewBot { dialogs, owner, ..NewBot::named(BANK) })?;
                edit.add_bot(&NewBot::named("HR Assistant"))?;
                edit.add_bot(&NewBot { is_enterprise: false, ..NewBot::named("Store Helper") })?;
                let status = koreconcile::sandbox::BotStatus::Configured;
                edit.add_bot(&NewBot { status, ..NewBot::named("Claims Draft") })?;
                edit.create_bot_app(BANK, "web")?;
                for name in ["support-eu", "QA", "parent"] {
                    edit.add_group(&NewGroup::named(name))?;
                }
                edit.nest("parent", "QA")?;
                edit.join("support-eu", JANE)?;
                edit.join("support-eu", "pat@example.com")?;
                edit.join("QA", "user1@example.com")?;
                edit.bind(&Holder::user(JANE), "Bot Developer", Some(BANK))?;
                edit.bind(&Holder::user(JANE), "admin", None)?;
                edit.bind(&Holder::group("support-eu"), "Bot Tester", Some("HR Assistant"))?;
                edit.bind(&Holder::group("parent"), "Bot Tester", Some(BANK))?;
                edit.assign(JANE, BANK, None)
            })
            .unwrap();
        world
    }

    /// The Primary Admin alone, and an app with every scope.
    pub fn bare(options: Options) -> Self {
        let clock = Arc::new(ManualClock::new("2026-03-01T12:00:00Z".parse().unwrap()));
        let options = Options { clock: clock.clone(), starter: Starter::Bare, ..options };
        let sandbox = Sandbox::in_memory(options).unwrap();
        let admin = sandbox.admin().unwrap();
        let app = admin.create_app("tests", &["all"], false).unwrap();
        Self { router: sandbox.router(), sandbox, admin, clock, app }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.call("POST", path, &body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.call("PUT", path, &body).await
    }

    pub async fn delete(&self, path: &str, body: Value) -> Reply {
        self.call("DELETE", path, &body).await
    }

    /// A signed call; panics when the reply is dropped.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Reply {
        read(self.raw(method, path, Some(&self.token()), body).await).await
    }

    /// A call with any token, and the response as it comes.
    pub async fn raw(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("auth", token);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    /// Uploads a file for import and returns its id.
    pub async fn upload(&self, content: &Value) -> String {
        let form = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"roles.json\"\r\n\r\n{content}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"fileContext\"\r\n\r\nbulkImport\r\n--b--\r\n"
        );
        let request = Request::post("/api/public/uploadfile")
            .header("auth", self.token())
            .header("content-type", "multipart/form-data; boundary=b")
            .body(Body::from(form))
            .unwrap();
        let reply = read(self.router.clone().oneshot(request).await.unwrap()).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.body["fileId"].as_str().unwrap().to_owned()
    }

    pub fn token(&self) -> String {
        token(&self.app, json!({}))
    }

    pub fn now(&self) -> Timestamp {
        koreconcile::sandbox::Clock::now(&*self.clock)
    }

    /// Whether the answer is a dropped one.
    pub async fn is_dropped(&self, method: &str, path: &str, body: &Value) -> bool {
        let response = self.raw(method, path, Some(&self.token()), body).await;
        let marked = response.extensions().get::<Dropped>().is_some();
        assert_eq!(marked, to_bytes(response.into_body(), usize::MAX).await.is_err());
        marked
    }

    pub fn bot(&self, name: &str) -> String {
        let snapshot = self.admin.snapshot().unwrap();
        snapshot.bots.iter().find(|(_, bot)| bot.name == name).unwrap().0.clone()
    }

    pub fn role(&self, key: &str) -> String {
        self.admin.snapshot().unwrap().roles[key].id.clone()
    }

    pub fn group(&self, name: &str) -> String {
        self.admin.snapshot().unwrap().groups[name].id.clone()
    }

    pub async fn user_info(&self, email: &str) -> Value {
        let reply = self.post("/api/public/usersInfo", json!({ "emailIds": [email] })).await;
        reply.body[0].clone()
    }
}

fn numbered(index: usize) -> NewUser {
    NewUser::named(&format!("user{index}@example.com"), "User", &index.to_string())
}

/// A token of `app` with the given claims beside `appId`.
pub fn token(app: &App, claims: Value) -> String {
    let mut claims = claims;
    claims["appId"] = json!(app.client_id);
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(app.client_secret.as_bytes()))
        .unwrap()
}

pub async fn read(response: Response<Body>) -> Reply {
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
    Reply { status, body, retry_after }
}

/// The JSON example of the notes called `name`.
pub fn example(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/kore-api/server-{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Same keys, same types, all the way down. Elements of a list are held to the example's first
/// element; objects named in `open` may have other keys (permissions), and null fits everything.
pub fn assert_shape(example: &Value, actual: &Value, open: &[&str]) {
    same_shape(example, actual, open, "$");
}

fn same_shape(example: &Value, actual: &Value, open: &[&str], at: &str) {
    match (example, actual) {
        (Value::Object(wanted), Value::Object(found)) => {
            let keys = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
            assert_eq!(keys(wanted), keys(found), "keys at {at}");
            for (key, value) in wanted {
                if !open.contains(&key.as_str()) {
                    same_shape(value, &found[key], open, &format!("{at}.{key}"));
                }
            }
        }
        (Value::Array(wanted), Value::Array(found)) => {
            let Some(first) = wanted.first() else { return };
            assert!(!found.is_empty(), "nothing to compare at {at}");
            for (index, element) in found.iter().enumerate() {
                same_shape(first, element, open, &format!("{at}[{index}]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (wanted, found) => assert_eq!(
            std::mem::discriminant(wanted),
            std::mem::discriminant(found),
            "type at {at}: {wanted} and {found}"
        ),
    }
}

/// The vendor's error body.
pub fn error(msg: &str, code: u16) -> Value {
    json!({ "errors": [{ "msg": msg, "code": code }] })
}
