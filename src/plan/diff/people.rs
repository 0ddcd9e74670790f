//! What the first pass learns about people: who joins, leaves or waits, and what that means for their other facts.

use super::super::model::{Action, Reason};
use super::{Comparison, entry};
use crate::facts::{BuilderAccess, Email, Holder, Key, Membership, RoleName, Source, Value, Verdict, Want};
use std::collections::BTreeSet;

/// What the first pass has learned about people.
#[derive(Default)]
pub(super) struct People {
    pub joining: BTreeSet<Email>,
    pub leaving: BTreeSet<Email>,
    pub stripped: BTreeSet<Email>,
    /// Wanted, but not provably absent: nothing about them is sent.
    pub unproved: BTreeSet<Email>,
    /// To be absent, whether or not they are in the account.
    pub absent: BTreeSet<Email>,
}

/// Why a declared fact stops at the person it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PersonObstacle {
    /// Declared absent.
    Absent,
    /// Declared, and not proved to be new.
    Unproved,
    /// Neither declared nor in the account, or not answered about.
    Unknown,
    /// Invited, and has not accepted.
    Pending,
    /// In the account; no answer says whether they have accepted.
    StateUnknown,
}

impl Comparison<'_> {
    /// Remembers where a person stands, and reports invitations that are still open.
    pub(super) fn record_membership(&mut self, email: &Email, want: &Want, seen: Option<&Value>) {
        if want.verdict == Verdict::Absent {
            self.people.absent.insert(email.clone());
        }
        if want.verdict != Verdict::Absent
            && let Some(Value::Member(Membership::Pending { since: _ })) = seen
        {
            self.difference.waiting.push(entry(
                Reason::WaitingForAcceptance,
                vec![Key::Member(email.clone())],
                format!("{email} is invited and has not accepted yet"),
                "nothing to do; if the mail was lost, invite again in the console (Enrollment > Invite)",
                &want.sources,
            ));
        }
    }

    /// What stops a declared fact at the person it is about, if anything does. Not asked about memberships.
    pub(super) fn person_obstacle(
        &self,
        key: &Key,
        want: &Want,
        seen: Option<&Value>,
    ) -> Option<PersonObstacle> {
        let email = key.email()?;
        let people = &self.people;
        let is_satisfied = || matches!((&want.verdict, seen), (Verdict::Present(value), Some(seen)) if seen.satisfies(value));
        match &want.verdict {
            Verdict::Absent => None,
            Verdict::Present(_) if people.absent.contains(email) => Some(PersonObstacle::Absent),
            Verdict::Present(_) if people.unproved.contains(email) => Some(PersonObstacle::Unproved),
            Verdict::Present(_) if people.joining.contains(email) => None,
            Verdict::Present(_) if self.observed.get(&Key::Member(email.clone())).is_none() => {
                Some(PersonObstacle::Unknown)
            }
            Verdict::Present(_) if matches!(key, Key::Assigned(..)) && self.observed.hides_state(email) => {
                (!is_satisfied()).then_some(PersonObstacle::StateUnknown)
            }
            Verdict::Present(_) => {
                (self.is_pending(email) && !is_satisfied() && !key.family().is_write_only())
                    .then_some(PersonObstacle::Pending)
            }
        }
    }

    /// Puts a declared fact into the entry that its person's obstacle calls for.
    pub(super) fn hold_for_person(&mut self, key: &Key, want: &Want, obstacle: PersonObstacle) {
        let Some(email) = key.email() else { return };
        let entry = |reason, message, next_step: &str| {
            entry(reason, vec![key.clone()], message, next_step, &want.sources)
        };
        match obstacle {
            PersonObstacle::Absent => {
                let message = format!("{email} is declared absent, so this is not given: {key}");
                self.blocked.push(entry(Reason::UserAbsent, message, "remove one of the two lines"));
            }
            PersonObstacle::Unproved => {
                self.blocked.add_to_person(email, key);
            }
            PersonObstacle::Unknown => {
                if self.blocked.add_to_person(email, key) {
                    return;
                }
                let (message, next_step) = if self.observed.coverage.not_found.contains(email) {
                    (
                        format!("{email} is neither declared nor in the account"),
                        "declare a KoreUser, or set inviteMembers: true on the team",
                    )
                } else {
                    (format!("the account did not answer about {email}"), "run again")
                };
                self.blocked.push_for(email, entry(Reason::SubjectUnknown, message, next_step));
            }
            PersonObstacle::StateUnknown => self.block_for_state(email, key, &want.sources),
            PersonObstacle::Pending => {
                let message =
                    format!("{} is sent when {email} has accepted the invitation", self.describe(key));
                self.difference.waiting.push(entry(Reason::WaitingForAcceptance, message, "nothing to do"));
            }
        }
    }

    /// Writing assignments sends the complete list, and for a person who has not joined it may be dropped (kore-api
    /// section 4, rows 3 and 48): what they have would be lost.
    pub(super) fn block_for_state(&mut self, email: &Email, key: &Key, sources: &[Source]) {
        let message = format!(
            "the account does not say whether {email} has accepted the invitation, so assignments are not written: {}",
            self.describe(key)
        );
        let next_step = "change it in the console (Enterprise Bots > Bot & task assignments)";
        self.blocked.push(entry(Reason::NotProved, vec![key.clone()], message, next_step, sources));
    }

    pub(super) fn is_pending(&self, email: &Email) -> bool {
        matches!(
            self.observed.get(&Key::Member(email.clone())),
            Some(Value::Member(Membership::Pending { since: _ }))
        )
    }

    pub(super) fn remove_member(&mut self, email: &Email, seen: &Value, action: Action, sources: &[Source]) {
        let key = Key::Member(email.clone());
        let owned = self.bots_owned_by(email);
        if owned.is_empty() && !self.shows_roles(email) {
            let message = format!("whether {email} owns bots or is a Master Admin was not answered");
            let next_step = "run again; nobody is removed whose roles are not known";
            return self.blocked.push(entry(Reason::NotProved, vec![key], message, next_step, sources));
        }
        if owned.is_empty() {
            self.people.leaving.insert(email.clone());
            return self.push(&key, action, Some(seen), None, sources);
        }
        if self.wanted.strip.contains(email) {
            self.people.stripped.insert(email.clone());
        }
        let message = format!("{email} owns {}, and a bot owner cannot be deleted", owned.join(", "));
        let next_step = "give the bots another owner (Bots Management > Change Bot Owner), then run again";
        self.difference.manual.push(entry(Reason::OwnsBots, vec![key], message, next_step, sources));
    }

    /// A leaver who owns bots loses all but the bots and the membership (`offboard: StripAccess`).
    pub(super) fn strip(&mut self, email: &Email, key: &Key, seen: &Value) {
        let member = Key::Member(email.clone());
        let sources = self
            .wanted
            .wants
            .binary_search_by(|(candidate, _)| candidate.cmp(&member))
            .map(|at| self.wanted.wants[at].1.sources.clone())
            .unwrap_or_default();
        match (key, seen) {
            (Key::Access(_), Value::Access(BuilderAccess::None)) | (Key::Names(_), _) => {}
            (Key::Access(_), _) => {
                let none = Value::Access(BuilderAccess::None);
                self.push(key, Action::Change, Some(seen), Some(&none), &sources);
            }
            _ => self.remove_declared_absent(key, seen, &sources),
        }
    }

    pub(super) fn leave_assignments(&mut self, email: &Email, key: &Key, sources: &[Source]) {
        let message = format!(
            "an assignment of {email} lists tasks other than dialogs, and writing the list would lose them: {}",
            self.describe(key)
        );
        let next_step = "change it in the console (Enterprise Bots > Bot & task assignments)";
        self.difference.manual.push(entry(
            Reason::OtherTasks,
            vec![key.clone()],
            message,
            next_step,
            sources,
        ));
    }

    /// One assignment goes by sending all the others, and what is sent for a person who has not joined may be
    /// dropped (kore-api section 4, row 3): the others would be lost.
    pub(super) fn wait_to_take_away(&mut self, email: &Email, key: &Key, sources: &[Source]) {
        self.difference.waiting.push(entry(
            Reason::WaitingForAcceptance,
            vec![key.clone()],
            format!("{} is taken away when {email} has accepted the invitation", self.describe(key)),
            "nothing to do",
            sources,
        ));
    }

    pub(super) fn shows_roles(&self, email: &Email) -> bool {
        self.observed.coverage.looked_up.get(email).is_some_and(|seen| seen.roles)
    }

    pub(super) fn bots_owned_by(&self, email: &Email) -> Vec<String> {
        let owner = RoleName::new(RoleName::BOT_OWNER);
        let first = Key::BotRole(Holder::User(email.clone()), owner, "".into());
        let facts = self.observed.facts();
        let start = facts.partition_point(|(key, _)| *key < first);
        facts[start..]
            .iter()
            .map_while(|(key, _)| match key {
                Key::BotRole(Holder::User(holder), role, bot) if holder == email && role.is_bot_owner() => {
                    Some(bot)
                }
                _ => None,
            })
            .map(|bot| self.observed.directory.bot_label(bot).to_owned())
            .collect()
    }

    pub(super) fn has_other_tasks(&self, email: &Email) -> bool {
        let facts = self.observed.facts();
        let start = facts.partition_point(|(key, _)| *key < Key::Assigned(email.clone(), "".into()));
        facts[start..]
            .iter()
            .take_while(|(key, _)| matches!(key, Key::Assigned(user, _) if user == email))
            .any(|(_, value)| matches!(value, Value::Dialogs(dialogs) if dialogs.has_other_tasks))
    }
}
