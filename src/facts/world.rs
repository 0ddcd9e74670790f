//! One read of the live account: facts in order, and how far the read can be trusted.

use super::{
    AccountId, BotId, BotName, Email, Family, GroupId, GroupName, Holder, Key, RoleId, RoleName, RoleSpec,
    RoleType, UserId, Value,
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One read of the account.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct World {
    /// The tenant that answered; `None` when no answer carried its id (an account without users and bots).
    pub account: Option<AccountId>,
    facts: Vec<(Key, Value)>,
    /// What this read proves, and what it does not.
    pub coverage: Coverage,
    /// Names and ids.
    pub directory: Directory,
    /// Ambiguities to report: two spellings of one address, an attribute mapping that reverts changes.
    pub warnings: Vec<String>,
    /// What single sign-on does to people, where that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_on: Option<super::SignOn>,
    /// When people signed in last, as far as look-ups told it. No plan looks at it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last_sign_ins: BTreeMap<Email, Timestamp>,
    /// Calls this read took.
    pub calls: u32,
}

impl World {
    /// Whether a plan finds the same in both: everything but who signed in when.
    pub fn plans_like(&self, other: &Self) -> bool {
        let Self { account, facts, coverage, directory, warnings, sign_on, last_sign_ins: _, calls } = self;
        *calls == other.calls
            && *account == other.account
            && *warnings == other.warnings
            && *sign_on == other.sign_on
            && *coverage == other.coverage
            && *directory == other.directory
            && *facts == other.facts
    }

    /// All facts, sorted by key, each key once.
    pub fn facts(&self) -> &[(Key, Value)] {
        &self.facts
    }

    /// What was seen of one fact.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        super::find(&self.facts, key)
    }

    /// Who holds which admin role.
    pub fn admin_roles(&self) -> impl Iterator<Item = (&Holder, &RoleName)> {
        super::of_family(&self.facts, Family::AdminRoles).iter().filter_map(|(key, _)| match key {
            Key::AdminRole(holder, role) => Some((holder, role)),
            _ => None,
        })
    }

    /// What one person may use, sorted by bot.
    pub fn assignments_of(&self, email: &Email) -> &[(Key, Value)] {
        super::assignments_of(&self.facts, email)
    }

    /// Whether the account lists its bots completely, and not this one: it was deleted, or never was one of them.
    pub fn lacks_bot(&self, bot: &BotId) -> bool {
        self.coverage.requires(Listing::Bots).is_ok() && !self.directory.bots.contains_key(bot)
    }

    /// Whether the account answered about a person and left out whether they have joined (kore-api section 4, row 48).
    pub fn hides_state(&self, email: &Email) -> bool {
        self.coverage.looked_up.contains_key(email)
            && matches!(self.get(&Key::Member(email.clone())), Some(Value::Member(super::Membership::Listed)))
    }

    /// Whether this read proves that the fact does not hold. `Err` says what was missing for the proof.
    ///
    /// A user's absence takes their own *not found* in this run and no match in any listing; a role's absence takes the
    /// complete export; any other fact about a user takes the look-up of that user. Facts of a user who is proved not
    /// to be in the account are absent with them.
    pub fn proves_absent(&self, key: &Key) -> Result<(), String> {
        if self.get(key).is_some() {
            return Err("it is there".to_owned());
        }
        match key {
            Key::RoleDefinition(role_type, _) => self.coverage.requires(Listing::roles(*role_type)),
            Key::AdminRole(Holder::Group(group), _) | Key::BotRole(Holder::Group(group), _, _) => {
                self.coverage.requires(Listing::Users)?;
                self.coverage.requires(Listing::Groups)?;
                if self.coverage.unread_groups.contains(group) {
                    return Err(format!(
                        "no answer about a member of group {group} shows what comes through it"
                    ));
                }
                if self.directory.groups.values().any(|entry| entry.name == *group && entry.members > 0) {
                    Ok(())
                } else {
                    Err(format!("group {group} has no members to read its roles from"))
                }
            }
            Key::Member(email)
            | Key::Names(email)
            | Key::Access(email)
            | Key::Profile(email)
            | Key::DataTables(email)
            | Key::InGroup(email, _)
            | Key::Assigned(email, _)
            | Key::AdminRole(Holder::User(email), _)
            | Key::BotRole(Holder::User(email), _, _) => self.proves_absent_of(email, key.family()),
        }
    }

    /// Everything but the facts.
    pub(super) fn without_facts(&self) -> Self {
        let Self { account, facts: _, coverage, directory, warnings, sign_on, last_sign_ins, calls } = self;
        Self {
            account: account.clone(),
            facts: Vec::new(),
            coverage: coverage.clone(),
            directory: directory.clone(),
            warnings: warnings.clone(),
            sign_on: sign_on.clone(),
            last_sign_ins: last_sign_ins.clone(),
            calls: *calls,
        }
    }

    /// The same with other facts: sorted by key, each key once.
    pub(super) fn with_facts(self, facts: Vec<(Key, Value)>) -> Self {
        Self { facts, ..self }
    }

    /// Takes back every proof: the facts stand as they were seen, but nothing is complete or absent any more.
    pub fn distrust(&mut self, why: &str) {
        for extent in self.coverage.listings.values_mut() {
            *extent = Extent::Partial(why.to_owned());
        }
        self.coverage.looked_up.clear();
        self.coverage.not_found.clear();
    }

    fn proves_absent_of(&self, email: &Email, family: Family) -> Result<(), String> {
        let is_member = self.get(&Key::Member(email.clone())).is_some();
        if !is_member && self.coverage.not_found.contains(email) {
            return Ok(());
        }
        let Some(seen) = self.coverage.looked_up.get(email) else {
            return Err(format!("the account did not answer about {email}"));
        };
        if seen.covers(family) {
            Ok(())
        } else {
            Err(format!("the answer about {email} left out {}", family.label()))
        }
    }
}

