//! The bots of an account, as the synthetic traffic wants them.

use crate::sandbox::console::admin_context::AdminContext;
use crate::sandbox::console::reply::PageError;
use crate::sandbox::store::reach;
use crate::sandbox::traffic::Talker;
use std::collections::BTreeMap;

/// People who would use a consumer bot: anybody may.
const PUBLIC_REACH: u64 = 240;

/// The published bots, by name.
pub(in crate::sandbox::console::pages) struct Talkers {
    pub(in crate::sandbox::console::pages) talkers: Vec<Talker>,
    /// By the bot's id: ids and names of its active tasks.
    pub(in crate::sandbox::console::pages) task_names: BTreeMap<String, Vec<(String, String)>>,
}

pub(in crate::sandbox::console::pages) fn talkers(admin: &AdminContext<'_>) -> Result<Talkers, PageError> {
    let reached = admin.read(|conn| Ok(reach::of_account(conn, admin.account.seq)?))?;
    let task_names = reached.iter().map(|bot| (bot.id.clone(), bot.tasks.clone())).collect();
    let talkers = reached.into_iter().map(|bot| Talker {
        reach: if bot.is_enterprise { bot.assigned } else { PUBLIC_REACH },
        tasks: bot.tasks.into_iter().map(|(id, _)| id).collect(),
        channels: bot.channels,
        id: bot.id,
        name: bot.name,
    });
    Ok(Talkers { talkers: talkers.collect(), task_names })
}
