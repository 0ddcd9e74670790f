//! The hands of the account's administrator, in process: builds any world, does what only the console can do, and
//! looks at the truth behind the API. Nothing here is counted, limited or subject to the dialect.

mod acts;
pub(crate) mod edit;
pub(crate) mod snapshot;
mod things;

pub use things::{App, Holder, NewBot, NewGroup, NewRole, NewUser};

use super::Inner;
use super::error::SandboxError;
use super::store::accounts;
use super::store::audit;
use super::store::bots::BotStatus;
use super::store::users::UserState;
use super::store::{mails, people, sessions};
use super::{clock, mail, password};
use edit::Editor;
use rusqlite::Connection;
use snapshot::Snapshot;
use std::sync::Arc;

/// Changes and looks at one account of a sandbox. People are named by e-mail, everything else by name.
#[derive(Debug, Clone)]
pub struct Admin {
    inner: Arc<Inner>,
    account: accounts::Account,
}

impl Admin {
    pub(super) fn new(inner: Arc<Inner>, account: Option<&str>) -> Result<Self, SandboxError> {
        let account = inner.store.read(|conn| accounts::chosen(conn, account))?;
        Ok(Self { inner, account })
    }

    /// The id of this account.
    pub fn account_id(&self) -> &str {
        &self.account.id
    }

