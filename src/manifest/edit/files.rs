//! Edits of documents become new texts of files; new documents find the file that holds their like.

use super::document::{DocumentEdit, ParsedFile};
use super::fresh::{NewDocument, Writer};
use super::layout::Unusual;
use super::place::Places;
use super::planner::Planned;
use super::splice::{Splice, apply, in_order};
use super::{FileEdit, name_of, page_of};
use crate::facts::World;
use crate::manifest::kinds::{Kind, Spec};
use crate::manifest::load::STDIN;
use crate::manifest::model::{Manifest, Manifests};
use crate::manifest::sources;
use crate::manifest::write::names::Namer;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// How the line begins that names the schema.
const MODELINE_START: &str = "# yaml-language-server: $schema=";

/// The files of one account, and what they are edited from.
pub(super) struct Files<'f, 'm> {
    pub manifests: &'m Manifests,
    pub account: &'m Manifest,
    pub places: &'f Places<'m>,
    pub world: &'f World,
}

/// New texts, and the files in which each fact is.
#[derive(Default)]
pub(super) struct Rendered {
    pub files: Vec<FileEdit>,
    pub places: BTreeMap<usize, BTreeSet<Arc<str>>>,
}

/// Facts that no edit can say: number, reason, place.
pub(super) type Failed = Vec<(usize, String, Option<String>)>;

/// What happens in one file.
#[derive(Default)]
struct FileWork<'p> {
    edits: Vec<(usize, &'p DocumentEdit, &'p BTreeSet<usize>)>,
    fresh: Vec<NewDocument>,
}

impl FileWork<'_> {
    fn numbers(&self) -> impl Iterator<Item = usize> + '_ {
        let edited = self.edits.iter().flat_map(|(_, _, numbers)| numbers.iter().copied());
        edited.chain(self.fresh.iter().flat_map(|document| document.numbers.iter().copied()))
    }
}

