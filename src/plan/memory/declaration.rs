//! What a plan has to know about the manifests besides what they want: which objects are loaded, and what became of
//! those that the memory names and that are not.

use super::fact::{DeclaringObject, RememberedFact, Revision};
use crate::facts::{
    BotId, BotRef, Completeness, DeletionPolicy, Gap, Key, LoadedObjects, ObjectRef, Source, Want,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The manifests of one plan, as the memory needs to know them.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    /// When they were loaded, and their commit.
    pub revision: Revision,
    /// What is loaded.
    pub objects: LoadedObjects,
    /// Objects that exist and are not loaded, and where they are.
    pub not_loaded: BTreeMap<ObjectRef, String>,
    /// What manifests ask for that exist and are not loaded.
    pub elsewhere: Vec<(Key<BotRef>, Want)>,
    /// Commits that the memory names and that these manifests do not contain: they are newer, or of another branch.
    pub newer: BTreeSet<String>,
    /// Objects that are let go of when they are deleted (`koreconcile.dev/orphan`).
    pub orphaned: BTreeSet<ObjectRef>,
    /// What is loaded is everything, whatever else exists (`--complete`).
    pub is_whole: bool,
    /// When each object was edited last, where that is known (controller).
    pub edited: BTreeMap<ObjectRef, Timestamp>,
}

impl Declaration {
    /// When one of the objects that these lines are in was edited last.
    pub(in crate::plan) fn edited_at(&self, sources: &[Source]) -> Option<Timestamp> {
        let objects = sources.iter().filter_map(|source| self.objects.at(source));
        objects.filter_map(|loaded| self.edited.get(&loaded.object)).max().copied()
    }

    /// The objects that a fact's lines are in.
    pub(super) fn declaring(&self, sources: &[Source]) -> Vec<DeclaringObject> {
        let mut objects: Vec<_> = sources
            .iter()
            .filter_map(|source| self.objects.at(source))
            .map(|loaded| DeclaringObject {
                object: loaded.object.clone(),
                deletion_policy: loaded.deletion_policy,
                is_orphaned: self.orphaned.contains(&loaded.object),
            })
            .collect();
        objects.sort();
        objects.dedup();
        // There are as many of these lists as facts, most of one object.
        objects.shrink_to_fit();
        objects
    }
}

/// What has become of the lines that declared a fact, now that none does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::plan) enum WhyUndeclared {
    /// The line is gone, and its object is still there; or the object is gone and takes back what it gave.
    Dropped,
    /// The object is gone and was to leave behind what it gave; a grant with an end stays until then.
    Released {
        /// When it ends.
        until: Option<Timestamp>,
    },
    /// It is declared by what exists and is not loaded: where.
    NotLoaded(String),
    /// It was declared by a commit that these manifests do not contain.
    Newer(String),
    /// Something that should have been loaded was not, and what: it may declare the fact.
    Incomplete(String),
    /// The object that may declare it is paused.
    Paused,
    /// It is declared, and a name in it means nothing now.
    Unresolved,
}

/// What is known of the facts that are not declared.
#[derive(Debug, Default)]
pub(in crate::plan) struct UndeclaredReasons {
    declaration: Declaration,
    completeness: Completeness,
    /// Objects with errors, and what they could have spoken about.
    gaps: Arc<[Gap<BotId>]>,
    /// Facts of manifests that are not loaded, and their first line.
    elsewhere: BTreeMap<Key, String>,
    /// Declared facts of which a name did not resolve, without their bots.
    unresolved: BTreeSet<Key<()>>,
}

impl UndeclaredReasons {
    pub(in crate::plan) fn new(
        declaration: Declaration,
        completeness: Completeness,
        gaps: Arc<[Gap<BotId>]>,
        elsewhere: BTreeMap<Key, String>,
        unresolved: BTreeSet<Key<()>>,
    ) -> Self {
        Self { declaration, completeness, gaps, elsewhere, unresolved }
    }

    /// Declared facts of which a name did not resolve, without their bots.
    pub(in crate::plan) fn unresolved(&self) -> &BTreeSet<Key<()>> {
        &self.unresolved
    }

    pub(in crate::plan) fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// Why a remembered fact is not declared.
    pub(in crate::plan) fn why(&self, key: &Key, fact: &RememberedFact) -> WhyUndeclared {
        if key.clone().with_bot(|_| Some(())).is_some_and(|key| self.unresolved.contains(&key)) {
            return WhyUndeclared::Unresolved;
        }
        if let Completeness::Partial(why) = &self.completeness {
            return WhyUndeclared::Incomplete(why.clone());
        }
        let may_be_meant = |gap: &&Gap<BotId>| {
            gap.touches(key) || fact.objects.iter().any(|declaring| declaring.object == gap.object)
        };
        if let Some(gap) = self.gaps.iter().find(may_be_meant) {
            // An end that was applied holds, whatever is not known of its object.
            let why = || {
                if gap.is_pause { WhyUndeclared::Paused } else { WhyUndeclared::Incomplete(gap.why.clone()) }
            };
            let has_ended = fact.until.is_some_and(|until| until <= self.declaration.revision.at);
            return if has_ended { WhyUndeclared::Dropped } else { why() };
        }
        if let Some(commit) =
            fact.since.commit.as_ref().filter(|commit| self.declaration.newer.contains(*commit))
        {
            return WhyUndeclared::Newer(commit.clone());
        }
        let declaration = &self.declaration;
        if !declaration.is_whole {
            if let Some(place) = self.elsewhere.get(key) {
                return WhyUndeclared::NotLoaded(place.clone());
            }
            let known = |object: &ObjectRef| declaration.objects.contains(object);
            let place = fact.objects.iter().find_map(|declaring| {
                declaration.not_loaded.get(&declaring.object).filter(|_| !known(&declaring.object))
            });
            if let Some(place) = place {
                return WhyUndeclared::NotLoaded(place.clone());
            }
        }
        // The policy of a user is about the person and their names; what it grants beside goes with the line.
        let is_about_person = matches!(key, Key::Member(_) | Key::Names(_));
        let is_kept = |declaring: &DeclaringObject| {
            declaring.is_orphaned
                || declaring.deletion_policy == DeletionPolicy::Retain
                    && (is_about_person || &*declaring.object.kind != "KoreUser")
        };
        let is_released = |declaring: &DeclaringObject| {
            is_kept(declaring) && !declaration.objects.contains(&declaring.object)
        };
        if fact.objects.is_empty() || !fact.objects.iter().all(is_released) {
            return WhyUndeclared::Dropped;
        }
        match fact.until {
            Some(until) if until <= declaration.revision.at => WhyUndeclared::Dropped,
            until => WhyUndeclared::Released { until },
        }
    }
}
