//! `--base REV`: the manifests of another revision, so that a plan can tell what was edited from what has drifted.
//!
//! They are read through the `git` command, which knows the user's configuration, worktrees and shallow clones.
//! Only objects that are there are read: nothing is fetched, checked out or written.

use super::Output;
use super::git;
use super::git_tree::{self, Blob, ask};
use super::inputs::Inputs;
use crate::facts::{Completeness, Desired, Policy, World};
use crate::manifest::kinds::Spec;
use crate::manifest::sources::{self, Pattern};
use crate::manifest::{self, Compiled, Finding, Manifests};
use crate::plan::{self, Context, Plan, origin};
use clap::Args;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

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
        "the manifests of another revision are read with git, and git cannot be started: {0}\n  install git, or plan without --base: edited or drift is unknown then"
    )]
    NoGit(std::io::Error),
    /// From standard input.
    #[error(
        "the manifests of another revision need manifests in files: standard input has no history\n  give the folder of the manifests instead of -"
    )]
    Stdin,
    /// No work tree around the manifests.
    #[error(
        "{path} is not under git, so there is no {revision} to compare it with\n  give manifests that are under git, or plan without --base: edited or drift is unknown then"
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
        Ok(Some(tree.compile(&compiled.account.name, Timestamp::now(), output)?))
    }
}

impl Base {
    /// The revision, as it was given.
    pub(super) fn revision(&self) -> &str {
        &self.revision
    }

    /// What it declares.
    pub(super) fn desired(&self) -> &Desired {
        &self.compiled.desired
    }

    /// Marks each change by what these manifests would change in the same world.
    /// Where no apply has written down what was declared, these manifests say it.
    pub(super) fn mark(self, mut plan: Plan, unremembered: Option<(Desired, Policy)>, world: &World) -> Plan {
        let Self { revision, compiled } = self;
        let Compiled { desired, policy, .. } = compiled;
        if let Some((now, policy_now)) = unremembered {
            plan.declared =
                plan::declared_since((desired.clone(), &policy), (now, &policy_now), &plan, world);
        }
        let base = plan::make(desired, world, &policy, &Context::default());
        origin::mark(plan, &base, &revision)
    }

    /// The same, and names the areas that the edits since touch. `declared`: what these manifests are compared with.
    pub(super) fn mark_with_areas(
        self,
        plan: Plan,
        declared: (Desired, Policy),
        is_remembered: bool,
        world: &World,
    ) -> Plan {
        let Compiled { desired, policy, .. } = &self.compiled;
        let (before, areas) = (desired.clone(), policy.areas.clone());
        let unremembered = (!is_remembered).then(|| declared.clone());
        let plan = self.mark(plan, unremembered, world);
        let (now, policy) = declared;
        let before = Some(plan::DeclaredBefore::Base(before, &areas));
        plan::with_areas(plan, || now, &policy.areas, before, world)
    }
}

/// The manifests as a commit has them.
pub(super) struct AtRevision {
    /// The repository, whose paths they have.
    pub top: PathBuf,
    /// The commit's full id.
    pub commit: String,
    /// What is in them.
    pub manifests: Manifests,
    /// What they declare.
    pub compiled: Compiled,
}

/// Reads and compiles the manifests of a revision.
pub(super) fn at_revision(
    revision: &str,
    paths: &[String],
    account: Option<&str>,
    now: Timestamp,
) -> Result<AtRevision, BaseError> {
    let tree = Tree::open(revision, paths)?;
    let top = tree.top.clone();
    let commit = commit(&top, revision)?;
    let (manifests, compiled) = tree.load(account, now)?;
    Ok(AtRevision { top, commit, manifests, compiled })
}

/// The manifests of one revision, compiled at a time.
pub(super) fn compile_at(
    revision: &str,
    paths: &[String],
    account: &str,
    now: Timestamp,
    output: &Output,
) -> Result<Compiled, BaseError> {
    Ok(Tree::open(revision, paths)?.compile(account, now, output)?.compiled)
}

