//! Looking things up in facts that are sorted by key.

use super::{Email, Family, Key};

/// What is said of that key.
pub fn find<'a, B: Ord, V>(sorted: &'a [(Key<B>, V)], key: &Key<B>) -> Option<&'a V> {
    sorted.binary_search_by(|(candidate, _)| candidate.cmp(key)).ok().map(|at| &sorted[at].1)
}

/// The facts of one family: they stand together, because families are in the order of keys.
pub fn of_family<B, V>(sorted: &[(Key<B>, V)], family: Family) -> &[(Key<B>, V)] {
    let start = sorted.partition_point(|(key, _)| key.family() < family);
    let rest = &sorted[start..];
    &rest[..rest.partition_point(|(key, _)| key.family() == family)]
}

/// What one person may use.
pub fn assignments_of<'a, B, V>(sorted: &'a [(Key<B>, V)], email: &Email) -> &'a [(Key<B>, V)] {
    let assigned = of_family(sorted, Family::Assignments);
    let start = assigned.partition_point(|(key, _)| key.email() < Some(email));
    let rest = &assigned[start..];
    &rest[..rest.partition_point(|(key, _)| key.email() == Some(email))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{BotId, Holder};

    fn sorted() -> Vec<(Key, u32)> {
        let email = Email::observed;
        let mut facts: Vec<Key> = vec![
            Key::Member(email("a@example.com")),
            Key::Member(email("b@example.com")),
            Key::AdminRole(Holder::User(email("a@example.com")), "Auditor".into()),
            Key::AdminRole(Holder::Group("Ops".into()), "Auditor".into()),
            Key::Assigned(email("a@example.com"), BotId::new("st-1")),
            Key::Assigned(email("b@example.com"), BotId::new("st-1")),
            Key::Assigned(email("b@example.com"), BotId::new("st-2")),
            Key::Assigned(email("c@example.com"), BotId::new("st-1")),
        ];
        facts.sort();
        facts.into_iter().zip(0..).collect()
    }

    #[test]
    fn ranges_and_single_facts_are_those_that_a_scan_finds() {
        let sorted = sorted();
        for (key, value) in &sorted {
            assert_eq!(find(&sorted, key), Some(value));
        }
        assert_eq!(find(&sorted, &Key::Names(Email::observed("a@example.com"))), None);
        for family in Family::ALL {
            let scanned: Vec<_> = sorted.iter().filter(|(key, _)| key.family() == family).collect();
            assert_eq!(of_family(&sorted, family).iter().collect::<Vec<_>>(), scanned, "{family:?}");
        }
        for (person, count) in [("a", 1), ("b", 2), ("c", 1), ("d", 0)] {
            let email = Email::observed(&format!("{person}@example.com"));
            assert_eq!(assignments_of(&sorted, &email).len(), count, "{person}");
        }
    }
}
