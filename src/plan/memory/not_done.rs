//! What an apply has left undone, as later runs compare it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that is declared and was not in place at the end of an apply: its kind and what it is about, as text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct NotDone(String);

impl NotDone {
    /// `blocked: BotUnresolved jane@example.com: Bot Developer on Bankng`
    pub fn new(kind: &str, subject: &str) -> Self {
        Self(format!("{kind}: {subject}"))
    }

    /// `blocked`, `manual`, `refused`, `failed`, …
    pub fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}
