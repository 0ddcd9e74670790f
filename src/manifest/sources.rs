//! Whether everything was loaded, and understood, that the accounts' `sources` name.
//!
//! A file that is there and holds no manifest would make everybody in it look undeclared: a pointer of Git LFS, an
//! empty file, a web page that was saved in its place. So a file counts only when a document of it is a mapping.

use super::finding::{Code, Finding, Span, Spot};
use super::folder::{self, Entry, Unusable, is_yaml};
use super::kinds::{GROUP, Spec};
use super::load::STDIN;
use super::model::Manifests;
use crate::facts::Completeness;
use globset::{GlobBuilder, GlobMatcher};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Files of one account that are named in a finding of their own; the rest is counted.
const SHOWN: usize = 5;

/// Compares what was loaded with the `sources` of each account: what they match on disk, relative to the account's
/// file, are all its manifests. A file that is missing or that holds none is a warning, and makes the manifests of the
/// account partial.
pub fn survey(manifests: &mut Manifests) {
    let is_stream = |path: &str| path == STDIN || !Path::new(path).is_file();
    if manifests.texts.0.keys().any(|path| is_stream(path)) {
        return;
    }
    let mut results = Vec::new();
    for account in manifests.accounts() {
        let (Spec::Account(spec), Some(file)) = (&account.spec, account.file()) else { continue };
        if !spec.sources.is_empty() {
            let gaps = matched(&folder_of(file), &spec.sources).map(|found| gaps(&found, manifests));
            results.push((Arc::clone(&account.name), account.spot("sources"), gaps));
        }
    }
    for (account, spot, gaps) in results {
        let completeness = match gaps {
            Ok(gaps) => report(&gaps, &spot, &mut manifests.findings),
            Err(error) => {
                manifests.findings.push(Finding::new(Code::Unreadable, spot, error.clone()));
                Completeness::Partial(error)
            }
        };
        manifests.completeness.insert(account, completeness);
    }
}

