//! Accounts, wishes and readings of the vendor's documentation, drawn at random, and the truth behind the API in
//! the words of facts.

use super::engine::Engine;
use super::wants::{Wants, email};
use koreconcile::facts::{
    BotId, BotRef, BuilderAccess, Closure, Desired, DialogId, DialogSet, Holder, Key, Membership, PersonName,
    RateLimit, RoleName, RoleSpec, RoleType, Scope, ScopeExtent, Value,
};
use koreconcile::sandbox::{
    self, BotStatus, Dialect, NewBot, NewGroup, NewRole, NewUser, OffsetCounts, Options, RoleKind, Snapshot,
    Starter, UserState,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

pub const OWNER: &str = "owner@example.com";
/// People wishes may name; the account has the first of them.
pub(super) const PEOPLE: usize = 30;
pub(super) const BOTS: usize = 7;
pub(super) const GROUPS: usize = 5;
const ADMIN_ROLES: [&str; 3] = ["Master Admin", "Auditor", "Clerk"];
pub(super) const BOT_ROLES: [&str; 4] = ["Bot Developer", "Bot Tester", "Analyst", "Release Manager"];

/// One account, what is wanted of it, and how its platform behaves.
#[derive(Clone)]
pub struct Case {
    pub dialect: Dialect,
    pub people: Vec<Person>,
    pub bots: Vec<Bot>,
    pub groups: Vec<Group>,
    /// Whether `Clerk`, `Analyst` and `Release Manager` exist.
    pub custom_roles: [bool; 3],
    pub wishes: Vec<RandomDeclaration>,
    pub scopes: Vec<(Extent, bool)>,
    pub strip: bool,
    /// Whether the journal is written to disk, so that assignments may be cleared and sent anew.
    pub is_durable: bool,
    pub floor: u32,
    /// This one and their neighbours are protected.
    pub protected: Option<usize>,
}

/// Short enough to read, and only what differs from the defaults of the platform.
impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { dialect, people, bots, groups, custom_roles, wishes, scopes, .. } = self;
        let Self { strip, is_durable, floor, protected, .. } = self;
        let (drawn, usual) = (serde_json::json!(dialect), serde_json::json!(Dialect::default()));
        for (switch, reading) in drawn.as_object().into_iter().flatten() {
            if usual[switch] != *reading {
                write!(f, "\n  {switch}={reading}")?;
            }
        }
        write!(f, "\n  {people:?}\n  {bots:?}\n  {groups:?} {custom_roles:?}\n  {wishes:?}\n  {scopes:?}")?;
        write!(f, "\n  strip {strip}, durable {is_durable}, floor {floor}, protected {protected:?}")
    }
}

#[derive(Clone, Debug)]
pub struct Person {
    pub state: UserState,
    pub is_capital: bool,
    pub access: u8,
    pub admin_roles: Vec<usize>,
    pub bot_roles: Vec<(usize, usize)>,
    pub groups: Vec<usize>,
    pub assigned: Vec<(usize, Option<u8>)>,
    pub has_other_tasks: bool,
}

#[derive(Clone, Debug)]
pub struct Bot {
    pub is_published: bool,
    pub is_enterprise: bool,
    pub owner: Option<usize>,
    pub state: BotState,
}

/// What has become of a bot since people got access to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BotState {
    Kept,
    Renamed,
    Deleted,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub admin_role: Option<usize>,
    pub bot_roles: Vec<(usize, usize)>,
    /// Whether it got its roles on bots inside the apps.
    pub is_in_builder: bool,
}

#[derive(Clone, Debug)]
pub enum RandomHolder {
    Person(usize),
    Group(usize),
}

#[derive(Clone, Debug)]
pub enum RandomDeclaration {
    Member(usize, bool),
    Access(usize, u8),
    Name(usize, u8),
    Profile(usize),
    DataTables(usize, bool),
    InGroup(usize, usize, bool),
    Admin(RandomHolder, usize, bool),
    Bot(RandomHolder, usize, usize, bool),
    Assigned(usize, usize, Option<u8>, bool),
    Role(RoleType, usize, u8),
}

