//! Files, folders and standard input become a list of inputs; nothing is understood here.
//!
//! Works on the disk, like [`super::sources`]. Everything behind it works on [`Input`]s, so that it can be
//! tested without files. What cannot be read is a finding, not a stop: an error where the command line names it, a
//! warning where it only lies in a folder.

use super::finding::{Code, Finding, Span, Spot};
use super::folder::{self, Entry, Unusable, is_yaml};
use super::kinds::GROUP;
use super::model::Texts;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file: 64 MiB, about 250,000 documents.
pub const LARGEST_FILE: u64 = 64 * 1024 * 1024;
/// Most bytes in all files together.
pub const LARGEST_TOTAL: u64 = 512 * 1024 * 1024;
/// How standard input is called in findings.
pub const STDIN: &str = "<stdin>";

/// One file, or standard input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// Path as findings show it.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Input {
    /// From a path and its content.
    pub fn new(path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), bytes: bytes.into() }
    }
}

/// What was loaded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Loaded {
    /// Files in order, each once.
    pub inputs: Vec<Input>,
    /// What could not be read.
    pub findings: Vec<Finding>,
}

impl From<Vec<Input>> for Loaded {
    fn from(inputs: Vec<Input>) -> Self {
        Self { inputs, findings: Vec::new() }
    }
}

/// Loads paths as the command line gives them: folders (with everything below them), `-` for what `stdin` yields, and
/// whatever else has a path: files, pipes, `/dev/stdin`. In folders `.yaml` and `.yml` are read in any case, what is
/// hidden is passed over, and each file is read once.
pub fn load(paths: &[String], mut stdin: impl Read) -> Loaded {
    let mut loaded = Loaded::default();
    let mut files: BTreeMap<PathBuf, Found> = BTreeMap::new();
    let mut is_stdin_read = false;
    for path in paths {
        if path == "-" {
            if std::mem::replace(&mut is_stdin_read, true) {
                continue;
            }
            match read_limited(&mut stdin) {
                Ok(bytes) => loaded.inputs.push(Input::new(STDIN, bytes)),
                Err(error) => loaded.findings.push(unreadable(STDIN, &error)),
            }
            continue;
        }
        match std::fs::metadata(path) {
            Err(error) => loaded.findings.push(not_there(path, &error)),
            Ok(metadata) if metadata.is_dir() => {
                for entry in folder::walk(Path::new(path)) {
                    take(entry, &mut files, &mut loaded.findings);
                }
            }
            Ok(_) => {
                let found = files.entry(identity(path)).or_insert_with(|| Found::named(path));
                found.is_named = true;
            }
        }
    }
    read_all(files, &mut loaded);
    loaded
}

/// A file to be read.
struct Found {
    path: String,
    /// The command line names it; otherwise it lies in a folder that is named.
    is_named: bool,
}

impl Found {
    fn named(path: &str) -> Self {
        Self { path: path.to_owned(), is_named: true }
    }
}

/// Manifests below a folder that are not among the loaded texts. What cannot be read or is of another tool is left out.
pub fn not_loaded(folder: &Path, texts: &Texts) -> Vec<Input> {
    let loaded: std::collections::HashSet<PathBuf> = texts.0.keys().map(|file| identity(file)).collect();
    folder::walk(folder)
        .into_iter()
        .filter(|entry| entry.problem.is_none() && is_yaml(&entry.path))
        .map(|entry| entry.path.to_string_lossy().into_owned())
        .filter(|file| !loaded.contains(&identity(file)))
        .filter_map(|file| read_file(Path::new(&file)).ok().map(|bytes| Input::new(file, bytes)))
        .filter(|input| String::from_utf8_lossy(&input.bytes).contains(GROUP))
        .collect()
}

fn identity(path: &str) -> PathBuf {
    Path::new(path).canonicalize().unwrap_or_else(|_| PathBuf::from(path))
}

/// What a folder holds: manifests to read, and what may hide some.
fn take(entry: Entry, files: &mut BTreeMap<PathBuf, Found>, findings: &mut Vec<Finding>) {
    let Entry { path, problem } = entry;
    let shown = path.to_string_lossy().into_owned();
    match problem {
        None if is_yaml(&path) => {
            files.entry(identity(&shown)).or_insert(Found { path: shown, is_named: false });
        }
        // Sockets, pipes and devices hold no manifests, and a link of another ending neither.
        None | Some(Unusable::NoFile) => {}
        Some(problem @ (Unusable::Unreadable(_) | Unusable::NotUtf8)) => {
            findings.push(passed_over(&shown, &problem.to_string()));
        }
        Some(problem @ Unusable::Broken) => {
            if is_yaml(&path) {
                findings.push(passed_over(&shown, &problem.to_string()));
            }
        }
    }
}

fn read_all(files: BTreeMap<PathBuf, Found>, loaded: &mut Loaded) {
    let mut files: Vec<Found> = files.into_values().collect();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let mut total = 0;
    for Found { path, is_named } in files {
        match read_file(Path::new(&path)) {
            Ok(bytes) => {
                total += bytes.len() as u64;
                if total > LARGEST_TOTAL {
                    loaded.findings.push(too_large(&path, "all files together are larger than 512 MiB"));
                    break;
                }
                loaded.inputs.push(Input::new(path, bytes));
            }
            Err(Unread::TooLarge) if is_named => {
                loaded.findings.push(too_large(&path, "this file is larger than 64 MiB"));
            }
            Err(Unread::TooLarge) => {
                loaded.findings.push(passed_over(&path, "this file is larger than 64 MiB"));
            }
            Err(Unread::Io(error)) if is_named => {
                loaded.findings.push(unreadable(&path, &error.to_string()));
            }
            Err(Unread::Io(error)) => loaded.findings.push(passed_over(&path, &error.to_string())),
        }
    }
}

enum Unread {
    TooLarge,
    Io(std::io::Error),
}

fn read_file(path: &Path) -> Result<Vec<u8>, Unread> {
    let file = File::open(path).map_err(Unread::Io)?;
    if file.metadata().map_err(Unread::Io)?.len() > LARGEST_FILE {
        return Err(Unread::TooLarge);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(Unread::Io)?;
    if bytes.len() as u64 > LARGEST_FILE { Err(Unread::TooLarge) } else { Ok(bytes) }
}

fn read_limited(stdin: &mut impl Read) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    stdin.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST_FILE { Err("more than 64 MiB".to_owned()) } else { Ok(bytes) }
}

fn not_there(path: &str, error: &std::io::Error) -> Finding {
    let finding = unreadable(path, &error.to_string());
    if error.kind() == std::io::ErrorKind::NotFound && path.contains(['*', '?', '[', '{']) {
        return finding
            .hint("patterns belong into spec.sources; without quotes, the shell expands them here");
    }
    finding
}

fn unreadable(path: &str, why: &str) -> Finding {
    Finding::new(Code::Unreadable, whole(path), format!("cannot be read: {why}"))
        .hint("give an existing file or folder, or - for standard input")
}

/// Something in a folder that may be a manifest and cannot be read: the others are.
fn passed_over(path: &str, why: &str) -> Finding {
    Finding::new(Code::NotLoaded, whole(path), format!("passed over: {why}"))
        .hint("make it readable if it holds manifests, or move it out of this folder")
}

fn too_large(path: &str, why: &str) -> Finding {
    Finding::new(Code::TooLarge, whole(path), why).hint("split it")
}

fn whole(path: &str) -> Spot {
    Spot { file: Arc::from(path), span: Span::default() }
}
