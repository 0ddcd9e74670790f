//! User Management > Users > one person: the groups they are in.

use super::group;
use super::user::{path_of, person};
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::groups::{self, Group, GroupSource};
use crate::sandbox::store::users::User;
use rusqlite::Connection;

const NEEDS: Needs = Needs::Any(&[Permission::ManageGroups]);
const ADD: &str = "/Admin/users/{id}/groups/add";

pub(in crate::sandbox::console) const ROUTES: &[Route] =
    &[Route::action(ADD, NEEDS, add), Route::action("/Admin/users/{id}/groups/remove", NEEDS, remove)];

/// So many groups can be chosen from a list; with more, the page of the group is used.
const CHOICES: usize = 500;

/// What the page of a person shows of it.
pub(super) struct UserGroupsSection {
    pub(super) member_of: Vec<Membership>,
    /// Local groups they are not in; nothing for who may not change it.
    pub(super) others: Vec<Group>,
    pub(super) may_change: bool,
}

pub(super) struct Membership {
    pub(super) group: Group,
    pub(super) is_fixed: bool,
}

impl UserGroupsSection {
    pub(super) fn new(admin: &AdminContext<'_>, conn: &Connection, user: &User) -> Result<Self, PageError> {
        let own = groups::of_users(conn, &[user.seq], true)?;
        let is_own = |group: &Group| own.iter().any(|(_, id, _)| *id == group.id);
        let (inside, outside): (Vec<Group>, Vec<Group>) =
            groups::all(conn, admin.account.seq, true)?.into_iter().partition(is_own);
        let may_change = admin.may(ADD);
        let mut others: Vec<Group> = outside
            .into_iter()
            .filter(|group| may_change && group.source == GroupSource::Local)
            .take(CHOICES)
            .collect();
        others.sort_by_key(|group| group.name.to_lowercase());
        let member_of = inside
            .into_iter()
            .map(|group| Membership { is_fixed: group.source != GroupSource::Local, group })
            .collect();
        Ok(Self { member_of, others, may_change })
    }
}

fn add(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    let group = group::by_id(admin, admin.field("group"))?;
    admin.change(|change| group::join(admin, change, &group, &user))?;
    Ok(Reply::see(&path_of(&user)).saying(format!("Added to {}.", group.name)))
}

fn remove(admin: &AdminContext<'_>) -> Outcome {
    let user = person(admin)?.user;
    let group = group::by_id(admin, admin.field("group"))?;
    admin.change(|change| group::leave(admin, change, &group, &user))?;
    Ok(Reply::see(&path_of(&user)).saying(format!("Removed from {}.", group.name)))
}
