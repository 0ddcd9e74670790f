//! What can go wrong outside a request: opening the data folder, finding an account or a person, listening.
//! What a request is answered with is `api::ApiError`.

use std::path::PathBuf;

/// Why the sandbox could not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The data folder holds no sandbox.
    #[error(
        "no sandbox in {}: there is no account.db\n  make one with: koreconcile sandbox seed --data {}",
        .0.display(), .0.display()
    )]
    NoData(PathBuf),
    /// The data folder cannot be used.
    #[error("cannot use {} as a data folder: {source}\n  name a folder that this user may create and write", path.display())]
    DataFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database is damaged.
    #[error(
        "cannot read the database {}: {source}\n  put a copy of it in its place, or use another data folder",
        path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the database said.
        source: rusqlite::Error,
    },
    /// The data was written by a newer version of this program.
    #[error(
        "the data has schema version {found}, this program knows up to {known}\n  use the newer program, or another data folder"
    )]
    NewerData {
        /// The version in the file.
        found: usize,
        /// The newest version this program can read.
        known: usize,
    },
    /// Several accounts, and none was named.
    #[error("{} accounts here: {}\n  choose one with --account ID", .0.len(), .0.join(", "))]
    AmbiguousAccount(Vec<String>),
    /// The named account does not exist.
    #[error("no account {wanted} here; there is: {}\n  choose one of these with --account ID", known.join(", "))]
    UnknownAccount {
        /// The id asked for.
        wanted: String,
        /// The ids there are.
        known: Vec<String>,
    },
    /// No name for an account.
    #[error(
        "{0:?} is no name for an account: 1 to 100 characters, no blank at either end\n  choose another name"
    )]
    BadAccountName(String),
    /// Excluded from single sign-on.
    #[error("{0} is on the exclusion list of single sign-on and signs in with a password")]
    KeepsPassword(String),
    /// No such thing in the account.
    #[error("no {what} {name:?} in account {account}\n  {hint}")]
    Unknown {
        /// user, bot, group or role.
        what: &'static str,
        /// The name asked for.
        name: String,
        /// The account's id.
        account: String,
        /// The next step.
        hint: &'static str,
    },
    /// Something of that name is there already.
    #[error("{what} {name:?} is already in account {account}\n  choose another name")]
    Exists {
        /// user, bot, group or role.
        what: &'static str,
        /// The name.
        name: String,
        /// The account's id.
        account: String,
    },
    /// Generated people are there already.
    #[error(
        "account {account} has been seeded before: it holds {example}\n  seed another account with --account ID, or another --data folder"
    )]
    AlreadySeeded {
        /// The account's id.
        account: String,
        /// One of the generated things that are there.
        example: String,
    },
    /// The person has joined before.
    #[error("{email} has already joined (state: {state}); only invited people can accept\n  nothing to do")]
    AlreadyJoined {
        /// The person.
        email: String,
        /// Their state.
        state: String,
    },
    /// There is nothing to sign in with.
    #[error("single sign-on is off in account {0}\n  switch it on: POST /api/public/ssoconfig")]
    NoSingleSignOn(String),
    /// The identity provider knows them, the account does not.
    #[error(
        "{0} is not in the account, and joining by single sign-on is restricted\n  invite them first: POST /api/public/users"
    )]
    NotAdmitted(String),
    /// Not an e-mail address.
    #[error("{0:?} is not an e-mail address\n  write it as name@example.com")]
    BadEmail(String),
    /// A password that the policy refuses.
    #[error("this password is refused; it needs: {}\n  choose another one", .0.join(", "))]
    WeakPassword(Vec<&'static str>),
    /// A password could not be hashed.
    #[error("cannot hash a password: {0}")]
    Password(String),
    /// A name that is not a scope.
    #[error("{name:?} is not a scope; scopes are: {}\n  give a comma-separated list of them, or all, or none", known.join(", "))]
    UnknownScope {
        /// What was written.
        name: String,
        /// The scopes there are.
        known: Vec<&'static str>,
    },
    /// A rate limit that cannot be read.
    #[error("{0:?} is not a rate limit\n  write one like 60/m,1800/h or off")]
    BadRateLimit(String),
    /// A dialect that cannot be read.
    #[error(
        "cannot read the dialect: {0}\n  write a JSON file, or name=value,... with names from the reference"
    )]
    BadDialect(String),
    /// Mail could not be made or sent.
    #[error("cannot send mail: {0}\n  check --smtp")]
    Mail(String),
    /// The database refused.
    #[error("the sandbox database failed: {0}")]
    Database(#[from] rusqlite::Error),
    /// Reading or writing a file failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A stored document is not what this program wrote.
    #[error("the sandbox database holds a document that cannot be read: {0}")]
    Document(#[from] serde_json::Error),
}
