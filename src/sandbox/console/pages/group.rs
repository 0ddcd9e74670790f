//! User Management > Groups > one group: name, people, groups in it, roles.

use super::groups::{NEEDS, PATH, objections};
use crate::sandbox::console::admin_context::{AdminContext, Change};
use crate::sandbox::console::frame::{Frame, full_name};
use crate::sandbox::console::list::{ListPage, ROWS, Search};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::role_rules;
use crate::sandbox::console::route::Route;
use crate::sandbox::store::audit;
use crate::sandbox::store::group_list::{self, GroupRole};
use crate::sandbox::store::groups::{self, Group, GroupSource};
use crate::sandbox::store::user_list::{self, UserFilter};
use crate::sandbox::store::users::User;
use askama::Template;

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page("/Admin/groups/{id}", NEEDS, show),
    Route::action("/Admin/groups/{id}/edit", NEEDS, edit),
    Route::action("/Admin/groups/{id}/people/add", NEEDS, add_people),
    Route::action("/Admin/groups/{id}/people/remove", NEEDS, remove_person),
    Route::action("/Admin/groups/{id}/groups/add", NEEDS, add_group),
    Route::action("/Admin/groups/{id}/groups/remove", NEEDS, remove_group),
];

/// So many groups can be chosen from a list.
const CHOICES: usize = 500;

#[derive(Template)]
#[template(path = "group.html")]
struct GroupPage {
    frame: Frame,
    path: String,
    group: Group,
    /// Only local groups are changed by hand (3.3).
    is_local: bool,
    people: Vec<MemberRow>,
    page: ListPage,
    search: Search,
    found: Vec<MemberRow>,
    children: Vec<Group>,
    choices: Vec<Group>,
    roles: Vec<GroupRole>,
    may_see_roles: bool,
}

struct MemberRow {
    id: String,
    name: String,
    email: String,
}

impl From<User> for MemberRow {
    fn from(user: User) -> Self {
        let name = full_name(&user.first_name, &user.last_name, &user.email);
        Self { id: user.id, name, email: user.email }
    }
}

/// The group of that id, if it is in this account.
pub(super) fn by_id(admin: &AdminContext<'_>, id: &str) -> Result<Group, PageError> {
    admin.read(|conn| Ok(groups::by_id(conn, admin.account.seq, id)?))?.ok_or(PageError::NotFound)
}

fn of_path(admin: &AdminContext<'_>) -> Result<Group, PageError> {
    by_id(admin, admin.param("id"))
}

/// The page of a group.
pub(super) fn path_of(group: &Group) -> String {
    format!("{PATH}/{}", group.id)
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    let group = of_path(admin)?;
    let (search, page) = (Search::new(admin), ListPage::new(admin));
    let frame = Frame::new(admin, &group.name, &[("User Management", None), ("Groups", Some(PATH))])?;
    let is_local = group.source == GroupSource::Local;
    let page = admin.read(|conn| {
        let (people, total) = group_list::members(conn, group.seq, page.skip(), ROWS)?;
        let found = if search.terms.is_empty() {
            Vec::new()
        } else {
            let filter = UserFilter { terms: search.terms.clone(), state: None };
            user_list::page(conn, admin.account.seq, &filter, 0, ROWS)?.0
        };
        Ok(GroupPage {
            frame,
            path: path_of(&group),
            is_local,
            people: people.into_iter().map(MemberRow::from).collect(),
            page: page.with_total(total),
            search,
            found: found.into_iter().map(|listed| MemberRow::from(listed.user)).collect(),
            children: groups::children(conn, &[group.seq])?.into_iter().map(|(_, child)| child).collect(),
            choices: group_list::possible_children(conn, &group, CHOICES)?,
            roles: group_list::roles(conn, group.seq)?,
            may_see_roles: admin.may(super::roles::PATH),
            group,
        })
    })?;
    Reply::page(&page)
}

fn edit(admin: &AdminContext<'_>) -> Outcome {
    let group = of_path(admin)?;
    let (name, description) = (admin.field("name"), admin.field("description"));
    admin.change(|change| {
        check_local(&group)?;
        let problems = objections(admin, change.conn(), name, description, Some(&group))?;
        if !problems.is_empty() {
            return Err(PageError::Refused(problems.join(" ")));
        }
        role_rules::check_group(admin, change.conn(), &group)?;
        groups::describe(change.conn(), group.seq, name, description)?;
        change.log(audit::GROUP_UPDATED, &format!("group {} updated: now {name}", group.name))
    })?;
    Ok(Reply::see(&path_of(&group)).saying("The group is saved."))
}

