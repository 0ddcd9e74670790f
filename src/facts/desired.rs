//! What manifests declare: facts present or absent, and authoritative lists.

use super::{BotId, BotRef, Email, Gap, GroupName, Key, RoleName, Value};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// All manifests of one account, compiled at one instant.
#[derive(Clone, Debug, Default)]
pub struct Desired {
    /// What is wanted, sorted by key, each key once: [`Desired::new`] sorts.
    pub wants: Vec<(Key<BotRef>, Want)>,
    /// The lists, authoritative or additive: one entry per binding, group membership or assignment.
    pub scopes: Vec<Scope<BotRef>>,
    /// Every user that a manifest refers to, member or not: they must be looked up, and are never pruned from the
    /// account.
    pub referenced: BTreeSet<Email>,
    /// Absent users who lose everything but their bots when they own some (`offboard: StripAccess`).
    pub strip: BTreeSet<Email>,
    /// People whose address changes, by the old address.
    pub moves: BTreeMap<Email, Move>,
    /// Whether everything that should have been loaded was.
    pub completeness: Completeness,
    /// Objects with errors that could have spoken about some facts alone.
    pub gaps: Vec<Gap>,
    /// What is known and not declared (`KoreBaseline`).
    pub baseline: BTreeMap<Key<BotRef>, Acknowledged>,
}

/// An entry of a baseline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    /// The day since which the fact is known.
    pub since: String,
    /// The line that lists it.
    pub source: Source,
}

/// A change of address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Move {
    /// The new address.
    pub to: Email,
    /// The line that declares it.
    pub source: Source,
}

impl Desired {
    /// Sorts the wants by key. Each key occurs once: the compiler has settled present against absent.
    pub fn new(mut wants: Vec<(Key<BotRef>, Want)>) -> Self {
        wants.sort_by(|(left, _), (right, _)| left.cmp(right));
        Self { wants, ..Self::default() }
    }

    /// What manifests want of one fact.
    pub fn find(&self, key: &Key<BotRef>) -> Option<&Want> {
        super::find(&self.wants, key)
    }
}

/// Whether all manifests of the account were loaded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Completeness {
    /// Every file parsed and every declared source loaded.
    Complete,
    /// Something is missing, and what: nothing is pruned.
    Partial(String),
    /// `sources` is empty, so missing files cannot be noticed: nothing is pruned.
    #[default]
    Unknown,
}

impl Completeness {
    /// What is missing, where something is.
    pub fn missing(&self) -> Option<&str> {
        match self {
            Self::Partial(why) => Some(why),
            Self::Complete | Self::Unknown => None,
        }
    }
}

/// One fact that manifests declare.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Want {
    /// Present with a value, or absent.
    pub verdict: Verdict,
    /// The manifest lines that declare it.
    pub sources: Vec<Source>,
    /// When a present grant ends; on an absent one, when it ended.
    pub until: Option<Timestamp>,
    /// Why it is granted, as the manifest says.
    pub reason: Option<Arc<str>>,
}

/// Present or absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It must hold, with this value.
    Present(Value),
    /// It must not hold.
    Absent,
}

/// Where something is declared, and the team through which it applies to the user.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// The line or the object.
    #[serde(flatten)]
    pub place: Location,
    /// The team that was expanded, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Arc<str>>,
}

impl Source {
    /// A place in a file, counted from 1.
    pub fn file(path: impl AsRef<str>, line: u32, column: u32) -> Self {
        Self { place: Location::File { file: Arc::from(path.as_ref()), line, column }, team: None }
    }

    /// The same place, reached through a team.
    #[must_use]
    pub fn through(self, team: &Arc<str>) -> Self {
        Self { team: Some(Arc::clone(team)), ..self }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Location::File { file, line, column: _ } => write!(f, "{file}:{line}")?,
            Location::Resource(object) => object.fmt(f)?,
        }
        match &self.team {
            Some(team) => write!(f, " (team {team})"),
            None => Ok(()),
        }
    }
}

/// A line in a file, or an object in a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Location {
    /// Line and column count from 1.
    File {
        /// Path as the user gave it.
        file: Arc<str>,
        /// Line, counted from 1.
        line: u32,
        /// Column, counted from 1.
        column: u32,
    },
    /// A custom resource.
    Resource(Arc<Resource>),
}

