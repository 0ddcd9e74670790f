//! What somebody does in the console meanwhile, drawn at random.

use super::world::{BOT_ROLES, BOTS, GROUPS, PEOPLE, access, address, bot_name, group_name};
use koreconcile::sandbox::{self, NewUser, UserState};
use proptest::prelude::*;

/// Somebody does something in the console. What cannot be done is left undone.
#[derive(Clone, Debug)]
pub enum ConsoleEdit {
    Access(usize, u8),
    Bind(usize, usize, usize),
    Unbind(usize, usize, usize),
    Demote(usize),
    Join(usize, usize),
    Leave(usize, usize),
    Assign(usize, usize),
    Unassign(usize, usize),
    Add(usize),
    Delete(usize),
    State(usize, UserState),
}

impl ConsoleEdit {
    pub fn any() -> impl Strategy<Value = Self> {
        let who = || 0..PEOPLE;
        prop_oneof![
            (who(), 0u8..3).prop_map(|(who, level)| Self::Access(who, level)),
            (who(), 0..4usize, 0..BOTS).prop_map(|(who, role, bot)| Self::Bind(who, role, bot)),
            (who(), 0..4usize, 0..BOTS).prop_map(|(who, role, bot)| Self::Unbind(who, role, bot)),
            who().prop_map(Self::Demote),
            (who(), 0..GROUPS).prop_map(|(who, group)| Self::Join(who, group)),
            (who(), 0..GROUPS).prop_map(|(who, group)| Self::Leave(who, group)),
            (who(), 0..BOTS).prop_map(|(who, bot)| Self::Assign(who, bot)),
            (who(), 0..BOTS).prop_map(|(who, bot)| Self::Unassign(who, bot)),
            who().prop_map(Self::Add),
            who().prop_map(Self::Delete),
            (who(), prop_oneof![Just(UserState::Active), Just(UserState::Suspended)])
                .prop_map(|(who, state)| Self::State(who, state)),
        ]
    }

    pub fn make(&self, admin: &sandbox::Admin) {
        let holder = |who: &usize| sandbox::Holder::User(address(*who));
        let _ = match self {
            Self::Access(who, level) => {
                let level = access(*level);
                admin.set_access(&address(*who), level.is_developer(), level.can_create_bot())
            }
            Self::Bind(who, role, bot) => admin.bind(&holder(who), BOT_ROLES[*role], Some(&bot_name(*bot))),
            Self::Unbind(who, role, bot) => {
                admin.unbind(&holder(who), BOT_ROLES[*role], Some(&bot_name(*bot)))
            }
            Self::Demote(who) => admin.unbind(&holder(who), "admin", None),
            Self::Join(who, group) => admin.join(&group_name(*group), &address(*who)),
            Self::Leave(who, group) => admin.leave(&group_name(*group), &address(*who)),
            Self::Assign(who, bot) => admin.assign(&address(*who), &bot_name(*bot), None),
            Self::Unassign(who, bot) => admin.unassign(&address(*who), &bot_name(*bot)),
            Self::Add(who) => admin.add_user(&NewUser::named(&address(*who), "First", "Last")),
            Self::Delete(who) => admin.delete_user(&address(*who)),
            Self::State(who, state) => admin.set_state(&address(*who), *state),
        };
    }
}
