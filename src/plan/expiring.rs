//! Grants that end by themselves: those that end soon, and those that just have.

use crate::facts::{Key, KeyRecord, Source, Verdict, Want};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How long before its end a grant is listed, unless a run asks for more or less.
pub(super) const AHEAD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long after its end it is still listed.
const BEHIND: SignedDuration = SignedDuration::from_hours(24);

/// A grant that ends soon, or has just ended. It is listed with the plan, and is not part of its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ending {
    /// When the grant ends or ended, in RFC 3339.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Whether that time has passed.
    pub has_ended: bool,
    /// The fact that the grant declares.
    #[schemars(with = "KeyRecord")]
    pub subject: Key,
    /// Why it was granted, as its manifest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reason: Option<Arc<str>>,
    /// The lines that grant it.
    pub sources: Vec<Source>,
}

/// The next end first, after those that are over.
pub(super) fn collect(wants: &[(Key, Want)], within: SignedDuration, now: Timestamp) -> Vec<Ending> {
    let mut endings: Vec<Ending> = wants
        .iter()
        .filter_map(|(key, want)| {
            let at = want.until?;
            let ahead = at.duration_since(now);
            let is_near = match want.verdict {
                Verdict::Present(_) => ahead <= within,
                Verdict::Absent => ahead.abs() <= BEHIND,
            };
            let (has_ended, sources) = (want.verdict == Verdict::Absent, want.sources.clone());
            is_near.then(|| Ending {
                at,
                has_ended,
                subject: key.clone(),
                reason: want.reason.clone(),
                sources,
            })
        })
        .collect();
    endings.sort_by(|left, right| left.at.cmp(&right.at).then_with(|| left.subject.cmp(&right.subject)));
    endings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Email, Holder, Value};

    #[test]
    fn a_grant_is_told_from_seven_days_before_its_end_to_a_day_after() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let wants: Vec<(Key, Want)> = [-30, -23, 1, 7 * 24, 8 * 24]
            .into_iter()
            .enumerate()
            .map(|(index, hours)| {
                let email = Email::observed(&format!("p{index}@example.com"));
                let at = now.checked_add(SignedDuration::from_hours(hours)).unwrap();
                let verdict = if hours > 0 { Verdict::Present(Value::Held) } else { Verdict::Absent };
                let want = Want { verdict, sources: Vec::new(), until: Some(at), reason: None };
                (Key::AdminRole(Holder::User(email), "Auditor".into()), want)
            })
            .collect();
        let told: Vec<(String, bool)> = collect(&wants, AHEAD, now)
            .into_iter()
            .map(|ending| (ending.subject.email().unwrap().to_string(), ending.has_ended))
            .collect();
        let expected = [("p1@example.com", true), ("p2@example.com", false), ("p3@example.com", false)];
        assert_eq!(told, expected.map(|(email, has_ended)| (email.to_owned(), has_ended)));
    }
}