impl<'m> Files<'_, 'm> {
    pub(super) fn render(&self, planned: &Planned) -> Result<Rendered, Failed> {
        let mut work: BTreeMap<Arc<str>, FileWork<'_>> = BTreeMap::new();
        let mut failed = Failed::new();
        for (object, (edit, numbers)) in &planned.edits {
            match self.places.objects[*object].file() {
                Some(file) if &**file != STDIN => {
                    work.entry(Arc::clone(file)).or_default().edits.push((*object, edit, numbers));
                }
                _ => failed.extend(numbers.iter().map(|number| {
                    (*number, "it is declared on standard input, which cannot be edited".to_owned(), None)
                })),
            }
        }
        let shrinking: BTreeSet<Arc<str>> = work
            .iter()
            .filter(|(_, work)| work.edits.iter().any(|(_, edit, _)| edit.is_removed))
            .map(|(file, _)| Arc::clone(file))
            .collect();
        let mut writer = Writer { world: self.world, naming: self.naming(), account: self.account_name() };
        for document in writer.write(&planned.fresh) {
            let file = self.home(document.kind, &document.name, &shrinking);
            work.entry(file).or_default().fresh.push(document);
        }
        let mut rendered = Rendered::default();
        for (file, work) in &work {
            match self.file(file, work) {
                Ok(edit) => rendered.files.push(edit),
                Err(more) => failed.extend(more),
            }
            for number in work.numbers() {
                rendered.places.entry(number).or_default().insert(Arc::clone(file));
            }
        }
        if failed.is_empty() { Ok(rendered) } else { Err(failed) }
    }

    fn naming(&self) -> Namer {
        let names = self.manifests.all().iter().map(|object| (object.kind(), object.name.to_string()));
        Namer::new(names.collect())
    }

    fn account_name(&self) -> Option<String> {
        (self.manifests.accounts().len() > 1).then(|| self.account.name.to_string())
    }

    fn file(&self, file: &Arc<str>, work: &FileWork<'_>) -> Result<FileEdit, Failed> {
        let Some(text) = self.manifests.original(file) else {
            let documents: String = work.fresh.iter().map(|document| document.text.as_str()).collect();
            let after = self.modeline_of(file) + &documents;
            return Ok(FileEdit {
                file: Arc::clone(file),
                before: None,
                after: Some(after),
                splices: Vec::new(),
            });
        };
        let parsed = ParsedFile::new(file, text);
        let mut splices = Vec::new();
        let mut failed = Failed::new();
        let mut fail = |numbers: &BTreeSet<usize>, why: &str, line: usize| {
            let place = format!("{file}:{line}");
            failed.extend(numbers.iter().map(|number| (*number, why.to_owned(), Some(place.clone()))));
        };
        for (object, edit, numbers) in work.edits.iter().filter(|(_, edit, _)| !edit.is_removed) {
            match parsed.edit(name_of(self.places.objects[*object]), edit) {
                Ok(more) => splices.extend(more),
                Err(Unusual { at, why }) => fail(numbers, why, parsed.line(at)),
            }
        }
        let removed: Vec<_> = work.edits.iter().filter(|(_, edit, _)| edit.is_removed).collect();
        let names: Vec<u32> =
            removed.iter().map(|(object, ..)| name_of(self.places.objects[*object])).collect();
        let all: BTreeSet<usize> =
            removed.iter().flat_map(|(_, _, numbers)| numbers.iter().copied()).collect();
        let mut is_gone = false;
        if !names.is_empty() {
            match parsed.remove(&names) {
                Ok(Some(more)) => splices.extend(more),
                Ok(None) if self.is_needed(file) => {
                    fail(&all, "its file would be empty, and sources names that file alone", 1);
                }
                Ok(None) => is_gone = true,
                Err(Unusual { at, why }) => fail(&all, why, parsed.line(at)),
            }
        }
        if !failed.is_empty() {
            return Err(failed);
        }
        if !work.fresh.is_empty() {
            let documents: String = work.fresh.iter().map(|document| document.text.as_str()).collect();
            splices.push(parsed.append(&documents));
        }
        applied(file, text, splices, is_gone, work)
    }

    /// The line for editors, as another file of the same folder has it.
    fn modeline_of(&self, file: &str) -> String {
        let folder = Path::new(file).parent();
        let texts = self.manifests.texts();
        let beside = texts.files().filter(|other| Path::new(other).parent() == folder);
        let line = beside
            .filter_map(|other| texts.get(other)?.lines().next())
            .find(|line| line.starts_with(MODELINE_START));
        line.map_or(String::new(), |line| format!("{}\n", line.trim_end()))
    }

    fn sources(&self) -> &'m [String] {
        match &self.account.spec {
            Spec::Account(spec) => &spec.sources,
            _ => &[],
        }
    }

    /// Whether `sources` names a file by a line that matches no other.
    fn is_needed(&self, file: &str) -> bool {
        let Some(account) = self.account.file() else { return false };
        let others = || self.manifests.texts().files().filter(|other| *other != file);
        self.sources().iter().any(|source| {
            sources::names(account, source, file)
                && !others().any(|other| sources::names(account, source, other))
        })
    }

    fn is_covered(&self, file: &str) -> bool {
        let Some(account) = self.account.file() else { return true };
        let lines = self.sources();
        lines.is_empty() || lines.iter().any(|source| sources::names(account, source, file))
    }

    /// The file for a new document: the one with most of its kind; a new one beside them, where each has one of its
    /// own; else a new one beside the account's.
    fn home(&self, kind: Kind, name: &str, shrinking: &BTreeSet<Arc<str>>) -> Arc<str> {
        let mut all: BTreeMap<&Arc<str>, (usize, usize)> = BTreeMap::new();
        let objects = self.places.objects.iter().copied().chain([self.account]);
        for (file, object) in objects.filter_map(|object| Some((object.file()?, object))) {
            if &**file == STDIN {
                continue;
            }
            let (of_kind, total) = all.entry(file).or_default();
            *of_kind += usize::from(object.kind() == kind);
            *total += 1;
        }
        let is_free = |path: &str| self.manifests.texts().get(path).is_none() && self.is_covered(path);
        let beside = |file: &str, name: &str| {
            Path::new(file).with_file_name(format!("{name}.yaml")).to_string_lossy().into_owned()
        };
        let of_kind: Vec<_> = all.iter().filter(|(_, (of_kind, _))| *of_kind > 0).collect();
        let has_own_file = of_kind.len() > 1 && of_kind.iter().all(|(_, counts)| **counts == (1, 1));
        if let (true, Some((last, _))) = (has_own_file, of_kind.last()) {
            let path = beside(last, name);
            if is_free(&path) {
                return Arc::from(path);
            }
        }
        let stays = of_kind.iter().filter(|(file, _)| !shrinking.contains(**file));
        if let Some((file, _)) =
            stays.max_by_key(|(file, (of_kind, _))| (*of_kind, std::cmp::Reverse(**file)))
        {
            return Arc::clone(file);
        }
        let account = self.account.file().map_or("account.yaml", |file| file);
        let path = beside(account, &format!("adopted-{}", page_of(kind)));
        let fallback =
            all.iter().filter(|(file, _)| !shrinking.contains(**file)).max_by_key(|(_, (_, total))| *total);
        match fallback {
            Some((file, _)) if !is_free(&path) => Arc::clone(file),
            _ => Arc::from(path),
        }
    }
}

fn applied(
    file: &Arc<str>,
    text: &str,
    splices: Vec<Splice>,
    is_gone: bool,
    work: &FileWork<'_>,
) -> Result<FileEdit, Failed> {
    let before = Some(Arc::from(text));
    if is_gone {
        return Ok(FileEdit { file: Arc::clone(file), before, after: None, splices: Vec::new() });
    }
    if let Some(splices) = in_order(splices) {
        let after = Some(apply(text, &splices));
        return Ok(FileEdit { file: Arc::clone(file), before, after, splices });
    }
    let why = "two edits would touch the same lines";
    Err(work.numbers().map(|number| (number, why.to_owned(), Some(format!("{file}:1")))).collect())
}