/// The folder that `sources` start from.
pub fn folder_of(account_file: &str) -> PathBuf {
    match Path::new(account_file).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// A file of the sources that the manifests lack.
struct Gap {
    path: String,
    /// Why; `None`: it was not among the paths.
    why: Option<Nature>,
}

fn gaps(found: &[Entry], manifests: &Manifests) -> Vec<Gap> {
    let identity = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let loaded: BTreeSet<PathBuf> =
        manifests.texts.0.keys().map(|file| identity(Path::new(&**file))).collect();
    let understood: BTreeSet<PathBuf> =
        manifests.understood.iter().map(|file| identity(Path::new(&**file))).collect();
    let is_understood = |path: &Path| understood.contains(&identity(path));
    let gap = |entry: &Entry| {
        let why = match &entry.problem {
            Some(problem) => Some(Nature::other(problem.to_string())),
            None if is_understood(&entry.path) => return None,
            None if !loaded.contains(&identity(&entry.path)) => unread(&entry.path, manifests),
            None => Some(misunderstood(&entry.path, manifests)),
        };
        Some(Gap { path: entry.path.to_string_lossy().into_owned(), why })
    };
    found.iter().filter_map(gap).collect()
}

/// Why a file that was read is of no use: not even comments declare that there is nothing.
fn misunderstood(path: &Path, manifests: &Manifests) -> Nature {
    let shown = path.to_string_lossy();
    let seen = match std::fs::read(path) {
        Ok(bytes) => nature(&bytes),
        Err(error) => return Nature::other(error.to_string()),
    };
    let broken = manifests
        .passed_over
        .iter()
        .find(|passed| *passed.spot.file == *shown && passed.what.starts_with("not valid YAML"));
    match broken {
        Some(passed) if seen.is_text => Nature::other(format!("{} ({})", passed.what, passed.spot)),
        _ => seen,
    }
}

/// Why a file that was tried is not among the texts.
fn unread(path: &Path, manifests: &Manifests) -> Option<Nature> {
    let shown = path.to_string_lossy();
    if manifests.not_text.contains(&*shown) {
        return Some(
            std::fs::read(path).map_or_else(|error| Nature::other(error.to_string()), |bytes| nature(&bytes)),
        );
    }
    let tried = manifests.findings.iter().find(|finding| {
        matches!(finding.code, Code::NotLoaded | Code::TooLarge | Code::Unreadable)
            && *finding.spot.file == *shown
    });
    tried.map(|finding| {
        let why = finding.message.strip_prefix("passed over: ").unwrap_or(&finding.message);
        Nature::other(why.to_owned())
    })
}

fn report(gaps: &[Gap], spot: &Spot, findings: &mut Vec<Finding>) -> Completeness {
    let (known, absent): (Vec<&Gap>, Vec<&Gap>) = gaps.iter().partition(|gap| gap.why.is_some());
    for gap in known.iter().take(SHOWN) {
        let Some(nature) = &gap.why else { continue };
        let place = Spot { file: Arc::from(gap.path.as_str()), span: Span::default() };
        let message = format!("sources names this file, and it cannot be used: {}", nature.what);
        findings.push(
            Finding::new(Code::NotUnderstood, place, message)
                .hint(format!("{}; until then nothing is pruned", nature.next))
                .related(spot.clone(), "named here"),
        );
    }
    if known.len() > SHOWN {
        let message = format!("{} more files that sources names cannot be used", known.len() - SHOWN);
        findings.push(Finding::new(Code::NotUnderstood, spot.clone(), message));
    }
    if let Some(first) = absent.first() {
        let message = format!(
            "{} of the files that sources names were not loaded, the first is {}",
            absent.len(),
            first.path
        );
        findings.push(
            Finding::new(Code::NotLoaded, spot.clone(), message)
                .hint("give the folder of this file instead of single files; until then nothing is pruned"),
        );
    }
    match gaps.first() {
        None => Completeness::Complete,
        Some(Gap { path, why: Some(nature) }) => Completeness::Partial(format!("{path}: {}", nature.what)),
        Some(Gap { path, why: None }) => Completeness::Partial(format!("{path} was not loaded")),
    }
}

/// Why a file that held manifests once may still hold them although none was read of it: it is there and is another thing by
/// now, or cannot be looked at. `None`: it is gone, or holds manifests that were not loaded.
pub fn hides(file: &str) -> Option<String> {
    let path = Path::new(file);
    match std::fs::read(path) {
        Ok(bytes) if String::from_utf8_lossy(&bytes).contains(GROUP) => None,
        Ok(bytes) => {
            let nature = nature(&bytes);
            Some(if nature.is_text { "it holds no manifest any more".to_owned() } else { nature.what })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => broken_link_above(path),
        Err(error) => Some(format!("it cannot be read ({error})")),
    }
}

/// The link on the way to a path that leads to nothing: a folder that is not mounted.
fn broken_link_above(path: &Path) -> Option<String> {
    let link = path.ancestors().find(|above| above.symlink_metadata().is_ok())?;
    let is_broken = !link.as_os_str().is_empty() && link.metadata().is_err();
    is_broken.then(|| format!("{} is a link to what is not there", link.display()))
}

/// What a file is that holds no manifest, and the next step.
pub struct Nature {
    /// What it is.
    pub what: String,
    next: &'static str,
    /// Nothing better is known than that it is text.
    is_text: bool,
}

impl Nature {
    fn other(what: String) -> Self {
        Self { what, next: "put the file back, or delete what is in its place", is_text: false }
    }
}

/// What a file is in which no document is a mapping.
pub fn nature(bytes: &[u8]) -> Nature {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let trimmed = bytes.trim_ascii();
    let lower = trimmed[..trimmed.len().min(64)].to_ascii_lowercase();
    let is = |what: &str, next| Nature { what: what.to_owned(), next, is_text: false };
    if trimmed.is_empty() {
        is("it is empty", "restore its content, or delete the file")
    } else if trimmed.starts_with(b"version https://git-lfs") {
        is("it is a pointer of Git LFS, not the file itself", "run git lfs pull")
    } else if trimmed.starts_with(b"/annex/objects/") {
        is("it is a pointer of git-annex, not the file itself", "run git annex get")
    } else if bytes.starts_with(b"\0GITCRYPT") {
        is("it is encrypted by git-crypt", "run git-crypt unlock")
    } else if lower.starts_with(b"<!doctype") || lower.starts_with(b"<html") {
        is("it is an HTML page", "fetch the file itself: a server answered with a page instead")
    } else if std::str::from_utf8(bytes).is_err() {
        is("it is not UTF-8", "save it as UTF-8")
    } else if is_commented_out(&String::from_utf8_lossy(bytes)) {
        is("its documents are commented out", "delete the file, or bring the documents back")
    } else if is_comment(&String::from_utf8_lossy(bytes)) {
        is("it holds comments only", "delete the file, if nothing is declared in it")
    } else if is_encrypted_by_sops(&String::from_utf8_lossy(bytes)) {
        is("it is encrypted by sops", "decrypt it: sops --decrypt")
    } else if lower.starts_with(b"-----begin") || lower.starts_with(b"$ansible_vault") {
        is("it is encrypted", "decrypt it")
    } else if lower.starts_with(b"<") {
        is("it is XML", "put the file itself in its place")
    } else {
        let what = "no document in it is a mapping of keys to values";
        Nature { is_text: true, ..is(what, "write its documents, or delete the file") }
    }
}

/// Something that `sources` would match if it were on the disk: a file or a folder that a checkout leaves out.
pub struct LeftOut {
    /// Where it would be, with no link in its path.
    pub path: PathBuf,
    /// Whether it is a folder with files of its own.
    pub is_folder: bool,
    /// Why it is not there.
    pub what: &'static str,
    /// The command that brings it.
    pub next: String,
}

/// Notes what a checkout leaves out of the sources of an account; `left_out` is asked once for each folder of an
/// account file.
pub fn left_out(manifests: &mut Manifests, left_out: impl Fn(&Path) -> Vec<LeftOut>) {
    let mut found = Vec::new();
    for account in manifests.accounts() {
        let (Spec::Account(spec), Some(file)) = (&account.spec, account.file()) else { continue };
        if spec.sources.is_empty() || !Path::new(&**file).is_file() {
            continue;
        }
        let Ok(folder) = folder_of(file).canonicalize() else { continue };
        let patterns: Vec<SourcePattern> =
            spec.sources.iter().filter_map(|source| SourcePattern::new(&folder, source).ok()).collect();
        let gaps = left_out(&folder)
            .into_iter()
            .filter(|entry| patterns.iter().any(|pattern| pattern.may_match(&entry.path, entry.is_folder)));
        found.extend(
            gaps.map(|entry| (Arc::clone(&account.name), account.spot("sources"), entry)).take(SHOWN),
        );
    }
    for (account, spot, LeftOut { path, is_folder: _, what, next }) in found {
        let place = Spot { file: Arc::from(path.to_string_lossy()), span: Span::default() };
        manifests.findings.push(
            Finding::new(
                Code::NotUnderstood,
                place,
                format!("sources names this path, and it is not there: {what}"),
            )
            .hint(format!("{next}; until then nothing is pruned"))
            .related(spot, "named here"),
        );
        manifests.completeness.insert(account, Completeness::Partial(format!("{}: {what}", path.display())));
    }
}

/// Whether the kind of a document cannot be read, because all of it is encrypted.
pub(super) fn is_encrypted_by_sops(text: &str) -> bool {
    text.lines().any(|line| line == "sops:") && text.lines().any(|line| line.starts_with("kind: ENC["))
}

/// Whether there is nothing but comments.
fn is_comment(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some() && lines.all(|line| line.starts_with('#') || line == "---" || line == "...")
}

fn is_commented_out(text: &str) -> bool {
    is_comment(text) && text.contains("apiVersion:") && text.contains(GROUP)
}

/// What the `sources` of an account match, relative to its folder, each once. A pattern that matches nothing is an
/// error.
fn matched(folder: &Path, sources: &[String]) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    for source in sources {
        let pattern =
            SourcePattern::new(folder, source).map_err(|error| format!("sources: {source}: {error}"))?;
        let found = pattern.entries();
        if !found.iter().any(|entry| entry.problem.is_none())
            && !found.iter().any(|entry| is_yaml(&entry.path))
        {
            let why = if pattern.matcher.is_some() {
                "the pattern matches no file"
            } else {
                "there is no such file"
            };
            return Err(format!("sources: {}: {why}", folder.join(source).display()));
        }
        entries.extend(found);
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    entries.dedup_by(|left, right| left.path == right.path);
    Ok(entries)
}

/// One line of `sources`: what is there by its name is meant by it; otherwise it is a pattern below a folder. The
/// folder of the account's file is a name whatever signs are in it.
struct SourcePattern {
    base: PathBuf,
    matcher: Option<Pattern>,
}

impl SourcePattern {
    fn new(folder: &Path, source: &str) -> Result<Self, String> {
        let literal = folder.join(source);
        if literal.exists() || !is_pattern(source) {
            return Ok(Self { base: literal, matcher: None });
        }
        let (before, pattern) = split(source);
        Ok(Self { base: folder.join(before), matcher: Some(Pattern::new(&pattern)?) })
    }

    fn entries(&self) -> Vec<Entry> {
        let Some(pattern) = &self.matcher else {
            return match self.base.metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    let mut entries = folder::walk(&self.base);
                    entries.retain(|entry| is_yaml(&entry.path) || is_folder_unread(entry));
                    entries
                }
                Ok(_) => vec![Entry { path: self.base.clone(), problem: None }],
                Err(_) if self.base.symlink_metadata().is_ok() => {
                    vec![Entry { path: self.base.clone(), problem: Some(Unusable::Broken) }]
                }
                Err(_) => Vec::new(),
            };
        };
        if !self.base.is_dir() {
            return Vec::new();
        }
        let mut entries = folder::walk(&self.base);
        entries.retain(|entry| {
            let below = entry.path.strip_prefix(&self.base).unwrap_or(&entry.path);
            pattern.is_match(below) || (is_folder_unread(entry) && pattern.may_match_below(below))
        });
        entries
    }
}

