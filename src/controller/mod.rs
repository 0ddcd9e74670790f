//! The Kubernetes front door: objects in a cluster become one plan an account, and the account becomes as declared.
//!
//! ```text
//! watches ──► stores ──view──► pass(read, compare, hold, apply, judge) ──► statuses, events, plans, finalizers
//!    │                           ▲
//!    └── wake (debounced) ── interval, audit-log hint, settle, expiry
//! ```
//!
//! One reconcile is one account, not one object: ten thousand resources cost the same calls as one. [`pass`](mod@pass) is the core;
//! it knows no cluster, so it runs in tests without one. While nothing that it knows has changed, it reads, compares, and is done.
//! Only this room and `manifest` name Kubernetes; nothing here prints.

mod conditions;
mod connect;
mod declare;
mod decode;
mod health;
mod hint;
mod hold;
mod homeless;
mod judge;
mod known;
mod lease;
mod metrics;
mod news;
mod pass;
mod pins;
mod propose;
mod publish;
mod reason;
mod rhythm;
mod run;
mod statuses;
mod still;
mod store;
mod view;
mod worker;
mod write_ahead;
mod write_only;

pub use judge::Standing;
pub use known::Known;
pub use lease::LeaseOptions;
pub use news::News;
pub use pass::{Pass, Session, pass};
pub use propose::Proposals;
pub use reason::Reason;
pub use run::{ControllerError, Options, run, run_in_cluster};
pub use view::{Approval, Broken, Declared, DeclaredAccount, Meta, ObjectRef, Published, View};
pub use write_ahead::WriteAhead;
