//! What tests and benches share: the sandbox in process behind the real client, in virtual time.
#![allow(dead_code, unused_macros, unused_imports, reason = "the tests and the benches each use a part")]

pub mod browser;
pub mod chaos_transport;
pub mod cluster;
pub mod cluster_harness;
pub mod console_edit;
pub mod console_harness;
pub mod controller_harness;
pub mod engine;
pub mod flaky_proxy;
pub mod in_process;
pub mod intercepting_proxy;
pub mod invariant_checker;
pub mod promises;
pub mod quickstart;
pub mod random;
pub mod served;
pub mod wants;
pub mod workspace;
pub mod world;
