//! koreconcile: a declarative reconciler for a Kore.ai account.

pub mod facts;
pub mod manifest;
