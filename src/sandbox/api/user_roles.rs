//! 2.5: GET alluserroles, the only way to enumerate the account's people.

use super::held::{self, HeldRoles};
use super::paging::PageRange;
use super::{Answer, ApiError, Call};
use crate::sandbox::store::users;
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserRoleListing<'a> {
    total: i64,
    available_more: bool,
    users: Vec<UserRoleElement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserRoleElement<'a> {
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_user_id: Option<&'a str>,
    account_id: &'a str,
    is_developer: bool,
    can_create_bot: bool,
    user_id: &'a str,
    #[serde(flatten)]
    roles: &'a HeldRoles,
}

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let page = PageRange::new(call, "limit", call.dialect.user_roles_max, call.dialect.user_roles_offset)?;
    let (people, total) =
        users::page(call.conn, call.account.seq, call.dialect.pending_in_user_roles, page.skip, page.take)?;
    let roles = held::roles_of(call, &people)?;
    let no_roles = HeldRoles::default();
    let rows = people
        .iter()
        .map(|user| UserRoleElement {
            username: &user.email,
            org_user_id: user.org_user_id.as_deref(),
            account_id: &call.account.id,
            is_developer: user.is_developer,
            can_create_bot: user.can_create_bot,
            user_id: &user.id,
            roles: roles.get(&user.seq).unwrap_or(&no_roles),
        })
        .collect();
    Answer::ok(&UserRoleListing {
        total: page.shown_total(call, total),
        available_more: page.more(total),
        users: rows,
    })
}
