//! What the writes of a run may change, judged by what was asked for and not by any plan: each write is compared with
//! the truth before it, so that edits in the console are nobody's fault.

use super::wants::email;
use super::world::{self, Case, OWNER, master_admins, truth};
use jiff::{SignedDuration, Timestamp};
use koreconcile::facts::{
    BotId, BotRef, ClockCheck, Closure, Completeness, Desired, Email, Family, Key, Membership, RoleName,
    ScopeExtent, Value, Verdict, World,
};
use koreconcile::kore::{Clock, VirtualClock};
use koreconcile::policy::{self, Known, Picture, Policies};
use koreconcile::sandbox::Snapshot;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What may pass between the last look at a clock and the execution of a call: a clock that is off by what is tolerated,
/// an answer that does not come, and a wait that the platform asks for.
const MAX_OBSERVATION_AGE: SignedDuration = SignedDuration::from_mins(6);
/// A clock that is ahead by what is tolerated.
const MAX_CLOCK_OFFSET: SignedDuration = ClockCheck::TOLERABLE;

pub struct InvariantChecker {
    wants: BTreeMap<Key, Verdict>,
    closed: BTreeSet<ScopeExtent>,
    /// Owners of bots among those who leave lose everything but their bots.
    strip: BTreeSet<Email>,
    /// Nobody may take anything from these.
    protected: BTreeSet<Email>,
    /// When what is declared ends, and what tells the time.
    ends: BTreeMap<Key, Timestamp>,
    clock: Option<Arc<VirtualClock>>,
    /// Policies with Deny, and what they know.
    policies: Option<(Policies, Known)>,
    /// What the run has read or written: groups without members and people who have not joined hide what they hold.
    seen: BTreeSet<Key>,
    floor: usize,
    start: BTreeMap<Key, String>,
    now: BTreeMap<Key, String>,
    admins: usize,
    /// What somebody edited in the console: updates carry whole lists and both flags, so the last writer wins.
    edited: BTreeSet<Key>,
    /// Whether somebody in the console took Master Admin from anyone since the run read the account.
    admins_were_edited: bool,
    invitations: BTreeMap<String, usize>,
    writes: u64,
    complaints: Vec<String>,
}

impl InvariantChecker {
    pub fn new(case: &Case, desired: &Desired, start: &Snapshot) -> Self {
        let id_of = world::bots_before(start);
        let wants = desired
            .wants
            .iter()
            .filter_map(|(key, want)| Some((key.clone().with_bot(&id_of)?, want.verdict.clone())));
        let is_whole = desired.completeness == Completeness::Complete;
        let closed = desired.scopes.iter().filter(|scope| is_whole && scope.closure == Closure::Closed);
        let closed = closed.filter_map(|scope| {
            Some(match scope.extent.clone() {
                ScopeExtent::AdminRole(role) => ScopeExtent::AdminRole(role),
                ScopeExtent::Group(group) => ScopeExtent::Group(group),
                ScopeExtent::BotRole(role, bot) => ScopeExtent::BotRole(role, id_of(bot)?),
                ScopeExtent::Assignments(bot) => ScopeExtent::Assignments(id_of(bot)?),
            })
        });
        let protected = case.protected.map(|who| email(&world::address(who)));
        Self {
            wants: wants.collect(),
            closed: closed.collect(),
            strip: desired.strip.clone(),
            protected: protected.into_iter().chain([email(OWNER)]).collect(),
            ends: BTreeMap::new(),
            clock: None,
            policies: None,
            seen: BTreeSet::new(),
            floor: case.floor as usize,
            start: truth(start),
            now: truth(start),
            admins: master_admins(start),
            edited: BTreeSet::new(),
            admins_were_edited: false,
            invitations: start.invitations.clone(),
            writes: 0,
            complaints: Vec::new(),
        }
    }

    /// What is declared ends then: it is not given afterwards, and not taken away before.
    #[must_use]
    pub fn with_ends(mut self, ends: BTreeMap<Key, Timestamp>, clock: &Arc<VirtualClock>) -> Self {
        self.ends = ends;
        self.clock = Some(Arc::clone(clock));
        self
    }

