//! The controller's side of the cluster: watches, leases, sockets, workers, and everything that is written.
//!
//! Comes in: events of the API server and the clock. Goes out: patches, events and metrics of each [pass](mod@super::pass). This
//! room owns the Kubernetes client; what a pass decides is not decided here again.

mod audit_poll;
mod connect;
mod decode;
mod health;
mod lease;
mod metrics;
mod publish;
mod run;
mod status_write_ahead;
mod store;
mod unassigned;
mod worker;

pub use lease::LeaseOptions;
pub use run::{ControllerError, Options, run, run_in_cluster};
