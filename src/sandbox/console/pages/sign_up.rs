//! Sign-up: where the link of an invitation leads, or its code. A new person gives a name and a password; a user who
//! is on the platform already only confirms.

use super::registration::{self, Registration, RegistrationError};
use super::sign_in;
use crate::sandbox::Inner;
use crate::sandbox::admin::edit::Editor;
use crate::sandbox::console::asked;
use crate::sandbox::console::failures;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::request_context::RequestContext;
use crate::sandbox::console::route::Route;
use crate::sandbox::console::throttle::Act;
use crate::sandbox::error::SandboxError;
use crate::sandbox::store::accounts::{self, Account};
use crate::sandbox::store::asked::What;
use crate::sandbox::store::invitations::{self, OpenInvitation};
use crate::sandbox::store::{people, users};
use askama::Template;
use rusqlite::Connection;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::open("/signup", show),
    Route::open_form("/signup", join),
    Route::open("/signup/code", ask_for_code),
    Route::open_form("/signup/code", check_code),
    Route::open_form("/signup/renew", renew),
];

/// So many wrong codes spoil an invitation's code; its link goes on working.
const CODE_FAILURES: u32 = 5;

#[derive(Template)]
#[template(path = "sign_up.html")]
struct SignUp<'a> {
    plain: Plain,
    invitation: &'a Invitation,
    first: &'a str,
    last: &'a str,
    problems: Vec<String>,
}

#[derive(Template)]
#[template(path = "sign_up_code.html")]
struct Code<'a> {
    plain: Plain,
    email: &'a str,
    /// What was wrong, or what was done.
    problem: Option<&'static str>,
    is_sent: bool,
}

/// An invitation that works, and whom it is for.
struct Invitation {
    token: String,
    email: String,
    account: Account,
    user: i64,
    /// Has a password: joins with one button.
    is_on_platform: bool,
}

const TITLE: &str = "Join an account";

fn find(
    context: &RequestContext<'_>,
    conn: &Connection,
    token: &str,
) -> Result<Option<Invitation>, PageError> {
    let Some(open) = invitations::by_token(conn, token)?.filter(|open| open.is_live(context.now)) else {
        return Ok(None);
    };
    let person = people::by_email(conn, &open.email.to_lowercase())?;
    Ok(Some(Invitation {
        account: accounts::by_seq(conn, open.account)?,
        is_on_platform: person.is_some_and(|person| person.password.is_some()),
        token: open.token,
        email: open.email,
        user: open.user,
    }))
}

fn show(context: &RequestContext<'_>) -> Outcome {
    match context.read(|conn| find(context, conn, context.query("token")))? {
        Some(invitation) => Reply::page(&page(context, &invitation, Vec::new())),
        None => Reply::page(&code_page(context, "", Some(OVER))),
    }
}

const OVER: &str = "This link has been used, is too old, or never was one.";

fn page<'a>(
    context: &'a RequestContext<'_>,
    invitation: &'a Invitation,
    problems: Vec<String>,
) -> SignUp<'a> {
    SignUp {
        plain: Plain::new(context, TITLE),
        invitation,
        first: context.field("first_name"),
        last: context.field("last_name"),
        problems,
    }
}

fn code_page<'a>(context: &RequestContext<'_>, email: &'a str, problem: Option<&'static str>) -> Code<'a> {
    Code { plain: Plain::new(context, TITLE), email, problem, is_sent: false }
}

fn join(context: &RequestContext<'_>) -> Outcome {
    let Some(invitation) = context.read(|conn| find(context, conn, context.field("token")))? else {
        return Reply::invalid(&code_page(context, "", Some(OVER)));
    };
    let email = invitation.email.to_lowercase();
    // Who is on the platform has a name and a password.
    let registration = if invitation.is_on_platform {
        None
    } else {
        match registration::read(context, &email, false) {
            Ok(registration) => Some(registration),
            Err(RegistrationError::Objections(objections)) => {
                return Reply::invalid(&page(context, &invitation, objections));
            }
            Err(RegistrationError::Page(error)) => return Err(error),
        }
    };
    context.write(|conn| {
        let editor = Editor { conn, account: &invitation.account, now: context.stamp() };
        if let Some(Registration { first, last, password }) = &registration {
            users::set_names(conn, invitation.user, Some(first), Some(last), &serde_json::Map::new())?;
            if let Some(hash) = password {
                people::set_password(conn, &email, hash, &context.stamp())?;
            }
        }
        Ok(editor.accept(&invitation.email, context.now)?)
    })?;
    Ok(Reply::see(&sign_in::after("joined", &invitation.email)))
}

fn ask_for_code(context: &RequestContext<'_>) -> Outcome {
    Reply::page(&code_page(context, context.query("email"), None))
}

fn check_code(context: &RequestContext<'_>) -> Outcome {
    let email = context.field("email").to_lowercase();
    failures::count(context, Act::Join, &email)?;
    let code = context.field("code");
    let token = context.write(|conn| {
        let open = invitations::of_person(conn, &email)?;
        let fits = |open: &&OpenInvitation| {
            open.is_live(context.now) && open.failures < CODE_FAILURES && open.code == code
        };
        let token = open.iter().find(fits).map(|open| open.token.clone());
        if token.is_none() {
            open.iter().try_for_each(|open| invitations::failed(conn, open.user))?;
        }
        Ok(token)
    })?;
    match token {
        Some(token) => Ok(Reply::see(&format!("/signup?token={token}"))),
        None => Reply::invalid(&code_page(
            context,
            context.field("email"),
            Some("This address and this code do not belong together, or the code is too old."),
        )),
    }
}

/// A new link and code for whoever still has an invitation open; the same answer for everybody.
fn renew(context: &RequestContext<'_>) -> Outcome {
    asked::note(context, Act::Join, What::Invitation)?;
    Reply::page(&Code { is_sent: true, ..code_page(context, context.field("email"), None) })
}

/// Invites whoever still has an invitation open once more.
pub(in crate::sandbox::console) fn invite_again(
    inner: &Inner,
    conn: &Connection,
    email: &str,
) -> Result<(), SandboxError> {
    let now = inner.options.clock.now();
    for open in invitations::of_person(conn, email)? {
        inner.invites.invite(conn, open.account, open.user, &open.email, now)?;
    }
    Ok(())
}
