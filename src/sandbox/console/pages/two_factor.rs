//! The second factor: a code from the mailbox, before the account opens.

use crate::sandbox::console::admin_context::SignedIn;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::session::{self, Verified};
use crate::sandbox::store::accounts::Account;
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::signed("/two-factor", show),
    Route::signed_form("/two-factor", verify),
    Route::signed_form("/two-factor/resend", resend),
];

#[derive(Template)]
#[template(path = "two_factor.html")]
struct TwoFactor<'a> {
    plain: Plain,
    account: &'a str,
    email: &'a str,
    minutes: i64,
    is_wrong: bool,
    shows_mailbox: bool,
}

/// The account that waits for the code.
fn wanted<'a>(signed: &'a SignedIn<'_>) -> Result<&'a Account, PageError> {
    let wanted = signed.session.wanted_account;
    signed
        .accounts
        .iter()
        .find(|account| Some(account.seq) == wanted)
        .ok_or(PageError::Elsewhere("/accounts"))
}

fn page<'a>(
    signed: &'a SignedIn<'_>,
    account: &'a Account,
    is_wrong: bool,
) -> Result<TwoFactor<'a>, PageError> {
    Ok(TwoFactor {
        plain: Plain::signed(signed, "Verification code")?,
        account: &account.name,
        email: &signed.session.email,
        minutes: session::code_life(signed, account).as_mins(),
        is_wrong,
        shows_mailbox: signed.is_local(),
    })
}

fn show(signed: &SignedIn<'_>) -> Outcome {
    Reply::page(&page(signed, wanted(signed)?, false)?)
}

fn verify(signed: &SignedIn<'_>) -> Outcome {
    let account = wanted(signed)?;
    match session::verify(signed, account, signed.field("code"))? {
        Verified::Opened(reply) => Ok(*reply),
        Verified::Wrong => Reply::invalid(&page(signed, account, true)?),
    }
}

fn resend(signed: &SignedIn<'_>) -> Outcome {
    let account = wanted(signed)?;
    signed
        .inner
        .attempts
        .count(&signed.session.email, signed.ip(), signed.now)
        .map_err(PageError::TooMany)?;
    signed.write(|conn| session::send_code(signed, conn, account))?;
    Ok(Reply::see("/two-factor").saying("A new code is on its way. The one before no longer works."))
}
