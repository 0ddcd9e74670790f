//! Loaded files become checked manifests; everything wrong is found at once.
//!
//! Per document: tree, header, schema walk, CEL, typed value ([`document`]). Then the named checks across objects
//! ([`across`]). Documents are independent of each other, so that they are checked on all cores; the result does not
//! depend on how many there are.

mod across;
mod document;
mod limits;
mod schema;
mod vocabulary;
mod walk;

pub use vocabulary::permissions;

use super::finding::{Code, Finding, Span, Spot};
use super::load::Loaded;
use super::model::{Manifest, Manifests, Texts};
use super::tree::{self, Chunk};
use document::Checker;
use std::sync::Arc;

/// Less text than this is not worth a second thread.
const SMALL: usize = 256 * 1024;
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Checks everything that was loaded.
pub fn check(loaded: Loaded) -> Manifests {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    check_with(loaded, threads)
}

fn check_with(loaded: Loaded, threads: usize) -> Manifests {
    let Loaded { inputs, mut findings } = loaded;
    let mut texts = Texts::default();
    for input in inputs {
        let file: Arc<str> = Arc::from(input.path);
        match String::from_utf8(input.bytes) {
            Ok(text) => {
                texts.0.insert(file, Arc::from(text));
            }
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let line = error.as_bytes()[..valid].split(|byte| *byte == b'\n').count();
                let spot = Spot { file, span: Span { line: number(line), column: 1, ..Span::default() } };
                let finding = Finding::new(Code::NotUtf8, spot, format!("byte {valid} is not UTF-8"));
                findings.push(finding.hint("save the file as UTF-8"));
            }
        }
    }
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
    for checker in in_parallel(&work, threads) {
        manifests.extend(checker.manifests);
        findings.extend(checker.findings);
        skipped.foreign += checker.skipped.foreign;
        skipped.controller += checker.skipped.controller;
    }
    across::check(&mut manifests, &mut findings);
    findings.sort_by(|left, right| left.spot.cmp(&right.spot).then_with(|| left.code.cmp(&right.code)));
    Manifests { objects: manifests, findings, skipped, texts, ..Manifests::default() }
}

/// The same for objects of a cluster, which its API server has checked one by one; the oldest first, because of two
/// that exclude each other the first stays in use.
pub fn check_objects(mut manifests: Vec<Manifest>) -> Manifests {
    let mut findings = Vec::new();
    across::check(&mut manifests, &mut findings);
    findings.sort_by(|left, right| left.spot.cmp(&right.spot).then_with(|| left.code.cmp(&right.code)));
    Manifests { objects: manifests, findings, ..Manifests::default() }
}

/// One checker per thread, each with a run of pieces of about the same size, in order.
fn in_parallel(work: &[(&Arc<str>, Chunk<'_>)], threads: usize) -> Vec<Checker> {
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
        return vec![check_run(run)];
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            runs.into_iter().map(|run| (run, scope.spawn(move || check_run(run)))).collect();
        // A worker that died is done again here, so that its panic is seen where it belongs.
        workers.into_iter().map(|(run, worker)| worker.join().unwrap_or_else(|_| check_run(run))).collect()
    })
}

fn check_run(run: &[(&Arc<str>, Chunk<'_>)]) -> Checker {
    let mut checker = Checker::new();
    for (file, chunk) in run {
        for document in tree::parse(*chunk, file, &mut checker.findings) {
            checker.document(file, &document.root, document.is_sound);
        }
    }
    checker
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
