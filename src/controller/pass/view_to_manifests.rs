//! The objects of a view become manifests. An object that is being deleted becomes grants that have ended; one that cannot
//! be read makes the manifests incomplete. Pure.

use super::view::{Declared, View};
use crate::facts::{Completeness, Location, Source};
use crate::manifest::kinds::shared::{DeletionPolicy, MembershipMode, State};
use crate::manifest::kinds::{Kind, Spec};
use crate::manifest::{Manifests, from_cluster};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Checked manifests of one account, the oldest object first: of two that exclude each other the older one is in force.
pub(super) fn manifests(view: &View) -> Manifests {
    let mut objects: Vec<&Declared> = view.objects().collect();
    objects.sort_by(|left, right| {
        let (left, right) = (&left.meta, &right.meta);
        (left.created, &left.object).cmp(&(right.created, &right.object))
    });
    let declared = objects.into_iter().filter_map(|object| match object.meta.deleted {
        None => Some(object.manifest()),
        Some(at) => ended(object, at).map(|spec| {
            let meta = &object.meta.object;
            crate::manifest::Manifest::resource(&meta.namespace, &meta.name, spec)
        }),
    });
    let mut manifests = from_cluster(std::iter::once(view.account.manifest()).chain(declared).collect());
    let completeness = missing(view).map_or(Completeness::Complete, Completeness::Partial);
    manifests.set_completeness(&view.account.meta.object.name, completeness);
    manifests
}

/// Why the objects are not everything that is declared, if they are not. Nothing is pruned meanwhile.
pub(super) fn missing(view: &View) -> Option<String> {
    let broken = || {
        let broken = view.broken.first()?;
        Some(format!("{} cannot be read: {}", broken.meta.object, broken.why))
    };
    view.gap.clone().or_else(broken)
}

/// What an object declares while it is being deleted with `deletionPolicy: Remove`: its grants ended when its deletion was
/// requested, so a grant of another object that has not ended outlasts them. `None`: it declares nothing any more.
fn ended(object: &Declared, at: Timestamp) -> Option<Spec> {
    if !object.meta.has_finalizer || object.meta.is_orphaned {
        return None;
    }
    let mut spec = object.spec.clone();
    match &mut spec {
        Spec::Account(_) | Spec::Team(_) | Spec::Role(_) | Spec::Policy(_) | Spec::PolicyException(_) => {
            return None;
        }
        Spec::User(user) => user.state = State::Absent,
        Spec::GroupMembership(group) => {
            group.membership = MembershipMode::Additive;
            group.subjects.iter_mut().for_each(|subject| subject.expires_at = Some(at));
        }
        Spec::RoleBinding(binding) => {
            binding.membership = MembershipMode::Additive;
            binding.subjects.iter_mut().for_each(|subject| subject.expires_at = Some(at));
        }
        Spec::BotAssignment(assignment) => {
            assignment.membership = MembershipMode::Additive;
            assignment.subjects.iter_mut().for_each(|subject| subject.expires_at = Some(at));
        }
    }
    Some(spec)
}

/// Whether deleting the object takes away what it granted.
pub(super) fn removes(spec: &Spec) -> bool {
    let policy = match spec {
        // A team grants nothing by itself, and the platform has no way to delete a role.
        Spec::Account(_) | Spec::Team(_) | Spec::Role(_) | Spec::Policy(_) | Spec::PolicyException(_) => {
            return false;
        }
        Spec::User(spec) => spec.deletion_policy,
        Spec::GroupMembership(spec) => spec.deletion_policy,
        Spec::RoleBinding(spec) => spec.deletion_policy,
        Spec::BotAssignment(spec) => spec.deletion_policy,
    };
    policy == Some(DeletionPolicy::Remove)
}

/// The objects that are being deleted, as sources of changes name them.
pub(super) fn leaving(view: &View) -> BTreeSet<Location> {
    view.objects().filter(|object| object.meta.deleted.is_some()).map(place).collect()
}

/// How sources name an object.
pub(super) fn place(object: &Declared) -> Location {
    object.manifest().source("").place
}

/// The object a source names.
pub(super) fn object_of(source: &Source) -> Option<super::view::ObjectRef> {
    match &source.place {
        Location::Resource { kind, namespace, name } => Some(super::view::ObjectRef {
            kind: Kind::named(kind)?,
            namespace: namespace.clone(),
            name: name.clone(),
        }),
        Location::File { .. } => None,
    }
}
