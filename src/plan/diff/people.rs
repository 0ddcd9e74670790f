//! What the merge knows about people: who joins, leaves, waits, or stands in the way of their own facts.

use super::super::model::{Action, Reason};
use super::{Comparison, entry};
use crate::facts::{BuilderAccess, Email, Holder, Key, Membership, RoleName, Source, Value, Verdict, Want};
use std::collections::{BTreeSet, HashMap};

/// What the merge has learned about people. [`Key::Member`] comes before everything else that is about a person,
/// so that it is known when their other facts pass by.
#[derive(Default)]
pub(super) struct People {
    pub joining: BTreeSet<Email>,
    pub leaving: BTreeSet<Email>,
    pub stripped: BTreeSet<Email>,
    pub pending: BTreeSet<Email>,
    /// Wanted, but not provably absent: nothing about them is sent.
    pub unproved: BTreeSet<Email>,
    /// To be absent, whether or not they are in the account.
    pub absent: BTreeSet<Email>,
    /// The blocked entry that names a person, which takes in all that is wanted of them.
    pub entries: HashMap<Email, usize>,
}

impl Comparison<'_> {
    /// Remembers where a person stands, and reports invitations that are still open.
    pub(super) fn note_membership(&mut self, email: &Email, want: &Want, seen: Option<&Value>) {
        if want.verdict == Verdict::Absent {
            self.people.absent.insert(email.clone());
        }
        if let Some(Value::Member(Membership::Pending { since: _ })) = seen {
            self.people.pending.insert(email.clone());
            if want.verdict != Verdict::Absent {
                self.difference.waiting.push(entry(
                    Reason::WaitingForAcceptance,
                    vec![Key::Member(email.clone())],
                    format!("{email} is invited and has not accepted yet"),
                    "nothing to do; if the mail was lost, invite again in the console (Enrollment > Invite)",
                    &want.sources,
                ));
            }
        }
    }

    /// Whether a wanted fact has to stop at the person it is about: unknown, absent, not provably new, or pending.
    pub(super) fn is_person_in_the_way(&mut self, key: &Key, want: &Want, seen: Option<&Value>) -> bool {
        let (Some(email), false) = (key.email(), matches!(key, Key::Member(_))) else { return false };
        if self.people.absent.contains(email) {
            let message = format!("{email} is to be absent, so this is not given: {key}");
            let next_step = "remove one of the two lines";
            self.difference.blocked.push(entry(
                Reason::UserAbsent,
                vec![key.clone()],
                message,
                next_step,
                &want.sources,
            ));
            return true;
        }
        if self.people.unproved.contains(email) {
            self.append_to_member_entry(email, key);
            return true;
        }
        if self.people.joining.contains(email) {
            return false;
        }
        if self.observed.get(&Key::Member(email.clone())).is_none() {
            let (message, next_step) = if self.observed.coverage.not_found.contains(email) {
                (
                    format!("{email} is neither declared nor in the account"),
                    "declare a KoreUser, or set inviteMembers: true on the team",
                )
            } else {
                (format!("the account did not answer about {email}"), "run again")
            };
            self.block_subject(email, key, message, next_step, want);
            return true;
        }
        if self.people.pending.contains(email) || self.is_pending(email) {
            if seen
                .is_some_and(|seen| matches!(&want.verdict, Verdict::Present(value) if seen.satisfies(value)))
            {
                return false;
            }
            if key.family().is_write_only() {
                return false;
            }
            self.difference.waiting.push(entry(
                Reason::WaitingForAcceptance,
                vec![key.clone()],
                format!("{} is sent when {email} has accepted the invitation", self.describe(key)),
                "nothing to do",
                &want.sources,
            ));
            return true;
        }
        false
    }

    pub(super) fn is_pending(&self, email: &Email) -> bool {
        matches!(
            self.observed.get(&Key::Member(email.clone())),
            Some(Value::Member(Membership::Pending { since: _ }))
        )
    }

    pub(super) fn remove_member(&mut self, email: &Email, seen: &Value, sources: &[Source]) {
        let key = Key::Member(email.clone());
        let owned = self.bots_owned_by(email);
        if owned.is_empty() && !self.shows_roles(email) {
            let message = format!("whether {email} owns bots or is a Master Admin was not answered");
            let next_step = "run again; nobody is removed whose roles are not known";
            return self.difference.blocked.push(entry(
                Reason::NotProved,
                vec![key],
                message,
                next_step,
                sources,
            ));
        }
        if owned.is_empty() {
            self.people.leaving.insert(email.clone());
            return self.push(&key, Action::RemoveNamed, Some(seen), None, sources);
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
                self.push(key, Action::Alter, Some(seen), Some(&none), &sources);
            }
            _ => self.remove_named(key, seen, &sources),
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

    /// One assignment goes by sending all the others, and what is sent for somebody who has not joined may be
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

    pub(super) fn block_subject(
        &mut self,
        email: &Email,
        key: &Key,
        message: String,
        next_step: &str,
        want: &Want,
    ) {
        if let Some(known) = self.people.entries.get(email) {
            self.difference.blocked[*known].subjects.push(key.clone());
            return;
        }
        self.people.entries.insert(email.clone(), self.difference.blocked.len());
        let subjects = vec![key.clone()];
        let blocked = entry(Reason::SubjectUnknown, subjects, message, next_step, &want.sources);
        self.difference.blocked.push(blocked);
    }

    /// Folds a fact into the entry that says why its person cannot be created.
    pub(super) fn append_to_member_entry(&mut self, email: &Email, key: &Key) {
        if let Some(known) = self.people.entries.get(email) {
            self.difference.blocked[*known].subjects.push(key.clone());
        }
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
