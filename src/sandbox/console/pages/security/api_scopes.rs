//! Security & Control > API Scopes: the apps that may call the API, and what each may. A secret is shown once, in the
//! answer to the form that made it.

use crate::sandbox::api::SCOPES;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::{self, apps, audit};
use askama::Template;

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
fn ticked(admin: &AdminContext<'_>) -> Vec<&'static str> {
    let asked = admin.fields("scope");
    SCOPES.iter().copied().filter(|scope| asked.contains(scope)).collect()
}

#[derive(Template)]
#[template(path = "api_scopes.html")]
struct AppsPage {
    frame: Frame,
    apps: Vec<AppRow>,
    page: ListPage,
}

struct AppRow {
    client_id: String,
    name: String,
    scopes: usize,
    created: Option<When>,
}

fn list(admin: &AdminContext<'_>) -> Outcome {
    let page = ListPage::new(admin);
    let (found, total) = admin.read(|conn| Ok(apps::page(conn, admin.account.seq, page.skip(), ROWS)?))?;
    let rows = found.into_iter().map(|(name, app)| AppRow {
        name,
        scopes: app.scopes.len(),
        created: When::read(&app.created_at),
        client_id: app.client_id,
    });
    Reply::page(&AppsPage {
        frame: Frame::new(admin, "API Scopes", &[("Security & Control", None)])?,
        apps: rows.collect(),
        page: page.with_total(total),
    })
}

#[derive(Template)]
#[template(path = "api_scopes_new.html")]
struct NewAppPage {
    frame: Frame,
    name: String,
    enforces_jti: bool,
    scopes: Scopes,
    problems: Vec<String>,
}

fn form(admin: &AdminContext<'_>, problems: Vec<String>) -> Result<NewAppPage, PageError> {
    let chosen = ticked(admin);
    let crumbs = [("Security & Control", None), ("API Scopes", Some(PATH))];
    Ok(NewAppPage {
        frame: Frame::new(admin, "New app", &crumbs)?,
        name: admin.field("name").to_owned(),
        enforces_jti: admin.field("jti") == "on",
        scopes: scopes(|scope| chosen.contains(&scope)),
        problems,
    })
}

fn new(admin: &AdminContext<'_>) -> Outcome {
    Reply::page(&form(admin, Vec::new())?)
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

fn secret(admin: &AdminContext<'_>, name: &str, client_id: String, client_secret: String) -> Outcome {
    let crumbs = [("Security & Control", None), ("API Scopes", Some(PATH))];
    let frame = Frame::new(admin, &format!("Credentials of {name}"), &crumbs)?;
    Reply::page(&Credentials { frame, name: name.to_owned(), client_id, client_secret })
}

fn create(admin: &AdminContext<'_>) -> Outcome {
    let name = admin.field("name");
    let mut problems = Vec::new();
    if name.is_empty() || name.chars().count() > NAME_MAX {
        problems.push(format!("Give the app a name of {NAME_MAX} characters at most."));
    } else if admin.read(|conn| Ok(apps::by_name(conn, admin.account.seq, name)?))?.is_some() {
        problems.push(format!("There is an app called {name}: choose another name."));
    }
    let chosen = ticked(admin);
    if chosen.is_empty() {
        problems.push("Tick at least one scope: an app without any can do nothing.".to_owned());
    }
    if !problems.is_empty() {
        return Reply::invalid(&form(admin, problems)?);
    }
    let app = admin.change(|change| {
        let app = change.create_app(name, &chosen, admin.field("jti") == "on")?;
        change.log(audit::APP_CREATED, &format!("app {name} ({}) created", app.client_id))?;
        change.log(audit::APP_SCOPES_ASSIGNED, &format!("app {name}: {}", chosen.join(", ")))?;
        Ok(app)
    })?;
    secret(admin, name, app.client_id, app.client_secret)
}

#[derive(Template)]
#[template(path = "api_scopes_app.html")]
struct AppPage {
    frame: Frame,
    client_id: String,
    enforces_jti: bool,
    created: Option<When>,
    scopes: Scopes,
}

fn app(admin: &AdminContext<'_>) -> Result<(String, apps::RegisteredApp), PageError> {
    let id = admin.param("id");
    admin.read(|conn| Ok(apps::own(conn, admin.account.seq, id)?))?.ok_or(PageError::NotFound)
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let (name, app) = app(admin)?;
    let crumbs = [("Security & Control", None), ("API Scopes", Some(PATH))];
    Reply::page(&AppPage {
        frame: Frame::new(admin, &name, &crumbs)?,
        enforces_jti: app.enforce_jti,
        created: When::read(&app.created_at),
        scopes: scopes(|scope| app.scopes.iter().any(|own| own == scope)),
        client_id: app.client_id,
    })
}

fn set_scopes(admin: &AdminContext<'_>) -> Outcome {
    let (name, app) = app(admin)?;
    let chosen = ticked(admin);
    admin.change(|change| {
        apps::set_scopes(change.conn(), &app.client_id, &chosen)?;
        if chosen.is_empty() {
            change.log(audit::APP_SCOPES_DELETED, &format!("app {name}: no scope any more"))
        } else {
            change.log(audit::APP_SCOPES_MODIFIED, &format!("app {name}: {}", chosen.join(", ")))
        }
    })?;
    Ok(Reply::see(&format!("{PATH}/{}", app.client_id)).saying("The scopes are saved, and in force at once."))
}

fn reset(admin: &AdminContext<'_>) -> Outcome {
    let (name, app) = app(admin)?;
    let fresh = store::fresh_secret();
    admin.change(|change| {
        apps::set_secret(change.conn(), &app.client_id, &fresh)?;
        change.log(audit::APP_MODIFIED, &format!("secret of app {name} ({}) reset", app.client_id))
    })?;
    secret(admin, &name, app.client_id, fresh)
}

fn delete(admin: &AdminContext<'_>) -> Outcome {
    let (name, app) = app(admin)?;
    admin.change(|change| {
        apps::delete(change.conn(), &app.client_id)?;
        change.log(audit::APP_DELETED, &format!("app {name} ({}) deleted", app.client_id))
    })?;
    Ok(Reply::see(PATH).saying(format!("{name} is deleted; its tokens are worth nothing any more.")))
}
