//! Ends of grants: which changes have one, which removals only the clock has asked for, and what is over by the memory
//! alone.

use super::memory::RememberedFact;
use super::model::{Action, Change, ChangeId};
use super::{Context, TrustedEnds};
use crate::facts::{self, Key, Verdict, Want};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Writes into each change when what it is about ends, and why it was granted: what is declared, and of what is not
/// declared any more, what was.
pub(super) fn tell(changes: &mut [Change], wants: &[(Key, Want)], recalled: &[(Key, RememberedFact)]) {
    for change in changes {
        let (until, reason) = match (facts::find(wants, &change.key), facts::find(recalled, &change.key)) {
            (Some(want), _) => (want.until, want.reason.clone()),
            (None, Some(fact)) => (fact.until, fact.reason.clone()),
            (None, None) => continue,
        };
        (change.until, change.reason) = (until, reason);
    }
}

/// Removals that the clock alone has asked for.
pub(super) fn by_clock(
    changes: &[Change],
    recalled: &[(Key, RememberedFact)],
    context: &Context,
) -> BTreeSet<ChangeId> {
    let is_by_clock = |change: &&Change| {
        let Some(until) = change.until.filter(|_| change.action == Action::Remove) else { return false };
        match context.trusted_ends {
            TrustedEnds::Declared => true,
            TrustedEnds::Remembered => {
                facts::find(recalled, &change.key).is_some_and(|fact| fact.was_ended_by_clock(until))
            }
        }
    };
    changes.iter().filter(is_by_clock).map(|change| change.id.clone()).collect()
}

/// What is to be known about ends beside the changes: those that were past when they were first seen, and what they
/// are judged by.
pub(super) fn warnings(
    changes: &[Change],
    by_clock: &BTreeSet<ChangeId>,
    wants: &[(Key, Want)],
    context: &Context,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let unknown: Vec<&Change> =
        changes.iter().filter(|change| change.has_ended() && !by_clock.contains(&change.id)).collect();
    if let Some(first) = unknown.first() {
        let more = match unknown.len() {
            1 => String::new(),
            many => format!(" (and {} more like it)", many - 1),
        };
        let end = first.until.map(moment).unwrap_or_default();
        warnings.push(format!(
            "{}: no run has applied it with the end {end}, which has passed; it is an ordinary removal{more}",
            super::render::named(&context.memory.bots, &first.key)
        ));
    }
    let has_ends = || wants.iter().any(|(_, want)| want.until.is_some());
    if let Some(doubt) = context.clock.doubt().filter(|_| has_ends()) {
        warnings.push(format!("ends of grants are judged by the clock of this machine: {doubt}"));
    }
    warnings
}

/// What is over.
pub(super) struct Over {
    /// To be taken away.
    pub wants: Vec<(Key, Want)>,
    /// Kept, and why.
    pub prolonged: Vec<String>,
}

/// Facts that the memory knows with an end that has passed, sorted by key.
pub(super) fn over(recalled: &[(Key, RememberedFact)], declared: &[(Key, Want)], now: Timestamp) -> Over {
    let mut over = Over { wants: Vec::new(), prolonged: Vec::new() };
    for (key, fact) in recalled {
        let Some(until) = fact.until.filter(|until| *until <= now) else { continue };
        match facts::find(declared, key).map(|want| &want.verdict) {
            Some(Verdict::Present(_)) => over.prolonged.push(format!(
                "{key}: its end {} has passed, and the manifests have another by now, which no run has applied; it is kept",
                moment(until)
            )),
            Some(Verdict::Absent) | None => {
                let want = Want {
                    verdict: Verdict::Absent,
                    sources: fact.sources.clone(),
                    until: Some(until),
                    reason: fact.reason.clone(),
                };
                over.wants.push((key.clone(), want));
            }
        }
    }
    over
}

/// `2027-01-20 18:00 UTC`
pub(super) fn moment(at: Timestamp) -> String {
    if at == Timestamp::MAX {
        // As it was written: it is how databases write "never".
        return "9999-12-31 23:59:59 UTC".to_owned();
    }
    let format = if at.as_second() % 60 == 0 { "%Y-%m-%d %H:%M UTC" } else { "%Y-%m-%d %H:%M:%S UTC" };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_seconds_only_where_they_matter() {
        for (at, shown) in [
            ("2027-01-20T18:00:00Z", "2027-01-20 18:00 UTC"),
            ("2027-01-20T18:00:05Z", "2027-01-20 18:00:05 UTC"),
            ("9999-12-30T22:00:00.999999999Z", "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(moment(at.parse().unwrap()), shown);
        }
    }
}
