//! Security & Control > API Scopes: the apps that may call the API, and what each may. A secret is shown once, in the
//! answer to the form that made it.

use askama::Template;

use crate::sandbox::api::SCOPES;
use crate::sandbox::console::desk::Desk;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{Page, ROWS};
use crate::sandbox::console::reply::{Fault, Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::{self, apps, audit};

const NEEDS: Needs = Needs::Any(&[Permission::ApiScopes]);
const PATH: &str = "/Admin/security/api-scopes";
const NEW: &str = "/Admin/security/api-scopes/new";

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(PATH, NEEDS, list),
    Route::page(NEW, NEEDS, new),
    Route::action(NEW, NEEDS, create),
    Route::page("/Admin/security/api-scopes/{id}", NEEDS, show),
    Route::action("/Admin/security/api-scopes/{id}", NEEDS, set_scopes),
    Route::action("/Admin/security/api-scopes/{id}/reset", NEEDS, reset),
    Route::action("/Admin/security/api-scopes/{id}/delete", NEEDS, delete),
];

/// Characters of a name.
const NAME_MAX: usize = 100;

/// What people call a scope (1.4); the word is the token's.
fn label(scope: &str) -> &'static str {
    match scope {
        "user_management:user_management" => "User Management > User Management",
        "user_management:sso_configuration" => "User Management > SSO Configuration",
        "role_management:role_management" => "Profile Management > Role Management",
        "logs:admin_console_audit_logs" => "Logs > Admin Console Audit Logs",
        "bot_publish:publish_request" => "Bot Publish > Publish",
        "bot_publish:publish_status" => "Bot Publish > Publish Status",
        _ => "",
    }
}

/// Word, label, whether it is chosen.
type Scopes = Vec<(&'static str, &'static str, bool)>;

fn scopes(is_chosen: impl Fn(&str) -> bool) -> Scopes {
    SCOPES.iter().map(|scope| (*scope, label(scope), is_chosen(scope))).collect()
}

