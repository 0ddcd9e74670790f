//! 2.10 and 2.11: admin and bot role bindings.

use super::resolve::{self, Refusal, failed};
use super::{Answer, ApiError, Call, wire};
use crate::sandbox::dialect::{AssignmentAnswers, PrimaryAdminRole};
use crate::sandbox::store::accounts;
use crate::sandbox::store::audit::{self, Event};
use crate::sandbox::store::bindings::{self, HolderSeq};
use crate::sandbox::store::roles::{Role, RoleKind};
use crate::sandbox::store::users::User;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleElement {
    role_id: String,
    bot_id: Option<String>,
    #[serde(default)]
    add_users: Vec<String>,
    #[serde(default)]
    add_org_user_ids: Vec<String>,
    #[serde(default)]
    remove_users: Vec<String>,
    #[serde(default)]
    remove_org_user_ids: Vec<String>,
    #[serde(default)]
    add_groups: Vec<String>,
    #[serde(default)]
    remove_groups: Vec<String>,
}

pub(super) fn admin_roles(call: &Call<'_>) -> Result<Answer, ApiError> {
    each(call, RoleKind::Admin)
}

pub(super) fn bot_roles(call: &Call<'_>) -> Result<Answer, ApiError> {
    each(call, RoleKind::Bot)
}

fn each(call: &Call<'_>, kind: RoleKind) -> Result<Answer, ApiError> {
    let elements: Vec<RoleElement> = call.body()?;
    if kind == RoleKind::Bot && elements.iter().any(|element| element.bot_id.is_none()) {
        return Err(ApiError::invalid_arguments());
    }
    let mut answers = Vec::with_capacity(elements.len());
    for element in elements.iter().take(call.batch_limit) {
        call.conn.execute_batch("SAVEPOINT element")?;
        let problems = one(call, kind, element)?;
        let undo = !problems.is_empty() && call.dialect.element_fails_whole;
        call.conn.execute_batch(if undo {
            "ROLLBACK TO element; RELEASE element"
        } else {
            "RELEASE element"
        })?;
        answers.push(answer(kind, element, &problems));
    }
    if call.dialect.assignment_answers == AssignmentAnswers::Single {
        let worst = answers.iter().position(|answer| answer["status"] == "failure").unwrap_or(0);
        answers = answers.into_iter().skip(worst).take(1).collect();
    }
    Answer::ok(&answers)
}

/// The bot form has a trailing space and no role id; a failure has both kinds alike.
fn answer(kind: RoleKind, element: &RoleElement, problems: &[String]) -> Value {
    if !problems.is_empty() {
        let errors: Vec<Value> = problems.iter().map(|msg| json!({ "msg": msg, "code": 400 })).collect();
        return json!({ "status": "failure", "roleId": element.role_id, "errors": errors });
    }
    match kind {
        RoleKind::Admin => json!({ "status": "success", "roleId": element.role_id }),
        RoleKind::Bot => json!({ "status": "success " }),
    }
}

/// Does one element and lists what was wrong with it.
fn one(call: &Call<'_>, kind: RoleKind, element: &RoleElement) -> Result<Vec<String>, ApiError> {
    let bot_id = element.bot_id.as_deref().filter(|_| kind == RoleKind::Bot);
    let (role, bot) = match resolve::role_on(call, &element.role_id, bot_id) {
        Ok(found) => found,
        Err(Refusal::Failed(msg)) => return Ok(vec![msg]),
        Err(Refusal::Broken(error)) => return Err(error),
    };
    let mut problems = Vec::new();
    // Vendor samples send `[""]` for "nobody": empty names are passed over.
    let named = |names: &[String]| names.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>();
    let by_email = |email: &str| resolve::user(call, email);
    let by_org_id = |id: &str| resolve::user_by_org_id(call, id);
    let mut note = |outcome: Result<(), Refusal>| match outcome {
        Ok(()) => Ok(()),
        Err(Refusal::Failed(msg)) => {
            problems.push(msg);
            Ok(())
        }
        Err(Refusal::Broken(error)) => Err(error),
    };
    for email in named(&element.remove_users) {
        note(by_email(&email).and_then(|user| take(call, &role, bot, &user)))?;
    }
    for id in named(&element.remove_org_user_ids) {
        note(by_org_id(&id).and_then(|user| take(call, &role, bot, &user)))?;
    }
    for name in named(&element.remove_groups) {
        note(take_from_group(call, &role, bot, &name))?;
    }
    for email in named(&element.add_users) {
        note(by_email(&email).and_then(|user| give(call, &role, bot, &user)))?;
    }
    for id in named(&element.add_org_user_ids) {
        note(by_org_id(&id).and_then(|user| give(call, &role, bot, &user)))?;
    }
    for name in named(&element.add_groups) {
        note(give_to_group(call, &role, bot, &name))?;
    }
    Ok(problems)
}