#[derive(Clone, Debug)]
pub enum Extent {
    Admin(usize),
    Bot(usize, usize),
    Group(usize),
    Assignments(usize),
}

/// Of every few people, one has an address that is nobody's organisation's.
pub fn address(person: usize) -> String {
    let domain = if person % 7 == 5 { "private.example.com" } else { "example.com" };
    format!("p{person:02}@{domain}")
}

fn spelled(person: usize, is_capital: bool) -> String {
    if is_capital { address(person).replace('p', "P").replace("example", "Example") } else { address(person) }
}

pub(super) fn bot_name(bot: usize) -> String {
    format!("Bot {bot}")
}

pub(super) fn group_name(group: usize) -> String {
    format!("Group {group}")
}

pub(super) fn access(level: u8) -> BuilderAccess {
    [BuilderAccess::None, BuilderAccess::Builder, BuilderAccess::Creator][usize::from(level % 3)]
}

fn dialogs(bot: usize, mask: u8) -> Vec<String> {
    let chosen = (0..3).filter(|at| mask & (1 << at) != 0);
    chosen.map(|at| format!("Dialog {bot}.{at}")).collect()
}

fn person() -> impl Strategy<Value = Person> {
    let state = prop_oneof![
        6 => Just(UserState::Active),
        2 => Just(UserState::NotActive),
        1 => Just(UserState::Suspended),
    ];
    let few = |of: usize| prop::collection::vec(0..of, 0..2);
    (
        (state, prop::bool::weighted(0.15), 0u8..3),
        prop::collection::vec(prop_oneof![3 => Just(0usize), 1 => 1..3usize], 0..2),
        prop::collection::vec((0..4usize, 0..BOTS), 0..3),
        few(GROUPS),
        prop::collection::vec((0..BOTS, prop::option::of(1u8..8)), 0..3),
        prop::bool::weighted(0.05),
    )
        .prop_map(|((state, is_capital, access), admin_roles, bot_roles, groups, assigned, other)| {
            Person {
                state,
                // A pending person may be in no listing, and nobody could know how their address is written.
                is_capital: is_capital && state.has_joined(),
                access,
                admin_roles,
                bot_roles,
                groups,
                assigned,
                has_other_tasks: other,
            }
        })
}

fn bot() -> impl Strategy<Value = Bot> {
    let state = prop_oneof![
        12 => Just(BotState::Kept),
        1 => Just(BotState::Renamed),
        1 => Just(BotState::Deleted),
    ];
    (prop::bool::weighted(0.85), prop::bool::weighted(0.9), prop::option::weighted(0.4, 0..PEOPLE), state)
        .prop_map(|(is_published, is_enterprise, owner, state)| Bot {
            is_published,
            is_enterprise,
            owner,
            state,
        })
}

fn group() -> impl Strategy<Value = Group> {
    let bot_roles = prop::collection::vec((0..4usize, 0..BOTS), 0..2);
    (prop::option::weighted(0.3, 0..3usize), bot_roles, prop::bool::weighted(0.2))
        .prop_map(|(admin_role, bot_roles, is_in_builder)| Group { admin_role, bot_roles, is_in_builder })
}

fn who() -> impl Strategy<Value = RandomHolder> {
    prop_oneof![5 => (0..PEOPLE).prop_map(RandomHolder::Person), 1 => (0..GROUPS).prop_map(RandomHolder::Group)]
}

