//! The console of the sandbox, page by page: in a real browser where a person would click, and by plain requests in
//! process where only the answer counts.

mod access;
mod accounts;
mod analytics;
mod assistants;
mod audit;
mod dashboard;
mod deployment;
mod everywhere;
mod gate;
mod groups;
mod guessing;
mod idle;
mod import;
mod invitations;
mod limits;
mod password;
mod powers;
mod roles;
mod security;
mod self_sign_up;
mod story;
mod two_factor;
mod user;
mod user_settings;
mod users;
