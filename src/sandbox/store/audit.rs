//! The audit log. Event names are the vendor's; of the categories only `Login/Logout` is known, the others are
//! this sandbox's own words.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params, types::Value};

/// An event, named as the vendor names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) category: &'static str,
}

macro_rules! events {
    ($($constant:ident = $name:literal, $category:literal;)+) => {
        $(pub(crate) const $constant: Event = Event { name: $name, category: $category };)+

        /// Every event there is.
        pub(crate) const EVENTS: &[Event] = &[$($constant),+];
    };
}

events! {
    USER_CREATED = "User Created", "User Management";
    USER_MODIFIED = "User Modified", "User Management";
    USER_DELETED = "User Deleted", "User Management";
    GROUP_CREATED = "Group Created", "User Management";
    GROUP_UPDATED = "Group Updated", "User Management";
    GROUP_DELETED = "Group Deleted", "User Management";
    GROUPS_ADDED_TO_GROUP = "Groups Added to Group", "User Management";
    GROUPS_REMOVED_FROM_GROUP = "Groups Removed from Group", "User Management";
    USERS_ADDED_TO_GROUP = "Users Added to Group", "User Management";
    USERS_REMOVED_FROM_GROUP = "Users Removed from Group", "User Management";
    ADMIN_ROLE_ASSIGNED = "Admin Role Assigned to Users", "Role Management";
    ADMIN_ROLE_DELETED = "Admin Role Deleted for Users", "Role Management";
    BOT_ROLE_ASSIGNED = "Bot Role Assigned to Users", "Role Management";
    BOT_ROLE_DELETED = "Bot Role Deleted for Users", "Role Management";
    ROLE_CREATED = "Role Created", "Role Management";
    ROLE_UPDATED = "Role Updated", "Role Management";
    ROLE_PERMISSIONS_UPDATED = "Role Permissions Updated", "Role Management";
    ROLE_DELETED = "Role Deleted", "Role Management";
    ROLE_TO_GROUPS = "Role Assigned to Groups", "Role Management";
    ROLE_FROM_GROUPS = "Role Deleted for Groups", "Role Management";
    BOT_TASK_ASSIGNMENT = "Bot Task Assignment", "Bots Management";
    DEPLOYMENT_APPROVED = "Bot Deployment Approved", "Bots Management";
    DEPLOYMENT_REJECTED = "Bot Deployment Rejected", "Bots Management";
    DEPLOYMENT_SETTINGS = "Bot Deployment Settings", "Bots Management";
    BOT_TASK_SUSPENDED = "Bot Task Suspended", "Bots Management";
    BOT_TASK_ACTIVATED = "Bot Task Activated", "Bots Management";
    BOT_OWNER = "Bot Owner", "Bots Management";
    BOT_AUTO_APPROVE = "Bot Auto Approve", "Bots Management";
    BOT_CHANNELS_MODIFIED = "Bot Channels Modified", "Bots Management";
    APP_CREATED = "App Created", "Security & Control";
    APP_MODIFIED = "App Modified", "Security & Control";
    APP_DELETED = "App Deleted", "Security & Control";
    APP_SCOPES_ASSIGNED = "App Scopes Assigned", "Security & Control";
    APP_SCOPES_DELETED = "App Scopes Deleted", "Security & Control";
    APP_SCOPES_MODIFIED = "App Scopes Modified", "Security & Control";
    CHAT_HISTORY = "Access Chat History", "Analytics";
    CHAT_HISTORY_FILE = "Download Chat History", "Analytics";
    SETTINGS_MODIFIED = "Settings Modified", "Security & Control";
    LOGIN = "Login", "Login/Logout";
    LOGOUT = "Logout", "Login/Logout";
    ENROLLMENT_PREFERENCES = "User Enrollment Preferences", "Enrollment";
    ENROLLMENT_ACCEPTED = "Accept Enrollment Request", "Enrollment";
    ENROLLMENT_REJECTED = "Reject Enrollment Request", "Enrollment";
    KILL_SESSION = "Kill Session", "Login/Logout";
}