/// Collects facts in any order and makes a [`World`] of them.
#[derive(Debug, Default)]
pub struct WorldBuilder {
    /// In the order in which they were seen.
    facts: Vec<(Key, Value)>,
}

impl WorldBuilder {
    /// Starts with nothing seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with room for so many facts.
    pub fn with_capacity(facts: usize) -> Self {
        Self { facts: Vec::with_capacity(facts) }
    }

    /// Makes room for so many facts more.
    pub fn reserve(&mut self, facts: usize) {
        self.facts.reserve(facts);
    }

    /// Adds what was seen. A role seen both directly and through groups is held directly; several groups add up;
    /// a looked-up membership says more than a listed one. Anything else seen twice keeps the later value.
    pub fn see(&mut self, key: Key, value: Value) {
        self.facts.push((key, value));
    }

    /// Drops what was seen of facts that do not pass.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key) -> bool) {
        self.facts.retain(|(key, _)| keep(key));
    }

    /// Everything seen, in order.
    pub fn build(mut self, coverage: Coverage, directory: Directory) -> World {
        // Stable: of one key, what was seen first comes first.
        self.facts.sort_by(|(left, _), (right, _)| left.cmp(right));
        self.facts.dedup_by(|(key, later), (known, seen)| {
            let is_again = key == known;
            if is_again {
                see_again(seen, std::mem::replace(later, Value::Held));
            }
            is_again
        });
        World { facts: self.facts, coverage, directory, ..World::default() }
    }
}

fn see_again(seen: &mut Value, later: Value) {
    match (seen, later) {
        (Value::Held, Value::Inherited(_)) | (Value::Member(_), Value::Member(super::Membership::Listed)) => {
        }
        (Value::Inherited(groups), Value::Inherited(more)) => groups.extend(more),
        (seen, later) => *seen = later,
    }
}

/// The listings an account offers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Listing {
    /// Everyone with their roles (kore-api 2.5).
    Users,
    /// Groups with their members (2.13).
    Groups,
    /// Bots (2.14).
    Bots,
    /// Export of the admin roles (2.7).
    AdminRoles,
    /// Export of the bot roles (2.7).
    BotRoles,
}

impl Listing {
    /// The export that holds roles of this type.
    pub fn roles(role_type: RoleType) -> Self {
        match role_type {
            RoleType::Admin => Self::AdminRoles,
            RoleType::Bot => Self::BotRoles,
        }
    }

