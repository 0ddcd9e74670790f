//! Tokens, scopes and refusals: sections 1.1, 1.3 and 1.5 of the `kore-api` notes.

use koreconcile::sandbox::{App, Dialect};
use serde_json::{Value, json};

use crate::sandbox::world::{BANK, World, error, read, token};

const PATH: &str = "/api/public/bots";

async fn with(world: &World, token: Option<&str>) -> (u16, Value) {
    let reply = read(world.raw("GET", PATH, token, &Value::Null).await).await;
    (reply.status, reply.body)
}

#[tokio::test]
async fn section_1_1_published_token_is_accepted() {
    let world = World::new(Dialect::default());
    let app = App {
        client_id: "cs-00000000-0000-5000-8000-000000000001".to_owned(),
        client_secret: "c2FuZGJveC1jbGllbnQtc2VjcmV0LTAwMDAwMDAwMDE=".to_owned(),
    };
    world.admin.add_app("vector", &app).unwrap();
    let vector = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwiYXBwSWQiOiJjcy0wMDAwMDAwMC0wMDAw\
                  LTUwMDAtODAwMC0wMDAwMDAwMDAwMDEifQ.lev9cy6VwKESJuX-LgdKvbo2DpKinqtYkmiSJ7tg7ls";
    assert_eq!(with(&world, Some(vector)).await.0, 200);
}

#[tokio::test]
async fn section_1_1_other_claims_and_fractional_times_are_let_through() {
    let world = World::new(Dialect::default());
    let now = world.now().as_second();
    #[allow(clippy::cast_precision_loss)]
    let later = now as f64 + 60.5;
    let claims = json!({ "iss": "x", "aud": "y", "isAnonymous": false, "iat": now, "exp": later });
    assert_eq!(with(&world, Some(&token(&world.app, claims))).await.0, 200);
    let expired = token(&world.app, json!({ "exp": now - 1 }));
    assert_eq!(with(&world, Some(&expired)).await, (401, error("Invalid SDK credentials", 4002)));
}

#[tokio::test]
async fn section_1_5_refusals_have_the_vendors_words() {
    let world = World::new(Dialect::default());
    let credentials = (401, error("Invalid SDK credentials", 4002));
    assert_eq!(with(&world, None).await, credentials);
    let forged = App { client_secret: "wrong".to_owned(), ..world.app.clone() };
    assert_eq!(with(&world, Some(&token(&forged, json!({})))).await, credentials);
    let unknown = App { client_id: "cs-0".to_owned(), ..world.app.clone() };
    assert_eq!(with(&world, Some(&token(&unknown, json!({})))).await, credentials);
    assert_eq!(with(&world, Some("no token")).await, (401, error("Invalid JWT token", 4002)));
    let scopeless = world.admin.create_app("none", &["none"], false).unwrap();
    let refused = with(&world, Some(&token(&scopeless, json!({})))).await;
    assert_eq!(refused, (401, error("Permission denied. Scope is incorrect!", 4002)));
}

#[tokio::test]
async fn section_1_5_wrong_method_is_told_before_the_token_is_read() {
    let world = World::new(Dialect::default());
    let reply = read(world.raw("PATCH", PATH, None, &Value::Null).await).await;
    assert_eq!((reply.status, reply.body), (405, error("Method Not Allowed", 405)));
}

#[tokio::test]
async fn section_1_4_each_endpoint_asks_for_its_scope() {
    let world = World::new(Dialect::default());
    let users_only = world.admin.create_app("users", &["user_management:user_management"], false).unwrap();
    let token = token(&users_only, json!({}));
    let emails = json!({ "emailIds": ["owner@example.com"] });
    let reads = read(world.raw("POST", "/api/public/usersInfo", Some(&token), &emails).await).await;
    assert_eq!(reads.status, 200);
    for path in
        ["/api/public/alluserroles", "/api/public/auditlogs", "/api/public/ssoconfig?SSOProtocol=saml"]
    {
        let reply = read(world.raw("GET", path, Some(&token), &Value::Null).await).await;
        assert_eq!(reply.status, 401, "{path}");
    }
}

#[tokio::test]
async fn section_1_2_bot_app_reaches_its_own_bot_alone() {
    let world = World::new(Dialect::default());
    let app = world.admin.create_bot_app(BANK, "builder").unwrap();
    let token = token(&app, json!({}));
    let comment = json!({ "versionComment": "x" });
    let publish = |bot: String| {
        let (world, token, comment) = (&world, &token, &comment);
        async move {
            let path = format!("/api/public/bot/{bot}/publish");
            read(world.raw("POST", &path, Some(token), comment).await).await
        }
    };
    assert_eq!(publish(world.bot(BANK)).await.status, 200);
    for other in [world.bot("HR Assistant"), "st-0".to_owned()] {
        let reply = publish(other).await;
        assert_eq!((reply.status, reply.body), (401, error("Invalid SDK credentials", 4002)));
    }
    assert_eq!(with(&world, Some(&token)).await.0, 401);
}

#[tokio::test]
async fn section_1_3_enforced_jti_is_short_lived_and_used_once() {
    let world = World::new(Dialect::default());
    let app = world.admin.create_app("strict", &["all"], true).unwrap();
    let now = world.now().as_second();
    let strict = |claims: Value| token(&app, claims);
    let too_long = r#"error verifying the jwt: if "jti" claim "exp" must be <= 1 hour(s)"#;
    for claims in [json!({}), json!({ "jti": "a" }), json!({ "jti": "a", "exp": now + 3601 })] {
        assert_eq!(with(&world, Some(&strict(claims))).await, (401, error(too_long, 401)));
    }
    let good = strict(json!({ "jti": "a", "exp": now + 300 }));
    assert_eq!(with(&world, Some(&good)).await.0, 200);
    let replay = "error verifying the jwt: possibly a replay";
    assert_eq!(with(&world, Some(&good)).await, (401, error(replay, 401)));
    assert_eq!(with(&world, Some(&strict(json!({ "jti": "b", "exp": now + 300 })))).await.0, 200);
}

#[tokio::test]
async fn section_1_1_tokens_of_tomorrow_and_heads_with_demands_are_refused() {
    use jsonwebtoken::{EncodingKey, Header, encode};
    let world = World::new(Dialect::default());
    let now = world.now().as_second();
    let refused = (401, error("Invalid SDK credentials", 4002));
    let tomorrow = token(&world.app, json!({ "nbf": now + 3600 }));
    assert_eq!(with(&world, Some(&tomorrow)).await, refused);
    // A clock that is ahead by less than a minute is nothing to refuse.
    let ahead = token(&world.app, json!({ "nbf": now + 30 }));
    assert_eq!(with(&world, Some(&ahead)).await.0, 200);
    let key = EncodingKey::from_secret(world.app.client_secret.as_bytes());
    let signed = |header: &Header| encode(header, &json!({ "appId": world.app.client_id }), &key).unwrap();
    let critical = Header { crit: Some(vec!["exp".to_owned()]), ..Header::default() };
    assert_eq!(with(&world, Some(&signed(&critical))).await, refused);
    let mut plain = Header::default();
    plain.extras.insert("b64", true);
    assert_eq!(with(&world, Some(&signed(&plain))).await.0, 200);
    plain.extras.insert("b64", false);
    assert_eq!(with(&world, Some(&signed(&plain))).await, refused);
}
