//! Finds the facts a question is about in both worlds, and what platform groups hand on to their members.

use super::{Attribution, FactLine, Query, SourceEffect, UnknownName, means};
use crate::facts::{
    BotId, BotName, BotRef, Desired, Email, GroupName, Holder, Key, RoleName, RoleType, Scope, ScopeExtent,
    Value, Verdict, Want, World, nearest,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Names in a message.
const SHOWN: usize = 8;

/// Everything that is known, with the question.
pub(super) struct FactIndex<'a> {
    pub(super) query: Query,
    pub(super) desired: &'a Desired,
    pub(super) world: Option<&'a World>,
    /// Names that mean one bot.
    ids: BTreeMap<&'a BotName, Option<&'a BotId>>,
    /// Lists by what they hold, with bots by id where that is known.
    scopes: HashMap<ScopeExtent<BotRef>, Vec<&'a Scope<BotRef>>>,
}

/// What both worlds say of one fact.
#[derive(Default)]
pub(super) struct FactEvidence<'a> {
    pub(super) wants: Vec<&'a Want>,
    pub(super) seen: Option<&'a Value>,
    pub(super) through: Vec<Through<'a>>,
}

/// A platform group that holds the role, with the person in it.
pub(super) struct Through<'a> {
    pub(super) group: GroupName,
    pub(super) binding: Option<&'a Want>,
    membership: Option<&'a Want>,
}

impl Through<'_> {
    /// Both halves are wanted.
    pub(super) fn is_declared(&self) -> bool {
        self.binding.is_some() && self.membership.is_some()
    }

    /// Adds both halves to a line.
    pub(super) fn tell(&self, line: &mut FactLine) {
        let Self { group, binding, membership } = self;
        for (effect, half) in [(SourceEffect::GrantsGroup, binding), (SourceEffect::PutsInGroup, membership)]
        {
            match half {
                Some(want) => {
                    let attributions =
                        want.sources.iter().map(|source| Attribution::to_group(effect, source, group));
                    line.attributions.extend(attributions);
                    // Over as soon as either half is.
                    line.until = match (line.value.is_none(), line.until, want.until) {
                        (true, Some(known), Some(until)) => Some(known.min(until)),
                        (true, known, until) => known.or(until),
                        (false, known, _) => known,
                    };
                }
                None => line.why.push(match effect {
                    SourceEffect::GrantsGroup => format!("group {group} holds it, not declared"),
                    _ => format!("a member of group {group}, not declared"),
                }),
            }
        }
    }
}

/// One half of what groups hand on, from both worlds.
#[derive(Default)]
struct HalfGrant<'a> {
    want: Option<&'a Want>,
    is_seen: bool,
}

impl<'a> FactIndex<'a> {
    pub(super) fn new(query: &Query, desired: &'a Desired, world: Option<&'a World>) -> Self {
        let mut ids: BTreeMap<&BotName, Option<&BotId>> = BTreeMap::new();
        for (id, bot) in world.iter().flat_map(|world| &world.directory.bots) {
            ids.entry(&bot.name).and_modify(|known| *known = None).or_insert(Some(id));
        }
        let mut index = Self { query: query.clone(), desired, world, ids, scopes: HashMap::new() };
        for scope in &desired.scopes {
            let extent = index.canonical_extent(scope.extent.clone());
            index.scopes.entry(extent).or_default().push(scope);
        }
        index.query.bot = query.bot.as_ref().map(|bot| index.canonical(bot));
        index
    }

    /// A bot by id where its name means one, else as it is written.
    fn canonical(&self, bot: &BotRef) -> BotRef {
        match bot {
            BotRef::Name(name) => match self.ids.get(name) {
                Some(Some(id)) => BotRef::Id((*id).clone()),
                _ => bot.clone(),
            },
            BotRef::Id(_) => bot.clone(),
        }
    }

    fn canonical_extent(&self, extent: ScopeExtent<BotRef>) -> ScopeExtent<BotRef> {
        match extent {
            ScopeExtent::BotRole(role, bot) => ScopeExtent::BotRole(role, self.canonical(&bot)),
            ScopeExtent::Assignments(bot) => ScopeExtent::Assignments(self.canonical(&bot)),
            extent @ (ScopeExtent::AdminRole(_) | ScopeExtent::Group(_)) => extent,
        }
    }

