//! Sessions: from the password to an open account, and to their end. The token is never stored, and is another one
//! after every step that gives more rights.

use super::admin_context::SignedIn;
use super::failures;
use super::reply::{Outcome, PageError, Reply};
use super::request_context::RequestContext;
use super::throttle::Act;
use super::when::When;
use crate::sandbox::mail::{self, OutgoingMail};
use crate::sandbox::store::accounts::{self, Account};
use crate::sandbox::store::one_time::{self, Purpose};
use crate::sandbox::store::people::{self, Factor, Person};
use crate::sandbox::store::sessions::{self, Session};
use crate::sandbox::store::{self, audit, users};
use crate::sandbox::{clock, password};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;

/// Without activity for so long, a session is over.
pub(super) const IDLE: SignedDuration = SignedDuration::from_mins(15);
/// For how long a code of the second factor works at sign-in.
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// For how long it does when the account is switched.
const SWITCH_CODE_LIFE: SignedDuration = SignedDuration::from_mins(2);

/// However active it is, a session is over after so long.
const LIFE: SignedDuration = SignedDuration::from_hours(12);

/// Whether a session has been idle for too long.
pub(super) fn is_idle(session: &Session, now: Timestamp) -> bool {
    remaining(session, now) <= 0
}

/// Whether a session has lasted too long.
pub(super) fn is_old(session: &Session, now: Timestamp) -> bool {
    (now.as_millisecond() - session.created_at_ms).abs() >= clock_ms(LIFE)
}

/// Seconds until a session is over. A clock that was set back by more than the limit ends it as well.
pub(super) fn remaining(session: &Session, now: Timestamp) -> i64 {
    let age_ms = (now.as_millisecond() - session.seen_at_ms).abs();
    (clock_ms(IDLE) - age_ms).div_euclid(1000)
}

/// Sessions without activity since that time, in milliseconds, are over.
pub(super) fn idle_since(now: Timestamp) -> i64 {
    now.as_millisecond() - clock_ms(IDLE) + 1
}

