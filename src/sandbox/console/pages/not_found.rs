//! What is below `/Admin` and is no page.

use crate::sandbox::console::reply::{Outcome, PageError};
use crate::sandbox::console::request_context::RequestContext;
use crate::sandbox::console::route::Route;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[Route::open("/Admin/{*rest}", show)];

/// For browsers, at any other path of the server.
pub(in crate::sandbox::console) static ANYWHERE: Route = Route::open("/", show);

fn show(_: &RequestContext<'_>) -> Outcome {
    Err(PageError::NotFound)
}
