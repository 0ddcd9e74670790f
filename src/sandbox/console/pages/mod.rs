//! The pages, one file each: routes, what the template shows, one function for each route. They know the
//! administrator's context and the store; nothing of HTTP, cookies or headers.

pub(super) mod accounts;
pub(super) mod analytics;
pub(super) mod billing;
pub(super) mod bots;
pub(super) mod bulk_invite;
pub(super) mod bulk_report;
pub(super) mod confirm;
pub(super) mod dashboard;
pub(super) mod group;
pub(super) mod groups;
pub(super) mod import_file;
pub(super) mod import_users;
pub(super) mod invite;
pub(super) mod joining;
pub(super) mod landing;
pub(super) mod mailbox;
pub(super) mod not_found;
pub(super) mod password;
pub(super) mod password_reset;
pub(super) mod problem;
mod registration;
pub(super) mod role;
pub(super) mod role_assignments;
pub(super) mod roles;
pub(super) mod security;
pub(super) mod sign_in;
pub(super) mod sign_up;
pub(super) mod two_factor;
pub(super) mod user;
pub(super) mod user_groups;
pub(super) mod user_profile;
pub(super) mod user_roles;
pub(super) mod user_settings;
pub(super) mod users;

/// `1 task`, `2 tasks`.
fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
