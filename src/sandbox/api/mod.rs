//! The public Admin API: one file per endpoint family, all of the shape `fn(&Call) -> Result<Answer, ApiError>`.
//!
//! In comes a call that is authenticated, within its budget and scope, with a transaction to work in; out goes
//! an answer. Section numbers in the comments are those of the `kore-api` notes.

mod answer;
mod assignments;
mod audit_logs;
mod bots;
mod change_logs;
mod groups;
mod held;
mod paging;
mod publish;
mod resolve;
mod roles;
mod roles_import;
mod sso;
mod upload;
mod user_access;
mod user_roles;
mod users_create;
mod users_delete;
mod users_entries;
mod users_info;
mod users_update;
mod wire;

pub(crate) use answer::{Answer, ApiError};

use super::dialect::Dialect;
use super::mail::Invites;
use super::store::accounts::Account;
use super::store::apps::RegisteredApp;
use super::store::audit::{self, By, Event};
use jiff::Timestamp;
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

const USER_MANAGEMENT: &str = "user_management:user_management";
const ROLE_MANAGEMENT: &str = "role_management:role_management";
const SSO: &str = "user_management:sso_configuration";
const AUDIT_LOGS: &str = "logs:admin_console_audit_logs";
const CHANGE_LOGS: &str = "logs:bot_audit_logs";
const PUBLISH: &str = "bot_publish:publish_request";
const PUBLISH_STATUS: &str = "bot_publish:publish_status";

/// The scopes an app can have. The words for SSO, for change logs and for the publish status are not
/// documented; those here are the sandbox's.
pub const SCOPES: &[&str] =
    &[USER_MANAGEMENT, ROLE_MANAGEMENT, SSO, AUDIT_LOGS, CHANGE_LOGS, PUBLISH, PUBLISH_STATUS];

/// Whether an endpoint changes the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// What an endpoint's calls are counted against (2.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    Account,
    Bot,
    Job,
}

/// One endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApiRoute {
    pub(crate) method: &'static str,
    /// `{bot}` stands for a bot's id.
    pub(crate) path: &'static str,
    pub(crate) scope: Option<&'static str>,
    pub(crate) counted: Counted,
    pub(crate) access: Access,
    /// Apps made in a bot's builder are let in, too.
    pub(crate) bot_apps: bool,
    /// Answers, and bodies of writes, are encrypted for apps with that option (1.3).
    pub(crate) encrypts: bool,
    pub(crate) handle: fn(&Call<'_>) -> Result<Answer, ApiError>,
}

