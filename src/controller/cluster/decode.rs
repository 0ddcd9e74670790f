//! An object from the API server becomes a value, or a broken one: an object that cannot be read never stops a watch.

use crate::controller::pass::{
    Approval, Broken, Declared, DeclaredAccount, Meta, ObjectMode, ObjectRef, PlanProgress, Published,
};
use crate::manifest::kinds::plan::{KorePlanStatus, PlannedChange};
use crate::manifest::kinds::{
    API_VERSION, AccountStatus, Kind, KorePlanApprovalSpec, KorePlanSpec, ObjectStatus, Spec,
};
use crate::plan::ChangeId;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt as _;
use kube::api::{ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What an earlier version put on objects: it is taken off wherever it is found.
pub(super) const FINALIZER: &str = "koreconcile.dev/remove";
/// What an object granted stays when it is deleted.
pub(super) const ORPHAN: &str = "koreconcile.dev/orphan";
/// `Observe` or `Paused`: what the object declares is not applied.
pub(super) const MODE: &str = "koreconcile.dev/mode";
/// Any new value starts a pass.
pub(super) const RECONCILE_AT: &str = "koreconcile.dev/reconcile-at";
/// Who has edited the object, where a pipeline knows that: they do not approve it, too.
pub(super) const EDITED_BY: &str = "koreconcile.dev/edited-by";
/// Any new value accepts the memory of the account as it is.
pub(super) const ACCEPT_MEMORY: &str = "koreconcile.dev/accept-memory";

/// What is watched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Watched {
    /// A kind that people write.
    Declared(Kind),
    /// `KorePlan`
    Plan,
    /// `KorePlanApproval`
    Approval,
}

impl Watched {
    /// All of them.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.into_iter().map(Self::Declared).chain([Self::Plan, Self::Approval])
    }

    /// The `kind` of the object.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Declared(kind) => kind.name(),
            Self::Plan => "KorePlan",
            Self::Approval => "KorePlanApproval",
        }
    }

    /// The resource of the API server.
    pub(super) fn resource(self) -> ApiResource {
        resource(self.name())
    }
}

/// The resource of a kind of ours: all plurals are regular.
pub(super) fn resource(kind: &str) -> ApiResource {
    let (group, version) = API_VERSION.split_once('/').unwrap_or_default();
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// An object of ours.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Stored {
    /// An account.
    Account(Box<DeclaredAccount>),
    /// Something that is declared for an account.
    Declared(Arc<Declared>),
    /// One that cannot be read.
    Broken(Broken),
    /// A plan, and the account it is for.
    Plan(Arc<str>, Published),
    /// An approval, and the account it names.
    Approval(Option<String>, Approval),
}

