//! Makes one [`World`] of what listings and look-ups said, and settles where they overlap.
//!
//! A look-up is later and about one person, so what it carries replaces what the listings say of that person; what it leaves
//! out, the listings serve. Whatever cannot be placed (a role without name, two users under one address) is
//! left out of the facts and said in coverage or warnings.

use super::super::Endpoint;
use super::super::error::{KoreError, Vendor};
use super::super::wire::{
    AssignedWire, BotWire, GroupWire, Label, ListedUser, RoleHeld, RoleWire, Text, UserElement,
};
use super::lookups::{Answer, Answers};
use super::pages::Listed;
use crate::facts::{
    AccountId, BotEntry, BotId, BotName, Coverage, DialogId, DialogSet, Directory, Email, Extent, GroupEntry,
    GroupId, GroupName, Holder, Key, Listing, Membership, PersonName, RoleId, RoleName, RoleType, Seen,
    UserEntry, UserId, Value, World, WorldBuilder,
};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A world in the making.
#[derive(Default)]
pub(super) struct Assembly {
    account: Option<AccountId>,
    builder: WorldBuilder,
    coverage: Coverage,
    directory: Directory,
    warnings: Vec<String>,
    users: Vec<(Email, ListedUser)>,
    members: Vec<(Email, GroupName)>,
    names: Names,
}

/// Names already made, so that a thousand holders of a role share one.
#[derive(Default)]
struct Names {
    roles: HashMap<(RoleType, String), RoleName>,
    bots: HashMap<String, BotId>,
}

impl Names {
    fn role(&mut self, role_type: RoleType, written: &str) -> RoleName {
        let known = self.roles.entry((role_type, written.to_owned()));
        known.or_insert_with(|| RoleName::canonical(role_type, written)).clone()
    }

    fn bot(&mut self, id: &str) -> BotId {
        if let Some(known) = self.bots.get(id) {
            return known.clone();
        }
        self.bots.entry(id.to_owned()).or_insert(BotId::new(id)).clone()
    }
}

impl Assembly {
    /// An export of roles (kore-api 2.7).
    pub(super) fn export(&mut self, role_type: RoleType, roles: Vec<Option<RoleWire>>) {
        let count = roles.len();
        let mut names = HashSet::new();
        let mut distinct = 0;
        for RoleWire { id, entry } in roles.into_iter().flatten() {
            if !names.insert(entry.name.clone()) {
                self.warnings.push(format!("two {} roles are called {}", role_type.as_str(), entry.name));
            }
            self.builder
                .see(Key::RoleDefinition(role_type, entry.name.clone()), Value::Role(entry.spec.clone()));
            distinct += usize::from(self.directory.roles.insert(id, entry).is_none());
        }
        let extent = match count - distinct {
            0 => Extent::Complete,
            odd => Extent::Partial(format!("{odd} of {count} roles have no id or name of their own")),
        };
        self.coverage.listings.insert(Listing::roles(role_type), extent);
    }

    /// The paged listings.
    ///
    /// # Errors
    /// When two account ids are in one answer: then it is not known whose account this is.
    pub(super) fn listings(
        &mut self,
        bots: Option<Listed<BotWire>>,
        groups: Option<Listed<GroupWire>>,
        users: Option<Listed<ListedUser>>,
    ) -> Result<(), KoreError> {
        if let Some(Listed { items, extent }) = bots {
            for bot in items {
                self.bot(bot)?;
            }
            self.coverage.listings.insert(Listing::Bots, extent);
        }
        if let Some(Listed { items, extent }) = users {
            self.listed_users(items)?;
            self.coverage.listings.insert(Listing::Users, extent);
        }
        if let Some(Listed { items, extent }) = groups {
            let mut extent = extent;
            let short = items.into_iter().map(|group| usize::from(!self.group(group))).sum();
            downgrade(&mut extent, short, "do not show all their members");
            self.coverage.listings.insert(Listing::Groups, extent);
        }
        Ok(())
    }

    fn bot(&mut self, bot: BotWire) -> Result<(), KoreError> {
        let BotWire { id, account_id, name, status, purpose } = bot;
        self.account(account_id.get(), Endpoint::Bots)?;
        let text = |text: Text| text.0.unwrap_or_default();
        let entry = BotEntry { name: BotName::new(text(name)), status: text(status), purpose: text(purpose) };
        self.directory.bots.insert(BotId::new(id.get().unwrap_or_default()), entry);
        Ok(())
    }

    /// The account that answers; it must be the same everywhere.
    fn account(&mut self, id: Option<&str>, endpoint: Endpoint) -> Result<(), KoreError> {
        let Some(id) = id else { return Ok(()) };
        match &self.account {
            None => self.account = Some(AccountId::new(id)),
            Some(known) if known.as_str() == id => {}
            Some(known) => {
                let why = format!("it is about two accounts, {known} and {id}");
                return Err(KoreError::Protocol { endpoint, why, vendor: Vendor::default() });
            }
        }
        Ok(())
    }

