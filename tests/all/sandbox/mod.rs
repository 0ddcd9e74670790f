//! The sandbox as a platform: its API in process against the notes on the vendor's, every switch of the dialect,
//! faults, mail and rate limits. Its verbs are in `cli`, its console in `console`.

mod api;
mod auth;
mod dialect;
mod faults;
mod mail;
mod rate;
mod switches;
pub mod world;
