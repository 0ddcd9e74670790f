//! The front: what this is, and for whoever is signed in the way on.

use askama::Template;

use crate::sandbox::console::ask::Ask;
use crate::sandbox::console::desk::Signed;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Fault, Outcome, Reply};
use crate::sandbox::console::route::Route;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::open("/", show),
    Route::open("/adminconsole", console),
    Route::open("/adminconsole/", console),
    Route::open("/adminconsole/{*rest}", console),
];

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    plain: Plain,
    /// The account that is open.
    account: Option<String>,
    shows_mailbox: bool,
}

fn show(ask: &Ask<'_>) -> Outcome {
    let signed = match Signed::of(ask) {
        Ok(signed) => Some(signed),
        Err(Fault::SignIn { .. }) => None,
        Err(other) => return Err(other),
    };
    let title = "Kore.ai sandbox";
    let plain = match &signed {
        Some(signed) => Plain::signed(signed, title)?,
        None => Plain::of(ask, title),
    };
    let account = signed.as_ref().and_then(Signed::account).map(|account| account.name.clone());
    Reply::page(&Landing { plain, account, shows_mailbox: ask.is_local() })
}

/// The newer console's address is another name of the same pages.
fn console(ask: &Ask<'_>) -> Outcome {
    let rest = ask.param("rest").trim_end_matches('/');
    let is_plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/".contains(&b));
    let rest = if rest.is_empty() || !is_plain { String::new() } else { format!("/{rest}") };
    Ok(Reply::see(&format!("/Admin{rest}")))
}
