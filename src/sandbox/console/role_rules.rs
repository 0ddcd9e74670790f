//! Who may define and give which role (3.5), and the giving and taking itself, audited.

use super::admin_context::{AdminContext, Change};
use super::reply::PageError;
use super::rights::{Needs, Permission, Rights};
use crate::sandbox::store::audit::{self, Event};
use crate::sandbox::store::bindings::{self, NO_BOT};
use crate::sandbox::store::bots::Bot;
use crate::sandbox::store::groups::Group;
use crate::sandbox::store::roles::{self, Role, RoleKind};
use crate::sandbox::store::users::User;
use rusqlite::Connection;

/// A user or a group, to hold a role.
#[derive(Clone, Copy)]
pub(super) enum HolderRef<'a> {
    User(&'a User),
    Group(&'a Group),
}

impl HolderRef<'_> {
    fn name(&self) -> &str {
        match self {
            Self::User(user) => &user.email,
            Self::Group(group) => &group.name,
        }
    }

    fn key(&self) -> bindings::HolderSeq {
        match self {
            Self::User(user) => bindings::HolderSeq::User(user.seq),
            Self::Group(group) => bindings::HolderSeq::Group(group.seq),
        }
    }
}

/// What defining roles of that kind takes.
pub(super) fn needs_to_define(kind: RoleKind) -> Needs {
    match kind {
        RoleKind::Admin => Needs::Any(&[Permission::CustomAdminRoles]),
        RoleKind::Bot => Needs::Any(&[Permission::BotRoles]),
    }
}

/// What giving or taking `role` takes.
pub(super) fn needs_to_give(role: &Role) -> Needs {
    if role.is_master_admin() { Needs::PrimaryAdmin } else { needs_to_define(role.kind) }
}

/// Whether an administrator may give or take `role`. Who manages users assigns roles as well (3.5): bot roles, and
/// those admin roles that bring nothing which they lack themselves.
pub(super) fn may_give(rights: &Rights, role: &Role) -> bool {
    let may_assign = || {
        !role.is_master_admin()
            && rights.satisfy(ASSIGN)
            && (role.kind == RoleKind::Bot || rights.cover(&role.permissions))
    };
    rights.satisfy(needs_to_give(role)) || may_assign()
}

/// What assigning roles to a user takes, on the user's page.
pub(super) const ASSIGN: Needs = Needs::Any(&[Permission::ManageUsers]);

/// What people call it: the API's name of Master Admin is another.
pub(super) fn shown_name(role: &Role) -> &str {
    if role.is_master_admin() { "Master Admin" } else { &role.name }
}

fn check(admin: &AdminContext<'_>, role: &Role) -> Result<(), PageError> {
    if role.is_bot_owner() {
        return Err(PageError::Refused(
            "Bot Owner comes with a bot: it changes under Bots Management > Change Bot Owner only."
                .to_owned(),
        ));
    }
    if may_give(&admin.rights, role) { Ok(()) } else { Err(PageError::Denied(needs_to_give(role))) }
}

/// Refuses who may not give every role that comes with being in the group: who changes a group gives and takes those.
pub(super) fn check_group(
    admin: &AdminContext<'_>,
    conn: &Connection,
    group: &Group,
) -> Result<(), PageError> {
    let held = roles::of_group_and_above(conn, group.seq)?;
    match held.iter().find(|role| !may_give(&admin.rights, role)) {
        None => Ok(()),
        Some(role) => Err(PageError::Refused(format!(
            "Group {} brings the role {}: only {} may change the group.",
            group.name,
            shown_name(role),
            needs_to_give(role).holder(),
        ))),
    }
}

/// Why this administrator may not act on the user, if so: only Master Admins act on Master Admins.
pub(super) fn objection_to_act(
    admin: &AdminContext<'_>,
    conn: &Connection,
    user: &User,
) -> Result<Option<&'static str>, PageError> {
    if admin.rights.is_master {
        return Ok(None);
    }
    let roles = roles::admin_roles_of(conn, user.seq)?;
    let is_master = Rights::new(&admin.account, user, &roles).is_master;
    Ok(is_master.then_some("is a Master Admin: only Master Admins act on them."))
}

/// As [`objection_to_act`], as a refusal.
pub(super) fn check_act(admin: &AdminContext<'_>, conn: &Connection, user: &User) -> Result<(), PageError> {
    match objection_to_act(admin, conn, user)? {
        None => Ok(()),
        Some(why) => Err(PageError::Refused(format!("{} {why}", user.email))),
    }
}

fn described(role: &Role, bot: Option<&Bot>) -> String {
    match bot {
        Some(bot) => format!("{} on {}", shown_name(role), bot.name),
        None => shown_name(role).to_owned(),
    }
}

fn event(role: &Role, holder: HolderRef<'_>, admin: Event, bot: Event, group: Event) -> Event {
    match (holder, role.kind) {
        (HolderRef::Group(_), _) => group,
        (HolderRef::User(_), RoleKind::Admin) => admin,
        (HolderRef::User(_), RoleKind::Bot) => bot,
    }
}

/// Gives a role: an admin role without a bot, a bot role on one. Who holds it already is refused.
pub(super) fn give(
    admin: &AdminContext<'_>,
    change: &Change<'_>,
    role: &Role,
    holder: HolderRef<'_>,
    bot: Option<&Bot>,
) -> Result<(), PageError> {
    check(admin, role)?;
    if role.is_master_admin() && matches!(holder, HolderRef::Group(_)) {
        return Err(PageError::Refused("Master Admin is given to people, not to groups.".to_owned()));
    }
    if bot.is_some() != (role.kind == RoleKind::Bot) {
        return Err(PageError::Refused("A bot role is given on an assistant: choose one.".to_owned()));
    }
    let (name, role_name) = (holder.name(), described(role, bot));
    if !bindings::bind(change.conn(), holder.key(), role.seq, bot.map_or(NO_BOT, |bot| bot.seq))? {
        return Err(PageError::Refused(format!("{name} holds {role_name} already.")));
    }
    let event =
        event(role, holder, audit::ADMIN_ROLE_ASSIGNED, audit::BOT_ROLE_ASSIGNED, audit::ROLE_TO_GROUPS);
    change.log(event, &format!("role {role_name} assigned to {name}"))
}

/// Takes a directly held role away.
pub(super) fn take(
    admin: &AdminContext<'_>,
    change: &Change<'_>,
    role: &Role,
    holder: HolderRef<'_>,
    bot: Option<&Bot>,
) -> Result<(), PageError> {
    check(admin, role)?;
    let (name, role_name) = (holder.name(), described(role, bot));
    if role.is_master_admin() && admin.account.primary_admin.eq_ignore_ascii_case(name) {
        return Err(PageError::Refused(format!("{name} is the Primary Admin, who stays Master Admin.")));
    }
    if !bindings::unbind(change.conn(), holder.key(), role.seq, bot.map_or(NO_BOT, |bot| bot.seq))? {
        return Err(PageError::Refused(format!("{name} does not hold {role_name} directly.")));
    }
    let event =
        event(role, holder, audit::ADMIN_ROLE_DELETED, audit::BOT_ROLE_DELETED, audit::ROLE_FROM_GROUPS);
    change.log(event, &format!("role {role_name} deleted for {name}"))
}