    /// Runs several changes as one transaction: all of them or none, and much faster than one by one.
    pub fn batch<T>(
        &self,
        changes: impl FnOnce(&Editor<'_>) -> Result<T, SandboxError>,
    ) -> Result<T, SandboxError> {
        let now = clock::wire(self.inner.options.clock.now());
        self.inner.store.write(|conn| changes(&Editor { conn, account: &self.account, now }))
    }

    /// Gives the account another name, by which people tell it from their other accounts.
    pub fn rename_account(&self, name: &str) -> Result<(), SandboxError> {
        self.batch(|editor| editor.rename_account(name))
    }

    /// Adds a user; no mail is sent.
    pub fn add_user(&self, user: &NewUser) -> Result<(), SandboxError> {
        self.batch(|editor| editor.add_user(user))
    }

    /// Removes a user with all they hold; nobody is protected from it.
    pub fn delete_user(&self, email: &str) -> Result<(), SandboxError> {
        self.batch(|editor| editor.delete_user(email))
    }

    /// Moves a user to another state.
    pub fn set_state(&self, email: &str, state: UserState) -> Result<(), SandboxError> {
        self.batch(|editor| editor.set_state(email, state))
    }

    /// Sets a user's builder access.
    pub fn set_access(
        &self,
        email: &str,
        is_developer: bool,
        can_create_bot: bool,
    ) -> Result<(), SandboxError> {
        self.batch(|editor| editor.set_access(email, is_developer, can_create_bot))
    }

    /// Lets an invited person join.
    pub fn accept(&self, email: &str) -> Result<(), SandboxError> {
        let now = self.inner.options.clock.now();
        self.batch(|editor| editor.accept(email, now))
    }

    /// Sets a user's password, on all accounts, and ends their sessions. Returns the one it generated when none is given.
    pub fn set_password(&self, email: &str, password: Option<&str>) -> Result<String, SandboxError> {
        let password = password.map_or_else(password::generated, str::to_owned);
        let hash = password::hash(&password)?;
        let now = self.inner.options.clock.now();
        self.batch(|editor| {
            let user = editor.user(email)?;
            let lower = user.email.to_lowercase();
            let objections = password::objections(editor.conn, &lower, &password)?;
            if !objections.is_empty() {
                return Err(SandboxError::WeakPassword(objections));
            }
            people::set_password(editor.conn, &lower, &hash, &editor.now)?;
            people::unlock(editor.conn, &lower)?;
            sessions::end_all(editor.conn, &lower, None)?;
            let description = format!("password of {} set", user.email);
            Ok(audit::log(editor.conn, self.account.seq, now, audit::USER_MODIFIED, &description)?)
        })?;
        Ok(password)
    }

    /// Asks for a code by e-mail after the password from now on, or no more. It excludes single sign-on.
    pub fn set_two_factor(&self, on: bool) -> Result<(), SandboxError> {
        self.batch(|editor| editor.set_two_factor(on))
    }

    /// Adds a bot; its owner, if one is named, gets the role Bot Owner on it. Returns its id.
    pub fn add_bot(&self, bot: &NewBot) -> Result<String, SandboxError> {
        self.batch(|editor| editor.add_bot(bot))
    }

    /// Moves a bot to another status: approve, suspend, take back.
    pub fn set_bot_status(&self, bot: &str, status: BotStatus) -> Result<(), SandboxError> {
        self.batch(|editor| editor.set_bot_status(bot, status))
    }

    /// Approves deployment requests by themselves from now on, or holds them for an admin.
    pub fn set_auto_approve(&self, auto: bool) -> Result<(), SandboxError> {
        self.batch(|editor| Ok(accounts::set_auto_approve(editor.conn, self.account.seq, auto)?))
    }

    /// Adds a group.
    pub fn add_group(&self, group: &NewGroup) -> Result<(), SandboxError> {
        self.batch(|editor| editor.add_group(group))
    }

    /// Deletes a group.
    pub fn delete_group(&self, group: &str) -> Result<(), SandboxError> {
        self.batch(|editor| editor.delete_group(group))
    }

    /// Puts a user into a group.
    pub fn join(&self, group: &str, email: &str) -> Result<(), SandboxError> {
        self.batch(|editor| editor.join(group, email))
    }

    /// Takes a user out of a group.
    pub fn leave(&self, group: &str, email: &str) -> Result<(), SandboxError> {
        self.batch(|editor| editor.leave(group, email))
    }

    /// Makes `child` a member of `parent`.
    pub fn nest(&self, parent: &str, child: &str) -> Result<(), SandboxError> {
        self.batch(|editor| editor.nest(parent, child))
    }

    /// Adds a custom role.
    pub fn add_role(&self, role: &NewRole) -> Result<(), SandboxError> {
        self.batch(|editor| editor.add_role(role))
    }

    /// Gives a role: an admin role without a bot, a bot role on one. Bot Owner included.
    pub fn bind(&self, holder: &Holder, role: &str, bot: Option<&str>) -> Result<(), SandboxError> {
        self.batch(|editor| editor.bind(holder, role, bot))
    }

    /// Takes a role away.
    pub fn unbind(&self, holder: &Holder, role: &str, bot: Option<&str>) -> Result<(), SandboxError> {
        self.batch(|editor| editor.unbind(holder, role, bot))
    }

    /// Assigns a bot to a user: these dialogs (by name or id), or all of them.
    pub fn assign(&self, email: &str, bot: &str, dialogs: Option<&[&str]>) -> Result<(), SandboxError> {
        self.batch(|editor| editor.assign(email, bot, dialogs))
    }

    /// Takes an assignment back.
    pub fn unassign(&self, email: &str, bot: &str) -> Result<(), SandboxError> {
        self.batch(|editor| editor.unassign(email, bot))
    }

    /// Adds tasks of another kind (`actions`, `alerts`, `knowledgeTask`) to an assignment.
    pub fn assign_other_tasks(
        &self,
        email: &str,
        bot: &str,
        kind: &str,
        task: &str,
    ) -> Result<(), SandboxError> {
        self.batch(|editor| editor.assign_other_tasks(email, bot, kind, task))
    }

    /// Makes an app for the account. `scopes`: names of [`super::SCOPES`], all of them with `["all"]`.
    pub fn create_app(&self, name: &str, scopes: &[&str], enforce_jti: bool) -> Result<App, SandboxError> {
        let now = self.inner.options.clock.now();
        self.batch(|editor| {
            let app = editor.create_app(name, scopes, enforce_jti)?;
            let description = format!("app {name} ({}) created", app.client_id);
            audit::log(editor.conn, self.account.seq, now, audit::APP_CREATED, &description)?;
            Ok(app)
        })
    }

    /// Makes an app with credentials that are already known, all scopes included.
    pub fn add_app(&self, name: &str, app: &App) -> Result<(), SandboxError> {
        self.batch(|editor| editor.add_app(name, app))
    }

    /// The credentials of the account's app called `name`, made with every scope if there is none: for callers in
    /// the same process, who have none of their own.
    pub fn app_called(&self, name: &str) -> Result<App, SandboxError> {
        self.batch(|editor| editor.app_called(name))
    }

    /// Makes an app in the builder of one bot.
    pub fn create_bot_app(&self, bot: &str, name: &str) -> Result<App, SandboxError> {
        self.batch(|editor| editor.create_bot_app(bot, name))
    }

    /// The whole truth of the account.
    pub fn snapshot(&self) -> Result<Snapshot, SandboxError> {
        self.read(|conn| snapshot::take(conn, &self.account))
    }

    /// The whole truth of the account as JSON.
    pub fn dump(&self) -> Result<serde_json::Value, SandboxError> {
        Ok(serde_json::to_value(self.snapshot()?)?)
    }

    /// The invitations sent to `email`, as RFC 5322 text, oldest first.
    pub fn invitations_to(&self, email: &str) -> Result<Vec<String>, SandboxError> {
        let mails = self.read(|conn| Ok(mails::to(conn, self.account.seq, mail::INVITATION, email)?))?;
        Ok(mails.iter().map(|mail| String::from_utf8_lossy(mail).into_owned()).collect())
    }

    /// Name, actor and description of every entry of the audit log, oldest first.
    pub fn audit_log(&self) -> Result<Vec<[String; 3]>, SandboxError> {
        self.read(|conn| Ok(audit::all(conn, self.account.seq)?))
    }

    fn read<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, SandboxError>,
    ) -> Result<T, SandboxError> {
        self.inner.store.read(question)
    }
}
