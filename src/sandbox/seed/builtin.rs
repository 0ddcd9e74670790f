//! What every account has: built-in roles with the permissions of section 2.6 of the notes, the system group,
//! and the Primary Admin.

use super::{OWNER, World};
use crate::sandbox::dialect::BotRoleSet;
use crate::sandbox::error::SandboxError;
use crate::sandbox::permissions::{BUILT_IN, NEWER};
use crate::sandbox::store::bindings::{self, HolderSeq, NO_BOT};
use crate::sandbox::store::groups::{self, EVERYONE, GroupSource};
use crate::sandbox::store::roles::{self, BOT_OWNER, MASTER_ADMIN, RoleKind};
use crate::sandbox::store::users::{self, UserState};
use crate::sandbox::store::{hex_of, uuid_of};
use serde_json::{Map, Value, json};

/// The admin permissions; Master Admin has them all.
pub(crate) const ADMIN_PERMISSIONS: [&str; 21] = [
    "Invite",
    "Import Users / Sync",
    "Directory Sync",
    "Manage User Profile Fields",
    "Manage Groups",
    "Manage Deployment",
    "Enterprise Bots",
    "Password Policies",
    "Single Sign On",
    "Domain Management",
    "Kore.ai Connector",
    "Manage Built-In Admin Roles",
    "Manage Custom Admin Roles",
    "View and Run Audit Reports",
    "Consumer Bots",
    "View and Run Bot Chat History",
    "Manage Bot Roles",
    "Preferences",
    "Smart Bots",
    "API Scopes",
    "Enterprise Key",
];

pub(super) fn fill(world: &World<'_>) -> Result<(), SandboxError> {
    let World { conn, account, dialect, now } = world;
    groups::insert(
        conn,
        account.seq,
        &uuid_of("e-", &[&account.id, EVERYONE]),
        EVERYONE,
        "",
        GroupSource::System,
    )?;
    let everything = ADMIN_PERMISSIONS.iter().map(|name| ((*name).to_owned(), json!("YES"))).collect();
    let master = builtin_role(
        world,
        RoleKind::Admin,
        MASTER_ADMIN,
        "Master administration role with full control on account activity",
        &everything,
    )?;
    match dialect.bot_role_set {
        BotRoleSet::Standard => {
            for (name, description, permissions) in bot_roles() {
                builtin_role(world, RoleKind::Bot, name, description, &permissions)?;
            }
        }
        BotRoleSet::ContactCenter => contact_center(world)?,
    }
    let owner = users::NewUserRow {
        email: OWNER,
        org_user_id: None,
        first_name: "Olivia",
        last_name: "Owner",
        profile: &Map::new(),
        state: UserState::Active,
        is_developer: true,
        can_create_bot: true,
        data_tables: Some(true),
    };
    let owner = users::insert(conn, account.seq, &owner, now)?;
    bindings::bind(conn, HolderSeq::User(owner), master, NO_BOT)?;
    Ok(())
}

/// The five built-in roles of newer accounts, and a custom one that an upgrade has made (3.5, 3.10).
fn contact_center(world: &World<'_>) -> Result<(), SandboxError> {
    let of = |place: usize| -> Map<String, Value> {
        let stated = NEWER.iter().filter(|row| !row.levels[place].is_empty());
        stated
            .flat_map(|row| row.names.iter().map(move |name| ((*name).to_owned(), json!(row.levels[place]))))
            .collect()
    };
    for (place, name) in BUILT_IN.into_iter().enumerate() {
        builtin_role(world, RoleKind::Bot, name, "", &of(place))?;
    }
    let (kind, name) = (RoleKind::Bot, "Supervisor_Support Desk");
    let row = roles::NewRoleRow {
        id: &hex_of(&[&world.account.id, kind.word(), name]),
        kind,
        name,
        description: "",
        permissions: &of(3),
        ref_id: &uuid_of("", &[&world.account.id, "ref", kind.word(), name]),
        is_system: false,
    };
    roles::insert(world.conn, world.account.seq, &row, &world.now)?;
    Ok(())
}

fn builtin_role(
    world: &World<'_>,
    kind: RoleKind,
    name: &str,
    description: &str,
    permissions: &Map<String, Value>,
) -> Result<i64, SandboxError> {
    let row = roles::NewRoleRow {
        id: &hex_of(&[&world.account.id, kind.word(), name]),
        kind,
        name,
        description,
        permissions,
        ref_id: &uuid_of("", &[&world.account.id, "ref", kind.word(), name]),
        is_system: true,
    };
    Ok(roles::insert(world.conn, world.account.seq, &row, &world.now)?)
}

/// Absent is not `NO`: Developer and Tester lack keys that Owner has, as in the vendor's samples.
fn bot_roles() -> [(&'static str, &'static str, Map<String, Value>); 3] {
    let object = |value: Value| value.as_object().cloned().unwrap_or_default();
    [
        (
            BOT_OWNER,
            "Role of bot owners with full access to bot definition",
            object(json!({
                "Tasks": "FULL", "Natural Language": "FULL", "Knowledge Graph": "FULL", "Testing": "FULL",
                "Bot Developers": "FULL", "Bot Settings": "FULL", "Bot Import": "YES",
                "Integrations & Extensions": "YES", "App Builder API Scopes": "YES", "Publish bot": "YES",
                "Channels": "YES", "Dashboard": "YES", "Bot Analytics": "YES", "Custom Dashboards": "FULL",
                "Storyboard": "FULL", "IntentDiscovery": "FULL"
            })),
        ),
        (
            "Bot Developer",
            "Role for bot co-developers",
            object(json!({
                "Tasks": "FULL", "Natural Language": "FULL", "Knowledge Graph": "FULL", "Bot Developers": "VIEW",
                "Bot Settings": "FULL", "Bot Import": "YES", "Publish bot": "YES", "Channels": "YES",
                "Dashboard": "YES", "Bot Analytics": "YES"
            })),
        ),
        (
            "Bot Tester",
            "Role for bot testers with read-only access to bot definition",
            object(json!({
                "Tasks": "VIEW", "Natural Language": "VIEW", "Knowledge Graph": "VIEW", "Bot Developers": "VIEW",
                "Bot Settings": "NO", "Bot Import": "NO", "Publish bot": "NO", "Channels": "NO",
                "Dashboard": "YES", "Bot Analytics": "YES"
            })),
        ),
    ]
}
