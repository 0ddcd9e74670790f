//! What is being chosen in the assignment pages: kept with the session, and saved to the account by *Apply* alone.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::reply::PageError;
use crate::sandbox::store::audiences::{self, Audience, Audiences};
use crate::sandbox::store::bots::Bot;
use crate::sandbox::store::tasks::Task;
use crate::sandbox::store::{drafts, groups};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The way in which a task is assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mode {
    Nobody,
    Everybody,
    Groups,
    People,
}

impl Mode {
    pub(super) const ALL: [Self; 4] = [Self::Nobody, Self::Everybody, Self::Groups, Self::People];

    /// As forms write it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Everybody => "everybody",
            Self::Groups => "groups",
            Self::People => "people",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Nobody => "No one",
            Self::Everybody => "All users in your enterprise",
            Self::Groups => "Assign user groups",
            Self::People => "Assign individual users",
        }
    }

    pub(super) fn called(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.word() == word)
    }

    /// The way that an audience shows as; `everyone` is the system group.
    pub(super) fn new(audience: &Audience, everyone: i64) -> Self {
        if audience.groups.contains(&everyone) {
            Self::Everybody
        } else if !audience.groups.is_empty() {
            Self::Groups
        } else if !audience.users.is_empty() {
            Self::People
        } else {
            Self::Nobody
        }
    }
}

/// The dialog of one task, before its *Done*.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskDraft {
    pub(super) task: i64,
    pub(super) mode: Mode,
    pub(super) groups: BTreeSet<i64>,
    pub(super) users: BTreeSet<i64>,
}

/// What was found, and what is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Draft {
    found: Audiences,
    pub(super) wanted: Audiences,
    /// *No assignments*: the bot is taken from everybody.
    pub(super) is_for_nobody: bool,
    pub(super) open: Option<TaskDraft>,
}

impl Draft {
    /// The session's draft, or a new one of what is so.
    pub(super) fn new(admin: &AdminContext<'_>, bot: &Bot, tasks: &[Task]) -> Result<Self, PageError> {
        admin.read(|conn| {
            if let Some(document) = drafts::load(conn, &admin.session.id, bot.seq)? {
                return serde_json::from_str(&document).map_err(|e| PageError::broken(&e));
            }
            let found = audiences::of_bot(conn, bot.seq, tasks)?;
            let is_for_nobody = found.values().all(|audience| *audience == Audience::default());
            Ok(Self { wanted: found.clone(), found, is_for_nobody, open: None })
        })
    }

    /// Keeps it for the next page.
    pub(super) fn keep(&self, admin: &AdminContext<'_>, bot: &Bot) -> Result<(), PageError> {
        let document = serde_json::to_string(self).map_err(|e| PageError::broken(&e))?;
        admin.write(|conn| Ok(drafts::put(conn, &admin.session.id, bot.seq, &document)?))
    }

    /// Who may use a task by this draft.
    pub(super) fn audience(&self, task: i64) -> Audience {
        self.wanted.get(&task).cloned().unwrap_or_default()
    }

    pub(super) fn differs(&self) -> bool {
        let was_for_nobody = self.found.values().all(|audience| *audience == Audience::default());
        self.is_for_nobody != was_for_nobody || (!self.is_for_nobody && self.wanted != self.found)
    }

    /// The dialog of a task, as it was left or as the task stands.
    pub(super) fn opened(&self, task: i64, everyone: i64) -> TaskDraft {
        if let Some(open) = self.open.as_ref().filter(|open| open.task == task) {
            return open.clone();
        }
        let Audience { mut groups, users } = self.audience(task);
        let mode = Mode::new(&Audience { groups: groups.clone(), users: users.clone() }, everyone);
        groups.remove(&everyone);
        TaskDraft { task, mode, groups, users }
    }

    /// *Done*: the dialog's choice becomes the draft's.
    pub(super) fn close(&mut self, open: TaskDraft, everyone: i64) {
        let nobody = BTreeSet::new;
        let audience = match open.mode {
            Mode::Nobody => Audience::default(),
            Mode::Everybody => Audience { groups: [everyone].into(), users: nobody() },
            Mode::Groups => Audience { groups: open.groups, users: nobody() },
            Mode::People => Audience { groups: nobody(), users: open.users },
        };
        // What came by another way, as people by the API beside a group, stays while the way is not changed.
        let before = self.audience(open.task);
        let audience = match open.mode {
            Mode::Groups | Mode::Everybody if Mode::new(&before, everyone) == open.mode => {
                Audience { users: before.users, ..audience }
            }
            _ => audience,
        };
        self.is_for_nobody &= audience == Audience::default();
        self.wanted.insert(open.task, audience);
        self.open = None;
    }

    /// *Apply*, in the transaction of `change`.
    pub(super) fn apply(
        &self,
        change: &crate::sandbox::console::admin_context::Change<'_>,
        bot: &Bot,
        tasks: &[Task],
    ) -> Result<(), PageError> {
        if self.is_for_nobody {
            return Ok(audiences::clear(change.conn(), bot.seq)?);
        }
        Ok(audiences::change(change.conn(), bot.seq, tasks, &self.found, &self.wanted)?)
    }
}

/// The `seq` of the system group.
pub(super) fn everyone(admin: &AdminContext<'_>) -> Result<i64, PageError> {
    let group = admin.read(|conn| Ok(groups::by_name(conn, admin.account.seq, groups::EVERYONE)?))?;
    group.map(|group| group.seq).ok_or_else(|| PageError::broken(&"an account without its system group"))
}
