//! A forgotten password: a mail with a link, and the page the link leads to.

use askama::Template;

use super::password::problems;
use crate::sandbox::console::ask::Ask;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Fault, Outcome, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::mail::{self, Letter};
use crate::sandbox::password;
use crate::sandbox::store::one_time::{self, Purpose};
use crate::sandbox::store::{self, accounts, apps, people, sessions};

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

fn forgot(ask: &Ask<'_>) -> Outcome {
    let plain = Plain::of(ask, "Forgot password");
    Reply::page(&Forgot { plain, is_sent: false, shows_mailbox: ask.is_local() })
}

/// The same answer for every address.
fn send(ask: &Ask<'_>) -> Outcome {
    let email = ask.field("email").to_lowercase();
    ask.inner.attempts.count(&email, ask.ip(), ask.now).map_err(Fault::TooMany)?;
    send_link(ask, &email)?;
    let plain = Plain::of(ask, "Forgot password");
    Reply::page(&Forgot { plain, is_sent: true, shows_mailbox: ask.is_local() })
}

/// Mails a link to somebody who is in an account that has no single sign-on (3.2).
fn send_link(ask: &Ask<'_>, email: &str) -> Result<(), Fault> {
    let token = store::fresh_secret();
    let expires = ask.now.checked_add(password::RESET_LIFE).unwrap_or(jiff::Timestamp::MAX);
    ask.write(|conn| {
        let mut accounts = accounts::joined_by(conn, email)?.into_iter();
        let account = accounts.find(|account| matches!(apps::sso(conn, account.seq), Ok(None)));
        let Some(account) = account else { return Ok(()) };
        let digest = store::digest_of(&token);
        one_time::put(conn, Purpose::PasswordReset, email, &digest, expires.as_millisecond())?;
        let text = format!(
            "Somebody asked for a new password for {email} on the Kore.ai sandbox.\n\n\
             Set it here:\n{}/password/reset?token={token}\n\n\
             The link works once, until {} (15 minutes). If it was not you, do nothing.\n",
            ask.inner.invites.public_url,
            When::at(expires).people,
        );
        let letter = Letter { kind: mail::PASSWORD_RESET, to: email, subject: "Set a new password", text };
        Ok(letter.put(conn, account.seq, ask.now)?)
    })
}

/// Whom a link is for, while it works.
fn owner(ask: &Ask<'_>, token: &str) -> Result<Option<String>, Fault> {
    let digest = store::digest_of(token);
    let sent = ask.read(|conn| Ok(one_time::by_digest(conn, Purpose::PasswordReset, &digest)?))?;
    Ok(sent.filter(|sent| sent.expires_at_ms > ask.now.as_millisecond()).map(|sent| sent.subject))
}

fn show(ask: &Ask<'_>) -> Outcome {
    let token = ask.query("token");
    let email = owner(ask, token)?;
    Reply::page(&Reset { plain: Plain::of(ask, "New password"), token, email, problems: Vec::new() })
}

fn reset(ask: &Ask<'_>) -> Outcome {
    let token = ask.field("token");
    let plain = || Plain::of(ask, "New password");
    ask.inner.attempts.count("", ask.ip(), ask.now).map_err(Fault::TooMany)?;
    let Some(email) = owner(ask, token)? else {
        return Reply::invalid(&Reset { plain: plain(), token: "", email: None, problems: Vec::new() });
    };
    let wanted = ask.raw_field("password");
    let problems = problems(ask, &email, wanted, ask.raw_field("again"))?;
    if !problems.is_empty() {
        return Reply::invalid(&Reset { plain: plain(), token, email: Some(email), problems });
    }
    let hash = password::hash(wanted)?;
    ask.write(|conn| {
        one_time::forget(conn, Purpose::PasswordReset, &email)?;
        people::set_password(conn, &email, &hash, &ask.stamp())?;
        Ok(sessions::end_all(conn, &email, None)?)
    })?;
    Ok(Reply::see("/sign-in?changed=1"))
}
