//! koreconcile: a declarative reconciler for a Kore.ai account.

pub mod cli;
pub mod facts;
pub mod kore;
pub mod plan;
pub mod sandbox;
