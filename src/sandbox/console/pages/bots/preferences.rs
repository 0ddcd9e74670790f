//! Bots Management > Preferences: whether deployment waits for an admin, for the whole account.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::bot_settings::Preferences;
use crate::sandbox::store::{accounts, audit};
use askama::Template;

const NEEDS: Needs = Needs::Any(&[Permission::Preferences]);
const PATH: &str = "/Admin/bots/preferences";

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page(PATH, NEEDS, show), Route::action(PATH, NEEDS, save)];

#[derive(Template)]
#[template(path = "bots_preferences.html")]
struct PreferencesPage {
    frame: Frame,
    approves: bool,
    assigns: bool,
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let preferences = admin.read(|conn| Ok(Preferences::load(conn, admin.account.seq)?))?;
    Reply::page(&PreferencesPage {
        frame: Frame::new(admin, "Preferences", &[("Bots Management", None)])?,
        approves: admin.account.auto_approve,
        assigns: preferences.assigns_everybody,
    })
}

fn save(admin: &AdminContext<'_>) -> Outcome {
    let approves = match admin.field("requests") {
        "approve" => true,
        "hold" => false,
        _ => return Err(PageError::Refused("Choose one of the two.".to_owned())),
    };
    let assigns = approves && admin.field("assign") == "on";
    admin.change(|change| {
        accounts::set_auto_approve(change.conn(), admin.account.seq, approves)?;
        Preferences { assigns_everybody: assigns }.save(change.conn(), admin.account.seq)?;
        let text = match (approves, assigns) {
            (false, _) => "deployment requests are held for approval",
            (true, false) => "deployment requests are approved by themselves",
            (true, true) => "deployment requests are approved by themselves and assigned to everybody",
        };
        change.log(audit::DEPLOYMENT_SETTINGS, text)
    })?;
    Ok(Reply::see(PATH).saying("The preferences are saved."))
}
