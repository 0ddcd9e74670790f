//! How fast the sandbox serves. Run on its own, in release:
//! `cargo test --release --test all sandbox_speed -- --ignored --nocapture`

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use koreconcile::sandbox::{Options, RateLimit, Sandbox, Seed, Starter};
use serde_json::{Value, json};

use crate::sandbox_world::token;

struct Served {
    url: String,
    auth: String,
    client: reqwest::Client,
}

impl Served {
    async fn with(seed: Seed) -> Self {
        let options = Options { rate: RateLimit::Off, starter: Starter::Bare, ..Options::default() };
        let sandbox = Sandbox::in_memory(options).unwrap();
        let admin = sandbox.admin().unwrap();
        admin.seed(seed).unwrap();
        let app = admin.create_app("speed", &["all"], false).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { sandbox.serve(listener, std::future::pending()).await });
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url, auth: token(&app, json!({})), client }
    }

    async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> axum::body::Bytes {
        let mut request = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.url))
            .header("auth", self.auth.as_str());
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        response.bytes().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: wants a release build and a quiet machine"]
async fn sandbox_speed_reads_ten_thousand_users() {
    let served = Served::with(Seed { users: 10_000, bots: 100, groups: 100 }).await;
    let page = served.call("GET", "/api/public/alluserroles?limit=50&offset=0", None).await;
    assert!(page.len() > 1000);
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let start = Instant::now();
        let mut calls: Vec<(&str, String, Option<Value>)> = Vec::new();
        for page in 0..201 {
            calls.push(("GET", format!("/api/public/alluserroles?limit=50&offset={page}"), None));
        }
        for page in 0..2 {
            calls.push(("GET", format!("/api/public/bots?limit=50&offset={page}"), None));
            calls.push(("GET", format!("/api/public/groups?limit=50&offset={page}"), None));
        }
        for kind in ["admin", "bot"] {
            calls.push(("GET", format!("/api/public/roles/export?roleType={kind}"), None));
        }
        let pages: Vec<axum::body::Bytes> = stream::iter(&calls)
            .map(|(method, path, body)| served.call(method, path, body.as_ref()))
            .buffered(8)
            .collect()
            .await;
        let listed = start.elapsed();
        let emails: Vec<String> = pages[..201]
            .iter()
            .flat_map(|page| {
                let page: Value = serde_json::from_slice(page).unwrap();
                page["users"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|user| user["username"].as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(emails.len(), 10_001);
        let batches: Vec<Value> = emails.chunks(1000).map(|batch| json!({ "emailIds": batch })).collect();
        let start = Instant::now();
        let infos: Vec<axum::body::Bytes> = stream::iter(&batches)
            .map(|batch| served.call("POST", "/api/public/usersInfo", Some(batch)))
            .buffered(8)
            .collect()
            .await;
        let described = start.elapsed();
        assert_eq!(infos.len(), 11);
        println!("lists: {listed:?}    usersInfo: {described:?}");
        best = best.min(listed + described);
    }
    println!("10,000 users read in {best:?}");
    assert!(best < Duration::from_millis(500), "{best:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: wants a release build and a quiet machine"]
async fn sandbox_speed_onboards_five_thousand_users() {
    let served = Served::with(Seed { users: 0, bots: 10, groups: 10 }).await;
    let entries: Vec<Value> = (0..5000)
        .map(|n| json!({ "userInfo": { "emailId": format!("n{n}@example.com"), "firstName": "N" } }))
        .collect();
    for size in [50, 1000] {
        let start = Instant::now();
        for batch in entries.chunks(size) {
            served.call("POST", "/api/public/users", Some(&json!({ "users": batch }))).await;
        }
        println!("5,000 users created by {size} in {:?}", start.elapsed());
        let start = Instant::now();
        for batch in entries.chunks(size) {
            let emails: Vec<&Value> = batch.iter().map(|entry| &entry["userInfo"]["emailId"]).collect();
            served.call("DELETE", "/api/public/users", Some(&json!({ "deleteEmailIds": emails }))).await;
        }
        println!("5,000 users removed by {size} in {:?}", start.elapsed());
    }
}