    fn key_of(&self, key: &Key<BotRef>) -> Key<BotRef> {
        let by_id = key.clone().with_bot(|bot| Some(self.canonical(&bot)));
        by_id.unwrap_or_else(|| key.clone())
    }

    /// The key as the account would have it.
    pub(super) fn resolved(&self, key: &Key<BotRef>) -> Option<Key> {
        key.clone().with_bot(|bot| match self.canonical(&bot) {
            BotRef::Id(id) => Some(id),
            BotRef::Name(_) => None,
        })
    }

    /// A bot's name for people.
    pub(super) fn name_of(&self, bot: &BotRef) -> String {
        match (bot, self.world) {
            (BotRef::Id(id), Some(world)) => world.directory.bot_label(id).to_owned(),
            _ => bot.to_string(),
        }
    }

    /// Whether the question's bot and role, where there are any, are this fact's.
    fn concerns(&self, key: &Key<BotRef>) -> bool {
        let Query { bot, role, .. } = &self.query;
        let is_bot = bot.as_ref().is_none_or(|bot| key.bot().is_some_and(|of| self.canonical(of) == *bot));
        let is_role = role
            .as_ref()
            .is_none_or(|text| key.role().is_some_and(|(role_type, role)| means(role_type, text, role)));
        is_bot && is_role
    }

