//! User Management > Role Management: every role with its kind and how many hold it.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::frame::Frame;
use crate::sandbox::console::list::{ListPage, ROWS, Search};
use crate::sandbox::console::reply::{Outcome, Reply};
use crate::sandbox::console::rights::{Needs, Permission};
use crate::sandbox::console::role_rules::{needs_to_define, shown_name};
use crate::sandbox::console::route::Route;
use crate::sandbox::store::role_holders;
use crate::sandbox::store::roles::{self, Role, RoleKind};
use askama::Template;

pub(super) const NEEDS: Needs =
    Needs::Any(&[Permission::CustomAdminRoles, Permission::BuiltInAdminRoles, Permission::BotRoles]);
pub(super) const PATH: &str = "/Admin/roles";

pub(in crate::sandbox::console) const ROUTES: &[Route] = &[Route::page(PATH, NEEDS, list)];

#[derive(Template)]
#[template(path = "roles.html")]
struct RolesPage {
    frame: Frame,
    search: Search,
    /// `admin`, `bot` or nothing.
    kind: &'static str,
    roles: Vec<RoleRow>,
    page: ListPage,
    may_add_admin: bool,
    may_add_bot: bool,
}

struct RoleRow {
    id: String,
    name: String,
    description: String,
    kind: &'static str,
    is_default: bool,
    holders: usize,
}

fn list(admin: &AdminContext<'_>) -> Outcome {
    let (search, page) = (Search::new(admin), ListPage::new(admin));
    let wanted = RoleKind::from_word(admin.query("kind"));
    let (roles, total) = admin.read(|conn| {
        let mut found: Vec<Role> = Vec::new();
        for kind in [RoleKind::Admin, RoleKind::Bot] {
            if wanted.is_none_or(|wanted| wanted == kind) {
                found.extend(roles::all(conn, admin.account.seq, kind)?);
            }
        }
        let matches = |role: &Role| {
            let text = format!("{} {}", shown_name(role), role.description).to_lowercase();
            search.terms.iter().all(|term| text.contains(term))
        };
        found.retain(matches);
        let rows = found.iter().skip(page.skip()).take(ROWS).map(|role| {
            Ok(RoleRow {
                id: role.id.clone(),
                name: shown_name(role).to_owned(),
                description: role.description.clone(),
                kind: label(role.kind),
                is_default: role.is_system,
                holders: role_holders::count(conn, role.seq)?,
            })
        });
        Ok((rows.collect::<Result<Vec<RoleRow>, rusqlite::Error>>()?, found.len()))
    })?;
    Reply::page(&RolesPage {
        frame: Frame::new(admin, "Role Management", &[("User Management", None)])?,
        kind: wanted.map_or("", RoleKind::word),
        search,
        roles,
        page: page.with_total(total),
        may_add_admin: admin.rights.satisfy(needs_to_define(RoleKind::Admin)),
        may_add_bot: admin.rights.satisfy(needs_to_define(RoleKind::Bot)),
    })
}

/// The console's word for a kind of role.
pub(super) fn label(kind: RoleKind) -> &'static str {
    match kind {
        RoleKind::Admin => "Admin",
        RoleKind::Bot => "Bot",
    }
}