    /// Files the users under their addresses; their facts wait for the look-ups.
    fn listed_users(&mut self, users: Vec<ListedUser>) -> Result<(), KoreError> {
        self.users.reserve(users.len());
        for user in users {
            self.account(user.account_id.get(), Endpoint::AllUserRoles)?;
            let Some(username) = user.username.get() else { continue };
            let email = Email::observed(username);
            self.person(&email, user.user_id.get().map(UserId::new), true);
            self.users.push((email, user));
        }
        Ok(())
    }

    /// Files a group; `false` when it shows fewer members than it counts.
    fn group(&mut self, group: GroupWire) -> bool {
        let GroupWire { id, name, users, user_count } = group;
        let (Some(id), Some(name)) = (id.get(), name.get()) else { return false };
        let name = GroupName::new(name);
        let is_listed = users.is_some();
        let users = users.unwrap_or_default();
        let shown = users.len();
        for member in users {
            if let Some(email) = member.email.get() {
                let email = Email::observed(email);
                self.person(&email, member.id.get().map(UserId::new), false);
                self.members.push((email, name.clone()));
            }
        }
        if self.directory.groups_named(&name).next().is_some() {
            self.warnings.push(format!("two groups are called {name}"));
        }
        self.directory.groups.insert(GroupId::new(id), GroupEntry { name, members: shown });
        is_listed && user_count.is_none_or(|count| usize::try_from(count) == Ok(shown))
    }

