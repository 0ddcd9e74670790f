//! Analytics: what administrators did, and what people said to the bots, which in a sandbox nobody does.

pub(in crate::sandbox::console) mod audit_report;
pub(in crate::sandbox::console) mod chat_history;
mod csv;