    /// No write of ours introduces a violation of these.
    #[must_use]
    pub fn with_policies(mut self, policies: Policies, known: Known) -> Self {
        self.policies = Some((policies, known));
        self
    }

    /// A run has read the account.
    pub fn sees(&mut self, world: &World) {
        self.seen = world.facts().iter().map(|(key, _)| key.clone()).collect();
    }

    /// What a write has added to a violation that it brought about or made worse.
    fn introduced(&self, after: &BTreeMap<Key, String>) -> Vec<String> {
        let Some((policies, known)) = &self.policies else { return Vec::new() };
        let breaches = |facts: &BTreeMap<Key, String>| {
            let seen = facts.keys().filter(|key| self.seen.contains(key));
            let held: Vec<(&Key, Value)> = seen.filter_map(|key| Some((key, held(key)?))).collect();
            let facts: Vec<(&Key, &Value)> = held.iter().map(|(key, value)| (*key, value)).collect();
            let picture = Picture::new(&facts, &BTreeSet::new(), known);
            policy::judge(policies, &picture, known, None, Timestamp::UNIX_EPOCH)
        };
        let earlier = breaches(&self.now);
        let mut introduced = Vec::new();
        for breach in breaches(after) {
            let before =
                earlier.iter().find(|other| (other.at, &other.subject) == (breach.at, &breach.subject));
            let is_known = |fact: &Key| before.is_some_and(|before| before.facts.contains(fact));
            let is_ours =
                |fact: &&Key| !self.now.contains_key(fact) && after.contains_key(fact) && !is_known(fact);
            let is_edited = breach.facts.iter().any(|fact| self.edited.contains(fact));
            let is_vague = before.is_some() && !breach.is_exact;
            if !is_edited && !is_vague && breach.facts.iter().any(|fact| is_ours(&fact)) {
                introduced.push(breach.message);
            }
        }
        introduced
    }

    /// The account is read anew from here on.
    pub fn a_run_begins(&mut self) {
        self.admins_were_edited = false;
    }

    pub fn complain(&mut self, why: String) {
        self.complaints.push(why);
    }

    pub fn complaints(&self) -> Option<String> {
        (!self.complaints.is_empty()).then(|| self.complaints.join("\n"))
    }

    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// Somebody edited in the console.
    pub fn edited(&mut self, after: &Snapshot) {
        let (is, admins) = (truth(after), master_admins(after));
        self.edited.extend(differences(&self.now, &is));
        self.admins_were_edited |= admins < self.admins;
        (self.now, self.admins) = (is, admins);
    }

    /// A write of ours was executed.
    pub fn written(&mut self, what: &str, after: &Snapshot) {
        self.writes += 1;
        let (is, admins) = (truth(after), master_admins(after));
        for key in differences(&self.now, &is) {
            let (was, is) = (self.now.get(&key), is.get(&key));
            // An assignment may be cleared and sent anew: what counts is the end.
            if key.family() != Family::Assignments
                && !self.edited.contains(&key)
                && let Some(why) = self.objection(&key, was.is_some(), is.map(String::as_str))
            {
                self.complaints
                    .push(format!("write {} ({what}): {key} was {was:?}, is {is:?}: {why}", self.writes));
            }
        }
        self.seen.extend(differences(&self.now, &is));
        for violation in self.introduced(&is) {
            self.complaints.push(format!("write {} ({what}) introduces: {violation}", self.writes));
        }
        let floor = self.floor.min(self.admins);
        if admins < floor && !self.admins_were_edited {
            self.complaints
                .push(format!("write {} ({what}) leaves {admins} Master Admins of {floor}", self.writes));
        }
        let was_there = |who: &str| self.now.contains_key(&Key::Member(email(who)));
        if let Some(who) = invited_again(&self.invitations, &after.invitations, was_there) {
            self.complaints.push(format!("write {} ({what}): {who} was invited again", self.writes));
        }
        self.invitations.clone_from(&after.invitations);
        (self.now, self.admins) = (is, admins);
    }

