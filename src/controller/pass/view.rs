//! The objects of one account at one time, as values: the input of a pass.

use crate::facts::DeletionPolicy;
use crate::manifest::Manifest;
use crate::manifest::kinds::plan::{PlanPhase, PlanRest};
use crate::manifest::kinds::{AccountStatus, Kind, KoreAccountSpec, ObjectStatus, Spec};
use crate::plan::ChangeId;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Names one object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ObjectRef {
    /// Kind.
    pub kind: Kind,
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

impl ObjectRef {
    /// The same object as the memory names it.
    pub(in crate::controller) fn remembered(&self) -> crate::facts::ObjectRef {
        let Self { kind, namespace, name } = self;
        crate::facts::ObjectRef {
            kind: Arc::from(kind.name()),
            namespace: Some(Arc::clone(namespace)),
            name: Arc::clone(name),
        }
    }
}

/// What has become of an object that remembered facts were declared by, and that declares nothing now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Missing {
    /// It is deleted, or is being deleted; this process saw that.
    Deleted {
        /// What its last version said about its deletion.
        deletion_policy: DeletionPolicy,
        /// It carried the annotation `koreconcile.dev/orphan`.
        is_orphaned: bool,
    },
    /// It is there, or may be, and does not count for this account: why not.
    NotLoaded(String),
    /// It is not there, and nobody saw it go: it went while no process looked, or was never restored.
    Unseen,
}

/// How far an object is followed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ObjectMode {
    /// What it declares is applied.
    #[default]
    Enforce,
    /// What would be changed is reported, and nothing is.
    Observe,
    /// It is not looked at.
    Paused,
    /// What the annotation says is none of these: it counts as paused.
    Unknown(String),
}

impl ObjectMode {
    /// The value of the annotation, if there is one.
    pub fn of_annotation(value: Option<&str>) -> Self {
        match value {
            None | Some("Enforce") => Self::Enforce,
            Some("Observe") => Self::Observe,
            Some("Paused") => Self::Paused,
            Some(other) => Self::Unknown(other.to_owned()),
        }
    }
}

/// The metadata of an object.
#[derive(Clone, PartialEq, Debug)]
pub struct Meta {
    /// Which object.
    pub object: ObjectRef,
    /// An object that is created anew under the same name has another one.
    pub uid: String,
    /// Grows with every change of the spec.
    pub generation: i64,
    /// When it was created. Of two objects that exclude each other the older one is in force.
    pub created: Timestamp,
    /// When its deletion was requested. It exists until its finalizers are gone.
    pub deleted: Option<Timestamp>,
    /// Whether the finalizer of an earlier version is on it.
    pub has_finalizer: bool,
    /// `koreconcile.dev/orphan`: what it granted stays when it is deleted.
    pub is_orphaned: bool,
    /// `koreconcile.dev/mode`: how far the object is followed.
    pub mode: ObjectMode,
    /// `koreconcile.dev/reconcile-at`: any new value starts a pass.
    pub reconcile_at: Option<String>,
    /// `koreconcile.dev/accept-memory`: any new value accepts the memory as it is.
    pub accept_memory: Option<String>,
    /// When its spec was written last, as its field managers say; at least when it was created.
    pub edited: Timestamp,
    /// Who is known to have written its spec: its field managers, and `koreconcile.dev/edited-by`.
    pub editors: Vec<Arc<str>>,
}

/// An object that declares something about the account.
#[derive(Clone, PartialEq, Debug)]
pub struct Declared {
    /// Its metadata.
    pub meta: Meta,
    /// What it declares.
    pub spec: Spec,
    /// The status that is stored.
    pub status: ObjectStatus,
}

impl Declared {
    /// The manifest that is checked and compiled.
    pub fn manifest(&self) -> Manifest {
        let ObjectRef { kind: _, namespace, name } = &self.meta.object;
        Manifest::resource(namespace, name, self.spec.clone())
    }
}

/// An account object.
#[derive(Clone, PartialEq, Debug)]
pub struct DeclaredAccount {
    /// Its metadata.
    pub meta: Meta,
    /// What it declares.
    pub spec: Box<KoreAccountSpec>,
    /// The status that is stored.
    pub status: AccountStatus,
}

impl DeclaredAccount {
    /// The manifest that is checked and compiled.
    pub fn manifest(&self) -> Manifest {
        let ObjectRef { kind: _, namespace, name } = &self.meta.object;
        Manifest::resource(namespace, name, Spec::Account(self.spec.clone()))
    }

    /// The tenant it is about: the declared one, or the one that has answered.
    pub fn tenant(&self) -> Option<String> {
        let declared = self.spec.account_id.as_ref().map(ToString::to_string);
        declared.or_else(|| self.status.account_id.clone())
    }
}

/// An object that cannot be read, such as one stored before the schema changed.
#[derive(Clone, PartialEq, Debug)]
pub struct Broken {
    /// Its metadata.
    pub meta: Meta,
    /// What it says, as it is stored.
    pub spec: serde_json::Value,
    /// Why it cannot be read.
    pub why: String,
    /// The status that is stored.
    pub status: ObjectStatus,
}

