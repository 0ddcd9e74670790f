//! What tests and benches share: the sandbox in process behind the real client, in virtual time.
#![allow(dead_code, unused_macros, unused_imports, reason = "the tests and the benches each use a part")]

pub mod browser;
pub mod cable;
pub mod cluster;
pub mod command;
pub mod desk;
pub mod door;
pub mod engine;
pub mod in_process;
pub mod operator;
pub mod promises;
pub mod random;
pub mod served;
pub mod site;
pub mod storm;
pub mod wants;
pub mod watch;
pub mod world;
