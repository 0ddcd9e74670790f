//! What a focused plan says about what it looked at.

use crate::facts::Listing;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a focused plan looked at, and what the rest is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FocusedRead {
    /// Number of people who were looked up for this plan.
    pub people: usize,
    /// Listings that were read for this plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listings: Vec<Listing>,
    /// Where the rest comes from.
    pub rest: RestOf,
}

/// Where a focused plan has from what it did not look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "from", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RestOf {
    /// The last full read.
    FullRead {
        /// When it was made.
        #[schemars(with = "String")]
        at: Timestamp,
    },
    /// A snapshot.
    Snapshot {
        /// When it was made.
        #[schemars(with = "String")]
        at: Timestamp,
    },
    /// What an apply read back.
    Memory {
        /// When manifests were applied last.
        #[schemars(with = "String")]
        at: Timestamp,
    },
    /// Another revision of the manifests, taken to be in place.
    Base {
        /// The git revision.
        revision: String,
    },
}

impl RestOf {
    /// Whether it is what was declared, and no read of the account.
    pub fn is_remembered(&self) -> bool {
        match self {
            Self::FullRead { .. } | Self::Snapshot { .. } => false,
            Self::Memory { .. } | Self::Base { .. } => true,
        }
    }
}
