//! The Kubernetes front door: objects in a cluster become one plan per account, and the account becomes as declared.
//!
//! ```text
//! cluster: watches -> caches -> view --> pass: observe, repair, compile, plan, defer, apply, assess, report, schedule
//!             ^                                                                                                  |
//!          wake (debounced): edit, interval, audit log, settled, expiry      cluster: statuses, events, plans <--+
//! ```
//!
//! One reconcile loop per account, not per object: 10,000 objects cost the API calls of a single plan. [`pass`](mod@pass) knows
//! no Kubernetes client and no clock, so it runs in tests without either; [`cluster`] knows `pass` and owns them. Planning is
//! skipped when neither objects nor account have changed since the last pass. Only this room and `manifest` name Kubernetes;
//! nothing here prints.

pub mod cluster;
pub mod pass;

pub use cluster::{ControllerError, LeaseOptions, Options, run, run_in_cluster};
pub use pass::{
    AccountMemory, Approval, Broken, ConditionReason, Declared, DeclaredAccount, Housekeeping, Meta,
    ObjectRef, Pass, PassEvent, PassExtent, Proposals, Published, Readiness, Report, Session, View,
    WriteAhead, pass,
};
