//! The files of a commit as a checkout of it shows them: links lead to what they point at, and submodules have their
//! files.
//!
//! Only objects that are there are read. What a link finds outside the repository has no history, and a submodule
//! whose commit is not there has no files.

use super::base::BaseError;
use super::git;
use crate::manifest::Input;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

/// Links to links to links: more steps than this end it, as on disk.
const MOST_STEPS: usize = 40;
/// Most files that links may add; a link to a folder above its own would add them without end.
const MOST_LINKED: usize = 100_000;

/// A file of a commit.
#[derive(Clone)]
pub(super) struct Blob {
    /// From the top of the repository, through links.
    pub path: String,
    /// The same without links.
    pub real: String,
    object: String,
    repository: Arc<Path>,
}

/// Every file of a commit, by path.
pub(super) fn list(top: &Path, commit: &str) -> Result<Vec<Blob>, BaseError> {
    let mut files = BTreeMap::new();
    let mut links = BTreeMap::new();
    add(&Arc::from(top), commit, "", &mut files, &mut links)?;
    follow(&mut files, &links);
    Ok(files.into_values().collect())
}

/// The files and links of one repository, below the path it has in the outermost one.
fn add(
    top: &Arc<Path>,
    commit: &str,
    below: &str,
    files: &mut BTreeMap<String, Blob>,
    links: &mut BTreeMap<String, String>,
) -> Result<(), BaseError> {
    let listed = ask(top, &["ls-tree", "-r", "-z", "--full-tree", commit])?;
    let mut found = Vec::new();
    for entry in listed.split('\0') {
        let Some((about, path)) = entry.split_once('\t') else { continue };
        let mut about = about.split(' ');
        let (Some(mode), Some(_), Some(object)) = (about.next(), about.next(), about.next()) else {
            continue;
        };
        let inner = path;
        let path = format!("{below}{path}");
        match mode {
            "120000" => found.push(Blob {
                real: path.clone(),
                path,
                object: object.to_owned(),
                repository: Arc::clone(top),
            }),
            "160000" => {
                let module: Arc<Path> = Arc::from(top.join(inner));
                let is_there = module.join(".git").exists()
                    && ask(&module, &["cat-file", "-e", &format!("{object}^{{commit}}")]).is_ok();
                if is_there {
                    add(&module, object, &format!("{path}/"), files, links)?;
                }
            }
            _ => {
                let blob = Blob {
                    real: path.clone(),
                    path: path.clone(),
                    object: object.to_owned(),
                    repository: Arc::clone(top),
                };
                files.insert(path, blob);
            }
        }
    }
    let found: Vec<&Blob> = found.iter().collect();
    for (link, target) in found.iter().zip(contents(&found)?) {
        if let Ok(target) = String::from_utf8(target.bytes) {
            links.insert(link.path.clone(), target);
        }
    }
    Ok(())
}

/// Adds what links lead to, under the names it has through them.
fn follow(files: &mut BTreeMap<String, Blob>, links: &BTreeMap<String, String>) {
    let real: Vec<Blob> = files.values().cloned().collect();
    let mut open: Vec<(String, BTreeSet<String>)> =
        links.keys().map(|link| (link.clone(), BTreeSet::new())).collect();
    let mut added = 0;
    while let Some((name, mut above)) = open.pop() {
        let Some(target) = resolve(&name, links) else { continue };
        // A link that leads back to a folder it was reached through has nothing new.
        if is_within(&name, &target) || !above.insert(target.clone()) {
            continue;
        }
        for blob in real.iter().filter(|blob| is_within(&blob.real, &target)) {
            let path = format!("{name}{}", &blob.real[target.len()..]);
            added += 1;
            if added > MOST_LINKED {
                return;
            }
            files.entry(path.clone()).or_insert_with(|| Blob { path, ..blob.clone() });
        }
        let inner = links.keys().filter(|link| is_within(link, &target) && **link != target);
        open.extend(inner.map(|link| (format!("{name}{}", &link[target.len()..]), above.clone())));
    }
}

fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where a path leads, without any link in it; `None` outside the repository and in circles.
fn resolve(path: &str, links: &BTreeMap<String, String>) -> Option<String> {
    let mut open: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut done: Vec<String> = Vec::new();
    let mut steps = 0;
    while let Some(part) = open.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                done.pop()?;
                continue;
            }
            _ => done.push(part),
        }
        if let Some(target) = links.get(&done.join("/")) {
            steps += 1;
            if target.starts_with('/') || steps > MOST_STEPS {
                return None;
            }
            done.pop();
            open.extend(target.trim_end().split('/').rev().map(str::to_owned));
        }
    }
    Some(done.join("/"))
}

/// What is in the files, through one `git cat-file` for each repository.
pub(super) fn contents(blobs: &[&Blob]) -> Result<Vec<Input>, BaseError> {
    let mut by_repository: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (at, blob) in blobs.iter().enumerate() {
        by_repository.entry(&blob.repository).or_default().push(at);
    }
    let mut inputs: Vec<Option<Input>> = vec![None; blobs.len()];
    for (repository, places) in by_repository {
        let asked: Vec<&Blob> = places.iter().map(|at| blobs[*at]).collect();
        for (at, input) in places.into_iter().zip(read(repository, &asked)?) {
            inputs[at] = Some(input);
        }
    }
    Ok(inputs.into_iter().flatten().collect())
}

fn read(repository: &Path, blobs: &[&Blob]) -> Result<Vec<Input>, BaseError> {
    let failed = |said: String| BaseError::Git { command: "cat-file --batch".to_owned(), said };
    let lost = |error: std::io::Error| failed(error.to_string());
    let mut child = git::command(repository)
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

/// What a command of git prints.
pub(super) fn ask(folder: &Path, arguments: &[&str]) -> Result<String, BaseError> {
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

    fn names(files: &[&str], links: &[(&str, &str)]) -> Vec<String> {
        let repository: Arc<Path> = Arc::from(Path::new("/r"));
        let blob = |path: &str| Blob {
            path: path.to_owned(),
            real: path.to_owned(),
            object: String::new(),
            repository: Arc::clone(&repository),
        };
        let mut all = files.iter().map(|path| ((*path).to_owned(), blob(path))).collect();
        follow(&mut all, &links.iter().map(|(link, to)| ((*link).to_owned(), (*to).to_owned())).collect());
        all.into_values().map(|blob| format!("{} = {}", blob.path, blob.real)).collect()
    }

    #[test]
    fn links_lead_to_files_and_folders_as_on_disk() {
        assert_eq!(names(&["a/x"], &[("b", "a/x")]), ["a/x = a/x", "b = a/x"]);
        assert_eq!(names(&["a/x"], &[("d/b", "../a")]), ["a/x = a/x", "d/b/x = a/x"]);
        assert_eq!(names(&["a/x"], &[("b", "c"), ("c", "a")]), ["a/x = a/x", "b/x = a/x", "c/x = a/x"]);
        assert_eq!(
            names(&["a/x", "e/y"], &[("a/l", "../e"), ("b", "a")]),
            ["a/l/y = e/y", "a/x = a/x", "b/l/y = e/y", "b/x = a/x", "e/y = e/y"]
        );
    }

    #[test]
    fn links_out_of_the_repository_to_nothing_and_in_circles_add_nothing() {
        for links in [
            [("b", "/etc/x")],
            [("b", "../x")],
            [("b", "nowhere")],
            [("b", "b")],
            [("a/l", ".")],
            [("a/l", "..")],
        ] {
            assert_eq!(names(&["a/x"], &links), ["a/x = a/x"], "{links:?}");
        }
        assert_eq!(names(&["a/x"], &[("b", "c"), ("c", "b")]), ["a/x = a/x"]);
    }
}
