//! The memory in a git reference of the manifests' repository: for pipelines, whose machines keep nothing.
//!
//! The tree of its commit has a head (everything but the facts), the facts in parts by a hash of their subject, and a
//! seal over all of them. A write replaces the reference only if it is still what was read, so that two runs never
//! overwrite each other. Each commit follows the one before it, or git would send every part again: it sends what an
//! ancestor at the remote does not have. After [`HISTORY`] of them a commit without parents begins anew.

use super::git;
use super::revision::{fed, line};
use crate::kore::url_shown;
use crate::memory::{self, KEY_VARIABLE, Parts, Seal};
use crate::plan::Memory;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Facts are spread over so many files.
const PARTS: u16 = 64;
/// So many commits follow each other.
const HISTORY: usize = 50;
const SEAL: &str = "seal";
const LOCK: &str = "lock.json";

/// A memory in a repository.
#[derive(Debug)]
pub(super) struct MemoryReference {
    /// A folder of the clone.
    pub folder: PathBuf,
    /// Where the reference is pushed to.
    pub remote: String,
    /// `refs/koreconcile/…`
    pub reference: String,
    /// The keys of its seal.
    pub seal: Seal,
}

/// What the reference holds.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// The commit, where there is one.
    pub commit: Option<String>,
    /// What is remembered.
    pub memory: Memory,
    /// Who has it now.
    pub lock: Option<Lock>,
    /// Whether it is known to be what a run of ours has written: without a key nobody can tell.
    pub trust: Trust,
}

/// Whether what was read is what a run of ours has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trust {
    /// There is no memory yet, or its seal fits.
    #[default]
    Sealed,
    /// There is no key to tell with.
    Unknown,
}

/// A run that has the memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lock {
    /// Which run.
    pub holder: String,
    /// When it ends by itself.
    pub until: jiff::Timestamp,
}

/// What came of renewing a lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// It is held on.
    Renewed {
        /// What is stored now.
        commit: String,
        /// The lock as it is now.
        lock: Lock,
    },
    /// Another run has written.
    Lost,
    /// The remote does not answer: it is held until its end.
    Unreachable,
}

/// Why a reference cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReferenceError {
    /// git refuses it.
    #[error("git {command}: {said}")]
    Git {
        /// What was run.
        command: &'static str,
        /// Its last words.
        said: String,
    },
    /// Another run has written.
    #[error("another run has changed it meanwhile")]
    Changed,
    /// Not as it was written.
    #[error(transparent)]
    Tampered(#[from] memory::Tampered),
    /// No key.
    #[error("{KEY_VARIABLE} is not set, and only who has the key may write")]
    NoKey,
    /// Not in the form that was written.
    #[error("{0}")]
    Malformed(String),
}

impl MemoryReference {
    /// Reads it from the remote.
    pub(super) fn load(&self) -> Result<Stored, ReferenceError> {
        let listed = self.git("ls-remote", &["ls-remote", &self.remote, &self.reference])?;
        let Some(commit) = listed.split_whitespace().next().map(str::to_owned) else {
            return Ok(Stored::default());
        };
        self.git("fetch", &["fetch", "--quiet", "--no-tags", &self.remote, &self.reference])?;
        let files = self.files(&commit)?;
        let trust = self.check(&files)?;
        let malformed = |error: serde_json::Error| ReferenceError::Malformed(error.to_string());
        let memory = memory::join(&files).map_err(malformed)?;
        let lock = files.get(LOCK).map(|text| serde_json::from_str(text)).transpose().map_err(malformed)?;
        Ok(Stored { commit: Some(commit), memory, lock, trust })
    }

    /// Replaces what was read. Nothing is sent when nothing has changed.
    pub(super) fn store(
        &self,
        before: Option<&str>,
        memory: &Memory,
        lock: Option<&Lock>,
    ) -> Result<String, ReferenceError> {
        let mut files = files_of(memory, lock)?;
        let seal = self.seal.over(&files).ok_or(ReferenceError::NoKey)?;
        files.insert(SEAL.to_owned(), seal + "\n");
        let commit = self.import(&files, before.filter(|before| self.may_follow(before)))?;
        if let Some(before) = before {
            let tree = |commit: &str| line(&self.folder, &["rev-parse", &format!("{commit}^{{tree}}")]);
            if tree(before) == tree(&commit) {
                return Ok(before.to_owned());
            }
        }
        let expected = format!("--force-with-lease={}:{}", self.reference, before.unwrap_or_default());
        let what = format!("{commit}:{}", self.reference);
        match self.git("push", &["push", "--quiet", &expected, &self.remote, &what]) {
            Ok(_) => Ok(commit),
            Err(ReferenceError::Git { said, .. })
                if said.contains("stale info") || said.contains("cannot lock ref") =>
            {
                Err(ReferenceError::Changed)
            }
            Err(error) => Err(error),
        }
    }

