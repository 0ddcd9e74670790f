//! 2.6 and 2.7: the role list and the role export.

use super::paging::PageRange;
use super::{Answer, ApiError, Call, wire};
use crate::sandbox::store::roles::{self, Role, RoleKind};
use serde_json::{Value, json};

/// `roleType` of the query.
pub(super) fn kind(call: &Call<'_>) -> Result<RoleKind, ApiError> {
    RoleKind::from_word(call.required("roleType")?).ok_or_else(ApiError::invalid_arguments)
}

pub(super) fn list(call: &Call<'_>) -> Result<Answer, ApiError> {
    let kind = kind(call)?;
    let page = PageRange::new(call, "limit", call.dialect.page_max, call.dialect.roles_offset)?;
    let roles = roles::all(call.conn, call.account.seq, kind)?;
    let total = roles.len();
    let shown: Vec<Value> =
        roles.iter().skip(page.skip).take(page.take).map(|role| listed(call, role)).collect();
    Answer::ok(&json!({
        "total": page.shown_total(call, total), "availableMore": page.more(total), "roles": shown
    }))
}

/// Admin roles are listed without `_id`.
fn listed(call: &Call<'_>, role: &Role) -> Value {
    let mut shown = exported(call, role);
    if let Some(fields) = shown.as_object_mut() {
        fields.shift_remove("refId");
        if role.kind == RoleKind::Admin {
            fields.shift_remove("_id");
        }
    }
    shown
}

pub(super) fn export(call: &Call<'_>) -> Result<Answer, ApiError> {
    let roles = roles::all(call.conn, call.account.seq, kind(call)?)?;
    Answer::ok(&roles.iter().map(|role| exported(call, role)).collect::<Vec<_>>())
}

fn exported(call: &Call<'_>, role: &Role) -> Value {
    let Role {
        seq: _,
        id,
        kind,
        name,
        description,
        permissions,
        ref_id,
        is_system,
        created_at: _,
        modified_at: _,
    } = role;
    json!({
        "roleType": kind.word(), "_id": id, "role": wire::role_name(call.dialect, *kind, *is_system, name),
        "rDesc": description, "permissions": wire::permissions(call.dialect, *kind, permissions), "refId": ref_id
    })
}