fn wish() -> impl Strategy<Value = RandomDeclaration> {
    let people = 0..PEOPLE;
    let holds = || prop::bool::weighted(0.7);
    prop_oneof![
        8 => (people.clone(), prop::bool::weighted(0.85)).prop_map(|(who, is)| RandomDeclaration::Member(who, is)),
        3 => (people.clone(), 0u8..3).prop_map(|(who, level)| RandomDeclaration::Access(who, level)),
        2 => (people.clone(), 0u8..3).prop_map(|(who, name)| RandomDeclaration::Name(who, name)),
        1 => people.clone().prop_map(RandomDeclaration::Profile),
        1 => (people.clone(), any::<bool>()).prop_map(|(who, may)| RandomDeclaration::DataTables(who, may)),
        3 => (people.clone(), 0..GROUPS, holds()).prop_map(|(who, group, is)| RandomDeclaration::InGroup(who, group, is)),
        4 => (who(), 0..3usize, holds()).prop_map(|(who, role, is)| RandomDeclaration::Admin(who, role, is)),
        8 => (who(), 0..4usize, 0..BOTS, holds()).prop_map(|(who, role, bot, is)| RandomDeclaration::Bot(who, role, bot, is)),
        6 => (people, 0..BOTS, prop::option::of(1u8..8), holds())
            .prop_map(|(who, bot, only, is)| RandomDeclaration::Assigned(who, bot, only, is)),
        1 => (any::<bool>(), 1..4usize, 0u8..3).prop_map(|(is_admin, role, level)| {
            let role_type = if is_admin { RoleType::Admin } else { RoleType::Bot };
            RandomDeclaration::Role(role_type, role, level)
        }),
    ]
}

fn extent() -> impl Strategy<Value = Extent> {
    prop_oneof![
        1 => (0..3usize).prop_map(Extent::Admin),
        3 => (0..4usize, 0..BOTS).prop_map(|(role, bot)| Extent::Bot(role, bot)),
        1 => (0..GROUPS).prop_map(Extent::Group),
        2 => (0..BOTS).prop_map(Extent::Assignments),
    ]
}

/// Any account with any wishes under any reading.
pub fn case() -> impl Strategy<Value = Case> {
    (
        any::<u64>().prop_map(Dialect::from_seed).no_shrink(),
        prop::collection::vec(person(), 0..=25),
        prop::collection::vec(bot(), 0..BOTS),
        prop::collection::vec(group(), 0..GROUPS),
        any::<[bool; 3]>(),
        prop::collection::vec(wish(), 0..40),
        prop::collection::vec((extent(), prop::bool::weighted(0.7)), 0..4),
        (any::<bool>(), prop::bool::weighted(0.2), 1u32..4, prop::option::weighted(0.3, 0..PEOPLE)),
    )
        .prop_map(
            |(
                dialect,
                people,
                bots,
                groups,
                custom_roles,
                wishes,
                scopes,
                (strip, is_durable, floor, protected),
            )| {
                Case {
                    dialect,
                    people,
                    bots,
                    groups,
                    custom_roles,
                    wishes,
                    scopes,
                    strip,
                    is_durable,
                    floor,
                    protected,
                }
            },
        )
}

impl Case {
    /// What manifests call a bot of the account: a new name may not be seen yet where bots are listed.
    pub fn name_before(name: &str) -> String {
        match name.strip_prefix("Renamed ").and_then(|at| at.parse().ok()) {
            Some(at) => bot_name(at),
            None => name.to_owned(),
        }
    }

    /// The account, behind an engine with its policy.
    pub fn engine(&self) -> Engine {
        let options = Options { dialect: self.dialect.clone(), starter: Starter::Bare, ..Options::default() };
        let mut engine = Engine::start(options, RateLimit::default());
        self.fill(&engine.admin);
        let safety = &mut engine.policy.safety;
        safety.max_removals = 1_000;
        safety.max_removals_percent = 100;
        safety.min_master_admins = self.floor;
        safety.primary_admin = Some(email(OWNER));
        safety.protected =
            self.protected.iter().map(|who| koreconcile::facts::Pattern::new(&address(*who))).collect();
        engine
    }

