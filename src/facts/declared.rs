//! Which object declares a fact: what the memory of a declaration keeps beside the line.

use super::{Location, Source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// One object of the manifests: a document in a file, or a custom resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ObjectRef {
    /// Kind of the object, such as `KoreUser`.
    pub kind: Arc<str>,
    /// Namespace, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    /// `metadata.name`
    pub name: Arc<str>,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// What happens to the facts of an object that is declared no longer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The platform keeps what it granted.
    #[default]
    Retain,
    /// What it granted is removed, within the account's ceilings.
    Remove,
}

/// An object that is loaded, and where it begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadedObject {
    /// Which one.
    pub object: ObjectRef,
    /// What happens when it is deleted.
    pub deletion_policy: DeletionPolicy,
    /// Its first line, or the resource.
    pub place: Location,
}

/// All objects of one declaration, found by a line of theirs. Copies share them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LoadedObjects {
    /// Sorted by place.
    objects: Arc<[LoadedObject]>,
    known: Arc<BTreeSet<ObjectRef>>,
}

impl LoadedObjects {
    /// From objects in any order.
    pub fn new(mut objects: Vec<LoadedObject>) -> Self {
        objects.sort_by(|left, right| left.place.cmp(&right.place));
        let known: BTreeSet<ObjectRef> = objects.iter().map(|object| object.object.clone()).collect();
        Self { objects: objects.into(), known: Arc::new(known) }
    }

    /// Whether this object is loaded.
    pub fn contains(&self, object: &ObjectRef) -> bool {
        self.known.contains(object)
    }

    /// The object that a source is in: the last one of its file that begins at or before its line, or the
    /// resource.
    pub fn at(&self, source: &Source) -> Option<&LoadedObject> {
        let begun = self.objects.partition_point(|object| object.place <= source.place);
        let object = self.objects[..begun].last()?;
        match (&object.place, &source.place) {
            (Location::File { file, .. }, Location::File { file: of_source, .. }) => {
                (file == of_source).then_some(object)
            }
            (place, of_source) => (place == of_source).then_some(object),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Resource;
    use super::*;

    fn object(kind: &str, name: &str, place: Location) -> LoadedObject {
        let object = ObjectRef { kind: kind.into(), namespace: None, name: name.into() };
        LoadedObject { object, deletion_policy: DeletionPolicy::Remove, place }
    }

    #[test]
    fn a_line_belongs_to_the_last_object_that_begins_before_it() {
        let place = |file: &str, line| Source::file(file, line, 1).place;
        let objects = LoadedObjects::new(vec![
            object("KoreTeam", "tellers", place("a.yaml", 20)),
            object("KoreUser", "kim", place("a.yaml", 3)),
            object("KoreUser", "sam", place("b.yaml", 3)),
        ]);
        let name = |file: &str, line| {
            let source = Source::file(file, line, 5).through(&"tellers".into());
            objects.at(&source).map(|object| object.object.name.to_string())
        };
        assert_eq!(name("a.yaml", 2), None);
        assert_eq!(name("a.yaml", 3).as_deref(), Some("kim"));
        assert_eq!(name("a.yaml", 19).as_deref(), Some("kim"));
        assert_eq!(name("a.yaml", 200).as_deref(), Some("tellers"));
        assert_eq!(name("b.yaml", 1), None, "the object before stands in another file");
        assert_eq!(name("c.yaml", 9), None);
        assert!(objects.contains(&object("KoreUser", "sam", place("z.yaml", 1)).object));
    }

    #[test]
    fn a_resource_is_found_by_its_name() {
        let place = |name: &str| {
            let (kind, namespace, name) = ("KoreUser".into(), "acme".into(), name.into());
            Location::Resource(Arc::new(Resource { kind, namespace, name }))
        };
        let objects = LoadedObjects::new(vec![object("KoreUser", "kim", place("kim"))]);
        let at = |name: &str| objects.at(&Source { place: place(name), team: None }).is_some();
        assert_eq!((at("kim"), at("kit"), at("aaa")), (true, false, false));
    }
}
