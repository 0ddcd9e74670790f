//! Facts of people: what the listings say, what a look-up replaces, and what is left out because it cannot be placed.

use super::super::wire::{AssignedWire, Label, ListedUser, RoleHeld, Text, UserElement};
use super::assemble::{Assembly, downgrade};
use crate::facts::{
    BotId, DialogId, DialogSet, Email, Extent, GroupId, GroupName, Holder, Key, Listing, Membership,
    PersonName, RoleId, RoleType, Seen, Value,
};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

impl Assembly {
    /// Facts of the users' listing, as far as no look-up replaces them; returns what it served for those looked up.
    pub(super) fn listed_facts(&mut self, found: &BTreeMap<Email, UserElement>) -> HashMap<Email, Served> {
        let mut served = HashMap::new();
        let mut unreadable = 0;
        for (email, user) in std::mem::take(&mut self.users) {
            let element = found.get(&email);
            // A look-up says more about their membership.
            if element.is_none() {
                self.builder.see(Key::Member(email.clone()), Value::Member(Membership::Listed));
            }
            let access = user.access();
            if let Some(access) = access.filter(|_| element.is_none_or(|element| element.access().is_none()))
            {
                self.builder.see(Key::Access(email.clone()), Value::Access(access));
            }
            let mut has_roles = true;
            if element.is_none_or(|element| element.both_roles().is_none()) {
                let ListedUser { bt_roles, admin_roles, .. } = user;
                has_roles = bt_roles.is_some() && admin_roles.is_some();
                has_roles &= self.roles(&email, RoleType::Bot, bt_roles.iter().flatten());
                has_roles &= self.roles(&email, RoleType::Admin, admin_roles.iter().flatten());
                unreadable += usize::from(!has_roles);
            }
            if element.is_some() {
                served.insert(email, Served { has_roles, has_access: access.is_some() });
            }
        }
        if let Some(extent) = self.coverage.listings.get_mut(&Listing::Users) {
            downgrade(extent, unreadable, "users without roles, or with roles without name or bot");
        }
        served
    }

    /// Role entries of look-ups that leave out through which groups they are held take it from the users' listing
    /// (kore-api section 4, row 48).
    pub(super) fn complete_roles(&self, found: &mut BTreeMap<Email, UserElement>) {
        for (email, user) in self.users.iter().chain(&self.listed_beside) {
            let Some(roles) = found.get_mut(email).and_then(|element| element.roles.as_mut()) else {
                continue;
            };
            for (held, listed) in
                [(&mut roles.bt_roles, &user.bt_roles), (&mut roles.admin_roles, &user.admin_roles)]
            {
                if let (Some(held), Some(listed)) = (held, listed) {
                    RoleHeld::complete(held, listed);
                }
            }
        }
    }

    /// What a group holds is read from its members. Where no answer about a member says through which groups roles are
    /// held, it is not read at all.
    pub(super) fn unread_groups(&self, found: &BTreeMap<Email, UserElement>) -> BTreeSet<GroupName> {
        let listed = self.users.iter().filter(|(email, user)| {
            let is_replaced = found.get(email).is_some_and(|element| element.both_roles().is_some());
            !is_replaced && user.shows_groups_of_roles()
        });
        let looked_up = found.iter().filter(|(_, element)| element.shows_groups_of_roles());
        let read: HashSet<&Email> =
            listed.map(|(email, _)| email).chain(looked_up.map(|(email, _)| email)).collect();
        let looked_up = found.iter().flat_map(|(email, element)| {
            element.groups.iter().flatten().filter_map(move |label| Some((email, self.group_name(label)?)))
        });
        let members = self.members.iter().map(|(email, group)| (email, group.clone())).chain(looked_up);
        let (read, unread): (Vec<_>, Vec<_>) = members.partition(|(email, _)| read.contains(email));
        let read: BTreeSet<GroupName> = read.into_iter().map(|(_, group)| group).collect();
        let unread = unread.into_iter().map(|(_, group)| group);
        unread.filter(|group| !read.contains(group)).collect()
    }

