//! `owners codeowners`: the owners of areas as lines of the forge's CODEOWNERS, in a block of its own; what else is in the
//! file stays.

use super::inputs::Inputs;
use super::rewrite::rewrite;
use super::{CliError, Exit, Output, revision};
use crate::manifest::kinds::{KoreAreaSpec, Spec};
use crate::manifest::{Compiled, Manifests, sources};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::path::{Component, Path, PathBuf};

const BEGIN: &str =
    "# BEGIN koreconcile: areas (written by `koreconcile owners codeowners`; edit the KoreAreas instead)";
const END: &str = "# END koreconcile";
/// How the first line is found again, whatever stands behind it.
const BEGINS: &str = "# BEGIN koreconcile";
/// Where forges look, in the order in which an existing file is chosen.
const PLACES: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// Write who owns the areas of an account.
#[derive(Debug, Args)]
pub(super) struct OwnersArgs {
    #[command(subcommand)]
    what: Owners,
}

#[derive(Debug, Subcommand)]
enum Owners {
    /// Write the owners of the areas' paths into CODEOWNERS, in a block of its own
    Codeowners(CodeownersArgs),
}

#[derive(Debug, Args)]
struct CodeownersArgs {
    #[command(flatten)]
    inputs: Inputs,
    /// The file to write [default: the CODEOWNERS that is there, else CODEOWNERS at the top of the repository]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write nothing, and exit with 2 if the block is not what the areas say
    #[arg(long)]
    check: bool,
}

/// Why CODEOWNERS cannot say what the areas say.
#[derive(Debug, thiserror::Error)]
pub enum OwnersError {
    /// The manifests are from standard input.
    #[error(
        "paths of areas are relative to the file of the account, and there is none\n  give the folder of the manifests instead of -"
    )]
    NoFile,
    /// A sign that CODEOWNERS does not know.
    #[error(
        "{area}: CODEOWNERS cannot say {path}: it knows *, ** and ?, and no other sign\n  write the path without brackets and braces, in several lines"
    )]
    Sign {
        /// Which area.
        area: String,
        /// Which path.
        path: String,
    },
    /// A path that leaves the repository.
    #[error("{area}: {path} is outside the repository {top}\n  write a path inside it")]
    Outside {
        /// Which area.
        area: String,
        /// Which path.
        path: String,
        /// The repository.
        top: String,
    },
    /// A block without an end, or two of them.
    #[error(
        "{file}: the block of koreconcile has no end, or there are two: line {line}\n  delete the lines of the block, and run again"
    )]
    Block {
        /// The file.
        file: String,
        /// Where it begins.
        line: usize,
    },
}

/// Writes the block, or checks it.
pub(super) fn run(args: &OwnersArgs, output: &Output) -> Result<Exit, CliError> {
    let Owners::Codeowners(args) = &args.what;
    let (manifests, compiled) = args.inputs.compile_all(false, Timestamp::now(), output)?;
    let account = compiled.account.file.as_ref().filter(|file| ***file != *crate::manifest::load::STDIN);
    let folder = revision::folder_of(Path::new(&**account.ok_or(OwnersError::NoFile)?)).to_path_buf();
    let folder = folder.canonicalize().unwrap_or(folder);
    let top = revision::line(&folder, &["rev-parse", "--show-toplevel"]).map_or_else(
        || folder.clone(),
        |top| PathBuf::from(&top).canonicalize().unwrap_or(PathBuf::from(top)),
    );
    let block = block(&manifests, &compiled, &folder, &top)?;
    let file = args.file.clone().unwrap_or_else(|| {
        let present = PLACES.iter().map(|place| top.join(place)).find(|file| file.is_file());
        present.unwrap_or_else(|| top.join("CODEOWNERS"))
    });
    let shown = file.strip_prefix(&top).unwrap_or(&file).display().to_string();
    let before = match std::fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(source) => return Err(CliError::File { path: shown, source }),
    };
    let after = with_block(before.as_deref().unwrap_or_default(), &block)
        .map_err(|line| OwnersError::Block { file: shown.clone(), line })?;
    if after == before.as_deref().unwrap_or_default() {
        output.note(format_args!("{shown} is fresh"));
        return Ok(Exit::Done);
    }
    if args.check {
        output.warn(format_args!(
            "{shown} is not what the areas say\n  write it with: koreconcile owners codeowners"
        ));
        return Ok(Exit::Changes);
    }
    let text = (!after.is_empty()).then_some(after.as_str());
    rewrite(&file, before.is_some(), text)
        .map_err(|source| CliError::Write { path: shown.clone(), source })?;
    output.note(format_args!("{shown} written"));
    Ok(Exit::Done)
}

/// A line for each path of each area, by the names of the areas.
fn block(
    manifests: &Manifests,
    compiled: &Compiled,
    folder: &Path,
    top: &Path,
) -> Result<Vec<String>, OwnersError> {
    let mut areas: Vec<(&str, &KoreAreaSpec)> = manifests
        .all()
        .iter()
        .filter(|manifest| compiled.policy.areas.iter().any(|area| area.source == manifest.source("")))
        .filter_map(|manifest| match &manifest.spec {
            Spec::Area(spec) => Some((&*manifest.name, &**spec)),
            _ => None,
        })
        .collect();
    areas.sort_by_key(|(name, _)| *name);
    let mut lines = Vec::new();
    for (name, spec) in areas {
        for path in &spec.paths {
            lines.push(format!("{} {}", pattern(name, path, folder, top)?, spec.owners.join(" ")));
        }
    }
    Ok(lines)
}

