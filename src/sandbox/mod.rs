//! The sandbox: a local Kore.ai account. In come HTTP requests of the vendor's public Admin API, out go the
//! vendor's answers, oddities included; the truth lies in `SQLite` between them.
//!
//! ```text
//! request ─► faults ─► auth ─► rate ─► scope ─► api::<endpoint> ─► store ─► answer
//!                                                    dialect ┘
//! browser ─► host, form token, session ─► permission ─► console::<page> ─► store ─► page
//! Admin (in process), seed ─────────────────────────────────────► store
//! ```
//!
//! It knows no other room: what the vendor does is written down here a second time on purpose, so that a mistake
//! in the client cannot hide itself on both sides.

mod admin;
mod api;
mod auth;
mod clock;
mod console;
mod desks;
mod dialect;
mod draw;
mod error;
mod faults;
mod lock;
mod mail;
mod password;
mod permissions;
mod post;
mod private;
mod rate;
mod requests;
mod seed;
mod serve;
mod sso;
mod store;
mod traffic;

pub use admin::snapshot::{BotTruth, GroupTruth, RoleTruth, Snapshot, UserTruth};
pub use admin::{Admin, App, Holder, NewBot, NewGroup, NewRole, NewUser};
pub use api::SCOPES;
pub use clock::{Clock, ManualClock, OffsetClock, SystemClock};
pub use dialect::*;
pub use error::SandboxError;
pub use faults::{Effect, Fault, Faults};
pub use mail::Mail;
pub use rate::RateLimit;
pub use requests::{Recorded, Requests};
pub use seed::Seed;
pub use serve::Dropped;
pub use store::bots::BotStatus;
pub use store::groups::GroupSource;
pub use store::roles::RoleKind;
pub use store::users::UserState;

use jiff::SignedDuration;
use std::path::Path;
use std::sync::Arc;
use store::Store;

/// The id of the account that a new sandbox has when nobody names one.
pub const DEFAULT_ACCOUNT: &str = "64b000000000000000000001";

/// What a new account starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Starter {
    /// The Primary Admin, the built-in roles, and a handful of bots, groups, people and custom roles to try things on.
    #[default]
    Demo,
    /// The Primary Admin `owner@example.com`, the built-in roles and the system group; nothing else.
    Bare,
}

/// How a sandbox behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The reading of what the vendor leaves open.
    pub dialect: Dialect,
    /// The rate limit of every account.
    pub rate: RateLimit,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Serve `/__test/...`: faults, clock, request log, snapshot.
    pub test_controls: bool,
    /// Keep the request log. A server that runs for days without test controls should not.
    pub record_requests: bool,
    /// Where mail goes.
    pub mail: Mail,
    /// The origin under which a browser finds this sandbox; mailed links lead there. With `https://` a proxy that
    /// speaks TLS stands before it: cookies are then for TLS only, and the console answers to that host alone. With
    /// `http://` the console answers to loopback names only.
    pub public_url: String,
    /// How long invitations live.
    pub invitation_life: SignedDuration,
    /// How long after the latest mail a user is reminded of an open invitation, three times at most; `None`: never. A
    /// sandbox that is served does so.
    pub remind_every: Option<SignedDuration>,
    /// The account to work on, made when it is missing. `None`: the only one, or [`DEFAULT_ACCOUNT`] when there is none.
    pub account_id: Option<String>,
    /// What a new account starts with.
    pub starter: Starter,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            rate: RateLimit::default(),
            clock: Arc::new(SystemClock),
            test_controls: false,
            record_requests: true,
            mail: Mail::default(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            invitation_life: SignedDuration::from_hours(7 * 24),
            remind_every: Some(SignedDuration::from_hours(3 * 24)),
            account_id: None,
            starter: Starter::default(),
        }
    }
}

/// A sandbox. Cheap to clone: clones are the same sandbox.
#[derive(Clone, Debug)]
pub struct Sandbox(Arc<Inner>);

