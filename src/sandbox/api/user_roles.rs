//! 2.5: GET alluserroles, the only way to enumerate the account's people.

use super::held::{self, HeldRoles};
use super::paging::PageRange;
use super::{Answer, ApiError, Call};
use crate::sandbox::dialect::NoOrgUserId;
use crate::sandbox::store::users::{self, User};
use serde::Serialize;
use serde_json::Value;

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
    org_user_id: Option<Value>,
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
            org_user_id: org_user_id(call, user),
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

/// The id of the organisation, or what stands for none.
fn org_user_id(call: &Call<'_>, user: &User) -> Option<Value> {
    match (&user.org_user_id, call.dialect.no_org_user_id) {
        (Some(id), _) => Some(Value::from(id.as_str())),
        (None, NoOrgUserId::Absent) => None,
        (None, NoOrgUserId::AsNull) => Some(Value::Null),
        (None, NoOrgUserId::Empty) => Some(Value::from("")),
    }
}
