//! Which commit last wrote a line, as `git` knows it. Files outside git, and machines without it, get a note.

use super::super::{git, revision};
use crate::facts::Location;
use crate::plan::explain::{Commit, Explanation};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Most files that are blamed; beyond them it would take seconds.
const MOST_FILES: usize = 40;
/// Most lines of one file that are blamed one by one; beyond them the complete file is.
const MOST_LINES: usize = 100;

/// Files that are blamed at the same time.
const AT_ONCE: usize = 40;

/// By file and line.
type Commits = HashMap<(Arc<str>, u32), Commit>;

/// Which text of the files is blamed, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Extent<'a> {
    /// The repository and the commit whose files these are; else the files on disk.
    pub at: Option<(&'a Path, &'a str)>,
    /// Most files that are blamed.
    pub most_files: usize,
}

impl Extent<'_> {
    /// The files on disk, as far as that is quick.
    pub(super) const FEW: Self = Self { at: None, most_files: MOST_FILES };

    fn has(&self, file: &str) -> bool {
        self.at.is_some() || Path::new(file).is_file()
    }
}

/// Fills it in; returns notes on what could not be attributed.
pub(in crate::cli) fn fill(explanation: &mut Explanation, extent: Extent<'_>) -> Vec<String> {
    let mut places: BTreeMap<Arc<str>, BTreeSet<u32>> = BTreeMap::new();
    for (_, all) in explanation.attributions_mut() {
        for attributions in all {
            if let Location::File { file, line, column: _ } = &attributions.source.place {
                places.entry(Arc::clone(file)).or_default().insert(*line);
            }
        }
    }
    places.retain(|file, _| extent.has(file));
    let Some((first, _)) = places.first_key_value() else { return Vec::new() };
    if places.len() > extent.most_files {
        return vec![format!("commits are not shown: the answer has lines of {} files", places.len())];
    }
    // Without a repository, a hundred files would ask a hundred times.
    let folder = extent.at.map_or_else(|| revision::folder_of(Path::new(&**first)), |(top, _)| top);
    let is_alone = places.len() > AT_ONCE && revision::line(folder, &["rev-parse", "--git-dir"]).is_none();
    let asked: Vec<(&Arc<str>, &BTreeSet<u32>)> =
        places.iter().take(if is_alone { 1 } else { usize::MAX }).collect();
    let mut notes = BTreeSet::new();
    let mut commits = Commits::new();
    for some in asked.chunks(AT_ONCE) {
        for answer in of_files(some, extent) {
            match answer {
                Ok(more) => commits.extend(more),
                Err(note) => {
                    notes.insert(note);
                }
            }
        }
    }
    for (_, all) in explanation.attributions_mut() {
        for attributions in all {
            if let Location::File { file, line, column: _ } = &attributions.source.place {
                attributions.commit = commits.get(&(Arc::clone(file), *line)).cloned();
            }
        }
    }
    notes.into_iter().collect()
}

fn of_files(files: &[(&Arc<str>, &BTreeSet<u32>)], extent: Extent<'_>) -> Vec<Result<Commits, String>> {
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            files.iter().map(|(file, lines)| scope.spawn(move || of_file(file, lines, extent))).collect();
        let failed = || Err("git could not be run".to_owned());
        asked.into_iter().map(|answer| answer.join().unwrap_or_else(|_| failed())).collect()
    })
}

fn of_file(file: &Arc<str>, lines: &BTreeSet<u32>, extent: Extent<'_>) -> Result<Commits, String> {
    let path = Path::new(&**file);
    let (folder, name) = match extent.at {
        Some((top, _)) => (top, path.as_os_str()),
        None => (revision::folder_of(path), path.file_name().unwrap_or_default()),
    };
    let mut blame = git::command(folder);
    blame.args(["blame", "--line-porcelain"]);
    if lines.len() <= MOST_LINES {
        blame.args(lines.iter().map(|line| format!("-L{line},{line}")));
    }
    if let Some((_, commit)) = extent.at {
        blame.arg(commit);
    }
    blame.arg("--").arg(name);
    let Ok(answer) = blame.output() else {
        return Err("commits are not shown: git is not installed".to_owned());
    };
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        let why = if said.contains("not a git repository") {
            "the manifests are not under git".to_owned()
        } else if said.contains("no such path") {
            format!("{file} is not committed")
        } else {
            format!("git blame of {file} failed: {}", said.lines().next().unwrap_or("nothing"))
        };
        return Err(format!("commits are not shown: {why}"));
    }
    let mut commits = parse(&String::from_utf8_lossy(&answer.stdout), file);
    // A root commit is a boundary too; only in a shallow clone is there something behind it.
    if commits.values().any(|commit| commit.is_oldest) && !git::is_shallow(folder) {
        for commit in commits.values_mut() {
            commit.is_oldest = false;
        }
    }
    Ok(commits)
}

/// Reads `git blame --line-porcelain`: a block a line, ended by the line itself behind a tab. What is not committed has
/// the id of zeros, and gets no commit.
fn parse(text: &str, file: &Arc<str>) -> Commits {
    let mut commits = Commits::new();
    let mut block: Vec<&str> = Vec::new();
    for line in text.lines() {
        if !line.starts_with('\t') {
            block.push(line);
            continue;
        }
        let of = |name: &str| {
            block.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap_or_default()
        };
        let mut head = block.first().copied().unwrap_or_default().split(' ');
        let id = head.next().unwrap_or_default();
        let number = head.nth(1).and_then(|number| number.parse().ok());
        let at = of("author-time").parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        if let (Some(number), Some(at), false) = (number, at, id.bytes().all(|byte| byte == b'0')) {
            let commit = Commit {
                id: id.to_owned(),
                at,
                author: of("author").to_owned(),
                summary: of("summary").to_owned(),
                is_oldest: block.contains(&"boundary"),
            };
            commits.insert((Arc::clone(file), number), commit);
        }
        block.clear();
    }
    commits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_committed_line_has_its_commit_and_a_new_one_has_none() {
        let text = "\
1111111111111111111111111111111111111111 3 7 1
author Jane Doe
author-mail <jane.doe@example.com>
author-time 1767225600
author-tz +0000
summary Bankers may build
boundary
filename a.yaml
\t    - team: bankers
0000000000000000000000000000000000000000 8 8 1
author Not Committed Yet
author-time 1767225600
summary Version of a.yaml from a.yaml
filename a.yaml
\t    - team: tellers
";
        let file = Arc::from("a.yaml");
        let commits = parse(text, &file);
        assert_eq!(commits.len(), 1);
        let commit = &commits[&(file, 7)];
        assert_eq!((commit.author.as_str(), commit.summary.as_str()), ("Jane Doe", "Bankers may build"));
        assert!(commit.is_oldest);
        assert_eq!(commit.at.to_string(), "2026-01-01T00:00:00Z");
    }
}
