//! Asking to join: an address, a mail with a link, and behind the link a name and a password.

use super::{admit, open_accounts};
use crate::sandbox::admin::edit::Editor;
use crate::sandbox::console::asked;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::pages::registration::{self, Registration, RegistrationError};
use crate::sandbox::console::pages::sign_in;
use crate::sandbox::console::pages::user_settings::{SelfSignUp, UserSettings};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::request_context::RequestContext;
use crate::sandbox::console::route::Route;
use crate::sandbox::console::throttle::Act;
use crate::sandbox::console::when::When;
use crate::sandbox::error::SandboxError;
use crate::sandbox::mail::{self, OutgoingMail};
use crate::sandbox::store::accounts::{self, Account};
use crate::sandbox::store::asked::What;
use crate::sandbox::store::join_requests::{self, JoinRequest};
use crate::sandbox::store::{self, audit, people};
use crate::sandbox::{Inner, clock};
use askama::Template;
use jiff::Timestamp;
use rusqlite::Connection;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::open("/signup/ask", show),
    Route::open_form("/signup/ask", send),
    Route::open("/signup/ask/confirm", show_form),
    Route::open_form("/signup/ask/confirm", confirm),
];

#[derive(Template)]
#[template(path = "join_ask.html")]
struct AskToJoin {
    plain: Plain,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Asking,
    /// The link that led here works no longer, or never did.
    LinkIsOver,
    MailIsOnItsWay,
    /// An administrator has to agree.
    Waits,
}

#[derive(Template)]
#[template(path = "join_confirm.html")]
struct ConfirmJoining<'a> {
    plain: Plain,
    token: &'a str,
    found: &'a RequestByLink,
    first: &'a str,
    last: &'a str,
    problems: Vec<String>,
}

/// A request whose link works.
struct RequestByLink {
    request: JoinRequest,
    account: Account,
    rule: SelfSignUp,
    /// Has a password: confirms with one button.
    is_on_platform: bool,
}

const TITLE: &str = "Ask to join an account";

fn page(context: &RequestContext<'_>, state: State) -> AskToJoin {
    AskToJoin { plain: Plain::new(context, TITLE), state }
}

fn show(context: &RequestContext<'_>) -> Outcome {
    Reply::page(&page(context, State::Asking))
}

/// The same answer for every address.
fn send(context: &RequestContext<'_>) -> Outcome {
    asked::note(context, Act::Join, What::Joining)?;
    Reply::page(&page(context, State::MailIsOnItsWay))
}

/// Mails a link for every account that the address may ask to join.
pub(in crate::sandbox::console) fn send_link(
    inner: &Inner,
    conn: &Connection,
    email: &str,
) -> Result<(), SandboxError> {
    let now = inner.options.clock.now();
    for account in open_accounts(conn, email)? {
        let token = store::fresh_secret();
        let expires = clock::after(now, inner.invites.life);
        let digest = store::digest_of(&token);
        if join_requests::put(conn, account.seq, email, &digest, expires, now)? {
            mail(inner, email, &account, &token, expires).put(conn, account.seq, now)?;
        }
    }
    Ok(())
}

fn mail<'a>(
    inner: &Inner,
    email: &'a str,
    account: &Account,
    token: &str,
    expires: Timestamp,
) -> OutgoingMail<'a> {
    let text = format!(
        "A request to join the account {} of the Kore.ai sandbox was made with this address.\n\n\
         If it was you, go on here:\n{}/signup/ask/confirm?token={token}\n\n\
         The link works until {}. If it was not you, do nothing.\n",
        account.name,
        inner.invites.public_url,
        When::at(expires).people,
    );
    OutgoingMail { kind: mail::ABOUT_JOINING, to: email, subject: "Your request to join an account", text }
}

fn find(context: &RequestContext<'_>, token: &str) -> Result<Option<RequestByLink>, PageError> {
    context.read(|conn| {
        let request = join_requests::by_digest(conn, &store::digest_of(token))?;
        let Some(request) = request.filter(|request| request.expires_at_ms > context.now.as_millisecond())
        else {
            return Ok(None);
        };
        let account = accounts::by_seq(conn, request.account)?;
        let rule = UserSettings::load(conn, account.seq)?.self_sign_up;
        // The settings may have changed, and the person may have joined.
        if open_accounts(conn, &request.email)?.iter().all(|open| open.seq != account.seq) {
            return Ok(None);
        }
        let person = people::by_email(conn, &request.email)?;
        let is_on_platform = person.is_some_and(|person| person.password.is_some());
        Ok(Some(RequestByLink { request, account, rule, is_on_platform }))
    })
}

fn show_form(context: &RequestContext<'_>) -> Outcome {
    match find(context, context.query("token"))? {
        Some(found) => Reply::page(&form(context, context.query("token"), &found, Vec::new())),
        None => Reply::page(&page(context, State::LinkIsOver)),
    }
}

fn form<'a>(
    context: &'a RequestContext<'_>,
    token: &'a str,
    found: &'a RequestByLink,
    problems: Vec<String>,
) -> ConfirmJoining<'a> {
    let (first, last) = (context.field("first_name"), context.field("last_name"));
    ConfirmJoining { plain: Plain::new(context, TITLE), token, found, first, last, problems }
}

fn confirm(context: &RequestContext<'_>) -> Outcome {
    let token = context.field("token");
    let Some(mut found) = find(context, token)? else {
        return Reply::invalid(&page(context, State::LinkIsOver));
    };
    let Registration { first, last, password } =
        match registration::read(context, &found.request.email, found.is_on_platform) {
            Ok(registration) => registration,
            Err(RegistrationError::Objections(objections)) => {
                return Reply::invalid(&form(context, token, &found, objections));
            }
            Err(RegistrationError::Page(error)) => return Err(error),
        };
    found.request.first_name = first.to_owned();
    found.request.last_name = last.to_owned();
    found.request.password = password;
    let RequestByLink { request, account, rule, .. } = &found;
    if *rule == SelfSignUp::AutoApprove {
        context.write(|conn| {
            admit(&Editor { conn, account, now: context.stamp() }, request, context.now)?;
            let text = format!("request of {} to join accepted automatically", request.email);
            Ok(audit::log(conn, account.seq, context.now, audit::ENROLLMENT_ACCEPTED, &text)?)
        })?;
        return Ok(Reply::see(&sign_in::after("joined", &request.email)));
    }
    context.write(|conn| Ok(join_requests::wait(conn, request)?))?;
    Reply::page(&page(context, State::Waits))
}