/// The top of the repository that the first path is in.
pub(super) fn top_of(paths: &[String], revision: &str) -> Result<PathBuf, BaseError> {
    top(paths.first().map_or(".", String::as_str), revision)
}

/// One revision of a repository, and the paths of it that are manifests.
struct Tree {
    revision: String,
    top: PathBuf,
    paths: Vec<Chosen>,
    files: Vec<Blob>,
}

/// A path of the command line or a line of `sources`, from the top of the repository; `/` between its parts.
struct Chosen {
    path: String,
    /// Below the path. `None`: a file, or a folder with all below it.
    pattern: Option<Pattern>,
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
        let files = git_tree::list(&top, &commit)?;
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

    fn compile(self, account: &str, now: Timestamp, output: &Output) -> Result<Base, BaseError> {
        let revision = self.revision.clone();
        let (manifests, compiled) = self.load(Some(account), now)?;
        let findings = manifests.findings().iter().chain(&compiled.findings);
        let errors: Vec<&Finding> = findings.filter(|finding| finding.is_error()).collect();
        if let Some(first) = errors.first() {
            output.note(format_args!(
                "note: the manifests at {revision} have errors ({}, the first at {}); what they hid counts as edited",
                errors.len(),
                first.spot
            ));
        }
        Ok(Base { revision, compiled })
    }

    /// The manifests of the revision, with what they declare at a time.
    fn load(self, account: Option<&str>, now: Timestamp) -> Result<(Manifests, Compiled), BaseError> {
        let mut chosen: Vec<&Blob> =
            self.files.iter().filter(|blob| self.paths.iter().any(|path| path.holds(&blob.path))).collect();
        // As on disk, a file that links lead to is read once.
        let mut seen = BTreeSet::new();
        chosen.retain(|blob| seen.insert(&blob.real));
        let mut manifests = manifest::read(git_tree::contents(&chosen)?);
        let wholes: Vec<(String, Completeness)> = manifests
            .accounts()
            .into_iter()
            .filter_map(|account| {
                let (Spec::Account(spec), Some(file)) = (&account.spec, account.file()) else { return None };
                Some((account.name.to_string(), self.completeness(file, &spec.sources, &manifests, &chosen)))
            })
            .collect();
        for (account, completeness) in wholes {
            manifests.set_completeness(&account, completeness);
        }
        // Under another name it is still the only account of these files.
        let compiled =
            manifest::compile(&manifests, account, now).or_else(|_| manifest::compile(&manifests, None, now));
        let Ok(compiled) = compiled else {
            let paths: Vec<&str> = self.paths.iter().map(Chosen::name).collect();
            return Err(BaseError::NoAccount {
                revision: self.revision,
                account: account.unwrap_or_default().to_owned(),
                paths: paths.join(", "),
            });
        };
        Ok((manifests, compiled))
    }

    /// Whether everything that `sources` names in that revision is among the chosen files and understood, as
    /// [`manifest::sources::survey`] says it of the disk.
    fn completeness(
        &self,
        account: &str,
        sources: &[String],
        manifests: &Manifests,
        chosen: &[&Blob],
    ) -> Completeness {
        if sources.is_empty() {
            return Completeness::Unknown;
        }
        let folder = account.rsplit_once('/').map_or("", |(folder, _)| folder);
        for source in sources.iter().filter_map(|source| self.source(folder, source)) {
            for blob in self.files.iter().filter(|blob| source.holds(&blob.path)) {
                match chosen.iter().find(|known| known.real == blob.real) {
                    None => return Completeness::Partial(format!("{} was not loaded", blob.path)),
                    Some(read) if !manifests.is_understood(&read.path) => {
                        return Completeness::Partial(format!("{} holds no manifest", blob.path));
                    }
                    Some(_) => {}
                }
            }
        }
        Completeness::Complete
    }

