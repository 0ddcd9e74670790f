//! Changes to one account inside one transaction, everything named as people name it.

use super::things::{App, Holder, NewBot, NewGroup, NewRole, NewUser};
use crate::sandbox::api::SCOPES;
use crate::sandbox::error::SandboxError;
use crate::sandbox::mail;
use crate::sandbox::store::accounts::{self, Account};
use crate::sandbox::store::bindings::{self, NO_BOT};
use crate::sandbox::store::bots::{self, Bot, BotStatus};
use crate::sandbox::store::groups::{self, Group};
use crate::sandbox::store::roles::{self, BOT_OWNER, Role, RoleKind};
use crate::sandbox::store::users::{self, User, UserState};
use crate::sandbox::store::{apps, audit, bot_list, deleted_bots, hex_of, invitations, people, uuid_of};
use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// Characters of an account's name.
const ACCOUNT_NAME_MAX: usize = 100;

/// The same changes as [`super::Admin`] offers one by one, within [`super::Admin::batch`].
pub struct Editor<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) account: &'a Account,
    pub(crate) now: String,
}

impl std::fmt::Debug for Editor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editor").field("account", &self.account.id).finish_non_exhaustive()
    }
}

impl Editor<'_> {
    /// See [`super::Admin::add_user`].
    pub fn add_user(&self, user: &NewUser) -> Result<(), SandboxError> {
        let NewUser {
            email,
            org_user_id,
            first_name,
            last_name,
            profile,
            state,
            is_developer,
            can_create_bot,
            data_tables,
        } = user;
        if !mail::is_address(email) {
            return Err(SandboxError::BadEmail(email.clone()));
        }
        if users::by_email(self.conn, self.account.seq, email, true)?.is_some() {
            return Err(self.exists("user", email));
        }
        let row = users::NewUserRow {
            email,
            org_user_id: org_user_id.as_deref(),
            first_name,
            last_name,
            profile,
            state: *state,
            is_developer: *is_developer,
            can_create_bot: *can_create_bot,
            data_tables: *data_tables,
        };
        users::insert(self.conn, self.account.seq, &row, &self.now)?;
        Ok(())
    }

    /// See [`super::Admin::delete_user`].
    pub fn delete_user(&self, email: &str) -> Result<(), SandboxError> {
        Ok(users::delete(self.conn, self.user(email)?.seq)?)
    }

    /// See [`super::Admin::set_state`].
    pub fn set_state(&self, email: &str, state: UserState) -> Result<(), SandboxError> {
        let user = self.user(email)?;
        if state == UserState::Active {
            people::forget_lock(self.conn, &user.email.to_lowercase())?;
        }
        Ok(users::set_state(self.conn, self.account.seq, user.seq, state, &self.now)?)
    }

    /// See [`super::Admin::rename_account`].
    pub fn rename_account(&self, name: &str) -> Result<(), SandboxError> {
        let length = name.chars().count();
        if length == 0 || length > ACCOUNT_NAME_MAX || name.trim() != name || name.contains(char::is_control)
        {
            return Err(SandboxError::BadAccountName(name.to_owned()));
        }
        let is_other = |one: &Account| one.seq != self.account.seq && one.name == name;
        if let Some(other) = accounts::all(self.conn)?.into_iter().find(is_other) {
            return Err(SandboxError::Exists { what: "account", name: name.to_owned(), account: other.id });
        }
        Ok(accounts::set_name(self.conn, self.account.seq, name)?)
    }

    /// See [`super::Admin::accept`].
    pub fn accept(&self, email: &str, at: Timestamp) -> Result<(), SandboxError> {
        let user = self.user(email)?;
        if user.state.has_joined() {
            let state = user.state.word().to_owned();
            return Err(SandboxError::AlreadyJoined { email: user.email, state });
        }
        self.set_state(email, UserState::Active)?;
        invitations::close(self.conn, user.seq)?;
        let description = format!("{} accepted the invitation", user.email);
        Ok(audit::log(self.conn, self.account.seq, at, audit::LOGIN, &description)?)
    }

    /// See [`super::Admin::set_access`].
    pub fn set_access(
        &self,
        email: &str,
        is_developer: bool,
        can_create_bot: bool,
    ) -> Result<(), SandboxError> {
        Ok(users::set_flags(self.conn, self.user(email)?.seq, is_developer, can_create_bot)?)
    }

    /// See [`super::Admin::set_two_factor`].
    pub fn set_two_factor(&self, on: bool) -> Result<(), SandboxError> {
        if on {
            apps::clear_sso(self.conn, self.account.seq)?;
        }
        Ok(accounts::set_two_factor(self.conn, self.account.seq, on)?)
    }

    /// Makes a user the Primary Admin, and Master Admin with it.
    pub fn set_primary_admin(&self, email: &str) -> Result<(), SandboxError> {
        let email = self.user(email)?.email;
        self.bind(&Holder::User(email.clone()), roles::MASTER_ADMIN, None)?;
        Ok(accounts::set_primary_admin(self.conn, self.account.seq, &email)?)
    }

    /// See [`super::Admin::add_bot`].
    pub fn add_bot(&self, bot: &NewBot) -> Result<String, SandboxError> {
        let NewBot { name, id, description, status, is_enterprise, owner, dialogs } = bot;
        let owner = owner.as_deref().map(|email| self.user(email)).transpose()?;
        let id = id.clone().unwrap_or_else(|| uuid_of("st-", &[&self.account.id, name]));
        if bots::by_id(self.conn, self.account.seq, &id)?.is_some() {
            return Err(self.exists("bot", &id));
        }
        let primary = self.account.primary_admin.as_str();
        let creator = owner.as_ref().map_or_else(|| uuid_of("u-", &[primary]), |owner| owner.id.clone());
        let row = bots::NewBotRow {
            id: &id,
            name,
            description,
            status: *status,
            is_enterprise: *is_enterprise,
            created_by: &creator,
        };
        let seq = bots::insert(self.conn, self.account.seq, &row, &self.now)?;
        for dialog in dialogs {
            bots::add_dialog(self.conn, seq, &uuid_of("dg-", &[&id, dialog]), dialog)?;
        }
        if let Some(owner) = owner {
            let role = self.role(RoleKind::Bot, BOT_OWNER)?;
            bindings::bind(self.conn, bindings::HolderSeq::User(owner.seq), role.seq, seq)?;
        }
        Ok(id)
    }

    /// See [`super::Admin::rename_bot`].
    pub fn rename_bot(&self, bot: &str, name: &str) -> Result<(), SandboxError> {
        Ok(bots::rename(self.conn, self.bot(bot)?.seq, name)?)
    }

    /// See [`super::Admin::set_bot_status`].
    pub fn set_bot_status(&self, bot: &str, status: BotStatus) -> Result<(), SandboxError> {
        Ok(bots::set_status(self.conn, self.bot(bot)?.seq, status)?)
    }

    /// See [`super::Admin::delete_bot`].
    pub fn delete_bot(&self, bot: &str) -> Result<(), SandboxError> {
        let bot = self.bot(bot)?;
        let owner = bot_list::team(self.conn, bot.seq)?.into_iter().find(|member| member.is_owner);
        let requested_by = owner.map(|owner| owner.email).unwrap_or_default();
        Ok(deleted_bots::delete(self.conn, self.account.seq, &bot, &requested_by, &self.now)?)
    }

    /// The same, and forgets who held what on it.
    pub(crate) fn delete_bot_with_bindings(&self, bot: &str) -> Result<(), SandboxError> {
        bindings::forget_bot(self.conn, self.bot(bot)?.seq)?;
        self.delete_bot(bot)
    }

    /// See [`super::Admin::add_group`].
    pub fn add_group(&self, group: &NewGroup) -> Result<(), SandboxError> {
        let NewGroup { name, description, source } = group;
        if groups::by_name(self.conn, self.account.seq, name)?.is_some() {
            return Err(self.exists("group", name));
        }
        let id = uuid_of("e-", &[&self.account.id, name]);
        groups::insert(self.conn, self.account.seq, &id, name, description, *source)?;
        Ok(())
    }

    /// See [`super::Admin::delete_group`].
    pub fn delete_group(&self, group: &str) -> Result<(), SandboxError> {
        Ok(groups::delete(self.conn, self.group(group)?.seq)?)
    }

    /// See [`super::Admin::join`].
    pub fn join(&self, group: &str, email: &str) -> Result<(), SandboxError> {
        groups::join(self.conn, self.group(group)?.seq, self.user(email)?.seq)?;
        Ok(())
    }

    /// See [`super::Admin::leave`].
    pub fn leave(&self, group: &str, email: &str) -> Result<(), SandboxError> {
        groups::leave(self.conn, self.group(group)?.seq, self.user(email)?.seq)?;
        Ok(())
    }

    /// See [`super::Admin::nest`].
    pub fn nest(&self, parent: &str, child: &str) -> Result<(), SandboxError> {
        Ok(groups::nest(self.conn, self.group(parent)?.seq, self.group(child)?.seq)?)
    }

    /// See [`super::Admin::add_role`].
    pub fn add_role(&self, role: &NewRole) -> Result<(), SandboxError> {
        let NewRole { kind, name, description, permissions } = role;
        if roles::by_name(self.conn, self.account.seq, *kind, name)?.is_some() {
            return Err(self.exists("role", name));
        }
        let row = roles::NewRoleRow {
            id: &hex_of(&[&self.account.id, kind.word(), name]),
            kind: *kind,
            name,
            description,
            permissions,
            ref_id: &uuid_of("", &[&self.account.id, "ref", kind.word(), name]),
            is_system: false,
        };
        roles::insert(self.conn, self.account.seq, &row, &self.now)?;
        Ok(())
    }

    /// See [`super::Admin::bind`].
    pub fn bind(&self, holder: &Holder, role: &str, bot: Option<&str>) -> Result<(), SandboxError> {
        let (holder, role, bot) = self.binding(holder, role, bot)?;
        bindings::bind(self.conn, holder, role, bot)?;
        Ok(())
    }

    /// See [`super::Admin::unbind`].
    pub fn unbind(&self, holder: &Holder, role: &str, bot: Option<&str>) -> Result<(), SandboxError> {
        let (holder, role, bot) = self.binding(holder, role, bot)?;
        bindings::unbind(self.conn, holder, role, bot)?;
        Ok(())
    }

    pub(super) fn binding(
        &self,
        holder: &Holder,
        role: &str,
        bot: Option<&str>,
    ) -> Result<(bindings::HolderSeq, i64, i64), SandboxError> {
        let holder = match holder {
            Holder::User(email) => bindings::HolderSeq::User(self.user(email)?.seq),
            Holder::Group(name) => bindings::HolderSeq::Group(self.group(name)?.seq),
        };
        let kind = if bot.is_some() { RoleKind::Bot } else { RoleKind::Admin };
        let bot = bot.map(|bot| self.bot(bot)).transpose()?.map_or(NO_BOT, |bot| bot.seq);
        Ok((holder, self.role(kind, role)?.seq, bot))
    }

    /// See [`super::Admin::assign`].
    pub fn assign(&self, email: &str, bot: &str, dialogs: Option<&[&str]>) -> Result<(), SandboxError> {
        let (user, bot) = (self.user(email)?, self.bot(bot)?);
        let known = bots::dialogs(self.conn, bot.seq)?;
        let dialogs = dialogs
            .map(|wanted| {
                wanted
                    .iter()
                    .map(|wanted| {
                        let found = known.iter().find(|(id, name)| id == wanted || name == wanted);
                        found.map(|(id, _)| id.clone()).ok_or_else(|| self.unknown("dialog", wanted))
                    })
                    .collect::<Result<Vec<_>, _>>()
            })
            .transpose()?;
        Ok(bindings::assign(self.conn, user.seq, bot.seq, dialogs.as_deref())?)
    }

    /// See [`super::Admin::unassign`].
    pub fn unassign(&self, email: &str, bot: &str) -> Result<(), SandboxError> {
        Ok(bindings::unassign(self.conn, self.user(email)?.seq, self.bot(bot)?.seq)?)
    }

    /// See [`super::Admin::assign_other_tasks`].
    pub fn assign_other_tasks(
        &self,
        email: &str,
        bot: &str,
        kind: &str,
        task: &str,
    ) -> Result<(), SandboxError> {
        let tasks: Map<String, Value> = [(kind.to_owned(), json!([task]))].into_iter().collect();
        let (user, bot) = (self.user(email)?, self.bot(bot)?);
        Ok(bindings::set_other_tasks(self.conn, user.seq, bot.seq, &serde_json::to_string(&tasks)?)?)
    }

    /// See [`super::Admin::create_app`].
    pub fn create_app(&self, name: &str, scopes: &[&str], enforce_jti: bool) -> Result<App, SandboxError> {
        let scopes = match scopes {
            ["all"] => SCOPES.to_vec(),
            ["none"] => Vec::new(),
            named => named
                .iter()
                .map(|name| {
                    SCOPES.iter().copied().find(|scope| scope == name).ok_or_else(|| {
                        SandboxError::UnknownScope { name: (*name).to_owned(), known: SCOPES.to_vec() }
                    })
                })
                .collect::<Result<Vec<_>, _>>()?,
        };
        let app = fresh_app();
        self.insert_app(None, name, &app, &scopes, enforce_jti)?;
        Ok(app)
    }

    /// See [`super::Admin::create_bot_app`].
    pub fn create_bot_app(&self, bot: &str, name: &str) -> Result<App, SandboxError> {
        let app = fresh_app();
        let bot = self.bot(bot)?.seq;
        self.insert_app(Some(bot), name, &app, &["bot_publish:publish_request"], false)?;
        Ok(app)
    }

    /// See [`super::Admin::add_app`].
    pub fn add_app(&self, name: &str, app: &App) -> Result<(), SandboxError> {
        self.insert_app(None, name, app, SCOPES, false)
    }

    /// See [`super::Admin::app_called`].
    pub fn app_called(&self, name: &str) -> Result<App, SandboxError> {
        match apps::by_name(self.conn, self.account.seq, name)? {
            Some(app) => Ok(App { client_id: app.client_id, client_secret: app.secret }),
            None => self.create_app(name, &["all"], false),
        }
    }

    fn insert_app(
        &self,
        bot: Option<i64>,
        name: &str,
        app: &App,
        scopes: &[&str],
        enforce_jti: bool,
    ) -> Result<(), SandboxError> {
        let row = apps::RegisteredApp {
            client_id: app.client_id.clone(),
            account: self.account.seq,
            bot,
            secret: app.client_secret.clone(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            enforce_jti,
            created_at: self.now.clone(),
            encrypts_payload: false,
        };
        Ok(apps::insert(self.conn, name, &row)?)
    }

    pub(crate) fn user(&self, email: &str) -> Result<User, SandboxError> {
        let exact = users::by_email(self.conn, self.account.seq, email, true)?;
        let found = match exact {
            Some(user) => Some(user),
            None => users::by_email(self.conn, self.account.seq, email, false)?,
        };
        found.ok_or_else(|| self.unknown("user", email))
    }

    fn group(&self, name: &str) -> Result<Group, SandboxError> {
        groups::by_name(self.conn, self.account.seq, name)?.ok_or_else(|| self.unknown("group", name))
    }

    pub(crate) fn role(&self, kind: RoleKind, name: &str) -> Result<Role, SandboxError> {
        roles::by_name(self.conn, self.account.seq, kind, name)?.ok_or_else(|| self.unknown("role", name))
    }

    /// A bot by name or id.
    pub(super) fn bot(&self, bot: &str) -> Result<Bot, SandboxError> {
        let found = match bots::by_id(self.conn, self.account.seq, bot)? {
            Some(found) => Some(found),
            None => bots::by_name(self.conn, self.account.seq, bot)?,
        };
        found.ok_or_else(|| self.unknown("bot", bot))
    }

    pub(super) fn unknown(&self, what: &'static str, name: &str) -> SandboxError {
        let hint = match what {
            "user" => "invite them first: POST /api/public/users",
            _ => "check the spelling: names are case-sensitive",
        };
        SandboxError::Unknown { what, name: name.to_owned(), account: self.account.id.clone(), hint }
    }

    fn exists(&self, what: &'static str, name: &str) -> SandboxError {
        SandboxError::Exists { what, name: name.to_owned(), account: self.account.id.clone() }
    }
}

fn fresh_app() -> App {
    App {
        client_id: format!("cs-{}", Uuid::new_v4()),
        client_secret: format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()),
    }
}
