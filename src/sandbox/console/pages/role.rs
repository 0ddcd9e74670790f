//! User Management > Role Management > one role: name, description, permissions; new roles, and the end of custom ones.

use super::confirm::{self, Confirmation};
use super::roles::{NEEDS, PATH, label};
use crate::sandbox::NewRole;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::{Crumb, Frame};
use crate::sandbox::console::levels::{self, PermissionSection};
use crate::sandbox::console::reply::{Outcome, PageError, Reply};
use crate::sandbox::console::role_rules::{needs_to_define, shown_name};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::roles::{self, Role, RoleKind};
use crate::sandbox::store::{audit, role_holders};
use askama::Template;
use rusqlite::Connection;
use serde_json::Map;

const NEW: &str = "/Admin/roles/new";

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[
    Route::page(NEW, NEEDS, show_new),
    Route::action(NEW, NEEDS, create),
    Route::page("/Admin/roles/{id}", NEEDS, show),
    Route::action("/Admin/roles/{id}", NEEDS, save),
    Route::action("/Admin/roles/{id}/delete", NEEDS, delete),
];

pub(super) const CRUMBS: [Crumb; 2] = [("User Management", None), ("Role Management", Some(PATH))];

#[derive(Template)]
#[template(path = "role.html")]
struct RolePage {
    frame: Frame,
    /// `None` for a new one.
    id: Option<String>,
    path: String,
    kind: RoleKind,
    kind_label: &'static str,
    name: String,
    description: String,
    sections: Vec<PermissionSection>,
    /// What may be changed: a default role keeps its name.
    may_rename: bool,
    may_edit: bool,
    may_delete: bool,
    problems: Vec<String>,
}

/// The role of the path, if it is in this account.
pub(super) fn of_path(admin: &AdminContext<'_>) -> Result<Role, PageError> {
    let id = admin.param("id");
    admin.read(|conn| Ok(roles::by_id(conn, admin.account.seq, id)?))?.ok_or(PageError::NotFound)
}

fn is_fixed(role: &Role) -> bool {
    role.is_master_admin() || role.is_bot_owner()
}

fn page(admin: &AdminContext<'_>, role: &Role, problems: Vec<String>) -> Result<RolePage, PageError> {
    let may_define = admin.rights.satisfy(needs_to_define(role.kind));
    Ok(RolePage {
        frame: Frame::new(admin, shown_name(role), &CRUMBS)?,
        id: Some(role.id.clone()),
        path: format!("{PATH}/{}", role.id),
        kind: role.kind,
        kind_label: label(role.kind),
        name: shown_name(role).to_owned(),
        description: role.description.clone(),
        sections: levels::sections(role.kind, levels::rows(role.kind, &role.permissions)),
        may_rename: may_define && !role.is_system,
        may_edit: may_define && !is_fixed(role),
        may_delete: may_define && !role.is_system,
        problems,
    })
}

fn show(admin: &AdminContext<'_>) -> Outcome {
    Reply::page(&page(admin, &of_path(admin)?, Vec::new())?)
}

fn new(admin: &AdminContext<'_>, kind: RoleKind, problems: Vec<String>) -> Result<RolePage, PageError> {
    let title = if kind == RoleKind::Admin { "New admin role" } else { "New bot role" };
    let mut permissions = levels::rows(kind, &Map::new());
    for row in &mut permissions {
        admin.field(&row.key).clone_into(&mut row.level);
    }
    Ok(RolePage {
        frame: Frame::new(admin, title, &CRUMBS)?,
        id: None,
        path: NEW.to_owned(),
        kind,
        kind_label: label(kind),
        name: admin.field("role_name").to_owned(),
        description: admin.field("role_description").to_owned(),
        sections: levels::sections(kind, permissions),
        may_rename: true,
        may_edit: true,
        may_delete: false,
        problems,
    })
}

/// The kind in a form or a query, if whoever asks may define such roles.
fn kind(admin: &AdminContext<'_>, word: &str) -> Result<RoleKind, PageError> {
    let kind = RoleKind::from_word(word).unwrap_or(RoleKind::Bot);
    check_may_define(admin, kind)?;
    Ok(kind)
}

fn check_may_define(admin: &AdminContext<'_>, kind: RoleKind) -> Result<(), PageError> {
    let needs = needs_to_define(kind);
    if admin.rights.satisfy(needs) { Ok(()) } else { Err(PageError::Denied(needs)) }
}

fn show_new(admin: &AdminContext<'_>) -> Outcome {
    let kind = kind(admin, admin.query("kind"))?;
    Reply::page(&new(admin, kind, Vec::new())?)
}

