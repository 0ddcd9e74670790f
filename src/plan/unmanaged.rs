//! Facts that are not declared; and which of them count nowhere: what a `KoreBaseline` lists, and what no manifest can
//! declare.

use super::model::{Plan, Risk};
use super::resolve::Wanted;
use crate::facts::{self, Acknowledged, Extent, Key, KeyRecord, Source, World};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A fact that is observed and not declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unmanaged {
    /// The fact that is not declared.
    #[schemars(with = "KeyRecord")]
    pub subject: Key,
    /// Why it is not removed: `ownership`, an incomplete list, or held through a group.
    pub why: String,
    /// How much harm its holder could do.
    pub risk: Risk,
    /// Why it counts nowhere; a fact without this one counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated: Option<Tolerated>,
}

/// Why a fact that is not declared counts nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Tolerated {
    /// A `KoreBaseline` lists it.
    Acknowledged {
        /// The day since which it is known.
        since: String,
        /// The line that lists it.
        source: Source,
    },
    /// No manifest can declare it: Bot Owner, and people whose address another user has in other letters.
    Undeclarable,
}

impl Plan {
    /// What no manifest asks for, less what a baseline lists and what no manifest can declare.
    pub fn open_unmanaged(&self) -> impl Iterator<Item = &Unmanaged> + Clone {
        self.unmanaged.iter().filter(|fact| fact.tolerated.is_none())
    }
}

/// Why an undeclared fact counts nowhere, if it does not.
pub(super) fn why_tolerated(key: &Key, wanted: &Wanted, observed: &World) -> Option<Tolerated> {
    let is_owner = key.role().is_some_and(|(_, role)| role.is_bot_owner());
    let has_twins = || {
        let entry = key.email().and_then(|email| observed.directory.users.get(email));
        entry.is_some_and(|entry| entry.spellings.len() > 1)
    };
    if is_owner || has_twins() {
        return Some(Tolerated::Undeclarable);
    }
    let Acknowledged { since, source } = wanted.baseline.get(key)?;
    Some(Tolerated::Acknowledged { since: since.clone(), source: source.clone() })
}

/// One warning a document that lists what is not unmanaged any more. Says nothing of an account that was read in part.
pub(super) fn stale(unmanaged: &[Unmanaged], wanted: &Wanted, observed: &World) -> Vec<String> {
    if observed.coverage.listings.values().any(|extent| *extent != Extent::Complete) {
        return Vec::new();
    }
    let found: BTreeSet<&Key> = unmanaged.iter().map(|fact| &fact.subject).collect();
    let resolved = wanted.baseline.iter().filter(|(key, _)| !found.contains(key)).map(|(_, known)| known);
    let mut stale: BTreeMap<String, (usize, &Acknowledged)> = BTreeMap::new();
    for known in resolved.chain(&wanted.lost_baseline) {
        stale.entry(known.source.place.document()).or_insert((0, known)).0 += 1;
    }
    let warning = |(_, (count, first)): (String, (usize, &Acknowledged))| {
        format!(
            "{} of a KoreBaseline: declared by now, or not in the account any more; `koreconcile baseline` writes it \
             anew ({})",
            facts::count(count, "fact"),
            first.source
        )
    };
    stale.into_iter().map(warning).collect()
}
