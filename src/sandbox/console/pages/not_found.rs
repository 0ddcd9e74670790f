//! What is below `/Admin` and is no page.

use crate::sandbox::console::ask::Ask;
use crate::sandbox::console::reply::{Fault, Outcome};
use crate::sandbox::console::route::Route;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[Route::open("/Admin/{*rest}", show)];

fn show(_: &Ask<'_>) -> Outcome {
    Err(Fault::NotFound)
}
