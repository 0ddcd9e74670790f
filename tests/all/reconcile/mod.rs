//! The engine end to end, through the library: read, plan, apply and import on a sandbox in process, in virtual
//! time, on chosen and on random accounts.

mod cleared;
mod counts;
mod engine;
mod faults;
mod import_random;
mod import_written;
mod random;
mod recall;
mod unkept;
