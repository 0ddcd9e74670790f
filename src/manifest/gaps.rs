//! Objects of a cluster that are in error, and what each could have spoken about: the rest goes on.
//!
//! A broken object of one tenant blocks nothing that it could not have touched. Where that cannot be told, the
//! manifests as a whole are incomplete.

use super::areas::Areas;
use super::check::may_speak_about;
use super::finding::Finding;
use super::kinds::{Kind, Spec};
use super::model::{Manifest, Manifests};
use crate::facts::{BotRef, Email, Gap, GapReach, ObjectRef, RoleName, RoleType, ScopeExtent};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The gaps that errors leave. An error that is not about one object comes back as it is.
pub(super) fn of_findings<'f>(
    manifests: &Manifests,
    account: &Manifest,
    errors: impl Iterator<Item = &'f Finding>,
) -> Result<Vec<Gap>, &'f Finding> {
    let mut errors = errors.peekable();
    if errors.peek().is_none() {
        return Ok(Vec::new());
    }
    let objects = manifests.all().iter().chain(&manifests.left_out).filter(|object| object.file().is_none());
    let by_label: BTreeMap<_, &Manifest> = objects.map(|object| (object.spot("").file, object)).collect();
    let areas = Areas::new(manifests.all());
    let mut gaps: BTreeMap<ObjectRef, Gap> = BTreeMap::new();
    for error in errors {
        let object = by_label.get(&error.spot.file).ok_or(error)?;
        let reach = match &object.spec {
            // Beside its account an area lets others in; elsewhere it counts nowhere.
            Spec::Area(_) if !account.shares_namespace_with(object) => Vec::new(),
            _ => reach_of(object, manifests).ok_or(error)?,
        };
        let gap = Gap {
            object: object.object_ref(),
            why: format!("{}: {}", error.spot, error.message),
            is_pause: false,
            reach: within(reach, account, object.namespace.as_deref(), &areas),
        };
        gaps.entry(gap.object.clone()).or_insert(gap);
    }
    Ok(gaps.into_values().collect())
}

/// The gap that an object leaves which does not fit the schema; nothing where it cannot be told what it is about.
pub fn of_unreadable(
    object: &ObjectRef,
    spec: &Value,
    why: &str,
    manifests: &Manifests,
    account: &Manifest,
) -> Option<Gap> {
    let kind = Kind::named(&object.kind)?;
    let reach = match kind {
        Kind::Team => through_team(&object.name, manifests),
        Kind::Area if object.namespace != account.namespace => Vec::new(),
        kind => named_in(kind, spec)?,
    };
    let reach = within(reach, account, object.namespace.as_deref(), &Areas::new(manifests.all()));
    Some(Gap { object: object.clone(), why: why.to_owned(), is_pause: false, reach })
}

/// The gap that an object leaves which is left out though it is in order.
pub fn of_left_out(object: &Manifest, why: &str, is_pause: bool, manifests: &Manifests) -> Option<Gap> {
    let reach = reach_of(object, manifests)?;
    Some(Gap { object: object.object_ref(), why: why.to_owned(), is_pause, reach })
}

/// Without what the namespace of the object may not touch.
fn within(reach: Vec<GapReach>, account: &Manifest, namespace: Option<&str>, areas: &Areas) -> Vec<GapReach> {
    let other = namespace.filter(|_| account.namespace.as_deref() != namespace);
    match other.and_then(|namespace| areas.letting_in(account, namespace)) {
        Some(declared) => {
            let limits = &declared.area.reach;
            reach.into_iter().filter(|reach| may_speak_about(limits, reach)).collect()
        }
        None => reach,
    }
}

/// What an object could have spoken about; nothing where that cannot be told.
fn reach_of(object: &Manifest, manifests: &Manifests) -> Option<Vec<GapReach>> {
    Some(match &object.spec {
        // Whom an area lets in is not known without it.
        Spec::Account(_) | Spec::Area(_) => return None,
        Spec::User(spec) => {
            let people = [&spec.email].into_iter().chain(&spec.previous_emails);
            people.map(|email| GapReach::Person(email.clone())).collect()
        }
        Spec::Team(_) => through_team(&object.name, manifests),
        Spec::Role(spec) => {
            let role_type = RoleType::from(spec.r#type);
            vec![GapReach::Definition(role_type, RoleName::canonical(role_type, &spec.name))]
        }
        Spec::GroupMembership(_) | Spec::RoleBinding(_) | Spec::BotAssignment(_) => {
            object.list().map(GapReach::List).into_iter().collect()
        }
        // They grant nothing.
        Spec::Policy(_) | Spec::PolicyException(_) | Spec::Baseline(_) => Vec::new(),
    })
}

/// The lists that name a team, or a team that it is in; and whom teams invite.
fn through_team(team: &str, manifests: &Manifests) -> Vec<GapReach> {
    let objects = || manifests.all().iter().chain(&manifests.left_out);
    let mut teams: BTreeSet<&str> = BTreeSet::from([team]);
    loop {
        let outer = objects().filter(|object| object.kind() == Kind::Team);
        let outer: Vec<&str> = outer
            .filter(|object| {
                !teams.contains(&*object.name) && object.teams().any(|name| teams.contains(name))
            })
            .map(|object| &*object.name)
            .collect();
        if outer.is_empty() {
            break;
        }
        teams.extend(outer);
    }
    let lists = objects().filter(|object| object.teams().any(|name| teams.contains(name)));
    lists.filter_map(Manifest::list).map(GapReach::List).chain([GapReach::Membership]).collect()
}

/// What the fields name of an object that does not fit the schema.
fn named_in(kind: Kind, spec: &Value) -> Option<Vec<GapReach>> {
    let text = |path: &str| spec.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    Some(match kind {
        Kind::Account | Kind::Team | Kind::Area => return None,
        Kind::User => {
            let previous = spec.pointer("/previousEmails").and_then(Value::as_array).into_iter().flatten();
            let emails = [text("/email")?].into_iter().chain(previous.filter_map(Value::as_str));
            emails.map(|email| GapReach::Person(Email::observed(email))).collect()
        }
        Kind::Role => {
            let role_type = role_type(text("/type")?)?;
            vec![GapReach::Definition(role_type, RoleName::canonical(role_type, text("/name")?))]
        }
        Kind::GroupMembership => vec![GapReach::List(ScopeExtent::Group(text("/group")?.into()))],
        Kind::BotAssignment => vec![GapReach::List(ScopeExtent::Assignments(BotRef::new(text("/bot")?)))],
        Kind::RoleBinding => {
            let role_type = role_type(text("/role/type")?)?;
            let role = RoleName::canonical(role_type, text("/role/name")?);
            vec![GapReach::List(match role_type {
                RoleType::Admin => ScopeExtent::AdminRole(role),
                RoleType::Bot => ScopeExtent::BotRole(role, BotRef::new(text("/bot")?)),
            })]
        }
        Kind::Policy | Kind::PolicyException | Kind::Baseline => Vec::new(),
    })
}

fn role_type(text: &str) -> Option<RoleType> {
    RoleType::ALL.into_iter().find(|role_type| role_type.as_str() == text.to_lowercase())
}
