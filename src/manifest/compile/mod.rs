//! The manifests of one account become the facts that they declare, at one time.
//!
//! Teams are expanded, expired grants become *absent*, scopes are closed, additive, or left open with the reason.
//! The result does not depend on the order of files or documents. Findings of compiling are in [`Compiled`]; an error
//! in any document leaves the rest usable, but makes the manifests partial, so that nothing is pruned.

mod account;
mod baseline;
mod claims;
mod grants;
mod people;
mod policies;
mod teams;

pub use account::{AccountConnection, AccountServer, CredentialRefs, SecretRef, duration, rate};

use super::areas::Areas;
use super::finding::{Code, Finding, Spot};
use super::gaps;
use super::kinds::{Kind, KoreAccountSpec, Spec};
use super::model::{Index, Manifest, Manifests};
use crate::facts::{
    BotRef, Closure, Completeness, Desired, Email, Gap, GapReach, Key, LoadedObjects, Move, Policy, RuleSet,
    Scope, Source, Verdict, Want, nearest,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the manifests of one account come to.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// How to reach the account.
    pub account: AccountConnection,
    /// What is wanted.
    pub desired: Desired,
    /// How much may be done.
    pub policy: Policy,
    /// The objects that were compiled.
    pub objects: LoadedObjects,
    /// Rules about who may hold what.
    pub rules: RuleSet,
    /// Grants that end by themselves, the next one first.
    pub expiring: Vec<Expiry>,
    /// What was found while compiling, by file and line. Loading and checking have their own in [`Manifests`].
    pub findings: Vec<Finding>,
}

/// A grant that ends by itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Expiry {
    /// When the grant ends.
    pub at: Timestamp,
    /// The fact that it grants.
    pub key: Key<BotRef>,
    /// The line that declares it.
    pub source: Source,
}

/// Why there is no account to compile for.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CompileError {
    /// No `KoreAccount` among the manifests.
    #[error("there is no KoreAccount among the manifests")]
    NoAccount {
        /// Where the search ended: any file.
        spot: Spot,
    },
    /// Several, and none was chosen.
    #[error("there are several accounts: {}", names.join(", "))]
    SeveralAccounts {
        /// Their names.
        names: Vec<String>,
        /// Where they are declared.
        spots: Vec<Spot>,
    },
    /// The chosen one is not there.
    #[error("there is no KoreAccount named {name}")]
    UnknownAccount {
        /// What was asked for.
        name: String,
        /// The nearest name that is there.
        nearest: Option<String>,
        /// All names that are there.
        names: Vec<String>,
        /// Where the search ended: any file.
        spot: Spot,
    },
}

impl CompileError {
    /// The same as a finding.
    pub fn finding(&self) -> Finding {
        let message = self.to_string();
        match self {
            Self::NoAccount { spot } => Finding::new(Code::NoAccount, spot.clone(), message)
                .hint("add a KoreAccount, or load the file that declares it"),
            Self::SeveralAccounts { names: _, spots } => {
                let mut spots = spots.iter();
                let first = spots.next().cloned().unwrap_or_else(nowhere);
                let finding = Finding::new(Code::SeveralAccounts, first, message)
                    .hint("choose one with --account NAME");
                spots.fold(finding, |finding, spot| finding.related(spot.clone(), "and here"))
            }
            Self::UnknownAccount { name: _, nearest, names, spot } => {
                let finding = Finding::new(Code::UnknownAccount, spot.clone(), message);
                let listed = match names.as_slice() {
                    [] => "there is none among the manifests".to_owned(),
                    [only] => format!("there is one: {only}"),
                    names => format!("there are {}", names.join(", ")),
                };
                match nearest {
                    Some(nearest) if names.len() > 1 => {
                        finding.hint(format!("did you mean {nearest}? {listed}"))
                    }
                    Some(_) => finding.did_you_mean(nearest.as_deref()),
                    None => finding.hint(listed),
                }
            }
        }
    }
}

/// Compiles the manifests of one account. `account` may be left out when there is exactly one; objects that name no
/// account belong to it.
pub fn compile(
    manifests: &Manifests,
    account: Option<&str>,
    now: Timestamp,
) -> Result<Compiled, CompileError> {
    let (account, spec) = choose(manifests, account)?;
    let objects = objects_of(manifests, account);
    let index = Index::new(manifests.all());
    let mut grants = grants::Grants {
        now,
        people: people::People::default(),
        teams: teams::Teams::new(&index),
        claims: claims::Claims::default(),
        scopes: Vec::new(),
        strip: BTreeSet::new(),
        moves: BTreeMap::new(),
        terms: Vec::new(),
        findings: Vec::new(),
    };
    let loaded = LoadedObjects::new(objects.iter().map(|object| object.as_loaded()).collect());
    for object in &objects {
        grants.take(object);
    }
    if let Some(person) = &spec.safety.primary_admin {
        grants.people.known(person);
    }
    let grants::Grants { people, claims, mut scopes, strip, moves, terms, mut findings, .. } = grants;
    let (rules, ended) = policies::collect(account, &objects, terms, now);
    findings.extend(ended);
    let (wants, contradictions) = claims::settle(claims);
    findings.extend(contradictions);
    findings.extend(grants_to_previous_addresses(&wants, &moves));
    let (completeness, gaps) = completeness(manifests, account, &findings);
    leave_open(&mut scopes, &completeness, &gaps);
    scopes
        .sort_by(|left, right| left.extent.cmp(&right.extent).then_with(|| left.sources.cmp(&right.sources)));
    findings.sort_by(|left, right| left.spot.cmp(&right.spot).then_with(|| left.code.cmp(&right.code)));

    let areas =
        Areas::new(manifests.all()).in_account(account).map(|declared| declared.area.clone()).collect();
    let mut desired = Desired::new(wants);
    desired.scopes = scopes;
    desired.referenced = people.all().collect();
    desired.strip = strip;
    desired.moves = moves;
    desired.completeness = completeness;
    desired.gaps = gaps;
    desired.baseline = baseline::collect(&objects);
    Ok(Compiled {
        account: account::connection(account, spec),
        expiring: expiring(&desired),
        desired,
        policy: Policy { areas, rules: rules.guards(), ..account::policy(account, spec) },
        objects: loaded,
        rules,
        findings,
    })
}

