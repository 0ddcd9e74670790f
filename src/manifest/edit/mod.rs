//! Facts of the account, written down: what `adopt` does to manifests that people have written.
//!
//! ```text
//! Manifests + World + adoptions ──edit──► Edited { files, by hand } ──prove──► Ok, or why it may not be written
//! ```
//!
//! Edits are byte ranges of the texts, found through the positioned tree: a new item stands behind the last one of its
//! list in that one's style, an item that goes takes its comments along, and everything else keeps its bytes. Nothing is
//! serialised again. What no edit can say is left to a person, with the place and the lines. In: what was read, as
//! values. Out: texts; no disk and no clock.

mod document;
mod files;
mod fresh;
pub(super) mod layout;
mod mapping;
mod place;
mod planner;
mod prove;
mod sequence;
pub(super) mod splice;

pub use prove::prove;

use super::compile::{Compiled, objects_of};
use super::kinds::Kind;
use super::model::{Manifest, Manifests};
use super::write::names::KnownNames;
use crate::facts::{Email, Key, Value, Verdict, World};
use files::Files;
use jiff::Timestamp;
use place::Places;
use planner::{Planned, Planner, Refusal};
use splice::Splice;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What manifests say of one fact, and when a grant ends; nothing: they do not mention it.
pub type Declared = Option<(Verdict, Option<Timestamp>)>;

/// A fact, and what the manifests are to say of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Adoption {
    /// Which fact.
    pub key: Key,
    /// As what.
    pub stance: Stance,
}

/// What the manifests are to say of a fact.
#[derive(Clone, PartialEq, Debug)]
pub enum Stance {
    /// It holds, as it was observed.
    Present {
        /// The observed value.
        value: Value,
        /// When a grant ends.
        until: Option<Timestamp>,
        /// Why it is granted.
        reason: Option<String>,
    },
    /// It is not there any more.
    Gone,
}

/// What the edits come to.
#[derive(Clone, Debug, Default)]
pub struct Edited {
    /// Files that change, by path.
    pub files: Vec<FileEdit>,
    /// Facts that are written down, each with the place.
    pub written: Vec<Written>,
    /// Facts that are left to a person.
    pub by_hand: Vec<ByHand>,
    expected: BTreeMap<Key, Declared>,
}

/// A file that changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileEdit {
    /// Its path, as it was given.
    pub file: Arc<str>,
    /// Its text; nothing, if it is new.
    pub before: Option<Arc<str>>,
    /// Its new text; nothing, if it goes because its last document does.
    pub after: Option<String>,
    splices: Vec<Splice>,
}

/// A fact that is written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Which one.
    pub key: Key,
    /// Files in which something is written about it.
    pub files: Vec<Arc<str>>,
}

/// A fact that is left to a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ByHand {
    /// Which one.
    pub key: Key,
    /// The file and line, where one is known.
    pub place: Option<String>,
    /// Why.
    pub why: String,
    /// Lines to write there.
    pub lines: Vec<String>,
}

