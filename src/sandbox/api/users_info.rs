//! 2.4: POST usersInfo, a read.

use super::held::{self, HeldRoles};
use super::{Answer, ApiError, Call, wire};
use crate::sandbox::dialect::{
    DeletedBotBindings, Generation, OverUsersInfo, SuspendedWord, UnknownUsers, UsersInfoOrder, WhilePending,
};
use crate::sandbox::store::bindings;
use crate::sandbox::store::deleted_bots;
use crate::sandbox::store::groups;
use crate::sandbox::store::users::{self, User, UserState};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InfoBody {
    email_ids: Vec<String>,
    /// The vendor's table spells it with a capital.
    #[serde(alias = "Status")]
    status: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserElement<'a> {
    can_create_bot: bool,
    is_developer: bool,
    user_info: ShownUserInfo<'a>,
    roles: &'a HeldRoles,
    assign_bot_tasks: &'a [AssignedTasks],
    groups: &'a [GroupRef],
    #[serde(flatten)]
    counters: Option<Counters>,
}

/// Inside each element, in newer answers.
#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "camelCase")]
struct Counters {
    more_available: bool,
    total: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownUserInfo<'a> {
    email_id: &'a str,
    user_id: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssignedTasks {
    bot_id: String,
    dialogs: Vec<String>,
    actions: Value,
    alerts: Value,
    knowledge_task: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupRef {
    group_id: String,
    group_name: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum InfoElement<'a> {
    Known(Box<UserElement<'a>>),
    Unknown(Value),
}

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let InfoBody { email_ids, status } = call.body()?;
    let status = status.as_deref().unwrap_or("all");
    if !["all", "active", "not active"].contains(&status) {
        return Err(ApiError::invalid_arguments());
    }
    let email_ids = within_maximum(call, email_ids)?;
    let case_sensitive = call.dialect.email_case_sensitive;
    let found = users::among(call.conn, call.account.seq, &email_ids, case_sensitive)?;
    let seqs: Vec<i64> = found.iter().map(|user| user.seq).collect();
    let mut roles = held::roles_of(call, &found)?;
    for held in roles.values_mut() {
        held.shorten(call.dialect.users_info_role_groups);
    }
    let tasks = tasks_of(call, &found, &seqs)?;
    let groups = groups_of(call, &seqs)?;
    let key = |email: &str| if case_sensitive { email.to_owned() } else { email.to_lowercase() };
    let by_key: HashMap<String, &User> = found.iter().rev().map(|user| (key(&user.email), user)).collect();
    let is_partial = call.dialect.users_info_partial && email_ids.len() > 1;
    let counters = (call.dialect.generation == Generation::Newer)
        .then_some(Counters { more_available: is_partial, total: email_ids.len() });
    let no_roles = HeldRoles::default();
    let mut shown: Vec<(i64, InfoElement<'_>)> = Vec::with_capacity(email_ids.len());
    for email in &email_ids {
        let Some(user) = by_key.get(&key(email)) else {
            if call.dialect.unknown_users == UnknownUsers::Failure {
                shown.push((i64::MAX, InfoElement::Unknown(unknown(call, email))));
            }
            continue;
        };
        let word = status_word(call, user.state);
        if status != "all" && status != word {
            continue;
        }
        let element = UserElement {
            can_create_bot: user.can_create_bot,
            is_developer: user.is_developer,
            user_info: shown_info(call, user, word),
            roles: roles.get(&user.seq).unwrap_or(&no_roles),
            assign_bot_tasks: tasks.get(&user.seq).map_or(&[], Vec::as_slice),
            groups: groups.get(&user.seq).map_or(&[], Vec::as_slice),
            counters,
        };
        shown.push((user.seq, InfoElement::Known(Box::new(element))));
    }
    if call.dialect.users_info_order == UsersInfoOrder::AsStored {
        shown.sort_by_key(|(seq, _)| *seq);
    }
    if is_partial && shown.len() == email_ids.len() {
        shown.pop();
    }
    let elements: Vec<InfoElement<'_>> = shown.into_iter().map(|(_, element)| element).collect();
    Answer::ok(&elements)
}

fn shown_info<'a>(call: &Call<'_>, user: &'a User, word: &'static str) -> ShownUserInfo<'a> {
    let has_status = call.dialect.users_info_status;
    ShownUserInfo {
        email_id: &user.email,
        user_id: &user.id,
        first_name: &user.first_name,
        last_name: &user.last_name,
        status: has_status.then_some(word),
        last_login: user.last_login.as_deref().filter(|_| has_status),
    }
}

/// The addresses that are answered for.
fn within_maximum(call: &Call<'_>, mut email_ids: Vec<String>) -> Result<Vec<String>, ApiError> {
    if email_ids.len() > call.dialect.users_info_max {
        match call.dialect.users_info_over_max {
            OverUsersInfo::Refused => {
                let msg = format!("emailIds cannot be more than {}", call.dialect.users_info_max);
                return Err(ApiError::bad_request(msg));
            }
            OverUsersInfo::Truncated => email_ids.truncate(call.dialect.users_info_max),
        }
    }
    Ok(email_ids)
}

fn unknown(call: &Call<'_>, email: &str) -> Value {
    json!({ "userInfo": {
        "emailId": email, "status": "failure", "reason": wire::reason(call.dialect, wire::USER_NOT_FOUND)
    } })
}

fn status_word(call: &Call<'_>, state: UserState) -> &'static str {
    match (state, call.dialect.suspended_word) {
        (UserState::Active | UserState::NotActive, _) | (_, SuspendedWord::Own) => state.word(),
        (_, SuspendedWord::Active) => UserState::Active.word(),
        (_, SuspendedWord::NotActive) => UserState::NotActive.word(),
    }
}

fn tasks_of(
    call: &Call<'_>,
    found: &[User],
    seqs: &[i64],
) -> Result<HashMap<i64, Vec<AssignedTasks>>, ApiError> {
    let hidden = call.dialect.pending_assignments == WhilePending::HiddenUntilJoined;
    let pending: Vec<i64> =
        found.iter().filter(|user| hidden && !user.state.has_joined()).map(|user| user.seq).collect();
    let mut tasks: HashMap<i64, Vec<AssignedTasks>> = HashMap::new();
    let mut assignments = bindings::assignments(call.conn, seqs)?;
    if call.dialect.deleted_bot_bindings == DeletedBotBindings::Shown {
        let deleted = deleted_bots::restorable(call.conn, call.account.seq, call.now)?;
        assignments.extend(deleted.iter().flat_map(|bot| bot.assignments(seqs)));
    }
    for assignment in assignments {
        if pending.contains(&assignment.user) {
            continue;
        }
        let mut other: Map<String, Value> = assignment.other_tasks;
        let mut kind = |name: &str| other.remove(name).unwrap_or_else(|| json!([]));
        tasks.entry(assignment.user).or_default().push(AssignedTasks {
            bot_id: assignment.bot_id,
            dialogs: assignment.dialogs,
            actions: kind("actions"),
            alerts: kind("alerts"),
            knowledge_task: kind("knowledgeTask"),
        });
    }
    Ok(tasks)
}

fn groups_of(call: &Call<'_>, seqs: &[i64]) -> Result<HashMap<i64, Vec<GroupRef>>, ApiError> {
    let mut memberships: HashMap<i64, Vec<GroupRef>> = HashMap::new();
    for (user, group_id, group_name) in groups::of_users(call.conn, seqs, call.dialect.system_group_listed)? {
        memberships.entry(user).or_default().push(GroupRef { group_id, group_name });
    }
    Ok(memberships)
}
