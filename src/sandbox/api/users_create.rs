//! 2.1: POST users.

use super::resolve::{self, Refusal, failed};
use super::users_entries::{self, RoleRef, UserInfo};
use super::{Answer, ApiError, Call, assignments, wire};
use crate::sandbox::dialect::{ExistingUser, PrivateAddresses};
use crate::sandbox::mail;
use crate::sandbox::store::users::{self, User, UserState};
use crate::sandbox::store::{audit, bindings, groups};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody {
    users: Vec<CreateEntry>,
    send_email: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateEntry {
    user_info: UserInfo,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    roles: Vec<RoleRef>,
    #[serde(default)]
    assign_bot_tasks: Vec<NewTasks>,
    can_create_bot: Option<bool>,
    is_developer: Option<bool>,
    send_email: Option<bool>,
}

/// The key is `streamId` here, and `botId` in PUT: an entry with the other key names no bot and does nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewTasks {
    stream_id: Option<String>,
    dialogs: Option<Vec<String>>,
}

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let body: CreateBody = call.body()?;
    let send_email = body.send_email.unwrap_or(true);
    users_entries::each(
        call,
        "created",
        &body.users,
        |entry| &entry.user_info,
        |entry| create(call, entry, send_email),
    )
}

fn create(call: &Call<'_>, entry: &CreateEntry, send_email: bool) -> Result<(), Refusal> {
    let Some(email) = entry.user_info.email_id.as_deref().filter(|email| mail::is_address(email)) else {
        return failed(wire::INVALID_EMAIL);
    };
    let lower = email.to_lowercase();
    let email = if call.dialect.email_stored_lowercase { lower.as_str() } else { email };
    let found = users::by_email(call.conn, call.account.seq, email, call.dialect.email_case_sensitive)?;
    let invite = match entry.send_email {
        Some(own) if call.dialect.send_email_in_entry => own,
        _ => send_email,
    };
    let is_welcome = match call.dialect.private_addresses {
        PrivateAddresses::Accepted => true,
        PrivateAddresses::InvitedOnly => invite || !mail::is_private(email),
        PrivateAddresses::Refused => !mail::is_private(email),
    };
    let user = match (found, call.dialect.existing_user) {
        (None, _) if !is_welcome => return failed("Please provide a valid business email address"),
        (None, _) => insert(call, entry, email)?,
        (Some(_), ExistingUser::Failure) => return failed("User already exists"),
        (Some(_), ExistingUser::Unchanged) => return Ok(()),
        (Some(user), ExistingUser::Updated) => {
            let info = &entry.user_info;
            let (first, last) = (info.first_name.as_deref(), info.last_name.as_deref());
            users::set_names(call.conn, user.seq, first, last, &info.profile())?;
            let (developer, creator) =
                (entry.is_developer.unwrap_or(true), entry.can_create_bot.unwrap_or(true));
            users::set_flags(call.conn, user.seq, developer, creator)?;
            call.audit(audit::USER_MODIFIED, &format!("user {} modified", user.email))?;
            user
        }
    };
    give(call, entry, &user)?;
    if invite && !user.state.has_joined() {
        call.invites.invite(call.conn, call.account.seq, user.seq, &user.email, call.now)?;
    }
    Ok(())
}

fn insert(call: &Call<'_>, entry: &CreateEntry, email: &str) -> Result<User, Refusal> {
    let info = &entry.user_info;
    let row = users::NewUserRow {
        email,
        org_user_id: info.org_user_id.as_deref(),
        first_name: info.first_name.as_deref().unwrap_or_default(),
        last_name: info.last_name.as_deref().unwrap_or_default(),
        profile: &info.profile(),
        state: UserState::NotActive,
        is_developer: entry.is_developer.unwrap_or(true),
        can_create_bot: entry.can_create_bot.unwrap_or(true),
        data_tables: None,
    };
    users::insert(call.conn, call.account.seq, &row, &call.stamp())?;
    call.audit(audit::USER_CREATED, &format!("user {email} created"))?;
    match users::by_email(call.conn, call.account.seq, email, true)? {
        Some(user) => Ok(user),
        None => Err(ApiError::internal(&"a user just added is gone").into()),
    }
}

fn give(call: &Call<'_>, entry: &CreateEntry, user: &User) -> Result<(), Refusal> {
    for id in entry.groups.iter().filter(|id| !id.is_empty()) {
        let group = resolve::group_by_id(call, id)?;
        if groups::join(call.conn, group.seq, user.seq)? {
            call.audit(
                audit::USERS_ADDED_TO_GROUP,
                &format!("{} added to group {}", user.email, group.name),
            )?;
        }
    }
    for RoleRef { role_id, bot_id } in &entry.roles {
        let (role, bot) = resolve::role_on(call, role_id, bot_id.as_deref())?;
        assignments::give(call, &role, bot, user)?;
    }
    for NewTasks { stream_id, dialogs } in &entry.assign_bot_tasks {
        let Some(bot) = stream_id else { continue };
        let Some(wanted) = resolve::assignment(call, bot, dialogs.as_deref())? else { continue };
        if !resolve::is_dropped(user, call.dialect.pending_assignments) {
            bindings::assign(call.conn, user.seq, wanted.bot, wanted.dialogs.as_deref())?;
            call.audit(audit::BOT_TASK_ASSIGNMENT, &format!("bot {bot} assigned to {}", user.email))?;
        }
    }
    Ok(())
}
