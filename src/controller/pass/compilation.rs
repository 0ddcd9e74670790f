//! The objects of a view become what is desired of the account, less the objects whose names have moved. Pure.

use super::pins;
use super::readiness::Readiness;
use super::reason::ConditionReason;
use super::view::{ObjectRef, View};
use super::view_to_manifests::manifests;
use crate::facts::World;
use crate::manifest::{Compiled, Manifests, compile};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What the objects of a view come to.
#[derive(Debug)]
pub(super) struct Compilation {
    /// The checked objects.
    pub(super) manifests: Manifests,
    /// What is desired, and how much may be done for it.
    pub(super) compiled: Compiled,
    /// Objects that are left out because a name in them has moved, and why.
    pub(super) moved: Vec<(ObjectRef, String)>,
}

impl Compilation {
    /// Checks and compiles all objects of a view.
    pub(super) fn new(view: &View, now: Timestamp) -> Result<Self, Readiness> {
        let manifests = manifests(view);
        let compiled = compile(&manifests, Some(&view.account.meta.object.name), now)
            .map_err(|error| Readiness::new(ConditionReason::Invalid, error.to_string()))?;
        Ok(Self { manifests, compiled, moved: Vec::new() })
    }

    /// Leaves out the objects whose names now mean something else. Lists that these objects are part of stop being
    /// authoritative, so nothing is pruned from them.
    pub(super) fn without_moved(self, view: &View, world: &World, now: Timestamp) -> Self {
        let moved: Vec<(ObjectRef, String)> =
            view.objects().filter_map(|object| pins::moved(object, world)).collect();
        let Some((first, why)) = moved.first() else { return self };
        let left_out: BTreeSet<&ObjectRef> = moved.iter().map(|(object, _)| object).collect();
        let is_in = |object: &ObjectRef| !left_out.contains(object);
        let rest = View {
            objects: view.objects.iter().filter(|object| is_in(&object.meta.object)).cloned().collect(),
            gap: Some(format!("{first}: {why}")),
            ..view.clone()
        };
        match Self::new(&rest, now) {
            Ok(Self { manifests, compiled, moved: _ }) => Self { manifests, compiled, moved },
            // The account is the same as before, so compiling does not fail.
            Err(_) => Self { moved, ..self },
        }
    }
}