    fn fill(&self, admin: &sandbox::Admin) {
        let filled = admin.batch(|editor| {
            for (at, person) in self.people.iter().enumerate() {
                let level = access(person.access);
                let (is_developer, can_create_bot) = (level.is_developer(), level.can_create_bot());
                let named = NewUser::named(
                    &spelled(at, person.is_capital && self.shows_spellings()),
                    "First",
                    "Last",
                );
                editor.add_user(&NewUser { state: person.state, is_developer, can_create_bot, ..named })?;
            }
            for (name, kind) in self.custom_roles() {
                let permissions = serde_json::json!({ "Dashboard": "YES" }).as_object().cloned().unwrap();
                editor.add_role(&NewRole { permissions, ..NewRole::named(kind, name) })?;
            }
            for (at, bot) in self.bots.iter().enumerate() {
                let owner = bot.owner.filter(|owner| *owner < self.people.len()).map(address);
                let status = if bot.is_published { BotStatus::Published } else { BotStatus::Configured };
                let (is_enterprise, dialogs) = (bot.is_enterprise, dialogs(at, 7));
                let named = NewBot::named(&bot_name(at));
                editor.add_bot(&NewBot { owner, status, is_enterprise, dialogs, ..named })?;
            }
            for (at, group) in self.groups.iter().enumerate() {
                editor.add_group(&NewGroup::named(&group_name(at)))?;
                let holder = sandbox::Holder::Group(group_name(at));
                for (role, bot) in self.existing(group.admin_role.as_slice(), &group.bot_roles) {
                    match bot {
                        Some(bot) if group.is_in_builder => editor.bind_in_app(&holder, role, &bot)?,
                        bot => editor.bind(&holder, role, bot.as_deref())?,
                    }
                }
            }
            for (at, person) in self.people.iter().enumerate() {
                let who = address(at);
                let holder = sandbox::Holder::User(who.clone());
                for (role, bot) in self.existing(&person.admin_roles, &person.bot_roles) {
                    editor.bind(&holder, role, bot.as_deref())?;
                }
                for group in person.groups.iter().filter(|group| **group < self.groups.len()) {
                    editor.join(&group_name(*group), &who)?;
                }
                for (bot, only) in person.assigned.iter().filter(|(bot, _)| self.is_assignable(*bot)) {
                    let only = only.map(|mask| dialogs(*bot, mask));
                    let only: Option<Vec<&str>> =
                        only.as_ref().map(|only| only.iter().map(String::as_str).collect());
                    editor.assign(&who, &bot_name(*bot), only.as_deref())?;
                    if person.has_other_tasks {
                        editor.assign_other_tasks(&who, &bot_name(*bot), "actions", "ac-1")?;
                    }
                }
            }
            Ok(())
        });
        filled.unwrap();
        for (at, bot) in self.bots.iter().enumerate() {
            match bot.state {
                BotState::Kept => {}
                BotState::Renamed => admin.rename_bot(&bot_name(at), &format!("Renamed {at}")).unwrap(),
                BotState::Deleted => admin.delete_bot(&bot_name(at)).unwrap(),
            }
        }
    }

    /// Whether another spelling of an address can be seen at all: where case counts and the listing is cut off, nothing
    /// tells `P01@Example.com` from somebody who is not there.
    fn shows_spellings(&self) -> bool {
        !self.dialect.email_case_sensitive || self.dialect.user_roles_offset != OffsetCounts::Nothing
    }

    /// The bindings among these whose role and bot the account has, by name.
    fn existing(&self, admin: &[usize], bots: &[(usize, usize)]) -> Vec<(&'static str, Option<String>)> {
        let names: Vec<&str> = self.custom_roles().map(|(name, _)| name).collect();
        let is_there = |name: &str| name == "admin" || name.starts_with("Bot ") || names.contains(&name);
        let admin = admin.iter().map(|role| (if *role == 0 { "admin" } else { ADMIN_ROLES[*role] }, None));
        let bots = bots.iter().filter(|(_, bot)| *bot < self.bots.len());
        let bots = bots.map(|(role, bot)| (BOT_ROLES[*role], Some(bot_name(*bot))));
        admin.chain(bots).filter(|(role, _)| is_there(role)).collect()
    }

    fn custom_roles(&self) -> impl Iterator<Item = (&'static str, RoleKind)> {
        let all =
            [("Clerk", RoleKind::Admin), ("Analyst", RoleKind::Bot), ("Release Manager", RoleKind::Bot)];
        let drawn = all.into_iter().zip(self.custom_roles).filter(|(_, is_there)| *is_there);
        std::iter::once(("Auditor", RoleKind::Admin)).chain(drawn.map(|(role, _)| role))
    }

    fn is_assignable(&self, bot: usize) -> bool {
        self.bots.get(bot).is_some_and(|bot| bot.is_published && bot.is_enterprise)
    }

