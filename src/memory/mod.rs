//! The stored form of a [`Memory`]: a head, the facts in parts by a hash of their subject, and a seal over all of them.
//!
//! Both the git reference of a pipeline and the `ConfigMap`s of a cluster hold a memory in this form, so an edit
//! changes the one part that its fact is in. Where the parts are, and who may replace them, is decided elsewhere.

mod seal;

pub use seal::{Seal, Tampered};

use crate::facts::Key;
use crate::plan::{Memory, RememberedFact};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The variable with the key of the seal.
pub const KEY_VARIABLE: &str = "KORECONCILE_MEMORY_KEY";
/// The key before it, while it is being replaced.
pub const PREVIOUS_KEY_VARIABLE: &str = "KORECONCILE_MEMORY_KEY_PREVIOUS";

/// The part with everything but the facts.
pub const HEAD: &str = "memory.json";
const FACTS: &str = "facts-";

/// Named texts: one line of JSON each.
pub type Parts = BTreeMap<String, String>;

/// The memory in one head and at most `parts` parts of facts.
///
/// # Errors
/// When a value cannot be written as JSON.
pub fn split(memory: &Memory, parts: u16) -> Result<Parts, serde_json::Error> {
    let json = |value: &Memory| Ok(serde_json::to_string(value)? + "\n");
    let head = Memory { facts: Vec::new(), ..memory.clone() };
    let mut facts: BTreeMap<u16, Vec<(Key, RememberedFact)>> = BTreeMap::new();
    for (key, fact) in &memory.facts {
        facts.entry(part_of(key, parts)).or_default().push((key.clone(), fact.clone()));
    }
    let mut split = BTreeMap::from([(HEAD.to_owned(), json(&head)?)]);
    for (part, facts) in facts {
        split.insert(format!("{FACTS}{part:02}.json"), json(&Memory { facts, ..Memory::default() })?);
    }
    Ok(split)
}

/// The memory of its parts; other texts are passed over.
///
/// # Errors
/// When a part is not what [`split`] writes.
pub fn join(parts: &Parts) -> Result<Memory, serde_json::Error> {
    let head: Memory = serde_json::from_str(parts.get(HEAD).map_or("{}", String::as_str))?;
    let mut facts: Vec<(Key, RememberedFact)> = Vec::new();
    for (_, text) in parts.iter().filter(|(name, _)| name.starts_with(FACTS)) {
        let part: Memory = serde_json::from_str(text)?;
        facts.extend(part.facts);
    }
    facts.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(Memory { facts, ..head })
}

fn part_of(key: &Key, parts: u16) -> u16 {
    let hash = Sha256::digest(key.to_string());
    let number = hash.iter().take(2).fold(0_u16, |number, byte| (number << 8) | u16::from(*byte));
    number % parts.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Email, Membership, Value};

    fn memory(people: usize) -> Memory {
        let facts = (0..people).map(|at| {
            let email = Email::observed(&format!("u{at}@example.com"));
            (Key::Member(email), RememberedFact::asked(Value::Member(Membership::Joined)))
        });
        let mut facts: Vec<_> = facts.collect();
        facts.sort_by(|(left, _), (right, _)| left.cmp(right));
        Memory { facts, generation: 7, ..Memory::default() }
    }

    #[test]
    fn what_is_split_is_joined() {
        for (people, parts) in [(0, 1), (1, 64), (300, 1), (300, 64)] {
            let memory = memory(people);
            let split = split(&memory, parts).unwrap();
            assert!(split.len() <= usize::from(parts) + 1);
            assert_eq!(join(&split).unwrap(), memory);
        }
        assert!(join(&Parts::from([(HEAD.to_owned(), "no".to_owned())])).is_err());
    }

    #[test]
    fn one_more_fact_changes_one_part() {
        let (before, after) = (split(&memory(300), 64).unwrap(), split(&memory(301), 64).unwrap());
        let changed = after.iter().filter(|(name, text)| before.get(*name) != Some(text)).count();
        assert_eq!(changed, 1);
    }
}