/// Who an entry is of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By<'a> {
    /// Nobody in particular.
    System,
    /// A user in the console, by e-mail.
    User(&'a str),
    /// An app through the API, by client id.
    App(&'a str),
}

/// Writes an entry of what nobody in particular did.
pub(crate) fn log(
    conn: &Connection,
    account: i64,
    at: Timestamp,
    event: Event,
    description: &str,
) -> rusqlite::Result<()> {
    log_by(conn, account, at, By::System, event, description)
}

/// Writes an entry of what `actor`, by e-mail, did in the console.
pub(crate) fn log_of(
    conn: &Connection,
    account: i64,
    at: Timestamp,
    actor: &str,
    event: Event,
    description: &str,
) -> rusqlite::Result<()> {
    log_by(conn, account, at, By::User(actor), event, description)
}

/// Writes an entry.
pub(crate) fn log_by(
    conn: &Connection,
    account: i64,
    at: Timestamp,
    by: By<'_>,
    event: Event,
    description: &str,
) -> rusqlite::Result<()> {
    let (actor, app) = match by {
        By::System => ("", ""),
        By::User(email) => (email, ""),
        By::App(client_id) => ("", client_id),
    };
    conn.prepare_cached(
        "INSERT INTO audit (account_seq, id, at_ms, name, category, description, actor, app)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        account,
        super::fresh_hex(),
        at.as_millisecond(),
        event.name,
        event.category,
        description,
        actor,
        app
    ])
    .map(drop)
}

/// One entry as stored.
#[derive(Debug)]
pub(crate) struct AuditEntry {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    pub(crate) name: String,
    pub(crate) category: String,
    pub(crate) description: String,
}

/// Which entries are asked for.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    /// Milliseconds, both ends included.
    pub(crate) between: (i64, i64),
    /// Entries that follow this one, in the order of the listing.
    pub(crate) after: Option<&'a str>,
    pub(crate) newest_first: bool,
    pub(crate) skip: usize,
    pub(crate) take: usize,
}

/// A page of entries and how many the query finds.
pub(crate) fn page(
    conn: &Connection,
    account: i64,
    query: &Query<'_>,
) -> rusqlite::Result<(Vec<AuditEntry>, usize)> {
    let Query { between: (from, to), after, newest_first, skip, take } = query;
    let (order, follows) = if *newest_first { ("DESC", "<") } else { ("ASC", ">") };
    let after: Value = match after {
        None => Value::Null,
        // An id nobody knows follows nothing: the listing starts anew.
        Some(id) => conn
            .query_row(
                "SELECT seq FROM audit WHERE id = ?1 AND account_seq = ?2",
                params![id, account],
                |row| row.get::<_, i64>(0),
            )
            .optional()?
            .map_or(Value::Null, Value::Integer),
    };
    let matching =
        format!("account_seq = ?1 AND at_ms BETWEEN ?2 AND ?3 AND (?4 IS NULL OR seq {follows} ?4)");
    let total = conn
        .prepare_cached(&format!("SELECT count(*) FROM audit WHERE {matching}"))?
        .query_row(params![account, from, to, after], |row| row.get(0))?;
    let entries = conn
        .prepare_cached(&format!(
            "SELECT id, at_ms, name, category, description FROM audit WHERE {matching}
             ORDER BY seq {order} LIMIT ?5 OFFSET ?6"
        ))?
        .query_map(params![account, from, to, after, take, skip], |row| {
            Ok(AuditEntry {
                id: row.get(0)?,
                at_ms: row.get(1)?,
                name: row.get(2)?,
                category: row.get(3)?,
                description: row.get(4)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok((entries, total))
}

/// Name, actor and description of every entry, oldest first.
pub(crate) fn all(conn: &Connection, account: i64) -> rusqlite::Result<Vec<[String; 3]>> {
    conn.prepare_cached("SELECT name, actor, description FROM audit WHERE account_seq = ?1 ORDER BY seq")?
        .query_map([account], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?
        .collect()
}
