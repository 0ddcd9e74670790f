//! User Management > Role Management > one role > Assignments: type a name, select, assign.

use askama::Template;

use super::role::{CRUMBS, of_path};
use super::roles::{NEEDS, PATH, label};
use crate::sandbox::console::desk::{Change, Desk};
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::list::{Page, ROWS, Search};
use crate::sandbox::console::reply::{Fault, Outcome, Reply};
use crate::sandbox::console::role_rules::{self, Holder, needs_to_give, shown_name};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::bots::{self, Bot};
use crate::sandbox::store::group_list;
use crate::sandbox::store::groups::{self, GroupSource};
use crate::sandbox::store::role_holders::{self, Holder as Held};
use crate::sandbox::store::roles::{Role, RoleKind};
use crate::sandbox::store::user_list::{self, Filter};

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/roles/{id}/assignments", NEEDS, show),
    Route::action("/Admin/roles/{id}/assignments/add", NEEDS, add),
    Route::action("/Admin/roles/{id}/assignments/remove", NEEDS, remove),
];

/// So many bots can be chosen from a list.
const CHOICES: usize = 500;

#[derive(Template)]
#[template(path = "role_assignments.html")]
struct Assignments {
    frame: Frame,
    id: String,
    path: String,
    kind_label: &'static str,
    holders: Vec<Held>,
    page: Page,
    may_assign: bool,
    /// Why nobody gets it here, for Bot Owner and for who may not.
    reason: &'static str,
    search: Search,
    found: Vec<Found>,
    bots: Vec<Bot>,
}

/// Somebody or a group that the search has found.
struct Found {
    /// `user u-...` or `group e-...`.
    key: String,
    name: String,
    hint: String,
}

fn show(desk: &Desk<'_>) -> Outcome {
    let role = of_path(desk)?;
    let (search, page) = (Search::of(desk), Page::of(desk));
    let frame = Frame::of(desk, shown_name(&role), &CRUMBS)?;
    let may_assign = !role.is_bot_owner() && desk.rights.meet(needs_to_give(&role));
    let page = desk.read(|conn| {
        let (holders, total) = role_holders::page(conn, role.seq, page.skip(), ROWS)?;
        let mut found = Vec::new();
        if may_assign && !search.terms.is_empty() {
            if !role.is_master_admin() {
                let (listed, _) = group_list::page(conn, desk.account.seq, &search.terms, 0, ROWS)?;
                let groups = listed.into_iter().filter(|one| one.group.source != GroupSource::System);
                found.extend(groups.map(|one| Found {
                    key: format!("group {}", one.group.id),
                    name: one.group.name,
                    hint: "group".to_owned(),
                }));
            }
            let filter = Filter { terms: search.terms.clone(), state: None };
            let (people, _) = user_list::page(conn, desk.account.seq, &filter, 0, ROWS)?;
            found.extend(people.into_iter().map(|listed| Found {
                key: format!("user {}", listed.user.id),
                name: full_name(&listed.user.first_name, &listed.user.last_name, &listed.user.email),
                hint: listed.user.email,
            }));
        }
        let bots = match role.kind {
            RoleKind::Bot if may_assign => bots::page(conn, desk.account.seq, 0, CHOICES)?,
            _ => Vec::new(),
        };
        Ok(Assignments {
            frame,
            path: path_of(&role),
            kind_label: label(role.kind),
            holders,
            page: page.with_total(total),
            may_assign,
            reason: reason(&role),
            search,
            found,
            bots,
            id: role.id,
        })
    })?;
    Reply::page(&page)
}

fn reason(role: &Role) -> &'static str {
    if role.is_bot_owner() {
        "Bot Owner comes with a bot; it changes under Bots Management > Change Bot Owner only."
    } else if role.is_master_admin() {
        "Only the Primary Admin assigns Master Admin."
    } else {
        "Assigning this role needs another permission than yours."
    }
}

fn path_of(role: &Role) -> String {
    format!("{PATH}/{}/assignments", role.id)
}

fn add(desk: &Desk<'_>) -> Outcome {
    let role = of_path(desk)?;
    let chosen = desk.fields("holder");
    if chosen.is_empty() {
        return Err(Fault::Refused("Nobody is selected: tick at least one person or group.".to_owned()));
    }
    desk.change(|change| {
        let bot = bot(desk, change)?;
        chosen.iter().try_for_each(|key| {
            with_holder(desk, change, key, |holder| {
                role_rules::give(desk, change, &role, holder, bot.as_ref())
            })
        })
    })?;
    Ok(Reply::see(&path_of(&role)).saying("The role is assigned."))
}

fn remove(desk: &Desk<'_>) -> Outcome {
    let role = of_path(desk)?;
    desk.change(|change| {
        let bot = bot(desk, change)?;
        with_holder(desk, change, desk.field("holder"), |holder| {
            role_rules::take(desk, change, &role, holder, bot.as_ref())
        })
    })?;
    Ok(Reply::see(&path_of(&role)).saying("The role is taken away."))
}

/// The bot of the form, if it names one.
fn bot(desk: &Desk<'_>, change: &Change<'_>) -> Result<Option<Bot>, Fault> {
    match desk.field("bot") {
        "" => Ok(None),
        id => bots::by_id(change.conn(), desk.account.seq, id)?.ok_or(Fault::NotFound).map(Some),
    }
}

/// Does something with the person or group that the form names.
fn with_holder(
    desk: &Desk<'_>,
    change: &Change<'_>,
    key: &str,
    act: impl FnOnce(Holder<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    match key.split_once(' ') {
        Some(("user", id)) => {
            let listed = user_list::by_id(change.conn(), desk.account.seq, id)?.ok_or(Fault::NotFound)?;
            act(Holder::User(&listed.user))
        }
        Some(("group", id)) => {
            let group = groups::by_id(change.conn(), desk.account.seq, id)?.ok_or(Fault::NotFound)?;
            act(Holder::Group(&group))
        }
        _ => Err(Fault::NotFound),
    }
}
