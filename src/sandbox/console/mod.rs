//! The Admin Console: in come a browser's requests, out go pages drawn on the server; it works without script and
//! without the network. It knows the store and the in-process admin, and nothing of the API beside it.
//!
//! ```text
//! request ─► gate: host, size, origin, form token ─► session ─► needs ─► pages::<page> ─► store ─► template ─► reply
//! ```
//!
//! # To add a page
//!
//! 1. One file in `pages/`: its `ROUTES`, a struct for its template, one function for each route. A function that
//!    serves an account takes `&AdminContext`, which exists only for a user whose permissions the route's `Needs` found
//!    enough; `AdminContext::read` gives one view of the database, `AdminContext::change` one transaction, which is refused if it
//!    changes anything and leaves no audit entry (`Change::log`). Rules both doors share belong into `admin/edit.rs`.
//! 2. One template in `templates/` that extends `frame.html` and fills its block `main`.
//! 3. One line in [`PAGES`], and one in [`nav::MODULES`] if it is in the side navigation.
//!
//! The permission is named once, on the route: the server checks it there, and navigation and templates ask the
//! route (`AdminContext::may`) what to show.
#![allow(clippy::unnecessary_wraps, reason = "what serves a route has one type, whether or not it can fail")]

mod admin_context;
mod asked;
mod assets;
mod chart;
mod cookies;
mod failures;
mod frame;
mod gate;
mod icon;
mod levels;
mod list;
mod live;
mod nav;
mod pages;
mod reply;
mod request_context;
mod rights;
mod role_rules;
mod route;
mod session;
mod throttle;
mod when;

pub(crate) use asked::do_what_was_asked;
pub(crate) use live::Drawings;
pub(crate) use throttle::Throttle;

use super::Inner;
use axum::Router;
use route::Route;
use std::sync::Arc;

/// Every page.
const PAGES: &[&[Route]] = &[
    assets::ROUTES,
    pages::landing::ROUTES,
    pages::mailbox::ROUTES,
    pages::sign_in::ROUTES,
    pages::two_factor::ROUTES,
    pages::sign_up::ROUTES,
    pages::joining::ask::ROUTES,
    pages::password::ROUTES,
    pages::password_reset::ROUTES,
    pages::accounts::ROUTES,
    pages::dashboard::ROUTES,
    pages::users::ROUTES,
    pages::user::ROUTES,
    pages::user_profile::ROUTES,
    pages::user_groups::ROUTES,
    pages::user_roles::ROUTES,
    pages::groups::ROUTES,
    pages::group::ROUTES,
    pages::roles::ROUTES,
    pages::role::ROUTES,
    pages::role_assignments::ROUTES,
    pages::user_settings::ROUTES,
    pages::invite::ROUTES,
    pages::bulk_invite::ROUTES,
    pages::joining::requests::ROUTES,
    pages::bots::deployment::ROUTES,
    pages::bots::list::ROUTES,
    pages::bots::assignments::ROUTES,
    pages::bots::settings::ROUTES,
    pages::bots::owner::ROUTES,
    pages::bots::tasks::ROUTES,
    pages::bots::plan::ROUTES,
    pages::bots::preferences::ROUTES,
    pages::bots::deleted::ROUTES,
    pages::security::two_factor::ROUTES,
    pages::security::sso::ROUTES,
    pages::security::api_scopes::ROUTES,
    pages::security::settings::ROUTES,
    pages::security::enterprise_key::ROUTES,
    pages::analytics::audit_report::ROUTES,
    pages::analytics::chat_history::ROUTES,
    pages::billing::ROUTES,
    pages::import_users::ROUTES,
    pages::not_found::ROUTES,
];

fn routes() -> impl Iterator<Item = &'static Route> {
    PAGES.iter().copied().flatten()
}

/// The paths of everything that changes an account.
pub(super) fn actions() -> impl Iterator<Item = &'static str> {
    let is_change = |route: &&Route| route.is_action && matches!(route.handle, route::Handle::Console(..));
    routes().filter(is_change).map(|route| route.path)
}

/// The console's paths; what is not among them is the API's.
pub(super) fn router() -> Router<Arc<Inner>> {
    routes().fold(Router::new(), |router, route| router.route(route.path, gate::endpoint(route)))
}

/// The answer to a browser at a path that is nobody's.
pub(super) async fn not_found(
    inner: Arc<Inner>,
    request: axum::extract::Request,
) -> axum::response::Response {
    gate::pass(inner, &pages::not_found::ANYWHERE, request_context::Fields::default(), request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn navigation_leads_to_pages_that_exist() {
        for item in nav::MODULES.iter().flat_map(|module| module.items) {
            assert!(
                route::needs_of(item.path).is_some(),
                "{} is in the navigation and in no ROUTES",
                item.path
            );
        }
    }

    #[test]
    fn pages_of_an_account_are_all_below_admin() {
        for route in routes() {
            let is_of_an_account =
                matches!(route.handle, route::Handle::Console(..) | route::Handle::Live(..));
            assert!(!is_of_an_account || route.path.starts_with("/Admin"), "{}", route.path);
        }
    }
}