/// A path of an area as CODEOWNERS writes it, from the top of the repository.
fn pattern(area: &str, path: &str, folder: &Path, top: &Path) -> Result<String, OwnersError> {
    if path.contains(['[', ']', '{', '}']) {
        return Err(OwnersError::Sign { area: area.to_owned(), path: path.to_owned() });
    }
    let (base, below) = sources::split(path);
    let mut real = PathBuf::new();
    for part in folder.join(base).components() {
        match part {
            Component::ParentDir => {
                real.pop();
            }
            Component::CurDir => {}
            part => real.push(part),
        }
    }
    let outside = || OwnersError::Outside {
        area: area.to_owned(),
        path: path.to_owned(),
        top: top.display().to_string(),
    };
    let inside = real.strip_prefix(top).map_err(|_| outside())?;
    let parts = inside.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let mut written: String = parts.map(|part| format!("/{part}")).collect();
    if !below.is_empty() {
        written = format!("{written}/{below}");
    } else if written.is_empty() || real.is_dir() {
        written.push('/');
    }
    // A blank ends a pattern.
    Ok(written.replace(' ', "\\ "))
}

/// The text with these lines in the block; without lines, without the block. An error is the line of a broken block.
fn with_block(text: &str, lines: &[String]) -> Result<String, usize> {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let all: Vec<&str> = text.lines().collect();
    let begins: Vec<usize> =
        all.iter().enumerate().filter(|(_, line)| line.starts_with(BEGINS)).map(|(at, _)| at).collect();
    let ends: Vec<usize> =
        all.iter().enumerate().filter(|(_, line)| line.trim_end() == END).map(|(at, _)| at).collect();
    let (before, after): (&[&str], &[&str]) = match (begins.as_slice(), ends.as_slice()) {
        ([], []) => (&all, &[]),
        ([begin], [end]) if begin < end => (&all[..*begin], &all[end + 1..]),
        ([begin, ..], _) | (_, [begin, ..]) => return Err(begin + 1),
    };
    let mut written: Vec<&str> = before.to_vec();
    if !lines.is_empty() {
        if begins.is_empty() && before.last().is_some_and(|line| !line.trim().is_empty()) {
            written.push("");
        }
        written.push(BEGIN);
        written.extend(lines.iter().map(String::as_str));
        written.push(END);
    } else if begins.is_empty() {
        return Ok(text.to_owned());
    }
    written.extend(after);
    while lines.is_empty() && written.last().is_some_and(|line| line.is_empty()) {
        written.pop();
    }
    Ok(written.into_iter().map(|line| format!("{line}{ending}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_block_is_replaced_and_the_rest_stays() {
        let text = "# ours\n* @all\n";
        let one = with_block(text, &lines(&["/a/ @a"])).unwrap();
        assert_eq!(one, format!("# ours\n* @all\n\n{BEGIN}\n/a/ @a\n{END}\n"));
        assert_eq!(with_block(&one, &lines(&["/a/ @a"])).unwrap(), one, "and again");
        let two = with_block(&format!("{one}/z/ @z\n"), &lines(&["/a/ @b", "/c/ @c"])).unwrap();
        assert_eq!(two, format!("# ours\n* @all\n\n{BEGIN}\n/a/ @b\n/c/ @c\n{END}\n/z/ @z\n"));
        assert_eq!(with_block(&one, &[]).unwrap(), text);
        assert_eq!(with_block(text, &[]).unwrap(), text);
        assert_eq!(with_block("", &lines(&["/a/ @a"])).unwrap(), format!("{BEGIN}\n/a/ @a\n{END}\n"));
        let windows = with_block("* @all\r\n", &lines(&["/a/ @a"])).unwrap();
        assert_eq!(windows.matches("\r\n").count(), windows.matches('\n').count());
    }

    #[test]
    fn a_broken_block_is_named_by_its_line() {
        for (text, line) in [
            (format!("a\n{BEGIN}\n/a @a\n"), 2),
            (format!("{END}\n"), 1),
            (format!("{END}\n{BEGIN}\n"), 2),
            (format!("{BEGIN}\n{END}\n{BEGIN}\n{END}\n"), 1),
        ] {
            assert_eq!(with_block(&text, &[]), Err(line), "{text}");
        }
    }

    #[test]
    fn paths_start_at_the_top_of_the_repository() {
        let (folder, top) = (Path::new("/srv/repo/kore"), Path::new("/srv/repo"));
        for (path, written) in [
            ("access/banking/**", "/kore/access/banking/**"),
            ("access/*/a?.yaml", "/kore/access/*/a?.yaml"),
            ("../teams/all hands.yaml", "/teams/all\\ hands.yaml"),
        ] {
            assert_eq!(pattern("a", path, folder, top).unwrap(), written);
        }
        let said = |path: &str| pattern("banking", path, folder, top).unwrap_err().to_string();
        assert!(said("{a,b}/**").contains("CODEOWNERS cannot say {a,b}/**"));
        assert!(said("../../else/**").contains("is outside the repository /srv/repo"));
    }
}
