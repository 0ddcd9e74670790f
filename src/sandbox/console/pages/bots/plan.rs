//! *Bot Plan* of a consumer bot: what it would be billed by, which in a sandbox is synthetic and costs nothing.

use super::{BotCategory, CONSUMER, bot};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::pages::dashboard::talkers;
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::route::Route;
use crate::sandbox::traffic::{Cut, Figures, SessionKind, hour_of};
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page("/Admin/bots/consumer/{id}/plan", CONSUMER, show)];

const DAYS: i64 = 30;

#[derive(Template)]
#[template(path = "bots_plan.html")]
struct BillingPlanPage {
    frame: Frame,
    back: &'static str,
    days: i64,
    sum: Figures,
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let bot = bot(admin)?;
    let all = talkers(admin)?.talkers;
    let until = hour_of(admin.now) + 1;
    let cut = Cut { kind: SessionKind::All, channel: "", tasks: &[], tags: &[] };
    let sum = all
        .iter()
        .find(|talker| talker.id == bot.id)
        .map(|talker| talker.between(until - 24 * DAYS, until, &cut))
        .unwrap_or_default();
    let frame = Frame::new(admin, &format!("Bot plan: {}", bot.name), &BotCategory::Consumer.crumbs())?;
    Reply::page(&BillingPlanPage { frame, back: BotCategory::Consumer.path(), days: DAYS, sum })
}
