//! An account that holds what a declaration says, and nothing else: what tests of policies are judged on.

use crate::facts::{
    AccountId, BotEntry, BotId, BotName, BotRef, Coverage, Desired, Directory, Email, Extent, GroupEntry,
    GroupId, GroupName, Holder, Key, Listing, Membership, RoleEntry, RoleId, RoleName, RoleSpec, RoleType,
    Seen, UserEntry, UserId, Value, Verdict, World, WorldBuilder, as_read,
};
use crate::plan::AccountNames;
use std::collections::{BTreeMap, BTreeSet};

/// What an account is beside what it was declared.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// People who have not accepted their invitation.
    pub pending: BTreeSet<Email>,
    /// Names of bots that are not published.
    pub unpublished: BTreeSet<String>,
    /// Owners of bots, by the bot's name.
    pub owners: BTreeMap<String, Email>,
}

/// The account that holds all that `desired` declares present. It knows the roles, bots and groups of `named` as well, so
/// that a plan for them finds what they name. Names that read the same are one name.
pub fn account_of(desired: &Desired, named: &Desired, beside: &Beside) -> World {
    let spelling = AccountNames::new(&Directory::default());
    let mut maker = Maker::new(beside);
    for (key, want) in desired.wants.iter().chain(&named.wants) {
        if matches!(want.verdict, Verdict::Present(_)) {
            maker.name(&spelling.but_for_the_bot(key.clone()));
        }
    }
    for (key, want) in &desired.wants {
        if let Verdict::Present(value) = &want.verdict {
            maker.hold(spelling.but_for_the_bot(key.clone()), value);
        }
    }
    maker.finish(desired, named)
}

struct Maker<'a> {
    beside: &'a Beside,
    builder: WorldBuilder,
    directory: Directory,
    people: BTreeSet<Email>,
    groups: BTreeMap<GroupName, BTreeSet<Email>>,
    held_by_groups: Vec<(GroupName, Key)>,
}

impl<'a> Maker<'a> {
    fn new(beside: &'a Beside) -> Self {
        let mut maker = Self {
            beside,
            builder: WorldBuilder::new(),
            directory: Directory::default(),
            people: BTreeSet::new(),
            groups: BTreeMap::new(),
            held_by_groups: Vec::new(),
        };
        maker.role(RoleType::Admin, &RoleName::new(RoleName::MASTER_ADMIN), &RoleSpec::default());
        for name in [RoleName::BOT_OWNER, "Bot Developer", "Bot Tester"] {
            maker.role(RoleType::Bot, &RoleName::new(name), &RoleSpec::default());
        }
        for (bot, owner) in &beside.owners {
            let id = maker.bot(&BotRef::new(bot));
            let owns = Key::BotRole(Holder::User(owner.clone()), RoleName::new(RoleName::BOT_OWNER), id);
            maker.person(owner);
            maker.builder.see(owns, Value::Held);
        }
        maker
    }

    /// What the account must know for a key to mean something.
    fn name(&mut self, key: &Key<BotRef>) {
        if let Some((role_type, role)) = key.role()
            && self.directory.roles_named(role_type, role).next().is_none()
        {
            self.role(role_type, role, &RoleSpec::default());
        }
        if let Some(bot) = key.bot() {
            self.bot(bot);
        }
        if let Some(group) = key.group() {
            self.groups.entry(group.clone()).or_default();
        }
    }

    fn hold(&mut self, key: Key<BotRef>, value: &Value) {
        let Some(held) = key.with_bot(|bot| Some(self.bot(&bot))) else { return };
        if let Some(email) = held.email() {
            self.person(&email.clone());
        }
        match (&held, value) {
            (Key::Member(_), _) => {}
            (Key::RoleDefinition(role_type, role), Value::Role(spec)) => {
                self.role(*role_type, role, spec);
            }
            (Key::InGroup(email, group), _) => {
                self.groups.entry(group.clone()).or_default().insert(email.clone());
                self.builder.see(held, Value::Held);
            }
            (Key::AdminRole(Holder::Group(group), _) | Key::BotRole(Holder::Group(group), _, _), _) => {
                self.held_by_groups.push((group.clone(), held));
            }
            _ => self.builder.see(held, value.clone()),
        }
    }

    fn person(&mut self, email: &Email) {
        if !self.people.insert(email.clone()) {
            return;
        }
        let membership = if self.beside.pending.contains(email) {
            Membership::Pending { since: None }
        } else {
            Membership::Joined
        };
        self.builder.see(Key::Member(email.clone()), Value::Member(membership));
        let id = Some(UserId::new(format!("u-{}", email.folded())));
        let entry = UserEntry { id, spellings: vec![email.as_str().to_owned()], org_user_id: None };
        self.directory.users.insert(email.clone(), entry);
    }

    fn role(&mut self, role_type: RoleType, name: &RoleName, spec: &RoleSpec) {
        let id = RoleId::new(format!("{} {name}", role_type.as_str()));
        let document = serde_json::Value::Null;
        let entry = RoleEntry { role_type, name: name.clone(), spec: spec.clone(), document };
        self.directory.roles.insert(id, entry);
    }

    fn bot(&mut self, bot: &BotRef) -> BotId {
        let (id, name) = match bot {
            BotRef::Id(id) => (id.clone(), BotName::new(id.as_str())),
            BotRef::Name(name) => {
                let name = BotName::new(&*as_read(name.as_str()));
                (BotId::new(format!("st-{name}")), name)
            }
        };
        let is_unpublished = self.beside.unpublished.iter().any(|other| as_read(other) == name.as_str());
        let status = if is_unpublished { "configured" } else { "published" };
        let (status, purpose) = (status.to_owned(), "customer".to_owned());
        self.directory.bots.entry(id.clone()).or_insert(BotEntry { name, status, purpose });
        id
    }

    fn finish(mut self, desired: &Desired, named: &Desired) -> World {
        for RoleEntry { role_type, name, spec, document: _ } in self.directory.roles.values() {
            self.builder.see(Key::RoleDefinition(*role_type, name.clone()), Value::Role(spec.clone()));
        }
        for (group, key) in &self.held_by_groups {
            for email in self.groups.get(group).into_iter().flatten() {
                let inherited = match key {
                    Key::BotRole(_, role, bot) => {
                        Key::BotRole(Holder::User(email.clone()), role.clone(), bot.clone())
                    }
                    Key::AdminRole(_, role) => Key::AdminRole(Holder::User(email.clone()), role.clone()),
                    _ => continue,
                };
                self.builder.see(inherited, Value::Inherited(BTreeSet::from([group.clone()])));
            }
            self.builder.see(key.clone(), Value::Held);
        }
        for (name, members) in &self.groups {
            // A group without members does not show its roles; in a test every group shows them.
            let entry = GroupEntry { name: name.clone(), members: members.len().max(1) };
            self.directory.groups.insert(GroupId::new(format!("e-{name}")), entry);
        }
        let mut coverage = Coverage::default();
        for listing in
            [Listing::Users, Listing::Groups, Listing::Bots, Listing::AdminRoles, Listing::BotRoles]
        {
            coverage.listings.insert(listing, Extent::Complete);
        }
        let mentioned = desired.referenced.iter().chain(&named.referenced);
        let mentioned = mentioned.chain(named.wants.iter().filter_map(|(key, _)| key.email()));
        coverage.not_found = mentioned.filter(|email| !self.people.contains(*email)).cloned().collect();
        coverage.looked_up = self.people.into_iter().map(|email| (email, Seen::ALL)).collect();
        let mut world = self.builder.build(coverage, self.directory);
        world.account = Some(AccountId::new("test"));
        world
    }
}
