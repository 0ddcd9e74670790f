//! What stands around every page: account, navigation, the person's menu, the form token.

use super::admin_context::{AdminContext, SignedIn};
use super::nav::{self, ShownModule};
use super::reply::{Notice, PageError};
use super::{assets, session};

/// A step of the way to a page: label, and path unless it is the page itself.
pub(super) type Crumb = (&'static str, Option<&'static str>);

/// The frame of a page of an account. Every template that extends `frame.html` has one in its field `frame`.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) crumbs: Vec<Crumb>,
    pub(super) account_name: String,
    pub(super) modules: Vec<ShownModule>,
    pub(super) menu: Menu,
    pub(super) notice: Option<Notice>,
    pub(super) form_token: String,
    pub(super) assets: Assets,
}

/// The menu of whoever is signed in.
pub(super) struct Menu {
    pub(super) name: String,
    pub(super) email: String,
    /// Whether *Go To Admin Console* is offered.
    pub(super) is_administrator: bool,
    pub(super) has_other_accounts: bool,
    /// Seconds without activity after which the session ends.
    pub(super) idle_seconds: i64,
}

impl Menu {
    /// What stands for a picture.
    pub(super) fn initial(&self) -> String {
        self.name.chars().take(1).flat_map(char::to_uppercase).collect()
    }
}

/// Where style and script are.
#[derive(Debug, Clone)]
pub(super) struct Assets {
    pub(super) style: &'static str,
    pub(super) script: &'static str,
}

impl Assets {
    pub(super) fn new() -> Self {
        Self { style: assets::style(), script: assets::script() }
    }
}

impl Frame {
    /// The frame of a page called `title`, which is reached by way of `crumbs`.
    pub(super) fn new(admin: &AdminContext<'_>, title: &str, crumbs: &[Crumb]) -> Result<Self, PageError> {
        Ok(Self {
            title: title.to_owned(),
            crumbs: crumbs.to_vec(),
            account_name: admin.account.name.clone(),
            modules: nav::shown_to(admin),
            menu: Menu {
                name: full_name(&admin.user.first_name, &admin.user.last_name, &admin.user.email),
                email: admin.user.email.clone(),
                is_administrator: true,
                has_other_accounts: admin.accounts.len() > 1,
                idle_seconds: session::IDLE.as_secs(),
            },
            notice: admin.take_notice()?,
            form_token: admin.form_token(),
            assets: Assets::new(),
        })
    }
}

/// First and last name, or the address of a user who has neither.
pub(super) fn full_name(first: &str, last: &str, email: &str) -> String {
    let name = format!("{first} {last}").trim().to_owned();
    if name.is_empty() { email.to_owned() } else { name }
}

/// The frame of a page outside of an account: sign-in, mailbox, the front. Such templates extend `plain.html`.
pub(super) struct Plain {
    pub(super) title: &'static str,
    pub(super) form_token: String,
    pub(super) assets: Assets,
    /// Whoever is signed in.
    pub(super) menu: Option<Menu>,
    pub(super) notice: Option<Notice>,
}

impl Plain {
    /// For a user who is not signed in, or whose session does not matter here.
    pub(super) fn new(context: &super::request_context::RequestContext<'_>, title: &'static str) -> Self {
        Self { title, form_token: context.form_token(), assets: Assets::new(), menu: None, notice: None }
    }

    /// For a user with a session.
    pub(super) fn signed(signed: &SignedIn<'_>, title: &'static str) -> Result<Self, PageError> {
        let account = signed.account();
        let standing = account.map(|account| signed.user_and_rights(account)).transpose()?.flatten();
        let (name, is_administrator) = match &standing {
            Some((user, rights)) => (
                full_name(&user.first_name, &user.last_name, &user.email),
                rights.satisfy(super::rights::Needs::Administrator),
            ),
            None => (signed.session.email.clone(), false),
        };
        let menu = Menu {
            name,
            email: signed.session.email.clone(),
            is_administrator,
            has_other_accounts: signed.accounts.len() > 1,
            idle_seconds: session::IDLE.as_secs(),
        };
        Ok(Self { menu: Some(menu), notice: signed.take_notice()?, ..Self::new(signed, title) })
    }
}