/// The scopes that a form has ticked.
fn ticked(desk: &Desk<'_>) -> Vec<&'static str> {
    let asked = desk.fields("scope");
    SCOPES.iter().copied().filter(|scope| asked.contains(scope)).collect()
}

#[derive(Template)]
#[template(path = "api_scopes.html")]
struct AppsPage {
    frame: Frame,
    apps: Vec<Row>,
    page: Page,
}

struct Row {
    client_id: String,
    name: String,
    scopes: usize,
    created: Option<When>,
}

fn list(desk: &Desk<'_>) -> Outcome {
    let page = Page::of(desk);
    let (found, total) = desk.read(|conn| Ok(apps::page(conn, desk.account.seq, page.skip(), ROWS)?))?;
    let rows = found.into_iter().map(|(name, app)| Row {
        name,
        scopes: app.scopes.len(),
        created: When::read(&app.created_at),
        client_id: app.client_id,
    });
    Reply::page(&AppsPage {
        frame: Frame::of(desk, "API Scopes", &[("Security & Control", None)])?,
        apps: rows.collect(),
        page: page.with_total(total),
    })
}

#[derive(Template)]
#[template(path = "api_scopes_new.html")]
struct New {
    frame: Frame,
    name: String,
    enforces_jti: bool,
    scopes: Scopes,
    problems: Vec<String>,
}

fn form(desk: &Desk<'_>, problems: Vec<String>) -> Result<New, Fault> {
    let chosen = ticked(desk);
    let crumbs = [("Security & Control", None), ("API Scopes", Some(PATH))];
    Ok(New {
        frame: Frame::of(desk, "New app", &crumbs)?,
        name: desk.field("name").to_owned(),
        enforces_jti: desk.field("jti") == "on",
        scopes: scopes(|scope| chosen.contains(&scope)),
        problems,
    })
}

fn new(desk: &Desk<'_>) -> Outcome {
    Reply::page(&form(desk, Vec::new())?)
}

/// The credentials, this once.
#[derive(Template)]
#[template(path = "api_scopes_secret.html")]
struct Credentials {
    frame: Frame,
    name: String,
    client_id: String,
    client_secret: String,
}

fn secret(desk: &Desk<'_>, name: &str, client_id: String, client_secret: String) -> Outcome {
    let crumbs = [("Security & Control", None), ("API Scopes", Some(PATH))];
    let frame = Frame::of(desk, &format!("Credentials of {name}"), &crumbs)?;
    Reply::page(&Credentials { frame, name: name.to_owned(), client_id, client_secret })
}

fn create(desk: &Desk<'_>) -> Outcome {
    let name = desk.field("name");
    let mut problems = Vec::new();
    if name.is_empty() || name.chars().count() > NAME_MAX {
        problems.push(format!("Give the app a name of {NAME_MAX} characters at most."));
    } else if desk.read(|conn| Ok(apps::by_name(conn, desk.account.seq, name)?))?.is_some() {
        problems.push(format!("There is an app called {name}: choose another name."));
    }
    let chosen = ticked(desk);
    if chosen.is_empty() {
        problems.push("Tick at least one scope: an app without any can do nothing.".to_owned());
    }
    if !problems.is_empty() {
        return Reply::invalid(&form(desk, problems)?);
    }
    let app = desk.change(|change| {
        let app = change.create_app(name, &chosen, desk.field("jti") == "on")?;
        change.log(audit::APP_CREATED, &format!("app {name} ({}) created", app.client_id))?;
        change.log(audit::APP_SCOPES_ASSIGNED, &format!("app {name}: {}", chosen.join(", ")))?;
        Ok(app)
    })?;
    secret(desk, name, app.client_id, app.client_secret)
}

#[derive(Template)]
#[template(path = "api_scopes_app.html")]
struct App {
    frame: Frame,
    client_id: String,
    enforces_jti: bool,
    created: Option<When>,
    scopes: Scopes,
}

fn app(desk: &Desk<'_>) -> Result<(String, apps::App), Fault> {
    let id = desk.param("id");
    desk.read(|conn| Ok(apps::own(conn, desk.account.seq, id)?))?.ok_or(Fault::NotFound)
}

fn show(desk: &Desk<'_>) -> Outcome {
    let (name, app) = app(desk)?;
    let crumbs = [("Security & Control", None), ("API Scopes", Some(PATH))];
    Reply::page(&App {
        frame: Frame::of(desk, &name, &crumbs)?,
        enforces_jti: app.enforce_jti,
        created: When::read(&app.created_at),
        scopes: scopes(|scope| app.scopes.iter().any(|own| own == scope)),
        client_id: app.client_id,
    })
}

fn set_scopes(desk: &Desk<'_>) -> Outcome {
    let (name, app) = app(desk)?;
    let chosen = ticked(desk);
    desk.change(|change| {
        apps::set_scopes(change.conn(), &app.client_id, &chosen)?;
        if chosen.is_empty() {
            change.log(audit::APP_SCOPES_DELETED, &format!("app {name}: no scope any more"))
        } else {
            change.log(audit::APP_SCOPES_MODIFIED, &format!("app {name}: {}", chosen.join(", ")))
        }
    })?;
    Ok(Reply::see(&format!("{PATH}/{}", app.client_id)).saying("The scopes are saved, and in force at once."))
}

fn reset(desk: &Desk<'_>) -> Outcome {
    let (name, app) = app(desk)?;
    let fresh = store::fresh_secret();
    desk.change(|change| {
        apps::set_secret(change.conn(), &app.client_id, &fresh)?;
        change.log(audit::APP_MODIFIED, &format!("secret of app {name} ({}) reset", app.client_id))
    })?;
    secret(desk, &name, app.client_id, fresh)
}

fn delete(desk: &Desk<'_>) -> Outcome {
    let (name, app) = app(desk)?;
    desk.change(|change| {
        apps::delete(change.conn(), &app.client_id)?;
        change.log(audit::APP_DELETED, &format!("app {name} ({}) deleted", app.client_id))
    })?;
    Ok(Reply::see(PATH).saying(format!("{name} is deleted; its tokens are worth nothing any more.")))
}