/// Grants a role to a user, as far as the API may, and writes an audit entry.
pub(super) fn give(call: &Call<'_>, role: &Role, bot: i64, user: &User) -> Result<(), Refusal> {
    resolve::may_change(call, role, false)?;
    if !resolve::is_dropped(user, call.dialect.pending_roles)
        && bindings::bind(call.conn, HolderSeq::User(user.seq), role.seq, bot)?
    {
        let event = event(role, audit::ADMIN_ROLE_ASSIGNED, audit::BOT_ROLE_ASSIGNED);
        call.audit(event, &format!("role {} assigned to {}", role.name, user.email))?;
    }
    Ok(())
}

/// Takes a directly held role from a user.
pub(super) fn take(call: &Call<'_>, role: &Role, bot: i64, user: &User) -> Result<(), Refusal> {
    resolve::may_change(call, role, false)?;
    if role.is_master_admin() && user.email.eq_ignore_ascii_case(&call.account.primary_admin) {
        let heir = match call.dialect.primary_admin_role {
            PrimaryAdminRole::Fixed => return failed(wire::UNAUTHORIZED),
            PrimaryAdminRole::PassesOn => bindings::another_holder(call.conn, role.seq, user.seq)?,
            PrimaryAdminRole::Plain => None,
        };
        if let Some(heir) = heir {
            accounts::set_primary_admin(call.conn, call.account.seq, &heir)?;
        }
    }
    if bindings::unbind(call.conn, HolderSeq::User(user.seq), role.seq, bot)? {
        let event = event(role, audit::ADMIN_ROLE_DELETED, audit::BOT_ROLE_DELETED);
        call.audit(event, &format!("role {} deleted for {}", role.name, user.email))?;
    } else if call.dialect.missing_removal_fails {
        return failed(format!("Role is not assigned to {}", user.email));
    }
    Ok(())
}

fn give_to_group(call: &Call<'_>, role: &Role, bot: i64, name: &str) -> Result<(), Refusal> {
    resolve::may_change(call, role, true)?;
    let group = resolve::group_by_name(call, name)?;
    if bindings::bind(call.conn, HolderSeq::Group(group.seq), role.seq, bot)? {
        call.audit(audit::ROLE_TO_GROUPS, &format!("role {} assigned to group {name}", role.name))?;
    }
    Ok(())
}

fn take_from_group(call: &Call<'_>, role: &Role, bot: i64, name: &str) -> Result<(), Refusal> {
    let group = resolve::group_by_name(call, name)?;
    resolve::may_change(call, role, false)?;
    if bindings::unbind(call.conn, HolderSeq::Group(group.seq), role.seq, bot)? {
        call.audit(audit::ROLE_FROM_GROUPS, &format!("role {} deleted for group {name}", role.name))?;
    } else if call.dialect.missing_removal_fails {
        return failed(format!("Role is not assigned to {name}"));
    }
    Ok(())
}

fn event(role: &Role, admin: Event, bot: Event) -> Event {
    match role.kind {
        RoleKind::Admin => admin,
        RoleKind::Bot => bot,
    }
}
