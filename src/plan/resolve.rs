//! Names become ids, or a reason why not.
//!
//! In: what is wanted, with bots, roles and groups by name, and the account's directory. Out: the same with bots
//! by id, less what misses. A list in which something did not resolve is not authoritative: additions only.

use super::memory::{Declaration, UndeclaredReasons};
use super::model::{Entry, Reason};
use super::name_index::NameIndex;
use crate::facts::{
    Acknowledged, BotEntry, BotId, BotName, BotRef, Closure, Completeness, Desired, Email, Gap, GapReach,
    GroupName, Key, Listing, Move, RoleName, RoleType, Scope, ScopeExtent, Source, Verdict, Want, World,
    nearest,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What is wanted, in the account's own ids.
pub(super) struct Wanted {
    /// Sorted by key, each key once.
    pub wants: Vec<(Key, Want)>,
    /// Declared lists of holders.
    pub scopes: HashMap<ScopeExtent, Scope>,
    /// What did not resolve.
    pub unresolved: Vec<Entry>,
    /// Groups the account does not have.
    pub missing_groups: Vec<Entry>,
    pub referenced: BTreeSet<Email>,
    pub strip: BTreeSet<Email>,
    /// People whose address changes, by the old address.
    pub moves: BTreeMap<Email, Move>,
    /// Old addresses that nothing is taken from yet.
    pub kept: BTreeSet<Email>,
    pub completeness: Completeness,
    /// Objects with errors, and what they could have spoken about.
    pub gaps: Arc<[Gap<BotId>]>,
    /// What is known and not declared.
    pub baseline: BTreeMap<Key, Acknowledged>,
    /// The same on bots that the account does not have.
    pub lost_baseline: Vec<Acknowledged>,
    pub names: NameIndex,
    /// Names of bots that no bot has.
    pub missed_bots: BTreeSet<BotName>,
    /// Why a fact that was declared once is not declared now.
    pub undeclared_reasons: UndeclaredReasons,
}

impl Wanted {
    /// The same names and people, and only these wants: no list is about anything, and nothing else is retired.
    pub(super) fn narrowed_to(self, wants: Vec<(Key, Want)>) -> Self {
        Self {
            wants,
            scopes: HashMap::new(),
            unresolved: Vec::new(),
            missing_groups: Vec::new(),
            strip: BTreeSet::new(),
            moves: BTreeMap::new(),
            completeness: Completeness::Unknown,
            ..self
        }
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
///
/// `remembered`: the names that bots had when something was asked for on them. The id stays when a bot is renamed.
pub(super) fn resolve(
    desired: Desired,
    mut declaration: Declaration,
    remembered: &BTreeMap<BotId, BotName>,
    world: &World,
) -> Wanted {
    let Desired { wants, scopes, referenced, strip, moves, completeness, gaps, baseline } = desired;
    let mut resolver = Resolver::new(&wants, remembered, world);
    let elsewhere = std::mem::take(&mut declaration.elsewhere);
    let elsewhere = resolver.wants(elsewhere).wants.into_iter().filter_map(|(key, want)| {
        let place = want.sources.first().map(|source| source.place.document())?;
        matches!(want.verdict, Verdict::Present(_)).then_some((key, place))
    });
    let elsewhere = elsewhere.collect();
    let Resolved { wants, misses, unresolved: unresolved_facts, incomplete } = resolver.wants(wants);
    let gaps: Arc<[Gap<BotId>]> = gaps.into_iter().map(|gap| resolver.gap(gap)).collect();
    let undeclared_reasons = UndeclaredReasons::new(
        declaration,
        completeness.clone(),
        Arc::clone(&gaps),
        elsewhere,
        unresolved_facts,
    );
    let scopes = resolver.scopes(scopes, &incomplete);
    let (baseline, lost_baseline) = resolver.baseline(baseline);
    let (missing_groups, unresolved) =
        misses.into_entries().partition(|entry| entry.reason == Reason::GroupMissing);
    Wanted {
        wants,
        scopes,
        unresolved,
        missing_groups,
        referenced,
        strip,
        moves,
        kept: BTreeSet::new(),
        completeness,
        gaps,
        baseline,
        lost_baseline,
        missed_bots: resolver.missed_bots(),
        names: resolver.names,
        undeclared_reasons,
    }
}

/// The wants of which every name means something, and the rest.
struct Resolved {
    /// Sorted by key, each key once.
    wants: Vec<(Key, Want)>,
    misses: Misses,
    /// Facts with a name that does not resolve, without their bots.
    unresolved: BTreeSet<Key<()>>,
    /// Lists in which something did not resolve, and the first reason.
    incomplete: HashMap<ScopeExtent, String>,
}

/// Facts that a name keeps from being sent, one entry a reason and message.
#[derive(Default)]
struct Misses(BTreeMap<(Reason, String), MissedFacts>);

struct MissedFacts {
    next_step: String,
    first: String,
    count: usize,
    sources: Vec<Source>,
}

impl Misses {
    fn add(&mut self, miss: Miss, subject: String, sources: Vec<Source>) {
        let Miss { reason, message, next_step } = miss;
        let missed = self.0.entry((reason, message)).or_insert_with(|| MissedFacts {
            next_step,
            first: subject,
            count: 0,
            sources: Vec::new(),
        });
        missed.count += 1;
        missed.sources.extend(sources);
    }

    fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.0.into_iter().map(|((reason, message), missed)| {
            let MissedFacts { next_step, first, count, mut sources } = missed;
            sources.sort();
            sources.dedup();
            let subject = if count > 1 { format!("{first} and {} more", count - 1) } else { first };
            Entry { subjects: Vec::new(), subject, reason, message, next_step, sources, changes: Vec::new() }
        })
    }
}

struct Resolver<'a> {
    world: &'a World,
    /// Roles this plan creates: known by name until their id is read.
    created: BTreeSet<(RoleType, RoleName)>,
    names: NameIndex,
    bots: HashMap<BotRef, Result<BotId, Miss>>,
    /// The names that bots had.
    remembered: &'a BTreeMap<BotId, BotName>,
}

impl<'a> Resolver<'a> {
    fn new(
        wants: &[(Key<BotRef>, Want)],
        remembered: &'a BTreeMap<BotId, BotName>,
        world: &'a World,
    ) -> Self {
        let names = NameIndex::new(&world.directory);
        let created = wants.iter().filter_map(|(key, want)| match (key, &want.verdict) {
            (Key::RoleDefinition(role_type, role), Verdict::Present(_)) => {
                Some((*role_type, names.role_as_there(*role_type, role)))
            }
            _ => None,
        });
        Self { world, created: created.collect(), names, bots: HashMap::new(), remembered }
    }

    fn missed_bots(&self) -> BTreeSet<BotName> {
        let missed = self.bots.iter().filter(|(_, found)| found.is_err());
        missed
            .filter_map(|(bot, _)| if let BotRef::Name(name) = bot { Some(name.clone()) } else { None })
            .collect()
    }

    fn wants(&mut self, all: Vec<(Key<BotRef>, Want)>) -> Resolved {
        let (mut misses, mut incomplete) = (Misses::default(), HashMap::new());
        let mut unresolved = BTreeSet::new();
        let resolved = |(key, want): (Key<BotRef>, Want)| {
            let key = self.names.as_there(key);
            match self.check(&key, &want) {
                Ok(bot) => Some((key.with_bot(|_| bot)?, want)),
                Err(miss) => {
                    if let Some(extent) = ScopeExtent::holding(&key).and_then(|extent| self.extent(&extent)) {
                        incomplete.entry(extent).or_insert_with(|| miss.message.clone());
                    }
                    misses.add(miss, key.to_string(), want.sources);
                    unresolved.extend(key.with_bot(|_| Some(())));
                    None
                }
            }
        };
        // Collected in the place of what comes in: the largest list of a plan is never there twice.
        let mut wants: Vec<(Key, Want)> = all.into_iter().filter_map(resolved).collect();
        merge_duplicates(&mut wants);
        Resolved { wants, misses, unresolved, incomplete }
    }

    /// The declared lists. Of several about one role and bot, the one that leaves more alone wins.
    fn scopes(
        &mut self,
        scopes: Vec<Scope<BotRef>>,
        incomplete: &HashMap<ScopeExtent, String>,
    ) -> HashMap<ScopeExtent, Scope> {
        let mut resolved: HashMap<ScopeExtent, Scope> = HashMap::new();
        for Scope { extent, closure, sources } in scopes {
            let Some(extent) = self.extent(&extent) else { continue };
            let closure = match (closure, incomplete.get(&extent)) {
                (Closure::Closed, Some(why)) => Closure::Open(why.clone()),
                (closure, _) => closure,
            };
            match resolved.get_mut(&extent) {
                Some(known) => {
                    known.closure = stricter(known.closure.clone(), closure);
                    push_sources(&mut known.sources, &sources);
                }
                None => {
                    resolved.insert(extent.clone(), Scope { extent, closure, sources });
                }
            }
        }
        resolved
    }

    /// What an object with errors could have spoken about, by ids. A bot whose name means nothing may be any.
    fn gap(&mut self, gap: Gap) -> Gap<BotId> {
        let Gap { object, why, is_pause, reach } = gap;
        let resolved = reach.into_iter().map(|reach| match reach {
            GapReach::Person(email) => GapReach::Person(email),
            GapReach::Membership => GapReach::Membership,
            GapReach::Definition(role_type, role) => {
                GapReach::Definition(role_type, self.names.role_as_there(role_type, &role))
            }
            GapReach::OnAnyBot(list) => GapReach::OnAnyBot(self.names.list_as_there(list)),
            GapReach::List(list) => match self.extent(&list) {
                Some(list) => GapReach::List(list),
                None => GapReach::OnAnyBot(self.names.list_as_there(list.on_any_bot())),
            },
        });
        Gap { object, why, is_pause, reach: resolved.collect() }
    }

    /// What baselines list, by ids. What is on a bot that the account does not have is listed apart.
    fn baseline(
        &self,
        listed: BTreeMap<Key<BotRef>, Acknowledged>,
    ) -> (BTreeMap<Key, Acknowledged>, Vec<Acknowledged>) {
        let (mut known, mut lost) = (BTreeMap::new(), Vec::new());
        for (key, acknowledged) in listed {
            match self.names.as_there(key).with_bot(|bot| self.find_bot(&bot).ok()) {
                Some(key) => {
                    known.insert(key, acknowledged);
                }
                None => lost.push(acknowledged),
            }
        }
        (known, lost)
    }

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
                format!("the account lists no bot {id}"),
                "if it was deleted within 30 days, restore it in the console (Bots Management > Deleted Bots); else correct \
                 the id"
                    .to_owned(),
            ),
            BotRef::Name(name) => match self.names.bots_that_read(name).as_slice() {
                [(_, id)] => Ok((*id).clone()),
                [] => {
                    let (message, next_step) = self.missing_bot(name);
                    miss(message, next_step)
                }
                several => {
                    let are_same = several.windows(2).all(|pair| pair[0].0 == pair[1].0);
                    let named = if are_same { "are named" } else { "have names that read" };
                    let ids: Vec<&str> = several.iter().map(|(_, id)| id.as_str()).collect();
                    miss(
                        format!("{} bots {named} {name}", several.len()),
                        format!("name it by id: {}", ids.join(" or ")),
                    )
                }
            },
        }
    }

    /// What is known of a bot of that name, which no bot has now: renamed, deleted, or misspelt (kore-api section 4,
    /// rows 43 and 45).
    fn missing_bot(&self, name: &BotName) -> (String, String) {
        let had_it = self.remembered.iter().find(|(_, known)| *known == name).map(|(id, _)| id);
        let now = had_it.and_then(|id| self.world.directory.bots.get(id));
        match (had_it, now) {
            (Some(id), Some(bot)) => (
                format!("bot {name} is renamed to {}: {id} had the name {name} when it was applied last", bot.name),
                format!("write {} in the manifests, or {id}, which a rename does not change", bot.name),
            ),
            (Some(id), None) => (
                format!("the account has no bot named {name}, and no longer lists {id}, which had that name"),
                "if it was deleted within 30 days, restore it in the console (Bots Management > Deleted Bots); else remove \
                 the lines"
                    .to_owned(),
            ),
            (None, _) => (
                format!("the account has no bot named {name}"),
                did_you_mean(name.as_str(), self.names.bots.keys().map(BotName::as_str)).unwrap_or_else(|| {
                    "check the name in the console (Bots Management): the bot may have been renamed, or deleted within 30 days"
                        .to_owned()
                }),
            ),
        }
    }

    fn role(&self, role_type: RoleType, role: &RoleName, key: &Key<BotRef>) -> Result<(), Miss> {
        let miss = |message: String, next_step: String| {
            Err(Miss { reason: Reason::RoleUnresolved, message, next_step })
        };
        let kind = role_type.as_str();
        let twins = self.names.roles_that_read(role_type, role);
        if twins.len() > 1 {
            let (message, next_step) =
                twin_names(&format!("{kind} roles"), twins, "User Management > Role Management");
            return miss(message, next_step);
        }
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
        let twins = self.names.groups_that_read(group);
        if twins.len() > 1 {
            let (message, next_step) = twin_names("groups", twins, "User Management > Groups");
            return Err(Miss { reason: Reason::GroupUnresolved, message, next_step });
        }
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
        self.names.list_as_there(extent.clone()).with_bot(|bot| self.bot(&bot).ok())
    }
}

