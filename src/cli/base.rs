//! `--base REV`: the manifests of another revision, so that a plan can tell what was edited from what has drifted.
//!
//! They are read through the `git` command, which knows the user's configuration, worktrees and shallow clones.
//! Only objects that are there are read: nothing is fetched, checked out or written.

use super::Output;
use super::git;
use super::inputs::Inputs;
use crate::facts::{Completeness, World};
use crate::manifest::kinds::Spec;
use crate::manifest::{self, Compiled, Finding, Input};
use crate::plan::{self, Context, Plan, origin};
use clap::Args;
use globset::{GlobBuilder, GlobMatcher};
use jiff::Timestamp;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

/// The revision with which the manifests are compared.
#[derive(Debug, Clone, Args)]
pub(super) struct BaseArgs {
    /// Mark each change as edited since this git revision, or as drift
    #[arg(long, value_name = "REV")]
    base: Option<String>,
}

/// Why the manifests of the base cannot be had. Each message ends in the next step.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// No `git` command.
    #[error(
        "--base reads the manifests of another revision with git, and git cannot be started: {0}\n  install git, or plan without --base: edited or drift is unknown then"
    )]
    NoGit(std::io::Error),
    /// From standard input.
    #[error(
        "--base needs manifests in files: standard input has no history\n  give the folder of the manifests instead of -"
    )]
    Stdin,
    /// No work tree around the manifests.
    #[error(
        "{path} is not under git, so there is no {revision} to compare it with\n  plan without --base: edited or drift is unknown then"
    )]
    NotUnderGit {
        /// Where the manifests are.
        path: String,
        /// What was asked for.
        revision: String,
    },
    /// Another repository, or none.
    #[error(
        "{path} is outside the repository {repository}, which the other manifests are in\n  give manifests of one repository, or plan without --base"
    )]
    OutsideRepository {
        /// Which one.
        path: String,
        /// Where the first path is.
        repository: String,
    },
    /// It is not there.
    #[error("this {clone} has no revision {revision}\n  {next}")]
    NoRevision {
        /// `clone`, `shallow clone`
        clone: &'static str,
        /// What was asked for.
        revision: String,
        /// The command that fetches it.
        next: String,
    },
    /// No `KoreAccount` in it.
    #[error(
        "{revision} declares no KoreAccount {account} under {paths}, so its manifests cannot be planned\n  choose a revision that has it, or plan without --base until it is merged"
    )]
    NoAccount {
        /// Which revision.
        revision: String,
        /// Which account.
        account: String,
        /// Where it was looked for.
        paths: String,
    },
    /// Anything else git says.
    #[error("git {command} failed: {said}")]
    Git {
        /// What was run.
        command: String,
        /// The error output of git.
        said: String,
    },
}

/// The manifests of the base, compiled at the same time as the others.
pub(super) struct Base {
    revision: String,
    compiled: Compiled,
}

impl BaseArgs {
    /// Reads and compiles the base, if one was asked for. Nothing has been sent to the account yet.
    pub(super) fn read(
        &self,
        inputs: &Inputs,
        compiled: &Compiled,
        output: &Output,
    ) -> Result<Option<Base>, BaseError> {
        let Some(revision) = &self.base else { return Ok(None) };
        let tree = Tree::open(revision, &inputs.paths)?;
        for note in tree.notes()? {
            output.note(note);
        }
        Ok(Some(tree.compile(&compiled.account.name, output)?))
    }
}

impl Base {
    /// Marks each change by what these manifests would change in the same world.
    pub(super) fn mark(self, plan: Plan, world: &World) -> Plan {
        let Self { revision, compiled } = self;
        let Compiled { desired, policy, .. } = compiled;
        let base = plan::make(desired, world, &policy, &Context::default());
        origin::mark(plan, &base, &revision)
    }
}

/// One revision of a repository, and the paths of it that are manifests.
struct Tree {
    revision: String,
    top: PathBuf,
    paths: Vec<Chosen>,
    files: Vec<Blob>,
}

/// A path of the command line, from the top of the repository; `/` between its parts.
struct Chosen {
    path: String,
    /// `None`: a file, or a folder with all below it.
    pattern: Option<GlobMatcher>,
}

struct Blob {
    path: String,
    object: String,
}

impl Tree {
    fn open(revision: &str, paths: &[String]) -> Result<Self, BaseError> {
        if paths.iter().any(|path| path == "-") {
            return Err(BaseError::Stdin);
        }
        let first = paths.first().map_or(".", String::as_str);
        let top = top(first, revision)?;
        let commit = commit(&top, revision)?;
        let paths = paths.iter().map(|path| choose(path, &top)).collect::<Result<Vec<_>, _>>()?;
        let files = list(&top, &commit)?;
        Ok(Self { revision: revision.to_owned(), top, paths, files })
    }

