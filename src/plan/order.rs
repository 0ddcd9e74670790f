//! What has to be read back before what: a true graph, no barriers.
//!
//! * Anything about a new user waits for the user.
//! * A binding waits for a change of its role: an import may give the role another id (kore-api 2.8).
//! * A removal that makes room for an addition waits for it: the same holder's other role on the same bot, the
//!   same role held in another way, and everything that takes Master Admin away for everything that gives it.

use super::model::{Action, Change, ChangeId};
use crate::facts::{BotId, Email, Holder, Key, RoleName, RoleType};
use std::collections::HashMap;

/// Fills in `depends_on` and sorts: what others wait for comes first, else the order of keys stays.
pub(super) fn link(changes: &mut [Change]) {
    let additions = Additions::new(changes);
    for change in changes.iter_mut() {
        change.depends_on = additions.needed_by(change);
    }
    let removes_last = |change: &Change| change.action.is_removal();
    changes.sort_by_key(removes_last);
}

/// What others may have to wait for, by what they wait for.
#[derive(Default)]
struct Additions {
    users: HashMap<Email, ChangeId>,
    roles: HashMap<(RoleType, RoleName), ChangeId>,
    by_holder: HashMap<(Holder, Option<BotId>), Vec<ChangeId>>,
    by_role: HashMap<(RoleName, Option<BotId>), Vec<ChangeId>>,
    master_admins: Vec<ChangeId>,
}

impl Additions {
    fn new(changes: &[Change]) -> Self {
        let mut additions = Self::default();
        for change in changes.iter().filter(|change| !change.action.is_removal()) {
            let id = || change.id.clone();
            match &change.key {
                Key::Member(email) if change.action == Action::Add => {
                    additions.users.insert(email.clone(), id());
                }
                Key::RoleDefinition(role_type, role) => {
                    additions.roles.insert((*role_type, role.clone()), id());
                }
                Key::AdminRole(holder, role) => {
                    additions.by_holder.entry((holder.clone(), None)).or_default().push(id());
                    additions.by_role.entry((role.clone(), None)).or_default().push(id());
                    if role.is_master_admin() {
                        additions.master_admins.push(id());
                    }
                }
                Key::BotRole(holder, role, bot) => {
                    additions.by_holder.entry((holder.clone(), Some(bot.clone()))).or_default().push(id());
                    additions.by_role.entry((role.clone(), Some(bot.clone()))).or_default().push(id());
                }
                Key::Member(_)
                | Key::Names(_)
                | Key::Access(_)
                | Key::Profile(_)
                | Key::DataTables(_)
                | Key::InGroup(..)
                | Key::Assigned(..) => {}
            }
        }
        additions
    }

    fn needed_by(&self, change: &Change) -> Vec<ChangeId> {
        let mut needed: Vec<ChangeId> = Vec::new();
        let key = &change.key;
        if !change.action.is_removal() {
            if !matches!(key, Key::Member(_))
                && let Some(user) = key.email().and_then(|email| self.users.get(email))
            {
                needed.push(user.clone());
            }
            if !matches!(key, Key::RoleDefinition(..))
                && let Some((role_type, role)) = key.role()
                && let Some(definition) = self.roles.get(&(role_type, role.clone()))
            {
                needed.push(definition.clone());
            }
            return needed;
        }
        if let Some((role_type, role)) = key.role()
            && let Some(definition) = self.roles.get(&(role_type, role.clone()))
        {
            needed.push(definition.clone());
        }
        let bot = match key {
            Key::BotRole(_, _, bot) => Some(bot.clone()),
            Key::RoleDefinition(..)
            | Key::Member(_)
            | Key::Names(_)
            | Key::Access(_)
            | Key::Profile(_)
            | Key::DataTables(_)
            | Key::InGroup(..)
            | Key::AdminRole(..)
            | Key::Assigned(..) => None,
        };
        if let Some(holder) = key.holder() {
            needed.extend(self.by_holder.get(&(holder.clone(), bot.clone())).into_iter().flatten().cloned());
            if let (Holder::Group(_), Some((_, role))) = (holder, key.role()) {
                needed.extend(self.by_role.get(&(role.clone(), bot)).into_iter().flatten().cloned());
            }
        }
        let may_take_master_admin = match key {
            Key::AdminRole(_, role) => role.is_master_admin(),
            Key::Member(_) | Key::InGroup(..) => true,
            Key::RoleDefinition(..)
            | Key::Names(_)
            | Key::Access(_)
            | Key::Profile(_)
            | Key::DataTables(_)
            | Key::BotRole(..)
            | Key::Assigned(..) => false,
        };
        if may_take_master_admin {
            needed.extend(self.master_admins.iter().cloned());
        }
        needed.sort();
        needed.dedup();
        needed
    }
}
