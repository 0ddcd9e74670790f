//! An account as rules see it: people with everything they hold, directly or through groups, roles and bots.
//!
//! It is made of facts, whatever they are of: a declaration, a read of the account, or a read with a plan's changes
//! applied. What is held through a group is worked out again each time, from who is in the group and what the group
//! holds, so that a change of either counts for every member.

use super::known::Known;
use crate::facts::{
    BotId, BuilderAccess, Email, GroupName, Holder, Key, Membership, RoleName, RoleSpec, RoleType, Value,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Everything a rule may look at.
#[derive(Debug, Default)]
pub struct Picture {
    /// By address.
    pub(super) people: Vec<Person>,
    /// In the order in which they were met.
    pub(super) roles: Vec<Role>,
    /// By id.
    pub(super) bots: Vec<Bot>,
}

/// A person.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) email: Email,
    /// `None`: no fact says that they are in the account.
    pub(super) membership: Option<Membership>,
    pub(super) is_declared: bool,
    pub(super) groups: Vec<GroupName>,
    pub(super) grants: Vec<Grant>,
    /// Places in [`Picture::bots`].
    pub(super) assigned: Vec<usize>,
    pub(super) access: BuilderAccess,
}

/// One way in which a person holds a role: directly, or through one group.
#[derive(Debug)]
pub(super) struct Grant {
    /// Place in [`Picture::roles`].
    pub(super) role: usize,
    /// Place in [`Picture::bots`]; none for an admin role.
    pub(super) bot: Option<usize>,
    pub(super) through: Option<GroupName>,
    pub(super) is_declared: bool,
    /// The declared fact whose line speaks for it, in [`Known`].
    pub(super) fact: Option<usize>,
}

/// A role.
#[derive(Debug)]
#[allow(clippy::struct_field_names, reason = "`type` is a keyword")]
pub(super) struct Role {
    pub(super) role_type: RoleType,
    pub(super) name: RoleName,
    /// What policies compare it by.
    pub(super) compared: RoleName,
    /// What it permits, where that is known.
    pub(super) spec: Option<RoleSpec>,
    pub(super) is_declared: bool,
}

/// A bot.
#[derive(Debug)]
pub(super) struct Bot {
    pub(super) id: BotId,
    pub(super) label: String,
    pub(super) status: String,
}

type GroupRole<'a> = (RoleType, &'a RoleName, Option<&'a BotId>);

/// Who is in which group, and what the groups hold.
#[derive(Default)]
struct Groups<'a> {
    members: BTreeSet<(&'a Email, &'a GroupName)>,
    roles: HashMap<&'a GroupName, BTreeSet<GroupRole<'a>>>,
}

impl Picture {
    /// Of these facts. `gone` are the facts that a plan takes away: what people hold through a group does not count as
    /// proof of them any more.
    pub fn new(facts: &[(&Key, &Value)], gone: &BTreeSet<&Key>, known: &Known) -> Self {
        let mut maker = Maker::new(known);
        let groups = groups(facts, gone);
        for (key, value) in facts {
            maker.take(key, value);
        }
        for (email, group) in &groups.members {
            let person = maker.person(email);
            maker.picture.people[person].groups.push((*group).clone());
            for (role_type, role, bot) in groups.roles.get(group).into_iter().flatten() {
                maker.grant(person, *role_type, role, *bot, Some(group));
            }
        }
        maker.picture.people.sort_by(|left, right| left.email.cmp(&right.email));
        maker.picture
    }

    /// Every grant with its person.
    pub(super) fn grants(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.people
            .iter()
            .enumerate()
            .flat_map(|(person, who)| (0..who.grants.len()).map(move |grant| (person, grant)))
    }

    /// The fact that a grant is, as if it was held directly.
    pub(super) fn key_of(&self, person: usize, grant: usize) -> Key {
        let who = &self.people[person];
        self.role_key(Holder::User(who.email.clone()), &who.grants[grant])
    }

    /// The facts without which a grant would not be.
    pub(super) fn causes(&self, person: usize, grant: usize) -> Vec<Key> {
        let who = &self.people[person];
        let held = &who.grants[grant];
        match &held.through {
            None => vec![self.key_of(person, grant)],
            Some(group) => vec![
                Key::InGroup(who.email.clone(), group.clone()),
                self.role_key(Holder::Group(group.clone()), held),
            ],
        }
    }

    fn role_key(&self, holder: Holder, held: &Grant) -> Key {
        let role = &self.roles[held.role];
        match held.bot {
            Some(bot) => Key::BotRole(holder, role.name.clone(), self.bots[bot].id.clone()),
            None => Key::AdminRole(holder, role.name.clone()),
        }
    }
}

fn groups<'a>(facts: &[(&'a Key, &'a Value)], gone: &BTreeSet<&Key>) -> Groups<'a> {
    let mut found = Groups::default();
    for &(key, value) in facts {
        match (key, value) {
            (Key::InGroup(email, group), _) => {
                found.members.insert((email, group));
            }
            (Key::AdminRole(Holder::Group(group), role), _) => {
                found.roles.entry(group).or_default().insert((RoleType::Admin, role, None));
            }
            (Key::BotRole(Holder::Group(group), role, bot), _) => {
                found.roles.entry(group).or_default().insert((RoleType::Bot, role, Some(bot)));
            }
            // What a member holds through a group says that the group holds it, and that they are in it.
            (Key::AdminRole(Holder::User(email), role), Value::Inherited(groups)) => {
                for group in groups {
                    let of_group = Key::AdminRole(Holder::Group(group.clone()), role.clone());
                    found.infer(email, group, (RoleType::Admin, role, None), &of_group, gone);
                }
            }
            (Key::BotRole(Holder::User(email), role, bot), Value::Inherited(groups)) => {
                for group in groups {
                    let of_group = Key::BotRole(Holder::Group(group.clone()), role.clone(), bot.clone());
                    found.infer(email, group, (RoleType::Bot, role, Some(bot)), &of_group, gone);
                }
            }
            _ => {}
        }
    }
    found
}

