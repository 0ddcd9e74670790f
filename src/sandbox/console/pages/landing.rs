//! The front: what this is, and for whoever is signed in the way on.

use crate::sandbox::console::admin_context::SignedIn;
use crate::sandbox::console::frame::Plain;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::request_context::RequestContext;
use crate::sandbox::console::route::Route;
use askama::Template;

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

fn show(context: &RequestContext<'_>) -> Outcome {
    let signed = match SignedIn::new(context) {
        Ok(signed) => Some(signed),
        Err(PageError::SignIn { .. } | PageError::Elsewhere("/sign-in?old=1")) => None,
        Err(other) => return Err(other),
    };
    let title = "Kore.ai sandbox";
    let plain = match &signed {
        Some(signed) => Plain::signed(signed, title)?,
        None => Plain::new(context, title),
    };
    let account = signed.as_ref().and_then(SignedIn::account).map(|account| account.name.clone());
    Reply::page(&Landing { plain, account, shows_mailbox: context.is_local() })
}

/// The newer console's address is another name of the same pages.
fn console(context: &RequestContext<'_>) -> Outcome {
    let rest = context.param("rest").trim_end_matches('/');
    let is_plain = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/".contains(&b));
    let rest = if rest.is_empty() || !is_plain { String::new() } else { format!("/{rest}") };
    Ok(Reply::see(&format!("/Admin{rest}")))
}