    /// What the wishes mean: of two about one fact, the later one counts.
    pub fn desired(&self, truth: &Snapshot) -> Desired {
        let of_bot = |bot: &sandbox::BotTruth| bot.dialogs.clone().into_iter().map(|(id, name)| (name, id));
        let dialogs: BTreeMap<String, String> = truth.bots.values().flat_map(of_bot).collect();
        let mut wants: BTreeMap<Key<BotRef>, _> = BTreeMap::new();
        for wish in &self.wishes {
            let (key, value) = wish.fact(&dialogs);
            let one = match value {
                Some(value) => Wants::default().present(key, value),
                None => Wants::default().absent(key),
            };
            wants.extend(one.0);
        }
        let scopes = self.scopes.iter().map(|(extent, is_closed)| Scope {
            extent: extent.scope(),
            closure: if *is_closed { Closure::Closed } else { Closure::Additive },
            sources: Vec::new(),
        });
        let mut desired = Wants(wants.into_iter().collect(), scopes.collect()).build();
        if self.strip {
            desired.strip = (0..PEOPLE).map(|who| email(&address(who))).collect();
        }
        desired
    }
}

impl RandomDeclaration {
    fn fact(&self, known: &BTreeMap<String, String>) -> (Key<BotRef>, Option<Value>) {
        let who = |person: &usize| email(&address(*person));
        let holder = |who: &RandomHolder| match who {
            RandomHolder::Person(person) => Holder::User(email(&address(*person))),
            RandomHolder::Group(group) => Holder::Group(group_name(*group).as_str().into()),
        };
        let bot = |bot: &usize| BotRef::new(&bot_name(*bot));
        let held = |is: bool| is.then_some(Value::Held);
        match self {
            Self::Member(person, is) => {
                (Key::Member(who(person)), is.then_some(Value::Member(Membership::Joined)))
            }
            Self::Access(person, level) => (Key::Access(who(person)), Some(Value::Access(access(*level)))),
            Self::Name(person, name) => {
                let name = PersonName { first: Some(format!("Name {name}")), last: None };
                (Key::Names(who(person)), Some(Value::Names(name)))
            }
            Self::Profile(person) => {
                let fields = BTreeMap::from([("dept".to_owned(), "Support".to_owned())]);
                (Key::Profile(who(person)), Some(Value::Profile(fields)))
            }
            Self::DataTables(person, may) => (Key::DataTables(who(person)), Some(Value::DataTables(*may))),
            Self::InGroup(person, group, is) => {
                (Key::InGroup(who(person), group_name(*group).as_str().into()), held(*is))
            }
            // Master Admin goes to people: the manifests refuse anything else.
            Self::Admin(RandomHolder::Group(group), 0, true) => {
                (Key::AdminRole(holder(&RandomHolder::Group(*group)), "Auditor".into()), held(true))
            }
            Self::Admin(who, role, is) => (Key::AdminRole(holder(who), ADMIN_ROLES[*role].into()), held(*is)),
            Self::Bot(who, role, on, is) => {
                (Key::BotRole(holder(who), BOT_ROLES[*role].into(), bot(on)), held(*is))
            }
            Self::Assigned(person, on, only, is) => {
                let set = only.map_or(DialogSet::ALL, |mask| {
                    let ids = dialogs(*on, mask)
                        .iter()
                        .filter_map(|name| known.get(name))
                        .map(DialogId::new)
                        .collect::<Vec<_>>();
                    DialogSet::only(ids)
                });
                (Key::Assigned(who(person), bot(on)), is.then_some(Value::Dialogs(set)))
            }
            Self::Role(role_type, role, level) => {
                let name = match role_type {
                    RoleType::Admin => ADMIN_ROLES[1 + (*role - 1) % 2],
                    RoleType::Bot => BOT_ROLES[*role],
                };
                let level = ["YES", "NO", "YES"][usize::from(*level)];
                let permissions = BTreeMap::from([("Dashboard".into(), level.into())]);
                let spec = RoleSpec { description: None, permissions };
                (Key::RoleDefinition(*role_type, name.into()), Some(Value::Role(spec)))
            }
        }
    }
}

