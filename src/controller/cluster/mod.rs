//! Runs passes in a cluster. In: watches of our kinds, Secrets, and a Lease that says which replica may write. Out:
//! statuses, events, published plans, the memory, metrics and health. It owns the Kubernetes client, sockets and the
//! clock. It must not decide about the account: that is `pass`.

mod audit_poll;
mod config_map_memory;
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
mod watch;
mod worker;
mod worker_pool;

pub use lease::LeaseOptions;
pub use run::{ControllerError, Options, run, run_in_cluster};