    /// What is in the work tree and in no commit is compared too, and may surprise.
    fn notes(&self) -> Result<Vec<String>, BaseError> {
        let status = ask(&self.top, &["status", "--porcelain", "-z", "--untracked-files=all"])?;
        let is_manifest = |entry: &&str| {
            entry.get(3..).is_some_and(|file| self.paths.iter().any(|chosen| chosen.holds(file)))
        };
        let dirty = status.split('\0').filter(is_manifest).count();
        Ok(match dirty {
            0 => Vec::new(),
            1 => vec!["note: 1 file is not committed; what it changes counts as edited".to_owned()],
            dirty => {
                vec![format!("note: {dirty} files are not committed; what they change counts as edited")]
            }
        })
    }

    fn compile(self, account: &str, output: &Output) -> Result<Base, BaseError> {
        let chosen: Vec<&Blob> =
            self.files.iter().filter(|blob| self.paths.iter().any(|path| path.holds(&blob.path))).collect();
        let mut manifests = manifest::read(contents(&self.top, &chosen)?);
        let wholes: Vec<(String, Completeness)> = manifests
            .accounts()
            .into_iter()
            .filter_map(|account| {
                let (Spec::Account(spec), Some(file)) = (&account.spec, account.file()) else { return None };
                Some((account.name.to_string(), self.completeness(file, &spec.sources, &chosen)))
            })
            .collect();
        for (account, completeness) in wholes {
            manifests.set_completeness(&account, completeness);
        }
        let now = Timestamp::now();
        // Under another name it is still the only account of these files.
        let compiled = manifest::compile(&manifests, Some(account), now)
            .or_else(|_| manifest::compile(&manifests, None, now));
        let Ok(compiled) = compiled else {
            let paths: Vec<&str> = self.paths.iter().map(Chosen::name).collect();
            return Err(BaseError::NoAccount {
                revision: self.revision,
                account: account.to_owned(),
                paths: paths.join(", "),
            });
        };
        let findings = manifests.findings().iter().chain(&compiled.findings);
        let errors: Vec<&Finding> = findings.filter(|finding| finding.is_error()).collect();
        if let Some(first) = errors.first() {
            output.note(format_args!(
                "note: the manifests at {} have errors ({}, the first at {}); what they hid counts as edited",
                self.revision,
                errors.len(),
                first.spot
            ));
        }
        Ok(Base { revision: self.revision, compiled })
    }

    /// Whether everything that `sources` names in that revision is among the chosen files, as
    /// [`manifest::load::survey`] says it of the disk.
    fn completeness(&self, account: &str, sources: &[String], chosen: &[&Blob]) -> Completeness {
        if sources.is_empty() {
            return Completeness::Unknown;
        }
        let folder = account.rsplit_once('/').map_or("", |(folder, _)| folder);
        for source in sources {
            let path = normal(&Path::new(folder).join(source));
            let source = Chosen { pattern: matcher(&path), path: path.trim_end_matches('/').to_owned() };
            for blob in self.files.iter().filter(|blob| source.holds(&blob.path)) {
                if !chosen.iter().any(|known| known.path == blob.path) {
                    return Completeness::Partial(format!("{} was not loaded", blob.path));
                }
            }
        }
        Completeness::Complete
    }
}

impl Chosen {
    /// Whether a file of the repository belongs to it: as on disk, hidden ones below a folder do not.
    fn holds(&self, file: &str) -> bool {
        if let Some(pattern) = &self.pattern {
            return pattern.is_match(file) && !is_hidden(file.strip_prefix(self.folder()).unwrap_or(file));
        }
        if file == self.path {
            return true;
        }
        let below = if self.path.is_empty() {
            Some(file)
        } else {
            file.strip_prefix(self.path.as_str()).and_then(|rest| rest.strip_prefix('/'))
        };
        let is_yaml = Path::new(file).extension().is_some_and(|end| end == "yaml" || end == "yml");
        below.is_some_and(|below| is_yaml && !is_hidden(below))
    }

    /// The part before the first special character of a pattern.
    fn folder(&self) -> &str {
        if self.pattern.is_none() {
            return &self.path;
        }
        let special = self.path.find(['*', '?', '[', '{']).unwrap_or(self.path.len());
        self.path[..special].rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    fn name(&self) -> &str {
        if self.path.is_empty() { "the top of the repository" } else { &self.path }
    }
}

fn is_hidden(below: &str) -> bool {
    below.split('/').any(|part| part.starts_with('.'))
}

fn matcher(path: &str) -> Option<GlobMatcher> {
    if !path.contains(['*', '?', '[', '{']) {
        return None;
    }
    Some(GlobBuilder::new(path).literal_separator(true).build().ok()?.compile_matcher())
}

/// `a/./b/../c` as `a/c`, with `/`.
fn normal(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            part => parts.push(part.as_os_str().to_string_lossy().into_owned()),
        }
    }
    parts.join("/")
}