fn create(admin: &AdminContext<'_>) -> Outcome {
    let kind = kind(admin, admin.field("kind"))?;
    let (name, description) = (admin.field("role_name"), admin.field("role_description"));
    let mut problems = admin.read(|conn| objections(admin, conn, kind, name, description, None))?;
    let permissions = levels::changed(kind, &Map::new(), |key| admin.field(key).to_owned());
    if permissions.is_none() {
        problems.push(UNKNOWN_LEVEL.to_owned());
    }
    let (true, Some(permissions)) = (problems.is_empty(), permissions) else {
        return Reply::invalid(&new(admin, kind, problems)?);
    };
    let made = admin.change(|change| {
        let role = NewRole { description: description.to_owned(), permissions, ..NewRole::named(kind, name) };
        change.add_role(&role)?;
        change.log(audit::ROLE_CREATED, &format!("{} role {name} created", kind.word()))?;
        roles::by_name(change.conn(), admin.account.seq, kind, name)?
            .ok_or_else(|| PageError::broken(&"a role just added is gone"))
    })?;
    Ok(Reply::see(&format!("{PATH}/{}/assignments", made.id))
        .saying("The role is created: assign it to people."))
}

const UNKNOWN_LEVEL: &str = "A permission has a level that it does not know: choose one of the list.";

fn objections(
    admin: &AdminContext<'_>,
    conn: &Connection,
    kind: RoleKind,
    name: &str,
    description: &str,
    own: Option<&Role>,
) -> Result<Vec<String>, PageError> {
    let mut problems = Vec::new();
    if name.is_empty() {
        problems.push("Type a name for the role.".to_owned());
    }
    for (what, text, most) in [("A name", name, 100), ("A description", description, 500)] {
        if text.chars().count() > most {
            problems.push(format!("{what} has at most {most} characters."));
        }
    }
    let all = roles::all(conn, admin.account.seq, kind)?;
    let is_other = |role: &&Role| own.is_none_or(|own| own.seq != role.seq);
    if all.iter().filter(is_other).any(|role| shown_name(role) == name || role.name == name) {
        problems.push(format!("There is a role {name} of this type already."));
    }
    Ok(problems)
}

fn save(admin: &AdminContext<'_>) -> Outcome {
    let before = of_path(admin)?;
    check_may_define(admin, before.kind)?;
    if is_fixed(&before) {
        return Err(PageError::Refused(format!("The permissions of {} are fixed.", shown_name(&before))));
    }
    let mut after = before.clone();
    let mut problems = Vec::new();
    if !before.is_system {
        admin.field("role_name").clone_into(&mut after.name);
        admin.field("role_description").clone_into(&mut after.description);
        problems = admin.read(|conn| {
            objections(admin, conn, after.kind, &after.name, &after.description, Some(&before))
        })?;
    }
    match levels::changed(before.kind, &before.permissions, |key| admin.field(key).to_owned()) {
        Some(permissions) => after.permissions = permissions,
        None => problems.push(UNKNOWN_LEVEL.to_owned()),
    }
    if !problems.is_empty() {
        return Reply::invalid(&page(admin, &after, problems)?);
    }
    let renamed = after.name != before.name || after.description != before.description;
    let changed = after.permissions != before.permissions;
    if !renamed && !changed {
        return Ok(Reply::see(&format!("{PATH}/{}", after.id)).saying("Nothing was changed."));
    }
    admin.change(|change| {
        roles::update(change.conn(), &after, &admin.stamp())?;
        let kind = after.kind.word();
        if renamed {
            let text = format!("{kind} role {} updated: now {}", before.name, after.name);
            change.log(audit::ROLE_UPDATED, &text)?;
        }
        if changed {
            let text = format!("permissions of {kind} role {} updated", after.name);
            change.log(audit::ROLE_PERMISSIONS_UPDATED, &text)?;
        }
        Ok(())
    })?;
    Ok(Reply::see(&format!("{PATH}/{}", after.id)).saying("The role is saved."))
}

/// Deletes a custom role; who holds it loses it.
fn delete(admin: &AdminContext<'_>) -> Outcome {
    let role = of_path(admin)?;
    check_may_define(admin, role.kind)?;
    let back = format!("{PATH}/{}", role.id);
    if role.is_system {
        let why = format!("{} is a default role and stays.", shown_name(&role));
        return Err(PageError::refused_at(&back, why));
    }
    if !confirm::is_given(admin) {
        let text = match admin.read(|conn| Ok(role_holders::count(conn, role.seq)?))? {
            0 => "Nobody holds this role:".to_owned(),
            1 => "One assignment of this role goes with it:".to_owned(),
            holders => format!("{holders} assignments of this role go with it:"),
        };
        let confirmation = Confirmation {
            title: "Delete?",
            crumbs: &CRUMBS,
            text,
            subjects: vec![role.name],
            yes: "Delete role",
            back: &back,
        };
        return confirm::confirm_page(admin, confirmation);
    }
    admin.change(|change| {
        roles::delete(change.conn(), role.seq)?;
        change.log(audit::ROLE_DELETED, &format!("{} role {} deleted", role.kind.word(), role.name))
    })?;
    Ok(Reply::see(PATH).saying("The role is deleted."))
}
