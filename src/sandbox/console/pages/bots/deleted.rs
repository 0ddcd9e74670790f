//! Bots Management > Deleted Bots: for 30 days they can be brought back.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::console::when::When;
use crate::sandbox::store::audit;
use crate::sandbox::store::deleted_bots::{self, Deleted};
use askama::Template;
use jiff::{SignedDuration, Timestamp};

const NEEDS: Needs = Needs::Any(&[Permission::EnterpriseBots, Permission::ConsumerBots]);
const PATH: &str = "/Admin/bots/deleted";
/// For so long a deleted bot can be restored (3.6).
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::page(PATH, NEEDS, list), Route::action("/Admin/bots/deleted/{id}/restore", NEEDS, restore)];

#[derive(Template)]
#[template(path = "bots_deleted.html")]
struct DeletedBots {
    frame: Frame,
    bots: Vec<DeletedBotRow>,
    page: ListPage,
}

struct DeletedBotRow {
    id: String,
    name: String,
    requested_by: String,
    created: Option<When>,
    deleted: Option<When>,
    /// Why it cannot be restored; empty if it can.
    obstacle: &'static str,
}

fn obstacle(deleted: &Deleted, now: Timestamp) -> &'static str {
    let is_recent = deleted.at.parse::<Timestamp>().is_ok_and(|at| now.duration_since(at) <= KEPT);
    if !is_recent {
        "Deleted more than 30 days ago"
    } else if !deleted.backup.is_restorable() {
        "Was not published with an active task"
    } else {
        ""
    }
}

fn list(admin: &AdminContext<'_>) -> Outcome {
    let page = ListPage::new(admin);
    let (found, total) =
        admin.read(|conn| Ok(deleted_bots::page(conn, admin.account.seq, page.skip(), ROWS)?))?;
    let rows = found.into_iter().map(|deleted| DeletedBotRow {
        obstacle: obstacle(&deleted, admin.now),
        created: When::read(&deleted.created_at),
        deleted: When::read(&deleted.at),
        id: deleted.id,
        name: deleted.name,
        requested_by: deleted.requested_by,
    });
    Reply::page(&DeletedBots {
        frame: Frame::new(admin, "Deleted Bots", &[("Bots Management", None)])?,
        bots: rows.collect(),
        page: page.with_total(total),
    })
}

fn restore(admin: &AdminContext<'_>) -> Outcome {
    let id = admin.param("id");
    let found = admin.read(|conn| Ok(deleted_bots::by_id(conn, admin.account.seq, id)?))?;
    let deleted = found.ok_or(PageError::NotFound)?;
    let obstacle = obstacle(&deleted, admin.now);
    if !obstacle.is_empty() {
        return Err(PageError::Refused(format!(
            "{} cannot be restored: {}.",
            deleted.name,
            obstacle.to_lowercase()
        )));
    }
    admin.change(|change| {
        deleted_bots::restore(change.conn(), admin.account.seq, &deleted)?;
        change.log(audit::DEPLOYMENT_SETTINGS, &format!("bot {} restored", deleted.name))
    })?;
    Ok(Reply::see(PATH).saying(format!("{} is back, with its configuration.", deleted.name)))
}
