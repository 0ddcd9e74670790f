//! The objects of a view become manifests. An object that is being deleted declares nothing; one that cannot be read
//! makes the manifests incomplete. Pure.

use super::view::{Declared, View};
use crate::facts::{Completeness, Location, Source};
use crate::manifest::kinds::Kind;
use crate::manifest::{Manifests, from_cluster};

/// Checked manifests of one account, the oldest object first: of two that exclude each other the older one is in force.
pub(super) fn manifests(view: &View) -> Manifests {
    let mut objects: Vec<&Declared> = view.live_objects().collect();
    objects.sort_by(|left, right| {
        let (left, right) = (&left.meta, &right.meta);
        (left.created, &left.object).cmp(&(right.created, &right.object))
    });
    let declared = objects.into_iter().map(Declared::manifest);
    let mut manifests = from_cluster(std::iter::once(view.account.manifest()).chain(declared).collect());
    let completeness = missing(view).map_or(Completeness::Complete, Completeness::Partial);
    manifests.set_completeness(&view.account.meta.object.name, completeness);
    manifests
}

/// Why the objects are not everything that is declared, if they are not. Nothing is pruned or retired meanwhile.
pub(super) fn missing(view: &View) -> Option<String> {
    if view.account.meta.deleted.is_some() {
        return Some(format!("{} is being deleted", view.account.meta.object));
    }
    let broken = || {
        let broken = view.broken.first()?;
        Some(format!("{} cannot be read: {}", broken.meta.object, broken.why))
    };
    view.gap.clone().or_else(broken)
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
