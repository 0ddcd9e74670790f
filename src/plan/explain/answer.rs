//! The answer as a value: lines for people and machines.

use super::Query;
use super::collect::{FactIndex, label_of};
use crate::facts::{AccountId, BotRef, Email, Family, GroupName, Holder, Key, RoleName, RoleType, Source};
use crate::plan::{AccountRef, Reason};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Who has what, and why.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// [`Explanation::FORMAT`].
    pub format: String,
    /// Which account.
    pub account: AccountRef,
    /// What was asked, in words.
    pub about: String,
    /// Whether the account was asked, and at what price.
    pub reading: Reading,
    /// What the account says of the person who is asked about, and no manifest decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonDetail>,
    /// A line a fact.
    pub lines: Vec<FactLine>,
    /// What belongs to no line.
    pub notes: Vec<String>,
}

impl Explanation {
    /// The version of this format.
    pub const FORMAT: &'static str = "koreconcile.dev/explanation/v1";

    pub(super) fn about(query: &Query, index: &FactIndex<'_>, lines: impl Iterator<Item = FactLine>) -> Self {
        let Query { who, bot, role, ending_by: _ } = query;
        let bot = bot.as_ref().map(|bot| index.name_of(bot));
        let about = match (who, role, bot) {
            (Some(who), None, None) => who.to_string(),
            (Some(who), Some(role), None) => format!("{who}: {role}"),
            (Some(who), None, Some(bot)) => format!("{who} and {bot}"),
            (Some(who), Some(role), Some(bot)) => format!("{who}: {role} on {bot}"),
            (None, Some(role), Some(bot)) => format!("{role} on {bot}"),
            (None, Some(role), None) => role.clone(),
            (None, None, Some(bot)) => bot,
            (None, None, None) => "everybody".to_owned(),
        };
        let reading = match index.world {
            Some(world) => Reading { of_account: true, calls: world.calls, why_not: None },
            None => Reading { of_account: false, calls: 0, why_not: None },
        };
        let id: Option<AccountId> = index.world.and_then(|world| world.account.clone());
        Self {
            format: Self::FORMAT.to_owned(),
            account: AccountRef { id, ..AccountRef::default() },
            about,
            reading,
            person: PersonDetail::collect(index),
            lines: lines.collect(),
            notes: Vec::new(),
        }
    }

    /// Every reason, for filling in what only files know.
    pub fn attributions_mut(&mut self) -> impl Iterator<Item = (&Fact, &mut Vec<Attribution>)> {
        self.lines.iter_mut().map(|line| (&line.fact, &mut line.attributions))
    }
}

/// What the account says of one person beside facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersonDetail {
    /// The organisation's id of the person, where the list of users was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_user_id: Option<String>,
    /// When the person signed in last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub last_sign_in: Option<Timestamp>,
}

impl PersonDetail {
    fn collect(index: &FactIndex<'_>) -> Option<Self> {
        let (who, world) = index.query.who.as_ref().zip(index.world)?;
        let org_user_id = world.directory.users.get(who).and_then(|entry| entry.org_user_id.clone());
        let last_sign_in = world.last_sign_ins.get(who).copied();
        (org_user_id.is_some() || last_sign_in.is_some()).then_some(Self { org_user_id, last_sign_in })
    }
}

/// Whether the account was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// `false`: the answer is from the manifests alone.
    pub of_account: bool,
    /// Calls it took.
    pub calls: u32,
    /// Why it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FactLine {
    /// Which fact.
    #[serde(flatten)]
    pub fact: Fact,
    /// Where it stands.
    pub status: FactStatus,
    /// What manifests want.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// When the grant ends by itself, or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
    /// Since when, as far as is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// The lines that declare it.
    pub attributions: Vec<Attribution>,
    /// In words: what no place says.
    pub why: Vec<String>,
    /// What keeps it from coming about.
    pub obstacles: Vec<ObstacleDetail>,
}

