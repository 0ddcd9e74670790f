//! What people without a session ask for by their address: noted with their request, done after the answer. So the answer
//! takes as long for an address that is known as for any other.

use super::failures;
use super::pages::joining::ask;
use super::pages::{password_reset, sign_up};
use super::reply::PageError;
use super::request_context::RequestContext;
use super::throttle::Act;
use crate::sandbox::Inner;
use crate::sandbox::error::SandboxError;
use crate::sandbox::mail;
use crate::sandbox::store::asked::{self, What};

/// Counts the request and notes it.
pub(super) fn note(context: &RequestContext<'_>, act: Act, what: What) -> Result<(), PageError> {
    let email = context.field("email").to_lowercase();
    failures::count(context, act, &email)?;
    // What no mail can be sent to is nobody's address.
    if mail::is_address(&email) {
        context.write(|conn| Ok(asked::put(conn, what, &email)?))?;
    }
    Ok(())
}

/// Does what has been asked for, each in a transaction of its own.
pub(crate) fn do_what_was_asked(inner: &Inner) -> Result<(), SandboxError> {
    while inner.store.read::<_, SandboxError>(|conn| Ok(asked::any(conn)?))? {
        inner.store.write::<_, SandboxError>(|conn| {
            match asked::take(conn)? {
                Some((Some(What::PasswordLink), email)) => password_reset::send_link(inner, conn, &email)?,
                Some((Some(What::Joining), email)) => ask::send_link(inner, conn, &email)?,
                Some((Some(What::Invitation), email)) => sign_up::invite_again(inner, conn, &email)?,
                Some((None, _)) | None => {}
            }
            Ok(())
        })?;
    }
    Ok(())
}
