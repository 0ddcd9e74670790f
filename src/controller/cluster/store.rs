//! The objects that the watches have seen. A listing replaces the last one only when it is complete.

use super::decode::{Stored, Watched, decode};
use crate::controller::pass::{Broken, Declared, DeclaredAccount, Meta, Missing, ObjectRef, View};
use crate::facts;
use crate::kore::BaseUrl;
use crate::manifest::kinds::{Kind, Spec};
use kube::ResourceExt as _;
use kube::api::DynamicObject;
use kube::runtime::watcher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A namespace and a name.
type NamespacedName = (Arc<str>, Arc<str>);

/// One watch: a kind in one namespace, or in all of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Watch {
    /// The namespace; `None`: all.
    pub(super) namespace: Option<Arc<str>>,
    /// The kind.
    pub(super) watched: Watched,
}

#[derive(Debug, Default)]
struct WatchCache {
    objects: BTreeMap<NamespacedName, Stored>,
    /// The listing under way.
    incoming: Option<BTreeMap<NamespacedName, Stored>>,
    is_listed: bool,
    failure: Option<String>,
    /// Objects that were seen to be deleted and are not there again, as their last versions were.
    deleted: BTreeMap<NamespacedName, Missing>,
}

/// The caches of all watches.
#[derive(Debug, Default)]
pub(super) struct Stores {
    caches: BTreeMap<Watch, WatchCache>,
}

impl Stores {
    /// Expects these watches.
    pub(super) fn new(watches: impl IntoIterator<Item = Watch>) -> Self {
        Self { caches: watches.into_iter().map(|watch| (watch, WatchCache::default())).collect() }
    }

    /// Handles an event of a watch. True when something was edited; what this controller writes is no edit.
    pub(super) fn handle(&mut self, watch: &Watch, event: watcher::Event<DynamicObject>) -> bool {
        let Some(cache) = self.caches.get_mut(watch) else { return false };
        let name = |object: &DynamicObject| -> NamespacedName {
            (Arc::from(object.namespace().unwrap_or_default()), Arc::from(object.name_any()))
        };
        match event {
            watcher::Event::Init => {
                cache.incoming = Some(BTreeMap::new());
                false
            }
            watcher::Event::InitApply(object) => {
                let stored = decode(watch.watched, &object);
                cache.deleted.remove(&name(&object));
                cache.incoming.get_or_insert_default().insert(name(&object), stored);
                false
            }
            watcher::Event::InitDone => {
                let incoming = cache.incoming.take().unwrap_or_default();
                let is_edit =
                    !cache.is_listed || cache.failure.is_some() || differ(&cache.objects, &incoming);
                (cache.objects, cache.is_listed, cache.failure) = (incoming, true, None);
                is_edit
            }
            watcher::Event::Apply(object) => {
                let stored = decode(watch.watched, &object);
                let is_edit = cache
                    .objects
                    .get(&name(&object))
                    .map_or(!is_own(&stored), |before| is_edit(before, &stored));
                cache.deleted.remove(&name(&object));
                cache.objects.insert(name(&object), stored);
                is_edit
            }
            watcher::Event::Delete(object) => {
                if let Some(deletion) = deletion(&decode(watch.watched, &object)) {
                    cache.deleted.insert(name(&object), deletion);
                }
                cache.objects.remove(&name(&object)).is_some_and(|removed| !is_own(&removed))
            }
        }
    }

    /// A watch failed. Its objects stay, and are incomplete; what went just before may have gone with its definition or
    /// its namespace, which is no deletion. False when it had failed before: nothing is new.
    pub(super) fn fail(&mut self, watch: &Watch, why: String) -> bool {
        let Some(cache) = self.caches.get_mut(watch) else { return false };
        cache.deleted.clear();
        cache.failure.replace(why).is_none()
    }