impl FactLine {
    pub(super) fn new(fact: Fact) -> Self {
        Self {
            fact,
            status: FactStatus::NotHeld,
            value: None,
            seen: None,
            until: None,
            since: None,
            attributions: Vec::new(),
            why: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    /// Adds lines of manifests, and what they say.
    pub(super) fn attribute(&mut self, effect: SourceEffect, sources: &[Source]) {
        self.attributions.extend(sources.iter().map(|source| Attribution::new(effect, source)));
    }
}

/// A fact, with its bot by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// The kind of fact.
    pub family: Family,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub user: Option<Email>,
    /// The platform group: the one a person is in, or the one that holds a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// The role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleName>,
    /// Admin or bot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_type: Option<RoleType>,
    /// The bot's name, or its id where the name is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// The bot's id, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<String>,
}

impl Fact {
    pub(super) fn from_key(key: &Key<BotRef>, index: &FactIndex<'_>) -> Self {
        let (bot_id, bot) = label_of(key, index);
        Self {
            family: key.family(),
            user: key.email().cloned(),
            group: key.group().cloned(),
            role: key.role().map(|(_, role)| role.clone()),
            role_type: key.role().map(|(role_type, _)| role_type),
            bot,
            bot_id,
        }
    }

    /// Who or what it is about, as a heading.
    pub fn holder(&self) -> String {
        match (&self.user, &self.group, &self.role) {
            (Some(user), _, _) => user.to_string(),
            (None, Some(group), _) => format!("group {group}"),
            (None, None, Some(role)) => format!("role {role}"),
            (None, None, None) => String::new(),
        }
    }

    /// What it is about that holder.
    pub fn effect(&self) -> String {
        let text = |part: Option<&dyn std::fmt::Display>| part.map(ToString::to_string).unwrap_or_default();
        let role = text(self.role.as_ref().map(|role| role as &dyn std::fmt::Display));
        let bot = text(self.bot.as_ref().map(|bot| bot as &dyn std::fmt::Display));
        match self.family {
            Family::RoleDefinitions => "definition".to_owned(),
            Family::Membership => "in the account".to_owned(),
            Family::Names => "name".to_owned(),
            Family::Access => "builder access".to_owned(),
            Family::Profile => "profile fields".to_owned(),
            Family::DataTables => "data tables".to_owned(),
            Family::Groups => {
                format!("group {}", text(self.group.as_ref().map(|group| group as &dyn std::fmt::Display)))
            }
            Family::AdminRoles => role,
            Family::BotRoles => format!("{role} on {bot}"),
            Family::Assignments => format!("assigned to {bot}"),
        }
    }

    /// The same fact as a key of the account, where its bot's id is known.
    pub fn key(&self) -> Option<Key> {
        let holder = || match (&self.user, &self.group) {
            (Some(user), _) => Some(Holder::User(user.clone())),
            (None, Some(group)) => Some(Holder::Group(group.clone())),
            (None, None) => None,
        };
        let bot = || self.bot_id.as_deref().map(crate::facts::BotId::new);
        Some(match self.family {
            Family::RoleDefinitions => Key::RoleDefinition(self.role_type?, self.role.clone()?),
            Family::Membership => Key::Member(self.user.clone()?),
            Family::Names => Key::Names(self.user.clone()?),
            Family::Access => Key::Access(self.user.clone()?),
            Family::Profile => Key::Profile(self.user.clone()?),
            Family::DataTables => Key::DataTables(self.user.clone()?),
            Family::Groups => Key::InGroup(self.user.clone()?, self.group.clone()?),
            Family::AdminRoles => Key::AdminRole(holder()?, self.role.clone()?),
            Family::BotRoles => Key::BotRole(holder()?, self.role.clone()?, bot()?),
            Family::Assignments => Key::Assigned(self.user.clone()?, bot()?),
        })
    }
}

/// Where a fact stands between what is wanted and what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FactStatus {
    /// Wanted; the account was not asked, or never shows it.
    Declared,
    /// Wanted and seen.
    Held,
    /// Held through a platform group.
    Inherited,
    /// Wanted and not there.
    Missing,
    /// There with another value than wanted.
    Differs,
    /// There, and to be removed: declared absent, or not declared in an authoritative list or owned family.
    ToBeRemoved,
    /// Must not be there, and is not known to be.
    Absent,
    /// There, not declared, and not changed.
    Unmanaged,
    /// Neither wanted nor there.
    NotHeld,
    /// Wanted; whether it is there could not be read.
    Unknown,
}