    /// As a message names it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Users => "the list of users",
            Self::Groups => "the list of groups",
            Self::Bots => "the list of bots",
            Self::AdminRoles => "the export of admin roles",
            Self::BotRoles => "the export of bot roles",
        }
    }
}

/// How much of a listing was read.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Extent {
    /// Every page fetched, distinct ids equal to the stated total on the first and the last page.
    Complete,
    /// Something is missing, and what.
    Partial(String),
    /// Not asked.
    #[default]
    Unknown,
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Partial(why) => write!(f, "partial: {why}"),
            Self::Unknown => f.write_str("not read"),
        }
    }
}

/// Which parts of a person one look-up answered; shortened answers leave some out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "five independent parts of one answer")]
pub struct Seen {
    /// First and last name.
    pub names: bool,
    /// Builder flags.
    pub access: bool,
    /// Group memberships.
    pub groups: bool,
    /// Admin and bot roles.
    pub roles: bool,
    /// Bot assignments.
    pub assignments: bool,
}

impl Seen {
    /// A full answer.
    pub const ALL: Self = Self { names: true, access: true, groups: true, roles: true, assignments: true };

    /// Whether the answer carried facts of this family.
    pub fn covers(self, family: Family) -> bool {
        match family {
            Family::Names => self.names,
            Family::Access => self.access,
            Family::Groups => self.groups,
            Family::AdminRoles | Family::BotRoles => self.roles,
            Family::Assignments => self.assignments,
            Family::RoleDefinitions | Family::Membership | Family::Profile | Family::DataTables => false,
        }
    }
}

/// What a read proves.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Listings and how much of each was read.
    pub listings: BTreeMap<Listing, Extent>,
    /// People the account answered about.
    pub looked_up: BTreeMap<Email, Seen>,
    /// People the account said it does not know, in every spelling asked.
    pub not_found: BTreeSet<Email>,
    /// Groups with members of whom no answer says through which groups they hold their roles.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unread_groups: BTreeSet<GroupName>,
}

impl Coverage {
    /// How much of a listing was read.
    pub fn extent(&self, listing: Listing) -> &Extent {
        self.listings.get(&listing).unwrap_or(&Extent::Unknown)
    }

    /// `Err` says why the listing proves nothing.
    pub fn requires(&self, listing: Listing) -> Result<(), String> {
        match self.extent(listing) {
            Extent::Complete => Ok(()),
            Extent::Partial(why) => Err(format!("{} is not complete: {why}", listing.label())),
            Extent::Unknown => Err(format!("{} was not read", listing.label())),
        }
    }
}

/// Names and ids of what the account has.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Directory {
    /// People by address, in the account's own spelling.
    pub users: BTreeMap<Email, UserEntry>,
    /// Bots by id.
    pub bots: BTreeMap<BotId, BotEntry>,
    /// Groups by id.
    pub groups: BTreeMap<GroupId, GroupEntry>,
    /// Roles of both types by id.
    pub roles: BTreeMap<RoleId, RoleEntry>,
}

impl Directory {
    /// All roles of that type and canonical name; more than one is ambiguous.
    pub fn roles_named<'a>(
        &'a self,
        role_type: RoleType,
        name: &'a RoleName,
    ) -> impl Iterator<Item = (&'a RoleId, &'a RoleEntry)> {
        self.roles.iter().filter(move |(_, role)| role.role_type == role_type && role.name == *name)
    }

    /// All groups of that name; more than one is ambiguous.
    pub fn groups_named<'a>(
        &'a self,
        name: &'a GroupName,
    ) -> impl Iterator<Item = (&'a GroupId, &'a GroupEntry)> {
        self.groups.iter().filter(move |(_, group)| group.name == *name)
    }

    /// All bots of that name; more than one is ambiguous.
    pub fn bots_named<'a>(&'a self, name: &'a BotName) -> impl Iterator<Item = (&'a BotId, &'a BotEntry)> {
        self.bots.iter().filter(move |(_, bot)| bot.name == *name)
    }

    /// A bot's name for people, with the id when the name is unknown.
    pub fn bot_label<'a>(&'a self, bot: &'a BotId) -> &'a str {
        self.bots.get(bot).map_or(bot.as_str(), |entry| entry.name.as_str())
    }
}

