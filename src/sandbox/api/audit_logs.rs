//! 2.18: GET auditlogs.

use super::paging::PageRange;
use super::{Answer, ApiError, Call};
use crate::sandbox::clock;
use crate::sandbox::dialect::{AuditNames, AuditOrder, OffsetCounts};
use crate::sandbox::store::audit::{self, AuditEntry, Query};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

const PAGE_MAX: usize = 100;

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let page = PageRange::new(call, "size", PAGE_MAX, OffsetCounts::Pages)?;
    let date = |name: &str| call.query.get(name).map(|text| moment(text)).transpose();
    let from = date("fromDate")?.map_or(i64::MIN, |(from, _)| from);
    let to = date("toDate")?.map_or(i64::MAX, |(_, to)| to);
    let query = Query {
        // The vendor's own sample has them the wrong way round.
        between: (from.min(to), from.max(to)),
        after: call.query.get("fetchAfter").map(String::as_str),
        newest_first: call.dialect.audit_order == AuditOrder::NewestFirst,
        skip: page.skip,
        take: page.take,
    };
    let (entries, total) = audit::page(call.conn, call.account.seq, &query)?;
    let entries: Vec<Value> = entries.iter().map(|entry| shown(call, entry)).collect();
    Answer::ok(&json!({
        "total": page.shown_total(call, total), "auditlogs": entries, "moreAvailable": page.more(total)
    }))
}

const DAY_MS: i64 = 86_400_000;

/// The first and the last millisecond of `yyyy-mm-dd`, or of a full time.
pub(super) fn moment(text: &str) -> Result<(i64, i64), ApiError> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok((at.as_millisecond(), at.as_millisecond()));
    }
    let midnight = text.parse::<Date>().and_then(|date| date.to_zoned(TimeZone::UTC));
    let first = midnight.map_err(|_| ApiError::invalid_arguments())?.timestamp().as_millisecond();
    Ok((first, first + DAY_MS - 1))
}

fn shown(call: &Call<'_>, entry: &AuditEntry) -> Value {
    let AuditEntry { id, at_ms, name, category, description } = entry;
    let (name, category) = match call.dialect.audit_names {
        AuditNames::Console => (name.clone(), category.as_str()),
        AuditNames::WithOutcome => (format!("{name} - Success"), "Login/Logout"),
    };
    let at = Timestamp::from_millisecond(*at_ms).unwrap_or_default();
    json!({
        "timestampValue": at_ms, "Date/Time": clock::wire(at), "Description": description, "Name": name,
        "Category": category, "AuditLogId": id
    })
}