fn add_people(admin: &AdminContext<'_>) -> Outcome {
    let group = of_path(admin)?;
    let chosen = admin.fields("user");
    if chosen.is_empty() {
        return Err(PageError::Refused("Nobody is selected: tick at least one person.".to_owned()));
    }
    admin.change(|change| {
        for id in &chosen {
            let listed =
                user_list::by_id(change.conn(), admin.account.seq, id)?.ok_or(PageError::NotFound)?;
            join(admin, change, &group, &listed.user)?;
        }
        Ok(())
    })?;
    Ok(Reply::see(&path_of(&group)).saying("Added to the group."))
}

fn remove_person(admin: &AdminContext<'_>) -> Outcome {
    let group = of_path(admin)?;
    admin.change(|change| {
        let listed = user_list::by_id(change.conn(), admin.account.seq, admin.field("user"))?;
        leave(admin, change, &group, &listed.ok_or(PageError::NotFound)?.user)
    })?;
    Ok(Reply::see(&path_of(&group)).saying("Removed from the group."))
}

fn add_group(admin: &AdminContext<'_>) -> Outcome {
    let parent = of_path(admin)?;
    let child = by_id(admin, admin.field("group"))?;
    admin.change(|change| {
        check_local(&parent)?;
        if child.source == GroupSource::System {
            return Err(PageError::Refused(format!(
                "Group {} is the platform's own: it is in no other.",
                child.name
            )));
        }
        if group_list::is_above(change.conn(), child.seq, parent.seq)? {
            let why = format!(
                "Group {} contains {} already, or is it: groups go in no circles.",
                child.name, parent.name
            );
            return Err(PageError::Refused(why));
        }
        role_rules::check_group(admin, change.conn(), &parent)?;
        groups::nest(change.conn(), parent.seq, child.seq)?;
        let text = format!("group {} added to group {}", child.name, parent.name);
        change.log(audit::GROUPS_ADDED_TO_GROUP, &text)
    })?;
    Ok(Reply::see(&path_of(&parent)).saying(format!("{} is in the group now.", child.name)))
}

fn remove_group(admin: &AdminContext<'_>) -> Outcome {
    let parent = of_path(admin)?;
    let child = by_id(admin, admin.field("group"))?;
    admin.change(|change| {
        check_local(&parent)?;
        if !groups::unnest(change.conn(), parent.seq, child.seq)? {
            return Err(PageError::Refused(format!("{} is not in {}.", child.name, parent.name)));
        }
        role_rules::check_group(admin, change.conn(), &parent)?;
        let text = format!("group {} removed from group {}", child.name, parent.name);
        change.log(audit::GROUPS_REMOVED_FROM_GROUP, &text)
    })?;
    Ok(Reply::see(&path_of(&parent)).saying(format!("{} is in the group no longer.", child.name)))
}

fn check_local(group: &Group) -> Result<(), PageError> {
    let why = match group.source {
        GroupSource::Local => return Ok(()),
        GroupSource::Ad => "comes from the directory: it changes there.",
        GroupSource::System => "is the platform's own: everybody who has joined is in it.",
    };
    Err(PageError::Refused(format!("Group {} {why}", group.name)))
}

/// Puts a user into a local group, audited.
pub(super) fn join(
    admin: &AdminContext<'_>,
    change: &Change<'_>,
    group: &Group,
    user: &User,
) -> Result<(), PageError> {
    check_local(group)?;
    if !groups::join(change.conn(), group.seq, user.seq)? {
        return Err(PageError::Refused(format!("{} is in {} already.", user.email, group.name)));
    }
    role_rules::check_group(admin, change.conn(), group)?;
    change.log(audit::USERS_ADDED_TO_GROUP, &format!("{} added to group {}", user.email, group.name))
}

/// Takes a user out of a local group, audited.
pub(super) fn leave(
    admin: &AdminContext<'_>,
    change: &Change<'_>,
    group: &Group,
    user: &User,
) -> Result<(), PageError> {
    check_local(group)?;
    if !groups::leave(change.conn(), group.seq, user.seq)? {
        return Err(PageError::Refused(format!("{} is not in {}.", user.email, group.name)));
    }
    role_rules::check_group(admin, change.conn(), group)?;
    change.log(audit::USERS_REMOVED_FROM_GROUP, &format!("{} removed from group {}", user.email, group.name))
}
