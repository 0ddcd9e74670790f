//! From the ids of a request to rows, and the rules on who may be given what.

use super::{ApiError, Call, wire};
use crate::sandbox::dialect::{Unassignable, WhilePending};
use crate::sandbox::store::bindings::NO_BOT;
use crate::sandbox::store::bots::{self, Bot};
use crate::sandbox::store::groups::{self, Group};
use crate::sandbox::store::roles::{self, Role, RoleKind};
use crate::sandbox::store::users::{self, User};

/// Why one entry or element is not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is listed as failed, with this message.
    Failed(String),
    /// The whole call fails.
    Broken(ApiError),
}

impl From<rusqlite::Error> for Refusal {
    fn from(e: rusqlite::Error) -> Self {
        Self::Broken(e.into())
    }
}

impl From<ApiError> for Refusal {
    fn from(e: ApiError) -> Self {
        Self::Broken(e)
    }
}

pub(crate) fn failed<T>(msg: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Failed(msg.into()))
}

pub(crate) fn user(call: &Call<'_>, email: &str) -> Result<User, Refusal> {
    users::by_email(call.conn, call.account.seq, email, call.dialect.email_case_sensitive)?
        .map_or_else(|| failed(wire::USER_NOT_FOUND), Ok)
}

pub(crate) fn user_by_org_id(call: &Call<'_>, id: &str) -> Result<User, Refusal> {
    users::by_org_user_id(call.conn, call.account.seq, id)?.map_or_else(|| failed(wire::USER_NOT_FOUND), Ok)
}

pub(crate) fn group_by_id(call: &Call<'_>, id: &str) -> Result<Group, Refusal> {
    groups::by_id(call.conn, call.account.seq, id)?.map_or_else(|| failed("Invalid groupId"), Ok)
}

pub(crate) fn group_by_name(call: &Call<'_>, name: &str) -> Result<Group, Refusal> {
    groups::by_name(call.conn, call.account.seq, name)?.map_or_else(|| failed("Invalid group"), Ok)
}

pub(crate) fn bot(call: &Call<'_>, id: &str) -> Result<Bot, Refusal> {
    bots::by_id(call.conn, call.account.seq, id)?.map_or_else(|| failed("Invalid botId"), Ok)
}

/// A role with the `bot_seq` it is meant on: an admin role without a bot, a bot role with one.
pub(crate) fn role_on(call: &Call<'_>, role_id: &str, bot_id: Option<&str>) -> Result<(Role, i64), Refusal> {
    let Some(role) = roles::by_id(call.conn, call.account.seq, role_id)? else {
        return failed("Invalid roleId");
    };
    match (role.kind, bot_id) {
        (RoleKind::Admin, None) => Ok((role, NO_BOT)),
        (RoleKind::Bot, Some(id)) => {
            let bot = bot(call, id)?;
            Ok((role, bot.seq))
        }
        _ => failed("Invalid roleId"),
    }
}

/// Whether the API may grant or take the role at all: Bot Owner never from role management (3.5), Master Admin
/// as the dialect says, and not to groups.
pub(crate) fn may_change(call: &Call<'_>, role: &Role, for_group: bool) -> Result<(), Refusal> {
    let forbidden = (role.is_bot_owner() && !call.dialect.bot_owner_by_api)
        || (role.is_master_admin() && !call.dialect.master_admin_by_api)
        || (role.is_master_admin() && for_group && !call.dialect.master_admin_to_groups);
    if forbidden { failed(wire::UNAUTHORIZED) } else { Ok(()) }
}

/// What a request wants assigned.
#[derive(Debug)]
pub(crate) struct WantedAssignment {
    pub(crate) bot: i64,
    /// `None`: all dialogs of the bot.
    pub(crate) dialogs: Option<Vec<String>>,
}

/// An assignment that can be stored; `None`: it is ignored without a word.
pub(crate) fn assignment(
    call: &Call<'_>,
    bot_id: &str,
    dialogs: Option<&[String]>,
) -> Result<Option<WantedAssignment>, Refusal> {
    let bot = bot(call, bot_id)?;
    if !bot.is_assignable() {
        match call.dialect.unassignable {
            Unassignable::Failure => return failed("Bot is not published to the enterprise"),
            Unassignable::Ignored => return Ok(None),
            Unassignable::Stored => {}
        }
    }
    if let Some(dialogs) = dialogs {
        let known = bots::dialogs(call.conn, bot.seq)?;
        if dialogs.iter().any(|wanted| known.iter().all(|(id, _)| id != wanted)) {
            return failed("Invalid dialogs");
        }
    }
    Ok(Some(WantedAssignment { bot: bot.seq, dialogs: dialogs.map(<[String]>::to_vec) }))
}

/// Whether something written for `user` is forgotten because they have not joined.
pub(crate) fn is_dropped(user: &User, rule: WhilePending) -> bool {
    rule == WhilePending::Dropped && !user.state.has_joined()
}