    /// What has become of objects that declare nothing for an account now.
    pub(super) fn missing<'o>(
        &self,
        objects: impl IntoIterator<Item = &'o facts::ObjectRef>,
    ) -> BTreeMap<facts::ObjectRef, Missing> {
        objects.into_iter().map(|object| (object.clone(), self.find(object))).collect()
    }

    fn find(&self, object: &facts::ObjectRef) -> Missing {
        let (Some(kind), Some(namespace)) = (Kind::named(&object.kind), &object.namespace) else {
            return Missing::Unseen;
        };
        let key: NamespacedName = (Arc::clone(namespace), Arc::clone(&object.name));
        let is_about = |watch: &Watch| {
            watch.watched == Watched::Declared(kind)
                && watch.namespace.as_ref().is_none_or(|watched| watched == namespace)
        };
        let Some((_, cache)) = self.caches.iter().find(|(watch, _)| is_about(watch)) else {
            return Missing::NotLoaded(format!("{object}, whose namespace is not watched"));
        };
        match cache.objects.get(&key) {
            Some(stored) => {
                let for_another = || format!("{object}, which is not for this account");
                deletion(stored)
                    .filter(|_| is_deleted(stored))
                    .unwrap_or_else(|| Missing::NotLoaded(for_another()))
            }
            None => cache.deleted.get(&key).cloned().unwrap_or(Missing::Unseen),
        }
    }

    /// Whether every watch has listed its objects, or failed to.
    pub(super) fn is_listed(&self) -> bool {
        self.caches.values().all(|cache| cache.is_listed || cache.failure.is_some())
    }

    /// Why the objects are incomplete, if they are: only namespaces that the account listens to count.
    fn gap(&self, in_reach: impl Fn(&str) -> bool) -> Option<String> {
        self.caches.iter().find_map(|(watch, cache)| {
            if watch.namespace.as_deref().is_some_and(|namespace| !in_reach(namespace)) {
                return None;
            }
            let place = watch
                .namespace
                .as_deref()
                .map_or("all namespaces".to_owned(), |name| format!("namespace {name}"));
            match (&cache.failure, cache.is_listed) {
                (Some(why), _) => {
                    Some(format!("{} in {place} cannot be listed: {why}", watch.watched.name()))
                }
                (None, false) => Some(format!("{} in {place} has not been listed yet", watch.watched.name())),
                (None, true) => None,
            }
        })
    }

    fn all(&self) -> impl Iterator<Item = &Stored> {
        self.caches.values().flat_map(|cache| cache.objects.values())
    }

    /// All accounts.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &DeclaredAccount> {
        let of_accounts = self.caches.iter().filter(|(watch, _)| is_of_accounts(watch));
        of_accounts.flat_map(|(_, cache)| cache.objects.values()).filter_map(|stored| match stored {
            Stored::Account(account) => Some(&**account),
            Stored::Declared(_) | Stored::Broken(_) | Stored::Plan(..) | Stored::Approval(..) => None,
        })
    }

    /// All areas that declare something.
    fn areas(&self) -> impl Iterator<Item = &Declared> {
        let of_areas = |watch: &Watch| watch.watched == Watched::Declared(Kind::Area);
        let caches = self.caches.iter().filter(move |(watch, _)| of_areas(watch));
        caches.flat_map(|(_, cache)| cache.objects.values()).filter_map(|stored| match stored {
            Stored::Declared(object) if object.meta.deleted.is_none() => Some(&**object),
            _ => None,
        })
    }

    /// The objects of one account; `None` when it is gone.
    pub(super) fn view(&self, account: &ObjectRef) -> Option<View> {
        let index = AccountIndex::new(self.accounts(), self.areas());
        let found = self.accounts().find(|candidate| candidate.meta.object == *account)?;
        let is_ours =
            |meta: &Meta, named: Option<&str>| index.find(meta, named) == AccountMatch::Account(account);
        let in_reach =
            |namespace: &str| *namespace == *account.namespace || index.lets_in(account, namespace);
        let mut view = View {
            account: found.clone(),
            objects: Vec::new(),
            broken: Vec::new(),
            approvals: Vec::new(),
            published: Vec::new(),
            gap: self.gap(in_reach),
            older_accounts: self.older_accounts(found),
            missing: BTreeMap::new(),
        };
        for ((namespace, _), stored) in self.caches.values().flat_map(|cache| &cache.objects) {
            let is_beside = *namespace == account.namespace;
            match stored {
                Stored::Declared(object) if is_ours(&object.meta, object.spec.account()) => {
                    view.objects.push(object.clone());
                }
                // The account that it names cannot be read, so it counts for every account in reach.
                Stored::Broken(broken) if broken.meta.object.kind != Kind::Account && in_reach(namespace) => {
                    view.broken.push(broken.clone());
                }
                Stored::Plan(of, plan) if is_beside && *of == account.name => {
                    view.published.push(plan.clone());
                }
                Stored::Approval(named, approval)
                    if is_beside && index.is_approval_for(account, named.as_deref()) =>
                {
                    view.approvals.push(approval.clone());
                }
                // Of another account.
                Stored::Account(_)
                | Stored::Declared(_)
                | Stored::Broken(_)
                | Stored::Plan(..)
                | Stored::Approval(..) => {}
            }
        }
        Some(view)
    }

    /// Objects without an account, with the reason, and accounts that cannot be read. None while accounts and areas have
    /// not been listed, because an account may be missing only for that.
    pub(super) fn unassigned(&self) -> (Vec<(Arc<Declared>, String)>, Vec<Broken>) {
        let mut unassigned = Vec::new();
        let mut broken = Vec::new();
        let decides = |watch: &Watch| is_of_accounts(watch) || watch.watched == Watched::Declared(Kind::Area);
        if self.caches.iter().any(|(watch, cache)| decides(watch) && !cache.is_listed) {
            return (unassigned, broken);
        }
        let index = AccountIndex::new(self.accounts(), self.areas());
        for stored in self.all() {
            match stored {
                Stored::Declared(object) => {
                    if let AccountMatch::None(why) = index.find(&object.meta, object.spec.account()) {
                        unassigned.push((Arc::clone(object), why));
                    }
                }
                Stored::Broken(account) if account.meta.object.kind == Kind::Account => {
                    broken.push(account.clone());
                }
                Stored::Account(_) | Stored::Broken(_) | Stored::Plan(..) | Stored::Approval(..) => {}
            }
        }
        (unassigned, broken)
    }

    /// The older account objects on the same platform, by tenant.
    fn older_accounts(&self, account: &DeclaredAccount) -> BTreeMap<String, ObjectRef> {
        let platform = |account: &DeclaredAccount| {
            let host = account.spec.endpoint.host.as_deref().unwrap_or_default();
            BaseUrl::parse(host).map_or_else(|_| host.to_owned(), |base| base.to_string())
        };
        let age = |account: &DeclaredAccount| (account.meta.created, account.meta.uid.clone());
        let (own_platform, own_age) = (platform(account), age(account));
        let mut older: Vec<&DeclaredAccount> =
            self.accounts().filter(|other| age(other) < own_age && platform(other) == own_platform).collect();
        older.sort_by_key(|other| std::cmp::Reverse(age(other)));
        // The oldest of a tenant comes last, and stays in the map.
        older.into_iter().filter_map(|other| Some((other.tenant()?, other.meta.object.clone()))).collect()
    }
}

