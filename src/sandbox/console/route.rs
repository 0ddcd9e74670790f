//! What a path of the console is: its method, who may use it, and the function that serves it.

use super::admin_context::{AdminContext, SignedIn};
use super::reply::{Outcome, PageError};
use super::request_context::RequestContext;
use super::rights::Needs;

/// One path and method.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) path: &'static str,
    /// Whether it is a POST, which carries a form; else it is a GET, which changes nothing.
    pub(super) is_action: bool,
    pub(super) handle: Handle,
}

/// Who may use a route, and what serves it: a function gets what its callers have been found to have.
#[derive(Debug)]
pub(super) enum Handle {
    /// A page without a session.
    Open(fn(&RequestContext<'_>) -> Outcome),
    /// A user with a session, in whatever account, or in none yet.
    SignedIn(fn(&SignedIn<'_>) -> Outcome),
    /// An administrator, in an account, with what the route needs.
    Console(Needs, fn(&AdminContext<'_>) -> Outcome),
    /// The same, for a part of a page that is asked for again and again; being watched is no activity.
    Live(Needs, fn(&AdminContext<'_>) -> Result<String, PageError>),
}

impl Route {
    /// A page for anybody.
    pub(super) const fn open(path: &'static str, handle: fn(&RequestContext<'_>) -> Outcome) -> Self {
        Self { path, is_action: false, handle: Handle::Open(handle) }
    }

    /// A form that anybody may send.
    pub(super) const fn open_form(path: &'static str, handle: fn(&RequestContext<'_>) -> Outcome) -> Self {
        Self { is_action: true, ..Self::open(path, handle) }
    }

    /// A page for whoever has a session.
    pub(super) const fn signed(path: &'static str, handle: fn(&SignedIn<'_>) -> Outcome) -> Self {
        Self { path, is_action: false, handle: Handle::SignedIn(handle) }
    }

    /// A form for whoever has a session.
    pub(super) const fn signed_form(path: &'static str, handle: fn(&SignedIn<'_>) -> Outcome) -> Self {
        Self { is_action: true, ..Self::signed(path, handle) }
    }

    /// A page of an account.
    pub(super) const fn page(
        path: &'static str,
        needs: Needs,
        handle: fn(&AdminContext<'_>) -> Outcome,
    ) -> Self {
        Self { path, is_action: false, handle: Handle::Console(needs, handle) }
    }

    /// A part of a page of an account, as it changes.
    pub(super) const fn live(
        path: &'static str,
        needs: Needs,
        draw: fn(&AdminContext<'_>) -> Result<String, PageError>,
    ) -> Self {
        Self { path, is_action: false, handle: Handle::Live(needs, draw) }
    }

    /// A change to an account.
    pub(super) const fn action(
        path: &'static str,
        needs: Needs,
        handle: fn(&AdminContext<'_>) -> Outcome,
    ) -> Self {
        Self { is_action: true, ..Self::page(path, needs, handle) }
    }
}

/// What the route of that path needs, its GET before its POST; `None` if there is none in an account.
pub(super) fn needs_of(path: &str) -> Option<Needs> {
    let mut routes: Vec<_> = super::routes().filter(|route| route.path == path).collect();
    routes.sort_by_key(|route| route.is_action);
    routes.iter().find_map(|route| match route.handle {
        Handle::Console(needs, _) | Handle::Live(needs, _) => Some(needs),
        Handle::Open(_) | Handle::SignedIn(_) => None,
    })
}
