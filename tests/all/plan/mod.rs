//! Plans and explanations as values and as text, through the library. With `facts` they are a crate without the
//! rest (`make mutants`), so nothing else is named here.

mod explain;
mod explain_asked;
mod explain_text;
mod explain_why_not;
mod markdown;
mod redact;
pub mod text;