/// Which account an object belongs to.
#[derive(PartialEq, Eq)]
enum AccountMatch<'a> {
    Account(&'a ObjectRef),
    /// None, for that reason.
    None(String),
}

/// The accounts, by namespace.
struct AccountIndex<'a> {
    by_namespace: HashMap<&'a str, Vec<&'a DeclaredAccount>>,
    all: Vec<&'a DeclaredAccount>,
    /// The other namespaces that areas let in, each with the account.
    let_in: BTreeSet<(&'a ObjectRef, &'a str)>,
}

impl<'a> AccountIndex<'a> {
    fn new(
        accounts: impl Iterator<Item = &'a DeclaredAccount>,
        areas: impl Iterator<Item = &'a Declared>,
    ) -> Self {
        let all: Vec<&DeclaredAccount> = accounts.collect();
        let mut by_namespace: HashMap<&str, Vec<&DeclaredAccount>> = HashMap::new();
        for account in &all {
            by_namespace.entry(&account.meta.object.namespace).or_default().push(account);
        }
        let mut index = Self { by_namespace, all, let_in: BTreeSet::new() };
        for area in areas {
            let (Spec::Area(spec), AccountMatch::Account(account)) =
                (&area.spec, index.find(&area.meta, area.spec.account()))
            else {
                continue;
            };
            index.let_in.extend(spec.namespaces.iter().map(|namespace| (account, namespace.as_str())));
        }
        index
    }

    /// Whether objects of that namespace may belong to the account.
    fn lets_in(&self, account: &ObjectRef, namespace: &str) -> bool {
        self.let_in.iter().any(|(of, name)| *of == account && *name == namespace)
    }

