//! Sign-in and sign-out, and how long a session has left.

use askama::Template;
use axum::http::StatusCode;

use super::joining;
use crate::sandbox::console::ask::Ask;
use crate::sandbox::console::desk::Signed;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Notice, Outcome, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::session;

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

fn show(ask: &Ask<'_>) -> Outcome {
    let mut plain = Plain::of(ask, "Sign in");
    // There is no session that could keep a notice.
    plain.notice = [
        ("idle", "You were signed out after 15 minutes without activity."),
        ("out", "You are signed out."),
        ("changed", "Your password is changed. Sign in with the new one."),
        ("joined", "You have joined the account. Sign in to go on."),
    ]
    .into_iter()
    .find(|(name, _)| ask.query(name) == "1")
    .map(|(_, text)| Notice { is_error: false, text: text.to_owned() });
    page(ask, plain, "", false)
}

fn sign_in(ask: &Ask<'_>) -> Outcome {
    let email = ask.field("email");
    // The new session has nothing to say before it is asked again, with its own token.
    if let Some(token) = session::sign_in(ask, email, ask.raw_field("password"))? {
        return Ok(Reply::see("/enter").with_token(token));
    }
    Ok(page(ask, Plain::of(ask, "Sign in"), email, true)?.with_status(StatusCode::UNAUTHORIZED))
}

fn page(ask: &Ask<'_>, plain: Plain, email: &str, is_refused: bool) -> Outcome {
    let takes_requests = ask.read(joining::is_offered)?;
    Reply::page(&SignIn { plain, email, is_refused, is_local: ask.is_local(), takes_requests })
}

fn sign_out(signed: &Signed<'_>) -> Outcome {
    session::sign_out(signed)?;
    Ok(Reply::see("/sign-in?out=1"))
}

/// Asked by the script, and no activity: a page left open must not keep its session alive.
fn remaining(ask: &Ask<'_>) -> Outcome {
    let seconds = ask.session()?.map_or(0, |session| session::remaining(&session, ask.now).max(0));
    Ok(Reply::bytes("application/json", format!("{{\"remaining\":{seconds}}}")))
}

/// *Stay signed in*: being asked for is the activity.
fn stay(_: &Signed<'_>) -> Outcome {
    Ok(Reply::bytes("text/plain; charset=utf-8", "").with_status(StatusCode::NO_CONTENT))
}