/// A path split into what is on disk, by its real name, and the pattern behind it.
fn real(path: &str) -> (PathBuf, PathBuf) {
    let given = Path::new(path);
    if given.is_dir() {
        return (given.canonicalize().unwrap_or_else(|_| given.to_owned()), PathBuf::new());
    }
    let is_pattern = |part: &Component<'_>| part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
    let mut folder: PathBuf = if given.exists() {
        given.parent().map_or_else(PathBuf::new, Path::to_path_buf)
    } else {
        given.components().take_while(|part| !is_pattern(part)).collect()
    };
    let rest = given.strip_prefix(&folder).unwrap_or(given).to_owned();
    if folder.as_os_str().is_empty() {
        folder = PathBuf::from(".");
    }
    (folder.canonicalize().unwrap_or(folder), rest)
}

fn choose(path: &str, top: &Path) -> Result<Chosen, BaseError> {
    let (folder, rest) = real(path);
    let outside =
        || BaseError::OutsideRepository { path: path.to_owned(), repository: top.display().to_string() };
    let folder = folder.strip_prefix(top).map_err(|_| outside())?;
    let is_file = Path::new(path).is_file();
    let path = normal(&folder.join(rest));
    if path.starts_with("..") {
        return Err(outside());
    }
    Ok(Chosen { pattern: if is_file { None } else { matcher(&path) }, path })
}

/// The repository that a path is in.
fn top(path: &str, revision: &str) -> Result<PathBuf, BaseError> {
    let (folder, _) = real(path);
    match ask(&folder, &["rev-parse", "--show-toplevel"]) {
        Ok(top) => Ok(PathBuf::from(top.trim_end_matches('\n'))),
        Err(BaseError::Git { said, .. }) if said.contains("not a git repository") || !folder.exists() => {
            Err(BaseError::NotUnderGit { path: path.to_owned(), revision: revision.to_owned() })
        }
        Err(error) => Err(error),
    }
}

/// The commit a revision names, or the command that brings it.
fn commit(top: &Path, revision: &str) -> Result<String, BaseError> {
    let wanted = format!("{revision}^{{commit}}");
    match ask(top, &["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted]) {
        Ok(commit) => Ok(commit.trim().to_owned()),
        Err(BaseError::Git { .. }) => {
            let is_shallow = git::is_shallow(top);
            let remotes = ask(top, &["remote"]).unwrap_or_default();
            let remotes: Vec<&str> = remotes.lines().collect();
            Err(BaseError::NoRevision {
                clone: if is_shallow { "shallow clone" } else { "clone" },
                revision: revision.to_owned(),
                next: fetch(revision, is_shallow, &remotes),
            })
        }
        Err(error) => Err(error),
    }
}

/// The command that brings a revision, as exactly as its name allows.
fn fetch(revision: &str, is_shallow: bool, remotes: &[&str]) -> String {
    let list = "git branch --all and git log show what there is";
    let Some(remote) = remotes.iter().find(|remote| **remote == "origin").or(remotes.first()) else {
        return format!("there is no remote to fetch it from; {list}");
    };
    let depth = if is_shallow { " --depth=1" } else { "" };
    if let Some(place) = revision.find(['~', '^']) {
        let name = &revision[..place];
        return if is_shallow {
            format!("fetch the history of {name}: git fetch --deepen={} {remote}", steps(&revision[place..]))
        } else {
            format!("{name} has no such ancestor; {list}")
        };
    }
    let is_hex = revision.len() >= 7 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hex && revision.len() < 40 {
        return if is_shallow {
            format!("fetch the history: git fetch --unshallow {remote}")
        } else {
            format!("fetch it: git fetch {remote}")
        };
    }
    if is_hex {
        return format!("fetch it: git fetch{depth} {remote} {revision}");
    }
    let of_remote = remotes.iter().find_map(|remote| {
        Some((
            *remote,
            revision
                .strip_prefix("refs/remotes/")
                .unwrap_or(revision)
                .strip_prefix(remote)?
                .strip_prefix('/')?,
        ))
    });
    match of_remote {
        Some((remote, branch)) => {
            format!("fetch it: git fetch{depth} {remote} {branch}:refs/remotes/{remote}/{branch}")
        }
        None => format!("fetch it: git fetch{depth} {remote} {revision}:{revision}"),
    }
}

/// How far `~2^` goes back.
fn steps(suffix: &str) -> usize {
    let mut steps = 0;
    let mut rest = suffix;
    while let Some(sign) = rest.chars().next() {
        rest = &rest[sign.len_utf8()..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        steps += if sign == '~' { rest[..digits].parse().unwrap_or(1) } else { 1 };
        rest = &rest[digits..];
    }
    steps.max(1)
}

/// Every file of a commit; submodules and symbolic links are not followed.
fn list(top: &Path, commit: &str) -> Result<Vec<Blob>, BaseError> {
    let listed = ask(top, &["ls-tree", "-r", "-z", "--full-tree", commit])?;
    let blob = |entry: &str| {
        let (about, path) = entry.split_once('\t')?;
        let mut about = about.split(' ');
        let (mode, _, object) = (about.next()?, about.next()?, about.next()?);
        mode.starts_with("100").then(|| Blob { path: path.to_owned(), object: object.to_owned() })
    };
    Ok(listed.split('\0').filter_map(blob).collect())
}

/// What is in the files, through one `git cat-file` for all of them.
fn contents(top: &Path, blobs: &[&Blob]) -> Result<Vec<Input>, BaseError> {
    let failed = |said: String| BaseError::Git { command: "cat-file --batch".to_owned(), said };
    let lost = |error: std::io::Error| failed(error.to_string());
    let mut child = git::command(top)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(BaseError::NoGit)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed("it has no pipes".to_owned()));
    };
    let asked: String = blobs.iter().map(|blob| format!("{}\n", blob.object)).collect();
    // Written beside the reading, or both would wait for each other once the pipes are full.
    let writer = std::thread::spawn(move || stdin.write_all(asked.as_bytes()));
    let mut answers = BufReader::new(stdout);
    let mut inputs = Vec::with_capacity(blobs.len());
    for blob in blobs {
        let mut header = String::new();
        answers.read_line(&mut header).map_err(lost)?;
        let size: usize = header
            .trim_end()
            .rsplit_once(' ')
            .and_then(|(_, size)| size.parse().ok())
            .ok_or_else(|| failed(format!("{} of {} is not there", blob.object, blob.path)))?;
        let mut bytes = vec![0; size + 1];
        answers.read_exact(&mut bytes).map_err(lost)?;
        bytes.pop();
        inputs.push(Input::new(blob.path.clone(), bytes));
    }
    drop(answers);
    let _ = writer.join();
    let _ = child.wait();
    Ok(inputs)
}

