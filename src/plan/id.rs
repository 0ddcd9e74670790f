//! Ids of changes and digests of plans: the same across runs and machines.

use super::effects::EffectKind;
use super::model::Pin;
use crate::facts::{AccountId, Key, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// Id of one change, the same across runs and machines.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ChangeId(String);

impl ChangeId {
    /// Hash of the observed account, the fact, before, after and pins: 16 hex digits.
    pub(super) fn hash_of(
        account: Option<&AccountId>,
        key: &Key,
        before: Option<&Value>,
        after: Option<&Value>,
        pins: &[Pin],
    ) -> Self {
        Self::hash(&(account, key, before, after, pins))
    }

    /// Hash of what is declared otherwise than before: its fact, its kind and both ends.
    pub(super) fn of_effect(subject: Option<&Key>, kind: EffectKind, message: &str) -> Self {
        Self::hash(&("effect", subject, kind, message))
    }

    fn hash(content: &impl Serialize) -> Self {
        let mut hash = Sha256::new();
        hash_json(&mut hash, content);
        let mut id = hex::encode(hash.finalize());
        id.truncate(16);
        Self(id)
    }

    /// An id that was written down earlier.
    pub fn parse(id: &str) -> Self {
        Self(id.to_owned())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Digest of what a plan would do: SHA-256 over the sorted ids of its changes, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Over any set of change ids; order does not matter.
    pub fn over<'a>(ids: impl Iterator<Item = &'a ChangeId>) -> Self {
        let sorted: BTreeSet<&ChangeId> = ids.collect();
        let mut hash = Sha256::new();
        if sorted.is_empty() {
            // The digest of nothing is the digest of every empty text.
            hash.update(b"koreconcile.dev/plan/v1: no changes\n");
        }
        for id in sorted {
            hash.update(id.as_str());
            hash.update(b"\n");
        }
        Self(hex::encode(hash.finalize()))
    }

    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Feeds a value's JSON to a hash without building it in memory.
pub(super) fn hash_json(hash: &mut Sha256, value: &impl Serialize) {
    struct Sink<'a>(&'a mut Sha256);
    impl std::io::Write for Sink<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // Neither the sink nor plain values with text keys can fail.
    let _ = serde_json::to_writer(Sink(hash), value);
    hash.update(b"\n");
}