    /// Holds the whole day against what was asked for.
    pub fn is_over(&mut self) {
        for key in differences(&self.start, &self.now) {
            let (was, is) = (self.start.get(&key), self.now.get(&key));
            if !self.edited.contains(&key)
                && let Some(why) = self.objection(&key, was.is_some(), is.map(String::as_str))
            {
                self.complaints.push(format!("in the end {key} was {was:?}, is {is:?}: {why}"));
            }
        }
    }

    /// Why nothing that was asked for explains this change of the truth.
    fn objection(&self, key: &Key, was: bool, is: Option<&str>) -> Option<&'static str> {
        let (comes, goes) = (!was && is.is_some(), was && is.is_none());
        let person = key.email();
        if person.is_some_and(|email| self.protected.contains(email) && was) {
            return Some("the person is protected");
        }
        let is_owner = RoleName::new(RoleName::BOT_OWNER);
        if key.bot().is_some() && key.role().is_some_and(|(_, role)| *role == is_owner) {
            return Some("nobody but people gives bots away");
        }
        let leaves =
            person.is_some_and(|email| self.wants.get(&Key::Member(email.clone())) == Some(&Verdict::Absent));
        if let (Some(end), Some(clock)) = (self.ends.get(key), &self.clock) {
            let now = clock.now();
            return match (comes, goes && !leaves) {
                (true, _) if now > *end + MAX_OBSERVATION_AGE => Some("it has ended"),
                (_, true) if now < *end - MAX_CLOCK_OFFSET => Some("it has not ended"),
                _ => None,
            };
        }
        match self.wants.get(key) {
            Some(Verdict::Present(_)) if goes && !leaves => return Some("it is declared present"),
            Some(Verdict::Absent) if comes => return Some("it is declared absent"),
            Some(_) => return None,
            None if goes && (leaves || self.is_closed(key)) => return None,
            None => {}
        }
        // Whoever arrives starts with a name and without access, and so ends an owner of bots who leaves.
        let starts = comes && matches!(key, Key::Names(_)) && is == Some(" ");
        let is_stripped = leaves && person.is_some_and(|email| self.strip.contains(email));
        let ends = (comes || is_stripped) && matches!(key, Key::Access(_)) && is == Some("false false");
        (!(starts || ends)).then_some("nobody asked for it")
    }

    fn is_closed(&self, key: &Key) -> bool {
        let extent = match key.clone() {
            Key::AdminRole(_, role) => ScopeExtent::AdminRole(role),
            Key::BotRole(_, role, bot) => ScopeExtent::BotRole(role, bot),
            Key::InGroup(_, group) => ScopeExtent::Group(group),
            Key::Assigned(_, bot) => ScopeExtent::Assignments(bot),
            _ => return false,
        };
        self.closed.contains(&extent)
    }
}

/// What rules over holders look at.
fn held(key: &Key) -> Option<Value> {
    match key.family() {
        Family::Membership => Some(Value::Member(Membership::Joined)),
        Family::Groups | Family::AdminRoles | Family::BotRoles | Family::Assignments => Some(Value::Held),
        _ => None,
    }
}

fn differences(was: &BTreeMap<Key, String>, is: &BTreeMap<Key, String>) -> BTreeSet<Key> {
    let keys = was.keys().chain(is.keys());
    keys.filter(|key| was.get(*key) != is.get(*key)).cloned().collect()
}

/// Somebody who got an invitation although they were there, or two at once. Who was taken out of the account by somebody
/// else, and is still declared, is invited once more.
pub fn invited_again<'a>(
    before: &BTreeMap<String, usize>,
    after: &'a BTreeMap<String, usize>,
    was_there: impl Fn(&str) -> bool,
) -> Option<&'a str> {
    let allowed = |who: &str| before.get(who).copied().unwrap_or(0) + usize::from(!was_there(who));
    after.iter().find(|(who, mails)| **mails > allowed(who)).map(|(who, _)| who.as_str())
}
