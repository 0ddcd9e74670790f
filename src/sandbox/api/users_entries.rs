//! What POST and PUT users share: the fields of `userInfo`, the walk over the batch, and the two generations of
//! answers.

use super::resolve::Refusal;
use super::{Answer, ApiError, Call, wire};
use crate::sandbox::dialect::Generation;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// `userInfo` of a request. Unknown fields are tolerated and forgotten.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UserInfo {
    pub(crate) email_id: Option<String>,
    pub(crate) org_user_id: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

const PROFILE_FIELDS: [&str; 10] = [
    "companyName",
    "dept",
    "companyContactPhone",
    "worknumber",
    "street",
    "suiteNo",
    "city",
    "zip",
    "state",
    "country",
];

impl UserInfo {
    /// The profile fields among the rest.
    pub(crate) fn profile(&self) -> Map<String, Value> {
        PROFILE_FIELDS
            .iter()
            .filter_map(|field| Some(((*field).to_owned(), self.rest.get(*field)?.clone())))
            .collect()
    }
}

/// A bot role, or an admin role without `botId`. An older documentation called the key `streamId`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleRef {
    pub(crate) role_id: String,
    #[serde(alias = "streamId")]
    pub(crate) bot_id: Option<String>,
}

/// What became of one entry.
struct EntryOutcome<'a> {
    info: &'a UserInfo,
    failure: Option<String>,
}

impl EntryOutcome<'_> {
    fn shown(&self, call: &Call<'_>) -> Value {
        let mut user = Map::new();
        let UserInfo { email_id, org_user_id, first_name, last_name: _, rest: _ } = self.info;
        let selector = match (email_id, org_user_id) {
            (Some(email), _) => Some(("emailId", email)),
            (None, Some(id)) => Some(("orgUserId", id)),
            (None, None) => None,
        };
        user.extend(selector.map(|(name, value)| (name.to_owned(), json!(value))));
        user.extend(first_name.as_ref().map(|name| ("firstName".to_owned(), json!(name))));
        let status = if self.failure.is_some() { "failure" } else { "success" };
        user.insert("status".to_owned(), json!(status));
        user.extend(self.failure.as_ref().map(|msg| ("reason".to_owned(), wire::reason(call.dialect, msg))));
        json!({ "userInfo": user })
    }
}

/// Does every entry of a batch, each for itself or all or none as the dialect says, and tells what became of
/// them. `verb` is `created` or `updated`.
pub(crate) fn each<'e, E>(
    call: &Call<'_>,
    verb: &str,
    entries: &'e [E],
    info: impl Fn(&'e E) -> &'e UserInfo,
    one: impl Fn(&'e E) -> Result<(), Refusal>,
) -> Result<Answer, ApiError> {
    call.conn.execute_batch("SAVEPOINT batch")?;
    let mut outcomes = Vec::with_capacity(entries.len());
    for entry in entries.iter().take(call.batch_limit) {
        // An entry that fails half-way leaves nothing behind.
        call.conn.execute_batch("SAVEPOINT entry")?;
        let failure = match one(entry) {
            Ok(()) => None,
            Err(Refusal::Failed(msg)) => Some(msg),
            Err(Refusal::Broken(error)) => return Err(error),
        };
        let end = if failure.is_some() { "ROLLBACK TO entry; RELEASE entry" } else { "RELEASE entry" };
        call.conn.execute_batch(end)?;
        outcomes.push(EntryOutcome { info: info(entry), failure });
    }
    let failed = outcomes.iter().any(|outcome| outcome.failure.is_some());
    let undo = failed && call.dialect.batch_fails_whole;
    call.conn.execute_batch(if undo { "ROLLBACK TO batch; RELEASE batch" } else { "RELEASE batch" })?;
    // With all or none, the entries that would have gone well are no success to list.
    let list = |with_successes: bool| -> Vec<Value> {
        outcomes
            .iter()
            .filter(|outcome| outcome.failure.is_some() || (with_successes && !undo))
            .map(|outcome| outcome.shown(call))
            .collect()
    };
    let body = match (call.dialect.generation, failed) {
        (Generation::Older, false) => json!({ "msg": format!("Users are {verb} Successfully") }),
        (Generation::Older, true) => json!({ "failedUserDetails": list(false) }),
        (Generation::Newer, false) => json!({
            "msg": format!("User is {verb} Successfully."),
            "failedUserDetails": list(true), "moreAvailable": true, "total": outcomes.len()
        }),
        (Generation::Newer, true) => json!({ "failedUserDetails": list(true) }),
    };
    Answer::ok(&body)
}
