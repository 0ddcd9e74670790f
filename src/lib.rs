//! koreconcile: a declarative reconciler for a Kore.ai account.
//!
//! Manifests declare the users of the account, their roles and the bots assigned to them; koreconcile reads the live
//! account, shows the difference as a plan, and applies it. The data goes one way, once:
//!
//! ```text
//! YAML files ──load──► documents ──check──► manifests ──compile(now)──► desired ─┐
//!                                                                               ├─diff─► changes ─guard, order, cost─► Plan ─┬─render
//! account ──read (pages, batches, coverage)───────────────────────────► observed ┘                                          └─pack─► calls ─► account
//!               └────────────────────────────────────────────────────────────────────────────────────────── read ◄── verify ◄──────────────┘
//! ```
//!
//! Rooms, and whom each may know (a test keeps it):
//!
//! * [`facts`]: the shared vocabulary; knows nobody.
//! * [`manifest`]: what people write, checked and compiled into facts; knows `facts`.
//! * [`plan`]: the difference as a value, pure; knows `facts`.
//! * [`report`]: who holds what, as evidence that can be kept and checked, pure; knows `plan`, `facts`.
//! * [`render`]: the formats of reports, pure; knows `report`, `plan`, `facts`.
//! * [`memory`]: what earlier runs remember, in the form it is stored in; knows `plan`, `facts`.
//! * [`policy`]: rules about who may hold what, judged over a declaration or a plan, pure; knows `plan`, `facts`.
//! * [`kore`]: the Admin API and nothing above it; knows `facts`.
//! * [`apply`]: a plan becomes calls and is read back; knows `plan`, `kore`, `facts`.
//! * [`controller`]: the same engine as a Kubernetes controller; knows `apply`, `memory`, `policy`, `plan`, `kore`,
//!   `manifest`, `facts`.
//! * [`sandbox`]: a local Kore.ai account; knows nobody, so that no mistake hides on both sides.
//! * [`cli`]: the command line; the only room that prints.

pub mod apply;
pub mod cli;
pub mod controller;
pub mod facts;
pub mod kore;
pub mod manifest;
pub mod memory;
pub mod plan;
pub mod policy;
pub mod render;
pub mod report;
pub mod sandbox;
