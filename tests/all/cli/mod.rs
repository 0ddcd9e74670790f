//! The verbs as a user meets them: the binary is run, mostly against a served account, and exit code, output and
//! messages are compared with what is kept.

mod apply;
mod bad_days;
mod doctor;
mod examples;
mod expiring;
mod explain;
mod files;
mod guards;
mod import;
mod interrupted;
mod memory_reference;
mod output;
mod parallel;
mod plan;
mod policies;
mod reference;
mod retire;
mod sandbox;
mod shown;
mod validate;