/// Edits the manifests so that they say what was adopted.
pub fn edit(manifests: &Manifests, compiled: &Compiled, world: &World, adoptions: &[Adoption]) -> Edited {
    let known = KnownNames::new(&world.directory, &world.coverage);
    let account = manifests.accounts().into_iter().find(|account| account.name == compiled.account.name);
    let Some(account) = account else { return Edited::default() };
    let objects = objects_of(manifests, account);
    let places = Places::new(manifests.all(), objects, &known);
    let before = prove::declared(compiled, &known);
    let is_joining = |adoption: &&Adoption| matches!(adoption.stance, Stance::Present { .. });
    let joining: BTreeSet<Email> = adoptions
        .iter()
        .filter(is_joining)
        .filter_map(|adoption| match &adoption.key {
            Key::Member(email) => Some(email.clone()),
            _ => None,
        })
        .collect();
    // Whatever cannot be edited is taken out as a whole, and the rest is edited again without it.
    let mut refused: BTreeMap<usize, (Refusal, Option<String>)> = BTreeMap::new();
    let planner_of = || Planner {
        places: &places,
        known: &known,
        world,
        before: &before,
        joining: joining.clone(),
        planned: Planned::default(),
    };
    let files = Files { manifests, account, places: &places, world };
    loop {
        let mut decider = planner_of();
        let rest = adoptions.iter().enumerate().filter(|(number, _)| !refused.contains_key(number));
        rest.for_each(|(number, adoption)| decider.take(number, adoption));
        let mut planned = decider.planned;
        for (number, refusal) in std::mem::take(&mut planned.refused) {
            let place = refusal.object.map(|object| places.objects[object].source("").to_string());
            refused.insert(number, (refusal, place));
        }
        match files.render(&planned) {
            Ok(rendered) => return edited(adoptions, planned, rendered, &refused),
            Err(failed) => {
                let is_alone = |number: usize| fails_alone(&planner_of, &files, &adoptions[number]);
                for (number, why, place) in to_blame(failed, is_alone) {
                    let refusal = Refusal { object: None, why, lines: lines_of(&adoptions[number]) };
                    refused.insert(number, (refusal, place));
                }
            }
        }
    }
}

/// Of facts that cannot be edited together those that cannot be edited by themselves; all, if that is none of them.
fn to_blame(failed: files::Failed, is_alone: impl Fn(usize) -> bool) -> files::Failed {
    let alone: BTreeSet<usize> =
        failed.iter().map(|(number, ..)| *number).filter(|number| is_alone(*number)).collect();
    if alone.is_empty() {
        return failed;
    }
    failed.into_iter().filter(|(number, ..)| alone.contains(number)).collect()
}

fn fails_alone<'p, 'm: 'p>(
    planner_of: &impl Fn() -> Planner<'p, 'm>,
    files: &Files<'_, 'm>,
    adoption: &Adoption,
) -> bool {
    let mut planner = planner_of();
    planner.take(0, adoption);
    files.render(&planner.planned).is_err()
}

fn edited(
    adoptions: &[Adoption],
    planned: Planned,
    rendered: files::Rendered,
    refused: &BTreeMap<usize, (Refusal, Option<String>)>,
) -> Edited {
    let files::Rendered { files, mut places } = rendered;
    let by_hand = refused.iter().map(|(number, (refusal, place))| ByHand {
        key: adoptions[*number].key.clone(),
        place: place.clone(),
        why: refusal.why.clone(),
        lines: refusal.lines.clone(),
    });
    let by_hand = by_hand.collect();
    let written = adoptions.iter().enumerate().filter(|(number, _)| !refused.contains_key(number));
    let written = written.map(|(number, adoption)| Written {
        key: adoption.key.clone(),
        files: places.remove(&number).unwrap_or_default().into_iter().collect(),
    });
    Edited { files, written: written.collect(), by_hand, expected: planned.expected }
}

/// What a person would write of a grant.
fn lines_of(adoption: &Adoption) -> Vec<String> {
    match (&adoption.stance, place::grant_of(&adoption.key)) {
        (Stance::Present { until, reason, .. }, Some((_, holder))) => {
            fresh::Grantee { holder, until: *until, reason: reason.clone() }.lines()
        }
        _ => Vec::new(),
    }
}

/// The byte of an object's name in its file.
fn name_of(object: &Manifest) -> u32 {
    object.spot("").span.start
}

/// The page that `import` would write a kind to.
fn page_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Account => "account",
        Kind::User => "people",
        Kind::Team => "teams",
        Kind::GroupMembership => "groups",
        Kind::Role => "roles",
        Kind::RoleBinding => "bindings",
        Kind::BotAssignment => "assignments",
        Kind::Policy | Kind::PolicyException => "policies",
        Kind::Baseline => "baseline",
        Kind::Area => "areas",
    }
}
