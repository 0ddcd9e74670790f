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
    is_locked: bool,
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
    outcome: Option<&Verified>,
) -> Result<TwoFactor<'a>, PageError> {
    Ok(TwoFactor {
        plain: Plain::signed(signed, "Verification code")?,
        account: &account.name,
        email: &signed.session.email,
        minutes: session::code_life(signed, account).as_mins(),
        is_wrong: matches!(outcome, Some(Verified::Wrong)),
        is_locked: matches!(outcome, Some(Verified::Locked)),
        shows_mailbox: signed.is_local(),
    })
}

fn show(signed: &SignedIn<'_>) -> Outcome {
    Reply::page(&page(signed, wanted(signed)?, None)?)
}

fn verify(signed: &SignedIn<'_>) -> Outcome {
    let account = wanted(signed)?;
    match session::verify(signed, account, signed.field("code"))? {
        Verified::Opened(reply) => Ok(*reply),
        refused => Reply::invalid(&page(signed, account, Some(&refused))?),
    }
}

fn resend(signed: &SignedIn<'_>) -> Outcome {
    let account = wanted(signed)?;
    session::ask_for_code(signed, account)?;
    Ok(Reply::see("/two-factor").saying("A new code is on its way. The one before no longer works."))
}