    /// Every fact the question is about, with what both worlds say.
    pub(super) fn entries(&self) -> BTreeMap<Key<BotRef>, FactEvidence<'a>> {
        let who = self.query.who.as_ref();
        let mut entries: BTreeMap<Key<BotRef>, FactEvidence<'a>> = BTreeMap::new();
        let mut members: BTreeMap<&'a GroupName, BTreeMap<&'a Email, HalfGrant<'a>>> = BTreeMap::new();
        let mut bindings: BTreeMap<Key<BotRef>, HalfGrant<'a>> = BTreeMap::new();
        for (key, want) in &self.desired.wants {
            let is_present = matches!(want.verdict, Verdict::Present(_));
            if let Key::InGroup(email, group) = key
                && is_present
                && who.is_none_or(|who| who == email)
            {
                members.entry(group).or_default().entry(email).or_default().want = Some(want);
            }
            if !self.concerns(key) {
                continue;
            }
            if matches!(key.holder(), Some(Holder::Group(_))) && is_present {
                bindings.entry(self.key_of(key)).or_default().want = Some(want);
            }
            if who.is_none() || key.email() == who {
                entries.entry(self.key_of(key)).or_default().wants.push(want);
            }
        }
        for (key, value) in self.world.iter().flat_map(|world| world.facts()) {
            if let Key::InGroup(email, group) = key
                && who.is_none_or(|who| who == email)
            {
                members.entry(group).or_default().entry(email).or_default().is_seen = true;
            }
            let is_candidate = who.is_none() || key.email() == who || key.holder().is_some();
            let Some(key) = is_candidate.then(|| key.clone().with_bot(|id| Some(BotRef::Id(id)))).flatten()
            else {
                continue;
            };
            if !self.concerns(&key) {
                continue;
            }
            if matches!(key.holder(), Some(Holder::Group(_))) {
                bindings.entry(key.clone()).or_default().is_seen = true;
            }
            if who.is_none() || key.email() == who {
                entries.entry(key).or_default().seen = Some(value);
            }
        }
        for (key, through) in held_through(&bindings, &members) {
            entries.entry(key).or_default().through.push(through);
        }
        if let Some(who) = who.filter(|_| self.query.bot.is_none() && self.query.role.is_none()) {
            // Whether somebody is there at all is always worth a line.
            entries.entry(Key::Member(who.clone())).or_default();
        }
        entries
    }

    /// What was asked for, where neither world says a word about it.
    pub(super) fn queried_keys(&self) -> Vec<Key<BotRef>> {
        let Query { who, bot, role, ending_by: _ } = &self.query;
        let Some(email) = who else { return Vec::new() };
        let user = || Holder::User(email.clone());
        match (role, bot) {
            (Some(role), Some(bot)) => {
                vec![Key::BotRole(user(), RoleName::canonical(RoleType::Bot, role), bot.clone())]
            }
            (None, Some(bot)) => vec![Key::Assigned(email.clone(), bot.clone())],
            (Some(role), None) => {
                let mut keys: BTreeSet<Key<BotRef>> = BTreeSet::new();
                for extent in self.desired.scopes.iter().map(|scope| &scope.extent) {
                    match extent {
                        ScopeExtent::BotRole(known, bot) if means(RoleType::Bot, role, known) => {
                            keys.insert(Key::BotRole(user(), known.clone(), self.canonical(bot)));
                        }
                        _ => {}
                    }
                }
                let name = RoleName::canonical(RoleType::Admin, role);
                if self.roles().contains(&(RoleType::Admin, name.clone())) || keys.is_empty() {
                    keys.insert(Key::AdminRole(user(), name));
                }
                keys.into_iter().collect()
            }
            (None, None) => vec![Key::Member(email.clone())],
        }
    }

    /// Every role either world has heard of.
    fn roles(&self) -> BTreeSet<(RoleType, RoleName)> {
        let wanted = self.desired.wants.iter().filter_map(|(key, _)| key.role());
        let known = self.world.iter().flat_map(|world| world.directory.roles.values());
        let scoped = self.desired.scopes.iter().filter_map(|scope| match &scope.extent {
            ScopeExtent::AdminRole(role) => Some((RoleType::Admin, role)),
            ScopeExtent::BotRole(role, _) => Some((RoleType::Bot, role)),
            _ => None,
        });
        let known = known.map(|role| (role.role_type, &role.name));
        wanted.chain(scoped).chain(known).map(|(role_type, role)| (role_type, role.clone())).collect()
    }

    /// Every bot either world has heard of, as people write it.
    fn bots(&self) -> BTreeSet<BotRef> {
        let wanted = self.desired.wants.iter().filter_map(|(key, _)| key.bot());
        let scoped = self.desired.scopes.iter().filter_map(|scope| match &scope.extent {
            ScopeExtent::BotRole(_, bot) | ScopeExtent::Assignments(bot) => Some(bot),
            _ => None,
        });
        let known = self.world.iter().flat_map(|world| world.directory.bots.keys());
        let known = known.map(|id| BotRef::Id(id.clone()));
        wanted.chain(scoped).map(|bot| self.canonical(bot)).chain(known).collect()
    }

    /// Refuses names that neither world knows: a slip of the pen would look like "nobody has it".
    pub(super) fn check_names(&self) -> Result<(), UnknownName> {
        let place = match self.world {
            Some(_) => "neither the manifests nor the account have",
            None => "the manifests do not mention",
        };
        let unknown = |what, name: String, known: BTreeSet<String>| {
            let near = nearest(&name, known.iter().map(String::as_str));
            let next_step = match near {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if known.is_empty() => format!("there is no {what} at all"),
                None => {
                    let more = known.len().saturating_sub(SHOWN);
                    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
                    let shown: Vec<&str> = known.iter().take(SHOWN).map(String::as_str).collect();
                    format!("these are known: {}{more}", shown.join(", "))
                }
            };
            Err(UnknownName { what, name, place, next_step })
        };
        if let Some(bot) = &self.query.bot {
            let bots = self.bots();
            if !bots.contains(bot) {
                let known = bots.iter().map(|bot| self.name_of(bot)).collect();
                return unknown("bot", bot.to_string(), known);
            }
        }
        if let Some(text) = &self.query.role {
            let roles = self.roles();
            let is_known = roles.iter().any(|(role_type, role)| means(*role_type, text, role))
                || means(RoleType::Admin, text, &RoleName::new(RoleName::MASTER_ADMIN))
                || means(RoleType::Bot, text, &RoleName::new(RoleName::BOT_OWNER));
            if !is_known {
                let known = roles.iter().map(|(_, role)| role.to_string()).collect();
                return unknown("role", text.clone(), known);
            }
        }
        Ok(())
    }

    /// The scopes a fact belongs to, whatever they do with others.
    pub(super) fn scopes_of(&self, key: &Key<BotRef>) -> Vec<&'a Scope<BotRef>> {
        let scopes =
            ScopeExtent::holding(key).and_then(|extent| self.scopes.get(&self.canonical_extent(extent)));
        scopes.cloned().unwrap_or_default()
    }

    /// The wants that give the same to others.
    fn same_to_others(&self, key: &Key<BotRef>) -> impl Iterator<Item = &'a (Key<BotRef>, Want)> {
        let wanted = ScopeExtent::holding(&self.key_of(key));
        self.desired.wants.iter().filter(move |(other, want)| {
            matches!(want.verdict, Verdict::Present(_))
                && other.family() == key.family()
                && ScopeExtent::holding(&self.key_of(other)) == wanted
        })
    }

    /// Groups that are given the same.
    pub(super) fn groups_with(&self, key: &Key<BotRef>) -> Vec<(&'a GroupName, &'a Want)> {
        let all = self.same_to_others(key);
        all.filter_map(|(other, want)| match other.holder() {
            Some(Holder::Group(group)) => Some((group, want)),
            _ => None,
        })
        .collect()
    }

    /// Teams that are given the same.
    pub(super) fn teams_with(&self, key: &Key<BotRef>) -> BTreeSet<&'a str> {
        let all = self.same_to_others(key);
        all.flat_map(|(_, want)| &want.sources).filter_map(|source| source.team.as_deref()).collect()
    }

    /// The want that says a person must not be in the account.
    pub(super) fn absent_person(&self, email: &Email) -> Option<&'a Want> {
        self.want(&Key::Member(email.clone())).filter(|want| want.verdict == Verdict::Absent)
    }

    /// Whether a person is declared, or was seen.
    pub(super) fn is_member(&self, email: &Email) -> bool {
        let member = Key::Member(email.clone());
        let is_wanted = self.want(&Key::Member(email.clone())).is_some();
        is_wanted || self.world.is_some_and(|world| world.get(&member).is_some())
    }

    fn want(&self, key: &Key<BotRef>) -> Option<&'a Want> {
        let wants = &self.desired.wants;
        wants.binary_search_by(|(candidate, _)| candidate.cmp(key)).ok().map(|at| &wants[at].1)
    }

    /// A known person with nearly that address.
    pub(super) fn nearest_person(&self, email: &Email) -> Option<String> {
        let seen = self.world.iter().flat_map(|world| world.directory.users.keys());
        let local = |email: &'a Email| email.folded().rsplit_once('@').map(|(local, _)| local);
        let domain = email.domain();
        let known = self.desired.referenced.iter().chain(seen).filter(|known| known.domain() == domain);
        let name = email.folded().rsplit_once('@').map(|(local, _)| local)?;
        Some(format!("{}@{domain}", nearest(name, known.filter_map(local))?))
    }
}

