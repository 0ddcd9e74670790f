//! Campaigns against the engine and the binary: random accounts on random bad days, in process and in virtual time,
//! and `kill -9` at every call of a rich plan. Whatever happens, every promise holds.

mod ends;
mod faults;
mod kill;
mod memory;
mod policies;
