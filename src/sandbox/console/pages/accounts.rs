//! The accounts of one person: choose one, switch, set the one to start with.

use crate::sandbox::console::admin_context::SignedIn;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::session;
use crate::sandbox::store::accounts::Account;
use crate::sandbox::store::people;
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::signed("/accounts", show),
    Route::signed_form("/accounts/open", open),
    Route::signed_form("/accounts/default", set_default),
];

#[derive(Template)]
#[template(path = "accounts.html")]
struct Accounts {
    plain: Plain,
    accounts: Vec<AccountChoice>,
}

struct AccountChoice {
    id: String,
    name: String,
    is_open: bool,
    is_default: bool,
    asks_for_code: bool,
}

fn show(signed: &SignedIn<'_>) -> Outcome {
    let person = signed.read(|conn| Ok(people::by_email(conn, &signed.session.email)?))?;
    let default = person.and_then(|person| person.default_account);
    let accounts = signed.accounts.iter().map(|account| AccountChoice {
        id: account.id.clone(),
        name: account.name.clone(),
        is_open: Some(account.seq) == signed.session.account,
        is_default: Some(account.seq) == default,
        asks_for_code: account.two_factor && !signed.session.has_second_factor,
    });
    let accounts = accounts.collect();
    Reply::page(&Accounts { plain: Plain::signed(signed, "Choose an account")?, accounts })
}

/// The account of the form, if it is one of theirs.
fn chosen<'a>(signed: &'a SignedIn<'_>) -> Result<&'a Account, PageError> {
    let id = signed.field("account");
    signed.accounts.iter().find(|account| account.id == id).ok_or(PageError::NotFound)
}

fn open(signed: &SignedIn<'_>) -> Outcome {
    session::open(signed, chosen(signed)?)
}

fn set_default(signed: &SignedIn<'_>) -> Outcome {
    let email = signed.session.email.as_str();
    if signed.field("account").is_empty() {
        signed.write(|conn| Ok(people::set_default_account(conn, email, None)?))?;
        return Ok(Reply::see("/accounts").saying("No account opens by itself from now on."));
    }
    let account = chosen(signed)?;
    signed.write(|conn| Ok(people::set_default_account(conn, email, Some(account.seq))?))?;
    Ok(Reply::see("/accounts").saying(format!("{} opens first from now on.", account.name)))
}
