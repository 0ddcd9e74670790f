//! Security & Control > Settings: retention, context, from where the console may be used, links that were mailed.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::pages::confirm::{self, Confirmation};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::audit;
use crate::sandbox::store::security::{self, Security};
use askama::Template;

/// The vendor names no permission for this page; who may change how people sign in may change from where.
const NEEDS: Needs = Needs::Any(&[Permission::TwoFactor, Permission::SingleSignOn]);
const PATH: &str = "/Admin/security/settings";
const NAME: &str = "/Admin/security/settings/name";

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(PATH, NEEDS, show),
    Route::action(PATH, NEEDS, save),
    Route::action("/Admin/security/settings/revoke", NEEDS, revoke),
    Route::action(NAME, Needs::Any(&[]), rename),
];

/// Months and how people say that.
const RETENTION: [(u32, &str); 10] = [
    (1, "1 month"),
    (3, "3 months"),
    (6, "6 months"),
    (12, "1 year"),
    (24, "2 years"),
    (36, "3 years"),
    (48, "4 years"),
    (60, "5 years"),
    (72, "6 years"),
    (84, "7 years"),
];
/// Expressions, and characters of each.
const ADDRESSES_MAX: usize = 20;
const ADDRESS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "security_settings.html")]
struct SecuritySettingsPage {
    frame: Frame,
    may_rename: bool,
    retention: Vec<(u32, &'static str, bool)>,
    keeps_context: bool,
    addresses: String,
    own_address: String,
    problems: Vec<String>,
}

fn page(
    admin: &AdminContext<'_>,
    security: &Security,
    problems: Vec<String>,
) -> Result<SecuritySettingsPage, PageError> {
    Ok(SecuritySettingsPage {
        frame: Frame::new(admin, "Settings", &[("Security & Control", None)])?,
        may_rename: admin.may(NAME),
        retention: RETENTION
            .iter()
            .map(|(months, label)| (*months, *label, *months == security.retention_months))
            .collect(),
        keeps_context: security.keeps_context,
        addresses: security.addresses.join("\n"),
        own_address: admin.ip().to_string(),
        problems,
    })
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let security = admin.read(|conn| Ok(Security::load(conn, admin.account.seq)?))?;
    Reply::page(&page(admin, &security, Vec::new())?)
}

fn save(admin: &AdminContext<'_>) -> Outcome {
    let months = admin.field("retention").parse().unwrap_or(0);
    let addresses: Vec<String> = admin
        .field("addresses")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect();
    let security =
        Security { retention_months: months, keeps_context: admin.field("context") == "on", addresses };
    let mut problems = Vec::new();
    if !RETENTION.iter().any(|(known, _)| *known == months) {
        problems.push("Choose how long data is kept.".to_owned());
    }
    if security.addresses.len() > ADDRESSES_MAX {
        problems.push(format!("Up to {ADDRESSES_MAX} expressions are taken."));
    }
    for pattern in &security.addresses {
        if pattern.chars().count() > ADDRESS_MAX || security::whole(pattern).is_none() {
            problems.push(format!("{pattern} is not a regular expression."));
        }
    }
    let own = admin.ip().to_string();
    if problems.is_empty() && !security.admits(&own) {
        problems.push(format!("Your own address {own} has to match: you would lock yourself out."));
    }
    if !problems.is_empty() {
        return Reply::invalid(&page(admin, &security, problems)?);
    }
    admin.change(|change| {
        security.save(change.conn(), admin.account.seq)?;
        let from = if security.addresses.is_empty() {
            "everywhere".to_owned()
        } else {
            security.addresses.join(", ")
        };
        let context = if security.keeps_context { "on" } else { "off" };
        let text = format!("retention {months} months, context persistence {context}, console from {from}");
        change.log(audit::SETTINGS_MODIFIED, &text)
    })?;
    Ok(Reply::see(PATH).saying("The settings are saved."))
}

/// People with several accounts tell them apart by their names. The vendor describes no such page, hence Master Admins.
fn rename(admin: &AdminContext<'_>) -> Outcome {
    let name = admin.field("name");
    if name == admin.account.name {
        return Ok(Reply::see(PATH).saying("Nothing was changed."));
    }
    admin.change(|change| {
        change.rename_account(name)?;
        change.log(audit::SETTINGS_MODIFIED, &format!("account {} is called {name} now", admin.account.name))
    })?;
    Ok(Reply::see(PATH).saying(format!("The account is called {name} now.")))
}

fn revoke(admin: &AdminContext<'_>) -> Outcome {
    if !confirm::is_given(admin) {
        let confirmation = Confirmation {
            title: "Revoke All Active URLs?",
            crumbs: &[("Security & Control", None), ("Settings", Some(PATH))],
            text: "Every link of an invitation and to a new password stops working, and nobody can bring them back. \
                   Whoever still needs one is invited again."
                .to_owned(),
            subjects: Vec::new(),
            yes: "Revoke All Active URLs",
            back: PATH,
        };
        return confirm::confirm_page(admin, confirmation);
    }
    let count = admin.change(|change| {
        let count = security::revoke_links(change.conn(), admin.account.seq)?;
        change.log(audit::SETTINGS_MODIFIED, &format!("all active URLs revoked: {count}"))?;
        Ok(count)
    })?;
    Ok(Reply::see(PATH).saying(format!("Revoked: {count}. Whoever still needs a link is invited again.")))
}
