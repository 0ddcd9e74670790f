//! 2.8: POST roles/import, the only public way to create or change a role.

use super::{Answer, ApiError, Call, wire};
use crate::sandbox::dialect::{FixedRolesInImport, ImportMissingKeys, ParentsSwitchChildren, RoleMatch};
use crate::sandbox::permissions;
use crate::sandbox::store::roles::{self, Role, RoleKind};
use crate::sandbox::store::{self, apps, audit};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImportBody {
    file_id: String,
}

/// A role of the file: the form of the export.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    role: String,
    #[serde(default)]
    r_desc: String,
    #[serde(default)]
    permissions: Map<String, Value>,
    ref_id: Option<String>,
}

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let kind = super::roles::kind(call)?;
    let full = call.query.get("fullImport").is_some_and(|full| full == "true");
    let ImportBody { file_id } = call.body()?;
    let file = apps::file(call.conn, call.account.seq, &file_id)?
        .ok_or_else(|| ApiError::bad_request("Invalid file id"))?;
    let imported: Vec<Imported> =
        serde_json::from_slice(&file).map_err(|_| ApiError::bad_request("Invalid file"))?;
    let mut stored = Vec::with_capacity(imported.len());
    for one in imported.iter().take(call.batch_limit) {
        stored.push(upsert(call, kind, one)?);
    }
    if full {
        delete_others(call, kind, &stored)?;
    }
    Answer::ok(&stored.iter().map(|role| document(call, role)).collect::<Vec<_>>())
}

fn upsert(call: &Call<'_>, kind: RoleKind, one: &Imported) -> Result<Role, ApiError> {
    let Imported { role: name, r_desc, permissions, ref_id } = one;
    let name = wire::stored_role_name(call.dialect, kind, name);
    let mut permissions = plain(permissions);
    let Some(mut role) = matching(call, kind, &name, ref_id.as_deref())? else {
        let id = store::fresh_hex();
        let fresh_ref = Uuid::new_v4().to_string();
        let row = roles::NewRoleRow {
            id: &id,
            kind,
            name: &name,
            description: r_desc,
            permissions: &written(call, permissions),
            ref_id: ref_id.as_deref().unwrap_or(&fresh_ref),
            is_system: false,
        };
        roles::insert(call.conn, call.account.seq, &row, &call.stamp())?;
        call.audit(audit::ROLE_CREATED, &format!("{} role {name} created", kind.word()))?;
        return stored(call, &id);
    };
    // Of Bot Developer and Bot Tester only the permissions can change; the other built-in roles are fixed.
    match call.dialect.fixed_roles_in_import {
        FixedRolesInImport::Ignored if role.is_fixed() => return Ok(role),
        FixedRolesInImport::Refused if role.is_fixed() => {
            return Err(ApiError::bad_request(format!("role {} cannot be changed", role.name)));
        }
        _ => {}
    }
    for (missing, level) in &role.permissions {
        let level = match call.dialect.import_missing_keys {
            ImportMissingKeys::Removed => break,
            ImportMissingKeys::Kept => level.clone(),
            ImportMissingKeys::Off => json!("NO"),
        };
        permissions.entry(missing.clone()).or_insert(level);
    }
    role.permissions = written(call, permissions);
    if !role.is_system {
        role.name = name;
        role.description.clone_from(r_desc);
        if !call.dialect.import_keeps_ids {
            role.id = store::fresh_hex();
        }
    }
    roles::update(call.conn, &role, &call.stamp())?;
    call.audit(audit::ROLE_UPDATED, &format!("{} role {} updated", kind.word(), role.name))?;
    stored(call, &role.id)
}

fn stored(call: &Call<'_>, id: &str) -> Result<Role, ApiError> {
    roles::by_id(call.conn, call.account.seq, id)?
        .ok_or_else(|| ApiError::internal(&"a role just written is gone"))
}

fn matching(
    call: &Call<'_>,
    kind: RoleKind,
    name: &str,
    ref_id: Option<&str>,
) -> Result<Option<Role>, ApiError> {
    let account = call.account.seq;
    let by_ref = match (call.dialect.role_match, ref_id) {
        (RoleMatch::RefId | RoleMatch::RefIdThenName, Some(ref_id)) => {
            roles::by_ref(call.conn, account, kind, ref_id)?
        }
        _ => None,
    };
    if by_ref.is_some() || call.dialect.role_match == RoleMatch::RefId {
        return Ok(by_ref);
    }
    Ok(roles::by_name(call.conn, account, kind, name)?)
}

/// What is stored of the levels that a file gives a role.
fn written(call: &Call<'_>, mut permissions: Map<String, Value>) -> Map<String, Value> {
    if call.dialect.parents_switch_children == ParentsSwitchChildren::WhenWritten {
        wire::switch_children_off(&mut permissions);
    }
    permissions
}

/// Levels as plain strings, in one case: the export of bot roles holds one-element arrays, and any case is taken.
fn plain(found: &Map<String, Value>) -> Map<String, Value> {
    let level = |value: &Value| {
        let value = match value {
            Value::Array(levels) => levels.first().cloned().unwrap_or(Value::Null),
            other => other.clone(),
        };
        value.as_str().map(permissions::stored_level).map_or(value.clone(), Value::from)
    };
    found.iter().map(|(name, value)| (name.clone(), level(value))).collect()
}

/// A full import removes custom roles that the file lacks, unless a user holds them.
fn delete_others(call: &Call<'_>, kind: RoleKind, kept: &[Role]) -> Result<(), ApiError> {
    for role in roles::all(call.conn, call.account.seq, kind)? {
        let listed = kept.iter().any(|kept| kept.seq == role.seq);
        if !role.is_system && !listed && !roles::is_bound(call.conn, role.seq)? {
            roles::delete(call.conn, role.seq)?;
            call.audit(audit::ROLE_DELETED, &format!("{} role {} deleted", kind.word(), role.name))?;
        }
    }
    Ok(())
}

/// A role the way the import answers it.
fn document(call: &Call<'_>, role: &Role) -> Value {
    let Role { seq: _, id, kind, name, description, permissions, ref_id, is_system, created_at, modified_at } =
        role;
    let by = store::uuid_of("u-", &[&call.account.primary_admin]);
    json!({
        "mapping": { "users": [], "groups": [], "bots": [] }, "roleType": kind.word(), "rStatus": "unpublished",
        "isASystemRole": is_system, "category": kind.word(), "audit": [], "_userAndGroups": [], "isDefault": false,
        "_id": id, "orgId": call.account.org_id, "role": wire::role_name(call.dialect, *kind, *is_system, name),
        "createdDate": created_at, "createdBy": by, "modifiedDate": modified_at, "modifiedBy": by,
        "permissions": wire::permissions(call.dialect, *kind, permissions), "rDesc": description,
        "refId": ref_id, "_product": "Bots", "__v": 0
    })
}
