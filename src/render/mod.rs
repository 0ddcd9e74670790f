//! Reports for people and machines. Each form takes a report and gives text; none of them prints.
//!
//! Text of others (names, reasons, places) is shown in a form that cannot be taken for something else: escaped in HTML and
//! Markdown, never a formula in CSV, without characters that hide or reorder.

mod csv;
mod html;
mod markdown;
mod words;

pub use csv::csv;
pub use html::html;
pub use markdown::markdown;

use crate::report::Report;

/// The report as JSON, in the published schema.
///
/// # Errors
///
/// None in practice: every part of a report is plain data with text keys.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report).map(|json| json + "\n")
}
