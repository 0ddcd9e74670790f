//! What people write: YAML documents, or the same objects in a cluster, become what is wanted of an account.
//!
//! ```text
//! paths ──load──► inputs ──check──► Manifests ──compile(account, now)──► Compiled { account, desired, policy, … }
//! ```
//!
//! [`load`] reads bytes and understands nothing. [`check`] turns them into typed, positioned manifests and finds
//! everything that is wrong, at once. [`compile`](mod@compile) turns the manifests of one account into facts. [`write`](mod@write)
//! goes the other way: one read of an account becomes the documents that say it, and [`edit`] writes single facts into
//! documents that people wrote. This room knows `facts` and nobody
//! else: no clock (`now` is passed in), no network, no task, and it prints nothing.

mod areas;
pub mod check;
pub mod compile;
pub mod edit;
pub mod finding;
mod folder;
pub mod format;
mod gaps;
pub mod kinds;
pub mod load;
pub mod marks;
pub mod model;
pub mod render;
mod scalar;
pub mod sources;
pub mod tree;
pub mod write;

pub use areas::namespaces_let_in;
pub use compile::{
    AccountConnection, AccountServer, CompileError, Compiled, CredentialRefs, Expiry, SecretRef, compile,
};
pub use finding::{Code, Finding, Severity, Span, Spot};
pub use gaps::{of_left_out, of_unreadable};
pub use load::Input;
pub use model::{Manifest, Manifests, Texts};

/// Loads and checks what the command line names: files, folders, `-` for `stdin`. The disk is also asked whether
/// everything was loaded and understood that the accounts' `sources` name.
pub fn open(paths: &[String], stdin: impl std::io::Read) -> Manifests {
    let mut manifests = check::check(load::load(paths, stdin));
    sources::survey(&mut manifests);
    manifests
}

/// Checks objects of a cluster against each other, the oldest first.
pub fn from_cluster(objects: Vec<Manifest>) -> Manifests {
    check::check_objects(objects)
}

/// Checks inputs that are already in memory.
pub fn read(inputs: Vec<Input>) -> Manifests {
    check::check(inputs.into())
}
