//! The digest of a report: over its compact JSON, so that spaces and line ends do not count and everything else does.

use super::Report;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What became of checking a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The digest that the file has.
    pub stated: String,
    /// The digest of what is in it.
    pub computed: String,
}

impl Checked {
    /// Whether both are the same.
    pub fn is_right(&self) -> bool {
        self.stated == self.computed
    }
}

/// The digest of a report whose own is not set.
pub(super) fn compute(report: &Report) -> String {
    // Plain data with text keys: it cannot fail.
    let json = serde_json::to_vec(report).unwrap_or_default();
    hex::encode(Sha256::digest(&json))
}

/// Computes the digest of a report in JSON again; `Err` says why the file is none.
pub fn check(json: &[u8]) -> Result<Checked, String> {
    let mut value: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let Some(report) = value.as_object_mut() else { return Err("it is not an object".to_owned()) };
    match report.get("format").and_then(Value::as_str) {
        Some(Report::FORMAT) => {}
        Some(other) => {
            return Err(format!("its format is {other}, and this program knows {}", Report::FORMAT));
        }
        None => return Err("it has no format".to_owned()),
    }
    let Some(Value::String(stated)) = report.shift_remove("digest") else {
        return Err("it has no digest".to_owned());
    };
    let json = serde_json::to_vec(&value).map_err(|error| error.to_string())?;
    Ok(Checked { stated, computed: hex::encode(Sha256::digest(&json)) })
}