impl<'a> Groups<'a> {
    fn infer(
        &mut self,
        email: &'a Email,
        group: &'a GroupName,
        role: GroupRole<'a>,
        of_group: &Key,
        gone: &BTreeSet<&Key>,
    ) {
        if gone.is_empty() || !gone.contains(&Key::InGroup(email.clone(), group.clone())) {
            self.members.insert((email, group));
        }
        if gone.is_empty() || !gone.contains(of_group) {
            self.roles.entry(group).or_default().insert(role);
        }
    }
}

struct Maker<'a> {
    known: &'a Known,
    picture: Picture,
    people: HashMap<Email, usize>,
    roles: BTreeMap<(RoleType, RoleName), usize>,
    bots: HashMap<BotId, usize>,
}

impl<'a> Maker<'a> {
    fn new(known: &'a Known) -> Self {
        let mut maker = Self {
            known,
            picture: Picture::default(),
            people: HashMap::new(),
            roles: BTreeMap::new(),
            bots: HashMap::new(),
        };
        for bot in known.bots.keys() {
            maker.bot(bot);
        }
        maker
    }

    fn take(&mut self, key: &Key, value: &Value) {
        match (key, value) {
            (Key::RoleDefinition(role_type, role), Value::Role(spec)) => {
                let at = self.role(*role_type, role);
                self.picture.roles[at].spec = Some(spec.clone());
                self.picture.roles[at].is_declared = self.known.find(key).is_some();
            }
            (Key::Member(email), Value::Member(membership)) => {
                let at = self.person(email);
                self.picture.people[at].membership = Some(*membership);
                self.picture.people[at].is_declared = self.known.find(key).is_some();
            }
            (Key::Access(email), Value::Access(access)) => {
                let at = self.person(email);
                self.picture.people[at].access = *access;
            }
            (Key::Assigned(email, bot), _) => {
                let (at, bot) = (self.person(email), self.bot(bot));
                self.picture.people[at].assigned.push(bot);
            }
            // What comes through groups is added from the groups.
            (_, Value::Inherited(_)) => {}
            (Key::AdminRole(Holder::User(email), role), _) => {
                let at = self.person(email);
                self.grant(at, RoleType::Admin, role, None, None);
            }
            (Key::BotRole(Holder::User(email), role, bot), _) => {
                let at = self.person(email);
                self.grant(at, RoleType::Bot, role, Some(bot), None);
            }
            _ => {}
        }
    }

    fn grant(
        &mut self,
        person: usize,
        role_type: RoleType,
        role: &RoleName,
        bot: Option<&BotId>,
        through: Option<&GroupName>,
    ) {
        let key = |holder: Holder| match bot {
            Some(bot) => Key::BotRole(holder, role.clone(), bot.clone()),
            None => Key::AdminRole(holder, role.clone()),
        };
        let email = self.picture.people[person].email.clone();
        let (is_declared, fact) = match through {
            None => {
                let fact = self.known.find(&key(Holder::User(email)));
                (fact.is_some(), fact)
            }
            Some(group) => {
                let member = self.known.find(&Key::InGroup(email, group.clone()));
                let of_group = self.known.find(&key(Holder::Group(group.clone())));
                (member.is_some() && of_group.is_some(), member.or(of_group))
            }
        };
        let grant = Grant {
            role: self.role(role_type, role),
            bot: bot.map(|bot| self.bot(bot)),
            through: through.cloned(),
            is_declared,
            fact,
        };
        self.picture.people[person].grants.push(grant);
    }

    fn person(&mut self, email: &Email) -> usize {
        if let Some(at) = self.people.get(email) {
            return *at;
        }
        let at = self.picture.people.len();
        self.people.insert(email.clone(), at);
        self.picture.people.push(Person {
            email: email.clone(),
            membership: None,
            is_declared: false,
            groups: Vec::new(),
            grants: Vec::new(),
            assigned: Vec::new(),
            access: BuilderAccess::None,
        });
        at
    }

    fn role(&mut self, role_type: RoleType, name: &RoleName) -> usize {
        if let Some(at) = self.roles.get(&(role_type, name.clone())) {
            return *at;
        }
        let at = self.picture.roles.len();
        self.roles.insert((role_type, name.clone()), at);
        let compared = name.as_compared(role_type);
        let role = Role { role_type, name: name.clone(), compared, spec: None, is_declared: false };
        self.picture.roles.push(role);
        at
    }

    fn bot(&mut self, id: &BotId) -> usize {
        if let Some(at) = self.bots.get(id) {
            return *at;
        }
        let at = self.picture.bots.len();
        self.bots.insert(id.clone(), at);
        let known = self.known.bots.get(id);
        self.picture.bots.push(Bot {
            id: id.clone(),
            label: known.map_or_else(|| id.to_string(), |known| known.label.clone()),
            status: known.map(|known| known.status.clone()).unwrap_or_default(),
        });
        at
    }
}
