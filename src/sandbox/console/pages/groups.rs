//! User Management > Groups: the list, new groups, and the end of old ones.

use super::confirm::{self, Confirmation};
use super::group;
use crate::sandbox::NewGroup;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS, Search};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::role_rules;
use crate::sandbox::console::route::Route;
use crate::sandbox::store::audit;
use crate::sandbox::store::group_list::{self, ListedGroup};
use crate::sandbox::store::groups::{self, Group, GroupSource};
use askama::Template;
use rusqlite::Connection;

pub(super) const NEEDS: Needs = Needs::Any(&[Permission::ManageGroups]);
pub(super) const PATH: &str = "/Admin/groups";
const NEW: &str = "/Admin/groups/new";

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(PATH, NEEDS, list),
    Route::page(NEW, NEEDS, show_new),
    Route::action(NEW, NEEDS, create),
    Route::action("/Admin/groups/delete", NEEDS, delete),
];

#[derive(Template)]
#[template(path = "groups.html")]
struct GroupsPage {
    frame: Frame,
    search: Search,
    groups: Vec<ListedGroup>,
    page: ListPage,
}

#[derive(Template)]
#[template(path = "group_new.html")]
struct NewGroupPage<'a> {
    frame: Frame,
    name: &'a str,
    description: &'a str,
    problems: Vec<String>,
}

fn list(admin: &AdminContext<'_>) -> Outcome {
    let (search, page) = (Search::new(admin), ListPage::new(admin));
    let (groups, total) = admin
        .read(|conn| Ok(group_list::page(conn, admin.account.seq, &search.terms, page.skip(), ROWS)?))?;
    let frame = Frame::new(admin, "Groups", &[("User Management", None)])?;
    Reply::page(&GroupsPage { frame, search, groups, page: page.with_total(total) })
}

fn new<'a>(admin: &'a AdminContext<'_>, problems: Vec<String>) -> Result<NewGroupPage<'a>, PageError> {
    let frame = Frame::new(admin, "New group", &[("User Management", None), ("Groups", Some(PATH))])?;
    Ok(NewGroupPage { frame, name: admin.field("name"), description: admin.field("description"), problems })
}

fn show_new(admin: &AdminContext<'_>) -> Outcome {
    Reply::page(&new(admin, Vec::new())?)
}

fn create(admin: &AdminContext<'_>) -> Outcome {
    let (name, description) = (admin.field("name"), admin.field("description"));
    let problems = admin.read(|conn| objections(admin, conn, name, description, None))?;
    if !problems.is_empty() {
        return Reply::invalid(&new(admin, problems)?);
    }
    let made = admin.change(|change| {
        change.add_group(&NewGroup { description: description.to_owned(), ..NewGroup::named(name) })?;
        change.log(audit::GROUP_CREATED, &format!("group {name} created"))?;
        groups::by_name(change.conn(), admin.account.seq, name)?
            .ok_or_else(|| PageError::broken(&"a group just added is gone"))
    })?;
    Ok(Reply::see(&group::path_of(&made)).saying("The group is created: add people to it."))
}

/// What is wrong with a name and a description. `own` is the group that has the name already, when it is edited.
pub(super) fn objections(
    admin: &AdminContext<'_>,
    conn: &Connection,
    name: &str,
    description: &str,
    own: Option<&Group>,
) -> Result<Vec<String>, PageError> {
    let mut problems = Vec::new();
    if name.is_empty() {
        problems.push("Type a name for the group.".to_owned());
    }
    for (what, text, most) in [("A name", name, 100), ("A description", description, 500)] {
        if text.chars().count() > most {
            problems.push(format!("{what} has at most {most} characters."));
        }
    }
    let other = groups::by_name(conn, admin.account.seq, name)?;
    if other.is_some_and(|other| own.is_none_or(|own| own.seq != other.seq)) {
        problems.push(format!("There is a group {name} already."));
    }
    Ok(problems)
}

/// Deletes the selected groups, all or none: local ones without people (3.3).
fn delete(admin: &AdminContext<'_>) -> Outcome {
    let ids = admin.fields("group");
    if ids.is_empty() {
        return Err(PageError::Refused("No group is selected: tick at least one.".to_owned()));
    }
    let chosen = ids.iter().map(|id| group::by_id(admin, id)).collect::<Result<Vec<Group>, _>>()?;
    admin
        .read(|conn| chosen.iter().try_for_each(|group| check_deletable(admin, conn, group)))
        .map_err(confirm::refused_at(PATH))?;
    if !confirm::is_given(admin) {
        let confirmation = Confirmation {
            title: "Delete?",
            crumbs: &[("User Management", None), ("Groups", Some(PATH))],
            text: "They are gone for good, with the roles they hold and their places in other groups:"
                .to_owned(),
            subjects: chosen.into_iter().map(|group| group.name).collect(),
            yes: "Delete",
            back: PATH,
        };
        return confirm::confirm_page(admin, confirmation);
    }
    let deleted = admin.change(|change| {
        for group in &chosen {
            check_deletable(admin, change.conn(), group)?;
            change.delete_group(&group.name)?;
            change.log(audit::GROUP_DELETED, &format!("group {} deleted", group.name))?;
        }
        Ok(())
    });
    deleted.map_err(confirm::refused_at(PATH))?;
    let done = if chosen.len() == 1 { "The group is deleted." } else { "The groups are deleted." };
    Ok(Reply::see(PATH).saying(done))
}

fn check_deletable(admin: &AdminContext<'_>, conn: &Connection, group: &Group) -> Result<(), PageError> {
    let refused = |why: String| Err(PageError::Refused(format!("Group {} {why}", group.name)));
    match group.source {
        GroupSource::System => return refused("is the platform's own and stays.".to_owned()),
        GroupSource::Ad => return refused("comes from the directory: it goes there.".to_owned()),
        GroupSource::Local => {}
    }
    // Groups in it lose what came through it.
    role_rules::check_group(admin, conn, group)?;
    match group_list::members(conn, group.seq, 0, 1)?.1 {
        0 => Ok(()),
        1 => refused("has 1 person in it: remove them first.".to_owned()),
        people => refused(format!("has {people} people in it: remove them first.")),
    }
}