impl FactStatus {
    /// Whether it holds, as far as is known: then it also holds since some time.
    pub fn may_hold(self) -> bool {
        match self {
            Self::Declared
            | Self::Held
            | Self::Inherited
            | Self::Differs
            | Self::ToBeRemoved
            | Self::Unmanaged
            | Self::Unknown => true,
            Self::Missing | Self::Absent | Self::NotHeld => false,
        }
    }

    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Held => "held",
            Self::Inherited => "held through a group",
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::ToBeRemoved => "held, and to be removed",
            Self::Absent => "must not be held, and is not",
            Self::Unmanaged => "held, not declared",
            Self::NotHeld => "no",
            Self::Unknown => "not known",
        }
    }

    /// One character that means the same, for people who scan.
    pub fn sign(self) -> char {
        match self {
            Self::Declared | Self::Held | Self::Inherited => '=',
            Self::Missing => '+',
            Self::Differs => '~',
            Self::ToBeRemoved => '-',
            Self::Absent | Self::NotHeld => 'x',
            Self::Unmanaged => '*',
            Self::Unknown => '?',
        }
    }
}

/// A place that says something about a fact.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attribution {
    /// What it says.
    pub effect: SourceEffect,
    /// Where, and through which team.
    #[serde(flatten)]
    pub source: Source,
    /// The group it says it of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// Which object the place belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Why, as the manifest says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The commit that last wrote the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
}

impl Attribution {
    /// A place, and what it says.
    pub fn new(effect: SourceEffect, source: &Source) -> Self {
        Self { effect, source: source.clone(), group: None, object: None, reason: None, commit: None }
    }

    pub(super) fn to_group(effect: SourceEffect, source: &Source, group: &GroupName) -> Self {
        Self { group: Some(group.clone()), ..Self::new(effect, source) }
    }
}

/// What a place says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SourceEffect {
    /// It grants this.
    Grants,
    /// It must not be.
    Denies,
    /// It granted this until a time that is over.
    Ended,
    /// It grants this to a platform group.
    GrantsGroup,
    /// It puts the person into the group.
    PutsInGroup,
    /// It makes the person a member of the team.
    InTeam,
    /// Holders that it does not name lose it.
    Closes,
    /// Holders that it does not name are not changed.
    LeavesOthers,
    /// It would grant this, if it named the person.
    WouldGrant,
}

/// The object a place belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Object {
    /// `KoreRoleBinding`, …
    pub kind: String,
    /// `metadata.name`
    pub name: String,
}

/// The commit that last wrote a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Commit {
    /// In hex.
    pub id: String,
    /// When it was written.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// By whom.
    pub author: String,
    /// Its first line.
    pub summary: String,
    /// The history ends here (a shallow clone): it may be older.
    pub is_oldest: bool,
}

/// Since when something holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Since {
    /// When it was applied.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The journal that tells it.
    pub journal: String,
}

/// What keeps a fact from coming about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObstacleDetail {
    /// In which part of a plan it stands.
    pub obstacle: Obstacle,
    /// For machines.
    pub reason: Reason,
    /// What was found and the rule.
    pub message: String,
    /// The one safe next step.
    pub next_step: String,
}

/// The part of a plan that an obstacle is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Obstacle {
    /// Cannot be done as things are.
    Blocked,
    /// Comes by itself.
    Waiting,
    /// A manual step.
    Manual,
    /// A guard refuses it.
    Refused,
}

impl Obstacle {
    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Waiting => "waiting",
            Self::Manual => "manual",
            Self::Refused => "refused",
        }
    }
}
