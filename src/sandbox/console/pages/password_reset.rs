//! A forgotten password: a mail with a link, and the page the link leads to.

use super::password::{self, problems};
use crate::sandbox::console::asked;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::pages::sign_in;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::request_context::RequestContext;
use crate::sandbox::console::route::Route;
use crate::sandbox::console::throttle::{Act, Key};
use crate::sandbox::console::when::When;
use crate::sandbox::error::SandboxError;
use crate::sandbox::mail::{self, OutgoingMail};
use crate::sandbox::store::asked::What;
use crate::sandbox::store::one_time::{self, Purpose};
use crate::sandbox::store::{self, accounts, apps, people};
use crate::sandbox::{Inner, clock, password as rules};
use askama::Template;
use rusqlite::Connection;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::open("/password/forgot", forgot),
    Route::open_form("/password/forgot", send),
    Route::open("/password/reset", show),
    Route::open_form("/password/reset", reset),
];

#[derive(Template)]
#[template(path = "password_forgot.html")]
struct Forgot {
    plain: Plain,
    is_sent: bool,
    shows_mailbox: bool,
}

#[derive(Template)]
#[template(path = "password_reset.html")]
struct Reset<'a> {
    plain: Plain,
    token: &'a str,
    /// Whom the link is for; `None`: it works no longer, or never did.
    email: Option<String>,
    problems: Vec<String>,
}

fn forgot(context: &RequestContext<'_>) -> Outcome {
    let plain = Plain::new(context, "Forgot password");
    Reply::page(&Forgot { plain, is_sent: false, shows_mailbox: context.is_local() })
}

/// The same answer for every address.
fn send(context: &RequestContext<'_>) -> Outcome {
    asked::note(context, Act::SendLink, What::PasswordLink)?;
    let plain = Plain::new(context, "Forgot password");
    Reply::page(&Forgot { plain, is_sent: true, shows_mailbox: context.is_local() })
}

/// Mails a link to a user who is in an account that has no single sign-on (3.2).
pub(in crate::sandbox::console) fn send_link(
    inner: &Inner,
    conn: &Connection,
    email: &str,
) -> Result<(), SandboxError> {
    let mut accounts = accounts::joined_by(conn, email)?.into_iter();
    let account = accounts.find(|account| matches!(apps::sso(conn, account.seq), Ok(None)));
    let Some(account) = account else { return Ok(()) };
    put_link(inner, conn, account.seq, email)
}

/// Mails a fresh link; one sent before stops working. `email` in lower case.
pub(super) fn put_link(
    inner: &Inner,
    conn: &Connection,
    account: i64,
    email: &str,
) -> Result<(), SandboxError> {
    let now = inner.options.clock.now();
    let token = store::fresh_secret();
    let expires = clock::after(now, rules::RESET_LIFE);
    let digest = store::digest_of(&token);
    one_time::put(conn, Purpose::PasswordReset, email, &digest, expires.as_millisecond())?;
    let text = format!(
        "A new password was requested for {email} on the Kore.ai sandbox.\n\n\
         Set it here:\n{}/password/reset?token={token}\n\n\
         The link works once, until {} (15 minutes). If it was not you, do nothing.\n",
        inner.invites.public_url,
        When::at(expires).people,
    );
    let mail = OutgoingMail { kind: mail::PASSWORD_RESET, to: email, subject: "Set a new password", text };
    Ok(mail.put(conn, account, now)?)
}

/// Whom a link is for, while it works.
fn owner(context: &RequestContext<'_>, token: &str) -> Result<Option<String>, PageError> {
    let digest = store::digest_of(token);
    let sent = context.read(|conn| Ok(one_time::by_digest(conn, Purpose::PasswordReset, &digest)?))?;
    Ok(sent.filter(|sent| sent.expires_at_ms > context.now.as_millisecond()).map(|sent| sent.subject))
}

fn show(context: &RequestContext<'_>) -> Outcome {
    let token = context.query("token");
    let email = owner(context, token)?;
    Reply::page(&Reset { plain: Plain::new(context, "New password"), token, email, problems: Vec::new() })
}

fn reset(context: &RequestContext<'_>) -> Outcome {
    let token = context.field("token");
    let plain = || Plain::new(context, "New password");
    let Some(email) = owner(context, token)? else {
        let here = [Key::Machine(Act::Reset, context.ip())];
        context.inner.throttle.count(&here, context.now).map_err(PageError::TooMany)?;
        return Reply::invalid(&Reset { plain: plain(), token: "", email: None, problems: Vec::new() });
    };
    // Whoever holds the link has it from the mailbox: nobody else's tries count against them.
    let theirs = [Key::address(Act::Reset, &email)];
    context.inner.throttle.count(&theirs, context.now).map_err(PageError::TooMany)?;
    let wanted = context.raw_field("password");
    let problems = problems(context, &email, wanted, context.raw_field("again"))?;
    if !problems.is_empty() {
        return Reply::invalid(&Reset { plain: plain(), token, email: Some(email), problems });
    }
    let hash = rules::hash(wanted)?;
    let browser = context.write(|conn| {
        one_time::forget(conn, Purpose::PasswordReset, &email)?;
        // The mailbox is theirs: a lock was against somebody else.
        people::unlock(conn, &email)?;
        let text = format!("password of {email} reset by a mailed link from {}", context.ip());
        password::set(context, conn, &email, &hash, &text)
    })?;
    Ok(Reply::see(&sign_in::after("changed", &email)).with_browser(browser))
}
