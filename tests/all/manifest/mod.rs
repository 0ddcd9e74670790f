//! Manifests, through the library: what is found wrong, how findings look, and what sound ones compile to. With
//! `facts` they are a crate without the rest (`make mutants`), so nothing else is named here.

mod areas;
mod check;
mod compile;
mod edit;
mod edit_random;
mod findings;
mod format;
mod members;
