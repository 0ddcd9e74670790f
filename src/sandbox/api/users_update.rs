//! 2.2: PUT users.

use super::resolve::{self, Refusal, failed};
use super::users_entries::{self, RoleRef, UserInfo};
use super::{Answer, ApiError, Call, assignments};
use crate::sandbox::dialect::{MissingFlags, PutAssignments, PutOrgUserId};
use crate::sandbox::store::users::{self, User};
use crate::sandbox::store::{audit, bindings, groups};
use serde::Deserialize;

#[derive(Deserialize)]
struct UpdateBody {
    users: Vec<UpdateEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateEntry {
    user_info: UserInfo,
    #[serde(default)]
    groups: ListEdit<String>,
    #[serde(default)]
    roles: ListEdit<RoleRef>,
    assign_bot_tasks: Option<Vec<UpdatedTasks>>,
    can_create_bot: Option<bool>,
    is_developer: Option<bool>,
}

/// An object here, a plain array in POST.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListEdit<T> {
    #[serde(default = "Vec::new")]
    add_to: Vec<T>,
    #[serde(default = "Vec::new")]
    remove_from: Vec<T>,
}

impl<T> Default for ListEdit<T> {
    fn default() -> Self {
        Self { add_to: Vec::new(), remove_from: Vec::new() }
    }
}

/// The key is `botId` here, and `streamId` in POST: an entry with the other key has no `botId`, which clears
/// the whole assignment.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdatedTasks {
    bot_id: Option<String>,
    dialogs: Option<Vec<String>>,
}

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let body: UpdateBody = call.body()?;
    users_entries::each(call, "updated", &body.users, |entry| &entry.user_info, |entry| update(call, entry))
}

fn update(call: &Call<'_>, entry: &UpdateEntry) -> Result<(), Refusal> {
    let info = &entry.user_info;
    let user = match (&info.email_id, &info.org_user_id) {
        (Some(email), _) => resolve::user(call, email)?,
        (None, Some(id)) => resolve::user_by_org_id(call, id)?,
        (None, None) => return failed("emailId or orgUserId is required"),
    };
    if let (Some(_), Some(id)) = (&info.email_id, &info.org_user_id) {
        match call.dialect.put_org_user_id {
            PutOrgUserId::Ignored => {}
            PutOrgUserId::Stored => users::set_org_user_id(call.conn, user.seq, id)?,
            PutOrgUserId::Refused => return failed("orgUserId cannot be changed"),
        }
    }
    let (first, last) = (info.first_name.as_deref(), info.last_name.as_deref());
    users::set_names(call.conn, user.seq, first, last, &info.profile())?;
    let missing = |stored: bool| match call.dialect.put_missing_flags {
        MissingFlags::True => true,
        MissingFlags::Kept => stored,
    };
    let developer = entry.is_developer.unwrap_or_else(|| missing(user.is_developer));
    let creator = entry.can_create_bot.unwrap_or_else(|| missing(user.can_create_bot));
    users::set_flags(call.conn, user.seq, developer, creator)?;
    call.audit(audit::USER_MODIFIED, &format!("user {} modified", user.email))?;
    memberships(call, entry, &user)?;
    roles(call, entry, &user)?;
    tasks(call, entry, &user)
}

fn memberships(call: &Call<'_>, entry: &UpdateEntry, user: &User) -> Result<(), Refusal> {
    for id in entry.groups.remove_from.iter().filter(|id| !id.is_empty()) {
        let group = resolve::group_by_id(call, id)?;
        if groups::leave(call.conn, group.seq, user.seq)? {
            call.audit(
                audit::USERS_REMOVED_FROM_GROUP,
                &format!("{} removed from group {}", user.email, group.name),
            )?;
        } else if call.dialect.missing_removal_fails {
            return failed("User is not in the group");
        }
    }
    for id in entry.groups.add_to.iter().filter(|id| !id.is_empty()) {
        let group = resolve::group_by_id(call, id)?;
        if groups::join(call.conn, group.seq, user.seq)? {
            call.audit(
                audit::USERS_ADDED_TO_GROUP,
                &format!("{} added to group {}", user.email, group.name),
            )?;
        }
    }
    Ok(())
}

fn roles(call: &Call<'_>, entry: &UpdateEntry, user: &User) -> Result<(), Refusal> {
    for RoleRef { role_id, bot_id } in &entry.roles.remove_from {
        let (role, bot) = resolve::role_on(call, role_id, bot_id.as_deref())?;
        assignments::take(call, &role, bot, user)?;
    }
    for RoleRef { role_id, bot_id } in &entry.roles.add_to {
        let (role, bot) = resolve::role_on(call, role_id, bot_id.as_deref())?;
        assignments::give(call, &role, bot, user)?;
    }
    Ok(())
}

fn tasks(call: &Call<'_>, entry: &UpdateEntry, user: &User) -> Result<(), Refusal> {
    let Some(tasks) = &entry.assign_bot_tasks else { return Ok(()) };
    let mut wanted = Vec::with_capacity(tasks.len());
    for UpdatedTasks { bot_id, dialogs } in tasks {
        if let Some(bot) = bot_id {
            wanted.extend(resolve::assignment(call, bot, dialogs.as_deref())?);
        }
    }
    let clears = tasks.iter().any(|task| task.bot_id.is_none())
        || (tasks.is_empty() && call.dialect.put_empty_assignments_clears)
        || (!tasks.is_empty() && call.dialect.put_assignments == PutAssignments::Replaces);
    if clears {
        bindings::unassign_all(call.conn, user.seq)?;
    }
    if !resolve::is_dropped(user, call.dialect.pending_assignments) {
        for one in &wanted {
            bindings::assign(call.conn, user.seq, one.bot, one.dialogs.as_deref())?;
        }
    }
    if clears || !wanted.is_empty() {
        call.audit(audit::BOT_TASK_ASSIGNMENT, &format!("bots assigned to {} changed", user.email))?;
    }
    Ok(())
}