    /// Moves on the end of a run's lock. `commit`: what that run has stored last.
    pub(super) fn renew(&self, commit: Option<&str>, lock: Lock) -> Renewal {
        match self.load() {
            Ok(stored) if stored.commit.as_deref() != commit => Renewal::Lost,
            Ok(stored) => match self.store(commit, &stored.memory, Some(&lock)) {
                Ok(commit) => Renewal::Renewed { commit, lock },
                Err(ReferenceError::Changed) => Renewal::Lost,
                Err(_) => Renewal::Unreachable,
            },
            Err(ReferenceError::Tampered(_)) => Renewal::Lost,
            Err(_) => Renewal::Unreachable,
        }
    }

    /// Whether a commit has few enough before it. One that is not in the clone cannot be followed.
    fn may_follow(&self, commit: &str) -> bool {
        let count = line(&self.folder, &["rev-list", "--count", commit]);
        count.and_then(|count| count.parse().ok()).is_some_and(|count: usize| count < HISTORY)
    }

    /// Writes a commit into the clone.
    fn import(&self, files: &Parts, parent: Option<&str>) -> Result<String, ReferenceError> {
        let local = format!("refs/koreconcile-local/{}", self.reference.trim_start_matches("refs/"));
        let message = "koreconcile memory";
        let mut stream = format!(
            "commit {local}\ncommitter koreconcile <koreconcile@example.com> 0 +0000\ndata {}\n{message}\n",
            message.len()
        );
        // Writing to a String cannot fail.
        if let Some(parent) = parent {
            let _ = write!(stream, "from {parent}\ndeleteall\n");
        }
        for (name, text) in files {
            let _ = write!(stream, "M 100644 inline {name}\ndata {}\n{text}\n", text.len());
        }
        stream += "done\n";
        let said =
            |error: super::CliError| ReferenceError::Git { command: "fast-import", said: error.to_string() };
        let _ = line(&self.folder, &["update-ref", "-d", &local]);
        fed(&self.folder, &["fast-import", "--quiet", "--force", "--done"], &stream).map_err(said)?;
        let malformed = || ReferenceError::Malformed("git fast-import wrote nothing".to_owned());
        line(&self.folder, &["rev-parse", &local]).ok_or_else(malformed)
    }

    fn files(&self, commit: &str) -> Result<Parts, ReferenceError> {
        // From the top, wherever the manifests are.
        let names = self.git("ls-tree", &["ls-tree", "--full-tree", "--name-only", commit])?;
        let asked: String = names.lines().map(|name| format!("{commit}:{name}\n")).collect();
        let said =
            |error: super::CliError| ReferenceError::Git { command: "cat-file", said: error.to_string() };
        let mut answers = fed(&self.folder, &["cat-file", "--batch"], &asked).map_err(said)?;
        let cut = || ReferenceError::Malformed("git cat-file has printed less than was asked for".to_owned());
        names.lines().map(|name| Ok((name.to_owned(), next_object(&mut answers).ok_or_else(cut)?))).collect()
    }

    fn check(&self, files: &Parts) -> Result<Trust, ReferenceError> {
        if self.seal.is_empty() {
            return Ok(Trust::Unknown);
        }
        let mut sealed = files.clone();
        let written = sealed.remove(SEAL).unwrap_or_default();
        self.seal.verify(&sealed, &written)?;
        Ok(Trust::Sealed)
    }

    fn git(&self, command: &'static str, arguments: &[&str]) -> Result<String, ReferenceError> {
        let mut git: Command = git::command(&self.folder);
        let output = git.args(arguments).stdin(Stdio::null()).output();
        let output = output.map_err(|error| ReferenceError::Git { command, said: error.to_string() })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        // Git repeats the address, with the password that is in it.
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().replace(&self.remote, &url_shown(&self.remote));
        Err(ReferenceError::Git { command, said })
    }
}

