//! The objects of one account at one time, as the watch caches have them: the input of a pass.

use crate::manifest::Manifest;
use crate::manifest::kinds::plan::PlanPhase;
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

/// What Kubernetes keeps of an object besides what it says.
#[derive(Clone, PartialEq, Debug)]
pub struct Meta {
    /// Which object.
    pub object: ObjectRef,
    /// Another one of the same name is another object.
    pub uid: String,
    /// Grows with every change of the spec.
    pub generation: i64,
    /// When it was created: the older of two that exclude each other stays in force.
    pub created: Timestamp,
    /// When its deletion was asked for, while a finalizer keeps it.
    pub deleted: Option<Timestamp>,
    /// Whether our finalizer is on it.
    pub has_finalizer: bool,
    /// `koreconcile.dev/orphan`: let go of it without touching the account.
    pub is_orphaned: bool,
    /// `koreconcile.dev/reconcile-at`: any new value asks for a pass.
    pub reconcile_at: Option<String>,
}

/// An object that says something about the account.
#[derive(Clone, PartialEq, Debug)]
pub struct Declared {
    /// Who it is.
    pub meta: Meta,
    /// What it says.
    pub spec: Spec,
    /// What we last wrote to it.
    pub status: ObjectStatus,
}

impl Declared {
    /// As the checks and the compiler take it.
    pub fn manifest(&self) -> Manifest {
        let ObjectRef { kind: _, namespace, name } = &self.meta.object;
        Manifest::resource(namespace, name, self.spec.clone())
    }
}

/// An account.
#[derive(Clone, PartialEq, Debug)]
pub struct DeclaredAccount {
    /// Who it is.
    pub meta: Meta,
    /// What it says.
    pub spec: Box<KoreAccountSpec>,
    /// What we last wrote to it.
    pub status: AccountStatus,
}

impl DeclaredAccount {
    /// As the checks and the compiler take it.
    pub fn manifest(&self) -> Manifest {
        let ObjectRef { kind: _, namespace, name } = &self.meta.object;
        Manifest::resource(namespace, name, Spec::Account(self.spec.clone()))
    }

    /// The tenant it is about: by what it declares, or by what has answered.
    pub fn tenant(&self) -> Option<String> {
        let declared = self.spec.account_id.as_ref().map(ToString::to_string);
        declared.or_else(|| self.status.account_id.clone())
    }
}

/// An object that cannot be read, such as one stored before the schema changed.
#[derive(Clone, PartialEq, Debug)]
pub struct Broken {
    /// Who it is.
    pub meta: Meta,
    /// Why.
    pub why: String,
    /// What we last wrote to it.
    pub status: ObjectStatus,
}

/// An approval of changes.
#[derive(Clone, PartialEq, Debug)]
pub struct Approval {
    /// Its name.
    pub name: String,
    /// Grows with every change of the spec.
    pub generation: i64,
    /// The digest of a published plan, if it names one.
    pub digest: Option<String>,
    /// Ids of changes, if it lists some.
    pub changes: BTreeSet<ChangeId>,
    /// What we last wrote to it.
    pub status: ObjectStatus,
}

/// A published plan, or a part of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// Its name.
    pub name: String,
    /// Its digest.
    pub digest: String,
    /// The changes it lists.
    pub changes: BTreeSet<ChangeId>,
    /// When it was published.
    pub created: Timestamp,
    /// Where it stands, and how many of its changes are approved.
    pub phase: (PlanPhase, u32),
}

impl Published {
    /// Whether it still waits.
    pub fn is_open(&self) -> bool {
        matches!(self.phase.0, PlanPhase::Pending | PlanPhase::Approved)
    }
}

/// Everything about one account.
#[derive(Clone, Debug)]
pub struct View {
    /// The account.
    pub account: DeclaredAccount,
    /// What is declared for it, in no order.
    pub objects: Vec<Arc<Declared>>,
    /// What could not be read.
    pub broken: Vec<Broken>,
    /// What was approved.
    pub approvals: Vec<Approval>,
    /// What was published for approval.
    pub published: Vec<Published>,
    /// Why this is not everything, if it is not: a kind that could not be listed.
    pub gap: Option<String>,
    /// Older account objects on the same platform, by the tenant each is about.
    pub older_accounts: BTreeMap<String, ObjectRef>,
}

/// Objects that two views share are not looked into.
impl PartialEq for View {
    fn eq(&self, other: &Self) -> bool {
        let Self { account, objects, broken, approvals, published, gap, older_accounts } = self;
        let are_same =
            |(one, other): (&Arc<Declared>, &Arc<Declared>)| Arc::ptr_eq(one, other) || one == other;
        objects.len() == other.objects.len()
            && *account == other.account
            && *broken == other.broken
            && *approvals == other.approvals
            && *published == other.published
            && *gap == other.gap
            && *older_accounts == other.older_accounts
            && objects.iter().zip(&other.objects).all(are_same)
    }
}

impl View {
    /// What is declared for it.
    pub fn objects(&self) -> impl Iterator<Item = &Declared> {
        self.objects.iter().map(AsRef::as_ref)
    }

    /// The older account object about the same tenant: it stays in force, and this one does nothing.
    pub fn conflicting_account(&self, tenant: Option<&str>) -> Option<&ObjectRef> {
        self.older_accounts.get(tenant?)
    }
}
