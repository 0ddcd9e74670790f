//! `/__test/...`: faults, clock, request log and snapshot over HTTP, only with `--test-controls`. Nothing here
//! is authenticated, counted or recorded.
//!
//! | | |
//! |---|---|
//! | `POST /__test/faults` | adds a fault (`Fault` as JSON); `DELETE` forgets them |
//! | `GET /__test/clock` | the time; `POST {"set": "<RFC 3339>"}` or `{"advance_seconds": n}` moves it |
//! | `GET /__test/requests` | the request log; `DELETE` empties it |
//! | `GET /__test/snapshot?account=ID` | the truth of an account |
//! | `POST /__test/acts` | does what no API does (`Act` as JSON): `{"rename-bot": {"bot": "A", "name": "B"}}` |

use crate::sandbox::faults::Fault;
use crate::sandbox::{Holder, Inner, Sandbox};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

type Refused = (StatusCode, String);

pub(super) fn router(sandbox: &Sandbox) -> Router<Arc<Inner>> {
    Router::new()
        .route("/faults", post(add_fault).delete(clear_faults))
        .route("/clock", get(show_clock).post(move_clock))
        .route("/requests", get(show_requests).delete(clear_requests))
        .route("/snapshot", get(snapshot))
        .route("/acts", post(act))
        .with_state(sandbox.clone())
}

async fn add_fault(State(sandbox): State<Sandbox>, Json(fault): Json<Fault>) -> StatusCode {
    sandbox.faults().add(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.faults().clear();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    set: Option<Timestamp>,
    advance_seconds: Option<i64>,
}

async fn show_clock(State(sandbox): State<Sandbox>) -> Json<Value> {
    Json(json!({ "now": sandbox.options().clock.now() }))
}

async fn move_clock(
    State(sandbox): State<Sandbox>,
    Json(Move { set, advance_seconds }): Json<Move>,
) -> Result<Json<Value>, Refused> {
    let clock = &sandbox.options().clock;
    let start = set.unwrap_or_else(|| clock.now());
    let target = start.checked_add(SignedDuration::from_secs(advance_seconds.unwrap_or(0)));
    let target = target.map_err(|e| (StatusCode::BAD_REQUEST, e.to_string()))?;
    if !clock.set(target) {
        return Err((StatusCode::CONFLICT, "this sandbox runs on a clock that cannot be set".to_owned()));
    }
    Ok(Json(json!({ "now": clock.now() })))
}

async fn show_requests(State(sandbox): State<Sandbox>) -> Json<Value> {
    Json(json!({ "requests": sandbox.requests().all(), "counts": sandbox.requests().counts() }))
}

async fn clear_requests(State(sandbox): State<Sandbox>) -> StatusCode {
    sandbox.requests().take();
    StatusCode::NO_CONTENT
}

async fn snapshot(
    State(sandbox): State<Sandbox>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, Refused> {
    let taken = tokio::task::spawn_blocking(move || {
        sandbox.admin_of(query.get("account").map(String::as_str)).and_then(|admin| admin.dump())
    })
    .await;
    match taken {
        Ok(Ok(dump)) => Ok(Json(dump)),
        Ok(Err(e)) => Err((StatusCode::BAD_REQUEST, e.to_string())),
        Err(e) => Err((StatusCode::INTERNAL_SERVER_ERROR, e.to_string())),
    }
}

/// What people do beside the Admin API and the console.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Act {
    RenameBot { bot: String, name: String },
    DeleteBot { bot: String },
    RestoreBot { id: String },
    InviteInApp { actor: String, bot: String, holder: InApp, role: String },
    RemoveInApp { actor: String, bot: String, holder: InApp, role: String },
    SignIn { email: String, attributes: Vec<(String, String)> },
    EncryptPayload { client_id: String, on: bool },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum InApp {
    User(String),
    Group(String),
}

impl From<InApp> for Holder {
    fn from(holder: InApp) -> Self {
        match holder {
            InApp::User(email) => Self::User(email),
            InApp::Group(name) => Self::Group(name),
        }
    }
}

async fn act(State(sandbox): State<Sandbox>, Json(act): Json<Act>) -> Result<StatusCode, Refused> {
    let done = tokio::task::spawn_blocking(move || {
        let admin = sandbox.admin()?;
        match act {
            Act::RenameBot { bot, name } => admin.rename_bot(&bot, &name),
            Act::DeleteBot { bot } => admin.delete_bot(&bot),
            Act::RestoreBot { id } => admin.restore_bot(&id),
            Act::InviteInApp { actor, bot, holder, role } => {
                admin.invite_in_app(&actor, &bot, &holder.into(), &role)
            }
            Act::RemoveInApp { actor, bot, holder, role } => {
                admin.remove_in_app(&actor, &bot, &holder.into(), &role)
            }
            Act::SignIn { email, attributes } => {
                let attributes: Vec<(&str, &str)> =
                    attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                admin.sign_in_by_sso(&email, &attributes)
            }
            Act::EncryptPayload { client_id, on } => admin.set_payload_encryption(&client_id, on),
        }
    })
    .await;
    match done {
        Ok(Ok(())) => Ok(StatusCode::NO_CONTENT),
        Ok(Err(e)) => Err((StatusCode::BAD_REQUEST, e.to_string())),
        Err(e) => Err((StatusCode::INTERNAL_SERVER_ERROR, e.to_string())),
    }
}
