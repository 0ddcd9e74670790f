//! Checked manifests: what people wrote, typed, with the places it stands.

use super::finding::{Finding, Span, Spot};
use super::kinds::{Kind, Spec};
use super::load::Input;
use super::marks::Marks;
use crate::facts::{
    BotRef, Completeness, DeletionPolicy, Gap, LoadedObject, Location, ObjectRef, Resource, ScopeExtent,
    Source,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// One document, or one object of a cluster.
#[derive(Clone, PartialEq, Debug)]
pub struct Manifest {
    /// `metadata.name`
    pub name: Arc<str>,
    /// `metadata.namespace`
    pub namespace: Option<Arc<str>>,
    /// What it says.
    pub spec: Spec,
    /// The same as it is written, with defaults: kept where a policy looks at objects.
    pub value: Option<Arc<Value>>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a manifest comes from.
#[derive(Clone, PartialEq, Debug)]
pub enum Origin {
    /// A document in a file.
    File {
        /// Path as the user gave it.
        file: Arc<str>,
        /// Places of its fields and items.
        marks: Marks,
    },
    /// An object in a cluster.
    Resource,
}

impl Manifest {
    /// An object of a cluster.
    pub fn resource(namespace: &str, name: &str, spec: Spec) -> Self {
        Self {
            name: Arc::from(name),
            namespace: Some(Arc::from(namespace)),
            spec,
            value: None,
            origin: Origin::Resource,
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.spec.kind()
    }

    /// Where a field was written, by its path below `spec`; where the name is, if it was left out.
    pub fn source(&self, path: &str) -> Source {
        self.source_of(|marks| marks.span_of(path))
    }

    /// Where a list item was written.
    pub fn item(&self, path: &str, index: usize) -> Source {
        self.source_of(|marks| marks.item(path, index))
    }

    /// The same as [`Self::source`], for a finding. The empty path is the name.
    pub fn spot(&self, path: &str) -> Spot {
        self.spot_of(|marks| marks.span_of(path))
    }

    /// The same as [`Self::item`], for a finding.
    pub fn item_spot(&self, path: &str, index: usize) -> Spot {
        self.spot_of(|marks| marks.item(path, index))
    }

    /// Where every field was written, by its path below `spec`.
    pub(super) fn places(&self) -> BTreeMap<String, Source> {
        match &self.origin {
            Origin::File { marks, .. } => {
                marks.all().map(|(path, _)| (path.to_owned(), self.source(path))).collect()
            }
            Origin::Resource => BTreeMap::new(),
        }
    }

    /// The object with its first line, and what its deletion means.
    pub(super) fn as_loaded(&self) -> LoadedObject {
        let place = self.source_of(Marks::first).place;
        LoadedObject { object: self.object_ref(), deletion_policy: self.deletion_policy(), place }
    }

    /// What happens to what it gave when it is deleted.
    pub fn deletion_policy(&self) -> DeletionPolicy {
        match &self.spec {
            Spec::User(spec) => spec.deletion_policy.unwrap_or(DeletionPolicy::Retain),
            Spec::GroupMembership(spec) => spec.deletion_policy.unwrap_or(DeletionPolicy::Remove),
            Spec::RoleBinding(spec) => spec.deletion_policy.unwrap_or(DeletionPolicy::Remove),
            Spec::BotAssignment(spec) => spec.deletion_policy.unwrap_or(DeletionPolicy::Remove),
            // A role keeps what it may do; whom a team brought in is kept or not as the account says of people.
            Spec::Account(_)
            | Spec::Team(_)
            | Spec::Role(_)
            | Spec::Policy(_)
            | Spec::PolicyException(_)
            | Spec::Baseline(_)
            | Spec::Area(_) => DeletionPolicy::Retain,
        }
    }

    /// The list of holders that it is about, if it is about one.
    pub(super) fn list(&self) -> Option<ScopeExtent<BotRef>> {
        match &self.spec {
            Spec::GroupMembership(spec) => Some(spec.list()),
            Spec::RoleBinding(spec) => Some(spec.list()),
            Spec::BotAssignment(spec) => Some(spec.list()),
            Spec::Account(_)
            | Spec::User(_)
            | Spec::Team(_)
            | Spec::Role(_)
            | Spec::Policy(_)
            | Spec::PolicyException(_)
            | Spec::Baseline(_)
            | Spec::Area(_) => None,
        }
    }

    /// The teams that it names.
    pub(super) fn teams(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match &self.spec {
            Spec::Team(spec) => Box::new(spec.teams.iter().map(String::as_str)),
            Spec::GroupMembership(spec) => {
                Box::new(spec.subjects.iter().filter_map(|subject| subject.team.as_deref()))
            }
            Spec::RoleBinding(spec) => {
                Box::new(spec.subjects.iter().filter_map(|subject| subject.team.as_deref()))
            }
            Spec::BotAssignment(spec) => {
                Box::new(spec.subjects.iter().filter_map(|subject| subject.team.as_deref()))
            }
            Spec::Account(_)
            | Spec::User(_)
            | Spec::Role(_)
            | Spec::Policy(_)
            | Spec::PolicyException(_)
            | Spec::Baseline(_)
            | Spec::Area(_) => Box::new(std::iter::empty()),
        }
    }

    /// Kind, namespace and name.
    pub fn object_ref(&self) -> ObjectRef {
        ObjectRef {
            kind: Arc::from(self.kind().name()),
            namespace: self.namespace.clone(),
            name: Arc::clone(&self.name),
        }
    }

    /// The account that it names, if it names one.
    pub fn account(&self) -> Option<&str> {
        self.spec.account()
    }

    /// Path of its file, if it is from one.
    pub fn file(&self) -> Option<&Arc<str>> {
        match &self.origin {
            Origin::File { file, .. } => Some(file),
            Origin::Resource => None,
        }
    }

    fn source_of(&self, find: impl FnOnce(&Marks) -> Span) -> Source {
        let place = match &self.origin {
            Origin::File { file, marks } => {
                let Span { line, column, start: _, end: _ } = find(marks);
                Location::File { file: Arc::clone(file), line, column }
            }
            Origin::Resource => Location::Resource(Arc::new(Resource {
                kind: Arc::from(self.kind().name()),
                namespace: self.namespace.clone().unwrap_or_else(|| Arc::from("")),
                name: Arc::clone(&self.name),
            })),
        };
        Source { place, team: None }
    }

    fn spot_of(&self, find: impl FnOnce(&Marks) -> Span) -> Spot {
        match &self.origin {
            Origin::File { file, marks } => Spot { file: Arc::clone(file), span: find(marks) },
            Origin::Resource => Spot { file: self.source("").to_string().into(), span: Span::default() },
        }
    }

    /// Whether two objects can see each other: one namespace, or one of them says nothing about it.
    pub(super) fn shares_namespace_with(&self, other: &Self) -> bool {
        match (&self.namespace, &other.namespace) {
            (Some(left), Some(right)) => left == right,
            _ => true,
        }
    }
}

/// What was read over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Skipped {
    /// Documents of other API groups, or that are no manifests at all.
    pub foreign: usize,
    /// Documents of kinds that belong to the controller.
    pub controller: usize,
}

/// A document that is no manifest, and what it is instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PassedOver {
    /// Where it begins.
    pub spot: Spot,
    /// `Deployment of apps/v1`, `no mapping`, `not valid YAML`
    pub what: String,
}

/// The texts of the files, for showing findings.
#[derive(Clone, Debug, Default)]
pub struct Texts(pub(super) BTreeMap<Arc<str>, Arc<str>>);

impl Texts {
    /// All texts, in the order of their files.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(AsRef::as_ref)
    }

    /// The paths of all files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(AsRef::as_ref)
    }

    /// The text of a file.
    pub fn get(&self, file: &str) -> Option<&str> {
        self.0.get(file).map(AsRef::as_ref)
    }
}

