//! Names become ids, or a reason why not.
//!
//! In: what is wanted, with bots, roles and groups by name, and the account's directory. Out: the same with bots
//! by id, less what misses. A scope in which something did not resolve is opened: additions only.

use super::model::{Entry, Pin, Reason};
use crate::facts::{
    BotEntry, BotId, BotName, BotRef, Closure, Completeness, Desired, Directory, Email, GroupName, Key,
    Listing, RoleId, RoleName, RoleType, Scope, ScopeExtent, Source, Verdict, Want, World, nearest,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is wanted, in the account's own ids.
pub(super) struct Wanted {
    /// Sorted by key, each key once.
    pub wants: Vec<(Key, Want)>,
    /// Declared scopes.
    pub scopes: HashMap<ScopeExtent, Scope>,
    /// What did not resolve.
    pub unresolved: Vec<Entry>,
    /// Groups the account does not have.
    pub missing_groups: Vec<Entry>,
    pub referenced: BTreeSet<Email>,
    pub strip: BTreeSet<Email>,
    pub completeness: Completeness,
    pub names: Names,
}

/// The directory by name, built once.
pub(super) struct Names {
    bots: BTreeMap<BotName, Vec<BotId>>,
    roles: BTreeMap<(RoleType, RoleName), Vec<RoleId>>,
    groups: BTreeMap<GroupName, Vec<String>>,
}

impl Names {
    fn of(directory: &Directory) -> Self {
        let mut names = Self { bots: BTreeMap::new(), roles: BTreeMap::new(), groups: BTreeMap::new() };
        for (id, bot) in &directory.bots {
            names.bots.entry(bot.name.clone()).or_default().push(id.clone());
        }
        for (id, role) in &directory.roles {
            names.roles.entry((role.role_type, role.name.clone())).or_default().push(id.clone());
        }
        for (id, group) in &directory.groups {
            names.groups.entry(group.name.clone()).or_default().push(id.to_string());
        }
        names
    }

    /// Whether two roles of the account share this name, so that the name says nothing.
    pub(super) fn is_ambiguous_role(&self, role_type: RoleType, role: &RoleName) -> bool {
        self.roles.get(&(role_type, role.clone())).is_some_and(|ids| ids.len() > 1)
    }

    /// What the names in a key mean now.
    pub(super) fn pins(&self, key: &Key, directory: &Directory) -> Vec<Pin> {
        let mut pins = Vec::new();
        if let Some(email) = key.email() {
            let id = directory.users.get(email).and_then(|user| user.id.as_ref()).map(ToString::to_string);
            pins.push(Pin { name: format!("user {}", email.folded()), id });
        }
        if let Some((role_type, role)) = key.role() {
            let id = self
                .roles
                .get(&(role_type, role.clone()))
                .and_then(|ids| ids.first())
                .map(ToString::to_string);
            pins.push(Pin { name: format!("{} role {role}", role_type.as_str()), id });
        }
        if let Some(group) = key.group() {
            let id = self.groups.get(group).and_then(|ids| ids.first()).cloned();
            pins.push(Pin { name: format!("group {group}"), id });
        }
        pins
    }
}

/// Why a name means nothing, before it is tied to a fact.
#[derive(Clone)]
struct Miss {
    reason: Reason,
    message: String,
    next_step: String,
}

/// Resolves every name once.
pub(super) fn resolve(desired: Desired, world: &World) -> Wanted {
    let names = Names::of(&world.directory);
    let mut resolver = Resolver {
        world,
        created: desired
            .wants
            .iter()
            .filter_map(|(key, want)| match (key, &want.verdict) {
                (Key::RoleDefinition(role_type, role), Verdict::Present(_)) => {
                    Some((*role_type, role.clone()))
                }
                _ => None,
            })
            .collect(),
        names,
        bots: HashMap::new(),
    };

    let Desired { wants: all, scopes, referenced, strip, completeness } = desired;
    let mut wants: Vec<(Key, Want)> = Vec::with_capacity(all.len());
    let mut misses: BTreeMap<(Reason, String), Entry> = BTreeMap::new();
    let mut opened: HashMap<ScopeExtent, String> = HashMap::new();
    for (key, want) in all {
        let Miss { reason, message, next_step } = match resolver.check(&key, &want) {
            Ok(bot) => {
                wants.extend(key.with_bot(|_| bot).map(|key| (key, want)));
                continue;
            }
            Err(miss) => miss,
        };
        let subject = key.to_string();
        if let Some(extent) = extent_of(&key).and_then(|extent| resolver.extent(&extent)) {
            opened.entry(extent).or_insert_with(|| message.clone());
        }
        let entry = misses.entry((reason, message.clone())).or_insert_with(|| Entry {
            subjects: Vec::new(),
            subject: String::new(),
            reason,
            message,
            next_step,
            sources: Vec::new(),
            changes: Vec::new(),
        });
        entry.subject = if entry.subject.is_empty() { subject } else { and_more(&entry.subject) };
        entry.sources.extend(want.sources);
    }
    for entry in misses.values_mut() {
        entry.sources.sort();
        entry.sources.dedup();
    }
    settle_duplicates(&mut wants);

    let mut resolved_scopes: HashMap<ScopeExtent, Scope> = HashMap::new();
    for scope in scopes {
        let Some(extent) = resolver.extent(&scope.extent) else { continue };
        let closure = match (scope.closure, opened.get(&extent)) {
            (Closure::Closed, Some(why)) => Closure::Open(why.clone()),
            (closure, _) => closure,
        };
        let sources = scope.sources;
        resolved_scopes
            .entry(extent.clone())
            .and_modify(|known| {
                known.closure = stricter(known.closure.clone(), closure.clone());
                push_sources(&mut known.sources, &sources);
            })
            .or_insert(Scope { extent, closure, sources });
    }

    let (missing_groups, unresolved) =
        misses.into_values().partition(|entry: &Entry| entry.reason == Reason::GroupMissing);
    Wanted {
        wants,
        scopes: resolved_scopes,
        unresolved,
        missing_groups,
        referenced,
        strip,
        completeness,
        names: resolver.names,
    }
}

struct Resolver<'a> {
    world: &'a World,
    /// Roles this plan creates: known by name until their id is read.
    created: BTreeSet<(RoleType, RoleName)>,
    names: Names,
    bots: HashMap<BotRef, Result<BotId, Miss>>,
}

