//! What a plan has to know about the manifests besides what they want: the commit they are, and what exists on disk and
//! is not loaded.

use super::{CliError, revision};
use crate::facts::{BotRef, Desired, Key, Location, Verdict, Want};
use crate::manifest::{self, Compiled, Input, Manifests, load, sources};
use crate::plan::{Declaration, Memory, Revision};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the command line says about the manifests as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// What is loaded is everything (`--complete`).
    pub is_whole: bool,
    /// They may be older than what was applied last (`--rewind`).
    pub is_rewind: bool,
}

/// The manifests of one account, as the memory needs to know them.
pub(super) fn collect(
    manifests: &Manifests,
    compiled: &Compiled,
    memory: &Memory,
    extent: Extent,
    now: Timestamp,
) -> Result<Declaration, CliError> {
    let Extent { is_whole, is_rewind } = extent;
    let file = account_file(manifests, compiled);
    let revision = file.as_deref().map_or_else(
        || Revision { at: now, commit: None },
        |file| revision::head(revision::folder_of(file), now),
    );
    let mut declaration = Declaration {
        newer: if is_rewind { BTreeSet::new() } else { newer(file.as_deref(), compiled, memory, &revision)? },
        revision,
        objects: compiled.objects.clone(),
        is_whole,
        ..Declaration::default()
    };
    if memory.facts.is_empty() || is_whole {
        return Ok(declaration);
    }
    if let Some(file) = &file {
        add_not_loaded(&mut declaration, file, manifests, compiled, now);
        add_hidden(&mut declaration, memory, manifests);
    } else {
        let remembered = memory.facts.iter().flat_map(|(_, fact)| &fact.objects);
        let place = || "the manifest that standard input leaves out".to_owned();
        declaration.not_loaded = remembered.map(|declaring| (declaring.object.clone(), place())).collect();
    }
    Ok(declaration)
}

/// Whose manifests these are; nothing where they came by standard input.
pub(super) fn name(manifests: &Manifests, compiled: &Compiled) -> Option<String> {
    account_file(manifests, compiled).map(|file| revision::declaration(&file))
}

/// The folder of the account's file.
pub(super) fn folder(manifests: &Manifests, compiled: &Compiled) -> Option<PathBuf> {
    account_file(manifests, compiled).map(|file| revision::folder_of(&file).to_path_buf())
}

fn account_file(manifests: &Manifests, compiled: &Compiled) -> Option<PathBuf> {
    let account = manifests.accounts().into_iter().find(|account| account.name == compiled.account.name)?;
    let file = account.file().filter(|file| ***file != *load::STDIN)?;
    Some(PathBuf::from(&**file))
}

/// Commits that declared what these manifests do not, and that they do not contain.
fn newer(
    file: Option<&Path>,
    compiled: &Compiled,
    memory: &Memory,
    revision: &Revision,
) -> Result<BTreeSet<String>, CliError> {
    let (Some(file), Some(head)) = (file, &revision.commit) else { return Ok(BTreeSet::new()) };
    let undeclared = memory.facts.iter().filter(|(key, _)| !declares(&compiled.desired, key, memory));
    let commits = undeclared.filter_map(|(_, fact)| fact.since.commit.clone());
    let commits: BTreeSet<String> = commits.filter(|commit| commit != head).collect();
    if commits.is_empty() {
        return Ok(commits);
    }
    revision::not_contained(revision::folder_of(file), &commits)
}

/// Whether manifests declare a remembered fact present: with its bot by id, or by the name that it had.
fn declares(desired: &Desired, key: &Key, memory: &Memory) -> bool {
    let by_id = key.clone().with_bot(|bot| Some(BotRef::Id(bot)));
    let by_name = key.clone().with_bot(|bot| memory.bots.get(&bot).cloned().map(BotRef::Name));
    let is_present =
        |key: Key<BotRef>| desired.find(&key).is_some_and(|want| matches!(want.verdict, Verdict::Present(_)));
    by_id.is_some_and(is_present) || by_name.is_some_and(is_present)
}

/// Finds the manifests below the account's folder that are not loaded, and what they declare. A folder below with an
/// account of its own is not ours.
fn add_not_loaded(
    declaration: &mut Declaration,
    file: &Path,
    manifests: &Manifests,
    compiled: &Compiled,
    now: Timestamp,
) {
    let folder = revision::folder_of(file);
    let rest = load::not_loaded(folder, manifests.texts());
    let foreign: Vec<PathBuf> = manifest::read(rest.clone())
        .accounts()
        .into_iter()
        .filter_map(|account| Some(revision::folder_of(Path::new(&**account.file()?)).to_path_buf()))
        .filter(|other| other != folder)
        .collect();
    let is_foreign = |input: &Input| foreign.iter().any(|folder| Path::new(&input.path).starts_with(folder));
    let rest: Vec<Input> = rest.into_iter().filter(|input| !is_foreign(input)).collect();
    let others = manifests.all().iter().filter(|object| !compiled.objects.contains(&object.object_ref()));
    let place = |object: &manifest::Manifest| match (object.file(), object.account()) {
        (Some(file), Some(account)) if *account != *compiled.account.name => {
            format!("{file} for the account {account}")
        }
        (Some(file), _) => file.strip_prefix("./").unwrap_or(file).to_owned(),
        (None, _) => "another place".to_owned(),
    };
    declaration.not_loaded = others.map(|object| (object.object_ref(), place(object))).collect();
    if rest.is_empty() {
        return;
    }
    let loaded = manifests.inputs();
    let all = manifest::read(loaded.chain(rest).collect());
    let unloaded = all.all().iter().filter(|object| !compiled.objects.contains(&object.object_ref()));
    declaration.not_loaded.extend(unloaded.map(|object| (object.object_ref(), place(object))));
    if let Ok(whole) = manifest::compile(&all, Some(&compiled.account.name), now) {
        declaration.elsewhere = undeclared_of(whole.desired.wants, &compiled.desired.wants);
    }
}

/// Finds the files that declared something remembered, are still there, and hold no manifest any more, whatever `sources`
/// names. What a file declared that is gone goes with it.
fn add_hidden(declaration: &mut Declaration, memory: &Memory, manifests: &Manifests) {
    let loaded: BTreeSet<&str> =
        manifests.all().iter().filter_map(|object| Some(&**object.file()?)).collect();
    let mut hidden: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for (_, fact) in &memory.facts {
        for source in &fact.sources {
            let Location::File { file, .. } = &source.place else { continue };
            let hides = || if loaded.contains(&**file) { None } else { sources::hides(file) };
            let Some(why) = hidden.entry(file).or_insert_with(hides) else { continue };
            for declaring in &fact.objects {
                if !declaration.objects.contains(&declaring.object) {
                    let place = || format!("{file}: {why}");
                    declaration.not_loaded.entry(declaring.object.clone()).or_insert_with(place);
                }
            }
        }
    }
}

/// What the first want present and the second do not.
fn undeclared_of(
    whole: Vec<(Key<BotRef>, Want)>,
    loaded: &[(Key<BotRef>, Want)],
) -> Vec<(Key<BotRef>, Want)> {
    let loaded: BTreeMap<&Key<BotRef>, &Want> = loaded.iter().map(|(key, want)| (key, want)).collect();
    let is_present = |want: &Want| matches!(want.verdict, Verdict::Present(_));
    whole
        .into_iter()
        .filter(|(key, want)| is_present(want) && loaded.get(key).is_none_or(|want| !is_present(want)))
        .collect()
}