/// Texts of files of which something is not shown, as they are: for edits alone.
#[derive(Clone, Default)]
pub(super) struct Originals(pub(super) BTreeMap<Arc<str>, Arc<str>>);

impl std::fmt::Debug for Originals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// All checked manifests. Documents with errors are not among them; their findings are.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    pub(super) objects: Vec<Manifest>,
    /// Objects of a cluster that are not used, because of what they say or of another one.
    pub(super) left_out: Vec<Manifest>,
    /// Objects that could not be used, and what they could have spoken about.
    pub(super) gaps: Vec<Gap>,
    pub(super) findings: Vec<Finding>,
    pub(super) skipped: Skipped,
    pub(super) texts: Texts,
    pub(super) originals: Originals,
    /// Files in which at least one document is a mapping, whoever's.
    pub(super) understood: BTreeSet<Arc<str>>,
    /// Files that are not UTF-8 and not ours.
    pub(super) not_text: BTreeSet<Arc<str>>,
    pub(super) passed_over: Vec<PassedOver>,
    /// By account name: whether everything that should have been loaded was.
    pub(super) completeness: BTreeMap<Arc<str>, Completeness>,
}

impl Manifests {
    /// The manifests that can be used, in the order they were read.
    pub fn all(&self) -> &[Manifest] {
        &self.objects
    }

