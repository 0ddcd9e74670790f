//! 2.3: DELETE users, with a JSON body.

use super::resolve::{self, Refusal};
use super::{Answer, ApiError, Call, wire};
use crate::sandbox::dialect::Generation;
use crate::sandbox::store::audit;
use crate::sandbox::store::users::{self, User};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteBody {
    delete_email_ids: Option<Vec<String>>,
    org_user_ids: Option<Vec<String>>,
}

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let body: DeleteBody = call.body()?;
    let (field, keys) = match (body.delete_email_ids, body.org_user_ids) {
        (Some(emails), None) => ("emailId", emails),
        (None, Some(ids)) => ("orgUserId", ids),
        _ => return Err(ApiError::invalid_arguments()),
    };
    let by_email = field == "emailId";
    let mut failures: Vec<Value> = Vec::new();
    let mut removed = 0_usize;
    for key in keys.iter().take(call.batch_limit) {
        let found = if by_email { resolve::user(call, key) } else { resolve::user_by_org_id(call, key) };
        match found.and_then(|user| remove(call, &user)) {
            Ok(()) => removed += 1,
            Err(Refusal::Failed(msg))
                if msg == wire::USER_NOT_FOUND && !call.dialect.delete_unknown_fails => {}
            // `emailId` and `reason` stand side by side here, not under `userInfo`.
            Err(Refusal::Failed(msg)) => {
                failures.push(json!({ field: key, "reason": wire::reason(call.dialect, &msg) }));
            }
            Err(Refusal::Broken(error)) => return Err(error),
        }
    }
    let mut answer = json!({ "msg": "Users are removed Successfully" });
    if !failures.is_empty() {
        answer = json!({ "failedUserDetails": failures });
    } else if call.dialect.generation == Generation::Newer {
        answer["moreAvailable"] = json!(true);
        answer["total"] = json!(removed);
    }
    Answer::ok(&answer)
}

/// Owners of bots and the Primary Master Admin are refused.
fn remove(call: &Call<'_>, user: &User) -> Result<(), Refusal> {
    let is_primary = user.email.eq_ignore_ascii_case(&call.account.primary_admin);
    if is_primary || users::owns_a_bot(call.conn, user.seq)? {
        return resolve::failed(wire::UNAUTHORIZED);
    }
    users::delete(call.conn, user.seq)?;
    call.audit(audit::USER_DELETED, &format!("user {} deleted", user.email))?;
    Ok(())
}
