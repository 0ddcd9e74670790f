//! koreconcile: a declarative reconciler for a Kore.ai account.
