//! What existing manifests declare, so that an import adds only what they do not.

use super::names::KnownNames;
use crate::facts::{BotId, BotRef, Closure, Email, Key, ScopeExtent, Source, Verdict, World};
use crate::manifest::kinds::{Kind, Spec};
use crate::manifest::{Compiled, Manifests};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What people have written so far.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// Facts with a want, present or absent.
    pub(super) keys: HashSet<Key>,
    /// Users declared absent.
    pub(super) absent: HashSet<Email>,
    /// Authoritative lists, and where each is declared.
    pub(super) authoritative: BTreeMap<ScopeExtent, Source>,
    /// Names of objects.
    pub(super) names: HashSet<(Kind, String)>,
    /// Whether anything but the account is declared: then pages are additions, and their heads say no more.
    pub(super) is_begun: bool,
    /// The account's name, when the manifests are about several.
    pub(super) account: Option<String>,
}

impl Declared {
    /// Nothing: the folder is new.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// What these manifests say of this account.
    pub fn from_manifests(manifests: &Manifests, compiled: &Compiled, world: &World) -> Self {
        let known = KnownNames::new(&world.directory, &world.coverage);
        let id = |bot: &BotRef| -> Option<BotId> {
            match bot {
                BotRef::Id(id) => Some(id.clone()),
                BotRef::Name(name) => known.bot_named(name.as_str()),
            }
        };
        let desired = &compiled.desired;
        let mut declared = Self {
            names: manifests.all().iter().map(|object| (object.kind(), object.name.to_string())).collect(),
            is_begun: manifests.all().iter().any(|object| object.kind() != Kind::Account),
            account: (manifests.accounts().len() > 1).then(|| compiled.account.name.to_string()),
            ..Self::default()
        };
        for (key, want) in &desired.wants {
            if let (Key::Member(email), Verdict::Absent) = (key, &want.verdict) {
                declared.absent.insert(email.clone());
            }
            declared.keys.extend(key.clone().with_bot(|bot| id(&bot)));
        }
        // An object that leaves a person's name or access out does so on purpose: it is theirs to say.
        for object in manifests.all() {
            if let Spec::User(spec) = &object.spec {
                declared.keys.insert(Key::Member(spec.email.clone()));
            }
        }
        let mut authoritative: HashMap<ScopeExtent, Source> = HashMap::new();
        for scope in desired.scopes.iter().filter(|scope| scope.closure != Closure::Additive) {
            let extent = scope.extent.clone().with_bot(|bot| id(&bot));
            if let (Some(extent), Some(source)) = (extent, scope.sources.first()) {
                authoritative.entry(extent).or_insert_with(|| source.clone());
            }
        }
        declared.authoritative = authoritative.into_iter().collect();
        declared
    }
}
