//! A new password: whenever a user wants one, and before anything else when theirs has expired.

use super::sign_in;
use crate::sandbox::console::admin_context::SignedIn;
use crate::sandbox::console::failures;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::request_context::RequestContext;
use crate::sandbox::console::route::Route;
use crate::sandbox::console::throttle::Act;
use crate::sandbox::password;
use crate::sandbox::store::{audit, people, sessions};
use askama::Template;
use rusqlite::Connection;

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::signed("/password", show), Route::signed_form("/password", change)];

#[derive(Template)]
#[template(path = "password.html")]
struct Password {
    plain: Plain,
    has_expired: bool,
    is_present_wrong: bool,
    problems: Vec<String>,
}

const WRONG: &str = "The present password is not right.";

fn page(signed: &SignedIn<'_>, problems: Vec<String>) -> Result<Password, PageError> {
    let has_expired = signed.session.must_change_password;
    let plain = Plain::signed(signed, "Change password")?;
    Ok(Password { plain, has_expired, is_present_wrong: problems.iter().any(|one| one == WRONG), problems })
}

fn show(signed: &SignedIn<'_>) -> Outcome {
    Reply::page(&page(signed, Vec::new())?)
}

fn change(signed: &SignedIn<'_>) -> Outcome {
    let email = signed.session.email.as_str();
    failures::count(signed, Act::Password, email)?;
    let person = signed.read(|conn| Ok(people::by_email(conn, email)?))?;
    let stored = person.and_then(|person| person.password);
    if !password::is_right(signed.raw_field("current"), stored.as_deref()) {
        let text = format!("change of the password of {email} refused: wrong present password");
        signed.write(|conn| failures::log(signed, conn, email, audit::LOGIN, &text))?;
        return Reply::invalid(&page(signed, vec![WRONG.to_owned()])?);
    }
    let wanted = signed.raw_field("password");
    let problems = problems(signed, email, wanted, signed.raw_field("again"))?;
    if !problems.is_empty() {
        return Reply::invalid(&page(signed, problems)?);
    }
    let hash = password::hash(wanted)?;
    let browser = signed.write(|conn| {
        let text = format!("password of {email} changed from {}", signed.ip());
        set(signed, conn, email, &hash, &text)
    })?;
    Ok(Reply::see(&sign_in::after("changed", email)).with_browser(browser))
}

/// Writes a new password and ends every session; returns the cookie of this browser, the only one that stays known.
pub(super) fn set(
    context: &RequestContext<'_>,
    conn: &Connection,
    email: &str,
    hash: &str,
    audited_as: &str,
) -> Result<String, PageError> {
    people::set_password(conn, email, hash, &context.stamp())?;
    sessions::end_all(conn, email, None)?;
    failures::log(context, conn, email, audit::USER_MODIFIED, audited_as)?;
    failures::remember(context, conn, email)
}

/// Why a new password cannot be taken, in whole sentences.
pub(super) fn problems(
    context: &RequestContext<'_>,
    email: &str,
    wanted: &str,
    again: &str,
) -> Result<Vec<String>, PageError> {
    if wanted != again {
        return Ok(vec!["The two new passwords are not the same.".to_owned()]);
    }
    let objections = context.read(|conn| Ok(password::objections(conn, email, wanted)?))?;
    Ok(if objections.is_empty() {
        Vec::new()
    } else {
        vec![format!("The new password needs: {}.", objections.join(", "))]
    })
}
