//! Manifests make claims about facts; here the claims about one fact become one want.
//!
//! Present against absent, for the same fact:
//!
//! | absent \ present | by name | through a team |
//! |---|---|---|
//! | written | contradiction: an error that shows both places | absent |
//! | expired | present | present |

use crate::facts::{BotRef, DialogSet, Email, Family, Key, Location, Source, Value, Verdict, Want};
use crate::manifest::finding::{Code, Finding, Span, Spot};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What one line says about one fact.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// The fact.
    pub(super) key: Key<BotRef>,
    /// What is said of it.
    pub(super) stance: Stance,
    /// The line. It has a team exactly when the fact's subject was reached through one.
    pub(super) source: Source,
    /// When a grant ends, or ended.
    pub(super) until: Option<Timestamp>,
    /// Why it is granted.
    pub(super) reason: Option<Arc<str>>,
}

/// What is said of a fact.
#[derive(Clone, Debug)]
pub(super) enum Stance {
    /// It must hold.
    Present(Value),
    /// It must not hold: a line declares it absent.
    Absent,
    /// Its grant has expired.
    Expired,
}

/// All claims, by family: the order of families is the order of keys, and each family is sorted and let go by itself.
#[derive(Debug, Default)]
pub(super) struct Claims {
    by_family: BTreeMap<Family, Vec<Claim>>,
}

impl Claims {
    /// Adds one.
    pub(super) fn push(&mut self, claim: Claim) {
        self.by_family.entry(claim.key.family()).or_default().push(claim);
    }
}

/// The wants, sorted, and what contradicts itself.
pub(super) fn settle(claims: Claims) -> (Vec<(Key<BotRef>, Want)>, Vec<Finding>) {
    // One fact for each claim, mostly: a list that grew would be there twice while it is copied.
    let count = claims.by_family.values().map(Vec::len).sum();
    let mut wants: Vec<(Key<BotRef>, Want)> = Vec::with_capacity(count);
    let mut findings = Vec::new();
    // Membership comes before everything else about a person, so whoever must be gone is known in time.
    let mut gone: BTreeMap<Email, Source> = BTreeMap::new();
    for mut claims in claims.by_family.into_values() {
        claims.sort_unstable_by(|left, right| left.key.cmp(&right.key));
        let mut claims = claims.into_iter().peekable();
        let mut group: Vec<Claim> = Vec::new();
        while let Some(claim) = claims.next() {
            let key = claim.key.clone();
            group.clear();
            group.push(claim);
            while let Some(next) = claims.next_if(|next| next.key == key) {
                group.push(next);
            }
            if !gone.is_empty()
                && let Some(gone_at) = key.email().and_then(|email| gone.get(email))
            {
                group.retain(|claim| keep_of_absent(claim, gone_at, &mut findings));
            }
            let Some(want) = settle_one(&mut group, &mut findings) else { continue };
            if let (Key::Member(email), Verdict::Absent) = (&key, &want.verdict) {
                gone.insert(email.clone(), want.sources[0].clone());
            }
            wants.push((key, want));
        }
    }
    (wants, findings)
}

/// A user declared absent gets nothing through a team; a grant by name is an error.
fn keep_of_absent(claim: &Claim, gone_at: &Source, findings: &mut Vec<Finding>) -> bool {
    let Stance::Present(_) = claim.stance else { return true };
    if claim.source.team.is_none() {
        let message = format!("{}: this user is declared absent", claim.key);
        findings.push(
            Finding::new(Code::AbsentPerson, spot(&claim.source), message)
                .hint("delete the grant, or keep the user")
                .related(spot(gone_at), "declared absent here"),
        );
    }
    false
}

fn settle_one(group: &mut Vec<Claim>, findings: &mut Vec<Finding>) -> Option<Want> {
    if group.is_empty() {
        return None;
    }
    // The usual case, without detours: one line, one fact.
    if group.len() == 1 {
        let Claim { key: _, stance, source, until, reason } = group.pop()?;
        let verdict = match stance {
            Stance::Present(value) => Verdict::Present(value),
            Stance::Absent | Stance::Expired => Verdict::Absent,
        };
        return Some(Want { verdict, sources: vec![source], until, reason });
    }
    let named = group
        .iter()
        .filter(|claim| is_present(claim) && claim.source.team.is_none())
        .min_by(|l, r| l.source.cmp(&r.source));
    let written = group
        .iter()
        .filter(|claim| matches!(claim.stance, Stance::Absent))
        .min_by(|l, r| l.source.cmp(&r.source));
    if let (Some(present), Some(absent)) = (named, written) {
        let message = format!("{}: declared present and absent", present.key);
        findings.push(
            Finding::new(Code::Contradiction, spot(&absent.source), message)
                .hint("keep one of the two lines")
                .related(spot(&present.source), "declared present here"),
        );
        return None;
    }
    let wins: fn(&Claim) -> bool = if written.is_some() {
        |claim| matches!(claim.stance, Stance::Absent)
    } else if group.iter().any(is_present) {
        is_present
    } else {
        |_| true
    };
    group.retain(wins);
    let sources: BTreeSet<Source> = group.iter().map(|claim| claim.source.clone()).collect();
    // A grant without an end outlasts every other; else the last end counts, for what is over as well.
    let until = group.iter().map(|claim| claim.until).reduce(|left, right| match (left, right) {
        (Some(left), Some(right)) => Some(left.max(right)),
        _ => None,
    });
    let until = until.flatten();
    let mut verdict = Verdict::Absent;
    group.sort_by(|left, right| left.source.cmp(&right.source));
    let reason = group.iter().filter(|claim| claim.until == until).find_map(|claim| claim.reason.clone());
    for claim in group.drain(..) {
        let Stance::Present(value) = claim.stance else { continue };
        verdict = Verdict::Present(match verdict {
            Verdict::Absent => value,
            Verdict::Present(earlier) => united(earlier, value),
        });
    }
    Some(Want { verdict, sources: sources.into_iter().collect(), until, reason })
}

fn is_present(claim: &Claim) -> bool {
    matches!(claim.stance, Stance::Present(_))
}

/// Grants add up: two assignments of one bot give the dialogs of both. Everything else is said by one object only.
fn united(earlier: Value, later: Value) -> Value {
    match (earlier, later) {
        (Value::Dialogs(earlier), Value::Dialogs(later)) => {
            let only = match (earlier.only, later.only) {
                (Some(mut earlier), Some(later)) => {
                    earlier.extend(later);
                    Some(earlier)
                }
                _ => None,
            };
            Value::Dialogs(DialogSet { only, has_other_tasks: false })
        }
        (
            earlier @ (Value::Held
            | Value::Inherited(_)
            | Value::Member(_)
            | Value::Names(_)
            | Value::Access(_)
            | Value::Dialogs(_)
            | Value::Role(_)
            | Value::Profile(_)
            | Value::DataTables(_)),
            _,
        ) => earlier,
    }
}

/// Where a source is, for a finding.
pub(super) fn spot(source: &Source) -> Spot {
    match &source.place {
        Location::File { file, line, column } => Spot {
            file: std::sync::Arc::clone(file),
            span: Span { line: *line, column: *column, ..Span::default() },
        },
        Location::Resource(_) => Spot { file: source.to_string().into(), span: Span::default() },
    }
}
