//! What manifests say about the facts of a picture: which of them are declared, where, until when, and why.

use crate::facts::{
    BotId, BotRef, Desired, Directory, GrantTerms, Key, RuleSet, Source, Value, Verdict, World,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// One declared fact.
#[derive(Clone, Debug)]
pub(super) struct KnownFact {
    pub(super) key: Key,
    pub(super) value: Value,
    pub(super) sources: Vec<Source>,
    pub(super) until: Option<Timestamp>,
    pub(super) terms: GrantTerms,
}

/// A bot, as rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownBot {
    pub(super) label: String,
    pub(super) status: String,
}

/// What is declared, and what the account calls its bots.
#[derive(Default)]
pub struct Known {
    facts: Vec<KnownFact>,
    by_key: HashMap<Key, usize>,
    pub(super) bots: BTreeMap<BotId, KnownBot>,
    /// Whether facts are those of an account, and not of its declaration alone.
    pub(super) is_observed: bool,
}

impl Known {
    /// Of the declaration alone: bots are named as manifests name them.
    pub fn declared(desired: &Desired, set: &RuleSet) -> Self {
        let name = |bot: BotRef| match bot {
            BotRef::Id(id) => id,
            BotRef::Name(name) => BotId::new(name.as_str()),
        };
        Self::new(desired, set, name)
    }

    /// Beside an account that was read: a bot's name means the bot that has it.
    pub fn observed(desired: &Desired, set: &RuleSet, world: &World) -> Self {
        let Directory { bots, .. } = &world.directory;
        let mut by_name: HashMap<&str, Vec<&BotId>> = HashMap::new();
        for (id, entry) in bots {
            by_name.entry(entry.name.as_str()).or_default().push(id);
        }
        let name = |bot: BotRef| match bot {
            BotRef::Id(id) => id,
            BotRef::Name(name) => match by_name.get(name.as_str()).map(Vec::as_slice) {
                Some([only]) => (*only).clone(),
                _ => BotId::new(name.as_str()),
            },
        };
        let mut known = Self::new(desired, set, name);
        known.is_observed = true;
        known.bots.extend(bots.iter().map(|(id, entry)| {
            let bot = KnownBot { label: entry.name.to_string(), status: entry.status.clone() };
            (id.clone(), bot)
        }));
        known
    }

    fn new(desired: &Desired, set: &RuleSet, mut name: impl FnMut(BotRef) -> BotId) -> Self {
        let mut known = Self::default();
        let mut terms: HashMap<&Key<BotRef>, &GrantTerms> = HashMap::new();
        terms.extend(set.terms.iter().map(|(key, terms)| (key, terms)));
        for (key, want) in &desired.wants {
            let Verdict::Present(value) = &want.verdict else { continue };
            let Some(resolved) = key.clone().with_bot(|bot| Some(name(bot))) else { continue };
            if let Some(bot) = resolved.bot() {
                let named = || KnownBot { label: bot.to_string(), status: String::new() };
                known.bots.entry(bot.clone()).or_insert_with(named);
            }
            known.by_key.insert(resolved.clone(), known.facts.len());
            known.facts.push(KnownFact {
                key: resolved,
                value: value.clone(),
                sources: want.sources.clone(),
                until: want.until,
                terms: terms.get(key).map(|terms| (*terms).clone()).unwrap_or_default(),
            });
        }
        known
    }

    /// The declared facts as a picture takes them.
    pub fn facts(&self) -> Vec<(&Key, &Value)> {
        self.facts.iter().map(|fact| (&fact.key, &fact.value)).collect()
    }

    /// What is declared of one fact.
    pub(super) fn find(&self, key: &Key) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    pub(super) fn fact(&self, at: usize) -> &KnownFact {
        &self.facts[at]
    }

    /// The lines that declare a fact.
    pub(super) fn sources(&self, key: &Key) -> &[Source] {
        self.find(key).map_or(&[], |at| &self.facts[at].sources)
    }

    /// A fact for people, with its bot by name.
    pub(super) fn named(&self, key: &Key) -> String {
        let named = key.clone().with_bot(|bot| Some(self.bot_label(&bot).to_owned()));
        named.map_or_else(|| key.to_string(), |key| key.to_string())
    }

    /// A bot's name for people.
    pub(super) fn bot_label<'a>(&'a self, bot: &'a BotId) -> &'a str {
        self.bots.get(bot).map_or(bot.as_str(), |known| known.label.as_str())
    }
}
