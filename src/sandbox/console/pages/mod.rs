//! The pages, one file each: routes, what the template shows, one function for each route. They know the desk they are
//! asked at and the store; nothing of HTTP, cookies or headers.

pub(super) mod accounts;
pub(super) mod bulk_invite;
pub(super) mod bulk_report;
pub(super) mod dashboard;
pub(super) mod invite;
pub(super) mod landing;
pub(super) mod mailbox;
pub(super) mod not_found;
pub(super) mod password;
pub(super) mod password_reset;
pub(super) mod problem;
pub(super) mod security_two_factor;
pub(super) mod sign_in;
pub(super) mod sign_up;
pub(super) mod two_factor;
pub(super) mod user;
pub(super) mod users;
