//! The verbs as a user meets them: the binary is run, mostly against a served account, and exit code, output and
//! messages are compared with what is kept.

mod adopt;
mod apply;
mod bad_days;
mod diff;
mod doctor;
mod effects;
mod ends;
mod examples;
mod expiring;
mod explain;
mod files;
mod fmt;
mod guards;
mod import;
mod init;
mod interrupted;
mod memory_reference;
mod moves;
mod output;
mod parallel;
mod plan;
mod policies;
mod reference;
mod reinvite;
mod report;
mod retire;
mod runs;
mod sandbox;
mod shown;
mod validate;
