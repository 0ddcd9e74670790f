//! What applying a plan costs, before anything is sent: calls by endpoint, and minutes under the rate windows.

use super::model::{Change, ChangeId, Cost, Plan};
use super::pack::Call;
use crate::facts::{Email, Holder, Key, Policy, RateLimit};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Prices the calls of a plan. `look_up_size` is how many people one look-up answers for, as the read has proved.
pub fn price(plan: &Plan, calls: &[Call], policy: &Policy, look_up_size: usize) -> Cost {
    let by_id: HashMap<&ChangeId, &Change> = plan.changes.iter().map(|change| (&change.id, change)).collect();
    let mut writes: BTreeMap<String, usize> = BTreeMap::new();
    let mut people: BTreeSet<&Email> = BTreeSet::new();
    let (mut has_roles, mut has_groups) = (false, false);
    for call in calls {
        *writes.entry(call.kind.label().to_owned()).or_default() += call.kind.requests();
        for change in call.changes().filter_map(|id| by_id.get(id)) {
            people.extend(change.key.email());
            has_roles |= matches!(change.key, Key::RoleDefinition(..));
            has_groups |= matches!(change.key.holder(), Some(Holder::Group(_)));
        }
    }
    let sent: usize = writes.values().sum();
    if sent == 0 {
        return Cost::default();
    }
    // Each person is looked up before and after; roles are exported before and after an import, both types.
    let others = usize::from(has_roles) * 4 + usize::from(has_groups) * 2;
    let look_ups = |size: usize| people.len().div_ceil(size.max(1));
    let reads = (2 * look_ups(look_up_size) + others, 3 * look_ups(policy.batch_size.0) + 2 * others);
    let calls = (sent + reads.0, sent + reads.1);
    Cost { writes, reads, calls, minutes: (minutes(calls.0, policy.rate), minutes(calls.1, policy.rate)) }
}

/// Whole minutes that so many calls wait, from an unused budget: the minute window, and beyond an hour's worth the
/// hour window.
pub fn minutes(calls: usize, rate: RateLimit) -> usize {
    let last = calls.saturating_sub(1);
    let hour = rate.usable_per_hour() as usize;
    let hours = last / hour;
    hours * 60 + (last % hour) / rate.usable_per_minute() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_starts_with_the_first_call_over_a_window() {
        let rate = RateLimit { per_minute: 60, per_hour: 1800, reserve: 6, read_share: 50 };
        for (calls, expected) in [(0, 0), (1, 0), (54, 0), (55, 1), (109, 2), (1794, 33), (1795, 60)] {
            assert_eq!(minutes(calls, rate), expected, "{calls} calls");
        }
    }
}
