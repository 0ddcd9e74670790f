//! The objects of a view become manifests. An object that is being deleted declares nothing; one that cannot be used
//! leaves a gap: what it could have spoken about stays. Pure.

use super::mode;
use super::view::{Broken, Declared, ObjectRef, View};
use crate::facts::{Completeness, Location, Resource, Source};
use crate::manifest::kinds::Kind;
use crate::manifest::{Manifests, from_cluster, of_left_out, of_unreadable};

/// Checked manifests of one account, the oldest object first: of two that exclude each other the older one is in force.
/// `left_out`: objects that are in order and not used, and why.
pub(super) fn manifests(view: &View, left_out: &[(ObjectRef, String)]) -> Manifests {
    let is_used = |object: &&Declared| left_out.iter().all(|(other, _)| *other != object.meta.object);
    let (mut objects, unused): (Vec<&Declared>, Vec<&Declared>) = view.live_objects().partition(is_used);
    objects.sort_by(|left, right| {
        let (left, right) = (&left.meta, &right.meta);
        (left.created, &left.object).cmp(&(right.created, &right.object))
    });
    let account = view.account.manifest();
    let declared = objects.into_iter().map(Declared::manifest);
    let mut manifests = from_cluster(std::iter::once(account.clone()).chain(declared).collect());
    let mut missing = whole_gap(view);
    let unused = unused.into_iter().filter_map(|object| {
        let (_, why) = left_out.iter().find(|(other, _)| *other == object.meta.object)?;
        let why = format!("{}: {why}", object.meta.object);
        Some((of_left_out(&object.manifest(), &why, mode::is_left_out(object), &manifests), why))
    });
    let broken = view.broken.iter().map(|Broken { meta, spec, why, status: _ }| {
        let why = format!("{} cannot be read: {why}", meta.object);
        (of_unreadable(&meta.object.remembered(), spec, &why, &manifests, &account), why)
    });
    let mut gaps = Vec::new();
    for (gap, why) in unused.chain(broken) {
        match gap {
            Some(gap) => gaps.push(gap),
            None => missing = missing.or(Some(why)),
        }
    }
    for gap in gaps {
        manifests.add_gap(gap);
    }
    let completeness = missing.map_or(Completeness::Complete, Completeness::Partial);
    manifests.set_completeness(&view.account.meta.object.name, completeness);
    manifests
}

/// Why the objects as a whole are not everything that is declared, if they are not. Nothing is pruned or retired
/// meanwhile.
fn whole_gap(view: &View) -> Option<String> {
    let account = &view.account.meta;
    account.deleted.map(|_| format!("{} is being deleted", account.object)).or_else(|| view.gap.clone())
}

/// The object a source names.
pub(super) fn object_of(source: &Source) -> Option<ObjectRef> {
    match &source.place {
        Location::Resource(object) => {
            let Resource { kind, namespace, name } = &**object;
            Some(ObjectRef { kind: Kind::named(kind)?, namespace: namespace.clone(), name: name.clone() })
        }
        Location::File { .. } => None,
    }
}