    /// Files a person under their address. Two users whose addresses differ only in case end up as two spellings.
    /// An id tells persons of the users' listing apart; elsewhere the same spelling is the same person.
    fn person(&mut self, email: &Email, id: Option<UserId>, is_user_listing: bool) {
        match self.directory.users.entry(email.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(UserEntry { id, spellings: vec![email.as_str().to_owned()] });
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let same_id = known.id.is_some() && known.id == id;
                let same_spelling = known.spellings.iter().any(|spelling| spelling == email.as_str());
                let ids_differ = known.id.is_some() && id.is_some() && known.id != id;
                let is_same = same_id || (same_spelling && !(is_user_listing && ids_differ));
                if !is_same {
                    known.spellings.push(email.as_str().to_owned());
                } else if known.id.is_none() {
                    known.id = id;
                }
            }
        }
    }

    /// Everyone a listing shows.
    pub(super) fn everyone(&self) -> impl Iterator<Item = Email> {
        self.directory.users.keys().cloned()
    }

    /// Who the users' listing shows with the Master Admin role, directly or through a group.
    pub(super) fn master_admins(&self) -> impl Iterator<Item = Email> {
        let is_master = |role: &RoleHeld| match (role.role_name(), role.role_id()) {
            (Some(written), _) => RoleName::canonical(RoleType::Admin, written).is_master_admin(),
            (None, Some(id)) => {
                self.directory.roles.get(&RoleId::new(id)).is_some_and(|role| role.name.is_master_admin())
            }
            (None, None) => false,
        };
        let holders =
            self.users.iter().filter(move |(_, user)| user.admin_roles.iter().flatten().any(is_master));
        holders.map(|(email, _)| email.clone())
    }

    /// Two members of each group of which the users' listing shows nobody: what a group holds is read from its members,
    /// and a listing may leave out those who have not joined (kore-api section 4, row 23).
    pub(super) fn witnesses(&self) -> BTreeSet<Email> {
        let listed: BTreeSet<&Email> = self.users.iter().map(|(email, _)| email).collect();
        let mut by_group: HashMap<&GroupName, Vec<&Email>> = HashMap::new();
        for (email, group) in &self.members {
            by_group.entry(group).or_default().push(email);
        }
        let unseen =
            by_group.into_values().filter(|members| members.iter().all(|email| !listed.contains(email)));
        unseen.flat_map(|members| members.into_iter().take(2).cloned()).collect()
    }

    /// What to ask about each person: the account's own spelling where it is known, else the written and the lower-case
    /// one, because the platform may tell cases apart (kore-api section 4, row 34). Nobody is asked about an address that
    /// two users share.
    pub(super) fn questions(&self, people: BTreeSet<Email>) -> Vec<(Email, Vec<String>)> {
        let spellings = |email: &Email| match self.directory.users.get(email) {
            Some(entry) if entry.spellings.len() > 1 => Vec::new(),
            Some(entry) => entry.spellings.clone(),
            None if email.as_str() == email.folded() => vec![email.as_str().to_owned()],
            None => vec![email.as_str().to_owned(), email.folded().to_owned()],
        };
        let questions = people.into_iter().map(|email| {
            let spellings = spellings(&email);
            (email, spellings)
        });
        questions.filter(|(_, spellings)| !spellings.is_empty()).collect()
    }

    /// Everything together.
    pub(super) fn finish(mut self, questions: Vec<(Email, Vec<String>)>, mut answers: Answers) -> World {
        let mut found: BTreeMap<Email, UserElement> = BTreeMap::new();
        for (email, spellings) in questions {
            let said: Vec<Answer> =
                spellings.iter().filter_map(|spelling| answers.remove(spelling)).collect();
            let is_answered = said.len() == spellings.len();
            let is_listed = self.directory.users.contains_key(&email);
            let elements: Vec<UserElement> = said.into_iter().filter_map(Answer::found).collect();
            if elements.is_empty() && is_answered {
                if is_listed {
                    self.warnings.push(format!("{email} is listed, but a look-up does not find them"));
                } else {
                    self.coverage.not_found.insert(email);
                }
                continue;
            }
            for element in elements {
                let own = element.user_info.email_id.get().map_or_else(|| email.clone(), Email::observed);
                self.person(&own, element.user_info.user_id.get().map(UserId::new), false);
                found.insert(email.clone(), element);
            }
        }
        let served = self.listed_facts(&found);
        self.group_facts(&found);
        for (email, element) in found {
            self.person_facts(&email, element, served.get(&email).copied().unwrap_or_default());
        }
        self.leave_shared_addresses_alone();
        let Self { account, builder, coverage, directory, mut warnings, users: _, members: _, names: _ } =
            self;
        warnings.sort();
        warnings.dedup();
        let mut world = builder.build(coverage, directory);
        world.account = account;
        world.warnings = warnings;
        world
    }

    /// Facts of the users' listing, as far as no look-up replaces them; returns what it served for those looked up.
    fn listed_facts(&mut self, found: &BTreeMap<Email, UserElement>) -> HashMap<Email, Served> {
        let mut served = HashMap::new();
        let mut unreadable = 0;
        for (email, user) in std::mem::take(&mut self.users) {
            let element = found.get(&email);
            self.builder.see(Key::Member(email.clone()), Value::Member(Membership::Listed));
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
            downgrade(extent, unreadable, "carry no roles, or roles without name or bot");
        }
        served
    }

    /// Memberships the groups' listing shows, as far as no look-up replaces them.
    fn group_facts(&mut self, found: &BTreeMap<Email, UserElement>) {
        for (email, group) in std::mem::take(&mut self.members) {
            self.builder.see(Key::Member(email.clone()), Value::Member(Membership::Listed));
            if found.get(&email).is_none_or(|element| element.groups.is_none()) {
                self.builder.see(Key::InGroup(email, group), Value::Held);
            }
        }
    }

    /// Facts of one look-up.
    fn person_facts(&mut self, email: &Email, element: UserElement, served: Served) {
        let email = match self.directory.users.get_key_value(email) {
            Some((own, _)) => own.clone(),
            None => email.clone(),
        };
        let access = element.access();
        let has_roles = element.both_roles().is_some();
        let membership = membership(element.status().as_deref());
        let UserElement { user_info, roles, assign_bot_tasks, groups, is_developer: _, can_create_bot: _ } =
            element;
        self.builder.see(Key::Member(email.clone()), Value::Member(membership));
        if let Some(access) = access {
            self.builder.see(Key::Access(email.clone()), Value::Access(access));
        }
        let has_names = user_info.first_name.is_some() || user_info.last_name.is_some();
        if has_names {
            let text = |name: Option<Text>| name.and_then(|name| name.0);
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

    /// Roles somebody holds, and what that says of groups; `false` when one of them cannot be placed.
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
        match (name, id) {
            (Some(name), _) => Some(GroupName::new(name)),
            (None, Some(id)) => self.directory.groups.get(&GroupId::new(id)).map(|group| group.name.clone()),
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
    fn leave_shared_addresses_alone(&mut self) {
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
            let spellings = self.directory.users[email].spellings.join(" and ");
            self.warnings.push(format!("two users share one address: {spellings}; both are left alone"));
        }
    }
}

/// What the listing carried of somebody who was also looked up.
#[derive(Clone, Copy, Default)]
struct Served {
    has_roles: bool,
    has_access: bool,
}

/// The state word (kore-api 3.2). An unknown word belongs to somebody who has joined (suspended, locked); no word
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

/// A listing with entries that leave something out is not complete.
fn downgrade(extent: &mut Extent, odd: usize, what: &str) {
    if odd > 0 && *extent == Extent::Complete {
        *extent = Extent::Partial(format!("{odd} entries {what}"));
    }
}
