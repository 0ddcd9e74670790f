//! The same engine as a Kubernetes controller: the objects in a cluster become one plan per account, and the plan is
//! applied until the account is as declared.
//!
//! ```text
//! watches ──► caches ──view──► pass(observe, repair, compile, plan, defer, apply, assess, report, schedule)
//!                                │         ▲
//!                                ▼         └── trigger: an edit (debounced), the interval, the audit log,
//!   statuses, events, plans, memory        deferred removals, a grant that ends
//! ```
//!
//! One reconcile is one account, not one object: ten thousand objects cost the calls of one plan. `pass` holds
//! the steps and knows no cluster; `cluster` runs them in one. While neither the objects nor the account have changed, a
//! pass reads the account, compares, and plans nothing. Only this room and `manifest` name Kubernetes; nothing here prints.

mod cluster;
mod pass;

pub use cluster::{ControllerError, LeaseOptions, Options, run, run_in_cluster};
pub use pass::{
    AccountMemory, Approval, Broken, ConditionReason, Declared, DeclaredAccount, Housekeeping, Meta, Missing,
    ObjectMode, ObjectRef, Pass, PassEvent, PassExtent, PassScope, PlanProgress, Proposals, Published,
    Readiness, RecallError, Report, Schedule, Session, View, WriteAhead, pass,
};