fn clock_ms(span: SignedDuration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Signs a user in by password: a session without an account, under a new token. `None`: refused, and nobody is told
/// whether it was the address, the password, a lock, or an account that is closed to them.
pub(super) fn sign_in(
    context: &RequestContext<'_>,
    email: &str,
    password: &str,
) -> Result<Option<String>, PageError> {
    let email = email.to_lowercase();
    failures::count(context, Act::Password, &email)?;
    failures::release_locks(context)?;
    let person = context.read(|conn| Ok(people::by_email(conn, &email)?))?;
    // Outside of any transaction: it takes its time, on purpose.
    let is_right =
        password::is_right(password, person.as_ref().and_then(|person| person.password.as_deref()));
    let Some(person) = person else { return Ok(None) };
    context.write(|conn| {
        let is_welcome = is_welcome(context, conn, &email)?;
        if !is_right || !is_welcome {
            if is_welcome && person.password.is_some() {
                failures::note(context, conn, &email, Factor::Password)?;
            }
            return Ok(None);
        }
        people::forget_failures(conn, &email, Factor::Password)?;
        begin(context, conn, &person).map(Some)
    })
}

/// Whether an account is open to them here. A lock closes all of them, but not to a browser that they are known in.
fn is_welcome(context: &RequestContext<'_>, conn: &Connection, email: &str) -> Result<bool, PageError> {
    if failures::is_locked_out(context, conn, email)? {
        return Ok(false);
    }
    let is_locked = people::locked_until(conn, email)?.is_some();
    let open = if is_locked { accounts::joined_by(conn, email)? } else { accounts::open_to(conn, email)? };
    Ok(!open.is_empty())
}

/// A session without an account; returns its token.
fn begin(context: &RequestContext<'_>, conn: &Connection, person: &Person) -> Result<String, PageError> {
    sessions::forget_idle(conn, idle_since(context.now))?;
    one_time::forget_expired(conn, context.now.as_millisecond())?;
    // Whatever session this browser had is over.
    sessions::end(conn, &store::digest_of(&context.token))?;
    let token = store::fresh_secret();
    sessions::insert(
        conn,
        &Session {
            digest: store::digest_of(&token),
            id: store::fresh_hex(),
            email: person.email.clone(),
            account: None,
            wanted_account: None,
            has_second_factor: false,
            must_change_password: has_expired(person, context.now),
            device: context.incoming.device.clone(),
            created_at_ms: context.now.as_millisecond(),
            seen_at_ms: context.now.as_millisecond(),
            notice: None,
        },
    )?;
    Ok(token)
}

fn has_expired(person: &Person, now: Timestamp) -> bool {
    let changed = person.password_changed_at.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    changed.is_none_or(|changed| now.duration_since(changed) >= password::LIFE)
}

/// Where a fresh session goes: the only account, the default one, or the list.
pub(super) fn enter(signed: &SignedIn<'_>) -> Outcome {
    let person = signed.read(|conn| Ok(people::by_email(conn, &signed.session.email)?))?;
    let default = person.and_then(|person| person.default_account);
    let chosen = match &signed.accounts[..] {
        [only] => Some(only),
        several => several.iter().find(|account| Some(account.seq) == default),
    };
    match chosen {
        Some(account) => open(signed, account),
        None => Ok(Reply::see("/accounts")),
    }
}

/// Opens an account, by way of the second factor where it is asked for and has not been given in this session.
pub(super) fn open(signed: &SignedIn<'_>, account: &Account) -> Outcome {
    if account.two_factor && !signed.session.has_second_factor {
        ask_for_code(signed, account)?;
        return Ok(Reply::see("/two-factor"));
    }
    let opened = signed.write(|conn| opened(signed, conn, account, signed.session.has_second_factor))?;
    arrive(signed, account, opened)
}

/// Mails a code for that account. However it is asked for, it is counted.
pub(super) fn ask_for_code(signed: &SignedIn<'_>, account: &Account) -> Result<(), PageError> {
    failures::count(signed, Act::SendCode, &signed.session.email)?;
    signed.write(|conn| {
        sessions::want_account(conn, &signed.session.digest, account.seq)?;
        send_code(signed, conn, account)
    })
}

/// What a browser holds once an account is open.
struct Opened {
    token: String,
    /// By what it is known from now on, if all has been given that any account of theirs asks for.
    browser: Option<String>,
}

/// The session under a new token, with the account open.
fn opened(
    signed: &SignedIn<'_>,
    conn: &Connection,
    account: &Account,
    has_second_factor: bool,
) -> Result<Opened, PageError> {
    let token = store::fresh_secret();
    sessions::end(conn, &signed.session.digest)?;
    sessions::insert(
        conn,
        &Session {
            digest: store::digest_of(&token),
            account: Some(account.seq),
            wanted_account: None,
            has_second_factor,
            seen_at_ms: signed.now.as_millisecond(),
            notice: None,
            ..signed.session.clone()
        },
    )?;
    users::set_last_login(conn, account.seq, &signed.session.email, &signed.stamp())?;
    let text = format!("User logged in at {} from {} via web", signed.stamp(), signed.ip());
    audit::log_of(conn, account.seq, signed.now, &signed.session.email, audit::LOGIN, &text)?;
    let has_given_all = has_second_factor || signed.accounts.iter().all(|account| !account.two_factor);
    let browser =
        if has_given_all { Some(failures::remember(signed, conn, &signed.session.email)?) } else { None };
    Ok(Opened { token, browser })
}

/// Administrators arrive in the console, everybody else at the front.
fn arrive(signed: &SignedIn<'_>, account: &Account, opened: Opened) -> Outcome {
    let rights = signed.user_and_rights(account)?.map(|(_, rights)| rights);
    let is_admin = rights.is_some_and(|rights| rights.satisfy(super::rights::Needs::Administrator));
    let next = signed.incoming.next.as_deref().filter(|_| is_admin);
    let to = next.unwrap_or(if is_admin { "/Admin" } else { "/" });
    let over = signed.incoming.next.is_some().then(String::new);
    Ok(Reply { browser: opened.browser, next: over, ..Reply::see(to).with_token(opened.token) })
}

/// For how long a code works: not so long from one open account to another.
pub(super) fn code_life(signed: &SignedIn<'_>, account: &Account) -> SignedDuration {
    let is_switch = signed.session.account.is_some_and(|open| open != account.seq);
    if is_switch { SWITCH_CODE_LIFE } else { CODE_LIFE }
}

/// Mails a fresh code; the one before works no longer.
fn send_code(signed: &SignedIn<'_>, conn: &Connection, account: &Account) -> Result<(), PageError> {
    let life = code_life(signed, account);
    let code = mail::code();
    let expires = clock::after(signed.now, life);
    let digest = code_digest(&signed.session, &code);
    one_time::put(conn, Purpose::SecondFactor, &signed.session.digest, &digest, expires.as_millisecond())?;
    let text = format!(
        "A sign-in to the account {} of the Kore.ai sandbox was started with your password.\n\n\
         Verification code: {code}\n\n\
         It works once, until {} ({} minutes). If it is not you who signs in, change your password.\n",
        account.name,
        When::at(expires).people,
        life.as_mins(),
    );
    let to = signed.session.email.as_str();
    let mail = OutgoingMail { kind: mail::SECOND_FACTOR, to, subject: "Your verification code", text };
    Ok(mail.put(conn, account.seq, signed.now)?)
}

/// A code alone could be found from its digest; together with the session's it cannot be tried elsewhere.
fn code_digest(session: &Session, code: &str) -> String {
    store::digest_of(&format!("{} {code}", session.digest))
}

/// What became of a code that was typed in.
pub(super) enum Verified {
    /// The account is open, under a new token.
    Opened(Box<Reply>),
    /// Wrong, used or late.
    Wrong,
    /// After five wrong ones no code is taken for a while, a right one neither.
    Locked,
}

/// Gives the second factor.
pub(super) fn verify(signed: &SignedIn<'_>, account: &Account, code: &str) -> Result<Verified, PageError> {
    failures::release_locks(signed)?;
    let (subject, email) = (signed.session.digest.as_str(), signed.session.email.as_str());
    let opened = signed.write(|conn| {
        if failures::is_locked_out(signed, conn, email)? {
            return Ok(None);
        }
        let sent = one_time::of_subject(conn, Purpose::SecondFactor, subject)?;
        let now_ms = signed.now.as_millisecond();
        let is_right = sent.is_some_and(|sent| {
            sent.expires_at_ms > now_ms && sent.digest == code_digest(&signed.session, code)
        });
        if !is_right {
            failures::note(signed, conn, email, Factor::Code)?;
            return Ok(None);
        }
        one_time::forget(conn, Purpose::SecondFactor, subject)?;
        people::forget_failures(conn, email, Factor::Code)?;
        opened(signed, conn, account, true).map(Some)
    })?;
    match opened {
        Some(opened) => Ok(Verified::Opened(Box::new(arrive(signed, account, opened)?))),
        None if signed.read(|conn| failures::is_locked_out(signed, conn, email))? => Ok(Verified::Locked),
        None => Ok(Verified::Wrong),
    }
}

/// Ends the session; the log of the open account notes it.
pub(super) fn sign_out(signed: &SignedIn<'_>) -> Result<(), PageError> {
    signed.write(|conn| {
        if let Some(account) = signed.account() {
            let text = format!("User logged out at {} from {} via web", signed.stamp(), signed.ip());
            audit::log_of(conn, account.seq, signed.now, &signed.session.email, audit::LOGOUT, &text)?;
        }
        Ok(sessions::end(conn, &signed.session.digest)?)
    })
}
