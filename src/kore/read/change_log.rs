//! The change log of one bot (kore-api 2.18b): who did what. On demand only, never on each read.

use super::super::gateway::{Call, Tally};
use super::super::wire::{Text, parse, text_of};
use super::super::{Endpoint, KoreError};
use super::Reader;
use crate::facts::BotId;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashSet;

/// The documented maximum.
const PAGE: usize = 50;
/// A log grows for ever.
const MOST_PAGES: usize = 10;

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeLogEntry {
    /// When it happened.
    pub at: Option<Timestamp>,
    /// Who did it: an address, else an id. Some entries name nobody.
    pub actor: Option<String>,
    /// What happened, in the platform's words.
    pub message: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct EntryWire {
    #[serde(rename = "_id")]
    id: Text,
    user_id: Value,
    message: Text,
    created_on: Text,
}

impl Reader {
    /// The change log of a bot, oldest first: up to 500 entries, in one call for each 50.
    ///
    /// # Errors
    /// As [`Reader::read`]; the scope is often not granted.
    pub async fn change_log(&self, bot: &BotId) -> Result<Vec<ChangeLogEntry>, KoreError> {
        let endpoint = Endpoint::ChangeLogs;
        let (mut entries, mut ids) = (Vec::new(), HashSet::new());
        for page in 0..MOST_PAGES {
            let mut call = Call::new(endpoint).query("offset", page).query("limit", PAGE);
            call.bot = Some(bot.clone());
            let body = self.gateway.read(&call, &Tally::default()).await?;
            let wire: Vec<EntryWire> =
                parse(&body).map_err(|why| self.gateway.misread(endpoint, why, &body))?;
            let (came, known) = (wire.len(), ids.len());
            for entry in wire {
                if entry.id.get().is_none_or(|id| ids.insert(id.to_owned())) {
                    entries.push(read(entry));
                }
            }
            if came < PAGE || ids.len() == known {
                break;
            }
        }
        // The order is not documented (section 4, row 52).
        entries.sort_by_key(|entry| entry.at);
        Ok(entries)
    }
}

fn read(wire: EntryWire) -> ChangeLogEntry {
    let EntryWire { id: _, user_id, message, created_on } = wire;
    let of = |key: &str| user_id.get(key).and_then(text_of).filter(|text| !text.is_empty());
    ChangeLogEntry {
        at: created_on.get().and_then(|text| text.parse().ok()),
        actor: of("emailId").or_else(|| of("_id")).or_else(|| of("id")).or_else(|| text_of(&user_id)),
        message: message.into_string().unwrap_or_default(),
    }
}
