//! Exceptions: what they cover is no violation until they end.

use super::Policies;
use super::judge::Breach;
use super::picture::Picture;
use super::select::Selection;
use crate::facts::{RuleException, RuleMatch};
use jiff::Timestamp;

/// The breaches that no exception covers, and the live exceptions that cover none.
pub(super) fn apply(
    policies: &Policies,
    picture: &Picture,
    breaches: Vec<Breach>,
    now: Timestamp,
) -> (Vec<Breach>, Vec<RuleException>) {
    let (matched, unused) = matched(policies, picture, breaches, now);
    let left = matched.into_iter().filter(|(_, exception)| exception.is_none());
    (left.map(|(breach, _)| breach).collect(), unused)
}

/// All breaches, each with the live exception that covers it and ends last, and the live exceptions that cover none.
pub(super) fn matched<'p>(
    policies: &'p Policies,
    picture: &Picture,
    breaches: Vec<Breach>,
    now: Timestamp,
) -> (Vec<(Breach, Option<&'p RuleException>)>, Vec<RuleException>) {
    let live: Vec<&RuleException> =
        policies.exceptions.iter().filter(|exception| exception.is_live(now)).collect();
    let selections: Vec<Selection<'_>> =
        live.iter().map(|exception| Selection::new(&exception.about, picture)).collect();
    let mut is_used = vec![false; live.len()];
    let mut matched = Vec::with_capacity(breaches.len());
    for breach in breaches {
        let mut covering: Option<&RuleException> = None;
        for (at, (exception, selection)) in live.iter().copied().zip(&selections).enumerate() {
            if exception.policy == breach.policy && covers(&exception.about, selection, picture, &breach) {
                if covering.is_none_or(|known| known.expires_at < exception.expires_at) {
                    covering = Some(exception);
                }
                is_used[at] = true;
            }
        }
        matched.push((breach, covering));
    }
    let unused = live.into_iter().zip(is_used).filter(|(_, is_used)| !is_used);
    (matched, unused.map(|(exception, _)| exception.clone()).collect())
}

/// Whether one exception covers one breach. What it names must be in the breach; a part that it leaves out covers all.
fn covers(about: &RuleMatch, selection: &Selection<'_>, picture: &Picture, breach: &Breach) -> bool {
    let RuleMatch { emails, email_domains, not_email_domains, groups, roles, bots, risk } = about;
    let names_people =
        !(emails.is_empty() && email_domains.is_empty() && not_email_domains.is_empty() && groups.is_empty());
    let has_person = breach.people.iter().any(|person| selection.has_person(&picture.people[*person]));
    if names_people && !has_person {
        return false;
    }
    let names_grants = !(roles.is_empty() && bots.is_empty() && risk.is_empty());
    !names_grants || breach.grants.iter().any(|(person, grant)| selection.has_grant(picture, *person, *grant))
}