    /// One line of `sources`: a name where the revision has it, otherwise a pattern below a folder.
    fn source(&self, folder: &str, source: &str) -> Option<Chosen> {
        let literal = Chosen { path: normal(&Path::new(folder).join(source)), pattern: None };
        if !sources::is_pattern(source) || self.files.iter().any(|blob| literal.holds(&blob.path)) {
            return Some(literal);
        }
        let (base, pattern) = sources::split(source);
        let path = normal(&Path::new(folder).join(base));
        Some(Chosen { path, pattern: Some(Pattern::new(&pattern).ok()?) })
    }
}

impl Chosen {
    /// Whether a file of the repository belongs to it: as on disk, hidden ones below a folder do not.
    fn holds(&self, file: &str) -> bool {
        if self.pattern.is_none() && file == self.path {
            return true;
        }
        let below = if self.path.is_empty() {
            Some(file)
        } else {
            file.strip_prefix(self.path.as_str()).and_then(|rest| rest.strip_prefix('/'))
        };
        let Some(below) = below.filter(|below| !is_hidden(below)) else { return false };
        match &self.pattern {
            Some(pattern) => pattern.is_match(Path::new(below)),
            None => Path::new(below)
                .extension()
                .is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml")),
        }
    }

    fn name(&self) -> &str {
        if self.path.is_empty() { "the top of the repository" } else { &self.path }
    }
}

fn is_hidden(below: &str) -> bool {
    below.split('/').any(|part| part.starts_with('.'))
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

/// A path split into the folder that is on disk, by its real name, and what is behind it.
fn real(path: &str) -> (PathBuf, PathBuf) {
    let given = Path::new(path);
    let folder = given.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new(""));
    let rest = given.strip_prefix(folder).unwrap_or(given).to_owned();
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    (folder.canonicalize().unwrap_or_else(|_| folder.to_owned()), rest)
}

fn choose(path: &str, top: &Path) -> Result<Chosen, BaseError> {
    let (folder, rest) = real(path);
    let outside =
        || BaseError::OutsideRepository { path: path.to_owned(), repository: top.display().to_string() };
    let folder = folder.strip_prefix(top).map_err(|_| outside())?;
    let path = normal(&folder.join(rest));
    if path.starts_with("..") {
        return Err(outside());
    }
    Ok(Chosen { path, pattern: None })
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
        let chosen = |path: &str, pattern: Option<&str>| Chosen {
            path: path.to_owned(),
            pattern: pattern.map(|pattern| Pattern::new(pattern).unwrap()),
        };
        for (path, pattern, file, is_held) in [
            ("", None, "a.yaml", true),
            ("", None, "A.YAML", true),
            ("", None, ".github/ci.yaml", false),
            ("kore", None, "kore/teams/a.yml", true),
            ("kore", None, "kore/.old/a.yaml", false),
            ("kore", None, "korea/a.yaml", false),
            ("kore", None, "kore/README.md", false),
            ("kore/a.yaml", None, "kore/a.yaml", true),
            ("ko [re]", None, "ko [re]/a.yaml", true),
            ("ko [re]", Some("*.yaml"), "ko [re]/a.yaml", true),
            ("ko [re]", Some("*.yaml"), "ko r/a.yaml", false),
            ("kore", Some("*.yaml"), "kore/a.yaml", true),
            ("kore", Some("*.yaml"), "kore/b/a.yaml", false),
            ("kore", Some("**/*.yaml"), "kore/b/a.yaml", true),
            ("kore", Some("**/*.yaml"), "kore/.b/a.yaml", false),
            ("", Some("*.yaml"), "a.yaml", true),
        ] {
            assert_eq!(chosen(path, pattern).holds(file), is_held, "{path} {pattern:?} {file}");
        }
        assert_eq!(normal(Path::new("kore/./x/../*.yaml")), "kore/*.yaml");
    }
}
