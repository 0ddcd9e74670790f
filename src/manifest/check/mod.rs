//! Loaded files become checked manifests; everything wrong is found at once.
//!
//! Per document: tree, header, schema walk, CEL, typed value ([`document`]). Then the named checks across objects
//! ([`across`]). Documents are independent of each other, so that they are checked on all cores; the result does not
//! depend on how many there are.

mod across;
mod areas;
mod document;
mod form;
mod limits;
mod policies;
mod schema;
mod secrets;
mod vocabulary;
mod walk;

pub(super) use limits::may_speak_about;
pub use vocabulary::permissions;

use super::finding::{Code, Finding, Span, Spot};
use super::kinds::{GROUP, Kind};
use super::load::{Input, Loaded};
use super::model::{Manifest, Manifests, Originals, PassedOver, Texts};
use super::tree::{self, Chunk, Parsed};
use document::Checker;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// Less text than this is not worth a second thread.
const SMALL: usize = 256 * 1024;
pub(super) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Checks everything that was loaded.
pub fn check(loaded: Loaded) -> Manifests {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    check_with(loaded, threads)
}

fn check_with(loaded: Loaded, threads: usize) -> Manifests {
    let Loaded { inputs, mut findings } = loaded;
    let Decoded { mut texts, not_text, mut passed_over } = decode(inputs, &mut findings);
    let work: Vec<(&Arc<str>, Chunk<'_>)> = texts
        .0
        .iter()
        .flat_map(|(file, text)| {
            let skip = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
            tree::chunks(&text[skip..])
                .into_iter()
                .map(move |chunk| (file, Chunk { offset: chunk.offset + skip, ..chunk }))
        })
        .collect();
    let mut manifests = Vec::new();
    let mut skipped = super::model::Skipped::default();
    let mut understood = BTreeSet::new();
    let mut hidden: BTreeMap<Arc<str>, Vec<Range<u32>>> = BTreeMap::new();
    // A policy over objects looks at them as they are written. That there may be one is seen from the texts.
    let keeps_values = texts.0.values().any(|text| text.contains("KorePolicy") && text.contains("Object"));
    for checker in in_parallel(&work, threads, keeps_values) {
        manifests.extend(checker.manifests);
        findings.extend(checker.findings);
        skipped.foreign += checker.skipped.foreign;
        skipped.controller += checker.skipped.controller;
        passed_over.extend(checker.passed_over);
        understood.extend(checker.understood);
        for (file, ranges) in checker.hidden {
            hidden.entry(file).or_default().extend(ranges);
        }
    }
    let mut originals = Originals::default();
    for (file, ranges) in hidden {
        if let Some(text) = texts.0.get_mut(&file) {
            originals.0.insert(Arc::clone(&file), Arc::clone(text));
            *text = Arc::from(secrets::covered(text, &ranges));
        }
    }
    across::check(&mut manifests, &mut findings, &mut Vec::new());
    findings.sort_by(|left, right| left.spot.cmp(&right.spot).then_with(|| left.code.cmp(&right.code)));
    passed_over.sort_by(|left, right| left.spot.cmp(&right.spot));
    Manifests {
        objects: manifests,
        findings,
        skipped,
        texts,
        originals,
        understood,
        not_text,
        passed_over,
        ..Manifests::default()
    }
}

/// Files as text, and those that are none.
struct Decoded {
    texts: Texts,
    not_text: BTreeSet<Arc<str>>,
    passed_over: Vec<PassedOver>,
}

fn decode(inputs: Vec<Input>, findings: &mut Vec<Finding>) -> Decoded {
    let mut decoded = Decoded { texts: Texts::default(), not_text: BTreeSet::new(), passed_over: Vec::new() };
    for input in inputs {
        let file: Arc<str> = Arc::from(input.path);
        match String::from_utf8(input.bytes) {
            Ok(text) => {
                decoded.texts.0.insert(file, Arc::from(text));
            }
            Err(error) if looks_ours(error.as_bytes()) => {
                let valid = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..valid].split(|byte| *byte == b'\n').count();
                let spot = Spot { file, span: Span { line: number(line), column: 1, ..Span::default() } };
                let finding = Finding::new(Code::NotUtf8, spot, format!("byte {valid} is not UTF-8"));
                findings.push(finding.hint("save the file as UTF-8"));
            }
            Err(_) => {
                let spot = Spot { file: Arc::clone(&file), span: Span::default() };
                decoded.passed_over.push(PassedOver { spot, what: "not UTF-8".to_owned() });
                decoded.not_text.insert(file);
            }
        }
    }
    decoded
}

/// Whether a piece that cannot be read may be a manifest: it names our API group or one of our kinds. NULs do not
/// count, because UTF-16 is full of them.
fn looks_ours(bytes: &[u8]) -> bool {
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&text);
    text.contains(GROUP) || Kind::ALL.iter().any(|kind| text.contains(kind.name()))
}

/// The same for objects of a cluster, which its API server has checked one by one; the oldest first, because of two
/// that exclude each other the first stays in use.
pub fn check_objects(mut manifests: Vec<Manifest>) -> Manifests {
    let (mut findings, mut left_out) = (Vec::new(), Vec::new());
    across::without_hidden_characters(&mut manifests, &mut findings, &mut left_out);
    across::check(&mut manifests, &mut findings, &mut left_out);
    findings.sort_by(|left, right| left.spot.cmp(&right.spot).then_with(|| left.code.cmp(&right.code)));
    Manifests { objects: manifests, left_out, findings, ..Manifests::default() }
}

/// One checker per thread, each with a run of pieces of about the same size, in order.
fn in_parallel(work: &[(&Arc<str>, Chunk<'_>)], threads: usize, keeps_values: bool) -> Vec<Checker> {
    let total: usize = work.iter().map(|(_, chunk)| chunk.text.len()).sum();
    let share = (total / threads.max(1)).max(SMALL);
    let mut runs: Vec<&[(&Arc<str>, Chunk<'_>)]> = Vec::new();
    let (mut start, mut size) = (0, 0);
    for (index, (_, chunk)) in work.iter().enumerate() {
        size += chunk.text.len();
        if size >= share {
            runs.push(&work[start..=index]);
            (start, size) = (index + 1, 0);
        }
    }
    if start < work.len() {
        runs.push(&work[start..]);
    }
    if let [run] = runs.as_slice() {
        return vec![check_run(run, keeps_values)];
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            runs.into_iter().map(|run| (run, scope.spawn(move || check_run(run, keeps_values)))).collect();
        // A worker that died is done again here, so that its panic is seen where it belongs.
        workers
            .into_iter()
            .map(|(run, worker)| worker.join().unwrap_or_else(|_| check_run(run, keeps_values)))
            .collect()
    })
}

fn check_run(run: &[(&Arc<str>, Chunk<'_>)], keeps_values: bool) -> Checker {
    let mut checker = Checker::new(keeps_values);
    for (file, chunk) in run {
        let Parsed { documents, broken } = tree::parse(*chunk, file);
        if looks_ours(chunk.text.as_bytes()) {
            checker.take_broken(file, chunk, broken);
        } else {
            checker.passed_over.extend(
                broken.into_iter().map(|finding| PassedOver { spot: finding.spot, what: finding.message }),
            );
        }
        for document in documents {
            checker.take(file, document);
        }
    }
    checker
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
