//! Who did it: the change logs of the bots in the answer (kore-api 2.18b), as notes. Asked for with `--who`.

use super::super::session::Session;
use crate::facts::{BotId, BotRef, World};
use crate::kore::{ChangeLogEntry, KoreError};
use crate::plan::explain::Explanation;
use std::collections::BTreeSet;

/// Most bots that are asked: each costs at least one call.
const MOST_BOTS: usize = 5;
/// Most entries shown of one bot, the latest.
const MOST_ENTRIES: usize = 10;

/// Adds the latest entries of each bot in the answer. A missing scope is a note, not an error.
pub(super) async fn fill(
    explanation: &mut Explanation,
    asked: Option<&BotRef>,
    world: &World,
    session: &Session,
) -> Result<(), KoreError> {
    let bots = bots(explanation, asked, world);
    if bots.len() > MOST_BOTS {
        let note =
            format!("change logs are not shown: the answer has {} bots, give one with --bot", bots.len());
        explanation.notes.push(note);
        return Ok(());
    }
    for bot in bots {
        match session.reader.change_log(&bot).await {
            Ok(entries) => explanation.notes.extend(notes(world.directory.bot_label(&bot), &entries)),
            Err(error @ (KoreError::Scope { .. } | KoreError::Refused { .. })) => {
                let why = error.to_string().lines().next().unwrap_or_default().to_owned();
                explanation.notes.push(format!(
                    "the change log of {} is not shown: {why}",
                    world.directory.bot_label(&bot)
                ));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The bot that is asked about, else those of the answer.
fn bots(explanation: &Explanation, asked: Option<&BotRef>, world: &World) -> BTreeSet<BotId> {
    let resolve = |bot: &BotRef| match bot {
        BotRef::Id(id) => Some(id.clone()),
        BotRef::Name(name) => world.directory.bots_named(name).next().map(|(id, _)| id.clone()),
    };
    match asked {
        Some(bot) => resolve(bot).into_iter().collect(),
        None => explanation.lines.iter().filter_map(|line| line.fact.key()?.bot().cloned()).collect(),
    }
}

fn notes(bot: &str, entries: &[ChangeLogEntry]) -> Vec<String> {
    if entries.is_empty() {
        return vec![format!("the change log of {bot} is empty")];
    }
    let latest = entries.iter().rev().take(MOST_ENTRIES);
    let shown = latest.map(|ChangeLogEntry { at, actor, message }| {
        let at = at.map_or_else(|| "at an unknown time".to_owned(), |at| at.to_string());
        let actor = actor.as_deref().unwrap_or("an unknown user");
        format!("change log of {bot}: {at}, {actor}: {message}")
    });
    let mut notes: Vec<String> = shown.collect();
    if entries.len() > notes.len() {
        notes.push(format!(
            "change log of {bot}: {} older entries are not shown",
            entries.len() - notes.len()
        ));
    }
    notes
}