    /// Memberships the groups' listing shows, as far as no look-up replaces them.
    pub(super) fn group_facts(&mut self, found: &BTreeMap<Email, UserElement>) {
        for (email, group) in std::mem::take(&mut self.members) {
            let element = found.get(&email);
            if element.is_none() {
                self.builder.see(Key::Member(email.clone()), Value::Member(Membership::Listed));
            }
            if element.is_none_or(|element| element.groups.is_none()) {
                self.builder.see(Key::InGroup(email, group), Value::Held);
            }
        }
    }

    /// Facts of one look-up.
    pub(super) fn person_facts(&mut self, email: &Email, element: UserElement, served: Served) {
        let email = match self.directory.users.get_key_value(email) {
            Some((own, _)) => own.clone(),
            None => email.clone(),
        };
        let access = element.access();
        if let Some(at) = element.last_sign_in() {
            self.last_sign_ins.insert(email.clone(), at);
        }
        let has_roles = element.both_roles().is_some();
        let mut membership = membership(element.status().as_deref());
        if membership == Membership::Listed && self.active_members.contains(&email) {
            membership = Membership::Joined;
        }
        let UserElement { user_info, roles, assign_bot_tasks, groups, is_developer: _, can_create_bot: _ } =
            element;
        self.builder.see(Key::Member(email.clone()), Value::Member(membership));
        if let Some(access) = access {
            self.builder.see(Key::Access(email.clone()), Value::Access(access));
        }
        let has_names = user_info.first_name.is_some() || user_info.last_name.is_some();
        if has_names {
            let text = |name: Option<Text>| name.and_then(Text::into_string);
            let name = PersonName { first: text(user_info.first_name), last: text(user_info.last_name) };
            self.builder.see(Key::Names(email.clone()), Value::Names(name));
        }
        let roles = roles.unwrap_or_default();
        let mut is_whole = self.roles(&email, RoleType::Bot, roles.bt_roles.iter().flatten());
        is_whole &= self.roles(&email, RoleType::Admin, roles.admin_roles.iter().flatten());
        let by_listing = served.has_roles && *self.coverage.extent(Listing::Users) == Extent::Complete;
        let has_groups = match groups {
            Some(groups) => self.groups(&email, &groups),
            None => *self.coverage.extent(Listing::Groups) == Extent::Complete,
        };
        let has_assignments = assign_bot_tasks.is_some_and(|assigned| self.assignments(&email, assigned));
        let seen = Seen {
            names: has_names,
            access: access.is_some() || served.has_access,
            groups: has_groups,
            roles: is_whole && (has_roles || by_listing),
            assignments: has_assignments,
        };
        self.coverage.looked_up.insert(email, seen);
    }