/// What requests, admin and console share.
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) options: Options,
    pub(crate) windows: rate::Windows,
    pub(crate) faults: Faults,
    pub(crate) requests: Requests,
    pub(crate) post: post::Post,
    pub(crate) invites: mail::Invites,
    pub(crate) throttle: console::Throttle,
    pub(crate) drawings: console::Drawings,
    pub(crate) desks: desks::Desks,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Opens the sandbox in `data`, making folder, database and account if they are missing.
    pub fn open(data: &Path, options: Options) -> Result<Self, SandboxError> {
        let store = Store::open(data)?;
        Self::with_account(store, options, Some(data))
    }

    /// Opens the sandbox in `data`, which must hold one; no account is made.
    pub fn open_existing(data: &Path, options: Options) -> Result<Self, SandboxError> {
        let store = Store::open_existing(data)?;
        Self::assemble(store, options, Some(data))
    }

    /// A sandbox that vanishes with its last clone.
    pub fn in_memory(options: Options) -> Result<Self, SandboxError> {
        Self::with_account(Store::scratch()?, options, None)
    }

    fn with_account(store: Store, options: Options, data: Option<&Path>) -> Result<Self, SandboxError> {
        let sandbox = Self::assemble(store, options, data)?;
        let options = &sandbox.0.options;
        let now = options.clock.now();
        sandbox.0.store.write(|conn| seed::account_if_missing(conn, options, now))?;
        Ok(sandbox)
    }

    fn assemble(store: Store, options: Options, data: Option<&Path>) -> Result<Self, SandboxError> {
        let post = post::Post::new(&options.mail, data)?;
        let invites = mail::Invites {
            public_url: options.public_url.trim_end_matches('/').to_owned(),
            life: options.invitation_life,
            remind_every: options.remind_every,
        };
        Ok(Self(Arc::new(Inner {
            store,
            options,
            windows: rate::Windows::default(),
            faults: Faults::default(),
            requests: Requests::default(),
            post,
            invites,
            throttle: console::Throttle::default(),
            drawings: console::Drawings::default(),
            desks: desks::Desks::default(),
        })))
    }

    /// The hands of the account's administrator: everything the console could do, and a look at the truth. Works
    /// on `Options::account_id`, or on the only account.
    pub fn admin(&self) -> Result<Admin, SandboxError> {
        self.admin_of(self.0.options.account_id.as_deref())
    }

    /// As `admin`, on the account of that id; `None`: the only account.
    pub fn admin_of(&self, account: Option<&str>) -> Result<Admin, SandboxError> {
        Admin::new(Arc::clone(&self.0), account)
    }

    /// The ids of all accounts.
    pub fn accounts(&self) -> Result<Vec<String>, SandboxError> {
        self.0
            .store
            .read(|conn| Ok(store::accounts::all(conn)?.into_iter().map(|account| account.id).collect()))
    }

    /// Makes a further account: its Primary Admin is `owner@example.com`, and nobody else is in it.
    pub fn add_account(&self, id: &str, name: &str) -> Result<Admin, SandboxError> {
        let now = self.0.options.clock.now();
        self.0
            .store
            .write(|conn| seed::account(conn, id, name, Starter::Bare, &self.0.options.dialect, now))?;
        self.admin_of(Some(id))
    }

    /// The texts of all messages to `email`, oldest first.
    pub fn mails_to(&self, email: &str) -> Result<Vec<String>, SandboxError> {
        console::do_what_was_asked(&self.0)?;
        self.0.store.read(|conn| Ok(store::mails::texts_to(conn, email)?))
    }

    /// Where nobody has a password yet, gives everybody who has joined the same generated one, and returns it: how
    /// the first administrator gets in.
    pub fn first_password(&self) -> Result<Option<String>, SandboxError> {
        if self.0.store.read::<_, SandboxError>(|conn| Ok(store::people::any_password(conn)?))? {
            return Ok(None);
        }
        let password = password::generated();
        let hash = password::hash(&password)?;
        let now = clock::wire(self.0.options.clock.now());
        self.0.store.write::<_, SandboxError>(|conn| {
            for email in store::people::without_password(conn)? {
                store::people::set_password(conn, &email, &hash, &now)?;
            }
            Ok(())
        })?;
        Ok(Some(password))
    }

    /// Reminds everybody who was invited, has not signed up, and whose latest mail is old enough (`remind_every`);
    /// returns how many there were. A sandbox that is served does so by itself.
    pub fn remind_invited(&self) -> Result<usize, SandboxError> {
        self.0.invites.remind(&self.0.store, self.0.options.clock.now())
    }

    /// The paths at which the console changes an account, as its routes are written: each change leaves an audit entry.
    pub fn console_actions() -> Vec<&'static str> {
        console::actions().collect()
    }

    /// Writes a file that only its owner can read.
    pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
        private::write(path, text.as_bytes())
    }

    /// Closes a file of a data folder to other users, if it is there.
    pub fn close_private(path: &Path) -> std::io::Result<()> {
        private::close_file(path)
    }

    /// The permissions of a data folder that other users of the machine can look into, as `chmod` writes them.
    pub fn data_open_to_others(data: &Path) -> Option<String> {
        private::open_to_others(data).map(|mode| format!("{mode:o}"))
    }

    /// The plan of faults.
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// The request log.
    pub fn requests(&self) -> &Requests {
        &self.0.requests
    }

    /// How this sandbox behaves.
    pub fn options(&self) -> &Options {
        &self.0.options
    }
}
