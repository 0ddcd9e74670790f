//! Files, folders, globs and standard input become a list of inputs; nothing is understood here.
//!
//! The only place of this room that touches the disk. Everything behind it works on [`Input`]s, so that it can be
//! tested without files. What cannot be read is a finding, not a stop.

use super::finding::{Code, Finding, Span, Spot};
use super::kinds::{GROUP, Spec};
use super::model::{Manifests, Texts};
use crate::facts::Completeness;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
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

/// Loads paths as the command line gives them: files, folders (with everything below them), globs, and `-` for what
/// `stdin` yields. Hidden folders and files are passed over, `.yaml` and `.yml` are read, each file once.
pub fn load(paths: &[String], mut stdin: impl Read) -> Loaded {
    let mut loaded = Loaded::default();
    let mut files: BTreeMap<PathBuf, String> = BTreeMap::new();
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
        for (file, error) in expand(path) {
            if let Some(error) = error {
                loaded.findings.push(unreadable(&file, &error));
                continue;
            }
            let identity = Path::new(&file).canonicalize().unwrap_or_else(|_| PathBuf::from(&file));
            files.entry(identity).or_insert(file);
        }
    }
    let mut files: Vec<String> = files.into_values().collect();
    files.sort();
    let mut total = 0;
    for file in files {
        match read_file(Path::new(&file)) {
            Ok(bytes) => {
                total += bytes.len() as u64;
                if total > LARGEST_TOTAL {
                    loaded.findings.push(too_large(&file, "all files together are larger than 512 MiB"));
                    break;
                }
                loaded.inputs.push(Input::new(file, bytes));
            }
            Err(Unread::TooLarge) => {
                loaded.findings.push(too_large(&file, "this file is larger than 64 MiB"));
            }
            Err(Unread::Io(error)) => loaded.findings.push(unreadable(&file, &error.to_string())),
        }
    }
    loaded
}

/// Compares what was loaded with the `sources` of each account: what they match on disk, relative to the account's
/// file, are all its manifests. A missing file is a warning, and makes the manifests of the account partial.
pub fn survey(manifests: &mut Manifests) {
    let mut results = Vec::new();
    for account in manifests.accounts() {
        let Spec::Account(spec) = &account.spec else { continue };
        let Some(file) = account.file().filter(|file| ***file != *STDIN) else { continue };
        if spec.sources.is_empty() || manifests.texts.0.contains_key(STDIN) {
            continue;
        }
        let folder = Path::new(&**file).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let result = match matched(&folder, &spec.sources) {
            Ok(files) => missing(&files, manifests),
            Err(error) => Err(error),
        };
        results.push((Arc::clone(&account.name), account.spot("sources"), result));
    }
    for (account, spot, result) in results {
        let completeness = match result {
            Ok(missing) if missing.is_empty() => Completeness::Complete,
            Ok(missing) => {
                let count = missing.len();
                let first = &missing[0];
                let message =
                    format!("{count} of the files that sources names were not loaded, the first is {first}");
                manifests.findings.push(Finding::new(Code::NotLoaded, spot, message).hint(
                    "give the folder of this file instead of single files; until then nothing is pruned",
                ));
                Completeness::Partial(format!("{first} was not loaded"))
            }
            Err(error) => {
                manifests.findings.push(Finding::new(Code::Unreadable, spot, error.clone()));
                Completeness::Partial(error)
            }
        };
        manifests.completeness.insert(account, completeness);
    }
}

/// Manifests below a folder that are not among the loaded texts. What cannot be read or is of another tool is left out.
pub fn not_loaded(folder: &Path, texts: &Texts) -> Vec<Input> {
    let loaded: std::collections::HashSet<PathBuf> =
        texts.0.keys().filter_map(|file| Path::new(&**file).canonicalize().ok()).collect();
    let files = walk(folder, &is_yaml).into_iter().filter(|(_, error)| error.is_none());
    files
        .filter(|(file, _)| Path::new(file).canonicalize().is_ok_and(|file| !loaded.contains(&file)))
        .filter_map(|(file, _)| read_file(Path::new(&file)).ok().map(|bytes| Input::new(file, bytes)))
        .filter(|input| String::from_utf8_lossy(&input.bytes).contains(GROUP))
        .collect()
}

