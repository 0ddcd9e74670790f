//! koreconcile: a declarative reconciler for a Kore.ai account.

pub mod cli;
pub mod sandbox;