/// A `KorePlanApproval`.
#[derive(Clone, PartialEq, Debug)]
pub struct Approval {
    /// Its name.
    pub name: String,
    /// Another one that is created under the same name is another approval.
    pub uid: String,
    /// Grows with every change of the spec.
    pub generation: i64,
    /// The digest of the plan that it approves, if it names one.
    pub digest: Option<String>,
    /// Ids of the changes that it approves, if it lists some.
    pub changes: BTreeSet<ChangeId>,
    /// Who gave it.
    pub approved_by: Option<String>,
    /// When it counts no longer; nothing: for changes of high or critical risk it counts once.
    pub ends: Option<Timestamp>,
    /// The status that is stored.
    pub status: ObjectStatus,
}

/// How far a published plan is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlanProgress {
    /// Open, done or superseded.
    pub phase: PlanPhase,
    /// How many of its changes are approved.
    pub approved: u32,
    /// What the plan of the account does not change, while this is that plan.
    pub rest: Vec<PlanRest>,
}

/// A `KorePlan`: a published plan, or a part of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: String,
    /// Its number and that of all parts: `1/3`.
    pub part: String,
    /// The changes it lists.
    pub changes: BTreeSet<ChangeId>,
    /// Those of them that needed an approval.
    pub waiting: BTreeSet<ChangeId>,
    /// When it was published.
    pub created: Timestamp,
    /// How far it is.
    pub progress: PlanProgress,
}

impl Published {
    /// Whether it is the first part of its plan, or all of it.
    pub(super) fn is_first_part(&self) -> bool {
        self.part.starts_with("1/")
    }

    /// Whether it is neither done nor superseded.
    pub fn is_open(&self) -> bool {
        match self.progress.phase {
            PlanPhase::Pending | PlanPhase::Approved => true,
            PlanPhase::Done | PlanPhase::Superseded => false,
        }
    }
}

/// The objects of one account.
#[derive(Clone, Debug)]
pub struct View {
    /// The account object.
    pub account: DeclaredAccount,
    /// What is declared for the account, in no order.
    pub objects: Vec<Arc<Declared>>,
    /// Objects that cannot be read.
    pub broken: Vec<Broken>,
    /// Its approvals.
    pub approvals: Vec<Approval>,
    /// Plans that were published for approval.
    pub published: Vec<Published>,
    /// Why the objects are incomplete, if they are: such as a kind that could not be listed.
    pub gap: Option<String>,
    /// Older account objects on the same platform, by the tenant each is about.
    pub older_accounts: BTreeMap<String, ObjectRef>,
    /// What has become of remembered objects that are not here. One that is in neither was not seen to go.
    pub missing: BTreeMap<crate::facts::ObjectRef, Missing>,
}

/// Objects that two views share are equal without a comparison.
impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        let Self { account, objects, broken, approvals, published, gap, older_accounts, missing } = self;
        let are_same =
            |(one, other): (&Arc<Declared>, &Arc<Declared>)| Arc::ptr_eq(one, other) || one == other;
        objects.len() == other.objects.len()
            && *account == other.account
            && *broken == other.broken
            && *approvals == other.approvals
            && *published == other.published
            && *gap == other.gap
            && *older_accounts == other.older_accounts
            && *missing == other.missing
            && objects.iter().zip(&other.objects).all(are_same)
    }
}

impl View {
    /// Whether both declare the same: everything but what this controller has written itself.
    pub fn declares_like(&self, other: &Self) -> bool {
        let Self { account, objects, broken, approvals, published: _, gap, older_accounts, missing } = self;
        let are_same = |(one, other): (&Arc<Declared>, &Arc<Declared>)| {
            Arc::ptr_eq(one, other) || one.meta == other.meta && one.spec == other.spec
        };
        let is_same_broken =
            |(one, other): (&Broken, &Broken)| one.meta == other.meta && one.why == other.why;
        let is_same_approval = |(one, other): (&Approval, &Approval)| {
            (&one.uid, one.generation) == (&other.uid, other.generation)
                && (&one.digest, &one.changes) == (&other.digest, &other.changes)
                && (&one.approved_by, one.ends) == (&other.approved_by, other.ends)
        };
        objects.len() == other.objects.len()
            && broken.len() == other.broken.len()
            && approvals.len() == other.approvals.len()
            && account.meta == other.account.meta
            && account.spec == other.account.spec
            && *gap == other.gap
            && *older_accounts == other.older_accounts
            && *missing == other.missing
            && broken.iter().zip(&other.broken).all(is_same_broken)
            && approvals.iter().zip(&other.approvals).all(is_same_approval)
            && objects.iter().zip(&other.objects).all(are_same)
    }

    /// What is declared for the account.
    pub fn objects(&self) -> impl Iterator<Item = &Declared> {
        self.objects.iter().map(AsRef::as_ref)
    }

    /// What is declared now: an object that is being deleted declares nothing any more.
    pub fn live_objects(&self) -> impl Iterator<Item = &Declared> {
        self.objects().filter(|object| object.meta.deleted.is_none())
    }

    /// The older account object about the same tenant, if there is one: it is in force, and this one does nothing.
    pub fn conflicting_account(&self, tenant: Option<&str>) -> Option<&ObjectRef> {
        self.older_accounts.get(tenant?)
    }
}