impl SourcePattern {
    /// Whether a path without links is meant by it, or may hold something that is.
    fn may_match(&self, path: &Path, is_folder: bool) -> bool {
        // What is missing has no real name; the folder above it may.
        let base = self.base.canonicalize().unwrap_or_else(|_| without_dots(&self.base));
        match &self.matcher {
            None => {
                (path == base || path.starts_with(&base) && (is_folder || is_yaml(path)))
                    || (is_folder && base.starts_with(path))
            }
            Some(pattern) => match path.strip_prefix(&base) {
                Ok(below) if is_folder => pattern.may_match_below(below),
                Ok(below) => pattern.is_match(below) && !folder::is_hidden_below(below),
                Err(_) => is_folder && base.starts_with(path),
            },
        }
    }
}

/// `a/b/../c` as `a/c`.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

fn is_folder_unread(entry: &Entry) -> bool {
    matches!(entry.problem, Some(Unusable::Unreadable(_))) && !is_yaml(&entry.path)
}

/// Whether it has a sign that means something in a pattern.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// Whether a line of `sources` means a file, by their names alone: nothing is looked up on disk.
pub(super) fn names(account_file: &str, source: &str, file: &str) -> bool {
    SourcePath::new(account_file, source).is_ok_and(|path| path.is_match(file))
}

