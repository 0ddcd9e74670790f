//! The memory as it has to be stored before anything is sent: one merge of what was remembered, what is wanted and what
//! is seen.
//!
//! Nothing leaves it here but what a read has shown gone, or what its object was to leave behind.

use super::declaration::{UndeclaredReasons, WhyUndeclared};
use super::fact::RememberedFact;
use crate::facts::{Family, Key, RoleSpec, Value, Verdict, Want, World};
use crate::plan::merge::{Merged, merge};
use crate::plan::name_index::NameIndex;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is stored, from what was recalled. All three sides are sorted by key.
pub(in crate::plan) fn next(
    recalled: &[(Key, RememberedFact)],
    wants: &[(Key, Want)],
    observed: &World,
    names: &NameIndex,
    undeclared_reasons: &UndeclaredReasons,
    now: Timestamp,
) -> Vec<(Key, RememberedFact)> {
    let moment = Moment { observed, names, undeclared_reasons, now };
    let stored = merge(wants, recalled, observed.facts()).filter_map(|Merged { key, want, known, seen }| {
        let fact = match (want, known) {
            (Some(want), known) if matches!(want.verdict, Verdict::Present(_)) => {
                Some(moment.declared(key, want, known, seen))
            }
            (_, Some(known)) => moment.undeclared(key, known),
            (_, None) => None,
        };
        Some((key.clone(), fact?))
    });
    stored.collect()
}

/// What all facts are looked at with.
struct Moment<'a> {
    observed: &'a World,
    names: &'a NameIndex,
    undeclared_reasons: &'a UndeclaredReasons,
    now: Timestamp,
}

impl Moment<'_> {
    /// A fact that is declared present.
    fn declared(
        &self,
        key: &Key,
        want: &Want,
        known: Option<&RememberedFact>,
        seen: Option<&Value>,
    ) -> RememberedFact {
        let Want { verdict, sources, until, reason } = want;
        let value = match verdict {
            Verdict::Present(value) => value.clone(),
            Verdict::Absent => Value::Held,
        };
        let is_as_declared = seen.is_some_and(|seen| seen.satisfies(&value));
        let declaration = self.undeclared_reasons.declaration();
        let since = match known {
            Some(known) if known.dropped.is_none() => known.since.clone(),
            _ => declaration.revision.clone(),
        };
        RememberedFact {
            value: match (known, seen) {
                (Some(known), Some(Value::Role(seen))) => with_granted(value, known, seen),
                _ => value,
            },
            sources: sources.clone(),
            objects: declaration.declaring(sources),
            since,
            until: *until,
            reason: reason.clone(),
            // The first moment since which it was seen without a break: a memory that says nothing new is not written.
            read_back: is_as_declared.then(|| known.and_then(|known| known.read_back).unwrap_or(self.now)),
            ids: self.names.pins(key, &self.observed.directory),
            dropped: None,
            undone: None,
        }
    }

    /// A fact that is not declared present any more; `None` forgets it.
    fn undeclared(&self, key: &Key, fact: &RememberedFact) -> Option<RememberedFact> {
        match self.undeclared_reasons.why(key, fact) {
            WhyUndeclared::Unresolved
            | WhyUndeclared::Paused
            | WhyUndeclared::NotLoaded(_)
            | WhyUndeclared::Newer(_)
            | WhyUndeclared::Incomplete(_) => Some(fact.clone()),
            _ if is_named_only(key.family()) || fact.is_gone(key, self.observed) => None,
            WhyUndeclared::Released { until: None } if !matches!(key, Key::Member(_)) => None,
            WhyUndeclared::Released { .. } | WhyUndeclared::Dropped => {
                let revision = &self.undeclared_reasons.declaration().revision;
                let dropped = fact.dropped.clone().or_else(|| Some(revision.clone()));
                Some(RememberedFact { dropped, ..fact.clone() })
            }
        }
    }
}

/// A permission that is not declared any more stays remembered until a read shows it taken back.
fn with_granted(value: Value, known: &RememberedFact, seen: &RoleSpec) -> Value {
    let Value::Role(mut spec) = value else { return value };
    let kept: BTreeMap<_, _> = known
        .granted_permissions(seen)
        .filter_map(|name| seen.permissions.get(name).map(|level| (name.clone(), level.clone())))
        .collect();
    for (name, level) in kept {
        spec.permissions.entry(name).or_insert(level);
    }
    Value::Role(spec)
}

/// Names and write-only values are named once when they are not declared any more, and never changed.
pub(in crate::plan) fn is_named_only(family: Family) -> bool {
    matches!(family, Family::Names | Family::Profile | Family::DataTables)
}
