//! One remembered fact, and when it may be forgotten.

use crate::facts::{
    BuilderAccess, DeletionPolicy, Key, KeyRecord, Level, Membership, ObjectRef, PermissionName, RoleSpec,
    Source, Value, World,
};
use crate::plan::model::Pin;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A state of the manifests: when it was seen, and the commit it was, where they are under git.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revision {
    /// When.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The commit's full id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl fmt::Display for Revision {
    /// `2026-11-30` or `2026-11-30 (commit 1a2b3c4d5e6f)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at.strftime("%Y-%m-%d"))?;
        match &self.commit {
            Some(commit) => write!(f, " (commit {})", commit.get(..12).unwrap_or(commit)),
            None => Ok(()),
        }
    }
}

/// An object that declared a fact, and what its deletion means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeclaringObject {
    /// Which one.
    #[serde(flatten)]
    pub object: ObjectRef,
    /// What was to happen when it is deleted, as it was read last.
    pub deletion_policy: DeletionPolicy,
    /// It was let go of (`koreconcile.dev/orphan`): everything that it granted stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_orphaned: bool,
}

/// A fact that manifests asked for, and that no read has shown gone since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RememberedFact {
    /// The value that was declared.
    #[serde(default = "held", skip_serializing_if = "is_held")]
    pub value: Value,
    /// The lines that declared it last.
    pub sources: Vec<Source>,
    /// The objects that these lines are in.
    pub objects: Vec<DeclaringObject>,
    /// Since when it has been declared without a break.
    pub since: Revision,
    /// When the grant was to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Why it was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reason: Option<Arc<str>>,
    /// When a read last showed it as declared; nothing: it was only asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub read_back: Option<Timestamp>,
    /// What its names meant when it was read last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Pin>,
    /// The first state of the manifests that did not declare it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<Revision>,
    /// The run whose undo has brought it back: it is reported, and never taken back for not being declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub undone: Option<Arc<str>>,
}

fn held() -> Value {
    Value::Held
}

fn is_held(value: &Value) -> bool {
    *value == Value::Held
}

impl RememberedFact {
    /// A value that was asked for, and nothing else known about it.
    pub fn asked(value: Value) -> Self {
        Self {
            value,
            sources: Vec::new(),
            objects: Vec::new(),
            since: Revision::default(),
            until: None,
            reason: None,
            read_back: None,
            ids: Vec::new(),
            dropped: None,
            undone: None,
        }
    }

    /// Whether the clock alone has ended it with this end: it was remembered so, and the end was ahead when the grant
    /// was applied.
    pub fn was_ended_by_clock(&self, until: Timestamp) -> bool {
        self.until == Some(until) && until > self.read_back.unwrap_or(self.since.at)
    }

    /// Whether a read shows that it does not hold any more.
    ///
    /// What travelled in an invitation may show only when the person has accepted, so it is not gone before. What is
    /// seen only through a group is not held directly, and so counts as gone.
    pub fn is_gone(&self, key: &Key, observed: &World) -> bool {
        match observed.get(key) {
            Some(Value::Inherited(_) | Value::Access(BuilderAccess::None)) => true,
            Some(Value::Role(seen)) => self.granted_permissions(seen).next().is_none(),
            Some(_) => false,
            None => !may_travel(key, observed) && observed.proves_absent(key).is_ok(),
        }
    }

    /// The permissions it gave to a role that are still given.
    pub fn granted_permissions<'a>(&'a self, seen: &'a RoleSpec) -> impl Iterator<Item = &'a PermissionName> {
        let permissions = match &self.value {
            Value::Role(spec) => Some(&spec.permissions),
            _ => None,
        };
        permissions
            .into_iter()
            .flatten()
            .filter(|(name, level)| {
                level.is_given() && seen.permissions.get(*name).is_some_and(Level::is_given)
            })
            .map(|(name, _)| name)
    }
}

/// Whether the fact may be on its way with an invitation that is still open.
fn may_travel(key: &Key, observed: &World) -> bool {
    let Some(email) = key.email() else { return false };
    if matches!(key, Key::Member(_)) {
        return false;
    }
    let membership = observed.get(&Key::Member(email.clone()));
    // Where the answer leaves out whether they have accepted, they may not have.
    matches!(membership, Some(Value::Member(Membership::Pending { since: _ } | Membership::Listed)))
}

/// Remembered facts as records, each with its subject.
pub(super) mod records {
    use super::{Key, KeyRecord, RememberedFact};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize)]
    struct Written<'a> {
        subject: &'a Key,
        #[serde(flatten)]
        fact: &'a RememberedFact,
    }

    #[derive(Deserialize, schemars::JsonSchema)]
    pub(in crate::plan::memory) struct Record {
        #[schemars(with = "KeyRecord")]
        subject: Key,
        #[serde(flatten)]
        fact: RememberedFact,
    }

    pub(in crate::plan::memory) fn serialize<S: Serializer>(
        facts: &[(Key, RememberedFact)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(facts.iter().map(|(subject, fact)| Written { subject, fact }))
    }

    pub(in crate::plan::memory) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(Key, RememberedFact)>, D::Error> {
        let records = Vec::<Record>::deserialize(deserializer)?;
        let mut facts: Vec<(Key, RememberedFact)> =
            records.into_iter().map(|Record { subject, fact }| (subject, fact)).collect();
        facts.sort_by(|(left, _), (right, _)| left.cmp(right));
        facts.dedup_by(|(left, _), (right, _)| left == right);
        Ok(facts)
    }
}
