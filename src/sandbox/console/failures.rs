//! What failed sign-ins and wrong codes lead to: counts, the audit log, the lock; and the browsers that a lock of
//! strangers does not concern. The rules are in [`super::throttle`].

use super::reply::PageError;
use super::request_context::RequestContext;
use super::throttle::{Act, Key};
use crate::sandbox::store::accounts;
use crate::sandbox::store::audit::{self, Event};
use crate::sandbox::store::people::{self, Factor};
use crate::sandbox::store::{self, browsers};
use crate::sandbox::{clock, password};
use jiff::SignedDuration;
use rusqlite::Connection;

/// For how long a browser is known after a sign-in.
pub(super) const BROWSER_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Counts a try of an address (in lower case) from this browser; refuses one too many.
pub(super) fn count(context: &RequestContext<'_>, act: Act, email: &str) -> Result<(), PageError> {
    let known = match &context.incoming.browser {
        Some(browser) if is_known(context, email)? => Some(store::digest_of(browser)),
        _ => None,
    };
    let keys = match known {
        Some(digest) => vec![Key::Browser(act, digest)],
        None => vec![Key::address(act, email), Key::Machine(act, context.ip())],
    };
    context.inner.throttle.count(&keys, context.now).map_err(PageError::TooMany)
}

/// Whether the person (in lower case) has signed in from this browser before.
pub(super) fn is_known(context: &RequestContext<'_>, email: &str) -> Result<bool, PageError> {
    context.read(|conn| is_known_in(context, conn, email))
}

fn is_known_in(context: &RequestContext<'_>, conn: &Connection, email: &str) -> Result<bool, PageError> {
    let Some(browser) = &context.incoming.browser else { return Ok(false) };
    let since = context.now.checked_sub(BROWSER_LIFE).unwrap_or(jiff::Timestamp::MIN).as_millisecond();
    Ok(browsers::is_known(conn, &store::digest_of(browser), email, password::FAILURES, since)?)
}

/// Makes this browser one that the person is known in; returns the new value of its cookie.
pub(super) fn remember(
    context: &RequestContext<'_>,
    conn: &Connection,
    email: &str,
) -> Result<String, PageError> {
    let value = store::fresh_secret();
    let before = context.incoming.browser.as_deref().map(store::digest_of);
    let digest = store::digest_of(&value);
    browsers::put(conn, before.as_deref(), &digest, email, context.now.as_millisecond())?;
    Ok(value)
}

/// Unlocks everybody whose lock has run out.
pub(super) fn release_locks(context: &RequestContext<'_>) -> Result<(), PageError> {
    let over = context.read(|conn| Ok(people::lock_is_over(conn, &context.stamp())?))?;
    if over.is_empty() {
        return Ok(());
    }
    context.write(|conn| Ok(over.iter().try_for_each(|email| people::unlock(conn, email))?))
}

/// Whether a lock refuses the person in this browser. Asked within the transaction that would let them in: by then
/// others may have failed.
pub(super) fn is_locked_out(
    context: &RequestContext<'_>,
    conn: &Connection,
    email: &str,
) -> Result<bool, PageError> {
    let is_locked = people::locked_until(conn, email)?.is_some_and(|until| until > context.stamp());
    Ok(is_locked && !is_known_in(context, conn, email)?)
}

/// Counts a wrong password or code. The fifth in a row locks, in every account.
pub(super) fn note(
    context: &RequestContext<'_>,
    conn: &Connection,
    email: &str,
    factor: Factor,
) -> Result<(), PageError> {
    let (what, many) = match factor {
        Factor::Password => ("wrong password", "failed sign-ins"),
        Factor::Code => ("wrong code", "wrong codes, and the code that was sent is void"),
    };
    let text = format!("sign-in of {email} from {} refused: {what}", context.ip());
    log(context, conn, email, audit::LOGIN, &text)?;
    if let Some(browser) = &context.incoming.browser {
        browsers::failed(conn, &store::digest_of(browser), email)?;
    }
    let failures = people::count_failure(conn, email, factor)?;
    if failures < password::FAILURES {
        return Ok(());
    }
    log(context, conn, email, audit::USER_MODIFIED, &format!("user {email} locked after {failures} {many}"))?;
    let until = clock::wire(clock::after(context.now, password::LOCK));
    Ok(people::lock(conn, email, &until)?)
}

/// Writes an entry about a person into the log of every account they have joined.
pub(super) fn log(
    context: &RequestContext<'_>,
    conn: &Connection,
    email: &str,
    event: Event,
    text: &str,
) -> Result<(), PageError> {
    let mut joined = accounts::joined_by(conn, email)?.into_iter();
    Ok(joined.try_for_each(|account| audit::log(conn, account.seq, context.now, event, text))?)
}
