//! What manifests say about the facts of a picture: which of them are declared, where, until when, and why.

use crate::facts::{
    BotId, BotRef, Desired, Directory, GrantTerms, Key, RuleObject, RuleSet, Source, Value, Verdict, Want,
    World,
};
use crate::plan::{AccountNames, Memory};
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

impl KnownFact {
    fn declare_again(&mut self, want: &Want, terms: GrantTerms) {
        self.sources.extend(want.sources.iter().cloned());
        self.sources.sort();
        self.sources.dedup();
        // It ends when the last of its lines ends.
        self.until = self.until.zip(want.until).map(|(one, other)| one.max(other));
        self.terms.reason = self.terms.reason.take().or(terms.reason);
        self.terms.ticket = self.terms.ticket.take().or(terms.ticket);
    }
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
    /// Since when facts have been held, as far as it is remembered.
    since: HashMap<Key, Timestamp>,
    /// What rules over objects look at: offline only.
    pub(super) objects: Vec<RuleObject>,
    /// Whether facts are those of an account, and not of its declaration alone.
    pub(super) is_observed: bool,
}

impl Known {
    /// Of the declaration alone: bots are named as manifests name them.
    pub fn declared(desired: &Desired, set: &RuleSet) -> Self {
        let names = AccountNames::new(&Directory::default());
        Self { objects: set.objects.clone(), ..Self::new(desired, set, &names) }
    }

    /// Of the objects alone.
    pub(super) fn of_objects(set: &RuleSet) -> Self {
        Self { objects: set.objects.clone(), ..Self::default() }
    }

    /// Beside an account that was read: a name means what has it there, as plans compare names.
    pub fn observed(desired: &Desired, set: &RuleSet, world: &World) -> Self {
        let Directory { bots, .. } = &world.directory;
        let mut known = Self::new(desired, set, &AccountNames::new(&world.directory));
        known.is_observed = true;
        known.bots.extend(bots.iter().map(|(id, entry)| {
            let bot = KnownBot { label: entry.name.to_string(), status: entry.status.clone() };
            (id.clone(), bot)
        }));
        known
    }

    fn new(desired: &Desired, set: &RuleSet, names: &AccountNames) -> Self {
        let mut known = Self::default();
        let mut terms: HashMap<&Key<BotRef>, &GrantTerms> = HashMap::new();
        terms.extend(set.terms.iter().map(|(key, terms)| (key, terms)));
        for (key, want) in &desired.wants {
            let Verdict::Present(value) = &want.verdict else { continue };
            let Some(resolved) = names.as_there(key.clone()) else { continue };
            let terms = terms.get(key).map(|terms| (*terms).clone()).unwrap_or_default();
            if let Some(bot) = resolved.bot() {
                let unlisted = || KnownBot { label: bot.to_string(), status: String::new() };
                known.bots.entry(bot.clone()).or_insert_with(unlisted);
            }
            // Two ways to write one name are one fact.
            if let Some(at) = known.find(&resolved) {
                known.facts[at].declare_again(want, terms);
                continue;
            }
            known.by_key.insert(resolved.clone(), known.facts.len());
            known.facts.push(KnownFact {
                key: resolved,
                value: value.clone(),
                sources: want.sources.clone(),
                until: want.until,
                terms,
            });
        }
        known
    }

    /// With what earlier runs remember of the facts: those that a read has shown.
    #[must_use]
    pub fn remembering(mut self, memory: &Memory) -> Self {
        let shown = memory.facts.iter().filter(|(_, fact)| fact.read_back.is_some());
        self.since = shown.map(|(key, fact)| (key.clone(), fact.since.at)).collect();
        self
    }

    /// Since when a fact has been held.
    pub(super) fn since(&self, key: &Key) -> Option<Timestamp> {
        self.since.get(key).copied()
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
