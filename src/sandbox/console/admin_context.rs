//! Who is asking: a user with a session, and an administrator in an account. Only this file makes either, so a page
//! that takes one cannot be reached without.

use super::reply::{Notice, PageError};
use super::request_context::RequestContext;
use super::rights::Rights;
use super::{failures, route, session};
use crate::sandbox::admin::edit::Editor;
use crate::sandbox::store::accounts::{self, Account};
use crate::sandbox::store::audit::{self, Event};
use crate::sandbox::store::roles;
use crate::sandbox::store::security::Security;
use crate::sandbox::store::sessions::{self, Session};
use crate::sandbox::store::users::{self, User, UserState};
use rusqlite::Connection;
use std::cell::Cell;
use std::ops::Deref;

/// A user with a session.
pub(super) struct SignedIn<'a> {
    context: &'a RequestContext<'a>,
    pub(super) session: Session,
    /// The accounts that are open to them.
    pub(super) accounts: Vec<Account>,
}

impl<'a> Deref for SignedIn<'a> {
    type Target = RequestContext<'a>;

    fn deref(&self) -> &RequestContext<'a> {
        self.context
    }
}

/// Where a user whose password has expired may go.
const BEFORE_NEW_PASSWORD: [&str; 2] = ["/password", "/sign-out"];
/// What concerns the person and not one account: while any account of theirs asks for a code, it takes one.
const AFTER_CODE: [&str; 2] = ["/password", "/accounts/default"];
/// The way to the code, which an expired password does not bar.
const TO_CODE: [&str; 5] = ["/enter", "/accounts", "/accounts/open", "/two-factor", "/two-factor/resend"];

impl<'a> SignedIn<'a> {
    /// The session of this browser; this is its latest activity.
    pub(super) fn new(context: &'a RequestContext<'a>) -> Result<Self, PageError> {
        let signed = Self::watching(context)?;
        // A second is the finest that anybody is told, and most requests then write nothing.
        let now_ms = context.now.as_millisecond();
        if (now_ms - signed.session.seen_at_ms).abs() >= 1000 {
            // A full disk is no reason to show nothing: the page may be what tells of it.
            if let Err(fault) =
                context.write(|conn| Ok(sessions::touch(conn, &signed.session.digest, now_ms)?))
            {
                tracing::warn!("the activity of a session was not noted: {fault:?}");
            }
        }
        Ok(signed)
    }

    /// The session of this browser, which goes on towards its end.
    pub(super) fn watching(context: &'a RequestContext<'a>) -> Result<Self, PageError> {
        let Some(session) = context.session()? else { return Err(PageError::SignIn { was_idle: false }) };
        if session::is_idle(&session, context.now) {
            context.write(|conn| Ok(sessions::end(conn, &session.digest)?))?;
            return Err(PageError::SignIn { was_idle: true });
        }
        if session::is_old(&session, context.now) {
            context.write(|conn| Ok(sessions::end(conn, &session.digest)?))?;
            return Err(PageError::Elsewhere("/sign-in?old=1"));
        }
        // A lock refuses new sign-ins; it does not end what has begun.
        let accounts = context.read(|conn| Ok(accounts::joined_by(conn, &session.email)?))?;
        if accounts.is_empty() {
            context.write(|conn| Ok(sessions::end(conn, &session.digest)?))?;
            return Err(PageError::SignIn { was_idle: false });
        }
        let path = context.incoming.path.as_str();
        let lacks_code = !session.has_second_factor && accounts.iter().any(|account| account.two_factor);
        if lacks_code && AFTER_CODE.contains(&path) {
            return Err(PageError::Elsewhere("/accounts"));
        }
        let may_be_here = BEFORE_NEW_PASSWORD.contains(&path) || (lacks_code && TO_CODE.contains(&path));
        if session.must_change_password && !may_be_here {
            return Err(PageError::Elsewhere("/password"));
        }
        Ok(Self { context, session, accounts })
    }

    /// The account that is open, if one is.
    pub(super) fn account(&self) -> Option<&Account> {
        self.accounts.iter().find(|account| Some(account.seq) == self.session.account)
    }

