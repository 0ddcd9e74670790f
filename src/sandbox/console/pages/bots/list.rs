//! Bots Management > Enterprise Bots, Consumer Bots, Smart Bots: what is deployed.

use askama::Template;

use super::{CONSUMER, ENTERPRISE, Shelf};
use crate::sandbox::console::desk::Desk;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{Page, ROWS, Search};
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::bot_list::{self, Filter, Listed};
use crate::sandbox::store::bot_settings::BotSettings;
use crate::sandbox::store::bots::BotStatus;

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
    bots: Vec<Row>,
    page: Page,
}

struct Row {
    id: String,
    name: String,
    publisher: String,
    tasks: usize,
    channels: String,
    is_suspended: bool,
}

fn list(desk: &Desk<'_>) -> Outcome {
    let (shelf, search, page) = (Shelf::of(desk), Search::of(desk), Page::of(desk));
    let by_name = desk.query("sort") == "name";
    let filter = Filter { is_enterprise: shelf == Shelf::Enterprise, terms: search.terms.clone(), by_name };
    let (bots, total) = desk.read(|conn| {
        let (found, total) = bot_list::deployed(conn, desk.account.seq, &filter, page.skip(), ROWS)?;
        let rows = found.into_iter().map(|Listed { bot, publisher, tasks }| {
            Ok(Row {
                channels: BotSettings::of(conn, bot.seq)?.channel_names().join(", "),
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
        frame: Frame::of(desk, shelf.title(), &[("Bots Management", None)])?,
        path: shelf.path(),
        is_enterprise: shelf == Shelf::Enterprise,
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

/// The sandbox has none, and says so.
fn smart(desk: &Desk<'_>) -> Outcome {
    Reply::page(&SmartBots { frame: Frame::of(desk, "Smart Bots", &[("Bots Management", None)])? })
}
