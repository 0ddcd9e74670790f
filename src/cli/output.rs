//! Where a verb speaks: results on stdout, everything else on stderr.

use super::CliError;
use crate::facts::{visible_json, visible_lines};
use crate::kore::replace_file;
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::OnceLock;

/// Why a result did not reach stdout. There is one stdout, and the first reason counts.
static BROKEN: OnceLock<io::Error> = OnceLock::new();

/// Writes a result. A reader that has gone away has what it wanted; anything else is kept for [`written`].
pub(super) fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    keep(printed);
}

/// Keeps why something was not written.
pub(super) fn keep(printed: io::Result<()>) {
    if let Err(error) = printed
        && error.kind() != ErrorKind::BrokenPipe
    {
        let _ = BROKEN.set(error);
    }
}

/// Writes a result to a file: all of it or nothing. A pipe or a device takes it as it comes.
pub(super) fn store(path: &Path, content: &[u8]) -> io::Result<()> {
    match path.metadata() {
        Ok(there) if !there.is_file() => {
            std::fs::OpenOptions::new().write(true).open(path)?.write_all(content)
        }
        // What a link leads to is replaced, not the link.
        Ok(_) => replace_file(&path.canonicalize()?, content),
        Err(_) => replace_file(path, content),
    }
}

/// Whether every result so far was written.
pub(super) fn written() -> Result<(), CliError> {
    match BROKEN.get() {
        None => Ok(()),
        Some(error) => Err(CliError::Stdout(error.to_string())),
    }
}

/// How much is printed, and in which colours.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// No notes, no progress.
    pub quiet: bool,
    /// How much more than usual.
    pub verbose: u8,
    /// ANSI colours on stdout.
    pub color: bool,
    /// ANSI colours on stderr.
    pub color_stderr: bool,
}

impl Output {
    /// As the flags say.
    pub fn new(quiet: bool, verbose: u8, [color, color_stderr]: [bool; 2]) -> Self {
        Self { quiet, verbose, color, color_stderr }
    }

    /// A result as text. A reader that has gone away is no error; whether it was written otherwise, [`Self::written`]
    /// tells. With colours, whoever made the text has made its parts visible.
    pub fn result(&self, text: &str) {
        if self.color {
            print(text);
        } else {
            print(&visible_lines(text));
        }
    }

    /// A result as JSON.
    #[allow(clippy::unused_self, reason = "all output goes through one value")]
    pub fn json(&self, text: &str) {
        print(&visible_json(text));
    }

    /// A result of our own text alone.
    #[allow(clippy::unused_self, reason = "all output goes through one value")]
    pub fn raw(&self, text: &str) {
        print(text);
    }

    /// Whether every result so far was written.
    ///
    /// # Errors
    /// When stdout takes no more, as on a full disk.
    #[allow(clippy::unused_self, reason = "all output goes through one value")]
    pub fn written(&self) -> Result<(), CliError> {
        written()
    }

    /// A note.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// A warning, printed with `--quiet` too.
    pub fn warn(&self, text: impl Display) {
        self.styled(visible_lines(&text.to_string()));
    }

    /// The same with colours in it: whoever made the text has made its parts visible.
    #[allow(clippy::unused_self, reason = "all output goes through one value")]
    pub fn styled(&self, text: impl Display) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Why the verb ended.
    pub fn error(&self, error: impl Display) {
        let tag = if self.color_stderr { "\u{1b}[31merror:\u{1b}[0m" } else { "error:" };
        self.styled(format_args!("{tag} {}", visible_lines(&error.to_string())));
    }

    /// Whether progress can move on one line.
    pub fn is_live(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}