impl Resolver<'_> {
    /// Checks every name in a key, and gives the id of its bot, if it has one.
    fn check(&mut self, key: &Key<BotRef>, want: &Want) -> Result<Option<BotId>, Miss> {
        if let Some(email) = key.email()
            && let Some(user) = self.world.directory.users.get(email)
            && user.spellings.len() > 1
        {
            let message =
                format!("the account has several users of that address: {}", user.spellings.join(", "));
            let next_step =
                "remove the one that is not used in the console (User Management > Users)".to_owned();
            return Err(Miss { reason: Reason::AddressAmbiguous, message, next_step });
        }
        let bot = key.bot().map(|bot| self.bot(bot)).transpose()?;
        if let Key::Assigned(..) = key
            && let Verdict::Present(_) = want.verdict
            && let Some(entry) = bot.as_ref().and_then(|id| self.world.directory.bots.get(id))
            && !entry.is_published()
        {
            return Err(not_published(entry));
        }
        if let Some((role_type, role)) = key.role() {
            self.role(role_type, role, key)?;
        }
        if let Some(group) = key.group() {
            self.group(group)?;
        }
        Ok(bot)
    }

    fn bot(&mut self, bot: &BotRef) -> Result<BotId, Miss> {
        if let Some(known) = self.bots.get(bot) {
            return known.clone();
        }
        let found = self.find_bot(bot);
        self.bots.insert(bot.clone(), found.clone());
        found
    }

    fn find_bot(&self, bot: &BotRef) -> Result<BotId, Miss> {
        let miss = |message, next_step| Err(Miss { reason: Reason::BotUnresolved, message, next_step });
        let directory = &self.world.directory;
        match bot {
            BotRef::Id(id) if directory.bots.contains_key(id) => Ok(id.clone()),
            BotRef::Id(_) | BotRef::Name(_) if self.world.coverage.requires(Listing::Bots).is_err() => {
                let why = self.world.coverage.extent(Listing::Bots);
                miss(
                    format!("bot {bot} cannot be told apart: the list of bots is {why}"),
                    "run again; a name is used only when every bot has been seen".to_owned(),
                )
            }
            BotRef::Id(id) => miss(
                format!("the account has no bot {id}"),
                "look up its id in the console, or use its name".to_owned(),
            ),
            BotRef::Name(name) => match self.names.bots.get(name).map_or(&[][..], Vec::as_slice) {
                [id] => Ok(id.clone()),
                [] => miss(
                    format!("the account has no bot named {name}"),
                    did_you_mean(name.as_str(), self.names.bots.keys().map(BotName::as_str))
                        .unwrap_or_else(|| "check the name in the console (Bots Management)".to_owned()),
                ),
                several => miss(
                    format!("{} bots are named {name}", several.len()),
                    format!(
                        "name it by id: {}",
                        several.iter().map(BotId::as_str).collect::<Vec<_>>().join(" or ")
                    ),
                ),
            },
        }
    }

    fn role(&self, role_type: RoleType, role: &RoleName, key: &Key<BotRef>) -> Result<(), Miss> {
        let miss = |message: String, next_step: String| {
            Err(Miss { reason: Reason::RoleUnresolved, message, next_step })
        };
        let kind = role_type.as_str();
        match self.names.roles.get(&(role_type, role.clone())).map_or(0, Vec::len) {
            1 => Ok(()),
            // A definition that is not there is an addition: the difference decides.
            0 if matches!(key, Key::RoleDefinition(..)) => Ok(()),
            0 if self.created.contains(&(role_type, role.clone())) => Ok(()),
            0 => {
                if let Err(why) = self.world.coverage.requires(Listing::roles(role_type)) {
                    return miss(
                        format!("{kind} role {role} cannot be looked up: {why}"),
                        "run again".to_owned(),
                    );
                }
                let same_type = self.names.roles.keys().filter(|(known, _)| *known == role_type);
                let created = self.created.iter().filter(|(known, _)| *known == role_type);
                let candidates = same_type.chain(created).map(|(_, name)| name.as_str());
                miss(
                    format!("the account has no {kind} role named {role}, and no KoreRole declares it"),
                    did_you_mean(role.as_str(), candidates)
                        .unwrap_or_else(|| "declare it as a KoreRole, or correct the name".to_owned()),
                )
            }
            several => miss(
                format!("{several} {kind} roles are named {role}"),
                "rename all but one in the console (User Management > Role Management)".to_owned(),
            ),
        }
    }

    fn group(&self, group: &GroupName) -> Result<(), Miss> {
        match self.names.groups.get(group).map_or(0, Vec::len) {
            1 => Ok(()),
            0 => {
                if let Err(why) = self.world.coverage.requires(Listing::Groups) {
                    return Err(Miss {
                        reason: Reason::GroupUnresolved,
                        message: format!("group {group} cannot be looked up: {why}"),
                        next_step: "run again".to_owned(),
                    });
                }
                let near = did_you_mean(group.as_str(), self.names.groups.keys().map(GroupName::as_str));
                let create =
                    "create it in the console (User Management > Groups > New Group), then run again";
                Err(Miss {
                    reason: Reason::GroupMissing,
                    message: format!("the account has no group named {group}, and the API cannot create one"),
                    next_step: near.map_or(create.to_owned(), |near| format!("{near} Or {create}")),
                })
            }
            several => Err(Miss {
                reason: Reason::GroupUnresolved,
                message: format!("{several} groups are named {group}"),
                next_step: "rename all but one in the console (User Management > Groups)".to_owned(),
            }),
        }
    }

    fn extent(&mut self, extent: &ScopeExtent<BotRef>) -> Option<ScopeExtent> {
        Some(match extent {
            ScopeExtent::AdminRole(role) => ScopeExtent::AdminRole(role.clone()),
            ScopeExtent::BotRole(role, bot) => ScopeExtent::BotRole(role.clone(), self.bot(bot).ok()?),
            ScopeExtent::Group(group) => ScopeExtent::Group(group.clone()),
            ScopeExtent::Assignments(bot) => ScopeExtent::Assignments(self.bot(bot).ok()?),
        })
    }
}