/// Everything about a person is said of the new address: what is said of a previous one would be given to a user who is
/// to leave.
fn grants_to_previous_addresses(
    wants: &[(Key<BotRef>, Want)],
    moves: &BTreeMap<Email, Move>,
) -> Vec<Finding> {
    let told = wants.iter().filter_map(|(key, want)| {
        let (old, Move { to, source }) = key.email().and_then(|email| moves.get_key_value(email))?;
        let spot = claims::spot(want.sources.first()?);
        let message = format!("{key}: {old} is a previous address of {to}");
        let finding = Finding::new(Code::Contradiction, spot, message).hint(format!("write {to}"));
        Some(finding.related(claims::spot(source), "declared here"))
    });
    told.collect()
}

fn choose<'m>(
    manifests: &'m Manifests,
    name: Option<&str>,
) -> Result<(&'m Manifest, &'m KoreAccountSpec), CompileError> {
    let accounts = manifests.accounts();
    let any = || manifests.all().first().map_or_else(nowhere, |manifest| manifest.spot(""));
    let chosen = match (name, accounts.as_slice()) {
        (Some(name), accounts) => {
            accounts.iter().find(|account| *account.name == *name).copied().ok_or_else(|| {
                let nearest = nearest(name, accounts.iter().map(|account| &*account.name)).map(str::to_owned);
                CompileError::UnknownAccount {
                    name: name.to_owned(),
                    nearest,
                    names: accounts.iter().map(|account| account.name.to_string()).collect(),
                    spot: any(),
                }
            })?
        }
        (None, [only]) => only,
        (None, []) => return Err(CompileError::NoAccount { spot: any() }),
        (None, several) => {
            return Err(CompileError::SeveralAccounts {
                names: several.iter().map(|account| account.name.to_string()).collect(),
                spots: several.iter().map(|account| account.spot("")).collect(),
            });
        }
    };
    match &chosen.spec {
        Spec::Account(spec) => Ok((chosen, spec)),
        _ => Err(CompileError::NoAccount { spot: any() }),
    }
}

/// Everything that belongs to the account: people first, so that their own spelling of an address is the one used,
/// then by kind, namespace and name, so that the order of documents does not matter.
pub(in crate::manifest) fn objects_of<'m>(manifests: &'m Manifests, account: &Manifest) -> Vec<&'m Manifest> {
    let areas = Areas::new(manifests.all());
    let mut objects: Vec<&Manifest> = manifests
        .all()
        .iter()
        .filter(|object| object.kind() != Kind::Account)
        .filter(|object| object.spec.account().is_none_or(|name| *name == *account.name))
        .filter(|object| areas.reach(account, object))
        .collect();
    objects.sort_by(|left, right| {
        (left.kind(), &left.namespace, &left.name).cmp(&(right.kind(), &right.namespace, &right.name))
    });
    objects
}

/// An error may hide who else was meant: in a cluster what its object could have spoken about, in files anybody. So may
/// a file that was not loaded.
fn completeness(manifests: &Manifests, account: &Manifest, findings: &[Finding]) -> (Completeness, Vec<Gap>) {
    let errors = manifests.findings().iter().chain(findings).filter(|finding| finding.is_error());
    match gaps::of_findings(manifests, account, errors) {
        Err(error) => (Completeness::Partial(format!("{}: {}", error.spot, error.message)), Vec::new()),
        Ok(gaps) => {
            let completeness = manifests.completeness.get(&account.name).cloned().unwrap_or_default();
            (completeness, [gaps, manifests.gaps.clone()].concat())
        }
    }
}

fn leave_open(scopes: &mut [Scope<BotRef>], completeness: &Completeness, gaps: &[Gap]) {
    let whole = match completeness {
        Completeness::Complete => None,
        Completeness::Partial(why) => Some(why.as_str()),
        Completeness::Unknown => Some("spec.sources is empty, so missing files cannot be noticed"),
    };
    for scope in scopes.iter_mut().filter(|scope| scope.closure == Closure::Closed) {
        let list = GapReach::List(scope.extent.clone());
        let gap = || gaps.iter().find(|gap| gap.reach.contains(&list)).map(|gap| gap.why.as_str());
        if let Some(why) = whole.or_else(gap) {
            scope.closure = Closure::Open(why.to_owned());
        }
    }
}

fn expiring(desired: &Desired) -> Vec<Expiry> {
    let mut expiring: Vec<Expiry> = desired
        .wants
        .iter()
        .filter(|(_, want)| matches!(want.verdict, Verdict::Present(_)))
        .filter_map(|(key, want)| {
            Some(Expiry { at: want.until?, key: key.clone(), source: want.sources.first()?.clone() })
        })
        .collect();
    expiring.sort_by(|left, right| left.at.cmp(&right.at).then_with(|| left.key.cmp(&right.key)));
    expiring
}

fn nowhere() -> Spot {
    Spot { file: Arc::from("<manifests>"), span: super::finding::Span::default() }
}
