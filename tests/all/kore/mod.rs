//! The client of the Admin API, through the library: a transport that answers from a script stands in for the
//! platform. With `facts` they are a crate without the rest (`make mutants`), so nothing else is named here.

mod client;
mod gateway;
mod lookups;
mod paging;
mod properties;
mod recall;
mod script;
mod side_reads;
