//! Dashboard: where an administrator arrives.

use askama::Template;

use crate::sandbox::console::desk::Desk;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::Needs;
use crate::sandbox::console::route::Route;
use crate::sandbox::store::users::{self, UserState};

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin", Needs::Administrator, arrive),
    Route::page("/Admin/", Needs::Administrator, arrive),
    Route::page("/Admin/dashboard", Needs::Administrator, show),
];

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    frame: Frame,
    total: usize,
    /// Word of a state, and how many people are in it.
    states: Vec<(&'static str, usize)>,
}

fn arrive(_: &Desk<'_>) -> Outcome {
    Ok(Reply::see("/Admin/dashboard"))
}

fn show(desk: &Desk<'_>) -> Outcome {
    let counts = desk.read(|conn| Ok(users::count_by_state(conn, desk.account.seq)?))?;
    let count = |state| counts.iter().find(|(own, _)| *own == state).map_or(0, |(_, count)| *count);
    Reply::page(&Dashboard {
        frame: Frame::of(desk, "Dashboard", &[])?,
        total: counts.iter().map(|(_, count)| count).sum(),
        states: vec![
            ("Active", count(UserState::Active)),
            ("Not Active", count(UserState::NotActive)),
            ("Suspended", count(UserState::Suspended)),
            ("Locked", count(UserState::Locked)),
        ],
    })
}
