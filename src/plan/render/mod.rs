//! A plan for people and machines. Each form takes a plan and gives text; none of them prints.

mod areas;
mod difference;
mod explain;
mod markdown;
mod redact;
mod shown;
mod text;
mod words;

pub use difference::{difference, difference_markdown};
pub use explain::explanation;
pub use markdown::{LONGEST_COMMENT, markdown};
pub use redact::{Pseudonyms, redacted};
pub use text::{Style, text};
pub use words::{any_of, in_words, named};

use super::Plan;

/// The plan as JSON, in the published schema.
///
/// # Errors
///
/// None in practice: every part of a plan is plain data with text keys.
pub fn json(plan: &Plan) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(plan).map(|json| json + "\n")
}
