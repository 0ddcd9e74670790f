//! The areas of accounts: which documents and namespaces are in which.
//!
//! A document is in an area by its file (`paths`), by its namespace (`namespaces`), or by both. A namespace other than the
//! account's own may declare things for the account only as a namespace of an area.

use super::finding::Spot;
use super::kinds::area::{AreaApprovalsSpec, MayTouch};
use super::kinds::{Kind, KoreAreaSpec, Spec};
use super::model::{Manifest, Manifests};
use super::sources::SourcePath;
use crate::facts::{Area, AreaApprovals, AreaReach, Pattern, as_read};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Every area among some manifests, in their order.
#[derive(Debug, Default)]
pub(super) struct Areas {
    all: Vec<DeclaredArea>,
}

/// One area, and where it counts.
#[derive(Debug)]
pub(super) struct DeclaredArea {
    account: Option<String>,
    namespace: Option<Arc<str>>,
    /// What it is.
    pub(super) area: Area,
    /// Where its name is.
    pub(super) spot: Spot,
}

impl Areas {
    /// Of these manifests. `paths` are relative to the file of the account.
    pub(super) fn new(manifests: &[Manifest]) -> Self {
        let areas: Vec<(&Manifest, &KoreAreaSpec)> = manifests.iter().filter_map(of_area).collect();
        if areas.is_empty() {
            return Self::default();
        }
        let files: BTreeSet<&Arc<str>> = manifests.iter().filter_map(Manifest::file).collect();
        let all = areas.into_iter().map(|(manifest, spec)| {
            let paths = paths(manifest, spec, manifests);
            let is_below = |file: &&&Arc<str>| paths.iter().any(|path| path.is_match(file));
            DeclaredArea {
                account: spec.account.clone(),
                namespace: manifest.namespace.clone(),
                area: area(
                    manifest,
                    spec,
                    files.iter().filter(is_below).map(|file| Arc::clone(file)).collect(),
                ),
                spot: manifest.spot(""),
            }
        });
        Self { all: all.collect() }
    }

    /// The area that lets objects of another namespace into an account. Of several the first counts.
    pub(super) fn letting_in(&self, account: &Manifest, namespace: &str) -> Option<&DeclaredArea> {
        let has = |declared: &&DeclaredArea| declared.area.namespaces.iter().any(|name| name == namespace);
        self.in_account(account).find(has)
    }

    /// Whether an object may belong to an account: one namespace, or one that an area of the account lets in.
    pub(super) fn reach(&self, account: &Manifest, object: &Manifest) -> bool {
        let namespace = object.namespace.as_deref();
        account.shares_namespace_with(object)
            || namespace.and_then(|namespace| self.letting_in(account, namespace)).is_some()
    }

    /// The areas whose paths a document is below.
    pub(super) fn above(&self, manifest: &Manifest) -> impl Iterator<Item = &DeclaredArea> {
        let account = manifest.spec.account();
        let is_for = move |declared: &&DeclaredArea| match (&declared.account, account) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        };
        let file = manifest.file();
        let holds =
            move |declared: &&DeclaredArea| file.is_some_and(|file| declared.area.files.contains(file));
        self.all.iter().filter(is_for).filter(holds)
    }

    /// The areas of an account, in their order.
    pub(super) fn in_account(&self, account: &Manifest) -> impl Iterator<Item = &DeclaredArea> {
        self.all.iter().filter(|declared| declared.is_of(account))
    }
}

impl DeclaredArea {
    fn is_of(&self, account: &Manifest) -> bool {
        let is_beside = match (&self.namespace, &account.namespace) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => true,
        };
        is_beside && self.account.as_deref().is_none_or(|name| *name == *account.name)
    }
}

/// The other namespaces whose objects may belong to an account.
pub fn namespaces_let_in(account: &Manifest, manifests: &Manifests) -> Vec<String> {
    let areas = Areas::new(manifests.all());
    let names: BTreeSet<&String> =
        areas.in_account(account).flat_map(|declared| &declared.area.namespaces).collect();
    names.into_iter().cloned().collect()
}

/// The area that a manifest is.
pub(super) fn of_area(manifest: &Manifest) -> Option<(&Manifest, &KoreAreaSpec)> {
    match &manifest.spec {
        Spec::Area(spec) => Some((manifest, spec)),
        _ => None,
    }
}

/// Its paths, from the folder of each account that it can be of. What is no pattern is left out: that is a finding.
fn paths(manifest: &Manifest, spec: &KoreAreaSpec, manifests: &[Manifest]) -> Vec<SourcePath> {
    accounts_of(manifest, manifests)
        .filter_map(Manifest::file)
        .flat_map(|file| spec.paths.iter().filter_map(|path| SourcePath::new(file, path).ok()))
        .collect()
}

/// The accounts that an area can be of.
pub(super) fn accounts_of<'m>(
    area: &'m Manifest,
    manifests: &'m [Manifest],
) -> impl Iterator<Item = &'m Manifest> {
    let accounts = manifests.iter().filter(|manifest| manifest.kind() == Kind::Account);
    accounts.filter(|account| {
        area.shares_namespace_with(account) && area.spec.account().is_none_or(|name| *name == *account.name)
    })
}

fn area(manifest: &Manifest, spec: &KoreAreaSpec, files: BTreeSet<Arc<str>>) -> Area {
    let KoreAreaSpec { account: _, paths: _, namespaces, owners, may_touch, approvals } = spec;
    let MayTouch { bots, roles, email_domains, groups } = may_touch;
    let AreaApprovalsSpec { additions, removals, privileged } = approvals;
    let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(&as_read(text))).collect();
    Area {
        name: Arc::clone(&manifest.name),
        owners: owners.clone(),
        reach: AreaReach {
            bots: patterns(bots),
            roles: patterns(roles),
            email_domains: patterns(email_domains),
            groups: patterns(groups),
        },
        approvals: AreaApprovals { additions: *additions, removals: *removals, privileged: *privileged },
        files,
        namespaces: namespaces.clone(),
        source: manifest.source(""),
    }
}