fn not_published(bot: &BotEntry) -> Miss {
    Miss {
        reason: Reason::BotNotPublished,
        message: format!("{} is not published (status {}), so nobody can be assigned", bot.name, bot.status),
        next_step: "publish it and have the deployment approved (Bots Management > Deployment Requests)"
            .to_owned(),
    }
}

/// The declared scope a key would belong to.
pub(super) fn extent_of<B: Clone>(key: &Key<B>) -> Option<ScopeExtent<B>> {
    match key {
        Key::AdminRole(_, role) => Some(ScopeExtent::AdminRole(role.clone())),
        Key::BotRole(_, role, bot) => Some(ScopeExtent::BotRole(role.clone(), bot.clone())),
        Key::InGroup(_, group) => Some(ScopeExtent::Group(group.clone())),
        Key::Assigned(_, bot) => Some(ScopeExtent::Assignments(bot.clone())),
        Key::RoleDefinition(..)
        | Key::Member(_)
        | Key::Names(_)
        | Key::Access(_)
        | Key::Profile(_)
        | Key::DataTables(_) => None,
    }
}

/// Two manifests on one scope: what leaves more alone wins.
fn stricter(left: Closure, right: Closure) -> Closure {
    match (left, right) {
        (Closure::Open(why), _) | (_, Closure::Open(why)) => Closure::Open(why),
        (Closure::Additive, _) | (_, Closure::Additive) => Closure::Additive,
        (Closure::Closed, Closure::Closed) => Closure::Closed,
    }
}

/// A bot named once by name and once by id makes one fact of two. An absent wins, as a written one does.
fn settle_duplicates(wants: &mut Vec<(Key, Want)>) {
    wants.sort_by(|(left, _), (right, _)| left.cmp(right));
    wants.dedup_by(|(key, want), (kept_key, kept)| {
        if key != kept_key {
            return false;
        }
        push_sources(&mut kept.sources, &want.sources);
        if want.verdict == Verdict::Absent {
            kept.verdict = Verdict::Absent;
            kept.until = want.until;
        }
        true
    });
}

/// For the few places of one fact or scope: each is compared with all.
fn push_sources(sources: &mut Vec<Source>, more: &[Source]) {
    for source in more {
        if !sources.contains(source) {
            sources.push(source.clone());
        }
    }
}

/// `a` → `a and 1 more` → `a and 2 more`.
fn and_more(subject: &str) -> String {
    match subject
        .rsplit_once(" and ")
        .and_then(|(head, tail)| Some((head, tail.strip_suffix(" more")?.parse().ok()?)))
    {
        Some((head, count)) => {
            let count: usize = count;
            format!("{head} and {} more", count + 1)
        }
        None => format!("{subject} and 1 more"),
    }
}

fn did_you_mean<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(text, candidates).map(|near| format!("did you mean \"{near}\"?"))
}
