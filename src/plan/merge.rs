//! Three sorted sides, fact by fact: what is declared, what is remembered and what is observed.

use super::memory::RememberedFact;
use crate::facts::{Key, Value, Want};

/// What is declared, remembered and observed of one fact: at least one of them.
pub(super) struct Merged<'a> {
    /// What it is about.
    pub(super) key: &'a Key,
    /// What the manifests say.
    pub(super) want: Option<&'a Want>,
    /// What was asked for earlier.
    pub(super) known: Option<&'a RememberedFact>,
    /// What the account shows.
    pub(super) seen: Option<&'a Value>,
}

/// Each key of the three sides once, in order.
pub(super) fn merge<'a>(
    wants: &'a [(Key, Want)],
    known: &'a [(Key, RememberedFact)],
    facts: &'a [(Key, Value)],
) -> impl Iterator<Item = Merged<'a>> {
    let (mut wants, mut known, mut facts) = (wants.iter(), known.iter(), facts.iter());
    std::iter::from_fn(move || {
        let next = [first(&wants), first(&known), first(&facts)];
        let key = next.into_iter().flatten().min()?;
        Some(Merged {
            key,
            want: next_of(&mut wants, key),
            known: next_of(&mut known, key),
            seen: next_of(&mut facts, key),
        })
    })
}

fn first<'a, V>(rest: &std::slice::Iter<'a, (Key, V)>) -> Option<&'a Key> {
    rest.as_slice().first().map(|(key, _)| key)
}

/// The next value, if it is about this key.
fn next_of<'a, V>(rest: &mut std::slice::Iter<'a, (Key, V)>, key: &Key) -> Option<&'a V> {
    if first(rest)? == key { rest.next().map(|(_, value)| value) } else { None }
}
