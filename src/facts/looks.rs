//! Look-ups of single people, laid over an earlier read of the account.
//!
//! A look-up proves what it answers about one person, and claims nothing about anybody else. What it leaves out stays as
//! it was read earlier, and is proved no more.

use super::{Coverage, Email, Extent, Family, GroupName, Holder, Key, Listing, Membership, Value, World};
use std::collections::{BTreeMap, BTreeSet};

/// What a few look-ups showed, and whom they were about.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// Who was asked for.
    pub people: BTreeSet<Email>,
    /// People who were removed since the earlier read, and seen gone.
    pub gone: BTreeSet<Email>,
    /// What was answered: people, and the exports of roles and the list of bots where these were read again.
    pub world: World,
}

/// What the look-ups say about one person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// Nobody asked, or no answer came: nothing is known now.
    Unanswered,
    /// The platform does not know them, and the earlier read did not show them either.
    NotFound,
    /// The platform does not know them, and the earlier read showed them: one of the two is wrong by now.
    Contradicted,
    /// They are there, and the answer leaves out whether they have accepted (kore-api section 4, row 48).
    StateUnknown,
    /// They are there.
    Found,
}

impl Looks {
    /// What they say about a person whom `earlier` may show.
    pub fn about(&self, email: &Email, earlier: &World) -> Look {
        let Coverage { looked_up, not_found, .. } = &self.world.coverage;
        if !self.people.contains(email) {
            return Look::Unanswered;
        }
        if not_found.contains(email) {
            let was_there = earlier.get(&Key::Member(email.clone())).is_some()
                || earlier.directory.users.contains_key(email);
            let is_odd = was_there && !self.gone.contains(email);
            return if is_odd { Look::Contradicted } else { Look::NotFound };
        }
        match (looked_up.get(email), self.world.get(&Key::Member(email.clone()))) {
            (Some(_), Some(Value::Member(Membership::Listed))) => Look::StateUnknown,
            (Some(_), Some(_)) => Look::Found,
            (_, _) => Look::Unanswered,
        }
    }

    /// Whether an answer about a person carries facts of this family.
    pub fn covers(&self, email: &Email, family: Family) -> bool {
        let seen = self.people.contains(email).then(|| self.world.coverage.looked_up.get(email)).flatten();
        seen.is_some_and(|seen| family == Family::Membership || seen.covers(family))
    }

    /// What they decide about, so that what `earlier` shows of it says nothing any more.
    pub fn decided<'a>(&'a self, earlier: &'a World) -> Decided<'a> {
        Decided { looks: self, earlier, groups: self.covered_groups(earlier) }
    }

    /// Whether a listing was read again, completely.
    pub fn has_read(&self, listing: Listing) -> bool {
        self.world.coverage.requires(listing).is_ok()
    }

    /// The groups of which all members that `earlier` shows have answered with their roles and groups, and one of them is
    /// still a member: what such a group holds is read from its members.
    fn covered_groups<'a>(&'a self, earlier: &'a World) -> BTreeSet<&'a GroupName> {
        let mut answered: BTreeMap<&GroupName, bool> = BTreeMap::new();
        for (email, group) in memberships(earlier) {
            let is_covered = self.covers(email, Family::BotRoles) && self.covers(email, Family::Groups);
            *answered.entry(group).or_insert(true) &= is_covered;
        }
        let still: BTreeSet<&GroupName> = memberships(&self.world).map(|(_, group)| group).collect();
        let is_covered = |group: &&GroupName| {
            answered.get(group) == Some(&true)
                && still.contains(group)
                && !self.world.coverage.unread_groups.contains(*group)
        };
        earlier.directory.groups.values().map(|entry| &entry.name).filter(is_covered).collect()
    }
}

/// What look-ups decide about, beside an earlier read.
#[derive(Debug)]
pub struct Decided<'a> {
    looks: &'a Looks,
    earlier: &'a World,
    groups: BTreeSet<&'a GroupName>,
}

