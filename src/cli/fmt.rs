//! `fmt`: manifests in one layout. Only blanks change, and only in documents that are manifests.

use super::rewrite::rewrite;
use super::{CliError, Exit, Output};
use crate::facts::count;
use crate::manifest::Severity;
use crate::manifest::format::{Formatted, format};
use crate::manifest::load::{self, Input, STDIN};
use clap::Args;
use std::path::Path;
use std::sync::Arc;

/// Format manifests.
#[derive(Debug, Args)]
pub(super) struct FmtArgs {
    /// Files, folders (all .yaml and .yml below them), or - for standard input, which is printed formatted
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<String>,
    /// Write nothing, list the files that are not formatted, and exit with 2 if there are any
    #[arg(long)]
    check: bool,
}

/// Formats every file, and prints the names of those that change.
pub(super) fn run(args: &FmtArgs, output: &Output) -> Result<Exit, CliError> {
    let loaded = load::load(&args.paths, std::io::stdin().lock());
    for finding in &loaded.findings {
        output.warn(format_args!("{}: {}: {}", severity(finding.severity), finding.spot, finding.message));
    }
    let formatted = all(&loaded.inputs);
    let (mut changed, mut is_open) = (0, false);
    let is_all = loaded.findings.is_empty() && formatted.iter().all(|formatted| formatted.left.is_empty());
    for (input, Formatted { text, left }) in loaded.inputs.iter().zip(&formatted) {
        let shown = input.path.strip_prefix("./").unwrap_or(&input.path);
        for line in left {
            output.warn(format_args!(
                "warning: {shown}:{line}: left as it is: anchors, brackets around the document or a block scalar with an indentation of its own"
            ));
        }
        if input.path == STDIN && !args.check {
            let whole = String::from_utf8_lossy(&input.bytes);
            output.raw(text.as_deref().unwrap_or(&whole));
            continue;
        }
        let Some(text) = text else { continue };
        changed += 1;
        is_open |= args.check;
        output.result(&format!("{shown}\n"));
        if !args.check {
            rewrite(Path::new(&input.path), true, Some(text))
                .map_err(|source| CliError::Write { path: shown.to_owned(), source })?;
        }
    }
    let is_unread = loaded.findings.iter().any(|finding| finding.severity == Severity::Error);
    let files = count(changed, "file");
    match (changed, args.check) {
        (0, _) if is_all => output.note("every file is formatted"),
        (0, _) if loaded.inputs.is_empty() => {}
        (0, _) => output.note("everything else is formatted"),
        (_, true) => output.note(format_args!("{files} not formatted; koreconcile fmt writes them")),
        (_, false) => output.note(format_args!("{files} formatted")),
    }
    Ok(match (is_unread, is_open) {
        (true, _) => Exit::Invalid,
        (false, true) => Exit::Changes,
        (false, false) => Exit::Done,
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// All files, on all cores; what is not UTF-8 is not ours.
fn all(inputs: &[Input]) -> Vec<Formatted> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    let size = inputs.len().div_ceil(threads).max(1);
    let one = |input: &Input| {
        let file: Arc<str> = Arc::from(input.path.as_str());
        std::str::from_utf8(&input.bytes).map(|text| format(&file, text)).unwrap_or_default()
    };
    std::thread::scope(|scope| {
        let work: Vec<_> = inputs
            .chunks(size)
            .map(|part| scope.spawn(move || part.iter().map(one).collect::<Vec<_>>()))
            .collect();
        work.into_iter()
            .flat_map(|work| work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
