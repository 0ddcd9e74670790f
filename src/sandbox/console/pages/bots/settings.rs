//! *Bot Settings*: what needs no admin any more, channels, notification; and a mail to the developers.

use super::{BotCategory, CONSUMER, ENTERPRISE, bot, tell};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::pages::counted;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::bot_settings::{Approval, BotSettings, CHANNELS};
use crate::sandbox::store::bots::Bot;
use crate::sandbox::store::{audit, bot_list, settings};
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/bots/enterprise/{id}/settings", ENTERPRISE, show),
    Route::action("/Admin/bots/enterprise/{id}/settings", ENTERPRISE, save),
    Route::action("/Admin/bots/enterprise/{id}/mail", ENTERPRISE, mail),
    Route::page("/Admin/bots/consumer/{id}/settings", CONSUMER, show),
    Route::action("/Admin/bots/consumer/{id}/settings", CONSUMER, save),
    Route::action("/Admin/bots/consumer/{id}/mail", CONSUMER, mail),
];

/// Characters of a mail to the developers.
const MAIL_MAX: usize = 4000;

#[derive(Template)]
#[template(path = "bots_settings.html")]
struct BotSettingsPage {
    frame: Frame,
    path: String,
    is_enterprise: bool,
    /// `none`, `all` or `some`.
    approves: &'static str,
    /// Number, label, whether it is chosen.
    approvals: Vec<(usize, &'static str, bool)>,
    /// Word, name, whether it is approved.
    channels: Vec<(&'static str, &'static str, bool)>,
    notify: bool,
    developers: usize,
}

fn path(bot: &Bot, category: BotCategory) -> String {
    format!("{}/{}", category.path(), bot.id)
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let (bot, category) = (bot(admin)?, BotCategory::new(admin));
    let (settings, team) =
        admin.read(|conn| Ok((BotSettings::load(conn, bot.seq)?, bot_list::team(conn, bot.seq)?)))?;
    let chosen = settings.auto_approve.len();
    Reply::page(&BotSettingsPage {
        frame: Frame::new(admin, &format!("Bot settings: {}", bot.name), &category.crumbs())?,
        path: path(&bot, category),
        is_enterprise: bot.is_enterprise,
        approves: if chosen == 0 {
            "none"
        } else if chosen == Approval::ALL.len() {
            "all"
        } else {
            "some"
        },
        approvals: Approval::ALL
            .iter()
            .enumerate()
            .map(|(number, approval)| (number, approval.label(), settings.auto_approve.contains(approval)))
            .collect(),
        channels: CHANNELS
            .iter()
            .map(|(word, name)| (*word, *name, settings.channels.iter().any(|own| own == word)))
            .collect(),
        notify: settings.notify,
        developers: team.len(),
    })
}

fn save(admin: &AdminContext<'_>) -> Outcome {
    let bot = bot(admin)?;
    let chosen = admin.fields("approval");
    let is_chosen = |number: usize| match admin.field("approves") {
        "all" => true,
        "some" => chosen.contains(&number.to_string().as_str()),
        _ => false,
    };
    let auto_approve: Vec<Approval> = Approval::ALL
        .into_iter()
        .enumerate()
        .filter(|(number, _)| is_chosen(*number))
        .map(|(_, approval)| approval)
        .collect();
    let asked = admin.fields("channel");
    let channels: Vec<String> = CHANNELS
        .iter()
        .filter(|(word, _)| asked.contains(word))
        .map(|(word, _)| (*word).to_owned())
        .collect();
    if channels.is_empty() {
        return Err(PageError::Refused(
            "At least one channel has to stay approved. Nothing was changed.".to_owned(),
        ));
    }
    let notify = bot.is_enterprise && admin.field("notify") == "on";
    let new = BotSettings { auto_approve, channels, notify };
    admin.change(|change| {
        let old = BotSettings::load(change.conn(), bot.seq)?;
        settings::save_of_bot(change.conn(), bot.seq, &new)?;
        if old.auto_approve != new.auto_approve {
            let labels: Vec<&str> = new.auto_approve.iter().map(|approval| approval.label()).collect();
            let labels = if labels.is_empty() { "nothing".to_owned() } else { labels.join(", ") };
            change.log(audit::BOT_AUTO_APPROVE, &format!("bot {}: {labels} approved by itself", bot.name))?;
        }
        if old.channels != new.channels {
            let text = format!("bot {}: channels {}", bot.name, new.channel_names().join(", "));
            change.log(audit::BOT_CHANNELS_MODIFIED, &text)?;
        }
        change.log(audit::DEPLOYMENT_SETTINGS, &format!("settings of bot {} saved", bot.name))
    })?;
    Ok(Reply::see(&format!("{}/settings", path(&bot, BotCategory::new(admin))))
        .saying("The settings are saved."))
}

/// A mail to everybody with a role on the bot.
fn mail(admin: &AdminContext<'_>) -> Outcome {
    let bot = bot(admin)?;
    let text = admin.field("text");
    if text.is_empty() || text.chars().count() > MAIL_MAX {
        return Err(PageError::Refused(format!("Write something, {MAIL_MAX} characters at most.")));
    }
    let count = admin.change(|change| {
        let team = bot_list::team(change.conn(), bot.seq)?;
        let mut to: Vec<String> = team.into_iter().map(|member| member.email).collect();
        to.sort();
        to.dedup();
        if to.is_empty() {
            return Err(PageError::Refused(format!("{} has no developers to write to.", bot.name)));
        }
        let body = format!("{} writes about {}:\n\n{text}\n", admin.user.email, bot.name);
        tell(admin, change, &to, &format!("About {}", bot.name), &body)?;
        let event = audit::DEPLOYMENT_SETTINGS;
        change.log(event, &format!("mail about bot {} sent to {} people", bot.name, to.len()))?;
        Ok(to.len())
    })?;
    let path = format!("{}/settings", path(&bot, BotCategory::new(admin)));
    Ok(Reply::see(&path).saying(format!("Sent to {}.", counted(count, "person", "people"))))
}