/// Names that differ in what nobody sees: which of them is meant, and by the platform, is not known.
fn twin_names<N: AsRef<str>>(what: &str, names: &[N], page: &str) -> (String, String) {
    let written: Vec<String> = names.iter().map(|name| format!("{:?}", name.as_ref())).collect();
    (
        format!("the account has {} {what} whose names read the same: {}", names.len(), written.join(", ")),
        format!("did you mean {}? Rename the other one in the console ({page})", written[0]),
    )
}

fn not_published(bot: &BotEntry) -> Miss {
    Miss {
        reason: Reason::BotNotPublished,
        message: format!("{} is not published (status {}), so nobody can be assigned", bot.name, bot.status),
        next_step: "publish it and have the deployment approved (Bots Management > Deployment Requests)"
            .to_owned(),
    }
}

/// Two manifests on one list: what leaves more alone wins.
fn stricter(left: Closure, right: Closure) -> Closure {
    match (left, right) {
        (Closure::Open(why), _) | (_, Closure::Open(why)) => Closure::Open(why),
        (Closure::Additive, _) | (_, Closure::Additive) => Closure::Additive,
        (Closure::Closed, Closure::Closed) => Closure::Closed,
    }
}

/// A bot named once by name and once by id makes one fact of two. An absent wins, as a written one does.
fn merge_duplicates(wants: &mut Vec<(Key, Want)>) {
    put_in_order(wants);
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

/// Mostly, ids instead of names change the order of what one person has, and nothing else: a sort of the whole needs half
/// as much memory again.
fn put_in_order(wants: &mut [(Key, Want)]) {
    let is_of_one = |left: &(Key, Want), right: &(Key, Want)| {
        left.0.family() == right.0.family() && left.0.email() == right.0.email()
    };
    for of_one in wants.chunk_by_mut(is_of_one) {
        of_one.sort_by(|(left, _), (right, _)| left.cmp(right));
    }
    if !wants.is_sorted_by(|(left, _), (right, _)| left <= right) {
        wants.sort_by(|(left, _), (right, _)| left.cmp(right));
    }
}

/// For the few places of one fact or scope: each is compared with all.
fn push_sources(sources: &mut Vec<Source>, more: &[Source]) {
    for source in more {
        if !sources.contains(source) {
            sources.push(source.clone());
        }
    }
}

fn did_you_mean<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(text, candidates).map(|near| format!("did you mean \"{near}\"?"))
}
