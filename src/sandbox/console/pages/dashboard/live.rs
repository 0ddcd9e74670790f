//! The part of the dashboard that is always up to date: who is in the account, and what is going on.

use super::talkers::talkers;
use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::reply::PageError;
use crate::sandbox::store::bot_settings::CHANNELS;
use crate::sandbox::store::users::{self, UserState};
use crate::sandbox::traffic::Talker;
use askama::Template;
use std::collections::BTreeMap;

/// Bots that are named.
const NAMED: usize = 10;
/// Of so many sessions, one has been handed to an agent.
const ONE_AGENT: u64 = 7;

#[derive(Template)]
#[template(path = "dashboard_live.html")]
pub(super) struct Live {
    people: usize,
    /// Word of a state, where its people are listed, and how many are in it.
    states: Vec<(&'static str, &'static str, usize)>,
    lists_people: bool,
    /// Name and people, most first.
    bots: Vec<(String, u64)>,
    bots_total: usize,
    channels: Vec<(&'static str, u64)>,
    agents: u64,
}

impl Live {
    pub(super) fn new(admin: &AdminContext<'_>, talkers: &[Talker]) -> Result<Self, PageError> {
        let counts = admin.read(|conn| Ok(users::count_by_state(conn, admin.account.seq)?))?;
        let count = |state| counts.iter().find(|(own, _)| *own == state).map_or(0, |(_, count)| *count);
        let mut bots: Vec<(String, u64)> = Vec::new();
        let mut by_channel: BTreeMap<&str, u64> = BTreeMap::new();
        for talker in talkers {
            let open = talker.open_at(admin.now);
            let people = open.iter().map(|(_, count)| count).sum();
            if people > 0 {
                bots.push((talker.name.clone(), people));
            }
            for (channel, count) in open {
                *by_channel.entry(channel).or_default() += count;
            }
        }
        let sessions: u64 = bots.iter().map(|(_, people)| people).sum();
        bots.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        let bots_total = bots.len();
        bots.truncate(NAMED);
        let channels = CHANNELS.iter().filter_map(|(word, name)| {
            let count = by_channel.get(word).copied().filter(|count| *count > 0)?;
            Some((*name, count))
        });
        Ok(Self {
            people: counts.iter().map(|(_, count)| count).sum(),
            states: vec![
                ("Active", "active", count(UserState::Active)),
                ("Not Active", "not+active", count(UserState::NotActive)),
                ("Suspended", "suspended", count(UserState::Suspended)),
                ("Locked", "locked", count(UserState::Locked)),
            ],
            lists_people: admin.may("/Admin/users"),
            bots,
            bots_total,
            channels: channels.collect(),
            agents: sessions / ONE_AGENT,
        })
    }
}

/// What is sent when it has changed.
pub(super) fn draw(admin: &AdminContext<'_>) -> Result<String, PageError> {
    let live = Live::new(admin, &talkers(admin)?.talkers)?;
    live.render().map_err(|e| PageError::broken(&e))
}
