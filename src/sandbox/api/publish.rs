//! 2.15: publishing a bot, and the state of its last publish job.

use super::{Answer, ApiError, Call};
use crate::sandbox::store::bot_settings::{Approval, BotSettings, Preferences};
use crate::sandbox::store::bots::{self, Bot, BotStatus};
use crate::sandbox::store::{audiences, audit, bot_list, tasks, uuid_of};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublishBody {
    version_comment: String,
}

/// A token of another bot's app is refused before the id is looked at; an account's token is told that the
/// id is unknown (1.5).
pub(super) fn bot(call: &Call<'_>) -> Result<Bot, ApiError> {
    let found = bots::by_id(call.conn, call.account.seq, call.bot.unwrap_or_default())?;
    match (call.app.bot, found) {
        (Some(own), Some(bot)) if bot.seq == own => Ok(bot),
        (Some(_), _) => Err(ApiError::credentials()),
        (None, Some(bot)) => Ok(bot),
        (None, None) => Err(ApiError::bad_request("Invalid StreamId")),
    }
}

pub(super) fn publish(call: &Call<'_>) -> Result<Answer, ApiError> {
    let bot = bot(call)?;
    let PublishBody { version_comment } = call.body()?;
    let approved = is_approved_by_itself(call, &bot)?;
    tasks::ask_again(call.conn, bot.seq)?;
    if approved {
        // An upgrade of a suspended bot stays suspended with it.
        if bot.status != BotStatus::Suspended {
            bots::set_status(call.conn, bot.seq, BotStatus::Published)?;
        }
        bot_list::settle(call.conn, bot.seq)?;
        if bot.is_enterprise && Preferences::load(call.conn, call.account.seq)?.assigns_everybody {
            audiences::give_everybody(call.conn, call.account.seq, bot.seq)?;
            call.audit(audit::BOT_TASK_ASSIGNMENT, &format!("bot {} assigned to everybody", bot.name))?;
        }
        call.audit(audit::DEPLOYMENT_APPROVED, &format!("bot {} approved", bot.name))?;
    } else {
        bot_list::request(call.conn, bot.seq, &version_comment, &call.stamp())?;
        // An upgrade of a deployed bot stays deployed while it waits for approval.
        if !bot.is_deployed() {
            bots::set_status(call.conn, bot.seq, BotStatus::AwaitingApproval)?;
        }
    }
    let state = if approved { "published" } else { "awaitingApproval" };
    let dialogs = bots::dialogs(call.conn, bot.seq)?;
    bots::set_job(call.conn, bot.seq, &job(call, &bot, state, &dialogs).to_string())?;
    let mut resources: Vec<Value> = dialogs
        .iter()
        .map(|(id, name)| {
            let mut result = common(call, &bot, state, &version_comment);
            result["_id"] = json!(uuid_of("dg-", &[id, "published"]));
            result["refId"] = json!(uuid_of("", &[id, "ref"]));
            result["lname"] = json!(name.to_lowercase());
            result["name"] = json!(name);
            json!({ "resourceType": "dialog", "resourceId": id, "sbResourceId": id, "status": "SUCCESS", "result": result })
        })
        .collect();
    let mut channels = common(call, &bot, state, &version_comment);
    channels["name"] = json!("Channels");
    channels["modules"] = json!(["rtm"]);
    resources.push(json!({
        "resourceType": "CHANNELS", "resourceId": "CHANNELS", "sbResourceId": "CHANNELS", "status": "SUCCESS",
        "result": channels
    }));
    Answer::ok(&resources)
}

/// By the account's preferences; an upgrade by the bot's settings, too.
fn is_approved_by_itself(call: &Call<'_>, bot: &Bot) -> Result<bool, ApiError> {
    let settings = BotSettings::load(call.conn, bot.seq)?;
    let is_upgrade = bot.is_deployed();
    Ok(call.account.auto_approve || (is_upgrade && settings.auto_approve.contains(&Approval::TaskUpgrades)))
}

fn common(call: &Call<'_>, bot: &Bot, state: &str, comment: &str) -> Value {
    json!({
        "visibility": { "namespace": "enterprise", "namespaceIds": [call.account.org_id] },
        "version": "1.0", "isPublishedVersion": state == "published", "state": state,
        "adminTaskStatus": "active", "approvedLanguages": [], "approvalRequestedLanguages": [bot.language],
        "botId": bot.id, "createdBy": bot.created_by, "createdOn": bot.created_at, "publishedOn": call.stamp(),
        "versionComment": comment
    })
}

fn job(call: &Call<'_>, bot: &Bot, state: &str, dialogs: &[(String, String)]) -> Value {
    let channels = json!({
        "resourceId": "CHANNELS", "resourceType": "CHANNELS", "name": "Channels", "modules": ["rtm"]
    });
    let mut summary = vec![json!({
        "resourceId": "CHANNELS", "resourceType": "CHANNELS", "name": "Channels", "modules": ["rtm"],
        "result": channels, "status": "SUCCESS"
    })];
    let languages = [&bot.language];
    summary.extend(dialogs.iter().map(|(id, name)| {
        json!({
            "resourceId": id, "resourceVersion": "1.0", "resourceType": "dialog",
            "approvalRequestedLanguages": languages, "name": name, "status": "SUCCESS", "deployedTo": "enterprise",
            "result": { "state": state, "adminTaskStatus": "active", "approvedLanguages": languages }
        })
    }));
    json!({
        "_id": format!("ds-{}", Uuid::new_v4()), "action": "RUN", "jobType": "PUBLISH_BOT", "streamId": bot.id,
        "__v": 0, "countOfDockStatuses": 1, "createdBy": bot.created_by, "percentageComplete": 100,
        "requestedTime": call.stamp(), "initiatedOn": call.stamp(), "lastModifiedOn": call.stamp(),
        "status": "successful", "statusSummary": summary
    })
}

/// The last job; a bot that was never published through the API gets one made from what it is.
pub(super) fn status(call: &Call<'_>) -> Result<Answer, ApiError> {
    let bot = bot(call)?;
    let document: Value = match bots::job(call.conn, bot.seq)? {
        Some(document) => serde_json::from_str(&document).map_err(|e| ApiError::internal(&e))?,
        None => job(call, &bot, bot.status.word(), &bots::dialogs(call.conn, bot.seq)?),
    };
    Answer::ok(&document)
}