    /// Their row and their rights in an account.
    pub(super) fn user_and_rights(&self, account: &Account) -> Result<Option<(User, Rights)>, PageError> {
        self.read(|conn| {
            let user = users::by_email(conn, account.seq, &self.session.email, false)?
                .filter(|user| matches!(user.state, UserState::Active | UserState::Locked));
            let Some(user) = user else { return Ok(None) };
            let roles = roles::admin_roles_of(conn, user.seq)?;
            let rights = Rights::new(account, &user, &roles);
            Ok(Some((user, rights)))
        })
    }

    /// What the last action had to say, once.
    pub(super) fn take_notice(&self) -> Result<Option<Notice>, PageError> {
        let Some(text) = &self.session.notice else { return Ok(None) };
        self.write(|conn| Ok(sessions::set_notice(conn, &self.session.digest, None)?))?;
        Ok(serde_json::from_str(text).ok())
    }
}

/// An administrator in an account.
pub(super) struct AdminContext<'a> {
    signed: SignedIn<'a>,
    pub(super) account: Account,
    pub(super) user: User,
    pub(super) rights: Rights,
}

impl<'a> Deref for AdminContext<'a> {
    type Target = SignedIn<'a>;

    fn deref(&self) -> &SignedIn<'a> {
        &self.signed
    }
}

impl<'a> AdminContext<'a> {
    /// The account that is open, and what its owner may do there.
    pub(super) fn new(signed: SignedIn<'a>) -> Result<Self, PageError> {
        failures::release_locks(&signed)?;
        let Some(account) = signed.account().cloned() else { return Err(PageError::Elsewhere("/accounts")) };
        // The second factor may have been switched on since this session began.
        if account.two_factor && !signed.session.has_second_factor {
            return Err(PageError::Elsewhere("/accounts"));
        }
        let address = signed.ip().to_string();
        if !signed.read(|conn| Ok(Security::load(conn, account.seq)?))?.admits(&address) {
            return Err(PageError::WrongAddress(address));
        }
        let Some((user, rights)) = signed.user_and_rights(&account)? else {
            return Err(PageError::Elsewhere("/accounts"));
        };
        Ok(Self { signed, account, user, rights })
    }

    /// Whether this administrator may use the page or action of that path: what templates ask before they offer it.
    pub(super) fn may(&self, path: &str) -> bool {
        route::needs_of(path).is_some_and(|needs| self.rights.satisfy(needs))
    }

    /// Changes the account: all of it or, when it fails, nothing. What changes anything and logs nothing fails, too.
    pub(super) fn change<T>(
        &self,
        changes: impl FnOnce(&Change<'_>) -> Result<T, PageError>,
    ) -> Result<T, PageError> {
        self.write(|conn| {
            let editor = Editor { conn, account: &self.account, now: self.stamp() };
            let change = Change { editor, admin: self, has_logged: Cell::new(false) };
            let before = conn.total_changes();
            let done = changes(&change)?;
            if conn.total_changes() > before && !change.has_logged.get() {
                return Err(PageError::broken(&"a change without an audit entry"));
            }
            Ok(done)
        })
    }
}

/// A transaction over an account: everything the in-process admin can do, and the audit log.
pub(super) struct Change<'a> {
    editor: Editor<'a>,
    admin: &'a AdminContext<'a>,
    has_logged: Cell<bool>,
}

impl<'a> Deref for Change<'a> {
    type Target = Editor<'a>;

    fn deref(&self) -> &Editor<'a> {
        &self.editor
    }
}

impl Change<'_> {
    /// The transaction, for the functions of the store.
    pub(super) fn conn(&self) -> &Connection {
        self.editor.conn
    }

    /// Writes an audit entry in the name of whoever is at the desk.
    pub(super) fn log(&self, event: Event, description: &str) -> Result<(), PageError> {
        self.has_logged.set(true);
        let admin = self.admin;
        let actor = admin.user.email.as_str();
        Ok(audit::log_of(self.conn(), admin.account.seq, admin.now, actor, event, description)?)
    }
}
