//! Security & Control > API Scopes: the apps that may call the API, and what each may. A secret is shown once, in the
//! answer to the form that made it.

use crate::sandbox::api::SCOPES;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS};
use crate::sandbox::console::pages::confirm::{self, Confirmation};
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
        "logs:bot_audit_logs" => "Logs > Bot Audit Logs",
        "bot_publish:publish_request" => "Bot Publish > Publish",
        "bot_publish:publish_status" => "Bot Publish > Publish Status",
        _ => "",
    }
}

/// What an administrator needs to give an app that scope: an app may do no more than whoever makes it. Through the API
/// users and roles come with any role there is (2.1, 2.6), Master Admin included.
fn needs_to_give(scope: &str) -> Needs {
    match scope {
        "user_management:sso_configuration" => Needs::Any(&[Permission::SingleSignOn]),
        "logs:admin_console_audit_logs" | "logs:bot_audit_logs" => Needs::Any(&[Permission::AuditReports]),
        "bot_publish:publish_request" | "bot_publish:publish_status" => Needs::Any(&[Permission::Deployment]),
        _ => Needs::Any(&[]),
    }
}

/// A scope on a form.
pub(super) struct ScopeChoice {
    pub(super) word: &'static str,
    pub(super) label: &'static str,
    pub(super) is_chosen: bool,
    /// What it would take; `None`: whoever looks may give it.
    pub(super) lacks: Option<String>,
}

fn scopes(admin: &AdminContext<'_>, is_chosen: impl Fn(&str) -> bool) -> Vec<ScopeChoice> {
    let choice = |scope: &&'static str| ScopeChoice {
        word: scope,
        label: label(scope),
        is_chosen: is_chosen(scope),
        lacks: lacks(admin, scope),
    };
    SCOPES.iter().map(choice).collect()
}

fn lacks(admin: &AdminContext<'_>, scope: &str) -> Option<String> {
    let needs = needs_to_give(scope);
    (!admin.rights.satisfy(needs)).then(|| needs.holder())
}

/// Refuses scopes beyond one's own rights: those that are given, and those of an app that is changed.
fn check_scopes<'a>(
    admin: &AdminContext<'_>,
    scopes: impl IntoIterator<Item = &'a str>,
) -> Result<(), PageError> {
    match scopes.into_iter().find_map(|scope| Some((scope, lacks(admin, scope)?))) {
        None => Ok(()),
        Some((scope, holder)) => Err(PageError::Refused(format!(
            "An app with the scope {} may do more than you: that takes {holder}. Nothing was changed.",
            label(scope)
        ))),
    }
}

fn check_app(admin: &AdminContext<'_>, app: &apps::RegisteredApp) -> Result<(), PageError> {
    check_scopes(admin, app.scopes.iter().map(String::as_str))
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
    scopes: Vec<ScopeChoice>,
    problems: Vec<String>,
}

fn form(admin: &AdminContext<'_>, problems: Vec<String>) -> Result<NewAppPage, PageError> {
    let chosen = ticked(admin);
    let crumbs = [("Security & Control", None), ("API Scopes", Some(PATH))];
    Ok(NewAppPage {
        frame: Frame::new(admin, "New app", &crumbs)?,
        name: admin.field("name").to_owned(),
        enforces_jti: admin.field("jti") == "on",
        scopes: scopes(admin, |scope| chosen.contains(&scope)),
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
    if let Err(PageError::Refused(why)) = check_scopes(admin, chosen.iter().copied()) {
        problems.push(why);
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
    scopes: Vec<ScopeChoice>,
    /// Whether the app may do more than whoever looks, who then cannot change it.
    is_beyond: bool,
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
        scopes: scopes(admin, |scope| app.scopes.iter().any(|own| own == scope)),
        is_beyond: check_app(admin, &app).is_err(),
        client_id: app.client_id,
    })
}

fn set_scopes(admin: &AdminContext<'_>) -> Outcome {
    let (name, app) = app(admin)?;
    let chosen = ticked(admin);
    check_app(admin, &app)?;
    check_scopes(admin, chosen.iter().copied())?;
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

fn ask(admin: &AdminContext<'_>, yes: &str, text: &str, name: String, back: &str) -> Outcome {
    let crumbs = [("Security & Control", None), ("API Scopes", Some(PATH))];
    let (title, text) = (format!("{yes}?"), text.to_owned());
    let subjects = vec![name];
    confirm::confirm_page(admin, Confirmation { title: &title, crumbs: &crumbs, text, subjects, yes, back })
}

fn reset(admin: &AdminContext<'_>) -> Outcome {
    let (name, app) = app(admin)?;
    let back = format!("{PATH}/{}", app.client_id);
    check_app(admin, &app).map_err(confirm::refused_at(&back))?;
    if !confirm::is_given(admin) {
        let text =
            "Tokens signed with the present secret stop working at once, and nobody can bring it back:";
        return ask(admin, "Reset secret", text, name, &back);
    }
    let fresh = store::fresh_secret();
    admin.change(|change| {
        apps::set_secret(change.conn(), &app.client_id, &fresh)?;
        change.log(audit::APP_MODIFIED, &format!("secret of app {name} ({}) reset", app.client_id))
    })?;
    secret(admin, &name, app.client_id, fresh)
}

fn delete(admin: &AdminContext<'_>) -> Outcome {
    let (name, app) = app(admin)?;
    let back = format!("{PATH}/{}", app.client_id);
    check_app(admin, &app).map_err(confirm::refused_at(&back))?;
    if !confirm::is_given(admin) {
        let text = "It goes with its scopes, its tokens stop working at once, and nobody can bring it back:";
        return ask(admin, "Delete app", text, name, &back);
    }
    admin.change(|change| {
        apps::delete(change.conn(), &app.client_id)?;
        change.log(audit::APP_DELETED, &format!("app {name} ({}) deleted", app.client_id))
    })?;
    Ok(Reply::see(PATH).saying(format!("{name} is deleted; its tokens are worth nothing any more.")))
}
