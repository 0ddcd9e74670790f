//! Sign-in and sign-out, and how long a session has left.

use super::joining;
use crate::sandbox::console::admin_context::SignedIn;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Notice, Outcome, Reply};
use crate::sandbox::console::request_context::RequestContext;
use crate::sandbox::console::route::Route;
use crate::sandbox::console::{gate, session};
use askama::Template;
use axum::http::StatusCode;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::open("/sign-in", show),
    Route::open_form("/sign-in", sign_in),
    Route::signed("/enter", session::enter),
    Route::signed_form("/sign-out", sign_out),
    Route::open("/session", remaining),
    Route::signed_form("/session", stay),
];

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    plain: Plain,
    email: &'a str,
    is_refused: bool,
    is_local: bool,
    /// Whether any account takes requests to join.
    takes_requests: bool,
}

fn show(context: &RequestContext<'_>) -> Outcome {
    let mut plain = Plain::new(context, "Sign in");
    // There is no session that could keep a notice.
    plain.notice = [
        ("idle", "You were signed out after 15 minutes without activity."),
        ("old", "You were signed out: a session lasts 12 hours at most."),
        ("out", "You are signed out."),
        ("changed", "Your password is changed. Sign in with the new one."),
        ("joined", "You have joined the account. Sign in to go on."),
    ]
    .into_iter()
    .find(|(name, _)| context.query(name) == "1")
    .map(|(_, text)| Notice { is_error: false, text: text.to_owned() });
    let reply = page(context, plain, context.query("email"), false)?;
    // The page that the script has left, when nobody was there any more.
    let left = gate::back(context);
    let is_page = context.query("idle") == "1" && left.starts_with("/Admin/");
    Ok(Reply { next: is_page.then_some(left), ..reply })
}

/// Where a user signs in after a step outside of a session, with the address filled in.
pub(super) fn after(step: &str, email: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(step, "1").append_pair("email", email);
    format!("/sign-in?{}", query.finish())
}

fn sign_in(context: &RequestContext<'_>) -> Outcome {
    let email = context.field("email");
    // The new session has nothing to say before it is asked again, with its own token.
    if let Some(token) = session::sign_in(context, email, context.raw_field("password"))? {
        return Ok(Reply::see("/enter").with_token(token));
    }
    Ok(page(context, Plain::new(context, "Sign in"), email, true)?.with_status(StatusCode::UNAUTHORIZED))
}

fn page(context: &RequestContext<'_>, plain: Plain, email: &str, is_refused: bool) -> Outcome {
    let takes_requests = context.read(joining::is_offered)?;
    Reply::page(&SignIn { plain, email, is_refused, is_local: context.is_local(), takes_requests })
}

fn sign_out(signed: &SignedIn<'_>) -> Outcome {
    session::sign_out(signed)?;
    Ok(Reply::see("/sign-in?out=1"))
}

/// Asked by the script, and no activity: a page left open must not keep its session alive.
fn remaining(context: &RequestContext<'_>) -> Outcome {
    let seconds = context.session()?.map_or(0, |session| session::remaining(&session, context.now).max(0));
    Ok(Reply::bytes("application/json", format!("{{\"remaining\":{seconds}}}")))
}

/// *Stay signed in*: being asked for is the activity.
fn stay(_: &SignedIn<'_>) -> Outcome {
    Ok(Reply::bytes("text/plain; charset=utf-8", "").with_status(StatusCode::NO_CONTENT))
}
