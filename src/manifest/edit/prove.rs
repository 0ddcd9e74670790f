//! What is proved of an edit before it may be written, from the texts alone.
//!
//! 1. The new texts are valid manifests.
//! 2. What they declare differs by exactly the intended facts, and no list of holders changes its kind.
//! 3. Every line outside the edited ones is as it was.
//!
//! A fourth proof, that no policy is newly violated, needs a room that this one does not know: whoever calls [`prove`]
//! makes it, of what the new texts declare.

use super::splice::is_same_outside;
use super::{Declared, Edited, FileEdit};
use crate::facts::{BotId, BotRef, Closure, Key, ScopeExtent, World};
use crate::manifest::check;
use crate::manifest::compile::{Compiled, compile};
use crate::manifest::load::{Input, Loaded};
use crate::manifest::model::Manifests;
use crate::manifest::write::names::KnownNames;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most differences that are told.
const SHOWN: usize = 10;

/// Proves the edit, and gives what the new texts declare; `Err` says what does not hold.
pub fn prove(
    manifests: &Manifests,
    compiled: &Compiled,
    edited: &Edited,
    world: &World,
    now: Timestamp,
) -> Result<Compiled, Vec<String>> {
    let mut problems: Vec<String> = edited.files.iter().filter_map(changes_more).collect();
    let after = check::check(loaded(manifests, edited));
    problems.extend(
        after
            .findings()
            .iter()
            .filter(|finding| finding.is_error())
            .map(|finding| format!("the new text is not valid: {}: {}", finding.spot, finding.message)),
    );
    if !problems.is_empty() {
        problems.truncate(SHOWN);
        return Err(problems);
    }
    let account = &compiled.account.name;
    let after = compile(&after, Some(account.as_ref()), now).map_err(|error| vec![error.to_string()])?;
    problems.extend(
        after
            .findings
            .iter()
            .filter(|finding| finding.is_error())
            .map(|finding| format!("the new text is not valid: {}: {}", finding.spot, finding.message)),
    );
    problems.extend(differences(compiled, &after, edited, world));
    problems.truncate(SHOWN);
    if problems.is_empty() { Ok(after) } else { Err(problems) }
}

/// All texts as they would be.
fn loaded(manifests: &Manifests, edited: &Edited) -> Loaded {
    let changed: BTreeMap<&str, &FileEdit> = edited.files.iter().map(|file| (&*file.file, file)).collect();
    let kept = manifests.inputs().filter(|input| !changed.contains_key(input.path.as_str()));
    let new = edited.files.iter().filter_map(|file| Some(Input::new(&*file.file, file.after.as_deref()?)));
    Loaded::from(kept.chain(new).collect::<Vec<_>>())
}

fn changes_more(edit: &FileEdit) -> Option<String> {
    let FileEdit { file, before, after, splices } = edit;
    let (Some(before), Some(after)) = (before, after) else { return None };
    (!is_same_outside(before, after, splices))
        .then(|| format!("{file}: lines outside the edited ones would change"))
}

/// Declared facts, with bots by id where the account has exactly one of the name.
pub(super) fn declared(compiled: &Compiled, known: &KnownNames<'_>) -> BTreeMap<Key, Declared> {
    let wants = compiled.desired.wants.iter();
    let known_bots = wants.filter_map(|(key, want)| {
        let key = key.clone().with_bot(|bot| bot_id(&bot, known))?;
        Some((key, Some((want.verdict.clone(), want.until))))
    });
    known_bots.collect()
}

fn bot_id(bot: &BotRef, known: &KnownNames<'_>) -> Option<BotId> {
    match bot {
        BotRef::Id(id) => Some(id.clone()),
        BotRef::Name(name) => known.bot_named(name.as_str()),
    }
}

/// Facts about bots that the account does not have: nothing may change about them.
fn unresolved<'c>(compiled: &'c Compiled, known: &KnownNames<'_>) -> BTreeMap<&'c Key<BotRef>, String> {
    let wants = compiled.desired.wants.iter();
    let is_unknown = |key: &Key<BotRef>| key.bot().is_some_and(|bot| bot_id(bot, known).is_none());
    wants
        .filter(|(key, _)| is_unknown(key))
        .map(|(key, want)| (key, format!("{:?} {:?}", want.verdict, want.until)))
        .collect()
}

fn differences(before: &Compiled, after: &Compiled, edited: &Edited, world: &World) -> Vec<String> {
    let known = KnownNames::new(&world.directory, &world.coverage);
    let (old, new) = (declared(before, &known), declared(after, &known));
    let mut problems = Vec::new();
    let keys: BTreeSet<&Key> = old.keys().chain(new.keys()).chain(edited.expected.keys()).collect();
    for key in keys {
        let found = new.get(key).cloned().flatten();
        let wanted = match edited.expected.get(key) {
            Some(expected) => expected.clone(),
            None => old.get(key).cloned().flatten(),
        };
        if found != wanted {
            let intended = if edited.expected.contains_key(key) { "as intended" } else { "as it was" };
            problems.push(format!("what is declared about {key} would not be {intended}"));
        }
    }
    let gone = |key: &Key<BotRef>| {
        key.email().is_some_and(|email| edited.expected.get(&Key::Member(email.clone())) == Some(&None))
    };
    let (mut old, mut new) = (unresolved(before, &known), unresolved(after, &known));
    old.retain(|key, _| !gone(key));
    new.retain(|key, _| !gone(key));
    if old != new {
        problems.push("what is declared about a bot that the account does not have would change".to_owned());
    }
    let (old, new) = (lists(before), lists(after));
    if let Some((extent, _)) = old.iter().find(|list| !new.contains(*list)) {
        problems.push(format!("a list would change its kind: {extent:?}"));
    }
    if let Some((extent, _)) = new.iter().find(|list| list.1 && !old.contains(*list)) {
        problems.push(format!("a list would become authoritative: {extent:?}"));
    }
    problems
}

/// Lists of holders, and whether they are authoritative.
fn lists(compiled: &Compiled) -> BTreeSet<(&ScopeExtent<BotRef>, bool)> {
    compiled.desired.scopes.iter().map(|scope| (&scope.extent, scope.closure != Closure::Additive)).collect()
}

impl FileEdit {
    /// The path.
    pub fn path(&self) -> &Arc<str> {
        &self.file
    }
}
