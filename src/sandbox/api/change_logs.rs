//! 2.18b: GET changelogs of one bot, a bare array.

use super::audit_logs::moment;
use super::paging::PageRange;
use super::{Answer, ApiError, Call};
use crate::sandbox::clock;
use crate::sandbox::dialect::{ChangeLogActor, ChangeLogOrder, OffsetCounts};
use crate::sandbox::store::change_log::{self, LogEntry, Query};
use crate::sandbox::store::users;
use jiff::Timestamp;
use serde_json::{Value, json};

const PAGE_MAX: usize = 50;

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let bot_id = super::publish::bot(call)?.id;
    let page = PageRange::new(call, "limit", PAGE_MAX, OffsetCounts::Pages)?;
    let date = |name: &str| call.query.get(name).map(|text| moment(text)).transpose();
    let query = Query {
        bot_id: &bot_id,
        between: (
            date("startDate")?.map_or(i64::MIN, |(from, _)| from),
            date("endDate")?.map_or(i64::MAX, |(_, to)| to),
        ),
        newest_first: call.dialect.change_log_order == ChangeLogOrder::NewestFirst,
        skip: page.skip,
        take: page.take,
    };
    let entries = change_log::page(call.conn, call.account.seq, &query)?;
    let shown: Vec<Value> =
        entries.iter().map(|entry| shown(call, &bot_id, entry)).collect::<Result<_, _>>()?;
    Answer::ok(&shown)
}

fn shown(call: &Call<'_>, bot_id: &str, entry: &LogEntry) -> Result<Value, ApiError> {
    let LogEntry { id, at_ms, actor, message } = entry;
    let at = Timestamp::from_millisecond(*at_ms).unwrap_or_default();
    let mut shown = json!({
        "_id": id, "streamId": bot_id, "resourceId": bot_id, "resourceType": "stream", "message": message,
        "createdOn": clock::wire(at), "__v": 0
    });
    let Some(user) = users::by_email(call.conn, call.account.seq, actor, false)? else { return Ok(shown) };
    match call.dialect.change_log_actor {
        ChangeLogActor::Object => {
            shown["userId"] = json!({
                "id": user.id, "_id": user.id, "emailId": user.email, "firstName": user.first_name,
                "lastName": user.last_name, "activationStatus": user.state.word(), "profColour": "#ff4500",
                "profImage": "no-avatar", "orgId": call.account.org_id
            });
        }
        ChangeLogActor::Id => shown["userId"] = json!(user.id),
        ChangeLogActor::Absent => {}
    }
    Ok(shown)
}