    /// Everything found while loading and checking, by file and line.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What was read over.
    pub fn skipped(&self) -> Skipped {
        self.skipped
    }

    /// Whether at least one document of a file is a mapping, whoever's.
    pub fn is_understood(&self, file: &str) -> bool {
        self.understood.contains(file)
    }

    /// Adds what was found beside the manifests themselves.
    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Documents of other tools, in the order they were read.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// The texts of the files, for showing findings.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// The text of a file as it is, also where [`Self::texts`] does not show all of it.
    /// All files as they are read again: what is not shown is in them.
    pub fn inputs(&self) -> impl Iterator<Item = Input> {
        self.texts.files().filter_map(|file| Some(Input::new(file, self.original(file)?)))
    }

    pub(super) fn original(&self, file: &str) -> Option<&str> {
        self.originals.0.get(file).map(AsRef::as_ref).or_else(|| self.texts.get(file))
    }

    /// The accounts, by name.
    pub fn accounts(&self) -> Vec<&Manifest> {
        let mut accounts: Vec<&Manifest> =
            self.objects.iter().filter(|manifest| manifest.kind() == Kind::Account).collect();
        accounts.sort_by(|left, right| left.name.cmp(&right.name));
        accounts
    }

    /// Whether any finding takes something out of use.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(Finding::is_error)
    }

    /// What is loaded is everything (`--complete`).
    pub fn consider_complete(&mut self) {
        let accounts: Vec<Arc<str>> =
            self.accounts().iter().map(|account| Arc::clone(&account.name)).collect();
        self.completeness.extend(accounts.into_iter().map(|account| (account, Completeness::Complete)));
    }

    /// An object that could not be used: what it could have spoken about is neither pruned nor retired.
    pub fn add_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// Sets whether all manifests of an account are loaded (files: [`super::sources::survey`]; a cluster: its
    /// stores are).
    pub fn set_completeness(&mut self, account: &str, completeness: Completeness) {
        self.completeness.insert(Arc::from(account), completeness);
    }
}

/// Manifests by kind and name.
pub(super) struct Index<'m> {
    by_name: HashMap<(Kind, &'m str), Vec<&'m Manifest>>,
}

impl<'m> Index<'m> {
    /// Of these manifests.
    pub(super) fn new(manifests: &'m [Manifest]) -> Self {
        let mut by_name: HashMap<(Kind, &'m str), Vec<&'m Manifest>> = HashMap::new();
        for manifest in manifests {
            // People are found by their address, never by the name of their object.
            if manifest.kind() != Kind::User {
                by_name.entry((manifest.kind(), &manifest.name)).or_default().push(manifest);
            }
        }
        Self { by_name }
    }

    /// The object of that kind and name that `from` means.
    pub(super) fn find(&self, kind: Kind, name: &str, from: &Manifest) -> Option<&'m Manifest> {
        let candidates = self.by_name.get(&(kind, name))?;
        candidates
            .iter()
            .find(|candidate| candidate.namespace == from.namespace)
            .or_else(|| candidates.iter().find(|candidate| candidate.shares_namespace_with(from)))
            .copied()
    }

    /// The names of a kind.
    pub(super) fn names(&self, kind: Kind) -> impl Iterator<Item = &'m str> + '_ {
        self.by_name.keys().filter(move |(candidate, _)| *candidate == kind).map(|(_, name)| *name)
    }
}
