//! A new password: whenever a user wants one, and before anything else when theirs has expired.

use crate::sandbox::console::admin_context::SignedIn;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::password;
use crate::sandbox::store::{people, sessions};
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::signed("/password", show), Route::signed_form("/password", change)];

#[derive(Template)]
#[template(path = "password.html")]
struct Password {
    plain: Plain,
    has_expired: bool,
    problems: Vec<String>,
}

fn page(signed: &SignedIn<'_>, problems: Vec<String>) -> Result<Password, PageError> {
    let has_expired = signed.session.must_change_password;
    Ok(Password { plain: Plain::signed(signed, "Change password")?, has_expired, problems })
}

fn show(signed: &SignedIn<'_>) -> Outcome {
    Reply::page(&page(signed, Vec::new())?)
}

fn change(signed: &SignedIn<'_>) -> Outcome {
    let email = signed.session.email.as_str();
    signed.inner.attempts.count(email, signed.ip(), signed.now).map_err(PageError::TooMany)?;
    let person = signed.read(|conn| Ok(people::by_email(conn, email)?))?;
    let stored = person.and_then(|person| person.password);
    if !password::is_right(signed.raw_field("current"), stored.as_deref()) {
        return Reply::invalid(&page(signed, vec!["The present password is not right.".to_owned()])?);
    }
    let wanted = signed.raw_field("password");
    let problems = problems(signed, email, wanted, signed.raw_field("again"))?;
    if !problems.is_empty() {
        return Reply::invalid(&page(signed, problems)?);
    }
    let hash = password::hash(wanted)?;
    signed.write(|conn| {
        people::set_password(conn, email, &hash, &signed.stamp())?;
        Ok(sessions::end_all(conn, email, None)?)
    })?;
    Ok(Reply::see("/sign-in?changed=1"))
}

/// Why a new password cannot be taken, in whole sentences.
pub(super) fn problems(
    context: &crate::sandbox::console::request_context::RequestContext<'_>,
    email: &str,
    wanted: &str,
    again: &str,
) -> Result<Vec<String>, PageError> {
    if wanted != again {
        return Ok(vec!["The two new passwords are not the same.".to_owned()]);
    }
    let objections = context.read(|conn| Ok(password::objections(conn, email, wanted)?))?;
    Ok(objections.iter().map(|rule| format!("The new password needs: {rule}.")).collect())
}