/// A person in the account.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UserEntry {
    /// `u-…`, where an answer carried it.
    pub id: Option<UserId>,
    /// The account's own spellings; more than one means two users whose addresses differ only in case: reported,
    /// and left untouched.
    pub spellings: Vec<String>,
    /// The organisation's id of the user, where the list of users carries one (kore-api 2.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org_user_id: Option<String>,
}

/// A bot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BotEntry {
    /// Display name; not unique.
    pub name: BotName,
    /// As the API words it: `published`, …
    pub status: String,
    /// As the API words it: `customer`, `employee`, …
    pub purpose: String,
}

impl BotEntry {
    /// Only a published bot can be assigned (kore-api 3.1).
    pub fn is_published(&self) -> bool {
        self.status.eq_ignore_ascii_case("published")
    }
}

/// A platform group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupEntry {
    /// Its name; role assignments address it by this.
    pub name: GroupName,
    /// Members the listing shows.
    pub members: usize,
}

/// A role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoleEntry {
    /// Admin or bot.
    pub role_type: RoleType,
    /// Canonical name.
    pub name: RoleName,
    /// What it says.
    pub spec: RoleSpec,
    /// The exported document as it came: an import overlays the declared keys on it, so that nothing else changes.
    pub document: serde_json::Value,
}

#[cfg(test)]
mod tests {
    use super::super::Membership;
    use super::*;

    fn jane() -> Email {
        Email::observed("jane@example.com")
    }

    #[test]
    fn a_sign_in_is_nothing_to_a_plan_and_anything_else_is() {
        let world = WorldBuilder::new().build(Coverage::default(), Directory::default());
        let mut signed_in = world.clone();
        signed_in.last_sign_ins.insert(jane(), Timestamp::UNIX_EPOCH);
        assert_ne!(signed_in, world);
        assert!(signed_in.plans_like(&world));
        let mut builder = WorldBuilder::new();
        builder.see(Key::Member(jane()), Value::Member(Membership::Joined));
        assert!(!builder.build(Coverage::default(), Directory::default()).plans_like(&world));
        signed_in.warnings.push("two groups are called QA".to_owned());
        assert!(!signed_in.plans_like(&world));
    }

    #[test]
    fn a_person_is_absent_only_by_their_own_not_found() {
        let mut world = World::default();
        world.coverage.listings.insert(Listing::Users, Extent::Complete);
        assert!(world.proves_absent(&Key::Member(jane())).is_err(), "a listing may leave pending people out");
        world.coverage.not_found.insert(jane());
        assert_eq!(world.proves_absent(&Key::Member(jane())), Ok(()));
    }

    #[test]
    fn a_shortened_answer_proves_nothing_about_what_it_left_out() {
        let mut builder = WorldBuilder::new();
        builder.see(Key::Member(jane()), Value::Member(Membership::Joined));
        let mut coverage = Coverage::default();
        coverage.looked_up.insert(jane(), Seen { assignments: false, ..Seen::ALL });
        let world = builder.build(coverage, Directory::default());
        let error = world.proves_absent(&Key::Assigned(jane(), BotId::new("st-1"))).unwrap_err();
        assert!(error.contains("left out bot assignments"), "{error}");
        assert_eq!(world.proves_absent(&Key::InGroup(jane(), GroupName::new("QA"))), Ok(()));
    }

    #[test]
    fn a_role_seen_directly_and_through_a_group_is_held_in_either_order() {
        let key = || Key::AdminRole(Holder::User(jane()), RoleName::new("Auditor"));
        let inherited = || Value::Inherited(BTreeSet::from([GroupName::new("QA")]));
        for order in [[Value::Held, inherited()], [inherited(), Value::Held]] {
            let mut builder = WorldBuilder::new();
            for value in order {
                builder.see(key(), value);
            }
            let world = builder.build(Coverage::default(), Directory::default());
            assert_eq!(world.get(&key()), Some(&Value::Held));
        }
    }

