//! What people do beside the Admin API and the console: inside an app, at the identity provider, with an app's options.

use super::edit::Editor;
use super::{Admin, Holder};
use crate::sandbox::dialect::{DeletedBotBindings, InAppEdits};
use crate::sandbox::error::SandboxError;
use crate::sandbox::sso;
use crate::sandbox::store::audit::{self, Event};
use crate::sandbox::store::{apps, bindings, change_log, deleted_bots};

impl Admin {
    /// Renames a bot. Its id stays, its change log records it.
    pub fn rename_bot(&self, bot: &str, name: &str) -> Result<(), SandboxError> {
        let now = self.inner.options.clock.now();
        self.batch(|editor| {
            let id = editor.bot(bot)?.id;
            editor.rename_bot(bot, name)?;
            let actor = &self.account.primary_admin;
            Ok(change_log::log(editor.conn, self.account.seq, &id, now, actor, "Bot updated")?)
        })
    }

    /// Deletes a bot. It is kept for 30 days, with its bindings unless the dialect drops them.
    pub fn delete_bot(&self, bot: &str) -> Result<(), SandboxError> {
        let drops = self.inner.options.dialect.deleted_bot_bindings == DeletedBotBindings::Dropped;
        self.batch(|editor| if drops { editor.delete_bot_with_bindings(bot) } else { editor.delete_bot(bot) })
    }

    /// Brings a deleted bot back, by its id.
    pub fn restore_bot(&self, id: &str) -> Result<(), SandboxError> {
        let now = self.inner.options.clock.now();
        self.batch(|editor| {
            let found = deleted_bots::by_id(editor.conn, self.account.seq, id)?;
            let deleted = found.ok_or_else(|| editor.unknown("bot", id))?;
            deleted_bots::restore(editor.conn, self.account.seq, &deleted)?;
            let description = format!("bot {} restored", deleted.name);
            let event = audit::DEPLOYMENT_SETTINGS;
            Ok(audit::log(editor.conn, self.account.seq, now, event, &description)?)
        })
    }

    /// A user invites a user or a group to an app from inside it, with a role.
    pub fn invite_in_app(
        &self,
        actor: &str,
        bot: &str,
        holder: &Holder,
        role: &str,
    ) -> Result<(), SandboxError> {
        let is_group = matches!(holder, Holder::Group(_));
        let event = if is_group { audit::ROLE_TO_GROUPS } else { audit::BOT_ROLE_ASSIGNED };
        self.batch(|editor| {
            editor.bind_in_app(holder, role, bot)?;
            self.log_in_app(editor, actor, bot, event, &format!("{role} given to {}", name_of(holder)))
        })
    }

    /// A user takes a role on an app back from inside it.
    pub fn remove_in_app(
        &self,
        actor: &str,
        bot: &str,
        holder: &Holder,
        role: &str,
    ) -> Result<(), SandboxError> {
        let is_group = matches!(holder, Holder::Group(_));
        let event = if is_group { audit::ROLE_FROM_GROUPS } else { audit::BOT_ROLE_DELETED };
        self.batch(|editor| {
            editor.unbind(holder, role, Some(bot))?;
            self.log_in_app(editor, actor, bot, event, &format!("{role} taken from {}", name_of(holder)))
        })
    }

    /// Where such an edit is written down is not known (row 51).
    fn log_in_app(
        &self,
        editor: &Editor<'_>,
        actor: &str,
        bot: &str,
        event: Event,
        message: &str,
    ) -> Result<(), SandboxError> {
        let (now, place) = (self.inner.options.clock.now(), self.inner.options.dialect.in_app_edits);
        let (bot, actor) = (editor.bot(bot)?, editor.user(actor)?.email);
        if place != InAppEdits::AuditLog {
            change_log::log(editor.conn, self.account.seq, &bot.id, now, &actor, message)?;
        }
        if place != InAppEdits::ChangeLog {
            let description = format!("{message} on {}", bot.name);
            audit::log_of(editor.conn, self.account.seq, now, &actor, event, &description)?;
        }
        Ok(())
    }

    /// A user signs in at the identity provider, which sends these attributes: the mapping gives and takes (2.17).
    pub fn sign_in_by_sso(&self, email: &str, attributes: &[(&str, &str)]) -> Result<(), SandboxError> {
        let dialect = &self.inner.options.dialect;
        self.batch(|editor| sso::sign_in(editor, dialect, email, attributes))
    }

    /// Switches the payload encryption of one of the account's apps, by its client id, on or off.
    pub fn set_payload_encryption(&self, client_id: &str, on: bool) -> Result<(), SandboxError> {
        self.batch(|editor| {
            let own = apps::own(editor.conn, self.account.seq, client_id)?;
            own.ok_or_else(|| editor.unknown("app", client_id))?;
            Ok(apps::set_payload_encryption(editor.conn, client_id, on)?)
        })
    }
}

impl Editor<'_> {
    /// See [`Admin::invite_in_app`]; nothing is logged.
    pub fn bind_in_app(&self, holder: &Holder, role: &str, bot: &str) -> Result<(), SandboxError> {
        let (holder, role, bot) = self.binding(holder, role, Some(bot))?;
        bindings::bind(self.conn, holder, role, bot)?;
        Ok(bindings::mark_from_app(self.conn, holder, role, bot)?)
    }
}

fn name_of(holder: &Holder) -> &str {
    match holder {
        Holder::User(email) => email,
        Holder::Group(name) => name,
    }
}
