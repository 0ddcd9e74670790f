//! The memory as it has to be stored before anything is sent: one merge of what was remembered, what is wanted and what
//! is seen.
//!
//! Nothing leaves it here but what a read has shown gone, or what its object was to leave behind.

use super::declaration::{UndeclaredReasons, WhyUndeclared};
use super::fact::RememberedFact;
use crate::facts::{Family, Key, RoleSpec, Value, Verdict, Want, World};
use crate::plan::resolve::NameIndex;
use jiff::Timestamp;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What is stored, from what was recalled. All three worlds are sorted by key.
pub(in crate::plan) fn next(
    recalled: &[(Key, RememberedFact)],
    wants: &[(Key, Want)],
    observed: &World,
    names: &NameIndex,
    undeclared_reasons: &UndeclaredReasons,
    now: Timestamp,
) -> Vec<(Key, RememberedFact)> {
    let mut next = Vec::with_capacity(wants.len().max(recalled.len()));
    let (mut recalled, mut wants) = (recalled.iter().peekable(), wants.iter().peekable());
    loop {
        let order = match (recalled.peek(), wants.peek()) {
            (Some((known, _)), Some((wanted, _))) => known.cmp(wanted),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return next,
        };
        let known = if order.is_le() { recalled.next() } else { None };
        let want = if order.is_ge() { wants.next() } else { None };
        let fact = match (known, want) {
            (known, Some((key, want))) if matches!(want.verdict, Verdict::Present(_)) => {
                let known = known.map(|(_, fact)| fact);
                Some((key, declared(key, want, known, observed, names, undeclared_reasons, now)))
            }
            (Some((key, fact)), _) => {
                undeclared(key, fact, observed, undeclared_reasons).map(|fact| (key, fact))
            }
            (None, _) => None,
        };
        next.extend(fact.map(|(key, fact)| (key.clone(), fact)));
    }
}

/// A fact that is declared present.
fn declared(
    key: &Key,
    want: &Want,
    known: Option<&RememberedFact>,
    observed: &World,
    names: &NameIndex,
    undeclared_reasons: &UndeclaredReasons,
    now: Timestamp,
) -> RememberedFact {
    let Want { verdict, sources, until, reason } = want;
    let value = match verdict {
        Verdict::Present(value) => value.clone(),
        Verdict::Absent => Value::Held,
    };
    let seen = observed.get(key);
    let is_as_declared = seen.is_some_and(|seen| seen.satisfies(&value));
    let declaration = undeclared_reasons.declaration();
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
        read_back: is_as_declared.then(|| known.and_then(|known| known.read_back).unwrap_or(now)),
        ids: names.pins(key, &observed.directory),
        dropped: None,
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

/// A fact that is not declared present any more; `None` forgets it.
fn undeclared(
    key: &Key,
    fact: &RememberedFact,
    observed: &World,
    undeclared_reasons: &UndeclaredReasons,
) -> Option<RememberedFact> {
    let kept = || Some(fact.clone());
    match undeclared_reasons.why(key, fact) {
        WhyUndeclared::Unresolved
        | WhyUndeclared::NotLoaded(_)
        | WhyUndeclared::Newer(_)
        | WhyUndeclared::Incomplete(_) => kept(),
        _ if is_named_only(key.family()) || fact.is_gone(key, observed) => None,
        WhyUndeclared::Released if !matches!(key, Key::Member(_)) => None,
        WhyUndeclared::Released | WhyUndeclared::Dropped => {
            let revision = &undeclared_reasons.declaration().revision;
            let dropped = fact.dropped.clone().or_else(|| Some(revision.clone()));
            Some(RememberedFact { dropped, ..fact.clone() })
        }
    }
}

/// Names and write-only values are named once when they are not declared any more, and never changed.
pub(in crate::plan) fn is_named_only(family: Family) -> bool {
    matches!(family, Family::Names | Family::Profile | Family::DataTables)
}
