//! Bots Management > Enterprise Bots, Consumer Bots, Smart Bots: what is deployed.

use super::{BotCategory, CONSUMER, ENTERPRISE};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS, Search};
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::bot_list::{self, BotFilter, ListedBot};
use crate::sandbox::store::bot_settings::BotSettings;
use crate::sandbox::store::bots::BotStatus;
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/bots/enterprise", ENTERPRISE, list),
    Route::page("/Admin/bots/consumer", CONSUMER, list),
    Route::page("/Admin/bots/smart", Needs::Any(&[Permission::SmartBots]), smart),
];

#[derive(Template)]
#[template(path = "bots.html")]
struct BotsPage {
    frame: Frame,
    path: &'static str,
    is_enterprise: bool,
    search: Search,
    by_name: bool,
    bots: Vec<BotRow>,
    page: ListPage,
}

struct BotRow {
    id: String,
    name: String,
    publisher: String,
    tasks: usize,
    channels: String,
    is_suspended: bool,
}

fn list(admin: &AdminContext<'_>) -> Outcome {
    let (category, search, page) = (BotCategory::new(admin), Search::new(admin), ListPage::new(admin));
    let by_name = admin.query("sort") == "name";
    let filter = BotFilter {
        is_enterprise: category == BotCategory::Enterprise,
        terms: search.terms.clone(),
        by_name,
    };
    let (bots, total) = admin.read(|conn| {
        let (found, total) = bot_list::deployed(conn, admin.account.seq, &filter, page.skip(), ROWS)?;
        let rows = found.into_iter().map(|ListedBot { bot, publisher, tasks }| {
            Ok(BotRow {
                channels: BotSettings::load(conn, bot.seq)?.channel_names().join(", "),
                is_suspended: bot.status == BotStatus::Suspended,
                id: bot.id,
                name: bot.name,
                publisher,
                tasks,
            })
        });
        Ok((rows.collect::<Result<Vec<_>, rusqlite::Error>>()?, total))
    })?;
    Reply::page(&BotsPage {
        frame: Frame::new(admin, category.title(), &[("Bots Management", None)])?,
        path: category.path(),
        is_enterprise: category == BotCategory::Enterprise,
        search,
        by_name,
        bots,
        page: page.with_total(total),
    })
}

#[derive(Template)]
#[template(path = "bots_smart.html")]
struct SmartBots {
    frame: Frame,
}

/// The sandbox has none, and the page shows that.
fn smart(admin: &AdminContext<'_>) -> Outcome {
    Reply::page(&SmartBots { frame: Frame::new(admin, "Smart Bots", &[("Bots Management", None)])? })
}