/// The first of the objects that `git cat-file --batch` has printed: `<id> <type> <size>`, its content, a line end.
fn next_object(answers: &mut String) -> Option<String> {
    let (head, rest) = answers.split_once('\n')?;
    let size: usize = head.rsplit_once(' ')?.1.parse().ok()?;
    let content = rest.get(..size)?.to_owned();
    let rest = rest.get(size + 1..)?.to_owned();
    *answers = rest;
    Some(content)
}

/// The files of a memory, without their seal.
fn files_of(memory: &Memory, lock: Option<&Lock>) -> Result<Parts, ReferenceError> {
    let malformed = |error: serde_json::Error| ReferenceError::Malformed(error.to_string());
    let mut files = memory::split(memory, PARTS).map_err(malformed)?;
    if let Some(lock) = lock {
        files.insert(LOCK.to_owned(), serde_json::to_string(lock).map_err(malformed)? + "\n");
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Email, Key, Membership, Value};
    use crate::plan::RememberedFact;
    use jiff::Timestamp;
    use secrecy::SecretString;
    use std::path::Path;

    /// A repository, and a clone whose origin it is.
    struct Forge {
        folder: tempfile::TempDir,
    }

    fn run(folder: &Path, arguments: &[&str]) -> String {
        let output = git::command(folder).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    impl Forge {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            run(folder.path(), &["init", "--quiet", "--bare", "origin.git"]);
            let forge = Self { folder };
            for clone in ["one", "two"] {
                run(forge.folder.path(), &["init", "--quiet", clone]);
                run(&forge.folder.path().join(clone), &["remote", "add", "origin", "../origin.git"]);
            }
            forge
        }

        fn clone(&self, name: &str, keys: &[&str]) -> MemoryReference {
            MemoryReference {
                folder: self.folder.path().join(name),
                remote: "origin".to_owned(),
                reference: "refs/koreconcile/acme".to_owned(),
                seal: Seal::new(keys.iter().map(|key| SecretString::from((*key).to_owned()))),
            }
        }
    }

    fn memory(people: usize) -> Memory {
        let facts = (0..people).map(|at| {
            let email = Email::observed(&format!("u{at}@example.com"));
            (Key::Member(email), RememberedFact::asked(Value::Member(Membership::Joined)))
        });
        let mut facts: Vec<_> = facts.collect();
        facts.sort_by(|(left, _), (right, _)| left.cmp(right));
        Memory { facts, generation: 7, ..Memory::default() }
    }

    #[test]
    fn manifests_in_a_subfolder_have_the_same_memory() {
        let forge = Forge::new();
        let (one, mut two) = (forge.clone("one", &["key"]), forge.clone("two", &["key"]));
        let first = one.store(None, &memory(3), None).unwrap();
        two.folder = two.folder.join("access");
        std::fs::create_dir(&two.folder).unwrap();
        assert_eq!(two.load().unwrap().memory, memory(3));
        let more = two.store(Some(&first), &memory(4), None).unwrap();
        assert_eq!(one.load().unwrap().commit, Some(more));
    }

    #[test]
    fn what_one_machine_stores_another_loads() {
        let forge = Forge::new();
        let (one, two) = (forge.clone("one", &["key"]), forge.clone("two", &["key"]));
        assert_eq!(two.load().unwrap().commit, None);
        let first = one.store(None, &memory(300), None).unwrap();
        let stored = two.load().unwrap();
        assert_eq!((stored.commit.as_deref(), &stored.memory), (Some(first.as_str()), &memory(300)));
        assert_eq!(one.store(Some(&first), &memory(300), None).unwrap(), first, "nothing has changed");
        let second = two.store(Some(&first), &memory(301), None).unwrap();
        assert!(matches!(one.store(Some(&first), &memory(299), None), Err(ReferenceError::Changed)));
        assert!(matches!(one.store(None, &memory(299), None), Err(ReferenceError::Changed)));
        assert_eq!(one.load().unwrap().memory.facts.len(), 301);
        // Parts that have not changed are the same objects.
        let blobs = |commit: &str| run(&two.folder, &["ls-tree", commit]);
        let (before, after) = (blobs(&first), blobs(&second));
        let changed = after.lines().filter(|line| !before.contains(line)).count();
        assert_eq!(changed, 2, "one part and the seal");
        assert_eq!(run(&two.folder, &["rev-list", "--count", &second]).trim(), "2", "it follows the first");
    }

    #[test]
    fn an_edit_sends_the_parts_that_it_changes_and_history_has_an_end() {
        let forge = Forge::new();
        let one = forge.clone("one", &["key"]);
        let mut last = one.store(None, &memory(200), None).unwrap();
        let sent = |before: &str, after: &str| {
            let objects = run(&one.folder, &["rev-list", "--objects", after, &format!("^{before}")]);
            objects.lines().count()
        };
        for people in 201..201 + HISTORY {
            let next = one.store(Some(&last), &memory(people), None).unwrap();
            let count = run(&one.folder, &["rev-list", "--count", &next]);
            if people < 200 + HISTORY {
                assert_eq!(sent(&last, &next), 4, "a commit, its tree, one part and the seal");
            } else {
                assert_eq!(count.trim(), "1", "it begins anew");
            }
            last = next;
        }
        assert_eq!(forge.clone("two", &["key"]).load().unwrap().memory, memory(200 + HISTORY));
    }

    #[test]
    fn only_who_has_the_key_writes_what_is_trusted() {
        let forge = Forge::new();
        let one = forge.clone("one", &["key"]);
        let first = one.store(None, &memory(3), None).unwrap();
        let stranger = forge.clone("two", &[]);
        let stored = stranger.load().unwrap();
        assert_eq!((stored.trust, stored.memory.facts.len()), (Trust::Unknown, 3));
        assert!(matches!(stranger.store(Some(&first), &memory(4), None), Err(ReferenceError::NoKey)));
        let forger = forge.clone("two", &["another"]);
        assert!(matches!(forger.load(), Err(ReferenceError::Tampered(_))));
        forger.store(Some(&first), &memory(9), None).unwrap();
        assert!(matches!(one.load(), Err(ReferenceError::Tampered(_))));
        assert_eq!(forge.clone("one", &["new", "another"]).load().unwrap().memory.facts.len(), 9, "rotated");
    }

    #[test]
    fn a_lock_travels_with_the_memory() {
        let forge = Forge::new();
        let (one, two) = (forge.clone("one", &["key"]), forge.clone("two", &["key"]));
        let lock = Lock { holder: "one".to_owned(), until: Timestamp::from_second(1_800_000_000).unwrap() };
        let taken = one.store(None, &memory(1), Some(&lock)).unwrap();
        assert_eq!(two.load().unwrap().lock, Some(lock));
        one.store(Some(&taken), &memory(2), None).unwrap();
        assert_eq!(two.load().unwrap().lock, None);
    }

    #[test]
    fn a_lock_is_held_on_and_a_lost_one_is_noticed() {
        let forge = Forge::new();
        let (one, two) = (forge.clone("one", &["key"]), forge.clone("two", &["key"]));
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let lock = |second: i64| Lock { holder: "one".to_owned(), until: at(second) };
        let taken = one.store(None, &memory(1), Some(&lock(0))).unwrap();
        let Renewal::Renewed { commit, lock: held } = one.renew(Some(&taken), lock(600)) else { panic!() };
        assert_eq!(held, lock(600));
        assert_eq!(two.load().unwrap().lock, Some(lock(600)));
        assert_eq!(two.load().unwrap().memory, memory(1));
        let other = Lock { holder: "two".to_owned(), until: at(1_200) };
        two.store(Some(&commit), &memory(2), Some(&other)).unwrap();
        assert_eq!(one.renew(Some(&commit), lock(1_800)), Renewal::Lost);
        assert_eq!(two.load().unwrap().lock, Some(other), "the other run keeps its own");
        let away = MemoryReference { remote: "elsewhere".to_owned(), ..forge.clone("one", &["key"]) };
        assert_eq!(away.renew(Some(&commit), lock(1_800)), Renewal::Unreachable);
    }

    #[test]
    fn a_remote_that_is_not_there_is_named() {
        let forge = Forge::new();
        let lost = MemoryReference { remote: "elsewhere".to_owned(), ..forge.clone("one", &["key"]) };
        let error = lost.load().unwrap_err().to_string();
        assert!(error.starts_with("git ls-remote: ") && error.contains("elsewhere"), "{error}");
    }

    #[test]
    fn a_remote_that_takes_no_pushes_is_not_another_run() {
        let forge = Forge::new();
        let hook = forge.folder.path().join("origin.git/hooks/pre-receive");
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, "#!/bin/sh\necho not here >&2\nexit 1\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&hook, mode).unwrap();
        let error = forge.clone("one", &["key"]).store(None, &memory(1), None).unwrap_err();
        assert!(matches!(&error, ReferenceError::Git { said, .. } if said.contains("not here")), "{error}");
    }
}
