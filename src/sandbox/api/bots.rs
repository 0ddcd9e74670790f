//! 2.14: GET bots, client secrets of their apps included, as the vendor sends them.

use super::paging::PageRange;
use super::{Answer, ApiError, Call, wire};
use crate::sandbox::dialect::EnterprisePurpose;
use crate::sandbox::store::deleted_bots::{self, Deleted};
use crate::sandbox::store::{apps, bots};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BotListing<'a> {
    total: i64,
    available_more: bool,
    bots: Vec<BotElement<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BotElement<'a> {
    #[serde(rename = "_id")]
    id: &'a str,
    account_id: &'a str,
    purpose: &'static str,
    created_on: &'a str,
    created_by: &'a str,
    r#type: &'static str,
    default_language: &'a str,
    is_deflect: bool,
    resourceid: &'static str,
    status: &'static str,
    icon: &'a str,
    name: &'a str,
    description: &'a str,
    is_linked_to: [Value; 0],
    contains_panel_or_widget: bool,
    jwt_apps: Vec<JwtApp<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JwtApp<'a> {
    client_id: &'a str,
    client_secret: &'a str,
    jti_claim_enforced: bool,
    jwe_encryption_enforced: bool,
    created_on: &'a str,
}

pub(super) fn handle(call: &Call<'_>) -> Result<Answer, ApiError> {
    let page = PageRange::new(call, "limit", call.dialect.page_max, call.dialect.bots_offset)?;
    let live = bots::count(call.conn, call.account.seq)?;
    let mut shown = bots::page(call.conn, call.account.seq, page.skip, page.take)?;
    let deleted = if call.dialect.deleted_bots_listed {
        deleted_bots::restorable(call.conn, call.account.seq, call.now)?
    } else {
        Vec::new()
    };
    let total = live + deleted.len();
    let rest = deleted.iter().skip(page.skip.saturating_sub(live)).take(page.take - shown.len());
    shown.extend(rest.map(Deleted::bot));
    for bot in &mut shown {
        bot.name = wire::bot_name(call.dialect, &bot.name, bot.former_name.as_ref());
    }
    let seqs: Vec<i64> = shown.iter().map(|bot| bot.seq).collect();
    let apps = apps::of_bots(call.conn, &seqs)?;
    let mut apps_of: HashMap<i64, Vec<JwtApp<'_>>> = HashMap::new();
    for app in &apps {
        apps_of.entry(app.bot.unwrap_or_default()).or_default().push(JwtApp {
            client_id: &app.client_id,
            client_secret: &app.secret,
            jti_claim_enforced: app.enforce_jti,
            jwe_encryption_enforced: false,
            created_on: &app.created_at,
        });
    }
    let employee = call.dialect.enterprise_purpose == EnterprisePurpose::Employee;
    let rows = shown
        .iter()
        .map(|bot| BotElement {
            id: &bot.id,
            account_id: &call.account.id,
            purpose: if bot.is_enterprise && employee { "employee" } else { "customer" },
            created_on: &bot.created_at,
            created_by: &bot.created_by,
            r#type: "default",
            default_language: &bot.language,
            is_deflect: false,
            resourceid: "btstreams",
            status: bot.status.word(),
            icon: &bot.icon,
            name: &bot.name,
            description: &bot.description,
            is_linked_to: [],
            contains_panel_or_widget: false,
            jwt_apps: apps_of.remove(&bot.seq).unwrap_or_default(),
        })
        .collect();
    Answer::ok(&BotListing {
        total: page.shown_total(call, total),
        available_more: page.more(total),
        bots: rows,
    })
}