/// An object in a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Resource {
    /// Kind of the object, such as `KoreUser`.
    pub kind: Arc<str>,
    /// Namespace of the object.
    pub namespace: Arc<str>,
    /// Name of the object.
    pub name: Arc<str>,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name } = self;
        write!(f, "{kind} {namespace}/{name}")
    }
}

impl Location {
    /// The file or the object, as messages name it.
    pub fn document(&self) -> String {
        match self {
            Self::File { file, .. } => file.strip_prefix("./").unwrap_or(file).to_owned(),
            Self::Resource(object) => object.to_string(),
        }
    }
}

/// A list of facts, and whether it is authoritative.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope<B = BotId> {
    /// Which facts.
    pub extent: ScopeExtent<B>,
    /// What happens to the undeclared ones.
    pub closure: Closure,
    /// The manifest lines that declare it.
    pub sources: Vec<Source>,
}

/// Which facts a scope holds.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ScopeExtent<B = BotId> {
    /// Holders of one admin role.
    AdminRole(RoleName),
    /// Holders of one role on one bot.
    BotRole(RoleName, B),
    /// Members of one platform group.
    Group(GroupName),
    /// Users of one bot.
    Assignments(B),
}

impl<B: Clone> ScopeExtent<B> {
    /// The list that a fact would belong to.
    pub fn holding(key: &Key<B>) -> Option<Self> {
        match key {
            Key::AdminRole(_, role) => Some(Self::AdminRole(role.clone())),
            Key::BotRole(_, role, bot) => Some(Self::BotRole(role.clone(), bot.clone())),
            Key::InGroup(_, group) => Some(Self::Group(group.clone())),
            Key::Assigned(_, bot) => Some(Self::Assignments(bot.clone())),
            Key::RoleDefinition(..)
            | Key::Member(_)
            | Key::Names(_)
            | Key::Access(_)
            | Key::Profile(_)
            | Key::DataTables(_) => None,
        }
    }
}

impl<B> ScopeExtent<B> {
    /// The same list, with its bot translated; `None` if that fails. As [`Key::with_bot`].
    pub fn with_bot<C>(self, translate: impl FnOnce(B) -> Option<C>) -> Option<ScopeExtent<C>> {
        Some(match self {
            Self::AdminRole(role) => ScopeExtent::AdminRole(role),
            Self::BotRole(role, bot) => ScopeExtent::BotRole(role, translate(bot)?),
            Self::Group(group) => ScopeExtent::Group(group),
            Self::Assignments(bot) => ScopeExtent::Assignments(translate(bot)?),
        })
    }

    /// The same list, whatever its bot.
    pub fn on_any_bot(&self) -> ScopeExtent<()> {
        match self {
            Self::AdminRole(role) => ScopeExtent::AdminRole(role.clone()),
            Self::BotRole(role, _) => ScopeExtent::BotRole(role.clone(), ()),
            Self::Group(group) => ScopeExtent::Group(group.clone()),
            Self::Assignments(_) => ScopeExtent::Assignments(()),
        }
    }

    /// `Bot Developer on Banking Assistant`, with the bot as `label` calls it.
    pub fn in_words(&self, label: impl Fn(&B) -> String) -> String {
        match self {
            Self::AdminRole(role) => role.to_string(),
            Self::BotRole(role, bot) => format!("{role} on {}", label(bot)),
            Self::Group(group) => format!("group {group}"),
            Self::Assignments(bot) => format!("assignments of {}", label(bot)),
        }
    }
}

/// What happens to undeclared facts in a scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Closure {
    /// They are pruned (`membership: Authoritative`).
    Closed,
    /// They stay (`membership: Additive`).
    Additive,
    /// They would be pruned, but something is missing, and what.
    Open(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_line_or_an_object_and_the_team_it_came_through() {
        let line = Source::file("people.yaml", 7, 3);
        assert_eq!(line.to_string(), "people.yaml:7");
        assert_eq!(line.through(&"tellers".into()).to_string(), "people.yaml:7 (team tellers)");
        let (kind, namespace, name) = ("KoreTeam".into(), "acme".into(), "tellers".into());
        let place = Location::Resource(Arc::new(Resource { kind, namespace, name }));
        let object = Source { place, team: None };
        assert_eq!(object.to_string(), "KoreTeam acme/tellers");
    }
}
