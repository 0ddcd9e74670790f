//! The controller from three levels: single passes on objects in memory, the binary on a real API server, and the
//! chart and the base for kustomize as helm and the server take them.

mod admission;
mod alerts;
mod approvals;
mod chart;
mod cluster;
mod crash;
mod crds;
mod deletion;
mod ends;
mod focus;
mod gaps;
mod gitops;
mod health;
mod kustomize;
mod leader;
mod live;
mod memory;
mod mode;
mod output;
mod pass;
mod policies;
mod roles;
mod safety;
mod security;
mod soak;
mod unchanged;
