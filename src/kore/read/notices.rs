//! Small reads beside the world: whether something has changed.

use super::super::gateway::{Call, Tally};
use super::super::wire::{Text, parse};
use super::super::{Endpoint, KoreError};
use super::Reader;
use crate::facts::Email;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeSet;

/// One entry of the audit log (kore-api 2.18). Descriptions hold names and addresses: not for metrics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEvent {
    /// Opaque; the next poll starts behind it.
    pub id: String,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// Event name, such as `Users Added to Group`.
    pub name: String,
    /// Category as the platform words it.
    pub category: String,
    /// What happened, in the platform's words.
    pub description: String,
}

impl AuditEvent {
    /// Addresses in its description: of whom it is about, or of who did it.
    pub fn people(&self) -> BTreeSet<Email> {
        let is_part = |c: char| c.is_alphanumeric() || "@._%+-'".contains(c);
        let words = self.description.split(|c: char| !is_part(c));
        let words = words.map(|word| word.trim_matches(['.', '\'', '-']));
        words.filter_map(|word| Email::parse(word).ok()).collect()
    }
}

/// A page of the audit log; its order is undocumented.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AuditPage {
    /// Entries as they came.
    pub events: Vec<AuditEvent>,
    /// Whether the platform says that there are more.
    pub has_more: bool,
    /// How many entries the platform says there are in all.
    pub total: Option<u64>,
}

impl Reader {
    /// One page of the audit log, in one call: up to 100 entries behind that id, or the newest page by the platform's
    /// order. A hint that something happened, never a proof that nothing did.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub async fn audit_log(&self, fetch_after: Option<&str>) -> Result<AuditPage, KoreError> {
        #[derive(Deserialize)]
        struct AuditPageWire {
            #[serde(default)]
            auditlogs: Vec<AuditEntryWire>,
            #[serde(default, rename = "moreAvailable", deserialize_with = "super::super::wire::flag")]
            more_available: Option<bool>,
            #[serde(default, deserialize_with = "super::super::wire::count")]
            total: Option<u64>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct AuditEntryWire {
            #[serde(rename = "AuditLogId")]
            id: Text,
            #[serde(rename = "timestampValue", deserialize_with = "super::super::wire::count")]
            timestamp: Option<u64>,
            #[serde(rename = "Name")]
            name: Text,
            #[serde(rename = "Category")]
            category: Text,
            #[serde(rename = "Description")]
            description: Text,
        }
        let endpoint = Endpoint::AuditLogs;
        let mut call = Call::new(endpoint).query("size", 100).query("offset", 0);
        if let Some(id) = fetch_after {
            call = call.query("fetchAfter", id);
        }
        let body = self.gateway.read(&call, &Tally::default()).await?;
        let wire: AuditPageWire = parse(&body).map_err(|why| self.gateway.misread(endpoint, why, &body))?;
        let event = |entry: AuditEntryWire| {
            let AuditEntryWire { id, timestamp, name, category, description } = entry;
            let at = timestamp.and_then(|ms| Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok());
            let text = |text: Text| text.into_string().unwrap_or_default();
            let (name, category) = (text(name), text(category));
            AuditEvent { id: text(id), at, name, category, description: text(description) }
        };
        Ok(AuditPage {
            events: wire.auditlogs.into_iter().map(event).collect(),
            has_more: wire.more_available == Some(true),
            total: wire.total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(description: &str) -> Vec<String> {
        let event = AuditEvent {
            id: "1".to_owned(),
            at: None,
            name: String::new(),
            category: String::new(),
            description: description.to_owned(),
        };
        event.people().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_event_names_the_people_whose_addresses_are_in_its_text() {
        assert_eq!(people("role Bot Tester deleted for sam.roe@example.com"), ["sam.roe@example.com"]);
        assert_eq!(
            people("User Jane <jane@example.com>, by (m1@example.com)."),
            ["jane@example.com", "m1@example.com"]
        );
        assert_eq!(people("bot Banking approved @ 10:00"), [""; 0]);
        assert_eq!(people("User logged out at Sat Jan 04 2020 from 127.0.0.1 via web"), [""; 0]);
    }
}