    /// Roles a user holds, and what that says of groups; `false` when one of them cannot be placed.
    fn roles<'r>(
        &mut self,
        email: &Email,
        role_type: RoleType,
        held: impl Iterator<Item = &'r RoleHeld>,
    ) -> bool {
        let mut is_whole = true;
        for role in held {
            let name = match (role.role_name(), role.role_id()) {
                (Some(written), _) => Some(self.names.role(role_type, written)),
                (None, id) => {
                    let entry = id.and_then(|id| self.directory.roles.get(&RoleId::new(id)));
                    entry.map(|entry| entry.name.clone())
                }
            };
            let bot = role.bot().map(|bot| self.names.bot(bot));
            let (Some(name), true) = (name, bot.is_some() || role_type == RoleType::Admin) else {
                is_whole = false;
                continue;
            };
            let key = |holder| match (&bot, role_type) {
                (Some(bot), RoleType::Bot) => Key::BotRole(holder, name.clone(), bot.clone()),
                (_, _) => Key::AdminRole(holder, name.clone()),
            };
            let mut through = BTreeSet::new();
            for label in role.groups() {
                let group = self.group_name(label);
                is_whole &= group.is_some();
                through.extend(group);
            }
            for group in &through {
                self.builder.see(key(Holder::Group(group.clone())), Value::Held);
            }
            let is_direct = role.groups().next().is_none();
            // Through a group that cannot be named: held, but by whom cannot be said.
            if is_direct || !through.is_empty() {
                let value = if is_direct { Value::Held } else { Value::Inherited(through) };
                self.builder.see(key(Holder::User(email.clone())), value);
            }
        }
        is_whole
    }

    fn groups(&mut self, email: &Email, groups: &[Label]) -> bool {
        let mut is_whole = true;
        for label in groups {
            match self.group_name(label) {
                Some(group) => self.builder.see(Key::InGroup(email.clone(), group), Value::Held),
                None => is_whole = false,
            }
        }
        is_whole
    }

    fn group_name(&self, label: &Label) -> Option<GroupName> {
        let Label { id, name } = label;
        let by_id = |id: &String| Some(self.directory.groups.get(&GroupId::new(id))?.name.clone());
        match (name, id) {
            // Names are documented (2.0); an id where a name belongs still finds its group.
            (Some(name), _) => Some(by_id(name).unwrap_or_else(|| GroupName::new(name))),
            (None, Some(id)) => by_id(id),
            (None, None) => None,
        }
    }

    fn assignments(&mut self, email: &Email, assigned: Vec<AssignedWire>) -> bool {
        let mut is_whole = true;
        let mut by_bot: BTreeMap<BotId, DialogSet> = BTreeMap::new();
        for AssignedWire { bot, dialogs, has_other_tasks } in assigned {
            let Some(bot) = bot else {
                is_whole = false;
                continue;
            };
            let only = dialogs.map(|dialogs| dialogs.into_iter().map(DialogId::new).collect());
            match by_bot.entry(self.names.bot(&bot)) {
                Entry::Vacant(vacant) => {
                    vacant.insert(DialogSet { only, has_other_tasks });
                }
                // A bot named twice: what both entries list.
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    known.only = known.only.take().zip(only).map(|(mut known, more): (BTreeSet<_>, _)| {
                        known.extend(more);
                        known
                    });
                    known.has_other_tasks |= has_other_tasks;
                }
            }
        }
        for (bot, dialogs) in by_bot {
            self.builder.see(Key::Assigned(email.clone(), bot), Value::Dialogs(dialogs));
        }
        is_whole
    }

    /// Two users under one address: reported, and nothing is claimed about either.
    pub(super) fn leave_shared_addresses_alone(&mut self) {
        let shared: BTreeSet<Email> = self
            .directory
            .users
            .iter()
            .filter(|(_, entry)| entry.spellings.len() > 1)
            .map(|(email, _)| email.clone())
            .collect();
        if shared.is_empty() {
            return;
        }
        self.builder.retain(|key| key.email().is_none_or(|email| !shared.contains(email)));
        for email in &shared {
            self.coverage.looked_up.remove(email);
            self.coverage.not_found.remove(email);
            self.last_sign_ins.remove(email);
            let spellings = self.directory.users[email].spellings.join(" and ");
            self.warnings.push(format!("two users share one address: {spellings}; neither is changed"));
        }
    }
}

/// What the listing carried of a user who was also looked up.
#[derive(Clone, Copy, Default)]
pub(super) struct Served {
    has_roles: bool,
    has_access: bool,
}

/// The state word (kore-api 3.2). An unknown word belongs to a user who has joined (suspended, locked); no word
/// says nothing.
fn membership(status: Option<&str>) -> Membership {
    match status {
        Some("not active" | "notactive" | "not_active" | "inactive" | "pending" | "invited") => {
            Membership::Pending { since: None }
        }
        Some(_) => Membership::Joined,
        None => Membership::Listed,
    }
}