/// A path or a pattern, relative to the file of an account, that means files by their names alone.
pub(super) struct SourcePath {
    base: PathBuf,
    /// Below the base; `None`: a file, or a folder with all below it.
    pattern: Option<Pattern>,
}

impl SourcePath {
    /// An error says why it is no pattern.
    pub(super) fn new(account_file: &str, source: &str) -> Result<Self, String> {
        let (before, pattern) = split(source);
        let base = without_dots(&folder_of(account_file).join(before));
        let pattern = if pattern.is_empty() { None } else { Some(Pattern::new(&pattern)?) };
        Ok(Self { base, pattern })
    }

    /// Whether it means a file.
    pub(super) fn is_match(&self, file: &str) -> bool {
        let file = without_dots(Path::new(file));
        match (file.strip_prefix(&self.base), &self.pattern) {
            (Ok(below), None) => below.as_os_str().is_empty() || is_yaml(&file),
            (Ok(below), Some(pattern)) => pattern.is_match(below) && !folder::is_hidden_below(below),
            (Err(_), _) => false,
        }
    }
}

/// A source as the folder it starts in and the pattern below it: `../teams/*.yaml` as `../teams` and `*.yaml`.
pub fn split(source: &str) -> (PathBuf, String) {
    let parts: Vec<&str> = source.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let first = parts.iter().position(|part| is_pattern(part)).unwrap_or(parts.len());
    let mut base: PathBuf = if source.starts_with('/') { PathBuf::from("/") } else { PathBuf::new() };
    base.extend(&parts[..first]);
    (base, parts[first..].join("/"))
}

/// A pattern below a folder. Endings count in any case, so `*.yaml` matches `PEOPLE.YAML` too.
pub struct Pattern {
    matcher: GlobMatcher,
    parts: Vec<Option<GlobMatcher>>,
}

