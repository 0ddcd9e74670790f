//! User Management > Role Management > one role > Assignments: type a name, select, assign.

use super::role::{CRUMBS, of_path};
use super::roles::{NEEDS, PATH, label};
use crate::sandbox::console::admin_context::{AdminContext, Change};
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::list::{ListPage, ROWS, Search};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::role_rules::{self, HolderRef, shown_name};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::bots::{self, Bot};
use crate::sandbox::store::group_list;
use crate::sandbox::store::groups::{self, GroupSource};
use crate::sandbox::store::role_holders::{self, RoleHolder};
use crate::sandbox::store::roles::{Role, RoleKind};
use crate::sandbox::store::user_list::{self, UserFilter};
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/roles/{id}/assignments", NEEDS, show),
    Route::action("/Admin/roles/{id}/assignments/add", NEEDS, add),
    Route::action("/Admin/roles/{id}/assignments/remove", NEEDS, remove),
];

/// So many bots can be chosen from a list.
const CHOICES: usize = 500;

#[derive(Template)]
#[template(path = "role_assignments.html")]
struct RoleAssignmentsPage {
    frame: Frame,
    id: String,
    path: String,
    kind_label: &'static str,
    holders: Vec<RoleHolder>,
    is_master_admin: bool,
    /// The address of the Primary Admin, who stays Master Admin.
    primary_admin: String,
    page: ListPage,
    may_assign: bool,
    /// Why nobody gets it here, for Bot Owner and for who may not.
    reason: &'static str,
    search: Search,
    found: Vec<HolderChoice>,
    bots: Vec<Bot>,
}

/// A user or a group that the search has found.
struct HolderChoice {
    /// `user u-...` or `group e-...`.
    key: String,
    name: String,
    hint: String,
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let role = of_path(admin)?;
    let (search, page) = (Search::new(admin), ListPage::new(admin));
    let frame = Frame::new(admin, shown_name(&role), &CRUMBS)?;
    let may_assign = !role.is_bot_owner() && role_rules::may_give(&admin.rights, &role);
    let page = admin.read(|conn| {
        let (holders, total) = role_holders::page(conn, role.seq, page.skip(), ROWS)?;
        let mut found = Vec::new();
        if may_assign && !search.terms.is_empty() {
            let filter = UserFilter { terms: search.terms.clone(), state: None };
            let (people, _) = user_list::page(conn, admin.account.seq, &filter, 0, ROWS)?;
            found.extend(people.into_iter().map(|listed| HolderChoice {
                key: format!("user {}", listed.user.id),
                name: full_name(&listed.user.first_name, &listed.user.last_name, &listed.user.email),
                hint: listed.user.email,
            }));
            if !role.is_master_admin() {
                let listed = group_list::called(conn, admin.account.seq, &search.terms, ROWS)?;
                let groups = listed.into_iter().filter(|group| group.source != GroupSource::System);
                found.extend(groups.map(|one| HolderChoice {
                    key: format!("group {}", one.id),
                    name: one.name,
                    hint: "group".to_owned(),
                }));
            }
        }
        let bots = match role.kind {
            RoleKind::Bot if may_assign => bots::page(conn, admin.account.seq, 0, CHOICES)?,
            _ => Vec::new(),
        };
        Ok(RoleAssignmentsPage {
            frame,
            path: path_of(&role),
            kind_label: label(role.kind),
            holders,
            is_master_admin: role.is_master_admin(),
            primary_admin: admin.account.primary_admin.clone(),
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

fn add(admin: &AdminContext<'_>) -> Outcome {
    let role = of_path(admin)?;
    let chosen = admin.fields("holder");
    if chosen.is_empty() {
        return Err(PageError::Refused("Nobody is selected: tick at least one person or group.".to_owned()));
    }
    admin.change(|change| {
        let bot = bot(admin, change)?;
        chosen.iter().try_for_each(|key| {
            with_holder(admin, change, key, |holder| {
                role_rules::give(admin, change, &role, holder, bot.as_ref())
            })
        })
    })?;
    Ok(Reply::see(&path_of(&role)).saying("The role is assigned."))
}

fn remove(admin: &AdminContext<'_>) -> Outcome {
    let role = of_path(admin)?;
    admin.change(|change| {
        let bot = bot(admin, change)?;
        with_holder(admin, change, admin.field("holder"), |holder| {
            role_rules::take(admin, change, &role, holder, bot.as_ref())
        })
    })?;
    Ok(Reply::see(&path_of(&role)).saying("The role is taken away."))
}

/// The bot of the form, if it names one.
fn bot(admin: &AdminContext<'_>, change: &Change<'_>) -> Result<Option<Bot>, PageError> {
    match admin.field("bot") {
        "" => Ok(None),
        id => bots::by_id(change.conn(), admin.account.seq, id)?.ok_or(PageError::NotFound).map(Some),
    }
}

/// Does something with the person or group that the form names.
fn with_holder(
    admin: &AdminContext<'_>,
    change: &Change<'_>,
    key: &str,
    act: impl FnOnce(HolderRef<'_>) -> Result<(), PageError>,
) -> Result<(), PageError> {
    match key.split_once(' ') {
        Some(("user", id)) => {
            let listed =
                user_list::by_id(change.conn(), admin.account.seq, id)?.ok_or(PageError::NotFound)?;
            act(HolderRef::User(&listed.user))
        }
        Some(("group", id)) => {
            let group = groups::by_id(change.conn(), admin.account.seq, id)?.ok_or(PageError::NotFound)?;
            act(HolderRef::Group(&group))
        }
        _ => Err(PageError::NotFound),
    }
}
