//! 2.9: POST uploadfile. The transport has unpacked the form: the body here is the content of its `file` part.

use super::{Answer, ApiError, Call};
use crate::sandbox::store::{self, apps};
use serde_json::json;

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let id = store::fresh_hex();
    apps::insert_file(call.conn, call.account.seq, &id, call.body)?;
    Answer::ok(&json!({ "fileId": id }))
}
