//! The demo account: small enough to know by heart, with one of everything that matters.

use super::{OWNER, World};
use crate::sandbox::admin::edit::Editor;
use crate::sandbox::admin::{Holder, NewBot, NewGroup, NewRole, NewUser};
use crate::sandbox::error::SandboxError;
use crate::sandbox::store::bots::BotStatus;
use crate::sandbox::store::groups::GroupSource;
use crate::sandbox::store::roles::RoleKind;
use crate::sandbox::store::users::UserState;
use serde_json::json;

pub(super) fn fill(world: &World<'_>) -> Result<(), SandboxError> {
    let editor = Editor { conn: world.conn, account: world.account, now: world.now.clone() };
    people(&editor)?;
    bots(&editor)?;
    roles(&editor)?;
    groups(&editor)?;
    bindings(&editor)
}

fn people(editor: &Editor<'_>) -> Result<(), SandboxError> {
    for (email, first, last, state, developer) in [
        ("jane.doe@example.com", "Jane", "Doe", UserState::Active, true),
        ("sam@example.com", "Sam", "Stone", UserState::Active, false),
        ("kim@example.com", "Kim", "Kaya", UserState::Active, true),
        ("pat@example.com", "Pat", "Novak", UserState::NotActive, false),
        ("sue@example.com", "Sue", "Spender", UserState::Suspended, true),
        ("leo@example.com", "Leo", "Lang", UserState::Locked, false),
        ("bo.owner@example.com", "Bo", "Berger", UserState::Active, true),
        ("former@example.com", "Fay", "Former", UserState::Active, true),
    ] {
        let user = NewUser { state, is_developer: developer, ..NewUser::named(email, first, last) };
        editor.add_user(&user)?;
    }
    Ok(())
}

fn bots(editor: &Editor<'_>) -> Result<(), SandboxError> {
    let bot = |name: &str, status, is_enterprise, dialogs: &[&str]| NewBot {
        status,
        is_enterprise,
        owner: Some("bo.owner@example.com".to_owned()),
        dialogs: dialogs.iter().map(|dialog| (*dialog).to_owned()).collect(),
        ..NewBot::named(name)
    };
    for bot in [
        bot(
            "Banking Assistant",
            BotStatus::Published,
            true,
            &["Check Balance", "Transfer Funds", "Block Card"],
        ),
        bot("HR Assistant", BotStatus::Published, true, &["Request Leave", "Find Policy"]),
        bot("Travel Desk", BotStatus::Published, true, &["Book Flight", "Book Hotel"]),
        bot("Store Helper", BotStatus::Published, false, &["Track Order"]),
        bot("Claims Draft", BotStatus::Configured, true, &["File Claim"]),
        bot("Facilities Desk", BotStatus::AwaitingApproval, true, &["Report Fault"]),
    ] {
        editor.add_bot(&bot)?;
    }
    editor.create_bot_app("Banking Assistant", "web channel")?;
    Ok(())
}

fn roles(editor: &Editor<'_>) -> Result<(), SandboxError> {
    let permissions = |value: serde_json::Value| value.as_object().cloned().unwrap_or_default();
    editor.add_role(&NewRole {
        description: "Invites and looks after people".to_owned(),
        permissions: permissions(json!({
            "Invite": "YES", "Import Users / Sync": "NO", "Directory Sync": "NO", "Manage Groups": "YES"
        })),
        ..NewRole::named(RoleKind::Admin, "User Manager")
    })?;
    editor.add_role(&NewRole {
        description: "Looks at dashboards".to_owned(),
        permissions: permissions(json!({ "Dashboard": "YES", "Bot Analytics": "YES", "Tasks": "VIEW" })),
        ..NewRole::named(RoleKind::Bot, "Analyst")
    })
}

fn groups(editor: &Editor<'_>) -> Result<(), SandboxError> {
    for (name, description, source) in [
        ("support-eu", "Support, Europe", GroupSource::Local),
        ("QA", "Quality assurance", GroupSource::Local),
        ("operations", "Everybody who keeps things running", GroupSource::Local),
        ("directory-staff", "From the directory", GroupSource::Ad),
        ("newcomers", "", GroupSource::Local),
    ] {
        editor.add_group(&NewGroup {
            description: description.to_owned(),
            source,
            ..NewGroup::named(name)
        })?;
    }
    for (group, email) in [
        ("support-eu", "sam@example.com"),
        ("support-eu", "pat@example.com"),
        ("QA", "kim@example.com"),
        ("QA", "leo@example.com"),
        ("directory-staff", "sue@example.com"),
    ] {
        editor.join(group, email)?;
    }
    editor.nest("operations", "support-eu")
}

fn bindings(editor: &Editor<'_>) -> Result<(), SandboxError> {
    let user = Holder::user;
    for (holder, role, bot) in [
        (user("jane.doe@example.com"), "Bot Developer", Some("Banking Assistant")),
        (user("jane.doe@example.com"), "Bot Tester", Some("HR Assistant")),
        (user("former@example.com"), "Bot Developer", Some("Banking Assistant")),
        (user("kim@example.com"), "Analyst", Some("Travel Desk")),
        (Holder::group("QA"), "Bot Tester", Some("Banking Assistant")),
        (user("kim@example.com"), "User Manager", None),
        (user("jane.doe@example.com"), "admin", None),
    ] {
        editor.bind(&holder, role, bot)?;
    }
    editor.assign("sam@example.com", "Banking Assistant", None)?;
    editor.assign("jane.doe@example.com", "HR Assistant", Some(&["Request Leave"]))?;
    editor.assign(OWNER, "Travel Desk", None)
}