impl Decided<'_> {
    /// Whether they decide about a fact.
    pub fn has(&self, key: &Key) -> bool {
        let Self { looks, earlier, groups } = self;
        if let Key::RoleDefinition(role_type, _) = key {
            return looks.world.coverage.extent(Listing::roles(*role_type)) != &Extent::Unknown;
        }
        if let Some(Holder::Group(group)) = key.holder() {
            return groups.contains(group);
        }
        let Some(email) = key.email() else { return false };
        if looks.gone.contains(email) {
            return true;
        }
        match looks.about(email, earlier) {
            Look::Unanswered | Look::Contradicted => false,
            Look::NotFound => true,
            Look::StateUnknown | Look::Found => looks.covers(email, key.family()),
        }
    }

    /// Whether they decide about what a group holds.
    pub fn has_group(&self, group: &GroupName) -> bool {
        self.groups.contains(group)
    }

    /// The earlier read with the look-ups laid over it ([`World::overlaid`]).
    #[must_use]
    pub fn overlaid(&self) -> World {
        let Self { looks, earlier, groups } = self;
        let kept = earlier.facts().iter().filter(|(key, _)| !self.has(key));
        let is_new = |key: &Key| match key.holder() {
            Some(Holder::Group(_)) => self.has(key) || earlier.get(key).is_none(),
            Some(Holder::User(_)) | None => self.has(key),
        };
        let is_gone = |key: &Key| key.email().is_some_and(|email| looks.gone.contains(email));
        let new = looks.world.facts().iter().filter(|(key, _)| is_new(key) && !is_gone(key));
        let mut facts: Vec<(Key, Value)> = kept.chain(new).cloned().collect();
        facts.sort_by(|(left, _), (right, _)| left.cmp(right));
        let mut world = earlier.without_facts().with_facts(facts);
        world.take_coverage(looks, earlier, groups);
        world.take_directory(looks);
        world.warnings.extend(looks.world.warnings.iter().cloned());
        world.warnings.sort();
        world.warnings.dedup();
        world.last_sign_ins.extend(looks.world.last_sign_ins.iter().map(|(email, at)| (email.clone(), *at)));
        world
    }
}

/// Who is shown in which group.
fn memberships(world: &World) -> impl Iterator<Item = (&Email, &GroupName)> {
    super::of_family(world.facts(), Family::Groups).iter().filter_map(|(key, _)| match key {
        Key::InGroup(email, group) => Some((email, group)),
        _ => None,
    })
}

/// Whom a read shows in a group.
pub fn members_of<'a>(group: &'a GroupName, world: &'a World) -> impl Iterator<Item = &'a Email> {
    memberships(world).filter(move |(_, other)| *other == group).map(|(email, _)| email)
}

impl World {
    /// This read with later look-ups laid over it: of whom they answer about, what they answer; of everybody else, what
    /// this read showed. Listings stand as they were read here, unless they were read again.
    #[must_use]
    pub fn overlaid(&self, looks: &Looks) -> Self {
        looks.decided(self).overlaid()
    }

    /// This read with single facts as they are known to be now; `None`: it does not hold.
    #[must_use]
    pub fn with_changed(&self, changed: &BTreeMap<Key, Option<Value>>) -> Self {
        let kept = self.facts().iter().filter(|(key, _)| !changed.contains_key(key)).cloned();
        let new = changed.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
        let mut facts: Vec<(Key, Value)> = kept.chain(new).collect();
        facts.sort_by(|(left, _), (right, _)| left.cmp(right));
        self.without_facts().with_facts(facts)
    }

    fn take_coverage(&mut self, looks: &Looks, earlier: &Self, groups: &BTreeSet<&GroupName>) {
        let later = &looks.world.coverage;
        let coverage = &mut self.coverage;
        for email in looks.people.iter().chain(&looks.gone) {
            coverage.looked_up.remove(email);
            coverage.not_found.remove(email);
            if looks.gone.contains(email) || looks.about(email, earlier) == Look::NotFound {
                coverage.not_found.insert(email.clone());
            } else if let Some(seen) = later.looked_up.get(email) {
                coverage.looked_up.insert(email.clone(), *seen);
            }
        }
        for listing in [Listing::AdminRoles, Listing::BotRoles, Listing::Bots] {
            if let Some(extent) = later.listings.get(&listing) {
                coverage.listings.insert(listing, extent.clone());
            }
        }
        coverage.unread_groups.retain(|group| !groups.contains(group));
    }

