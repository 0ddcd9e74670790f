//! Makes one [`World`] of what listings and look-ups returned, and settles where they overlap.
//!
//! A look-up is later and about one person, so what it carries replaces what the listings say of that person; what it leaves
//! out, the listings serve. Whatever cannot be placed (a role without name, two users under one address) is
//! left out of the facts and said in coverage or warnings.

use super::super::Endpoint;
use super::super::error::{KoreError, Vendor};
use super::super::wire::{BotWire, GroupWire, ListedUser, RoleHeld, RoleWire, Text, UserElement};
use super::lookups::{LookUpResult, LookUpResults};
use super::pages::Listed;
use crate::facts::{
    AccountId, BotEntry, BotId, BotName, Coverage, Directory, Email, Extent, GroupEntry, GroupId, GroupName,
    Key, Listing, RoleId, RoleName, RoleType, UserEntry, UserId, Value, World, WorldBuilder,
};
use jiff::Timestamp;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A world in the making.
#[derive(Default)]
pub(super) struct Assembly {
    pub(super) account: Option<AccountId>,
    pub(super) builder: WorldBuilder,
    pub(super) coverage: Coverage,
    pub(super) directory: Directory,
    pub(super) warnings: Vec<String>,
    pub(super) users: Vec<(Email, ListedUser)>,
    /// Users listed for what look-ups left out of their roles, and for nothing else.
    pub(super) listed_beside: Vec<(Email, ListedUser)>,
    pub(super) members: Vec<(Email, GroupName)>,
    /// People whom a group shows as having joined.
    pub(super) active_members: HashSet<Email>,
    pub(super) last_sign_ins: BTreeMap<Email, Timestamp>,
    pub(super) names: Names,
}

/// Names already made, so that a thousand holders of a role share one.
#[derive(Default)]
pub(super) struct Names {
    roles: HashMap<(RoleType, String), RoleName>,
    bots: HashMap<String, BotId>,
}

impl Names {
    pub(super) fn role(&mut self, role_type: RoleType, written: &str) -> RoleName {
        let known = self.roles.entry((role_type, written.to_owned()));
        known.or_insert_with(|| RoleName::canonical(role_type, written)).clone()
    }

    pub(super) fn bot(&mut self, id: &str) -> BotId {
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
    /// When two account ids are in one reply: then it is not known whose account this is.
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
            downgrade(&mut extent, short, "groups that do not show all their members");
            self.coverage.listings.insert(Listing::Groups, extent);
        }
        Ok(())
    }

    fn bot(&mut self, bot: BotWire) -> Result<(), KoreError> {
        let BotWire { id, account_id, name, status, purpose } = bot;
        self.account(account_id.get(), Endpoint::Bots)?;
        let text = |text: Text| text.into_string().unwrap_or_default();
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
            if let (Some(id), Some(entry)) = (user.org_user_id.get(), self.directory.users.get_mut(&email)) {
                entry.org_user_id = Some(id.to_owned());
            }
            self.users.push((email, user));
        }
        Ok(())
    }

    /// Keeps a listing that was not asked for, but that look-ups need.
    pub(super) fn beside_look_ups(&mut self, users: Listed<ListedUser>) {
        let named = users.items.into_iter().filter_map(|user| {
            let email = Email::observed(user.username.get()?);
            Some((email, user))
        });
        self.listed_beside = named.collect();
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
                let email = self.shared(Email::observed(email));
                self.person(&email, member.id.get().map(UserId::new), false);
                if member.status.get().is_some_and(|status| status.trim().eq_ignore_ascii_case("active")) {
                    self.active_members.insert(email.clone());
                }
                self.members.push((email, name.clone()));
            }
        }
        if self.directory.groups_named(&name).next().is_some() {
            self.warnings.push(format!("two groups are called {name}"));
        }
        self.directory.groups.insert(GroupId::new(id), GroupEntry { name, members: shown });
        is_listed && user_count.is_none_or(|count| usize::try_from(count) == Ok(shown))
    }

    /// The address in the memory of the one that is known already, if it is spelled alike.
    fn shared(&self, email: Email) -> Email {
        match self.directory.users.get_key_value(&email) {
            Some((known, _)) if known.as_str() == email.as_str() => known.clone(),
            _ => email,
        }
    }

    /// Files a person under their address. Two users whose addresses differ only in case end up as two spellings.
    /// An id tells persons of the users' listing apart; elsewhere the same spelling is the same person.
    fn person(&mut self, email: &Email, id: Option<UserId>, is_user_listing: bool) {
        match self.directory.users.entry(email.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(UserEntry {
                    id,
                    spellings: vec![email.as_str().to_owned()],
                    org_user_id: None,
                });
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
    pub(super) fn group_samples(&self) -> BTreeSet<Email> {
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
    pub(super) fn look_ups(&self, people: BTreeSet<Email>) -> Vec<(Email, Vec<String>)> {
        let spellings = |email: &Email| match self.directory.users.get(email) {
            Some(entry) if entry.spellings.len() > 1 => Vec::new(),
            Some(entry) => entry.spellings.clone(),
            None if email.as_str() == email.folded() => vec![email.as_str().to_owned()],
            None => vec![email.as_str().to_owned(), email.folded().to_owned()],
        };
        let look_ups = people.into_iter().map(|email| {
            let spellings = spellings(&email);
            (email, spellings)
        });
        look_ups.filter(|(_, spellings)| !spellings.is_empty()).collect()
    }

    /// Everything together.
    pub(super) fn finish(mut self, look_ups: Vec<(Email, Vec<String>)>, mut results: LookUpResults) -> World {
        let mut found: BTreeMap<Email, UserElement> = BTreeMap::new();
        for (email, spellings) in look_ups {
            let answered: Vec<LookUpResult> =
                spellings.iter().filter_map(|spelling| results.remove(spelling)).collect();
            let is_answered = answered.len() == spellings.len();
            let is_listed = self.directory.users.contains_key(&email);
            let elements: Vec<UserElement> = answered.into_iter().filter_map(LookUpResult::found).collect();
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
        self.complete_roles(&mut found);
        self.builder.reserve(found.values().map(UserElement::facts).sum());
        self.coverage.unread_groups = self.unread_groups(&found);
        let served = self.listed_facts(&found);
        self.group_facts(&found);
        for (email, element) in found {
            self.person_facts(&email, element, served.get(&email).copied().unwrap_or_default());
        }
        self.leave_shared_addresses_alone();
        let Self { account, builder, coverage, directory, last_sign_ins, mut warnings, .. } = self;
        warnings.sort();
        warnings.dedup();
        let mut world = builder.build(coverage, directory);
        world.account = account;
        world.warnings = warnings;
        world.last_sign_ins = last_sign_ins;
        world
    }
}

/// A listing with entries that leave something out is not complete.
pub(super) fn downgrade(extent: &mut Extent, odd: usize, what: &str) {
    if odd > 0 && *extent == Extent::Complete {
        *extent = Extent::Partial(format!("{what}: {odd}"));
    }
}