/// The bot's id and name, as far as they are known.
pub(super) fn label_of(key: &Key<BotRef>, index: &FactIndex<'_>) -> (Option<String>, Option<String>) {
    match key.bot().map(|bot| index.canonical(bot)) {
        Some(BotRef::Id(id)) => (Some(id.to_string()), Some(index.name_of(&BotRef::Id(id)))),
        Some(BotRef::Name(name)) => (None, Some(name.to_string())),
        None => (None, None),
    }
}

/// What members of a group hold through it.
fn held_through<'a>(
    bindings: &BTreeMap<Key<BotRef>, HalfGrant<'a>>,
    members: &BTreeMap<&'a GroupName, BTreeMap<&'a Email, HalfGrant<'a>>>,
) -> Vec<(Key<BotRef>, Through<'a>)> {
    let mut held = Vec::new();
    for (key, binding) in bindings {
        let Some(Holder::Group(group)) = key.holder() else { continue };
        for (email, membership) in members.get(group).into_iter().flatten() {
            let holder = Holder::User((*email).clone());
            let key = match key {
                Key::AdminRole(_, role) => Key::AdminRole(holder, role.clone()),
                Key::BotRole(_, role, bot) => Key::BotRole(holder, role.clone(), bot.clone()),
                _ => continue,
            };
            let through =
                Through { group: group.clone(), binding: binding.want, membership: membership.want };
            held.push((key, through));
        }
    }
    held
}