fn ask(folder: &Path, arguments: &[&str]) -> Result<String, BaseError> {
    let output = git::command(folder).args(arguments).output().map_err(BaseError::NoGit)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(BaseError::Git {
        command: arguments.first().copied().unwrap_or_default().to_owned(),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_revision_comes_with_the_command_that_fetches_it() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        for (revision, is_shallow, command) in [
            ("origin/main", true, "git fetch --depth=1 origin main:refs/remotes/origin/main"),
            ("origin/feature/x", false, "git fetch origin feature/x:refs/remotes/origin/feature/x"),
            ("refs/remotes/origin/main", true, "git fetch --depth=1 origin main:refs/remotes/origin/main"),
            ("main", true, "git fetch --depth=1 origin main:main"),
            (sha, true, "git fetch --depth=1 origin 0123456789abcdef0123456789abcdef01234567"),
            ("0123456", true, "git fetch --unshallow origin"),
            ("HEAD~3", true, "git fetch --deepen=3 origin"),
            ("HEAD^", true, "git fetch --deepen=1 origin"),
            ("HEAD^^~2", true, "git fetch --deepen=4 origin"),
        ] {
            let next = fetch(revision, is_shallow, &["upstream", "origin"]);
            assert!(next.ends_with(command), "{revision}: {next}");
        }
        assert!(fetch("main", false, &[]).contains("no remote"));
        assert!(fetch("HEAD~9", false, &["origin"]).contains("no such ancestor"));
    }

    #[test]
    fn files_are_chosen_as_on_disk() {
        let chosen = |path: &str| Chosen { path: path.to_owned(), pattern: matcher(path) };
        for (path, file, is_held) in [
            ("", "a.yaml", true),
            ("", ".github/ci.yaml", false),
            ("kore", "kore/teams/a.yml", true),
            ("kore", "kore/.old/a.yaml", false),
            ("kore", "korea/a.yaml", false),
            ("kore", "kore/README.md", false),
            ("kore/a.yaml", "kore/a.yaml", true),
            ("kore/*.yaml", "kore/a.yaml", true),
            ("kore/*.yaml", "kore/b/a.yaml", false),
            ("kore/**/*.yaml", "kore/b/a.yaml", true),
            ("kore/**/*.yaml", "kore/.b/a.yaml", false),
        ] {
            assert_eq!(chosen(path).holds(file), is_held, "{path} {file}");
        }
        assert_eq!(chosen("kore/*/a.yaml").folder(), "kore");
        assert_eq!(normal(Path::new("kore/./x/../*.yaml")), "kore/*.yaml");
    }
}
