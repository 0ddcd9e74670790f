//! 2.12: POST useraccess, builder access flags.

use super::{Answer, ApiError, Call};
use crate::sandbox::dialect::{Generation, MissingFlags};
use crate::sandbox::mail;
use crate::sandbox::store::audit;
use crate::sandbox::store::users;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessBody {
    email_ids: Vec<String>,
    can_create_bot: Option<bool>,
    is_developer: Option<bool>,
    has_data_table_and_view_access: Option<bool>,
}

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let body: AccessBody = call.body()?;
    if body.email_ids.is_empty() {
        let msg = match call.dialect.generation {
            Generation::Older => "emailIds cannot be empty",
            Generation::Newer => "emailIds can't be empty",
        };
        return Err(ApiError::bad_request(msg));
    }
    let missing = (call.dialect.access_missing_flags == MissingFlags::True).then_some(true);
    let is_developer = body.is_developer.or(missing);
    let can_create_bot = body.can_create_bot.or(missing);
    if can_create_bot == Some(true) && is_developer == Some(false) {
        return Err(ApiError::new(403, 403, "Invalid values in the body"));
    }
    let mut people = Vec::with_capacity(body.email_ids.len());
    for email in &body.email_ids {
        let found = users::by_email(call.conn, call.account.seq, email, call.dialect.email_case_sensitive)?;
        match found {
            Some(user) => people.push(user),
            None if mail::is_address(email) && users::elsewhere(call.conn, call.account.seq, email)? => {
                let msg = format!("Emails << {email} >> not associated with your account");
                return Err(ApiError::bad_request(msg));
            }
            None => return Err(ApiError::bad_request("One or more entered emails not found")),
        }
    }
    for user in people.iter().take(call.batch_limit) {
        let developer = is_developer.unwrap_or(user.is_developer);
        let creator = can_create_bot.unwrap_or(user.can_create_bot);
        users::set_flags(call.conn, user.seq, developer, creator)?;
        if let Some(allowed) = body.has_data_table_and_view_access {
            users::set_data_tables(call.conn, user.seq, allowed)?;
        }
        call.audit(audit::USER_MODIFIED, &format!("access of {} changed", user.email))?;
    }
    Answer::ok(&json!(["SUCCESS"]))
}