    #[test]
    fn an_empty_group_proves_nothing_whoever_is_in_another() {
        let mut world = World::default();
        for listing in [Listing::Users, Listing::Groups] {
            world.coverage.listings.insert(listing, Extent::Complete);
        }
        for (name, members) in [("QA", 2), ("Empty", 0)] {
            let entry = GroupEntry { name: GroupName::new(name), members };
            world.directory.groups.insert(GroupId::new(name), entry);
        }
        let held =
            |group: &str| Key::AdminRole(Holder::Group(GroupName::new(group)), RoleName::new("Auditor"));
        assert_eq!(world.proves_absent(&held("QA")), Ok(()));
        for group in ["Empty", "Nobody"] {
            assert!(world.proves_absent(&held(group)).is_err(), "{group}");
        }
    }

    #[test]
    fn names_find_all_and_only_what_is_called_so() {
        let mut directory = Directory::default();
        for (id, role_type, name) in [
            ("r1", RoleType::Admin, "Auditor"),
            ("r2", RoleType::Bot, "Auditor"),
            ("r3", RoleType::Bot, "Tester"),
            ("r4", RoleType::Bot, "Tester"),
        ] {
            let (name, spec) = (RoleName::new(name), super::super::RoleSpec::default());
            let role = RoleEntry { role_type, name, spec, document: serde_json::Value::Null };
            directory.roles.insert(RoleId::new(id), role);
        }
        for (id, name) in [("g1", "QA"), ("g2", "Ops"), ("g3", "QA")] {
            directory.groups.insert(GroupId::new(id), GroupEntry { name: GroupName::new(name), members: 1 });
        }
        for (id, name) in [("st-1", "Banking"), ("st-2", "Travel")] {
            let (name, status, purpose) = (name.into(), "published".into(), "customer".into());
            directory.bots.insert(BotId::new(id), BotEntry { name, status, purpose });
        }
        let roles = |role_type, name: &str| {
            let name = RoleName::new(name);
            directory.roles_named(role_type, &name).map(|(id, _)| id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(roles(RoleType::Admin, "Auditor"), ["r1"]);
        assert_eq!(roles(RoleType::Bot, "Tester"), ["r3", "r4"]);
        assert_eq!(roles(RoleType::Admin, "Tester"), [""; 0]);
        let name = GroupName::new("QA");
        let groups: Vec<String> = directory.groups_named(&name).map(|(id, _)| id.to_string()).collect();
        assert_eq!(groups, ["g1", "g3"]);
        let name = BotName::new("Travel");
        let bots: Vec<String> = directory.bots_named(&name).map(|(id, _)| id.to_string()).collect();
        assert_eq!(bots, ["st-2"]);
    }

    #[test]
    fn a_distrusted_world_shows_what_it_showed_and_proves_nothing() {
        let mut builder = WorldBuilder::new();
        builder.see(Key::Member(jane()), Value::Member(Membership::Joined));
        let mut coverage = Coverage::default();
        coverage.listings.insert(Listing::Users, Extent::Complete);
        coverage.looked_up.insert(jane(), Seen::ALL);
        coverage.not_found.insert(Email::observed("sam@example.com"));
        let mut world = builder.build(coverage, Directory::default());
        world.distrust("the snapshot is 3 days old");
        assert!(world.get(&Key::Member(jane())).is_some());
        let why = world.coverage.requires(Listing::Users).unwrap_err();
        assert_eq!(why, "the list of users is not complete: the snapshot is 3 days old");
        assert_eq!(world.coverage.extent(Listing::Users).to_string(), "partial: the snapshot is 3 days old");
        assert!(world.proves_absent(&Key::InGroup(jane(), GroupName::new("QA"))).is_err());
        assert!(world.proves_absent(&Key::Member(Email::observed("sam@example.com"))).is_err());
    }

    #[test]
    fn what_does_not_pass_was_never_seen() {
        let mut builder = WorldBuilder::new();
        for who in ["jane@example.com", "sam@example.com"] {
            builder.see(Key::Member(Email::observed(who)), Value::Member(Membership::Joined));
        }
        builder.retain(|key| key.email() != Some(&jane()));
        let world = builder.build(Coverage::default(), Directory::default());
        assert_eq!(world.facts().len(), 1);
        assert!(world.get(&Key::Member(jane())).is_none());
    }
}