    fn take_directory(&mut self, looks: &Looks) {
        let later = &looks.world;
        for email in &looks.gone {
            self.directory.users.remove(email);
        }
        let answered =
            |email: &Email| later.coverage.looked_up.contains_key(email) && !looks.gone.contains(email);
        for (email, entry) in later.directory.users.iter().filter(|(email, _)| answered(email)) {
            match self.directory.users.get_mut(email) {
                Some(known) => known.id = entry.id.clone().or_else(|| known.id.take()),
                None => {
                    self.directory.users.insert(email.clone(), entry.clone());
                }
            }
        }
        let was_read = |listing| later.coverage.extent(listing) != &Extent::Unknown;
        for role_type in super::RoleType::ALL {
            if was_read(Listing::roles(role_type)) {
                self.directory.roles.retain(|_, role| role.role_type != role_type);
                let roles = later.directory.roles.iter().filter(|(_, role)| role.role_type == role_type);
                self.directory.roles.extend(roles.map(|(id, role)| (id.clone(), role.clone())));
            }
        }
        if was_read(Listing::Bots) {
            self.directory.bots.clone_from(&later.directory.bots);
        }
        self.account = self.account.take().or_else(|| later.account.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Directory, GroupEntry, RoleName, Seen, UserEntry, WorldBuilder};
    use super::*;

    fn email(who: &str) -> Email {
        Email::observed(&format!("{who}@example.com"))
    }

    fn auditor(who: &str) -> Key {
        Key::AdminRole(Holder::User(email(who)), RoleName::new("Auditor"))
    }

    /// A read with these facts; whoever is a member was looked up with `seen`.
    fn world(facts: &[(Key, Value)], seen: Seen) -> World {
        let mut builder = WorldBuilder::new();
        let (mut coverage, mut directory) = (Coverage::default(), Directory::default());
        for (key, value) in facts {
            if let Key::Member(email) = key {
                coverage.looked_up.insert(email.clone(), seen);
                directory.users.insert(email.clone(), UserEntry::default());
            }
            builder.see(key.clone(), value.clone());
        }
        let entry = GroupEntry { name: GroupName::new("QA"), members: 2 };
        directory.groups.insert("e-1".into(), entry);
        builder.build(coverage, directory)
    }

    fn member(who: &str) -> (Key, Value) {
        (Key::Member(email(who)), Value::Member(Membership::Joined))
    }

    fn looks(asked: &[&str], world: World) -> Looks {
        Looks { people: asked.iter().map(|who| email(who)).collect(), gone: BTreeSet::new(), world }
    }

    fn earlier() -> World {
        let facts = [
            member("jane"),
            member("sam"),
            (auditor("jane"), Value::Held),
            (auditor("sam"), Value::Held),
            (Key::Assigned(email("jane"), "st-1".into()), Value::Held),
        ];
        let mut world = world(&facts, Seen::ALL);
        world.coverage.listings.insert(Listing::Users, Extent::Complete);
        world
    }

    #[test]
    fn a_look_replaces_what_it_answers_about_and_nothing_else() {
        let earlier = earlier();
        let seen = Seen { assignments: false, ..Seen::ALL };
        let later = looks(&["jane"], world(&[member("jane")], seen));
        let laid = earlier.overlaid(&later);
        assert_eq!(laid.get(&auditor("jane")), None, "taken away meanwhile");
        assert_eq!(laid.proves_absent(&auditor("jane")), Ok(()));
        let assigned = Key::Assigned(email("jane"), "st-1".into());
        assert!(laid.get(&assigned).is_some(), "the answer left it out");
        assert!(laid.proves_absent(&Key::Assigned(email("jane"), "st-2".into())).is_err());
        assert_eq!(laid.get(&auditor("sam")), Some(&Value::Held), "nobody asked");
        assert_eq!(laid.coverage.requires(Listing::Users), Ok(()));
        assert_eq!(earlier.overlaid(&Looks::default()), earlier);
    }

    #[test]
    fn who_does_not_answer_is_proved_nothing_of_and_loses_nothing() {
        let earlier = earlier();
        let laid = earlier.overlaid(&looks(&["jane"], World::default()));
        assert_eq!(laid.facts(), earlier.facts());
        assert!(laid.proves_absent(&Key::InGroup(email("jane"), GroupName::new("QA"))).is_err());
    }

    #[test]
    fn a_member_whom_the_platform_does_not_know_any_more_is_a_contradiction() {
        let earlier = earlier();
        let mut nobody = World::default();
        nobody.coverage.not_found.extend([email("jane"), email("new")]);
        let later = looks(&["jane", "new"], nobody);
        assert_eq!(later.about(&email("jane"), &earlier), Look::Contradicted);
        assert_eq!(later.about(&email("new"), &earlier), Look::NotFound);
        assert_eq!(later.about(&email("sam"), &earlier), Look::Unanswered);
        let laid = earlier.overlaid(&later);
        assert!(laid.get(&Key::Member(email("jane"))).is_some());
        assert!(laid.proves_absent(&auditor("jane")).is_err());
        assert_eq!(laid.proves_absent(&Key::Member(email("new"))), Ok(()));
        // Whom we have removed is gone.
        let removed = Looks { gone: BTreeSet::from([email("jane")]), ..later };
        let laid = earlier.overlaid(&removed);
        assert!(laid.facts().iter().all(|(key, _)| key.email() != Some(&email("jane"))));
        assert_eq!(laid.proves_absent(&Key::Member(email("jane"))), Ok(()));
        assert!(!laid.directory.users.contains_key(&email("jane")));
    }

    #[test]
    fn a_fact_that_is_known_to_have_changed_is_laid_over_by_itself() {
        let changed = BTreeMap::from([(auditor("jane"), None), (auditor("new"), Some(Value::Held))]);
        let laid = earlier().with_changed(&changed);
        assert_eq!(laid.get(&auditor("jane")), None);
        assert_eq!(laid.get(&auditor("new")), Some(&Value::Held));
        assert_eq!(laid.facts().len(), earlier().facts().len());
    }

    #[test]
    fn without_a_state_a_person_is_there_and_not_known_to_have_joined() {
        let listed = (Key::Member(email("jane")), Value::Member(Membership::Listed));
        let later = looks(&["jane"], world(&[listed], Seen::ALL));
        assert_eq!(later.about(&email("jane"), &earlier()), Look::StateUnknown);
        assert!(earlier().overlaid(&later).hides_state(&email("jane")));
    }

    #[test]
    fn what_a_group_holds_is_replaced_only_when_all_its_members_answer() {
        let held = Key::AdminRole(Holder::Group(GroupName::new("QA")), RoleName::new("Auditor"));
        let in_group = |who: &str| (Key::InGroup(email(who), GroupName::new("QA")), Value::Held);
        let facts = [member("jane"), member("sam"), in_group("jane"), in_group("sam")];
        let before: Vec<_> = facts.iter().cloned().chain([(held.clone(), Value::Held)]).collect();
        let earlier = world(&before, Seen::ALL);
        let one = looks(&["jane"], world(&[facts[0].clone(), facts[2].clone()], Seen::ALL));
        assert!(earlier.overlaid(&one).get(&held).is_some());
        let all = looks(&["jane", "sam"], world(&facts, Seen::ALL));
        assert!(earlier.overlaid(&all).get(&held).is_none());
        let shortened = looks(&["jane", "sam"], world(&facts, Seen { roles: false, ..Seen::ALL }));
        assert!(earlier.overlaid(&shortened).get(&held).is_some());
        // One member is enough to see what is new.
        let new = looks(&["jane"], world(&[before[0].clone(), before[4].clone()], Seen::ALL));
        assert!(world(&facts, Seen::ALL).overlaid(&new).get(&held).is_some());
    }
}