/// Reads one object.
pub(super) fn decode(watched: Watched, object: &DynamicObject) -> Stored {
    let spec = object.data.get("spec").cloned().unwrap_or_default();
    match watched {
        Watched::Declared(kind) => {
            let meta = meta(kind, object);
            match Spec::from_value(kind, spec.clone()) {
                Ok(Spec::Account(spec)) => {
                    let status = AccountStatus { last_read: None, ..status(object) };
                    Stored::Account(Box::new(DeclaredAccount { meta, spec, status }))
                }
                Ok(spec) => Stored::Declared(Arc::new(Declared { meta, spec, status: status(object) })),
                Err(error) => {
                    let why = format!("the stored object does not fit the schema: {error}; apply it again");
                    Stored::Broken(Broken { meta, spec, why, status: status(object) })
                }
            }
        }
        Watched::Plan => {
            let spec: Option<KorePlanSpec> = serde_json::from_value(spec).ok();
            let KorePlanStatus { phase, approved, rest, settled_at: _ } = status(object);
            let listed = || spec.iter().flat_map(|spec| &spec.changes);
            let id = |change: &PlannedChange| ChangeId::parse(&change.id);
            let published = Published {
                name: object.name_any(),
                digest: spec.as_ref().map(|spec| spec.digest.clone()).unwrap_or_default(),
                part: spec.as_ref().map(|spec| spec.part.clone()).unwrap_or_default(),
                changes: listed().map(id).collect(),
                waiting: listed().filter(|change| !change.why.is_empty()).map(id).collect(),
                created: created(object),
                progress: PlanProgress { phase, approved, rest },
            };
            Stored::Plan(Arc::from(spec.map(|spec| spec.account).unwrap_or_default()), published)
        }
        Watched::Approval => {
            let spec: Option<KorePlanApprovalSpec> = serde_json::from_value(spec).ok();
            let changes = spec.iter().flat_map(|spec| &spec.changes).map(|id| ChangeId::parse(id)).collect();
            let approval = Approval {
                name: object.name_any(),
                uid: object.uid().unwrap_or_default(),
                generation: object.metadata.generation.unwrap_or_default(),
                approved_by: spec.as_ref().and_then(|spec| spec.approved_by.clone()),
                ends: spec.as_ref().and_then(|spec| spec.expires_at),
                digest: spec.as_ref().and_then(|spec| spec.digest.clone()),
                changes,
                status: status::<ObjectStatus>(object),
            };
            Stored::Approval(spec.and_then(|spec| spec.account), approval)
        }
    }
}

/// A status that cannot be read counts as none: it is written anew.
fn status<T: DeserializeOwned + Default>(object: &DynamicObject) -> T {
    object
        .data
        .get("status")
        .and_then(|status| serde_json::from_value(status.clone()).ok())
        .unwrap_or_default()
}

fn meta(kind: Kind, object: &DynamicObject) -> Meta {
    let annotations = object.annotations();
    Meta {
        object: ObjectRef {
            kind,
            namespace: Arc::from(object.namespace().unwrap_or_default()),
            name: Arc::from(object.name_any()),
        },
        uid: object.uid().unwrap_or_default(),
        generation: object.metadata.generation.unwrap_or_default(),
        created: created(object),
        deleted: object.metadata.deletion_timestamp.as_ref().map(|time| time.0),
        has_finalizer: object.finalizers().iter().any(|finalizer| finalizer == FINALIZER),
        is_orphaned: annotations.contains_key(ORPHAN),
        mode: ObjectMode::of_annotation(annotations.get(MODE).map(String::as_str)),
        reconcile_at: annotations.get(RECONCILE_AT).cloned(),
        accept_memory: annotations.get(ACCEPT_MEMORY).cloned(),
        edited: spec_writers(object)
            .filter_map(|(_, at)| at)
            .chain([created(object)])
            .max()
            .unwrap_or_default(),
        editors: editors(object),
    }
}

/// Whoever has written the spec, by the name of the field manager, and when.
fn spec_writers(object: &DynamicObject) -> impl Iterator<Item = (&str, Option<Timestamp>)> {
    let writes_spec = |entry: &&ManagedFieldsEntry| {
        let fields = entry.fields_v1.as_ref().and_then(|fields| fields.0.as_object());
        fields.is_some_and(|fields| fields.contains_key("f:spec"))
    };
    let entries = object.metadata.managed_fields.iter().flatten().filter(writes_spec);
    entries.filter_map(|entry| Some((entry.manager.as_deref()?, entry.time.as_ref().map(|time| time.0))))
}

/// Who is known to have written the spec: a name of a field manager may be that of a person.
fn editors(object: &DynamicObject) -> Vec<Arc<str>> {
    let annotated = object.annotations().get(EDITED_BY).map(String::as_str);
    let mut editors: Vec<Arc<str>> =
        spec_writers(object).map(|(manager, _)| manager).chain(annotated).map(Arc::from).collect();
    editors.sort();
    editors.dedup();
    editors
}

fn created(object: &DynamicObject) -> Timestamp {
    object.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}