fn missing(files: &[String], manifests: &Manifests) -> Result<Vec<String>, String> {
    let identity = |path: &str| Path::new(path).canonicalize().map_err(|error| format!("{path}: {error}"));
    let loaded: std::collections::HashSet<PathBuf> =
        manifests.texts.0.keys().filter_map(|file| identity(file).ok()).collect();
    let mut missing = Vec::new();
    for file in files {
        if !loaded.contains(&identity(file)?) {
            missing.push(file.clone());
        }
    }
    Ok(missing)
}

/// The files a path of the command line stands for, each with an error if it cannot be used.
fn expand(path: &str) -> Vec<(String, Option<String>)> {
    let on_disk = Path::new(path);
    match std::fs::metadata(on_disk) {
        Ok(metadata) if metadata.is_dir() => walk(on_disk, &is_yaml),
        Ok(metadata) if metadata.is_file() => vec![(path.to_owned(), None)],
        Ok(_) => vec![(path.to_owned(), Some("it is neither a file nor a folder".to_owned()))],
        Err(error) if !path.contains(['*', '?', '[', '{']) => {
            vec![(path.to_owned(), Some(error.to_string()))]
        }
        Err(_) => {
            // The folder a glob starts in is what stands before its first special sign.
            let base: PathBuf = on_disk
                .components()
                .take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
                .collect();
            let base = if base.as_os_str().is_empty() { PathBuf::from(".") } else { base };
            let pattern = without_dots(on_disk);
            match globs(std::slice::from_ref(&pattern)) {
                Err(error) => vec![(path.to_owned(), Some(error))],
                Ok(set) => {
                    let found = if base.exists() {
                        walk(&base, &|file| set.is_match(without_dots(file)))
                    } else {
                        Vec::new()
                    };
                    if found.is_empty() {
                        vec![(path.to_owned(), Some("the pattern matches no file".to_owned()))]
                    } else {
                        found
                    }
                }
            }
        }
    }
}

/// What the `sources` of an account match, relative to its folder.
fn matched(folder: &Path, sources: &[String]) -> Result<Vec<String>, String> {
    // A pattern may lead out of the folder: `../teams/*.yaml`.
    let mut files = Vec::new();
    for source in sources {
        let full = folder.join(source).to_string_lossy().into_owned();
        for (file, error) in expand(&full) {
            match error {
                Some(error) => return Err(format!("sources: {file}: {error}")),
                None => files.push(file),
            }
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn globs(patterns: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let glob = GlobBuilder::new(pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| error.to_string())?);
    }
    set.build().map_err(|error| error.to_string())
}

/// `./a/../b` as `b`, so that a pattern and a path are compared alike.
fn without_dots(path: &Path) -> String {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if clean.file_name().is_some() => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean.to_string_lossy().into_owned()
}

fn walk(folder: &Path, accept: &dyn Fn(&Path) -> bool) -> Vec<(String, Option<String>)> {
    let is_hidden = |name: &std::ffi::OsStr| {
        let name = name.to_string_lossy();
        name.starts_with('.') && name != "." && name != ".."
    };
    let entries = walkdir::WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.depth() == 0 || !is_hidden(entry.file_name()));
    let mut files = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_file() && accept(entry.path()) => {
                files.push((entry.path().to_string_lossy().into_owned(), None));
            }
            Ok(_) => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_string_lossy().into_owned();
                files.push((path, Some(error.to_string())));
            }
        }
    }
    files
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
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

fn unreadable(path: &str, why: &str) -> Finding {
    Finding::new(Code::Unreadable, whole(path), format!("cannot be read: {why}"))
        .hint("give an existing file, folder or pattern, or - for standard input")
}

fn too_large(path: &str, why: &str) -> Finding {
    Finding::new(Code::TooLarge, whole(path), why).hint("split it")
}

fn whole(path: &str) -> Spot {
    Spot { file: Arc::from(path), span: Span::default() }
}