impl Extent {
    fn scope(&self) -> ScopeExtent<BotRef> {
        match self {
            Self::Admin(role) => ScopeExtent::AdminRole(ADMIN_ROLES[*role].into()),
            Self::Bot(role, bot) => {
                ScopeExtent::BotRole(BOT_ROLES[*role].into(), BotRef::new(&bot_name(*bot)))
            }
            Self::Group(group) => ScopeExtent::Group(group_name(*group).as_str().into()),
            Self::Assignments(bot) => ScopeExtent::Assignments(BotRef::new(&bot_name(*bot))),
        }
    }
}

/// The truth behind the API, fact by fact, in a form that can be compared.
pub fn truth(snapshot: &Snapshot) -> BTreeMap<Key, String> {
    let ids: BTreeMap<&str, &str> =
        snapshot.bots.iter().map(|(id, bot)| (bot.name.as_str(), id.as_str())).collect();
    let mut facts = BTreeMap::new();
    for (address, user) in &snapshot.users {
        let who = email(address);
        let holder = || Holder::User(who.clone());
        facts.insert(Key::Member(who.clone()), user.state.word().to_owned());
        facts.insert(Key::Names(who.clone()), format!("{} {}", user.first_name, user.last_name));
        facts.insert(Key::Access(who.clone()), format!("{} {}", user.is_developer, user.can_create_bot));
        for group in &user.groups {
            facts.insert(Key::InGroup(who.clone(), group.as_str().into()), String::new());
        }
        for role in &user.admin_roles {
            facts.insert(Key::AdminRole(holder(), RoleName::canonical(RoleType::Admin, role)), String::new());
        }
        for (role, bot) in &user.bot_roles {
            let role = RoleName::canonical(RoleType::Bot, role);
            facts.insert(Key::BotRole(holder(), role, ids[bot.as_str()].into()), String::new());
        }
        for (bot, only) in &user.assignments {
            let id = ids[bot.as_str()];
            // All dialogs, or a list of all of them: the API shows no difference.
            let all: BTreeSet<&String> = snapshot.bots[id].dialogs.keys().collect();
            let only: BTreeSet<&String> = only.as_ref().map_or(all, |only| only.iter().collect());
            facts.insert(Key::Assigned(who.clone(), id.into()), format!("{only:?}"));
        }
    }
    for (name, group) in &snapshot.groups {
        for (role, bot) in &group.roles {
            let holder = Holder::Group(name.as_str().into());
            let key = match bot {
                None => Key::AdminRole(holder, RoleName::canonical(RoleType::Admin, role)),
                Some(bot) => {
                    Key::BotRole(holder, RoleName::canonical(RoleType::Bot, role), ids[bot.as_str()].into())
                }
            };
            facts.insert(key, String::new());
        }
    }
    for (name, role) in &snapshot.roles {
        let (role_type, name) = match name.split_once('/').unwrap() {
            ("admin", name) => (RoleType::Admin, name),
            (_, name) => (RoleType::Bot, name),
        };
        let says = format!("{} {:?}", role.description, role.permissions);
        facts.insert(Key::RoleDefinition(role_type, RoleName::canonical(role_type, name)), says);
    }
    facts
}

/// How many people who have joined hold Master Admin, in whatever way.
pub fn master_admins(snapshot: &Snapshot) -> usize {
    let holds = |user: &&sandbox::UserTruth| {
        user.state.has_joined()
            && (user.admin_roles.iter().any(|role| role == "admin")
                || user.inherited.iter().any(|(role, bot, _)| role == "admin" && bot.is_none()))
    };
    snapshot.users.values().filter(holds).count()
}

/// The bots of a snapshot by their ids and the names that they had before the day began.
pub fn bots_before(start: &Snapshot) -> impl Fn(BotRef) -> Option<BotId> {
    let ids: BTreeMap<String, BotId> =
        start.bots.iter().map(|(id, bot)| (Case::name_before(&bot.name), BotId::new(id))).collect();
    move |bot| match bot {
        BotRef::Id(id) => Some(id),
        BotRef::Name(name) => ids.get(name.as_str()).cloned(),
    }
}