impl Pattern {
    /// Of a path with `*`, `?`, `[a-z]`, `{a,b}` and `**`, with `/` between its parts.
    pub fn new(pattern: &str) -> Result<Self, String> {
        let glob = |text: &str| {
            let glob = GlobBuilder::new(text).literal_separator(true).build();
            glob.map(|glob| glob.compile_matcher()).map_err(|error| error.kind().to_string())
        };
        let matcher = glob(&with_small_ending(pattern))?;
        // `{a/b,c}` spans parts: then every folder may hold a match.
        let is_plain = !pattern.contains('{') || !pattern.contains('/');
        let part = |text: &str| if text == "**" || !is_plain { Ok(None) } else { glob(text).map(Some) };
        let parts = pattern.split('/').map(part).collect::<Result<_, _>>()?;
        Ok(Self { matcher, parts })
    }

    /// Whether it matches a path below its folder.
    pub fn is_match(&self, below: &Path) -> bool {
        self.matcher.is_match(below) || self.matcher.is_match(with_small_ending(&below.to_string_lossy()))
    }

    /// Whether something in a folder below its own may match.
    pub fn may_match_below(&self, folder: &Path) -> bool {
        let mut parts = self.parts.iter();
        for name in folder {
            match parts.next() {
                None => return false,
                Some(None) => return true,
                Some(Some(part)) if !part.is_match(Path::new(name)) => return false,
                Some(Some(_)) => {}
            }
        }
        parts.next().is_some()
    }
}

/// `a/B.YAML` as `a/B.yaml`.
fn with_small_ending(path: &str) -> String {
    match path.rsplit_once('.') {
        Some((before, end)) if end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml") => {
            format!("{before}.{}", end.to_ascii_lowercase())
        }
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_manifest_is_called_what_it_is() {
        for (bytes, what) in [
            ("", "empty"),
            (" \r\n\n", "empty"),
            ("\u{feff}", "empty"),
            ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "Git LFS"),
            ("/annex/objects/SHA256E-s3--0.yaml\n", "git-annex"),
            ("\0GITCRYPT\0abc", "git-crypt"),
            ("<!DOCTYPE html>\n<title>Sign in</title>", "HTML"),
            ("\n<HTML lang=en>", "HTML"),
            ("<?xml version=\"1.0\"?>", "XML"),
            ("# apiVersion: koreconcile.dev/v1alpha1\n---\n  # two\n", "commented out"),
            ("-----BEGIN PGP MESSAGE-----\n", "encrypted"),
            ("$ANSIBLE_VAULT;1.1;AES256\n", "encrypted"),
            ("jane, sam and kim", "no document"),
            ("- a\n- b\n", "no document"),
        ] {
            let seen = nature(bytes.as_bytes());
            assert!(seen.what.contains(what), "{bytes:?}: {}", seen.what);
        }
        assert!(nature(b"caf\xe9").what.contains("not UTF-8"));
    }

    #[test]
    fn a_source_is_a_folder_and_a_pattern_below_it() {
        for (source, base, pattern) in [
            ("*.yaml", "", "*.yaml"),
            ("../teams/*.yaml", "../teams", "*.yaml"),
            ("./a/b?/**/c.yaml", "a", "b?/**/c.yaml"),
            ("/srv/{a,b}.yaml", "/srv", "{a,b}.yaml"),
        ] {
            assert_eq!(split(source), (PathBuf::from(base), pattern.to_owned()), "{source}");
        }
    }

    #[test]
    fn folders_that_a_pattern_leads_into_are_known() {
        for (pattern, folder, may) in [
            ("*.yaml", "sub", false),
            ("*/*.yaml", "sub", true),
            ("*/*.yaml", "sub/sub", false),
            ("s*/a.yaml", "sub", true),
            ("s*/a.yaml", "other", false),
            ("**/*.yaml", "any/where", true),
            ("{a/b,c}/*.yaml", "a/b", true),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.may_match_below(Path::new(folder)), may, "{folder}");
        }
        let pattern = Pattern::new("people/*.yaml").unwrap();
        assert!(pattern.is_match(Path::new("people/JANE.YAML")));
        assert!(!pattern.is_match(Path::new("PEOPLE/jane.yaml")));
        assert!(Pattern::new("*.YML").unwrap().is_match(Path::new("a.yml")));
    }
}
