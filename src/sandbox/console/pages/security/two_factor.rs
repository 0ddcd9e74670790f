//! Security & Control > Two-Factor Authentication: on or off, for everybody who signs in to the account.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::session;
use crate::sandbox::store::{apps, audit};
use askama::Template;

const NEEDS: Needs = Needs::Any(&[Permission::TwoFactor]);

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/security/two-factor", NEEDS, show),
    Route::action("/Admin/security/two-factor", NEEDS, switch),
];

#[derive(Template)]
#[template(path = "security_two_factor.html")]
struct SecurityTwoFactor {
    frame: Frame,
    is_on: bool,
    has_sso: bool,
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let has_sso = admin.read(|conn| Ok(apps::sso(conn, admin.account.seq)?.is_some()))?;
    let crumbs = [("Security & Control", None)];
    let frame = Frame::new(admin, "Two-Factor Authentication", &crumbs)?;
    Reply::page(&SecurityTwoFactor { frame, is_on: admin.account.two_factor, has_sso })
}

fn switch(admin: &AdminContext<'_>) -> Outcome {
    let on = admin.field("state") == "on";
    admin.change(|change| {
        change.set_two_factor(on)?;
        let text = format!("two-factor authentication switched {}", if on { "on" } else { "off" });
        change.log(audit::SETTINGS_MODIFIED, &text)
    })?;
    if on && !admin.session.has_second_factor {
        // Without one this session would be shut out with the next click.
        session::ask_for_code(admin, &admin.account)?;
        let text = "Two-factor authentication is on. To go on, type the code that was sent to you just now.";
        return Ok(Reply::see("/two-factor").saying(text));
    }
    let now = if on { "on: the next sign-in asks for a code" } else { "off" };
    Ok(Reply::see("/Admin/security/two-factor").saying(format!("Two-factor authentication is {now}.")))
}