    /// The account of that name in the object's own namespace; else the one elsewhere that lets its namespace in. An
    /// object that names none belongs to the only one.
    fn find(&self, meta: &Meta, named: Option<&str>) -> AccountMatch<'a> {
        let namespace = &*meta.object.namespace;
        let is_meant =
            |account: &&&DeclaredAccount| named.is_none_or(|name| *account.meta.object.name == *name);
        let beside: Vec<&&DeclaredAccount> =
            self.by_namespace.get(namespace).into_iter().flatten().filter(is_meant).collect();
        if meta.object.kind == Kind::Area && beside.is_empty() {
            return AccountMatch::None(
                "an area counts only in the namespace of its KoreAccount; move it there".to_owned(),
            );
        }
        let candidates: Vec<&&DeclaredAccount> = if beside.is_empty() {
            let lets_in = |account: &&&DeclaredAccount| self.lets_in(&account.meta.object, namespace);
            self.all.iter().filter(is_meant).filter(lets_in).collect()
        } else {
            beside
        };
        match (candidates.as_slice(), named) {
            ([only], _) => AccountMatch::Account(&only.meta.object),
            ([], Some(name)) => AccountMatch::None(format!(
                "there is no KoreAccount {name} in this namespace, and none elsewhere with a KoreArea that lets it in"
            )),
            ([], None) => AccountMatch::None(
                "there is no KoreAccount in this namespace, and none elsewhere with a KoreArea that lets it in".to_owned(),
            ),
            (_, _) => AccountMatch::None(
                "there are several KoreAccounts it could be for; name one in spec.account".to_owned(),
            ),
        }
    }

    fn is_approval_for(&self, account: &ObjectRef, named: Option<&str>) -> bool {
        match named {
            Some(name) => *account.name == *name,
            None => self.by_namespace.get(&*account.namespace).is_some_and(|beside| beside.len() == 1),
        }
    }
}

/// What the last version of an object said about its deletion.
fn deletion(stored: &Stored) -> Option<Missing> {
    match stored {
        Stored::Declared(object) => Some(Missing::Deleted {
            deletion_policy: object.manifest().deletion_policy(),
            is_orphaned: object.meta.is_orphaned,
        }),
        // Nobody can tell what it said: it goes as if nobody had seen it go.
        Stored::Broken(_) => Some(Missing::Unseen),
        Stored::Account(_) | Stored::Plan(..) | Stored::Approval(..) => None,
    }
}

fn is_deleted(stored: &Stored) -> bool {
    match stored {
        Stored::Declared(object) => object.meta.deleted.is_some(),
        Stored::Broken(broken) => broken.meta.deleted.is_some(),
        Stored::Account(_) | Stored::Plan(..) | Stored::Approval(..) => false,
    }
}

fn is_of_accounts(watch: &Watch) -> bool {
    watch.watched == Watched::Declared(Kind::Account)
}

/// This controller writes plans itself, so their events start no pass.
fn is_own(stored: &Stored) -> bool {
    matches!(stored, Stored::Plan(..))
}

/// Whether something was changed that a pass depends on and does not write itself.
fn is_edit(before: &Stored, after: &Stored) -> bool {
    match (before, after) {
        (Stored::Account(before), Stored::Account(after)) => is_meta_edit(&before.meta, &after.meta),
        (Stored::Declared(before), Stored::Declared(after)) => is_meta_edit(&before.meta, &after.meta),
        (Stored::Broken(before), Stored::Broken(after)) => is_meta_edit(&before.meta, &after.meta),
        (Stored::Plan(..), Stored::Plan(..)) => false,
        (Stored::Approval(_, before), Stored::Approval(_, after)) => {
            (&before.uid, before.generation) != (&after.uid, after.generation)
        }
        // An object has become readable, or has stopped being so.
        (
            Stored::Account(_)
            | Stored::Declared(_)
            | Stored::Broken(_)
            | Stored::Plan(..)
            | Stored::Approval(..),
            _,
        ) => true,
    }
}

fn is_meta_edit(before: &Meta, after: &Meta) -> bool {
    let Meta {
        object: _,
        uid,
        generation,
        created: _,
        deleted,
        has_finalizer: _,
        is_orphaned,
        mode,
        reconcile_at,
        accept_memory,
        // It comes with a generation.
        edited: _,
        editors,
    } = before;
    *uid != after.uid
        || *generation != after.generation
        || deleted.is_some() != after.deleted.is_some()
        || *is_orphaned != after.is_orphaned
        || *mode != after.mode
        || *reconcile_at != after.reconcile_at
        || *accept_memory != after.accept_memory
        || *editors != after.editors
}

fn differ(before: &BTreeMap<NamespacedName, Stored>, after: &BTreeMap<NamespacedName, Stored>) -> bool {
    before.len() != after.len()
        || before.iter().any(|(name, before)| after.get(name).is_none_or(|after| is_edit(before, after)))
}