const fn read(
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    handle: fn(&Call<'_>) -> Result<Answer, ApiError>,
) -> ApiRoute {
    ApiRoute {
        method,
        path,
        scope: Some(scope),
        counted: Counted::Account,
        access: Access::Read,
        bot_apps: false,
        encrypts: false,
        handle,
    }
}

const fn write(
    method: &'static str,
    path: &'static str,
    scope: &'static str,
    handle: fn(&Call<'_>) -> Result<Answer, ApiError>,
) -> ApiRoute {
    ApiRoute { access: Access::Write, ..read(method, path, scope, handle) }
}

const fn covered(route: ApiRoute) -> ApiRoute {
    ApiRoute { encrypts: true, ..route }
}

/// Every endpoint.
pub(crate) static ROUTES: [ApiRoute; 22] = [
    covered(write("POST", "/api/public/users", USER_MANAGEMENT, users_create::handle)),
    covered(write("PUT", "/api/public/users", USER_MANAGEMENT, users_update::handle)),
    covered(write("DELETE", "/api/public/users", USER_MANAGEMENT, users_delete::handle)),
    covered(read("POST", "/api/public/usersInfo", USER_MANAGEMENT, users_info::handle)),
    covered(read("GET", "/api/public/alluserroles", ROLE_MANAGEMENT, user_roles::handle)),
    read("GET", "/api/public/roles", ROLE_MANAGEMENT, roles::list),
    read("GET", "/api/public/roles/export", ROLE_MANAGEMENT, roles::export),
    write("POST", "/api/public/roles/import", ROLE_MANAGEMENT, roles_import::handle),
    ApiRoute {
        scope: None,
        counted: Counted::Bot,
        bot_apps: true,
        ..write("POST", "/api/public/uploadfile", "", upload::handle)
    },
    write("POST", "/api/public/adminroles/assignments", ROLE_MANAGEMENT, assignments::admin_roles),
    write("POST", "/api/public/btroles/assignments", ROLE_MANAGEMENT, assignments::bot_roles),
    covered(write("POST", "/api/public/useraccess", ROLE_MANAGEMENT, user_access::handle)),
    read("GET", "/api/public/groups", ROLE_MANAGEMENT, groups::handle),
    read("GET", "/api/public/bots", ROLE_MANAGEMENT, bots::handle),
    ApiRoute {
        counted: Counted::Bot,
        bot_apps: true,
        ..write("POST", "/api/public/bot/{bot}/publish", PUBLISH, publish::publish)
    },
    ApiRoute {
        counted: Counted::Job,
        bot_apps: true,
        ..read("GET", "/api/public/bot/{bot}/publish/status", PUBLISH_STATUS, publish::status)
    },
    read("GET", "/api/public/ssoconfig", SSO, sso::show),
    write("POST", "/api/public/ssoconfig", SSO, sso::enable),
    write("DELETE", "/api/public/ssoconfig", SSO, sso::disable),
    read("GET", "/api/public/auditlogs", AUDIT_LOGS, audit_logs::handle),
    read("GET", "/api/public/bot/{bot}/ssoconfig", SSO, sso::show),
    ApiRoute {
        counted: Counted::Bot,
        bot_apps: true,
        ..read("GET", "/api/public/bot/{bot}/changelogs", CHANGE_LOGS, change_logs::handle)
    },
];

/// What a method and path lead to.
pub(crate) enum RouteMatch {
    Route(&'static ApiRoute, Option<String>),
    WrongMethod,
    Nothing,
}

/// Finds the endpoint of a request. A trailing slash and the versioned prefix make no difference (1.6, 2.0).
pub(crate) fn find(method: &str, path: &str, dialect: &Dialect) -> RouteMatch {
    let path = path.trim_end_matches('/');
    let unversioned = path.strip_prefix("/api/1.1/").map(|rest| format!("/api/{rest}"));
    let path = unversioned.as_deref().unwrap_or(path);
    let mut other_method = false;
    for route in &ROUTES {
        let mut bot = None;
        let is_offered = dialect.sso_under_bot || !route.path.ends_with("{bot}/ssoconfig");
        if !is_offered || !matches(route.path, path, &mut bot) {
            continue;
        }
        if route.method == method {
            return RouteMatch::Route(route, bot);
        }
        other_method = true;
    }
    if other_method { RouteMatch::WrongMethod } else { RouteMatch::Nothing }
}

/// Whether the path fits the pattern; `bot` becomes what is in the place of `{bot}`.
fn matches(pattern: &str, path: &str, bot: &mut Option<String>) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some("{bot}"), Some(id)) if !id.is_empty() => *bot = Some(id.to_owned()),
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => return false,
        }
    }
}

/// A call on its way through an endpoint.
pub(crate) struct Call<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) account: &'a Account,
    pub(crate) app: &'a RegisteredApp,
    pub(crate) dialect: &'a Dialect,
    pub(crate) invites: &'a Invites,
    pub(crate) now: Timestamp,
    pub(crate) query: &'a HashMap<String, String>,
    pub(crate) body: &'a [u8],
    /// What is in the place of `{bot}`.
    pub(crate) bot: Option<&'a str>,
    /// Only so many entries of the batch are done (a fault).
    pub(crate) batch_limit: usize,
    /// By how much `total` is off (a fault).
    pub(crate) total_off_by: i64,
}

impl Call<'_> {
    /// The body as `T`; a missing or mistyped field is 412 (2.0).
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        serde_json::from_slice(self.body).map_err(|_| ApiError::invalid_arguments())
    }

    /// A query parameter that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.query.get(name).map(String::as_str).ok_or_else(ApiError::invalid_arguments)
    }

    /// `now` as the platform writes it.
    pub(crate) fn stamp(&self) -> String {
        super::clock::wire(self.now)
    }

    /// Writes an audit entry.
    pub(crate) fn audit(&self, event: Event, description: &str) -> Result<(), ApiError> {
        let by = format!("{description} (app {})", self.app.client_id);
        let app = By::App(&self.app.client_id);
        Ok(audit::log_by(self.conn, self.account.seq, self.now, app, event, &by)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_with_slash_version_and_bot() {
        let dialect = Dialect::default();
        let found = |method, path| match find(method, path, &dialect) {
            RouteMatch::Route(route, bot) => format!("{}{}", route.path, bot.unwrap_or_default()),
            RouteMatch::WrongMethod => "405".to_owned(),
            RouteMatch::Nothing => "404".to_owned(),
        };
        assert_eq!(found("POST", "/api/public/btroles/assignments/"), "/api/public/btroles/assignments");
        assert_eq!(
            found("GET", "/api/1.1/public/bot/st-1/publish/status/"),
            "/api/public/bot/{bot}/publish/statusst-1"
        );
        assert_eq!(found("GET", "/api/public/roles/import"), "405");
        assert_eq!(found("GET", "/api/public/bot/st-1/ssoconfig"), "404");
    }
}
